/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoint.h"
#include "lfe.h"
#include "base/file.h"
#include "base/mac.h"
#include "settings.h"
#include "base/text.h"

/* A UNIX socket's path has 107 octets, and the socket lies in `run`. */
#define RUN_MAX 89
#define PATH_TEXT_MAX 1023
#define MAX_SAMPLING 1000000
#define LIST_MAX 1024
#define DURATION_MAX (366 * UINT64_C(86400000))
#define NAMES_MAX 64	       /* each source has a descriptor */
#define STATIC_NAMES_MAX 65536 /* the file is bounded, too */
#define LISTEN_MAX 64
#define MIN_MESSAGE 512 /* for templates of ours, and for as much beside them as a path may take */
#define MIN_MESSAGE_OF_OPTIONS 96 /* for all options */
#define FIELDS_MAX 64 /* with them, a template and its records fit into the shortest message */
#define JSON_LINES_MAX 16
#define HOOKS_MAX 16 /* of an output */
#define SCRIPT_MAX 65536

/* A choice fills an unsigned int. */
_Static_assert(sizeof(SideChoice) == sizeof(unsigned int), "SideChoice");
_Static_assert(sizeof(HookChoice) == sizeof(unsigned int), "HookChoice");
_Static_assert(sizeof(HookOrder) == sizeof(unsigned int), "HookOrder");
_Static_assert(sizeof(CollectorTransport) == sizeof(unsigned int), "CollectorTransport");
_Static_assert(sizeof(EnterpriseElements) == sizeof(unsigned int), "EnterpriseElements");
_Static_assert(sizeof(FlowTimes) == sizeof(unsigned int), "FlowTimes");
_Static_assert(sizeof(HookFailure) == sizeof(unsigned int), "HookFailure");
_Static_assert(sizeof(GroupMode) == sizeof(unsigned int), "GroupMode");
_Static_assert(sizeof(ExportFormat) == sizeof(unsigned int), "ExportFormat");

/* Values */

static bool is_pattern(const char *text)
{
	g_autoptr(Pattern) pattern = pattern_new(text, NULL);

	return pattern;
}

static char *explain_pattern(const char *text)
{
	g_autoptr(Pattern) pattern = NULL;
	g_autoptr(GError) error = NULL;

	pattern = pattern_new(text, &error);
	return error ? g_strdup(error->message) : NULL;
}

static bool is_mac(const char *text)
{
	uint8_t mac[MAC_LEN];

	return mac_parse(mac, text);
}

static bool is_label(const char *text)
{
	for (; *text; text = g_utf8_next_char(text)) {
		if (g_unichar_iscntrl(g_utf8_get_char(text)))
			return false;
	}
	return true;
}

static bool is_absolute_path(const char *text)
{
	return g_path_is_absolute(text);
}

static bool is_absolute_file(const char *text)
{
	return g_path_is_absolute(text) && !g_str_has_suffix(text, "/");
}

/* 0: @text is not of the form 1:N. */
static uint32_t parse_sampling(const char *text)
{
	guint64 n;

	if (!g_str_has_prefix(text, "1:") ||
	    !g_ascii_string_to_unsigned(text + 2, 10, 1, MAX_SAMPLING, &n, NULL))
		return 0;
	return (uint32_t)n;
}

static bool is_sampling(const char *text)
{
	return parse_sampling(text);
}

static bool is_endpoint(const char *text)
{
	Endpoint endpoint;

	return endpoint_parse(&endpoint, text);
}

static char *explain_field(const RecordKind *kind, const char *text)
{
	g_autoptr(GError) error = NULL;
	TemplateField field;

	return template_field_parse(&field, kind, text, &error) ? NULL : g_strdup(error->message);
}

static char *explain_flow_field(const char *text)
{
	return explain_field(&flow_kind, text);
}

static char *explain_host_field(const char *text)
{
	return explain_field(&host_kind, text);
}

static bool is_flow_field(const char *text)
{
	g_autofree char *why = explain_flow_field(text);

	return !why;
}

static bool is_host_field(const char *text)
{
	g_autofree char *why = explain_host_field(text);

	return !why;
}

static uint32_t parse_template_id(const char *text)
{
	guint64 id;

	return g_ascii_string_to_unsigned(text, 10, TEMPLATE_ID_MIN, UINT16_MAX, &id, NULL) ?
		       (uint32_t)id :
		       0;
}

static bool is_template_id(const char *text)
{
	return parse_template_id(text);
}

static bool is_place(const char *text)
{
	g_autofree char *host = NULL;
	uint16_t port;

	return endpoint_split(text, &host, &port);
}

static bool is_source(const char *text)
{
	Endpoint endpoint;

	return endpoint_parse_source(&endpoint, text);
}

static bool is_tls_name(const char *text)
{
	g_autofree char *place = g_strdup_printf("%s:1", text);
	Endpoint endpoint;

	return is_place(place) || (endpoint_parse_source(&endpoint, text) && !endpoint.port);
}

static bool is_name(const char *text)
{
	g_autofree char *name = text_name(text);

	return name && !strcmp(name, text);
}

/* A MAC or an address, in the form of reports. */
static char *canonical_host(const char *text)
{
	char written[MAX(MAC_TEXT_MAX, PREFIX_TEXT_MAX)];
	uint8_t mac[MAC_LEN];
	Prefix prefix;

	if (mac_parse(mac, text))
		return g_strdup(mac_format(mac, written));
	if (strchr(text, '/') || !prefix_parse(&prefix, text, NULL))
		return NULL;
	return g_strdup(address_format(prefix.address, written));
}

/* Items of lists */

static void interface_config_free(void *data)
{
	InterfaceConfig *interface = data;

	g_free(interface->match_text);
	pattern_free(interface->match);
	g_clear_pointer(&interface->exclude_texts, g_ptr_array_unref);
	g_clear_pointer(&interface->exclude, g_ptr_array_unref);
	g_free(interface->alias);
	g_clear_pointer(&interface->local, g_array_unref);
	g_free(interface);
}

static void collector_config_free(void *data)
{
	CollectorConfig *collector = data;

	g_free(collector->address);
	g_clear_pointer(&collector->template_ids, g_ptr_array_unref);
	g_clear_pointer(&collector->chosen, g_ptr_array_unref);
	g_free(collector->local);
	for (int file = 0; file < TLS_CLIENT_FILES; file++)
		g_free(collector->tls_paths[file]);
	tls_client_unref(collector->tls);
	g_free(collector->tls_name);
	g_free(collector->spool_path);
	g_free(collector);
}

static void group_config_free(void *data)
{
	GroupConfig *group = data;

	g_clear_pointer(&group->collectors, g_ptr_array_unref);
	g_free(group);
}

static void template_config_free(void *data)
{
	TemplateConfig *template = data;

	g_clear_pointer(&template->flows, g_ptr_array_unref);
	g_clear_pointer(&template->hosts, g_ptr_array_unref);
	template_free(template->record);
	g_free(template);
}

static bool templates_clash(const void *a, const void *b)
{
	return ((const TemplateConfig *)a)->id == ((const TemplateConfig *)b)->id;
}

static const char *collector_fault(const void *item)
{
	const CollectorConfig *collector = item;

	if (collector->format != EXPORT_NETFLOW9)
		return NULL;
	if (collector->transport != COLLECTOR_TRANSPORT_UDP)
		return "format netflow9 goes by the transport udp alone";
	if (collector->biflow)
		return "format netflow9 has no biflows";
	if (collector->flow_times == FLOW_TIMES_NANOSECONDS)
		return "format netflow9 has times in milliseconds alone";
	return NULL;
}

