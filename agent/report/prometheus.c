/* SPDX-License-Identifier: Apache-2.0 */
#include "prometheus.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "compat.h"
#include "flowmetrics.h"
#include "metering/observation.h"
#include "base/process.h"
#include "base/text.h"

/* The lines of one slice: about a millisecond. */
#define SLICE 2000

const char *const prometheus_content_types[PROMETHEUS_FORMATS] = {
	[PROMETHEUS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
	[PROMETHEUS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/* One series of each of the four host counters: a host's addresses are summed up. */
typedef struct {
	struct host_key key;   /* of one of them: family and scope are those of all */
	const char *host;      /* its label, in the Exposition's chunk */
	const char *interface; /* interned */
	const char *labels;    /* as they are written, in the Exposition's chunk; NULL: not yet */
	Volume volume[DIRECTIONS];
} HostSeries;

/* A device that is shown, on whatever interface. */
typedef struct {
	const Device *device; /* only while the exposition is made */
	const char *label;    /* in the Exposition's chunk, as are: */
	const char *name;     /* the label where it has none */
	const char *vendor;   /* "": not known */
	uint64_t last_seen_ms;
} Host;

struct Exposition {
	PrometheusFormat format;
	bool with_process;
	GString *text;		     /* what has been written and not been taken */
	GArray *series;		     /* of HostSeries */
	GArray *hosts;		     /* of Host */
	GArray *mezoura;	     /* of MezouraSeries; none unless they are asked for, as: */
	GArray *iptables;	     /* of IptablesSeries */
	GArray *linux_flow_exporter; /* of LinuxFlowExporterSeries */
	GArray *packet_exporter;     /* of PacketExporterSeries */
	GArray *protocols;	     /* of ProtocolSeries */
	GArray *pairs;		     /* of PairSeries */
	GArray *latencies;	     /* the same */
	GStringChunk *labels;
	const struct Family *family; /* of hosts, that is being written; NULL: the end */
	guint next;		     /* of its series or hosts */
	/* Only while it is made: */
	const View *view;
	GArray *sheets;	    /* of LedgerRow */
	GArray *collectors; /* of CollectorView */
	ProcessUse process;
};

typedef struct Family {
	const char *name;
	const char *type;
	const char *help;
	void (*write)(Exposition *exposition, const struct Family *family);
	/* Of a family whose series are those of hosts, instead: the one of a HostSeries or Host. */
	void (*write_one)(Exposition *exposition, const struct Family *family, guint index);
	size_t list;   /* the same: where in Exposition the GArray is */
	size_t member; /* of whatever is gone through: where the value is */
	int which;     /* enum direction or enum hook */
	int decimals;  /* 3: the value is in milliseconds, 9: in nanoseconds */
	guint lines;   /* of one that is written by write_one; 0: 1 */
} Family;

static uint64_t integer_at(const void *object, size_t member)
{
	return *(const uint64_t *)(const void *)((const char *)object + member);
}

/* @special: what is escaped by a backslash. */
static void append_escaped(GString *text, const char *value, const char *special)
{
	for (;;) {
		size_t plain = strcspn(value, special);

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
		append_escaped(text, va_arg(labels, const char *), "\\\"\n");
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

/* The same with what the type of the family adds to its name; @more, a label, may be NULL. */
static void labelled_sample(Exposition *exposition, const Family *family, const char *suffix,
			    const char *labels, const char *more, uint64_t value)
{
	bool is_count = strcmp(suffix, "_sum") != 0;

	g_string_append_printf(exposition->text, "%s%s", family->name, suffix);
	if (*labels || more)
		g_string_append_printf(exposition->text, "{%s%s%s}", labels, more ? "," : "",
				       more ? more : "");
	append_value(exposition->text, value, is_count ? 0 : family->decimals);
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

static void write_file_errors(Exposition *exposition, const Family *family)
{
	for (int file = 0; file < KEPT_FILES; file++)
		sample(exposition, family, exposition->view->file_errors[file], "file",
		       kept_file_names[file], NULL);
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
	size_t n;

	n = view_tables(exposition->view, tables);
	for (size_t i = 0; i < n; i++)
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

static void write_of_flow_ledger(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->sheets->len; i++) {
		const LedgerRow *row = &g_array_index(exposition->sheets, LedgerRow, i);
		g_autofree char *interface = text_escape(row->interface);

		for (int j = 0; row->meters_flows && j < FLOW_CLASSES; j++)
			sample(exposition, family,
			       integer_at(&row->sheet.flow_classes[j], family->member), "interface",
			       interface, "direction", hook_names[row->hook], "class",
			       flow_class_names[j], NULL);
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

/* Made once: each series is written in four families. */
static const char *labels_of(Exposition *exposition, HostSeries *series)
{
	if (!series->labels) {
		g_autofree char *interface = text_escape(series->interface);

		series->labels = make_labels(exposition->labels, "host", series->host, "interface",
					     interface, "scope", view_scope(&series->key), "family",
					     view_family(&series->key), NULL);
	}
	return series->labels;
}

static void write_volume(Exposition *exposition, const Family *family, guint index)
{
	HostSeries *series = &g_array_index(exposition->series, HostSeries, index);

	g_string_append(exposition->text, family->name);
	g_string_append(exposition->text, labels_of(exposition, series));
	append_value(exposition->text, integer_at(&series->volume[family->which], family->member),
		     family->decimals);
}

static void write_host_info(Exposition *exposition, const Family *family, guint index)
{
	const Host *host = &g_array_index(exposition->hosts, Host, index);

	sample(exposition, family, 1, "host", host->label, "name", host->name, "vendor",
	       host->vendor, NULL);
}

static void write_host_last_seen(Exposition *exposition, const Family *family, guint index)
{
	const Host *host = &g_array_index(exposition->hosts, Host, index);

	sample(exposition, family, host->last_seen_ms, "host", host->label, NULL);
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

static void write_of_json_lines(Exposition *exposition, const Family *family)
{
	const GArray *outputs = exposition->view->json_lines;

	for (guint i = 0; outputs && i < outputs->len; i++) {
		const JsonLinesStatus *output = &g_array_index(outputs, JsonLinesStatus, i);
		g_autofree char *path = text_escape(output->path);

		sample(exposition, family, integer_at(output, family->member), "output", path,
		       NULL);
	}
}

static void write_of_collector_state(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->collectors->len; i++) {
		const CollectorView *collector =
			&g_array_index(exposition->collectors, CollectorView, i);

		sample(exposition, family, integer_at(&collector->status, family->member),
		       "collector", collector->label, NULL);
	}
}

static void write_session_open(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->collectors->len; i++) {
		const CollectorView *collector =
			&g_array_index(exposition->collectors, CollectorView, i);

		sample(exposition, family, collector->status.session.state == SESSION_OPEN,
		       "collector", collector->label, NULL);
	}
}

static const GroupConfig *group_of(const CollectorView *collector)
{
	return collector->status.config->group;
}

static void write_export_groups(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->collectors->len; i++) {
		const CollectorView *collector =
			&g_array_index(exposition->collectors, CollectorView, i);
		const GroupConfig *group = group_of(collector);
		g_autofree char *index = group ? g_strdup_printf("%u", group->index) : NULL;

		if (group)
			sample(exposition, family, 1, "collector", collector->label, "group", index,
			       "mode", config_group_words[group->mode], NULL);
	}
}

static void write_export_active(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->collectors->len; i++) {
		const CollectorView *collector =
			&g_array_index(exposition->collectors, CollectorView, i);
		const GroupConfig *group = group_of(collector);

		if (group && group->mode == GROUP_FAILOVER)
			sample(exposition, family, collector->status.active, "collector",
			       collector->label, NULL);
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

/* Of @member of each reason's sum. */
static void write_export_losses(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->collectors->len; i++) {
		const CollectorView *collector =
			&g_array_index(exposition->collectors, CollectorView, i);
		const ExportCounters *counters = &collector->status.counters;

		for (int reason = 0; reason < EXPORT_LOSSES; reason++)
			sample(exposition, family,
			       integer_at(&counters->dropped_for[reason], family->member),
			       "collector", collector->label, "reason", export_error_names[reason],
			       NULL);
	}
}

static void write_of_process(Exposition *exposition, const Family *family)
{
	if (exposition->with_process)
		sample(exposition, family, integer_at(&exposition->process, family->member), NULL);
}

static void write_process_start(Exposition *exposition, const Family *family)
{
	if (exposition->with_process)
		sample(exposition, family, exposition->view->start_ms, NULL);
}

static void write_http_requests(Exposition *exposition, const Family *family)
{
	const HttpView *http = exposition->view->http;

	for (int i = 0; http && i < HTTP_CODES; i++) {
		g_autofree char *code = g_strdup_printf("%u", http_codes[i]);

		sample(exposition, family, http->requests[i], "code", code, NULL);
	}
}

static void write_of_http(Exposition *exposition, const Family *family)
{
	if (exposition->view->http)
		sample(exposition, family, integer_at(exposition->view->http, family->member),
		       NULL);
}

static void write_http_listener(Exposition *exposition, const Family *family)
{
	const HttpView *http = exposition->view->http;

	for (guint i = 0; http && i < http->listeners->len; i++) {
		const HttpListenerView *listener = http->listeners->pdata[i];

		sample(exposition, family, !listener->error, "address", listener->address, NULL);
	}
}

/* What the interfaces themselves count. */
static void write_network(Exposition *exposition, const Family *family)
{
	static const char *const directions[HOOKS] = {
		[HOOK_INGRESS] = "rx", [HOOK_EGRESS] = "tx"
	};
	const View *view = exposition->view;

	for (guint i = 0;
	     view->config->metrics.compat_iptables && view->namespaces && i < view->points->len;
	     i++) {
		const Point *point = view->points->pdata[i];
		g_autofree char *interface = text_escape(point->report_name);
		LinkCounters counters;

		if (!point->attached ||
		    !namespaces_read_counters(view->namespaces, point->interface, &counters, NULL))
			continue;
		for (int hook = 0; hook < HOOKS; hook++)
			sample(exposition, family,
			       integer_at(&counters,
					  family->member + (size_t)hook * sizeof(uint64_t)),
			       "interface", interface, "direction", directions[hook], NULL);
	}
}

static void write_mezoura(Exposition *exposition, const Family *family, guint index)
{
	const MezouraSeries *series = &g_array_index(exposition->mezoura, MezouraSeries, index);

	sample(exposition, family, integer_at(&series->volume[family->which], family->member),
	       "mac", series->mac, "hostname", series->hostname, "ip", series->ip, NULL);
}

static void write_iptables(Exposition *exposition, const Family *family, guint index)
{
	const IptablesSeries *series = &g_array_index(exposition->iptables, IptablesSeries, index);

	sample(exposition, family, integer_at(&series->volume, family->member), "ipv", series->ipv,
	       "direction", series->direction, "host", series->host, NULL);
}

/* Names and values in turn, without the braces; in the Exposition's chunk. */
G_GNUC_NULL_TERMINATED
static const char *label_list(Exposition *exposition, ...)
{
	g_autoptr(GString) text = g_string_new(NULL);
	va_list labels;

	va_start(labels, exposition);
	append_labels(text, labels);
	va_end(labels);
	return g_string_chunk_insert_len(exposition->labels, text->str + 1, (gssize)text->len - 2);
}

static void write_packet_sizes(Exposition *exposition, const Family *family, const char *labels,
			       const struct packet_sizes *sizes)
{
	static const unsigned int bounds[] = { PACKET_SIZE_BOUNDS };
	/* OpenMetrics wants all of them to be such numbers. */
	const char *point = exposition->format == PROMETHEUS_OPENMETRICS ? ".0" : "";
	uint64_t packets = 0;

	for (size_t i = 0; i < PACKET_SIZES; i++) {
		char le[32] = "le=\"+Inf\"";

		if (i < G_N_ELEMENTS(bounds))
			(void)g_snprintf(le, sizeof(le), "le=\"%u%s\"", bounds[i], point);
		packets += sizes->packets[i];
		labelled_sample(exposition, family, "_bucket", labels, le, packets);
	}
	labelled_sample(exposition, family, "_sum", labels, NULL, sizes->layer2_octets);
	labelled_sample(exposition, family, "_count", labels, NULL, packets);
}

static void write_interface_sizes(Exposition *exposition, const Family *family)
{
	for (guint i = 0; i < exposition->sheets->len; i++) {
		const LedgerRow *row = &g_array_index(exposition->sheets, LedgerRow, i);
		g_autofree char *interface = text_escape(row->interface);

		if (row->meters_sizes)
			write_packet_sizes(exposition, family,
					   label_list(exposition, "interface", interface,
						      "direction", hook_names[row->hook], NULL),
					   &row->sheet.sizes);
	}
}

static void write_flow_overflow(Exposition *exposition, const Family *family)
{
	const FlowSums *sums = exposition->view->flow_sums;

	if (sums && flow_sums_rows(sums)->len)
		sample(exposition, family,
		       integer_at(&flow_sums_overflow(sums)->volume, family->member), NULL);
}

static void write_pair_overflow(Exposition *exposition, const Family *family)
{
	const FlowSums *sums = exposition->view->flow_sums;

	if (sums && (flow_sums_rows(sums)->len || flow_sums_pair_overflow(sums)->limit.packets))
		sample(exposition, family,
		       integer_at(&flow_sums_pair_overflow(sums)->limit, family->member), NULL);
}

static void write_latency_overflow(Exposition *exposition, const Family *family)
{
	const FlowSums *sums = exposition->view->flow_sums;
	const PairSum *overflow = sums ? flow_sums_pair_overflow(sums) : NULL;

	if (!exposition->latencies->len && !(overflow && overflow->latency_frames))
		return;
	labelled_sample(exposition, family, "_sum", "", NULL, overflow->latency_ns);
	labelled_sample(exposition, family, "_count", "", NULL, overflow->latency_frames);
}

static void write_protocol(Exposition *exposition, const Family *family, guint index)
{
	const ProtocolSeries *series = &g_array_index(exposition->protocols, ProtocolSeries, index);

	sample(exposition, family, integer_at(&series->volume, family->member), "interface",
	       series->interface, "direction", series->direction, "protocol", series->protocol,
	       NULL);
}

static void write_pair(Exposition *exposition, const Family *family, guint index)
{
	const PairSeries *series = &g_array_index(exposition->pairs, PairSeries, index);

	sample(exposition, family, integer_at(series, family->member), "ingress", series->ingress,
	       "egress", series->egress, "netns", series->netns, "direction", series->direction,
	       NULL);
}

static void write_latency(Exposition *exposition, const Family *family, guint index)
{
	const PairSeries *series = &g_array_index(exposition->latencies, PairSeries, index);
	const char *labels = label_list(exposition, "ingress", series->ingress, "egress",
					series->egress, "netns", series->netns, NULL);

	labelled_sample(exposition, family, "_sum", labels, NULL, series->latency_ns);
	labelled_sample(exposition, family, "_count", labels, NULL, series->latency_frames);
}

static void write_linux_flow_exporter(Exposition *exposition, const Family *family, guint index)
{
	const LinuxFlowExporterSeries *series =
		&g_array_index(exposition->linux_flow_exporter, LinuxFlowExporterSeries, index);
	char ingress[16], egress[16];

	(void)g_snprintf(ingress, sizeof(ingress), "%" PRIu32, series->ingress);
	(void)g_snprintf(egress, sizeof(egress), "%" PRIu32, series->egress);
	sample(exposition, family, integer_at(series, family->member), "ingressIfindex", ingress,
	       "egressIfindex", egress, NULL);
}

static void write_packet_exporter(Exposition *exposition, const Family *family, guint index)
{
	const PacketExporterSeries *series =
		&g_array_index(exposition->packet_exporter, PacketExporterSeries, index);

	sample(exposition, family, series->packets, "source", series->source, "dest", series->dest,
	       "interface", series->interface, "protocol", series->protocol, NULL);
}

static void write_throughput(Exposition *exposition, const Family *family, guint index)
{
	const PacketExporterSeries *series =
		&g_array_index(exposition->packet_exporter, PacketExporterSeries, index);

	write_packet_sizes(exposition, family,
			   label_list(exposition, "source", series->source, "dest", series->dest,
				      "interface", series->interface, "protocol", series->protocol,
				      NULL),
			   &series->sizes);
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
#define OF_FLOW_LEDGER(unit_member) \
	.write = write_of_flow_ledger, .member = offsetof(struct ledger_entry, unit_member)
#define OF_HOSTS(direction, unit_member) \
	.write_one = write_volume, .list = offsetof(Exposition, series), .which = direction, \
	.member = offsetof(Volume, unit_member)
#define OF_MEZOURA(direction, unit_member) \
	.write_one = write_mezoura, .list = offsetof(Exposition, mezoura), .which = direction, \
	.member = offsetof(Volume, unit_member)
#define OF_IPTABLES(unit_member) \
	.write_one = write_iptables, .list = offsetof(Exposition, iptables), \
	.member = offsetof(Volume, unit_member)
#define OF_PROTOCOLS(unit_member) \
	.write_one = write_protocol, .list = offsetof(Exposition, protocols), \
	.member = offsetof(Volume, unit_member)
#define OF_PAIRS(unit_member) \
	.write_one = write_pair, .list = offsetof(Exposition, pairs), \
	.member = offsetof(PairSeries, unit_member)
#define OF_FLOW_OVERFLOW(unit_member) \
	.write = write_flow_overflow, .member = offsetof(Volume, unit_member)
#define OF_PAIR_OVERFLOW(unit_member) \
	.write = write_pair_overflow, .member = offsetof(Volume, unit_member)
#define OF_LINUX_FLOW_EXPORTER(unit_member) \
	.write_one = write_linux_flow_exporter, .list = offsetof(Exposition, linux_flow_exporter), \
	.member = offsetof(LinuxFlowExporterSeries, unit_member)
#define OF_HTTP(unit_member) \
	.write = write_of_http, .member = offsetof(HttpView, unit_member)
#define OF_PROCESS(unit_member) \
	.write = write_of_process, .member = offsetof(ProcessUse, unit_member)
#define OF_OVERFLOW(unit_member) \
	.write = write_host_overflow, .member = offsetof(Volume, unit_member)
#define OF_COLLECTORS(unit_member) \
	.write = write_of_collectors, .member = offsetof(ExportCounters, unit_member)
#define OF_JSON_LINES(unit_member) \
	.write = write_of_json_lines, .member = offsetof(JsonLinesStatus, unit_member)

#define OF_COLLECTOR_STATE(unit_member) \
	.write = write_of_collector_state, .member = offsetof(CollectorStatus, unit_member)

#define OF_LOSSES(unit_member) \
	.write = write_export_losses, .member = offsetof(ExportSum, unit_member)

static const Family families[] = { /* in the order of the exposition */
	{"flowtally_build_info", "info",
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
	{"flowtally_json_lines_written_total", "counter",
	 "Lines of JSON that have been written.",
	 OF_JSON_LINES(written)},
	{"flowtally_json_lines_dropped_total", "counter",
	 "Lines of JSON that could not be written, as a disk was full or nobody read them.",
	 OF_JSON_LINES(dropped)},
	{"flowtally_json_lines_hook_failures_total", "counter",
	 "Hooks that failed or did not follow; the records went on without them, unless on-failure says else.",
	 OF_JSON_LINES(hook_failures)},
	{"flowtally_textfile_errors_total", "counter",
	 "Attempts to write the textfile that failed.",
	 OF_AGENT(textfile_errors)},
	{"flowtally_file_errors_total", "counter",
	 "Attempts to write files of sums that failed: those below run, those below state, and the history.",
	 .write = write_file_errors},
	{"flowtally_table_entries", "gauge",
	 "Entries in a table: hosts, macs, flow-table (the fullest of a CPU) and pair-table of the kernel, in the "
	 "last interval; accounts, devices, flows, paths and pairs of the agent.",
	 OF_TABLES(entries)},
	{"flowtally_table_limit", "gauge",
	 "How many entries a table can hold.",
	 OF_TABLES(limit)},
	{"flowtally_interface_info", "info",
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
	{"flowtally_flow_ledger_bytes_total", "counter",
	 "Frame octets by what became of them in the flows of interfaces where such are metered.",
	 OF_FLOW_LEDGER(layer2_octets)},
	{"flowtally_flow_ledger_packets_total", "counter",
	 "Packets by what became of them in the flows of interfaces where such are metered.",
	 OF_FLOW_LEDGER(packets)},
	{"flowtally_packet_size_bytes", "histogram",
	 "Packets by their frame octets, without FCS, on interfaces where sizes are metered.",
	 .write = write_interface_sizes},
	{"flowtally_flow_overflow_bytes_total", "counter",
	 "Frame octets that were counted to flows and are in no series of a protocol or a pair of interfaces.",
	 OF_FLOW_OVERFLOW(layer2_octets)},
	{"flowtally_flow_overflow_packets_total", "counter",
	 "Packets that were counted to flows and are in no series of a protocol or a pair of interfaces.",
	 OF_FLOW_OVERFLOW(packets)},
	{"flowtally_pair_limit_overflow_bytes_total", "counter",
	 "Frame octets that were counted to no flow, and whose pair of interfaces has no series.",
	 OF_PAIR_OVERFLOW(layer2_octets)},
	{"flowtally_pair_limit_overflow_packets_total", "counter",
	 "Packets that were counted to no flow, and whose pair of interfaces has no series.",
	 OF_PAIR_OVERFLOW(packets)},
	{"flowtally_pair_latency_overflow_seconds", "summary",
	 "Time that frames took whose pair of interfaces has no series.",
	 .write = write_latency_overflow, .decimals = 9},
	{"flowtally_ledger_balanced", "gauge",
	 "Whether the hook saw what the interface itself has counted.",
	 .write = write_ledger_balanced},
	{"flowtally_host_overflow_bytes_total", "counter",
	 "IP octets of hosts without series of their own, both directions.",
	 OF_OVERFLOW(octets)},
	{"flowtally_host_overflow_packets_total", "counter",
	 "Packets of hosts without series of their own, both directions.",
	 OF_OVERFLOW(packets)},
	{"flowtally_export_made_records_total", "counter",
	 "IPFIX data records made for a collector: those that were sent, wait, were moved or dropped.",
	 OF_COLLECTORS(made.records)},
	{"flowtally_export_made_traffic_bytes_total", "counter",
	 "IP octets that records made for a collector tell of.",
	 OF_COLLECTORS(made.octets)},
	{"flowtally_export_messages_total", "counter",
	 "IPFIX messages sent to a collector.",
	 OF_COLLECTORS(sent.messages)},
	{"flowtally_export_records_total", "counter",
	 "IPFIX data records sent to a collector.",
	 OF_COLLECTORS(sent.records)},
	{"flowtally_export_traffic_bytes_total", "counter",
	 "IP octets that records sent to a collector tell of.",
	 OF_COLLECTORS(sent.octets)},
	{"flowtally_export_bytes_total", "counter",
	 "Octets of the IPFIX messages sent to a collector.",
	 OF_COLLECTORS(sent.message_octets)},
	{"flowtally_export_errors_total", "counter",
	 "IPFIX messages that could not be sent, by reason.",
	 .write = write_export_errors},
	{"flowtally_export_moved_records_total", "counter",
	 "IPFIX data records that waited and went to another collector of the group.",
	 OF_COLLECTORS(moved.records)},
	{"flowtally_export_moved_traffic_bytes_total", "counter",
	 "IP octets that records tell of which went to another collector of the group.",
	 OF_COLLECTORS(moved.octets)},
	{"flowtally_export_dropped_records_total", "counter",
	 "IPFIX data records that a collector was not sent, by reason.",
	 OF_LOSSES(records)},
	{"flowtally_export_dropped_traffic_bytes_total", "counter",
	 "IP octets that records tell of which a collector was not sent, by reason.",
	 OF_LOSSES(octets)},
	{"flowtally_export_repeated_records_total", "counter",
	 "IPFIX data records that a collector may have twice, sent again after a crash.",
	 OF_COLLECTORS(repeated_records)},
	{"flowtally_export_session_open", "gauge",
	 "Whether there is a transport session to a collector.",
	 .write = write_session_open},
	{"flowtally_export_sessions_total", "counter",
	 "Transport sessions to a collector that have been opened since the start of the agent.",
	 OF_COLLECTOR_STATE(session.opened)},
	{"flowtally_export_queued_messages", "gauge",
	 "IPFIX messages that wait for a collector, or have not arrived yet.",
	 OF_COLLECTOR_STATE(queued.messages)},
	{"flowtally_export_queued_records", "gauge",
	 "IPFIX data records that wait for a collector, or have not arrived yet.",
	 OF_COLLECTOR_STATE(queued.records)},
	{"flowtally_export_queued_traffic_bytes", "gauge",
	 "IP octets that records tell of which wait for a collector, or have not arrived yet.",
	 OF_COLLECTOR_STATE(queued.octets)},
	{"flowtally_export_queued_bytes", "gauge",
	 "Octets of the IPFIX messages that wait for a collector, or have not arrived yet.",
	 OF_COLLECTOR_STATE(queued.message_octets)},
	{"flowtally_export_spool_messages", "gauge",
	 "IPFIX messages that wait for a collector in its spool.",
	 OF_COLLECTOR_STATE(spooled.messages)},
	{"flowtally_export_spool_records", "gauge",
	 "IPFIX data records that wait for a collector in its spool.",
	 OF_COLLECTOR_STATE(spooled.records)},
	{"flowtally_export_spool_traffic_bytes", "gauge",
	 "IP octets that records tell of which wait for a collector in its spool.",
	 OF_COLLECTOR_STATE(spooled.octets)},
	{"flowtally_export_spool_bytes", "gauge",
	 "Octets of the IPFIX messages that wait for a collector in its spool.",
	 OF_COLLECTOR_STATE(spooled.message_octets)},
	{"flowtally_export_group_info", "gauge",
	 "The group that a collector is in, where it is in one.",
	 .write = write_export_groups},
	{"flowtally_export_active", "gauge",
	 "Whether a collector is the one of its group that has the records, with mode failover.",
	 .write = write_export_active},
	{"flowtally_http_listening", "gauge",
	 "Whether a configured address is listened at.",
	 .write = write_http_listener},
	{"flowtally_http_requests_total", "counter",
	 "Requests by HTTP since the start of the agent, by the code of the answer.",
	 .write = write_http_requests},
	{"flowtally_http_refused_connections_total", "counter",
	 "Connections by HTTP beyond the limits, in all or of one address.",
	 OF_HTTP(refused)},
	{"flowtally_http_cut_off_connections_total", "counter",
	 "Connections by HTTP that took too long over a request.",
	 OF_HTTP(cut_off)},
	{"flowtally_scrape_duration_seconds", "gauge",
	 "How long the last exposition for HTTP took to be made, beside other work.",
	 OF_HTTP(scrape_duration_ns), .decimals = 9},
	{"process_cpu_seconds_total", "counter",
	 "Total user and system CPU time spent in seconds.",
	 OF_PROCESS(cpu_ms), .decimals = 3},
	{"process_resident_memory_bytes", "gauge",
	 "Resident memory size in bytes.",
	 OF_PROCESS(resident_octets)},
	{"process_virtual_memory_bytes", "gauge",
	 "Virtual memory size in bytes.",
	 OF_PROCESS(virtual_octets)},
	{"process_open_fds", "gauge",
	 "Number of open file descriptors.",
	 OF_PROCESS(open_fds)},
	{"process_max_fds", "gauge",
	 "Maximum number of open file descriptors.",
	 OF_PROCESS(max_fds)},
	{"process_start_time_seconds", "gauge",
	 "Start time of the process since unix epoch in seconds.",
	 .write = write_process_start, .decimals = 3},
	{"network_bytes_total", "counter",
	 "Octets as the interface itself counts them.",
	 .write = write_network, .member = offsetof(LinkCounters, octets)},
	{"network_packets_total", "counter",
	 "Frames as the interface itself counts them.",
	 .write = write_network, .member = offsetof(LinkCounters, frames)},
	/* What grows with the hosts and the flows comes last, in slices. */
	{"flowtally_protocol_bytes_total", "counter",
	 "Frame octets that were counted to flows at an interface, by protocol.",
	 OF_PROTOCOLS(layer2_octets)},
	{"flowtally_protocol_packets_total", "counter",
	 "Packets that were counted to flows at an interface, by protocol.",
	 OF_PROTOCOLS(packets)},
	{"flowtally_pair_bytes_total", "counter",
	 "Frame octets that were counted to flows, by where they came in and where they left.",
	 OF_PAIRS(volume.layer2_octets)},
	{"flowtally_pair_packets_total", "counter",
	 "Packets that were counted to flows, by where they came in and where they left.",
	 OF_PAIRS(volume.packets)},
	{"flowtally_pair_limit_bytes_total", "counter",
	 "Frame octets that were counted to no flow, as the kernel's table was full.",
	 OF_PAIRS(limit.layer2_octets)},
	{"flowtally_pair_limit_packets_total", "counter",
	 "Packets that were counted to no flow, as the kernel's table was full.",
	 OF_PAIRS(limit.packets)},
	{"flowtally_pair_latency_seconds", "summary",
	 "Time that frames, as the kernel passes them, took from the hook where they came in to the one where they left.",
	 .write_one = write_latency, .list = offsetof(Exposition, latencies), .decimals = 9},
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
	{"flowtally_host_info", "info",
	 "A host, its name and who has made it.",
	 .write_one = write_host_info, .list = offsetof(Exposition, hosts)},
	{"flowtally_host_last_seen_timestamp_seconds", "gauge",
	 "When the host's last packet passed, in seconds since the epoch.",
	 .write_one = write_host_last_seen, .list = offsetof(Exposition, hosts), .decimals = 3},
	{"node_nat_traffic_download", "gauge",
	 "Frame octets from the internet to an address.",
	 OF_MEZOURA(DIRECTION_DOWNLOAD, layer2_octets)},
	{"node_nat_traffic_download_pkts", "gauge",
	 "Packets from the internet to an address.",
	 OF_MEZOURA(DIRECTION_DOWNLOAD, packets)},
	{"node_nat_traffic_upload", "gauge",
	 "Frame octets from an address to the internet.",
	 OF_MEZOURA(DIRECTION_UPLOAD, layer2_octets)},
	{"node_nat_traffic_upload_pkts", "gauge",
	 "Packets from an address to the internet.",
	 OF_MEZOURA(DIRECTION_UPLOAD, packets)},
	{"host_bytes_total", "counter",
	 "IP octets between a host and the internet.",
	 OF_IPTABLES(octets)},
	{"host_packets_total", "counter",
	 "Packets between a host and the internet.",
	 OF_IPTABLES(packets)},
	{"linux_flow_exporter_total_pkts", "gauge",
	 "Packets that left, of all protocols, with those that found no room in the table of flows.",
	 OF_LINUX_FLOW_EXPORTER(total.packets)},
	{"linux_flow_exporter_total_bytes", "gauge",
	 "Frame octets of these packets, as on the wire.",
	 OF_LINUX_FLOW_EXPORTER(total.layer2_octets)},
	{"linux_flow_exporter_overflow_pkts", "gauge",
	 "Packets that found no room in the table of flows.",
	 OF_LINUX_FLOW_EXPORTER(overflow.packets)},
	{"linux_flow_exporter_overflow_bytes", "gauge",
	 "Frame octets of these packets, as on the wire.",
	 OF_LINUX_FLOW_EXPORTER(overflow.layer2_octets)},
	{"linux_flow_exporter_total_latency_nanoseconds", "gauge",
	 "Sum of the times that frames took from the hook where they came in to the one where they left.",
	 OF_LINUX_FLOW_EXPORTER(latency_ns)},
	{"total_packets", "counter",
	 "Packets that were counted to flows, by the interface where they came in.",
	 .write_one = write_packet_exporter, .list = offsetof(Exposition, packet_exporter)},
	{"total_throughput", "histogram",
	 "Frame octets of these packets: the sum is exact; of a flow's packets in an interval the "
	 "smallest and the largest are known, the others are taken to be of their mean size.",
	 .write_one = write_throughput, .list = offsetof(Exposition, packet_exporter),
	 .lines = PACKET_SIZES + 2},
};
/* clang-format on */

/* In OpenMetrics the name of a counter and of an info has a suffix, and the family has not. */
static const char *suffix_of(const Exposition *exposition, const Family *family)
{
	static const struct {
		const char *type, *suffix;
	} suffixes[] = { { "counter", "_total" }, { "info", "_info" } };

	for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		if (exposition->format == PROMETHEUS_OPENMETRICS &&
		    !strcmp(family->type, suffixes[i].type))
			return suffixes[i].suffix;
	}
	return "";
}

static size_t length_of_name(const Exposition *exposition, const Family *family)
{
	const char *suffix = suffix_of(exposition, family);

	return strlen(family->name) - (g_str_has_suffix(family->name, suffix) ? strlen(suffix) : 0);
}

/* The text format knows no "info", and OpenMetrics no counter of another name. */
static const char *type_of(const Exposition *exposition, const Family *family)
{
	if (exposition->format == PROMETHEUS_TEXT)
		return strcmp(family->type, "info") ? family->type : "gauge";
	return g_str_has_suffix(family->name, suffix_of(exposition, family)) ? family->type :
									       "unknown";
}

/* The suffix of a name that is a base unit; NULL if there is none. */
static const char *unit_of(const char *name, size_t len)
{
	static const char *const units[] = { "bytes", "seconds" };

	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		size_t unit_len = strlen(units[i]);

		if (len > unit_len && name[len - unit_len - 1] == '_' &&
		    !strncmp(name + len - unit_len, units[i], unit_len))
			return units[i];
	}
	return NULL;
}

static void write_help(Exposition *exposition, const Family *family, int len)
{
	bool openmetrics = exposition->format == PROMETHEUS_OPENMETRICS;

	g_string_append_printf(exposition->text, "# HELP %.*s ", len, family->name);
	append_escaped(exposition->text, family->help, openmetrics ? "\\\"\n" : "\\\n");
	g_string_append_c(exposition->text, '\n');
}

static void write_head(Exposition *exposition, const Family *family)
{
	int len = (int)length_of_name(exposition, family);
	const char *unit = unit_of(family->name, (size_t)len);

	if (exposition->format == PROMETHEUS_TEXT) {
		write_help(exposition, family, len);
		g_string_append_printf(exposition->text, "# TYPE %.*s %s\n", len, family->name,
				       type_of(exposition, family));
		return;
	}
	g_string_append_printf(exposition->text, "# TYPE %.*s %s\n", len, family->name,
			       type_of(exposition, family));
	if (unit)
		g_string_append_printf(exposition->text, "# UNIT %.*s %s\n", len, family->name,
				       unit);
	write_help(exposition, family, len);
}

/* A family without samples is left out. */
static void write_family(Exposition *exposition, const Family *family)
{
	GString *text = exposition->text;
	gsize start = text->len, end_of_head;

	write_head(exposition, family);
	end_of_head = text->len;
	family->write(exposition, family);
	if (text->len == end_of_head)
		g_string_truncate(text, start);
}

/* The series of @account among those of its host, which begin at @first; made if there is none. */
static HostSeries *find_or_add_series(Exposition *exposition, guint first, const char *host,
				      const Account *account)
{
	const HostSeries added = { .key = account->key,
				   .host = host,
				   .interface = account->interface };
	GArray *all = exposition->series;

	for (guint i = first; i < all->len; i++) {
		HostSeries *series = &g_array_index(all, HostSeries, i);

		if (series->key.scope == account->key.scope &&
		    series->key.ip_version == account->key.ip_version)
			return series;
	}
	g_array_append_val(all, added);
	return &g_array_index(all, HostSeries, all->len - 1);
}

static void add_to_series(Exposition *exposition, guint first, const char *host,
			  const Account *account)
{
	HostSeries *series = find_or_add_series(exposition, first, host, account);

	for (int direction = 0; direction < DIRECTIONS; direction++) {
		volume_add(&series->volume[direction], &account->volume[direction]);
		volume_subtract(&series->volume[direction], &account->hidden[direction]);
	}
}

static gint compare_hosts(gconstpointer a, gconstpointer b)
{
	return device_compare(((const Host *)a)->device, ((const Host *)b)->device);
}

/* The index in `hosts` of @device, which on several interfaces is one host. @known: Device -> index + 1. */
static guint add_host(Exposition *exposition, GHashTable *known, const Device *device)
{
	guint index = GPOINTER_TO_UINT(g_hash_table_lookup(known, device));
	const char *vendor = view_host_vendor(exposition->view, device);
	char text[DEVICE_LABEL_MAX];
	Host added = { .device = device, .last_seen_ms = device->last_seen_ms };

	if (index)
		return index - 1;
	added.label = g_string_chunk_insert(exposition->labels, device_label(device, text));
	added.name = added.label;
	added.vendor = g_string_chunk_insert_const(exposition->labels, vendor ? vendor : "");
	g_array_append_val(exposition->hosts, added);
	g_hash_table_insert(known, (gpointer)device, GUINT_TO_POINTER(exposition->hosts->len));
	return exposition->hosts->len - 1;
}

/* It may be named by an address that it has on one of its interfaces only. */
static void name_host(Exposition *exposition, Host *host, const Account *const *accounts, size_t n)
{
	char label[DEVICE_LABEL_MAX];
	const char *name = view_host_name(exposition->view, accounts, n, label);

	if (name != label && host->name == host->label)
		host->name = g_string_chunk_insert(exposition->labels, name);
}

/* The @n accounts of a host on one interface. */
static void add_accounts(Exposition *exposition, GHashTable *known, const Account *const *accounts,
			 size_t n)
{
	guint index = add_host(exposition, known, accounts[0]->device);
	Host *host = &g_array_index(exposition->hosts, Host, index);
	guint first = exposition->series->len;

	name_host(exposition, host, accounts, n);
	for (size_t i = 0; i < n; i++)
		add_to_series(exposition, first, host->label, accounts[i]);
}

static void aggregate(Exposition *exposition)
{
	g_autoptr(GPtrArray) list = hosts_list(exposition->view->hosts);
	g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
	const Account *const *accounts = (const Account *const *)list->pdata;
	guint end;

	for (guint i = 0; i < list->len; i = end) {
		for (end = i + 1; end < list->len && view_same_host(accounts[i], accounts[end]);)
			end++;
		if (accounts[i]->device->shown)
			add_accounts(exposition, known, &accounts[i], end - i);
	}
	g_array_sort(exposition->hosts, compare_hosts);
}

static GArray *list_of(const Exposition *exposition, const Family *family)
{
	return G_STRUCT_MEMBER(GArray *, exposition, family->list);
}

static bool has_samples(const Exposition *exposition, const Family *family)
{
	const GArray *list = family->write_one ? list_of(exposition, family) : NULL;

	return list && list->len;
}

/* The next family of hosts from @family on that has samples. */
static const Family *next_family(const Exposition *exposition, const Family *family)
{
	const Family *end = families + G_N_ELEMENTS(families);

	while (family < end && !has_samples(exposition, family))
		family++;
	return family < end ? family : NULL;
}

static void write_snapshot(Exposition *exposition, const View *view)
{
	exposition->view = view;
	exposition->sheets = ledger_list(view->ledger);
	exposition->collectors = view_collectors(view);
	aggregate(exposition);
	for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
		if (families[i].write)
			write_family(exposition, &families[i]);
	}
	g_clear_pointer(&exposition->sheets, g_array_unref);
	g_clear_pointer(&exposition->collectors, g_array_unref);
	exposition->view = NULL;
}

Exposition *exposition_new(const View *view, PrometheusFormat format, bool with_process)
{
	Exposition *exposition = g_new0(Exposition, 1);

	exposition->format = format;
	exposition->with_process = with_process && process_use(&exposition->process);
	exposition->text = g_string_new(NULL);
	exposition->series = g_array_new(FALSE, FALSE, sizeof(HostSeries));
	exposition->hosts = g_array_new(FALSE, FALSE, sizeof(Host));
	exposition->labels = g_string_chunk_new(4096);
	if (view->config->metrics.compat_mezoura)
		exposition->mezoura = compat_mezoura(view, exposition->labels);
	if (view->config->metrics.compat_iptables)
		exposition->iptables = compat_iptables(view, exposition->labels);
	if (view->config->metrics.compat_linux_flow_exporter)
		exposition->linux_flow_exporter = compat_linux_flow_exporter(view);
	if (view->config->metrics.compat_packet_exporter)
		exposition->packet_exporter = compat_packet_exporter(view, exposition->labels);
	exposition->protocols = flow_metrics_protocols(view, exposition->labels);
	exposition->pairs = flow_metrics_pairs(view, exposition->labels);
	exposition->latencies = flow_metrics_latencies(view, exposition->labels);
	write_snapshot(exposition, view);
	exposition->family = next_family(exposition, families);
	return exposition;
}

void exposition_free(Exposition *exposition)
{
	if (!exposition)
		return;
	g_string_free(exposition->text, TRUE);
	g_array_unref(exposition->series);
	g_array_unref(exposition->hosts);
	g_clear_pointer(&exposition->mezoura, g_array_unref);
	g_clear_pointer(&exposition->iptables, g_array_unref);
	g_clear_pointer(&exposition->linux_flow_exporter, g_array_unref);
	g_clear_pointer(&exposition->packet_exporter, g_array_unref);
	g_array_unref(exposition->protocols);
	g_array_unref(exposition->pairs);
	g_array_unref(exposition->latencies);
	g_string_chunk_free(exposition->labels);
	g_free(exposition);
}

/* At most SLICE of the samples that are left of one family. */
static void write_slice(Exposition *exposition)
{
	const Family *family = exposition->family;
	guint len = list_of(exposition, family)->len;
	guint end = MIN(len, exposition->next + SLICE / MAX(family->lines, 1));

	if (!exposition->next)
		write_head(exposition, family);
	while (exposition->next < end)
		family->write_one(exposition, family, exposition->next++);
	if (exposition->next < len)
		return;
	exposition->next = 0;
	exposition->family = next_family(exposition, family + 1);
}

bool exposition_step(Exposition *exposition, GString *text)
{
	if (exposition->family)
		write_slice(exposition);
	if (!exposition->family && exposition->format == PROMETHEUS_OPENMETRICS)
		g_string_append(exposition->text, "# EOF\n");
	g_string_append_len(text, exposition->text->str, (gssize)exposition->text->len);
	g_string_truncate(exposition->text, 0);
	return exposition->family;
}

GString *exposition_finish(Exposition *exposition)
{
	GString *text = g_string_new(NULL);

	while (exposition_step(exposition, text))
		;
	return text;
}
