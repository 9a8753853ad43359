/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib-unix.h>

#include "error.h"
#include "text.h"

#define REQUEST_MAX 8192 /* octets, with the newline */
#define CLIENTS_MAX 32
#define CLIENT_LIMIT_MS 5000
#define PAUSE_MS 200

struct Control {
	int fd;
	guint source; /* accepts clients, or takes that up again after a pause */
	char *path;
	struct stat file; /* ours at @path */
	ControlHandler handler;
	void *user_data;
	const ControlTexts *texts; /* NULL: there are none */
	GPtrArray *clients;	   /* of ControlClient */
};

struct ControlClient {
	Control *control;
	int fd;
	guint source; /* reads the request, then writes the answer */
	guint timer;
	char request[REQUEST_MAX];
	size_t request_len;
	bool awaits_text;
	GString *answer;
	size_t sent;
};

static void client_free(gpointer data)
{
	ControlClient *client = data;

	if (client->awaits_text)
		client->control->texts->cancel(client, client->control->user_data);
	if (client->source)
		g_source_remove(client->source);
	if (client->timer)
		g_source_remove(client->timer);
	close(client->fd);
	g_string_free(client->answer, TRUE);
	g_free(client);
}

/* Ends a client from within its own source, which goes with the return value. */
static gboolean finish(ControlClient *client, guint *source)
{
	*source = 0;
	g_ptr_array_remove_fast(client->control->clients, client);
	return G_SOURCE_REMOVE;
}

