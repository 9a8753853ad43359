/* SPDX-License-Identifier: Apache-2.0 */
#include "pairtables.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/error.h"
#include "maps.h"

/* Entries a call: more than any bucket of a hash table will hold, which a batch may not split. */
#define BATCH 512

_Static_assert(sizeof(struct pair_traffic) % 8 == 0, "values of CPUs are not padded");

struct PairTables {
	int cpus;
	int outer;
	int stamps;
	int fds[GENERATIONS];
	GArray *keys; /* of struct pair_key: what the last read found */
	GArray *entries;
};

static bool install(const PairTables *tables, uint32_t generation, GError **error)
{
	const uint32_t places[] = { generation, SECOND_PLACE(generation) };

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		if (bpf_map_update_elem(tables->outer, &places[i], &tables->fds[generation],
					BPF_ANY) < 0) {
			error_from_errno(error, errno, "install a table of pairs");
			return false;
		}
	}
	return true;
}

static bool open_table(PairTables *tables, const char *dir, uint32_t generation, GError **error)
{
	g_autofree char *pin = g_strdup_printf("%s-%u", map_specs[MAP_PAIR_TABLE].name, generation);

	tables->fds[generation] = map_open(dir, pin, MAP_PAIR_TABLE, 0, -1, error);
	return tables->fds[generation] >= 0;
}

static bool open_all(PairTables *tables, const char *dir, GError **error)
{
	for (uint32_t generation = 0; generation < GENERATIONS; generation++) {
		if (!open_table(tables, dir, generation, error))
			return false;
	}
	tables->outer =
		map_open(dir, map_specs[MAP_PAIRS].name, MAP_PAIRS, 0, tables->fds[0], error);
	tables->stamps = map_open(dir, map_specs[MAP_STAMPS].name, MAP_STAMPS, 0, -1, error);
	if (tables->outer < 0 || tables->stamps < 0)
		return false;
	for (uint32_t generation = 0; generation < GENERATIONS; generation++) {
		if (!install(tables, generation, error))
			return false;
	}
	return true;
}

PairTables *pair_tables_open(const char *dir, int cpus, GError **error)
{
	g_autoptr(PairTables) tables = g_new(PairTables, 1);

	*tables = (PairTables){
		.cpus = cpus,
		.outer = -1,
		.stamps = -1,
		.keys = g_array_new(FALSE, FALSE, sizeof(struct pair_key)),
		.entries = g_array_new(FALSE, FALSE, sizeof(PairEntry)),
	};
	for (int generation = 0; generation < GENERATIONS; generation++)
		tables->fds[generation] = -1;
	return open_all(tables, dir, error) ? g_steal_pointer(&tables) : NULL;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void pair_tables_close(PairTables *tables)
{
	if (!tables)
		return;
	for (int generation = 0; generation < GENERATIONS; generation++)
		close_fd(tables->fds[generation]);
	close_fd(tables->outer);
	close_fd(tables->stamps);
	g_array_unref(tables->keys);
	g_array_unref(tables->entries);
	g_free(tables);
}

int pair_tables_outer_fd(const PairTables *tables)
{
	return tables->outer;
}

int pair_tables_stamps_fd(const PairTables *tables)
{
	return tables->stamps;
}

const GArray *pair_tables_entries(const PairTables *tables)
{
	return tables->entries;
}

static void forget_copy(PairTables *tables)
{
	g_array_set_size(tables->keys, 0);
	g_array_set_size(tables->entries, 0);
}

static void add_entry(PairTables *tables, const struct pair_key *key,
		      const struct pair_traffic *cpus)
{
	PairEntry entry = { .key = *key };

	for (int cpu = 0; cpu < tables->cpus; cpu++) {
		entry.traffic.limit_packets += cpus[cpu].limit_packets;
		entry.traffic.limit_octets += cpus[cpu].limit_octets;
		entry.traffic.limit_layer2_octets += cpus[cpu].limit_layer2_octets;
		entry.traffic.latency_ns += cpus[cpu].latency_ns;
		entry.traffic.latency_frames += cpus[cpu].latency_frames;
	}
	g_array_append_val(tables->keys, *key);
	g_array_append_val(tables->entries, entry);
}

bool pair_tables_read(PairTables *tables, uint32_t generation, GError **error)
{
	g_autofree struct pair_key *keys = g_new(struct pair_key, BATCH);
	g_autofree struct pair_traffic *values =
		g_new(struct pair_traffic, (gsize)BATCH * (gsize)tables->cpus);
	__u32 position;
	void *from = NULL;
	int result;

	forget_copy(tables);
	do {
		__u32 count = BATCH;

		result = bpf_map_lookup_batch(tables->fds[generation], from, &position, keys,
					      values, &count, NULL);
		if (result < 0 && errno != ENOENT) {
			error_from_errno(error, errno, "read the tables of pairs");
			return false;
		}
		from = &position;
		for (__u32 i = 0; i < count; i++)
			add_entry(tables, &keys[i], &values[i * (__u32)tables->cpus]);
	} while (result == 0);
	return true;
}

bool pair_tables_empty(PairTables *tables, uint32_t generation, GError **error)
{
	if (!map_delete_keys(tables->fds[generation], tables->keys)) {
		error_from_errno(error, errno, "empty the tables of pairs");
		return false;
	}
	forget_copy(tables);
	return true;
}
