/* SPDX-License-Identifier: Apache-2.0 */
#include "interval.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

#include "base/text.h"

/* By how much a time when an account was first seen may lie before the document that did not have it yet: the kernel's
 * coarse clock ticks, and reading takes a while. */
#define SLACK_MS 1000

/* The volumes of a host, an account, or an interface's overflow, which alone has the last. */
static const char *const volumes[] = { "download", "upload", "device_limit" };
static const char *const units[] = { "packets", "octets", "layer2_octets" };

typedef struct {
	json_int_t volume[G_N_ELEMENTS(volumes)][G_N_ELEMENTS(units)];
} Used;

/* All accounts of a host on an interface that are told apart by nothing but a MAC. */
typedef struct {
	Used used;
	uint64_t first_seen_ms;
	char *mac_key; /* of the account that takes this one over when its address has aged; NULL: it has none */
	bool is_told; /* its difference is in the result */
} Counter;

static Used read_used(const json_t *object)
{
	Used used;

	for (size_t i = 0; i < G_N_ELEMENTS(volumes); i++) {
		const json_t *volume = json_object_get(object, volumes[i]);

		for (size_t j = 0; j < G_N_ELEMENTS(units); j++)
			used.volume[i][j] = json_integer_value(json_object_get(volume, units[j]));
	}
	return used;
}

static void add_used(Used *sum, const Used *used)
{
	for (size_t i = 0; i < G_N_ELEMENTS(volumes); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(units); j++)
			sum->volume[i][j] += used->volume[i][j];
	}
}

static bool is_nothing(const Used *used)
{
	static const Used nothing;

	return !memcmp(used, &nothing, sizeof(nothing));
}

/* Nothing if any of it went back. */
static Used difference(const Used *before, const Used *after)
{
	Used used = *after;

	for (size_t i = 0; i < G_N_ELEMENTS(volumes); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(units); j++) {
			used.volume[i][j] -= before->volume[i][j];
			if (used.volume[i][j] < 0)
				return (Used){ 0 };
		}
	}
	return used;
}

/* A copy of @object but for its volumes. */
static json_t *copy_with(const json_t *object, const Used *used)
{
	json_t *copy = json_copy((json_t *)object);

	for (size_t i = 0; i < G_N_ELEMENTS(volumes); i++) {
		json_t *volume;

		if (!json_object_get(copy, volumes[i]))
			continue;
		volume = json_object();
		for (size_t j = 0; j < G_N_ELEMENTS(units); j++)
			json_object_set_new(volume, units[j], json_integer(used->volume[i][j]));
		json_object_set_new(copy, volumes[i], volume);
	}
	return copy;
}

/* "" if it is none. */
static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* No value holds the character between them: they are escaped. */
static char *key_of(const json_t *host, const json_t *account, const char *address)
{
	return g_strjoin("\n", text_of(host, "host"), text_of(host, "interface"), address,
			 text_of(account, "family"), text_of(account, "scope"), NULL);
}

static void counter_free(gpointer data)
{
	g_free(((Counter *)data)->mac_key);
	g_free(data);
}

static Counter *find_or_add(GHashTable *counters, const char *key)
{
	Counter *counter = g_hash_table_lookup(counters, key);

	if (!counter) {
		counter = g_new0(Counter, 1);
		counter->first_seen_ms = UINT64_MAX;
		g_hash_table_insert(counters, g_strdup(key), counter);
	}
	return counter;
}

static void add_counter(Counter *sum, const Used *used, uint64_t first_seen_ms)
{
	add_used(&sum->used, used);
	sum->first_seen_ms = MIN(sum->first_seen_ms, first_seen_ms);
}

static void read_account(GHashTable *counters, const json_t *host, const json_t *account)
{
	const char *address = text_of(account, "address");
	g_autofree char *key = key_of(host, account, address);
	Counter *counter = find_or_add(counters, key);
	const Used used = read_used(account);

	add_counter(counter, &used, text_time_ms(text_of(account, "first_seen")));
	if (*address && !counter->mac_key)
		counter->mac_key = key_of(host, account, "");
}

static GHashTable *read_counters(const json_t *document)
{
	GHashTable *counters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, counter_free);
	const json_t *host, *account;
	size_t i, j;

	json_array_foreach(json_object_get(document, "hosts"), i, host)
	{
		json_array_foreach(json_object_get(host, "accounts"), j, account)
			read_account(counters, host, account);
	}
	return counters;
}

