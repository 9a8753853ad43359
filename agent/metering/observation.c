/* SPDX-License-Identifier: Apache-2.0 */
#include "observation.h"

#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kernel/broker.h"
#include "base/error.h"
#include "kernel/maps.h"
#include "kernel/tc.h"

struct Observation {
	Cache *cache;
	const Scope *scope;
	const Namespaces *namespaces;
	char *pins;
	GPtrArray *points; /* of Point */
};

struct point_row {
	uint64_t interface;
	uint32_t kind; /* HookKind */
	uint32_t handle;
	uint8_t made_clsact;
	uint8_t reserved[3];
	PointMeter meter;
	uint16_t side;
	uint16_t layer;
	uint32_t priority[HOOKS];
	char name[16];
	char netns[TOTALS_NETNS_MAX];
	char report_name[TOTALS_NAME_MAX];
};
_Static_assert(sizeof(struct point_row) == 376, "point_row is on disk");

Observation *observation_new(Cache *cache, const Scope *scope, const Namespaces *namespaces,
			     const char *pins)
{
	Observation *observation = g_new0(Observation, 1);

	observation->cache = cache;
	observation->scope = scope;
	observation->namespaces = namespaces;
	observation->pins = g_strdup(pins);
	observation->points = g_ptr_array_new();
	return observation;
}

static void point_free(Point *point)
{
	hooks_close(&point->hooks);
	g_free(point);
}

void observation_free(Observation *observation)
{
	if (!observation)
		return;
	for (guint i = 0; i < observation->points->len; i++)
		point_free(observation->points->pdata[i]);
	g_ptr_array_unref(observation->points);
	g_free(observation->pins);
	g_free(observation);
}

static Point *find(const Observation *observation, uint64_t interface)
{
	for (guint i = 0; i < observation->points->len; i++) {
		Point *point = observation->points->pdata[i];

		if (point->interface == interface)
			return point;
	}
	return NULL;
}

const Point *observation_find(const Observation *observation, uint64_t interface)
{
	return find(observation, interface);
}

const Point *observation_find_by_report_index(const Observation *observation, uint32_t index)
{
	for (guint i = 0; i < observation->points->len; i++) {
		const Point *point = observation->points->pdata[i];

		if (point->report_index == index)
			return point;
	}
	return NULL;
}

const GPtrArray *observation_points(const Observation *observation)
{
	return observation->points;
}

uint16_t observation_number(const Observation *observation, const Point *point)
{
	return cache_point_number(observation->cache, point->interface);
}

/* --- the links of tcx, which the pins keep */

static char *link_pin(const Observation *observation, const Point *point, enum hook hook)
{
	return g_strdup_printf("link-%u-%s", observation_number(observation, point),
			       hook == HOOK_INGRESS ? "ingress" : "egress");
}

/* A descriptor of what is pinned, -1: nothing is. */
static int open_link(const Observation *observation, const Point *point, enum hook hook)
{
	g_autofree char *pin = link_pin(observation, point, hook);
	g_autofree char *path = g_build_filename(observation->pins, pin, NULL);

	return bpf_obj_get(path);
}

static void open_links(const Observation *observation, Point *point)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		point->hooks.links[hook] = open_link(observation, point, hook);
		if (point->hooks.links[hook] >= 0)
			point->hooks.kind = HOOK_KIND_TCX;
	}
}

static bool pin_links(const Observation *observation, const Point *point, GError **error)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		g_autofree char *pin = link_pin(observation, point, hook);

		if (point->hooks.links[hook] >= 0 &&
		    !map_repin(observation->pins, pin, point->hooks.links[hook], error))
			return false;
	}
	return true;
}

static void forget_links(const Observation *observation, Point *point)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		g_autofree char *pin = link_pin(observation, point, hook);

		map_unpin(observation->pins, pin);
	}
	hooks_close(&point->hooks);
	point->hooks.kind = HOOK_KIND_NONE;
}

