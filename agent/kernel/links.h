/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network interfaces of a network namespace, their addresses and counters, by rtnetlink(7)
 * through libmnl.
 *
 * A Links holds the kernel's table as of the last event. It subscribes to changes: on_change is
 * called from the main context, once for a burst of them, after the table is up to date. If events
 * were lost (ENOBUFS) the table is dumped again as a whole, and on_change called.
 */
#ifndef FLOWTALLY_LINKS_H
#define FLOWTALLY_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "netns.h"
#include "base/prefix.h"
#include "records.h"

typedef struct Links Links;

typedef struct {
	uint64_t id;	   /* interface_id(): which one of the machine */
	uint32_t ifindex;  /* which one of its namespace */
	const char *netns; /* that namespace's name, "": the agent's own; interned */
	char name[16];	   /* IFNAMSIZ */
	char kind[16];	   /* of a device that is software: "bridge", "vlan" ...; else "" */
	uint16_t arp_type; /* ARPHRD_* */
	bool is_loopback;
	uint32_t master; /* ifindex of the bridge or bond that it is a port of; 0: none */
	uint32_t lower;	 /* ifindex of the interface of its namespace that its frames pass, too: a
			    VLAN's, a MACVLAN's; 0: none */
	bool has_xdp;	 /* an XDP program sees its frames before they are ours to see */
	uint8_t mac[MAC_LEN];	/* zero: it has none */
	bool has_default_route; /* IPv4 or IPv6, in the main table */
	GArray *prefixes; /* of Prefix: of its own addresses, each once, sorted; link-local ones are
			     among them, and of a point-to-point link the address alone */
	GArray *addresses; /* of Prefix: the same addresses, each in full length, sorted */
} Link;

/* Frames and octets as the driver counts them. */
typedef struct {
	uint64_t frames[HOOKS]; /* by enum hook: received is HOOK_INGRESS */
	uint64_t octets[HOOKS];
} LinkCounters;

typedef void (*LinksCallback)(void *user_data);

/* Dumps the tables before it returns. @netns is borrowed. @on_change may be NULL: then nothing is
 * followed. */
Links *links_new(const Netns *netns, LinksCallback on_change, void *user_data, GError **error);
void links_free(Links *links);

/* Borrowed; valid until the main context runs again. Ordered by ifindex. */
const GPtrArray *links_all(const Links *links); /* of Link */
const Link *links_by_ifindex(const Links *links, uint32_t ifindex);
const Link *links_by_name(const Links *links, const char *name);

/* What stands before the IP header in its frames; false: something that our programs do not know. */
bool link_find_layer(const Link *link, enum link_layer *layer);

/* Asks the kernel now (RTM_GETLINK, IFLA_STATS64). False with ENODEV: the interface is gone. */
bool links_read_counters(Links *links, uint32_t ifindex, LinkCounters *counters, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Links, links_free)

#endif
