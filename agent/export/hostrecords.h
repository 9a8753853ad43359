/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the hosts did in one period to the records that tell it: one for each host, interface
 * and direction with traffic. Both scopes of a host make one record unless they are to be told apart, as
 * where the record can say which it is; so no two records of a period have the same key.
 */
#ifndef FLOWTALLY_HOSTRECORDS_H
#define FLOWTALLY_HOSTRECORDS_H

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include <stdbool.h>

#include "elements/recordfields.h"
#include "accounts/hosts.h"
#include "names/names.h"

/*
 * An array of HostRecord, the caller's to unref; names are borrowed from @names, which may be NULL. Records of
 * the same template stand together: they are in the order of direction, interface and address.
 */
GArray *host_records_new(const HostDelta *deltas, size_t n, uint64_t start_ms, uint64_t end_ms,
			 bool scopes_apart, const Names *names);

#endif
