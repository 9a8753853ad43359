/* SPDX-License-Identifier: Apache-2.0 */
#include "domain.h"

#include <string.h>

void domain_free(Domain *domain)
{
	if (domain)
		domain->form->free(domain);
}

void domain_begin(Domain *domain, uint32_t export_time_s, size_t from)
{
	domain->first = domain->next = (uint32_t)from;
	domain->form->set_export_time(domain, export_time_s);
}

bool domain_finish(Domain *domain, bool ok, GPtrArray *messages, GError **error)
{
	if (ok && domain->form->flush(domain, messages, error))
		return true;
	domain->form->set_message_size(domain, domain->message_size);
	return false;
}

IpfixMessage *domain_take_message(Domain *domain, const uint8_t *data, size_t len)
{
	IpfixMessage *message = g_malloc(sizeof(*message) + len);

	message->contents = domain->contents;
	message->contents.len = len;
	message->observation_domain = domain->id;
	message->first = domain->first;
	message->items = domain->next - domain->first;
	memcpy(message->data, data, len);
	domain->contents = (IpfixContents){ 0 };
	domain->first = domain->next;
	return message;
}
