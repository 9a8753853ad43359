/* SPDX-License-Identifier: Apache-2.0 */
#include "top_flows.h"

#include <string.h>

#include "../../tests/unit/top_documents.h"
#include "test.h"

#define ADDRESS "192.168.2.10"
#define ADDRESS6 "2001:db8:2::10"
#define FAR "203.0.113.80"

static int64_t ms_at(double seconds)
{
	return (int64_t)NOON_S * 1000 + (int64_t)(seconds * 1000);
}

static json_t *flows_at(double seconds)
{
	json_t *document = json_pack("{s:i, s:b, s:[]}", "schema", 1, "metered", 1, "flows");

	put_time(document, "time", seconds);
	return document;
}

/* Of TCP, the device's port being 40000; from second to second. */
static json_t *add_flow(json_t *document, bool is_upload, json_int_t octets, double start,
			double end)
{
	json_t *flow = json_pack("{s:s, s:s, s:s, s:i, s:s, s:i, s:i, s:s, s:I, s:I, s:I, s:I}",
				 "family", "ipv4", "source", is_upload ? ADDRESS : FAR,
				 "destination", is_upload ? FAR : ADDRESS, "protocol", 6,
				 "protocol_name", "tcp", "source_port", is_upload ? 40000 : 443,
				 "destination_port", is_upload ? 443 : 40000, "direction", "egress",
				 "packets", octets / 100, "octets", octets, "start_ms",
				 (json_int_t)ms_at(start), "end_ms", (json_int_t)ms_at(end));

	json_array_append_new(json_object_get(document, "flows"), flow);
	return flow;
}

static json_t *set_text(json_t *flow, const char *member, const char *text)
{
	json_object_set_new(flow, member, json_string(text));
	return flow;
}

/* Takes over @document. */
static void take(TopFlows *flows, json_t *document)
{
	assert_true(top_flows_add(flows, document, NULL));
	json_decref(document);
	top_flows_show(flows);
}

static char *request_of(TopFlows *flows, const char *host, const char *address)
{
	g_autoptr(GPtrArray) addresses = g_ptr_array_new();

	if (address)
		g_ptr_array_add(addresses, (gpointer)address);
	return top_flows_request(flows, host, addresses);
}

static TopFlows *flows_of_desktop(void)
{
	TopFlows *flows = top_flows_new();

	g_free(request_of(flows, DESKTOP, ADDRESS));
	return flows;
}

static const TopFlow *only(const TopFlows *flows)
{
	GHashTableIter iter;
	gpointer flow;

	assert_int_equal(g_hash_table_size(flows->flows), 1);
	g_hash_table_iter_init(&iter, flows->flows);
	assert_true(g_hash_table_iter_next(&iter, NULL, &flow));
	return flow;
}

static void assert_rate(const TopFlow *flow, enum direction direction, RateWindow window,
			double expected)
{
	double difference = flow->shown.rate[direction][window] - expected;

	if (difference < -1 || difference > 1)
		fail_msg("%f instead of %f", flow->shown.rate[direction][window], expected);
}

static void assert_request(const char *host, const char *address, const char *expected)
{
	g_autoptr(TopFlows) flows = top_flows_new();
	g_autofree char *request = request_of(flows, host, address);

	if (expected)
		assert_string_equal(request, expected);
	else
		assert_null(request);
}

static void request_names_device_by_all_it_has(void **state)
{
	(void)state;
	assert_request(DESKTOP, ADDRESS,
		       "flows sort=octets limit=500 host [192.168.2.10] or mac " DESKTOP);
	assert_request(DESKTOP, NULL, "flows sort=octets limit=500 mac " DESKTOP);
	assert_request(ADDRESS, ADDRESS, "flows sort=octets limit=500 host [192.168.2.10]");
	assert_request(ADDRESS, ADDRESS6,
		       "flows sort=octets limit=500 host [192.168.2.10 2001:db8:2::10]");
	assert_request("nobody", "x] or tcp", NULL);
}

