/* SPDX-License-Identifier: Apache-2.0 */
#include "flowrecords.h"

#include "ipfix.h"
#include "test.h"

static FlowRecord flow_of(uint8_t ip_version, bool with_mac, uint64_t packets)
{
	return (FlowRecord){
		.key = { .ip_version = ip_version },
		.volume = { packets, 100 * packets, 114 * packets },
		.attributes = { .source_mac = { with_mac ? 2 : 0 } },
	};
}

static void records_of_a_template_stand_together_in_their_order(void **state)
{
	enum { N = 100 };
	FlowRecord flows[N];
	FlowRoute routes[N] = { 0 };
	g_autoptr(GArray) records = NULL;
	const IpfixFlow *last = NULL;

	for (unsigned int i = 0; i < N; i++)
		flows[i] = flow_of(i % 3 ? 4 : 6, i % 5, 1);
	records = flow_records_new(flows, routes, N, false);
	assert_int_equal(records->len, N);
	for (guint i = 0; i < records->len; i++) {
		const IpfixFlow *record = &g_array_index(records, IpfixFlow, i);

		assert_int_equal(record->route - routes, record->flow - flows);
		if (last && ipfix_flow_kind(last) == ipfix_flow_kind(record))
			assert_true(last->flow < record->flow);
		else if (last)
			assert_true(ipfix_flow_kind(last) < ipfix_flow_kind(record));
		last = record;
	}
}

static void flow_without_traffic_makes_no_record(void **state)
{
	const FlowRecord flows[] = { flow_of(4, true, 0), flow_of(4, true, 5),
				     flow_of(6, true, 0) };
	g_autoptr(GArray) records = flow_records_new(flows, NULL, 3, false);

	assert_int_equal(records->len, 1);
	assert_ptr_equal(g_array_index(records, IpfixFlow, 0).flow, &flows[1]);
	assert_null(g_array_index(records, IpfixFlow, 0).route);
}

static void nothing_makes_no_records(void **state)
{
	g_autoptr(GArray) records = flow_records_new(NULL, NULL, 0, false);

	assert_int_equal(records->len, 0);
}

static FlowRecord one_of(uint8_t source, uint8_t destination, uint16_t port, FlowRole role)
{
	FlowRecord flow = flow_of(4, true, source);

	flow.key.source[15] = source;
	flow.key.destination[15] = destination;
	flow.key.source_port = port;
	flow.key.destination_port = (uint16_t)~port;
	flow.key.ingress = source;
	flow.key.egress = destination;
	flow.key.protocol = 17;
	flow.role = (uint8_t)role;
	return flow;
}

static FlowRecord answer_to(const FlowRecord *flow, FlowRole role)
{
	FlowRecord answer = *flow;

	assert_true(flow_key_reverse(&flow->key, &answer.key));
	answer.role = (uint8_t)role;
	return answer;
}

static void neighbours_that_are_a_pair_are_one_record_and_who_began_comes_first(void **state)
{
	FlowRecord flows[8];
	FlowRoute routes[8] = { 0 };
	g_autoptr(GArray) apart = NULL;
	g_autoptr(GArray) records = NULL;
	const IpfixFlow *record;

	flows[0] = one_of(1, 2, 7, FLOW_RESPONDER);
	flows[1] = answer_to(&flows[0], FLOW_INITIATOR);
	flows[2] = one_of(3, 4, 7, FLOW_INITIATOR); /* its answer stands elsewhere */
	flows[3] = one_of(5, 6, 7, FLOW_INITIATOR);
	flows[4] = answer_to(&flows[3], FLOW_RESPONDER);
	flows[5] = answer_to(&flows[2], FLOW_RESPONDER);
	flows[6] = one_of(7, 8, 7, FLOW_INITIATOR);
	flows[7] = answer_to(&flows[6], FLOW_RESPONDER); /* has no packets */
	flows[7].volume = (Volume){ 0 };
	apart = flow_records_new(flows, routes, 8, false);
	assert_int_equal(apart->len, 7);
	records = flow_records_new(flows, routes, 8, true);
	assert_int_equal(records->len, 5);
	for (guint i = 0; i < 3; i++)
		assert_null(g_array_index(records, IpfixFlow, i).reverse);
	record = &g_array_index(records, IpfixFlow, 3);
	assert_ptr_equal(record->flow, &flows[1]);
	assert_ptr_equal(record->route, &routes[1]);
	assert_ptr_equal(record->reverse, &flows[0]);
	assert_ptr_equal(record->reverse_route, &routes[0]);
	record = &g_array_index(records, IpfixFlow, 4);
	assert_ptr_equal(record->flow, &flows[3]);
	assert_ptr_equal(record->reverse, &flows[4]);
}

/* In every report the same. */
static void where_nobody_knows_who_began_the_ports_decide(void **state)
{
	FlowRecord one = one_of(1, 2, GUINT16_TO_BE(443), FLOW_ROLE_UNDECIDED);
	FlowRecord other;

	one.key.destination_port = GUINT16_TO_BE(50000);
	other = answer_to(&one, FLOW_ROLE_UNDECIDED);
	for (int turn = 0; turn < 2; turn++) {
		const FlowRecord flows[] = { turn ? one : other, turn ? other : one };
		g_autoptr(GArray) records = flow_records_new(flows, NULL, 2, true);

		assert_int_equal(records->len, 1);
		assert_int_equal(g_array_index(records, IpfixFlow, 0).flow->key.source_port,
				 GUINT16_TO_BE(50000));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_a_template_stand_together_in_their_order),
		cmocka_unit_test(flow_without_traffic_makes_no_record),
		cmocka_unit_test(nothing_makes_no_records),
		cmocka_unit_test(
			neighbours_that_are_a_pair_are_one_record_and_who_began_comes_first),
		cmocka_unit_test(where_nobody_knows_who_began_the_ports_decide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
