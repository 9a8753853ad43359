/* SPDX-License-Identifier: Apache-2.0 */
#include "nametable.h"

#include <string.h>

#define ADDRESS_BITS (8 * ADDRESS_LEN)

_Static_assert(ADDRESS_BITS > NAME_MAC_BITS, "their number tells addresses from MACs");

typedef struct {
	uint8_t octets[ADDRESS_LEN]; /* zero after the bits */
	uint8_t bits;
} Key;

typedef struct {
	Key key;
	int64_t end_s;
	char name[];
} Entry;

struct NameTable {
	GHashTable *entries; /* set of Entry, which begins with its key */
	size_t max;
	size_t left_out;
};

/* FNV-1a: the keys come from strangers, but their number is bounded. */
static guint key_hash(gconstpointer data)
{
	const uint8_t *octets = data;
	guint hash = 2166136261u;

	for (size_t i = 0; i < sizeof(Key); i++)
		hash = (hash ^ octets[i]) * 16777619u;
	return hash;
}
_Static_assert(sizeof(Key) == ADDRESS_LEN + 1, "keys are compared bytewise");

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	return !memcmp(a, b, sizeof(Key));
}

NameTable *name_table_new(size_t max)
{
	NameTable *table = g_new0(NameTable, 1);

	table->entries = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
	table->max = max;
	return table;
}

void name_table_free(NameTable *table)
{
	if (!table)
		return;
	g_hash_table_unref(table->entries);
	g_free(table);
}

static Key key_of(const uint8_t *octets, unsigned int bits)
{
	Key key = { .bits = (uint8_t)bits };

	memcpy(key.octets, octets, (bits + 7) / 8);
	if (bits % 8)
		key.octets[bits / 8] &= (uint8_t)(0xff00 >> bits % 8);
	return key;
}

static void put(NameTable *table, const Key *key, const NameEntry *entry)
{
	size_t size = strlen(entry->name) + 1;
	Entry *added;

	if (g_hash_table_size(table->entries) >= table->max &&
	    !g_hash_table_contains(table->entries, key)) {
		table->left_out++;
		return;
	}
	added = g_malloc(sizeof(*added) + size);
	added->key = *key;
	added->end_s = entry->is_lease ? entry->end_s : INT64_MAX;
	memcpy(added->name, entry->name, size);
	/* The old entry goes, with its key. */
	g_hash_table_replace(table->entries, added, added);
}

static void put_mac(NameTable *table, const NameEntry *entry)
{
	const Key key = key_of(entry->mac, entry->mac_bits);
	const Entry *known = g_hash_table_lookup(table->entries, &key);

	if (!entry->name || (known && (!entry->is_lease || entry->end_s < known->end_s)))
		return;
	put(table, &key, entry);
}

static void put_address(NameTable *table, const NameEntry *entry)
{
	const Key key = key_of(entry->address, ADDRESS_BITS);

	if (!entry->is_lease && g_hash_table_contains(table->entries, &key))
		return;
	if (entry->name)
		put(table, &key, entry);
	else
		g_hash_table_remove(table->entries, &key);
}

void name_table_add(NameTable *table, const NameEntry *entry)
{
	if (entry->mac)
		put_mac(table, entry);
	if (entry->address)
		put_address(table, entry);
}

static const Entry *find(const NameTable *table, const uint8_t *octets, unsigned int bits)
{
	const Key key = key_of(octets, bits);

	return g_hash_table_lookup(table->entries, &key);
}

const char *name_table_find_mac(const NameTable *table, const uint8_t mac[MAC_LEN],
				unsigned int bits)
{
	const Entry *entry = find(table, mac, bits);

	return entry ? entry->name : NULL;
}

const char *name_table_find_address(const NameTable *table, const uint8_t address[ADDRESS_LEN],
				    int64_t now_s)
{
	const Entry *entry = find(table, address, ADDRESS_BITS);

	return entry && entry->end_s > now_s ? entry->name : NULL;
}

size_t name_table_entries(const NameTable *table)
{
	return g_hash_table_size(table->entries);
}

size_t name_table_left_out(const NameTable *table)
{
	return table->left_out;
}
