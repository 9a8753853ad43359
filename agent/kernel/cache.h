/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's tables: made or adopted, read without a race. Nothing else knows how that is done.
 *
 * Packets are counted in the tables of the active generation. A sweep takes these steps:
 *
 *   advance the generation, and wait for a grace period: the tables of the generation before are
 *           quiet from now on, nothing writes to them
 *   read    copy the quiet tables
 *   count   the caller adds them to sums that survive a crash, marked with the quiet generation's number
 *   report  the caller hands the deltas to the outputs, then cache_set_exported()
 *   empty   the quiet tables, for the next time
 *
 * All maps are pinned, so that they and the classifiers which write to them outlive the agent. Whoever
 * opens the cache next finds by the number of its sums which of the steps were done.
 */
#ifndef FLOWTALLY_CACHE_H
#define FLOWTALLY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "accounts/flows.h"
#include "accounts/hosts.h"
#include "records.h"

typedef struct Cache Cache;

/* Shared by all classifiers; the ledger is each interface's own. */
typedef enum {
	CACHE_CONTROL,
	CACHE_HOSTS,
	CACHE_MACS,
	CACHE_MAPS, /* up to here they are of hosts; ... */
	CACHE_FLOWS_IPV4 = CACHE_MAPS,
	CACHE_FLOWS_IPV6,
	CACHE_FRAGMENTS,
	CACHE_PAIRS,
	CACHE_STAMPS,
} CacheMap;

/*
 * Opens the tables pinned in @dir, for which maps_prepare() has been called, or makes them there.
 * @max_hosts is the size of those that are made; see cache_set_max_hosts().
 */
Cache *cache_open(const char *dir, uint32_t max_hosts, GError **error);

/* The pins stay. */
void cache_close(Cache *cache);

/* Borrowed descriptors for loading a classifier. */
int cache_map_fd(const Cache *cache, CacheMap map);

/*
 * The ledger of an interface (interface_id()): made, or adopted. -1 with @error set. With it comes the
 * number by which the tables know the interface, one of POINT_NUMBERS; it outlives the agent and ends with
 * the ledger.
 */
int cache_ensure_ledger(Cache *cache, uint64_t interface, GError **error);
uint16_t cache_point_number(const Cache *cache, uint64_t interface); /* of one that has a ledger */
bool cache_has_ledger(const Cache *cache, uint64_t interface);
void cache_drop_ledger(Cache *cache, uint64_t interface);
GArray *cache_ledgers(const Cache *cache); /* of uint64_t interface; the caller's to unref */

/*
 * The number that a point has in reports, and in the keys that the cache hands out. It is the ifindex in
 * the agent's own namespace; those of other namespaces are no two alike, from REPORT_INDEX_BASE on.
 */
#define REPORT_INDEX_BASE (1u << 30)
uint32_t cache_report_index(uint64_t interface, uint16_t number);

/* Which tables these are: differs from that of tables which were made anew. */
uint64_t cache_identity(const Cache *cache);
uint64_t cache_generation(const Cache *cache); /* the active one */
uint64_t cache_exported(const Cache *cache);
void cache_set_exported(Cache *cache, uint64_t generation);

/* Advances the generation; its tables must be empty. */
void cache_advance(Cache *cache);

/*
 * Waits out a grace period: no packet is under way any more that was when it began. After cache_advance()
 * nothing writes to the tables of the generation before.
 */
bool cache_wait_until_quiet(Cache *cache, GError **error);

/*
 * Of the quiet generation. Appends HostDeltas, no two with the same key; the ifindex is that of
 * cache_report_index(), 0 where a classifier has counted on whose ledger is gone.
 */
bool cache_read_hosts(Cache *cache, GArray *deltas, GError **error);

/* The same of flows: copied; ... */
bool cache_read_flows(Cache *cache, GError **error);

/*
 * ... and shown one by one; the same flow may come once for each CPU. *@keep may be set until
 * cache_empty(): as in flow_tables_visit().
 */
typedef void (*CacheFlowVisitor)(const FlowDelta *delta, bool *keep, void *user_data);
void cache_visit_flows(const Cache *cache, CacheFlowVisitor visit, void *user_data);

/*
 * What is known of those that came in by one interface and left by another, or stayed: on the way, and
 * not of any flow.
 */
typedef struct {
	uint32_t ingress; /* as in struct flow_key */
	uint32_t egress;
	enum hook hook;
	Volume limit;		 /* of packets whose flow found no room: FLOW_LIMIT */
	uint64_t latency_ns;	 /* sum of the times that packets took, ... */
	uint64_t latency_frames; /* ... and of how many; a GSO frame is one */
} PairDelta;

/* Of the quiet generation. Appends PairDeltas, no two of one pair and hook, but where one is not known any more. */
bool cache_read_pairs(Cache *cache, GArray *deltas, GError **error);

bool cache_read_sheets(Cache *cache, uint64_t interface, struct ledger_sheet sheets[HOOKS],
		       GError **error);

/*
 * The same of the active generation, which packets are counted in meanwhile: for show. What is appended
 * will be there again at the next sweep.
 */
bool cache_peek_hosts(Cache *cache, GArray *deltas, GError **error);

/*
 * A new size set by cache_set_max_hosts() is given to the quiet tables here, while they are empty; one
 * that the kernel refuses is logged, and the size stays.
 */
bool cache_empty(Cache *cache, GError **error);

void cache_set_max_hosts(Cache *cache, uint32_t max_hosts);

/* Entries that came to tables of flows since the generation was last advanced, on all CPUs. */
uint64_t cache_flows_added(const Cache *cache);

/* For how many there was room when it was, in the table that had least. */
uint32_t cache_flow_room(const Cache *cache);

/* As flow_tables_set_max(). */
bool cache_set_max_flows(Cache *cache, uint32_t max_flows, GError **error);

/* Entries in the tables at the last cache_read_hosts(), and how many there may be. */
typedef struct {
	uint32_t hosts;
	uint32_t macs;
	uint32_t limit;
	uint32_t flows; /* in the fullest table */
	uint32_t flow_limit;
} CacheUse;
CacheUse cache_use(const Cache *cache);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cache, cache_close)

#endif
