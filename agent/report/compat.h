/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the systems that flowtally replaces show, as they should have counted it: for dashboards that ask for
 * their metrics. What is of hosts is of devices that are shown (devices.h), and without what was hidden.
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

/* linux-flow-exporter: what has left, by the ifindexes of the interfaces. */
typedef struct {
	uint32_t ingress; /* as in IPFIX; 0: it was sent by this machine */
	uint32_t egress;
	Volume total; /* with `overflow` */
	Volume overflow;
	uint64_t latency_ns;
} LinuxFlowExporterSeries;

/* packet-exporter: the packets from one end to the other that came in by one interface. */
typedef struct {
	const char *source; /* "192.0.2.1:80", "[2001:db8::1]:80"; COMPAT_OVERFLOW: the rest */
	const char *dest;
	const char *interface;
	const char *protocol; /* its number */
	uint64_t packets;
	struct packet_sizes sizes;
} PacketExporterSeries;

#define COMPAT_OVERFLOW "overflow"

/* All new, in an order that lasts; texts are in @texts. */
GArray *compat_mezoura(const View *view, GStringChunk *texts);	/* of MezouraSeries */
GArray *compat_iptables(const View *view, GStringChunk *texts); /* of IptablesSeries */

/* Of LinuxFlowExporterSeries: interfaces which are not there have no ifindex, and no series. */
GArray *compat_linux_flow_exporter(const View *view);
GArray *compat_packet_exporter(const View *view, GStringChunk *texts); /* of PacketExporterSeries */

#endif
