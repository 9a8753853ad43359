/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of IPFIX (RFC 7011). Templates and descriptions of elements are written by libfixbuf, which serves
 * as a codec to memory, and records by wire.h, in a thirtieth of the time; so no message has both, as
 * libfixbuf has it anyway.
 *
 * libfixbuf knows several domains in a session, but would let one message have records of two; so each
 * domain has a session of its own.
 */
#include "domain.h"

#include <string.h>

#include <fixbuf/public.h>

#include "base/error.h"
#include "wire.h"

#define IPFIX_VERSION 10
#define SET_HEADER_LEN 4
#define TEMPLATE_TYPES 274

/* Those of our own, by what a template must have to have them. */
static const struct {
	uint32_t needs;
	fbInfoElement_t element;
} enterprise_elements[] = {
	{ NEEDS_HOST_MAC, FB_IE_INIT_FULL("hostMacAddress", 0, 1, 6, FB_IE_DEFAULT, 0, 0,
					  FB_MAC_ADDR, (char *)"MAC address of the metered host") },
	{ NEEDS_HOST_SCOPE, FB_IE_INIT_FULL("hostScope", 0, 2, 1, FB_IE_IDENTIFIER, 0, 0, FB_UINT_8,
					    (char *)"how far it went: 1 internet, 2 local") },
	{ NEEDS_HOST_NAME, FB_IE_INIT_FULL("hostName", 0, 3, FB_IE_VARLEN, FB_IE_DEFAULT, 0, 0,
					   FB_STRING, (char *)"name of the metered host") },
	{ NEEDS_FLOW_MARK,
	  FB_IE_INIT_FULL("flowMark", 0, 4, 4, FB_IE_F_ENDIAN | FB_IE_IDENTIFIER, 0, 0, FB_UINT_32,
			  (char *)"mark of the packets in Linux, fwmark") },
};

/* The template of type records on the wire; in memory it is libfixbuf's own. */
static fbInfoElementSpec_t type_spec[] = {
	{ (char *)"privateEnterpriseNumber", 4, 0 },
	{ (char *)"informationElementId", 2, 0 },
	{ (char *)"informationElementDataType", 1, 0 },
	{ (char *)"informationElementSemantics", 1, 0 },
	{ (char *)"informationElementUnits", 2, 0 },
	{ (char *)"informationElementRangeBegin", 8, 0 },
	{ (char *)"informationElementRangeEnd", 8, 0 },
	{ (char *)"informationElementName", FB_IE_VARLEN, 0 },
	{ (char *)"informationElementDescription", FB_IE_VARLEN, 0 },
	FB_IESPEC_NULL,
};
#define TYPE_SCOPE 2

typedef struct {
	Domain domain;
	fbInfoModel_t *model;
	fbSession_t *session;
	GHashTable *layouts;	/* of WireLayout, by the ids of their templates */
	fBuf_t *buffer;		/* owns the session and the exporter; NULL until it is open */
	fbExporter_t *exporter; /* writes to @area */
	uint8_t *area;
	bool is_written; /* by libfixbuf, into the message at hand */
	uint32_t export_time_s;
	WireMessage records;
	const WireLayout *layout; /* of the record before ... */
	uint16_t layout_id;	  /* ... and the id of its template */
} IpfixDomain;

/* One thing that libfixbuf writes. */
typedef struct Item Item;
struct Item {
	gboolean (*put)(IpfixDomain *domain, const Item *item, GError **error);
	uint16_t id;			/* of a template */
	const fbInfoElement_t *element; /* that is described */
};

/* An error of libfixbuf as one of ours: its codes are its own, ours are errnos. */
static bool fail(GError **error, const GError *why)
{
	error_set(error, "encode IPFIX: %s", why->message);
	return false;
}

static void ipfix_free(Domain *domain)
{
	IpfixDomain *ipfix = (IpfixDomain *)domain;

	if (ipfix->buffer)
		fBufFree(ipfix->buffer);
	else
		fbSessionFree(ipfix->session);
	fbInfoModelFree(ipfix->model);
	g_hash_table_unref(ipfix->layouts);
	wire_message_done(&ipfix->records);
	g_free(ipfix->area);
	g_free(ipfix);
}

static bool append(fbTemplate_t *template, const char *name, uint16_t len, GError **error)
{
	fbInfoElementSpec_t spec = { (char *)name, len, 0 };

	return fbTemplateAppendSpec(template, &spec, 0, error);
}

static bool append_fields(fbTemplate_t *template, const Template *record, GError **error)
{
	for (guint i = 0; i < record->fields->len; i++) {
		const TemplateField *field = &g_array_index(record->fields, TemplateField, i);

		if (!append(template, field->from->name, field->len, error))
			return false;
	}
	return true;
}

/* If @ok, @template becomes the session's. */
static bool add_if(bool ok, IpfixDomain *domain, bool internal, uint16_t id, fbTemplate_t *template,
		   GError **error)
{
	if (ok && fbSessionAddTemplate(domain->session, internal, id, template, error))
		return true;
	fbTemplateFreeUnused(template);
	return false;
}

