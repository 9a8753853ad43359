/* SPDX-License-Identifier: Apache-2.0 */
#include "flowsums.h"

#include <string.h>

/* Rows by their path, which each of them begins with. */
typedef struct {
	GPtrArray *rows;
	GHashTable *by_path; /* the rows, as keys */
} Set;

struct FlowSums {
	Set sums;  /* of FlowSum */
	Set pairs; /* of PairSum */
	FlowSum overflow;
	PairSum pair_overflow;
};

struct path_row {
	char ingress[TOTALS_NAME_MAX];
	char egress[TOTALS_NAME_MAX];
	uint32_t hook; /* HOOKS: it is the overflow */
	uint32_t protocol;
	uint64_t last_ms;
};

struct sum_row {
	struct path_row path;
	Volume volume;
};
_Static_assert(sizeof(struct sum_row) == 144 + 24, "sum_row is on disk");

struct pair_row {
	struct path_row path;
	Volume limit;
	uint64_t latency_ns;
	uint64_t latency_frames;
};
_Static_assert(sizeof(struct pair_row) == 144 + 40, "pair_row is on disk");

static guint hash_path(gconstpointer key)
{
	const FlowPath *path = key;

	return g_direct_hash(path->ingress) * 31 + g_direct_hash(path->egress) * 17 +
	       (guint)path->hook * 256 + path->protocol;
}

static gboolean is_same_path(gconstpointer a, gconstpointer b)
{
	const FlowPath *path = a, *other = b;

	return path->ingress == other->ingress && path->egress == other->egress &&
	       path->hook == other->hook && path->protocol == other->protocol;
}

static void set_init(Set *set)
{
	set->rows = g_ptr_array_new_with_free_func(g_free);
	set->by_path = g_hash_table_new(hash_path, is_same_path);
}

static void set_done(Set *set)
{
	g_hash_table_unref(set->by_path);
	g_ptr_array_unref(set->rows);
}

/* The row of @path, of @size octets; NULL: there is none, nor room for one. */
static void *find_or_add(Set *set, const FlowPath *path, size_t size)
{
	void *row = g_hash_table_lookup(set->by_path, path);

	if (row || set->rows->len == FLOW_SUMS_MAX)
		return row;
	row = g_malloc0(size);
	*(FlowPath *)row = *path;
	g_ptr_array_add(set->rows, row);
	g_hash_table_add(set->by_path, row);
	return row;
}

FlowSums *flow_sums_new(void)
{
	FlowSums *sums = g_new0(FlowSums, 1);

	set_init(&sums->sums);
	set_init(&sums->pairs);
	return sums;
}

void flow_sums_free(FlowSums *sums)
{
	if (!sums)
		return;
	set_done(&sums->sums);
	set_done(&sums->pairs);
	g_free(sums);
}

static FlowSum *find_sum(FlowSums *sums, const FlowPath *path)
{
	FlowSum *row = find_or_add(&sums->sums, path, sizeof(*row));

	return row ? row : &sums->overflow;
}

static PairSum *find_pair(FlowSums *sums, const FlowPath *path)
{
	PairSum *row = find_or_add(&sums->pairs, path, sizeof(*row));

	return row ? row : &sums->pair_overflow;
}

static void add_to_sum(FlowSum *sum, const FlowSum *added)
{
	volume_add(&sum->volume, &added->volume);
	sum->last_ms = added->last_ms;
}

static void add_to_pair(PairSum *pair, const PairSum *added)
{
	volume_add(&pair->limit, &added->limit);
	pair->latency_ns += added->latency_ns;
	pair->latency_frames += added->latency_frames;
	pair->last_ms = added->last_ms;
}

void flow_sums_add(FlowSums *sums, const FlowSum *added)
{
	add_to_sum(find_sum(sums, &added->path), added);
}

void flow_sums_add_pair(FlowSums *sums, const PairSum *added)
{
	add_to_pair(find_pair(sums, &added->path), added);
}

void flow_sums_add_pair_overflow(FlowSums *sums, const Volume *limit)
{
	volume_add(&sums->pair_overflow.limit, limit);
}

static void remove_row(Set *set, guint i)
{
	g_hash_table_remove(set->by_path, set->rows->pdata[i]);
	g_ptr_array_remove_index(set->rows, i);
}

static bool is_idle(uint64_t last_ms, uint64_t now_ms, uint64_t idle_ms)
{
	return now_ms >= last_ms && now_ms - last_ms >= idle_ms;
}

