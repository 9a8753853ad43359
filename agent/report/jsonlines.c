/* SPDX-License-Identifier: Apache-2.0 */
#include "jsonlines.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "base/linefile.h"
#include "base/mac.h"
#include "base/prefix.h"
#include "base/text.h"
#include "export/hostrecords.h"
#include "flowjson.h"
#include "flowlog.h"
#include "flowquery.h"
#include "interfacenames.h"

#define RECORDS_PER_STEP 1000 /* a few milliseconds */

/* A file, which hooks that still run hold, too. */
typedef struct {
	LineFile *file;
	uint64_t hook_failures;
	char *hook_error;
} Sink;

typedef struct {
	Sink *sink;
	bool flows;
	bool hosts;
	JsonLinesForm form;
	uint32_t first_hook;
	uint32_t hooks;
	GString *batch; /* for them, an array that is not closed */
	guint batched;	/* records in it */
} Output;

/* A batch that is in hooks. */
typedef struct {
	Sink *sink;
	guint records;
} Passing;

struct JsonLines {
	GArray *outputs; /* of Output */
	RecordHooks *hooks;
	/* The report that is under way; NULL: none, or none with flows. */
	const GArray *flows;
	guint flows_done;
	InterfaceNames *names;
	FlowContext context;
	GString *line;
};

static void sink_done(gpointer data)
{
	Sink *sink = data;

	line_file_free(sink->file);
	g_free(sink->hook_error);
}

static void sink_unref(Sink *sink)
{
	g_rc_box_release_full(sink, sink_done);
}

static void output_done(gpointer data)
{
	Output *output = data;

	sink_unref(output->sink);
	g_string_free(output->batch, TRUE);
}

static Output *output_at(const JsonLines *lines, size_t index)
{
	return &g_array_index(lines->outputs, Output, index);
}

static Sink *find_sink(const JsonLines *lines, const char *path)
{
	for (guint i = 0; lines && i < lines->outputs->len; i++) {
		Sink *sink = output_at(lines, i)->sink;

		if (!strcmp(line_file_path(sink->file), path))
			return sink;
	}
	return NULL;
}

/* It is opened anew: that is what somebody may reload for. */
static Sink *sink_for(const char *path, const JsonLines *old)
{
	Sink *sink = find_sink(old, path);

	if (sink) {
		line_file_reopen(sink->file);
		return g_rc_box_acquire(sink);
	}
	sink = g_rc_box_new0(Sink);
	sink->file = line_file_new(path);
	return sink;
}

JsonLines *json_lines_new(const Config *config, RecordHooks *hooks, JsonLines *old)
{
	JsonLines *lines = g_new0(JsonLines, 1);
	uint32_t first_hook = 0;

	while (old && json_lines_step(old))
		;
	lines->hooks = hooks;
	lines->line = g_string_new(NULL);
	lines->outputs = g_array_new(FALSE, FALSE, sizeof(Output));
	g_array_set_clear_func(lines->outputs, output_done);
	for (guint i = 0; i < config->json_lines->len; i++) {
		const JsonLinesConfig *item = config->json_lines->pdata[i];
		const Output output = {
			.sink = sink_for(item->path, old),
			.flows = item->records_flows,
			.hosts = item->records_hosts,
			.form = item->form,
			.first_hook = first_hook,
			.hooks = item->hooks->len,
			.batch = g_string_new(NULL),
		};

		first_hook += item->hooks->len;
		g_array_append_val(lines->outputs, output);
	}
	json_lines_free(old);
	return lines;
}

void json_lines_free(JsonLines *lines)
{
	if (!lines)
		return;
	g_array_unref(lines->outputs);
	interface_names_free(lines->names);
	g_string_free(lines->line, TRUE);
	g_free(lines);
}

static void append_time(GString *text, const char *name, const char *name_ms, uint64_t ms)
{
	char shown[TEXT_TIME_MAX];

	flow_json_append_string(text, name, text_time(ms, shown));
	g_string_append_printf(text, ",\"%s\":%" PRIu64, name_ms, ms);
}

static void append_whose(GString *text, const HostRecord *record, const InterfaceNames *names)
{
	static const uint8_t no_address[ADDRESS_LEN];
	const struct host_key *key = &record->key;
	const char *interface = interface_names_get(names, key->ifindex);
	char mac[MAC_TEXT_MAX], address[PREFIX_TEXT_MAX];

	if (interface)
		flow_json_append_string(text, "interface", interface);
	if (!mac_is_zero(key->mac))
		flow_json_append_string(text, "mac", mac_format(key->mac, mac));
	if (memcmp(key->address, no_address, sizeof(no_address)))
		flow_json_append_string(text, "address", address_format(key->address, address));
	if (record->name)
		flow_json_append_string(text, "name", record->name);
	if (key->ip_version)
		flow_json_append_string(text, "family", view_family(key));
	if (key->scope)
		flow_json_append_string(text, "scope", view_scope(key));
}

