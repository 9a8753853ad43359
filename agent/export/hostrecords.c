/* SPDX-License-Identifier: Apache-2.0 */
#include "hostrecords.h"

#include <string.h>

#include "base/mac.h"

/* The scope is the last member of the key, so the scopes of a host are neighbours. */
_Static_assert(offsetof(struct host_key, scope) == sizeof(struct host_key) - 1,
	       "hosts are compared without their scope");

static int compare_deltas(gconstpointer a, gconstpointer b)
{
	const struct host_key *left = &(*(const HostDelta *const *)a)->key;
	const struct host_key *right = &(*(const HostDelta *const *)b)->key;

	if (left->ifindex != right->ifindex)
		return left->ifindex < right->ifindex ? -1 : 1;
	return memcmp(left, right, sizeof(*left));
}

static GPtrArray *sort_deltas(const HostDelta *deltas, size_t n)
{
	GPtrArray *sorted = g_ptr_array_sized_new((guint)n);

	for (size_t i = 0; i < n; i++)
		g_ptr_array_add(sorted, (void *)&deltas[i]);
	g_ptr_array_sort(sorted, compare_deltas);
	return sorted;
}

static struct host_key record_key(const struct host_key *key, bool scopes_apart)
{
	struct host_key result = *key;

	if (!scopes_apart || mac_is_zero(key->mac))
		result.scope = 0;
	return result;
}

static const char *name_of(const Names *names, const struct host_key *key)
{
	return names ? names_find(names, &key, 1) : NULL;
}

static void add_record(GArray *records, const HostRecord *record)
{
	HostRecord *last = &g_array_index(records, HostRecord, records->len - 1);

	if (records->len && last->direction == record->direction &&
	    !memcmp(&last->key, &record->key, sizeof(record->key)))
		volume_add(&last->volume, &record->volume);
	else
		g_array_append_vals(records, record, 1);
}

GArray *host_records_new(const HostDelta *deltas, size_t n, uint64_t start_ms, uint64_t end_ms,
			 bool scopes_apart, const Names *names)
{
	g_autoptr(GPtrArray) sorted = sort_deltas(deltas, n);
	GArray *records = g_array_sized_new(FALSE, FALSE, sizeof(HostRecord), (guint)n);

	for (unsigned int direction = 0; direction < DIRECTIONS; direction++) {
		for (guint i = 0; i < sorted->len; i++) {
			const HostDelta *delta = g_ptr_array_index(sorted, i);
			const HostRecord record = {
				.key = record_key(&delta->key, scopes_apart),
				.direction = direction,
				.start_ms = start_ms,
				.end_ms = end_ms,
				.volume = delta->volume[direction],
				.name = name_of(names, &delta->key),
			};

			if (!volume_is_zero(&record.volume))
				add_record(records, &record);
		}
	}
	return records;
}
