/* SPDX-License-Identifier: Apache-2.0 */
#include "prometheus.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "observation.h"
#include "text.h"

/* One series of each of the four host counters: a host's addresses are summed up. */
typedef struct {
	struct host_key key; /* of one of them: family and scope are those of all */
	const char *labels;  /* as they are written, in the Exposition's chunk */
	Volume volume[DIRECTIONS];
} HostSeries;

typedef struct {
	const View *view;
	GArray *series;	    /* of HostSeries */
	GPtrArray *devices; /* of const Device: those that are shown */
	GHashTable *names;  /* const Device * -> const char *, borrowed: of those that have one */
	GArray *sheets;	    /* of LedgerRow */
	GArray *collectors; /* of CollectorView */
	GStringChunk *labels;
	GString *text;
} Exposition;

typedef struct Family {
	const char *name;
	const char *type;
	const char *help;
	void (*write)(Exposition *exposition, const struct Family *family);
	size_t member; /* of whatever write() goes through: where the value is */
	int which;     /* enum direction or enum hook */
	int decimals;  /* 3: the value is in milliseconds, 9: in nanoseconds */
} Family;

static uint64_t integer_at(const void *object, size_t member)
{
	return *(const uint64_t *)(const void *)((const char *)object + member);
}

static void append_escaped(GString *text, const char *value)
{
	for (;;) {
		size_t plain = strcspn(value, "\\\"\n");

		g_string_append_len(text, value, (gssize)plain);
		value += plain;
		if (!*value)
			return;
		g_string_append_c(text, '\\');
		g_string_append_c(text, *value == '\n' ? 'n' : *value);
		value++;
	}
}

/* Names and values in turn, up to NULL. */
static void append_labels(GString *text, va_list labels)
{
	const char *name;
	char separator = '{';

	while ((name = va_arg(labels, const char *))) {
		g_string_append_c(text, separator);
		g_string_append(text, name);
		g_string_append(text, "=\"");
		append_escaped(text, va_arg(labels, const char *));
		g_string_append_c(text, '"');
		separator = ',';
	}
	if (separator == ',')
		g_string_append_c(text, '}');
}

static void append_value(GString *text, uint64_t value, int decimals)
{
	uint64_t unit = 1;

	for (int i = 0; i < decimals; i++)
		unit *= 10;
	g_string_append_printf(text, " %" PRIu64, value / unit);
	if (decimals)
		g_string_append_printf(text, ".%0*" PRIu64, decimals, value % unit);
	g_string_append_c(text, '\n');
}

/* One line; after @value come names and values of labels in turn. */
G_GNUC_NULL_TERMINATED
static void sample(Exposition *exposition, const Family *family, uint64_t value, ...)
{
	va_list labels;

	g_string_append(exposition->text, family->name);
	va_start(labels, value);
	append_labels(exposition->text, labels);
	va_end(labels);
	append_value(exposition->text, value, family->decimals);
}

static void write_of_agent(Exposition *exposition, const Family *family)
{
	sample(exposition, family, integer_at(exposition->view, family->member), NULL);
}

static void write_build_info(Exposition *exposition, const Family *family)
{
	sample(exposition, family, 1, "version", FLOWTALLY_VERSION, NULL);
}

static void write_reload_successful(Exposition *exposition, const Family *family)
{
	sample(exposition, family, exposition->view->reload_successful, NULL);
}

static void write_of_tables(Exposition *exposition, const Family *family)
{
	TableUse tables[VIEW_TABLES];

	view_tables(exposition->view, tables);
	for (int i = 0; i < VIEW_TABLES; i++)
		sample(exposition, family, integer_at(&tables[i], family->member), "table",
		       tables[i].name, NULL);
}

