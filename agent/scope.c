/* SPDX-License-Identifier: Apache-2.0 */
#include "scope.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "error.h"
#include "maps.h"

struct Scope {
	int maps[SCOPE_MAPS];
	GHashTable *local;    /* point -> GArray of Prefix: what is in the kernel */
	GArray *not_internet; /* of Prefix: the same */
	struct scope_hints *hints;
};

static const MapKind kinds[SCOPE_MAPS] = {
	[SCOPE_MAP_LOCAL] = MAP_LOCAL_PREFIXES,
	[SCOPE_MAP_NOT_INTERNET] = MAP_SCOPE_PREFIXES,
	[SCOPE_MAP_HINTS] = MAP_SCOPE_HINTS,
};

static GArray *prefixes_new(const GArray *from)
{
	GArray *prefixes = g_array_new(FALSE, FALSE, sizeof(Prefix));

	if (from && from->len)
		g_array_append_vals(prefixes, from->data, from->len);
	return prefixes;
}

static void adopt_local(Scope *scope, const void *from)
{
	const struct local_prefix *key = from;
	Prefix prefix = { .length = (uint8_t)(key->length - LOCAL_PREFIX_LENGTH(0)) };
	GArray *prefixes = g_hash_table_lookup(scope->local, GUINT_TO_POINTER(key->point));

	memcpy(prefix.address, key->address, ADDRESS_LEN);
	if (!prefixes) {
		prefixes = prefixes_new(NULL);
		g_hash_table_insert(scope->local, GUINT_TO_POINTER(key->point), prefixes);
	}
	g_array_append_val(prefixes, prefix);
}

static void adopt_not_internet(Scope *scope, const void *from)
{
	const struct scope_prefix *key = from;
	Prefix prefix = { .length = (uint8_t)(key->length - SCOPE_PREFIX_LENGTH(0)) };

	memcpy(prefix.address, key->address, ADDRESS_LEN);
	g_array_append_val(scope->not_internet, prefix);
}

/* What an earlier agent has put into a trie, so that it can be replaced. */
static void adopt(Scope *scope, ScopeMap map, void (*adopt_key)(Scope *scope, const void *key))
{
	union {
		struct local_prefix local;
		struct scope_prefix scope;
	} key;
	const void *previous = NULL;

	while (bpf_map_get_next_key(scope->maps[map], previous, &key) == 0) {
		adopt_key(scope, &key);
		previous = &key;
	}
}

Scope *scope_open(const char *dir, GError **error)
{
	g_autoptr(Scope) scope = g_new0(Scope, 1);

	scope->local = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL,
					     (GDestroyNotify)g_array_unref);
	scope->not_internet = prefixes_new(NULL);
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
	adopt(scope, SCOPE_MAP_NOT_INTERNET, adopt_not_internet);
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
	g_array_unref(scope->not_internet);
	g_free(scope);
}

int scope_map_fd(const Scope *scope, ScopeMap map)
{
	return scope->maps[map];
}

static bool is_member(const GArray *prefixes, const Prefix *prefix)
{
	for (guint i = 0; prefixes && i < prefixes->len; i++) {
		if (prefix_equal(&g_array_index(prefixes, Prefix, i), prefix))
			return true;
	}
	return false;
}

static uint32_t ip_version_of(const Prefix *prefix)
{
	return prefix_is_ipv4(prefix) ? 4 : 6;
}

static bool update(int fd, const void *key, bool add)
{
	static const __u8 present = 1;

	return (add ? bpf_map_update_elem(fd, key, &present, BPF_ANY) :
		      bpf_map_delete_elem(fd, key)) == 0;
}

static bool update_local(Scope *scope, uint16_t point, const Prefix *prefix, bool add)
{
	struct local_prefix key = {
		.length = LOCAL_PREFIX_LENGTH(prefix->length),
		.point = point,
		.ip_version = ip_version_of(prefix),
	};

	memcpy(key.address, prefix->address, ADDRESS_LEN);
	return update(scope->maps[SCOPE_MAP_LOCAL], &key, add);
}