static bool has_twice(const GPtrArray *texts, const RecordKind *kind)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

	for (guint i = 0; texts && i < texts->len; i++) {
		TemplateField field;

		if (template_field_parse(&field, kind, texts->pdata[i], NULL) &&
		    !g_hash_table_add(seen, (void *)field.from))
			return true;
	}
	return false;
}

static const char *template_fault(const void *item)
{
	const TemplateConfig *template = item;

	if (!template->flows == !template->hosts)
		return "it has to have either flows or hosts, a list of elements";
	if (has_twice(template->flows, &flow_kind) || has_twice(template->hosts, &host_kind))
		return "an element is in the list twice";
	if (template_id_is_ours(template->id))
		return "the id is one of flowtally's own templates: take one that is neither below "
		       "512, nor "
		       "below 2560 and 0 or 1 after a multiple of 32";
	return NULL;
}

/* An item of `hosts.merge`, as it is read. */
typedef struct {
	MergedMacs macs; /* the same as the texts */
	char *mac_text;
	GPtrArray *also_texts; /* of char * */
} MergeItem;

static void merge_item_free(void *data)
{
	MergeItem *item = data;

	g_free(item->mac_text);
	g_clear_pointer(&item->also_texts, g_ptr_array_unref);
	g_clear_pointer(&item->macs.also, g_array_unref);
	g_free(item);
}

static void names_config_free(void *data)
{
	NamesConfig *names = data;

	g_clear_pointer(&names->pairs, g_hash_table_unref);
	for (int kind = 0; kind < NAMES_KINDS; kind++)
		g_free(names->paths[kind]);
	g_free(names);
}

static bool names_clash(const void *a, const void *b)
{
	const NamesConfig *first = a, *second = b;

	for (int kind = 0; kind < NAMES_KINDS; kind++) {
		if (first->paths[kind] && !g_strcmp0(first->paths[kind], second->paths[kind]))
			return true;
	}
	return false;
}

static bool interfaces_clash(const void *a, const void *b)
{
	const InterfaceConfig *first = a, *second = b;

	/* What the first one excludes is left for the second. */
	return !first->exclude_texts->len && !strcmp(first->match_text, second->match_text);
}

/* However they are spelt. */
static bool places_equal(const char *a, const char *b)
{
	Endpoint first, second;

	if (!a || !b || !endpoint_parse(&first, a) || !endpoint_parse(&second, b))
		return a && b && !g_ascii_strcasecmp(a, b);
	return endpoint_equal(&first, &second);
}

static bool is_same_mac(const char *a, const char *b)
{
	uint8_t first[MAC_LEN], second[MAC_LEN];

	return mac_parse(first, a) && mac_parse(second, b) && !memcmp(first, second, MAC_LEN);
}

static bool has_mac(const MergeItem *item, const char *mac)
{
	bool has = is_same_mac(item->mac_text, mac);

	for (guint i = 0; i < item->also_texts->len; i++)
		has |= is_same_mac(item->also_texts->pdata[i], mac);
	return has;
}

static bool merge_items_clash(const void *a, const void *b)
{
	const MergeItem *first = a, *second = b;
	bool clash = has_mac(first, second->mac_text);

	for (guint i = 0; i < second->also_texts->len; i++)
		clash |= has_mac(first, second->also_texts->pdata[i]);
	return clash;
}

static bool template_lists_equal(const GPtrArray *a, const GPtrArray *b)
{
	guint n = a ? a->len : 0;

	if (n != (b ? b->len : 0))
		return false;
	for (guint i = 0; i < n; i++) {
		if (parse_template_id(a->pdata[i]) != parse_template_id(b->pdata[i]))
			return false;
	}
	return true;
}

bool collector_config_is_alike(const CollectorConfig *a, const CollectorConfig *b)
{
	return a->format == b->format && a->enterprise == b->enterprise &&
	       a->layer2_octets == b->layer2_octets && a->flow_times == b->flow_times &&
	       a->biflow == b->biflow && template_lists_equal(a->template_ids, b->template_ids);
}

bool collector_config_has_same_session(const CollectorConfig *a, const CollectorConfig *b)
{
	return a->transport == b->transport && !g_strcmp0(a->address, b->address) &&
	       !g_strcmp0(a->local, b->local) && !g_strcmp0(a->tls_name, b->tls_name) &&
	       tls_client_equal(a->tls, b->tls);
}

bool collector_transport_is_datagram(CollectorTransport transport)
{
	return transport == COLLECTOR_TRANSPORT_UDP || transport == COLLECTOR_TRANSPORT_DTLS;
}

bool collector_transport_has_tls(CollectorTransport transport)
{
	return transport == COLLECTOR_TRANSPORT_TLS || transport == COLLECTOR_TRANSPORT_DTLS;
}

bool collector_config_has_same_place(const CollectorConfig *a, const CollectorConfig *b)
{
	return places_equal(a->address, b->address);
}

static bool collectors_clash(const void *a, const void *b)
{
	const CollectorConfig *first = a, *second = b;

	return first->transport == second->transport && collector_config_is_alike(first, second) &&
	       collector_config_has_same_place(first, second);
}

static bool has_place_before(const GPtrArray *collectors, guint index)
{
	for (guint i = 0; i < index; i++) {
		if (collector_config_has_same_place(collectors->pdata[i], collectors->pdata[index]))
			return true;
	}
	return false;
}

/* Where one of them has each record, nobody may be missed by it, or have two shares. */
static const char *group_fault(const void *item)
{
	const GroupConfig *group = item;
	const CollectorConfig *first = group->collectors->pdata[0];

	for (guint i = 1; group->mode != GROUP_ALL && i < group->collectors->len; i++) {
		const CollectorConfig *other = group->collectors->pdata[i];

		if (has_place_before(group->collectors, i))
			return "two of its collectors have the same address";
		if (other->records_hosts != first->records_hosts ||
		    other->records_flows != first->records_flows)
			return "of hosts and flows, all of its collectors need the same in "
			       "records: "
			       "one of them has each";
	}
	return NULL;
}

/* The tables; config/flowtally.yaml and flowtally.yaml(5) say the same in prose. */

const char *const config_side_words[] = {
	[SIDE_CHOICE_AUTO] = "auto", [SIDE_CHOICE_LAN] = "lan", [SIDE_CHOICE_WAN] = "wan", NULL
};

const char *const config_hook_words[] = { [HOOK_CHOICE_AUTO] = "auto",
					  [HOOK_CHOICE_TCX] = "tcx",
					  [HOOK_CHOICE_CLSACT] = "clsact",
					  NULL };

const char *const config_order_words[] = {
	[HOOK_ORDER_FIRST] = "first", [HOOK_ORDER_LAST] = "last", NULL
};

static const char *const sampling_words[] = {
	[SAMPLE_PACKETS] = "packets", [SAMPLE_FLOWS] = "flows", NULL
};

const char *const config_transport_words[] = {
	[COLLECTOR_TRANSPORT_UDP] = "udp",   [COLLECTOR_TRANSPORT_TCP] = "tcp",
	[COLLECTOR_TRANSPORT_TLS] = "tls",   [COLLECTOR_TRANSPORT_DTLS] = "dtls",
	[COLLECTOR_TRANSPORT_SCTP] = "sctp", NULL
};

const char *const config_group_words[] = {
	[GROUP_ALL] = "all", [GROUP_FAILOVER] = "failover", [GROUP_HASH] = "hash", NULL
};

static const char *const enterprise_words[] = {
	[ENTERPRISE_MAC] = "mac", [ENTERPRISE_NONE] = "none", [ENTERPRISE_FULL] = "full", NULL
};

static const char *const format_words[] = {
	[EXPORT_IPFIX] = "ipfix", [EXPORT_NETFLOW9] = "netflow9", NULL
};

static const char *const flow_times_words[] = {
	[FLOW_TIMES_MILLISECONDS] = "milliseconds", [FLOW_TIMES_NANOSECONDS] = "nanoseconds", NULL
};

