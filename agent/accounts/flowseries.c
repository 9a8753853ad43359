/* SPDX-License-Identifier: Apache-2.0 */
#include "flowseries.h"

#include <string.h>

#include "flowterms.h"

struct FlowSeriesTable {
	uint32_t max;
	uint32_t rests; /* how many of `list` are such */
	FlowSeed seed;
	GPtrArray *list;    /* of FlowSeries */
	GHashTable *by_key; /* the same, as keys */
};

struct series_row {
	struct flow_key key;
	char interface[TOTALS_NAME_MAX];
	struct packet_sizes sizes;
	uint64_t last_ms;
};
_Static_assert(sizeof(struct series_row) == 56 + 64 + 72 + 8, "series_row is on disk");

static guint hash_of(gconstpointer series)
{
	return ((const FlowSeries *)series)->hash;
}

static gboolean is_same(gconstpointer a, gconstpointer b)
{
	const FlowSeries *series = a, *other = b;

	return series->interface == other->interface &&
	       !memcmp(&series->key, &other->key, sizeof(series->key));
}

FlowSeriesTable *flow_series_new(uint32_t max)
{
	FlowSeriesTable *table = g_new0(FlowSeriesTable, 1);

	table->max = max;
	flow_seed_init(&table->seed);
	table->list = g_ptr_array_new_with_free_func(g_free);
	table->by_key = g_hash_table_new(hash_of, is_same);
	return table;
}

void flow_series_free(FlowSeriesTable *table)
{
	if (!table)
		return;
	g_hash_table_unref(table->by_key);
	g_ptr_array_unref(table->list);
	g_free(table);
}

void flow_series_set_max(FlowSeriesTable *table, uint32_t max)
{
	table->max = max;
}

static bool is_rest(const FlowSeries *series)
{
	return !series->key.ip_version;
}

static bool has_room(const FlowSeriesTable *table, const FlowSeries *series)
{
	if (is_rest(series))
		return table->rests < FLOW_RESTS_MAX;
	return table->list->len - table->rests < table->max;
}

static FlowSeries *add_copy(FlowSeriesTable *table, const FlowSeries *series)
{
	FlowSeries *copy = g_new(FlowSeries, 1);

	*copy = *series;
	g_ptr_array_add(table->list, copy);
	g_hash_table_add(table->by_key, copy);
	table->rests += is_rest(copy);
	return copy;
}

/* NULL: there is none, nor room for one. */
static FlowSeries *find_or_admit(FlowSeriesTable *table, FlowSeries *wanted)
{
	FlowSeries *found;

	wanted->hash = flow_key_hash(&wanted->key, &table->seed);
	found = g_hash_table_lookup(table->by_key, wanted);
	return found || !has_room(table, wanted) ? found : add_copy(table, wanted);
}

/* The rest that has what @series cannot keep. */
static FlowSeries *find_rest(FlowSeriesTable *table, const FlowSeries *series)
{
	FlowSeries rest = { .key.protocol = series->key.protocol, .interface = series->interface };
	FlowSeries *found = find_or_admit(table, &rest);

	if (found)
		return found;
	rest = (FlowSeries){ .interface = g_intern_static_string("") };
	found = find_or_admit(table, &rest);
	return found ? found : add_copy(table, &rest);
}

/* What tells series apart: ports only where they are such. */
static struct flow_key series_key(const struct flow_key *key)
{
	struct flow_key copy = {
		.protocol = key->protocol,
		.ip_version = key->ip_version,
	};

	memcpy(copy.source, key->source, sizeof(copy.source));
	memcpy(copy.destination, key->destination, sizeof(copy.destination));
	if (flowterm_has_ports(key->protocol)) {
		copy.source_port = key->source_port;
		copy.destination_port = key->destination_port;
	}
	return copy;
}