void flow_sums_make_room(FlowSums *sums, uint64_t now_ms, uint64_t idle_ms)
{
	bool full = sums->sums.rows->len == FLOW_SUMS_MAX;
	bool pairs_full = sums->pairs.rows->len == FLOW_SUMS_MAX;

	for (guint i = full ? FLOW_SUMS_MAX : 0; i > 0; i--) {
		const FlowSum *sum = sums->sums.rows->pdata[i - 1];

		if (!is_idle(sum->last_ms, now_ms, idle_ms))
			continue;
		add_to_sum(&sums->overflow, sum);
		remove_row(&sums->sums, i - 1);
	}
	for (guint i = pairs_full ? FLOW_SUMS_MAX : 0; i > 0; i--) {
		const PairSum *pair = sums->pairs.rows->pdata[i - 1];

		if (!is_idle(pair->last_ms, now_ms, idle_ms))
			continue;
		add_to_pair(&sums->pair_overflow, pair);
		remove_row(&sums->pairs, i - 1);
	}
}

const GPtrArray *flow_sums_rows(const FlowSums *sums)
{
	return sums->sums.rows;
}

const GPtrArray *flow_sums_pairs(const FlowSums *sums)
{
	return sums->pairs.rows;
}

const FlowSum *flow_sums_overflow(const FlowSums *sums)
{
	return &sums->overflow;
}

const PairSum *flow_sums_pair_overflow(const FlowSums *sums)
{
	return &sums->pair_overflow;
}

/* NULL: of the overflow. */
static struct path_row path_to_row(const FlowPath *path, uint64_t last_ms)
{
	struct path_row row = { .hook = HOOKS, .last_ms = last_ms };

	if (!path)
		return row;
	row.hook = path->hook;
	row.protocol = path->protocol;
	g_strlcpy(row.ingress, path->ingress, sizeof(row.ingress));
	g_strlcpy(row.egress, path->egress, sizeof(row.egress));
	return row;
}

static const char *intern_name(const char name[TOTALS_NAME_MAX])
{
	g_autofree char *text = g_strndup(name, TOTALS_NAME_MAX - 1);

	return g_intern_string(text);
}

static FlowPath path_of_row(const struct path_row *row)
{
	return (FlowPath){
		.ingress = intern_name(row->ingress),
		.egress = intern_name(row->egress),
		.hook = (enum hook)row->hook,
		.protocol = (uint8_t)row->protocol,
	};
}

static void save_sum(const FlowSum *sum, const FlowPath *path, TotalsWriter *writer)
{
	const struct sum_row row = { path_to_row(path, sum->last_ms), sum->volume };

	totals_writer_add(writer, &row);
}

static void save_pair(const PairSum *pair, const FlowPath *path, TotalsWriter *writer)
{
	const struct pair_row row = { path_to_row(path, pair->last_ms), pair->limit,
				      pair->latency_ns, pair->latency_frames };

	totals_writer_add(writer, &row);
}

void flow_sums_save(const FlowSums *sums, TotalsWriter *writer)
{
	totals_writer_begin(writer, TOTALS_FLOW_SUMS, sizeof(struct sum_row));
	for (guint i = 0; i < sums->sums.rows->len; i++) {
		const FlowSum *sum = sums->sums.rows->pdata[i];

		save_sum(sum, &sum->path, writer);
	}
	save_sum(&sums->overflow, NULL, writer);
	totals_writer_begin(writer, TOTALS_FLOW_PAIRS, sizeof(struct pair_row));
	for (guint i = 0; i < sums->pairs.rows->len; i++) {
		const PairSum *pair = sums->pairs.rows->pdata[i];

		save_pair(pair, &pair->path, writer);
	}
	save_pair(&sums->pair_overflow, NULL, writer);
}

static void load_sum(FlowSums *sums, const struct sum_row *row)
{
	FlowPath path = path_of_row(&row->path);
	FlowSum *sum = row->path.hook < HOOKS ? find_sum(sums, &path) : &sums->overflow;

	sum->volume = row->volume;
	sum->last_ms = row->path.last_ms;
}

static void load_pair(FlowSums *sums, const struct pair_row *row)
{
	FlowPath path = path_of_row(&row->path);
	PairSum *pair = row->path.hook < HOOKS ? find_pair(sums, &path) : &sums->pair_overflow;

	pair->limit = row->limit;
	pair->last_ms = row->path.last_ms;
	pair->latency_ns = row->latency_ns;
	pair->latency_frames = row->latency_frames;
}

bool flow_sums_load(FlowSums *sums, TotalsReader *reader, GError **error)
{
	const struct sum_row *rows;
	const struct pair_row *pairs;
	size_t n, n_pairs;

	if (!totals_reader_rows(reader, TOTALS_FLOW_SUMS, sizeof(*rows), (const void **)&rows, &n,
				error) ||
	    !totals_reader_rows(reader, TOTALS_FLOW_PAIRS, sizeof(*pairs), (const void **)&pairs,
				&n_pairs, error))
		return false;
	for (size_t i = 0; i < n; i++)
		load_sum(sums, &rows[i]);
	for (size_t i = 0; i < n_pairs; i++)
		load_pair(sums, &pairs[i]);
	return true;
}
