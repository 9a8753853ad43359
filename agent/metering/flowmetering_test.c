/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What takes no kernel: flows come here from a file, and records are seen once they are read from one.
 * tests/bpf/cache_test.c counts what the kernel has counted.
 */
#include "flowmetering.h"

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "test.h"

#define FLOWS 4

static FlowDelta delta_of(uint16_t port)
{
	return (FlowDelta){
		.key = { .source = { [10] = 0xff, 0xff, 192, 0, 2, 1 },
			 .destination = { [10] = 0xff, 0xff, 198, 51, 100, 1 },
			 .source_port = htons(port),
			 .protocol = IPPROTO_UDP,
			 .ip_version = 4 },
		.volume = { port, 100 * port, 114 * port },
		.first_ns = UINT64_C(1000000000) * port,
		.last_ns = UINT64_C(1000000000) * port,
	};
}

static Config *config_of(const char *directory, const char *yaml)
{
	g_autofree char *path = g_build_filename(directory, "test.yaml", NULL);
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	Config *config;

	assert_true(g_file_set_contents(path, yaml, -1, NULL));
	config = config_read(path, errors);
	assert_non_null(config);
	return config;
}

static TotalsReader *read_back(const char *directory, TotalsWriter *writer)
{
	g_autofree char *path = g_build_filename(directory, "totals", NULL);
	TotalsReader *reader;

	assert_true(totals_writer_replace(writer, path, NULL));
	reader = totals_reader_new(path, NULL);
	assert_non_null(reader);
	return reader;
}

/* With the flows from ports 1 to FLOWS. */
static FlowMetering *metering_with_flows(const char *directory, const Config *config)
{
	g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(Flows) flows = flows_new(FLOWS);
	FlowMetering *metering = flow_metering_new(config);
	g_autoptr(TotalsReader) reader = NULL;

	for (uint16_t port = 1; port <= FLOWS; port++) {
		const FlowDelta delta = delta_of(port);

		flows_add(flows, &delta, 0, records);
	}
	assert_int_equal(records->len, 0);
	flows_save(flows, writer);
	reader = read_back(directory, writer);
	assert_true(flow_metering_load(metering, reader, NULL));
	assert_int_equal(flows_count(flow_metering_flows(metering)), FLOWS);
	return metering;
}

/* What the next agent has of @metering. */
static FlowMetering *restarted(const char *directory, const FlowMetering *metering,
			       const Config *config)
{
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	FlowMetering *next = flow_metering_new(config);
	g_autoptr(TotalsReader) reader = NULL;

	flow_metering_save(metering, writer);
	reader = read_back(directory, writer);
	assert_true(flow_metering_load(next, reader, NULL));
	return next;
}

static bool has_port(const FlowRecord *flow, void *user_data)
{
	const uint16_t *port = user_data;

	return flow->key.source_port == htons(*port);
}

/* Of the next report, as the file has them that the next agent loads. */
static GArray *flushed_of(const char *directory, const FlowMetering *metering)
{
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	GArray *flushed = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	g_autoptr(TotalsReader) reader = NULL;
	const void *rows;
	size_t n;

	flow_metering_save(metering, writer);
	reader = read_back(directory, writer);
	assert_true(totals_reader_rows(reader, TOTALS_FLUSHED_FLOWS, sizeof(FlowRecord), &rows, &n,
				       NULL));
	g_array_append_vals(flushed, rows, (guint)n);
	return flushed;
}

static const FlowRecord *record_at(const GArray *records, guint i)
{
	return &g_array_index(records, FlowRecord, i);
}

/* With a record of the report at hand, of port 1. */
static FlowMetering *metering_with_record(const char *directory, const Config *config)
{
	const FlowRecord record = { .key = delta_of(1).key, .volume = delta_of(1).volume };
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	FlowMetering *metering = metering_with_flows(directory, config);

	totals_writer_begin(writer, TOTALS_FLOW_RECORDS, sizeof(record));
	totals_writer_add(writer, &record);
	reader = read_back(directory, writer);
	assert_true(flow_metering_load(metering, reader, NULL));
	return metering;
}

