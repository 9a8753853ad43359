/* SPDX-License-Identifier: Apache-2.0 */
#include "recordfollow.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib-unix.h>

#include "base/error.h"
#include "base/inquiry.h"
#include "cli_ask.h"

#define PAUSE_MS 500
#define LIMIT_MS 10000 /* how long an answer may take */

typedef struct {
	const char *path;
	const char *filter;
	FlowPrinter *printer;
	uint32_t left;	  /* UINT32_MAX: it never ends */
	char *start;	  /* when the agent started; NULL: it has not been asked yet */
	json_int_t next;  /* the number to ask from */
	Inquiry *inquiry; /* NULL: none is under way */
	guint timer;
	GMainLoop *loop;
	GError *error;
} Follow;

static char *request_of(const Follow *follow)
{
	const char *form = flow_printer_form(follow->printer);
	GString *request = g_string_new("records");

	if (follow->start)
		g_string_append_printf(request, " from=%" JSON_INTEGER_FORMAT, follow->next);
	if (follow->left != UINT32_MAX)
		g_string_append_printf(request, " limit=%" PRIu32, follow->left);
	if (form)
		g_string_append_printf(request, " as=%s", form);
	if (follow->filter)
		g_string_append_printf(request, " %s", follow->filter);
	return g_string_free(request, FALSE);
}

/* Numbers are those of one agent. */
static bool take_start(Follow *follow, json_t *document, GError **error)
{
	const char *start = ask_string(document, "start");

	if (!follow->start) {
		follow->start = g_strdup(start);
		return flow_printer_take.head(document, follow->printer, error);
	}
	if (!strcmp(follow->start, start))
		return true;
	error_set(error, "the agent has been started anew");
	return false;
}

static void say_missed(json_int_t missed)
{
	g_autofree char *text = g_strdup_printf("%" JSON_INTEGER_FORMAT " %s missed", missed,
						missed == 1 ? "record was" : "records were");

	if (missed)
		ask_complain("flows", text);
}

static bool print_records(Follow *follow, const json_t *records, GError **error)
{
	const json_t *record;
	size_t i;

	json_array_foreach((json_t *)records, i, record)
	{
		char *text = json_dumps(record, JSON_COMPACT);
		bool printed = flow_printer_take.item(text, strlen(text), follow->printer, error);

		free(text);
		if (!printed)
			return false;
	}
	if (i)
		flow_printer_end(follow->printer);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	error_from_errno(error, errno, "stdout");
	return false;
}

static bool take(Follow *follow, json_t *document, GError **error)
{
	const json_t *records = json_object_get(document, "records");
	uint32_t n = (uint32_t)json_array_size(records);

	if (!take_start(follow, document, error))
		return false;
	follow->next = ask_integer(document, "next");
	say_missed(ask_integer(document, "missed"));
	if (follow->left != UINT32_MAX)
		follow->left -= MIN(n, follow->left);
	return print_records(follow, records, error);
}

static gboolean on_due(gpointer user_data);

static void on_answer(json_t *document, const GError *error, void *user_data)
{
	Follow *follow = user_data;
	guint pause_ms;

	g_clear_pointer(&follow->inquiry, inquiry_free);
	if (!document)
		follow->error = g_error_copy(error);
	if (!document || !take(follow, document, &follow->error) || !follow->left) {
		g_main_loop_quit(follow->loop);
		return;
	}
	pause_ms = json_is_true(json_object_get(document, "more")) ? 0 : PAUSE_MS;
	follow->timer = g_timeout_add(pause_ms, on_due, follow);
}

static gboolean on_due(gpointer user_data)
{
	Follow *follow = user_data;
	g_autofree char *request = request_of(follow);

	follow->timer = 0;
	follow->inquiry = inquiry_new(follow->path, request, LIMIT_MS, on_answer, follow);
	return G_SOURCE_REMOVE;
}

static gboolean on_stop(gpointer user_data)
{
	g_main_loop_quit(((Follow *)user_data)->loop);
	return G_SOURCE_CONTINUE;
}

/* Nobody reads: there may be no record to find it out by. */
static gboolean on_closed(gint fd, GIOCondition condition, gpointer user_data)
{
	g_main_loop_quit(((Follow *)user_data)->loop);
	return G_SOURCE_CONTINUE;
}

bool record_follow(const char *path, const char *filter, uint32_t count, FlowPrinter *printer,
		   GError **error)
{
	Follow follow = {
		.path = path,
		.filter = filter,
		.printer = printer,
		.left = count,
		.loop = g_main_loop_new(NULL, FALSE),
	};
	const guint sources[] = {
		g_unix_signal_add(SIGINT, on_stop, &follow),
		g_unix_signal_add(SIGTERM, on_stop, &follow),
		g_unix_fd_add(STDOUT_FILENO, G_IO_ERR, on_closed, &follow),
	};

	(void)on_due(&follow);
	g_main_loop_run(follow.loop);
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
		g_source_remove(sources[i]);
	g_clear_handle_id(&follow.timer, g_source_remove);
	inquiry_free(follow.inquiry);
	g_main_loop_unref(follow.loop);
	g_free(follow.start);
	if (follow.error)
		g_propagate_error(error, follow.error);
	return !follow.error;
}
