/* SPDX-License-Identifier: Apache-2.0 */
#include "scope.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/error.h"
#include "maps.h"
#include "netns.h"

/* Of a trie. */
typedef struct {
	Prefix prefix;
	uint8_t value; /* an enum scope, or IS_LOCAL */
} Entry;

#define IS_LOCAL 1

/* Tells the number of a namespace from that of a point. */
#define HOME 0x80000000u

struct Scope {
	int maps[SCOPE_MAPS];
	GHashTable *local; /* point or home -> GArray of Entry: what is in the kernel */
	GArray *far_ends;  /* of Entry: the same */
	struct scope_hints *hints;
};

static const MapKind kinds[SCOPE_MAPS] = {
	[SCOPE_MAP_LOCAL] = MAP_LOCAL_PREFIXES,
	[SCOPE_MAP_FAR_ENDS] = MAP_SCOPE_PREFIXES,
	[SCOPE_MAP_HINTS] = MAP_SCOPE_HINTS,
};

static GArray *entries_new(void)
{
	return g_array_new(FALSE, TRUE, sizeof(Entry));
}

static void add_entries(GArray *entries, const GArray *prefixes, uint8_t value)
{
	for (guint i = 0; i < prefixes->len; i++) {
		const Entry entry = { g_array_index(prefixes, Prefix, i), value };

		g_array_append_val(entries, entry);
	}
}

static void adopt_local(Scope *scope, const void *from, uint8_t value)
{
	const struct local_prefix *key = from;
	Entry entry = { { .length = (uint8_t)(key->length - LOCAL_PREFIX_LENGTH(0)) }, value };
	GArray *entries = g_hash_table_lookup(scope->local, GUINT_TO_POINTER(key->point));

	memcpy(entry.prefix.address, key->address, ADDRESS_LEN);
	if (!entries) {
		entries = entries_new();
		g_hash_table_insert(scope->local, GUINT_TO_POINTER(key->point), entries);
	}
	g_array_append_val(entries, entry);
}

static void adopt_far_end(Scope *scope, const void *from, uint8_t value)
{
	const struct scope_prefix *key = from;
	Entry entry = { { .length = (uint8_t)(key->length - SCOPE_PREFIX_LENGTH(0)) }, value };

	memcpy(entry.prefix.address, key->address, ADDRESS_LEN);
	g_array_append_val(scope->far_ends, entry);
}

/* What an earlier agent has put into a trie, so that it can be replaced. */
static void adopt(Scope *scope, ScopeMap map,
		  void (*adopt_entry)(Scope *scope, const void *key, uint8_t value))
{
	union {
		struct local_prefix local;
		struct scope_prefix scope;
	} key;
	const void *previous = NULL;

	while (bpf_map_get_next_key(scope->maps[map], previous, &key) == 0) {
		__u8 value = 0;

		(void)bpf_map_lookup_elem(scope->maps[map], &key, &value);
		adopt_entry(scope, &key, value);
		previous = &key;
	}
}

Scope *scope_open(const char *dir, GError **error)
{
	g_autoptr(Scope) scope = g_new0(Scope, 1);

	scope->local = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL,
					     (GDestroyNotify)g_array_unref);
	scope->far_ends = entries_new();
	memset(scope->maps, -1, sizeof(scope->maps));
	for (int map = 0; map < SCOPE_MAPS; map++) {
		scope->maps[map] =
			map_open(dir, map_specs[kinds[map]].name, kinds[map], 0, -1, error);
		if (scope->maps[map] < 0)
			return NULL;
	}
	scope->hints = map_memory(scope->maps[SCOPE_MAP_HINTS], MAP_SCOPE_HINTS, error);
	if (!scope->hints)
		return NULL;
	adopt(scope, SCOPE_MAP_LOCAL, adopt_local);
	adopt(scope, SCOPE_MAP_FAR_ENDS, adopt_far_end);
	return g_steal_pointer(&scope);
}

void scope_close(Scope *scope)
{
	if (!scope)
		return;
	map_memory_free(scope->hints, MAP_SCOPE_HINTS);
	for (int map = 0; map < SCOPE_MAPS; map++) {
		if (scope->maps[map] >= 0)
			close(scope->maps[map]);
	}
	g_hash_table_unref(scope->local);
	g_array_unref(scope->far_ends);
	g_free(scope);
}

