/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which collector of a group has a record of traffic (`export.ipfix.groups` in flowtally.yaml(5)). Collectors are known
 * by their places in the list of the configuration here; nothing is sent.
 *
 * GROUP_FAILOVER: the first that is up, and while none is, one where records can wait. It stays the same in a report
 * as long as it is up.
 *
 * GROUP_HASH: rendezvous hashing. The one wins whose weight is highest, of
 *
 *   mix(FNV-1a of the collector's address and port ^ hash of the record's key)
 *
 * in 64 bits, where mix() is the finalizer of MurmurHash3. What is hashed of a host is its MAC, as one number, or without
 * one its address; of a flow its two addresses, the lower one first: hash = mix(hash ^ word) for each 8 octets in network
 * order, from 0 on. Where a numeric address of a collector has 16 octets, and two of the port in network order, a
 * name has its text with the port in lower case. So all agents choose alike, whatever the order of the list, and to
 * add a collector moves its share alone. There is no secret: who can choose addresses can choose a collector.
 */
#ifndef FLOWTALLY_GROUPS_H
#define FLOWTALLY_GROUPS_H

#include <stdbool.h>

#include <glib.h>

#include "config/config.h"
#include "elements/recordfields.h"

typedef struct Group Group;

/* How a collector is when the choice is made. */
typedef struct {
	const char *why_down; /* borrowed; NULL: it is up */
	bool can_keep;	      /* what it is sent while it is down waits there */
} GroupMember;

/* @config must outlive the group. */
Group *group_new(const GroupConfig *config);
void group_free(Group *group);

const GroupConfig *group_config(const Group *group);

/* Of GROUP_FAILOVER: who has the records; at first, the first. */
unsigned int group_active(const Group *group);
void group_set_active(Group *group, unsigned int place);

/* Chooses again, by one state for each collector; @is_beginning: of a report, when one that is earlier in the list can
 * have its place back. Whether another one is active now. */
bool group_review(Group *group, const GroupMember *states, bool is_beginning);

/* Of GROUP_HASH: who has the records of that host or flow. */
unsigned int group_place_of_host(const Group *group, const struct host_key *key);
unsigned int group_place_of_flow(const Group *group, const struct flow_key *key);

/* The same of many: a GArray for each collector, in the order of @records, which are of HostRecord or IpfixFlow. The
 * caller's to unref. */
GPtrArray *group_share_hosts(const Group *group, const GArray *records);
GPtrArray *group_share_flows(const Group *group, const GArray *records);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Group, group_free)

#endif
