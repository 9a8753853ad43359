/* SPDX-License-Identifier: Apache-2.0 */
#include "flowseries.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "test.h"

#define NOW_MS 1000000
#define LAN g_intern_static_string("lan")

/* From @port of 192.0.2.1. */
static FlowDelta delta_of(uint16_t port, uint64_t packets)
{
	return (FlowDelta){
		.key = { .source = { [10] = 0xff, 0xff, 192, 0, 2, 1 },
			 .destination = { [10] = 0xff, 0xff, 198, 51, 100, 1 },
			 .ingress = 3,
			 .egress = 4,
			 .source_port = htons(port),
			 .destination_port = htons(443),
			 .protocol = IPPROTO_TCP,
			 .ip_version = 4,
			 .hook = HOOK_EGRESS },
		.volume = { packets, 100 * packets, 114 * packets },
		.attributes = { .min_octets = 100, .max_octets = 100 },
	};
}

static void add(FlowSeriesTable *table, FlowDelta delta, const char *interface)
{
	flow_series_add(table, &delta, interface, NOW_MS);
}

static guint length(const FlowSeriesTable *table)
{
	return flow_series_list(table)->len;
}

static const FlowSeries *series_at(const FlowSeriesTable *table, guint i)
{
	return flow_series_list(table)->pdata[i];
}

static uint64_t packets_of(const struct packet_sizes *sizes)
{
	uint64_t sum = 0;

	for (int i = 0; i < PACKET_SIZES; i++)
		sum += sizes->packets[i];
	return sum;
}

static uint64_t packets_of_all(const FlowSeriesTable *table)
{
	uint64_t sum = 0;

	for (guint i = 0; i < length(table); i++)
		sum += packets_of(&series_at(table, i)->sizes);
	return sum;
}

static const FlowSeries *find_rest(const FlowSeriesTable *table, const char *interface,
				   uint8_t protocol)
{
	for (guint i = 0; i < length(table); i++) {
		const FlowSeries *series = series_at(table, i);

		if (!series->key.ip_version && series->key.protocol == protocol &&
		    series->interface == interface)
			return series;
	}
	fail_msg("there is no rest of %s and %d", interface, protocol);
	return NULL;
}

/* What is no label, and ports that are none. */
static void one_series_has_flows_that_look_alike(void **state)
{
	g_autoptr(FlowSeriesTable) table = flow_series_new(10);
	FlowDelta delta = delta_of(1, 1);

	add(table, delta, LAN);
	delta.key.traffic_class = 8;
	delta.key.vlan = 2;
	delta.key.mark = 7;
	delta.key.egress = 9;
	delta.key.hook = HOOK_INGRESS;
	add(table, delta, LAN);
	assert_int_equal(length(table), 1);
	assert_int_equal(packets_of(&series_at(table, 0)->sizes), 2);
	delta.key.protocol = IPPROTO_ICMP;
	for (uint16_t type = 0; type < 3; type++) {
		delta.key.destination_port = htons((uint16_t)(type << 8));
		add(table, delta, LAN);
	}
	assert_int_equal(length(table), 2);
	assert_int_equal(series_at(table, 1)->key.destination_port, 0);
	assert_int_equal(packets_of(&series_at(table, 1)->sizes), 3);
}

static void labels_tell_series_apart(void **state)
{
	g_autoptr(FlowSeriesTable) table = flow_series_new(10);
	FlowDelta other = delta_of(1, 1);

	add(table, delta_of(1, 1), LAN);
	add(table, delta_of(2, 1), LAN);
	add(table, delta_of(1, 1), g_intern_static_string("wan"));
	other.key.destination[15] = 2;
	add(table, other, LAN);
	other.key.protocol = IPPROTO_UDP;
	add(table, other, LAN);
	assert_int_equal(length(table), 5);
}

static void beyond_the_limit_there_is_a_rest_of_each_interface_and_protocol(void **state)
{
	g_autoptr(FlowSeriesTable) table = flow_series_new(2);
	FlowDelta udp = delta_of(9, 5);

	udp.key.protocol = IPPROTO_UDP;
	for (uint16_t port = 1; port <= 6; port++)
		add(table, delta_of(port, 1), LAN);
	add(table, delta_of(1, 1), g_intern_static_string("wan"));
	add(table, udp, LAN);
	/* The first ones keep theirs. */
	add(table, delta_of(2, 10), LAN);
	assert_int_equal(length(table), 2 + 3);
	assert_int_equal(packets_of(&series_at(table, 1)->sizes), 11);
	assert_int_equal(packets_of(&find_rest(table, LAN, IPPROTO_TCP)->sizes), 4);
	assert_int_equal(packets_of(&find_rest(table, g_intern_static_string("wan"), 6)->sizes), 1);
	assert_int_equal(packets_of(&find_rest(table, LAN, IPPROTO_UDP)->sizes), 5);
	assert_int_equal(find_rest(table, LAN, IPPROTO_UDP)->sizes.layer2_octets, 5 * 114);
}

static void rests_are_bounded(void **state)
{
	g_autoptr(FlowSeriesTable) table = flow_series_new(0);

	for (int i = 0; i < FLOW_RESTS_MAX + 50; i++) {
		g_autofree char *name = g_strdup_printf("eth%d", i);

		add(table, delta_of(1, 1), g_intern_string(name));
	}
	assert_int_equal(length(table), FLOW_RESTS_MAX + 1);
	assert_int_equal(packets_of(&find_rest(table, g_intern_static_string(""), 0)->sizes), 50);
	assert_int_equal(packets_of_all(table), FLOW_RESTS_MAX + 50);
}

