/* SPDX-License-Identifier: Apache-2.0 */
#include "handlist.h"

#include "test.h"

static const InterfaceConfig lan = { .side = SIDE_CHOICE_LAN, .limit = 7 };

static void the_last_word_holds(void **state)
{
	g_autoptr(HandList) list = handlist_new();
	const InterfaceConfig *how = &lan;

	assert_false(handlist_find(list, "", "eth0", &how));
	assert_null(how);
	handlist_set(list, "", "eth0", &lan);
	assert_true(handlist_find(list, "", "eth0", &how));
	assert_int_equal(how->side, SIDE_CHOICE_LAN);
	handlist_set(list, "", "eth0", how);
	assert_int_equal(handlist_limit(list), 7);
	handlist_set(list, "", "eth0", NULL);
	assert_true(handlist_find(list, "", "eth0", &how));
	assert_null(how);
	assert_int_equal(handlist_limit(list), 0);
}

static void a_name_is_of_a_namespace(void **state)
{
	g_autoptr(HandList) list = handlist_new();
	const InterfaceConfig *how;

	handlist_set(list, "ns0", "eth0", &lan);
	assert_false(handlist_find(list, "", "eth0", &how));
	assert_false(handlist_find(list, "ns1", "eth0", &how));
	assert_true(handlist_names_netns(list, "ns0"));
	assert_false(handlist_names_netns(list, ""));
	handlist_set(list, "ns0", "eth0", NULL);
	assert_false(handlist_names_netns(list, "ns0"));
}

static void what_was_said_outlives_the_process(void **state)
{
	g_autofree char *path = g_build_filename(*state, "totals", NULL);
	g_autoptr(HandList) list = handlist_new(), loaded = handlist_new();
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	InterfaceConfig said = { .side = SIDE_CHOICE_WAN,
				 .hook = HOOK_CHOICE_CLSACT,
				 .order = HOOK_ORDER_LAST,
				 .priority = 77,
				 .handle = 5,
				 .limit = 100000,
				 .alias = (char *)"uplink" };
	const InterfaceConfig *how;

	handlist_set(list, "ns0", "eth0", &said);
	handlist_set(list, "", "eth1", NULL);
	handlist_save(list, writer);
	assert_true(totals_writer_replace(writer, path, NULL));
	reader = totals_reader_new(path, NULL);
	assert_true(handlist_load(loaded, reader, NULL));
	assert_true(handlist_find(loaded, "ns0", "eth0", &how));
	assert_int_equal(how->side, said.side);
	assert_int_equal(how->hook, said.hook);
	assert_int_equal(how->order, said.order);
	assert_int_equal(how->priority, said.priority);
	assert_int_equal(how->handle, said.handle);
	assert_int_equal(how->limit, said.limit);
	assert_string_equal(how->alias, "uplink");
	assert_true(handlist_find(loaded, "", "eth1", &how));
	assert_null(how);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_word_holds),
		cmocka_unit_test(a_name_is_of_a_namespace),
		cmocka_unit_test_setup_teardown(what_was_said_outlives_the_process, make_directory,
						remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