static void flushed_flows_are_of_the_next_report(void **state)
{
	g_autoptr(Config) config = config_of(*state, "");
	g_autoptr(FlowMetering) metering = metering_with_flows(*state, config), next = NULL;
	g_autoptr(GArray) flushed = NULL;
	uint16_t port = 3;

	assert_int_equal(flow_metering_flush(metering, has_port, &port), 1);
	assert_int_equal(flow_metering_flush(metering, has_port, &port), 0);
	assert_int_equal(flows_count(flow_metering_flows(metering)), FLOWS - 1);
	/* That at hand may be under way. */
	assert_int_equal(flow_metering_records(metering)->len, 0);
	next = restarted(*state, metering, config);
	assert_int_equal(flow_metering_records(next)->len, 0);
	assert_int_equal(flows_count(flow_metering_flows(next)), FLOWS - 1);
	flushed = flushed_of(*state, next);
	assert_int_equal(flushed->len, 1);
	assert_int_equal(record_at(flushed, 0)->key.source_port, htons(3));
	assert_int_equal(record_at(flushed, 0)->volume.packets, 3);
	assert_int_equal(record_at(flushed, 0)->volume.octets, 300);
	assert_int_equal(record_at(flushed, 0)->start_ms, 3000);
	assert_int_equal(record_at(flushed, 0)->end, FLOW_FORCED);
}

static void all_flows_are_flushed_where_nobody_chooses(void **state)
{
	g_autoptr(Config) config = config_of(*state, "");
	g_autoptr(FlowMetering) metering = metering_with_flows(*state, config), next = NULL;
	g_autoptr(GArray) flushed = NULL;

	assert_int_equal(flow_metering_flush(metering, NULL, NULL), FLOWS);
	next = restarted(*state, metering, config);
	flushed = flushed_of(*state, next);
	assert_int_equal(flushed->len, FLOWS);
	assert_int_equal(flows_count(flow_metering_flows(next)), 0);
}

/* Those that were flushed since then are of the next report, also if the agent was started anew. */
static void records_that_have_left_are_forgotten(void **state)
{
	g_autoptr(Config) config = config_of(*state, "");
	g_autoptr(FlowMetering) metering = metering_with_record(*state, config), next = NULL;
	g_autoptr(GArray) flushed = NULL;
	uint16_t port = 2;

	(void)flow_metering_flush(metering, has_port, &port);
	next = restarted(*state, metering, config);
	assert_int_equal(flow_metering_records(next)->len, 1);
	assert_int_equal(record_at(flow_metering_records(next), 0)->key.source_port, htons(1));
	flow_metering_forget_records(next);
	assert_int_equal(flow_metering_records(next)->len, 0);
	flushed = flushed_of(*state, next);
	assert_int_equal(flushed->len, 1);
	assert_int_equal(record_at(flushed, 0)->key.source_port, htons(2));
}

static void flushed_flows_outlive_the_agent_in_their_order(void **state)
{
	g_autoptr(Config) config = config_of(*state, "");
	g_autoptr(FlowMetering) metering = metering_with_flows(*state, config), next = NULL;
	g_autoptr(GArray) flushed = NULL;

	for (uint16_t port = 1; port <= 2; port++)
		(void)flow_metering_flush(metering, has_port, &port);
	next = restarted(*state, metering, config);
	for (uint16_t port = 3; port <= 4; port++)
		(void)flow_metering_flush(next, has_port, &port);
	flushed = flushed_of(*state, next);
	assert_int_equal(flushed->len, 4);
	for (guint i = 0; i < 4; i++) {
		assert_int_equal(record_at(flushed, i)->key.source_port, htons((uint16_t)(i + 1)));
		assert_int_equal(record_at(flushed, i)->volume.packets, i + 1);
	}
}

static void size_follows_the_configuration(void **state)
{
	g_autoptr(Config) config = config_of(*state, "");
	g_autoptr(Config) small = config_of(*state, "flows: {max: 2}");
	g_autoptr(FlowMetering) metering = metering_with_flows(*state, config);

	assert_int_equal(flows_max(flow_metering_flows(metering)), 131072);
	flow_metering_set_config(metering, small);
	assert_int_equal(flows_max(flow_metering_flows(metering)), 2);
}

/* Also where the other of the two tables is right. */
static void nothing_is_taken_of_a_file_of_another_layout(void **state)
{
	static const TotalsTable tables[] = { TOTALS_FLOWS, TOTALS_FLOW_RECORDS };
	g_autoptr(Config) config = config_of(*state, "");
	g_autoptr(FlowMetering) metering = metering_with_flows(*state, config);

	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
		g_autoptr(TotalsWriter) writer = totals_writer_new();
		g_autoptr(FlowMetering) next = flow_metering_new(config);
		g_autoptr(TotalsReader) reader = NULL;
		g_autoptr(GError) error = NULL;
		uint64_t row = 0;

		if (tables[i] == TOTALS_FLOWS) {
			const FlowRecord record = { 0 };

			totals_writer_begin(writer, TOTALS_FLOW_RECORDS, sizeof(record));
			totals_writer_add(writer, &record);
		} else {
			flows_save(flow_metering_flows(metering), writer);
		}
		totals_writer_begin(writer, tables[i], sizeof(row));
		totals_writer_add(writer, &row);
		reader = read_back(*state, writer);
		assert_false(flow_metering_load(next, reader, &error));
		assert_non_null(error);
		assert_int_equal(flow_metering_records(next)->len, 0);
		assert_int_equal(flows_count(flow_metering_flows(next)), 0);
	}
}