/* In the order of the bits of enum meter. */
static const SettingFlag meter_flags[] = {
	{ "hosts", offsetof(InterfaceConfig, meter_hosts) },
	{ "flows", offsetof(InterfaceConfig, meter_flows) },
	{ "sizes", offsetof(InterfaceConfig, meter_sizes) },
	{ "latency", offsetof(InterfaceConfig, meter_latency) },
	{ NULL, 0 },
};

static const SettingFlag flows_at_flags[] = {
	{ "entering", offsetof(InterfaceConfig, flows_entering) },
	{ "staying", offsetof(InterfaceConfig, flows_staying) },
	{ "leaving", offsetof(InterfaceConfig, flows_leaving) },
	{ NULL, 0 },
};

static const SettingFlag flow_key_flags[] = {
	{ "interfaces", offsetof(Config, flows.by_interfaces) },
	{ "addresses", offsetof(Config, flows.by_addresses) },
	{ "protocol", offsetof(Config, flows.by_protocol) },
	{ "ports", offsetof(Config, flows.by_ports) },
	{ "icmp", offsetof(Config, flows.by_icmp) },
	{ "traffic-class", offsetof(Config, flows.by_traffic_class) },
	{ "mark", offsetof(Config, flows.by_mark) },
	{ "vlan", offsetof(Config, flows.by_vlan) },
	{ NULL, 0 },
};

static const SettingFlag record_flags[] = {
	{ "hosts", offsetof(CollectorConfig, records_hosts) },
	{ "flows", offsetof(CollectorConfig, records_flows) },
	{ "statistics", offsetof(CollectorConfig, records_statistics) },
	{ "interfaces", offsetof(CollectorConfig, records_interfaces) },
	{ "ledger", offsetof(CollectorConfig, records_ledger) },
	{ "names", offsetof(CollectorConfig, records_names) },
	{ NULL, 0 },
};

static const char *const json_lines_words[] = {
	[JSON_LINES_OWN] = "json",
	[JSON_LINES_FLOWLOG] = "flowlog",
	NULL,
};

static const SettingFlag json_lines_flags[] = {
	{ "flows", offsetof(JsonLinesConfig, records_flows) },
	{ "hosts", offsetof(JsonLinesConfig, records_hosts) },
	{ NULL, 0 },
};

static const char *const hook_failure_words[] = {
	[HOOK_FAILURE_KEEP] = "keep", [HOOK_FAILURE_DROP] = "drop", NULL
};

static void hook_config_free(gpointer data)
{
	HookConfig *hook = data;

	g_free(hook->name);
	g_free(hook->command);
	g_free(hook->shell);
	g_free(hook);
}

static const char *hook_fault(const void *item)
{
	const HookConfig *hook = item;

	return !hook->command == !hook->shell ? "it has to have either command or shell" : NULL;
}

static bool is_script(const char *text)
{
	return *text;
}

#define AT(member) offsetof(HookConfig, member)
static const Setting hook_settings[] = {
	{ "name", SETTING_TEXT, AT(name), .min = 1, .max = 64, .is_valid = is_name,
	  .form = "a name" },
	{ "command", SETTING_TEXT, AT(command), .min = 1, .max = PATH_TEXT_MAX,
	  .is_valid = is_absolute_file, .form = "the absolute path of a program" },
	{ "shell", SETTING_TEXT, AT(shell), .min = 1, .max = SCRIPT_MAX, .is_valid = is_script,
	  .form = "a script" },
	{ "timeout", SETTING_DURATION, AT(timeout_ms), .fallback = "10s", .min = 100,
	  .max = 600000 },
	{ "on-failure", SETTING_CHOICE, AT(on_failure), .fallback = "keep",
	  .words = hook_failure_words },
};
#undef AT

static const SettingTable hook_table = {
	.settings = hook_settings,
	.n = G_N_ELEMENTS(hook_settings),
	.size = sizeof(HookConfig),
	.free = hook_config_free,
	.fault = hook_fault,
};

static void json_lines_config_free(gpointer data)
{
	JsonLinesConfig *lines = data;

	g_free(lines->path);
	g_clear_pointer(&lines->hooks, g_ptr_array_unref);
	g_free(lines);
}

static bool json_lines_clash(const void *a, const void *b)
{
	return !strcmp(((const JsonLinesConfig *)a)->path, ((const JsonLinesConfig *)b)->path);
}

static bool is_lines_path(const char *text)
{
	return !strcmp(text, "-") || is_absolute_file(text);
}

/* clang-format off */

#define PATTERN_FORM "[NETNS:] and an interface's name, a glob, or a regular expression behind \"~\""

#define COLLECTORS_CLASH \
	"the same address, transport, format, templates, enterprise, layer2-octets, flow-times and biflow"
#define TEMPLATE_ID_FORM "the id of a template, 256 to 65535"
#define FIELD_FORM "an Information Element of the record, or \"NAME: LENGTH\""
#define MAC_FORM "a MAC such as 02:00:00:00:00:01"

#define AT(member) offsetof(InterfaceConfig, member)
static const Setting interface_settings[] = {
	{ "match",
	  SETTING_TEXT, AT(match_text), .required = true,
	  .is_valid = is_pattern, .explain = explain_pattern, .form = PATTERN_FORM },
	{ "exclude",
	  SETTING_TEXTS, AT(exclude_texts), .fallback = "[]", .max = LIST_MAX,
	  .is_valid = is_pattern, .explain = explain_pattern, .form = PATTERN_FORM },
	{ "meter",
	  SETTING_FLAGS, 0, .fallback = "[hosts]", .max = LIST_MAX, .flags = meter_flags },
	{ "flows-at",
	  SETTING_FLAGS, 0, .fallback = "[staying, leaving]", .min = 1, .max = LIST_MAX,
	  .flags = flows_at_flags },
	{ "side",
	  SETTING_CHOICE, AT(side), .fallback = "auto", .words = config_side_words },
	{ "hook",
	  SETTING_CHOICE, AT(hook), .fallback = "auto", .words = config_hook_words },
	{ "order",
	  SETTING_CHOICE, AT(order), .fallback = "first", .words = config_order_words },
	{ "local",
	  SETTING_PREFIXES, AT(local), .max = LIST_MAX },
	{ "alias",
	  SETTING_TEXT, AT(alias), .min = 1, .max = 63, .is_valid = is_label,
	  .form = "a text without control characters" },
};
#undef AT

static const SettingTable interface_table = {
	.settings = interface_settings,
	.n = G_N_ELEMENTS(interface_settings),
	.size = sizeof(InterfaceConfig),
	.free = interface_config_free,
	.clash = interfaces_clash,
	.clash_reason = "the same match",
};

#define AT(member) offsetof(CollectorConfig, member)
#define TLS_FILE(file) \
	SETTING_TEXT, AT(tls_paths[file]), .line = AT(tls_lines[file]), .min = 1, \
	.max = PATH_TEXT_MAX, .is_valid = is_absolute_file, .form = "the absolute path of a file"
