/* SPDX-License-Identifier: Apache-2.0 */
#include "packetlog.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <glib-unix.h>

#include "accounts/flowfilter.h"
#include "base/error.h"
#include "base/text.h"
#include "cli_ask.h"
#include "kernel/packettap.h"
#include "packetline.h"
#include "packetrecord.h"

/* So much a pipe takes at once when it takes anything: nothing blocks, and a signal is heard although nobody reads. */
#define PIECE PIPE_BUF

/* So many packets are looked at before signals are: a filter may mean none of them. */
#define MANY 4096

typedef struct {
	PacketTap *tap;
	GPtrArray *names; /* printable, by place */
	GPtrArray *
		filters; /* of FlowFilter, by place: interfaces have other numbers elsewhere; empty: none */
	GString *text;	 /* lines that have not been written yet */
	uint32_t left;	 /* UINT32_MAX: no end */
	uint32_t looked; /* at so many packets at a time */
	uint64_t unprinted;
	int64_t offset_ns;
	bool closed;  /* nobody reads */
	bool broken;  /* no more can be written */
	guint source; /* of the ring, or of stdout while there is text for it */
	GMainLoop *loop;
	GError *error;
} Log;

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool is_meant(const Log *log, const struct packet_event *event)
{
	FlowRecord record;

	if (!log->filters->len)
		return true;
	return packet_record(event, packet_tap_ifindex(log->tap, event->place), &record) &&
	       flowfilter_matches(log->filters->pdata[event->place], &record);
}

static void print(Log *log, const struct packet_event *event)
{
	packet_line_append(log->text, event, log->names->pdata[event->place], log->offset_ns);
	if (log->left != UINT32_MAX)
		log->left--;
}

static bool take(const struct packet_event *event, void *user_data)
{
	Log *log = user_data;

	if (log->left && is_meant(log, event))
		print(log, event);
	return log->left && log->text->len < PIECE && ++log->looked < MANY;
}

/* Whether there may be more that can be printed. */
static bool read_ring(Log *log)
{
	log->offset_ns = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
	log->looked = 0;
	return !packet_tap_consume(log->tap) && log->left;
}

static bool may_write(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&out, 1, 0) == 1;
}

/* False: no more can be written. */
static bool write_piece(Log *log)
{
	ssize_t n = write(STDOUT_FILENO, log->text->str, MIN(log->text->len, PIECE));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n >= 0) {
		g_string_erase(log->text, 0, n);
		return true;
	}
	log->broken = true;
	log->closed = errno == EPIPE;
	if (!log->closed)
		error_from_errno(&log->error, errno, "stdout");
	g_main_loop_quit(log->loop);
	return false;
}

static gboolean on_ring(gint fd, GIOCondition condition, gpointer user_data);

static gboolean on_writable(gint fd, GIOCondition condition, gpointer user_data)
{
	Log *log = user_data;

	if (!write_piece(log) || log->text->len)
		return G_SOURCE_CONTINUE;
	if (!log->left)
		g_main_loop_quit(log->loop);
	log->source = g_unix_fd_add(packet_tap_fd(log->tap), G_IO_IN, on_ring, log);
	return G_SOURCE_REMOVE;
}

static gboolean on_ring(gint fd, GIOCondition condition, gpointer user_data)
{
	Log *log = user_data;

	(void)read_ring(log);
	if (!log->text->len)
		return G_SOURCE_CONTINUE;
	log->source = g_unix_fd_add(STDOUT_FILENO, G_IO_OUT | G_IO_ERR, on_writable, log);
	return G_SOURCE_REMOVE;
}

static gboolean on_stop(gpointer user_data)
{
	g_main_loop_quit(((Log *)user_data)->loop);
	return G_SOURCE_CONTINUE;
}

/* There may be no packet to find it out by. */
static gboolean on_closed(gint fd, GIOCondition condition, gpointer user_data)
{
	((Log *)user_data)->closed = true;
	return on_stop(user_data);
}

/* Without any there would be nothing to wait for. */
static void on_gone(uint32_t place, uint32_t left, void *user_data)
{
	Log *log = user_data;
	g_autofree char *text =
		g_strdup_printf("%s: the interface is gone", (char *)log->names->pdata[place]);

	if (left) {
		ask_complain("flows", text);
		return;
	}
	if (!log->error)
		error_set(&log->error, "%s", text);
	g_main_loop_quit(log->loop);
}

