/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all accounts amounted to at the beginning of past hours, in files below `state`: so it can be told
 * what a device has used since then.
 *
 * Each hour of the last two days has a file, and each day before that, the first of the day in local time.
 */
#ifndef FLOWTALLY_HISTORY_H
#define FLOWTALLY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "hosts.h"

typedef struct History History;

/* @dir need not exist yet. */
History *history_new(const char *dir);
void history_free(History *history);

/* How long files are kept, 0: there are none; and how many octets they may take together. */
void history_set_limits(History *history, uint64_t keep_ms, uint64_t max_octets);

/* Whether an hour has begun since the last file. */
bool history_is_due(const History *history, uint64_t now_ms);

/* Writes a file of @hosts and removes those that need not be kept. */
bool history_take(History *history, const Hosts *hosts, uint64_t now_ms, GError **error);

/*
 * The accounts of the newest file that is not younger than @ms, a new object, and in @taken_ms the file's time. NULL
 * with @error unset: there is none so old.
 */
Hosts *history_at(const History *history, uint64_t ms, uint64_t *taken_ms, GError **error);

/* Which of @times (of uint64_t, milliseconds, ascending) need not be kept at @now_ms: a new array; exposed for tests. */
GArray *history_superfluous(const GArray *times, uint64_t now_ms, uint64_t keep_ms);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_free)

#endif
