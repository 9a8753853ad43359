/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfix_writer.h"

#include <string.h>

#include "base/error.h"
#include "ipfix.h"
#include "wire.h"

#define VERSION 10
#define TEMPLATE_SET 2
#define OPTIONS_TEMPLATE_SET 3
#define ENTERPRISE_BIT 0x8000
#define LONG_LEN 255 /* a length from here on takes two octets more */

typedef struct {
	const RecordFile *file;
	uint32_t export_time_s;
	WireMessage filled;
	uint32_t records; /* in it */
	uint32_t sequence;
	GPtrArray *messages;
} Writer;

static void end_message(Writer *writer)
{
	WireMessage *filled = &writer->filled;
	uint8_t *header = filled->octets;
	IpfixMessage *message;

	if (!filled->items)
		return;
	wire_message_end(filled);
	wire_put16(header, VERSION);
	wire_put16(header + 2, (uint32_t)filled->len);
	wire_put32(header + 4, writer->export_time_s);
	wire_put32(header + IPFIX_SEQUENCE_OFFSET, writer->sequence);
	wire_put32(header + 12, writer->file->observation_domain);
	message = g_malloc0(sizeof(*message) + filled->len);
	message->contents = (IpfixContents){ .len = filled->len, .records = writer->records };
	message->observation_domain = writer->file->observation_domain;
	message->sequence_offset = IPFIX_SEQUENCE_OFFSET;
	message->sequence_step = writer->records;
	memcpy(message->data, filled->octets, filled->len);
	g_ptr_array_add(writer->messages, message);
	writer->sequence += writer->records;
	writer->records = 0;
	wire_message_start(filled);
}

/* In the message at hand, or in the next one; @what completes the error. */
static bool put(Writer *writer, uint16_t set_id, const GByteArray *octets, const char *what,
		uint16_t id, GError **error)
{
	uint8_t *place = wire_message_add(&writer->filled, set_id, octets->len);

	if (!place) {
		end_message(writer);
		place = wire_message_add(&writer->filled, set_id, octets->len);
	}
	if (!place) {
		error_set(error, "%s %u does not fit into a message of %zu octets, it needs %zu",
			  what, id, writer->filled.size,
			  (size_t)IPFIX_HEADER_LEN + WIRE_SET_HEADER_LEN + octets->len);
		return false;
	}
	memcpy(place, octets->data, octets->len);
	return true;
}

static void append16(GByteArray *octets, uint16_t value)
{
	uint8_t bytes[sizeof(value)];

	wire_put16(bytes, value);
	g_byte_array_append(octets, bytes, sizeof(bytes));
}

static void append32(GByteArray *octets, uint32_t value)
{
	uint8_t bytes[sizeof(value)];

	wire_put32(bytes, value);
	g_byte_array_append(octets, bytes, sizeof(bytes));
}

static void append_field(GByteArray *octets, const RecordFileField *field)
{
	const Element *element = &field->element;

	append16(octets, element->number | (element->enterprise ? ENTERPRISE_BIT : 0));
	append16(octets, field->len);
	if (element->enterprise)
		append32(octets, element->enterprise);
}

static bool write_template(Writer *writer, const RecordFileTemplate *template, GError **error)
{
	g_autoptr(GByteArray) octets = g_byte_array_new();

	append16(octets, template->id);
	append16(octets, (uint16_t) template->fields->len);
	if (template->scope_n)
		append16(octets, template->scope_n);
	for (guint i = 0; i < template->fields->len; i++)
		append_field(octets, &g_array_index(template->fields, RecordFileField, i));
	/* In a set of its own. */
	wire_message_end(&writer->filled);
	return put(writer, template->scope_n ? OPTIONS_TEMPLATE_SET : TEMPLATE_SET, octets,
		   "template", template->id, error);
}

static void append_len(GByteArray *octets, uint16_t len)
{
	const uint8_t first = len < LONG_LEN ? (uint8_t)len : LONG_LEN;

	g_byte_array_append(octets, &first, 1);
	if (first == LONG_LEN)
		append16(octets, len);
}

static bool write_record(Writer *writer, const RecordFileTemplate *template,
			 const RecordFileValues *values, GError **error)
{
	g_autoptr(GByteArray) octets = g_byte_array_new();
	const uint8_t *at = values->octets->data;

	for (guint i = 0; i < template->fields->len; i++) {
		uint16_t len = g_array_index(values->lens, uint16_t, i);

		if (g_array_index(template->fields, RecordFileField, i).len == ELEMENT_VARIABLE)
			append_len(octets, len);
		if (len)
			g_byte_array_append(octets, at, len);
		at += len;
	}
	if (!put(writer, template->id, octets, "a record of template", template->id, error))
		return false;
	writer->records++;
	return true;
}

static bool write_set(Writer *writer, const RecordFileSet *set, GError **error)
{
	for (guint i = 0; i < set->records->len; i++) {
		if (!write_record(writer, set->template, set->records->pdata[i], error))
			return false;
	}
	end_message(writer);
	return true;
}

static bool write_file(Writer *writer, GError **error)
{
	const RecordFile *file = writer->file;

	for (guint i = 0; i < file->templates->len; i++) {
		if (!write_template(writer, file->templates->pdata[i], error))
			return false;
	}
	end_message(writer);
	for (guint i = 0; i < file->sets->len; i++) {
		if (!write_set(writer, file->sets->pdata[i], error))
			return false;
	}
	return true;
}

bool ipfix_write_messages(const RecordFile *file, uint32_t export_time_s, size_t message_size,
			  GPtrArray *messages, GError **error)
{
	Writer writer = {
		.file = file,
		.export_time_s = export_time_s,
		.filled = { .header_len = IPFIX_HEADER_LEN, .padding = 1 },
		.messages = messages,
	};
	bool ok;

	wire_message_set_size(&writer.filled, message_size);
	ok = write_file(&writer, error);
	wire_message_done(&writer.filled);
	return ok;
}