static void idle_series_leave_for_the_rest(void **state)
{
	g_autoptr(FlowSeriesTable) table = flow_series_new(3);
	FlowDelta busy = delta_of(3, 1);

	for (uint16_t port = 1; port <= 3; port++)
		add(table, delta_of(port, port), LAN);
	flow_series_expire(table, NOW_MS + 999, 1000);
	assert_int_equal(length(table), 3);
	flow_series_add(table, &busy, LAN, NOW_MS + 500);
	flow_series_expire(table, NOW_MS + 1000, 1000);
	assert_int_equal(length(table), 2);
	assert_int_equal(packets_of(&find_rest(table, LAN, IPPROTO_TCP)->sizes), 3);
	assert_int_equal(packets_of_all(table), 7);
	/* There is room for two again, and not for three. */
	for (uint16_t port = 4; port <= 6; port++)
		add(table, delta_of(port, 1), LAN);
	assert_int_equal(length(table), 4);
	assert_int_equal(packets_of(&find_rest(table, LAN, IPPROTO_TCP)->sizes), 4);
	/* Nor does the rest leave, nor anything where the clock was set back. */
	flow_series_expire(table, 1, 1000);
	assert_int_equal(length(table), 4);
	flow_series_expire(table, NOW_MS + 100000, 1000);
	assert_int_equal(length(table), 1);
	assert_int_equal(packets_of_all(table), 10);
}

static void a_lower_limit_removes_nobody(void **state)
{
	g_autoptr(FlowSeriesTable) table = flow_series_new(3);

	for (uint16_t port = 1; port <= 3; port++)
		add(table, delta_of(port, 1), LAN);
	flow_series_set_max(table, 1);
	for (uint16_t port = 1; port <= 4; port++)
		add(table, delta_of(port, 1), LAN);
	assert_int_equal(length(table), 4);
	assert_int_equal(packets_of(&series_at(table, 2)->sizes), 2);
}

/* Octets of frames of 14 more. */
static void sizes_are_as_exact_as_a_flow_is(void **state)
{
	static const struct {
		uint64_t packets, octets;
		uint32_t min, max;
		uint64_t expected[PACKET_SIZES];
	} cases[] = {
		{ 1, 50, 50, 50, { 1 } },
		{ 1, 51, 51, 51, { 0, 1 } },
		{ 2, 1540, 40, 1500, { 1, 0, 0, 0, 0, 1 } },
		{ 3, 1840, 40, 1500, { 1, 0, 0, 1, 0, 1 } },
		/* Of two times 40 and two times 1500 those that are neither the first nor the last are 770. */
		{ 4, 3080, 40, 1500, { 1, 0, 0, 0, 2, 1 } },
		{ 1000, 1500000, 1500, 1500, { 0, 0, 0, 0, 0, 1000 } },
		{ 2, 80000, 40000, 40000, { 0, 0, 0, 0, 0, 0, 0, 2 } },
		/* Not known, or nonsense: by the mean. */
		{ 4, 400, 0, 0, { 0, 4 } },
		{ 4, 400, 100, 1500, { 0, 4 } },
		{ 4, 400, 300, 20, { 0, 4 } },
		{ 0, 0, 0, 0, { 0 } },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const FlowDelta delta = {
			.volume = { cases[i].packets, cases[i].octets,
				    cases[i].octets + 14 * cases[i].packets },
			.attributes = { .min_octets = cases[i].min, .max_octets = cases[i].max },
		};
		struct packet_sizes sizes = { 0 };

		flow_series_add_sizes(&sizes, &delta);
		assert_memory_equal(sizes.packets, cases[i].expected, sizeof(sizes.packets));
		assert_int_equal(sizes.layer2_octets, delta.volume.layer2_octets);
	}
}

static void series_outlive_the_process(void **state)
{
	g_autofree char *path = g_build_filename(*state, "totals", NULL);
	g_autoptr(FlowSeriesTable) table = flow_series_new(2), loaded = flow_series_new(1);
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;

	for (uint16_t port = 1; port <= 4; port++)
		add(table, delta_of(port, port), LAN);
	flow_series_save(table, writer);
	assert_true(totals_writer_replace(writer, path, NULL));
	reader = totals_reader_new(path, NULL);
	assert_true(flow_series_load(loaded, reader, NULL));
	assert_true(flow_series_load(loaded, reader, NULL));
	/* Those that are loaded keep their places. */
	for (uint16_t port = 1; port <= 4; port++)
		add(loaded, delta_of(port, port), LAN);
	assert_int_equal(length(loaded), 3);
	assert_int_equal(packets_of(&series_at(loaded, 0)->sizes), 2);
	assert_int_equal(packets_of(&series_at(loaded, 1)->sizes), 4);
	assert_int_equal(packets_of(&find_rest(loaded, LAN, IPPROTO_TCP)->sizes), 14);
	assert_int_equal(series_at(loaded, 0)->last_ms, NOW_MS);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_series_has_flows_that_look_alike),
		cmocka_unit_test(labels_tell_series_apart),
		cmocka_unit_test(beyond_the_limit_there_is_a_rest_of_each_interface_and_protocol),
		cmocka_unit_test(rests_are_bounded),
		cmocka_unit_test(idle_series_leave_for_the_rest),
		cmocka_unit_test(a_lower_limit_removes_nobody),
		cmocka_unit_test(sizes_are_as_exact_as_a_flow_is),
		IN_DIRECTORY(series_outlive_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
