/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Flow Records become records of IPFIX, and in which order: those of the same template stand
 * together, for a set of records costs a header, and to change the template costs time.
 */
#ifndef FLOWTALLY_FLOWRECORDS_H
#define FLOWTALLY_FLOWRECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "accounts/flows.h"

/* Whether @second is the other direction of @first, as where flows leave in pairs. */
bool flow_records_are_pair(const FlowRecord *first, const FlowRecord *second);

/*
 * Of IpfixFlow, the caller's to unref; with @biflows, two that stand together and are a pair are one. what they point to is borrowed. @routes are those of the flows in
 * their order, or NULL. Flows without traffic are left out.
 */
GArray *flow_records_new(const FlowRecord *flows, const FlowRoute *routes, size_t n, bool biflows);

#endif
