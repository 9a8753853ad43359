/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <glib-unix.h>

#include "kernel/broker.h"
#include "config/config.h"
#include "base/control.h"
#include "base/error.h"
#include "export/exporting.h"
#include "base/file.h"
#include "metering/hand.h"
#include "accounts/history.h"
#include "http/http.h"
#include "report/flowlist.h"
#include "report/flowquery.h"
#include "report/hostlist.h"
#include "report/recordlist.h"
#include "report/json.h"
#include "report/jsonlines.h"
#include "base/lock.h"
#include "base/mac.h"
#include "metering/metering.h"
#include "names/names.h"
#include "kernel/namespaces.h"
#include "base/notify.h"
#include "kernel/privileges.h"
#include "report/prometheus.h"
#include "kernel/sandbox.h"
#include "http/scrape.h"
#include "report/view.h"

#define COUNTERS "counters"
#define HISTORY "history"
#define SINCE_REQUEST_PREFIX "since "
#define STATE_INTERVAL_S 300
/* How long an interface that could not be attached to is left alone. */
#define RETRY_US (10 * G_USEC_PER_SEC)
/* How often it is looked for what keeps packets from the hooks, and how long after a change of interfaces:
 * others follow at once. */
#define LOOK_INTERVAL_S 30
#define LOOK_SOON_MS 500
/* How long a clean stop waits for queues to a collector. */
#define LAST_EXPORT_MS 2000

/* How often a clean stop tries to sweep: to take up what failed once, and what fails again. */
#define LAST_SWEEPS 3

/* How long records that have left are kept after somebody has asked for them, and how many at most: 34 MiB. */
#define TAIL_LIMIT_S 60
#define TAIL_MAX (1 << 18)

/* How often it is looked whether the tables of flows fill up. */
#define PRESSURE_LOOK_MS 100

/* How often it is looked whether the collectors have taken what was sent, while there is more. */
#define QUEUE_LOOK_MS 5

typedef struct {
	const AgentOptions *options;
	GMainLoop *loop;
	Config *config;
	Namespaces *namespaces;
	Metering *metering;
	FlowTail *tail;	  /* of the records that have left */
	guint tail_timer; /* 0: nobody has asked for them */
	Exporting *exporting;
	RecordHooks *hooks; /* what lines go through */
	JsonLines *lines;
	GArray *lines_status; /* of JsonLinesStatus, for the view */
	History *history;
	Names *names;
	Control *control;
	Scrape *scrape;
	Http *http;		    /* NULL: it does not serve yet */
	const HandRequest *request; /* that is being served; NULL: none is */
	int lock;
	guint sweep_timer;
	guint pressure_timer;
	guint extra_sweep; /* 0: none has been asked for */
	bool reporting;	   /* the rest of a report is still to be sent */
	guint report_source;
	guint look_soon; /* 0: nothing has changed since the last look */
	guint broker_source;
	bool failed;	  /* the broker has died: the end is no clean one */
	bool stopping;	  /* nothing is attached any more */
	gint64 follow_us; /* when the interfaces were last followed */
	View view;
	char *textfile_error; /* NULL: the last write succeeded */
	char *state_error;
	char *run_error; /* of the counters there */
	uint64_t file_errors[KEPT_FILES];
	char *history_error;
	char *sweep_error;
} Agent;

static uint64_t now_ms(void)
{
	return (uint64_t)g_get_real_time() / 1000;
}

static char *run_path(const Agent *agent, const char *name)
{
	return g_build_filename(agent->config->run, name, NULL);
}

static char *state_path(const Agent *agent, const char *name)
{
	return g_build_filename(agent->config->state, name, NULL);
}

/* Keeps @error's message in @known and says it, unless it is known already. Takes over @error. */
static void note_error(char **known, GError *error)
{
	if (!*known || strcmp(*known, error->message)) {
		g_warning("%s", error->message);
		g_free(*known);
		*known = g_strdup(error->message);
	}
	g_error_free(error);
}

/* What failed works again. */
static void note_success(char **known, const char *what)
{
	if (*known)
		g_message("%s works again", what);
	g_clear_pointer(known, g_free);
}

static const GArray *json_lines_view(Agent *agent)
{
	JsonLinesStatus status;

	g_array_set_size(agent->lines_status, 0);
	for (size_t i = 0; agent->lines && json_lines_status(agent->lines, i, &status); i++)
		g_array_append_val(agent->lines_status, status);
	return agent->lines_status;
}

static void update_view(Agent *agent)
{
	View *view = &agent->view;

	view->config = agent->config;
	view->exporting = agent->exporting;
	view->namespaces = agent->namespaces;
	view->names = agent->names;
	view->hosts = metering_hosts(agent->metering);
	view->flows = metering_flows(agent->metering);
	view->flow_sums = metering_flow_sums(agent->metering);
	view->flow_series = metering_flow_series(agent->metering);
	view->ledger = metering_ledger(agent->metering);
	view->points = metering_points(agent->metering);
	view->cache_use = metering_cache_use(agent->metering);
	view->pairs_used = metering_pairs_used(agent->metering);
	view->generation = metering_generation(agent->metering);
	view->faults = metering_faults(agent->metering);
	view->overlaps = metering_overlaps(agent->metering);
	view->json_lines = json_lines_view(agent);
	view->http = agent->http ? http_view(agent->http) : NULL;
	view->textfile_error = agent->textfile_error;
	view->state_error = agent->state_error;
	memcpy(view->file_errors, agent->file_errors, sizeof(view->file_errors));
	view->file_errors[KEPT_RUN] += metering_save_errors(agent->metering);
}