static const Setting collector_settings[] = {
	{ "address",
	  SETTING_TEXT, AT(address), .line = AT(address_line), .required = true,
	  .is_valid = is_place, .form = ENDPOINT_NAMED_FORM },
	{ "transport",
	  SETTING_CHOICE, AT(transport), .line = AT(transport_line), .fallback = "udp",
	  .words = config_transport_words },
	{ "local",
	  SETTING_TEXT, AT(local), .is_valid = is_source, .form = ENDPOINT_SOURCE_FORM },
	{ "tls.ca",
	  TLS_FILE(TLS_CLIENT_CA) },
	{ "tls.certificate",
	  TLS_FILE(TLS_CLIENT_CERTIFICATE), .required = true },
	{ "tls.key",
	  TLS_FILE(TLS_CLIENT_KEY), .required = true },
	{ "tls.name",
	  SETTING_TEXT, AT(tls_name), .line = AT(tls_name_line), .min = 1, .max = 253,
	  .is_valid = is_tls_name, .form = "the name of a host, or an address" },
	{ "queue-mib",
	  SETTING_NUMBER, AT(queue_mib), .fallback = "8", .min = 1, .max = 4096 },
	{ "rate-mib",
	  SETTING_NUMBER, AT(rate_mib), .fallback = "32", .min = 0, .max = 4096 },
	{ "spool.path",
	  SETTING_TEXT, AT(spool_path), .line = AT(spool_line), .required = true, .min = 1,
	  .max = PATH_TEXT_MAX, .is_valid = is_absolute_path,
	  .form = "the absolute path of a directory" },
	{ "spool.max-size",
	  SETTING_SIZE, AT(spool_max_octets), .fallback = "256MiB", .min = 1 << 20,
	  .max = (uint64_t)1 << 44 },
	{ "records",
	  SETTING_FLAGS, 0, .fallback = "[hosts, flows, statistics, interfaces]", .min = 1, .max = LIST_MAX,
	  .flags = record_flags },
	{ "enterprise",
	  SETTING_CHOICE, AT(enterprise), .fallback = "mac", .words = enterprise_words },
	{ "layer2-octets",
	  SETTING_BOOL, AT(layer2_octets), .fallback = "false" },
	{ "flow-times",
	  SETTING_CHOICE, AT(flow_times), .fallback = "milliseconds", .words = flow_times_words },
	{ "biflow",
	  SETTING_BOOL, AT(biflow), .fallback = "false" },
	{ "format",
	  SETTING_CHOICE, AT(format), .fallback = "ipfix", .words = format_words },
	{ "templates",
	  SETTING_TEXTS, AT(template_ids), .max = LIST_MAX, .line = AT(templates_line),
	  .is_valid = is_template_id, .form = TEMPLATE_ID_FORM },
};
#undef AT

#define AT(member) offsetof(TemplateConfig, member)
static const Setting template_settings[] = {
	{ "id",
	  SETTING_NUMBER, AT(id), .required = true, .min = TEMPLATE_ID_MIN, .max = UINT16_MAX },
	{ "flows",
	  SETTING_TEXTS, AT(flows), .min = 1, .max = FIELDS_MAX, .or_pair = true,
	  .is_valid = is_flow_field, .explain = explain_flow_field, .form = FIELD_FORM },
	{ "hosts",
	  SETTING_TEXTS, AT(hosts), .min = 1, .max = FIELDS_MAX, .or_pair = true,
	  .is_valid = is_host_field, .explain = explain_host_field, .form = FIELD_FORM },
};
#undef AT

static const SettingTable template_table = {
	.settings = template_settings,
	.n = G_N_ELEMENTS(template_settings),
	.size = sizeof(TemplateConfig),
	.free = template_config_free,
	.clash = templates_clash,
	.clash_reason = "the same id",
	.fault = template_fault,
};

static const SettingTable collector_table = {
	.settings = collector_settings,
	.n = G_N_ELEMENTS(collector_settings),
	.size = sizeof(CollectorConfig),
	.free = collector_config_free,
	.fault = collector_fault,
	.clash = collectors_clash,
	.clash_reason = COLLECTORS_CLASH,
};

#define AT(member) offsetof(GroupConfig, member)
static const Setting group_settings[] = {
	{ "mode",
	  SETTING_CHOICE, AT(mode), .fallback = "all", .words = config_group_words },
	{ "collectors",
	  SETTING_ITEMS, AT(collectors), .required = true, .min = 1, .max = LIST_MAX,
	  .items = &collector_table },
};
#undef AT

static const SettingTable group_table = {
	.settings = group_settings,
	.n = G_N_ELEMENTS(group_settings),
	.size = sizeof(GroupConfig),
	.free = group_config_free,
	.fault = group_fault,
};

#define AT(member) offsetof(JsonLinesConfig, member)
static const Setting json_lines_settings[] = {
	{ "path",
	  SETTING_TEXT, AT(path), .required = true, .min = 1, .max = PATH_TEXT_MAX,
	  .is_valid = is_lines_path,
	  .form = "the absolute path of a file, or - for standard output" },
	{ "records",
	  SETTING_FLAGS, 0, .fallback = "[flows]", .min = 1, .max = LIST_MAX,
	  .flags = json_lines_flags },
	{ "form",
	  SETTING_CHOICE, AT(form), .fallback = "json", .words = json_lines_words },
	{ "hooks",
	  SETTING_ITEMS, AT(hooks), .fallback = "[]", .max = HOOKS_MAX, .items = &hook_table },
};
#undef AT

static const SettingTable json_lines_table = {
	.settings = json_lines_settings,
	.n = G_N_ELEMENTS(json_lines_settings),
	.size = sizeof(JsonLinesConfig),
	.free = json_lines_config_free,
	.clash = json_lines_clash,
	.clash_reason = "the same path",
};

#define AT(member) offsetof(MergeItem, member)
static const Setting merge_settings[] = {
	{ "mac",
	  SETTING_TEXT, AT(mac_text), .required = true, .is_valid = is_mac, .form = MAC_FORM },
	{ "also",
	  SETTING_TEXTS, AT(also_texts), .required = true, .min = 1, .max = LIST_MAX,
	  .is_valid = is_mac, .form = MAC_FORM },
};
#undef AT

static const SettingTable merge_table = {
	.settings = merge_settings,
	.n = G_N_ELEMENTS(merge_settings),
	.size = sizeof(MergeItem),
	.free = merge_item_free,
	.clash = merge_items_clash,
	.clash_reason = "the same MAC",
};

#define PATH_OF(kind) \
	SETTING_TEXT, offsetof(NamesConfig, paths[kind]), .min = 1, .max = PATH_TEXT_MAX, \
	.is_valid = is_absolute_file, .form = "the absolute path of a file"
static const Setting names_settings[] = {
	{ "static",
	  SETTING_PAIRS, offsetof(NamesConfig, pairs), .max = STATIC_NAMES_MAX,
	  .canonical = canonical_host, .key_form = "a MAC or an address",
	  .is_valid = is_name,
	  .form = "a name (1 to 255 octets, without control characters and spaces at its ends)" },
	{ "dnsmasq", PATH_OF(NAMES_DNSMASQ) },
	{ "odhcpd", PATH_OF(NAMES_ODHCPD) },
	{ "kea", PATH_OF(NAMES_KEA) },
	{ "isc", PATH_OF(NAMES_ISC) },
	{ "uci", PATH_OF(NAMES_UCI) },
	{ "ethers", PATH_OF(NAMES_ETHERS) },
	{ "hosts", PATH_OF(NAMES_HOSTS) },
};

static const SettingTable names_table = {
	.settings = names_settings,
	.n = G_N_ELEMENTS(names_settings),
	.size = sizeof(NamesConfig),
	.free = names_config_free,
	.clash = names_clash,
	.clash_reason = "the same file",
	.one_key = true,
};

static const SettingFlag compat_flags[] = {
	{ "mezoura", offsetof(Config, metrics.compat_mezoura) },
	{ "iptables", offsetof(Config, metrics.compat_iptables) },
	{ "packet-exporter", offsetof(Config, metrics.compat_packet_exporter) },
	{ "linux-flow-exporter", offsetof(Config, metrics.compat_linux_flow_exporter) },
	{ NULL, 0 },
};

