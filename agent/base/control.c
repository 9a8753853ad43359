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
#include "priority.h"
#include "text.h"

#define REQUEST_MAX 8192 /* octets, with the newline */
#define CLIENTS_MAX 32
#define CLIENT_LIMIT_MS 5000
#define PAUSE_MS 200
#define SIGN_OF_LIFE_MS 1000

struct Control {
	int fd;
	guint source; /* accepts clients, or takes that up again after a pause */
	char *path;
	struct stat file; /* ours at @path */
	ControlHandler handler;
	void *user_data;
	const ControlTexts *texts; /* NULL: there are none */
	const ControlParts *parts; /* the same; the last has no is_for */
	unsigned int limit_ms;
	GPtrArray *clients;	      /* of ControlClient */
	const ControlClient *handled; /* whose request the handler has; NULL: it has none */
	GQueue *waiting;	      /* of those: whose turn it is not yet */
	unsigned int parted;	      /* how many answers are in the making in parts */
};

struct ControlClient {
	Control *control;
	int fd;
	guint source; /* reads the request, then writes the answer */
	guint timer;  /* ends the client, or while it waits gives a sign of life */
	char request[REQUEST_MAX];
	size_t request_len;
	bool awaits_text;
	GQueue *answer;		  /* of GBytes, what is to be sent, ... */
	size_t sent;		  /* ... so many octets of the first less */
	const ControlParts *kind; /* NULL: it is no answer in parts */
	void *parts;		  /* makes what is behind it; NULL: that is all */
};

static void end_parts(ControlClient *client)
{
	if (!client->parts)
		return;
	client->kind->free(g_steal_pointer(&client->parts));
	client->control->parted--;
}

static void client_free(gpointer data)
{
	ControlClient *client = data;

	if (client->awaits_text)
		client->control->texts->cancel(client, client->control->user_data);
	g_queue_remove(client->control->waiting, client);
	end_parts(client);
	g_clear_handle_id(&client->source, g_source_remove);
	g_clear_handle_id(&client->timer, g_source_remove);
	close(client->fd);
	g_queue_free_full(client->answer, (GDestroyNotify)g_bytes_unref);
	g_free(client);
}

static void give_turns(Control *control);

/* Ends a client from within its own source, which goes with the return value. */
static gboolean finish(ControlClient *client, guint *source)
{
	Control *control = client->control;

	*source = 0;
	g_ptr_array_remove_fast(control->clients, client);
	give_turns(control);
	return G_SOURCE_REMOVE;
}

static gboolean on_time_out(gpointer user_data)
{
	ControlClient *client = user_data;

	return finish(client, &client->timer);
}

/* From now on. In turn with the sources that write, which were there before: who takes something in time is not ended
 * because we were late. */
static void limit(ControlClient *client)
{
	g_clear_handle_id(&client->timer, g_source_remove);
	client->timer = g_timeout_add_full(PRIORITY_SERVING, client->control->limit_ms, on_time_out,
					   client, NULL);
}

static gboolean on_sign_of_life(gpointer user_data)
{
	ControlClient *client = user_data;

	if (send(client->fd, " ", 1, MSG_NOSIGNAL) == 1 || errno == EAGAIN || errno == EINTR)
		return G_SOURCE_CONTINUE;
	return finish(client, &client->timer);
}

static void keep_waiting(ControlClient *client)
{
	g_clear_handle_id(&client->timer, g_source_remove);
	client->timer = g_timeout_add(SIGN_OF_LIFE_MS, on_sign_of_life, client);
}

static void make_part(ControlClient *client)
{
	GString *part = g_string_new(NULL);
	bool more = client->kind->step(client->parts, part);

	g_queue_push_tail(client->answer, g_string_free_to_bytes(part));
	if (more)
		return;
	end_parts(client);
	give_turns(client->control);
}

static bool is_answered(const ControlClient *client)
{
	return !client->parts && g_queue_is_empty(client->answer);
}