static const char *name_interface(uint32_t report_index, const void *user_data)
{
	static const char *const names[] = { "", "lan", "wan" };

	return g_intern_static_string(names[report_index]);
}

static void pairs_are_kept_by_name(void **state)
{
	static const PairDelta deltas[] = {
		{ .ingress = 1, .egress = 2, .hook = HOOK_EGRESS, .limit = { 3, 300, 342 } },
		{ .ingress = 0,
		  .egress = 2,
		  .hook = HOOK_EGRESS,
		  .latency_ns = 7,
		  .latency_frames = 1 },
	};
	g_autoptr(Config) config = config_of(*state, "");
	g_autoptr(FlowMetering) metering = flow_metering_new(config), next = NULL;
	g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(PairDelta));
	const FlowCounting counting = { .name = name_interface };
	/* Of other pairs there is one packet. */
	const Volume limit = { 4, 350, 406 };
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	const PairSum *pair;

	g_array_append_vals(pairs, deltas, G_N_ELEMENTS(deltas));
	for (int i = 0; i < 2; i++)
		flow_metering_count_pairs(metering, pairs, &limit, &counting);
	/* They outlive a reboot, without any flow. */
	flow_metering_save_sums(metering, writer);
	reader = read_back(*state, writer);
	next = flow_metering_new(config);
	assert_true(flow_metering_load(next, reader, NULL));
	assert_int_equal(flow_sums_pairs(flow_metering_sums(next))->len, 2);
	pair = flow_sums_pairs(flow_metering_sums(next))->pdata[0];
	assert_string_equal(pair->path.ingress, "lan");
	assert_string_equal(pair->path.egress, "wan");
	assert_int_equal(pair->limit.packets, 6);
	pair = flow_sums_pairs(flow_metering_sums(next))->pdata[1];
	assert_string_equal(pair->path.ingress, "");
	assert_int_equal(pair->latency_ns, 14);
	assert_int_equal(pair->latency_frames, 2);
	pair = flow_sums_pair_overflow(flow_metering_sums(next));
	assert_int_equal(pair->limit.packets, 2);
	assert_int_equal(pair->limit.octets, 100);
	assert_int_equal(pair->limit.layer2_octets, 128);
}

/* Of packet-exporter alone; and if that is asked for again later, they begin anew. */
static void conversations_are_kept_while_they_are_asked_for(void **state)
{
	g_autoptr(Config) asked = config_of(*state, "metrics: {compat: [packet-exporter]}");
	g_autoptr(Config) not_asked = config_of(*state, "");
	g_autoptr(FlowSeriesTable) series = flow_series_new(8);
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	g_autoptr(FlowMetering) first = flow_metering_new(asked);
	g_autoptr(FlowMetering) second = flow_metering_new(not_asked);
	const FlowDelta delta = delta_of(1);

	flow_series_add(series, &delta, g_intern_static_string("lan"), 1);
	flow_series_save(series, writer);
	reader = read_back(*state, writer);
	assert_true(flow_metering_load(first, reader, NULL));
	assert_true(flow_metering_load(second, reader, NULL));
	assert_int_equal(flow_series_list(flow_metering_series(first))->len, 1);
	assert_int_equal(flow_series_list(flow_metering_series(second))->len, 0);
	flow_metering_set_config(first, not_asked);
	assert_int_equal(flow_series_list(flow_metering_series(first))->len, 0);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(flushed_flows_are_of_the_next_report),
		IN_DIRECTORY(all_flows_are_flushed_where_nobody_chooses),
		IN_DIRECTORY(records_that_have_left_are_forgotten),
		IN_DIRECTORY(flushed_flows_outlive_the_agent_in_their_order),
		IN_DIRECTORY(size_follows_the_configuration),
		IN_DIRECTORY(nothing_is_taken_of_a_file_of_another_layout),
		IN_DIRECTORY(pairs_are_kept_by_name),
		IN_DIRECTORY(conversations_are_kept_while_they_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
