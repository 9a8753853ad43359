/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control socket can be asked about flows, in one line:
 *
 *     flows [sort=ORDER] [limit=N] [as=FORM] [FILTER]
 *     records [from=NUMBER] [limit=N] [as=FORM] [FILTER]
 *     flush all | FILTER
 *
 * FORM is how each flow is written: `flowlog`, as flowlog.h has it, or else as flowjson.h. Records are those that have left
 * since a number (recordlist.h); without it those to come. FILTER is as flowfilter.h has it. An error has the code EINVAL and one printable line; one of the filter begins with
 * "filter: ".
 */
#ifndef FLOWTALLY_FLOWQUERY_H
#define FLOWTALLY_FLOWQUERY_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "accounts/flowfilter.h"
#include "interfacenames.h"
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

/* What it takes to write a flow, besides the flow. */
typedef struct {
	uint8_t flow_key; /* `flows.key`, of enum flow_key_part */
	uint64_t now_ms;
	const InterfaceNames *names; /* borrowed */
} FlowContext;

/* As of now; the names are still to be set. */
FlowContext flow_context(const View *view);

typedef void (*FlowAppend)(GString *text, const FlowRecord *flow, const FlowContext *context);

typedef struct {
	FlowFilter *filter; /* NULL: all flows */
	FlowOrder order;
	uint32_t limit; /* UINT32_MAX: none */
	uint64_t from;	/* UINT64_MAX: those to come */
	FlowAppend append;
} FlowQuery;

void flow_query_done(FlowQuery *query);

bool flow_query_is(const char *request); /* "flows" */
bool flow_query_is_records(const char *request);
bool flow_query_is_flush(const char *request);

/* @view knows the interfaces. On failure there is nothing in @query to be freed. */
bool flow_query_parse(FlowQuery *query, const char *request, const View *view, GError **error);
bool flow_query_parse_records(FlowQuery *query, const char *request, const View *view,
			      GError **error);
bool flow_query_parse_flush(FlowQuery *query, const char *request, const View *view,
			    GError **error);

/* A FlowChoice of a FlowQuery. */
bool flow_query_matches(const FlowRecord *flow, void *query);

/* What is greater comes first. */
uint64_t flow_query_rank(const FlowQuery *query, const FlowRecord *flow);

#endif