#define AT(member) offsetof(Config, member)
static const Setting config_settings[] = {
	{ "interval",
	  SETTING_DURATION, AT(interval_ms), .fallback = "10s", .min = 100, .max = 3600000 },
	{ "interfaces",
	  SETTING_ITEMS, AT(interfaces), .fallback = "[{match: '*'}]", .max = LIST_MAX,
	  .items = &interface_table },
	{ "hosts.local",
	  SETTING_PREFIXES, AT(hosts.local), .max = LIST_MAX },
	{ "hosts.not-internet",
	  SETTING_PREFIXES, AT(hosts.not_internet), .max = LIST_MAX,
	  .fallback = "[10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16, "
		      "127.0.0.0/8, 224.0.0.0/4, 255.255.255.255/32, "
		      "fe80::/10, fc00::/7, ff00::/8, '::1/128']" },
	{ "hosts.max",
	  SETTING_NUMBER, AT(hosts.max), .fallback = "65536", .min = 1, .max = CONFIG_MAX_HOSTS },
	{ "hosts.address-age",
	  SETTING_DURATION, AT(hosts.address_age_ms), .fallback = "7d", .min = 1000,
	  .max = DURATION_MAX },
	{ "hosts.merge",
	  SETTING_ITEMS, AT(hosts.merge), .fallback = "[]", .max = LIST_MAX,
	  .items = &merge_table },
	{ "hosts.names",
	  SETTING_ITEMS, AT(hosts.names), .fallback = "[]", .max = NAMES_MAX,
	  .items = &names_table },
	{ "hosts.vendors",
	  SETTING_TEXT, AT(hosts.vendors), .fallback = "/usr/share/ieee-data/oui.txt", .min = 1,
	  .max = PATH_TEXT_MAX, .is_valid = is_absolute_file,
	  .form = "the absolute path of a file" },
	{ "flows.max",
	  SETTING_NUMBER, AT(flows.max), .fallback = "131072", .min = 1, .max = CONFIG_MAX_FLOWS },
	{ "flows.active-timeout",
	  SETTING_DURATION, AT(flows.timeouts.active_ms), .fallback = "60s", .min = 100,
	  .max = 86400000 },
	{ "flows.idle-timeout",
	  SETTING_DURATION, AT(flows.timeouts.idle_ms), .fallback = "15s", .min = 100,
	  .max = 86400000 },
	{ "flows.finished-timeout",
	  SETTING_DURATION, AT(flows.timeouts.ended_ms), .fallback = "5s", .min = 0,
	  .max = 86400000 },
	{ "flows.routing",
	  SETTING_BOOL, AT(flows.routing), .fallback = "false" },
	{ "flows.sampling",
	  SETTING_TEXT, AT(flows.sampling), .fallback = "\"1:1\"", .is_valid = is_sampling,
	  .form = "1:N, with N from 1 to " G_STRINGIFY(MAX_SAMPLING) },
	{ "flows.sampling-of",
	  SETTING_CHOICE, AT(flows.sampling_of), .fallback = "packets", .words = sampling_words },
	{ "flows.key",
	  SETTING_FLAGS, 0,
	  .fallback = "[interfaces, addresses, protocol, ports, icmp, traffic-class, mark, vlan]",
	  .min = 1, .max = LIST_MAX, .flags = flow_key_flags },
	{ "metrics.max-hosts",
	  SETTING_NUMBER, AT(metrics.max_hosts), .fallback = "1024", .min = 0,
	  .max = CONFIG_MAX_HOSTS },
	{ "metrics.max-flows",
	  SETTING_NUMBER, AT(metrics.max_flows), .fallback = "1000", .min = 0,
	  .max = CONFIG_MAX_SERIES },
	{ "metrics.idle",
	  SETTING_DURATION, AT(metrics.idle_ms), .fallback = "24h", .min = 1000,
	  .max = DURATION_MAX },
	{ "metrics.compat",
	  SETTING_FLAGS, 0, .fallback = "[]", .max = LIST_MAX, .flags = compat_flags },
	{ "history.keep",
	  SETTING_DURATION, AT(history.keep_ms), .fallback = "62d", .min = 0,
	  .max = DURATION_MAX },
	{ "history.max-mib",
	  SETTING_NUMBER, AT(history.max_mib), .fallback = "64", .min = 1, .max = 65536 },
	{ "export.ipfix.observation-domain",
	  SETTING_NUMBER, AT(ipfix.observation_domain), .fallback = "1", .min = 0,
	  .max = UINT32_MAX },
	{ "export.ipfix.enterprise-number",
	  SETTING_NUMBER, AT(ipfix.enterprise_number), .fallback = "32473", .min = 1,
	  .max = UINT32_MAX },
	{ "export.ipfix.template-refresh",
	  SETTING_DURATION, AT(ipfix.template_refresh_ms), .fallback = "60s", .min = 1000,
	  .max = 300000 },
	{ "export.ipfix.message-size",
	  SETTING_NUMBER, AT(ipfix.message_size), .fallback = "1400", .min = 96, .max = 65535,
	  .line = AT(ipfix.message_size_line) },
	{ "export.ipfix.templates",
	  SETTING_ITEMS, AT(ipfix.templates), .fallback = "[]", .max = LIST_MAX,
	  .items = &template_table },
	{ "export.ipfix.collectors",
	  SETTING_ITEMS, AT(ipfix.collectors), .fallback = "[]", .max = LIST_MAX,
	  .items = &collector_table },
	{ "export.ipfix.groups",
	  SETTING_ITEMS, AT(ipfix.groups), .fallback = "[]", .max = LIST_MAX,
	  .items = &group_table },
	{ "export.json-lines",
	  SETTING_ITEMS, AT(json_lines), .fallback = "[]", .max = JSON_LINES_MAX,
	  .items = &json_lines_table },
	{ "export.textfile.path",
	  SETTING_TEXT, AT(textfile), .min = 1, .max = PATH_TEXT_MAX, .required = true,
	  .is_valid = is_absolute_file, .form = "the absolute path of a file" },
	{ "export.http.listen",
	  SETTING_TEXTS, AT(http.listen), .fallback = "['127.0.0.1:14739']", .max = LISTEN_MAX,
	  .or_one = true, .is_valid = is_endpoint, .form = ENDPOINT_FORM },
	{ "export.http.web-config",
	  SETTING_TEXT, AT(http.web_path), .min = 1, .max = PATH_TEXT_MAX,
	  .line = AT(http.web_path_line),
	  .is_valid = is_absolute_file, .form = "the absolute path of a file" },
	{ "state",
	  SETTING_TEXT, AT(state), .fallback = "/var/lib/flowtally", .min = 1, .max = PATH_TEXT_MAX,
	  .is_valid = is_absolute_path, .form = "the absolute path of a directory" },
	{ "run",
	  SETTING_TEXT, AT(run), .fallback = "/run/flowtally", .min = 1, .max = RUN_MAX,
	  .is_valid = is_absolute_path, .form = "the absolute path of a directory" },
};
#undef AT

/* clang-format on */

static const SettingTable config_table = {
	.settings = config_settings,
	.n = G_N_ELEMENTS(config_settings),
};

/* The texts have been found valid. */
static void compile_patterns(InterfaceConfig *interface)
{
	interface->match = pattern_new(interface->match_text, NULL);
	interface->exclude = g_ptr_array_new_with_free_func((GDestroyNotify)pattern_free);
	for (guint i = 0; i < interface->exclude_texts->len; i++)
		g_ptr_array_add(interface->exclude,
				pattern_new(interface->exclude_texts->pdata[i], NULL));
}

static void parse_macs(MergeItem *item)
{
	uint8_t mac[MAC_LEN];

	(void)mac_parse(item->macs.mac, item->mac_text);
	item->macs.also = g_array_new(FALSE, FALSE, MAC_LEN);
	for (guint i = 0; i < item->also_texts->len; i++) {
		(void)mac_parse(mac, item->also_texts->pdata[i]);
		g_array_append_vals(item->macs.also, mac, 1);
	}
}

