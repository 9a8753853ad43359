/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Exporting Process (RFC 7011, section 1): which records go to which collector, templates first
 * and again at every refresh, sequence numbers, and the account of what was sent and what was not.
 *
 * Collectors stand alone: one that fails costs the others nothing. Those with the same layout share
 * one encoding.
 */
#ifndef FLOWTALLY_EXPORTING_H
#define FLOWTALLY_EXPORTING_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "config.h"
#include "hosts.h"
#include "ipfix.h"
#include "totals.h"

typedef struct Exporting Exporting;

typedef enum {
	EXPORT_ERROR_SEND,    /* the kernel refused the message */
	EXPORT_ERROR_REFUSED, /* an earlier one met no listener (ICMP) */
	EXPORT_ERROR_QUEUE,   /* it waited until the next report was due */
	EXPORT_ERROR_ENCODE,  /* it does not fit the message size that the path allows */
	EXPORT_ERRORS,
} ExportErrorReason;

extern const char *const export_error_names[EXPORT_ERRORS]; /* labels for metrics */

/* Since the agent first ran; kept across restarts by exporting_save(). */
typedef struct {
	uint64_t messages;
	uint64_t records; /* data records */
	uint64_t octets;  /* of messages */
	uint64_t errors[EXPORT_ERRORS];
	uint64_t dropped_records;
	uint64_t dropped_packets; /* sums over the dropped records */
	uint64_t dropped_octets;
	uint64_t repeated_records; /* sent again after a crash: the collector may have them twice */
	uint64_t repeated_packets;
	uint64_t repeated_octets;
} ExportCounters;

typedef struct {
	const CollectorConfig *config;
	ExportCounters counters;
	uint64_t last_sent_ms;	/* since the epoch, 0: never */
	const char *last_error; /* NULL: none since the last success */
	size_t queued;
	size_t max_message;
} CollectorStatus;

/* Takes over the counters, sessions and sequence numbers of collectors that @old has, too, by
 * address and layout; @old may be NULL and is freed. @config must outlive the result. */
Exporting *exporting_new(const Config *config, Exporting *old, GError **error);
void exporting_free(Exporting *exporting);

/*
 * Reports the @n deltas of the period from @start_ms to @end_ms. Before the first data, and when a
 * refresh is due by @now_ms, come templates, options and statistics. @repeated: this very report
 * may have been sent before a crash. @interfaces is for the options records; @ignored sums up what
 * the ledger has outside the hosts.
 */
void exporting_report(Exporting *exporting, uint64_t now_ms, uint64_t start_ms, uint64_t end_ms,
		      const HostDelta *deltas, size_t n, bool repeated,
		      const IpfixInterface *interfaces, size_t interfaces_n, const Volume *ignored);

/* Whether nothing waits in any queue. */
bool exporting_is_idle(const Exporting *exporting);

/* What still waits in queues is given up and counted. */
void exporting_give_up_queues(Exporting *exporting);

/* One at a time, from 0; false past the last. */
bool exporting_status(const Exporting *exporting, size_t index, CollectorStatus *status);

void exporting_save(const Exporting *exporting, TotalsWriter *writer);
bool exporting_load(Exporting *exporting, TotalsReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Exporting, exporting_free)

#endif
