/* SPDX-License-Identifier: Apache-2.0 */
#include "repeat.h"

#include <signal.h>

#include <glib-unix.h>

#include "base/inquiry.h"

#define LIMIT_MS 10000 /* how long an answer may take */

typedef struct {
	const char *path;
	const char *request;
	RepeatTake take;
	void *user_data;
	GMainLoop *loop;
	gint64 start_us;
	uint64_t every_ms;
	guint timer;
	Inquiry *inquiry; /* NULL: none is under way */
	GError *error;
} Repeat;

static void on_answer(json_t *document, const GError *error, void *user_data)
{
	Repeat *repeat = user_data;

	g_clear_pointer(&repeat->inquiry, inquiry_free);
	if (!document)
		repeat->error = g_error_copy(error);
	if (!document || !repeat->take(document, repeat->user_data))
		g_main_loop_quit(repeat->loop);
}

static gboolean on_due(gpointer user_data)
{
	Repeat *repeat = user_data;
	uint64_t passed_ms = (uint64_t)(g_get_monotonic_time() - repeat->start_us) / 1000;
	uint64_t left_ms = repeat->every_ms - passed_ms % repeat->every_ms;

	if (!repeat->inquiry)
		repeat->inquiry =
			inquiry_new(repeat->path, repeat->request, LIMIT_MS, on_answer, repeat);
	repeat->timer = g_timeout_add((guint)left_ms, on_due, repeat);
	return G_SOURCE_REMOVE;
}

static gboolean on_stop(gpointer user_data)
{
	g_main_loop_quit(((Repeat *)user_data)->loop);
	return G_SOURCE_CONTINUE;
}

bool repeat_ask(const char *path, const char *request, uint64_t every_ms, RepeatTake take,
		void *user_data, GError **error)
{
	Repeat repeat = {
		.path = path,
		.request = request,
		.take = take,
		.user_data = user_data,
		.loop = g_main_loop_new(NULL, FALSE),
		.start_us = g_get_monotonic_time(),
		.every_ms = every_ms,
	};
	guint interrupted = g_unix_signal_add(SIGINT, on_stop, &repeat);
	guint terminated = g_unix_signal_add(SIGTERM, on_stop, &repeat);

	(void)on_due(&repeat);
	g_main_loop_run(repeat.loop);
	g_source_remove(interrupted);
	g_source_remove(terminated);
	g_source_remove(repeat.timer);
	inquiry_free(repeat.inquiry);
	g_main_loop_unref(repeat.loop);
	if (repeat.error)
		g_propagate_error(error, repeat.error);
	return !repeat.error;
}
