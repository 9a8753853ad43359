/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtables.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/error.h"
#include "broker.h"
#include "maps.h"

/* Entries a call, as in cache.c. */
#define BATCH 4096

typedef struct {
	int fd; /* -1: there is none */
	uint32_t max_entries;
	bool is_read;	 /* and not emptied since */
	GArray *digests; /* what the last read found: of uint64_t, ... */
	GArray *entries; /* ... of struct flow_ipv4 or struct flow_ipv6, and ... */
	GArray *keep;	 /* ... of bool */
	uint32_t kept;	 /* entries that were there from the beginning of the generation */
} FlowTable;

struct FlowTables {
	char *dir;
	int cpus;
	uint32_t max;
	uint32_t used;
	int outer[FLOW_TABLE_FAMILIES];
	int fragments;
	FlowTable *tables[FLOW_TABLE_FAMILIES]; /* by table_number() */
};

static const struct {
	MapKind outer;
	MapKind table;
	size_t entry_size;
	size_t traffic; /* where it is in an entry, which begins with the key */
} families[FLOW_TABLE_FAMILIES] = {
	[FLOW_TABLE_IPV4] = { MAP_FLOWS_IPV4, MAP_FLOW_TABLE_IPV4, sizeof(struct flow_ipv4),
			      offsetof(struct flow_ipv4, traffic) },
	[FLOW_TABLE_IPV6] = { MAP_FLOWS_IPV6, MAP_FLOW_TABLE_IPV6, sizeof(struct flow_ipv6),
			      offsetof(struct flow_ipv6, traffic) },
};

/* Of the entry @i of those that were read. */
static const char *key_of(const FlowTable *table, FlowTableFamily family, guint i)
{
	return table->entries->data + i * families[family].entry_size;
}

static const struct flow_traffic *traffic_of(const FlowTable *table, FlowTableFamily family,
					     guint i)
{
	return (const void *)(key_of(table, family, i) + families[family].traffic);
}

static int table_count(const FlowTables *tables)
{
	return GENERATIONS * tables->cpus;
}

static int table_number(uint32_t generation, int cpu)
{
	return (int)generation + GENERATIONS * cpu;
}

static uint32_t generation_of(int number)
{
	return (uint32_t)number % GENERATIONS;
}

static uint32_t place_of(int number)
{
	return FLOW_PLACE(generation_of(number), (uint32_t)number / GENERATIONS);
}

static char *pin_of(FlowTableFamily family, int number)
{
	return g_strdup_printf("%s-%d", map_specs[families[family].table].name, number);
}

static bool install(const FlowTables *tables, FlowTableFamily family, int number, GError **error)
{
	const uint32_t places[] = { place_of(number), SECOND_PLACE(place_of(number)) };
	int outer = tables->outer[family], fd = tables->tables[family][number].fd;

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		if (bpf_map_update_elem(outer, &places[i], &fd, BPF_ANY) < 0) {
			error_from_errno(error, errno, "install a table of flows");
			return false;
		}
	}
	return true;
}

static bool open_table(FlowTables *tables, FlowTableFamily family, int number, GError **error)
{
	FlowTable *table = &tables->tables[family][number];
	g_autofree char *pin = pin_of(family, number);

	table->fd = map_open(tables->dir, pin, families[family].table, tables->max, -1, error);
	if (table->fd < 0)
		return false;
	table->max_entries = map_max_entries(table->fd);
	return install(tables, family, number, error);
}

static bool is_pinned(const FlowTables *tables, FlowTableFamily family, int number)
{
	g_autofree char *pin = pin_of(family, number);
	g_autofree char *path = g_build_filename(tables->dir, pin, NULL);

	return access(path, F_OK) == 0;
}

/* All that are not open yet, or those of them that are pinned. */
static bool open_tables(FlowTables *tables, bool only_pinned, GError **error)
{
	for (int family = 0; family < FLOW_TABLE_FAMILIES; family++) {
		for (int number = 0; number < table_count(tables); number++) {
			if (tables->tables[family][number].fd >= 0 ||
			    (only_pinned && !is_pinned(tables, family, number)))
				continue;
			if (!open_table(tables, family, number, error))
				return false;
		}
	}
	return true;
}

/* Of a map of maps only what may be in it is told by the one that it is made with. */
static bool open_outer(FlowTables *tables, FlowTableFamily family, GError **error)
{
	int like = broker_make_map(families[family].table, 1, -1, error);

	if (like < 0)
		return false;
	tables->outer[family] =
		map_open(tables->dir, map_specs[families[family].outer].name,
			 families[family].outer, FLOW_PLACES((uint32_t)tables->cpus), like, error);
	close(like);
	return tables->outer[family] >= 0;
}

