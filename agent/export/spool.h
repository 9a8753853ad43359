/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that wait for a collector on disk: first in, first out, bounded in octets, of which the oldest go when there is no
 * room. They are still there after the end of the process, however that came.
 *
 * The directory has segments, NUMBER.ipfix, each a whole file of RFC 5655: the templates that its records have, and
 * then messages as they came, with sequence numbers of the file's own. What a message holds is read from
 * it. Beside them lie `position`, which says how far they have been sent (and is all that is of our own making), and `lock`.
 * What the machine's crash leaves of a segment is what the kernel has written of it.
 *
 * A message is popped to be sent, and acknowledged when nothing more is to be done about it: what is not is popped again
 * by the next process. Of what may have been sent before a crash it is known that it may.
 */
#ifndef FLOWTALLY_SPOOL_H
#define FLOWTALLY_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "exportsum.h"
#include "ipfix.h"
#include "sequences.h"

typedef struct Spool Spool;

/* What segments begin with: what a session is to be told before it understands their records. */
typedef struct SpoolTemplates SpoolTemplates;

/* @messages are IpfixMessages, which are copied. */
SpoolTemplates *spool_templates_new(const GPtrArray *messages);
void spool_templates_free(SpoolTemplates *templates);

/* The same for those that say the same, however it is cut into messages. */
const char *spool_templates_layout(const SpoolTemplates *templates);

/* What has gone without being popped. */
typedef struct {
	ExportSum sum; /* as far as it is known what was in it */
	const char *layout;
	const Sequences *steps; /* by how much those of a session go on; NULL: nobody knows */
	bool is_full;		/* there was no room for more; else the file was broken */
	const char *why;
} SpoolLoss;

typedef void (*SpoolLost)(const SpoolLoss *loss, void *user_data);

/*
 * The directory at @path is made if there is none, and kept from others. What is in it waits.
 * @on_lost is called from within any call but this one and spool_free().
 */
Spool *spool_new(const char *path, uint64_t max_octets, SpoolLost on_lost, void *user_data,
		 GError **error);
void spool_free(Spool *spool); /* what is in it stays */

/* What is more than that goes when the next message comes. */
void spool_set_max(Spool *spool, uint64_t max_octets);

/* False: there is more to be read of what was there at the beginning. A call reads a segment. */
bool spool_load(Spool *spool);

/* Behind all others. False if it cannot be written. */
bool spool_push(Spool *spool, const IpfixMessage *message, const SpoolTemplates *templates,
		GError **error);

/* Before all others that have not been popped, in their order; result: how many. The error is that of the next. */
guint spool_push_front(Spool *spool, const GPtrArray *messages, const SpoolTemplates *templates,
		       GError **error);

/* Whether there is nothing to pop. */
bool spool_is_empty(const Spool *spool);

/* What there is, as far as it has been read. */
ExportSum spool_waiting(const Spool *spool);

/* What there was at the beginning, as far as it has been read, whatever has become of it. */
ExportSum spool_found(const Spool *spool);

/* That of the message that is popped next; NULL: there is none. */
const char *spool_layout(Spool *spool);

/* The templates of that message: IpfixMessages. */
GPtrArray *spool_announcements(Spool *spool);

/* Where a popped message is. */
typedef struct {
	uint64_t segment; /* 0: it is in no spool */
	uint64_t begin;
	uint64_t end;
	bool may_be_repeated; /* it may have been sent before a crash */
} SpoolPlace;

/* The oldest, which is the caller's to free; NULL: there is none. */
IpfixMessage *spool_pop(Spool *spool, SpoolPlace *place);

/* What was popped last is the oldest again. False if it has gone meanwhile. */
bool spool_unpop(Spool *spool, const SpoolPlace *place, const IpfixMessage *message);

/* In the order of popping. */
void spool_acknowledge(Spool *spool, const SpoolPlace *place);

/* To be called after some of these. */
void spool_save_position(Spool *spool);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spool, spool_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SpoolTemplates, spool_templates_free)

#endif
