/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <stddef.h>
#include <string.h>

#include "base/mac.h"
#include "metering/observation.h"
#include "base/prefix.h"
#include "base/text.h"
#include "kernel/topology.h"

#define SCHEMA 1

/* An integer of a struct, by its name in the document. */
typedef struct {
	const char *name;
	size_t offset;
} Member;

/* clang-format off */
static const Member volume_members[] = {
	{"packets", offsetof(Volume, packets)},
	{"octets", offsetof(Volume, octets)},
	{"layer2_octets", offsetof(Volume, layer2_octets)},
};

static const Member entry_members[] = {
	{"frames", offsetof(struct ledger_entry, frames)},
	{"packets", offsetof(struct ledger_entry, packets)},
	{"octets", offsetof(struct ledger_entry, octets)},
	{"layer2_octets", offsetof(struct ledger_entry, layer2_octets)},
};

static const Member bounds_members[] = {
	{"low", offsetof(Bounds, low)},
	{"high", offsetof(Bounds, high)},
};

static const Member export_members[] = {
	{"messages", offsetof(ExportCounters, sent.messages)},
	{"records", offsetof(ExportCounters, sent.records)},
	{"octets", offsetof(ExportCounters, sent.message_octets)},
	{"dropped_records", offsetof(ExportCounters, dropped.records)},
	{"dropped_packets", offsetof(ExportCounters, dropped.packets)},
	{"dropped_octets", offsetof(ExportCounters, dropped.octets)},
	{"repeated_records", offsetof(ExportCounters, repeated_records)},
	{"repeated_packets", offsetof(ExportCounters, repeated_packets)},
	{"repeated_octets", offsetof(ExportCounters, repeated_octets)},
};

static const Member export_sum_members[] = {
	{"messages", offsetof(ExportSum, messages)},
	{"message_octets", offsetof(ExportSum, message_octets)},
	{"records", offsetof(ExportSum, records)},
	{"flow_records", offsetof(ExportSum, flow_records)},
	{"packets", offsetof(ExportSum, packets)},
	{"octets", offsetof(ExportSum, octets)},
};
/* clang-format on */

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* JSON is UTF-8, and names and messages may be anything; NULL becomes null. */
static json_t *string(const char *octets)
{
	g_autofree char *text = octets ? text_escape(octets) : NULL;

	return text ? json_string_nocheck(text) : json_null();
}

json_t *json_timestamp(uint64_t ms)
{
	char text[TEXT_TIME_MAX];

	return ms ? json_string(text_time(ms, text)) : json_null();
}

static void set(json_t *object, const char *name, json_t *value)
{
	(void)json_object_set_new_nocheck(object, name, value);
}

static void set_integers(json_t *object, const void *from, const Member *members, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const void *member = (const char *)from + members[i].offset;

		set(object, members[i].name, integer(*(const uint64_t *)member));
	}
}

static json_t *integers(const void *from, const Member *members, size_t n)
{
	json_t *object = json_object();

	set_integers(object, from, members, n);
	return object;
}

static json_t *volume(const Volume *volume)
{
	return integers(volume, volume_members, G_N_ELEMENTS(volume_members));
}

static json_t *entry(const struct ledger_entry *entry)
{
	return integers(entry, entry_members, G_N_ELEMENTS(entry_members));
}

static json_t *bounds(const Bounds *bounds)
{
	return integers(bounds, bounds_members, G_N_ELEMENTS(bounds_members));
}

/* The head that all documents have. @ms is the moment for which the rest holds. */
static json_t *document(uint64_t ms)
{
	json_t *object = json_object();

	set(object, "schema", json_integer(SCHEMA));
	set(object, "time", json_timestamp(ms));
	return object;
}

static uint64_t time_of_sums(const View *view)
{
	return view->sweep_ms ? view->sweep_ms : view->start_ms;
}

static json_t *address(const struct host_key *key)
{
	static const __u8 none[ADDRESS_LEN];
	char text[PREFIX_TEXT_MAX];

	if (!memcmp(key->address, none, ADDRESS_LEN))
		return json_null();
	return json_string(address_format(key->address, text));
}

/* What a host and each of its accounts have alike. */
static void set_account(json_t *object, const Account *account)
{
	set(object, "first_seen", json_timestamp(account->first_seen_ms));
	set(object, "last_seen", json_timestamp(account->last_seen_ms));
	set(object, "download", volume(&account->volume[DIRECTION_DOWNLOAD]));
	set(object, "upload", volume(&account->volume[DIRECTION_UPLOAD]));
}

