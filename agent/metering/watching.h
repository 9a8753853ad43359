/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks now and then for what the meter cannot see and what it sees twice: what keeps packets from the hooks of
 * an Observation Point (offload.h), and metered interfaces that see the same packets (topology.h). What
 * appears and what goes is logged, once.
 */
#ifndef FLOWTALLY_WATCHING_H
#define FLOWTALLY_WATCHING_H

#include <glib.h>

#include "kernel/namespaces.h"
#include "observation.h"

typedef struct Watching Watching;

/* Both are borrowed. */
Watching *watching_new(Observation *observation, const Namespaces *namespaces);
void watching_free(Watching *watching);

/* Takes a look; what it finds at a point is in Point.before and Point.offloads. */
void watching_look(Watching *watching);

const GPtrArray *watching_overlaps(const Watching *watching); /* of Overlap; as of the last look */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Watching, watching_free)

#endif
