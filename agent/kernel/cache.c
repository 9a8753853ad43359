/* SPDX-License-Identifier: Apache-2.0 */
#include "cache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "broker.h"
#include "base/error.h"
#include "flowtables.h"
#include "maps.h"
#include "netns.h"
#include "pairtables.h"
#include "ticks.h"

/* Entries a call: more than any bucket of a hash table will hold, which a batch may not split. */
#define BATCH 4096
#define LEDGER_PIN "ledger-"

enum table {
	TABLE_HOSTS,
	TABLE_MACS,
	TABLES,
};

typedef struct {
	int fd;
	uint32_t max_entries;
	uint32_t used; /* at the last read */
	GArray *keys;  /* of struct meter_key: what the last read found, to be deleted */
} Table;

/* An interface that has a ledger. */
typedef struct {
	uint64_t interface;
	int fd;
	uint16_t number;
} PointLedger;

struct Cache {
	char *dir;
	int maps[CACHE_MAPS];
	Table tables[TABLES][GENERATIONS];
	FlowTables *flow_tables;
	PairTables *pair_tables;
	Ticks flows_read;			/* when they were copied */
	uint64_t flows_added_before;		/* when the generation was last advanced */
	GHashTable *points;			/* interface -> PointLedger */
	uint32_t report_indexes[POINT_NUMBERS]; /* of the points; 0: nobody has the number */
	uint32_t netns_ids[POINT_NUMBERS];	/* of their namespaces */
	uint16_t newest_number;
	struct meter_control *control;
	uint32_t max_hosts;
	int cpus;
	int ticks; /* broker_load_ticks() */
};

/* The map of maps which the classifiers look a table up in. */
static const struct {
	MapKind kind;
	CacheMap map;
} outer[TABLES] = {
	[TABLE_HOSTS] = { MAP_HOSTS, CACHE_HOSTS },
	[TABLE_MACS] = { MAP_MACS, CACHE_MACS },
};

static const char *outer_name(enum table table)
{
	return map_specs[outer[table].kind].name;
}

/* Per-CPU values are handed over each padded to 8 octets. */
static size_t percpu_size(const Cache *cache, size_t value_size)
{
	return (size_t)cache->cpus * ((value_size + 7) / 8 * 8);
}

static bool put_table(const Cache *cache, enum table table, uint32_t generation, uint32_t place,
		      GError **error)
{
	int inner = cache->tables[table][generation].fd;

	if (bpf_map_update_elem(cache->maps[outer[table].map], &place, &inner, BPF_ANY) == 0)
		return true;
	error_from_errno(error, errno, "install a table of %s", outer_name(table));
	return false;
}

static bool install_table(const Cache *cache, enum table table, uint32_t generation, GError **error)
{
	return put_table(cache, table, generation, generation, error) &&
	       put_table(cache, table, generation, SECOND_PLACE(generation), error);
}

static char *inner_pin(enum table table, uint32_t generation)
{
	return g_strdup_printf("%s-%u", outer_name(table), generation);
}

static bool open_inner(Cache *cache, enum table table, uint32_t generation, GError **error)
{
	Table *inner = &cache->tables[table][generation];
	g_autofree char *pin = inner_pin(table, generation);

	inner->keys = g_array_new(FALSE, FALSE, sizeof(struct meter_key));
	inner->fd = map_open(cache->dir, pin, MAP_HOST_TABLE, cache->max_hosts, -1, error);
	if (inner->fd < 0)
		return false;
	inner->max_entries = map_max_entries(inner->fd);
	return true;
}

static bool open_tables(Cache *cache, enum table table, GError **error)
{
	int *fd = &cache->maps[outer[table].map];

	for (uint32_t generation = 0; generation < GENERATIONS; generation++) {
		if (!open_inner(cache, table, generation, error))
			return false;
	}
	*fd = map_open(cache->dir, outer_name(table), outer[table].kind, 0,
		       cache->tables[table][0].fd, error);
	if (*fd < 0)
		return false;
	for (uint32_t generation = 0; generation < GENERATIONS; generation++) {
		if (!install_table(cache, table, generation, error))
			return false;
	}
	return true;
}