static void write_textfile(Agent *agent)
{
	g_autoptr(Exposition) exposition = NULL;
	g_autoptr(GString) text = NULL;
	GError *error = NULL;

	if (!agent->config->textfile)
		return;
	update_view(agent);
	exposition = exposition_new(&agent->view, PROMETHEUS_TEXT, false);
	text = exposition_finish(exposition);
	if (file_replace(agent->config->textfile, text->str, text->len, 0644, &error)) {
		note_success(&agent->textfile_error, "the textfile");
		return;
	}
	agent->view.textfile_errors++;
	note_error(&agent->textfile_error, error);
}

/* What has failed in this process and in those before. */
struct failures_row {
	uint64_t sweep_errors;
	uint64_t textfile_errors;
};
_Static_assert(sizeof(struct failures_row) == 16, "failures_row is on disk");

struct file_failures_row {
	uint64_t errors[KEPT_FILES];
};
_Static_assert(sizeof(struct file_failures_row) == 24, "file_failures_row is on disk");

static void save_failures(const View *view, TotalsWriter *writer)
{
	const struct failures_row row = { view->sweep_errors, view->textfile_errors };

	totals_writer_begin(writer, TOTALS_FAILURES, sizeof(row));
	totals_writer_add(writer, &row);
}

static bool load_failures(View *view, TotalsReader *reader, GError **error)
{
	const struct failures_row *row;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_FAILURES, sizeof(*row), (const void **)&row, &n,
				error))
		return false;
	if (n) {
		view->sweep_errors = row->sweep_errors;
		view->textfile_errors = row->textfile_errors;
	}
	return true;
}

static void save_file_failures(const View *view, TotalsWriter *writer)
{
	struct file_failures_row row;

	memcpy(row.errors, view->file_errors, sizeof(row.errors));
	totals_writer_begin(writer, TOTALS_FILE_FAILURES, sizeof(row));
	totals_writer_add(writer, &row);
}

static bool load_file_failures(Agent *agent, TotalsReader *reader, GError **error)
{
	const struct file_failures_row *row;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_FILE_FAILURES, sizeof(*row), (const void **)&row, &n,
				error))
		return false;
	if (n)
		memcpy(agent->file_errors, row->errors, sizeof(agent->file_errors));
	return true;
}

/* What the collectors have been sent and what has failed: this changes after the sums, and has a file
 * of its own beside theirs. */
static bool save_counters(Agent *agent, const char *path, GError **error)
{
	g_autoptr(TotalsWriter) writer = totals_writer_new();

	update_view(agent);
	exporting_save(agent->exporting, writer);
	json_lines_save(agent->lines, writer);
	save_failures(&agent->view, writer);
	save_file_failures(&agent->view, writer);
	return totals_writer_replace(writer, path, error);
}

static void save_run(Agent *agent)
{
	g_autofree char *path = run_path(agent, COUNTERS);
	GError *error = NULL;

	if (save_counters(agent, path, &error)) {
		note_success(&agent->run_error, path);
		return;
	}
	agent->file_errors[KEPT_RUN]++;
	note_error(&agent->run_error, error);
}

static void load_counters(Agent *agent)
{
	g_autofree char *run = run_path(agent, COUNTERS);
	g_autofree char *state = state_path(agent, COUNTERS);
	const char *paths[] = { run, state };

	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(TotalsReader) reader = totals_reader_new(paths[i], &error);

		if (reader && exporting_load(agent->exporting, reader, &error) &&
		    json_lines_load(agent->lines, reader, &error) &&
		    load_failures(&agent->view, reader, &error) &&
		    load_file_failures(agent, reader, &error))
			return;
		if (error->code != ENOENT)
			g_warning("%s", error->message);
	}
}

static bool save_state(Agent *agent)
{
	g_autofree char *path = state_path(agent, COUNTERS);
	GError *error = NULL;

	if (metering_save_state(agent->metering, &error) && save_counters(agent, path, &error)) {
		note_success(&agent->state_error, agent->config->state);
		return true;
	}
	agent->file_errors[KEPT_STATE]++;
	note_error(&agent->state_error, error);
	return false;
}

static GArray *interface_names(const Agent *agent)
{
	const GPtrArray *points = metering_points(agent->metering);
	GArray *names = g_array_new(FALSE, FALSE, sizeof(IpfixInterface));

	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];
		const IpfixInterface name = { point->report_index, point->name,
					      point->report_name };

		g_array_append_val(names, name);
	}
	return names;
}

static void find_routes(const FlowRecord *flows, size_t n, FlowRoute *found, void *user_data)
{
	const Agent *agent = user_data;

	metering_find_routes(agent->metering, flows, n, found);
}

static void add_ledger_entry(GArray *entries, const LedgerRow *row, const char *class,
			     const struct ledger_entry *entry)
{
	const IpfixLedgerEntry added = {
		.interface = row->interface,
		.hook = row->hook,
		.class = class,
		.volume = { entry->packets, entry->octets, entry->layer2_octets },
	};

	g_array_append_val(entries, added);
}