static void write_interface_info(Exposition *exposition, const Family *family)
{
	const GPtrArray *points = exposition->view->points;

	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];
		g_autofree char *interface = text_escape(point->report_name);
		g_autofree char *ifindex = g_strdup_printf("%" PRIu32, point->report_index);
		g_autofree char *netns = text_escape(point->netns);
		g_autofree char *kind = text_escape(point->kind);

		if (point->attached)
			sample(exposition, family, 1, "interface", interface, "ifindex", ifindex,
			       "netns", netns, "hook", hook_kind_names[point->hooks.kind], "kind",
			       kind, "side", view_side(point->side), NULL);
	}
}

static void write_interface_faults(Exposition *exposition, const Family *family)
{
	GHashTable *faults = exposition->view->faults;

	sample(exposition, family, faults ? g_hash_table_size(faults) : 0, NULL);
}

static void write_interface_offload(Exposition *exposition, const Family *family)
{
	const GPtrArray *points = exposition->view->points;

	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];
		g_autofree char *interface = text_escape(point->report_name);

		for (int j = 0; j < OFFLOADS && point->attached; j++)
			sample(exposition, family, !!(point->offloads & OFFLOAD_BIT(j)),
			       "interface", interface, "kind", offload_names[j], NULL);
	}
}

static void write_of_interfaces(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->sheets->len; i++) {
		const LedgerRow *row = &g_array_index(exposition->sheets, LedgerRow, i);
		g_autofree char *interface = text_escape(row->interface);

		if ((int)row->hook == family->which)
			sample(exposition, family, integer_at(&row->total, family->member),
			       "interface", interface, NULL);
	}
}

static void write_of_ledger(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->sheets->len; i++) {
		const LedgerRow *row = &g_array_index(exposition->sheets, LedgerRow, i);
		g_autofree char *interface = text_escape(row->interface);

		for (int j = 0; j < LEDGER_CLASSES; j++)
			sample(exposition, family,
			       integer_at(&row->sheet.classes[j], family->member), "interface",
			       interface, "direction", hook_names[row->hook], "class",
			       ledger_class_names[j], NULL);
	}
}

static void write_ledger_balanced(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->sheets->len; i++) {
		const LedgerRow *row = &g_array_index(exposition->sheets, LedgerRow, i);
		g_autofree char *interface = text_escape(row->interface);

		sample(exposition, family, row->balanced, "interface", interface, "direction",
		       hook_names[row->hook], NULL);
	}
}

static void write_of_hosts(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->series->len; i++) {
		const HostSeries *series = &g_array_index(exposition->series, HostSeries, i);

		g_string_append(exposition->text, family->name);
		g_string_append(exposition->text, series->labels);
		append_value(exposition->text,
			     integer_at(&series->volume[family->which], family->member),
			     family->decimals);
	}
}

static void write_host_info(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->devices->len; i++) {
		const Device *device = exposition->devices->pdata[i];
		const char *name = g_hash_table_lookup(exposition->names, device);
		const char *vendor = view_host_vendor(exposition->view, device);
		char host[DEVICE_LABEL_MAX];

		device_label(device, host);
		sample(exposition, family, 1, "host", host, "name", name ? name : host, "vendor",
		       vendor ? vendor : "", NULL);
	}
}

static void write_host_last_seen(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->devices->len; i++) {
		const Device *device = exposition->devices->pdata[i];
		char host[DEVICE_LABEL_MAX];

		sample(exposition, family, device->last_seen_ms, "host", device_label(device, host),
		       NULL);
	}
}

/* What is in no series of a host: it found no room in the kernel's tables, none in ours, or is hidden. */
static uint64_t overflow_of(const Hosts *hosts, const LedgerRow rows[HOOKS], size_t member)
{
	const Volume *overflow = hosts_overflow(hosts, rows->interface);
	const Volume *hidden = hosts_hidden(hosts, rows->interface);
	Volume sum = view_device_limit(rows);

	for (int direction = 0; direction < DIRECTIONS; direction++) {
		volume_add(&sum, &overflow[direction]);
		volume_add(&sum, &hidden[direction]);
	}
	return integer_at(&sum, member);
}

