/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include "test_view.h"
#include "kernel/topology.h"

static void sheet_adds_up(void **state)
{
	Network *network = *state;
	json_t *document, *classes, *class;
	json_int_t frames = 0;
	const char *name;

	add_sheets(network, "br-lan", LEDGER_CLASSES * 114);
	document = json_ledger(&network->view);
	assert_int_equal(json_array_size(member(document, "sheets")), HOOKS);
	assert_text(document, "sheets/1/direction", "transmit");
	classes = member(document, "sheets/1/classes");
	assert_int_equal(json_object_size(classes), LEDGER_CLASSES);
	json_object_foreach(classes, name, class) frames +=
		json_integer_value(json_object_get(class, "frames"));
	assert_integer(document, "sheets/1/seen/frames", frames);
	assert_integer(document, "sheets/1/seen/layer2_octets", LEDGER_CLASSES * 114);
	assert_integer(document, "sheets/1/interface_counters/octets/high", LEDGER_CLASSES * 114);
	assert_integer(document, "sheets/1/difference/octets", 0);
	assert_true(json_is_true(member(document, "sheets/1/balanced")));
	assert_true(json_is_true(member(document, "balanced")));
	json_decref(document);
}

static void difference_has_a_sign(void **state)
{
	Network *network = *state;
	json_t *document;

	add_sheets(network, "br-lan", LEDGER_CLASSES * 114 - 6);
	document = json_ledger(&network->view);
	assert_integer(document, "sheets/0/difference/octets", -6);
	assert_true(json_is_false(member(document, "sheets/0/balanced")));
	assert_true(json_is_false(member(document, "balanced")));
	json_decref(document);
}

static void status_shows_the_agent(void **state)
{
	Network *network = *state;
	json_t *document = json_status(&network->view);

	assert_text(document, "version", FLOWTALLY_VERSION);
	assert_true(json_is_null(member(document, "config")));
	assert_text(document, "start", "2023-11-14T22:13:20.000Z");
	assert_integer(document, "sweep_duration_ns", 1234567);
	assert_integer(document, "generation", 12);
	assert_text(document, "interfaces/0/name", "eth1");
	assert_text(document, "interfaces/0/side", "lan");
	assert_integer(document, "interfaces/0/ifindex", 7);
	assert_text(document, "interfaces/0/hook", "clsact");
	assert_text(document, "interfaces/0/kind", "bridge");
	assert_integer(document, "interfaces/0/priority/transmit", 2);
	assert_integer(document, "interfaces/0/programs_before/receive", 0);
	assert_true(json_is_null(member(document, "interfaces/0/programs_before/transmit")));
	assert_text(document, "tables/1/table", "macs");
	assert_integer(document, "tables/0/limit", 65536);
	assert_true(json_is_null(member(document, "textfile")));
	assert_int_equal(json_array_size(member(document, "collectors")), 0);
	json_decref(document);
}

static void status_shows_pairs_without_room(void **state)
{
	Network *network = *state;
	json_t *document = json_status(&network->view);

	assert_true(json_is_null(member(document, "pair_overflow")));
	assert_int_equal(json_array_size(member(document, "tables")), 4);
	json_decref(document);
	fill_pairs(network);
	add_pair_sum(network, "late", "wan", 3, 1234);
	document = json_status(&network->view);
	assert_text(document, "tables/6/table", "pairs");
	assert_integer(document, "tables/6/entries", FLOW_SUMS_MAX);
	assert_integer(document, "pair_overflow/limit/packets", 3);
	assert_integer(document, "pair_overflow/latency_frames", 1);
	assert_integer(document, "pair_overflow/latency_ns", 1234);
	json_decref(document);
}

