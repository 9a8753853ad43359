/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Flow Records become records of IPFIX, and in which order: those of the same template stand
 * together, for a set of records costs a header, and to change the template costs time.
 */
#ifndef FLOWTALLY_FLOWRECORDS_H
#define FLOWTALLY_FLOWRECORDS_H

#include <stddef.h>

#include <glib.h>

#include "accounts/flows.h"

/* Of const FlowRecord, the caller's to unref; they are borrowed. Those without traffic are left out. */
GPtrArray *flow_records_new(const FlowRecord *flows, size_t n);

#endif