/* Generations count from 1, so that 0 can say "none". */
static void begin_control(struct meter_control *control)
{
	if (getrandom(control->secrets, sizeof(control->secrets), 0) != sizeof(control->secrets))
		g_error("getrandom: no random numbers");
	control->identity = (uint64_t)g_random_int() << 32 | g_random_int();
	control->generation = 1;
	control->layout = METER_LAYOUT;
}

static bool open_control(Cache *cache, GError **error)
{
	int fd = map_open(cache->dir, map_specs[MAP_CONTROL].name, MAP_CONTROL, 0, -1, error);

	cache->maps[CACHE_CONTROL] = fd;
	cache->control = fd < 0 ? NULL : map_memory(fd, MAP_CONTROL, error);
	if (!cache->control)
		return false;
	if (!cache->control->layout)
		begin_control(cache->control);
	if (cache->control->layout == METER_LAYOUT)
		return true;
	error_set(error,
		  "%s: counters of another version of flowtally (layout %u, this one has %d) are "
		  "pinned here; end them with the version that made them",
		  cache->dir, cache->control->layout, METER_LAYOUT);
	return false;
}

static void free_point(gpointer data)
{
	PointLedger *point = data;

	close(point->fd);
	g_free(point);
}

static char *ledger_pin(uint64_t interface, uint16_t number)
{
	return g_strdup_printf(LEDGER_PIN "%u-%u-%u", interface_netns_id(interface),
			       interface_ifindex(interface), number);
}

uint32_t cache_report_index(uint64_t interface, uint16_t number)
{
	return interface_netns_id(interface) == netns_own()->id ? interface_ifindex(interface) :
								  REPORT_INDEX_BASE | number;
}

/* Opens the ledger of a number that is free, -1 with @error set. */
static int open_ledger(Cache *cache, uint64_t interface, uint16_t number, GError **error)
{
	g_autofree char *pin = ledger_pin(interface, number);
	PointLedger *point;
	int fd = map_open(cache->dir, pin, MAP_LEDGER, 0, -1, error);

	if (fd < 0)
		return -1;
	point = g_new(PointLedger, 1);
	*point = (PointLedger){ .interface = interface, .fd = fd, .number = number };
	g_hash_table_insert(cache->points, &point->interface, point);
	cache->report_indexes[number] = cache_report_index(interface, number);
	cache->netns_ids[number] = interface_netns_id(interface);
	cache->newest_number = MAX(cache->newest_number, number);
	return fd;
}

static bool adopt_ledger(Cache *cache, const char *pin, GError **error)
{
	unsigned int netns, ifindex, number;
	int end = 0;

	if (sscanf(pin, LEDGER_PIN "%u-%u-%u%n", &netns, &ifindex, &number, &end) == 3 &&
	    !pin[end] && number < POINT_NUMBERS && !cache->report_indexes[number] &&
	    !cache_has_ledger(cache, interface_id(netns, ifindex)))
		return open_ledger(cache, interface_id(netns, ifindex), (uint16_t)number, error) >=
		       0;
	error_set(error, "%s/%s: this pin is not one of ours", cache->dir, pin);
	return false;
}

static bool adopt_ledgers(Cache *cache, GError **error)
{
	g_autoptr(GDir) dir = g_dir_open(cache->dir, 0, error);
	const char *name;

	if (!dir)
		return false;
	while ((name = g_dir_read_name(dir))) {
		if (g_str_has_prefix(name, LEDGER_PIN) && !adopt_ledger(cache, name, error))
			return false;
	}
	return true;
}

