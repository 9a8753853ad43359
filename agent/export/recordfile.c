/* SPDX-License-Identifier: Apache-2.0 */
#include "recordfile.h"

#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "config/document.h"
#include "elements/elementvalue.h"

#define TEMPLATE_ID_MIN 256
#define EXPORT_TIME 150 /* flowStartSeconds: its form is that of the time of export */

/* The file that is being read. */
typedef struct {
	RecordFile *file;
	const Elements *elements;
	const char *path;
	yaml_document_t *document;
	/* Read last, as their templates may stand behind them; NULL: there are none. */
	yaml_node_t *own_sets;
	yaml_node_t *lfe_sets;
	GError **error;
} Reading;

/* One key of a mapping, and who reads its value into @object. */
typedef struct {
	const char *key;
	bool (*read)(Reading *reading, yaml_node_t *value, const char *key, void *object);
	bool required;
} Key;

static void template_free(gpointer data)
{
	RecordFileTemplate *template = data;

	g_array_unref(template->fields);
	g_free(template);
}

static void values_free(gpointer data)
{
	RecordFileValues *values = data;

	g_byte_array_unref(values->octets);
	g_array_unref(values->lens);
	g_free(values);
}

static void set_free(gpointer data)
{
	RecordFileSet *set = data;

	g_ptr_array_unref(set->records);
	g_free(set);
}

static void collector_free(gpointer data)
{
	RecordFileCollector *collector = data;

	g_free(collector->remote);
	g_free(collector->local);
	g_free(collector);
}

RecordFile *record_file_new(void)
{
	RecordFile *file = g_new0(RecordFile, 1);

	file->templates = g_ptr_array_new_with_free_func(template_free);
	file->sets = g_ptr_array_new_with_free_func(set_free);
	file->collectors = g_ptr_array_new_with_free_func(collector_free);
	return file;
}

void record_file_free(RecordFile *file)
{
	if (!file)
		return;
	g_ptr_array_unref(file->sets);
	g_ptr_array_unref(file->templates);
	g_ptr_array_unref(file->collectors);
	g_free(file);
}

/* --- YAML */

G_GNUC_PRINTF(4, 5)
static bool fault(const Reading *reading, const yaml_node_t *node, const char *key,
		  const char *format, ...)
{
	g_autofree char *shown_key = text_escape(key);
	g_autofree char *why = NULL;
	g_autofree char *shown_why = NULL;
	va_list arguments;

	va_start(arguments, format);
	why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	shown_why = text_printable(why);
	error_set(reading->error, "%s:%zu: %s: %s", reading->path, node->start_mark.line + 1,
		  shown_key, shown_why);
	return false;
}

static yaml_node_t *node_at(const Reading *reading, int index)
{
	return yaml_document_get_node(reading->document, index);
}

/* NULL, and an error, if it is a list or a mapping. */
static const char *scalar(const Reading *reading, const yaml_node_t *node, const char *key)
{
	if (node->type == YAML_SCALAR_NODE)
		return (const char *)node->data.scalar.value;
	fault(reading, node, key, "expected one value");
	return NULL;
}

static bool read_number(const Reading *reading, const yaml_node_t *node, const char *key,
			guint64 min, guint64 max, guint64 *number)
{
	const char *text = scalar(reading, node, key);

	if (!text)
		return false;
	if (g_ascii_string_to_unsigned(text, 10, min, max, number, NULL))
		return true;
	return fault(reading, node, key,
		     "%s is not a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, text,
		     min, max);
}

static bool read_each(Reading *reading, yaml_node_t *list, const char *key,
		      bool (*read)(Reading *reading, yaml_node_t *item, const char *key,
				   void *object),
		      void *object)
{
	if (list->type != YAML_SEQUENCE_NODE)
		return fault(reading, list, key, "expected a list");
	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     item < list->data.sequence.items.top; item++) {
		if (!read(reading, node_at(reading, *item), key, object))
			return false;
	}
	return true;
}

static const Key *find_key(const Key *keys, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(keys[i].key, name))
			return &keys[i];
	}
	return NULL;
}

