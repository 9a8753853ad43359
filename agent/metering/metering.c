/* SPDX-License-Identifier: Apache-2.0 */
#include "metering.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "flowmetering.h"
#include "flowrouting.h"
#include "kernel/maps.h"
#include "kernel/scope.h"
#include "watching.h"

/* The clock was set if it differs by more than this from what has elapsed. */
#define CLOCK_STEP_MS 1000
#define AGE_INTERVAL_MS 60000

/* How far the sweep of the quiet generation has come. */
typedef enum {
	STAGE_EMPTY,	/* its tables are empty: the next step is to advance */
	STAGE_ADVANCED, /* it is to be read and counted */
	STAGE_COUNTED,	/* it is in the sums: it is to be reported */
	STAGE_REPORTED, /* it is to be emptied */
} Stage;

struct Metering {
	const Config *config;
	Namespaces *namespaces;
	char *pins; /* the directory */
	Cache *cache;
	Scope *scope;
	Observation *observation;
	Following *following;
	Watching *watching;
	Hosts *hosts;
	FlowMetering *flows;
	FlowRouting *routing;
	Ledger *ledger;
	char *totals_path; /* below run */
	Stage stage;
	Period period;
	GArray *deltas;	  /* of HostDelta */
	GArray *pairs;	  /* of PairDelta */
	uint64_t aged_ms; /* when addresses were last asked for their age */
	bool save_failed; /* said already */
	uint64_t save_errors;
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
		next.start_ms = now_ms > elapsed_ms ? now_ms - elapsed_ms : 0;
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

/* Sweeps that an earlier agent has made, and whose counts are in no file. */
static uint64_t missing_sweeps(const Cache *cache, const struct period_row *saved)
{
	uint64_t newest_quiet = cache_generation(cache) - 1;
	uint64_t counted = saved->identity == cache_identity(cache) ? saved->generation : 0;
	uint64_t emptied = MAX(cache_exported(cache), newest_quiet ? newest_quiet - 1 : 0);

	return emptied > counted ? emptied - counted : 0;
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

static bool load_totals(Metering *metering, TotalsReader *reader, const struct period_row *saved,
			GError **error)
{
	if (!hosts_load(metering->hosts, reader, clock_ns(CLOCK_REALTIME) / 1000000, error) ||
	    !ledger_load(metering->ledger, reader, error))
		return false;
	if (!flow_metering_load(metering->flows, reader, error))
		return false;
	if (saved->identity == cache_identity(metering->cache))
		return observation_load(metering->observation, reader, error) &&
		       handlist_load(following_hand_list(metering->following), reader, error);
	/* The machine has been started anew, and the indexes may be those of other interfaces. */
	ledger_detach_all(metering->ledger);
	return true;
}

/* A file of sums that is there to be loaded. */
typedef struct {
	TotalsReader *reader; /* NULL: it is not, or cannot be read */
	struct period_row saved;
} Sums;

static Sums open_sums(const char *path)
{
	g_autoptr(GError) error = NULL;
	Sums sums = { .reader = totals_reader_new(path, &error) };

	if (sums.reader && !load_period(sums.reader, &sums.saved, &error))
		g_clear_pointer(&sums.reader, totals_reader_free);
	if (error && error->code != ENOENT)
		g_warning("%s", error->message);
	return sums;
}

/* Below `run` there are the newer ones, unless there was no room for them. */
static bool is_newer_on_disk(const Sums *run, const Sums *disk)
{
	return run->reader && disk->reader && run->saved.identity == disk->saved.identity &&
	       run->saved.generation < disk->saved.generation;
}

/* The sums of before: as of the last sweep, or after a reboot as of the last time on disk. */
static void load(Metering *metering, struct period_row *saved)
{
	g_autofree char *state_path = g_build_filename(metering->config->state, "totals", NULL);
	Sums sums[] = { open_sums(metering->totals_path), open_sums(state_path) };
	bool reverse = is_newer_on_disk(&sums[0], &sums[1]), loaded = false;

	for (size_t i = 0; i < G_N_ELEMENTS(sums); i++) {
		Sums *one = &sums[reverse ? G_N_ELEMENTS(sums) - 1 - i : i];
		g_autoptr(GError) error = NULL;

		if (one->reader && !loaded) {
			*saved = one->saved;
			loaded = load_totals(metering, one->reader, saved, &error);
		}
		if (error)
			g_warning("%s", error->message);
		totals_reader_free(one->reader);
	}
}

static const char *name_in_reports(const Metering *metering, const Link *link)
{
	const InterfaceConfig *item =
		config_match_interface(metering->config, link->netns, link->name);
	g_autofree char *name = interface_name(link->netns, link->name);

	return g_intern_string(item && item->alias ? item->alias : name);
}

/* Each ledger has its point, even if the file which named it is gone. */
static void adopt_unknown_points(Metering *metering)
{
	g_autoptr(GArray) interfaces = cache_ledgers(metering->cache);

	for (guint i = 0; i < interfaces->len; i++) {
		uint64_t interface = g_array_index(interfaces, uint64_t, i);
		const Link *link = namespaces_find(metering->namespaces, interface);

		if (!observation_find(metering->observation, interface))
			observation_adopt(metering->observation, interface, link,
					  link ? name_in_reports(metering, link) : "?");
	}
}

/* Whether anybody wants flows; without room for them hosts are metered all the same. */
static void apply_flow_limit(Metering *metering)
{
	bool wanted = config_meters_flows(metering->config) ||
		      handlist_meters_flows(following_hand_list(metering->following));
	uint32_t max = wanted ? metering->config->flows.max : 0;
	g_autoptr(GError) error = NULL;

	if (!cache_set_max_flows(metering->cache, max, &error))
		g_warning("%s (flows without room are only in the ledger)", error->message);
}

static void apply_limit(Metering *metering)
{
	uint32_t max = MAX(metering->config->hosts.max,
			   handlist_limit(following_hand_list(metering->following)));

	cache_set_max_hosts(metering->cache, max);
	hosts_set_max(metering->hosts, max);
	apply_flow_limit(metering);
}

/* Who is who, and who is shown. */
static void apply_identity(Metering *metering)
{
	const Config *config = metering->config;

	hosts_set_shown(metering->hosts, config->metrics.max_hosts, config->metrics.idle_ms);
	hosts_set_merge(metering->hosts, config->hosts.merge, clock_ns(CLOCK_REALTIME) / 1000000);
}

static bool read_tables(Metering *metering, GError **error)
{
	g_array_set_size(metering->deltas, 0);
	g_array_set_size(metering->pairs, 0);
	return cache_read_hosts(metering->cache, metering->deltas, error) &&
	       cache_read_flows(metering->cache, error) &&
	       cache_read_pairs(metering->cache, metering->pairs, error);
}

static bool open_tables(Metering *metering, GError **error)
{
	struct period_row saved = { 0 };
	uint64_t missing;

	if (!maps_prepare(metering->pins, error))
		return false;
	metering->cache = cache_open(metering->pins, metering->config->hosts.max, error);
	metering->scope = metering->cache ? scope_open(metering->pins, error) : NULL;
	if (!metering->scope)
		return false;
	metering->observation = observation_new(metering->cache, metering->scope,
						metering->namespaces, metering->pins);
	metering->following =
		following_new(metering->config, metering->namespaces, metering->observation,
			      metering->scope, metering->ledger);
	metering->watching = watching_new(metering->observation, metering->namespaces);
	metering->routing =
		flow_routing_new(observation_points(metering->observation), metering->namespaces);
	load(metering, &saved);
	missing = missing_sweeps(metering->cache, &saved);
	if (missing)
		g_warning(
			"%s: %" G_GUINT64_FORMAT
			" sweeps are missing, which could not be saved before the agent was killed",
			metering->totals_path, missing);
	metering->stage = stage_of(metering->cache, &saved);
	metering->period = saved.period;
	if (saved.identity != cache_identity(metering->cache))
		metering->period = (Period){
			.end_ms = clock_ns(CLOCK_REALTIME) / 1000000,
			.end_monotonic_ns = clock_ns(CLOCK_MONOTONIC),
		};
	else if (cache_exported(metering->cache) >= saved.generation)
		/* Those that were saved with the sums have left since. */
		flow_metering_forget_records(metering->flows);
	adopt_unknown_points(metering);
	apply_limit(metering);
	/* What is left to do then concerns nobody else. */
	if (metering->stage == STAGE_REPORTED)
		return read_tables(metering, error) && metering_finish(metering, error);
	return true;
}

Metering *metering_new(const Config *config, Namespaces *namespaces, GError **error)
{
	g_autoptr(Metering) metering = g_new0(Metering, 1);
	bool is_first;

	metering->config = config;
	metering->namespaces = namespaces;
	metering->deltas = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	metering->pairs = g_array_new(FALSE, FALSE, sizeof(PairDelta));
	metering->pins = g_build_filename(config->run, "bpf", NULL);
	metering->totals_path = g_build_filename(config->run, "totals", NULL);
	metering->hosts = hosts_new(config->hosts.max);
	metering->flows = flow_metering_new(config);
	apply_identity(metering);
	metering->ledger = ledger_new(max_in_flight());
	is_first = !g_file_test(metering->pins, G_FILE_TEST_EXISTS);
	if (open_tables(metering, error))
		return g_steal_pointer(&metering);
	/* What an earlier agent has pinned may be adopted by a later one. */
	if (is_first)
		maps_remove(metering->pins);
	return NULL;
}

void metering_free(Metering *metering)
{
	if (!metering)
		return;
	watching_free(metering->watching);
	flow_routing_free(metering->routing);
	following_free(metering->following);
	observation_free(metering->observation);
	scope_close(metering->scope);
	cache_close(metering->cache);
	hosts_free(metering->hosts);
	flow_metering_free(metering->flows);
	ledger_free(metering->ledger);
	g_array_unref(metering->deltas);
	g_array_unref(metering->pairs);
	g_free(metering->pins);
	g_free(metering->totals_path);
	g_free(metering);
}

void metering_set_config(Metering *metering, const Config *config)
{
	metering->config = config;
	following_set_config(metering->following, config);
	flow_metering_set_config(metering->flows, config);
	apply_limit(metering);
	apply_identity(metering);
}

static const char *report_name(const Metering *metering, uint32_t report_index)
{
	const Point *point = observation_find_by_report_index(metering->observation, report_index);

	/* A classifier has a ledger, and each ledger a point. */
	return point ? point->report_name : "?";
}

/* What one interface's hooks saw in the quiet generation. */
typedef struct {
	uint64_t interface;
	struct ledger_sheet sheets[HOOKS];
} PointSheets;

static GArray *read_sheets(Metering *metering, GError **error)
{
	g_autoptr(GArray) interfaces = cache_ledgers(metering->cache);
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(PointSheets));

	for (guint i = 0; i < interfaces->len; i++) {
		PointSheets point = { .interface = g_array_index(interfaces, uint64_t, i) };

		if (!cache_read_sheets(metering->cache, point.interface, point.sheets, error))
			return NULL;
		g_array_append_val(all, point);
	}
	return g_steal_pointer(&all);
}

/* @epoch_offset_ns as in hosts_add(). */
static void count_hosts(const Metering *metering, Hosts *hosts, const GArray *deltas,
			int64_t epoch_offset_ns)
{
	for (guint i = 0; i < deltas->len; i++) {
		const HostDelta *delta = &g_array_index(deltas, HostDelta, i);

		hosts_add(hosts, report_name(metering, delta->key.ifindex), delta, epoch_offset_ns);
	}
}

static uint64_t newest_counted(const Metering *metering)
{
	return cache_generation(metering->cache) - (metering->stage == STAGE_ADVANCED ? 2 : 1);
}

/* What is kept for a reboot has no flows: their interfaces will be others. */
typedef enum {
	WITHOUT_FLOWS,
	WITH_FLOWS,
} WhatToSave;

static bool save_totals(Metering *metering, const char *path, WhatToSave what, GError **error)
{
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	const struct period_row row = {
		.identity = cache_identity(metering->cache),
		.generation = newest_counted(metering),
		.period = metering->period,
	};

	totals_writer_begin(writer, TOTALS_PERIOD, sizeof(row));
	totals_writer_add(writer, &row);
	hosts_save(metering->hosts, writer);
	if (what == WITH_FLOWS)
		flow_metering_save(metering->flows, writer);
	flow_metering_save_sums(metering->flows, writer);
	ledger_save(metering->ledger, writer);
	observation_save(metering->observation, writer);
	handlist_save(following_hand_list(metering->following), writer);
	return totals_writer_replace(writer, path, error);
}

/* Without the file, what is counted now is lost if we are killed: that is no reason not to count it. */
static void save_run(Metering *metering)
{
	g_autoptr(GError) error = NULL;

	if (save_totals(metering, metering->totals_path, WITH_FLOWS, &error)) {
		if (metering->save_failed)
			g_message("%s works again", metering->totals_path);
		metering->save_failed = false;
		return;
	}
	metering->save_errors++;
	if (!metering->save_failed)
		g_warning("%s (until this is mended a crash loses counts)", error->message);
	metering->save_failed = true;
}

/* Now and then, as it goes through all accounts. */
static void age_hosts(Metering *metering, uint64_t now_ms)
{
	const Config *config = metering->config;
	uint64_t often_ms = MIN(config->hosts.address_age_ms, config->metrics.idle_ms);

	if (now_ms >= metering->aged_ms &&
	    now_ms - metering->aged_ms < MIN(often_ms, AGE_INTERVAL_MS))
		return;
	hosts_age(metering->hosts, now_ms, config->hosts.address_age_ms);
	metering->aged_ms = now_ms;
}

/* Interfaces that are no points have an index of their own in the own namespace only. */
static const char *name_interface(uint32_t report_index, const void *user_data)
{
	const Metering *metering = user_data;
	const Point *point = observation_find_by_report_index(metering->observation, report_index);
	const Link *link;
	g_autofree char *number = NULL;

	if (!report_index)
		return g_intern_static_string("");
	if (point)
		return point->report_name;
	link = namespaces_find(metering->namespaces, interface_id(netns_own()->id, report_index));
	if (link)
		return g_intern_string(link->name);
	number = g_strdup_printf("%" G_GUINT32_FORMAT, report_index);
	return g_intern_string(number);
}

/* @sheets: of PointSheets. */
static Volume flow_limit_of(const GArray *sheets)
{
	Volume limit = { 0 };

	for (guint i = 0; i < sheets->len; i++) {
		for (int hook = 0; hook < HOOKS; hook++) {
			const struct ledger_entry *entry = &g_array_index(sheets, PointSheets, i)
								    .sheets[hook]
								    .flow_classes[FLOW_LIMIT];
			const Volume more = { entry->packets, entry->octets, entry->layer2_octets };

			volume_add(&limit, &more);
		}
	}
	return limit;
}

static void count_flows(Metering *metering, const GArray *sheets, int64_t offset_ns,
			uint64_t now_ms)
{
	const FlowCounting counting = { .offset_ns = offset_ns,
					.now_ms = now_ms,
					.name = name_interface,
					.user_data = metering };
	const Volume limit = flow_limit_of(sheets);
	const GPtrArray *paths;

	flow_metering_count(metering->flows, metering->cache, &counting);
	flow_metering_count_pairs(metering->flows, metering->pairs, &limit, &counting);
	paths = flow_metering_path_sums(metering->flows);
	for (guint i = 0; i < paths->len; i++) {
		const FlowPathSum *path = paths->pdata[i];
		uint32_t here = path->hook == HOOK_EGRESS ? path->egress : path->ingress;

		ledger_add_flows(metering->ledger, report_name(metering, here), path->hook,
				 &path->sum.volume);
	}
}

static bool count_sweep(Metering *metering, GError **error)
{
	uint64_t now_ns = clock_ns(CLOCK_REALTIME), monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	g_autoptr(GArray) sheets = read_sheets(metering, error);
	const PointSheets *read;

	/* Nothing fails from here on, so that a sweep which is taken up again adds nothing twice. */
	if (!sheets)
		return false;
	count_hosts(metering, metering->hosts, metering->deltas, (int64_t)(now_ns - monotonic_ns));
	count_flows(metering, sheets, (int64_t)(now_ns - monotonic_ns), now_ns / 1000000);
	read = (const PointSheets *)(const void *)sheets->data;
	for (guint i = 0; i < sheets->len; i++)
		following_count(metering->following, read[i].interface, read[i].sheets);
	metering->period = period_next(&metering->period, now_ns / 1000000, monotonic_ns);
	metering->stage = STAGE_COUNTED;
	age_hosts(metering, now_ns / 1000000);
	save_run(metering);
	return true;
}

/* Also those of interfaces by hand, and such as are left from a time when flows were wanted. */
static bool has_flows(const Metering *metering)
{
	return cache_use(metering->cache).flow_limit ||
	       flow_metering_records(metering->flows)->len ||
	       flows_count(flow_metering_flows(metering->flows));
}

/*
 * A packet that hooks had before they went may not have read the generation yet: it would be counted in the
 * next one, which may be the last or be forgotten with its ledger. Filters go without waiting for it.
 */
static bool advance(Metering *metering, GError **error)
{
	if (following_is_draining(metering->following) &&
	    !cache_wait_until_quiet(metering->cache, error))
		return false;
	following_read_before(metering->following);
	cache_advance(metering->cache);
	metering->stage = STAGE_ADVANCED;
	return true;
}

bool metering_sweep(Metering *metering, Report *report, GError **error)
{
	report->repeated = metering->stage == STAGE_COUNTED;
	if (metering->stage == STAGE_EMPTY && !advance(metering, error))
		return false;
	if (!cache_wait_until_quiet(metering->cache, error) || !read_tables(metering, error))
		return false;
	if (metering->stage == STAGE_ADVANCED && !count_sweep(metering, error))
		return false;
	report->period = metering->period;
	report->deltas = metering->deltas;
	report->flows = has_flows(metering) ? flow_metering_records(metering->flows) : NULL;
	return true;
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
	flow_metering_forget_records(metering->flows);
	if (!cache_empty(metering->cache, error))
		return false;
	metering->stage = STAGE_EMPTY;
	following_forget(metering->following);
	flow_routing_tidy(metering->routing);
	return true;
}

bool metering_is_pending(const Metering *metering)
{
	return metering->stage != STAGE_EMPTY;
}

uint64_t metering_save_errors(const Metering *metering)
{
	return metering->save_errors;
}

bool metering_save_state(Metering *metering, GError **error)
{
	g_autofree char *path = g_build_filename(metering->config->state, "totals", NULL);

	if (g_mkdir_with_parents(metering->config->state, 0755) < 0) {
		error_from_errno(error, errno, "%s", metering->config->state);
		return false;
	}
	return save_totals(metering, path, WITHOUT_FLOWS, error);
}

/* By new tables it would not be known that the records which are in the file have left: so they go first. */
void metering_remove(Metering *metering, bool saved)
{
	if (saved)
		(void)unlink(metering->totals_path);
	else
		save_run(metering);
	maps_remove(metering->pins);
}

bool metering_is_pressed(const Metering *metering)
{
	return cache_flows_added(metering->cache) > cache_flow_room(metering->cache) / 2;
}

void metering_flush_all_flows(Metering *metering)
{
	flow_metering_flush_all(metering->flows);
}

uint32_t metering_flush_flows(Metering *metering, FlowChoice chosen, void *user_data)
{
	return flow_metering_flush(metering->flows, chosen, user_data);
}

void metering_find_routes(Metering *metering, const FlowRecord *flows, size_t n, FlowRoute *found)
{
	flow_routing_find(metering->routing, flows, n, found);
}

const Flows *metering_flows(const Metering *metering)
{
	return flow_metering_flows(metering->flows);
}

const FlowSums *metering_flow_sums(const Metering *metering)
{
	return flow_metering_sums(metering->flows);
}

const FlowSeriesTable *metering_flow_series(const Metering *metering)
{
	return flow_metering_series(metering->flows);
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

Hosts *metering_hosts_now(Metering *metering, GError **error)
{
	uint64_t offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	g_autoptr(GArray) deltas = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	Hosts *hosts;

	if (!cache_peek_hosts(metering->cache, deltas, error))
		return NULL;
	hosts = hosts_copy(metering->hosts);
	count_hosts(metering, hosts, deltas, (int64_t)offset_ns);
	return hosts;
}

CacheUse metering_cache_use(const Metering *metering)
{
	return cache_use(metering->cache);
}

uint32_t metering_pairs_used(const Metering *metering)
{
	return metering->pairs->len;
}

uint64_t metering_generation(const Metering *metering)
{
	return cache_generation(metering->cache);
}

void metering_follow(Metering *metering)
{
	/* Were we killed before the next sweep, it would not be known what the hooks belong to. */
	if (following_update(metering->following))
		save_run(metering);
}

bool metering_detach(Metering *metering)
{
	return following_detach(metering->following);
}

bool metering_by_hand(Metering *metering, const Link *link, const InterfaceConfig *how,
		      ByHand options, bool *changed, GError **error)
{
	if (!following_by_hand(metering->following, link, how, options, changed, error))
		return false;
	if (!options.dry) {
		apply_limit(metering);
		save_run(metering);
	}
	return true;
}

bool metering_wants_netns(const Metering *metering, const char *netns)
{
	return following_wants_netns(metering->following, netns);
}

GPtrArray *metering_awaited(const Metering *metering)
{
	return following_awaited(metering->following);
}

bool metering_is_bared(const Metering *metering)
{
	return following_is_bared(metering->following);
}

GHashTable *metering_faults(const Metering *metering)
{
	return following_faults(metering->following);
}

void metering_look(Metering *metering)
{
	watching_look(metering->watching);
}

const GPtrArray *metering_overlaps(const Metering *metering)
{
	return watching_overlaps(metering->watching);
}