Cache *cache_open(const char *dir, uint32_t max_hosts, GError **error)
{
	g_autoptr(Cache) cache = g_new0(Cache, 1);

	cache->dir = g_strdup(dir);
	cache->max_hosts = max_hosts;
	cache->points = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_point);
	cache->ticks = -1;
	memset(cache->maps, -1, sizeof(cache->maps));
	for (int table = 0; table < TABLES; table++) {
		for (int generation = 0; generation < GENERATIONS; generation++)
			cache->tables[table][generation].fd = -1;
	}
	cache->cpus = libbpf_num_possible_cpus();
	if (cache->cpus < 0) {
		error_from_errno(error, cache->cpus, "count the CPUs");
		return NULL;
	}
	cache->ticks = broker_load_ticks(error);
	if (cache->ticks < 0 || !open_control(cache, error) ||
	    !open_tables(cache, TABLE_HOSTS, error) || !open_tables(cache, TABLE_MACS, error) ||
	    !adopt_ledgers(cache, error))
		return NULL;
	cache->flow_tables = flow_tables_open(dir, cache->cpus, error);
	cache->pair_tables = cache->flow_tables ? pair_tables_open(dir, cache->cpus, error) : NULL;
	if (!cache->pair_tables)
		return NULL;
	return g_steal_pointer(&cache);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void table_done(Table *table)
{
	close_fd(table->fd);
	if (table->keys)
		g_array_unref(table->keys);
}

void cache_close(Cache *cache)
{
	if (!cache)
		return;
	map_memory_free(cache->control, MAP_CONTROL);
	for (int map = 0; map < CACHE_MAPS; map++)
		close_fd(cache->maps[map]);
	for (int table = 0; table < TABLES; table++) {
		for (int generation = 0; generation < GENERATIONS; generation++)
			table_done(&cache->tables[table][generation]);
	}
	flow_tables_close(cache->flow_tables);
	pair_tables_close(cache->pair_tables);
	g_hash_table_unref(cache->points);
	close_fd(cache->ticks);
	g_free(cache->dir);
	g_free(cache);
}

int cache_map_fd(const Cache *cache, CacheMap map)
{
	switch (map) {
	case CACHE_FLOWS_IPV4:
		return flow_tables_outer_fd(cache->flow_tables, FLOW_TABLE_IPV4);
	case CACHE_FLOWS_IPV6:
		return flow_tables_outer_fd(cache->flow_tables, FLOW_TABLE_IPV6);
	case CACHE_FRAGMENTS:
		return flow_tables_fragments_fd(cache->flow_tables);
	case CACHE_PAIRS:
		return pair_tables_outer_fd(cache->pair_tables);
	case CACHE_STAMPS:
		return pair_tables_stamps_fd(cache->pair_tables);
	default:
		return cache->maps[map];
	}
}

static const PointLedger *find_point(const Cache *cache, uint64_t interface)
{
	return g_hash_table_lookup(cache->points, &interface);
}

/* The one after the newest, so that a number rests as long as can be before it is another's. */
static bool find_free_number(const Cache *cache, uint16_t *number)
{
	for (unsigned int i = 1; i <= POINT_NUMBERS; i++) {
		*number = (uint16_t)((cache->newest_number + i) % POINT_NUMBERS);
		if (!cache->report_indexes[*number])
			return true;
	}
	return false;
}

int cache_ensure_ledger(Cache *cache, uint64_t interface, GError **error)
{
	const PointLedger *known = find_point(cache, interface);
	uint16_t number;
	int fd;

	if (known)
		return known->fd;
	if (!find_free_number(cache, &number)) {
		error_set(error,
			  "make a ledger: %d interfaces are metered, there is room for no more",
			  POINT_NUMBERS);
		return -1;
	}
	fd = open_ledger(cache, interface, number, error);
	if (fd >= 0)
		cache->newest_number = number;
	return fd;
}

uint16_t cache_point_number(const Cache *cache, uint64_t interface)
{
	return find_point(cache, interface)->number;
}

bool cache_has_ledger(const Cache *cache, uint64_t interface)
{
	return find_point(cache, interface) != NULL;
}