static void add_packets(struct packet_sizes *sizes, uint64_t octets, uint64_t packets)
{
	static const uint64_t bounds[] = { PACKET_SIZE_BOUNDS };
	size_t i = 0;

	while (i < G_N_ELEMENTS(bounds) && octets > bounds[i])
		i++;
	sizes->packets[i] += packets;
}

void flow_series_add_sizes(struct packet_sizes *sizes, const FlowDelta *delta)
{
	uint64_t packets = delta->volume.packets, octets = delta->volume.octets;
	uint64_t min = delta->attributes.min_octets, max = delta->attributes.max_octets, header;

	if (!packets)
		return;
	sizes->layer2_octets += delta->volume.layer2_octets;
	header = (delta->volume.layer2_octets - octets) / packets;
	if (packets > 1 && min && min <= max && min + max <= octets) {
		add_packets(sizes, min + header, 1);
		add_packets(sizes, max + header, 1);
		packets -= 2;
		octets -= min + max;
	}
	if (packets)
		add_packets(sizes, octets / packets + header, packets);
}

void flow_series_add(FlowSeriesTable *table, const FlowDelta *delta, const char *interface,
		     uint64_t now_ms)
{
	FlowSeries wanted = { .key = series_key(&delta->key), .interface = interface };
	FlowSeries *series = find_or_admit(table, &wanted);

	if (!series)
		series = find_rest(table, &wanted);
	flow_series_add_sizes(&series->sizes, delta);
	series->last_ms = now_ms;
}

static void move_sizes(struct packet_sizes *to, const struct packet_sizes *from)
{
	for (int i = 0; i < PACKET_SIZES; i++)
		to->packets[i] += from->packets[i];
	to->layer2_octets += from->layer2_octets;
}

/* Rests never leave, so that what is in them stays. */
void flow_series_expire(FlowSeriesTable *table, uint64_t now_ms, uint64_t idle_ms)
{
	for (guint i = table->list->len; i > 0; i--) {
		FlowSeries *series = table->list->pdata[i - 1];

		if (is_rest(series) || now_ms < series->last_ms ||
		    now_ms - series->last_ms < idle_ms)
			continue;
		move_sizes(&find_rest(table, series)->sizes, &series->sizes);
		g_hash_table_remove(table->by_key, series);
		g_ptr_array_remove_index_fast(table->list, i - 1);
	}
}

void flow_series_clear(FlowSeriesTable *table)
{
	g_hash_table_remove_all(table->by_key);
	g_ptr_array_set_size(table->list, 0);
	table->rests = 0;
}

const GPtrArray *flow_series_list(const FlowSeriesTable *table)
{
	return table->list;
}

void flow_series_save(const FlowSeriesTable *table, TotalsWriter *writer)
{
	totals_writer_begin(writer, TOTALS_FLOW_SERIES, sizeof(struct series_row));
	for (guint i = 0; i < table->list->len; i++) {
		const FlowSeries *series = table->list->pdata[i];
		struct series_row row = { .key = series->key,
					  .sizes = series->sizes,
					  .last_ms = series->last_ms };

		g_strlcpy(row.interface, series->interface, sizeof(row.interface));
		totals_writer_add(writer, &row);
	}
}

static void load_series(FlowSeriesTable *table, const struct series_row *row)
{
	g_autofree char *interface = g_strndup(row->interface, TOTALS_NAME_MAX - 1);
	const FlowSeries loaded = {
		.hash = flow_key_hash(&row->key, &table->seed),
		.key = row->key,
		.interface = g_intern_string(interface),
		.sizes = row->sizes,
		.last_ms = row->last_ms,
	};

	if (!g_hash_table_contains(table->by_key, &loaded))
		add_copy(table, &loaded);
}

bool flow_series_load(FlowSeriesTable *table, TotalsReader *reader, GError **error)
{
	const struct series_row *rows;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_FLOW_SERIES, sizeof(*rows), (const void **)&rows, &n,
				error))
		return false;
	flow_series_clear(table);
	for (size_t i = 0; i < n; i++)
		load_series(table, &rows[i]);
	return true;
}
