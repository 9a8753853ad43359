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
	records = flow_records_new(flows, routes, N);
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
	g_autoptr(GArray) records = flow_records_new(flows, NULL, 3);

	assert_int_equal(records->len, 1);
	assert_ptr_equal(g_array_index(records, IpfixFlow, 0).flow, &flows[1]);
	assert_null(g_array_index(records, IpfixFlow, 0).route);
}

static void nothing_makes_no_records(void **state)
{
	g_autoptr(GArray) records = flow_records_new(NULL, NULL, 0);

	assert_int_equal(records->len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_a_template_stand_together_in_their_order),
		cmocka_unit_test(flow_without_traffic_makes_no_record),
		cmocka_unit_test(nothing_makes_no_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