static GArray *list_ledger(void *user_data)
{
	const Agent *agent = user_data;
	g_autoptr(GArray) rows = ledger_list(metering_ledger(agent->metering));
	GArray *entries = g_array_new(FALSE, FALSE, sizeof(IpfixLedgerEntry));

	for (guint i = 0; i < rows->len; i++) {
		const LedgerRow *row = &g_array_index(rows, LedgerRow, i);

		for (unsigned int class = 0; class < LEDGER_CLASSES; class ++)
			add_ledger_entry(entries, row, ledger_class_names[class],
					 &row->sheet.classes[class]);
	}
	return entries;
}

static GArray *list_names(void *user_data)
{
	const Agent *agent = user_data;
	g_autoptr(GPtrArray) accounts = hosts_list(metering_hosts(agent->metering));
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
	GArray *found = g_array_new(FALSE, FALSE, sizeof(IpfixName));

	for (guint i = 0; i < accounts->len; i++) {
		const Account *account = g_ptr_array_index(accounts, i);
		const struct host_key *key = &account->key;
		IpfixName name = { .name = names_find(agent->names, &key, 1) };

		memcpy(name.mac, account->device->mac, MAC_LEN);
		if (name.name && !mac_is_zero(account->device->mac) &&
		    g_hash_table_add(seen, account->device))
			g_array_append_val(found, name);
	}
	return found;
}

static void begin_lines(Agent *agent, const Report *report)
{
	const JsonLinesReport lines = {
		.start_ms = report->period.start_ms,
		.end_ms = report->period.end_ms,
		.deltas = (const HostDelta *)(const void *)report->deltas->data,
		.deltas_n = report->deltas->len,
		.flows = report->flows,
	};

	update_view(agent);
	json_lines_begin(agent->lines, &lines, &agent->view);
}

/* Says what is to be reported; the rest follows in steps, by continue_report(). */
static void begin_report(Agent *agent, const Report *report)
{
	g_autoptr(GArray) names = interface_names(agent);
	const ExportReport export = {
		.now_ms = now_ms(),
		.start_ms = report->period.start_ms,
		.end_ms = report->period.end_ms,
		.deltas = (const HostDelta *)(const void *)report->deltas->data,
		.deltas_n = report->deltas->len,
		.flows = report->flows,
		.interfaces = (const IpfixInterface *)(const void *)names->data,
		.interfaces_n = names->len,
		.ignored = ledger_ignored(metering_ledger(agent->metering)),
		.list_ledger = list_ledger,
		.list_names = list_names,
		.find_routes = agent->config->flows.routing ? find_routes : NULL,
		.user_data = agent,
	};

	/* Noted before it is sent: were we killed now, it would still be known. */
	if (report->repeated) {
		exporting_note_repetition(agent->exporting, &export);
		save_run(agent);
	}
	exporting_begin(agent->exporting, &export);
	begin_lines(agent, report);
}

static void note_sweep_error(Agent *agent, GError *error)
{
	agent->view.sweep_errors++;
	note_error(&agent->sweep_error, error);
}

/* Ends the sweep whose report has been made, also if part of it still waits in a queue. */
static bool finish_sweep(Agent *agent)
{
	GError *error = NULL;

	/* Saved before it is said to have left: were we killed now, it would still be known what was given up. */
	if (!exporting_is_idle(agent->exporting)) {
		exporting_give_up_queues(agent->exporting);
		save_run(agent);
	}
	if (metering_finish(agent->metering, &error))
		return true;
	note_sweep_error(agent, error);
	return false;
}

static void apply_history(Agent *agent)
{
	history_set_limits(agent->history, agent->config->history.keep_ms,
			   (uint64_t)agent->config->history.max_mib << 20);
}

/* With the first sweep of an hour. */
static void keep_history(Agent *agent)
{
	GError *error = NULL;

	if (!history_is_due(agent->history, agent->view.sweep_ms))
		return;
	if (history_take(agent->history, metering_hosts(agent->metering), agent->view.sweep_ms,
			 &error)) {
		note_success(&agent->history_error, "the history");
		return;
	}
	agent->file_errors[KEPT_HISTORY]++;
	note_error(&agent->history_error, error);
}

/* All of it has been sent, or waits in a queue. */
static void end_report(Agent *agent)
{
	g_clear_handle_id(&agent->report_source, g_source_remove);
	agent->reporting = false;
	save_run(agent);
	metering_set_reported(agent->metering);
	if (exporting_is_idle(agent->exporting) && !finish_sweep(agent))
		return;
	note_success(&agent->sweep_error, "the sweep");
}

static void continue_report_soon(Agent *agent);

/* A step at a time, while the rest of the agent goes on; not before the collectors have room for it. */
static gboolean continue_report(gpointer user_data)
{
	Agent *agent = user_data;
	bool more_lines = json_lines_step(agent->lines);

	agent->report_source = 0;
	if (!exporting_is_ready(agent->exporting) || exporting_step(agent->exporting) || more_lines)
		continue_report_soon(agent);
	else
		end_report(agent);
	return G_SOURCE_REMOVE;
}

