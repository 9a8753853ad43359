/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <inttypes.h>
#include <string.h>

#include "document.h"
#include "base/prefix.h"
#include "scalar.h"
#include "base/text.h"

#define EXCERPT_MAX 64 /* characters of a value that an error shows */

typedef struct {
	size_t line; /* of the file, from 1 */
	char *text;  /* the whole line for the user */
} Fault;

/* Reading one document. `key` is the full key of what is being read; inside a mapping it ends with
 * a dot. */
typedef struct {
	const char *file;
	yaml_document_t *document;
	GString *key;
	GArray *faults;	    /* of Fault */
	GHashTable *faulty; /* items of lists with a fault in them: what they mean is not known */
} Reader;

/* The filling of one object. */
typedef struct {
	const SettingTable *table;
	void *object;
	size_t base;	/* where the table's keys begin in the reader's */
	uint64_t given; /* a bit for each setting of the table */
} Scope;

static void fault_clear(void *fault)
{
	g_free(((Fault *)fault)->text);
}

static Reader *reader_new(const char *file, yaml_document_t *document)
{
	Reader *reader = g_new0(Reader, 1);

	reader->file = file;
	reader->document = document;
	reader->key = g_string_new(NULL);
	reader->faults = g_array_new(FALSE, FALSE, sizeof(Fault));
	g_array_set_clear_func(reader->faults, fault_clear);
	reader->faulty = g_hash_table_new(NULL, NULL);
	return reader;
}

static void reader_free(Reader *reader)
{
	g_string_free(reader->key, TRUE);
	g_array_unref(reader->faults);
	g_hash_table_unref(reader->faulty);
	g_free(reader);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reader, reader_free)

/* Adds to the key; the result, for leave(), is its length before. */
static size_t G_GNUC_PRINTF(2, 3) enter(Reader *reader, const char *format, ...)
{
	size_t length = reader->key->len;
	va_list args;

	va_start(args, format);
	g_string_append_vprintf(reader->key, format, args);
	va_end(args);
	return length;
}

static void leave(Reader *reader, size_t length)
{
	g_string_truncate(reader->key, length);
}

static void G_GNUC_PRINTF(3, 4) fault(Reader *reader, size_t line, const char *format, ...)
{
	g_autofree char *reason = NULL, *message = NULL, *shown = NULL;
	Fault new_fault = { .line = line };
	va_list args;

	va_start(args, format);
	reason = g_strdup_vprintf(format, args);
	va_end(args);
	message = g_strdup_printf("%s%s%s", reader->key->str, reader->key->len ? ": " : "", reason);
	/* YAML can spell any character, and a terminal obeys some. */
	shown = text_printable(message);
	new_fault.text = g_strdup_printf("%s:%zu: %s", reader->file, line, shown);
	g_array_append_val(reader->faults, new_fault);
}

static int compare_faults(const void *a, const void *b)
{
	size_t line_a = ((const Fault *)a)->line, line_b = ((const Fault *)b)->line;

	return (line_a > line_b) - (line_a < line_b);
}

/* False if there were faults. */
static bool report_faults(Reader *reader, GPtrArray *errors)
{
	g_array_sort(reader->faults, compare_faults);
	for (guint i = 0; i < reader->faults->len; i++) {
		Fault *reported = &g_array_index(reader->faults, Fault, i);

		g_ptr_array_add(errors, g_steal_pointer(&reported->text));
	}
	return reader->faults->len == 0;
}

/* Nodes */

static const yaml_node_t *node_at(const Reader *reader, int index)
{
	return yaml_document_get_node(reader->document, index);
}

static size_t line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
}

static size_t list_length(const yaml_node_t *list)
{
	return (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
}

/* Whether the file says that there is no value: by nothing at all, or in YAML's words for it. */
static bool is_null(const yaml_node_t *node)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL", NULL };

	return node->type == YAML_SCALAR_NODE &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       g_strv_contains(words, (const char *)node->data.scalar.value);
}

static bool has_nul(const yaml_node_t *scalar)
{
	return memchr(scalar->data.scalar.value, '\0', scalar->data.scalar.length);
}

/* Borrowed; NULL if @node is not a text. Whether it was quoted makes no difference. */
static const char *text_of(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE || is_null(node) || has_nul(node))
		return NULL;
	return (const char *)node->data.scalar.value;
}

