/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Collecting Process as the Exporting Process sees it: the transport session with its sequence
 * numbers, when to announce templates again, what waits to be sent, and the account of what was sent and what
 * was not.
 *
 * Messages for which there is no session, or which it cannot take yet, wait in a backlog; of too many the oldest
 * are dropped. Where there is a spool, they go there while there is no session, and those for which the backlog has no
 * room, and all that come while there is anything in it: so they leave in their order, if slowly. What was spooled
 * with other templates than those of now has a session of its own. Over UDP they wait for the next report at most, and a session that fails begins anew with it: until
 * then all messages are dropped.
 *
 * A message counts as sent when the kernel has taken it, or, of a connection, when the far end's kernel has said to
 * have it; whether the collector has read it nobody can know. When a session breaks, what our kernel still had of it
 * is lost, and counted. What was still in our hands, be it half a message, is sent in the next session.
 */
#ifndef FLOWTALLY_COLLECTOR_H
#define FLOWTALLY_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "config/config.h"
#include "collectoraccount.h"
#include "exportsum.h"
#include "ipfix.h"
#include "session.h"

typedef struct Collector Collector;

typedef struct {
	const CollectorConfig *config;
	ExportCounters counters;
	uint64_t last_sent_ms;	/* the report of which something was sent, 0: none yet */
	const char *last_error; /* NULL: the last report that was sent went without one */
	SessionStatus session;
	ExportSum queued;  /* of which it is not known that it has arrived */
	ExportSum spooled; /* that waits in the spool, beside these */
	size_t max_message;
	bool active; /* by exporting_status(): it is not one that has no records while another is up */
} CollectorStatus;

/*
 * A session has opened, and what is sent by collector_send() in this call goes before all that waits: the collector
 * is to be told everything. Comes from the main context; where collector_begin_report() has opened one, not at all.
 */
typedef void (*CollectorOpened)(Collector *collector, void *user_data);

/* @config must outlive the collector, or be replaced before it goes. */
Collector *collector_new(const CollectorConfig *config);
void collector_free(Collector *collector);

/* NULL: nobody is told. */
void collector_set_opened(Collector *collector, CollectorOpened on_opened, void *user_data);

/* @same_layout: what it was sent of templates, and what waits, holds under the new configuration, too. */
void collector_set_config(Collector *collector, const CollectorConfig *config, bool same_layout);

/*
 * Whether it is to know the templates of what it is sent, also while it is not to be told any: they go into the spool. Then
 * it is to know them, IpfixMessages, before what is sent in a report.
 */
bool collector_keeps_templates(const Collector *collector);
void collector_keep_templates(Collector *collector, const GPtrArray *messages);

/* Between these two a report is sent; they log what begins to fail and what works again. */
void collector_begin_report(Collector *collector, uint64_t now_ms);
void collector_end_report(Collector *collector);

bool collector_has_session(const Collector *collector);

/* The longest message that the path takes, or 0 if that is not known. */
size_t collector_max_message(const Collector *collector);

/* How often a session needs templates, and options with them. */
typedef struct {
	uint64_t report_interval_ms;
	uint64_t template_refresh_ms;
	uint64_t options_version; /* options are due whenever this changes */
} RefreshPolicy;

bool collector_needs_templates(const Collector *collector, const RefreshPolicy *policy);
bool collector_needs_options(const Collector *collector, const RefreshPolicy *policy);
bool collector_needs_statistics(const Collector *collector, const RefreshPolicy *policy);
/* It knows too little: with the next report it needs everything. */
void collector_tell_again(Collector *collector);
/* What it needed has been sent, unless the session has ended meanwhile: the next one needs it, too. */
void collector_set_refreshed(Collector *collector, const RefreshPolicy *policy);

/*
 * Sends, queues, or drops and counts @message. False: it is longer than collector_max_message() and
 * nothing has been done with it.
 */
bool collector_send(Collector *collector, const IpfixMessage *message);

/* For what was made, and not even given to collector_send(). */
void collector_drop(Collector *collector, const IpfixContents *contents, ExportErrorReason reason,
		    const char *why);

/* The flow records of @contents may already have been sent before a crash. */
void collector_note_repetition(Collector *collector, const IpfixContents *contents);

/* Whether nothing waits that collector_give_up_queue() would drop: what UDP has not taken yet. */
bool collector_is_idle(const Collector *collector);
void collector_give_up_queue(Collector *collector);

/* Whether more may be sent without need to drop it for want of room; also where waiting would be in vain. */
bool collector_is_ready(const Collector *collector);

/* Why it is no use to give it records now; NULL: it is up. Borrowed, until the next report ends. */
const char *collector_why_down(Collector *collector);

/* Whether what it is sent while it is down waits, and there is room. */
bool collector_can_keep(const Collector *collector);

/* What waits of traffic goes to @to, which is up and has the same layout, as far as that can take it; it is as if it had
 * never been given to @collector. */
void collector_move_queue(Collector *collector, Collector *to);

/* Whether nothing is on its way, or waits for a session that may come soon. What is in the spool stays there from now on. */
bool collector_is_drained(Collector *collector);

/* The end: what still waits is given up, if there is no spool, and nothing can be sent any more. */
void collector_close(Collector *collector);

/* Valid until the main context runs; last_error until the next report ends. */
CollectorStatus collector_status(Collector *collector);
const CollectorConfig *collector_config(const Collector *collector);
const CollectorAccount *collector_account(const Collector *collector);
/* That of a process before. What was neither sent nor dropped when that crashed is dropped. */
void collector_set_account(Collector *collector, const CollectorAccount *account);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Collector, collector_free)

#endif
