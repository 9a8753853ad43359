/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interfaces of all network namespaces that are followed: of the agent's own, and of those that are
 * asked for by name. Named ones are followed as they appear and vanish, which is told by the directory
 * that `ip netns` keeps and by what is mounted in it.
 *
 * A namespace that has lost its name may live on by its processes. Its interfaces are not listed any
 * more, but it is left only by namespaces_leave(), so that what is attached there can be detached before.
 */
#ifndef FLOWTALLY_NAMESPACES_H
#define FLOWTALLY_NAMESPACES_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "links.h"
#include "netns.h"

typedef struct Namespaces Namespaces;

/* Whether the named namespace is asked for. */
typedef bool (*NamespacesFilter)(const char *name, void *user_data);

/* Reads the own namespace before it returns. @on_change as in links.h; NULL: nothing is followed. */
Namespaces *namespaces_new(LinksCallback on_change, void *user_data, GError **error);
void namespaces_free(Namespaces *namespaces);

/* From now on those are followed that @filter accepts; on_change is not called for what that changes. */
void namespaces_set_filter(Namespaces *namespaces, NamespacesFilter filter, void *user_data);

/* Nothing is attached any more where no interface is listed. Returns whether one that was left is followed
 * again, under another name. */
bool namespaces_leave(Namespaces *namespaces);

/* The interfaces of all: the own ones first, by ifindex. Borrowed; valid until the main context runs. */
const GPtrArray *namespaces_links(const Namespaces *namespaces); /* of Link */
const Link *namespaces_find(const Namespaces *namespaces, uint64_t interface);

/* The namespace of an interface, also of one that is not listed; NULL: it is not open. */
const Netns *namespaces_of(const Namespaces *namespaces, uint64_t interface);

/* As links_read_counters(). */
bool namespaces_read_counters(const Namespaces *namespaces, uint64_t interface,
			      LinkCounters *counters, GError **error);

/* Namespaces that are asked for and cannot be followed: name to reason; borrowed. */
GHashTable *namespaces_faults(const Namespaces *namespaces);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Namespaces, namespaces_free)

#endif