static char *excerpt(const char *text)
{
	g_autofree char *start = NULL;

	if (g_utf8_strlen(text, -1) <= EXCERPT_MAX)
		return g_strdup(text);
	start = g_utf8_substring(text, 0, EXCERPT_MAX);
	return g_strconcat(start, "...", NULL);
}

static char *describe(const yaml_node_t *node)
{
	g_autofree char *shown = NULL;

	if (node->type == YAML_MAPPING_NODE)
		return g_strdup("a mapping");
	if (node->type == YAML_SEQUENCE_NODE && list_length(node) == 0)
		return g_strdup("an empty list");
	if (node->type == YAML_SEQUENCE_NODE)
		return g_strdup_printf("a list of length %zu", list_length(node));
	if (is_null(node))
		return g_strdup("an empty value");
	if (has_nul(node))
		return g_strdup("a text with a NUL in it");
	shown = excerpt((const char *)node->data.scalar.value);
	return g_strdup_printf("\"%s\"", shown);
}

/* @expected completes "VALUE is ...". */
static void fault_value(Reader *reader, const yaml_node_t *node, const char *expected)
{
	g_autofree char *value = describe(node);

	fault(reader, line_of(node), "%s is %s", value, expected);
}

static void fault_secret(Reader *reader, const yaml_node_t *node, const char *expected)
{
	fault(reader, line_of(node), "the value is %s", expected);
}

/* Lists: each is prepared, then read item by item. */

static char *flag_words(const Setting *setting)
{
	GString *words = g_string_new(NULL);

	for (const SettingFlag *flag = setting->flags; flag->word; flag++)
		g_string_append_printf(words, "%s%s", words->len ? ", " : "", flag->word);
	return g_string_free(words, FALSE);
}

static void read_flag(Reader *reader, const Setting *setting, const yaml_node_t *node, void *object)
{
	const char *text = text_of(node);
	g_autofree char *words = NULL, *expected = NULL;

	for (const SettingFlag *flag = setting->flags; text && flag->word; flag++) {
		bool *place = G_STRUCT_MEMBER_P(object, flag->offset);

		if (strcmp(flag->word, text))
			continue;
		if (*place)
			fault(reader, line_of(node), "\"%s\" is in the list already", text);
		*place = true;
		return;
	}
	words = flag_words(setting);
	expected = g_strdup_printf(setting->flags[1].word ? "none of %s" : "not %s", words);
	fault_value(reader, node, expected);
}

static char *expected_flags(const Setting *setting)
{
	g_autofree char *words = flag_words(setting);

	return g_strdup_printf("not a list of %s of %s", setting->min ? "one or more" : "any",
			       words);
}

static void prepare_prefixes(const Setting *setting, void *place)
{
	*(GArray **)place = g_array_new(FALSE, FALSE, sizeof(Prefix));
}

static void read_prefix(Reader *reader, const Setting *setting, const yaml_node_t *node,
			void *place)
{
	const char *text = text_of(node);
	g_autoptr(GError) error = NULL;
	Prefix prefix;

	if (!text)
		fault_value(reader, node, "not a prefix");
	else if (!prefix_parse(&prefix, text, &error))
		fault(reader, line_of(node), "%s", error->message);
	else
		g_array_append_val(*(GArray **)place, prefix);
}

static char *expected_prefixes(const Setting *setting)
{
	return g_strdup_printf("not a list of at most %" PRIu64 " prefixes", setting->max);
}

static void read_object(Reader *reader, const SettingTable *table, const yaml_node_t *mapping,
			void *object);

static void prepare_items(const Setting *setting, void *place)
{
	*(GPtrArray **)place = g_ptr_array_new_with_free_func(setting->items->free);
}

static void report_clash(Reader *reader, const Setting *setting, const yaml_node_t *node,
			 const GPtrArray *items)
{
	const void *last = items->pdata[items->len - 1];

	if (!setting->items->clash)
		return;
	for (guint i = 0; i + 1 < items->len; i++) {
		if (g_hash_table_contains(reader->faulty, items->pdata[i]) ||
		    !setting->items->clash(items->pdata[i], last))
			continue;
		fault(reader, line_of(node), "%s as %s[%u]", setting->items->clash_reason,
		      setting->key, i);
		return;
	}
}