static gboolean on_time_out(gpointer user_data)
{
	ControlClient *client = user_data;

	return finish(client, &client->timer);
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer user_data)
{
	ControlClient *client = user_data;
	ssize_t sent = send(fd, client->answer->str + client->sent,
			    client->answer->len - client->sent, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (sent < 0)
		return finish(client, &client->source);
	client->sent += (size_t)sent;
	return client->sent < client->answer->len ? G_SOURCE_CONTINUE :
						    finish(client, &client->source);
}

static int append(const char *text, size_t len, void *user_data)
{
	g_string_append_len(user_data, text, (gssize)len);
	return 0;
}

/* One line. Takes over @document. */
static void append_document(ControlClient *client, json_t *document)
{
	(void)json_dump_callback(document, append, client->answer, JSON_COMPACT);
	g_string_append_c(client->answer, '\n');
	json_decref(document);
}

void control_answer_text(ControlClient *client, const char *type, GBytes *text)
{
	gsize len;
	const char *octets = g_bytes_get_data(text, &len);

	client->awaits_text = false;
	append_document(client, json_pack("{s:i, s:s, s:I}", "schema", 1, "type", type, "octets",
					  (json_int_t)len));
	g_string_append_len(client->answer, octets, (gssize)len);
	client->source = g_unix_fd_add(client->fd, G_IO_OUT, on_writable, client);
}

/* From the main loop. Takes over @document. */
static gboolean answer(ControlClient *client, json_t *document)
{
	append_document(client, document);
	client->source = g_unix_fd_add(client->fd, G_IO_OUT, on_writable, client);
	return G_SOURCE_REMOVE;
}

static gboolean answer_error(ControlClient *client, const char *reason)
{
	g_autofree char *text = text_escape(reason);

	return answer(client, json_pack("{s:s}", "error", text));
}

/* The answer may come at once. Meanwhile nothing is read. */
static bool begins_text(ControlClient *client, const char *request)
{
	const Control *control = client->control;

	if (!control->texts)
		return false;
	client->source = 0;
	client->awaits_text = true;
	if (control->texts->begin(request, client, control->user_data))
		return true;
	client->awaits_text = false;
	return false;
}

static gboolean answer_request(ControlClient *client, const char *request)
{
	g_autofree char *reason = NULL;
	json_t *document;

	if (begins_text(client, request))
		return G_SOURCE_REMOVE;
	document = client->control->handler(request, client->control->user_data);
	if (document)
		return answer(client, document);
	reason = g_strdup_printf("unknown request: %s", request);
	return answer_error(client, reason);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
	ControlClient *client = user_data;
	ssize_t received = recv(fd, client->request + client->request_len,
				REQUEST_MAX - client->request_len, 0);
	char *end;

	if (received < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (received <= 0)
		return finish(client, &client->source);
	client->request_len += (size_t)received;
	end = memchr(client->request, '\n', client->request_len);
	if (!end)
		return client->request_len < REQUEST_MAX ?
			       G_SOURCE_CONTINUE :
			       answer_error(client, "the request is too long");
	*end = '\0';
	return answer_request(client, client->request);
}

static void client_new(Control *control, int fd)
{
	ControlClient *client = g_new0(ControlClient, 1);

	client->control = control;
	client->fd = fd;
	client->answer = g_string_new(NULL);
	client->source = g_unix_fd_add(fd, G_IO_IN, on_readable, client);
	client->timer = g_timeout_add(CLIENT_LIMIT_MS, on_time_out, client);
	g_ptr_array_add(control->clients, client);
}

static void resume(Control *control);

static gboolean on_paused(gpointer user_data)
{
	resume(user_data);
	return G_SOURCE_REMOVE;
}

/* Who comes meanwhile waits in the kernel. */
static gboolean pause_accepting(Control *control)
{
	control->source = g_timeout_add(PAUSE_MS, on_paused, control);
	return G_SOURCE_REMOVE;
}

static gboolean on_connection(gint fd, GIOCondition condition, gpointer user_data)
{
	Control *control = user_data;
	int client_fd;

	if (control->clients->len >= CLIENTS_MAX)
		return pause_accepting(control);
	client_fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (client_fd >= 0) {
		client_new(control, client_fd);
		return G_SOURCE_CONTINUE;
	}
	/* Without descriptors or memory the socket would be readable on and on. */
	return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED ?
		       G_SOURCE_CONTINUE :
		       pause_accepting(control);
}

static void resume(Control *control)
{
	control->source = g_unix_fd_add(control->fd, G_IO_IN, on_connection, control);
}

bool control_address(struct sockaddr_un *address, const char *path, GError **error)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (g_strlcpy(address->sun_path, path, sizeof(address->sun_path)) <
	    sizeof(address->sun_path))
		return true;
	error_from_errno(error, ENAMETOOLONG, "%s", path);
	return false;
}

/* The mode is right from the first moment. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0117);
	int result = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	int bind_errno = errno;

	umask(mask);
	errno = bind_errno;
	return result;
}

static bool is_answered(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		       errno == ECONNREFUSED;

	close(fd);
	return !refused;
}

/* Whoever is here holds the lock of `run`, so nobody else replaces the socket meanwhile. */
static bool remove_stale(const struct sockaddr_un *address, GError **error)
{
	struct stat file;

	if (lstat(address->sun_path, &file) < 0) {
		error_from_errno(error, errno, "%s", address->sun_path);
		return false;
	}
	if (!S_ISSOCK(file.st_mode)) {
		error_set(error, "%s: is in the way and not a socket", address->sun_path);
		return false;
	}
	if (is_answered(address)) {
		error_set(error, "%s: another agent answers there", address->sun_path);
		return false;
	}
	if (unlink(address->sun_path) < 0) {
		error_from_errno(error, errno, "%s", address->sun_path);
		return false;
	}
	return true;
}

static bool bind_to(int fd, const struct sockaddr_un *address, GError **error)
{
	if (!bind_private(fd, address))
		return true;
	if (errno == EADDRINUSE) {
		if (!remove_stale(address, error))
			return false;
		if (!bind_private(fd, address))
			return true;
	}
	error_from_errno(error, errno, "%s", address->sun_path);
	return false;
}

static bool listen_at(Control *control, GError **error)
{
	struct sockaddr_un address;

	if (!control_address(&address, control->path, error))
		return false;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (control->fd < 0) {
		error_from_errno(error, errno, "control socket");
		return false;
	}
	if (!bind_to(control->fd, &address, error))
		return false;
	if (lstat(control->path, &control->file) < 0 || listen(control->fd, CLIENTS_MAX) < 0) {
		error_from_errno(error, errno, "%s", control->path);
		return false;
	}
	return true;
}

Control *control_new(const char *path, ControlHandler handler, void *user_data, GError **error)
{
	g_autoptr(Control) control = g_new0(Control, 1);

	control->fd = -1;
	control->path = g_strdup(path);
	control->handler = handler;
	control->user_data = user_data;
	control->clients = g_ptr_array_new_with_free_func(client_free);
	if (!listen_at(control, error))
		return NULL;
	resume(control);
	return g_steal_pointer(&control);
}

void control_set_texts(Control *control, const ControlTexts *texts)
{
	control->texts = texts;
}

static void remove_own_socket(const Control *control)
{
	struct stat file;

	if (lstat(control->path, &file) == 0 && file.st_dev == control->file.st_dev &&
	    file.st_ino == control->file.st_ino)
		(void)unlink(control->path);
}

void control_free(Control *control)
{
	if (!control)
		return;
	if (control->source)
		g_source_remove(control->source);
	g_ptr_array_unref(control->clients);
	remove_own_socket(control);
	if (control->fd >= 0)
		close(control->fd);
	g_free(control->path);
	g_free(control);
}