static void continue_report_soon(Agent *agent)
{
	agent->report_source = exporting_is_ready(agent->exporting) ?
				       g_idle_add(continue_report, agent) :
				       g_timeout_add(QUEUE_LOOK_MS, continue_report, agent);
}

/* What does not fit into the queues is given up: there is no more time. */
static void finish_report(Agent *agent)
{
	if (!agent->reporting)
		return;
	while (exporting_step(agent->exporting))
		;
	while (json_lines_step(agent->lines))
		;
	end_report(agent);
}

/*
 * One sweep and its report; false: it failed. The tables are emptied once all of the report has left; what
 * waits in a collector's queue has time until the next sweep.
 */
static bool sweep(Agent *agent)
{
	gint64 start = g_get_monotonic_time();
	GError *error = NULL;
	Report report;
	bool more_lines;

	finish_report(agent);
	if (metering_is_reported(agent->metering) && !finish_sweep(agent))
		return false;
	if (!metering_sweep(agent->metering, &report, &error)) {
		note_sweep_error(agent, error);
		return false;
	}
	if (report.flows)
		flow_tail_add(agent->tail, (const FlowRecord *)(const void *)report.flows->data,
			      report.flows->len);
	begin_report(agent, &report);
	agent->reporting = true;
	/* Most reports are short. */
	more_lines = json_lines_step(agent->lines);
	if (exporting_step(agent->exporting) || more_lines)
		continue_report_soon(agent);
	else
		end_report(agent);
	agent->view.sweep_ms = now_ms();
	agent->view.sweep_duration_ns = (uint64_t)(g_get_monotonic_time() - start) * 1000;
	keep_history(agent);
	return true;
}

static gboolean on_look(gpointer user_data)
{
	const Agent *agent = user_data;

	metering_look(agent->metering);
	http_retry(agent->http);
	return G_SOURCE_CONTINUE;
}

static gboolean on_look_soon(gpointer user_data)
{
	Agent *agent = user_data;

	agent->look_soon = 0;
	metering_look(agent->metering);
	return G_SOURCE_REMOVE;
}

static void follow(Agent *agent)
{
	metering_follow(agent->metering);
	agent->follow_us = g_get_monotonic_time();
	if (!agent->look_soon)
		agent->look_soon = g_timeout_add(LOOK_SOON_MS, on_look_soon, agent);
}

/* What could not be attached is tried again now and then, what has been removed at once. */
static bool must_follow(const Agent *agent)
{
	return metering_is_bared(agent->metering) ||
	       (g_hash_table_size(metering_faults(agent->metering)) &&
		g_get_monotonic_time() - agent->follow_us > RETRY_US);
}

/* Rather a sweep early than flows without room. */
static gboolean on_pressure(gpointer user_data)
{
	Agent *agent = user_data;

	if (metering_is_pressed(agent->metering))
		(void)sweep(agent);
	return G_SOURCE_CONTINUE;
}

/* Where there are no flows nothing can press. */
static void watch_pressure(Agent *agent)
{
	bool wanted = metering_cache_use(agent->metering).flow_limit;

	if (wanted && !agent->pressure_timer)
		agent->pressure_timer = g_timeout_add(PRESSURE_LOOK_MS, on_pressure, agent);
	else if (!wanted)
		g_clear_handle_id(&agent->pressure_timer, g_source_remove);
}

static gboolean on_sweep(gpointer user_data)
{
	Agent *agent = user_data;

	(void)sweep(agent);
	if (must_follow(agent))
		follow(agent);
	watch_pressure(agent);
	write_textfile(agent);
	return G_SOURCE_CONTINUE;
}

static gboolean on_state(gpointer user_data)
{
	(void)save_state(user_data);
	return G_SOURCE_CONTINUE;
}

static void on_links(void *user_data)
{
	Agent *agent = user_data;

	if (!agent->stopping)
		follow(agent);
}

/* Whether the network namespace is asked for. */
static bool is_named(const char *netns, void *user_data)
{
	const Agent *agent = user_data;

	if (agent->request && hand_request_names_netns(agent->request, netns))
		return true;
	return agent->metering ? metering_wants_netns(agent->metering, netns) :
				 config_matches_netns(agent->config, netns);
}

/* What changes something is said with who has asked for it: whoever may connect may do it. */
static void log_by_hand(const Agent *agent, const HandRequest *request)
{
	g_autofree char *requester = control_requester(agent->control);
	g_autoptr(GString) names = g_string_new(NULL);

	for (guint i = 0; i < request->names->len; i++)
		g_string_append_printf(names, " %s", (const char *)request->names->pdata[i]);
	if (!request->dry)
		g_message("%s asks to %s%s", requester, request->detach ? "detach" : "attach",
			  names->str);
}

static json_t *serve_by_hand(Agent *agent, const char *line)
{
	HandRequest request;
	g_autoptr(GError) error = NULL;
	json_t *answer;

	hand_request_init(&request);
	if (!hand_request_read(&request, line, &error)) {
		hand_request_done(&request);
		return json_pack("{s:s}", "error", error->message);
	}
	log_by_hand(agent, &request);
	agent->request = &request;
	namespaces_set_filter(agent->namespaces, is_named, agent);
	answer = hand_serve(&request, agent->metering, agent->namespaces);
	agent->request = NULL;
	hand_request_done(&request);
	/* What was opened only to look goes. */
	namespaces_set_filter(agent->namespaces, is_named, agent);
	follow(agent);
	return answer;
}

