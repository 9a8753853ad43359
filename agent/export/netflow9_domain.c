/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of NetFlow version 9 (RFC 3954), which are called Export Packets there: its templates have the
 * elements of IANA's registry as field types. Elements of an enterprise do not exist in it, and what needs
 * them is left out.
 */
#include "domain.h"

#include <string.h>

#include "base/error.h"
#include "elements/elements.h"

#define VERSION 9
#define HEADER_LEN 20
#define FLOWSET_HEADER_LEN 4
#define FLOWSET_TEMPLATES 0
#define FLOWSET_OPTIONS_TEMPLATES 1
#define SEQUENCE_OFFSET 12
#define PADDING 4	 /* to a multiple of it a FlowSet is filled up */
#define OUR_ENTERPRISE 1 /* any but 0: what is of it is left out */

/* The scopes that there are, in the place of an element (RFC 3954, 6.1). */
#define SCOPE_SYSTEM 1
#define SCOPE_INTERFACE 2

typedef struct {
	uint16_t type;
	uint16_t len;
	uint16_t offset; /* in memory */
	bool is_integer;
	uint16_t memory_len;
} Field;

typedef struct {
	uint16_t id;
	uint16_t scope; /* fields at the start that are the scope; 0: no options */
	uint16_t len;	/* of a record */
	guint n;
	Field fields[];
} Layout;

typedef struct {
	Domain domain;
	Elements *elements;
	GHashTable *layouts; /* of Layout, by their ids */
	uint64_t uptime_origin_ms;
	uint32_t export_time_s;
	uint8_t *area;
	size_t len;	/* what is filled of it */
	size_t flowset; /* where the last FlowSet begins; 0: there is none yet */
	uint16_t flowset_id;
	uint16_t count; /* of templates and records */
} Netflow9Domain;

static void put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value);
}

static void netflow9_free(Domain *domain)
{
	Netflow9Domain *netflow9 = (Netflow9Domain *)domain;

	g_hash_table_unref(netflow9->layouts);
	elements_free(netflow9->elements);
	g_free(netflow9->area);
	g_free(netflow9);
}

/* 0: NetFlow has no such field. */
static uint16_t type_of(const Netflow9Domain *netflow9, const RecordField *field, bool is_scope)
{
	Element element;

	if (is_scope)
		return strcmp(field->name, "ingressInterface") ? SCOPE_SYSTEM : SCOPE_INTERFACE;
	if (!elements_find(netflow9->elements, field->name, &element) || element.enterprise)
		return 0;
	return element.number;
}

static bool netflow9_add_template(Domain *domain, const Template *record, GError **error)
{
	Netflow9Domain *netflow9 = (Netflow9Domain *)domain;
	Layout *layout = g_malloc0(sizeof(*layout) + record->fields->len * sizeof(Field));

	layout->id = record->id;
	layout->scope = record->kind->scope;
	for (guint i = 0; i < record->fields->len; i++) {
		const TemplateField *from = &g_array_index(record->fields, TemplateField, i);
		const Field field = {
			.type = type_of(netflow9, from->from, i < layout->scope),
			.len = from->len,
			.offset = from->from->offset,
			.is_integer = from->from->is_integer,
			.memory_len = from->from->len,
		};

		if (!field.type)
			continue;
		layout->fields[layout->n++] = field;
		layout->len += field.len;
	}
	g_hash_table_insert(netflow9->layouts, GUINT_TO_POINTER(layout->id), layout);
	if (layout->n)
		return true;
	error_set(error, "template %u has nothing that NetFlow 9 knows", record->id);
	return false;
}

static void start_message(Netflow9Domain *netflow9)
{
	netflow9->len = HEADER_LEN;
	netflow9->flowset = 0;
	netflow9->count = 0;
	netflow9->domain.contents = (IpfixContents){ 0 };
}

static void netflow9_set_message_size(Domain *domain, size_t message_size)
{
	Netflow9Domain *netflow9 = (Netflow9Domain *)domain;

	domain->message_size = message_size;
	netflow9->area = g_realloc(netflow9->area, message_size);
	start_message(netflow9);
}

static void netflow9_open(Domain *domain)
{
}

static void netflow9_set_export_time(Domain *domain, uint32_t export_time_s)
{
	((Netflow9Domain *)domain)->export_time_s = export_time_s;
}

static void write_header(Netflow9Domain *netflow9)
{
	uint8_t *header = netflow9->area;

	put16(header, VERSION);
	put16(header + 2, netflow9->count);
	put32(header + 4,
	      (uint32_t)(netflow9->export_time_s * UINT64_C(1000) - netflow9->uptime_origin_ms));
	put32(header + 8, netflow9->export_time_s);
	put32(header + SEQUENCE_OFFSET, 0);
	put32(header + 16, netflow9->domain.id);
}

static size_t padded(size_t len)
{
	return (len + PADDING - 1) / PADDING * PADDING;
}

/* There is room for it: who adds to a FlowSet has kept it. */
static void end_flowset(Netflow9Domain *netflow9)
{
	size_t end = padded(netflow9->len);

	if (!netflow9->flowset)
		return;
	memset(netflow9->area + netflow9->len, 0, end - netflow9->len);
	netflow9->len = end;
	put16(netflow9->area + netflow9->flowset + 2, (uint32_t)(end - netflow9->flowset));
	netflow9->flowset = 0;
}

