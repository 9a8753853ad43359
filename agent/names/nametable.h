/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that one source knows, by MAC and by address.
 *
 * A lease that is over names its address no longer, which may be another device's by now, but its MAC
 * until a later lease does. So leases are compared by their ends, and no clock runs here.
 */
#ifndef FLOWTALLY_NAMETABLE_H
#define FLOWTALLY_NAMETABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "nameformat/nameformat.h"

typedef struct NameTable NameTable;

/* Of at most @max entries; what comes then is left out. */
NameTable *name_table_new(size_t max);
void name_table_free(NameTable *table);

void name_table_add(NameTable *table, const NameEntry *entry);

/* Borrowed, NULL: not known. The first is of the MACs whose first @bits are those of @mac. */
const char *name_table_find_mac(const NameTable *table, const uint8_t mac[MAC_LEN],
				unsigned int bits);
const char *name_table_find_address(const NameTable *table, const uint8_t address[ADDRESS_LEN],
				    int64_t now_s);

size_t name_table_entries(const NameTable *table);
size_t name_table_left_out(const NameTable *table);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NameTable, name_table_free)

#endif