FlowTables *flow_tables_open(const char *dir, int cpus, GError **error)
{
	g_autoptr(FlowTables) tables = g_new0(FlowTables, 1);

	tables->dir = g_strdup(dir);
	tables->cpus = cpus;
	tables->fragments = -1;
	for (int family = 0; family < FLOW_TABLE_FAMILIES; family++) {
		guint entry_size = (guint)families[family].entry_size;

		tables->outer[family] = -1;
		tables->tables[family] = g_new(FlowTable, table_count(tables));
		for (int number = 0; number < table_count(tables); number++)
			tables->tables[family][number] = (FlowTable){
				.fd = -1,
				.digests = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
				.entries = g_array_new(FALSE, FALSE, entry_size),
				.keep = g_array_new(FALSE, TRUE, sizeof(bool)),
			};
	}
	for (int family = 0; family < FLOW_TABLE_FAMILIES; family++) {
		if (!open_outer(tables, family, error))
			return NULL;
	}
	tables->fragments =
		map_open(dir, map_specs[MAP_FRAGMENTS].name, MAP_FRAGMENTS, 0, -1, error);
	/* They may be some: whoever made or removed them may have been killed meanwhile. */
	if (tables->fragments < 0 || !open_tables(tables, true, error))
		return NULL;
	return g_steal_pointer(&tables);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void flow_tables_close(FlowTables *tables)
{
	if (!tables)
		return;
	for (int family = 0; family < FLOW_TABLE_FAMILIES; family++) {
		for (int number = 0; number < table_count(tables); number++) {
			close_fd(tables->tables[family][number].fd);
			g_array_unref(tables->tables[family][number].digests);
			g_array_unref(tables->tables[family][number].entries);
			g_array_unref(tables->tables[family][number].keep);
		}
		close_fd(tables->outer[family]);
		g_free(tables->tables[family]);
	}
	close_fd(tables->fragments);
	g_free(tables->dir);
	g_free(tables);
}

int flow_tables_outer_fd(const FlowTables *tables, FlowTableFamily family)
{
	return tables->outer[family];
}

int flow_tables_fragments_fd(const FlowTables *tables)
{
	return tables->fragments;
}

bool flow_tables_set_max(FlowTables *tables, uint32_t max, GError **error)
{
	tables->max = max;
	return !max || open_tables(tables, false, error);
}

uint32_t flow_tables_max(const FlowTables *tables)
{
	return tables->max;
}

uint32_t flow_tables_used(const FlowTables *tables)
{
	return tables->used;
}

uint32_t flow_tables_room(const FlowTables *tables, uint32_t generation)
{
	uint32_t kept = 0;

	for (int family = 0; family < FLOW_TABLE_FAMILIES; family++) {
		for (int cpu = 0; cpu < tables->cpus; cpu++)
			kept = MAX(kept,
				   tables->tables[family][table_number(generation, cpu)].kept);
	}
	return tables->max - MIN(kept, tables->max);
}

static void forget_copy(FlowTable *table)
{
	table->is_read = false;
	g_array_set_size(table->digests, 0);
	g_array_set_size(table->entries, 0);
	g_array_set_size(table->keep, 0);
}

static bool read_table(FlowTable *table, GError **error)
{
	g_autofree uint64_t *digests = g_new(uint64_t, BATCH);
	g_autofree void *entries = g_malloc_n(BATCH, g_array_get_element_size(table->entries));
	__u32 position;
	void *from = NULL;
	int result;

	forget_copy(table);
	do {
		__u32 count = BATCH;

		result = bpf_map_lookup_batch(table->fd, from, &position, digests, entries, &count,
					      NULL);
		if (result < 0 && errno != ENOENT) {
			error_from_errno(error, errno, "read the tables of flows");
			return false;
		}
		from = &position;
		g_array_append_vals(table->digests, digests, count);
		g_array_append_vals(table->entries, entries, count);
	} while (result == 0);
	g_array_set_size(table->keep, table->digests->len);
	table->is_read = true;
	return true;
}

bool flow_tables_read(FlowTables *tables, uint32_t generation, GError **error)
{
	tables->used = 0;
	for (int family = 0; family < FLOW_TABLE_FAMILIES; family++) {
		for (int cpu = 0; cpu < tables->cpus; cpu++) {
			FlowTable *table = &tables->tables[family][table_number(generation, cpu)];

			if (table->fd < 0)
				continue;
			if (!read_table(table, error))
				return false;
			tables->used = MAX(tables->used, table->digests->len);
		}
	}
	return true;
}

/* An entry without packets has been kept for a flow that has not come again, and has no key. */
static void visit_table(const FlowTable *table, FlowTableFamily family, FlowTableVisitor visit,
			void *user_data)
{
	for (guint i = 0; i < table->digests->len; i++) {
		const struct flow_traffic *traffic = traffic_of(table, family, i);

		if (traffic->packets)
			visit(family, key_of(table, family, i), traffic,
			      &g_array_index(table->keep, bool, i), user_data);
	}
}

void flow_tables_visit(const FlowTables *tables, uint32_t generation, FlowTableVisitor visit,
		       void *user_data)
{
	for (int family = 0; family < FLOW_TABLE_FAMILIES; family++) {
		for (int cpu = 0; cpu < tables->cpus; cpu++)
			visit_table(&tables->tables[family][table_number(generation, cpu)], family,
				    visit, user_data);
	}
}

static bool delete_entries(const FlowTable *table, const GArray *digests, GError **error)
{
	if (map_delete_keys(table->fd, digests))
		return true;
	error_from_errno(error, errno, "empty the tables of flows");
	return false;
}

static bool set_to_zero(const FlowTable *table, const GArray *digests, GError **error)
{
	g_autofree void *zeros = g_malloc0_n(BATCH, g_array_get_element_size(table->entries));

	for (guint i = 0; i < digests->len; i += BATCH) {
		__u32 count = MIN(digests->len - i, BATCH);

		if (bpf_map_update_batch(table->fd, &g_array_index(digests, uint64_t, i), zeros,
					 &count, NULL) < 0) {
			error_from_errno(error, errno, "empty the tables of flows");
			return false;
		}
	}
	return true;
}

/* What is kept is no more than half, so that there is room for others. */
static bool empty_entries(FlowTable *table, uint32_t max, GError **error)
{
	g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_autoptr(GArray) deleted = g_array_new(FALSE, FALSE, sizeof(uint64_t));

	for (guint i = 0; i < table->digests->len; i++) {
		bool keep = g_array_index(table->keep, bool, i) && kept->len < max / 2;

		g_array_append_vals(keep ? kept : deleted,
				    &g_array_index(table->digests, uint64_t, i), 1);
	}
	if (!delete_entries(table, deleted, error) || !set_to_zero(table, kept, error))
		return false;
	table->kept = kept->len;
	forget_copy(table);
	return true;
}

static void remove_table(const FlowTables *tables, FlowTableFamily family, int number)
{
	const uint32_t places[] = { place_of(number), SECOND_PLACE(place_of(number)) };
	FlowTable *table = &tables->tables[family][number];
	g_autofree char *pin = pin_of(family, number);

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
		(void)bpf_map_delete_elem(tables->outer[family], &places[i]);
	map_unpin(tables->dir, pin);
	close(table->fd);
	table->fd = -1;
}

/* The table, which is empty, gives place to one of the size that is wanted now. */
static bool resize_table(FlowTables *tables, FlowTableFamily family, int number, GError **error)
{
	FlowTable *table = &tables->tables[family][number];
	g_autofree char *pin = pin_of(family, number);

	if (!map_replace(tables->dir, pin, families[family].table, tables->max, &table->fd, error))
		return false;
	table->max_entries = tables->max;
	table->kept = 0;
	return install(tables, family, number, error);
}

static void resize_or_keep(FlowTables *tables, FlowTableFamily family, int number)
{
	uint32_t present = tables->tables[family][number].max_entries;
	g_autoptr(GError) error = NULL;

	if (resize_table(tables, family, number, &error))
		return;
	g_warning("%s (the tables of flows keep %u entries)", error->message, present);
	tables->max = present;
}

static bool empty_table(FlowTables *tables, FlowTableFamily family, int number, GError **error)
{
	FlowTable *table = &tables->tables[family][number];

	if (table->fd < 0)
		return true;
	/* When this is repeated as another one could not be emptied, what it kept stays known. */
	if (table->is_read && !empty_entries(table, tables->max, error))
		return false;
	if (!tables->max)
		remove_table(tables, family, number);
	else if (table->max_entries != tables->max)
		resize_or_keep(tables, family, number);
	return true;
}

bool flow_tables_empty(FlowTables *tables, uint32_t generation, GError **error)
{
	for (int family = 0; family < FLOW_TABLE_FAMILIES; family++) {
		for (int cpu = 0; cpu < tables->cpus; cpu++) {
			if (!empty_table(tables, family, table_number(generation, cpu), error))
				return false;
		}
	}
	return true;
}
