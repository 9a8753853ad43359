/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control socket can be asked about flows, in one line:
 *
 *     flows [sort=ORDER] [limit=N] [FILTER]
 *     flush all | FILTER
 *
 * FILTER is as flowfilter.h has it. An error has the code EINVAL and one printable line; one of the filter begins with
 * "filter: ".
 */
#ifndef FLOWTALLY_FLOWQUERY_H
#define FLOWTALLY_FLOWQUERY_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "accounts/flowfilter.h"
#include "view.h"

/* The most, the latest and the longest first. */
typedef enum {
	FLOWS_BY_OCTETS,
	FLOWS_BY_PACKETS,
	FLOWS_BY_END,
	FLOWS_BY_START,
	FLOWS_BY_DURATION,
	FLOW_ORDERS,
} FlowOrder;

extern const char *const flow_order_names[FLOW_ORDERS];

/* False: there is no such order. */
bool flow_order_parse(FlowOrder *order, const char *name);

typedef struct {
	FlowFilter *filter; /* NULL: all flows */
	FlowOrder order;
	uint32_t limit; /* UINT32_MAX: none */
} FlowQuery;

void flow_query_done(FlowQuery *query);

bool flow_query_is(const char *request); /* "flows" */
bool flow_query_is_flush(const char *request);

/* @view knows the interfaces. On failure there is nothing in @query to be freed. */
bool flow_query_parse(FlowQuery *query, const char *request, const View *view, GError **error);
bool flow_query_parse_flush(FlowQuery *query, const char *request, const View *view,
			    GError **error);

/* A FlowChoice of a FlowQuery. */
bool flow_query_matches(const FlowRecord *flow, void *query);

/* What is greater comes first. */
uint64_t flow_query_rank(const FlowQuery *query, const FlowRecord *flow);

#endif
