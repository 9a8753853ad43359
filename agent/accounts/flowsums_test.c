/* SPDX-License-Identifier: Apache-2.0 */
#include "flowsums.h"

#include "test.h"

#define NOW_MS 1000000

static FlowPath path_of(const char *ingress, const char *egress, enum hook hook, uint8_t protocol)
{
	return (FlowPath){ g_intern_string(ingress), g_intern_string(egress), hook, protocol };
}

static void add(FlowSums *sums, FlowPath path, uint64_t packets)
{
	const FlowSum added = { .path = path,
				.last_ms = NOW_MS,
				.volume = { packets, 100 * packets, 114 * packets } };

	flow_sums_add(sums, &added);
}

static const FlowSum *row_at(const FlowSums *sums, guint i)
{
	return flow_sums_rows(sums)->pdata[i];
}

static void paths_are_told_apart(void **state)
{
	const FlowPath paths[] = {
		path_of("lan", "wan", HOOK_EGRESS, 6),	path_of("lan", "wan", HOOK_EGRESS, 17),
		path_of("lan", "wan", HOOK_INGRESS, 6), path_of("wan", "lan", HOOK_EGRESS, 6),
		path_of("lan", "", HOOK_INGRESS, 6),	path_of("", "lan", HOOK_EGRESS, 6),
	};
	g_autoptr(FlowSums) sums = flow_sums_new();

	for (int twice = 0; twice < 2; twice++) {
		for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
			add(sums, paths[i], i + 1);
	}
	assert_int_equal(flow_sums_rows(sums)->len, G_N_ELEMENTS(paths));
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
		const FlowSum *row = row_at(sums, i);

		assert_ptr_equal(row->path.ingress, paths[i].ingress);
		assert_ptr_equal(row->path.egress, paths[i].egress);
		assert_int_equal(row->path.hook, paths[i].hook);
		assert_int_equal(row->path.protocol, paths[i].protocol);
		assert_int_equal(row->volume.packets, 2 * (i + 1));
		assert_int_equal(row->volume.octets, 200 * (i + 1));
		assert_int_equal(row->volume.layer2_octets, 228 * (i + 1));
	}
}

static FlowPath path_at(int i, uint8_t protocol)
{
	g_autofree char *ingress = g_strdup_printf("eth%d", i % 64);
	g_autofree char *egress = g_strdup_printf("eth%d", i / 64);

	return path_of(ingress, egress, HOOK_EGRESS, protocol);
}

static void fill(FlowSums *sums)
{
	for (int i = 0; i < FLOW_SUMS_MAX; i++) {
		const PairSum pair = { .path = path_at(i, 0),
				       .last_ms = NOW_MS,
				       .latency_frames = 1 };

		add(sums, path_at(i, 6), 1);
		flow_sums_add_pair(sums, &pair);
	}
}

static void what_has_no_room_is_in_the_overflow(void **state)
{
	g_autoptr(FlowSums) sums = flow_sums_new();
	const PairSum late = { .path = path_of("late", "wan", HOOK_EGRESS, 0),
			       .limit = { 3, 300, 342 },
			       .latency_ns = 5000,
			       .latency_frames = 2 };

	fill(sums);
	assert_int_equal(flow_sums_overflow(sums)->volume.packets, 0);
	add(sums, path_of("late", "wan", HOOK_EGRESS, 6), 7);
	add(sums, path_at(0, 6), 1);
	flow_sums_add_pair(sums, &late);
	assert_int_equal(flow_sums_rows(sums)->len, FLOW_SUMS_MAX);
	assert_int_equal(flow_sums_pairs(sums)->len, FLOW_SUMS_MAX);
	assert_int_equal(row_at(sums, 0)->volume.packets, 2);
	assert_int_equal(flow_sums_overflow(sums)->volume.packets, 7);
	assert_int_equal(flow_sums_pair_overflow(sums)->limit.packets, 3);
	assert_int_equal(flow_sums_pair_overflow(sums)->latency_ns, 5000);
	assert_int_equal(flow_sums_pair_overflow(sums)->latency_frames, 2);
}

