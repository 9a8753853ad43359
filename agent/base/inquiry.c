/* SPDX-License-Identifier: Apache-2.0 */
#include "inquiry.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "control_ask.h"
#include "error.h"

struct Inquiry {
	char *path;
	int fd;
	guint source; /* reads the answer, or tells that there will be none */
	guint timer;
	unsigned int limit_ms;
	GString *answer;
	GError *error; /* from the beginning */
	InquiryDone done;
	void *user_data;
};

static void stop(Inquiry *inquiry)
{
	g_clear_handle_id(&inquiry->source, g_source_remove);
	g_clear_handle_id(&inquiry->timer, g_source_remove);
	if (inquiry->fd >= 0)
		close(inquiry->fd);
	inquiry->fd = -1;
}

/* From a source, which goes with it. Takes over @document and @error; @inquiry may be gone afterwards. */
static gboolean finish(Inquiry *inquiry, json_t *document, GError *error)
{
	stop(inquiry);
	inquiry->done(document, error, inquiry->user_data);
	json_decref(document);
	g_clear_error(&error);
	return G_SOURCE_REMOVE;
}

static gboolean on_failed(gpointer user_data)
{
	Inquiry *inquiry = user_data;

	return finish(inquiry, NULL, g_steal_pointer(&inquiry->error));
}

static gboolean on_time_out(gpointer user_data)
{
	Inquiry *inquiry = user_data;
	GError *error = NULL;

	error_set(&error, "%s: no answer within %u ms", inquiry->path, inquiry->limit_ms);
	return finish(inquiry, NULL, error);
}

/* From now on. */
static void limit(Inquiry *inquiry)
{
	g_clear_handle_id(&inquiry->timer, g_source_remove);
	inquiry->timer = g_timeout_add(inquiry->limit_ms, on_time_out, inquiry);
}

static gboolean finish_whole(Inquiry *inquiry)
{
	GError *error = NULL;
	json_t *document = control_read_answer(inquiry->answer, inquiry->path, &error);

	return finish(inquiry, document, error);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
	Inquiry *inquiry = user_data;
	GError *error = NULL;
	char part[65536];
	ssize_t received = recv(fd, part, sizeof(part), 0);

	if (received < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (received < 0 && errno != ECONNRESET) {
		error_from_errno(&error, errno, "%s", inquiry->path);
		return finish(inquiry, NULL, error);
	}
	if (received <= 0 || inquiry->answer->len > CONTROL_ANSWER_MAX) {
		control_broken_off(inquiry->path, &error);
		return finish(inquiry, NULL, error);
	}
	g_string_append_len(inquiry->answer, part, received);
	limit(inquiry);
	return part[received - 1] == '\n' ? finish_whole(inquiry) : G_SOURCE_CONTINUE;
}

/* A new socket takes a line at once. */
static bool send_request(int fd, const char *path, const char *request, GError **error)
{
	g_autofree char *line = g_strdup_printf("%s\n", request);
	ssize_t sent = send(fd, line, strlen(line), MSG_NOSIGNAL);

	if (sent == (ssize_t)strlen(line))
		return true;
	error_from_errno(error, sent < 0 ? errno : EMSGSIZE, "%s", path);
	return false;
}

Inquiry *inquiry_new(const char *path, const char *request, unsigned int limit_ms, InquiryDone done,
		     void *user_data)
{
	Inquiry *inquiry = g_new0(Inquiry, 1);

	inquiry->path = g_strdup(path);
	inquiry->limit_ms = limit_ms;
	inquiry->answer = g_string_new(NULL);
	inquiry->done = done;
	inquiry->user_data = user_data;
	inquiry->fd = control_connect(path, SOCK_NONBLOCK, &inquiry->error);
	if (inquiry->fd < 0 || !send_request(inquiry->fd, path, request, &inquiry->error)) {
		inquiry->source = g_idle_add(on_failed, inquiry);
		return inquiry;
	}
	inquiry->source = g_unix_fd_add(inquiry->fd, G_IO_IN, on_readable, inquiry);
	limit(inquiry);
	return inquiry;
}

void inquiry_free(Inquiry *inquiry)
{
	if (!inquiry)
		return;
	stop(inquiry);
	g_clear_error(&inquiry->error);
	g_string_free(inquiry->answer, TRUE);
	g_free(inquiry->path);
	g_free(inquiry);
}