void cache_drop_ledger(Cache *cache, uint64_t interface)
{
	const PointLedger *point = find_point(cache, interface);
	g_autofree char *pin = NULL;

	if (!point)
		return;
	pin = ledger_pin(interface, point->number);
	map_unpin(cache->dir, pin);
	cache->report_indexes[point->number] = 0;
	g_hash_table_remove(cache->points, &interface);
}

GArray *cache_ledgers(const Cache *cache)
{
	GArray *interfaces = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	GHashTableIter iter;
	gpointer interface;

	g_hash_table_iter_init(&iter, cache->points);
	while (g_hash_table_iter_next(&iter, &interface, NULL))
		g_array_append_vals(interfaces, interface, 1);
	return interfaces;
}

uint64_t cache_identity(const Cache *cache)
{
	return cache->control->identity;
}

uint64_t cache_generation(const Cache *cache)
{
	return cache->control->generation;
}

uint64_t cache_exported(const Cache *cache)
{
	return cache->control->exported;
}

void cache_set_exported(Cache *cache, uint64_t generation)
{
	__atomic_store_n(&cache->control->exported, generation, __ATOMIC_RELEASE);
}

static uint32_t quiet(const Cache *cache)
{
	return (uint32_t)((cache->control->generation - 1) % GENERATIONS);
}

static uint64_t flows_ever_added(const Cache *cache)
{
	return __atomic_load_n(&cache->control->flows_added, __ATOMIC_RELAXED);
}

uint64_t cache_flows_added(const Cache *cache)
{
	return flows_ever_added(cache) - cache->flows_added_before;
}

uint32_t cache_flow_room(const Cache *cache)
{
	return flow_tables_room(cache->flow_tables,
				(uint32_t)(cache->control->generation % GENERATIONS));
}

void cache_advance(Cache *cache)
{
	cache->flows_added_before = flows_ever_added(cache);
	__atomic_store_n(&cache->control->generation, cache->control->generation + 1,
			 __ATOMIC_SEQ_CST);
}

bool cache_wait_until_quiet(Cache *cache, GError **error)
{
	/*
	 * To update a map of maps from user space takes a grace period: maybe_wait_bpf_programs() in
	 * kernel/bpf/syscall.c. After it no classifier is under way that read the old generation.
	 */
	return put_table(cache, TABLE_HOSTS, quiet(cache), quiet(cache), error);
}

static void add_direction(HostDelta *delta, int direction, const struct traffic *traffic,
			  const Ticks *now)
{
	uint64_t first_ns, last_ns;

	if (!traffic->packets)
		return;
	delta->volume[direction].packets += traffic->packets;
	delta->volume[direction].octets += traffic->octets;
	delta->volume[direction].layer2_octets += traffic->layer2_octets;
	first_ns = ticks_to_ns(now, traffic->first_ticks);
	last_ns = ticks_to_ns(now, traffic->last_ticks);
	if (!delta->first_ns[direction] || first_ns < delta->first_ns[direction])
		delta->first_ns[direction] = first_ns;
	if (last_ns > delta->last_ns[direction])
		delta->last_ns[direction] = last_ns;
}

static enum scope scope_of(const struct meter_key *key)
{
	if (key->point & POINT_ROUTER)
		return SCOPE_ROUTER;
	return key->point & POINT_LOCAL ? SCOPE_LOCAL : SCOPE_INTERNET;
}

static struct host_key host_key_of(const Cache *cache, const struct meter_key *key)
{
	struct host_key result = {
		.ifindex = cache->report_indexes[key->point >> POINT_NUMBER_SHIFT],
		.ip_version = key->point & POINT_IPV6 ? 6 : 4,
		.scope = scope_of(key),
	};

	memcpy(result.address, key->address, ADDRESS_LEN);
	memcpy(result.mac, key->mac, MAC_LEN);
	return result;
}

