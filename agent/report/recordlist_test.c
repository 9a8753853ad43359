/* SPDX-License-Identifier: Apache-2.0 */
#include "recordlist.h"

#include <errno.h>
#include <string.h>

#include "test_flows.h"

/* Records that have as many octets as they have a number. */
static void add_records(FlowTail *tail, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		FlowRecord record = flow_record(flow_delta(1, flow_tail_end(tail)));

		record.end = FLOW_IDLE;
		flow_tail_add(tail, &record, 1);
	}
}

static FlowTail *tail_of(uint32_t max, uint32_t n)
{
	FlowTail *tail = flow_tail_new();

	flow_tail_set_max(tail, max);
	add_records(tail, n);
	return tail;
}

static RecordList *list_of(const Network *network, const FlowTail *tail, const char *request)
{
	RecordList *list = recordlist_new(request, tail, &network->view, NULL);

	assert_non_null(list);
	return list;
}

/* All slices that are left; takes over @list. */
static json_t *finish(RecordList *list)
{
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *document;

	while (recordlist_step(list, text))
		;
	recordlist_free(list);
	document = json_loads(text->str, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(document);
	assert_ptr_equal(strchr(text->str, '\n'), text->str + text->len - 1);
	return document;
}

/* The numbers of its records are @n from @first on; takes over @document. */
static void assert_document(json_t *document, json_int_t next, json_int_t missed, bool more,
			    json_int_t first, size_t n)
{
	const json_t *records = member(document, "records"), *record;
	size_t i;

	assert_integer(document, "next", next);
	assert_integer(document, "missed", missed);
	assert_true(json_is_boolean(member(document, "more")));
	assert_int_equal(json_is_true(member(document, "more")), more);
	assert_int_equal(json_array_size(records), n);
	json_array_foreach((json_t *)records, i, record)
		assert_integer((json_t *)record, "octets", first + (json_int_t)i);
	json_decref(document);
}

static void assert_answer(const Network *network, const FlowTail *tail, const char *request,
			  json_int_t next, json_int_t missed, bool more, json_int_t first, size_t n)
{
	assert_document(finish(list_of(network, tail, request)), next, missed, more, first, n);
}

static void without_a_number_it_begins_now(void **state)
{
	g_autoptr(FlowTail) tail = tail_of(100, 10);

	assert_answer(*state, tail, "records", 10, 0, false, 0, 0);
}

static void what_has_come_since_is_told(void **state)
{
	g_autoptr(FlowTail) tail = tail_of(100, 10);

	assert_answer(*state, tail, "records from=0", 10, 0, false, 0, 10);
	assert_answer(*state, tail, "records from=7", 10, 0, false, 7, 3);
	assert_answer(*state, tail, "records from=10", 10, 0, false, 0, 0);
	/* Another agent's. */
	assert_answer(*state, tail, "records from=1000", 10, 0, false, 0, 0);
}

static void what_was_overwritten_is_missed(void **state)
{
	g_autoptr(FlowTail) tail = tail_of(4, 10);

	assert_answer(*state, tail, "records from=1", 10, 5, false, 6, 4);
	flow_tail_set_max(tail, 0);
	assert_answer(*state, tail, "records from=1", 10, 9, false, 0, 0);
}

static void filter_and_limit_choose(void **state)
{
	g_autoptr(FlowTail) tail = tail_of(100, 10);

	assert_answer(*state, tail, "records from=2 limit=3", 5, 0, true, 2, 3);
	assert_answer(*state, tail, "records from=2 limit=3 bytes > 6", 10, 0, false, 7, 3);
	assert_answer(*state, tail, "records from=2 bytes > 100", 10, 0, false, 0, 0);
}

static void document_is_bounded(void **state)
{
	g_autoptr(FlowTail) tail = tail_of(50000, 25000);

	assert_answer(*state, tail, "records from=0", RECORDLIST_MAX, 0, true, 0, RECORDLIST_MAX);
	assert_answer(*state, tail, "records from=20000", 25000, 0, false, 20000, 5000);
	assert_answer(*state, tail, "records from=0 bytes > 24998", 25000, 0, false, 24999, 1);
}

/* In the time between two slices. */
static void what_is_overwritten_meanwhile_is_missed(void **state)
{
	g_autoptr(FlowTail) tail = tail_of(20000, 20000);
	RecordList *list = list_of(*state, tail, "records from=0 bytes > 19990");
	g_autoptr(GString) text = g_string_new(NULL);

	assert_true(recordlist_step(list, text));
	assert_string_equal(text->str, " ");
	add_records(tail, 17000);
	assert_document(finish(list), 20000, 17000 - 16384, false, 19991, 9);
}

static void what_was_copied_stays(void **state)
{
	g_autoptr(FlowTail) tail = tail_of(10, 10);
	RecordList *list = list_of(*state, tail, "records from=0");
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *document;

	assert_true(recordlist_step(list, text));
	flow_tail_set_max(tail, 0);
	while (recordlist_step(list, text))
		;
	recordlist_free(list);
	document = json_loads(text->str, 0, NULL);
	assert_document(document, 10, 0, false, 0, 10);
}

static void it_says_which_agent_it_is(void **state)
{
	g_autoptr(FlowTail) tail = tail_of(10, 1);
	json_t *document = finish(list_of(*state, tail, "records from=0 as=flowlog"));

	assert_text(document, "start", "2023-11-14T22:13:20.000Z");
	assert_text(document, "records/0/msg", "flowlog");
	json_decref(document);
}

static void wrong_request_is_refused(void **state)
{
	const Network *network = *state;
	g_autoptr(FlowTail) tail = tail_of(10, 1);
	g_autoptr(GError) error = NULL;

	assert_null(recordlist_new("records from=-1", tail, &network->view, &error));
	assert_int_equal(error->code, EINVAL);
	assert_string_equal(error->message, "there is no such number: -1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_number_it_begins_now),
		TEST(what_has_come_since_is_told),
		TEST(what_was_overwritten_is_missed),
		TEST(filter_and_limit_choose),
		TEST(document_is_bounded),
		TEST(what_is_overwritten_meanwhile_is_missed),
		TEST(what_was_copied_stays),
		TEST(it_says_which_agent_it_is),
		TEST(wrong_request_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