static bool add_external(IpfixDomain *domain, const Template *record, GError **error)
{
	fbTemplate_t *template = fbTemplateAlloc(domain->model);
	bool ok = append_fields(template, record, error);

	if (ok && record->kind->scope)
		fbTemplateSetOptionsScope(template, record->kind->scope);
	return add_if(ok, domain, false, record->id, template, error);
}

static bool ipfix_add_template(Domain *domain, const Template *record, GError **error)
{
	IpfixDomain *ipfix = (IpfixDomain *)domain;
	g_autoptr(GError) why = NULL;

	if (!add_external(ipfix, record, &why))
		return fail(error, why);
	g_hash_table_insert(ipfix->layouts, GUINT_TO_POINTER(record->id),
			    wire_layout_new(record, NULL, NULL));
	return true;
}

static bool add_types(IpfixDomain *domain, GError **error)
{
	fbTemplate_t *internal = fbInfoElementAllocTypeTemplate(domain->model, error);
	fbTemplate_t *external;
	bool ok;

	if (!internal || !add_if(true, domain, true, TEMPLATE_TYPES, internal, error))
		return false;
	external = fbTemplateAlloc(domain->model);
	ok = fbTemplateAppendSpecArray(external, type_spec, 0, error);
	if (ok)
		fbTemplateSetOptionsScope(external, TYPE_SCOPE);
	return add_if(ok, domain, false, TEMPLATE_TYPES, external, error);
}

/* An exporter cannot change its limit, so each limit has a new one. */
static void ipfix_set_message_size(Domain *domain, size_t message_size)
{
	IpfixDomain *ipfix = (IpfixDomain *)domain;

	domain->message_size = message_size;
	domain->contents = (IpfixContents){ 0 };
	ipfix->area = g_realloc(ipfix->area, message_size);
	ipfix->exporter = fbExporterAllocBuffer(ipfix->area, (uint16_t)message_size);
	if (ipfix->buffer)
		fBufSetExporter(ipfix->buffer, ipfix->exporter);
	ipfix->is_written = false;
	wire_message_set_size(&ipfix->records, message_size);
}

/* Once all templates are in the session: libfixbuf would write later ones at once. */
static void ipfix_open(Domain *domain)
{
	IpfixDomain *ipfix = (IpfixDomain *)domain;

	ipfix->buffer = fBufAllocForExport(ipfix->session, ipfix->exporter);
	fBufSetAutomaticMode(ipfix->buffer, FALSE);
}

static void ipfix_set_export_time(Domain *domain, uint32_t export_time_s)
{
	IpfixDomain *ipfix = (IpfixDomain *)domain;

	fBufSetExportTime(ipfix->buffer, export_time_s);
	ipfix->export_time_s = export_time_s;
}

/* libfixbuf leaves the header of a set whose first item did not fit any more. */
static size_t trim_empty_set(uint8_t *message, size_t len)
{
	size_t end = IPFIX_HEADER_LEN;

	while (end + SET_HEADER_LEN < len) {
		size_t set_len = (size_t)message[end + 2] << 8 | message[end + 3];

		if (set_len <= SET_HEADER_LEN)
			break;
		end += set_len;
	}
	message[2] = (uint8_t)(end >> 8);
	message[3] = (uint8_t)end;
	return end;
}

static void take_message(Domain *domain, const uint8_t *octets, size_t len, GPtrArray *messages)
{
	IpfixMessage *message = domain_take_message(domain, octets, len);

	message->sequence_offset = IPFIX_SEQUENCE_OFFSET;
	message->sequence_step = message->contents.records;
	memset(message->data + IPFIX_SEQUENCE_OFFSET, 0, sizeof(uint32_t));
	g_ptr_array_add(messages, message);
}

/* What libfixbuf has written. */
static bool flush_written(IpfixDomain *domain, GPtrArray *messages, GError **error)
{
	g_autoptr(GError) why = NULL;
	size_t len;

	if (!domain->is_written)
		return true;
	domain->is_written = false;
	if (!fBufEmit(domain->buffer, &why))
		return fail(error, why);
	len = trim_empty_set(domain->area, fbExporterGetMsgLen(domain->exporter));
	take_message(&domain->domain, domain->area, len, messages);
	return true;
}

static void flush_records(IpfixDomain *domain, GPtrArray *messages)
{
	WireMessage *records = &domain->records;
	uint8_t *header = records->octets;

	if (!records->items)
		return;
	wire_message_end(records);
	wire_put16(header, IPFIX_VERSION);
	wire_put16(header + 2, (uint32_t)records->len);
	wire_put32(header + 4, domain->export_time_s);
	wire_put32(header + 12, domain->domain.id);
	take_message(&domain->domain, records->octets, records->len, messages);
	wire_message_start(records);
}

/* One of them is empty. */
static bool ipfix_flush(Domain *domain, GPtrArray *messages, GError **error)
{
	IpfixDomain *ipfix = (IpfixDomain *)domain;

	flush_records(ipfix, messages);
	if (!flush_written(ipfix, messages, error))
		return false;
	domain->first = domain->next;
	return true;
}

