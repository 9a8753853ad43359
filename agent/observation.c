/* SPDX-License-Identifier: Apache-2.0 */
#include "observation.h"

#include <string.h>

#include "classifier.h"
#include "error.h"
#include "tc.h"

struct Observation {
	Cache *cache;
	const Scope *scope;
	GPtrArray *points; /* of Point */
};

struct point_row {
	uint32_t ifindex;
	uint32_t made_clsact;
	char name[16];
	char report_name[TOTALS_NAME_MAX];
};
_Static_assert(sizeof(struct point_row) == 88, "point_row is on disk");

Observation *observation_new(Cache *cache, const Scope *scope)
{
	Observation *observation = g_new0(Observation, 1);

	observation->cache = cache;
	observation->scope = scope;
	observation->points = g_ptr_array_new_with_free_func(g_free);
	return observation;
}

void observation_free(Observation *observation)
{
	if (!observation)
		return;
	g_ptr_array_unref(observation->points);
	g_free(observation);
}

static Point *find(const Observation *observation, uint32_t ifindex)
{
	for (guint i = 0; i < observation->points->len; i++) {
		Point *point = observation->points->pdata[i];

		if (point->ifindex == ifindex)
			return point;
	}
	return NULL;
}

const Point *observation_find(const Observation *observation, uint32_t ifindex)
{
	return find(observation, ifindex);
}

const GPtrArray *observation_points(const Observation *observation)
{
	return observation->points;
}

static bool attach_hooks(Point *point, const Classifier *classifier, GError **error)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		if (!tc_attach(point->ifindex, point->name, hook,
			       classifier_program_fd(classifier, hook), &point->priority[hook],
			       error))
			return false;
	}
	return true;
}

static void detach_hooks(Point *point, GError **error)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		if (!tc_detach(point->ifindex, point->name, hook, error))
			return;
	}
	if (point->made_clsact && !tc_remove_clsact_if_empty(point->ifindex, point->name, error))
		return;
	point->made_clsact = false;
}

static bool load_and_attach(Observation *observation, Point *point, enum side side, GError **error)
{
	g_autoptr(Classifier) classifier = classifier_load(observation->cache, observation->scope,
							   point->ifindex, side, error);

	if (classifier)
		return attach_hooks(point, classifier, error);
	g_prefix_error(error, "%s: ", point->name);
	return false;
}

static bool attach(Observation *observation, Point *point, enum side side, GError **error)
{
	bool made;

	if (!tc_ensure_clsact(point->ifindex, point->name, &made, error))
		return false;
	point->made_clsact |= made;
	point->attached = load_and_attach(observation, point, side, error);
	if (!point->attached)
		detach_hooks(point, NULL);
	return point->attached;
}

static bool is_in_place(const Point *point)
{
	return tc_is_attached(point->ifindex, HOOK_INGRESS) &&
	       tc_is_attached(point->ifindex, HOOK_EGRESS);
}

bool observation_check(Observation *observation, uint32_t ifindex)
{
	Point *point = find(observation, ifindex);

	point->attached = is_in_place(point);
	return point->attached;
}

static Point *add(Observation *observation, uint32_t ifindex, const char *name,
		  const char *report_name)
{
	Point *point = g_new0(Point, 1);

	point->ifindex = ifindex;
	g_strlcpy(point->name, name, sizeof(point->name));
	point->report_name = g_intern_string(report_name);
	point->next_name = point->report_name;
	g_ptr_array_add(observation->points, point);
	return point;
}

void observation_adopt(Observation *observation, uint32_t ifindex, const char *name,
		       const char *report_name)
{
	add(observation, ifindex, name, report_name);
}

void observation_rename(Observation *observation, uint32_t ifindex)
{
	Point *point = find(observation, ifindex);

	point->report_name = point->next_name;
}

/* Filters of ours that write to other tables are another agent's, dead or alive. */
static bool may_attach(Observation *observation, Point *point, GError **error)
{
	point->adopted = is_in_place(point);
	if (!point->adopted || cache_has_ledger(observation->cache, point->ifindex))
		return true;
	error_set(error,
		  "%s: an agent with another `run` directory meters it; if none is alive, remove "
		  "with tc what one has left: filters of the handle %#x",
		  point->name, TC_HANDLE);
	return false;
}

const Point *observation_attach(Observation *observation, const Link *link, const char *report_name,
				enum side side, GError **error)
{
	Point *point = find(observation, link->ifindex);

	if (!point)
		point = add(observation, link->ifindex, link->name, report_name);
	g_strlcpy(point->name, link->name, sizeof(point->name));
	point->next_name = g_intern_string(report_name);
	if (point->attached && point->side == side)
		return point;
	if (!point->attached && !may_attach(observation, point, error))
		return NULL;
	if (!attach(observation, point, side, error))
		return NULL;
	point->side = side;
	return point;
}

bool observation_detach(Observation *observation, uint32_t ifindex, GError **error)
{
	Point *point = find(observation, ifindex);
	GError *local = NULL;

	/* Where there is no ledger of ours, the filters are not ours either. */
	if (!point || !cache_has_ledger(observation->cache, ifindex))
		return true;
	detach_hooks(point, &local);
	if (local) {
		g_propagate_error(error, local);
		return false;
	}
	point->attached = false;
	return true;
}

void observation_remove(Observation *observation, uint32_t ifindex)
{
	Point *point = find(observation, ifindex);

	cache_drop_ledger(observation->cache, ifindex);
	if (point)
		g_ptr_array_remove(observation->points, point);
}

void observation_save(const Observation *observation, TotalsWriter *writer)
{
	totals_writer_begin(writer, TOTALS_POINTS, sizeof(struct point_row));
	for (guint i = 0; i < observation->points->len; i++) {
		const Point *point = observation->points->pdata[i];
		struct point_row row = { .ifindex = point->ifindex,
					 .made_clsact = point->made_clsact };

		g_strlcpy(row.name, point->name, sizeof(row.name));
		g_strlcpy(row.report_name, point->report_name, sizeof(row.report_name));
		totals_writer_add(writer, &row);
	}
}

static void load_row(Observation *observation, const struct point_row *row)
{
	g_autofree char *report_name = g_strndup(row->report_name, sizeof(row->report_name));
	g_autofree char *name = g_strndup(row->name, sizeof(row->name));

	add(observation, row->ifindex, name, report_name)->made_clsact = row->made_clsact;
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
