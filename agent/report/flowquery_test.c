/* SPDX-License-Identifier: Apache-2.0 */
#include "flowquery.h"

#include <errno.h>

#include "test_flows.h"

static FlowQuery parsed(const Network *network, const char *request)
{
	g_autoptr(GError) error = NULL;
	FlowQuery query;

	if (!flow_query_parse(&query, request, &network->view, &error))
		fail_msg("%s", error->message);
	return query;
}

static bool finds(const Network *network, const char *request, FlowDelta delta)
{
	FlowQuery query = parsed(network, request);
	FlowRecord record = flow_record(delta);
	bool found = flow_query_matches(&record, &query);

	flow_query_done(&query);
	return found;
}

static void assert_refused(const Network *network, const char *request, const char *expected)
{
	bool is_flush = flow_query_is_flush(request);
	g_autoptr(GError) error = NULL;
	FlowQuery query;

	assert_false(is_flush ? flow_query_parse_flush(&query, request, &network->view, &error) :
				flow_query_parse(&query, request, &network->view, &error));
	assert_int_equal(error->code, EINVAL);
	assert_string_equal(error->message, expected);
	assert_null(query.filter);
}

static void request_is_told_by_its_first_word(void **state)
{
	assert_true(flow_query_is("flows"));
	assert_true(flow_query_is("flows tcp"));
	assert_false(flow_query_is("flowsy"));
	assert_false(flow_query_is("flow"));
	assert_false(flow_query_is(""));
	assert_true(flow_query_is_flush("flush"));
	assert_true(flow_query_is_flush("flush all"));
	assert_false(flow_query_is_flush("flushed"));
}

static void without_anything_all_are_meant(void **state)
{
	FlowQuery query = parsed(*state, "flows");

	assert_null(query.filter);
	assert_int_equal(query.order, FLOWS_BY_OCTETS);
	assert_int_equal(query.limit, UINT32_MAX);
}

static void options_stand_before_the_filter(void **state)
{
	FlowQuery query = parsed(*state, "flows sort=end limit=20 tcp or udp");

	assert_int_equal(query.order, FLOWS_BY_END);
	assert_int_equal(query.limit, 20);
	assert_non_null(query.filter);
	flow_query_done(&query);
	query = parsed(*state, "flows limit=0");
	assert_int_equal(query.limit, 0);
	assert_null(query.filter);
}

static void records_have_options_of_their_own(void **state)
{
	const Network *network = *state;
	FlowQuery query;

	assert_true(flow_query_is_records("records from=3"));
	assert_false(flow_query_is_records("flows"));
	assert_true(flow_query_parse_records(&query, "records", &network->view, NULL));
	assert_int_equal(query.from, UINT64_MAX);
	assert_true(flow_query_parse_records(&query, "records from=12 limit=5 as=flowlog tcp",
					     &network->view, NULL));
	assert_int_equal(query.from, 12);
	assert_int_equal(query.limit, 5);
	assert_non_null(query.filter);
	flow_query_done(&query);
}

static void form_of_flows_is_chosen(void **state)
{
	const Network *network = *state;
	g_autoptr(InterfaceNames) names = interface_names_new(&network->view);
	const FlowContext context = { FLOW_BY_ALL, TEST_START_MS, names };
	FlowRecord record = flow_record(flow_delta(1, 100));
	FlowQuery own = parsed(network, "flows"), log = parsed(network, "flows as=flowlog");
	g_autoptr(GString) text = g_string_new(NULL);

	own.append(text, &record, &context);
	assert_true(g_str_has_prefix(text->str, "{\"family\":"));
	g_string_truncate(text, 0);
	log.append(text, &record, &context);
	assert_true(g_str_has_prefix(text->str, "{\"src\":"));
}

static void filter_chooses(void **state)
{
	assert_true(finds(*state, "flows tcp and src port 1000", flow_delta(1000, 1)));
	assert_false(finds(*state, "flows tcp and src port 1000", flow_delta(1001, 1)));
	assert_true(finds(*state, "flows", flow_delta(1001, 1)));
}

