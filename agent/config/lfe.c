/* SPDX-License-Identifier: Apache-2.0 */
#include "lfe.h"

#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include "document.h"
#include "elements/template.h"
#include "endpoint.h"
#include "settings.h"

#define LIST_MAX 1024
#define FIELDS_MAX 64
#define SCRIPT_MAX 65536
#define LIVE_TEMPLATE 1004 /* which linux-flow-exporter itself takes for what it meters */
#define MAX_REFRESH_S 300  /* ours; more often is no harm */

typedef struct {
	char *name;
	char *command;
	char *shell;
} LfeHook;

/* A collector or a log. */
typedef struct {
	char *remote;
	char *local;
	char *file;
	GPtrArray *hooks; /* of LfeHook */
} LfeOutput;

typedef struct {
	uint32_t id;
	GPtrArray *elements; /* of char *: "NAME", or "name: NAME" */
	GPtrArray *twin;     /* of char *: the same for IPv6; NULL: it fits both families */
	uint32_t twin_id;
} LfeTemplate;

typedef struct {
	char *name;
	char *netns;
} LfeInterface;

typedef struct {
	uint32_t max_message;
	size_t max_message_line;
	uint32_t finished_s;
	uint32_t force_s;
	uint32_t refresh_s;
	GPtrArray *outputs;    /* of LfeOutput */
	GPtrArray *collectors; /* of LfeOutput, as the file had them before there were outputs */
	GPtrArray *templates;  /* of LfeTemplate */
	GPtrArray *interfaces; /* of LfeInterface */
} LfeConfig;

static void hook_free(gpointer data)
{
	LfeHook *hook = data;

	g_free(hook->name);
	g_free(hook->command);
	g_free(hook->shell);
	g_free(hook);
}

static void output_free(gpointer data)
{
	LfeOutput *output = data;

	g_free(output->remote);
	g_free(output->local);
	g_free(output->file);
	g_clear_pointer(&output->hooks, g_ptr_array_unref);
	g_free(output);
}

static void lfe_template_free(gpointer data)
{
	LfeTemplate *template = data;

	g_clear_pointer(&template->elements, g_ptr_array_unref);
	g_clear_pointer(&template->twin, g_ptr_array_unref);
	g_free(template);
}

static void interface_free(gpointer data)
{
	LfeInterface *interface = data;

	g_free(interface->name);
	g_free(interface->netns);
	g_free(interface);
}

