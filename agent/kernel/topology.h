/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interfaces see the same packets, because one stands upon the other, as a bridge does upon its
 * ports. Where both are metered, such packets count twice.
 */
#ifndef FLOWTALLY_TOPOLOGY_H
#define FLOWTALLY_TOPOLOGY_H

#include <stdbool.h>

#include <glib.h>

#include "links.h"

/* What the lower interface is to the upper one. */
typedef enum {
	TOPOLOGY_PORT,	  /* of a bridge */
	TOPOLOGY_MEMBER,  /* of a bond or a team */
	TOPOLOGY_VLAN,	  /* the upper one is a VLAN of it */
	TOPOLOGY_MACVLAN, /* the upper one is a MACVLAN or IPVLAN of it */
	TOPOLOGY_PEER,	  /* the other end of a pair, neither being above */
	TOPOLOGY_BELOW,	  /* none of these, with other interfaces in between */
	TOPOLOGY_RELATIONS,
} TopologyRelation;

extern const char
	*const topology_relation_names[TOPOLOGY_RELATIONS]; /* bridge-port, bond-member ... */

/* How @lower is next to @upper; false: it is not. */
bool topology_is_next(const Link *upper, const Link *lower, TopologyRelation *relation);

/* Two metered interfaces, by the names that the configuration has for them. */
typedef struct {
	char *upper;
	char *lower;
	TopologyRelation relation;
} Overlap;

typedef bool (*TopologyFilter)(const Link *link, void *user_data);

/* All pairs of metered interfaces with no third one between the two; of Overlap, the caller's to unref. */
GPtrArray *topology_overlaps(const GPtrArray *links, TopologyFilter is_metered, void *user_data);

/* Whether @overlaps has a pair of the same names. */
bool topology_has(const GPtrArray *overlaps, const Overlap *overlap);

/* A line that says why they overlap and what to choose; the caller's to free. */
char *topology_advice(const Overlap *overlap);

#endif