/* All of its keys are in the table, none twice; those whose reader is NULL are passed over. */
static bool read_mapping(Reading *reading, yaml_node_t *mapping, const char *what, const Key *keys,
			 size_t n, void *object)
{
	uint64_t seen = 0;

	if (mapping->type != YAML_MAPPING_NODE)
		return fault(reading, mapping, what, "expected keys with values");
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		yaml_node_t *node = node_at(reading, pair->key);
		const char *name = scalar(reading, node, what);
		const Key *key = name ? find_key(keys, n, name) : NULL;

		if (!name)
			return false;
		if (!key)
			return fault(reading, node, name, "unknown key");
		if (seen & UINT64_C(1) << (key - keys))
			return fault(reading, node, name, "it is there twice");
		seen |= UINT64_C(1) << (key - keys);
		if (key->read && !key->read(reading, node_at(reading, pair->value), name, object))
			return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (keys[i].required && !(seen & UINT64_C(1) << i))
			return fault(reading, mapping, what, "%s is missing", keys[i].key);
	}
	return true;
}

/* --- templates */

/* An element of a template. */
typedef struct {
	RecordFileTemplate *template;
	bool as_lfe; /* with the lengths of linux-flow-exporter */
	const char *name;
	const yaml_node_t *len;
} Item;

static bool add_field(Reading *reading, const yaml_node_t *node, const Item *item)
{
	RecordFileField field;
	guint64 len;

	if (!elements_find(reading->elements, item->name, &field.element))
		return fault(reading, node, item->name, "there is no such element");
	field.len = item->as_lfe ? element_lfe_len(&field.element) : field.element.len;
	if (item->len && g_strcmp0((const char *)item->len->data.scalar.value, "variable") == 0)
		field.len = ELEMENT_VARIABLE;
	else if (item->len &&
		 !read_number(reading, item->len, item->name, 1, ELEMENT_VARIABLE - 1, &len))
		return false;
	else if (item->len)
		field.len = (uint16_t)len;
	if (!element_takes_len(&field.element, field.len))
		return fault(reading, node, item->name, "%s cannot have %u octets",
			     element_type_name(field.element.type), field.len);
	g_array_append_val(item->template->fields, field);
	return true;
}

static bool read_item_name(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	Item *item = object;

	item->name = scalar(reading, value, key);
	return item->name;
}

static bool read_item_len(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	Item *item = object;

	item->len = value;
	return scalar(reading, value, key);
}

static const Key item_keys[] = {
	{ "name", read_item_name, true },
	{ "length", read_item_len, false },
};

/* "NAME", "{ NAME: LENGTH }" or "{ name: NAME, length: LENGTH }". */
static bool read_item(Reading *reading, yaml_node_t *node, Item *item, const char *key)
{
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

	if (node->type == YAML_SCALAR_NODE) {
		item->name = scalar(reading, node, key);
		return true;
	}
	if (node->type != YAML_MAPPING_NODE || node->data.mapping.pairs.top != pair + 1)
		return read_mapping(reading, node, key, item_keys, G_N_ELEMENTS(item_keys), item);
	item->name = scalar(reading, node_at(reading, pair->key), key);
	if (!item->name)
		return false;
	if (find_key(item_keys, G_N_ELEMENTS(item_keys), item->name))
		return read_mapping(reading, node, key, item_keys, G_N_ELEMENTS(item_keys), item);
	return read_item_len(reading, node_at(reading, pair->value), item->name, item);
}

static bool read_own_element(Reading *reading, yaml_node_t *node, const char *key, void *object)
{
	Item item = { .template = object };

	return read_item(reading, node, &item, key) && add_field(reading, node, &item);
}

static bool read_lfe_element(Reading *reading, yaml_node_t *node, const char *key, void *object)
{
	Item item = { .template = object, .as_lfe = true };

	return read_item(reading, node, &item, key) && add_field(reading, node, &item);
}

static bool read_own_elements(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	return read_each(reading, value, key, read_own_element, object);
}

