/* SPDX-License-Identifier: Apache-2.0 */
#include "flowjson.h"

#include "test_flows.h"

static json_t *object_of(const Network *network, FlowRecord record, uint8_t flow_key)
{
	g_autoptr(InterfaceNames) names = interface_names_new(&network->view);
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *object;

	flow_json_append(text, &record, flow_key, names);
	object = json_loads(text->str, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	return object;
}

static void assert_absent(const json_t *object, const char *const *members)
{
	for (; *members; members++) {
		if (json_object_get(object, *members))
			fail_msg("there is %s", *members);
	}
}

static void flow_has_all_of_its_members(void **state)
{
	FlowDelta delta = flow_delta(40000, 5000000000);
	json_t *object;

	delta.key.vlan = 5;
	delta.key.customer_vlan = 6;
	delta.key.mark = 4275878552;
	delta.key.traffic_class = 184;
	object = object_of(*state, flow_record(delta), FLOW_BY_ALL);
	assert_text(object, "family", "ipv4");
	assert_text(object, "source", "192.0.2.1");
	assert_text(object, "destination", "198.51.100.1");
	assert_integer(object, "protocol", 6);
	assert_text(object, "protocol_name", "tcp");
	assert_integer(object, "source_port", 40000);
	assert_integer(object, "destination_port", 443);
	assert_text(object, "ingress_interface", "br-lan");
	assert_integer(object, "ingress_index", TEST_INDEX);
	assert_integer(object, "egress_index", 9);
	assert_text(object, "direction", "egress");
	assert_integer(object, "vlan", 5);
	assert_integer(object, "customer_vlan", 6);
	assert_integer(object, "mark", 4275878552);
	assert_integer(object, "traffic_class", 184);
	assert_integer(object, "tcp_flags", 27);
	assert_text(object, "tcp_flag_letters", "FSPA");
	assert_integer(object, "min_ttl", 61);
	assert_integer(object, "max_ttl", 64);
	assert_integer(object, "min_octets", 40);
	assert_integer(object, "max_octets", 1500);
	assert_text(object, "source_mac", "02:00:00:00:00:01");
	assert_text(object, "destination_mac", "02:00:00:00:00:02");
	assert_integer(object, "fragment_id", 5);
	assert_integer(object, "packets", 1);
	assert_integer(object, "octets", 5000000000);
	assert_integer(object, "layer2_octets", 5000000014);
	assert_text(object, "start", "2023-11-14T22:13:21.000Z");
	assert_integer(object, "start_ms", TEST_START_MS + 1000);
	assert_text(object, "end", "2023-11-14T22:13:23.500Z");
	assert_integer(object, "end_ms", TEST_START_MS + 3500);
	json_decref(object);
}

/* Interface 9 has no name. */
static void what_a_flow_has_not_is_absent(void **state)
{
	static const char *const absent[] = { "icmp_type", "icmp_code",	 "egress_interface",
					      "vlan",	   "flow_label", "customer_vlan",
					      NULL };
	json_t *object = object_of(*state, flow_record(flow_delta(40000, 100)), FLOW_BY_ALL);

	assert_absent(object, absent);
	assert_integer(object, "mark", 0);
	assert_integer(object, "traffic_class", 0);
	json_decref(object);
}

static void ipv6_has_its_own(void **state)
{
	static const char *const absent[] = { "source_port",	  "destination_port", "tcp_flags",
					      "tcp_flag_letters", "fragment_id",      NULL };
	FlowDelta delta = flow_delta(0, 100);
	json_t *object;

	delta.key.ip_version = 6;
	delta.key.protocol = IPPROTO_ICMPV6;
	delta.key.destination_port = htons(128 << 8 | 3);
	delta.attributes.fragment_id = 0;
	delta.attributes.flow_label = 0xfffff;
	object = object_of(*state, flow_record(delta), FLOW_BY_ALL);
	assert_text(object, "family", "ipv6");
	assert_integer(object, "icmp_type", 128);
	assert_integer(object, "icmp_code", 3);
	assert_integer(object, "flow_label", 0xfffff);
	assert_absent(object, absent);
	json_decref(object);
}

/* Type 0 and code 0 are an answer to an echo. */
static void zero_is_a_type_of_icmp(void **state)
{
	FlowDelta delta = flow_delta(0, 100);
	json_t *object;

	delta.key.protocol = IPPROTO_ICMP;
	delta.key.destination_port = 0;
	object = object_of(*state, flow_record(delta), FLOW_BY_ALL);
	assert_integer(object, "icmp_type", 0);
	json_decref(object);
}

static void fragments_without_ports_have_none(void **state)
{
	static const char *const absent[] = { "source_port", "destination_port", NULL };
	FlowDelta delta = flow_delta(0, 100);
	json_t *object;

	delta.key.destination_port = 0;
	object = object_of(*state, flow_record(delta), FLOW_BY_ALL);
	assert_absent(object, absent);
	json_decref(object);
}

static void what_the_key_leaves_out_is_absent(void **state)
{
	static const char *const absent[] = { "source",	     "destination",   "protocol",
					      "source_port", "ingress_index", "mark",
					      "icmp_type",   "egress_index",  "traffic_class",
					      NULL };
	FlowDelta delta = flow_delta(0, 100);
	json_t *object;

	delta.key = (struct flow_key){ .ip_version = 4 };
	object = object_of(*state, flow_record(delta), 0);
	assert_absent(object, absent);
	json_decref(object);
}

static void without_ethernet_there_is_no_mac(void **state)
{
	static const char *const absent[] = { "source_mac", "destination_mac", NULL };
	FlowDelta delta = flow_delta(1, 100);
	json_t *object;

	memset(delta.attributes.source_mac, 0, MAC_LEN);
	memset(delta.attributes.destination_mac, 0, MAC_LEN);
	object = object_of(*state, flow_record(delta), FLOW_BY_ALL);
	assert_absent(object, absent);
	json_decref(object);
}

static void reported_flow_has_no_packets_and_no_beginning(void **state)
{
	static const char *const absent[] = { "start",	    "start_ms",	 "min_ttl", "max_ttl",
					      "source_mac", "tcp_flags", NULL };
	FlowRecord record = flow_record(flow_delta(1, 100));
	json_t *object;

	record.start_ms = 0;
	record.volume = (Volume){ 0 };
	object = object_of(*state, record, FLOW_BY_ALL);
	assert_absent(object, absent);
	assert_integer(object, "packets", 0);
	assert_integer(object, "end_ms", TEST_START_MS + 3500);
	json_decref(object);
}

static void strange_interface_is_escaped(void **state)
{
	Network *network = *state;
	json_t *object;

	network->point.report_name = "a\"b\\c\x1b\xff";
	object = object_of(network, flow_record(flow_delta(1, 100)), FLOW_BY_ALL);
	assert_text(object, "ingress_interface", "a\"b\\x5cc\\x1b\\xff");
	json_decref(object);
}

static void record_says_why_it_left(void **state)
{
	static const char *const absent[] = { "end_reason", NULL };
	FlowRecord record = flow_record(flow_delta(1, 100));
	json_t *object = object_of(*state, record, FLOW_BY_ALL);

	assert_absent(object, absent);
	json_decref(object);
	record.end = FLOW_LACK_OF_RESOURCES;
	object = object_of(*state, record, FLOW_BY_ALL);
	assert_text(object, "end_reason", "lack_of_resources");
	json_decref(object);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flow_has_all_of_its_members),
		TEST(what_a_flow_has_not_is_absent),
		TEST(ipv6_has_its_own),
		TEST(zero_is_a_type_of_icmp),
		TEST(fragments_without_ports_have_none),
		TEST(what_the_key_leaves_out_is_absent),
		TEST(without_ethernet_there_is_no_mac),
		TEST(reported_flow_has_no_packets_and_no_beginning),
		TEST(record_says_why_it_left),
		TEST(strange_interface_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
