/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flows amount to (flowsums.h), as series: by interface, direction and protocol, and by pair of interfaces.
 * All volumes are those of packets as they were counted to flows, once or more often on their way, as
 * `flows-at` has it.
 */
#ifndef FLOWTALLY_FLOWMETRICS_H
#define FLOWTALLY_FLOWMETRICS_H

#include <stdint.h>

#include <glib.h>

#include "view.h"

/* Texts are ready to be labels, and in the chunk that is given or for ever. */
typedef struct {
	const char *interface;
	const char *direction; /* receive, transmit: where it was counted */
	const char *protocol;
	Volume volume;
} ProtocolSeries;

typedef struct {
	const char *ingress; /* "": none */
	const char *egress;
	const char *netns; /* of both; "": the agent's own */
	const char *direction;
	Volume volume;
	Volume limit; /* that found no room in the kernel's table of flows */
	uint64_t latency_ns;
	uint64_t latency_frames;
} PairSeries;

/* All new, in an order that lasts. */
GArray *flow_metrics_protocols(const View *view, GStringChunk *texts); /* of ProtocolSeries */

/* Of PairSeries: those that have flows, and those whose latency is known. */
GArray *flow_metrics_pairs(const View *view, GStringChunk *texts);
GArray *flow_metrics_latencies(const View *view, GStringChunk *texts);

#endif
