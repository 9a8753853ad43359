/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flows amount to, whatever becomes of them: packets and octets by the two interfaces, the hook that
 * counted them and the protocol; and what is known of the pair of interfaces alone. Interfaces go by their
 * names in reports, as in the ledger, so that the sums outlive the process and the indexes. They only grow.
 *
 * There are at most FLOW_SUMS_MAX rows of each of the two; whoever comes first has one. All the rest is in
 * the overflow. Where all are taken, those that have been idle for long leave for it, as the interfaces of
 * containers do.
 */
#ifndef FLOWTALLY_FLOWSUMS_H
#define FLOWTALLY_FLOWSUMS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "hosts.h"
#include "records.h"
#include "base/totals.h"

#define FLOW_SUMS_MAX 4096

typedef struct FlowSums FlowSums;

typedef struct {
	const char *ingress; /* interned; "": none, or not known: it is from this machine */
	const char *egress;  /* interned; "": none: it stays here */
	enum hook hook;	     /* where it was counted */
	uint8_t protocol;    /* 0 where that does not matter */
} FlowPath;

typedef struct {
	FlowPath path;
	uint64_t last_ms; /* when there was something to add: since the epoch */
	Volume volume;
} FlowSum;

/* Of all protocols. */
typedef struct {
	FlowPath path;
	uint64_t last_ms;
	Volume limit;	     /* what found no room in the kernel's table of flows */
	uint64_t latency_ns; /* sum of the times that frames took from the one to the other, ... */
	uint64_t latency_frames; /* ... and of how many */
} PairSum;

FlowSums *flow_sums_new(void);
void flow_sums_free(FlowSums *sums);

void flow_sums_add(FlowSums *sums, const FlowSum *added);
void flow_sums_add_pair(FlowSums *sums, const PairSum *added);

/* What found no room among the flows, of pairs that found none in the kernel's own table of them. */
void flow_sums_add_pair_overflow(FlowSums *sums, const Volume *limit);

/* If all rows are taken. */
void flow_sums_make_room(FlowSums *sums, uint64_t now_ms, uint64_t idle_ms);

/* In the order in which they came first; borrowed. */
const GPtrArray *flow_sums_rows(const FlowSums *sums);	/* of FlowSum */
const GPtrArray *flow_sums_pairs(const FlowSums *sums); /* of PairSum */

/* What found no room among them; without a path. */
const FlowSum *flow_sums_overflow(const FlowSums *sums);
const PairSum *flow_sums_pair_overflow(const FlowSums *sums);

/* What is loaded takes the place of what is there. On failure nothing is loaded. */
void flow_sums_save(const FlowSums *sums, TotalsWriter *writer);
bool flow_sums_load(FlowSums *sums, TotalsReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlowSums, flow_sums_free)

#endif