static bool read_lfe_elements(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	return read_each(reading, value, key, read_lfe_element, object);
}

static const RecordFileTemplate *find_template(const RecordFile *file, guint64 id)
{
	for (guint i = 0; i < file->templates->len; i++) {
		const RecordFileTemplate *template = file->templates->pdata[i];

		if (template->id == id)
			return template;
	}
	return NULL;
}

const RecordFileTemplate *record_file_find_template(const RecordFile *file, uint16_t id)
{
	return find_template(file, id);
}

static bool read_template_id(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	RecordFileTemplate *template = object;
	guint64 id;

	if (!read_number(reading, value, key, TEMPLATE_ID_MIN, UINT16_MAX, &id))
		return false;
	if (find_template(reading->file, id))
		return fault(reading, value, key, "there is a template %u already",
			     (unsigned int)id);
	template->id = (uint16_t)id;
	return true;
}

static bool read_scope(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	RecordFileTemplate *template = object;
	guint64 scope_n;

	if (!read_number(reading, value, key, 1, UINT16_MAX, &scope_n))
		return false;
	template->scope_n = (uint16_t)scope_n;
	return true;
}

static const Key template_keys[] = {
	{ "id", read_template_id, true },
	{ "scope", read_scope, false },
	{ "elements", read_own_elements, false },
	{ "template", read_lfe_elements, false },
};

static bool read_template(Reading *reading, yaml_node_t *node, const char *key, void *object)
{
	RecordFileTemplate *template = g_new0(RecordFileTemplate, 1);

	(void)object;
	template->fields = g_array_new(FALSE, TRUE, sizeof(RecordFileField));
	/* It is owned before it is whole, but cannot be found before it has an id. */
	g_ptr_array_add(reading->file->templates, template);
	if (!read_mapping(reading, node, key, template_keys, G_N_ELEMENTS(template_keys), template))
		return false;
	if (!template->fields->len)
		return fault(reading, node, key, "template %u has no elements", template->id);
	if (template->scope_n > template->fields->len)
		return fault(reading, node, key, "template %u has %u elements, less than its scope",
			     template->id, template->fields->len);
	return true;
}

static bool read_templates(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	return read_each(reading, value, key, read_template, object);
}

/* --- records */

/* The values of one record while they are collected, by field. */
typedef struct {
	const RecordFileTemplate *template;
	bool as_lfe;
	GByteArray **octets; /* NULL: it has not come up */
} Draft;

static bool is_ntp(ElementType type)
{
	return type == ELEMENT_DATE_TIME_MICROSECONDS || type == ELEMENT_DATE_TIME_NANOSECONDS;
}

/* linux-flow-exporter writes an integer as it is, whatever it is the number of. */
static bool parse_value(const Draft *draft, const RecordFileField *field, const char *text,
			GByteArray *octets, GError **error)
{
	Element plain = field->element;

	plain.type = ELEMENT_UNSIGNED64;
	if (draft->as_lfe && is_ntp(field->element.type) &&
	    element_value_parse(&plain, field->len, text, octets, NULL))
		return true;
	return element_value_parse(&field->element, field->len, text, octets, error);
}

static bool set_value(Reading *reading, const yaml_node_t *node, const char *key, Draft *draft,
		      guint index)
{
	const RecordFileField *field =
		&g_array_index(draft->template->fields, RecordFileField, index);
	const char *text = scalar(reading, node, key);
	g_autoptr(GByteArray) octets = g_byte_array_new();
	g_autoptr(GError) why = NULL;

	if (!text)
		return false;
	if (!parse_value(draft, field, text, octets, &why))
		return fault(reading, node, key, "%s", why->message);
	draft->octets[index] = g_steal_pointer(&octets);
	return true;
}

static bool is_element(const RecordFileTemplate *template, guint index, const Element *element)
{
	const Element *other = &g_array_index(template->fields, RecordFileField, index).element;

	return other->enterprise == element->enterprise && other->number == element->number;
}