static void request_is_bounded(void **state)
{
	g_autoptr(TopFlows) flows = top_flows_new();
	g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *request = NULL;

	(void)state;
	for (int i = 0; i < 1000; i++)
		g_ptr_array_add(addresses,
				g_strdup_printf("2001:db8:ffff:ffff:ffff:ffff:ffff:%x", 4096 + i));
	request = top_flows_request(flows, DESKTOP, addresses);
	assert_true(strlen(request) < 4096);
	assert_int_equal(flows->addresses->len, TOP_FLOWS_ADDRESSES);
}

static void both_directions_are_one_row(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();
	json_t *document = flows_at(10);
	const TopFlow *flow;

	(void)state;
	add_flow(document, true, 1000, 0, 10);
	add_flow(document, false, 50000, 0, 10);
	take(flows, document);
	flow = only(flows);
	assert_string_equal(flow->far, "tcp 203.0.113.80:443");
	assert_string_equal(flow->near, "192.168.2.10:40000");
	assert_int_equal(flow->shown.octets[DIRECTION_UPLOAD], 1000);
	assert_int_equal(flow->shown.octets[DIRECTION_DOWNLOAD], 50000);
	assert_int_equal(flow->shown.packets[DIRECTION_DOWNLOAD], 500);
	assert_int_equal(flows->shown_ms, ms_at(10));
	assert_true(flows->metered);
	assert_false(flows->cut);
}

/* Its address is not known yet, or changed on the way. */
static void device_is_known_by_its_mac_too(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();
	json_t *document = flows_at(10);
	json_t *flow = add_flow(document, true, 1000, 0, 10);

	(void)state;
	set_text(set_text(flow, "source", "192.168.2.99"), "source_mac", DESKTOP);
	/* Somebody else's. */
	flow = add_flow(document, true, 7000, 0, 10);
	set_text(set_text(flow, "source", "192.168.2.98"), "source_mac", PHONE);
	take(flows, document);
	assert_string_equal(only(flows)->near, "192.168.2.99:40000");
}

static void packet_that_is_seen_twice_counts_once(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();
	json_t *document = flows_at(10);

	(void)state;
	set_text(add_flow(document, true, 1000, 0, 10), "direction", "ingress");
	add_flow(document, true, 1000, 0, 10);
	take(flows, document);
	assert_int_equal(only(flows)->shown.octets[DIRECTION_UPLOAD], 1000);
}

static void flows_of_one_conversation_add_up(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();
	json_t *document = flows_at(10);

	(void)state;
	add_flow(document, true, 1000, 0, 10);
	json_object_set_new(add_flow(document, true, 500, 0, 10), "traffic_class",
			    json_integer(184));
	take(flows, document);
	assert_int_equal(only(flows)->shown.octets[DIRECTION_UPLOAD], 1500);
}

static void first_document_has_rates_already(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();
	json_t *document = flows_at(50);
	const TopFlow *flow;

	(void)state;
	/* One goes on, the other has ended. */
	add_flow(document, true, 50000, 0, 50);
	add_flow(document, false, 50000, 0, 45);
	take(flows, document);
	flow = only(flows);
	assert_rate(flow, DIRECTION_UPLOAD, RATE_2S, 1000);
	assert_rate(flow, DIRECTION_UPLOAD, RATE_40S, 1000);
	assert_rate(flow, DIRECTION_DOWNLOAD, RATE_2S, 0);
	assert_rate(flow, DIRECTION_DOWNLOAD, RATE_10S, 50000 / 45. * 5 / 10);
}

static void single_packet_is_no_burst(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();
	json_t *document = flows_at(50);

	(void)state;
	add_flow(document, true, 1000, 49.9, 49.9);
	take(flows, document);
	assert_rate(only(flows), DIRECTION_UPLOAD, RATE_2S, 500);
}

static void rates_are_between_sweeps(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();

	(void)state;
	for (int i = 1; i <= 5; i++) {
		json_t *document = flows_at(10 * i);

		add_flow(document, true, 10000 * i + (i == 5 ? 20000 : 0), 0, 10 * i);
		take(flows, document);
	}
	assert_rate(only(flows), DIRECTION_UPLOAD, RATE_2S, 3000);
	assert_rate(only(flows), DIRECTION_UPLOAD, RATE_10S, 3000);
	assert_rate(only(flows), DIRECTION_UPLOAD, RATE_40S, 1500);
}

