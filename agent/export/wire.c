/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

/* From memory to the wire. */
typedef enum {
	COPY,
	SWAP_16,
	SWAP_32,
	SWAP_64,
	SHORTEN, /* the lower octets of an integer */
} Way;

typedef struct {
	Way way;
	uint16_t offset; /* in memory */
	uint16_t memory_len;
	uint16_t len;
} Field;

struct WireLayout {
	size_t len;
	guint n;
	Field fields[];
};

static Way way_of(const TemplateField *field)
{
	if (!field->from->is_integer || field->from->len == 1)
		return COPY;
	if (field->len != field->from->len)
		return SHORTEN;
	return field->len == 2 ? SWAP_16 : field->len == 4 ? SWAP_32 : SWAP_64;
}

WireLayout *wire_layout_new(const Template *record,
			    bool (*skipped)(const RecordField *field, void *user_data),
			    void *user_data)
{
	WireLayout *layout =
		g_malloc0(sizeof(*layout) + record->fields->len * sizeof(*layout->fields));

	for (guint i = 0; i < record->fields->len; i++) {
		const TemplateField *field = &g_array_index(record->fields, TemplateField, i);

		if (skipped && skipped(field->from, user_data))
			continue;
		layout->fields[layout->n++] =
			(Field){ way_of(field), field->from->offset, field->from->len, field->len };
		layout->len += field->len;
	}
	return layout;
}

void wire_layout_free(WireLayout *layout)
{
	g_free(layout);
}

size_t wire_layout_len(const WireLayout *layout)
{
	return layout->len;
}

void wire_put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

void wire_put32(uint8_t *to, uint32_t value)
{
	wire_put16(to, value >> 16);
	wire_put16(to + 2, value);
}

static void swap_16(uint8_t *to, const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	value = GUINT16_TO_BE(value);
	memcpy(to, &value, sizeof(value));
}

static void swap_32(uint8_t *to, const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	value = GUINT32_TO_BE(value);
	memcpy(to, &value, sizeof(value));
}

static void swap_64(uint8_t *to, const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	value = GUINT64_TO_BE(value);
	memcpy(to, &value, sizeof(value));
}

/* In memory the integer is in host byte order, whichever that is. */
static void shorten(uint8_t *to, const uint8_t *from, const Field *field)
{
	for (uint16_t i = 0; i < field->len; i++) {
		uint16_t place = G_BYTE_ORDER == G_BIG_ENDIAN ? field->memory_len - 1 - i : i;

		to[field->len - 1 - i] = from[place];
	}
}

void wire_write(uint8_t *to, const WireLayout *layout, const void *record)
{
	for (guint i = 0; i < layout->n; i++) {
		const Field *field = &layout->fields[i];
		const uint8_t *from = (const uint8_t *)record + field->offset;

		switch (field->way) {
		case COPY:
			memcpy(to, from, field->len);
			break;
		case SWAP_16:
			swap_16(to, from);
			break;
		case SWAP_32:
			swap_32(to, from);
			break;
		case SWAP_64:
			swap_64(to, from);
			break;
		case SHORTEN:
			shorten(to, from, field);
			break;
		}
		to += field->len;
	}
}

void wire_message_start(WireMessage *message)
{
	message->len = message->header_len;
	message->set = 0;
	message->items = 0;
}

void wire_message_set_size(WireMessage *message, size_t size)
{
	message->octets = g_realloc(message->octets, size);
	message->size = size;
	wire_message_start(message);
}

void wire_message_done(WireMessage *message)
{
	g_clear_pointer(&message->octets, g_free);
}

static size_t padded(const WireMessage *message, size_t len)
{
	return (len + message->padding - 1) / message->padding * message->padding;
}

/* There is room for the padding: wire_message_add() has kept it. */
void wire_message_end(WireMessage *message)
{
	size_t end = padded(message, message->len);

	if (!message->set)
		return;
	memset(message->octets + message->len, 0, end - message->len);
	message->len = end;
	wire_put16(message->octets + message->set + 2, (uint32_t)(end - message->set));
	message->set = 0;
}

uint8_t *wire_message_add(WireMessage *message, uint16_t set_id, size_t len)
{
	bool goes_on = message->set && message->set_id == set_id;
	size_t start = goes_on ? message->len : padded(message, message->len) + WIRE_SET_HEADER_LEN;

	if (padded(message, start + len) > message->size || message->items == UINT16_MAX)
		return NULL;
	if (!goes_on) {
		wire_message_end(message);
		message->set = message->len;
		message->set_id = set_id;
		wire_put16(message->octets + message->set, set_id);
	}
	message->len = start + len;
	message->items++;
	return message->octets + start;
}