/* The next field of that element, from @index on; those of the template if there is none. */
static guint find_field(const RecordFileTemplate *template, guint index, const Element *element)
{
	while (index < template->fields->len && !is_element(template, index, element))
		index++;
	return index;
}

static bool set_values(Reading *reading, yaml_node_t *list, const char *key, Draft *draft,
		       const Element *element)
{
	const guint n = draft->template->fields->len;
	guint index = 0;

	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     item < list->data.sequence.items.top; item++, index++) {
		index = find_field(draft->template, index, element);
		if (index == n)
			return fault(reading, list, key, "template %u has fewer of it",
				     draft->template->id);
		if (!set_value(reading, node_at(reading, *item), key, draft, index))
			return false;
	}
	return true;
}

static bool read_value(Reading *reading, const yaml_node_t *name, yaml_node_t *value, Draft *draft)
{
	const RecordFileTemplate *template = draft->template;
	const char *key = scalar(reading, name, "a record");
	Element element;
	guint index;

	if (!key)
		return false;
	if (!elements_find(reading->elements, key, &element))
		return fault(reading, name, key, "there is no such element");
	index = find_field(template, 0, &element);
	if (index == template->fields->len && draft->as_lfe)
		return true;
	if (index == template->fields->len)
		return fault(reading, name, key, "template %u does not have it", template->id);
	if (draft->octets[index])
		return fault(reading, name, key, "it is there twice");
	if (value->type == YAML_SEQUENCE_NODE)
		return set_values(reading, value, key, draft, &element);
	return set_value(reading, value, key, draft, index);
}

static bool read_values(Reading *reading, yaml_node_t *record, Draft *draft)
{
	if (record->type != YAML_MAPPING_NODE)
		return fault(reading, record, "a record", "expected elements with values");
	for (yaml_node_pair_t *pair = record->data.mapping.pairs.start;
	     pair < record->data.mapping.pairs.top; pair++) {
		if (!read_value(reading, node_at(reading, pair->key), node_at(reading, pair->value),
				draft))
			return false;
	}
	return true;
}

static void append_zeros(GByteArray *octets, uint16_t len)
{
	guint before = octets->len;

	g_byte_array_set_size(octets, before + len);
	memset(octets->data + before, 0, len);
}

/* What has not come up is 0 or empty in linux-flow-exporter's form. */
static bool finish(const Reading *reading, const yaml_node_t *record, const Draft *draft,
		   RecordFileValues *values)
{
	for (guint i = 0; i < draft->template->fields->len; i++) {
		const RecordFileField *field =
			&g_array_index(draft->template->fields, RecordFileField, i);
		uint16_t len = field->len == ELEMENT_VARIABLE ? 0 : field->len;

		if (draft->octets[i]) {
			len = (uint16_t)draft->octets[i]->len;
			g_byte_array_append(values->octets, draft->octets[i]->data, len);
		} else if (draft->as_lfe) {
			append_zeros(values->octets, len);
		} else {
			return fault(reading, record, "a record", "template %u needs %s (%u)",
				     draft->template->id,
				     field->element.name ? field->element.name : "an element",
				     field->element.number);
		}
		g_array_append_val(values->lens, len);
	}
	return true;
}

static RecordFileValues *add_values(RecordFileSet *set)
{
	RecordFileValues *values = g_new0(RecordFileValues, 1);

	values->octets = g_byte_array_new();
	values->lens = g_array_new(FALSE, FALSE, sizeof(uint16_t));
	g_ptr_array_add(set->records, values);
	return values;
}

static bool read_record(Reading *reading, yaml_node_t *record, RecordFileSet *set, bool as_lfe)
{
	const guint n = set->template->fields->len;
	Draft draft = { set->template, as_lfe, g_new0(GByteArray *, n) };
	RecordFileValues *values = add_values(set);
	bool ok;

	ok = read_values(reading, record, &draft) && finish(reading, record, &draft, values);
	for (guint i = 0; i < n; i++)
		g_clear_pointer(&draft.octets[i], g_byte_array_unref);
	g_free(draft.octets);
	return ok;
}

