/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent's documents "flows" say of one device: its conversations, each with what it has had in both
 * directions, and how fast.
 *
 * A document is of the agent's last sweep, and has of each flow what came since its last record. Of a flow that was
 * reported between two documents it is not known how much left with the record; if it has had packets since the
 * earlier one, it is taken to have been as fast as before. A packet that is metered both as it comes in and as
 * it leaves is counted once. All texts are printable.
 */
#ifndef FLOWTALLY_TOP_FLOWS_H
#define FLOWTALLY_TOP_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

#include "top_devices.h"

/* How many flows are asked for, both directions being flows of their own: those with the most octets. */
#define TOP_FLOWS_MAX 500

/* How many of its addresses a device is looked for by. */
#define TOP_FLOWS_ADDRESSES 64

/* A conversation. */
typedef struct {
	char *key;
	char *far;  /* protocol and far end, "tcp 192.0.2.1:443" */
	char *near; /* the device's end, "192.168.2.10:40000" */
	char *family_name;
	TopFamily family;
	TopFigures by_hook[HOOKS];
	TopFigures shown;
} TopFlow;

typedef struct {
	GHashTable *flows;    /* of TopFlow, by key: as shown */
	GHashTable *counters; /* of what is behind them */
	GArray *addresses;    /* of Prefix: the device's */
	char *mac;	      /* NULL: it is known by address alone */
	uint64_t start_ms;    /* the times of the first document and of the last; 0: none */
	uint64_t last_ms;
	uint64_t shown_ms; /* of the document that is shown */
	bool metered;	   /* by any interface, says the last document */
	bool cut;	   /* there may be more flows than it has */
} TopFlows;

TopFlows *top_flows_new(void);
void top_flows_free(TopFlows *flows);

/*
 * The device: @host is its MAC or address, @addresses, of const char *, are those that it has now, the most
 * important first. Returns the request for its flows; NULL: it can be found by nothing. The caller's to free.
 */
char *top_flows_request(TopFlows *flows, const char *host, const GPtrArray *addresses);

/* A document "flows"; fails, changing nothing, if it is none. */
bool top_flows_add(TopFlows *flows, const json_t *document, GError **error);

/* What the last document says is shown from now on. */
void top_flows_show(TopFlows *flows);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TopFlows, top_flows_free)

#endif