static void lfe_config_clear(LfeConfig *config)
{
	g_clear_pointer(&config->outputs, g_ptr_array_unref);
	g_clear_pointer(&config->collectors, g_ptr_array_unref);
	g_clear_pointer(&config->templates, g_ptr_array_unref);
	g_clear_pointer(&config->interfaces, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LfeConfig, lfe_config_clear)

/* --- reading */

static const char *element_of(const char *text)
{
	static const char key[] = "name: ";

	return g_str_has_prefix(text, key) ? text + sizeof(key) - 1 : text;
}

static char *explain_element(const char *text)
{
	g_autoptr(GError) error = NULL;
	TemplateField field;

	return template_field_parse(&field, &flow_kind, element_of(text), &error) ?
		       NULL :
		       g_strdup(error->message);
}

static bool is_element(const char *text)
{
	g_autofree char *why = explain_element(text);

	return !why;
}

static bool is_text(const char *text)
{
	return *text;
}

static bool is_remote(const char *text)
{
	g_autofree char *host = NULL;
	uint16_t port;

	return endpoint_split(text, &host, &port);
}

static bool is_local(const char *text)
{
	Endpoint endpoint;

	return endpoint_parse_source(&endpoint, text);
}

static bool is_absolute(const char *text)
{
	return g_path_is_absolute(text);
}

static bool ids_clash(const void *a, const void *b)
{
	return ((const LfeTemplate *)a)->id == ((const LfeTemplate *)b)->id;
}

static const char *hook_fault(const void *item)
{
	const LfeHook *hook = item;

	return !hook->command == !hook->shell ? "it has to have either command or shell" : NULL;
}

static const char *template_fault(const void *item)
{
	return template_id_is_ours(((const LfeTemplate *)item)->id) ?
		       "the id is one of flowtally's own templates" :
		       NULL;
}

/* clang-format off */
#define AT(member) offsetof(LfeHook, member)
static const Setting hook_settings[] = {
	{ "name",
	  SETTING_TEXT, AT(name), .is_valid = is_text, .form = "a name" },
	{ "command",
	  SETTING_TEXT, AT(command), .is_valid = is_absolute,
	  .form = "the absolute path of a program" },
	{ "shell",
	  SETTING_TEXT, AT(shell), .min = 1, .max = SCRIPT_MAX, .is_valid = is_text,
	  .form = "a script" },
};
#undef AT

static const SettingTable hook_table = {
	.settings = hook_settings,
	.n = G_N_ELEMENTS(hook_settings),
	.size = sizeof(LfeHook),
	.free = hook_free,
	.fault = hook_fault,
};

#define AT(member) offsetof(LfeOutput, member)
static const Setting output_settings[] = {
	{ "collector.remoteAddress",
	  SETTING_TEXT, AT(remote), .required = true, .is_valid = is_remote,
	  .form = ENDPOINT_NAMED_FORM },
	{ "collector.localAddress",
	  SETTING_TEXT, AT(local), .is_valid = is_local, .form = ENDPOINT_SOURCE_FORM },
	{ "log.file",
	  SETTING_TEXT, AT(file), .required = true, .is_valid = is_absolute,
	  .form = "the absolute path of a file" },
	{ "log.hooks",
	  SETTING_ITEMS, AT(hooks), .fallback = "[]", .max = LIST_MAX, .items = &hook_table },
};

static const SettingTable output_table = {
	.settings = output_settings,
	.n = G_N_ELEMENTS(output_settings),
	.size = sizeof(LfeOutput),
	.free = output_free,
	.one_key = true,
};

static const Setting collector_settings[] = {
	{ "remoteAddress",
	  SETTING_TEXT, AT(remote), .is_valid = is_remote, .form = ENDPOINT_NAMED_FORM },
	{ "address",
	  SETTING_TEXT, AT(remote), .is_valid = is_remote, .form = ENDPOINT_NAMED_FORM },
	{ "localAddress",
	  SETTING_TEXT, AT(local), .is_valid = is_local, .form = ENDPOINT_SOURCE_FORM },
};
#undef AT

static const char *collector_fault(const void *item)
{
	return ((const LfeOutput *)item)->remote ? NULL : "it has to have a remoteAddress";
}

static const SettingTable collector_table = {
	.settings = collector_settings,
	.n = G_N_ELEMENTS(collector_settings),
	.size = sizeof(LfeOutput),
	.free = output_free,
	.fault = collector_fault,
};

#define AT(member) offsetof(LfeTemplate, member)
static const Setting template_settings[] = {
	{ "id",
	  SETTING_NUMBER, AT(id), .required = true, .min = TEMPLATE_ID_MIN, .max = UINT16_MAX },
	{ "template",
	  SETTING_TEXTS, AT(elements), .required = true, .min = 1, .max = FIELDS_MAX,
	  .or_pair = true, .is_valid = is_element, .explain = explain_element,
	  .form = "an Information Element of a flow" },
};
#undef AT

static const SettingTable template_table = {
	.settings = template_settings,
	.n = G_N_ELEMENTS(template_settings),
	.size = sizeof(LfeTemplate),
	.free = lfe_template_free,
	.clash = ids_clash,
	.clash_reason = "the same id",
	.fault = template_fault,
};

#define AT(member) offsetof(LfeInterface, member)
static const Setting interface_settings[] = {
	{ "name",
	  SETTING_TEXT, AT(name), .required = true, .is_valid = is_text, .form = "a name" },
	{ "netns",
	  SETTING_TEXT, AT(netns), .is_valid = is_text, .form = "a name" },
};
#undef AT

static const SettingTable interface_table = {
	.settings = interface_settings,
	.n = G_N_ELEMENTS(interface_settings),
	.size = sizeof(LfeInterface),
	.free = interface_free,
};

#define AT(member) offsetof(LfeConfig, member)
static const Setting config_settings[] = {
	{ LFE_MESSAGE_SIZE_KEY,
	  SETTING_NUMBER, AT(max_message), .fallback = "1400", .min = 96, .max = 65535,
	  .line = AT(max_message_line) },
	{ "timerFinishedDrainSeconds",
	  SETTING_NUMBER, AT(finished_s), .fallback = "5", .min = 1, .max = 3600 },
	{ "timerForceDrainSeconds",
	  SETTING_NUMBER, AT(force_s), .fallback = "30", .min = 1, .max = 86400 },
	{ "timerTemplateFlushSeconds",
	  SETTING_NUMBER, AT(refresh_s), .fallback = "60", .min = 1, .max = 86400 },
	{ "outputs",
	  SETTING_ITEMS, AT(outputs), .fallback = "[]", .max = LIST_MAX, .items = &output_table },
	{ "collectors",
	  SETTING_ITEMS, AT(collectors), .fallback = "[]", .max = LIST_MAX,
	  .items = &collector_table },
	{ "templates",
	  SETTING_ITEMS, AT(templates), .fallback = "[]", .max = LIST_MAX,
	  .items = &template_table },
	{ "flowMetering.interfaces",
	  SETTING_ITEMS, AT(interfaces), .fallback = "[]", .max = LIST_MAX,
	  .items = &interface_table },
};
#undef AT
/* clang-format on */

static const SettingTable config_table = {
	.settings = config_settings,
	.n = G_N_ELEMENTS(config_settings),
};

bool lfe_is_config(const char *path)
{
	static const char *const known[] = { LFE_MESSAGE_SIZE_KEY,
					     "timerFinishedDrainSeconds",
					     "timerForceDrainSeconds",
					     "timerTemplateFlushSeconds",
					     "outputs",
					     "flowMetering",
					     NULL };
	g_auto(yaml_document_t) document = { 0 };
	const yaml_node_pair_t *pair;
	const yaml_node_t *root;

	if (!document_load(&document, path, NULL))
		return false;
	root = yaml_document_get_root_node(&document);
	if (!root || root->type != YAML_MAPPING_NODE)
		return false;
	for (pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&document, pair->key);

		if (key->type == YAML_SCALAR_NODE &&
		    g_strv_contains(known, (const char *)key->data.scalar.value))
			return true;
	}
	return false;
}

