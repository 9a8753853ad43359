/* SPDX-License-Identifier: Apache-2.0 */
#include "watching.h"

#include <linux/if_arp.h>
#include <string.h>

#include "kernel/broker.h"
#include "kernel/offload.h"
#include "kernel/topology.h"

/* What keeps packets from an interface. */
typedef struct {
	uint64_t interface; /* first: the key */
	OffloadSet offloads;
	bool in_part; /* not all could be read */
} Found;

struct Watching {
	Observation *observation;
	const Namespaces *namespaces;
	GPtrArray *overlaps; /* of Overlap: those that have been said */
	GHashTable *found;   /* interface -> Found: by the present look */
	char *fault;	     /* why not all could be read; NULL: all was */
	bool failed;	     /* the present look has met a fault */
};

Watching *watching_new(Observation *observation, const Namespaces *namespaces)
{
	Watching *watching = g_new0(Watching, 1);

	watching->observation = observation;
	watching->namespaces = namespaces;
	watching->overlaps = g_ptr_array_new();
	watching->found = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	return watching;
}

void watching_free(Watching *watching)
{
	if (!watching)
		return;
	g_ptr_array_unref(watching->overlaps);
	g_hash_table_unref(watching->found);
	g_free(watching->fault);
	g_free(watching);
}

const GPtrArray *watching_overlaps(const Watching *watching)
{
	return watching->overlaps;
}

/* --- offloads */

static void note_fault(Watching *watching, const char *fault)
{
	watching->failed = true;
	if (!g_strcmp0(watching->fault, fault))
		return;
	g_warning("%s (what else keeps packets from the hooks is not known)", fault);
	g_free(watching->fault);
	watching->fault = g_strdup(fault);
}

/* Nobody tells over which interface a PPP session runs: a flowtable may know the way through each. */
static bool is_next(const Link *upper, const Link *lower, TopologyRelation *relation)
{
	if (topology_is_next(upper, lower, relation))
		return true;
	*relation = TOPOLOGY_VLAN;
	return !strcmp(upper->kind, "ppp") && lower->arp_type == ARPHRD_ETHER &&
	       interface_netns_id(upper->id) == interface_netns_id(lower->id);
}

static Found *add_found(Watching *watching, const Link *link)
{
	Found *found = g_new0(Found, 1);

	found->interface = link->id;
	g_hash_table_insert(watching->found, &found->interface, found);
	return found;
}

/* At @link itself. */
static void look_at(Watching *watching, const Link *link, Found *found)
{
	const Netns *netns = namespaces_of(watching->namespaces, link->id);
	g_autoptr(GError) error = NULL;

	if (!broker_read_offloads(netns->fd, link->name, &found->offloads, &error)) {
		note_fault(watching, error->message);
		found->in_part = true;
	}
	if (link->has_xdp)
		found->offloads |= OFFLOAD_BIT(OFFLOAD_XDP);
}

/* At @link, and what follows from those below it. */
static const Found *find(Watching *watching, const Link *link)
{
	const GPtrArray *links = namespaces_links(watching->namespaces);
	Found *found = g_hash_table_lookup(watching->found, &link->id);
	TopologyRelation relation;

	if (found)
		return found;
	found = add_found(watching, link);
	look_at(watching, link, found);
	for (guint i = 0; i < links->len; i++) {
		const Link *lower = links->pdata[i];
		const Found *below;

		if (!is_next(link, lower, &relation) || relation == TOPOLOGY_PEER)
			continue;
		below = find(watching, lower);
		found->offloads |= offload_from_below(below->offloads, relation);
		found->in_part |= below->in_part;
	}
	return found;
}

static bool has_programs_before(const Point *point)
{
	return point->before[HOOK_INGRESS] > 0 || point->before[HOOK_EGRESS] > 0;
}

static OffloadSet offloads_of(Watching *watching, const Point *point)
{
	const Link *link = namespaces_find(watching->namespaces, point->interface);
	const Found *found = link && point->attached ? find(watching, link) : NULL;

	if (!found)
		return 0;
	return found->offloads |
	       (has_programs_before(point) ? OFFLOAD_BIT(OFFLOAD_PROGRAM_BEFORE) : 0) |
	       /* What could not be read has not gone. */
	       (found->in_part ? point->offloads : 0);
}

static void say_found(const char *name, Offload offload)
{
	/* The one that takes nothing away. */
	if (offload == OFFLOAD_FLOWTABLE)
		g_message("%s: %s: %s", name, offload_names[offload],
			  offload_consequences[offload]);
	else
		g_warning("%s: %s: %s", name, offload_names[offload],
			  offload_consequences[offload]);
}

static void say_changes(const Point *point, OffloadSet offloads)
{
	g_autofree char *name = interface_name(point->netns, point->name);

	for (int i = 0; i < OFFLOADS && point->attached; i++) {
		bool is = offloads & OFFLOAD_BIT(i), was = point->offloads & OFFLOAD_BIT(i);

		if (is && !was)
			say_found(name, i);
		else if (was && !is)
			g_message("%s: %s: no more", name, offload_names[i]);
	}
}

static void look_for_offloads(Watching *watching)
{
	const GPtrArray *points = observation_points(watching->observation);

	watching->failed = false;
	observation_look(watching->observation);
	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];
		OffloadSet offloads = offloads_of(watching, point);

		say_changes(point, offloads);
		observation_set_offloads(watching->observation, point->interface, offloads);
	}
	g_hash_table_remove_all(watching->found);
	if (!watching->failed)
		g_clear_pointer(&watching->fault, g_free);
}

/* --- overlaps */

static bool is_metered(const Link *link, void *user_data)
{
	const Watching *watching = user_data;
	const Point *point = observation_find(watching->observation, link->id);

	return point && point->attached;
}

static void look_for_overlaps(Watching *watching)
{
	g_autoptr(GPtrArray) said = watching->overlaps;

	watching->overlaps =
		topology_overlaps(namespaces_links(watching->namespaces), is_metered, watching);
	for (guint i = 0; i < watching->overlaps->len; i++) {
		const Overlap *overlap = watching->overlaps->pdata[i];
		g_autofree char *advice = topology_advice(overlap);

		if (!topology_has(said, overlap))
			g_warning("%s", advice);
	}
}

void watching_look(Watching *watching)
{
	look_for_offloads(watching);
	look_for_overlaps(watching);
}