/* --- points */

static HooksPlace place_of(const Point *point)
{
	HooksPlace place = { .ifindex = interface_ifindex(point->interface) };

	g_strlcpy(place.name, point->name, sizeof(place.name));
	return place;
}

static const Netns *netns_of(const Observation *observation, const Point *point)
{
	return namespaces_of(observation->namespaces, point->interface);
}

static HooksState look(const Observation *observation, const Point *point)
{
	const Netns *netns = netns_of(observation, point);
	HooksPlace place = place_of(point);

	if (!netns)
		return (HooksState){ .before = { -1, -1 } };
	return broker_look(netns->fd, &place, &point->hooks);
}

static bool is_in_place(const Observation *observation, const Point *point)
{
	return look(observation, point).attached;
}

void observation_resume(Observation *observation, uint64_t interface)
{
	Point *point = find(observation, interface);

	if (point && !point->attached)
		point->adopted = point->attached = is_in_place(observation, point);
}

void observation_look(Observation *observation)
{
	for (guint i = 0; i < observation->points->len; i++) {
		Point *point = observation->points->pdata[i];
		HooksState state = look(observation, point);

		memcpy(point->before, state.before, sizeof(point->before));
	}
}

void observation_set_offloads(Observation *observation, uint64_t interface, OffloadSet offloads)
{
	find(observation, interface)->offloads = offloads;
}

bool observation_check(Observation *observation, uint64_t interface)
{
	Point *point = find(observation, interface);

	point->attached = is_in_place(observation, point);
	return point->attached;
}

static Point *add(Observation *observation, uint64_t interface, const char *netns, const char *name,
		  const char *report_name)
{
	Point *point = g_new0(Point, 1);

	point->interface = interface;
	point->report_index =
		cache_report_index(interface, cache_point_number(observation->cache, interface));
	point->netns = g_intern_string(netns);
	g_strlcpy(point->name, name, sizeof(point->name));
	point->report_name = g_intern_string(report_name);
	point->next_name = point->report_name;
	memset(point->before, -1, sizeof(point->before));
	hooks_init(&point->hooks);
	open_links(observation, point);
	g_ptr_array_add(observation->points, point);
	return point;
}

/* Of our filters: no other agent's have the same, so that none takes them for its own. */
static uint32_t own_handle(const Observation *observation)
{
	return TC_HANDLE | (uint16_t)cache_identity(observation->cache);
}

/* An earlier agent that was killed may not have come to say that it attached filters. */
static void suppose_clsact(const Observation *observation, Point *point)
{
	if (point->hooks.kind == HOOK_KIND_NONE) {
		point->hooks.kind = HOOK_KIND_CLSACT;
		point->hooks.handle = own_handle(observation);
	}
}

void observation_adopt(Observation *observation, uint64_t interface, const Link *link,
		       const char *report_name)
{
	suppose_clsact(observation, add(observation, interface, link ? link->netns : "",
					link ? link->name : "?", report_name));
}

void observation_rename(Observation *observation, uint64_t interface)
{
	Point *point = find(observation, interface);

	point->report_name = point->next_name;
}

const Point *observation_prepare(Observation *observation, const Link *link,
				 const char *report_name, GError **error)
{
	Point *point = find(observation, link->id);

	if (point)
		return point;
	if (cache_ensure_ledger(observation->cache, link->id, error) < 0) {
		g_prefix_error(error, "%s: ", link->name);
		return NULL;
	}
	return add(observation, link->id, link->netns, link->name, report_name);
}

bool observation_is_by(const Point *point, const PointSpec *spec)
{
	return spec->hooks.prefer == HOOK_KIND_NONE || spec->hooks.prefer == point->hooks.kind;
}

/* Whether what is attached is the program for that. */
static bool is_same_program(const Point *point, const PointSpec *spec)
{
	return point->side == spec->side && point->layer == spec->layer &&
	       !memcmp(&point->meter, &spec->meter, sizeof(point->meter));
}

