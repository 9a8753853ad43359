/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlist.h"

#include "test_flows.h"

/* More than are looked at in one slice. */
#define MANY 40000
#define PORTS 60000

static Network *with_flows(void **state, uint32_t n)
{
	Network *network = *state;
	Flows *flows = flows_new(n);

	/* In no order. */
	for (uint32_t i = 0; i < n; i++) {
		FlowDelta delta = flow_delta((uint16_t)(i % PORTS), i * 7919ull % n + 100);

		add_flow(flows, delta);
	}
	network->view.flows = flows;
	return network;
}

static void free_flows(Network *network)
{
	flows_free((Flows *)network->view.flows);
}

static FlowList *list_of(const Network *network, const char *request)
{
	FlowList *list = flowlist_new(request, &network->view, NULL);

	assert_non_null(list);
	return list;
}

static json_t *document_of(const GString *text)
{
	json_t *document = json_loads(text->str, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(document);
	assert_ptr_equal(strchr(text->str, '\n'), text->str + text->len - 1);
	return document;
}

/* All slices; takes over @list. */
static json_t *finish(FlowList *list, GString *text)
{
	json_t *document;

	while (flowlist_step(list, text))
		;
	flowlist_free(list);
	document = document_of(text);
	g_string_free(text, TRUE);
	return document;
}

static json_t *flows_document(const Network *network, const char *request)
{
	return finish(list_of(network, request), g_string_new(NULL));
}

static json_int_t octets_at(json_t *document, size_t i)
{
	return json_integer_value(
		json_object_get(json_array_get(json_object_get(document, "flows"), i), "octets"));
}

static void without_flows_there_is_an_empty_list(void **state)
{
	Network *network = with_flows(state, 0);
	json_t *document = flows_document(network, "flows");

	assert_integer(document, "schema", 1);
	assert_text(document, "time", "2023-11-14T22:13:30.001Z");
	assert_int_equal(json_array_size(member(document, "flows")), 0);
	json_decref(document);
	free_flows(network);
}

/* With a limit and without, whatever the number of flows. */
static void flows_are_in_order(void **state)
{
	static const uint32_t numbers[] = { 1, 2, 3, 10, 1000 };
	static const uint32_t limits[] = { 0, 1, 2, 7, 999, 1000, 1001, UINT32_MAX };

	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		Network *network = with_flows(state, numbers[i]);

		for (size_t j = 0; j < G_N_ELEMENTS(limits); j++) {
			g_autofree char *request = g_strdup_printf("flows limit=%u", limits[j]);
			json_t *document = flows_document(network, request);
			size_t expected = MIN(numbers[i], limits[j]);

			assert_int_equal(json_array_size(member(document, "flows")), expected);
			for (size_t k = 0; k < expected; k++)
				assert_int_equal(octets_at(document, k), numbers[i] - 1 - k + 100);
			json_decref(document);
		}
		free_flows(network);
	}
}

/* Also where they are copied in several slices. */
static void first_of_many_are_in_order(void **state)
{
	Network *network = with_flows(state, MANY);
	json_t *document = flows_document(network, "flows limit=100");

	for (size_t i = 0; i < 100; i++)
		assert_int_equal(octets_at(document, i), MANY - 1 - i + 100);
	json_decref(document);
	free_flows(network);
}

static void filter_comes_before_the_limit(void **state)
{
	Network *network = with_flows(state, 1000);
	json_t *document = flows_document(network, "flows limit=2 bytes <= 500");

	assert_int_equal(json_array_size(member(document, "flows")), 2);
	assert_int_equal(octets_at(document, 0), 500);
	assert_int_equal(octets_at(document, 1), 499);
	json_decref(document);
	free_flows(network);
}

static void slices_are_short(void **state)
{
	Network *network = with_flows(state, MANY);
	FlowList *list = list_of(network, "flows");
	g_autoptr(GString) text = g_string_new(NULL);
	unsigned int looks = 0, writes = 0;
	size_t before;

	for (before = 0; flowlist_step(list, text); before = text->len) {
		assert_true(text->len > before);
		if (text->str[text->len - 1] == ' ')
			looks++;
		else
			writes++;
		assert_true(text->len - before < 1000000);
	}
	assert_int_equal(looks, 2);
	assert_in_range(writes, 40, 200);
	flowlist_free(list);
	free_flows(network);
}

/* What was copied before is copied again, and the document is of the later moment. */
static void sweep_between_slices_begins_the_copy_anew(void **state)
{
	Network *network = with_flows(state, MANY);
	FlowList *list = list_of(network, "flows sort=packets limit=1");
	GString *text = g_string_new(NULL);
	json_t *document;

	assert_true(flowlist_step(list, text));
	add_flow((Flows *)network->view.flows, flow_delta(0, 1000000));
	network->view.sweep_ms += 1000;
	document = finish(list, text);
	assert_text(document, "time", "2023-11-14T22:13:31.001Z");
	assert_integer(document, "flows/0/packets", 2);
	json_decref(document);
	free_flows(network);
}

static void flows_that_have_been_copied_stay_as_they_were(void **state)
{
	Network *network = with_flows(state, MANY);
	g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	FlowList *list = list_of(network, "flows limit=100");
	GString *text = g_string_new(NULL);
	json_t *document;

	while (!strstr(text->str, "\"flows\""))
		assert_true(flowlist_step(list, text));
	(void)flows_flush((Flows *)network->view.flows, NULL, NULL, records);
	network->view.sweep_ms += 1000;
	document = finish(list, text);
	assert_text(document, "time", "2023-11-14T22:13:30.001Z");
	assert_int_equal(json_array_size(member(document, "flows")), 100);
	json_decref(document);
	free_flows(network);
}

/* However often a sweep comes between. */
static void copy_ends(void **state)
{
	Network *network = with_flows(state, MANY);
	FlowList *list = list_of(network, "flows limit=100");
	GString *text = g_string_new(NULL);
	unsigned int steps = 0;
	json_t *document;

	for (; !strstr(text->str, "\"flows\""); steps++) {
		assert_true(flowlist_step(list, text));
		add_flow((Flows *)network->view.flows, flow_delta(0, 1));
	}
	assert_int_equal(steps, 3);
	document = finish(list, text);
	assert_int_equal(json_array_size(member(document, "flows")), 100);
	json_decref(document);
	free_flows(network);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_flows_there_is_an_empty_list),
		TEST(flows_are_in_order),
		TEST(first_of_many_are_in_order),
		TEST(filter_comes_before_the_limit),
		TEST(slices_are_short),
		TEST(sweep_between_slices_begins_the_copy_anew),
		TEST(flows_that_have_been_copied_stay_as_they_were),
		TEST(copy_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