/* In @hosts there remains what has come since the newest part of the history that is not younger than @text,
 * milliseconds; @since_ms is that part's time, 0: there is none. */
static bool restrict_to_since(const Agent *agent, Hosts **hosts, const char *text,
			      uint64_t *since_ms, GError **error)
{
	g_autoptr(GError) fault = NULL;
	g_autoptr(Hosts) before = NULL;
	Hosts *since;
	guint64 ms;

	*since_ms = 0;
	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &ms, error))
		return false;
	before = history_at(agent->history, ms, since_ms, &fault);
	if (fault) {
		g_propagate_error(error, g_steal_pointer(&fault));
		return false;
	}
	if (!before)
		return true;
	since = hosts_since(*hosts, before);
	hosts_free(*hosts);
	*hosts = since;
	return true;
}

static bool is_since(const char *request)
{
	return g_str_has_prefix(request, SINCE_REQUEST_PREFIX);
}

static bool is_for_hosts(const char *request, void *user_data)
{
	return !strcmp(request, "hosts") || !strcmp(request, "live") || is_since(request);
}

/* The hosts as of the last sweep, or of this moment: whoever is not among these is first seen after it. */
static void *begin_hosts(const char *request, void *user_data, GError **error)
{
	Agent *agent = user_data;
	g_autoptr(Hosts) hosts = NULL;
	uint64_t since_ms;
	View view;

	update_view(agent);
	view = agent->view;
	if (!strcmp(request, "hosts"))
		return hostlist_new(&view, hosts_copy(view.hosts), NULL);
	view.sweep_ms = now_ms();
	hosts = metering_hosts_now(agent->metering, error);
	if (!hosts)
		return NULL;
	if (!is_since(request))
		return hostlist_new(&view, g_steal_pointer(&hosts), NULL);
	if (!restrict_to_since(agent, &hosts, request + strlen(SINCE_REQUEST_PREFIX), &since_ms,
			       error))
		return NULL;
	return hostlist_new(&view, g_steal_pointer(&hosts), &since_ms);
}

static bool step_hosts(void *list, GString *part)
{
	return hostlist_step(list, part);
}

static void free_hosts(void *list)
{
	hostlist_free(list);
}

static bool is_for_flows(const char *request, void *user_data)
{
	return flow_query_is(request);
}

static void *begin_flows(const char *request, void *user_data, GError **error)
{
	Agent *agent = user_data;

	update_view(agent);
	return flowlist_new(request, &agent->view, error);
}

static bool step_flows(void *list, GString *part)
{
	return flowlist_step(list, part);
}

static void free_flows(void *list)
{
	flowlist_free(list);
}

static bool is_for_records(const char *request, void *user_data)
{
	return flow_query_is_records(request);
}

static gboolean on_tail_unwanted(gpointer user_data)
{
	Agent *agent = user_data;

	agent->tail_timer = 0;
	flow_tail_set_max(agent->tail, 0);
	return G_SOURCE_REMOVE;
}

/* Whoever has asked once is expected to come again. As many are kept as a sweep usually brings at most. */
static void want_tail(Agent *agent)
{
	g_clear_handle_id(&agent->tail_timer, g_source_remove);
	agent->tail_timer = g_timeout_add_seconds(TAIL_LIMIT_S, on_tail_unwanted, agent);
	flow_tail_set_max(agent->tail, MIN(agent->config->flows.max, TAIL_MAX));
}

static void *begin_records(const char *request, void *user_data, GError **error)
{
	Agent *agent = user_data;

	update_view(agent);
	want_tail(agent);
	return recordlist_new(request, agent->tail, &agent->view, error);
}

static bool step_records(void *list, GString *part)
{
	return recordlist_step(list, part);
}

static void free_records(void *list)
{
	recordlist_free(list);
}

static gboolean on_extra_sweep(gpointer user_data)
{
	Agent *agent = user_data;

	agent->extra_sweep = 0;
	(void)on_sweep(agent);
	return G_SOURCE_REMOVE;
}

/* The records leave at once, but not with the answer: of many requests that come together it is one sweep. */
static json_t *serve_flush(Agent *agent, const char *request)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *requester = control_requester(agent->control);
	FlowQuery query;
	uint32_t flushed;

	update_view(agent);
	if (!flow_query_parse_flush(&query, request, &agent->view, &error))
		return control_error(error);
	g_message("%s asks to %s", requester, request);
	flushed = metering_flush_flows(agent->metering, flow_query_matches, &query);
	flow_query_done(&query);
	if (flushed && !agent->extra_sweep)
		agent->extra_sweep = g_idle_add(on_extra_sweep, agent);
	return json_flushed(flushed);
}