bool observation_is(const Point *point, const PointSpec *spec)
{
	return !spec->replace && point->attached && is_same_program(point, spec) &&
	       observation_is_by(point, spec) && !strcmp(point->next_name, spec->report_name) &&
	       !strcmp(point->name, spec->link->name);
}

static bool must_reattach(const Point *point, const PointSpec *spec)
{
	return spec->replace || !point->attached || !is_same_program(point, spec);
}

static bool gather_maps(Observation *observation, const Point *point, int maps[CLASSIFIER_MAPS],
			GError **error)
{
	const Cache *cache = observation->cache;
	const Scope *scope = observation->scope;

	maps[CLASSIFIER_CONTROL] = cache_map_fd(cache, CACHE_CONTROL);
	maps[CLASSIFIER_HOSTS] = cache_map_fd(cache, CACHE_HOSTS);
	maps[CLASSIFIER_MACS] = cache_map_fd(cache, CACHE_MACS);
	maps[CLASSIFIER_FLOWS_IPV4] = cache_map_fd(cache, CACHE_FLOWS_IPV4);
	maps[CLASSIFIER_FLOWS_IPV6] = cache_map_fd(cache, CACHE_FLOWS_IPV6);
	maps[CLASSIFIER_FRAGMENTS] = cache_map_fd(cache, CACHE_FRAGMENTS);
	maps[CLASSIFIER_PAIRS] = cache_map_fd(cache, CACHE_PAIRS);
	maps[CLASSIFIER_STAMPS] = cache_map_fd(cache, CACHE_STAMPS);
	maps[CLASSIFIER_LOCAL_PREFIXES] = scope_map_fd(scope, SCOPE_MAP_LOCAL);
	maps[CLASSIFIER_SCOPE_PREFIXES] = scope_map_fd(scope, SCOPE_MAP_FAR_ENDS);
	maps[CLASSIFIER_SCOPE_HINTS] = scope_map_fd(scope, SCOPE_MAP_HINTS);
	maps[CLASSIFIER_LEDGER] = cache_ensure_ledger(observation->cache, point->interface, error);
	return maps[CLASSIFIER_LEDGER] >= 0;
}

static bool load_and_attach(Observation *observation, Point *point, const PointSpec *spec,
			    GError **error)
{
	const Netns *netns = netns_of(observation, point);
	const HooksPlace place = place_of(point);
	const ClassifierPoint classifier = {
		.home = scope_home(interface_netns_id(point->interface)),
		.number = observation_number(observation, point),
		.side = (uint8_t)spec->side,
		.layer = (uint8_t)spec->layer,
		.meter = spec->meter.meter,
		.flows_at = spec->meter.flows_at,
		.flow_key = spec->meter.flow_key,
		.sampling = { .one_of = spec->meter.sampling,
			      .of = spec->meter.sampling_of,
			      .seed = cache_identity(observation->cache) },
	};
	HooksOptions options = spec->hooks;
	int maps[CLASSIFIER_MAPS];

	if (!gather_maps(observation, point, maps, error))
		return false;
	options.handle = options.handle ?: own_handle(observation);
	if (netns &&
	    broker_attach(netns->fd, &place, &options, &classifier, maps, &point->hooks, error))
		return pin_links(observation, point, error);
	if (!netns)
		error_set(error, "%s: its network namespace is gone", point->name);
	return false;
}

/* What @point has is made to go, or is found not to be there any more. */
static bool clear(Observation *observation, Point *point, GError **error)
{
	const Netns *netns = netns_of(observation, point);
	HooksPlace place = place_of(point);

	/* With a namespace goes what is attached in it. */
	if (netns && !broker_detach(netns->fd, &place, &point->hooks, error))
		return false;
	forget_links(observation, point);
	return true;
}