static char *words_of_group(const SettingTable *table, const char *group);

static size_t mapping_size(const yaml_node_t *mapping)
{
	return (size_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
}

static void report_size(Reader *reader, const SettingTable *table, const yaml_node_t *mapping)
{
	g_autofree char *words = NULL;

	if (!table->one_key || mapping_size(mapping) == 1)
		return;
	words = words_of_group(table, "");
	fault(reader, line_of(mapping), "%zu keys instead of exactly one of %s",
	      mapping_size(mapping), words);
}

static void report_whole(Reader *reader, const SettingTable *table, const yaml_node_t *node,
			 const void *item)
{
	const char *why = table->fault ? table->fault(item) : NULL;

	if (why)
		fault(reader, line_of(node), "%s", why);
}

static void read_item(Reader *reader, const Setting *setting, const yaml_node_t *node, void *place)
{
	GPtrArray *items = *(GPtrArray **)place;
	guint faults_before = reader->faults->len;
	void *item = g_malloc0(setting->items->size);
	size_t length;

	/* A faulty item, too: the index of an item is that in the file. */
	g_ptr_array_add(items, item);
	if (node->type != YAML_MAPPING_NODE) {
		fault_value(reader, node, "not a mapping");
		g_hash_table_add(reader->faulty, item);
		return;
	}
	length = enter(reader, ".");
	read_object(reader, setting->items, node, item);
	leave(reader, length);
	if (reader->faults->len == faults_before)
		report_size(reader, setting->items, node);
	if (reader->faults->len == faults_before)
		report_whole(reader, setting->items, node, item);
	/* What a faulty item means is not known. */
	if (reader->faults->len > faults_before)
		g_hash_table_add(reader->faulty, item);
	else
		report_clash(reader, setting, node, items);
}

static void read_scalar(Reader *reader, const Setting *setting, const yaml_node_t *node,
			void *place);

static void prepare_texts(const Setting *setting, void *place)
{
	*(GPtrArray **)place = g_ptr_array_new_with_free_func(g_free);
}

/* Of one text of several, whose number is what @setting bounds. */
static Setting text_setting(const Setting *setting)
{
	Setting one = *setting;

	one.type = SETTING_TEXT;
	one.max = 0;
	return one;
}

/* NULL if it is faulty. */
static char *read_one_text(Reader *reader, const Setting *setting, const yaml_node_t *node)
{
	const Setting one = text_setting(setting);
	char *text = NULL;

	read_scalar(reader, &one, node, &text);
	return text;
}

/* "KEY: VALUE", to be freed; NULL if @node is not one pair of texts. */
static char *text_of_pair(const Reader *reader, const yaml_node_t *node)
{
	const yaml_node_pair_t *pair = node->type == YAML_MAPPING_NODE && mapping_size(node) == 1 ?
					       node->data.mapping.pairs.start :
					       NULL;
	const char *key = pair ? text_of(node_at(reader, pair->key)) : NULL;
	const char *value = pair ? text_of(node_at(reader, pair->value)) : NULL;

	return key && value ? g_strdup_printf("%s: %s", key, value) : NULL;
}

/* NULL if it is faulty. */
static char *read_pair_as_text(Reader *reader, const Setting *setting, const yaml_node_t *node)
{
	const Setting one = text_setting(setting);
	g_autofree char *text = text_of_pair(reader, node);
	g_autofree char *expected = NULL;
	char *result = NULL;

	if (text && scalar_parse(&one, text, &result))
		return result;
	expected = scalar_expected(&one, text);
	if (text)
		fault(reader, line_of(node), "\"%s\" is %s", text, expected);
	else
		fault_value(reader, node, expected);
	return NULL;
}

static void read_text(Reader *reader, const Setting *setting, const yaml_node_t *node, void *place)
{
	bool is_pair = setting->or_pair && node->type == YAML_MAPPING_NODE;
	char *text = is_pair ? read_pair_as_text(reader, setting, node) :
			       read_one_text(reader, setting, node);

	if (text)
		g_ptr_array_add(*(GPtrArray **)place, text);
}

static char *expected_texts(const Setting *setting)
{
	if (setting->or_one)
		return g_strdup_printf("neither %s nor a list of at most %" PRIu64 " such",
				       setting->form, setting->max);
	return g_strdup_printf("not a list of at most %" PRIu64 " texts", setting->max);
}

static char *expected_items(const Setting *setting)
{
	if (setting->min)
		return g_strdup_printf("not a list of %" PRIu64 " to %" PRIu64 " mappings",
				       setting->min, setting->max);
	return g_strdup_printf("not a list of at most %" PRIu64 " mappings", setting->max);
}

static const struct {
	void (*prepare)(const Setting *setting, void *place); /* NULL: not needed */
	void (*read_item)(Reader *reader, const Setting *setting, const yaml_node_t *node,
			  void *place);
	char *(*expected)(const Setting *setting);
} lists[] = {
	/* clang-format off */
	[SETTING_FLAGS]    = {NULL,             read_flag,   expected_flags},
	[SETTING_TEXTS]    = {prepare_texts,    read_text,   expected_texts},
	[SETTING_PREFIXES] = {prepare_prefixes, read_prefix, expected_prefixes},
	[SETTING_ITEMS]    = {prepare_items,    read_item,   expected_items},
	/* clang-format on */
};

static void fill_list(Reader *reader, const Setting *setting, const yaml_node_t *list, void *place)
{
	if (lists[setting->type].prepare)
		lists[setting->type].prepare(setting, place);
	for (size_t i = 0; i < list_length(list); i++) {
		const yaml_node_t *item = node_at(reader, list->data.sequence.items.start[i]);
		size_t length = enter(reader, "[%zu]", i);

		lists[setting->type].read_item(reader, setting, item, place);
		leave(reader, length);
	}
}

static void read_list(Reader *reader, const Setting *setting, const yaml_node_t *node, void *place)
{
	g_autofree char *expected = NULL;

	if (node->type == YAML_SEQUENCE_NODE && list_length(node) >= setting->min &&
	    list_length(node) <= setting->max) {
		fill_list(reader, setting, node, place);
		return;
	}
	expected = lists[setting->type].expected(setting);
	fault_value(reader, node, expected);
}

static void read_scalar(Reader *reader, const Setting *setting, const yaml_node_t *node,
			void *place)
{
	const char *text = text_of(node);
	g_autofree char *expected = NULL;

	if (text && scalar_parse(setting, text, place))
		return;
	expected = scalar_expected(setting, text);
	if (setting->secret)
		fault_secret(reader, node, expected);
	else
		fault_value(reader, node, expected);
}

static void read_list_of_one(Reader *reader, const Setting *setting, const yaml_node_t *node,
			     void *place)
{
	lists[setting->type].prepare(setting, place);
	lists[setting->type].read_item(reader, setting, node, place);
}

static bool is_list_of_one(const Setting *setting, const yaml_node_t *node)
{
	return setting->or_one && text_of(node);
}

/* Mappings whose keys are the user's */

/* NULL: it is none. */
static char *canonical_key(const Setting *setting, const char *name)
{
	return setting->canonical ? setting->canonical(name) : g_strdup(name);
}

/* @lines has the canonical keys that were read before. */
static void read_user_pair(Reader *reader, const Setting *setting, GHashTable *lines,
			   const yaml_node_t *key, const yaml_node_t *value, GHashTable *pairs)
{
	const char *name = text_of(key);
	g_autofree char *canonical = name ? canonical_key(setting, name) : NULL;
	g_autofree char *expected = NULL, *shown = NULL;
	size_t first_line, length;
	const Setting one = text_setting(setting);
	char *text = NULL;

	if (!canonical) {
		expected = g_strdup_printf("not %s", setting->key_form);
		fault_value(reader, key, expected);
		return;
	}
	shown = excerpt(name);
	length = enter(reader, ".%s", shown);
	first_line = GPOINTER_TO_SIZE(g_hash_table_lookup(lines, canonical));
	if (first_line)
		fault(reader, line_of(key), "the key is given twice, first in line %zu",
		      first_line);
	else
		read_scalar(reader, &one, value, &text);
	leave(reader, length);
	if (!first_line)
		g_hash_table_insert(lines, g_strdup(canonical), GSIZE_TO_POINTER(line_of(key)));
	if (text)
		g_hash_table_insert(pairs, g_steal_pointer(&canonical), text);
}

static void read_pairs(Reader *reader, const Setting *setting, const yaml_node_t *node, void *place)
{
	g_autoptr(GHashTable) lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GHashTable *pairs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autofree char *expected = NULL;
	const yaml_node_pair_t *pair;

	*(GHashTable **)place = pairs;
	if (node->type != YAML_MAPPING_NODE || mapping_size(node) > setting->max) {
		expected =
			g_strdup_printf("not a mapping of at most %" PRIu64 " keys", setting->max);
		fault_value(reader, node, expected);
		return;
	}
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
		read_user_pair(reader, setting, lines, node_at(reader, pair->key),
			       node_at(reader, pair->value), pairs);
}

static void read_value(Reader *reader, const Setting *setting, const yaml_node_t *node, void *place)
{
	if (setting->type < SETTING_FLAGS)
		read_scalar(reader, setting, node, place);
	else if (setting->type == SETTING_PAIRS)
		read_pairs(reader, setting, node, place);
	else if (is_list_of_one(setting, node))
		read_list_of_one(reader, setting, node, place);
	else
		read_list(reader, setting, node, place);
}

/* Mappings */

static void *place_of(const Setting *setting, void *object)
{
	return G_STRUCT_MEMBER_P(object, setting->offset);
}

/* How @setting's key goes on in the mapping @group, which is "" or ends with a dot; NULL if the
 * setting is not in there. */
static const char *key_in_group(const Setting *setting, const char *group)
{
	return g_str_has_prefix(setting->key, group) ? setting->key + strlen(group) : NULL;
}

static const Setting *find_setting(const SettingTable *table, const char *key)
{
	for (size_t i = 0; i < table->n; i++) {
		if (strcmp(table->settings[i].key, key) == 0)
			return &table->settings[i];
	}
	return NULL;
}

static bool is_group(const SettingTable *table, const char *key)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < table->n; i++) {
		if (g_str_has_prefix(table->settings[i].key, key) &&
		    table->settings[i].key[length] == '.')
			return true;
	}
	return false;
}

