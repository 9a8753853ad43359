/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's tables of flows: for each family, generation and CPU one. They are a part of the cache
 * (cache.h), which knows when a generation is quiet.
 *
 * A table takes memory for the flows that are in it, about 200 octets for each, beside 16 for each that
 * there may be. There are none at all as long as nobody wants flows.
 */
#ifndef FLOWTALLY_FLOWTABLES_H
#define FLOWTALLY_FLOWTABLES_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "records.h"

typedef struct FlowTables FlowTables;

/* Of struct flow_key_ipv4 or of struct flow_key_ipv6. */
typedef enum {
	FLOW_TABLE_IPV4,
	FLOW_TABLE_IPV6,
	FLOW_TABLE_FAMILIES,
} FlowTableFamily;

/* Adopts what is pinned in @dir, for which maps_prepare() has been called. */
FlowTables *flow_tables_open(const char *dir, int cpus, GError **error);
void flow_tables_close(FlowTables *tables);

/* Borrowed descriptors for loading a classifier. */
int flow_tables_outer_fd(const FlowTables *tables, FlowTableFamily family);
int flow_tables_fragments_fd(const FlowTables *tables);

/*
 * How many flows a table has room for; 0: nobody wants any. Tables that are missing are made here; those
 * that are there get the size, or go, when they are emptied.
 */
bool flow_tables_set_max(FlowTables *tables, uint32_t max, GError **error);
uint32_t flow_tables_max(const FlowTables *tables);

/* Copies the tables of a generation that is quiet, ... */
bool flow_tables_read(FlowTables *tables, uint32_t generation, GError **error);

/*
 * ... shows what was copied, ...
 *
 * To set *@keep, before the table is emptied, is to say that the flow keeps its place in it: so a flood of
 * others cannot take that. As many keep theirs as are half of a table, and for as long as each time there
 * are packets of them.
 */
typedef void (*FlowTableVisitor)(FlowTableFamily family, const void *key,
				 const struct flow_traffic *traffic, bool *keep, void *user_data);
void flow_tables_visit(const FlowTables *tables, uint32_t generation, FlowTableVisitor visit,
		       void *user_data);

/* ... and deletes it from the tables, or sets it to zero. */
bool flow_tables_empty(FlowTables *tables, uint32_t generation, GError **error);

/* The entries in the fullest table that was read. */
uint32_t flow_tables_used(const FlowTables *tables);

/* For how many more flows there was room in the fullest table of @generation when it was last emptied. */
uint32_t flow_tables_room(const FlowTables *tables, uint32_t generation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlowTables, flow_tables_close)

#endif