static bool is_anew(const Counter *before, const Counter *after)
{
	return after->first_seen_ms > before->first_seen_ms;
}

/* An address that has aged, and may have come back since, has left what it was to the account of the MAC. */
static void join_aged(GHashTable *before, GHashTable *after)
{
	g_autoptr(GList) keys = g_hash_table_get_keys(before);

	for (const GList *key = keys; key; key = key->next) {
		const Counter *counter = g_hash_table_lookup(before, key->data);
		const Counter *now = g_hash_table_lookup(after, key->data);

		if (counter->mac_key && (!now || is_anew(counter, now)))
			add_counter(find_or_add(before, counter->mac_key), &counter->used,
				    counter->first_seen_ms);
	}
}

/* What @after has come to since @before, which is NULL if there was none yet at @before_ms. */
static Used used_since(const Counter *before, const Counter *after, uint64_t before_ms)
{
	if (before && !is_anew(before, after))
		return difference(&before->used, &after->used);
	if (after->first_seen_ms + SLACK_MS >= before_ms)
		return after->used;
	return (Used){ 0 };
}

typedef struct {
	GHashTable *before; /* of Counter, by key_of() */
	GHashTable *after;
	uint64_t before_ms;
} Interval;

/* NULL: nothing, or it is told already. */
static json_t *account_between(const Interval *interval, const json_t *host, const json_t *account,
			       Used *sum)
{
	g_autofree char *key = key_of(host, account, text_of(account, "address"));
	Counter *after = g_hash_table_lookup(interval->after, key);
	const Counter *before = g_hash_table_lookup(interval->before, key);
	const Used used = used_since(before, after, interval->before_ms);

	if (after->is_told || is_nothing(&used))
		return NULL;
	after->is_told = true;
	add_used(sum, &used);
	return copy_with(account, &used);
}

/* NULL: nothing. */
static json_t *host_between(const Interval *interval, const json_t *host)
{
	json_t *accounts = json_array(), *copy;
	const json_t *account;
	Used sum = { 0 };
	size_t i;

	/* NULL is not appended. */
	json_array_foreach(json_object_get(host, "accounts"), i, account)(void)
		json_array_append_new(accounts, account_between(interval, host, account, &sum));
	if (!json_array_size(accounts)) {
		json_decref(accounts);
		return NULL;
	}
	copy = copy_with(host, &sum);
	json_object_set_new(copy, "accounts", accounts);
	return copy;
}

static json_t *hosts_between(const json_t *before, const json_t *after)
{
	g_autoptr(GHashTable) counters_before = read_counters(before);
	g_autoptr(GHashTable) counters_after = read_counters(after);
	const Interval interval = { counters_before, counters_after,
				    text_time_ms(text_of(before, "time")) };
	json_t *hosts = json_array();
	const json_t *host;
	size_t i;

	join_aged(counters_before, counters_after);
	json_array_foreach(json_object_get(after, "hosts"), i, host)(void)
		json_array_append_new(hosts, host_between(&interval, host));
	return hosts;
}

static const json_t *find_interface(const json_t *overflows, const char *interface)
{
	const json_t *overflow;
	size_t i;

	json_array_foreach((json_t *)overflows, i, overflow)
	{
		if (!strcmp(text_of(overflow, "interface"), interface))
			return overflow;
	}
	return NULL;
}

/* Of an interface that has come nothing is known yet. */
static json_t *overflows_between(const json_t *before, const json_t *after)
{
	json_t *overflows = json_array();
	const json_t *overflow;
	size_t i;

	json_array_foreach((json_t *)after, i, overflow)
	{
		const json_t *old = find_interface(before, text_of(overflow, "interface"));
		const Used then = read_used(old), now = read_used(overflow);
		const Used used = old ? difference(&then, &now) : then;

		if (!is_nothing(&used))
			json_array_append_new(overflows, copy_with(overflow, &used));
	}
	return overflows;
}

json_t *interval_between(const json_t *before, const json_t *after)
{
	json_t *document = json_copy((json_t *)after);

	json_object_set(document, "since", json_object_get(before, "time"));
	json_object_set_new(document, "hosts", hosts_between(before, after));
	json_object_set_new(document, "overflow",
			    overflows_between(json_object_get(before, "overflow"),
					      json_object_get(after, "overflow")));
	return document;
}
