/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent's documents say of devices: `flowtally top`'s memory, which knows no order and no choice.
 *
 * Each document is taken in; what is shown is what the last one said when that was asked for. All texts are
 * printable.
 */
#ifndef FLOWTALLY_TOP_DEVICES_H
#define FLOWTALLY_TOP_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

#include "rates.h"
#include "records.h"

typedef enum {
	TOP_ALL_FAMILIES,
	TOP_IPV4,
	TOP_IPV6,
	TOP_FAMILIES,
} TopFamily;

typedef struct {
	uint64_t packets[DIRECTIONS];
	uint64_t octets[DIRECTIONS];	       /* IP octets */
	double rate[DIRECTIONS][RATE_WINDOWS]; /* octets a second */
} TopFigures;

TopFamily top_family_of(const char *name); /* "ipv4", "ipv6" */

void top_figures_add(TopFigures *sum, const TopFigures *figures);

/* One counter of a device, as a document has it. */
typedef struct {
	char *key;     /* of its row */
	char *address; /* NULL: counted by MAC alone */
	char *name;
	char *family_name;
	char *scope;
	TopFamily family;
	Rates *rates;
	uint64_t first_seen_ms;
	bool in_document; /* in the last one */
	bool is_new;	  /* nothing is in its rates */
	bool joined;	  /* the account of the MAC has taken it over */
	TopFigures now;	  /* the volumes of the last document, ... */
	TopFigures shown; /* ... and all figures of the one that is shown */
} TopAccount;

typedef struct {
	char *key;
	char *host; /* NULL: devices beyond `hosts.max` */
	char *name;
	char *interface;
	GHashTable *accounts; /* of TopAccount, by key */
	bool in_document;
	bool shown;
} TopDevice;

typedef struct {
	GHashTable *devices; /* of TopDevice, by key */
	uint64_t start_ms;   /* the times of the first document and of the last; 0: none */
	uint64_t last_ms;
} TopDevices;

TopDevices *top_devices_new(void);
void top_devices_free(TopDevices *devices);

/* A document "hosts" or "live"; fails, changing nothing, if it is none. Names of devices may change. */
bool top_devices_add(TopDevices *devices, const json_t *document, GError **error);

/* What the last document says is shown from now on, and what is not in it goes. */
void top_devices_show(TopDevices *devices);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TopDevices, top_devices_free)

#endif