static void note_sent(ControlClient *client, size_t sent, size_t len)
{
	client->sent += sent;
	if (client->sent == len) {
		g_bytes_unref(g_queue_pop_head(client->answer));
		client->sent = 0;
	}
	limit(client);
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer user_data)
{
	ControlClient *client = user_data;
	const char *octets;
	ssize_t sent;
	gsize len;

	if (g_queue_is_empty(client->answer))
		make_part(client);
	octets = g_bytes_get_data(g_queue_peek_head(client->answer), &len);
	sent = send(fd, octets + client->sent, len - client->sent, MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (sent < 0)
		return finish(client, &client->source);
	note_sent(client, (size_t)sent, len);
	return is_answered(client) ? finish(client, &client->source) : G_SOURCE_CONTINUE;
}

static void send_answer(ControlClient *client, int priority)
{
	client->source =
		g_unix_fd_add_full(priority, client->fd, G_IO_OUT, on_writable, client, NULL);
	limit(client);
}

static int append(const char *text, size_t len, void *user_data)
{
	g_string_append_len(user_data, text, (gssize)len);
	return 0;
}

/* One line. Takes over @document. */
static void append_document(ControlClient *client, json_t *document)
{
	GString *line = g_string_new(NULL);

	(void)json_dump_callback(document, append, line, JSON_COMPACT);
	g_string_append_c(line, '\n');
	json_decref(document);
	g_queue_push_tail(client->answer, g_string_free_to_bytes(line));
}

void control_answer_text(ControlClient *client, const char *type, GBytes *text)
{
	gsize len = g_bytes_get_size(text);

	client->awaits_text = false;
	append_document(client, json_pack("{s:i, s:s, s:I}", "schema", 1, "type", type, "octets",
					  (json_int_t)len));
	if (len)
		g_queue_push_tail(client->answer, g_bytes_ref(text));
	send_answer(client, PRIORITY_SERVING);
}

/* Takes over @document. */
static void answer(ControlClient *client, json_t *document)
{
	append_document(client, document);
	send_answer(client, G_PRIORITY_DEFAULT);
}

json_t *control_error(const GError *error)
{
	g_autofree char *text = text_printable(error->message);
	json_t *document = json_pack("{s:s}", "error", text);

	if (error->code == EINVAL)
		json_object_set_new(document, "invalid", json_true());
	return document;
}

static void answer_error(ControlClient *client, const char *reason)
{
	g_autofree char *text = text_escape(reason);

	answer(client, json_pack("{s:s}", "error", text));
}

/* The answer may come at once. */
static bool begins_text(ControlClient *client)
{
	const Control *control = client->control;

	if (!control->texts)
		return false;
	keep_waiting(client);
	client->awaits_text = true;
	if (control->texts->begin(client->request, client, control->user_data))
		return true;
	client->awaits_text = false;
	return false;
}

static void begin_parts(ControlClient *client)
{
	Control *control = client->control;
	g_autoptr(GError) error = NULL;

	client->parts = client->kind->begin(client->request, control->user_data, &error);
	if (!client->parts) {
		answer(client, control_error(error));
		return;
	}
	control->parted++;
	send_answer(client, PRIORITY_SERVING);
}

/* As many as may be. */
static void give_turns(Control *control)
{
	while (control->parted < CONTROL_PARTED_MAX && !g_queue_is_empty(control->waiting))
		begin_parts(g_queue_pop_head(control->waiting));
}

static const ControlParts *find_kind(const ControlClient *client)
{
	const ControlParts *kind = client->control->parts;

	for (; kind && kind->is_for; kind++) {
		if (kind->is_for(client->request, client->control->user_data))
			return kind;
	}
	return NULL;
}

static bool awaits_turn(ControlClient *client)
{
	Control *control = client->control;

	client->kind = find_kind(client);
	if (!client->kind)
		return false;
	keep_waiting(client);
	g_queue_push_tail(control->waiting, client);
	give_turns(control);
	return true;
}

/* From here on nothing is read. */
static void answer_request(ControlClient *client)
{
	g_autofree char *reason = NULL;
	json_t *document;

	client->source = 0;
	if (begins_text(client) || awaits_turn(client))
		return;
	client->control->handled = client;
	document = client->control->handler(client->request, client->control->user_data);
	client->control->handled = NULL;
	if (document) {
		answer(client, document);
		return;
	}
	reason = g_strdup_printf("unknown request: %s", client->request);
	answer_error(client, reason);
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
	if (end) {
		*end = '\0';
		if (strlen(client->request) == (size_t)(end - client->request))
			answer_request(client);
		else
			answer_error(client, "there is a NUL in the request");
		return G_SOURCE_REMOVE;
	}
	if (client->request_len < REQUEST_MAX)
		return G_SOURCE_CONTINUE;
	answer_error(client, "the request is too long");
	return G_SOURCE_REMOVE;
}

static void client_new(Control *control, int fd)
{
	ControlClient *client = g_new0(ControlClient, 1);

	client->control = control;
	client->fd = fd;
	client->answer = g_queue_new();
	client->source = g_unix_fd_add(fd, G_IO_IN, on_readable, client);
	limit(client);
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

static bool is_served(const struct sockaddr_un *address)
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
	if (is_served(address)) {
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
	control->limit_ms = CLIENT_LIMIT_MS;
	control->clients = g_ptr_array_new_with_free_func(client_free);
	control->waiting = g_queue_new();
	if (!listen_at(control, error))
		return NULL;
	resume(control);
	return g_steal_pointer(&control);
}

void control_set_texts(Control *control, const ControlTexts *texts)
{
	control->texts = texts;
}

void control_set_parts(Control *control, const ControlParts *parts)
{
	control->parts = parts;
}

void control_set_limit(Control *control, unsigned int limit_ms)
{
	control->limit_ms = limit_ms;
}

char *control_requester(const Control *control)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(control->handled->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return g_strdup("somebody");
	return g_strdup_printf("user %u (process %d)", peer.uid, peer.pid);
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
	g_queue_free(control->waiting);
	remove_own_socket(control);
	if (control->fd >= 0)
		close(control->fd);
	g_free(control->path);
	g_free(control);
}
