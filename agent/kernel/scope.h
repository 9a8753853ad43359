/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses are what, as the classifiers see it: the hosts that are told apart on each interface
 * (`hosts.local`), the far ends that are not the internet (`not-internet`, and this machine itself), and which are
 * another network namespace's own.
 *
 * Both are longest-prefix tries in the kernel, pinned so that the classifiers of an earlier agent go on
 * with what it has set until this one sets it anew.
 */
#ifndef FLOWTALLY_SCOPE_H
#define FLOWTALLY_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "base/prefix.h"

typedef struct Scope Scope;

typedef enum {
	SCOPE_MAP_LOCAL,
	SCOPE_MAP_FAR_ENDS,
	SCOPE_MAP_HINTS,
	SCOPE_MAPS,
} ScopeMap;

/* Opens what is pinned in @dir, or makes it there; maps_prepare() has been called for it. */
Scope *scope_open(const char *dir, GError **error);
void scope_close(Scope *scope); /* the pins stay */

/* Borrowed, for loading a classifier. */
int scope_map_fd(const Scope *scope, ScopeMap map);

/*
 * Replace what there was by @prefixes (of Prefix), in such an order that what stays is never missing.
 * A set that is there already costs nothing. @point is its number.
 */
bool scope_set_local(Scope *scope, uint16_t point, const GArray *prefixes, GError **error);

/* The same of far ends: @own are those of SCOPE_ROUTER, the rest of @not_internet those of SCOPE_LOCAL. */
bool scope_set_far_ends(Scope *scope, const GArray *not_internet, const GArray *own,
			GError **error);

/*
 * The same of the own addresses of other network namespaces, for the flows that stay there: @homes has a GArray of
 * Prefix for each scope_home(). To hosts they are what they are to this machine.
 */
bool scope_set_homes(Scope *scope, GHashTable *homes, GError **error);

/* By what a classifier finds the own addresses of its network namespace; 0: it is ours. */
uint32_t scope_home(uint32_t netns_id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scope, scope_close)

#endif
