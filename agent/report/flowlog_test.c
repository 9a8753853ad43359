/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlog.h"

#include <string.h>

#include "test_flows.h"

static char *line_of(const Network *network, const FlowRecord *record)
{
	g_autoptr(InterfaceNames) names = interface_names_new(&network->view);
	GString *text = g_string_new(NULL);

	flow_log_append(text, record, TEST_START_MS + 9000, names);
	return g_string_free(text, FALSE);
}

static json_t *object_of(const Network *network, const FlowRecord *record)
{
	g_autofree char *line = line_of(network, record);
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(object);
	return object;
}

/* As linux-flow-exporter has them, in its order, and numbers as numbers. */
static void its_keys_come_first(void **state)
{
	FlowDelta delta = flow_delta(40000, 100);
	g_autofree char *line = NULL;
	FlowRecord record;

	delta.key.mark = 4275878552;
	record = flow_record(delta);
	record.end = FLOW_ENDED;
	line = line_of(*state, &record);
	assert_string_equal(
		line, "{\"src\":\"192.0.2.1\",\"dst\":\"198.51.100.1\",\"proto\":6,"
		      "\"sport\":40000,\"dport\":443,\"ingressIfindex\":7,\"egressIfindex\":9,"
		      "\"pkts\":1,\"bytes\":114,\"action\":4275878552,"
		      "\"start\":1700000001000,\"end\":1700000003500,\"finished\":1,"
		      "\"level\":\"info\",\"ts\":1700000009000,\"msg\":\"flowlog\","
		      "\"ingressIfname\":\"br-lan\",\"direction\":\"egress\",\"ip_bytes\":100,"
		      "\"end_reason\":\"end_of_flow\"}");
}

static void fin_and_rst_finish_a_flow(void **state)
{
	static const struct {
		uint16_t flags;
		int finished;
	} cases[] = { { 0x12, 0 }, { 0x11, 1 }, { 0x14, 1 } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		FlowDelta delta = flow_delta(40000, 100);
		FlowRecord record;
		json_t *object;

		delta.attributes.tcp_flags = cases[i].flags;
		record = flow_record(delta);
		object = object_of(*state, &record);
		assert_integer(object, "finished", cases[i].finished);
		assert_null(json_object_get(object, "end_reason"));
		json_decref(object);
	}
}

static void no_key_is_ever_absent(void **state)
{
	static const char *const keys[] = { "src",     "dst",	 "proto", "sport", "dport",
					    "pkts",    "bytes",	 "start", "end",   "ingressIfindex",
					    "ts",      "action", "msg",	  "level", "egressIfindex",
					    "finished" };
	FlowDelta delta = flow_delta(0, 100);
	FlowRecord record;
	json_t *object;

	delta.key.ip_version = 6;
	delta.key.protocol = IPPROTO_ICMPV6;
	delta.key.destination_port = htons(128 << 8);
	delta.key.source[0] = 0x20;
	record = flow_record(delta);
	record.start_ms = 0;
	object = object_of(*state, &record);
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		assert_non_null(json_object_get(object, keys[i]));
	assert_text(object, "src", "2000::ffff:c000:201");
	assert_integer(object, "dport", 0);
	assert_integer(object, "start", TEST_START_MS + 3500);
	json_decref(object);
}

static void strange_interface_is_escaped(void **state)
{
	Network *network = *state;
	FlowRecord record = flow_record(flow_delta(1, 100));
	json_t *object;

	network->point.report_name = "a\"b\\c\x1b\xff";
	object = object_of(network, &record);
	assert_text(object, "ingressIfname", "a\"b\\x5cc\\x1b\\xff");
	json_decref(object);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_keys_come_first),
		TEST(fin_and_rst_finish_a_flow),
		TEST(no_key_is_ever_absent),
		TEST(strange_interface_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