static HostDelta sum_cpus(const Cache *cache, const struct meter_key *key,
			  const struct host_traffic *values, const Ticks *now)
{
	HostDelta delta = { .key = host_key_of(cache, key) };

	for (int cpu = 0; cpu < cache->cpus; cpu++) {
		for (int direction = 0; direction < DIRECTIONS; direction++)
			add_direction(&delta, direction, &values[cpu].direction[direction], now);
	}
	return delta;
}

/*
 * Appends to @deltas, and the keys to @keys. The kernel hands out bucket by bucket, each locked: so each entry
 * comes once, also while others are added, and where nothing writes to the table the walk is exact.
 */
static bool read_table(Cache *cache, const Table *table, const Ticks *now, GArray *deltas,
		       GArray *read_keys, GError **error)
{
	size_t value_size = percpu_size(cache, sizeof(struct host_traffic));
	g_autofree struct meter_key *keys = g_new(struct meter_key, BATCH);
	g_autofree char *values = g_malloc(BATCH * value_size);
	__u32 position;
	void *from = NULL;
	int result;

	do {
		__u32 count = BATCH;

		result = bpf_map_lookup_batch(table->fd, from, &position, keys, values, &count,
					      NULL);
		if (result < 0 && errno != ENOENT) {
			error_from_errno(error, errno, "read the tables");
			return false;
		}
		from = &position;
		g_array_append_vals(read_keys, keys, count);
		for (__u32 i = 0; i < count; i++) {
			HostDelta delta = sum_cpus(cache, &keys[i],
						   (const void *)(values + i * value_size), now);

			g_array_append_val(deltas, delta);
		}
	} while (result == 0);
	return true;
}

bool cache_read_hosts(Cache *cache, GArray *deltas, GError **error)
{
	Ticks now;

	if (!ticks_read(cache->ticks, &now, error))
		return false;
	for (int i = 0; i < TABLES; i++) {
		Table *table = &cache->tables[i][quiet(cache)];

		g_array_set_size(table->keys, 0);
		if (!read_table(cache, table, &now, deltas, table->keys, error))
			return false;
		table->used = table->keys->len;
	}
	return true;
}

bool cache_peek_hosts(Cache *cache, GArray *deltas, GError **error)
{
	g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(struct meter_key));
	uint32_t active = (uint32_t)(cache->control->generation % GENERATIONS);
	Ticks now;

	if (!ticks_read(cache->ticks, &now, error))
		return false;
	for (int i = 0; i < TABLES; i++) {
		if (!read_table(cache, &cache->tables[i][active], &now, deltas, keys, error))
			return false;
	}
	return true;
}

/* What becomes of the kernel's entries. */
typedef struct {
	const Cache *cache;
	CacheFlowVisitor visit;
	void *user_data;
} FlowReader;

static void spell_ipv4(const struct flow_key_ipv4 *key, struct flow_key *flow)
{
	memset(flow->source + 10, 0xff, 2);
	memset(flow->destination + 10, 0xff, 2);
	memcpy(flow->source + 12, &key->source, sizeof(key->source));
	memcpy(flow->destination + 12, &key->destination, sizeof(key->destination));
	flow->vlan = key->tags.vlan;
	flow->customer_vlan = key->tags.customer_vlan;
}

static void spell_ipv6(const struct flow_key_ipv6 *key, struct flow_key *flow)
{
	memcpy(flow->source, key->source, ADDRESS_LEN);
	memcpy(flow->destination, key->destination, ADDRESS_LEN);
	flow->vlan = key->tags.vlan;
	flow->customer_vlan = key->tags.customer_vlan;
}

/* An interface that is no point has no number but in the agent's own namespace. */
static uint32_t other_index(const Cache *cache, uint32_t point_index, uint32_t ifindex)
{
	uint64_t interface;
	const PointLedger *other;

	if (!ifindex || point_index < REPORT_INDEX_BASE)
		return ifindex;
	interface = interface_id(cache->netns_ids[point_index - REPORT_INDEX_BASE], ifindex);
	other = find_point(cache, interface);
	return other ? cache->report_indexes[other->number] : 0;
}