static uint64_t lines_of(const GString *text)
{
	uint64_t lines = 0;

	for (gsize i = 0; i < text->len; i++)
		lines += text->str[i] == '\n';
	return lines;
}

/* What has been seen before the hooks went; what a reader who pauses does not take is lost. */
static void write_rest(Log *log)
{
	bool open = !log->closed && !log->broken;
	bool more;

	do {
		while (open && log->text->len && may_write())
			open = write_piece(log);
		log->unprinted += lines_of(log->text);
		g_string_truncate(log->text, 0);
		more = read_ring(log);
	} while (more || log->text->len);
}

static void say_lost(const Log *log)
{
	uint64_t lost = packet_tap_lost(log->tap) + log->unprinted;
	g_autofree char *text =
		g_strdup_printf("%" PRIu64 " %s lost: more came than could be printed", lost,
				lost == 1 ? "packet was" : "packets were");

	if (lost && !log->closed)
		ask_complain("flows", text);
}

/* What a filter names, as the packets of one place have it. */
typedef struct {
	const PacketTap *tap;
	uint32_t place;
} Naming;

static void find_interface(const char *name, GArray *indexes, void *user_data)
{
	const Naming *naming = user_data;
	uint32_t ifindex = packet_tap_find(naming->tap, naming->place, name);

	if (ifindex)
		g_array_append_val(indexes, ifindex);
}

static bool add_filter(Log *log, const char *text, GError **error)
{
	Naming naming = { log->tap, log->filters->len };
	FlowFilter *filter = flowfilter_new_of_packets(text, find_interface, &naming, error);

	if (!filter) {
		g_prefix_error(error, "filter: ");
		return false;
	}
	g_ptr_array_add(log->filters, filter);
	return true;
}

static void filter_free(void *filter)
{
	flowfilter_free(filter);
}

static bool attach(Log *log, const PacketChoice *choice, GError **error)
{
	for (char **name = choice->interfaces; *name; name++) {
		if (!packet_tap_add(log->tap, *name, error))
			return false;
		g_ptr_array_add(log->names, text_printable(*name));
	}
	/* Once all namespaces are known. */
	for (guint i = 0; choice->filter && i < log->names->len; i++) {
		if (!add_filter(log, choice->filter, error))
			return false;
	}
	return packet_tap_attach(log->tap, error);
}

static void print_all(Log *log)
{
	g_autoptr(GError) error = NULL;

	log->source = g_unix_fd_add(packet_tap_fd(log->tap), G_IO_IN, on_ring, log);
	if (log->left)
		g_main_loop_run(log->loop);
	g_source_remove(log->source);
	if (!packet_tap_detach(log->tap, log->error ? &error : &log->error) && error)
		ask_complain("flows", error->message);
	write_rest(log);
	say_lost(log);
}

/* A signal that comes while some interfaces are attached is heard once all are. */
static void run(Log *log, const PacketChoice *choice)
{
	const guint sources[] = {
		g_unix_signal_add(SIGINT, on_stop, log),
		g_unix_signal_add(SIGTERM, on_stop, log),
		g_unix_signal_add(SIGHUP, on_stop, log),
		g_unix_fd_add(STDOUT_FILENO, G_IO_ERR, on_closed, log),
	};

	/* Else filters would stay when nobody reads. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (attach(log, choice, &log->error))
		print_all(log);
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
		g_source_remove(sources[i]);
}

bool packet_log(const PacketChoice *choice, GError **error)
{
	static const PacketTapEvents events = { take, on_gone };
	Log log = { .left = choice->count };

	log.tap = packet_tap_new(choice->sample, &events, &log, error);
	if (!log.tap)
		return false;
	log.names = g_ptr_array_new_with_free_func(g_free);
	log.filters = g_ptr_array_new_with_free_func(filter_free);
	log.text = g_string_new(NULL);
	log.loop = g_main_loop_new(NULL, FALSE);
	run(&log, choice);
	packet_tap_free(log.tap);
	g_main_loop_unref(log.loop);
	g_string_free(log.text, TRUE);
	g_ptr_array_unref(log.names);
	g_ptr_array_unref(log.filters);
	if (log.error)
		g_propagate_error(error, log.error);
	return !log.error;
}