static void write_host_overflow(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->sheets->len; i += HOOKS) {
		const LedgerRow *row = &g_array_index(exposition->sheets, LedgerRow, i);
		g_autofree char *interface = text_escape(row->interface);

		sample(exposition, family,
		       overflow_of(exposition->view->hosts, row, family->member), "interface",
		       interface, NULL);
	}
}

static void write_of_collectors(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->collectors->len; i++) {
		const CollectorView *collector =
			&g_array_index(exposition->collectors, CollectorView, i);

		sample(exposition, family, integer_at(&collector->status.counters, family->member),
		       "collector", collector->label, NULL);
	}
}

static void write_export_errors(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->collectors->len; i++) {
		const CollectorView *collector =
			&g_array_index(exposition->collectors, CollectorView, i);

		for (int reason = 0; reason < EXPORT_ERRORS; reason++)
			sample(exposition, family, collector->status.counters.errors[reason],
			       "collector", collector->label, "reason", export_error_names[reason],
			       NULL);
	}
}

/* clang-format off */
#define OF_AGENT(unit_member) \
	.write = write_of_agent, .member = offsetof(View, unit_member)
#define OF_TABLES(unit_member) \
	.write = write_of_tables, .member = offsetof(TableUse, unit_member)
#define OF_INTERFACES(hook, unit_member) \
	.write = write_of_interfaces, .which = hook, \
	.member = offsetof(struct ledger_entry, unit_member)
#define OF_LEDGER(unit_member) \
	.write = write_of_ledger, .member = offsetof(struct ledger_entry, unit_member)
#define OF_HOSTS(direction, unit_member) \
	.write = write_of_hosts, .which = direction, .member = offsetof(Volume, unit_member)
#define OF_OVERFLOW(unit_member) \
	.write = write_host_overflow, .member = offsetof(Volume, unit_member)
#define OF_COLLECTORS(unit_member) \
	.write = write_of_collectors, .member = offsetof(ExportCounters, unit_member)

