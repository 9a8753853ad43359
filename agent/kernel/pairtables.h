/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's tables of pairs of interfaces, of each generation one, and the stamps by which latency is
 * measured. They are a part of the cache (cache.h), which knows when a generation is quiet.
 */
#ifndef FLOWTALLY_PAIRTABLES_H
#define FLOWTALLY_PAIRTABLES_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "records.h"

typedef struct PairTables PairTables;

/* What all CPUs have counted. */
typedef struct {
	struct pair_key key;
	struct pair_traffic traffic;
} PairEntry;

/* Adopts what is pinned in @dir, for which maps_prepare() has been called, or makes it there. */
PairTables *pair_tables_open(const char *dir, int cpus, GError **error);
void pair_tables_close(PairTables *tables);

/* Borrowed descriptors for loading a classifier. */
int pair_tables_outer_fd(const PairTables *tables);
int pair_tables_stamps_fd(const PairTables *tables);

/* Copies the table of a generation that is quiet, ... */
bool pair_tables_read(PairTables *tables, uint32_t generation, GError **error);
const GArray *pair_tables_entries(const PairTables *tables); /* of PairEntry */

/* ... and deletes what was copied from it. */
bool pair_tables_empty(PairTables *tables, uint32_t generation, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PairTables, pair_tables_close)

#endif