RecordFileSet *record_file_add_set(RecordFile *file, const RecordFileTemplate *template)
{
	RecordFileSet *set = g_new0(RecordFileSet, 1);

	set->template = template;
	set->records = g_ptr_array_new_with_free_func(values_free);
	g_ptr_array_add(file->sets, set);
	return set;
}

static const char *find_input(const RecordFileInput *inputs, size_t n, const Element *element)
{
	for (size_t i = 0; i < n && !element->enterprise; i++) {
		if (inputs[i].number == element->number)
			return inputs[i].text;
	}
	return NULL;
}

bool record_file_add_record(RecordFileSet *set, const RecordFileInput *inputs, size_t n,
			    GError **error)
{
	RecordFileValues *values = add_values(set);

	for (guint i = 0; i < set->template->fields->len; i++) {
		const RecordFileField *field =
			&g_array_index(set->template->fields, RecordFileField, i);
		const char *text = find_input(inputs, n, &field->element);
		const guint before = values->octets->len;
		uint16_t len;

		if (text && !element_value_parse(&field->element, field->len, text, values->octets,
						 error)) {
			g_prefix_error(error, "%s: ", field->element.name);
			return false;
		}
		if (!text && field->len != ELEMENT_VARIABLE && field->len)
			append_zeros(values->octets, field->len);
		len = (uint16_t)(values->octets->len - before);
		g_array_append_val(values->lens, len);
	}
	return true;
}

/* Whose template may stand behind its records. */
typedef struct {
	yaml_node_t *template;
	yaml_node_t *records;
} SetNodes;

static bool read_set_template(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	(void)reading;
	(void)key;
	((SetNodes *)object)->template = value;
	return true;
}

static bool read_set_records(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	(void)reading;
	(void)key;
	((SetNodes *)object)->records = value;
	return true;
}

static const Key own_set_keys[] = {
	{ "template", read_set_template, true },
	{ "records", read_set_records, true },
};

static const Key lfe_set_keys[] = {
	{ "templateId", read_set_template, true },
	{ "flows", read_set_records, true },
};

static bool read_own_record(Reading *reading, yaml_node_t *node, const char *key, void *object)
{
	(void)key;
	return read_record(reading, node, object, false);
}

static bool read_lfe_record(Reading *reading, yaml_node_t *node, const char *key, void *object)
{
	(void)key;
	return read_record(reading, node, object, true);
}

static bool read_set(Reading *reading, yaml_node_t *node, const char *key, bool as_lfe)
{
	const Key *keys = as_lfe ? lfe_set_keys : own_set_keys;
	SetNodes nodes = { 0 };
	RecordFileSet *set;
	guint64 id;

	if (!read_mapping(reading, node, key, keys, G_N_ELEMENTS(own_set_keys), &nodes) ||
	    !read_number(reading, nodes.template, keys[0].key, TEMPLATE_ID_MIN, UINT16_MAX, &id))
		return false;
	if (!find_template(reading->file, id))
		return fault(reading, nodes.template, keys[0].key, "there is no template %u",
			     (unsigned int)id);
	set = record_file_add_set(reading->file, find_template(reading->file, id));
	return read_each(reading, nodes.records, keys[1].key,
			 as_lfe ? read_lfe_record : read_own_record, set);
}

static bool read_own_set(Reading *reading, yaml_node_t *node, const char *key, void *object)
{
	(void)object;
	return read_set(reading, node, key, false);
}

static bool read_lfe_set(Reading *reading, yaml_node_t *node, const char *key, void *object)
{
	(void)object;
	return read_set(reading, node, key, true);
}

static bool note_own_sets(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	(void)key;
	(void)object;
	reading->own_sets = value;
	return true;
}

static bool note_lfe_sets(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	(void)key;
	(void)object;
	reading->lfe_sets = value;
	return true;
}

static bool read_sets(Reading *reading)
{
	return (!reading->own_sets ||
		read_each(reading, reading->own_sets, "sets", read_own_set, NULL)) &&
	       (!reading->lfe_sets ||
		read_each(reading, reading->lfe_sets, "flowsets", read_lfe_set, NULL));
}

