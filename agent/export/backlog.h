/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that wait until a collector takes them: first in, first out, bounded in octets. Whoever puts one in makes
 * room first, and so decides, and counts, what goes.
 *
 * Their sequence numbers are written when they leave: only then is it known in which session that is.
 */
#ifndef FLOWTALLY_BACKLOG_H
#define FLOWTALLY_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "exportsum.h"
#include "ipfix.h"

typedef struct Backlog Backlog;

Backlog *backlog_new(size_t max_octets);
void backlog_free(Backlog *backlog); /* with what is in it */

/* What is in it stays, also if it is more than that. */
void backlog_set_max(Backlog *backlog, size_t max_octets);

size_t backlog_messages(const Backlog *backlog);
size_t backlog_octets(const Backlog *backlog);
ExportSum backlog_sum(const Backlog *backlog); /* of all in it */
size_t backlog_max(const Backlog *backlog);
bool backlog_has_room(const Backlog *backlog, size_t octets);

/* Behind all others; a copy is made. There must be room. */
void backlog_push(Backlog *backlog, const IpfixMessage *message);

/* The oldest one, which is the caller's to free; NULL: there is none. */
IpfixMessage *backlog_pop(Backlog *backlog);

/* What was popped last becomes the oldest again; takes @message. Needs no room. */
void backlog_unpop(Backlog *backlog, IpfixMessage *message);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Backlog, backlog_free)

#endif