/* It has one of them. */
static void find_kind(NamesConfig *names)
{
	for (int kind = 0; kind < NAMES_KINDS; kind++) {
		if (names->paths[kind]) {
			names->kind = kind;
			names->path = names->paths[kind];
		}
	}
}

/* What an address in quotes is: a way of writing env files that some readers of them do not know. */
static bool is_quoted(const char *text)
{
	return strpbrk(text, "\"'");
}

static char *explain_listen(const char *text)
{
	g_autofree char *shown = text_printable(text);

	if (is_quoted(text))
		return g_strdup_printf(CONFIG_LISTEN_VARIABLE ": %s has quotes in it, which are "
							      "part of the value: leave them out",
				       shown);
	return g_strdup_printf(CONFIG_LISTEN_VARIABLE ": \"%s\" is not " ENDPOINT_FORM, shown);
}

/* Addresses with commas between them; "[]": none. */
static bool read_environment(Config *config, GPtrArray *errors)
{
	const char *value = g_getenv(CONFIG_LISTEN_VARIABLE);
	g_auto(GStrv) texts = NULL;

	if (!value || !*value)
		return true;
	g_ptr_array_set_size(config->http.listen, 0);
	if (!strcmp(value, "[]"))
		return true;
	texts = g_strsplit(value, ",", LISTEN_MAX);
	for (size_t i = 0; texts[i]; i++) {
		g_strstrip(texts[i]);
		if (!is_endpoint(texts[i])) {
			g_ptr_array_add(errors, explain_listen(texts[i]));
			return false;
		}
		g_ptr_array_add(config->http.listen, g_strdup(texts[i]));
	}
	return true;
}

static bool read_web_config(Config *config, GPtrArray *errors)
{
	const char *path = config->http.web_path;

	if (!path)
		return true;
	if (access(path, R_OK) < 0) {
		g_ptr_array_add(errors, g_strdup_printf("%s:%zu: export.http.web-config: %s: %s",
							config->path, config->http.web_path_line,
							path, g_strerror(errno)));
		return false;
	}
	config->http.web = web_config_read(path, errors);
	return config->http.web;
}

/* All are in one list, whichever group they are in. */
static void gather_collectors(Config *config)
{
	for (guint i = 0; i < config->ipfix.groups->len; i++) {
		GroupConfig *group = config->ipfix.groups->pdata[i];

		group->index = i;
		g_ptr_array_set_free_func(group->collectors, NULL);
		for (guint j = 0; j < group->collectors->len; j++) {
			CollectorConfig *collector = group->collectors->pdata[j];

			collector->group = group;
			g_ptr_array_add(config->ipfix.collectors, collector);
		}
	}
}

/* What the file calls it; to be freed. */
static char *collector_key(const Config *config, guint index)
{
	CollectorConfig *collector = config->ipfix.collectors->pdata[index];

	if (!collector->group)
		return g_strdup_printf("export.ipfix.collectors[%u]", index);
	(void)g_ptr_array_find(collector->group->collectors, collector, &index);
	return g_strdup_printf("export.ipfix.groups[%u].collectors[%u]", collector->group->index,
			       index);
}

static void fault_collector(const Config *config, guint index, size_t line, const char *key,
			    const char *reason, GPtrArray *errors)
{
	g_autofree char *collector = collector_key(config, index);

	g_ptr_array_add(errors, g_strdup_printf("%s:%zu: %s.%s: %s", config->path, line, collector,
						key, reason));
}

/* Of which one is in a group; lists have been found without. */
static void fault_clash(const Config *config, guint index, GPtrArray *errors)
{
	const CollectorConfig *collector = config->ipfix.collectors->pdata[index];

	for (guint i = 0; i < index; i++) {
		const CollectorConfig *other = config->ipfix.collectors->pdata[i];
		g_autofree char *key = NULL, *why = NULL;

		if (!collectors_clash(collector, other))
			continue;
		key = collector_key(config, i);
		why = g_strdup_printf(COLLECTORS_CLASH " as %s", key);
		fault_collector(config, index, collector->address_line, "address", why, errors);
		return;
	}
}

static bool check_clashes(const Config *config, GPtrArray *errors)
{
	guint before = errors->len;

	for (guint i = 0; i < config->ipfix.collectors->len; i++)
		fault_clash(config, i, errors);
	return errors->len == before;
}

static void make_record(TemplateConfig *template)
{
	const RecordKind *kind = template->flows ? &flow_kind : &host_kind;
	const GPtrArray *texts = template->flows ? template->flows : template->hosts;

	template->record = template_new_empty((uint16_t) template->id, kind);
	for (guint i = 0; i < texts->len; i++) {
		TemplateField field;

		if (template_field_parse(&field, kind, texts->pdata[i], NULL))
			template_add(template->record, field.from, field.len);
	}
}

static TemplateConfig *find_template(const Config *config, uint32_t id)
{
	for (guint i = 0; i < config->ipfix.templates->len; i++) {
		TemplateConfig *template = config->ipfix.templates->pdata[i];

		if (template->id == id)
			return template;
	}
	return NULL;
}

/* NULL, or why it cannot have them; to be freed. */
static char *choose_templates(const Config *config, CollectorConfig *collector)
{
	collector->chosen = g_ptr_array_new();
	for (guint i = 0; i < collector->template_ids->len; i++) {
		uint32_t id = parse_template_id(collector->template_ids->pdata[i]);
		TemplateConfig *template = find_template(config, id);

		if (!template)
			return g_strdup_printf("%u is no id in export.ipfix.templates", id);
		if (collector->biflow && template->flows)
			return g_strdup_printf("%u is of flows, which cannot be in pairs then: "
					       "leave out biflow",
					       id);
		g_ptr_array_add(collector->chosen, template);
	}
	return NULL;
}

static bool read_templates(Config *config, GPtrArray *errors)
{
	guint before = errors->len;

	for (guint i = 0; i < config->ipfix.templates->len; i++)
		make_record(config->ipfix.templates->pdata[i]);
	for (guint i = 0; i < config->ipfix.collectors->len; i++) {
		CollectorConfig *collector = config->ipfix.collectors->pdata[i];
		g_autofree char *why = NULL;

		if (collector->template_ids)
			why = choose_templates(config, collector);
		if (why)
			fault_collector(config, i, collector->templates_line, "templates", why,
					errors);
	}
	return errors->len == before;
}

static bool read_tls_files(const Config *config, guint index, GPtrArray *errors)
{
	static const char *const keys[TLS_CLIENT_FILES] = {
		[TLS_CLIENT_CA] = "tls.ca",
		[TLS_CLIENT_CERTIFICATE] = "tls.certificate",
		[TLS_CLIENT_KEY] = "tls.key",
	};
	CollectorConfig *collector = config->ipfix.collectors->pdata[index];
	g_autoptr(GError) error = NULL;
	TlsClientFile faulty;
	size_t line;

	collector->tls = tls_client_new((const char *const *)collector->tls_paths, &faulty, &error);
	if (collector->tls)
		return true;
	/* Where nothing is said of it, it belongs to the certificate. */
	line = collector->tls_lines[faulty] ? collector->tls_lines[faulty] :
					      collector->tls_lines[TLS_CLIENT_CERTIFICATE];
	fault_collector(config, index, line, keys[faulty], error->message, errors);
	return false;
}

static bool read_tls(const Config *config, guint index, GPtrArray *errors)
{
	const CollectorConfig *collector = config->ipfix.collectors->pdata[index];
	size_t line = collector->tls_lines[TLS_CLIENT_CERTIFICATE];

	if (collector_transport_has_tls(collector->transport) && line)
		return read_tls_files(config, index, errors);
	if (collector_transport_has_tls(collector->transport))
		fault_collector(config, index, collector->transport_line, "transport",
				"takes tls.certificate and tls.key: both sides show who they are",
				errors);
	else if (line)
		fault_collector(config, index, line, "tls",
				"only the transports tls and dtls have a use for it", errors);
	else
		return true;
	return false;
}

