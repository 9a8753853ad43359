/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of IPFIX (RFC 7011), by libfixbuf, which serves as a codec that writes to memory. The only module
 * that knows it, and how it has to be treated.
 *
 * libfixbuf knows several domains in a session, but would let one message have records of two; so each
 * domain has a session of its own.
 */
#include "domain.h"

#include <string.h>

#include <fixbuf/public.h>

#include "base/error.h"

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
	GHashTable *templates;	/* of Template, by their ids; borrowed */
	GHashTable *kinds;	/* of RecordKind: those that libfixbuf knows */
	fBuf_t *buffer;		/* owns the session and the exporter; NULL until it is open */
	fbExporter_t *exporter; /* writes to @area */
	uint8_t *area;
	const Template *selected; /* of the record before; NULL: none */
} IpfixDomain;

/* One thing that goes into a message: a template, or a record of one. */
typedef struct Item Item;
struct Item {
	gboolean (*put)(IpfixDomain *domain, const Item *item, GError **error);
	uint16_t id;
	const Template *record; /* of @data, ... */
	const void *data;	/* ... or the fbInfoElement_t that is described */
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
	g_hash_table_unref(ipfix->templates);
	g_hash_table_unref(ipfix->kinds);
	g_free(ipfix->area);
	g_free(ipfix);
}

static bool append(fbTemplate_t *template, const char *name, uint16_t len, GError **error)
{
	fbInfoElementSpec_t spec = { (char *)name, len, 0 };

	return fbTemplateAppendSpec(template, &spec, 0, error);
}

static bool append_members(fbTemplate_t *template, const RecordKind *kind, GError **error)
{
	for (const RecordField *field = kind->fields; field->name; field++) {
		if (!append(template, field->name, field->len, error))
			return false;
	}
	return true;
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

/* What a record is like in memory, libfixbuf calls an internal template. */
static bool add_kind(IpfixDomain *domain, const RecordKind *kind, GError **error)
{
	fbTemplate_t *template;

	if (!g_hash_table_add(domain->kinds, (void *)kind))
		return true;
	template = fbTemplateAlloc(domain->model);
	return add_if(append_members(template, kind, error), domain, true, kind->id, template,
		      error);
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

	if (!add_kind(ipfix, record->kind, &why) || !add_external(ipfix, record, &why))
		return fail(error, why);
	g_hash_table_insert(ipfix->templates, GUINT_TO_POINTER(record->id), (void *)record);
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
	ipfix->selected = NULL;
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
	fBufSetExportTime(((IpfixDomain *)domain)->buffer, export_time_s);
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

static bool ipfix_flush(Domain *domain, GPtrArray *messages, GError **error)
{
	IpfixDomain *ipfix = (IpfixDomain *)domain;
	g_autoptr(GError) why = NULL;
	IpfixMessage *message;
	size_t len = 0;

	/* Where there is nothing to write, the exporter's length is still that of the message
	 * before; the version, which is in the second octet, tells. */
	ipfix->area[1] = 0;
	if (!fBufEmit(ipfix->buffer, &why))
		return fail(error, why);
	if (ipfix->area[1] == IPFIX_VERSION)
		len = trim_empty_set(ipfix->area, fbExporterGetMsgLen(ipfix->exporter));
	if (len <= IPFIX_HEADER_LEN)
		return true;
	message = domain_take_message(domain, ipfix->area, len);
	message->sequence_offset = IPFIX_SEQUENCE_OFFSET;
	message->sequence_step = message->contents.records;
	memset(message->data + IPFIX_SEQUENCE_OFFSET, 0, sizeof(uint32_t));
	g_ptr_array_add(messages, message);
	return true;
}

static bool put(IpfixDomain *domain, const Item *item, GPtrArray *messages, GError **error)
{
	g_autoptr(GError) full = NULL;
	g_autoptr(GError) why = NULL;

	if (item->put(domain, item, &full))
		return true;
	/* So ends a message that is full, and also one of templates before the first record. */
	if (!g_error_matches(full, FB_ERROR_DOMAIN, FB_ERROR_EOM))
		return fail(error, full);
	if (!ipfix_flush(&domain->domain, messages, error))
		return false;
	return item->put(domain, item, &why) || fail(error, why);
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

static gboolean write_record(IpfixDomain *domain, const Item *item, GError **error)
{
	const Template *record = item->record;

	if (domain->selected != record) {
		if (!fBufSetInternalTemplate(domain->buffer, record->kind->id, error) ||
		    !fBufSetExportTemplate(domain->buffer, record->id, error))
			return FALSE;
		domain->selected = record;
	}
	return fBufAppend(domain->buffer, (uint8_t *)item->data, record->kind->len, error);
}

static bool ipfix_put_record(Domain *domain, uint16_t id, const void *record, GPtrArray *messages,
			     GError **error)
{
	IpfixDomain *ipfix = (IpfixDomain *)domain;
	Item item = { .put = write_record, .record = ipfix->selected, .data = record };

	if (!item.record || item.record->id != id)
		item.record = g_hash_table_lookup(ipfix->templates, GUINT_TO_POINTER(id));
	if (!put(ipfix, &item, messages, error))
		return false;
	domain->contents.records++;
	return true;
}

static gboolean write_type(IpfixDomain *domain, const Item *item, GError **error)
{
	domain->selected = NULL;
	return fbInfoElementWriteOptionsRecord(domain->buffer, item->data, TEMPLATE_TYPES,
					       TEMPLATE_TYPES, error);
}

static bool put_type(IpfixDomain *domain, const char *name, GPtrArray *messages, GError **error)
{
	const Item item = { .put = write_type,
			    .data = fbInfoModelGetElementByName(domain->model, name) };

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

Domain *ipfix_domain_new(uint32_t id, uint32_t stream, uint32_t enterprise_number)
{
	IpfixDomain *domain = g_new0(IpfixDomain, 1);
	g_autoptr(GError) error = NULL;

	domain->domain = (Domain){ .form = &form, .id = id, .stream = stream };
	domain->templates = g_hash_table_new(NULL, NULL);
	domain->kinds = g_hash_table_new(NULL, NULL);
	domain->model = model_new(enterprise_number);
	domain->session = fbSessionAlloc(domain->model);
	fbSessionSetDomain(domain->session, id);
	if (!add_types(domain, &error))
		g_error("%s", error->message); /* it has had these elements for ever */
	return &domain->domain;
}
