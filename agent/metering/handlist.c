/* SPDX-License-Identifier: Apache-2.0 */
#include "handlist.h"

#include <string.h>

typedef struct {
	char *netns;
	char *name;
	bool attached; /* false: it is left alone */
	InterfaceConfig how;
} Entry;

struct HandList {
	GPtrArray *entries; /* of Entry */
};

struct by_hand_row {
	char netns[TOTALS_NETNS_MAX];
	char name[16];
	char alias[TOTALS_NAME_MAX]; /* empty: none */
	uint32_t attached;
	uint32_t side;	/* SideChoice */
	uint32_t hook;	/* HookChoice */
	uint32_t order; /* HookOrder */
	uint32_t priority;
	uint32_t handle;
	uint32_t limit;
	uint32_t meter; /* of enum meter; 0: hosts, before there were flows */
};
_Static_assert(sizeof(struct by_hand_row) == 256 + 16 + 64 + 32, "by_hand_row is on disk");

static void entry_free(void *data)
{
	Entry *entry = data;

	g_free(entry->how.alias);
	g_free(entry->netns);
	g_free(entry->name);
	g_free(entry);
}

HandList *handlist_new(void)
{
	HandList *list = g_new0(HandList, 1);

	list->entries = g_ptr_array_new_with_free_func(entry_free);
	return list;
}

void handlist_free(HandList *list)
{
	if (!list)
		return;
	g_ptr_array_unref(list->entries);
	g_free(list);
}

static Entry *find(const HandList *list, const char *netns, const char *name)
{
	for (guint i = 0; i < list->entries->len; i++) {
		Entry *entry = list->entries->pdata[i];

		if (!strcmp(entry->netns, netns) && !strcmp(entry->name, name))
			return entry;
	}
	return NULL;
}

void handlist_set(HandList *list, const char *netns, const char *name, const InterfaceConfig *how)
{
	Entry *known = find(list, netns, name), *entry = g_new0(Entry, 1);

	entry->netns = g_strdup(netns);
	entry->name = g_strdup(name);
	entry->attached = how;
	if (how) {
		entry->how = *how;
		entry->how.alias = g_strdup(how->alias);
	}
	/* Not before @how is copied, which may be the one that is known. */
	if (known)
		g_ptr_array_remove(list->entries, known);
	g_ptr_array_add(list->entries, entry);
}

bool handlist_find(const HandList *list, const char *netns, const char *name,
		   const InterfaceConfig **how)
{
	const Entry *entry = find(list, netns, name);

	*how = entry && entry->attached ? &entry->how : NULL;
	return entry;
}

bool handlist_names_netns(const HandList *list, const char *netns)
{
	for (guint i = 0; i < list->entries->len; i++) {
		const Entry *entry = list->entries->pdata[i];

		if (entry->attached && !strcmp(entry->netns, netns))
			return true;
	}
	return false;
}

bool handlist_meters_flows(const HandList *list)
{
	for (guint i = 0; i < list->entries->len; i++) {
		const Entry *entry = list->entries->pdata[i];

		if (entry->attached && entry->how.meter_flows)
			return true;
	}
	return false;
}

uint32_t handlist_limit(const HandList *list)
{
	uint32_t limit = 0;

	for (guint i = 0; i < list->entries->len; i++) {
		const Entry *entry = list->entries->pdata[i];

		limit = MAX(limit, entry->how.limit);
	}
	return limit;
}

void handlist_save(const HandList *list, TotalsWriter *writer)
{
	totals_writer_begin(writer, TOTALS_BY_HAND, sizeof(struct by_hand_row));
	for (guint i = 0; i < list->entries->len; i++) {
		const Entry *entry = list->entries->pdata[i];
		struct by_hand_row row = {
			.attached = entry->attached,
			.side = entry->how.side,
			.hook = entry->how.hook,
			.order = entry->how.order,
			.priority = entry->how.priority,
			.handle = entry->how.handle,
			.limit = entry->how.limit,
			.meter = interface_config_meter(&entry->how),
		};

		g_strlcpy(row.netns, entry->netns, sizeof(row.netns));
		g_strlcpy(row.name, entry->name, sizeof(row.name));
		g_strlcpy(row.alias, entry->how.alias ? entry->how.alias : "", sizeof(row.alias));
		totals_writer_add(writer, &row);
	}
}

static void load_row(HandList *list, const struct by_hand_row *row)
{
	g_autofree char *netns = g_strndup(row->netns, sizeof(row->netns));
	g_autofree char *name = g_strndup(row->name, sizeof(row->name));
	g_autofree char *alias = g_strndup(row->alias, sizeof(row->alias));
	InterfaceConfig how = {
		.side = row->side,
		.hook = row->hook,
		.order = row->order,
		.priority = row->priority,
		.handle = row->handle,
		.limit = row->limit,
		.alias = *alias ? alias : NULL,
	};

	interface_config_set_meter(&how, row->meter ? (uint8_t)row->meter : METER_HOSTS);

	handlist_set(list, netns, name, row->attached ? &how : NULL);
}

bool handlist_load(HandList *list, TotalsReader *reader, GError **error)
{
	const struct by_hand_row *rows;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_BY_HAND, sizeof(*rows), (const void **)&rows, &n,
				error))
		return false;
	for (size_t i = 0; i < n; i++)
		load_row(list, &rows[i]);
	return true;
}
