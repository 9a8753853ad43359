/* SPDX-License-Identifier: Apache-2.0 */
#include "control_ask.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "control.h"
#include "error.h"

#define ASK_LIMIT_S 10
#define PART 65536

int control_connect(const char *path, int flags, GError **error)
{
	const struct timeval limit = { .tv_sec = ASK_LIMIT_S };
	struct sockaddr_un address;
	int fd;

	if (!control_address(&address, path, error))
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

void control_broken_off(const char *path, GError **error)
{
	error_set(error, "%s: the agent broke off its answer", path);
}

static bool set_ask_error(const char *path, int error_number, GError **error)
{
	if (error_number == EAGAIN)
		error_set(error, "%s: no answer within %d seconds", path, ASK_LIMIT_S);
	else if (error_number == ECONNRESET)
		control_broken_off(path, error);
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
		if (!received || line->len > CONTROL_ANSWER_MAX) {
			control_broken_off(path, error);
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
	} while (received && all->len <= CONTROL_ANSWER_MAX);
	return true;
}

bool control_check_answer(const json_t *document, const char *path, GError **error)
{
	const char *reason = json_string_value(json_object_get(document, "error"));

	if (json_is_object(document) && !reason)
		return true;
	if (reason && json_is_true(json_object_get(document, "invalid")))
		g_set_error_literal(error, FLOWTALLY_ERROR, EINVAL, reason);
	else
		error_set(error, "%s: %s", path,
			  reason ? reason : "the answer is not a JSON document");
	return false;
}

json_t *control_read_answer(const GString *line, const char *path, GError **error)
{
	json_t *document = json_loadb(line->str, line->len, 0, NULL);

	if (control_check_answer(document, path, error))
		return document;
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

static bool take_pieces(int fd, const char *path, ControlTake take, void *user_data, GError **error)
{
	g_autofree char *part = g_malloc(PART);
	bool ended = false;

	while (!ended) {
		ssize_t received = recv(fd, part, PART, 0);

		if (received < 0 && errno == EINTR)
			continue;
		if (received < 0)
			return set_ask_error(path, errno, error);
		if (!received) {
			control_broken_off(path, error);
			return false;
		}
		if (!take(part, (size_t)received, user_data, error))
			return false;
		ended = part[received - 1] == '\n';
	}
	return true;
}

bool control_ask_pieces(const char *path, const char *request, ControlTake take, void *user_data,
			GError **error)
{
	int fd = control_connect(path, 0, error);
	bool answered;

	if (fd < 0)
		return false;
	answered = send_request(fd, path, request, error) &&
		   take_pieces(fd, path, take, user_data, error);
	close(fd);
	return answered;
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
		control_broken_off(path, error);
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
