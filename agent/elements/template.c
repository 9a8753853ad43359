/* SPDX-License-Identifier: Apache-2.0 */
#include "template.h"

#include <string.h>

#include "base/error.h"

bool template_id_is_ours(uint32_t id)
{
	return id < 512 || (id < 2560 && (id - 512) % 32 < 2);
}

Template *template_new_empty(uint16_t id, const RecordKind *kind)
{
	Template *record = g_new0(Template, 1);

	record->id = id;
	record->kind = kind;
	record->fields = g_array_new(FALSE, FALSE, sizeof(TemplateField));
	return record;
}

void template_add(Template *record, const RecordField *field, uint16_t len)
{
	const TemplateField added = { field, len ? len : field->wire_len };

	g_array_append_val(record->fields, added);
}

Template *template_new(uint16_t id, const RecordKind *kind, uint32_t needs)
{
	Template *record = template_new_empty(id, kind);

	for (const RecordField *field = kind->fields; field->name; field++) {
		if (!(field->needs & ~needs))
			template_add(record, field, 0);
	}
	return record;
}

#define HEADERS_LEN (16 + 4) /* of a message and of a set */
#define TEMPLATE_HEADER_LEN 4
#define OPTIONS_TEMPLATE_HEADER_LEN 6
#define FIELD_SPECIFIER_LEN 4
#define ENTERPRISE_NUMBER_LEN 4

/* Elements that are not IANA's. */
#define NEEDS_OF_ENTERPRISES                                                                       \
	(NEEDS_HOST_MAC | NEEDS_HOST_SCOPE | NEEDS_HOST_NAME | NEEDS_FLOW_MARK | NEEDS_BIFLOW)

uint32_t template_needs(const Template *record)
{
	uint32_t needs = 0;

	for (guint i = 0; i < record->fields->len; i++)
		needs |= g_array_index(record->fields, TemplateField, i).from->needs;
	return needs;
}

size_t template_min_message(const Template *record)
{
	size_t template_len =
		record->kind->scope ? OPTIONS_TEMPLATE_HEADER_LEN : TEMPLATE_HEADER_LEN;
	size_t record_len = 0;

	for (guint i = 0; i < record->fields->len; i++) {
		const TemplateField *field = &g_array_index(record->fields, TemplateField, i);

		record_len += field->len;
		template_len += FIELD_SPECIFIER_LEN;
		if (field->from->needs & NEEDS_OF_ENTERPRISES)
			template_len += ENTERPRISE_NUMBER_LEN;
	}
	return HEADERS_LEN + MAX(template_len, record_len);
}

static bool set_length(TemplateField *field, const char *text, GError **error)
{
	const RecordField *from = field->from;
	guint64 len;

	if (!g_ascii_string_to_unsigned(text, 10, 1, from->len, &len, NULL) ||
	    (!from->is_short && len != from->len)) {
		error_set(error,
			  from->is_short ? "%s takes 1 to %d octets, not \"%s\"" :
					   "%s takes %d octets, not \"%s\"",
			  from->name, from->len, text);
		return false;
	}
	field->len = (uint16_t)len;
	return true;
}

bool template_field_parse(TemplateField *field, const RecordKind *kind, const char *text,
			  GError **error)
{
	const char *colon = strchr(text, ':');
	g_autofree char *name = g_strndup(text, colon ? (gsize)(colon - text) : strlen(text));

	field->from = record_field_find(kind, g_strstrip(name));
	if (!field->from) {
		error_set(error, "there is no \"%s\" in records of %s", name, kind->name);
		return false;
	}
	field->len = field->from->wire_len;
	return !colon || set_length(field, colon + 1 + strspn(colon + 1, " "), error);
}

Template *template_copy(const Template *record)
{
	Template *copy = template_new_empty(record->id, record->kind);

	g_array_append_vals(copy->fields, record->fields->data, record->fields->len);
	return copy;
}

static bool field_equal(const TemplateField *a, const TemplateField *b)
{
	return a->from == b->from && a->len == b->len;
}

bool template_equal(const Template *a, const Template *b)
{
	if (a->id != b->id || a->kind != b->kind || a->fields->len != b->fields->len)
		return false;
	for (guint i = 0; i < a->fields->len; i++) {
		if (!field_equal(&g_array_index(a->fields, TemplateField, i),
				 &g_array_index(b->fields, TemplateField, i)))
			return false;
	}
	return true;
}

void template_free(Template *record)
{
	if (!record)
		return;
	g_array_unref(record->fields);
	g_free(record);
}
