/* SPDX-License-Identifier: Apache-2.0 */
#include "metering.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "maps.h"
#include "scope.h"

/* The clock was set if it differs by more than this from what has elapsed. */
#define CLOCK_STEP_MS 1000

/* How far the sweep of the quiet generation has come. */
typedef enum {
	STAGE_EMPTY,	/* its tables are empty: the next step is to advance */
	STAGE_ADVANCED, /* it is to be read and counted */
	STAGE_COUNTED,	/* it is in the sums: it is to be reported */
	STAGE_REPORTED, /* it is to be emptied */
} Stage;

/* A point whose hooks have gone, until the sweep that reads what they had counted. */
typedef struct {
	bool has_link; /* the interface could be read then */
	bool read;
	LinkBounds link;
} Draining;

struct Metering {
	const Config *config;
	Links *links;
	char *pins; /* the directory */
	Cache *cache;
	Scope *scope;
	Observation *observation;
	Hosts *hosts;
	Ledger *ledger;
	char *totals_path; /* below run */
	Stage stage;
	Period period;
	GArray *deltas;
	GHashTable *draining; /* ifindex -> Draining */
	GHashTable *before;   /* ifindex -> LinkCounters before the generation advanced */
	GHashTable *faults;   /* interface name -> message */
	GHashTable *awaited;  /* set of names that have been said to be awaited */
	bool save_failed;     /* said already */
};

struct period_row {
	uint64_t identity;   /* of the tables, cache_identity() */
	uint64_t generation; /* the newest that is in the sums */
	Period period;
};
_Static_assert(sizeof(struct period_row) == 40, "period_row is on disk");

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

Period period_next(const Period *previous, uint64_t now_ms, uint64_t monotonic_ns)
{
	uint64_t elapsed_ms = (monotonic_ns - previous->end_monotonic_ns) / 1000000;
	int64_t drift_ms = (int64_t)(now_ms - previous->end_ms - elapsed_ms);
	Period next = {
		.start_ms = previous->end_ms,
		.end_ms = MAX(now_ms, previous->end_ms),
		.end_monotonic_ns = monotonic_ns,
	};

	if (drift_ms > CLOCK_STEP_MS || drift_ms < -CLOCK_STEP_MS) {
		next.start_ms = now_ms - elapsed_ms;
		next.end_ms = now_ms;
	}
	return next;
}

/* Frames that may wait between an interface's counter and the hook, on all CPUs. */
static uint64_t max_in_flight(void)
{
	g_autofree char *text = NULL;
	uint64_t backlog = 1000;

	if (g_file_get_contents("/proc/sys/net/core/netdev_max_backlog", &text, NULL, NULL))
		backlog = g_ascii_strtoull(text, NULL, 10);
	return backlog * (uint64_t)g_get_num_processors();
}

/* Finds out which steps of the sweep an earlier agent did not come to. */
static Stage stage_of(const Cache *cache, const struct period_row *saved)
{
	uint64_t newest_quiet = cache_generation(cache) - 1;

	if (!newest_quiet)
		return STAGE_EMPTY;
	if (saved->identity != cache_identity(cache) || saved->generation < newest_quiet)
		return STAGE_ADVANCED;
	/* To empty empty tables does no harm, so whether that was done need not be known. */
	return cache_exported(cache) < newest_quiet ? STAGE_COUNTED : STAGE_REPORTED;
}

static bool load_period(TotalsReader *reader, struct period_row *saved, GError **error)
{
	const struct period_row *rows;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_PERIOD, sizeof(*rows), (const void **)&rows, &n,
				error))
		return false;
	if (n)
		*saved = rows[0];
	return true;
}

static bool load_totals(Metering *metering, const char *path, struct period_row *saved,
			GError **error)
{
	g_autoptr(TotalsReader) reader = totals_reader_new(path, error);

	return reader && load_period(reader, saved, error) &&
	       hosts_load(metering->hosts, reader, error) &&
	       ledger_load(metering->ledger, reader, error) &&
	       observation_load(metering->observation, reader, error);
}