json_t *json_account(const Account *account)
{
	json_t *object = json_object();

	set(object, "address", address(&account->key));
	set(object, "family", json_string(view_family(&account->key)));
	set(object, "scope", json_string(view_scope(&account->key)));
	set_account(object, account);
	return object;
}

static void add_account(Account *sum, const Account *account)
{
	for (int direction = 0; direction < DIRECTIONS; direction++)
		volume_add(&sum->volume[direction], &account->volume[direction]);
	sum->first_seen_ms = MIN(sum->first_seen_ms, account->first_seen_ms);
	sum->last_seen_ms = MAX(sum->last_seen_ms, account->last_seen_ms);
}

static json_t *device_mac(const Device *device)
{
	char text[MAC_TEXT_MAX];

	return mac_is_zero(device->mac) ? json_null() : json_string(mac_format(device->mac, text));
}

json_t *json_host(const View *view, const Account *const *accounts, size_t n)
{
	json_t *object = json_object();
	Account sum = *accounts[0];
	char host[DEVICE_LABEL_MAX], label[DEVICE_LABEL_MAX];
	const char *vendor = view_host_vendor(view, sum.device);

	for (size_t i = 1; i < n; i++)
		add_account(&sum, accounts[i]);
	device_label(sum.device, host);
	set(object, "host", json_string(host));
	/* Names are clean as they are. */
	set(object, "name", json_string(view_host_name(view, accounts, n, label)));
	set(object, "mac", device_mac(sum.device));
	set(object, "vendor", vendor ? json_string(vendor) : json_null());
	set(object, "private_mac", json_boolean(view_host_is_private(sum.device)));
	set(object, "interface", string(sum.interface));
	set_account(object, &sum);
	return object;
}

/* What found no room in our accounts, by direction, and in the kernel's tables. */
static json_t *overflow_object(const Hosts *hosts, const LedgerRow rows[HOOKS])
{
	const Volume *overflow = hosts_overflow(hosts, rows->interface);
	json_t *object = json_object();
	Volume limit = view_device_limit(rows);

	set(object, "interface", string(rows->interface));
	set(object, "download", volume(&overflow[DIRECTION_DOWNLOAD]));
	set(object, "upload", volume(&overflow[DIRECTION_UPLOAD]));
	set(object, "device_limit", volume(&limit));
	return object;
}

static json_t *overflow_list(const View *view)
{
	g_autoptr(GArray) rows = ledger_list(view->ledger);
	json_t *objects = json_array();

	for (guint i = 0; i < rows->len; i += HOOKS) {
		const LedgerRow *row = &g_array_index(rows, LedgerRow, i);

		json_array_append_new(objects, overflow_object(view->hosts, row));
	}
	return objects;
}

json_t *json_hosts_head(const View *view)
{
	json_t *object = document(time_of_sums(view));

	set(object, "overflow", overflow_list(view));
	return object;
}

static bool meters_flows(const View *view)
{
	for (guint i = 0; i < view->points->len; i++) {
		if (((const Point *)view->points->pdata[i])->meter.meter & METER_FLOWS)
			return true;
	}
	return false;
}

json_t *json_flows_head(const View *view)
{
	json_t *object = document(time_of_sums(view));

	set(object, "metered", json_boolean(meters_flows(view)));
	return object;
}

json_t *json_records_head(const View *view, json_int_t next, json_int_t missed, bool more)
{
	json_t *object = json_flows_head(view);

	set(object, "start", json_timestamp(view->start_ms));
	set(object, "next", json_integer(next));
	set(object, "missed", json_integer(missed));
	set(object, "more", json_boolean(more));
	return object;
}

json_t *json_flushed(uint32_t flows)
{
	json_t *object = document((uint64_t)g_get_real_time() / 1000);

	set(object, "flushed", integer(flows));
	return object;
}

static json_t *class_objects(const struct ledger_sheet *sheet)
{
	json_t *classes = json_object();

	for (int i = 0; i < LEDGER_CLASSES; i++)
		set(classes, ledger_class_names[i], entry(&sheet->classes[i]));
	return classes;
}

static json_t *flow_class_objects(const struct ledger_sheet *sheet)
{
	json_t *classes = json_object();

	for (int i = 0; i < FLOW_CLASSES; i++)
		set(classes, flow_class_names[i], entry(&sheet->flow_classes[i]));
	return classes;
}

static json_t *seen_object(const LedgerRow *row)
{
	json_t *object = entry(&row->total);

	set(object, "frames", integer(row->sheet.seen.frames));
	set(object, "skb_octets", integer(row->sheet.seen.skb_octets));
	set(object, "tagged", integer(row->sheet.seen.tagged));
	return object;
}

