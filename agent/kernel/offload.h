/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may keep packets from our hooks at an interface, and how that is found out.
 *
 * Hardware, a flowtable of nftables or an XDP program may forward or drop packets before they come to us, and
 * so may programs of others at the same hook. Mostly the interface does not count such packets either: then
 * the ledger balances without them.
 */
#ifndef FLOWTALLY_OFFLOAD_H
#define FLOWTALLY_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <linux/netlink.h>

#include "topology.h"

typedef enum {
	OFFLOAD_FLOWTABLE,	    /* software, which comes after our hooks */
	OFFLOAD_FLOWTABLE_BELOW,    /* of an interface below, past this one */
	OFFLOAD_FLOWTABLE_HARDWARE, /* with the flag `offload` */
	OFFLOAD_TC,		    /* hw-tc-offload is switched on */
	OFFLOAD_XDP,
	OFFLOAD_PROGRAM_BEFORE,
	OFFLOADS,
} Offload;

/* A bit for each, OFFLOAD_BIT(). */
typedef uint32_t OffloadSet;
#define OFFLOAD_BIT(offload) (1u << (offload))

extern const char *const offload_names[OFFLOADS]; /* flowtable, flowtable-below ... */
extern const char
	*const offload_consequences[OFFLOADS]; /* a sentence each: what follows for the counts */

/*
 * What the kernel tells of the interface @name in the namespace that the thread is in: of flowtables that have
 * it among their devices, and of hw-tc-offload. Needs CAP_NET_ADMIN.
 */
bool offload_read(const char *name, OffloadSet *offloads, GError **error);

/* What follows for an interface from what was found at the one next to it (topology_is_next()). */
OffloadSet offload_from_below(OffloadSet lower, TopologyRelation relation);

/* Exposed for tests: what a message of NFT_MSG_NEWFLOWTABLE means for the interface @name, and whether the
 * interface has the feature @feature, by ethtool's name, switched on. */
OffloadSet offload_of_flowtable(const struct nlmsghdr *message, const char *name);
bool offload_has_feature(const char *name, const char *feature);

#endif