/* --- collectors of linux-flow-exporter */

static bool read_remote(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	RecordFileCollector *collector = object;

	g_free(collector->remote);
	collector->remote = g_strdup(scalar(reading, value, key));
	return collector->remote;
}

static bool read_local(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	RecordFileCollector *collector = object;

	collector->local = g_strdup(scalar(reading, value, key));
	return collector->local;
}

static const Key collector_keys[] = {
	{ "remoteAddress", read_remote, false },
	{ "address", read_remote, false },
	{ "localAddress", read_local, false },
};

static bool read_collector(Reading *reading, yaml_node_t *node, const char *key, void *object)
{
	RecordFileCollector *collector = g_new0(RecordFileCollector, 1);

	(void)object;
	g_ptr_array_add(reading->file->collectors, collector);
	if (!read_mapping(reading, node, key, collector_keys, G_N_ELEMENTS(collector_keys),
			  collector))
		return false;
	return collector->remote || fault(reading, node, key, "remoteAddress is missing");
}

static const Key output_keys[] = {
	{ "collector", read_collector, false },
	{ "log", NULL, false },
};

static bool read_output(Reading *reading, yaml_node_t *node, const char *key, void *object)
{
	return read_mapping(reading, node, key, output_keys, G_N_ELEMENTS(output_keys), object);
}

static bool read_outputs(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	return read_each(reading, value, key, read_output, object);
}

static bool read_collectors(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	return read_each(reading, value, key, read_collector, object);
}

/* --- the file */

static bool read_domain(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	guint64 domain;

	(void)object;
	if (!read_number(reading, value, key, 0, UINT32_MAX, &domain))
		return false;
	reading->file->observation_domain = (uint32_t)domain;
	return true;
}

static bool read_export_time(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	const char *text = scalar(reading, value, key);
	const Element element = elements_at(reading->elements, 0, EXPORT_TIME);
	g_autoptr(GByteArray) octets = g_byte_array_new();
	g_autoptr(GError) why = NULL;
	uint64_t seconds;

	(void)object;
	if (!text)
		return false;
	if (!element_value_parse(&element, element.len, text, octets, &why))
		return fault(reading, value, key, "%s", why->message);
	(void)element_value_number(octets->data, octets->len, &seconds);
	reading->file->has_export_time = true;
	reading->file->export_time_s = (uint32_t)seconds;
	return true;
}

static bool read_message_size(Reading *reading, yaml_node_t *value, const char *key, void *object)
{
	guint64 size;

	(void)object;
	if (!read_number(reading, value, key, 1, UINT16_MAX, &size))
		return false;
	reading->file->message_size = (uint32_t)size;
	return true;
}

static const Key file_keys[] = {
	{ "observation-domain", read_domain, false },
	{ "export-time", read_export_time, false },
	{ "templates", read_templates, false },
	{ "sets", note_own_sets, false },
	/* Of linux-flow-exporter: */
	{ "maxIpfixMessageLen", read_message_size, false },
	{ "outputs", read_outputs, false },
	{ "collectors", read_collectors, false },
	{ "flowsets", note_lfe_sets, false },
	{ "timerFinishedDrainSeconds", NULL, false },
	{ "timerForceDrainSeconds", NULL, false },
	{ "timerTemplateFlushSeconds", NULL, false },
};

bool record_file_read(RecordFile *file, const char *path, const Elements *elements, GError **error)
{
	g_auto(yaml_document_t) document = { 0 };
	Reading reading = {
		.file = file,
		.elements = elements,
		.path = path,
		.document = &document,
		.error = error,
	};
	yaml_node_t *root;

	if (!document_load(&document, path, error))
		return false;
	root = yaml_document_get_root_node(&document);
	if (!root)
		return true;
	return read_mapping(&reading, root, "the file", file_keys, G_N_ELEMENTS(file_keys), NULL) &&
	       read_sets(&reading);
}
