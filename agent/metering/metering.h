/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Metering Process (RFC 5470): which interfaces are observed, and the sweep, which takes what the
 * kernel has counted to the accounts of the hosts and to the ledger.
 *
 * Sums are exactly once. A sweep adds a generation's tables to the sums, writes the sums with the
 * generation's number to a file below `run`, has the deltas reported, and only then empties the tables.
 * Wherever the agent is killed, the next one finds by the number which of these steps were done. What it
 * cannot know is how much of a report that had begun has left: such a report is made again, and said to
 * be a repetition.
 */
#ifndef FLOWTALLY_METERING_H
#define FLOWTALLY_METERING_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "kernel/cache.h"
#include "config/config.h"
#include "following.h"
#include "accounts/flows.h"
#include "accounts/flowseries.h"
#include "accounts/flowsums.h"
#include "accounts/hosts.h"
#include "accounts/ledger.h"
#include "kernel/namespaces.h"
#include "observation.h"

typedef struct Metering Metering;

/* From the end of the period before to the last sweep; milliseconds since the epoch. */
typedef struct {
	uint64_t start_ms;
	uint64_t end_ms;
	uint64_t end_monotonic_ns;
} Period;

typedef struct {
	Period period;
	const GArray *deltas; /* of HostDelta; borrowed until metering_finish() */
	const GArray *flows;  /* of FlowRecord, the same; NULL: nobody wants any */
	bool repeated; /* an agent that was killed may have made this report, in part or whole */
} Report;

/*
 * Opens or adopts the tables below config->run and the sums of before. Nothing is attached yet.
 * @namespaces is borrowed; @config until metering_set_config() replaces it.
 */
Metering *metering_new(const Config *config, Namespaces *namespaces, GError **error);
void metering_free(Metering *metering);

void metering_set_config(Metering *metering, const Config *config);

/* Makes the observation points what the configuration and the present interfaces say; faults are
 * logged, once each, and tried again at the next sweep. */
void metering_follow(Metering *metering);

/*
 * Advance, read, count. Fills @report; to be followed by metering_set_reported() when the report has been
 * made and metering_finish() when it has left. A sweep that failed is taken up where it stopped by the
 * next call.
 */
bool metering_sweep(Metering *metering, Report *report, GError **error);

void metering_set_reported(Metering *metering);
bool metering_is_reported(const Metering *metering);

/* The report has left: it will not be repeated. Empties the tables that were read. */
bool metering_finish(Metering *metering, GError **error);

/* Whether a sweep (also one of an earlier agent) has not been finished. */
bool metering_is_pending(const Metering *metering);

/* All hooks go but those that were attached by hand; what they have counted is still to be swept. Returns
 * whether any stays. */
bool metering_detach(Metering *metering);

/* As following_by_hand() and following_wants_netns(). */
bool metering_by_hand(Metering *metering, const Link *link, const InterfaceConfig *how,
		      ByHand options, bool *changed, GError **error);
bool metering_wants_netns(const Metering *metering, const char *netns);

/* How often the sums could not be written below `run`, by this process; the first time is said in the log. */
uint64_t metering_save_errors(const Metering *metering);

/* The sums to the disk, for a reboot. */
bool metering_save_state(Metering *metering, GError **error);

/* Nothing is left in the kernel, nor below `run` if metering_save_state() has @saved the sums. */
void metering_remove(Metering *metering, bool saved);

/* As flow_metering_flush_all() and flow_metering_flush(). */
void metering_flush_all_flows(Metering *metering);
uint32_t metering_flush_flows(Metering *metering, FlowChoice chosen, void *user_data);

/* As flow_routing_find(). */
void metering_find_routes(Metering *metering, const FlowRecord *flows, size_t n, FlowRoute *found);

const Flows *metering_flows(const Metering *metering);
const FlowSums *metering_flow_sums(const Metering *metering);
const FlowSeriesTable *metering_flow_series(const Metering *metering);
const Hosts *metering_hosts(const Metering *metering);
Hosts *metering_hosts_now(Metering *metering,
			  GError **error); /* with what has come since the sweep; a copy */
const Ledger *metering_ledger(const Metering *metering);
const GPtrArray *metering_points(const Metering *metering); /* of Point */
CacheUse metering_cache_use(const Metering *metering);
uint32_t metering_pairs_used(const Metering *metering); /* entries in the kernel's table of pairs */
uint64_t metering_generation(const Metering *metering);

/* Interfaces that the configuration names and that do not exist; names, the caller's to unref. */
GPtrArray *metering_awaited(const Metering *metering);

/* Whether the kernel's tables of flows fill up so fast that the next sweep should not wait. */
bool metering_is_pressed(const Metering *metering);

/* Whether the last sweep found filters of ours removed: metering_follow() puts them back. */
bool metering_is_bared(const Metering *metering);

/* As watching_look() and watching_overlaps(). */
void metering_look(Metering *metering);
const GPtrArray *metering_overlaps(const Metering *metering);

/* What went wrong with an interface, by name; of char* to char*; borrowed. */
GHashTable *metering_faults(const Metering *metering);

/* The period that follows @previous, steady when the clock is set; exposed for tests. */
Period period_next(const Period *previous, uint64_t now_ms, uint64_t monotonic_ns);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Metering, metering_free)

#endif