/* The settings of a group lie together in their table. */
static char *words_of_group(const SettingTable *table, const char *group)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

	for (size_t i = 0; i < table->n; i++) {
		const char *key = key_in_group(&table->settings[i], group);
		g_autofree char *word = key ? g_strndup(key, strcspn(key, ".")) : NULL;
		const char *last = words->len ? words->pdata[words->len - 1] : NULL;

		if (word && g_strcmp0(word, last))
			g_ptr_array_add(words, g_steal_pointer(&word));
	}
	g_ptr_array_add(words, NULL);
	return g_strjoinv(", ", (char **)words->pdata);
}

static void read_mapping(Reader *reader, Scope *scope, const yaml_node_t *mapping);

static void read_group(Reader *reader, Scope *scope, const yaml_node_t *node)
{
	size_t length;

	if (node->type != YAML_MAPPING_NODE) {
		fault_value(reader, node, "not a mapping");
		return;
	}
	length = enter(reader, ".");
	read_mapping(reader, scope, node);
	leave(reader, length);
}

/* The reader's key is that of @value, and known to be no duplicate. */
static void read_member(Reader *reader, Scope *scope, const yaml_node_t *value)
{
	const char *key = reader->key->str + scope->base;
	const Setting *setting = find_setting(scope->table, key);

	if (!setting) {
		read_group(reader, scope, value);
		return;
	}
	scope->given |= UINT64_C(1) << (setting - scope->table->settings);
	if (setting->line)
		G_STRUCT_MEMBER(size_t, scope->object, setting->line) = line_of(value);
	read_value(reader, setting, value, place_of(setting, scope->object));
}

