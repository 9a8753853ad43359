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
#include "wire.h"

#define VERSION 9
#define HEADER_LEN 20
#define FLOWSET_TEMPLATES 0
#define FLOWSET_OPTIONS_TEMPLATES 1
#define SEQUENCE_OFFSET 12
#define PADDING 4	 /* to a multiple of it a FlowSet is filled up */
#define OUR_ENTERPRISE 1 /* any but 0: what is of it is left out */

/* The scopes that there are, in the place of an element (RFC 3954, 6.1). */
#define SCOPE_SYSTEM 1
#define SCOPE_INTERFACE 2

typedef struct {
	uint16_t scope;		/* fields at the start that are the scope; 0: no options */
	GByteArray *specifiers; /* type and length of each field */
	WireLayout *layout;
} KnownTemplate;

typedef struct {
	Domain domain;
	Elements *elements;
	GHashTable *templates; /* of KnownTemplate, by their ids */
	uint64_t uptime_origin_ms;
	uint32_t export_time_s;
	WireMessage message;
} Netflow9Domain;

static void known_template_free(gpointer data)
{
	KnownTemplate *known = data;

	g_byte_array_unref(known->specifiers);
	wire_layout_free(known->layout);
	g_free(known);
}

static void netflow9_free(Domain *domain)
{
	Netflow9Domain *netflow9 = (Netflow9Domain *)domain;

	g_hash_table_unref(netflow9->templates);
	elements_free(netflow9->elements);
	wire_message_done(&netflow9->message);
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

static bool is_skipped(const RecordField *field, void *user_data)
{
	return !type_of(user_data, field, false); /* of a scope, too: all that we have are IANA's */
}

static void add_specifier(KnownTemplate *known, uint16_t type, uint16_t len)
{
	uint8_t octets[4];

	wire_put16(octets, type);
	wire_put16(octets + 2, len);
	g_byte_array_append(known->specifiers, octets, sizeof(octets));
}

static bool netflow9_add_template(Domain *domain, const Template *record, GError **error)
{
	Netflow9Domain *netflow9 = (Netflow9Domain *)domain;
	KnownTemplate *known = g_new0(KnownTemplate, 1);

	known->scope = record->kind->scope;
	known->specifiers = g_byte_array_new();
	known->layout = wire_layout_new(record, is_skipped, netflow9);
	for (guint i = 0; i < record->fields->len; i++) {
		const TemplateField *field = &g_array_index(record->fields, TemplateField, i);
		uint16_t type = type_of(netflow9, field->from, i < known->scope);

		if (type)
			add_specifier(known, type, field->len);
	}
	g_hash_table_insert(netflow9->templates, GUINT_TO_POINTER(record->id), known);
	if (known->specifiers->len)
		return true;
	error_set(error, "template %u has nothing that NetFlow 9 knows", record->id);
	return false;
}

static void netflow9_set_message_size(Domain *domain, size_t message_size)
{
	domain->message_size = message_size;
	domain->contents = (IpfixContents){ 0 };
	wire_message_set_size(&((Netflow9Domain *)domain)->message, message_size);
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
	uint8_t *header = netflow9->message.octets;

	wire_put16(header, VERSION);
	wire_put16(header + 2, netflow9->message.items);
	wire_put32(header + 4, (uint32_t)(netflow9->export_time_s * UINT64_C(1000) -
					  netflow9->uptime_origin_ms));
	wire_put32(header + 8, netflow9->export_time_s);
	wire_put32(header + SEQUENCE_OFFSET, 0);
	wire_put32(header + 16, netflow9->domain.id);
}

static bool netflow9_flush(Domain *domain, GPtrArray *messages, GError **error)
{
	Netflow9Domain *netflow9 = (Netflow9Domain *)domain;
	IpfixMessage *message;

	if (!netflow9->message.items)
		return true;
	wire_message_end(&netflow9->message);
	write_header(netflow9);
	message = domain_take_message(domain, netflow9->message.octets, netflow9->message.len);
	message->sequence_offset = SEQUENCE_OFFSET;
	message->sequence_step = 1; /* it counts Export Packets */
	g_ptr_array_add(messages, message);
	wire_message_start(&netflow9->message);
	return true;
}

/* Where @len octets of the FlowSet go; NULL: more than any message has. */
static uint8_t *reserve(Netflow9Domain *netflow9, uint16_t flowset_id, size_t len,
			GPtrArray *messages, GError **error)
{
	uint8_t *place = wire_message_add(&netflow9->message, flowset_id, len);

	if (place)
		return place;
	netflow9_flush(&netflow9->domain, messages, NULL);
	place = wire_message_add(&netflow9->message, flowset_id, len);
	if (!place)
		error_set(error, "encode NetFlow 9: a message of %zu octets is too short for %zu",
			  netflow9->domain.message_size, len);
	return place;
}

static const KnownTemplate *find_template(const Netflow9Domain *netflow9, uint16_t id)
{
	return g_hash_table_lookup(netflow9->templates, GUINT_TO_POINTER(id));
}

static bool netflow9_put_template(Domain *domain, uint16_t id, GPtrArray *messages, GError **error)
{
	const KnownTemplate *known = find_template((Netflow9Domain *)domain, id);
	uint16_t flowset = known->scope ? FLOWSET_OPTIONS_TEMPLATES : FLOWSET_TEMPLATES;
	uint32_t header_len = known->scope ? 6 : 4, scope_len = 4u * known->scope;
	uint8_t *place = reserve((Netflow9Domain *)domain, flowset,
				 header_len + known->specifiers->len, messages, error);

	if (!place)
		return false;
	wire_put16(place, id);
	if (known->scope) {
		wire_put16(place + 2, scope_len);
		wire_put16(place + 4, known->specifiers->len - scope_len);
	} else {
		wire_put16(place + 2, known->specifiers->len / 4);
	}
	memcpy(place + header_len, known->specifiers->data, known->specifiers->len);
	return true;
}

static bool netflow9_put_record(Domain *domain, uint16_t id, const void *record,
				GPtrArray *messages, GError **error)
{
	const WireLayout *layout = find_template((Netflow9Domain *)domain, id)->layout;
	uint8_t *place =
		reserve((Netflow9Domain *)domain, id, wire_layout_len(layout), messages, error);

	if (!place)
		return false;
	wire_write(place, layout, record);
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

Domain *netflow9_domain_new(uint32_t id, uint64_t uptime_origin_ms)
{
	Netflow9Domain *domain = g_new0(Netflow9Domain, 1);

	domain->domain = (Domain){ .form = &form, .id = id };
	domain->elements = elements_new(OUR_ENTERPRISE);
	domain->templates = g_hash_table_new_full(NULL, NULL, NULL, known_template_free);
	domain->message = (WireMessage){ .header_len = HEADER_LEN, .padding = PADDING };
	domain->uptime_origin_ms = uptime_origin_ms;
	return &domain->domain;
}