static bool update_not_internet(Scope *scope, uint16_t point, const Prefix *prefix, bool add)
{
	struct scope_prefix key = {
		.length = SCOPE_PREFIX_LENGTH(prefix->length),
		.ip_version = ip_version_of(prefix),
	};

	(void)point;
	memcpy(key.address, prefix->address, ADDRESS_LEN);
	return update(scope->maps[SCOPE_MAP_NOT_INTERNET], &key, add);
}

/* What is new is added first, then what is gone is removed. */
static bool replace(Scope *scope, uint16_t point, const GArray *old, const GArray *new,
		    bool (*update_one)(Scope *scope, uint16_t point, const Prefix *prefix,
				       bool add),
		    GError **error)
{
	for (guint i = 0; i < new->len; i++) {
		const Prefix *prefix = &g_array_index(new, Prefix, i);
		char text[PREFIX_TEXT_MAX];

		if (!is_member(old, prefix) && !update_one(scope, point, prefix, true)) {
			error_from_errno(error, errno, "add the prefix %s",
					 prefix_format(prefix, text));
			return false;
		}
	}
	for (guint i = 0; old && i < old->len; i++) {
		const Prefix *prefix = &g_array_index(old, Prefix, i);

		if (!is_member(new, prefix))
			(void)update_one(scope, point, prefix, false);
	}
	return true;
}

static bool same(const GArray *a, const GArray *b)
{
	return a && a->len == b->len &&
	       (!a->len || !memcmp(a->data, b->data, a->len * sizeof(Prefix)));
}

bool scope_set_local(Scope *scope, uint16_t point, const GArray *prefixes, GError **error)
{
	const GArray *old = g_hash_table_lookup(scope->local, GUINT_TO_POINTER(point));

	if (same(old, prefixes))
		return true;
	if (!replace(scope, point, old, prefixes, update_local, error))
		return false;
	g_hash_table_insert(scope->local, GUINT_TO_POINTER(point), prefixes_new(prefixes));
	return true;
}

/* Marks what a prefix of @length bits covers, in steps of 16 bits of the address. */
static void hint(__u8 hints[SCOPE_HINTS], const uint8_t *address, unsigned int length)
{
	uint32_t first = (uint32_t)address[0] << 8 | address[1];
	uint32_t n = length >= 16 ? 1 : 1u << (16 - length);

	for (uint32_t i = first; i < first + n; i++) {
		const uint8_t octets[2] = { (uint8_t)(i >> 8), (uint8_t)i };
		uint16_t index;

		memcpy(&index, octets, sizeof(index));
		if (length <= 16)
			hints[index] = HINT_LOCAL;
		else if (hints[index] == HINT_INTERNET)
			hints[index] = HINT_ASK_TRIE;
	}
}

static void set_hints(struct scope_hints *hints, const GArray *prefixes)
{
	memset(hints, HINT_INTERNET, sizeof(*hints));
	for (guint i = 0; i < prefixes->len; i++) {
		const Prefix *prefix = &g_array_index(prefixes, Prefix, i);

		if (prefix_is_ipv4(prefix))
			hint(hints->ipv4, prefix->address + PREFIX_IPV4_BITS / 8,
			     prefix->length - PREFIX_IPV4_BITS);
		else
			hint(hints->ipv6, prefix->address, prefix->length);
	}
}

bool scope_set_not_internet(Scope *scope, const GArray *prefixes, GError **error)
{
	g_autofree struct scope_hints *hints = NULL;

	if (same(scope->not_internet, prefixes))
		return true;
	if (!replace(scope, 0, scope->not_internet, prefixes, update_not_internet, error))
		return false;
	g_array_unref(scope->not_internet);
	scope->not_internet = prefixes_new(prefixes);
	/* Octet by octet each hint is the old one or the new one, never a third. */
	hints = g_new(struct scope_hints, 1);
	set_hints(hints, prefixes);
	memcpy(scope->hints, hints, sizeof(*hints));
	return true;
}
