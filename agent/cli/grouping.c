/* SPDX-License-Identifier: Apache-2.0 */
#include "grouping.h"

#include <string.h>

const char *const group_key_names[GROUP_KEYS] = {
	[GROUP_DEVICE] = "device", [GROUP_ADDRESS] = "address", [GROUP_INTERFACE] = "interface",
	[GROUP_FAMILY] = "family", [GROUP_SCOPE] = "scope",
};

/* Where a key's value is: a member of the host, or of its account. */
static const struct {
	const char *of_host;
	const char *of_account;
} places[GROUP_KEYS] = {
	[GROUP_DEVICE] = { "host", NULL },	   [GROUP_ADDRESS] = { NULL, "address" },
	[GROUP_INTERFACE] = { "interface", NULL }, [GROUP_FAMILY] = { NULL, "family" },
	[GROUP_SCOPE] = { NULL, "scope" },
};

static bool add_key(Grouping *grouping, const char *name, GError **error)
{
	g_autofree char *known = NULL;

	for (int key = 0; key < GROUP_KEYS; key++) {
		if (strcmp(name, group_key_names[key]))
			continue;
		for (size_t i = 0; i < grouping->n; i++) {
			if ((int)grouping->keys[i] == key) {
				g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
					    "--by: \"%s\" is given twice", name);
				return false;
			}
		}
		grouping->keys[grouping->n++] = (GroupKey)key;
		return true;
	}
	known = g_strjoin(", ", group_key_names[0], group_key_names[1], group_key_names[2],
			  group_key_names[3], group_key_names[4], NULL);
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--by: \"%s\" is none of %s",
		    name, known);
	return false;
}

bool grouping_parse(Grouping *grouping, const char *text, GError **error)
{
	g_auto(GStrv) names = g_strsplit(text, ",", -1);

	grouping->n = 0;
	for (char **name = names; *name; name++) {
		if (!add_key(grouping, *name, error))
			return false;
	}
	if (!grouping->n)
		return add_key(grouping, "", error);
	return true;
}

static const json_t *value_of(GroupKey key, const json_t *host, const json_t *account)
{
	return places[key].of_host ? json_object_get(host, places[key].of_host) :
				     json_object_get(account, places[key].of_account);
}

/* No value holds the octet between them: they are escaped. */
static char *identity_of(const Grouping *grouping, const json_t *host, const json_t *account)
{
	GString *identity = g_string_new(NULL);

	for (size_t i = 0; i < grouping->n; i++) {
		const char *value = json_string_value(value_of(grouping->keys[i], host, account));

		g_string_append(identity, value ? value : "");
		g_string_append_c(identity, '\n');
	}
	return g_string_free(identity, FALSE);
}

static json_t *new_group(const Grouping *grouping, const json_t *host, const json_t *account)
{
	json_t *group = json_object();

	for (size_t i = 0; i < grouping->n; i++) {
		GroupKey key = grouping->keys[i];
		const json_t *value = value_of(key, host, account);

		json_object_set_new(group, group_key_names[key], json_copy((json_t *)value));
		if (key == GROUP_DEVICE)
			json_object_set(group, "name", json_object_get(host, "name"));
	}
	if (!json_object_get(group, "name"))
		json_object_set(group, "name",
				json_object_get(group, group_key_names[grouping->keys[0]]));
	return group;
}

static void add_volume(json_t *group, const json_t *account, const char *direction)
{
	const json_t *volume = json_object_get(account, direction);
	json_t *sum = json_object_get(group, direction);
	const char *unit;
	json_t *value;

	if (!sum) {
		sum = json_object();
		json_object_set_new(group, direction, sum);
	}
	json_object_foreach((json_t *)volume, unit, value)
	{
		json_int_t before = json_integer_value(json_object_get(sum, unit));

		json_object_set_new(sum, unit, json_integer(before + json_integer_value(value)));
	}
}

/* RFC 3339 in UTC, all of one length, sorts as it reads. */
static void widen(json_t *group, const json_t *account, const char *member, bool earlier)
{
	json_t *known = json_object_get(group, member), *seen = json_object_get(account, member);
	int order;

	if (!json_is_string(seen))
		return;
	order = json_is_string(known) ? strcmp(json_string_value(seen), json_string_value(known)) :
					0;
	if (!json_is_string(known) || (earlier ? order < 0 : order > 0))
		json_object_set(group, member, seen);
}

static void add_account(GHashTable *groups, json_t *list, const Grouping *grouping,
			const json_t *host, const json_t *account)
{
	g_autofree char *identity = identity_of(grouping, host, account);
	json_t *group = g_hash_table_lookup(groups, identity);

	if (!group) {
		group = new_group(grouping, host, account);
		json_array_append_new(list, group);
		g_hash_table_insert(groups, g_steal_pointer(&identity), group);
	}
	add_volume(group, account, "download");
	add_volume(group, account, "upload");
	widen(group, account, "first_seen", true);
	widen(group, account, "last_seen", false);
}

json_t *grouping_apply(const Grouping *grouping, const json_t *hosts)
{
	g_autoptr(GHashTable) groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	json_t *list = json_array();
	size_t i, j;
	json_t *host, *account;

	json_array_foreach((json_t *)hosts, i, host)
	{
		json_array_foreach(json_object_get(host, "accounts"), j, account)
			add_account(groups, list, grouping, host, account);
	}
	return list;
}