static json_t *on_request(const char *request, void *user_data)
{
	static const struct {
		const char *request;
		json_t *(*answer)(const View *view);
	} answers[] = {
		{ "ledger", json_ledger },
		{ "status", json_status },
	};
	Agent *agent = user_data;
	g_autoptr(GPtrArray) awaited = NULL;
	json_t *answer = NULL;

	if (g_str_has_prefix(request, HAND_REQUEST_PREFIX))
		return agent->stopping ? NULL : serve_by_hand(agent, request);
	if (flow_query_is_flush(request))
		return agent->stopping ? NULL : serve_flush(agent, request);
	awaited = metering_awaited(agent->metering);
	update_view(agent);
	agent->view.awaited = awaited;
	for (size_t i = 0; i < G_N_ELEMENTS(answers) && !answer; i++) {
		if (!strcmp(request, answers[i].request))
			answer = answers[i].answer(&agent->view);
	}
	agent->view.awaited = NULL;
	return answer;
}

static Exposition *on_scrape(PrometheusFormat format, void *user_data)
{
	Agent *agent = user_data;

	update_view(agent);
	return exposition_new(&agent->view, format, true);
}

static bool is_ready(void *user_data)
{
	const Agent *agent = user_data;

	return agent->view.sweep_ms;
}

/* `flowtally metrics`: what is asked for, by format. */
static const char *const text_requests[PROMETHEUS_FORMATS] = {
	[PROMETHEUS_TEXT] = "metrics",
	[PROMETHEUS_OPENMETRICS] = "metrics openmetrics",
};

static void on_text(GBytes *text, void *user_data)
{
	control_answer_text(user_data, prometheus_content_types[PROMETHEUS_TEXT], text);
}

static void on_openmetrics(GBytes *text, void *user_data)
{
	control_answer_text(user_data, prometheus_content_types[PROMETHEUS_OPENMETRICS], text);
}

static bool begin_text(const char *request, ControlClient *client, void *user_data)
{
	static const ScrapeDone answers[PROMETHEUS_FORMATS] = {
		[PROMETHEUS_TEXT] = on_text,
		[PROMETHEUS_OPENMETRICS] = on_openmetrics,
	};
	const Agent *agent = user_data;

	for (int format = 0; format < PROMETHEUS_FORMATS; format++) {
		g_autoptr(GBytes) text = NULL;

		if (strcmp(request, text_requests[format]))
			continue;
		text = scrape_get(agent->scrape, (PrometheusFormat)format, false, answers[format],
				  client);
		if (text)
			answers[format](text, client);
		return true;
	}
	return false;
}

static void cancel_text(ControlClient *client, void *user_data)
{
	const Agent *agent = user_data;

	scrape_cancel(agent->scrape, client);
}

static gboolean on_watchdog(gpointer user_data)
{
	(void)user_data;
	notify_manager("WATCHDOG=1");
	return G_SOURCE_CONTINUE;
}

/* Twice as often as must be: the loop that says so is the one that meters. */
static guint watch_ourselves(void)
{
	uint64_t limit_ms = notify_watchdog_ms();

	return limit_ms ? g_timeout_add((guint)(limit_ms / 2), on_watchdog, NULL) : 0;
}

static void stop_sweeping(Agent *agent)
{
	g_clear_handle_id(&agent->sweep_timer, g_source_remove);
	g_clear_handle_id(&agent->pressure_timer, g_source_remove);
}

static void start_sweeping(Agent *agent)
{
	stop_sweeping(agent);
	agent->sweep_timer = g_timeout_add((guint)agent->config->interval_ms, on_sweep, agent);
	watch_pressure(agent);
}

static Config *read_config(const char *path)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	Config *config = config_read(path, errors);
	g_autoptr(GPtrArray) warnings = config ? config_warnings(config) : NULL;

	for (guint i = 0; warnings && i < warnings->len; i++)
		g_warning("%s", (const char *)warnings->pdata[i]);
	for (guint i = 0; i < errors->len; i++)
		g_warning("%s", (const char *)errors->pdata[i]);
	return config;
}

/* What cannot change while the agent runs: where its sums and its pins are. */
static bool can_change_to(const Agent *agent, const Config *config)
{
	const struct {
		const char *key, *old, *new;
	} fixed[] = {
		{ "run", agent->config->run, config->run },
		{ "state", agent->config->state, config->state },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
		if (strcmp(fixed[i].old, fixed[i].new)) {
			g_warning("%s: %s: %s cannot change to %s without a restart", config->path,
				  fixed[i].key, fixed[i].old, fixed[i].new);
			return false;
		}
	}
	if (config_hooks_equal(agent->config, config))
		return true;
	g_warning("%s: export.json-lines: hooks cannot change without a restart", config->path);
	return false;
}

static void replace_config(Agent *agent, Config *config)
{
	Config *old = agent->config;

	if (old->textfile && g_strcmp0(old->textfile, config->textfile))
		(void)unlink(old->textfile);
	agent->config = config;
	agent->exporting = exporting_new(config, agent->exporting);
	agent->lines = json_lines_new(config, agent->hooks, agent->lines);
	apply_history(agent);
	names_set_config(agent->names, config);
	http_set_config(agent->http, config);
	metering_set_config(agent->metering, config);
	namespaces_set_filter(agent->namespaces, is_named, agent);
	follow(agent);
	start_sweeping(agent);
	config_free(old);
}