static bool put(IpfixDomain *domain, const Item *item, GPtrArray *messages, GError **error)
{
	g_autoptr(GError) full = NULL;
	g_autoptr(GError) why = NULL;

	flush_records(domain, messages);
	if (item->put(domain, item, &full)) {
		domain->is_written = true;
		return true;
	}
	/* So ends a message that is full, and also one of templates before the first record. */
	if (!g_error_matches(full, FB_ERROR_DOMAIN, FB_ERROR_EOM))
		return fail(error, full);
	if (!flush_written(domain, messages, error))
		return false;
	if (!item->put(domain, item, &why))
		return fail(error, why);
	domain->is_written = true;
	return true;
}

static gboolean write_template(IpfixDomain *domain, const Item *item, GError **error)
{
	return fbSessionExportTemplate(domain->session, item->id, error);
}

static bool ipfix_put_template(Domain *domain, uint16_t id, GPtrArray *messages, GError **error)
{
	const Item item = { .put = write_template, .id = id };

	return put((IpfixDomain *)domain, &item, messages, error);
}

static const WireLayout *find_layout(IpfixDomain *domain, uint16_t id)
{
	if (domain->layout_id != id) {
		domain->layout = g_hash_table_lookup(domain->layouts, GUINT_TO_POINTER(id));
		domain->layout_id = id;
	}
	return domain->layout;
}

static uint8_t *reserve(IpfixDomain *domain, uint16_t id, size_t len, GPtrArray *messages,
			GError **error)
{
	uint8_t *place = wire_message_add(&domain->records, id, len);

	if (place)
		return place;
	flush_records(domain, messages);
	place = wire_message_add(&domain->records, id, len);
	if (!place)
		error_set(error, "encode IPFIX: a message of %zu octets is too short for %zu",
			  domain->records.size, len);
	return place;
}

static bool ipfix_put_record(Domain *domain, uint16_t id, const void *record, GPtrArray *messages,
			     GError **error)
{
	IpfixDomain *ipfix = (IpfixDomain *)domain;
	const WireLayout *layout = find_layout(ipfix, id);
	uint8_t *place;

	if (!flush_written(ipfix, messages, error))
		return false;
	place = reserve(ipfix, id, wire_layout_len(layout), messages, error);
	if (!place)
		return false;
	wire_write(place, layout, record);
	domain->contents.records++;
	return true;
}

static gboolean write_type(IpfixDomain *domain, const Item *item, GError **error)
{
	return fbInfoElementWriteOptionsRecord(domain->buffer, item->element, TEMPLATE_TYPES,
					       TEMPLATE_TYPES, error);
}

static bool put_type(IpfixDomain *domain, const char *name, GPtrArray *messages, GError **error)
{
	const Item item = { .put = write_type,
			    .element = fbInfoModelGetElementByName(domain->model, name) };

	if (!put(domain, &item, messages, error))
		return false;
	domain->domain.contents.records++;
	return true;
}

static bool ipfix_put_types(Domain *domain, uint32_t needs, GPtrArray *messages, GError **error)
{
	if (!ipfix_put_template(domain, TEMPLATE_TYPES, messages, error))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(enterprise_elements); i++) {
		if ((enterprise_elements[i].needs & needs) &&
		    !put_type((IpfixDomain *)domain, enterprise_elements[i].element.ref.name,
			      messages, error))
			return false;
	}
	return true;
}

static fbInfoModel_t *model_new(uint32_t enterprise_number)
{
	fbInfoModel_t *model = fbInfoModelAlloc();

	for (size_t i = 0; i < G_N_ELEMENTS(enterprise_elements); i++) {
		fbInfoElement_t element = enterprise_elements[i].element;

		element.ent = enterprise_number;
		fbInfoModelAddElement(model, &element);
	}
	return model;
}

static const DomainForm form = {
	.free = ipfix_free,
	.add_template = ipfix_add_template,
	.open = ipfix_open,
	.set_message_size = ipfix_set_message_size,
	.set_export_time = ipfix_set_export_time,
	.put_template = ipfix_put_template,
	.put_record = ipfix_put_record,
	.put_types = ipfix_put_types,
	.flush = ipfix_flush,
};

Domain *ipfix_domain_new(uint32_t id, uint32_t enterprise_number)
{
	IpfixDomain *domain = g_new0(IpfixDomain, 1);
	g_autoptr(GError) error = NULL;

	domain->domain = (Domain){ .form = &form, .id = id };
	domain->layouts = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)wire_layout_free);
	domain->records = (WireMessage){ .header_len = IPFIX_HEADER_LEN, .padding = 1 };
	domain->model = model_new(enterprise_number);
	domain->session = fbSessionAlloc(domain->model);
	fbSessionSetDomain(domain->session, id);
	if (!add_types(domain, &error))
		g_error("%s", error->message); /* it has had these elements for ever */
	return &domain->domain;
}