static bool is_known(const Reader *reader, const Scope *scope, const char *name)
{
	const char *key = reader->key->str + scope->base;

	/* A dot in the table is a mapping in the file. */
	if (strchr(name, '.'))
		return false;
	return find_setting(scope->table, key) || is_group(scope->table, key);
}

/* @lines has the keys of this mapping that were read before. */
static void read_pair(Reader *reader, Scope *scope, GHashTable *lines, const yaml_node_t *key,
		      const yaml_node_t *value)
{
	g_autofree char *group = g_strdup(reader->key->str + scope->base);
	const char *name = text_of(key);
	g_autofree char *shown = NULL, *words = NULL;
	size_t length, first_line;

	if (!name) {
		fault_value(reader, key, "not a key");
		return;
	}
	shown = excerpt(name);
	first_line = GPOINTER_TO_SIZE(g_hash_table_lookup(lines, name));
	length = enter(reader, "%s", shown);
	if (first_line) {
		fault(reader, line_of(key), "the key is given twice, first in line %zu",
		      first_line);
	} else if (is_known(reader, scope, name)) {
		read_member(reader, scope, value);
	} else {
		words = words_of_group(scope->table, group);
		fault(reader, line_of(key), "unknown key; known here: %s", words);
	}
	leave(reader, length);
	if (!first_line)
		g_hash_table_insert(lines, (void *)name, GSIZE_TO_POINTER(line_of(key)));
}