/* The sums of before: as of the last sweep, or after a reboot as of the last time on disk. */
static void load(Metering *metering, struct period_row *saved)
{
	g_autofree char *state_path = g_build_filename(metering->config->state, "totals", NULL);
	const char *paths[] = { metering->totals_path, state_path };

	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autoptr(GError) error = NULL;

		if (load_totals(metering, paths[i], saved, &error))
			return;
		if (error->code != ENOENT)
			g_warning("%s", error->message);
	}
}

static LinkBounds bounds_between(const LinkCounters *before, const LinkCounters *after)
{
	LinkBounds bounds;

	for (int hook = 0; hook < HOOKS; hook++) {
		bounds.frames[hook] = (Bounds){ before->frames[hook], after->frames[hook] };
		bounds.octets[hook] = (Bounds){ before->octets[hook], after->octets[hook] };
	}
	return bounds;
}

static GHashTable *table_by_ifindex(void)
{
	return g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
}

/* Each ledger has its point, even if the file which named it is gone. */
static void adopt_unknown_points(Metering *metering)
{
	g_autoptr(GArray) ifindexes = cache_ledgers(metering->cache);

	for (guint i = 0; i < ifindexes->len; i++) {
		uint32_t ifindex = g_array_index(ifindexes, uint32_t, i);
		const Link *link = links_by_ifindex(metering->links, ifindex);

		if (!observation_find(metering->observation, ifindex))
			observation_adopt(metering->observation, ifindex, link ? link->name : "?");
	}
}

static bool open_tables(Metering *metering, GError **error)
{
	struct period_row saved = { 0 };

	if (!maps_prepare(metering->pins, error))
		return false;
	metering->cache = cache_open(metering->pins, metering->config->hosts.max, error);
	metering->scope = metering->cache ? scope_open(metering->pins, error) : NULL;
	if (!metering->scope)
		return false;
	metering->observation = observation_new(metering->cache, metering->scope);
	load(metering, &saved);
	metering->stage = stage_of(metering->cache, &saved);
	metering->period = saved.period;
	if (saved.identity != cache_identity(metering->cache))
		metering->period = (Period){
			.end_ms = clock_ns(CLOCK_REALTIME) / 1000000,
			.end_monotonic_ns = clock_ns(CLOCK_MONOTONIC),
		};
	adopt_unknown_points(metering);
	/* What is left to do then concerns nobody else. */
	if (metering->stage == STAGE_REPORTED)
		return cache_read_hosts(metering->cache, metering->deltas, error) &&
		       metering_finish(metering, error);
	return true;
}

Metering *metering_new(const Config *config, Links *links, GError **error)
{
	g_autoptr(Metering) metering = g_new0(Metering, 1);

	metering->config = config;
	metering->links = links;
	metering->deltas = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	metering->draining = table_by_ifindex();
	metering->before = table_by_ifindex();
	metering->faults = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	metering->awaited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	metering->pins = g_build_filename(config->run, "bpf", NULL);
	metering->totals_path = g_build_filename(config->run, "totals", NULL);
	metering->hosts = hosts_new(config->hosts.max);
	metering->ledger = ledger_new(max_in_flight());
	return open_tables(metering, error) ? g_steal_pointer(&metering) : NULL;
}

void metering_free(Metering *metering)
{
	if (!metering)
		return;
	observation_free(metering->observation);
	scope_close(metering->scope);
	cache_close(metering->cache);
	hosts_free(metering->hosts);
	ledger_free(metering->ledger);
	g_array_unref(metering->deltas);
	g_hash_table_unref(metering->draining);
	g_hash_table_unref(metering->before);
	g_hash_table_unref(metering->faults);
	g_hash_table_unref(metering->awaited);
	g_free(metering->pins);
	g_free(metering->totals_path);
	g_free(metering);
}

void metering_set_config(Metering *metering, const Config *config)
{
	metering->config = config;
	cache_set_max_hosts(metering->cache, config->hosts.max);
	hosts_set_max(metering->hosts, config->hosts.max);
}