static const Family families[] = { /* in the order of the exposition */
	{"flowtally_build_info", "gauge",
	 "The version of the running agent.",
	 .write = write_build_info},
	{"flowtally_start_time_seconds", "gauge",
	 "When the agent was started, in seconds since the epoch.",
	 OF_AGENT(start_ms), .decimals = 3},
	{"flowtally_config_last_reload_successful", "gauge",
	 "Whether the last reload of the configuration was accepted.",
	 .write = write_reload_successful},
	{"flowtally_config_last_reload_success_timestamp_seconds", "gauge",
	 "When the configuration was last read successfully, in seconds since the epoch.",
	 OF_AGENT(reload_ms), .decimals = 3},
	{"flowtally_sweep_duration_seconds", "gauge",
	 "How long the last reading of the kernel's tables and its report took.",
	 OF_AGENT(sweep_duration_ns), .decimals = 9},
	{"flowtally_sweep_errors_total", "counter",
	 "Readings of the kernel's tables that failed and were taken up again.",
	 OF_AGENT(sweep_errors)},
	{"flowtally_textfile_errors_total", "counter",
	 "Attempts to write the textfile that failed.",
	 OF_AGENT(textfile_errors)},
	{"flowtally_table_entries", "gauge",
	 "Entries in a table: hosts and macs of the kernel, in the last interval; "
	 "accounts and devices of the agent.",
	 OF_TABLES(entries)},
	{"flowtally_table_limit", "gauge",
	 "How many entries a table can hold.",
	 OF_TABLES(limit)},
	{"flowtally_interface_info", "gauge",
	 "A metered interface.",
	 .write = write_interface_info},
	{"flowtally_interface_faults", "gauge",
	 "Interfaces and network namespaces of the configuration that cannot be metered.",
	 .write = write_interface_faults},
	{"flowtally_interface_offload_active", "gauge",
	 "Whether something was found that may keep packets from the hooks, by kind; "
	 "flowtable alone does not.",
	 .write = write_interface_offload},
	{"flowtally_interface_receive_bytes_total", "counter",
	 "Frame octets that the receiving hook saw, without FCS.",
	 OF_INTERFACES(HOOK_INGRESS, layer2_octets)},
	{"flowtally_interface_receive_packets_total", "counter",
	 "Packets that the receiving hook saw, as on the wire.",
	 OF_INTERFACES(HOOK_INGRESS, packets)},
	{"flowtally_interface_transmit_bytes_total", "counter",
	 "Frame octets that the transmitting hook saw, without FCS.",
	 OF_INTERFACES(HOOK_EGRESS, layer2_octets)},
	{"flowtally_interface_transmit_packets_total", "counter",
	 "Packets that the transmitting hook saw, as on the wire.",
	 OF_INTERFACES(HOOK_EGRESS, packets)},
	{"flowtally_ledger_bytes_total", "counter",
	 "Frame octets by what became of them; the classes add up to all that the hook saw.",
	 OF_LEDGER(layer2_octets)},
	{"flowtally_ledger_packets_total", "counter",
	 "Packets by what became of them; the classes add up to all that the hook saw.",
	 OF_LEDGER(packets)},
	{"flowtally_ledger_balanced", "gauge",
	 "Whether the hook saw what the interface itself has counted.",
	 .write = write_ledger_balanced},
	{"flowtally_host_download_bytes_total", "counter",
	 "IP octets towards the host, header and payload.",
	 OF_HOSTS(DIRECTION_DOWNLOAD, octets)},
	{"flowtally_host_download_packets_total", "counter",
	 "Packets towards the host, as on the wire.",
	 OF_HOSTS(DIRECTION_DOWNLOAD, packets)},
	{"flowtally_host_upload_bytes_total", "counter",
	 "IP octets from the host, header and payload.",
	 OF_HOSTS(DIRECTION_UPLOAD, octets)},
	{"flowtally_host_upload_packets_total", "counter",
	 "Packets from the host, as on the wire.",
	 OF_HOSTS(DIRECTION_UPLOAD, packets)},
	{"flowtally_host_info", "gauge",
	 "A host, its name and who has made it.",
	 .write = write_host_info},
	{"flowtally_host_last_seen_timestamp_seconds", "gauge",
	 "When the host's last packet passed, in seconds since the epoch.",
	 .write = write_host_last_seen, .decimals = 3},
	{"flowtally_host_overflow_bytes_total", "counter",
	 "IP octets of hosts without series of their own, both directions.",
	 OF_OVERFLOW(octets)},
	{"flowtally_host_overflow_packets_total", "counter",
	 "Packets of hosts without series of their own, both directions.",
	 OF_OVERFLOW(packets)},
	{"flowtally_export_messages_total", "counter",
	 "IPFIX messages sent to a collector.",
	 OF_COLLECTORS(messages)},
	{"flowtally_export_records_total", "counter",
	 "IPFIX data records sent to a collector.",
	 OF_COLLECTORS(records)},
	{"flowtally_export_bytes_total", "counter",
	 "Octets of the IPFIX messages sent to a collector.",
	 OF_COLLECTORS(octets)},
	{"flowtally_export_errors_total", "counter",
	 "IPFIX messages that could not be sent, by reason.",
	 .write = write_export_errors},
	{"flowtally_export_dropped_records_total", "counter",
	 "IPFIX data records that a collector was not sent.",
	 OF_COLLECTORS(dropped_records)},
	{"flowtally_export_repeated_records_total", "counter",
	 "IPFIX data records that a collector may have twice, sent again after a crash.",
	 OF_COLLECTORS(repeated_records)},
};
/* clang-format on */

/* A family without samples is left out. */
static void write_family(Exposition *exposition, const Family *family)
{
	GString *text = exposition->text;
	gsize start = text->len, end_of_head;

	g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help,
			       family->name, family->type);
	end_of_head = text->len;
	family->write(exposition, family);
	if (text->len == end_of_head)
		g_string_truncate(text, start);
}

