/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations with counters that outlive their flows: by addresses, ports, protocol and the interface where
 * they came in, the sizes of their packets. It is for metrics which have a series for each.
 *
 * Their number is bounded by `metrics.max-flows`; admission is first come and sticky, until one has been idle.
 * What has no room, and what one had that left, is in the rest of its interface and protocol: so the sums are
 * exact whatever the limit. There are at most FLOW_RESTS_MAX of these, and then one for all.
 *
 * Of a flow only its smallest packet, its largest and the sum are known. So up to three packets of a delta are
 * counted by their sizes, and of more the others by their mean; the sum of the octets is exact.
 */
#ifndef FLOWTALLY_FLOWSERIES_H
#define FLOWTALLY_FLOWSERIES_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "flowkey.h"
#include "flows.h"
#include "records.h"
#include "base/totals.h"

#define FLOW_RESTS_MAX 256

typedef struct FlowSeriesTable FlowSeriesTable;

typedef struct {
	uint32_t hash; /* of the key */
	struct flow_key
		key; /* what is no part of it is 0; ip_version 0: a rest, which has the protocol alone */
	const char *interface; /* interned; "": none, or (in a rest of protocol 0) any */
	struct packet_sizes sizes;
	uint64_t last_ms; /* since the epoch */
} FlowSeries;

FlowSeriesTable *flow_series_new(uint32_t max);
void flow_series_free(FlowSeriesTable *table);

/* A lower limit removes nobody; it only admits nobody new. */
void flow_series_set_max(FlowSeriesTable *table, uint32_t max);

/* @interface, interned, is where it came in. */
void flow_series_add(FlowSeriesTable *table, const FlowDelta *delta, const char *interface,
		     uint64_t now_ms);

/* Those that have been idle leave. */
void flow_series_expire(FlowSeriesTable *table, uint64_t now_ms, uint64_t idle_ms);

/* Nobody asks for them any more. */
void flow_series_clear(FlowSeriesTable *table);

const GPtrArray *flow_series_list(const FlowSeriesTable *table); /* of FlowSeries; borrowed */

/* What is loaded takes the place of what is there; beyond the limit, too. On failure nothing is loaded. */
void flow_series_save(const FlowSeriesTable *table, TotalsWriter *writer);
bool flow_series_load(FlowSeriesTable *table, TotalsReader *reader, GError **error);

/* What a delta's packets are by size; exposed for tests. */
void flow_series_add_sizes(struct packet_sizes *sizes, const FlowDelta *delta);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlowSeriesTable, flow_series_free)

#endif