/* Says what is wrong with an interface, once for as long as it stays the same. */
static void note_fault(Metering *metering, const char *name, const char *message)
{
	const char *known = g_hash_table_lookup(metering->faults, name);

	if (known && !strcmp(known, message))
		return;
	g_warning("%s", message);
	g_hash_table_insert(metering->faults, g_strdup(name), g_strdup(message));
}

static enum side choose_side(const InterfaceConfig *item, const Link *link)
{
	switch (item->side) {
	case SIDE_CHOICE_LAN:
		return SIDE_LAN;
	case SIDE_CHOICE_WAN:
		return SIDE_WAN;
	default:
		return link->has_default_route ? SIDE_WAN : SIDE_LAN;
	}
}

static bool has_ethernet_header(const Link *link)
{
	return link->arp_type == ARPHRD_ETHER || link->arp_type == ARPHRD_LOOPBACK;
}

/* The item of the configuration by which @link is to be metered, NULL if it is not. */
static const InterfaceConfig *item_for(const Metering *metering, const Link *link)
{
	return has_ethernet_header(link) ? config_match_interface(metering->config, link->name) :
					   NULL;
}

static void say_attached(const Point *point, bool adopted)
{
	g_message("%s: %s, side %s", point->name, adopted ? "taken over" : "metering",
		  point->side == SIDE_LAN ? "lan" : "wan");
}

/* The ledger of an interface opens when its hooks begin to count. */
static void open_ledger(Metering *metering, const Point *point, const LinkBounds *bounds)
{
	static const struct ledger_sheet nothing[HOOKS];
	gpointer ifindex = GUINT_TO_POINTER(point->ifindex);
	const Draining *draining = g_hash_table_lookup(metering->draining, ifindex);

	/* It had been detached and comes back before the sweep: that account is closed first. */
	if (draining && draining->has_link)
		ledger_add(metering->ledger, point->report_name, nothing, &draining->link);
	if (!point->adopted || !ledger_is_attached(metering->ledger, point->report_name))
		ledger_attach(metering->ledger, point->report_name, bounds);
	g_hash_table_remove(metering->draining, ifindex);
}

static bool attach(Metering *metering, const Link *link, const InterfaceConfig *item,
		   GError **error)
{
	const char *name = item->alias ? item->alias : link->name;
	const Point *point = observation_find(metering->observation, link->ifindex);
	enum side side = choose_side(item, link);
	bool was_attached = point && point->attached;
	LinkCounters before, after;
	LinkBounds bounds;

	if (was_attached && point->side == side && !strcmp(point->next_name, name))
		return true;
	if (!links_read_counters(metering->links, link->ifindex, &before, error))
		return false;
	point = observation_attach(metering->observation, link, name, side, error);
	if (!point || !links_read_counters(metering->links, link->ifindex, &after, error))
		return false;
	bounds = bounds_between(&before, &after);
	if (!was_attached)
		open_ledger(metering, point, &bounds);
	say_attached(point, was_attached || point->adopted);
	return true;
}

static void attach_or_note(Metering *metering, const Link *link, const InterfaceConfig *item)
{
	g_autoptr(GError) error = NULL;

	if (attach(metering, link, item, &error))
		g_hash_table_remove(metering->faults, link->name);
	else
		note_fault(metering, link->name, error->message);
}

static void detach(Metering *metering, uint32_t ifindex)
{
	const Point *point = observation_find(metering->observation, ifindex);
	Draining *draining;
	g_autoptr(GError) error = NULL;
	LinkCounters before, after;

	if (g_hash_table_contains(metering->draining, GUINT_TO_POINTER(ifindex)))
		return;
	draining = g_new0(Draining, 1);
	draining->has_link = links_read_counters(metering->links, ifindex, &before, NULL);
	if (!observation_detach(metering->observation, ifindex, &error))
		note_fault(metering, point->name, error->message);
	draining->has_link &= links_read_counters(metering->links, ifindex, &after, NULL);
	if (draining->has_link)
		draining->link = bounds_between(&before, &after);
	g_hash_table_insert(metering->draining, GUINT_TO_POINTER(ifindex), draining);
	g_message("%s: no longer metered", point->name);
}