/* But not before there is need for it. */
static void idle_rows_leave_for_the_overflow(void **state)
{
	g_autoptr(FlowSums) sums = flow_sums_new();
	PairSum busy = { .path = path_at(1, 0),
			 .last_ms = NOW_MS + 5000,
			 .latency_ns = 7,
			 .latency_frames = 1 };

	add(sums, path_at(0, 6), 1);
	flow_sums_make_room(sums, NOW_MS + 5000, 1000);
	assert_int_equal(flow_sums_rows(sums)->len, 1);
	fill(sums);
	flow_sums_make_room(sums, NOW_MS + 999, 1000);
	flow_sums_make_room(sums, 0, 1000);
	assert_int_equal(flow_sums_rows(sums)->len, FLOW_SUMS_MAX);
	flow_sums_add_pair(sums, &busy);
	flow_sums_make_room(sums, NOW_MS + 5000, 1000);
	assert_int_equal(flow_sums_rows(sums)->len, 0);
	assert_int_equal(flow_sums_overflow(sums)->volume.packets, FLOW_SUMS_MAX + 1);
	assert_int_equal(flow_sums_pairs(sums)->len, 1);
	assert_int_equal(flow_sums_pair_overflow(sums)->latency_frames, FLOW_SUMS_MAX - 1);
	/* What comes back begins anew. */
	add(sums, path_at(0, 6), 1);
	flow_sums_add_pair(sums, &busy);
	assert_int_equal(row_at(sums, 0)->volume.packets, 1);
	assert_int_equal(flow_sums_pairs(sums)->len, 1);
}

/* Twice, as a file that turns out to be damaged behind them may be followed by another. */
static void load(FlowSums *sums, const char *directory, TotalsWriter *writer)
{
	g_autofree char *path = g_build_filename(directory, "totals", NULL);
	g_autoptr(TotalsReader) reader = NULL;

	assert_true(totals_writer_replace(writer, path, NULL));
	reader = totals_reader_new(path, NULL);
	assert_non_null(reader);
	assert_true(flow_sums_load(sums, reader, NULL));
	assert_true(flow_sums_load(sums, reader, NULL));
}

static void sums_outlive_the_process(void **state)
{
	g_autoptr(FlowSums) sums = flow_sums_new(), loaded = flow_sums_new();
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	const PairSum pair = { .path = path_of("lan", "wan", HOOK_EGRESS, 0),
			       .limit = { 3, 300, 342 },
			       .latency_ns = 5000,
			       .latency_frames = 2 };
	const PairSum *row;

	add(sums, path_of("lan", "wan", HOOK_EGRESS, 17), 7);
	flow_sums_add_pair(sums, &pair);
	flow_sums_save(sums, writer);
	load(loaded, *state, writer);
	add(loaded, path_of("lan", "wan", HOOK_EGRESS, 17), 1);
	flow_sums_add_pair(loaded, &pair);
	assert_int_equal(flow_sums_rows(loaded)->len, 1);
	assert_int_equal(row_at(loaded, 0)->volume.packets, 8);
	assert_int_equal(row_at(loaded, 0)->last_ms, NOW_MS);
	assert_int_equal(row_at(loaded, 0)->volume.layer2_octets, 8 * 114);
	assert_int_equal(flow_sums_pairs(loaded)->len, 1);
	row = flow_sums_pairs(loaded)->pdata[0];
	assert_int_equal(row->limit.layer2_octets, 2 * 342);
	assert_int_equal(row->latency_ns, 10000);
	assert_int_equal(row->latency_frames, 4);
}

static void the_overflow_outlives_the_process_too(void **state)
{
	g_autoptr(FlowSums) sums = flow_sums_new(), loaded = flow_sums_new();
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	const PairSum late = { .path = path_of("late", "wan", HOOK_EGRESS, 0),
			       .latency_frames = 2 };

	fill(sums);
	add(sums, path_of("late", "wan", HOOK_EGRESS, 6), 7);
	flow_sums_add_pair(sums, &late);
	flow_sums_save(sums, writer);
	load(loaded, *state, writer);
	assert_int_equal(flow_sums_rows(loaded)->len, FLOW_SUMS_MAX);
	assert_int_equal(flow_sums_overflow(loaded)->volume.packets, 7);
	assert_int_equal(flow_sums_pair_overflow(loaded)->latency_frames, 2);
}

/* As before there were any. */
static void a_file_without_them_is_no_fault(void **state)
{
	g_autoptr(FlowSums) loaded = flow_sums_new();
	g_autoptr(TotalsWriter) writer = totals_writer_new();

	load(loaded, *state, writer);
	assert_int_equal(flow_sums_rows(loaded)->len, 0);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_told_apart),
		cmocka_unit_test(what_has_no_room_is_in_the_overflow),
		cmocka_unit_test(idle_rows_leave_for_the_overflow),
		IN_DIRECTORY(sums_outlive_the_process),
		IN_DIRECTORY(the_overflow_outlives_the_process_too),
		IN_DIRECTORY(a_file_without_them_is_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
