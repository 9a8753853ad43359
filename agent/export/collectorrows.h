/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounts of collectors in the file of sums. A row is a collector's whose address and layout it has; of one whose
 * layout nobody has any more, it is that of another one at the same address.
 */
#ifndef FLOWTALLY_COLLECTORROWS_H
#define FLOWTALLY_COLLECTORROWS_H

#include <stdbool.h>

#include <glib.h>

#include "base/totals.h"

/* @collectors are of Collector. On failure nothing is loaded. */
void collector_rows_save(const GPtrArray *collectors, TotalsWriter *writer);
bool collector_rows_load(const GPtrArray *collectors, TotalsReader *reader, GError **error);

#endif
