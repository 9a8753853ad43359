/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool of one collector, if it is to have one: opened when it is needed, its troubles said once, and what is found in it
 * reconciled with the account of a process before.
 *
 * It is opened late, for another collector may have had it until now, and the account be still to come. As long as it cannot
 * be opened it is as if there were none, and each report tries again.
 */
#ifndef FLOWTALLY_COLLECTORSPOOL_H
#define FLOWTALLY_COLLECTORSPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "collectoraccount.h"
#include "config/config.h"
#include "ipfix.h"
#include "spool.h"

typedef struct CollectorSpool CollectorSpool;

typedef struct {
	/* What is in memory since it could not be opened is newer than what is in it. */
	void (*opened)(void *user_data);
	/* All of it has been read; of what a process before had made this has been found nowhere. */
	void (*read)(const ExportSum *missing, void *user_data);
	/* Has been counted as dropped, and said. */
	void (*lost)(const SpoolLoss *loss, void *user_data);
	/* Something is wrong with it, and that has been said. */
	void (*failed)(const char *what, void *user_data);
} CollectorSpoolEvents;

/* @config and @account must outlive it, or @config be replaced before it goes. It counts what is found and what is lost. */
CollectorSpool *collector_spool_new(const CollectorConfig *config, CollectorAccount *account,
				    const CollectorSpoolEvents *events, void *user_data);
void collector_spool_free(CollectorSpool *spool); /* what is in it stays */

/* What is in one that is not used any more stays there, and counts as dropped. */
void collector_spool_set_config(CollectorSpool *spool, const CollectorConfig *config);

/* What a process before has made and neither sent nor dropped: it is in there, or lost. */
void collector_spool_reckon_with(CollectorSpool *spool, const ExportSum *untold);

/* What messages that are pushed need: IpfixMessages, which are copied. */
void collector_spool_set_templates(CollectorSpool *spool, const GPtrArray *messages);
/* The same for those that say the same; NULL: none have been set, nor has it been opened. */
const char *collector_spool_own_layout(const CollectorSpool *spool);

/* If there is to be one and it is not yet. */
void collector_spool_open(CollectorSpool *spool);
/* NULL where it is not open. Borrowed, until it is given another configuration. */
Spool *collector_spool_opened(const CollectorSpool *spool);

/* With each report: tries to open it, and says what works again. */
void collector_spool_begin_report(CollectorSpool *spool);

/* Whether messages can be expected to be kept that are pushed now. */
bool collector_spool_can_keep(const CollectorSpool *spool);

/* What waits in it, with what has not been found yet. */
ExportSum collector_spool_sum(CollectorSpool *spool);

/* As in spool.h, where it is open; that it cannot be written is then said, and pops are to be at a rate: there may be much, and
 * nobody waits for it. */
bool collector_spool_push(CollectorSpool *spool, const IpfixMessage *message, GError **error);
guint collector_spool_push_front(CollectorSpool *spool, const GPtrArray *messages, GError **error);
int64_t collector_spool_delay_us(const CollectorSpool *spool); /* before the next one is popped */
IpfixMessage *collector_spool_pop(CollectorSpool *spool, SpoolPlace *place);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CollectorSpool, collector_spool_free)

#endif