static json_t *counters_object(const LedgerRow *row)
{
	json_t *object = json_object();

	set(object, "frames", bounds(&row->link_frames));
	set(object, "octets", bounds(&row->link_octets));
	return object;
}

static json_t *difference_object(const LedgerRow *row)
{
	json_t *object = json_object();

	set(object, "frames", json_integer(row->frames_difference));
	set(object, "octets", json_integer(row->octets_difference));
	return object;
}

static json_t *sheet_object(const LedgerRow *row)
{
	json_t *object = json_object();

	set(object, "interface", string(row->interface));
	set(object, "direction", json_string(hook_names[row->hook]));
	set(object, "seen", seen_object(row));
	set(object, "classes", class_objects(&row->sheet));
	if (row->meters_flows) {
		set(object, "flow_classes", flow_class_objects(&row->sheet));
		set(object, "flows", volume(&row->flows));
	}
	set(object, "interface_counters", counters_object(row));
	set(object, "difference", difference_object(row));
	set(object, "balanced", json_boolean(row->balanced));
	set(object, "explanation", string(row->explanation));
	return object;
}

json_t *json_ledger(const View *view)
{
	json_t *object = document(time_of_sums(view)), *sheets = json_array();
	g_autoptr(GArray) rows = ledger_list(view->ledger);

	for (guint i = 0; i < rows->len; i++)
		json_array_append_new(sheets, sheet_object(&g_array_index(rows, LedgerRow, i)));
	set(object, "sheets", sheets);
	set(object, "balanced", json_boolean(ledger_is_balanced(view->ledger)));
	return object;
}

static json_t *meter_words(uint8_t meter)
{
	json_t *words = json_array();

	for (unsigned int bit = 0; config_meter_name(bit); bit++) {
		if (meter & 1u << bit)
			json_array_append_new(words, json_string(config_meter_name(bit)));
	}
	return words;
}

static json_t *point_object(const Point *point)
{
	json_t *object = json_object(), *priority = json_object(), *before = json_object();

	for (int hook = 0; hook < HOOKS; hook++) {
		set(priority, hook_names[hook], integer(point->hooks.priority[hook]));
		set(before, hook_names[hook],
		    point->before[hook] < 0 ? json_null() : integer((uint64_t)point->before[hook]));
	}
	set(object, "interface", string(point->report_name));
	set(object, "name", string(point->name));
	set(object, "netns", string(point->netns));
	set(object, "ifindex", integer(interface_ifindex(point->interface)));
	set(object, "index", integer(point->report_index));
	set(object, "kind", string(point->kind));
	set(object, "side", json_string(view_side(point->side)));
	set(object, "meter", meter_words(point->meter.meter));
	set(object, "layer", json_string(view_layer(point->layer)));
	set(object, "hook", json_string(hook_kind_names[point->hooks.kind]));
	set(object, "attached", json_boolean(point->attached));
	set(object, "priority", priority);
	set(object, "programs_before", before);
	return object;
}

static json_t *point_list(const GPtrArray *points)
{
	json_t *objects = json_array();

	for (guint i = 0; i < points->len; i++)
		json_array_append_new(objects, point_object(points->pdata[i]));
	return objects;
}

/* What keeps packets from our hooks: a row for each point and kind. */
static json_t *offload_list(const GPtrArray *points)
{
	json_t *objects = json_array();

	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];

		for (int j = 0; j < OFFLOADS; j++) {
			json_t *object;

			if (!(point->offloads & OFFLOAD_BIT(j)))
				continue;
			object = json_object();
			set(object, "interface", string(point->report_name));
			set(object, "kind", json_string(offload_names[j]));
			set(object, "consequence", json_string(offload_consequences[j]));
			json_array_append_new(objects, object);
		}
	}
	return objects;
}

static json_t *overlap_object(const Overlap *overlap)
{
	g_autofree char *advice = topology_advice(overlap);
	json_t *object = json_object();

	set(object, "upper", string(overlap->upper));
	set(object, "lower", string(overlap->lower));
	set(object, "relation", json_string(topology_relation_names[overlap->relation]));
	set(object, "advice", string(advice));
	return object;
}

static json_t *overlap_list(const GPtrArray *overlaps)
{
	json_t *objects = json_array();

	for (guint i = 0; overlaps && i < overlaps->len; i++)
		json_array_append_new(objects, overlap_object(overlaps->pdata[i]));
	return objects;
}