static gboolean on_hangup(gpointer user_data)
{
	Agent *agent = user_data;
	g_autoptr(Config) config = NULL;

	if (agent->stopping)
		return G_SOURCE_CONTINUE;
	notify_manager("RELOADING=1");
	config = read_config(agent->options->config_path);
	agent->view.reload_successful = config && can_change_to(agent, config);
	if (agent->view.reload_successful) {
		agent->view.reload_ms = now_ms();
		replace_config(agent, g_steal_pointer(&config));
		g_message("the configuration has been read again");
	} else {
		g_warning("the configuration stays as it was");
	}
	write_textfile(agent);
	notify_manager("READY=1");
	return G_SOURCE_CONTINUE;
}

/* As log rotation says that it has moved files away. */
static gboolean on_reopen(gpointer user_data)
{
	const Agent *agent = user_data;

	if (agent->lines)
		json_lines_reopen(agent->lines);
	return G_SOURCE_CONTINUE;
}

static gboolean on_terminate(gpointer user_data)
{
	Agent *agent = user_data;

	g_main_loop_quit(agent->loop);
	return G_SOURCE_CONTINUE;
}

/* What is attached counts on; whoever starts us again adopts it. */
static gboolean on_broker_end(int fd, GIOCondition condition, gpointer user_data)
{
	Agent *agent = user_data;

	(void)fd;
	(void)condition;
	g_warning("the privileged process has ended, so do we");
	agent->failed = true;
	agent->broker_source = 0;
	g_main_loop_quit(agent->loop);
	return G_SOURCE_REMOVE;
}

/* Who holds the lock is the only one that writes there. */
static void tidy(const Agent *agent, const char *history)
{
	const char *textfile = agent->config->textfile;

	file_remove_unfinished(agent->config->run, NULL);
	file_remove_unfinished(agent->config->state, NULL);
	file_remove_unfinished(history, NULL);
	if (textfile) {
		g_autofree char *directory = g_path_get_dirname(textfile);
		g_autofree char *name = g_path_get_basename(textfile);

		file_remove_unfinished(directory, name);
	}
}

static bool start(Agent *agent, GError **error)
{
	static const ControlTexts texts = { begin_text, cancel_text };
	static const ControlParts parts[] = {
		{ is_for_hosts, begin_hosts, step_hosts, free_hosts },
		{ is_for_flows, begin_flows, step_flows, free_flows },
		{ is_for_records, begin_records, step_records, free_records },
		{ NULL, NULL, NULL, NULL },
	};
	g_autofree char *socket_path = run_path(agent, CONTROL_SOCKET);
	g_autofree char *history_path = state_path(agent, HISTORY);
	g_autoptr(GPtrArray) hooks = NULL;

	agent->broker_source =
		g_unix_fd_add(broker_fd(), G_IO_HUP | G_IO_ERR, on_broker_end, agent);
	agent->lock = lock_take(agent->config->run, error);
	if (agent->lock < 0)
		return false;
	tidy(agent, history_path);
	/* Before anything is made that would be left behind if this failed. Who asks waits for run(). */
	agent->control = control_new(socket_path, on_request, agent, error);
	if (!agent->control)
		return false;
	agent->scrape = scrape_new(on_scrape, agent);
	control_set_texts(agent->control, &texts);
	control_set_parts(agent->control, parts);
	agent->namespaces = namespaces_new(on_links, agent, error);
	if (!agent->namespaces)
		return false;
	namespaces_set_filter(agent->namespaces, is_named, agent);
	agent->metering = metering_new(agent->config, agent->namespaces, error);
	if (!agent->metering)
		return false;
	/* Once more, as it now is known what was asked for by hand. */
	namespaces_set_filter(agent->namespaces, is_named, agent);
	agent->exporting = exporting_new(agent->config, NULL);
	hooks = config_hooks(agent->config);
	if (!record_hooks_define(agent->hooks, hooks, error))
		return false;
	agent->lines = json_lines_new(agent->config, agent->hooks, NULL);
	agent->names = names_new(agent->config);
	exporting_set_names(agent->exporting, agent->names);
	load_counters(agent);
	agent->history = history_new(history_path);
	apply_history(agent);
	agent->http = http_new(agent->scrape, is_ready, agent);
	http_set_config(agent->http, agent->config);
	return true;
}

static void run(Agent *agent)
{
	guint state_timer = g_timeout_add_seconds(STATE_INTERVAL_S, on_state, agent);
	guint look_timer = g_timeout_add_seconds(LOOK_INTERVAL_S, on_look, agent);
	guint watchdog = watch_ourselves();

	/* First what an earlier agent has left half done. */
	if (metering_is_pending(agent->metering))
		(void)sweep(agent);
	follow(agent);
	metering_look(agent->metering);
	start_sweeping(agent);
	/* That the disk takes the sums is better known now than when it is too late. */
	(void)save_state(agent);
	if (!metering_points(agent->metering)->len)
		g_message("no interface is metered");
	g_message("ready");
	notify_manager("READY=1");
	g_main_loop_run(agent->loop);
	g_clear_handle_id(&watchdog, g_source_remove);
	g_source_remove(state_timer);
	g_source_remove(look_timer);
	g_clear_handle_id(&agent->look_soon, g_source_remove);
	g_clear_handle_id(&agent->extra_sweep, g_source_remove);
	stop_sweeping(agent);
}

static void drain_queues(Agent *agent)
{
	gint64 deadline = g_get_monotonic_time() + LAST_EXPORT_MS * 1000;

	while ((agent->reporting || !exporting_is_drained(agent->exporting) ||
		record_hooks_waiting(agent->hooks)) &&
	       g_get_monotonic_time() < deadline) {
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(1000);
	}
}

