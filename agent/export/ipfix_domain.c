/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfix_domain.h"

#include <string.h>

#include "base/error.h"

#define IPFIX_VERSION 10
#define SET_HEADER_LEN 4

bool ipfix_fail(GError **error, const GError *why)
{
	error_set(error, "encode IPFIX: %s", why->message);
	return false;
}

void ipfix_domain_init(IpfixDomain *domain, fbInfoModel_t *model, uint32_t id, uint32_t stream)
{
	domain->id = id;
	domain->stream = stream;
	domain->session = fbSessionAlloc(model);
	fbSessionSetDomain(domain->session, id);
}

void ipfix_domain_done(IpfixDomain *domain)
{
	if (domain->buffer)
		fBufFree(domain->buffer);
	else if (domain->session)
		fbSessionFree(domain->session);
	g_free(domain->area);
}

/* An exporter cannot change its limit, so each limit has a new one. */
void ipfix_domain_set_message_size(IpfixDomain *domain, size_t message_size)
{
	domain->message_size = message_size;
	domain->area = g_realloc(domain->area, message_size);
	domain->exporter = fbExporterAllocBuffer(domain->area, (uint16_t)message_size);
	if (domain->buffer)
		fBufSetExporter(domain->buffer, domain->exporter);
	domain->selected = 0;
	domain->contents = (IpfixContents){ 0 };
}

void ipfix_domain_open(IpfixDomain *domain, size_t message_size)
{
	ipfix_domain_set_message_size(domain, message_size);
	domain->buffer = fBufAllocForExport(domain->session, domain->exporter);
	fBufSetAutomaticMode(domain->buffer, FALSE);
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

static IpfixMessage *message_new(const IpfixDomain *domain, size_t len)
{
	IpfixMessage *message = g_malloc(sizeof(*message) + len);

	message->contents = domain->contents;
	message->contents.len = len;
	message->observation_domain = domain->id;
	message->stream = domain->stream;
	message->first = domain->first;
	message->items = domain->next - domain->first;
	memcpy(message->data, domain->area, len);
	memset(message->data + IPFIX_SEQUENCE_OFFSET, 0, sizeof(uint32_t));
	return message;
}

bool ipfix_domain_flush(IpfixDomain *domain, GPtrArray *messages, GError **error)
{
	g_autoptr(GError) why = NULL;
	size_t len = 0;

	/* Where there is nothing to write, the exporter's length is still that of the message
	 * before; the version, which is in the second octet, tells. */
	domain->area[1] = 0;
	if (!fBufEmit(domain->buffer, &why))
		return ipfix_fail(error, why);
	if (domain->area[1] == IPFIX_VERSION)
		len = trim_empty_set(domain->area, fbExporterGetMsgLen(domain->exporter));
	if (len > IPFIX_HEADER_LEN)
		g_ptr_array_add(messages, message_new(domain, len));
	domain->contents = (IpfixContents){ 0 };
	domain->first = domain->next;
	return true;
}

void ipfix_domain_begin(IpfixDomain *domain, uint32_t export_time_s, size_t from)
{
	domain->first = domain->next = (uint32_t)from;
	fBufSetExportTime(domain->buffer, export_time_s);
}

bool ipfix_domain_put(IpfixDomain *domain, const IpfixItem *item, GPtrArray *messages,
		      GError **error)
{
	g_autoptr(GError) full = NULL;
	g_autoptr(GError) why = NULL;

	if (item->put(domain, item, &full))
		return true;
	/* So ends a message that is full, and also one of templates before the first record. */
	if (!g_error_matches(full, FB_ERROR_DOMAIN, FB_ERROR_EOM))
		return ipfix_fail(error, full);
	if (!ipfix_domain_flush(domain, messages, error))
		return false;
	return item->put(domain, item, &why) || ipfix_fail(error, why);
}

bool ipfix_domain_finish(IpfixDomain *domain, bool ok, GPtrArray *messages, GError **error)
{
	if (ok && ipfix_domain_flush(domain, messages, error))
		return true;
	ipfix_domain_set_message_size(domain, domain->message_size);
	return false;
}

gboolean ipfix_put_template(IpfixDomain *domain, const IpfixItem *item, GError **error)
{
	return fbSessionExportTemplate(domain->session, item->template_id, error);
}

gboolean ipfix_put_record(IpfixDomain *domain, const IpfixItem *item, GError **error)
{
	if (domain->selected != item->template_id) {
		if (!fBufSetInternalTemplate(domain->buffer, item->internal_id, error) ||
		    !fBufSetExportTemplate(domain->buffer, item->template_id, error))
			return FALSE;
		domain->selected = item->template_id;
	}
	return fBufAppend(domain->buffer, (uint8_t *)item->data, item->len, error);
}

gboolean ipfix_put_type(IpfixDomain *domain, const IpfixItem *item, GError **error)
{
	domain->selected = 0;
	return fbInfoElementWriteOptionsRecord(domain->buffer, item->data, item->internal_id,
					       item->template_id, error);
}