static void append_host(GString *text, const HostRecord *record, const InterfaceNames *names)
{
	g_string_append(text, "{\"record\":\"host\"");
	append_whose(text, record, names);
	flow_json_append_string(text, "direction",
				record->direction == DIRECTION_UPLOAD ? "upload" : "download");
	g_string_append_printf(
		text, ",\"packets\":%" PRIu64 ",\"octets\":%" PRIu64 ",\"layer2_octets\":%" PRIu64,
		record->volume.packets, record->volume.octets, record->volume.layer2_octets);
	append_time(text, "start", "start_ms", record->start_ms);
	append_time(text, "end", "end_ms", record->end_ms);
	g_string_append(text, "}\n");
}

static void append_flow(GString *text, const FlowRecord *flow, JsonLinesForm form,
			const FlowContext *context)
{
	static const char record[] = "\"record\":\"flow\",";

	if (form == JSON_LINES_FLOWLOG) {
		flow_log_append(text, flow, context->now_ms, context->names);
	} else {
		flow_json_append(text, flow, context->flow_key, context->names);
		g_string_insert_len(text, 1, record, sizeof(record) - 1);
	}
	g_string_append_c(text, '\n');
}

static void add_line(const JsonLines *lines, Output *output)
{
	if (!output->hooks) {
		line_file_add(output->sink->file, lines->line->str, lines->line->len);
		return;
	}
	g_string_append_c(output->batch, output->batched++ ? ',' : '[');
	g_string_append_len(output->batch, lines->line->str, (gssize)lines->line->len - 1);
}

static void count_dropped(Sink *sink, uint64_t lines)
{
	line_file_set_counts(sink->file, line_file_written(sink->file),
			     line_file_dropped(sink->file) + lines);
}

/* An array of objects, each a line. */
static void write_array(Sink *sink, const char *text, size_t len, guint records)
{
	json_t *array = json_loadb(text, len, 0, NULL), *item;
	size_t i;

	if (!array)
		count_dropped(sink, records);
	json_array_foreach(array, i, item)
	{
		g_autofree char *line = json_dumps(item, JSON_COMPACT);
		g_autofree char *whole = g_strconcat(line, "\n", NULL);

		line_file_add(sink->file, whole, strlen(whole));
	}
	json_decref(array);
	line_file_flush(sink->file);
}

static void note_hooks(Sink *sink, const RecordHooksResult *result)
{
	sink->hook_failures += result->failures;
	if (result->error && !sink->hook_error)
		g_warning("%s: %s", line_file_path(sink->file), result->error);
	if (!result->error && sink->hook_error)
		g_message("%s: hooks work again", line_file_path(sink->file));
	g_free(sink->hook_error);
	sink->hook_error = g_strdup(result->error);
}

static void on_passed(const RecordHooksResult *result, void *user_data)
{
	Passing *passing = user_data;

	note_hooks(passing->sink, result);
	if (result->is_dropped)
		count_dropped(passing->sink, passing->records);
	else
		write_array(passing->sink, result->array, result->len, passing->records);
	sink_unref(passing->sink);
	g_free(passing);
}

/* What the hooks do not take goes on without them. */
static void pass_batch(const JsonLines *lines, Output *output)
{
	RecordHooksResult refused = { .failures = 1, .error = "no process runs hooks" };
	Passing *passing;

	if (!output->batched)
		return;
	g_string_append_c(output->batch, ']');
	passing = g_new(Passing, 1);
	*passing = (Passing){ g_rc_box_acquire(output->sink), output->batched };
	if (!lines->hooks ||
	    !record_hooks_pass(lines->hooks, output->first_hook, output->hooks, output->batch->str,
			       output->batch->len, on_passed, passing, &refused.error)) {
		note_hooks(output->sink, &refused);
		write_array(output->sink, output->batch->str, output->batch->len, output->batched);
		sink_unref(passing->sink);
		g_free(passing);
	}
	g_string_truncate(output->batch, 0);
	output->batched = 0;
}

static void pass_batches(const JsonLines *lines)
{
	for (guint i = 0; i < lines->outputs->len; i++)
		pass_batch(lines, output_at(lines, i));
}

static void write_flow(JsonLines *lines, const FlowRecord *flow)
{
	for (int form = 0; form < JSON_LINES_FORMS; form++) {
		g_string_truncate(lines->line, 0);
		for (guint i = 0; i < lines->outputs->len; i++) {
			Output *output = output_at(lines, i);

			if (!output->flows || output->form != (JsonLinesForm)form)
				continue;
			if (!lines->line->len)
				append_flow(lines->line, flow, output->form, &lines->context);
			add_line(lines, output);
		}
	}
}

