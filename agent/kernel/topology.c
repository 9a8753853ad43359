/* SPDX-License-Identifier: Apache-2.0 */
#include "topology.h"

#include <string.h>

/* No more interfaces than that can stand upon each other: the kernel's MAX_NEST_DEV. */
#define MAX_DEPTH 8

const char *const topology_relation_names[TOPOLOGY_RELATIONS] = {
	[TOPOLOGY_PORT] = "bridge-port", [TOPOLOGY_MEMBER] = "bond-member",
	[TOPOLOGY_VLAN] = "vlan",	 [TOPOLOGY_MACVLAN] = "macvlan",
	[TOPOLOGY_PEER] = "peer",	 [TOPOLOGY_BELOW] = "below",
};

/* Of a master that passes the frames of its ports as they are, which a VRF, say, does not. */
static bool is_port_of(const Link *port, const Link *master, TopologyRelation *relation)
{
	static const struct {
		const char *kind;
		TopologyRelation relation;
	} masters[] = {
		{ "bridge", TOPOLOGY_PORT },
		{ "bond", TOPOLOGY_MEMBER },
		{ "team", TOPOLOGY_MEMBER },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(masters) && port->master == master->ifindex; i++) {
		if (!strcmp(master->kind, masters[i].kind)) {
			*relation = masters[i].relation;
			return true;
		}
	}
	return false;
}

static TopologyRelation relation_to_lower(const Link *upper)
{
	if (!strcmp(upper->kind, "vlan"))
		return TOPOLOGY_VLAN;
	return strcmp(upper->kind, "veth") ? TOPOLOGY_MACVLAN : TOPOLOGY_PEER;
}

bool topology_is_next(const Link *upper, const Link *lower, TopologyRelation *relation)
{
	if (interface_netns_id(upper->id) != interface_netns_id(lower->id))
		return false;
	if (is_port_of(lower, upper, relation))
		return true;
	if (upper->lower != lower->ifindex)
		return false;
	*relation = relation_to_lower(upper);
	return true;
}

static void overlap_free(void *data)
{
	Overlap *overlap = data;

	g_free(overlap->upper);
	g_free(overlap->lower);
	g_free(overlap);
}

bool topology_has(const GPtrArray *overlaps, const Overlap *overlap)
{
	for (guint i = 0; i < overlaps->len; i++) {
		const Overlap *other = overlaps->pdata[i];

		if (!strcmp(other->upper, overlap->upper) && !strcmp(other->lower, overlap->lower))
			return true;
	}
	return false;
}

typedef struct {
	const GPtrArray *links;
	TopologyFilter is_metered;
	void *user_data;
	GPtrArray *overlaps;
} Search;

static void add(Search *search, const Link *upper, const Link *lower, TopologyRelation relation)
{
	Overlap *overlap = g_new(Overlap, 1);
	bool is_upside_down = relation == TOPOLOGY_PEER && upper->ifindex > lower->ifindex;
	const Link *first = is_upside_down ? lower : upper,
		   *second = is_upside_down ? upper : lower;

	overlap->upper = interface_name(first->netns, first->name);
	overlap->lower = interface_name(second->netns, second->name);
	overlap->relation = relation;
	/* There may be several ways from one to the other. */
	if (topology_has(search->overlaps, overlap))
		overlap_free(overlap);
	else
		g_ptr_array_add(search->overlaps, overlap);
}

/* Goes down from @upper, and at @between has come @depth interfaces far. */
static void descend(Search *search, const Link *upper, const Link *between, int depth)
{
	TopologyRelation relation;

	for (guint i = 0; i < search->links->len && depth < MAX_DEPTH; i++) {
		const Link *lower = search->links->pdata[i];

		if (lower == upper || !topology_is_next(between, lower, &relation))
			continue;
		if (search->is_metered(lower, search->user_data))
			add(search, upper, lower, depth ? TOPOLOGY_BELOW : relation);
		else
			descend(search, upper, lower, depth + 1);
	}
}

GPtrArray *topology_overlaps(const GPtrArray *links, TopologyFilter is_metered, void *user_data)
{
	Search search = { links, is_metered, user_data,
			  g_ptr_array_new_with_free_func(overlap_free) };

	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];

		if (is_metered(link, user_data))
			descend(&search, link, link, 0);
	}
	return search.overlaps;
}

char *topology_advice(const Overlap *overlap)
{
	/* Which of the two has what the other has, and more. */
	const struct {
		const char *name;
		const char *what;
	} wider[TOPOLOGY_RELATIONS] = {
		[TOPOLOGY_PORT] = { overlap->upper, "ports" },
		[TOPOLOGY_MEMBER] = { overlap->upper, "members" },
		[TOPOLOGY_VLAN] = { overlap->lower, "VLANs" },
		[TOPOLOGY_MACVLAN] = { overlap->lower, "MACVLANs" },
	};
	const char *name = wider[overlap->relation].name;
	g_autofree char *choice =
		name ? g_strdup_printf(": %s for all its %s together, or the other", name,
				       wider[overlap->relation].what) :
		       g_strdup("");

	return g_strdup_printf(
		"%s and %s both meter the packets that pass between them; name one%s",
		overlap->upper, overlap->lower, choice);
}
