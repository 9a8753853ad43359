/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Flow Cache of the agent (RFC 5470): what the kernel's tables hold is handed here generation by
 * generation and kept, flow by flow, until a flow has ended or has been active for long enough to be
 * reported; then it leaves as a Flow Record, whose counters are what came since the record before. There is
 * no record without packets: a flow that has had none since it was last reported leaves without a word.
 *
 * The number of flows is bounded by `flows.max`. Where one more comes, another leaves early, for lack of
 * resources (RFC 5102, flowEndReason 5): a connection that has ended, or else what has been idle for
 * longest. But flows that have been seen in one sweep only, as those of a flood are, do not drive out flows
 * that were seen again while these are no more than half. No packet is lost by that. A sweep is what is added
 * between two calls of flows_expire().
 *
 * Both directions of a conversation are flows of their own, and found from each other. Where pairs are wanted,
 * their times are one: when a record of either is due, that of the other follows it; they have ended when
 * both have. A TCP connection is told to have ended (expiry.h) only where the key has the addresses and ports of both ends.
 *
 * If the clock is set, the times of all flows move along, so that they are as long as they were.
 */
#ifndef FLOWTALLY_FLOWS_H
#define FLOWTALLY_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "expiry.h"
#include "flowkey.h"
#include "hosts.h"
#include "records.h"
#include "base/totals.h"

typedef struct Flows Flows;

/* What one flow did in one period: of one generation, and of one CPU. */
typedef struct {
	struct flow_key key;
	Volume volume;
	uint64_t first_ns; /* CLOCK_MONOTONIC */
	uint64_t last_ns;
	struct flow_attributes attributes;
} FlowDelta;

/* Who began, as far as is known when a flow is first reported; it stays that. */
typedef enum {
	FLOW_ROLE_UNKNOWN,
	FLOW_INITIATOR,
	FLOW_RESPONDER,
	FLOW_ROLE_UNDECIDED, /* both directions were first seen within one tick of the clock */
} FlowRole;

/* What is known of a flow, and what is reported of it. */
typedef struct {
	struct flow_key key;
	Volume volume;	   /* since `start_ms` */
	uint64_t start_ms; /* since the epoch: of the first packet in `volume`; 0: it has none */
	uint64_t end_ms;   /* of the last packet, never before `start_ms` */
	struct flow_attributes attributes; /* of the packets that are in `volume` */
	FlowEnd end;			   /* FLOW_GOES_ON until it is reported */
	uint8_t role; /* of FlowRole; FLOW_ROLE_UNKNOWN unless pairs are wanted */
} FlowRecord;

/* Which way its packets go; what is not known is 0. */
typedef struct {
	uint8_t next_hop[ADDRESS_LEN]; /* IPv4 is mapped */
	uint8_t source_length;	       /* of the prefixes that the addresses are in, in bits */
	uint8_t destination_length;
} FlowRoute;

/* The memory that a flow takes, at most; that of flows that have left is kept for those to come. */
#define FLOW_OCTETS 176

Flows *flows_new(uint32_t max);
void flows_free(Flows *flows);

/* Whether both directions of a conversation are to leave together. */
void flows_set_pairs(Flows *flows, bool wanted);

/* A smaller size makes flows leave at the next flows_expire(). */
void flows_set_max(Flows *flows, uint32_t max);

/*
 * Adds what the kernel counted. @epoch_offset_ns: what is added to CLOCK_MONOTONIC to have the time since
 * the epoch. Records of flows that had to leave for it are appended to @records, of FlowRecord: for lack of
 * resources, or because a connection begins between the ends of one that has ended.
 */
void flows_add(Flows *flows, const FlowDelta *delta, int64_t epoch_offset_ns, GArray *records);

/*
 * The same for many, which takes a fraction of the time: while one is added, memory brings the others. @again,
 * which has room for @n, is told which flows were seen in an earlier sweep, too, and go on.
 */
void flows_add_all(Flows *flows, const FlowDelta *deltas, size_t n, int64_t epoch_offset_ns,
		   GArray *records, bool *again);

/* Appends the records of all flows for which that is due at @now_ms. */
void flows_expire(Flows *flows, const FlowTimeouts *timeouts, uint64_t now_ms, GArray *records);

/*
 * Makes those leave that @chosen says, whatever their age; NULL: all. Returns how many flows; there may be
 * fewer records.
 */
typedef bool (*FlowChoice)(const FlowRecord *flow, void *user_data);
uint32_t flows_flush(Flows *flows, FlowChoice chosen, void *user_data, GArray *records);

uint32_t flows_count(const Flows *flows);
uint32_t flows_max(const Flows *flows);

/* Each flow in no order; borrowed for the call, which may not change @flows. */
typedef void (*FlowVisitor)(const FlowRecord *flow, void *user_data);
void flows_visit(const Flows *flows, FlowVisitor visit, void *user_data);

/*
 * The same in steps, of @n places at most: @place is 0 for the first, and then where the last one has ended;
 * returns 0 when all have been visited. As long as flows_changes() stays the same, each flow is visited once.
 */
uint32_t flows_visit_some(const Flows *flows, uint32_t place, uint32_t n, FlowVisitor visit,
			  void *user_data);
uint64_t flows_changes(const Flows *flows);

/*
 * The same flow in the other direction, as flow_key_reverse() has it, whatever its traffic class; borrowed
 * until @flows changes. NULL: it was not seen.
 */
const FlowRecord *flows_find_reverse(const Flows *flows, const struct flow_key *key);

/*
 * What is loaded counts beside what is there. If that is more than the maximum, flows leave at the next
 * flows_expire(). On failure nothing is loaded.
 */
void flows_save(const Flows *flows, TotalsWriter *writer);
bool flows_load(Flows *flows, TotalsReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Flows, flows_free)

#endif