int scope_map_fd(const Scope *scope, ScopeMap map)
{
	return scope->maps[map];
}

static const Entry *find(const GArray *entries, const Prefix *prefix)
{
	for (guint i = 0; entries && i < entries->len; i++) {
		const Entry *entry = &g_array_index(entries, Entry, i);

		if (prefix_equal(&entry->prefix, prefix))
			return entry;
	}
	return NULL;
}

static uint32_t ip_version_of(const Prefix *prefix)
{
	return prefix_is_ipv4(prefix) ? 4 : 6;
}

static bool update(int fd, const void *key, uint8_t value, bool add)
{
	return (add ? bpf_map_update_elem(fd, key, &value, BPF_ANY) :
		      bpf_map_delete_elem(fd, key)) == 0;
}

static bool update_local(Scope *scope, uint32_t point, const Entry *entry, bool add)
{
	struct local_prefix key = {
		.length = LOCAL_PREFIX_LENGTH(entry->prefix.length),
		.point = point,
		.ip_version = ip_version_of(&entry->prefix),
	};

	memcpy(key.address, entry->prefix.address, ADDRESS_LEN);
	return update(scope->maps[SCOPE_MAP_LOCAL], &key, entry->value, add);
}

static bool update_far_end(Scope *scope, uint32_t point, const Entry *entry, bool add)
{
	struct scope_prefix key = {
		.length = SCOPE_PREFIX_LENGTH(entry->prefix.length),
		.ip_version = ip_version_of(&entry->prefix),
	};

	(void)point;
	memcpy(key.address, entry->prefix.address, ADDRESS_LEN);
	return update(scope->maps[SCOPE_MAP_FAR_ENDS], &key, entry->value, add);
}

/* What is new is added first, then what is gone is removed. */
static bool replace(Scope *scope, uint32_t point, const GArray *old, const GArray *new,
		    bool (*update_one)(Scope *scope, uint32_t point, const Entry *entry, bool add),
		    GError **error)
{
	for (guint i = 0; i < new->len; i++) {
		const Entry *entry = &g_array_index(new, Entry, i);
		const Entry *known = find(old, &entry->prefix);
		char text[PREFIX_TEXT_MAX];

		/* Of several entries with one prefix the first counts. */
		if (find(new, &entry->prefix) != entry || (known && known->value == entry->value))
			continue;
		if (!update_one(scope, point, entry, true)) {
			error_from_errno(error, errno, "add the prefix %s",
					 prefix_format(&entry->prefix, text));
			return false;
		}
	}
	for (guint i = 0; old && i < old->len; i++) {
		const Entry *entry = &g_array_index(old, Entry, i);

		if (!find(new, &entry->prefix))
			(void)update_one(scope, point, entry, false);
	}
	return true;
}

/* Entries have no octets between their members. */
_Static_assert(sizeof(Entry) == sizeof(Prefix) + 1, "entries are compared as octets");

static bool same(const GArray *a, const GArray *b)
{
	return a && a->len == b->len &&
	       (!a->len || !memcmp(a->data, b->data, a->len * sizeof(Entry)));
}

static bool set_local(Scope *scope, uint32_t point, const GArray *prefixes, bool *changed,
		      GError **error)
{
	const GArray *old = g_hash_table_lookup(scope->local, GUINT_TO_POINTER(point));
	g_autoptr(GArray) entries = entries_new();

	add_entries(entries, prefixes, IS_LOCAL);
	if (same(old, entries))
		return true;
	*changed = true;
	if (!replace(scope, point, old, entries, update_local, error))
		return false;
	g_hash_table_insert(scope->local, GUINT_TO_POINTER(point), g_steal_pointer(&entries));
	return true;
}

bool scope_set_local(Scope *scope, uint16_t point, const GArray *prefixes, GError **error)
{
	bool changed = false;

	return set_local(scope, point, prefixes, &changed, error);
}