G_GNUC_NULL_TERMINATED
static const char *make_labels(GStringChunk *chunk, ...)
{
	g_autoptr(GString) text = g_string_new(NULL);
	va_list labels;

	va_start(labels, chunk);
	append_labels(text, labels);
	va_end(labels);
	return g_string_chunk_insert_len(chunk, text->str, (gssize)text->len);
}

/* Labels are made once: each series is written in four families. */
static HostSeries series_of(GStringChunk *chunk, const Account *account)
{
	g_autofree char *interface = text_escape(account->interface);
	char host[DEVICE_LABEL_MAX];

	return (HostSeries){
		.key = account->key,
		.labels = make_labels(chunk, "host", device_label(account->device, host),
				      "interface", interface, "scope", view_scope(&account->key),
				      "family", view_family(&account->key), NULL),
	};
}

/* The series of @account among those of its host, which begin at @first; made if there is none. */
static HostSeries *find_or_add_series(Exposition *exposition, guint first, const Account *account)
{
	GArray *all = exposition->series;
	HostSeries added;

	for (guint i = first; i < all->len; i++) {
		HostSeries *series = &g_array_index(all, HostSeries, i);

		if (series->key.scope == account->key.scope &&
		    series->key.ip_version == account->key.ip_version)
			return series;
	}
	added = series_of(exposition->labels, account);
	g_array_append_val(all, added);
	return &g_array_index(all, HostSeries, all->len - 1);
}

static void add_to_series(Exposition *exposition, guint first, const Account *account)
{
	HostSeries *series = find_or_add_series(exposition, first, account);

	for (int direction = 0; direction < DIRECTIONS; direction++) {
		volume_add(&series->volume[direction], &account->volume[direction]);
		volume_subtract(&series->volume[direction], &account->hidden[direction]);
	}
}

static gint compare_devices(gconstpointer a, gconstpointer b)
{
	return device_compare(*(const Device *const *)a, *(const Device *const *)b);
}

/* A host that is seen on several interfaces is one; it may be named by an address that it has at one only. */
static void add_device(Exposition *exposition, GHashTable *known, const Account *const *accounts,
		       size_t n)
{
	Device *device = accounts[0]->device;
	char label[DEVICE_LABEL_MAX];
	const char *name = view_host_name(exposition->view, accounts, n, label);

	if (g_hash_table_add(known, device))
		g_ptr_array_add(exposition->devices, device);
	if (name != label && !g_hash_table_contains(exposition->names, device))
		g_hash_table_insert(exposition->names, device, (gpointer)name);
}

static void aggregate(Exposition *exposition)
{
	g_autoptr(GPtrArray) list = hosts_list(exposition->view->hosts);
	g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
	const Account *const *accounts = (const Account *const *)list->pdata;
	guint end;

	for (guint i = 0; i < list->len; i = end) {
		guint first = exposition->series->len;
		bool shown = accounts[i]->device->shown;

		for (end = i; end < list->len && view_same_host(accounts[i], accounts[end]); end++)
			if (shown)
				add_to_series(exposition, first, accounts[end]);
		if (shown)
			add_device(exposition, known, &accounts[i], end - i);
	}
	g_ptr_array_sort(exposition->devices, compare_devices);
}

GString *prometheus_exposition(const View *view)
{
	g_autoptr(GArray) series = g_array_new(FALSE, FALSE, sizeof(HostSeries));
	g_autoptr(GPtrArray) devices = g_ptr_array_new();
	g_autoptr(GHashTable) names = g_hash_table_new(NULL, NULL);
	g_autoptr(GArray) sheets = ledger_list(view->ledger);
	g_autoptr(GArray) collectors = view_collectors(view);
	Exposition exposition = {
		.view = view,
		.series = series,
		.devices = devices,
		.names = names,
		.sheets = sheets,
		.collectors = collectors,
		.labels = g_string_chunk_new(4096),
		.text = g_string_new(NULL),
	};

	aggregate(&exposition);
	for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
		write_family(&exposition, &families[i]);
	g_string_chunk_free(exposition.labels);
	return exposition.text;
}