static struct flow_key flow_key_of(const Cache *cache, FlowTableFamily family, const void *key)
{
	const struct flow_key_start *start = key;
	uint32_t here = cache->report_indexes[start->point >> POINT_NUMBER_SHIFT];
	struct flow_key flow = {
		.mark = start->mark,
		.source_port = start->source_port,
		.destination_port = start->destination_port,
		.protocol = start->protocol,
		.traffic_class = start->traffic_class,
		.ip_version = family == FLOW_TABLE_IPV6 ? 6 : 4,
		.hook = start->point & POINT_EGRESS ? HOOK_EGRESS : HOOK_INGRESS,
	};

	if (family == FLOW_TABLE_IPV6)
		spell_ipv6(key, &flow);
	else
		spell_ipv4(key, &flow);
	if (flow.hook == HOOK_EGRESS) {
		flow.ingress = other_index(cache, here, start->other_ifindex);
		flow.egress = here;
	} else {
		flow.ingress = here;
	}
	return flow;
}

static void read_flow(FlowTableFamily family, const void *key, const struct flow_traffic *traffic,
		      bool *keep, void *user_data)
{
	const FlowReader *reader = user_data;
	const FlowDelta delta = {
		.key = flow_key_of(reader->cache, family, key),
		.volume = { traffic->packets, traffic->octets, traffic->layer2_octets },
		.first_ns = ticks_to_ns(&reader->cache->flows_read, traffic->first_ticks),
		.last_ns = ticks_to_ns(&reader->cache->flows_read, traffic->last_ticks),
		.attributes = traffic->attributes,
	};

	reader->visit(&delta, keep, reader->user_data);
}

bool cache_read_flows(Cache *cache, GError **error)
{
	return ticks_read(cache->ticks, &cache->flows_read, error) &&
	       flow_tables_read(cache->flow_tables, quiet(cache), error);
}

void cache_visit_flows(const Cache *cache, CacheFlowVisitor visit, void *user_data)
{
	FlowReader reader = { .cache = cache, .visit = visit, .user_data = user_data };

	flow_tables_visit(cache->flow_tables, quiet(cache), read_flow, &reader);
}

static PairDelta pair_delta_of(const Cache *cache, const PairEntry *entry)
{
	const struct pair_traffic *traffic = &entry->traffic;
	uint32_t here = cache->report_indexes[entry->key.point >> POINT_NUMBER_SHIFT];
	PairDelta delta = {
		.ingress = here,
		.hook = entry->key.point & POINT_EGRESS ? HOOK_EGRESS : HOOK_INGRESS,
		.limit = { traffic->limit_packets, traffic->limit_octets,
			   traffic->limit_layer2_octets },
		.latency_ns = traffic->latency_ns,
		.latency_frames = traffic->latency_frames,
	};

	if (delta.hook == HOOK_EGRESS) {
		delta.ingress = other_index(cache, here, entry->key.other_ifindex);
		delta.egress = here;
	}
	return delta;
}

bool cache_read_pairs(Cache *cache, GArray *deltas, GError **error)
{
	const GArray *entries;

	if (!pair_tables_read(cache->pair_tables, quiet(cache), error))
		return false;
	entries = pair_tables_entries(cache->pair_tables);
	for (guint i = 0; i < entries->len; i++) {
		PairDelta delta = pair_delta_of(cache, &g_array_index(entries, PairEntry, i));

		g_array_append_val(deltas, delta);
	}
	return true;
}