/* --- in our words */

/* @text in the quotes of JSON, which are also YAML's. */
static void append_quoted(GString *yaml, const char *text)
{
	json_t *string = json_string(text);
	char *quoted = json_dumps(string, JSON_ENCODE_ANY);

	g_string_append(yaml, quoted);
	free(quoted);
	json_decref(string);
}

static void append_pair(GString *yaml, const char *key, const char *text)
{
	if (!text)
		return;
	g_string_append_printf(yaml, ", %s: ", key);
	append_quoted(yaml, text);
}

static bool is_id_taken(const LfeConfig *config, uint32_t id)
{
	for (guint i = 0; i < config->templates->len; i++) {
		const LfeTemplate *template = config->templates->pdata[i];

		if (template->id == id || template->twin_id == id)
			return true;
	}
	return template_id_is_ours(id);
}

/* NULL: there is no such element. */
static char *element_of_ipv6(const char *element)
{
	const char *ipv4 = strcasestr(element, "IPv4");
	g_autofree char *name = NULL;

	if (!ipv4)
		return g_strdup(element);
	name = g_strdup_printf("%.*sIPv6%s", (int)(ipv4 - element), element, ipv4 + 4);
	return record_field_find(&flow_kind, name) ? g_steal_pointer(&name) : NULL;
}

/* Templates there are of IPv4 alone, and we meter IPv6, too: the next id is that of the same for it. */
static void add_twin(const LfeConfig *config, LfeTemplate *template)
{
	bool is_ipv4 = false;
	uint32_t id = template->id;

	template->twin = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < template->elements->len; i++) {
		const char *element = element_of(template->elements->pdata[i]);
		char *twin = element_of_ipv6(element);

		is_ipv4 |= !twin || strcmp(twin, element);
		if (twin)
			g_ptr_array_add(template->twin, twin);
	}
	if (!is_ipv4 || !template->twin->len) {
		g_clear_pointer(&template->twin, g_ptr_array_unref);
		return;
	}
	while (is_id_taken(config, ++id))
		;
	template->twin_id = id;
}

static void append_template(GString *yaml, uint32_t id, const GPtrArray *elements)
{
	g_string_append_printf(yaml, "    - { id: %u, flows: [", id);
	for (guint i = 0; i < elements->len; i++)
		g_string_append_printf(yaml, "%s%s", i ? ", " : "", element_of(elements->pdata[i]));
	g_string_append(yaml, "] }\n");
}

static bool is_live(const LfeConfig *config, const LfeTemplate *template)
{
	bool has_live = false;

	for (guint i = 0; i < config->templates->len; i++)
		has_live |= ((LfeTemplate *)config->templates->pdata[i])->id == LIVE_TEMPLATE;
	return !has_live || template->id == LIVE_TEMPLATE;
}

/* The ids of those that flows are told by. */
static char *live_ids(const LfeConfig *config)
{
	GString *ids = g_string_new(NULL);

	for (guint i = 0; i < config->templates->len; i++) {
		const LfeTemplate *template = config->templates->pdata[i];

		if (!is_live(config, template))
			continue;
		g_string_append_printf(ids, "%s%u", ids->len ? ", " : "", template->id);
		if (template->twin)
			g_string_append_printf(ids, ", %u", template->twin_id);
	}
	return g_string_free(ids, FALSE);
}

