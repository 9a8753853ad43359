/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hosts have used between two of the agent's documents "live", on the side of whoever asks.
 *
 * An account that began anew in between counts for all that it has, and one that went back for some other reason (an
 * agent that knows older sums again) for nothing: no number is negative, and none is more than was used.
 */
#ifndef FLOWTALLY_INTERVAL_H
#define FLOWTALLY_INTERVAL_H

#include <jansson.h>

/*
 * A new document of the form of @after, with the time of @before as `since`. Hosts, accounts and interfaces that have
 * used nothing are left out.
 */
json_t *interval_between(const json_t *before, const json_t *after);

#endif