static void status_shows_what_is_wrong(void **state)
{
	Network *network = *state;
	const JsonLinesStatus output = { "-", 5, 7, 2, "hook jq: it ended with status 1", "full" };
	g_autoptr(GArray) outputs = g_array_new(FALSE, FALSE, sizeof(output));
	g_autoptr(GPtrArray) awaited = g_ptr_array_new();
	json_t *document;

	g_array_append_val(outputs, output);
	g_ptr_array_add(awaited, "eth9");
	g_hash_table_insert(network->faults, "eth1", "attach ingress: Operation not permitted");
	network->view.awaited = awaited;
	network->view.json_lines = outputs;
	network->config.textfile = "/nowhere/flowtally.prom";
	network->view.textfile_errors = 3;
	network->view.file_errors[KEPT_HISTORY] = 5;
	network->view.textfile_error = "no";
	document = json_status(&network->view);
	assert_text(document, "awaited/0", "eth9");
	assert_text(document, "faults/0/interface", "eth1");
	assert_text(document, "faults/0/fault", "attach ingress: Operation not permitted");
	assert_text(document, "json_lines/0/path", "-");
	assert_integer(document, "json_lines/0/written", 5);
	assert_integer(document, "json_lines/0/dropped", 7);
	assert_text(document, "json_lines/0/last_error", "full");
	assert_integer(document, "json_lines/0/hook_failures", 2);
	assert_text(document, "json_lines/0/last_hook_error", "hook jq: it ended with status 1");
	assert_integer(document, "textfile/errors", 3);
	assert_integer(document, "file_errors/history", 5);
	assert_integer(document, "file_errors/run", 0);
	assert_text(document, "textfile/last_error", "no");
	json_decref(document);
}

static void status_shows_what_is_not_seen(void **state)
{
	Network *network = *state;
	json_t *document = json_status(&network->view);

	assert_int_equal(json_array_size(member(document, "offloads")), 0);
	json_decref(document);
	network->point.offloads = OFFLOAD_BIT(OFFLOAD_XDP) | OFFLOAD_BIT(OFFLOAD_FLOWTABLE_BELOW);
	document = json_status(&network->view);
	assert_int_equal(json_array_size(member(document, "offloads")), 2);
	assert_text(document, "offloads/0/interface", "br-lan");
	assert_text(document, "offloads/0/kind", "flowtable-below");
	assert_text(document, "offloads/1/kind", "xdp");
	assert_text(document, "offloads/1/consequence", offload_consequences[OFFLOAD_XDP]);
	json_decref(document);
}

static void status_shows_what_is_seen_twice(void **state)
{
	Network *network = *state;
	g_autoptr(GPtrArray) overlaps = g_ptr_array_new();
	Overlap overlap = { "br-lan", "eth1", TOPOLOGY_PORT };
	json_t *document = json_status(&network->view);

	assert_int_equal(json_array_size(member(document, "overlaps")), 0);
	json_decref(document);
	g_ptr_array_add(overlaps, &overlap);
	network->view.overlaps = overlaps;
	document = json_status(&network->view);
	assert_text(document, "overlaps/0/upper", "br-lan");
	assert_text(document, "overlaps/0/lower", "eth1");
	assert_text(document, "overlaps/0/relation", "bridge-port");
	assert_non_null(strstr(json_string_value(member(document, "overlaps/0/advice")),
			       "br-lan and eth1 both meter"));
	json_decref(document);
}

static void never_is_null(void **state)
{
	Network *network = *state;
	json_t *document;

	network->view.sweep_ms = 0;
	document = json_status(&network->view);
	assert_true(json_is_null(member(document, "last_sweep")));
	json_decref(document);
}

static void sources_of_names_are_listed(void **state)
{
	Network *network = *state;
	json_t *document = json_status(&network->view);

	assert_int_equal(json_array_size(member(document, "names")), 0);
	json_decref(document);
	add_name(network, "02:00:00:00:00:01", "desktop");
	document = json_status(&network->view);
	assert_text(document, "names/0/kind", "static");
	assert_true(json_is_null(member(document, "names/0/path")));
	assert_integer(document, "names/0/entries", 1);
	assert_integer(document, "names/0/bad_lines", 0);
	assert_true(json_is_false(member(document, "names/0/reading")));
	assert_true(json_is_null(member(document, "names/0/error")));
	json_decref(document);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sheet_adds_up),
		TEST(difference_has_a_sign),
		TEST(status_shows_the_agent),
		TEST(status_shows_pairs_without_room),
		TEST(status_shows_what_is_wrong),
		TEST(status_shows_what_is_not_seen),
		TEST(status_shows_what_is_seen_twice),
		TEST(never_is_null),
		TEST(sources_of_names_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