static json_t *awaited_list(const GPtrArray *awaited)
{
	json_t *names = json_array();

	for (guint i = 0; awaited && i < awaited->len; i++)
		json_array_append_new(names, string(awaited->pdata[i]));
	return names;
}

static json_t *fault_list(GHashTable *faults)
{
	g_autoptr(GList) names = faults ? g_hash_table_get_keys(faults) : NULL;
	json_t *objects = json_array();

	names = g_list_sort(names, (GCompareFunc)strcmp);
	for (const GList *name = names; name; name = name->next) {
		json_t *object = json_object();

		set(object, "interface", string(name->data));
		set(object, "fault", string(g_hash_table_lookup(faults, name->data)));
		json_array_append_new(objects, object);
	}
	return objects;
}

static json_t *table_list(const View *view)
{
	json_t *objects = json_array();
	TableUse tables[VIEW_TABLES];
	size_t n;

	n = view_tables(view, tables);
	for (size_t i = 0; i < n; i++) {
		json_t *object = json_object();

		set(object, "table", json_string(tables[i].name));
		set(object, "entries", integer(tables[i].entries));
		set(object, "limit", integer(tables[i].limit));
		json_array_append_new(objects, object);
	}
	return objects;
}

/* What the series of pairs of interfaces lack; null where there are none. */
static json_t *pair_overflow_object(const FlowSums *sums)
{
	const PairSum *overflow;
	json_t *object;

	if (!sums || !view_has_sums(sums))
		return json_null();
	overflow = flow_sums_pair_overflow(sums);
	object = json_object();
	set(object, "limit", volume(&overflow->limit));
	set(object, "latency_frames", integer(overflow->latency_frames));
	set(object, "latency_ns", integer(overflow->latency_ns));
	return object;
}

static json_t *error_counters(const ExportCounters *counters)
{
	json_t *errors = json_object();

	for (int reason = 0; reason < EXPORT_ERRORS; reason++)
		set(errors, export_error_names[reason], integer(counters->errors[reason]));
	return errors;
}

static json_t *export_sum(const ExportSum *sum)
{
	json_t *object = json_object();

	set_integers(object, sum, export_sum_members, G_N_ELEMENTS(export_sum_members));
	return object;
}

/* All that was made, by what has become of it. */
static json_t *collector_account_object(const CollectorStatus *status)
{
	const ExportCounters *counters = &status->counters;
	json_t *object = json_object(), *reasons = json_object();

	for (int reason = 0; reason < EXPORT_LOSSES; reason++)
		set(reasons, export_error_names[reason],
		    export_sum(&counters->dropped_for[reason]));
	set(object, "made", export_sum(&counters->made));
	set(object, "sent", export_sum(&counters->sent));
	set(object, "queued", export_sum(&status->queued));
	set(object, "spooled", export_sum(&status->spooled));
	set(object, "moved", export_sum(&counters->moved));
	set(object, "dropped", export_sum(&counters->dropped));
	set(object, "dropped_for", reasons);
	return object;
}

static json_t *collector_object(const CollectorView *collector)
{
	const CollectorStatus *status = &collector->status;
	const GroupConfig *group = status->config->group;
	json_t *object = json_object();

	set(object, "collector", string(collector->label));
	set_integers(object, &status->counters, export_members, G_N_ELEMENTS(export_members));
	set(object, "errors", error_counters(&status->counters));
	set(object, "account", collector_account_object(status));
	set(object, "transport", json_string(config_transport_words[status->config->transport]));
	set(object, "group", group ? integer(group->index) : json_null());
	set(object, "mode", string(group ? config_group_words[group->mode] : NULL));
	set(object, "active", json_boolean(status->active));
	set(object, "state", json_string(session_state_names[status->session.state]));
	set(object, "since", json_timestamp(status->session.since_ms));
	set(object, "until", json_timestamp(status->session.until_ms));
	set(object, "peer", string(status->session.peer));
	set(object, "sessions", integer(status->session.opened));
	set(object, "queued", integer(status->queued.messages));
	set(object, "queued_octets", integer(status->queued.message_octets));
	set(object, "spooled", integer(status->spooled.messages));
	set(object, "spooled_octets", integer(status->spooled.message_octets));
	set(object, "max_message", integer(status->max_message));
	set(object, "last_sent", json_timestamp(status->last_sent_ms));
	set(object, "last_error", string(status->last_error));
	return object;
}

static json_t *collector_list(const View *view)
{
	g_autoptr(GArray) collectors = view_collectors(view);
	json_t *objects = json_array();

	for (guint i = 0; i < collectors->len; i++)
		json_array_append_new(
			objects, collector_object(&g_array_index(collectors, CollectorView, i)));
	return objects;
}