static bool netflow9_flush(Domain *domain, GPtrArray *messages, GError **error)
{
	Netflow9Domain *netflow9 = (Netflow9Domain *)domain;
	IpfixMessage *message;

	if (netflow9->count) {
		end_flowset(netflow9);
		write_header(netflow9);
		message = domain_take_message(domain, netflow9->area, netflow9->len);
		message->sequence_offset = SEQUENCE_OFFSET;
		message->sequence_step = 1; /* it counts Export Packets */
		g_ptr_array_add(messages, message);
	}
	start_message(netflow9);
	domain->first = domain->next;
	return true;
}

static bool fits(const Netflow9Domain *netflow9, uint16_t flowset_id, size_t len)
{
	bool goes_on = netflow9->flowset && netflow9->flowset_id == flowset_id;
	size_t start = goes_on ? netflow9->len : padded(netflow9->len) + FLOWSET_HEADER_LEN;

	return padded(start + len) <= netflow9->domain.message_size && netflow9->count < UINT16_MAX;
}

/* Where @len octets of the FlowSet go; NULL: more than any message has. */
static uint8_t *reserve(Netflow9Domain *netflow9, uint16_t flowset_id, size_t len,
			GPtrArray *messages, GError **error)
{
	uint8_t *place;

	if (!fits(netflow9, flowset_id, len))
		netflow9_flush(&netflow9->domain, messages, NULL);
	if (!fits(netflow9, flowset_id, len)) {
		error_set(error, "encode NetFlow 9: a message of %zu octets is too short for %zu",
			  netflow9->domain.message_size, len);
		return NULL;
	}
	if (!netflow9->flowset || netflow9->flowset_id != flowset_id) {
		end_flowset(netflow9);
		netflow9->flowset = netflow9->len;
		netflow9->flowset_id = flowset_id;
		put16(netflow9->area + netflow9->len, flowset_id);
		netflow9->len += FLOWSET_HEADER_LEN;
	}
	place = netflow9->area + netflow9->len;
	netflow9->len += len;
	netflow9->count++;
	return place;
}

static const Layout *layout_of(const Netflow9Domain *netflow9, uint16_t id)
{
	return g_hash_table_lookup(netflow9->layouts, GUINT_TO_POINTER(id));
}

static void write_fields(uint8_t *to, const Layout *layout)
{
	for (guint i = 0; i < layout->n; i++) {
		put16(to + 4 * i, layout->fields[i].type);
		put16(to + 4 * i + 2, layout->fields[i].len);
	}
}

static bool netflow9_put_template(Domain *domain, uint16_t id, GPtrArray *messages, GError **error)
{
	Netflow9Domain *netflow9 = (Netflow9Domain *)domain;
	const Layout *layout = layout_of(netflow9, id);
	size_t header_len = layout->scope ? 6 : 4, fields_len = 4 * (size_t)layout->n;
	uint8_t *place =
		reserve(netflow9, layout->scope ? FLOWSET_OPTIONS_TEMPLATES : FLOWSET_TEMPLATES,
			header_len + fields_len, messages, error);

	if (!place)
		return false;
	put16(place, id);
	if (layout->scope) {
		put16(place + 2, 4u * layout->scope);
		put16(place + 4, (uint32_t)(fields_len - 4 * (size_t)layout->scope));
	} else {
		put16(place + 2, layout->n);
	}
	write_fields(place + header_len, layout);
	return true;
}

static uint64_t integer_at(const uint8_t *from, uint16_t len)
{
	uint64_t value = 0;

	/* In host byte order, whichever that is. */
	for (uint16_t i = 0; i < len; i++)
		value |= (uint64_t)from[G_BYTE_ORDER == G_LITTLE_ENDIAN ? i : len - 1 - i] << 8 * i;
	return value;
}

static void write_integer(uint8_t *to, uint16_t len, uint64_t value)
{
	for (uint16_t i = len; i-- > 0; value >>= 8)
		to[i] = (uint8_t)value;
}

static bool netflow9_put_record(Domain *domain, uint16_t id, const void *record,
				GPtrArray *messages, GError **error)
{
	Netflow9Domain *netflow9 = (Netflow9Domain *)domain;
	const Layout *layout = layout_of(netflow9, id);
	uint8_t *place = reserve(netflow9, id, layout->len, messages, error);

	if (!place)
		return false;
	for (guint i = 0; i < layout->n; i++) {
		const Field *field = &layout->fields[i];
		const uint8_t *from = (const uint8_t *)record + field->offset;

		if (field->is_integer)
			write_integer(place, field->len, integer_at(from, field->memory_len));
		else
			memcpy(place, from, field->len);
		place += field->len;
	}
	domain->contents.records++;
	return true;
}

static const DomainForm form = {
	.free = netflow9_free,
	.add_template = netflow9_add_template,
	.open = netflow9_open,
	.set_message_size = netflow9_set_message_size,
	.set_export_time = netflow9_set_export_time,
	.put_template = netflow9_put_template,
	.put_record = netflow9_put_record,
	.flush = netflow9_flush,
};

Domain *netflow9_domain_new(uint32_t id, uint32_t stream, uint64_t uptime_origin_ms)
{
	Netflow9Domain *domain = g_new0(Netflow9Domain, 1);

	domain->domain = (Domain){ .form = &form, .id = id, .stream = stream };
	domain->elements = elements_new(OUR_ENTERPRISE);
	domain->layouts = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	domain->uptime_origin_ms = uptime_origin_ms;
	return &domain->domain;
}