/* The sums stay below `run` where the disk has not taken them. */
static void remove_run(Agent *agent, bool saved)
{
	g_autofree char *path = run_path(agent, COUNTERS);

	metering_remove(agent->metering, saved);
	if (saved)
		(void)unlink(path);
}

/* Whether a sweep begins with advancing: else it takes up one that failed, before the hooks went. */
static bool is_next_sweep_whole(const Agent *agent)
{
	return agent->reporting || !metering_is_pending(agent->metering) ||
	       metering_is_reported(agent->metering);
}

/* All that is still counted goes with the tables. False: these have to stay. */
static bool sweep_last(Agent *agent)
{
	for (int attempt = 0; attempt < LAST_SWEEPS; attempt++) {
		bool is_whole = is_next_sweep_whole(agent);

		if (sweep(agent) && is_whole)
			return true;
	}
	return false;
}

/* The last report, and whatever we made goes. */
static void stop(Agent *agent)
{
	bool keep = agent->options->keep, saved, swept;

	notify_manager("STOPPING=1");
	/* While queues are drained, events still come. */
	agent->stopping = true;
	if (metering_is_pending(agent->metering) && !metering_is_reported(agent->metering))
		(void)sweep(agent);
	if (!keep)
		keep = metering_detach(agent->metering);
	if (!keep)
		metering_flush_all_flows(agent->metering);
	swept = sweep_last(agent);
	drain_queues(agent);
	finish_report(agent);
	drain_queues(agent);
	if (metering_is_reported(agent->metering))
		(void)finish_sweep(agent);
	exporting_close(agent->exporting);
	save_run(agent);
	saved = save_state(agent);
	if (agent->config->textfile)
		(void)unlink(agent->config->textfile);
	if (!keep && swept)
		remove_run(agent, saved);
	else if (!keep)
		g_warning("what has not been swept stays in the kernel, for the next start");
}

static void agent_done(Agent *agent)
{
	g_clear_handle_id(&agent->broker_source, g_source_remove);
	control_free(agent->control);
	g_clear_handle_id(&agent->tail_timer, g_source_remove);
	flow_tail_free(agent->tail);
	history_free(agent->history);
	http_free(agent->http);
	scrape_free(agent->scrape);
	exporting_free(agent->exporting);
	record_hooks_free(agent->hooks);
	json_lines_free(agent->lines);
	g_array_unref(agent->lines_status);
	names_free(agent->names);
	metering_free(agent->metering);
	namespaces_free(agent->namespaces);
	if (agent->config)
		lock_release(agent->lock, agent->config->run);
	config_free(agent->config);
	broker_stop();
	g_main_loop_unref(agent->loop);
	g_free(agent->textfile_error);
	g_free(agent->state_error);
	g_free(agent->run_error);
	g_free(agent->history_error);
	g_free(agent->sweep_error);
}

/* Each metered interface takes some descriptors. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* From here on the agent itself can do nothing that needs a capability. Before there are threads: they would keep
 * what they have, and be missed in the processes that are forked. */
static bool shed_privileges(Agent *agent, GError **error)
{
	raise_limit();
	agent->hooks = record_hooks_start(error);
	return agent->hooks && broker_start(error) && privileges_drop(error) &&
	       sandbox_enter(error);
}

static void run_configured(Agent *agent, bool *started)
{
	g_autoptr(GError) error = NULL;

	*started = start(agent, &error);
	if (!*started) {
		g_warning("%s", error->message);
		return;
	}
	run(agent);
	if (!agent->failed)
		stop(agent);
}

static const struct {
	int number;
	GSourceFunc handler;
} signals[] = {
	{ SIGHUP, on_hangup },
	{ SIGUSR1, on_reopen },
	{ SIGTERM, on_terminate },
	{ SIGINT, on_terminate },
};

static void mask_signals(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
		(void)sigaddset(&set, signals[i].number);
	(void)sigprocmask(how, &set, NULL);
}

bool agent_run(const AgentOptions *options)
{
	Agent agent = {
		.options = options,
		.lock = -1,
		.tail = flow_tail_new(),
		.lines_status = g_array_new(FALSE, FALSE, sizeof(JsonLinesStatus)),
		.view = { .start_ms = now_ms(), .reload_successful = true, .reload_ms = now_ms() },
	};
	g_autoptr(GError) error = NULL;
	guint sources[G_N_ELEMENTS(signals)];
	bool started = false, shed;

	agent.loop = g_main_loop_new(NULL, FALSE);
	/* From the first moment to the last one: a reload that comes too early or too late kills nobody. GLib starts a
	 * thread for signals. */
	mask_signals(SIG_BLOCK);
	shed = shed_privileges(&agent, &error);
	for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
		sources[i] = g_unix_signal_add(signals[i].number, signals[i].handler, &agent);
	mask_signals(SIG_UNBLOCK);
	if (shed)
		agent.config = read_config(options->config_path);
	else
		g_warning("%s", error->message);
	if (agent.config)
		run_configured(&agent, &started);
	for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
		g_source_remove(sources[i]);
	agent_done(&agent);
	return started && !agent.failed;
}
