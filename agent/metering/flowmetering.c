/* SPDX-License-Identifier: Apache-2.0 */
#include "flowmetering.h"

/* Flows that are handed on together: flows_add_all() is quicker than one by one. */
#define BLOCK 64

struct FlowMetering {
	const Config *config;
	Flows *flows;
	GArray *records;	 /* of FlowRecord: of the report at hand */
	GArray *flushed;	 /* the same, of the next one */
	GArray *sums;		 /* of FlowPointSum */
	GHashTable *sum_indexes; /* of a report index and a hook to its place in `sums`, and 1 */
	bool flush_all;
};

FlowMetering *flow_metering_new(const Config *config)
{
	FlowMetering *metering = g_new0(FlowMetering, 1);

	metering->config = config;
	metering->flows = flows_new(config->flows.max);
	metering->records = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	metering->flushed = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	metering->sums = g_array_new(FALSE, FALSE, sizeof(FlowPointSum));
	metering->sum_indexes = g_hash_table_new(NULL, NULL);
	return metering;
}

void flow_metering_free(FlowMetering *metering)
{
	if (!metering)
		return;
	flows_free(metering->flows);
	g_array_unref(metering->records);
	g_array_unref(metering->flushed);
	g_array_unref(metering->sums);
	g_hash_table_unref(metering->sum_indexes);
	g_free(metering);
}

void flow_metering_set_config(FlowMetering *metering, const Config *config)
{
	metering->config = config;
	flows_set_max(metering->flows, config->flows.max);
}

typedef struct {
	FlowMetering *metering;
	int64_t offset_ns;
	size_t n;
	FlowDelta deltas[BLOCK];
	bool *keep[BLOCK]; /* of each, its place in the kernel's tables */
} Block;

static void add_block(Block *block)
{
	bool again[BLOCK];

	flows_add_all(block->metering->flows, block->deltas, block->n, block->offset_ns,
		      block->metering->records, again);
	for (size_t i = 0; i < block->n; i++)
		*block->keep[i] = again[i];
	block->n = 0;
}

static FlowPointSum *find_sum(FlowMetering *metering, uint32_t report_index, enum hook hook)
{
	/* Report indexes have 31 bits. */
	gpointer key = GUINT_TO_POINTER(report_index << 1 | hook);
	guint place = GPOINTER_TO_UINT(g_hash_table_lookup(metering->sum_indexes, key));

	if (!place) {
		const FlowPointSum sum = { .report_index = report_index, .hook = hook };

		g_array_append_val(metering->sums, sum);
		place = metering->sums->len;
		g_hash_table_insert(metering->sum_indexes, key, GUINT_TO_POINTER(place));
	}
	return &g_array_index(metering->sums, FlowPointSum, place - 1);
}

static void add_to_sum(FlowMetering *metering, const FlowDelta *delta)
{
	const struct flow_key *key = &delta->key;
	FlowPointSum *sum =
		find_sum(metering, key->hook == HOOK_EGRESS ? key->egress : key->ingress,
			 (enum hook)key->hook);

	volume_add(&sum->volume, &delta->volume);
}

static void count_flow(const FlowDelta *delta, bool *keep, void *user_data)
{
	Block *block = user_data;
	FlowDelta *here = &block->deltas[block->n];

	block->keep[block->n++] = keep;
	*here = *delta;
	add_to_sum(block->metering, delta);
	if (!block->metering->config->flows.by_interfaces)
		here->key.ingress = here->key.egress = 0;
	if (block->n == BLOCK)
		add_block(block);
}

static void move_all(GArray *to, GArray *from)
{
	g_array_append_vals(to, from->data, from->len);
	g_array_set_size(from, 0);
}

void flow_metering_count(FlowMetering *metering, const Cache *cache, int64_t offset_ns,
			 uint64_t now_ms)
{
	Block block = { .metering = metering, .offset_ns = offset_ns };

	g_array_set_size(metering->sums, 0);
	g_hash_table_remove_all(metering->sum_indexes);
	move_all(metering->records, metering->flushed);
	cache_visit_flows(cache, count_flow, &block);
	add_block(&block);
	flows_expire(metering->flows, &metering->config->flows.timeouts, now_ms, metering->records);
	if (metering->flush_all)
		(void)flows_flush(metering->flows, NULL, NULL, metering->records);
}

void flow_metering_flush_all(FlowMetering *metering)
{
	metering->flush_all = true;
}

uint32_t flow_metering_flush(FlowMetering *metering, FlowChoice chosen, void *user_data)
{
	return flows_flush(metering->flows, chosen, user_data, metering->flushed);
}

const GArray *flow_metering_sums(const FlowMetering *metering)
{
	return metering->sums;
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
	save_records(metering->flushed, writer);
}

bool flow_metering_load(FlowMetering *metering, TotalsReader *reader, GError **error)
{
	const void *rows;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_FLOW_RECORDS, sizeof(FlowRecord), &rows, &n,
				error) ||
	    !flows_load(metering->flows, reader, error))
		return false;
	g_array_append_vals(metering->records, rows, (guint)n);
	return true;
}