static bool has(const JsonLines *lines, size_t offset)
{
	for (guint i = 0; i < lines->outputs->len; i++) {
		if (G_STRUCT_MEMBER(bool, output_at(lines, i), offset))
			return true;
	}
	return false;
}

static void write_host(JsonLines *lines, const HostRecord *record)
{
	g_string_truncate(lines->line, 0);
	append_host(lines->line, record, lines->names);
	for (guint i = 0; i < lines->outputs->len; i++) {
		if (output_at(lines, i)->hosts)
			add_line(lines, output_at(lines, i));
	}
}

/* At once, as names are only lent. */
static void write_hosts(JsonLines *lines, const JsonLinesReport *report, const View *view)
{
	g_autoptr(GArray) records = NULL;

	if (!has(lines, offsetof(Output, hosts)))
		return;
	records = host_records_new(report->deltas, report->deltas_n, report->start_ms,
				   report->end_ms, true, view->names);
	for (guint i = 0; i < records->len; i++) {
		write_host(lines, &g_array_index(records, HostRecord, i));
		if (i % RECORDS_PER_STEP == RECORDS_PER_STEP - 1)
			pass_batches(lines);
	}
	pass_batches(lines);
}

void json_lines_begin(JsonLines *lines, const JsonLinesReport *report, const View *view)
{
	if (!lines->outputs->len)
		return;
	lines->context = flow_context(view);
	lines->context.names = lines->names = interface_names_new(view);
	write_hosts(lines, report, view);
	lines->flows = has(lines, offsetof(Output, flows)) ? report->flows : NULL;
	lines->flows_done = 0;
}

static void end_report(JsonLines *lines)
{
	for (guint i = 0; i < lines->outputs->len; i++)
		line_file_flush(output_at(lines, i)->sink->file);
	g_clear_pointer(&lines->names, interface_names_free);
	lines->flows = NULL;
}

bool json_lines_step(JsonLines *lines)
{
	const GArray *flows = lines->flows;
	guint end = flows ? MIN(lines->flows_done + RECORDS_PER_STEP, flows->len) : 0;

	if (!lines->names)
		return false;
	while (lines->flows_done < end)
		write_flow(lines, &g_array_index(flows, FlowRecord, lines->flows_done++));
	pass_batches(lines);
	if (flows && end < flows->len)
		return true;
	end_report(lines);
	return false;
}

void json_lines_reopen(JsonLines *lines)
{
	for (guint i = 0; i < lines->outputs->len; i++)
		line_file_reopen(output_at(lines, i)->sink->file);
}

bool json_lines_status(const JsonLines *lines, size_t index, JsonLinesStatus *status)
{
	const LineFile *file;
	const Sink *sink;

	if (index >= lines->outputs->len)
		return false;
	sink = output_at(lines, index)->sink;
	file = sink->file;
	*status = (JsonLinesStatus){
		.path = line_file_path(file),
		.written = line_file_written(file),
		.dropped = line_file_dropped(file),
		.hook_failures = sink->hook_failures,
		.hook_error = sink->hook_error,
		.error = line_file_error(file),
	};
	return true;
}

/* --- across a restart */

/* An output is known by its path, and a path may be long. */
struct output_row {
	char path_digest[64]; /* SHA-256 in hexadecimal, without a final NUL */
	uint64_t written;
	uint64_t dropped;
};
_Static_assert(sizeof(struct output_row) == 80, "output_row is on disk");

static void digest_path(struct output_row *row, const char *path)
{
	g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, path, -1);

	memcpy(row->path_digest, digest, sizeof(row->path_digest));
}

void json_lines_save(const JsonLines *lines, TotalsWriter *writer)
{
	JsonLinesStatus status;

	totals_writer_begin(writer, TOTALS_JSON_LINES, sizeof(struct output_row));
	for (size_t i = 0; json_lines_status(lines, i, &status); i++) {
		struct output_row row = { .written = status.written, .dropped = status.dropped };

		digest_path(&row, status.path);
		totals_writer_add(writer, &row);
	}
}

bool json_lines_load(JsonLines *lines, TotalsReader *reader, GError **error)
{
	const struct output_row *rows;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_JSON_LINES, sizeof(*rows), (const void **)&rows, &n,
				error))
		return false;
	for (guint i = 0; i < lines->outputs->len; i++) {
		LineFile *file = output_at(lines, i)->sink->file;
		struct output_row wanted;

		digest_path(&wanted, line_file_path(file));
		for (size_t j = 0; j < n; j++) {
			if (!memcmp(rows[j].path_digest, wanted.path_digest,
				    sizeof(wanted.path_digest)))
				line_file_set_counts(file, rows[j].written, rows[j].dropped);
		}
	}
	return true;
}
