/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib-unix.h>

#include "error.h"
#include "text.h"

#define REQUEST_MAX 8192 /* octets, with the newline */
#define CLIENTS_MAX 32
#define CLIENT_LIMIT_MS 5000
#define PAUSE_MS 200
#define ASK_LIMIT_S 10
#define ANSWER_MAX (1 << 30)
#define PART 65536

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

static bool address_of(const char *path, struct sockaddr_un *address, GError **error)
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

	if (!address_of(control->path, &address, error))
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

int control_connect(const char *path, int flags, GError **error)
{
	const struct timeval limit = { .tv_sec = ASK_LIMIT_S };
	struct sockaddr_un address;
	int fd;

	if (!address_of(path, &address, error))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		error_set(error, "no agent is running (%s: %s)", path, g_strerror(errno));
	else
		error_from_errno(error, errno, "%s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool set_ask_error(const char *path, int error_number, GError **error)
{
	if (error_number == EAGAIN)
		error_set(error, "%s: no answer within %d seconds", path, ASK_LIMIT_S);
	else
		error_from_errno(error, error_number, "%s", path);
	return false;
}

static bool send_request(int fd, const char *path, const char *request, GError **error)
{
	g_autofree char *line = g_strdup_printf("%s\n", request);
	size_t len = strlen(line);

	for (size_t done = 0; done < len;) {
		ssize_t sent = send(fd, line + done, len - done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return set_ask_error(path, errno, error);
		done += (size_t)sent;
	}
	return true;
}

/* Up to the newline, which ends every answer. */
static bool receive_line(int fd, const char *path, GString *line, GError **error)
{
	char part[PART];

	while (!line->len || line->str[line->len - 1] != '\n') {
		ssize_t received = recv(fd, part, sizeof(part), 0);

		if (received < 0 && errno == EINTR)
			continue;
		if (received < 0)
			return set_ask_error(path, errno, error);
		if (!received || line->len > ANSWER_MAX) {
			error_set(error, "%s: the agent broke off its answer", path);
			return false;
		}
		g_string_append_len(line, part, received);
	}
	return true;
}

/* Up to the end of the connection. */
static bool receive_all(int fd, const char *path, GString *all, GError **error)
{
	g_autofree char *part = g_malloc(PART);
	ssize_t received;

	do {
		received = recv(fd, part, PART, 0);
		if (received < 0 && errno != EINTR)
			return set_ask_error(path, errno, error);
		if (received > 0)
			g_string_append_len(all, part, received);
	} while (received && all->len <= ANSWER_MAX);
	return true;
}

json_t *control_read_answer(const GString *line, const char *path, GError **error)
{
	json_t *document = json_loadb(line->str, line->len, 0, NULL);
	const char *reason = json_string_value(json_object_get(document, "error"));

	if (json_is_object(document) && !reason)
		return document;
	error_set(error, "%s: %s", path, reason ? reason : "the answer is not a JSON document");
	json_decref(document);
	return NULL;
}

json_t *control_ask(const char *path, const char *request, GError **error)
{
	g_autoptr(GString) line = g_string_new(NULL);
	int fd = control_connect(path, 0, error);
	bool answered;

	if (fd < 0)
		return NULL;
	answered = send_request(fd, path, request, error) && receive_line(fd, path, line, error);
	close(fd);
	return answered ? control_read_answer(line, path, error) : NULL;
}

/* Behind the line in @all that is the document. */
static GBytes *text_in(const GString *all, const char *path, char **type, GError **error)
{
	const char *end = memchr(all->str, '\n', all->len);
	size_t head = end ? (size_t)(end - all->str) + 1 : all->len;
	g_autoptr(GString) line = g_string_new_len(all->str, (gssize)head);
	json_t *document = control_read_answer(line, path, error);
	GBytes *text = NULL;

	if (!document)
		return NULL;
	if (json_integer_value(json_object_get(document, "octets")) ==
	    (json_int_t)(all->len - head)) {
		*type = g_strdup(json_string_value(json_object_get(document, "type")));
		text = g_bytes_new(all->str + head, all->len - head);
	} else {
		error_set(error, "%s: the agent broke off its answer", path);
	}
	json_decref(document);
	return text;
}

GBytes *control_ask_text(const char *path, const char *request, char **type, GError **error)
{
	g_autoptr(GString) all = g_string_new(NULL);
	int fd = control_connect(path, 0, error);
	bool answered;

	if (fd < 0)
		return NULL;
	answered = send_request(fd, path, request, error) && receive_all(fd, path, all, error);
	close(fd);
	return answered ? text_in(all, path, type, error) : NULL;
}