static void add_prefixes(GArray *prefixes, const GArray *more)
{
	if (more->len)
		g_array_append_vals(prefixes, more->data, more->len);
}

/* Appends the prefixes of all metered interfaces; with @lan_only, of those with the devices' side. */
static void add_own_prefixes(const Metering *metering, GArray *prefixes, bool lan_only)
{
	const GPtrArray *points = observation_points(metering->observation);

	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];
		const Link *link = links_by_ifindex(metering->links, point->ifindex);

		if (link && point->attached && (point->side == SIDE_LAN || !lan_only))
			add_prefixes(prefixes, link->prefixes);
	}
}

/* hosts.local, or the interface's own prefixes; seen from the WAN those of the interfaces behind it, too. */
static bool set_local(Metering *metering, const Point *point, GError **error)
{
	g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(Prefix));
	const Link *link = links_by_ifindex(metering->links, point->ifindex);

	if (metering->config->hosts.local_is_set)
		add_prefixes(prefixes, metering->config->hosts.local);
	else if (point->side == SIDE_WAN)
		add_own_prefixes(metering, prefixes, false);
	else if (link)
		add_prefixes(prefixes, link->prefixes);
	return scope_set_local(metering->scope, point->ifindex, prefixes, error);
}

static bool set_prefixes(Metering *metering, GError **error)
{
	g_autoptr(GArray) not_internet = g_array_new(FALSE, FALSE, sizeof(Prefix));
	const GPtrArray *points = observation_points(metering->observation);

	add_prefixes(not_internet, metering->config->hosts.not_internet);
	add_own_prefixes(metering, not_internet, true);
	if (!scope_set_not_internet(metering->scope, not_internet, error))
		return false;
	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];

		if (point->attached && !set_local(metering, point, error))
			return false;
	}
	return true;
}

GPtrArray *metering_awaited(const Metering *metering)
{
	GPtrArray *awaited = g_ptr_array_new();

	for (guint i = 0; i < metering->config->interfaces->len; i++) {
		const InterfaceConfig *item = metering->config->interfaces->pdata[i];

		if (!strpbrk(item->match, "*?[") && !links_by_name(metering->links, item->match))
			g_ptr_array_add(awaited, item->match);
	}
	return awaited;
}

static void say_awaited(Metering *metering)
{
	g_autoptr(GPtrArray) awaited = metering_awaited(metering);
	g_autoptr(GHashTable) said = metering->awaited;

	metering->awaited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < awaited->len; i++) {
		if (!g_hash_table_contains(said, awaited->pdata[i]))
			g_message("%s: no such interface yet, waiting for it",
				  (const char *)awaited->pdata[i]);
		g_hash_table_add(metering->awaited, g_strdup(awaited->pdata[i]));
	}
}

static void detach_unwanted(Metering *metering)
{
	const GPtrArray *points = observation_points(metering->observation);

	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];
		const Link *link = links_by_ifindex(metering->links, point->ifindex);

		if (!link || !item_for(metering, link))
			detach(metering, point->ifindex);
	}
}

void metering_follow(Metering *metering)
{
	const GPtrArray *links = links_all(metering->links);
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];
		const InterfaceConfig *item = item_for(metering, link);

		if (item)
			attach_or_note(metering, link, item);
		else
			g_hash_table_remove(metering->faults, link->name);
	}
	detach_unwanted(metering);
	if (!set_prefixes(metering, &error))
		g_warning("%s", error->message);
	say_awaited(metering);
}

void metering_detach(Metering *metering)
{
	const GPtrArray *points = observation_points(metering->observation);

	for (guint i = 0; i < points->len; i++)
		detach(metering, ((const Point *)points->pdata[i])->ifindex);
}