static json_t *names_list(const Names *names)
{
	json_t *objects = json_array();
	NamesStatus status;

	for (size_t i = 0; names && names_status(names, i, &status); i++) {
		json_t *object = json_object();

		set(object, "kind", json_string(status.kind));
		set(object, "path", string(status.path));
		set(object, "entries", integer(status.entries));
		set(object, "bad_lines", integer(status.bad_lines));
		set(object, "reading", json_boolean(status.reading));
		set(object, "error", string(status.error));
		json_array_append_new(objects, object);
	}
	return objects;
}

static json_t *textfile_object(const View *view)
{
	json_t *object;

	if (!view->config->textfile)
		return json_null();
	object = json_object();
	set(object, "path", string(view->config->textfile));
	set(object, "errors", integer(view->textfile_errors));
	set(object, "last_error", string(view->textfile_error));
	return object;
}

static json_t *json_lines_list(const GArray *outputs)
{
	json_t *objects = json_array();

	for (guint i = 0; outputs && i < outputs->len; i++) {
		const JsonLinesStatus *output = &g_array_index(outputs, JsonLinesStatus, i);
		json_t *object = json_object();

		set(object, "path", string(output->path));
		set(object, "written", integer(output->written));
		set(object, "dropped", integer(output->dropped));
		set(object, "last_error", string(output->error));
		set(object, "hook_failures", integer(output->hook_failures));
		set(object, "last_hook_error", string(output->hook_error));
		json_array_append_new(objects, object);
	}
	return objects;
}

static json_t *listener_list(const HttpView *http)
{
	json_t *objects = json_array();

	for (guint i = 0; i < http->listeners->len; i++) {
		const HttpListenerView *listener = http->listeners->pdata[i];
		json_t *object = json_object();

		set(object, "address", string(listener->address));
		set(object, "last_error", string(listener->error));
		json_array_append_new(objects, object);
	}
	return objects;
}

static json_t *request_counters(const HttpView *http)
{
	json_t *requests = json_object();

	for (int i = 0; i < HTTP_CODES; i++) {
		g_autofree char *code = g_strdup_printf("%u", http_codes[i]);

		set(requests, code, integer(http->requests[i]));
	}
	return requests;
}

static json_t *http_object(const HttpView *http)
{
	json_t *object;

	if (!http)
		return json_null();
	object = json_object();
	set(object, "listeners", listener_list(http));
	set(object, "tls", json_boolean(http->tls));
	set(object, "authentication", json_boolean(http->authentication));
	set(object, "requests", request_counters(http));
	set(object, "refused_connections", integer(http->refused));
	set(object, "cut_off_connections", integer(http->cut_off));
	set(object, "last_error", string(http->error));
	return object;
}

static json_t *file_errors(const View *view)
{
	json_t *object = json_object();

	for (int file = 0; file < KEPT_FILES; file++)
		set(object, kept_file_names[file], integer(view->file_errors[file]));
	return object;
}

static void set_agent(json_t *object, const View *view)
{
	set(object, "version", json_string(FLOWTALLY_VERSION));
	set(object, "config", string(view->config->path));
	set(object, "start", json_timestamp(view->start_ms));
	set(object, "reload_successful", json_boolean(view->reload_successful));
	set(object, "last_reload", json_timestamp(view->reload_ms));
	set(object, "last_sweep", json_timestamp(view->sweep_ms));
	set(object, "sweep_duration_ns", integer(view->sweep_duration_ns));
	set(object, "sweep_errors", integer(view->sweep_errors));
	set(object, "generation", integer(view->generation));
	set(object, "state_error", string(view->state_error));
	set(object, "file_errors", file_errors(view));
}

json_t *json_status(const View *view)
{
	json_t *object = document((uint64_t)g_get_real_time() / 1000);

	set_agent(object, view);
	set(object, "balanced", json_boolean(ledger_is_balanced(view->ledger)));
	set(object, "interfaces", point_list(view->points));
	set(object, "awaited", awaited_list(view->awaited));
	set(object, "faults", fault_list(view->faults));
	set(object, "offloads", offload_list(view->points));
	set(object, "overlaps", overlap_list(view->overlaps));
	set(object, "tables", table_list(view));
	set(object, "pair_overflow", pair_overflow_object(view->flow_sums));
	set(object, "names", names_list(view->names));
	set(object, "collectors", collector_list(view));
	set(object, "json_lines", json_lines_list(view->json_lines));
	set(object, "textfile", textfile_object(view));
	set(object, "http", http_object(view->http));
	return object;
}
