/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The balance sheet: for each interface and hook, the frames that passed it, by class, against what the
 * interface itself has counted since the hook was attached.
 *
 * The hook and the interface cannot be read at one instant. So the interface is read before the
 * generation flips and again after the grace period: what the hook has seen must lie between the two.
 * The same holds for the moment of attaching. Without traffic all bounds are equal, and the comparison
 * is exact to the octet.
 */
#ifndef FLOWTALLY_LEDGER_H
#define FLOWTALLY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "hosts.h"
#include "records.h"
#include "base/totals.h"

typedef struct Ledger Ledger;

/* An interface's own counter was somewhere from `low` to `high` at the moment in question. */
typedef struct {
	uint64_t low;
	uint64_t high;
} Bounds;

typedef struct {
	Bounds frames[HOOKS];
	Bounds octets[HOOKS];
} LinkBounds;

typedef struct {
	const char *interface; /* its name in reports; interned */
	enum hook hook;
	struct ledger_sheet sheet;
	/* The sum of all classes. */
	struct ledger_entry total;
	bool meters_flows; /* some frame was in one of their classes */
	Volume flows;	   /* what came to flows: as much as was counted to them */
	bool meters_sizes; /* the sheet has some */
	/* What the interface counted meanwhile. */
	Bounds link_frames;
	Bounds link_octets;
	/* The interface's count less the hook's, on the basis by which this interface counts; 0: balanced. */
	int64_t frames_difference;
	int64_t octets_difference;
	bool balanced;
	const char *explanation; /* how the interface counts, or what the difference may be */
} LedgerRow;

extern const char *const ledger_class_names[LEDGER_CLASSES];
extern const char *const flow_class_names[FLOW_CLASSES];
extern const char *const hook_names[HOOKS]; /* receive, transmit */

/* @max_in_flight: frames that may wait between an interface's counter and the hook. */
Ledger *ledger_new(uint64_t max_in_flight);
void ledger_free(Ledger *ledger);

/*
 * Several interfaces may go by one name in reports: by an alias, or because one has been made anew while
 * the last frames of the other are still to be read. Their sheets add up; each interface_id()
 * has its own attachment.
 */

/* An attachment begins; the interface's counters were within @link around that moment. */
void ledger_attach(Ledger *ledger, const char *interface, uint64_t id, const LinkBounds *link);

/* The interface counts something else than what passes the hooks, as @why says (a literal): that its counters
 * differ is no imbalance. NULL takes that back. */
void ledger_excuse(Ledger *ledger, const char *interface, const char *why);

/* Whether an attachment has begun and is not over. */
bool ledger_is_attached(const Ledger *ledger, const char *interface, uint64_t id);

/* The attachment is over: what the interface counts from now on is not ours. */
void ledger_detach(Ledger *ledger, const char *interface, uint64_t id);

/* All attachments are over: those that were loaded are of interfaces that have gone. */
void ledger_detach_all(Ledger *ledger);

/* What the hooks of @interface saw in the generation now read, and the interface's counters then.
 * @link NULL: it is gone and cannot be asked any more; its counters are taken as the hooks saw it. */
void ledger_add(Ledger *ledger, const char *interface, uint64_t id,
		const struct ledger_sheet *sheets, const LinkBounds *link);

/* What came to flows of that which the hook of @interface saw in the generation now read. */
void ledger_add_flows(Ledger *ledger, const char *interface, enum hook hook, const Volume *volume);

/* All rows, in the order of attachment. */
GArray *ledger_list(const Ledger *ledger); /* of LedgerRow; the caller's to unref */
bool ledger_is_balanced(const Ledger *ledger);

/* The sum of all that is not counted to hosts, for the statistics (RFC 7011, 4.1: ignored). */
Volume ledger_ignored(const Ledger *ledger);

void ledger_save(const Ledger *ledger, TotalsWriter *writer);
bool ledger_load(Ledger *ledger, TotalsReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ledger, ledger_free)

#endif
