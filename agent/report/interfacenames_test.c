/* SPDX-License-Identifier: Apache-2.0 */
#include "interfacenames.h"

#include "test_view.h"

static void assert_finds(const InterfaceNames *names, const char *name, size_t n,
			 const uint32_t *expected)
{
	g_autoptr(GArray) indexes = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	interface_names_find(name, indexes, (void *)names);
	assert_int_equal(indexes->len, n);
	if (n)
		assert_memory_equal(indexes->data, expected, n * sizeof(*expected));
}

static void point_is_found_by_either_name_and_shown_by_that_in_reports(void **state)
{
	const Network *network = *state;
	g_autoptr(InterfaceNames) names = interface_names_new(&network->view);

	assert_finds(names, "br-lan", 1, (uint32_t[]){ 7 });
	assert_finds(names, "eth1", 1, (uint32_t[]){ 7 });
	assert_finds(names, "eth", 0, NULL);
	assert_string_equal(interface_names_get(names, 7), "br-lan");
	assert_null(interface_names_get(names, 8));
	assert_null(interface_names_get(names, 0));
}

/* Those of two namespaces, say. */
static void name_may_be_of_several(void **state)
{
	Network *network = *state;
	Point other = network->point;
	g_autoptr(InterfaceNames) names = NULL;

	other.report_index = 0x80000001;
	other.report_name = "ns0:eth1";
	g_ptr_array_add(network->points, &other);
	names = interface_names_new(&network->view);
	assert_finds(names, "eth1", 2, (uint32_t[]){ 7, 0x80000001 });
	assert_finds(names, "ns0:eth1", 1, (uint32_t[]){ 0x80000001 });
	assert_string_equal(interface_names_get(names, 0x80000001), "ns0:eth1");
	g_ptr_array_remove(network->points, &other);
}

static void strange_name_is_found_as_it_is_and_as_it_is_shown(void **state)
{
	Network *network = *state;
	g_autoptr(InterfaceNames) names = NULL;

	network->point.report_name = "a\\\x1b";
	names = interface_names_new(&network->view);
	assert_string_equal(interface_names_get(names, 7), "a\\x5c\\x1b");
	assert_finds(names, "a\\x5c\\x1b", 1, (uint32_t[]){ 7 });
	assert_finds(names, "a\\\x1b", 1, (uint32_t[]){ 7 });
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(point_is_found_by_either_name_and_shown_by_that_in_reports),
		TEST(name_may_be_of_several),
		TEST(strange_name_is_found_as_it_is_and_as_it_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
