/* SPDX-License-Identifier: Apache-2.0 */
#include "flowrouting.h"

#include <string.h>

#include "kernel/routes.h"

struct FlowRouting {
	const GPtrArray *points; /* of Point */
	const Namespaces *namespaces;
	GHashTable *routes; /* id of a namespace -> Routes; NULL: they could not be had */
};

/* What is looked up of flows of one namespace: two queries a flow, one for each direction. */
typedef struct {
	GArray *queries; /* of RouteQuery */
	GArray *indexes; /* of size_t: of the flows */
} Inquiry;

static void routes_free_any(void *data)
{
	routes_free(data);
}

FlowRouting *flow_routing_new(const GPtrArray *points, const Namespaces *namespaces)
{
	FlowRouting *routing = g_new0(FlowRouting, 1);

	routing->points = points;
	routing->namespaces = namespaces;
	routing->routes = g_hash_table_new_full(NULL, NULL, NULL, routes_free_any);
	return routing;
}

void flow_routing_free(FlowRouting *routing)
{
	if (!routing)
		return;
	g_hash_table_unref(routing->routes);
	g_free(routing);
}

static bool is_in_use(gpointer netns_id, const GPtrArray *points)
{
	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];

		if (point->attached &&
		    interface_netns_id(point->interface) == GPOINTER_TO_UINT(netns_id))
			return true;
	}
	return false;
}

static gboolean is_to_be_left(gpointer netns_id, gpointer routes, gpointer points)
{
	(void)routes;
	return !is_in_use(netns_id, points);
}

void flow_routing_tidy(FlowRouting *routing)
{
	g_hash_table_foreach_remove(routing->routes, is_to_be_left, (gpointer)routing->points);
}

/* Those of the namespace that @interface is in; NULL: they cannot be had, which is said once. */
static Routes *routes_of(FlowRouting *routing, uint64_t interface)
{
	gpointer key = GUINT_TO_POINTER(interface_netns_id(interface)), known;
	const Netns *netns = namespaces_of(routing->namespaces, interface);
	g_autoptr(GError) error = NULL;
	Routes *routes;

	if (g_hash_table_lookup_extended(routing->routes, key, NULL, &known))
		return known;
	if (!netns)
		return NULL;
	routes = routes_new(netns, &error);
	if (!routes)
		g_warning("%s (flows of these interfaces are told without routes)", error->message);
	g_hash_table_insert(routing->routes, key, routes);
	return routes;
}

/* The points by their indexes in reports. */
static GHashTable *points_by_index(const FlowRouting *routing)
{
	const GPtrArray *points = routing->points;
	GHashTable *by_index = g_hash_table_new(NULL, NULL);

	for (guint i = 0; i < points->len; i++) {
		Point *point = points->pdata[i];

		g_hash_table_insert(by_index, GUINT_TO_POINTER(point->report_index), point);
	}
	return by_index;
}

/* Where the keys have no interfaces: there is one namespace only that a flow can have been seen in. */
static const Point *only_point(const FlowRouting *routing)
{
	const GPtrArray *points = routing->points;
	const Point *first = points->len ? points->pdata[0] : NULL;

	for (guint i = 1; i < points->len; i++) {
		const Point *point = points->pdata[i];

		if (interface_netns_id(point->interface) != interface_netns_id(first->interface))
			return NULL;
	}
	return first;
}

static const Point *find_point(GHashTable *points, uint32_t index)
{
	return g_hash_table_lookup(points, GUINT_TO_POINTER(index));
}

/* Interfaces that are no points are told of by their own number, and are then in our own namespace. */
static uint32_t ifindex_of(GHashTable *points, uint32_t index)
{
	const Point *point = find_point(points, index);

	return point ? interface_ifindex(point->interface) : index;
}

/* Which way the packets go, and which way those go that answer: these the kernel knows by no mark, as where it
 * validates sources itself. */
static void add_queries(Inquiry *inquiry, const FlowRecord *flow, GHashTable *points, size_t index)
{
	const struct flow_key *key = &flow->key;
	uint32_t ingress = ifindex_of(points, key->ingress);
	uint32_t egress = ifindex_of(points, key->egress);
	RouteQuery queries[2] = {
		{ .ingress = ingress,
		  .egress = egress,
		  .mark = key->mark,
		  .ip_version = key->ip_version },
		{ .ingress = egress, .egress = ingress, .ip_version = key->ip_version },
	};

	memcpy(queries[0].destination, key->destination, ADDRESS_LEN);
	memcpy(queries[1].destination, key->source, ADDRESS_LEN);
	/* Where it does not count it is left out, so that fewer answers need be kept. */
	if (queries[0].ingress)
		memcpy(queries[0].source, key->source, ADDRESS_LEN);
	if (queries[1].ingress)
		memcpy(queries[1].source, key->destination, ADDRESS_LEN);
	g_array_append_vals(inquiry->queries, queries, 2);
	g_array_append_val(inquiry->indexes, index);
}

static void inquire(const Inquiry *inquiry, Routes *routes, FlowRoute *found)
{
	g_autofree Route *answers = g_new(Route, inquiry->queries->len);

	routes_find(routes, (const RouteQuery *)(const void *)inquiry->queries->data,
		    inquiry->queries->len, answers);
	for (guint i = 0; i < inquiry->indexes->len; i++) {
		FlowRoute *route = &found[g_array_index(inquiry->indexes, size_t, i)];

		memcpy(route->next_hop, answers[2 * i].next_hop, ADDRESS_LEN);
		route->destination_length = answers[2 * i].length;
		route->source_length = answers[2 * i + 1].length;
	}
}

static void inquiry_free(void *data)
{
	Inquiry *inquiry = data;

	g_array_unref(inquiry->queries);
	g_array_unref(inquiry->indexes);
	g_free(inquiry);
}

static Inquiry *inquiry_for(GHashTable *inquiries, Routes *routes)
{
	Inquiry *inquiry = g_hash_table_lookup(inquiries, routes);

	if (!inquiry) {
		inquiry = g_new0(Inquiry, 1);
		inquiry->queries = g_array_new(FALSE, FALSE, sizeof(RouteQuery));
		inquiry->indexes = g_array_new(FALSE, FALSE, sizeof(size_t));
		g_hash_table_insert(inquiries, routes, inquiry);
	}
	return inquiry;
}

void flow_routing_find(FlowRouting *routing, const FlowRecord *flows, size_t n, FlowRoute *found)
{
	g_autoptr(GHashTable) points = points_by_index(routing);
	g_autoptr(GHashTable) inquiries = g_hash_table_new_full(NULL, NULL, NULL, inquiry_free);
	const Point *only = only_point(routing);
	GHashTableIter iter;
	gpointer routes, inquiry;

	memset(found, 0, n * sizeof(*found));
	for (size_t i = 0; i < n; i++) {
		const struct flow_key *key = &flows[i].key;
		uint32_t here = key->hook == HOOK_EGRESS ? key->egress : key->ingress;
		const Point *where = here ? find_point(points, here) : only;
		Routes *own = where ? routes_of(routing, where->interface) : NULL;

		if (own)
			add_queries(inquiry_for(inquiries, own), &flows[i], points, i);
	}
	g_hash_table_iter_init(&iter, inquiries);
	while (g_hash_table_iter_next(&iter, &routes, &inquiry))
		inquire(inquiry, routes, found);
}
