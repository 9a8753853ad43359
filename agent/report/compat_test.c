/* SPDX-License-Identifier: Apache-2.0 */
/* Of the systems that know flows; tests/e2e/compat.bats has those that know hosts, too. */
#include "compat.h"

#include "test_flows.h"

static const LinuxFlowExporterSeries *pair_at(const GArray *series, guint i)
{
	assert_true(i < series->len);
	return &g_array_index(series, LinuxFlowExporterSeries, i);
}

static void what_left_is_by_index(void **state)
{
	Network *network = *state;
	Point wan = { .report_index = 1 << 30, .name = "eth0", .report_name = "wan" };
	g_autoptr(GArray) series = NULL;

	g_ptr_array_add(network->points, &wan);
	add_flow_sum(network, "br-lan", "wan", HOOK_EGRESS, 6, 1);
	add_flow_sum(network, "br-lan", "wan", HOOK_EGRESS, 17, 2);
	add_flow_sum(network, "", "br-lan", HOOK_EGRESS, 6, 4);
	add_flow_sum(network, "br-lan", "", HOOK_INGRESS, 6, 8);
	add_pair_sum(network, "br-lan", "wan", 16, 7000);
	series = compat_linux_flow_exporter(&network->view);
	assert_int_equal(series->len, 2);
	assert_int_equal(pair_at(series, 0)->ingress, 7);
	assert_int_equal(pair_at(series, 0)->egress, 1 << 30);
	assert_int_equal(pair_at(series, 0)->total.packets, 19);
	assert_int_equal(pair_at(series, 0)->total.layer2_octets, 19 * 114);
	assert_int_equal(pair_at(series, 0)->overflow.packets, 16);
	assert_int_equal(pair_at(series, 0)->latency_ns, 7000);
	assert_int_equal(pair_at(series, 1)->ingress, 0);
	assert_int_equal(pair_at(series, 1)->egress, 7);
	assert_int_equal(pair_at(series, 1)->total.packets, 4);
	assert_int_equal(pair_at(series, 1)->overflow.packets, 0);
}

static void interfaces_that_are_gone_have_no_series(void **state)
{
	Network *network = *state;
	g_autoptr(GArray) series = NULL;

	add_flow_sum(network, "gone", "br-lan", HOOK_EGRESS, 6, 1);
	add_flow_sum(network, "br-lan", "gone", HOOK_EGRESS, 6, 1);
	add_pair_sum(network, "gone", "br-lan", 1, 1);
	series = compat_linux_flow_exporter(&network->view);
	assert_int_equal(series->len, 0);
}

/* Else they were twice there. */
static void two_names_of_an_index_are_one_series(void **state)
{
	Network *network = *state;
	Point former = network->point;
	g_autoptr(GArray) series = NULL;

	former.report_name = "former";
	g_ptr_array_add(network->points, &former);
	add_flow_sum(network, "former", "br-lan", HOOK_EGRESS, 6, 1);
	add_flow_sum(network, "br-lan", "br-lan", HOOK_EGRESS, 6, 2);
	series = compat_linux_flow_exporter(&network->view);
	assert_int_equal(series->len, 1);
	assert_int_equal(pair_at(series, 0)->total.packets, 3);
}

static const PacketExporterSeries *ends_at(const GArray *series, guint i)
{
	assert_true(i < series->len);
	return &g_array_index(series, PacketExporterSeries, i);
}

static void ends_are_addresses_and_ports(void **state)
{
	Network *network = *state;
	const char *interface = g_intern_static_string("a\"b\n");
	FlowDelta delta = flow_delta(1234, 100);
	g_autoptr(GStringChunk) texts = g_string_chunk_new(64);
	g_autoptr(GArray) series = NULL;

	flow_series_add(network->flow_series, &delta, interface, 1);
	delta.key.ip_version = 6;
	memset(delta.key.source, 0, sizeof(delta.key.source));
	memcpy(delta.key.source, (const uint8_t[]){ 0x20, 0x01, 0x0d, 0xb8 }, 4);
	flow_series_add(network->flow_series, &delta, interface, 1);
	delta.key.protocol = 47;
	delta.volume = (Volume){ 2, 200, 228 };
	flow_series_add(network->flow_series, &delta, interface, 1);
	series = compat_packet_exporter(&network->view, texts);
	assert_int_equal(series->len, 3);
	assert_string_equal(ends_at(series, 0)->source, "192.0.2.1:1234");
	assert_string_equal(ends_at(series, 0)->dest, "198.51.100.1:443");
	assert_string_equal(ends_at(series, 0)->interface, "a\"b\\x0a");
	assert_string_equal(ends_at(series, 0)->protocol, "6");
	assert_int_equal(ends_at(series, 0)->packets, 1);
	assert_int_equal(ends_at(series, 0)->sizes.layer2_octets, 114);
	assert_string_equal(ends_at(series, 1)->source, "[2001:db8::]:1234");
	/* There was room for two. */
	assert_string_equal(ends_at(series, 2)->source, COMPAT_OVERFLOW);
	assert_string_equal(ends_at(series, 2)->dest, COMPAT_OVERFLOW);
	assert_string_equal(ends_at(series, 2)->protocol, "47");
	assert_int_equal(ends_at(series, 2)->packets, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_left_is_by_index),
		TEST(interfaces_that_are_gone_have_no_series),
		TEST(two_names_of_an_index_are_one_series),
		TEST(ends_are_addresses_and_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