static void read_links_before(Metering *metering)
{
	const GPtrArray *points = observation_points(metering->observation);

	g_hash_table_remove_all(metering->before);
	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];
		g_autofree LinkCounters *counters = g_new(LinkCounters, 1);

		if (links_read_counters(metering->links, point->ifindex, counters, NULL))
			g_hash_table_insert(metering->before, GUINT_TO_POINTER(point->ifindex),
					    g_steal_pointer(&counters));
	}
}

/* What the interface counted around the moment up to which the quiet generation counts. */
static bool link_bounds(Metering *metering, const Point *point, LinkBounds *bounds)
{
	gpointer ifindex = GUINT_TO_POINTER(point->ifindex);
	Draining *draining = g_hash_table_lookup(metering->draining, ifindex);
	const LinkCounters *before = g_hash_table_lookup(metering->before, ifindex);
	LinkCounters after;

	if (draining) {
		draining->read = true;
		*bounds = draining->link;
		return draining->has_link;
	}
	if (!point->attached || !links_read_counters(metering->links, point->ifindex, &after, NULL))
		return false;
	/* Where an earlier agent advanced the generation, what it read then went with it. */
	*bounds = bounds_between(before ? before : &after, &after);
	return true;
}

static const char *report_name(const Metering *metering, uint32_t ifindex)
{
	const Point *point = observation_find(metering->observation, ifindex);

	/* A classifier has a ledger, and each ledger a point. */
	return point ? point->report_name : "?";
}

/* What one interface's hooks saw in the quiet generation. */
typedef struct {
	uint32_t ifindex;
	struct ledger_sheet sheets[HOOKS];
} PointSheets;

static GArray *read_sheets(Metering *metering, GError **error)
{
	g_autoptr(GArray) ifindexes = cache_ledgers(metering->cache);
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(PointSheets));

	for (guint i = 0; i < ifindexes->len; i++) {
		PointSheets point = { .ifindex = g_array_index(ifindexes, uint32_t, i) };

		if (!cache_read_sheets(metering->cache, point.ifindex, point.sheets, error))
			return NULL;
		g_array_append_val(all, point);
	}
	return g_steal_pointer(&all);
}

/* From here on the interface goes by its new name: one account ends where the other begins. */
static void rename_point(Metering *metering, const Point *point, const LinkBounds *bounds)
{
	ledger_detach(metering->ledger, point->report_name);
	observation_rename(metering->observation, point->ifindex);
	ledger_attach(metering->ledger, point->report_name, bounds);
}

static void count_sheets(Metering *metering, const PointSheets *read)
{
	const Point *point = observation_find(metering->observation, read->ifindex);
	bool silent =
		!read->sheets[HOOK_INGRESS].seen.frames && !read->sheets[HOOK_EGRESS].seen.frames;
	LinkBounds bounds;
	bool has_link = link_bounds(metering, point, &bounds);

	ledger_add(metering->ledger, point->report_name, read->sheets, has_link ? &bounds : NULL);
	if (!point->attached)
		return;
	if (has_link && point->next_name != point->report_name)
		rename_point(metering, point, &bounds);
	if (silent && !observation_check(metering->observation, read->ifindex)) {
		ledger_detach(metering->ledger, point->report_name);
		note_fault(metering, point->name, "our filters have been removed by somebody else");
	}
}

static void count_hosts(Metering *metering, uint64_t now_ns, uint64_t monotonic_ns)
{
	for (guint i = 0; i < metering->deltas->len; i++) {
		const HostDelta *delta = &g_array_index(metering->deltas, HostDelta, i);

		hosts_add(metering->hosts, report_name(metering, delta->key.ifindex), delta,
			  (int64_t)(now_ns - monotonic_ns));
	}
}

static bool save_totals(Metering *metering, const char *path, GError **error)
{
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	const struct period_row row = {
		.identity = cache_identity(metering->cache),
		.generation = cache_generation(metering->cache) - 1,
		.period = metering->period,
	};

	totals_writer_begin(writer, TOTALS_PERIOD, sizeof(row));
	totals_writer_add(writer, &row);
	hosts_save(metering->hosts, writer);
	ledger_save(metering->ledger, writer);
	observation_save(metering->observation, writer);
	return totals_writer_replace(writer, path, error);
}

