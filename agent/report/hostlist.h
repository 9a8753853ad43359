/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document "hosts" as one line of text, made in slices: with many thousand hosts it would otherwise keep the loop
 * from everything else for a second. All slices are of the moment at which it was begun, but for names.
 */
#ifndef FLOWTALLY_HOSTLIST_H
#define FLOWTALLY_HOSTLIST_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "accounts/hosts.h"
#include "view.h"

typedef struct HostList HostList;

/*
 * Takes over @hosts, which are shown instead of those of @view; of that `names` alone must outlive the list. @since_ms:
 * they are what has come since then, 0 being the beginning, and what overflowed is not told; NULL: they are all.
 */
HostList *hostlist_new(const View *view, Hosts *hosts, const uint64_t *since_ms);
void hostlist_free(HostList *list);

/* Appends the next slice to @text; false: it was the last. */
bool hostlist_step(HostList *list, GString *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostList, hostlist_free)

#endif
