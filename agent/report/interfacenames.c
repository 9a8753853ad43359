/* SPDX-License-Identifier: Apache-2.0 */
#include "interfacenames.h"

#include <string.h>

#include "base/text.h"
#include "metering/observation.h"

struct InterfaceNames {
	GHashTable *by_index; /* index -> char *, escaped */
	GHashTable *indexes;  /* char * -> GArray of uint32_t */
};

static void add_index(GHashTable *all, const char *name, uint32_t index)
{
	GArray *indexes = g_hash_table_lookup(all, name);

	if (!indexes) {
		indexes = g_array_new(FALSE, FALSE, sizeof(uint32_t));
		g_hash_table_insert(all, g_strdup(name), indexes);
	}
	for (guint i = 0; i < indexes->len; i++) {
		if (g_array_index(indexes, uint32_t, i) == index)
			return;
	}
	g_array_append_val(indexes, index);
}

/* It can be found by @name, also as that is written in documents. */
static void add_name(InterfaceNames *names, const char *name, uint32_t index)
{
	g_autofree char *escaped = text_escape(name);

	add_index(names->indexes, name, index);
	add_index(names->indexes, escaped, index);
}

static void show_as(InterfaceNames *names, const char *name, uint32_t index)
{
	if (!g_hash_table_contains(names->by_index, GUINT_TO_POINTER(index)))
		g_hash_table_insert(names->by_index, GUINT_TO_POINTER(index), text_escape(name));
}

static void add_points(InterfaceNames *names, const GPtrArray *points)
{
	for (guint i = 0; points && i < points->len; i++) {
		const Point *point = points->pdata[i];

		show_as(names, point->report_name, point->report_index);
		add_name(names, point->report_name, point->report_index);
		add_name(names, point->name, point->report_index);
	}
}

/* Where no point has the number of an interface, it is its ifindex. */
static void add_links(InterfaceNames *names, const GPtrArray *links)
{
	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];

		if (*link->netns)
			continue;
		show_as(names, link->name, link->ifindex);
		add_name(names, link->name, link->ifindex);
	}
}

InterfaceNames *interface_names_new(const View *view)
{
	InterfaceNames *names = g_new0(InterfaceNames, 1);

	names->by_index = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	names->indexes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					       (GDestroyNotify)g_array_unref);
	add_points(names, view->points);
	if (view->namespaces)
		add_links(names, namespaces_links(view->namespaces));
	return names;
}

void interface_names_free(InterfaceNames *names)
{
	if (!names)
		return;
	g_hash_table_unref(names->by_index);
	g_hash_table_unref(names->indexes);
	g_free(names);
}

const char *interface_names_get(const InterfaceNames *names, uint32_t index)
{
	return g_hash_table_lookup(names->by_index, GUINT_TO_POINTER(index));
}

void interface_names_find(const char *name, GArray *indexes, void *names)
{
	const GArray *found = g_hash_table_lookup(((const InterfaceNames *)names)->indexes, name);

	if (found)
		g_array_append_vals(indexes, found->data, found->len);
}