/* Without the file, what is counted now is lost if we are killed: that is no reason not to count it. */
static void save_run(Metering *metering)
{
	g_autoptr(GError) error = NULL;

	if (save_totals(metering, metering->totals_path, &error)) {
		metering->save_failed = false;
	} else if (!metering->save_failed) {
		g_warning("%s (until this is mended a crash loses counts)", error->message);
		metering->save_failed = true;
	}
}

static bool count(Metering *metering, GError **error)
{
	uint64_t now_ns = clock_ns(CLOCK_REALTIME), monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	g_autoptr(GArray) sheets = read_sheets(metering, error);
	const PointSheets *read;

	/* Nothing fails from here on, so that a sweep which is taken up again adds nothing twice. */
	if (!sheets)
		return false;
	count_hosts(metering, now_ns, monotonic_ns);
	read = (const PointSheets *)(const void *)sheets->data;
	for (guint i = 0; i < sheets->len; i++)
		count_sheets(metering, &read[i]);
	metering->period = period_next(&metering->period, now_ns / 1000000, monotonic_ns);
	save_run(metering);
	return true;
}

bool metering_sweep(Metering *metering, Report *report, GError **error)
{
	report->repeated = metering->stage == STAGE_COUNTED;
	if (metering->stage == STAGE_EMPTY) {
		read_links_before(metering);
		cache_advance(metering->cache);
		metering->stage = STAGE_ADVANCED;
	}
	g_array_set_size(metering->deltas, 0);
	if (!cache_wait_until_quiet(metering->cache, error) ||
	    !cache_read_hosts(metering->cache, metering->deltas, error))
		return false;
	if (metering->stage == STAGE_ADVANCED) {
		if (!count(metering, error))
			return false;
		metering->stage = STAGE_COUNTED;
	}
	report->period = metering->period;
	report->deltas = metering->deltas;
	return true;
}

static gboolean remove_if_read(gpointer key, gpointer value, gpointer user_data)
{
	const Draining *draining = value;
	Metering *metering = user_data;
	uint32_t ifindex = GPOINTER_TO_UINT(key);

	if (!draining->read)
		return FALSE;
	ledger_detach(metering->ledger, report_name(metering, ifindex));
	observation_remove(metering->observation, ifindex);
	return TRUE;
}

void metering_set_reported(Metering *metering)
{
	metering->stage = STAGE_REPORTED;
}

bool metering_is_reported(const Metering *metering)
{
	return metering->stage == STAGE_REPORTED;
}

bool metering_finish(Metering *metering, GError **error)
{
	cache_set_exported(metering->cache, cache_generation(metering->cache) - 1);
	if (!cache_empty(metering->cache, error))
		return false;
	metering->stage = STAGE_EMPTY;
	g_hash_table_foreach_remove(metering->draining, remove_if_read, metering);
	return true;
}

bool metering_is_pending(const Metering *metering)
{
	return metering->stage != STAGE_EMPTY;
}

bool metering_save_state(Metering *metering, GError **error)
{
	g_autofree char *path = g_build_filename(metering->config->state, "totals", NULL);

	if (g_mkdir_with_parents(metering->config->state, 0755) < 0) {
		error_from_errno(error, errno, "%s", metering->config->state);
		return false;
	}
	return save_totals(metering, path, error);
}

void metering_remove(Metering *metering)
{
	maps_remove(metering->pins);
	(void)unlink(metering->totals_path);
}

const Hosts *metering_hosts(const Metering *metering)
{
	return metering->hosts;
}

const Ledger *metering_ledger(const Metering *metering)
{
	return metering->ledger;
}

const GPtrArray *metering_points(const Metering *metering)
{
	return observation_points(metering->observation);
}

CacheUse metering_cache_use(const Metering *metering)
{
	return cache_use(metering->cache);
}

uint64_t metering_generation(const Metering *metering)
{
	return cache_generation(metering->cache);
}

GHashTable *metering_faults(const Metering *metering)
{
	return metering->faults;
}
