/* SPDX-License-Identifier: Apache-2.0 */
#include "flowmetrics.h"

#include "test_view.h"

static const ProtocolSeries *protocol_at(const GArray *series, guint i)
{
	assert_true(i < series->len);
	return &g_array_index(series, ProtocolSeries, i);
}

static const PairSeries *pair_at(const GArray *series, guint i)
{
	assert_true(i < series->len);
	return &g_array_index(series, PairSeries, i);
}

static void protocols_are_where_they_were_counted(void **state)
{
	Network *network = *state;
	g_autoptr(GStringChunk) texts = g_string_chunk_new(64);
	g_autoptr(GArray) series = NULL;

	add_flow_sum(network, "br-lan", "wan", HOOK_EGRESS, 6, 1);
	add_flow_sum(network, "dmz", "wan", HOOK_EGRESS, 6, 2);
	add_flow_sum(network, "wan", "", HOOK_INGRESS, 6, 4);
	add_flow_sum(network, "br-lan", "wan", HOOK_EGRESS, 200, 8);
	series = flow_metrics_protocols(&network->view, texts);
	assert_int_equal(series->len, 3);
	assert_string_equal(protocol_at(series, 0)->interface, "wan");
	assert_string_equal(protocol_at(series, 0)->direction, "transmit");
	assert_string_equal(protocol_at(series, 0)->protocol, "tcp");
	assert_int_equal(protocol_at(series, 0)->volume.packets, 3);
	assert_int_equal(protocol_at(series, 0)->volume.layer2_octets, 342);
	assert_string_equal(protocol_at(series, 1)->direction, "receive");
	assert_int_equal(protocol_at(series, 1)->volume.packets, 4);
	assert_string_equal(protocol_at(series, 2)->protocol, "200");
	assert_int_equal(protocol_at(series, 2)->volume.packets, 8);
}

static void pairs_are_of_all_protocols(void **state)
{
	Network *network = *state;
	g_autoptr(GStringChunk) texts = g_string_chunk_new(64);
	g_autoptr(GArray) series = NULL;

	add_flow_sum(network, "br-lan", "wan", HOOK_EGRESS, 6, 1);
	add_flow_sum(network, "br-lan", "wan", HOOK_EGRESS, 17, 2);
	add_flow_sum(network, "br-lan", "", HOOK_INGRESS, 17, 4);
	add_pair_sum(network, "br-lan", "wan", 5, 0);
	add_pair_sum(network, "", "wan", 6, 0);
	series = flow_metrics_pairs(&network->view, texts);
	assert_int_equal(series->len, 3);
	assert_int_equal(pair_at(series, 0)->volume.packets, 3);
	assert_int_equal(pair_at(series, 0)->limit.packets, 5);
	assert_string_equal(pair_at(series, 0)->direction, "transmit");
	assert_int_equal(pair_at(series, 1)->volume.packets, 4);
	assert_string_equal(pair_at(series, 1)->egress, "");
	assert_string_equal(pair_at(series, 1)->direction, "receive");
	/* Where all of it found no room. */
	assert_int_equal(pair_at(series, 2)->volume.packets, 0);
	assert_int_equal(pair_at(series, 2)->limit.packets, 6);
}

static void latencies_make_no_pairs_of_flows(void **state)
{
	Network *network = *state;
	g_autoptr(GStringChunk) texts = g_string_chunk_new(64);
	g_autoptr(GArray) pairs = NULL, latencies = NULL;

	add_pair_sum(network, "br-lan", "wan", 0, 7000);
	add_pair_sum(network, "dmz", "wan", 1, 0);
	pairs = flow_metrics_pairs(&network->view, texts);
	latencies = flow_metrics_latencies(&network->view, texts);
	assert_int_equal(pairs->len, 1);
	assert_string_equal(pair_at(pairs, 0)->ingress, "dmz");
	assert_int_equal(latencies->len, 1);
	assert_string_equal(pair_at(latencies, 0)->ingress, "br-lan");
	assert_int_equal(pair_at(latencies, 0)->latency_ns, 7000);
	assert_int_equal(pair_at(latencies, 0)->latency_frames, 1);
}

/* By the point, which may have an alias; else by what its name was. */
static void netns_is_that_of_the_point(void **state)
{
	Network *network = *state;
	g_autoptr(GStringChunk) texts = g_string_chunk_new(64);
	g_autoptr(GArray) series = NULL;

	network->point.netns = "ns1";
	add_flow_sum(network, "", "br-lan", HOOK_EGRESS, 6, 1);
	add_flow_sum(network, "ns:2:gone", "", HOOK_INGRESS, 6, 1);
	add_flow_sum(network, "br-lan", "gone", HOOK_EGRESS, 6, 1);
	series = flow_metrics_pairs(&network->view, texts);
	assert_string_equal(pair_at(series, 0)->netns, "ns1");
	assert_string_equal(pair_at(series, 1)->netns, "ns:2");
	assert_string_equal(pair_at(series, 2)->netns, "");
}

static void without_sums_there_are_no_series(void **state)
{
	Network *network = *state;
	g_autoptr(GStringChunk) texts = g_string_chunk_new(64);
	g_autoptr(GArray) protocols = NULL, pairs = NULL, latencies = NULL;

	network->view.flow_sums = NULL;
	protocols = flow_metrics_protocols(&network->view, texts);
	pairs = flow_metrics_pairs(&network->view, texts);
	latencies = flow_metrics_latencies(&network->view, texts);
	assert_int_equal(protocols->len + pairs->len + latencies->len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(protocols_are_where_they_were_counted), TEST(pairs_are_of_all_protocols),
		TEST(latencies_make_no_pairs_of_flows),	     TEST(netns_is_that_of_the_point),
		TEST(without_sums_there_are_no_series),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
