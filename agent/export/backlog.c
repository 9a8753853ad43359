/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"

#include <assert.h>

struct Backlog {
	GQueue messages; /* of IpfixMessage; the oldest is the head */
	ExportSum sum;
	size_t max_octets;
};

Backlog *backlog_new(size_t max_octets)
{
	Backlog *backlog = g_new0(Backlog, 1);

	g_queue_init(&backlog->messages);
	backlog->max_octets = max_octets;
	return backlog;
}

void backlog_free(Backlog *backlog)
{
	if (!backlog)
		return;
	g_queue_clear_full(&backlog->messages, g_free);
	g_free(backlog);
}

void backlog_set_max(Backlog *backlog, size_t max_octets)
{
	backlog->max_octets = max_octets;
}

size_t backlog_messages(const Backlog *backlog)
{
	return backlog->messages.length;
}

size_t backlog_octets(const Backlog *backlog)
{
	return backlog->sum.message_octets;
}

ExportSum backlog_sum(const Backlog *backlog)
{
	return backlog->sum;
}

size_t backlog_max(const Backlog *backlog)
{
	return backlog->max_octets;
}

bool backlog_has_room(const Backlog *backlog, size_t octets)
{
	return backlog->sum.message_octets <= backlog->max_octets &&
	       octets <= backlog->max_octets - backlog->sum.message_octets;
}

void backlog_push(Backlog *backlog, const IpfixMessage *message)
{
	assert(backlog_has_room(backlog, message->contents.len));
	g_queue_push_tail(&backlog->messages,
			  g_memdup2(message, sizeof(*message) + message->contents.len));
	export_sum_add_contents(&backlog->sum, &message->contents);
}

IpfixMessage *backlog_pop(Backlog *backlog)
{
	IpfixMessage *message = g_queue_pop_head(&backlog->messages);

	if (message)
		export_sum_subtract_contents(&backlog->sum, &message->contents);
	return message;
}

void backlog_unpop(Backlog *backlog, IpfixMessage *message)
{
	g_queue_push_head(&backlog->messages, message);
	export_sum_add_contents(&backlog->sum, &message->contents);
}