static bool is_same_path(const char *a, const char *b)
{
	g_autofree char *first = a ? g_canonicalize_filename(a, "/") : NULL;
	g_autofree char *second = b ? g_canonicalize_filename(b, "/") : NULL;

	return first && !g_strcmp0(first, second);
}

/* Why there can be no directory at @path, or NULL; to be freed. It need not be there yet, as `state` need not. */
static char *spool_path_fault(const Config *config, const char *path)
{
	g_autofree char *canonical = g_canonicalize_filename(path, "/");
	g_autofree char *parent = g_path_get_dirname(canonical);
	struct stat status;

	if (lstat(canonical, &status) == 0)
		return S_ISDIR(status.st_mode) ? NULL : g_strdup("is not a directory");
	if (errno != ENOENT)
		return g_strdup(g_strerror(errno));
	if (is_same_path(parent, config->state))
		return NULL;
	if (stat(parent, &status) < 0)
		return g_strdup_printf("cannot be made: %s: %s", parent, g_strerror(errno));
	return S_ISDIR(status.st_mode) ?
		       NULL :
		       g_strdup_printf("cannot be made: %s is not a directory", parent);
}

static char *spool_fault(const Config *config, guint index)
{
	const CollectorConfig *collector = config->ipfix.collectors->pdata[index];

	if (collector_transport_is_datagram(collector->transport))
		return g_strdup("only the transports tcp, tls and sctp have a use for it: of "
				"datagrams nobody says whether they have arrived");
	for (guint i = 0; i < index; i++) {
		const CollectorConfig *other = config->ipfix.collectors->pdata[i];

		if (is_same_path(other->spool_path, collector->spool_path))
			return g_strdup_printf("the same as of export.ipfix.collectors[%u]", i);
	}
	return spool_path_fault(config, collector->spool_path);
}

static bool read_spool(const Config *config, guint index, GPtrArray *errors)
{
	const CollectorConfig *collector = config->ipfix.collectors->pdata[index];
	g_autofree char *why = collector->spool_path ? spool_fault(config, index) : NULL;

	if (why)
		fault_collector(config, index, collector->spool_line, "spool.path", why, errors);
	return !why;
}

static bool read_collectors(const Config *config, GPtrArray *errors)
{
	bool good = check_clashes(config, errors);

	for (guint i = 0; i < config->ipfix.collectors->len; i++) {
		good = read_tls(config, i, errors) && good;
		good = read_spool(config, i, errors) && good;
	}
	return good;
}

static bool has_for(const CollectorConfig *collector, uint32_t other_family)
{
	for (guint i = 0; collector->chosen && i < collector->chosen->len; i++) {
		const TemplateConfig *template = collector->chosen->pdata[i];

		if (template->flows && !(template_needs(template->record) & other_family))
			return true;
	}
	return false;
}

/* Whether all that it is sent of traffic has templates of the configuration's. */
static bool has_chosen_alone(const CollectorConfig *collector)
{
	return !collector->records_hosts && collector->enterprise == ENTERPRISE_NONE &&
	       has_for(collector, NEEDS_IPV6) && has_for(collector, NEEDS_IPV4);
}

/* Into which the longest record and template of @collector fit. */
static size_t min_message_for(const CollectorConfig *collector)
{
	size_t min = MIN_MESSAGE_OF_OPTIONS;

	if (!has_chosen_alone(collector))
		return MIN_MESSAGE;
	for (guint i = 0; i < collector->chosen->len; i++) {
		const TemplateConfig *template = collector->chosen->pdata[i];

		min = MAX(min, template_min_message(template->record));
	}
	return min;
}

static bool check_message_size(const Config *config, GPtrArray *errors)
{
	size_t min = 0;

	for (guint i = 0; i < config->ipfix.collectors->len; i++)
		min = MAX(min, min_message_for(config->ipfix.collectors->pdata[i]));
	if (config->ipfix.message_size >= min)
		return true;
	g_ptr_array_add(errors,
			g_strdup_printf("%s:%zu: %s: %u is too short for the records of all "
					"collectors, which need %zu",
					config->path, config->ipfix.message_size_line,
					config->ipfix.message_size_key, config->ipfix.message_size,
					min));
	return false;
}

static bool read_rest(Config *config, GPtrArray *errors)
{
	bool environment_is_good = read_environment(config, errors);
	bool templates_are_good =
		read_templates(config, errors) && check_message_size(config, errors);
	bool collectors_are_good = read_collectors(config, errors);

	return read_web_config(config, errors) && environment_is_good && templates_are_good &&
	       collectors_are_good;
}

static void warn_of_listen(const Config *config, GPtrArray *warnings)
{
	if (web_config_has_authentication(config->http.web))
		return;
	for (guint i = 0; i < config->http.listen->len; i++) {
		const char *address = config->http.listen->pdata[i];
		Endpoint endpoint;

		if (!endpoint_parse(&endpoint, address) || endpoint_is_loopback(&endpoint))
			continue;
		g_ptr_array_add(
			warnings,
			g_strdup_printf("export.http.listen: %s is not loopback, and there is no "
					"authentication (export.http.web-config): whoever reaches "
					"it sees who uses how much",
					address));
		return;
	}
}

static void warn_of_public(const char *key, const char *path, GPtrArray *warnings)
{
	g_ptr_array_add(warnings,
			g_strdup_printf("%s: everybody may read %s, which is a secret", key, path));
}

static void warn_of_web_config(const Config *config, GPtrArray *warnings)
{
	g_autofree char *path = NULL;

	if (config->http.web)
		path = web_config_find_public(config->http.web, config->http.web_path);
	if (path)
		warn_of_public("export.http.web-config", path, warnings);
}

static void warn_of_tls(const Config *config, guint index, GPtrArray *warnings)
{
	const CollectorConfig *collector = config->ipfix.collectors->pdata[index];
	g_autofree char *why = tls_client_fault(collector->tls, g_get_real_time() / 1000000);
	g_autofree char *key = collector_key(config, index);
	g_autofree char *of_key = g_strconcat(key, ".tls.key", NULL);

	if (why)
		g_ptr_array_add(warnings, g_strdup_printf("%s.tls.certificate: %s", key, why));
	if (file_is_public(collector->tls_paths[TLS_CLIENT_KEY]))
		warn_of_public(of_key, collector->tls_paths[TLS_CLIENT_KEY], warnings);
}

static void warn_of_run(const Config *config, GPtrArray *warnings)
{
	if (file_is_shared(config->run))
		g_ptr_array_add(warnings,
				g_strdup_printf("run: everybody may write to %s: whoever does can "
						"answer there in the agent's place",
						config->run));
}

GPtrArray *config_warnings(const Config *config)
{
	GPtrArray *warnings = g_ptr_array_new_with_free_func(g_free);

	warn_of_run(config, warnings);

	for (guint i = 0; i < config->ipfix.collectors->len; i++) {
		if (((const CollectorConfig *)config->ipfix.collectors->pdata[i])->tls)
			warn_of_tls(config, i, warnings);
	}
	warn_of_listen(config, warnings);
	warn_of_web_config(config, warnings);
	return warnings;
}

/* In our words, or in those of linux-flow-exporter. */
static bool read_file(Config *config, GPtrArray *errors)
{
	g_autofree char *translated = NULL;
	size_t line = 0;

	config->ipfix.message_size_key = "export.ipfix.message-size";
	if (!lfe_is_config(config->path))
		return settings_read(&config_table, config->path, config, errors);
	translated = lfe_translate(config->path, &line, errors);
	if (!translated ||
	    !settings_read_text(&config_table, config->path, translated, config, errors))
		return false;
	config->ipfix.message_size_key = LFE_MESSAGE_SIZE_KEY;
	config->ipfix.message_size_line = line;
	return true;
}