/* By its name in reports, its own, its number, and as documents write it. */
static void interface_has_all_of_its_names(void **state)
{
	Network *network = *state;
	static const char *const names[] = { "br-lan", "eth1", "7" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *in = g_strdup_printf("flows in %s", names[i]);
		g_autofree char *out = g_strdup_printf("flows out %s", names[i]);

		assert_true(finds(network, in, flow_delta(1, 1)));
		assert_false(finds(network, out, flow_delta(1, 1)));
	}
	network->point.report_name = "a\xff";
	assert_true(finds(network, "flows in a\\xff", flow_delta(1, 1)));
	assert_true(finds(network, "flows in a\xff", flow_delta(1, 1)));
}

static void what_is_wrong_is_said(void **state)
{
	assert_refused(*state, "flows sort=size", "there is no such order: size");
	assert_refused(*state, "flows limit=-1", "there is no such limit: -1");
	assert_refused(*state, "flows limit=", "there is no such limit: ");
	assert_refused(*state, "flows limit=4294967296", "there is no such limit: 4294967296");
	assert_refused(*state, "flows as=xml", "there is no such form: xml");
	assert_refused(*state, "flows in nowhere", "filter: at 4: \"nowhere\" is no interface");
	assert_refused(*state, "flows tcp )", "filter: at 5: the parenthesis was not opened");
	assert_refused(*state, "flush in nowhere", "filter: at 4: \"nowhere\" is no interface");
}

/* Nothing is flushed because something is missing. */
static void flush_without_anything_is_wrong(void **state)
{
	FlowQuery query;

	assert_refused(*state, "flush", "filter: the filter is empty");
	assert_refused(*state, "flush  ", "filter: the filter is empty");
	assert_true(flow_query_parse_flush(&query, "flush all", &((Network *)*state)->view, NULL));
	assert_null(query.filter);
	assert_true(flow_query_parse_flush(&query, "flush tcp", &((Network *)*state)->view, NULL));
	assert_non_null(query.filter);
	flow_query_done(&query);
}

static void strange_texts_are_printable_in_errors(void **state)
{
	assert_refused(*state, "flows sort=\x1b[2J", "there is no such order: \\x1b[2J");
	assert_refused(*state, "flows in \x1b[2J", "filter: at 4: \"\\x1b\" is no interface");
}

static void order_is_by_what_it_says(void **state)
{
	FlowRecord record = flow_record(flow_delta(1, 1000));
	const uint64_t expected[FLOW_ORDERS] = {
		[FLOWS_BY_OCTETS] = 1000,
		[FLOWS_BY_PACKETS] = 1,
		[FLOWS_BY_END] = TEST_START_MS + 3500,
		[FLOWS_BY_START] = TEST_START_MS + 1000,
		[FLOWS_BY_DURATION] = 2500,
	};

	for (int i = 0; i < FLOW_ORDERS; i++) {
		FlowQuery query = { 0 };

		assert_true(flow_order_parse(&query.order, flow_order_names[i]));
		assert_int_equal(query.order, i);
		assert_int_equal(flow_query_rank(&query, &record), expected[i]);
	}
	record.start_ms = 0;
	assert_int_equal(flow_query_rank(&(FlowQuery){ .order = FLOWS_BY_DURATION }, &record), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(request_is_told_by_its_first_word),
		TEST(without_anything_all_are_meant),
		TEST(options_stand_before_the_filter),
		TEST(records_have_options_of_their_own),
		TEST(form_of_flows_is_chosen),
		TEST(filter_chooses),
		TEST(interface_has_all_of_its_names),
		TEST(what_is_wrong_is_said),
		TEST(flush_without_anything_is_wrong),
		TEST(strange_texts_are_printable_in_errors),
		TEST(order_is_by_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
