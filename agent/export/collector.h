/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Collecting Process as the Exporting Process sees it: the transport session with its sequence
 * numbers, when to announce templates again, and the account of what was sent and what was not.
 *
 * A session lasts as long as its socket. One that fails ends with the report, and the next report
 * begins another: until then all messages are dropped and counted.
 */
#ifndef FLOWTALLY_COLLECTOR_H
#define FLOWTALLY_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "config/config.h"
#include "ipfix.h"

typedef struct Collector Collector;

/* Each message that is not sent counts once, for its reason; EXPORT_ERROR_REFUSED are events. */
typedef enum {
	EXPORT_ERROR_SEND,    /* there is no socket, or the kernel refused the message */
	EXPORT_ERROR_REFUSED, /* an earlier one met no listener (ICMP) */
	EXPORT_ERROR_QUEUE,   /* no room in the queue, or it still waited at the next report */
	EXPORT_ERROR_ENCODE,  /* it does not fit the message size that the path allows */
	EXPORT_ERRORS,
} ExportErrorReason;

extern const char *const export_error_names[EXPORT_ERRORS]; /* labels for metrics */

/* Since the collector was first configured, also across restarts. */
typedef struct {
	uint64_t messages;
	uint64_t records;      /* data records, and ... */
	uint64_t flow_records; /* ... those of them that are not options */
	uint64_t octets;       /* of messages */
	uint64_t errors[EXPORT_ERRORS];
	uint64_t dropped_records;
	uint64_t dropped_flow_records;
	uint64_t dropped_packets; /* sums over the dropped flow records */
	uint64_t dropped_octets;
	uint64_t repeated_records; /* flow records that were sent, and after a crash again */
	uint64_t repeated_packets;
	uint64_t repeated_octets;
} ExportCounters;

/* What is kept of a collector when the process ends. */
typedef struct {
	uint64_t init_time_ms; /* since when the counters count */
	ExportCounters counters;
} CollectorAccount;

typedef struct {
	const CollectorConfig *config;
	ExportCounters counters;
	uint64_t last_sent_ms;	/* the report of which something was sent, 0: none yet */
	const char *last_error; /* NULL: the last report that was sent went without one */
	size_t queued;
	size_t max_message;
} CollectorStatus;

/* @config must outlive the collector, or be replaced before it goes. */
Collector *collector_new(const CollectorConfig *config);
void collector_free(Collector *collector);

/* @keep_session: what it was sent of templates holds under the new configuration, too. */
void collector_set_config(Collector *collector, const CollectorConfig *config, bool keep_session);

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
/* What it needed has been sent. */
void collector_set_refreshed(Collector *collector, const RefreshPolicy *policy);

/*
 * Sends, queues, or drops and counts @message. False: it is longer than collector_max_message() and
 * nothing has been done with it.
 */
bool collector_send(Collector *collector, const IpfixMessage *message);

/* For what was not even given to collector_send(). */
void collector_drop(Collector *collector, const IpfixContents *contents, ExportErrorReason reason,
		    const char *why);

/* The flow records of @contents may already have been sent before a crash. */
void collector_note_repetition(Collector *collector, const IpfixContents *contents);

bool collector_is_idle(const Collector *collector); /* nothing is queued */
void collector_give_up_queue(Collector *collector);

/* Valid until the next call; last_error until the next report ends. */
CollectorStatus collector_status(const Collector *collector);
const CollectorConfig *collector_config(const Collector *collector);
const CollectorAccount *collector_account(const Collector *collector);
void collector_set_account(Collector *collector, const CollectorAccount *account);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Collector, collector_free)

#endif
