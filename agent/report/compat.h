/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the systems that flowtally replaces show of hosts, as they should have counted it: for dashboards
 * that ask for their metrics. Of devices that are shown (devices.h), and without what was hidden.
 */
#ifndef FLOWTALLY_COMPAT_H
#define FLOWTALLY_COMPAT_H

#include <stdint.h>

#include <glib.h>

#include "view.h"

/* Mezoura: an address of a device, and what it has exchanged with the internet. */
typedef struct {
	const char *mac;
	const char *hostname; /* with "-v6" if the address is one */
	const char *ip;
	Volume volume[DIRECTIONS];
} MezouraSeries;

/* The recipe on iptables' counters: all devices of a name, by family and direction. */
typedef struct {
	const char *host;
	const char *ipv;       /* "4", "6" */
	const char *direction; /* "in" is towards the host */
	Volume volume;
} IptablesSeries;

/* Both new, in an order that lasts; texts are in @texts. */
GArray *compat_mezoura(const View *view, GStringChunk *texts);	/* of MezouraSeries */
GArray *compat_iptables(const View *view, GStringChunk *texts); /* of IptablesSeries */

#endif
