/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the Metering Process that is about flows: what a sweep brings goes to the Flow Cache
 * (flows.h), and what leaves that, for whatever reason, is a record of the report.
 *
 * All of it outlives the agent with the sums: the flows, the records of a report that may not have left, and
 * those of the next one. What flows amount to outlives a reboot, too (flowsums.h, flowseries.h).
 */
#ifndef FLOWTALLY_FLOWMETERING_H
#define FLOWTALLY_FLOWMETERING_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "accounts/flows.h"
#include "accounts/flowseries.h"
#include "accounts/flowsums.h"
#include "base/totals.h"
#include "config/config.h"
#include "kernel/cache.h"

typedef struct FlowMetering FlowMetering;

FlowMetering *flow_metering_new(const Config *config);
void flow_metering_free(FlowMetering *metering);
void flow_metering_set_config(FlowMetering *metering, const Config *config);

/* What an interface is called in reports; interned. "": 0, which is none. */
typedef const char *(*InterfaceNamer)(uint32_t report_index, const void *user_data);

typedef struct {
	int64_t offset_ns; /* what is added to CLOCK_MONOTONIC to have the time since the epoch */
	uint64_t now_ms;   /* since the epoch */
	InterfaceNamer name;
	const void *user_data; /* for `name` */
} FlowCounting;

/*
 * Counts what @cache has copied of the quiet generation (cache_read_flows()), and ends the flows for which
 * that is due.
 */
void flow_metering_count(FlowMetering *metering, const Cache *cache, const FlowCounting *counting);

/* The same of PairDeltas. @limit is FLOW_LIMIT of all ledgers: what of it is in no pair found no room there, either. */
void flow_metering_count_pairs(FlowMetering *metering, const GArray *pairs, const Volume *limit,
			       const FlowCounting *counting);

/* What flow_metering_count() has brought, path by path; of FlowPathSum. */
typedef struct {
	uint32_t ingress; /* as in struct flow_key, as are: */
	uint32_t egress;
	enum hook hook;
	uint8_t protocol;
	FlowSum sum; /* the same by names */
} FlowPathSum;
const GPtrArray *flow_metering_path_sums(const FlowMetering *metering);

/* What all that was ever counted amounts to, and conversations if these are asked for. */
const FlowSums *flow_metering_sums(const FlowMetering *metering);
const FlowSeriesTable *flow_metering_series(const FlowMetering *metering);

/* The next report has all flows, as nobody will be there to make another. */
void flow_metering_flush_all(FlowMetering *metering);

/* As flows_flush(); the records are part of the next report. */
uint32_t flow_metering_flush(FlowMetering *metering, FlowChoice chosen, void *user_data);

/* Those of the report at hand; of FlowRecord. */
const GArray *flow_metering_records(const FlowMetering *metering);

/* The report has left, and these records with it. */
void flow_metering_forget_records(FlowMetering *metering);

const Flows *flow_metering_flows(const FlowMetering *metering);

/* Loading is of both; on failure no flow is loaded. */
void flow_metering_save(const FlowMetering *metering, TotalsWriter *writer);
void flow_metering_save_sums(const FlowMetering *metering, TotalsWriter *writer);
bool flow_metering_load(FlowMetering *metering, TotalsReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlowMetering, flow_metering_free)

#endif
