/* SPDX-License-Identifier: Apache-2.0 */
#include "reportrecords.h"

#include <string.h>

#include "test.h"

/* @n flows, of which two that follow each other are both directions of a conversation, after one that is alone. */
static GArray *some_flows(guint n)
{
	GArray *flows = g_array_new(FALSE, FALSE, sizeof(FlowRecord));

	for (guint i = 0; i < n; i++) {
		FlowRecord flow = { .key = { .protocol = 17, .ip_version = 4 },
				    .volume = { 1, 100, 114 } };
		const uint32_t number = i ? (i + 1) / 2 : n;

		memcpy(i % 2 ? flow.key.source : flow.key.destination, &number, sizeof(number));
		g_array_append_val(flows, flow);
	}
	return flows;
}

static void steps_have_all_flows_and_tear_no_pair(void **state)
{
	enum { FLOWS = 20001 };
	g_autoptr(GArray) flows = some_flows(FLOWS);
	const ReportTraffic traffic = { .flows = flows };
	g_autoptr(ReportRecords) records = report_records_new(&traffic);
	guint steps = 0, done = 0, biflows = 0;

	for (; report_records_step(records); report_records_next(records)) {
		const GArray *some = report_records_flows(records, false, (ReportShare){ 0 });

		assert_int_equal(some->len, report_records_step(records));
		for (guint i = 0; i < some->len; i++)
			assert_ptr_equal(g_array_index(some, IpfixFlow, i).flow,
					 &g_array_index(flows, FlowRecord, done + i));
		biflows += report_records_flows(records, true, (ReportShare){ 0 })->len;
		done += some->len;
		steps++;
	}
	assert_true(steps > 2);
	assert_int_equal(done, FLOWS);
	assert_int_equal(biflows, (FLOWS + 1) / 2);
}

static void nothing_is_made_twice(void **state)
{
	const HostDelta delta = { .volume = { { 1, 100, 114 } } };
	const ReportTraffic traffic = { .deltas = &delta, .deltas_n = 1 };
	g_autoptr(ReportRecords) records = report_records_new(&traffic);
	const GArray *hosts = report_records_hosts(records, true, false, (ReportShare){ 0 });

	assert_ptr_equal(report_records_hosts(records, true, false, (ReportShare){ 0 }), hosts);
	assert_ptr_not_equal(report_records_hosts(records, false, false, (ReportShare){ 0 }),
			     hosts);
	assert_int_equal(hosts->len, 1);
	assert_int_equal(report_records_step(records), 0);
}

static void shares_of_groups_are_apart(void **state)
{
	CollectorConfig collectors[] = { { .address = "127.0.0.1:1" },
					 { .address = "127.0.0.1:2" } };
	GroupConfig config = { .collectors = g_ptr_array_new() };
	GroupConfig other_config = { .collectors = g_ptr_array_new() };
	g_autoptr(GArray) flows = some_flows(1001);
	const ReportTraffic traffic = { .flows = flows };
	g_autoptr(ReportRecords) records = report_records_new(&traffic);
	g_autoptr(Group) group = NULL, other = NULL;
	const GArray *first, *second;

	g_ptr_array_add(config.collectors, &collectors[0]);
	g_ptr_array_add(config.collectors, &collectors[1]);
	g_ptr_array_add(other_config.collectors, &collectors[0]);
	group = group_new(&config);
	other = group_new(&other_config);
	first = report_records_flows(records, false, (ReportShare){ group, 0 });
	second = report_records_flows(records, false, (ReportShare){ group, 1 });
	assert_int_equal(first->len + second->len, 1001);
	assert_true(first->len && second->len);
	assert_ptr_equal(report_records_flows(records, false, (ReportShare){ group, 0 }), first);
	assert_int_equal(report_records_flows(records, false, (ReportShare){ other, 0 })->len,
			 1001);
	g_ptr_array_unref(config.collectors);
	g_ptr_array_unref(other_config.collectors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_have_all_flows_and_tear_no_pair),
		cmocka_unit_test(nothing_is_made_twice),
		cmocka_unit_test(shares_of_groups_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