static void append_collector(GString *yaml, const LfeOutput *output, const char *ids)
{
	g_string_append(yaml, "    - { records: [flows], enterprise: none");
	append_pair(yaml, "address", output->remote);
	append_pair(yaml, "local", output->local);
	g_string_append_printf(yaml, ", templates: [%s] }\n", ids);
}

static void append_ipfix(GString *yaml, const LfeConfig *config)
{
	g_autoptr(GString) collectors = g_string_new(NULL);
	g_autofree char *ids = live_ids(config);

	g_string_append_printf(yaml,
			       "  ipfix:\n"
			       "    message-size: %u\n"
			       "    template-refresh: %us\n"
			       "    templates:%s\n",
			       config->max_message, MIN(config->refresh_s, MAX_REFRESH_S),
			       config->templates->len ? "" : " []");
	for (guint i = 0; i < config->templates->len; i++) {
		const LfeTemplate *template = config->templates->pdata[i];

		append_template(yaml, template->id, template->elements);
		if (template->twin)
			append_template(yaml, template->twin_id, template->twin);
	}
	for (guint i = 0; i < config->collectors->len; i++)
		append_collector(collectors, config->collectors->pdata[i], ids);
	for (guint i = 0; i < config->outputs->len; i++) {
		const LfeOutput *output = config->outputs->pdata[i];

		if (output->remote)
			append_collector(collectors, output, ids);
	}
	g_string_append_printf(yaml, "    collectors:%s\n%s", collectors->len ? "" : " []",
			       collectors->str);
}

static void append_log(GString *yaml, const LfeOutput *output)
{
	g_string_append(yaml, "  - { form: flowlog");
	append_pair(yaml, "path", output->file);
	g_string_append(yaml, ", hooks: [");
	for (guint i = 0; i < output->hooks->len; i++) {
		const LfeHook *hook = output->hooks->pdata[i];

		g_string_append_printf(yaml, "%s{ on-failure: keep", i ? ", " : "");
		append_pair(yaml, "name", hook->name);
		append_pair(yaml, "command", hook->command);
		append_pair(yaml, "shell", hook->shell);
		g_string_append(yaml, " }");
	}
	g_string_append(yaml, "] }\n");
}

static void append_logs(GString *yaml, const LfeConfig *config)
{
	bool any = false;

	for (guint i = 0; i < config->outputs->len; i++) {
		const LfeOutput *output = config->outputs->pdata[i];

		if (!output->file)
			continue;
		g_string_append(yaml, any ? "" : "  json-lines:\n");
		append_log(yaml, output);
		any = true;
	}
}

/* Without any, it waits for `flowtally meter attach`. */
static void append_interfaces(GString *yaml, const LfeConfig *config)
{
	g_string_append(yaml, config->interfaces->len ? "interfaces:\n" : "interfaces: []\n");
	for (guint i = 0; i < config->interfaces->len; i++) {
		const LfeInterface *interface = config->interfaces->pdata[i];
		g_autofree char *match =
			interface->netns ?
				g_strdup_printf("%s:%s", interface->netns, interface->name) :
				g_strdup(interface->name);

		g_string_append(yaml, "- { meter: [flows]");
		append_pair(yaml, "match", match);
		g_string_append(yaml, " }\n");
	}
}

/* What has ended is seen in one interval and leaves in the next. */
static void append_times(GString *yaml, const LfeConfig *config)
{
	uint32_t half_ms = config->finished_s * 500;

	g_string_append_printf(
		yaml,
		"interval: %ums\n"
		"flows: { finished-timeout: %ums, active-timeout: %us, idle-timeout: "
		"%us }\n",
		half_ms, half_ms, config->force_s, config->force_s);
}

static char *translate(const LfeConfig *config)
{
	GString *yaml = g_string_new(NULL);

	for (guint i = 0; i < config->templates->len; i++)
		add_twin(config, config->templates->pdata[i]);
	append_times(yaml, config);
	append_interfaces(yaml, config);
	g_string_append(yaml, "metrics: { compat: [linux-flow-exporter] }\n"
			      "export:\n"
			      "  http: { listen: \"0.0.0.0:9999\" }\n");
	append_ipfix(yaml, config);
	append_logs(yaml, config);
	return g_string_free(yaml, FALSE);
}

char *lfe_translate(const char *path, size_t *message_size_line, GPtrArray *errors)
{
	g_auto(LfeConfig) config = { 0 };

	if (!settings_read(&config_table, path, &config, errors))
		return NULL;
	*message_size_line = config.max_message_line;
	return translate(&config);
}
