/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/totals.h"

#define HOUR_MS (3600 * UINT64_C(1000))
#define HOURS_KEPT 48

struct History {
	char *dir;
	uint64_t keep_ms;
	uint64_t max_octets;
	uint64_t newest_ms; /* of the files, 0: there is none */
};

void history_free(History *history)
{
	if (!history)
		return;
	g_free(history->dir);
	g_free(history);
}

void history_set_limits(History *history, uint64_t keep_ms, uint64_t max_octets)
{
	history->keep_ms = keep_ms;
	history->max_octets = max_octets;
}

/* A file's name is its time, so that nothing else need be known of it. */
static char *path_of(const History *history, uint64_t ms)
{
	g_autofree char *name = g_strdup_printf("%" G_GUINT64_FORMAT, ms);

	return g_build_filename(history->dir, name, NULL);
}

static gint compare_times(gconstpointer a, gconstpointer b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* Ascending; of a directory that is not there, none. */
static GArray *list(const History *history)
{
	g_autoptr(GDir) dir = g_dir_open(history->dir, 0, NULL);
	GArray *times = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		guint64 ms;

		if (g_ascii_string_to_unsigned(name, 10, 1, G_MAXINT64, &ms, NULL))
			g_array_append_val(times, ms);
	}
	g_array_sort(times, compare_times);
	return times;
}

History *history_new(const char *dir)
{
	History *history = g_new0(History, 1);
	g_autoptr(GArray) times = NULL;

	history->dir = g_strdup(dir);
	times = list(history);
	if (times->len)
		history->newest_ms = g_array_index(times, uint64_t, times->len - 1);
	return history;
}

bool history_is_due(const History *history, uint64_t now_ms)
{
	return history->keep_ms && now_ms / HOUR_MS != history->newest_ms / HOUR_MS;
}

/* Two times of one day have the same. */
static int day_of(uint64_t ms)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_local((gint64)(ms / 1000));

	return g_date_time_get_year(time) * 366 + g_date_time_get_day_of_year(time);
}

GArray *history_superfluous(const GArray *times, uint64_t now_ms, uint64_t keep_ms)
{
	GArray *superfluous = g_array_new(FALSE, FALSE, sizeof(uint64_t));

	for (guint i = 0; i < times->len; i++) {
		uint64_t ms = g_array_index(times, uint64_t, i);
		uint64_t age_ms = now_ms > ms ? now_ms - ms : 0;
		bool is_first = !i || day_of(g_array_index(times, uint64_t, i - 1)) != day_of(ms);

		if (age_ms > keep_ms || (age_ms > HOURS_KEPT * HOUR_MS && !is_first))
			g_array_append_val(superfluous, ms);
	}
	return superfluous;
}

static void remove_file(const History *history, uint64_t ms)
{
	g_autofree char *path = path_of(history, ms);

	if (unlink(path) < 0 && errno != ENOENT)
		g_info("%s: %s", path, g_strerror(errno));
}

static uint64_t size_of(const History *history, uint64_t ms)
{
	g_autofree char *path = path_of(history, ms);
	struct stat status;

	return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* The oldest go first, and the newest never. */
static void shrink(const History *history)
{
	g_autoptr(GArray) times = list(history);
	uint64_t octets = 0;

	for (guint i = times->len; i-- > 0;) {
		uint64_t ms = g_array_index(times, uint64_t, i);

		octets += size_of(history, ms);
		if (octets > history->max_octets && i + 1 < times->len)
			remove_file(history, ms);
	}
}

static void prune(const History *history, uint64_t now_ms)
{
	g_autoptr(GArray) times = list(history);
	g_autoptr(GArray) superfluous = history_superfluous(times, now_ms, history->keep_ms);

	for (guint i = 0; i < superfluous->len; i++)
		remove_file(history, g_array_index(superfluous, uint64_t, i));
	shrink(history);
}

bool history_take(History *history, const Hosts *hosts, uint64_t now_ms, GError **error)
{
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autofree char *path = path_of(history, now_ms);
	g_autoptr(GError) local = NULL;

	if (g_mkdir_with_parents(history->dir, 0755) < 0) {
		error_from_errno(error, errno, "%s", history->dir);
		return false;
	}
	hosts_save(hosts, writer);
	if (!totals_writer_replace(writer, path, &local)) {
		/* The same whenever it is tried, so that who logs it does so once. */
		error_from_errno(error, local->code, "%s", history->dir);
		return false;
	}
	history->newest_ms = now_ms;
	prune(history, now_ms);
	return true;
}

Hosts *history_at(const History *history, uint64_t ms, uint64_t *taken_ms, GError **error)
{
	g_autoptr(GArray) times = list(history);
	g_autoptr(TotalsReader) reader = NULL;
	g_autoptr(Hosts) hosts = NULL;
	g_autofree char *path = NULL;
	guint i = times->len;

	while (i && g_array_index(times, uint64_t, i - 1) > ms)
		i--;
	if (!i)
		return NULL;
	*taken_ms = g_array_index(times, uint64_t, i - 1);
	path = path_of(history, *taken_ms);
	reader = totals_reader_new(path, error);
	hosts = hosts_new(UINT32_MAX);
	if (!reader || !hosts_load(hosts, reader, *taken_ms, error))
		return NULL;
	return g_steal_pointer(&hosts);
}
