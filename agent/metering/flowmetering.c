/* SPDX-License-Identifier: Apache-2.0 */
#include "flowmetering.h"

#include <string.h>

/* Flows that are handed on together: flows_add_all() is quicker than one by one. */
#define BLOCK 64

/* Paths that are found without a search, a power of 2. */
#define RECENT 256

struct FlowMetering {
	const Config *config;
	Flows *flows;
	GArray *records; /* of FlowRecord: of the report at hand */
	GArray *flushed; /* the same, of the next one */
	FlowSums *sums;
	FlowSeriesTable *series;
	GPtrArray *paths;	     /* of FlowPathSum: of the last sweep */
	GHashTable *paths_set;	     /* the same, as keys */
	FlowPathSum *recent[RECENT]; /* some of them, by recent_place() */
	bool flush_all;
};

static guint recent_place(const FlowPathSum *path)
{
	uint32_t hash = path->ingress * 0x9e3779b1u + path->egress * 0x85ebca77u +
			path->protocol * 2u + path->hook;

	return (hash ^ hash >> 16) % RECENT;
}

static guint hash_path(gconstpointer path)
{
	const FlowPathSum *sum = path;

	return (sum->ingress * 31 + sum->egress) * 512 + sum->protocol * 2u + sum->hook;
}

static gboolean is_same_path(gconstpointer a, gconstpointer b)
{
	const FlowPathSum *path = a, *other = b;

	return path->ingress == other->ingress && path->egress == other->egress &&
	       path->hook == other->hook && path->protocol == other->protocol;
}

FlowMetering *flow_metering_new(const Config *config)
{
	FlowMetering *metering = g_new0(FlowMetering, 1);

	metering->config = config;
	metering->flows = flows_new(config->flows.max);
	flows_set_pairs(metering->flows, config_wants_biflows(config));
	metering->records = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	metering->flushed = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	metering->sums = flow_sums_new();
	metering->series = flow_series_new(config->metrics.max_flows);
	metering->paths = g_ptr_array_new_with_free_func(g_free);
	metering->paths_set = g_hash_table_new(hash_path, is_same_path);
	return metering;
}

void flow_metering_free(FlowMetering *metering)
{
	if (!metering)
		return;
	flows_free(metering->flows);
	g_array_unref(metering->records);
	g_array_unref(metering->flushed);
	flow_sums_free(metering->sums);
	flow_series_free(metering->series);
	g_hash_table_unref(metering->paths_set);
	g_ptr_array_unref(metering->paths);
	g_free(metering);
}

void flow_metering_set_config(FlowMetering *metering, const Config *config)
{
	metering->config = config;
	flows_set_max(metering->flows, config->flows.max);
	flow_series_set_max(metering->series, config->metrics.max_flows);
	if (!config->metrics.compat_packet_exporter)
		flow_series_clear(metering->series);
	flows_set_pairs(metering->flows, config_wants_biflows(config));
}

typedef struct {
	FlowMetering *metering;
	const FlowCounting *counting;
	size_t n;
	FlowDelta deltas[BLOCK];
	bool *keep[BLOCK]; /* of each, its place in the kernel's tables */
} Block;

static void add_block(Block *block)
{
	bool again[BLOCK];

	flows_add_all(block->metering->flows, block->deltas, block->n, block->counting->offset_ns,
		      block->metering->records, again);
	for (size_t i = 0; i < block->n; i++)
		*block->keep[i] = again[i];
	block->n = 0;
}

static FlowPath name_path(const FlowCounting *counting, uint32_t ingress, uint32_t egress,
			  enum hook hook)
{
	return (FlowPath){
		.ingress = counting->name(ingress, counting->user_data),
		.egress = counting->name(egress, counting->user_data),
		.hook = hook,
	};
}

static FlowPathSum *add_path(FlowMetering *metering, const FlowPathSum *path,
			     const FlowCounting *counting)
{
	FlowPathSum *added = g_new(FlowPathSum, 1);

	*added = *path;
	added->sum.path = name_path(counting, path->ingress, path->egress, path->hook);
	added->sum.path.protocol = path->protocol;
	g_ptr_array_add(metering->paths, added);
	g_hash_table_add(metering->paths_set, added);
	return added;
}

static FlowPathSum *find_path(FlowMetering *metering, const struct flow_key *key,
			      const FlowCounting *counting)
{
	const FlowPathSum wanted = { .ingress = key->ingress,
				     .egress = key->egress,
				     .hook = (enum hook)key->hook,
				     .protocol = key->protocol };
	FlowPathSum **recent = &metering->recent[recent_place(&wanted)];

	if (*recent && is_same_path(*recent, &wanted))
		return *recent;
	*recent = g_hash_table_lookup(metering->paths_set, &wanted);
	if (!*recent)
		*recent = add_path(metering, &wanted, counting);
	return *recent;
}

static void add_to_sums(Block *block, const FlowDelta *delta)
{
	FlowMetering *metering = block->metering;
	FlowPathSum *path;

	if (!delta->volume.packets)
		return;
	path = find_path(metering, &delta->key, block->counting);
	volume_add(&path->sum.volume, &delta->volume);
	if (metering->config->metrics.compat_packet_exporter)
		flow_series_add(metering->series, delta, path->sum.path.ingress,
				block->counting->now_ms);
}

static void count_flow(const FlowDelta *delta, bool *keep, void *user_data)
{
	Block *block = user_data;
	FlowDelta *here = &block->deltas[block->n];

	block->keep[block->n++] = keep;
	*here = *delta;
	add_to_sums(block, delta);
	if (!block->metering->config->flows.by_interfaces)
		here->key.ingress = here->key.egress = 0;
	if (block->n == BLOCK)
		add_block(block);
}

