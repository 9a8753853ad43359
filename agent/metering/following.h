/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the Observation Points what the configuration and the present interfaces say, whenever either
 * changes; and reads the interfaces' own counters around the moments that the ledger compares.
 */
#ifndef FLOWTALLY_FOLLOWING_H
#define FLOWTALLY_FOLLOWING_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "config/config.h"
#include "handlist.h"
#include "accounts/ledger.h"
#include "kernel/namespaces.h"
#include "observation.h"
#include "kernel/scope.h"

typedef struct Following Following;

/* All are borrowed; @config until following_set_config() replaces it. */
Following *following_new(const Config *config, Namespaces *namespaces, Observation *observation,
			 Scope *scope, Ledger *ledger);
void following_free(Following *following);

void following_set_config(Following *following, const Config *config);

/* Attaches, detaches, and tells the classifiers the prefixes; returns whether any point has changed.
 * Faults are logged, once each, and tried again by the next call. */
bool following_update(Following *following);

/* All hooks go but those that were attached by hand; what they have counted is still to be swept. Returns
 * whether any stays. */
bool following_detach(Following *following);

/*
 * By hand: from now on @how applies to @link whatever the configuration says; NULL: it is left alone. At
 * once, and for no other interface. With @replace its programs are loaded anew; with @dry nothing is done.
 * @changed says what was, or would be.
 */
typedef struct {
	bool replace;
	bool dry;
	uint32_t priority; /* only a filter that has this is detached; 0: whatever there is */
	uint32_t handle;   /* the same */
} ByHand;
bool following_by_hand(Following *following, const Link *link, const InterfaceConfig *how,
		       ByHand options, bool *changed, GError **error);

/* Whether interfaces of the namespace are asked for, by the configuration or by hand. */
bool following_wants_netns(const Following *following, const char *netns);

/* What was said by hand until now: to be saved and loaded with the sums. Borrowed. */
HandList *following_hand_list(Following *following);

/* Whether hooks have gone whose last packets are still to be read. */
bool following_is_draining(const Following *following);

/* To be called before the generation advances: what the interfaces have counted by then. */
void following_read_before(Following *following);

/* To be called after the grace period: adds to the ledger what the hooks of a point saw in the quiet
 * generation, and what its interface had counted. */
void following_count(Following *following, uint64_t interface, const struct ledger_sheet *sheets);

/* The quiet generation has been emptied: forgets the points whose hooks have gone and been read. */
void following_forget(Following *following);

/* Interfaces that the configuration names and that do not exist; names, the caller's to unref. */
GPtrArray *following_awaited(const Following *following);

/* Whether filters of ours have been found removed since the last update. */
bool following_is_bared(const Following *following);

/* What is wrong with an interface: its name to a message; borrowed. */
GHashTable *following_faults(const Following *following);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Following, following_free)

#endif