/* What has left with the record is not seen any more. */
static void reported_flow_goes_on(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();
	json_t *document = flows_at(10);

	(void)state;
	add_flow(document, true, 10000, 0, 10);
	take(flows, document);
	document = flows_at(20);
	json_object_del(add_flow(document, true, 0, 0, 19), "start_ms");
	take(flows, document);
	assert_rate(only(flows), DIRECTION_UPLOAD, RATE_2S, 1000);
	assert_int_equal(only(flows)->shown.octets[DIRECTION_UPLOAD], 10000);
	document = flows_at(30);
	add_flow(document, true, 5000, 20, 30);
	take(flows, document);
	assert_rate(only(flows), DIRECTION_UPLOAD, RATE_2S, 500);
	assert_int_equal(only(flows)->shown.octets[DIRECTION_UPLOAD], 15000);
}

static void reported_flow_that_is_silent_has_no_rate(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();
	json_t *document = flows_at(10);

	(void)state;
	add_flow(document, true, 10000, 0, 10);
	take(flows, document);
	document = flows_at(20);
	json_object_del(add_flow(document, true, 0, 0, 9), "start_ms");
	take(flows, document);
	assert_rate(only(flows), DIRECTION_UPLOAD, RATE_2S, 0);
}

static void flow_that_left_is_gone(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();
	json_t *document = flows_at(10);

	(void)state;
	add_flow(document, true, 10000, 0, 10);
	take(flows, document);
	take(flows, flows_at(20));
	assert_int_equal(g_hash_table_size(flows->flows), 0);
}

static void other_protocols_and_families_have_their_names(void **state)
{
	g_autoptr(TopFlows) flows = top_flows_new();
	json_t *document = flows_at(10);
	json_t *flow = add_flow(document, false, 1000, 0, 10);

	(void)state;
	g_free(request_of(flows, DESKTOP, ADDRESS6));
	set_text(set_text(flow, "family", "ipv6"), "source", "2001:db8:3::80");
	set_text(flow, "destination", "2001:db8:2:0::10");
	take(flows, document);
	assert_string_equal(only(flows)->far, "tcp [2001:db8:3::80]:443");
	assert_int_equal(only(flows)->family, TOP_IPV6);
	document = flows_at(20);
	flow = add_flow(document, false, 1000, 0, 10);
	set_text(set_text(flow, "source", "2001:db8:3::80"), "destination", ADDRESS6);
	json_object_del(flow, "protocol_name");
	json_object_del(flow, "source_port");
	json_object_set_new(flow, "protocol", json_integer(253));
	take(flows, document);
	assert_string_equal(only(flows)->far, "253 2001:db8:3::80");
}

static void what_is_no_list_changes_nothing(void **state)
{
	g_autoptr(TopFlows) flows = flows_of_desktop();
	json_t *wrong = json_pack("{s:s}", "time", "yesterday");
	json_t *document = flows_at(10);

	(void)state;
	add_flow(document, true, 10000, 0, 10);
	take(flows, document);
	assert_false(top_flows_add(flows, wrong, NULL));
	json_decref(wrong);
	top_flows_show(flows);
	assert_int_equal(only(flows)->shown.octets[DIRECTION_UPLOAD], 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_names_device_by_all_it_has),
		cmocka_unit_test(request_is_bounded),
		cmocka_unit_test(both_directions_are_one_row),
		cmocka_unit_test(device_is_known_by_its_mac_too),
		cmocka_unit_test(packet_that_is_seen_twice_counts_once),
		cmocka_unit_test(flows_of_one_conversation_add_up),
		cmocka_unit_test(first_document_has_rates_already),
		cmocka_unit_test(single_packet_is_no_burst),
		cmocka_unit_test(rates_are_between_sweeps),
		cmocka_unit_test(reported_flow_goes_on),
		cmocka_unit_test(reported_flow_that_is_silent_has_no_rate),
		cmocka_unit_test(flow_that_left_is_gone),
		cmocka_unit_test(other_protocols_and_families_have_their_names),
		cmocka_unit_test(what_is_no_list_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