static void forget_paths(FlowMetering *metering)
{
	memset(metering->recent, 0, sizeof(metering->recent));
	g_hash_table_remove_all(metering->paths_set);
	g_ptr_array_set_size(metering->paths, 0);
}

static void keep_sums(FlowMetering *metering, uint64_t now_ms)
{
	uint64_t idle_ms = metering->config->metrics.idle_ms;

	for (guint i = 0; i < metering->paths->len; i++) {
		FlowPathSum *path = metering->paths->pdata[i];

		path->sum.last_ms = now_ms;
		flow_sums_add(metering->sums, &path->sum);
	}
	flow_sums_make_room(metering->sums, now_ms, idle_ms);
	flow_series_expire(metering->series, now_ms, idle_ms);
}

static void move_all(GArray *to, GArray *from)
{
	g_array_append_vals(to, from->data, from->len);
	g_array_set_size(from, 0);
}

void flow_metering_count(FlowMetering *metering, const Cache *cache, const FlowCounting *counting)
{
	Block block = { .metering = metering, .counting = counting };

	forget_paths(metering);
	move_all(metering->records, metering->flushed);
	cache_visit_flows(cache, count_flow, &block);
	add_block(&block);
	keep_sums(metering, counting->now_ms);
	flows_expire(metering->flows, &metering->config->flows.timeouts, counting->now_ms,
		     metering->records);
	if (metering->flush_all)
		(void)flows_flush(metering->flows, NULL, NULL, metering->records);
}

/* Never more than there was, whatever a crash has left of the one and not of the other. */
static void take_off(Volume *volume, const Volume *part)
{
	volume->packets -= MIN(volume->packets, part->packets);
	volume->octets -= MIN(volume->octets, part->octets);
	volume->layer2_octets -= MIN(volume->layer2_octets, part->layer2_octets);
}

void flow_metering_count_pairs(FlowMetering *metering, const GArray *pairs, const Volume *limit,
			       const FlowCounting *counting)
{
	Volume left = *limit;

	for (guint i = 0; i < pairs->len; i++) {
		const PairDelta *delta = &g_array_index(pairs, PairDelta, i);
		const PairSum added = {
			.path = name_path(counting, delta->ingress, delta->egress, delta->hook),
			.last_ms = counting->now_ms,
			.limit = delta->limit,
			.latency_ns = delta->latency_ns,
			.latency_frames = delta->latency_frames,
		};

		flow_sums_add_pair(metering->sums, &added);
		take_off(&left, &delta->limit);
	}
	flow_sums_add_pair_overflow(metering->sums, &left);
}

void flow_metering_flush_all(FlowMetering *metering)
{
	metering->flush_all = true;
}

uint32_t flow_metering_flush(FlowMetering *metering, FlowChoice chosen, void *user_data)
{
	return flows_flush(metering->flows, chosen, user_data, metering->flushed);
}

const GPtrArray *flow_metering_path_sums(const FlowMetering *metering)
{
	return metering->paths;
}

const FlowSums *flow_metering_sums(const FlowMetering *metering)
{
	return metering->sums;
}

const FlowSeriesTable *flow_metering_series(const FlowMetering *metering)
{
	return metering->series;
}

const GArray *flow_metering_records(const FlowMetering *metering)
{
	return metering->records;
}

void flow_metering_forget_records(FlowMetering *metering)
{
	g_array_set_size(metering->records, 0);
}

const Flows *flow_metering_flows(const FlowMetering *metering)
{
	return metering->flows;
}

_Static_assert(sizeof(FlowRecord) == 136, "FlowRecord is on disk");

static void save_records(const GArray *records, TotalsWriter *writer)
{
	for (guint i = 0; i < records->len; i++)
		totals_writer_add(writer, &g_array_index(records, FlowRecord, i));
}

void flow_metering_save(const FlowMetering *metering, TotalsWriter *writer)
{
	flows_save(metering->flows, writer);
	totals_writer_begin(writer, TOTALS_FLOW_RECORDS, sizeof(FlowRecord));
	save_records(metering->records, writer);
	totals_writer_begin(writer, TOTALS_FLUSHED_FLOWS, sizeof(FlowRecord));
	save_records(metering->flushed, writer);
}

void flow_metering_save_sums(const FlowMetering *metering, TotalsWriter *writer)
{
	flow_sums_save(metering->sums, writer);
	flow_series_save(metering->series, writer);
}

bool flow_metering_load(FlowMetering *metering, TotalsReader *reader, GError **error)
{
	const void *rows, *flushed;
	size_t n, flushed_n;

	if (!totals_reader_rows(reader, TOTALS_FLOW_RECORDS, sizeof(FlowRecord), &rows, &n,
				error) ||
	    !totals_reader_rows(reader, TOTALS_FLUSHED_FLOWS, sizeof(FlowRecord), &flushed,
				&flushed_n, error) ||
	    !flow_sums_load(metering->sums, reader, error) ||
	    !flow_series_load(metering->series, reader, error) ||
	    !flows_load(metering->flows, reader, error))
		return false;
	if (!metering->config->metrics.compat_packet_exporter)
		flow_series_clear(metering->series);
	g_array_append_vals(metering->records, rows, (guint)n);
	g_array_append_vals(metering->flushed, flushed, (guint)flushed_n);
	return true;
}