/* What an earlier agent has attached is taken over if it is there, else what is left of it goes. */
static bool adopt_or_clear(Observation *observation, Point *point, GError **error)
{
	point->adopted = point->hooks.kind != HOOK_KIND_NONE && is_in_place(observation, point);
	return point->adopted || clear(observation, point, error);
}

const Point *observation_attach(Observation *observation, const PointSpec *spec, GError **error)
{
	Point *point = find(observation, spec->link->id);

	g_strlcpy(point->name, spec->link->name, sizeof(point->name));
	g_strlcpy(point->kind, spec->link->kind, sizeof(point->kind));
	point->next_name = g_intern_string(spec->report_name);
	if (!must_reattach(point, spec))
		return point;
	if (!point->attached && !adopt_or_clear(observation, point, error))
		return NULL;
	point->attached = load_and_attach(observation, point, spec, error);
	if (!point->attached) {
		(void)clear(observation, point, NULL);
		return NULL;
	}
	point->side = spec->side;
	point->layer = spec->layer;
	point->meter = spec->meter;
	return point;
}

bool observation_detach(Observation *observation, uint64_t interface, GError **error)
{
	Point *point = find(observation, interface);

	if (!point)
		return true;
	if (!clear(observation, point, error))
		return false;
	point->attached = false;
	return true;
}

void observation_remove(Observation *observation, uint64_t interface)
{
	Point *point = find(observation, interface);

	if (point) {
		forget_links(observation, point);
		g_ptr_array_remove(observation->points, point);
		point_free(point);
	}
	cache_drop_ledger(observation->cache, interface);
}

void observation_save(const Observation *observation, TotalsWriter *writer)
{
	totals_writer_begin(writer, TOTALS_POINTS, sizeof(struct point_row));
	for (guint i = 0; i < observation->points->len; i++) {
		const Point *point = observation->points->pdata[i];
		struct point_row row = {
			.interface = point->interface,
			.kind = point->hooks.kind,
			.handle = point->hooks.handle,
			.made_clsact = point->hooks.made_clsact,
			.meter = point->meter,
			.side = (uint16_t)point->side,
			.layer = (uint16_t)point->layer,
			.priority = { point->hooks.priority[HOOK_INGRESS],
				      point->hooks.priority[HOOK_EGRESS] },
		};

		g_strlcpy(row.name, point->name, sizeof(row.name));
		g_strlcpy(row.netns, point->netns, sizeof(row.netns));
		g_strlcpy(row.report_name, point->report_name, sizeof(row.report_name));
		totals_writer_add(writer, &row);
	}
}

static void load_row(Observation *observation, const struct point_row *row)
{
	g_autofree char *report_name = g_strndup(row->report_name, sizeof(row->report_name));
	g_autofree char *netns = g_strndup(row->netns, sizeof(row->netns));
	g_autofree char *name = g_strndup(row->name, sizeof(row->name));
	Point *point;

	/* What was counted there has been read, and it is forgotten. */
	if (!cache_has_ledger(observation->cache, row->interface))
		return;
	point = add(observation, row->interface, netns, name, report_name);
	point->side = row->side;
	point->layer = row->layer;
	point->meter = row->meter;
	if (row->kind == HOOK_KIND_CLSACT && point->hooks.kind == HOOK_KIND_NONE) {
		point->hooks.kind = HOOK_KIND_CLSACT;
		point->hooks.handle = row->handle;
		point->hooks.made_clsact = row->made_clsact;
		memcpy(point->hooks.priority, row->priority, sizeof(row->priority));
	}
	suppose_clsact(observation, point);
}

bool observation_load(Observation *observation, TotalsReader *reader, GError **error)
{
	const struct point_row *rows;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_POINTS, sizeof(*rows), (const void **)&rows, &n,
				error))
		return false;
	for (size_t i = 0; i < n; i++)
		load_row(observation, &rows[i]);
	return true;
}
