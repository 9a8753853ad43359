/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Exporting Process (RFC 7011, section 1): which records go to which collector, and templates
 * and options before them and again at every refresh.
 *
 * Collectors stand alone: one that fails costs the others nothing. Those with the same layout share
 * one encoding, which is as long as the paths to all of them allow; for one whose path turns out to
 * be narrower the rest is encoded again.
 */
#ifndef FLOWTALLY_EXPORTING_H
#define FLOWTALLY_EXPORTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "collector.h"
#include "config/config.h"
#include "accounts/flows.h"
#include "accounts/hosts.h"
#include "ipfix.h"
#include "names/names.h"
#include "base/totals.h"

typedef struct Exporting Exporting;

/* What is told together. */
typedef struct {
	uint64_t now_ms;
	uint64_t start_ms; /* of the period that @deltas are of */
	uint64_t end_ms;
	const HostDelta *deltas;
	size_t deltas_n;
	const GArray *flows; /* of FlowRecord; NULL: none are metered, and no template is sent */
	const IpfixInterface *interfaces; /* for the options records */
	size_t interfaces_n;
	Volume ignored; /* sums up what the ledger has outside the hosts */
	/* The balance sheet, of IpfixLedgerEntry, and who is called how, of IpfixName: the caller's to unref,
	 * what they point to is borrowed until the loop runs again. NULL: nobody can say. Asked for also after
	 * the report, when a session opens. */
	GArray *(*list_ledger)(void *user_data);
	GArray *(*list_names)(void *user_data);
	/* To each of @n flows its FlowRoute; NULL: nobody wants to know. */
	void (*find_routes)(const FlowRecord *flows, size_t n, FlowRoute *found, void *user_data);
	void *user_data;
} ExportReport;

/*
 * Of a collector that @old has by the same address the account is taken over; where the layout is the
 * same the session, too, with its sequence numbers. @old may be NULL and is freed, after what its
 * report still lacks has been sent; its configuration must still be there. @config must outlive the
 * result.
 */
Exporting *exporting_new(const Config *config, Exporting *old);
void exporting_free(Exporting *exporting);

/*
 * Begins a report: before the first data, and when a refresh is due by now_ms, come templates, options
 * and statistics, and then all hosts. What @report points to is borrowed until the report is done; the
 * one before must be.
 */
void exporting_begin(Exporting *exporting, const ExportReport *report);

/*
 * Sends the next some thousand flows; false: that was the end. A report is done when this has returned
 * false, also one without flows. Between two calls the main context may run, and what waits in a queue
 * leaves: whoever goes on when exporting_is_ready() fills none.
 */
bool exporting_step(Exporting *exporting);

/* Who is called how in records with names; borrowed, and kept by exporting_new(). NULL: nobody has a name. */
void exporting_set_names(Exporting *exporting, const Names *names);

/* What @report has may have been sent before a crash; it will be reported next. */
void exporting_note_repetition(Exporting *exporting, const ExportReport *report);

/* Whether nothing waits that exporting_give_up_queues() would drop. */
bool exporting_is_idle(const Exporting *exporting);

/* Whether all that can take more soon have room for it. */
bool exporting_is_ready(const Exporting *exporting);

/* Whether nothing is on its way, nor waits for a session that may come soon. */
bool exporting_is_drained(const Exporting *exporting);

/* What UDP has not taken of a report is given up and counted. */
void exporting_give_up_queues(Exporting *exporting);

/* The end: what still waits is counted, and nothing can be sent any more. */
void exporting_close(Exporting *exporting);

/* One at a time, from 0; false past the last. */
bool exporting_status(const Exporting *exporting, size_t index, CollectorStatus *status);

void exporting_save(const Exporting *exporting, TotalsWriter *writer);
bool exporting_load(Exporting *exporting, TotalsReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Exporting, exporting_free)

#endif