/* @lines has the keys of this mapping. */
static void report_missing(Reader *reader, const Scope *scope, GHashTable *lines,
			   const yaml_node_t *mapping)
{
	g_autofree char *group = g_strdup(reader->key->str + scope->base);

	for (size_t i = 0; i < scope->table->n; i++) {
		const Setting *setting = &scope->table->settings[i];
		const char *key = key_in_group(setting, group);
		size_t length;

		if (!setting->required || !key || strchr(key, '.') ||
		    g_hash_table_contains(lines, key))
			continue;
		length = enter(reader, "%s", key);
		fault(reader, line_of(mapping), "the key is missing");
		leave(reader, length);
	}
}

static void read_mapping(Reader *reader, Scope *scope, const yaml_node_t *mapping)
{
	g_autoptr(GHashTable) lines = g_hash_table_new(g_str_hash, g_str_equal);
	const yaml_node_pair_t *pairs = mapping->data.mapping.pairs.start;

	for (; pairs < mapping->data.mapping.pairs.top; pairs++)
		read_pair(reader, scope, lines, node_at(reader, pairs->key),
			  node_at(reader, pairs->value));
	report_missing(reader, scope, lines, mapping);
}

/* Documents */

static void read_fallback(const Setting *setting, void *place)
{
	g_auto(yaml_document_t) document = { 0 };
	g_autoptr(Reader) reader = reader_new(setting->key, &document);

	document_load_text(&document, setting->fallback);
	read_value(reader, setting, yaml_document_get_root_node(&document), place);
	g_assert(reader->faults->len == 0);
}

/* @mapping may be NULL. */
static void read_object(Reader *reader, const SettingTable *table, const yaml_node_t *mapping,
			void *object)
{
	Scope scope = { .table = table, .object = object, .base = reader->key->len };

	g_assert(table->n <= 8 * sizeof(scope.given));
	if (mapping)
		read_mapping(reader, &scope, mapping);
	for (size_t i = 0; i < table->n; i++) {
		const Setting *setting = &table->settings[i];

		if (setting->fallback && !(scope.given & UINT64_C(1) << i))
			read_fallback(setting, place_of(setting, object));
	}
}

static void read_document(Reader *reader, const SettingTable *table, void *object)
{
	const yaml_node_t *root = yaml_document_get_root_node(reader->document);

	if (!root || is_null(root))
		read_object(reader, table, NULL, object);
	else if (root->type == YAML_MAPPING_NODE)
		read_object(reader, table, root, object);
	else
		fault_value(reader, root, "not a mapping of keys to values");
}

bool settings_read(const SettingTable *table, const char *path, void *object, GPtrArray *errors)
{
	g_auto(yaml_document_t) document = { 0 };
	g_autoptr(Reader) reader = reader_new(path, &document);
	g_autoptr(GError) error = NULL;

	if (!document_load(&document, path, &error)) {
		g_ptr_array_add(errors, g_strdup(error->message));
		return false;
	}
	read_document(reader, table, object);
	return report_faults(reader, errors);
}

bool settings_read_text(const SettingTable *table, const char *path, const char *text, void *object,
			GPtrArray *errors)
{
	g_auto(yaml_document_t) document = { 0 };
	g_autoptr(Reader) reader = reader_new(path, &document);

	document_load_text(&document, text);
	read_document(reader, table, object);
	return report_faults(reader, errors);
}

void settings_fall_back(const SettingTable *table, void *object)
{
	g_autoptr(Reader) reader = reader_new(NULL, NULL);

	read_object(reader, table, NULL, object);
}