/* Marks what a prefix of @length bits covers, in steps of 16 bits of the address. */
static void hint(__u8 hints[SCOPE_HINTS], const uint8_t *address, unsigned int length,
		 uint8_t scope)
{
	uint32_t first = (uint32_t)address[0] << 8 | address[1];
	uint32_t n = length >= 16 ? 1 : 1u << (16 - length);

	for (uint32_t i = first; i < first + n; i++) {
		const uint8_t octets[2] = { (uint8_t)(i >> 8), (uint8_t)i };
		uint16_t index;

		memcpy(&index, octets, sizeof(index));
		if (scope == SCOPE_LOCAL && length <= 16)
			hints[index] = HINT_LOCAL;
		else if (scope != SCOPE_LOCAL || hints[index] == HINT_INTERNET)
			hints[index] = HINT_ASK_TRIE;
	}
}

static void add_hint(struct scope_hints *hints, const Prefix *prefix, enum scope scope)
{
	if (prefix_is_ipv4(prefix))
		hint(hints->ipv4, prefix->address + PREFIX_IPV4_BITS / 8,
		     prefix->length - PREFIX_IPV4_BITS, scope);
	else
		hint(hints->ipv6, prefix->address, prefix->length, scope);
}

static void add_far_ends(struct scope_hints *hints, const GArray *entries, enum scope scope)
{
	for (guint i = 0; i < entries->len; i++) {
		const Entry *entry = &g_array_index(entries, Entry, i);

		if (entry->value == scope)
			add_hint(hints, &entry->prefix, scope);
	}
}

static bool is_home(gconstpointer key)
{
	return GPOINTER_TO_UINT(key) & HOME;
}

static void add_home(gpointer key, gpointer value, gpointer user_data)
{
	const GArray *entries = value;

	for (guint i = 0; is_home(key) && i < entries->len; i++)
		add_hint(user_data, &g_array_index(entries, Entry, i).prefix, SCOPE_ROUTER);
}

/*
 * Own addresses last: about what is near them the trie must be asked, whatever else is true of it. Octet by octet
 * each hint is the old one or the new one, never a third.
 */
static void set_hints(Scope *scope)
{
	g_autofree struct scope_hints *hints = g_new(struct scope_hints, 1);

	memset(hints, HINT_INTERNET, sizeof(*hints));
	add_far_ends(hints, scope->far_ends, SCOPE_LOCAL);
	add_far_ends(hints, scope->far_ends, SCOPE_ROUTER);
	g_hash_table_foreach(scope->local, add_home, hints);
	memcpy(scope->hints, hints, sizeof(*hints));
}

bool scope_set_far_ends(Scope *scope, const GArray *not_internet, const GArray *own, GError **error)
{
	g_autoptr(GArray) entries = entries_new();

	add_entries(entries, own, SCOPE_ROUTER);
	add_entries(entries, not_internet, SCOPE_LOCAL);
	if (same(scope->far_ends, entries))
		return true;
	if (!replace(scope, 0, scope->far_ends, entries, update_far_end, error))
		return false;
	g_array_unref(scope->far_ends);
	scope->far_ends = g_steal_pointer(&entries);
	set_hints(scope);
	return true;
}

uint32_t scope_home(uint32_t netns_id)
{
	return netns_id == netns_own()->id ? 0 : netns_id | HOME;
}

/* Of a namespace that is not there any more. */
static void remove_home(Scope *scope, uint32_t home, const GArray *entries)
{
	for (guint i = 0; i < entries->len; i++)
		(void)update_local(scope, home, &g_array_index(entries, Entry, i), false);
}

static bool remove_other_homes(Scope *scope, GHashTable *homes)
{
	bool removed = false;
	GHashTableIter iter;
	gpointer key, entries;

	g_hash_table_iter_init(&iter, scope->local);
	while (g_hash_table_iter_next(&iter, &key, &entries)) {
		if (!is_home(key) || g_hash_table_contains(homes, key))
			continue;
		remove_home(scope, GPOINTER_TO_UINT(key), entries);
		g_hash_table_iter_remove(&iter);
		removed = true;
	}
	return removed;
}

bool scope_set_homes(Scope *scope, GHashTable *homes, GError **error)
{
	bool changed = remove_other_homes(scope, homes);
	GHashTableIter iter;
	gpointer key, prefixes;
	bool set = true;

	g_hash_table_iter_init(&iter, homes);
	while (set && g_hash_table_iter_next(&iter, &key, &prefixes))
		set = set_local(scope, GPOINTER_TO_UINT(key), prefixes, &changed, error);
	if (changed)
		set_hints(scope);
	return set;
}