static void sheet_add_cpu(struct ledger_sheet *sum, const struct ledger_sheet *sheet)
{
	const __u64 *from = (const __u64 *)sheet;
	__u64 *to = (__u64 *)sum;

	_Static_assert(sizeof(*sum) % sizeof(*to) == 0, "a sheet is counters alone");
	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

bool cache_read_sheets(Cache *cache, uint64_t interface, struct ledger_sheet sheets[HOOKS],
		       GError **error)
{
	g_autofree struct ledger_page *pages =
		g_malloc(percpu_size(cache, sizeof(struct ledger_page)));
	const PointLedger *point = find_point(cache, interface);

	memset(sheets, 0, HOOKS * sizeof(*sheets));
	for (uint32_t hook = 0; hook < HOOKS; hook++) {
		uint32_t index = quiet(cache) * HOOKS + hook;

		if (bpf_map_lookup_elem(point ? point->fd : -1, &index, pages) < 0) {
			error_from_errno(error, errno, "read the ledger of interface %u",
					 interface_ifindex(interface));
			return false;
		}
		for (int cpu = 0; cpu < cache->cpus; cpu++)
			sheet_add_cpu(&sheets[hook], &pages[cpu].sheet);
	}
	return true;
}

static bool empty_ledgers(Cache *cache, GError **error)
{
	g_autofree void *zeros = g_malloc0(percpu_size(cache, sizeof(struct ledger_page)));
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, cache->points);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const PointLedger *point = value;

		for (uint32_t hook = 0; hook < HOOKS; hook++) {
			uint32_t index = quiet(cache) * HOOKS + hook;

			if (bpf_map_update_elem(point->fd, &index, zeros, BPF_ANY) < 0) {
				error_from_errno(error, errno, "empty a ledger");
				return false;
			}
		}
	}
	return true;
}

static bool empty_table(Table *table, GError **error)
{
	if (!map_delete_keys(table->fd, table->keys)) {
		error_from_errno(error, errno, "empty the tables");
		return false;
	}
	g_array_set_size(table->keys, 0);
	return true;
}

/* The quiet table @table, which is empty, gives place to one of the size that is wanted now. */
static bool resize_table(Cache *cache, enum table table, GError **error)
{
	Table *inner = &cache->tables[table][quiet(cache)];
	g_autofree char *pin = inner_pin(table, quiet(cache));

	if (!map_replace(cache->dir, pin, MAP_HOST_TABLE, cache->max_hosts, &inner->fd, error))
		return false;
	inner->max_entries = cache->max_hosts;
	return install_table(cache, table, quiet(cache), error);
}

/* A size that cannot be had is no reason to stop counting in the one that is there. */
static void resize_or_keep(Cache *cache, enum table table)
{
	uint32_t present = cache->tables[table][quiet(cache)].max_entries;
	g_autoptr(GError) error = NULL;

	if (resize_table(cache, table, &error))
		return;
	g_warning("%s (the tables keep %u entries)", error->message, present);
	cache->max_hosts = present;
}

bool cache_empty(Cache *cache, GError **error)
{
	if (!empty_ledgers(cache, error) ||
	    !flow_tables_empty(cache->flow_tables, quiet(cache), error) ||
	    !pair_tables_empty(cache->pair_tables, quiet(cache), error))
		return false;
	for (int table = 0; table < TABLES; table++) {
		Table *inner = &cache->tables[table][quiet(cache)];

		if (!empty_table(inner, error))
			return false;
		if (inner->max_entries != cache->max_hosts)
			resize_or_keep(cache, table);
	}
	return true;
}

void cache_set_max_hosts(Cache *cache, uint32_t max_hosts)
{
	cache->max_hosts = max_hosts;
}

bool cache_set_max_flows(Cache *cache, uint32_t max_flows, GError **error)
{
	return flow_tables_set_max(cache->flow_tables, max_flows, error);
}

CacheUse cache_use(const Cache *cache)
{
	uint32_t generation = quiet(cache);

	return (CacheUse){
		.hosts = cache->tables[TABLE_HOSTS][generation].used,
		.macs = cache->tables[TABLE_MACS][generation].used,
		.limit = cache->max_hosts,
		.flows = flow_tables_used(cache->flow_tables),
		.flow_limit = flow_tables_max(cache->flow_tables),
	};
}
