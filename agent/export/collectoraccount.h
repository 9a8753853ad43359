/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has become of the messages that were made for one collector, in messages, records, packets and octets: all that was
 * made was sent, waits, was moved or was dropped. What waits is not kept here: whoever keeps it knows.
 */
#ifndef FLOWTALLY_COLLECTORACCOUNT_H
#define FLOWTALLY_COLLECTORACCOUNT_H

#include <stdint.h>

#include "exportsum.h"
#include "ipfix.h"

/* Each message that is not sent counts once, for its reason. */
typedef enum {
	EXPORT_ERROR_SEND,   /* there is no socket, or the kernel refused the message */
	EXPORT_ERROR_QUEUE,  /* no room in the queue or the spool, or it waited too long */
	EXPORT_ERROR_ENCODE, /* it does not fit the message size that the path allows */
	EXPORT_ERROR_BROKEN, /* the kernel had it when the session broke, or it waited when the agent crashed: it
			      * may have arrived */
	EXPORT_ERROR_SPOOL, /* it cannot be written to the spool, or not be read from it */
	EXPORT_LOSSES,

	/* Events: an earlier message, which counts as sent, met no listener (ICMP). */
	EXPORT_ERROR_REFUSED = EXPORT_LOSSES,
	EXPORT_ERRORS,
} ExportErrorReason;

extern const char *const export_error_names[EXPORT_ERRORS]; /* labels for metrics */

/*
 * Since the collector was first configured, also across restarts. What was made is what was sent, what waits
 * (CollectorStatus), what was moved and what was dropped, at every moment that others see.
 */
typedef struct {
	ExportSum made; /* for this collector */
	ExportSum sent;
	ExportSum moved; /* to another one of its group, which has made it, too */
	ExportSum dropped;
	ExportSum dropped_for[EXPORT_LOSSES]; /* the same by reason */
	uint64_t errors[EXPORT_ERRORS];
	uint64_t repeated_records; /* flow records that were sent, and after a crash again */
	uint64_t repeated_packets;
	uint64_t repeated_octets;
} ExportCounters;

/* What is kept of a collector when the process ends. */
typedef struct {
	uint64_t init_time_ms; /* since when the counters count */
	ExportCounters counters;
} CollectorAccount;

void collector_account_add_made(CollectorAccount *account, const IpfixContents *contents);
void collector_account_add_sent(CollectorAccount *account, const IpfixContents *contents);
void collector_account_add_moved(CollectorAccount *account, const IpfixContents *contents);
void collector_account_add_dropped(CollectorAccount *account, const IpfixContents *contents,
				   ExportErrorReason reason);
void collector_account_add_sum_dropped(CollectorAccount *account, const ExportSum *sum,
				       ExportErrorReason reason);

/* The flow records of @contents may already have been sent before a crash. */
void collector_account_add_repeated(CollectorAccount *account, const IpfixContents *contents);

/* What was made and is in none of the others: at that moment it waited. */
ExportSum collector_account_untold(const CollectorAccount *account);

#endif