/* The file alone, or the defaults where there is none. */
static Config *read_main(const char *path, GPtrArray *errors)
{
	g_autoptr(Config) config = g_new0(Config, 1);
	bool has_file = path || access(CONFIG_DEFAULT_PATH, F_OK) == 0 || errno != ENOENT;

	if (has_file) {
		config->path = g_strdup(path ? path : CONFIG_DEFAULT_PATH);
		if (!read_file(config, errors))
			return NULL;
	} else {
		settings_fall_back(&config_table, config);
	}
	return g_steal_pointer(&config);
}

char *config_find_run(const char *path, GPtrArray *errors)
{
	g_autoptr(Config) config = read_main(path, errors);

	return config ? g_steal_pointer(&config->run) : NULL;
}

Config *config_read(const char *path, GPtrArray *errors)
{
	g_autoptr(Config) config = read_main(path, errors);

	if (!config)
		return NULL;
	gather_collectors(config);
	if (!read_rest(config, errors))
		return NULL;
	for (guint i = 0; i < config->interfaces->len; i++)
		compile_patterns(config->interfaces->pdata[i]);
	for (guint i = 0; i < config->hosts.merge->len; i++)
		parse_macs(config->hosts.merge->pdata[i]);
	for (guint i = 0; i < config->hosts.names->len; i++)
		find_kind(config->hosts.names->pdata[i]);
	config->hosts.local_is_set = config->hosts.local;
	if (!config->hosts.local)
		config->hosts.local = g_array_new(FALSE, FALSE, sizeof(Prefix));
	return g_steal_pointer(&config);
}

static bool is_excluded(const InterfaceConfig *interface, const char *netns, const char *name)
{
	for (guint i = 0; i < interface->exclude->len; i++) {
		if (pattern_matches(interface->exclude->pdata[i], netns, name))
			return true;
	}
	return false;
}

bool interface_config_meters(const InterfaceConfig *interface)
{
	return interface_config_meter(interface);
}

const char *config_meter_name(unsigned int bit)
{
	return bit < G_N_ELEMENTS(meter_flags) ? meter_flags[bit].word : NULL;
}

uint8_t interface_config_meter(const InterfaceConfig *interface)
{
	return (interface->meter_hosts ? METER_HOSTS : 0) |
	       (interface->meter_flows ? METER_FLOWS : 0) |
	       (interface->meter_sizes ? METER_SIZES : 0) |
	       (interface->meter_latency ? METER_LATENCY : 0);
}

void interface_config_set_meter(InterfaceConfig *interface, uint8_t meter)
{
	interface->meter_hosts = meter & METER_HOSTS;
	interface->meter_flows = meter & METER_FLOWS;
	interface->meter_sizes = meter & METER_SIZES;
	interface->meter_latency = meter & METER_LATENCY;
	interface->flows_entering = false;
	interface->flows_staying = interface->flows_leaving = true;
}

uint8_t interface_config_flows_at(const InterfaceConfig *interface)
{
	return (interface->flows_entering ? FLOWS_ENTERING : 0) |
	       (interface->flows_staying ? FLOWS_STAYING : 0) |
	       (interface->flows_leaving ? FLOWS_LEAVING : 0);
}

uint32_t config_flow_sampling(const Config *config)
{
	return config->flows.sampling ? parse_sampling(config->flows.sampling) : 1;
}

uint8_t config_flow_key(const Config *config)
{
	return (config->flows.by_interfaces ? FLOW_BY_INTERFACES : 0) |
	       (config->flows.by_addresses ? FLOW_BY_ADDRESSES : 0) |
	       (config->flows.by_protocol ? FLOW_BY_PROTOCOL : 0) |
	       (config->flows.by_ports ? FLOW_BY_PORTS : 0) |
	       (config->flows.by_icmp ? FLOW_BY_ICMP : 0) |
	       (config->flows.by_traffic_class ? FLOW_BY_TRAFFIC_CLASS : 0) |
	       (config->flows.by_mark ? FLOW_BY_MARK : 0) |
	       (config->flows.by_vlan ? FLOW_BY_VLAN : 0);
}

GPtrArray *config_hooks(const Config *config)
{
	GPtrArray *hooks = g_ptr_array_new();

	for (guint i = 0; i < config->json_lines->len; i++) {
		const JsonLinesConfig *lines = config->json_lines->pdata[i];

		for (guint j = 0; j < lines->hooks->len; j++)
			g_ptr_array_add(hooks, lines->hooks->pdata[j]);
	}
	return hooks;
}

static bool hook_equal(const HookConfig *a, const HookConfig *b)
{
	return !g_strcmp0(a->name, b->name) && !g_strcmp0(a->command, b->command) &&
	       !g_strcmp0(a->shell, b->shell) && a->timeout_ms == b->timeout_ms &&
	       a->on_failure == b->on_failure;
}

bool config_hooks_equal(const Config *a, const Config *b)
{
	g_autoptr(GPtrArray) first = config_hooks(a);
	g_autoptr(GPtrArray) second = config_hooks(b);
	bool equal = first->len == second->len;

	for (guint i = 0; equal && i < first->len; i++)
		equal = hook_equal(first->pdata[i], second->pdata[i]);
	return equal;
}

bool config_meters_flows(const Config *config)
{
	for (guint i = 0; i < config->interfaces->len; i++) {
		const InterfaceConfig *interface = config->interfaces->pdata[i];

		if (interface->meter_flows)
			return true;
	}
	return false;
}

bool config_wants_biflows(const Config *config)
{
	for (guint i = 0; i < config->ipfix.collectors->len; i++) {
		const CollectorConfig *collector = config->ipfix.collectors->pdata[i];

		if (collector->biflow && collector->records_flows)
			return true;
	}
	return false;
}

const InterfaceConfig *config_match_interface(const Config *config, const char *netns,
					      const char *name)
{
	for (guint i = 0; i < config->interfaces->len; i++) {
		const InterfaceConfig *interface = config->interfaces->pdata[i];

		if (pattern_matches(interface->match, netns, name) &&
		    !is_excluded(interface, netns, name))
			return interface_config_meters(interface) ? interface : NULL;
	}
	return NULL;
}

bool config_matches_netns(const Config *config, const char *netns)
{
	for (guint i = 0; i < config->interfaces->len; i++) {
		const InterfaceConfig *interface = config->interfaces->pdata[i];

		if (interface_config_meters(interface) &&
		    pattern_matches_netns(interface->match, netns))
			return true;
	}
	return false;
}

void config_free(Config *config)
{
	if (!config)
		return;
	g_free(config->path);
	g_clear_pointer(&config->interfaces, g_ptr_array_unref);
	g_clear_pointer(&config->hosts.local, g_array_unref);
	g_clear_pointer(&config->hosts.not_internet, g_array_unref);
	g_clear_pointer(&config->hosts.merge, g_ptr_array_unref);
	g_clear_pointer(&config->hosts.names, g_ptr_array_unref);
	g_free(config->hosts.vendors);
	g_clear_pointer(&config->ipfix.groups, g_ptr_array_unref);
	g_clear_pointer(&config->ipfix.collectors, g_ptr_array_unref);
	g_clear_pointer(&config->ipfix.templates, g_ptr_array_unref);
	g_clear_pointer(&config->json_lines, g_ptr_array_unref);
	g_free(config->flows.sampling);
	g_free(config->textfile);
	g_clear_pointer(&config->http.listen, g_ptr_array_unref);
	g_free(config->http.web_path);
	web_config_unref(config->http.web);
	g_free(config->state);
	g_free(config->run);
	g_free(config);
}
