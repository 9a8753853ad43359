/* SPDX-License-Identifier: Apache-2.0 */
#include "nametable.h"

#include <string.h>

#include "base/mac.h"
#include "test.h"

#define NOW_S 1000

static const char mac_1[] = "02:00:00:00:00:01";

static void add(NameTable *table, const char *mac_text, const char *address_text, const char *name,
		int64_t end_s)
{
	uint8_t mac[MAC_LEN], address[ADDRESS_LEN];
	NameEntry entry = { .mac_bits = NAME_MAC_BITS, .name = name, .end_s = end_s };

	entry.is_lease = end_s != 0;
	if (mac_text && mac_parse(mac, mac_text))
		entry.mac = mac;
	if (address_text && name_parse_address(address, address_text))
		entry.address = address;
	name_table_add(table, &entry);
}

static const char *of_mac(const NameTable *table, const char *text)
{
	uint8_t mac[MAC_LEN];

	assert_true(mac_parse(mac, text));
	return name_table_find_mac(table, mac, NAME_MAC_BITS);
}

static const char *of_address(const NameTable *table, const char *text)
{
	uint8_t address[ADDRESS_LEN];

	assert_true(name_parse_address(address, text));
	return name_table_find_address(table, address, NOW_S);
}

static void mac_and_address_are_known(void **state)
{
	g_autoptr(NameTable) table = name_table_new(10);

	add(table, mac_1, "192.0.2.1", "desktop", 0);
	assert_string_equal(of_mac(table, mac_1), "desktop");
	assert_string_equal(of_address(table, "192.0.2.1"), "desktop");
	assert_null(of_mac(table, "02:00:00:00:00:02"));
	assert_null(of_address(table, "192.0.2.2"));
	assert_int_equal(name_table_entries(table), 2);
}

static void first_line_counts_where_nothing_ends(void **state)
{
	g_autoptr(NameTable) table = name_table_new(10);

	add(table, mac_1, "192.0.2.1", "first", 0);
	add(table, mac_1, "192.0.2.1", "second", 0);
	assert_string_equal(of_mac(table, mac_1), "first");
	assert_string_equal(of_address(table, "192.0.2.1"), "first");
}

static void later_lease_of_an_address_counts(void **state)
{
	g_autoptr(NameTable) table = name_table_new(10);

	add(table, mac_1, "192.0.2.1", "first", NOW_S + 100);
	add(table, "02:00:00:00:00:02", "192.0.2.1", "second", NOW_S + 50);
	assert_string_equal(of_address(table, "192.0.2.1"), "second");
	add(table, "02:00:00:00:00:03", "192.0.2.1", NULL, NOW_S + 50);
	assert_null(of_address(table, "192.0.2.1"));
	assert_string_equal(of_mac(table, "02:00:00:00:00:02"), "second");
}

static void lease_that_is_over_names_the_mac_only(void **state)
{
	g_autoptr(NameTable) table = name_table_new(10);

	add(table, mac_1, "192.0.2.1", "old", NOW_S);
	assert_null(of_address(table, "192.0.2.1"));
	assert_string_equal(of_mac(table, mac_1), "old");
}

static void lease_that_ends_last_names_the_mac(void **state)
{
	g_autoptr(NameTable) table = name_table_new(10);

	add(table, mac_1, "192.0.2.1", "live", NOW_S + 100);
	add(table, mac_1, "192.0.2.2", "over", NOW_S - 100);
	assert_string_equal(of_mac(table, mac_1), "live");
	add(table, mac_1, "192.0.2.3", "renamed", NOW_S + 100);
	assert_string_equal(of_mac(table, mac_1), "renamed");
	add(table, mac_1, "192.0.2.3", NULL, NOW_S + 200);
	assert_string_equal(of_mac(table, mac_1), "renamed");
}

static void block_of_macs_is_known_by_its_bits(void **state)
{
	const uint8_t block[MAC_LEN] = { 0x70, 0xb3, 0xd5, 0xe7, 0x5f, 0xff };
	const uint8_t other[MAC_LEN] = { 0x70, 0xb3, 0xd5, 0xe7, 0x60, 0 };
	const uint8_t mac[MAC_LEN] = { 0x70, 0xb3, 0xd5, 0xe7, 0x50, 1 };
	const NameEntry entry = { .mac = block, .mac_bits = 36, .name = "vendor" };
	g_autoptr(NameTable) table = name_table_new(10);

	name_table_add(table, &entry);
	assert_string_equal(name_table_find_mac(table, mac, 36), "vendor");
	assert_null(name_table_find_mac(table, other, 36));
	assert_null(name_table_find_mac(table, mac, 28));
	assert_null(name_table_find_mac(table, mac, NAME_MAC_BITS));
}

static void table_that_is_full_takes_only_what_it_knows(void **state)
{
	g_autoptr(NameTable) table = name_table_new(2);

	add(table, mac_1, "192.0.2.1", "desktop", NOW_S + 100);
	add(table, "02:00:00:00:00:02", "192.0.2.2", "phone", NOW_S + 100);
	add(table, mac_1, "192.0.2.1", "renamed", NOW_S + 200);
	assert_int_equal(name_table_entries(table), 2);
	assert_int_equal(name_table_left_out(table), 2);
	assert_null(of_mac(table, "02:00:00:00:00:02"));
	assert_string_equal(of_mac(table, mac_1), "renamed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mac_and_address_are_known),
		cmocka_unit_test(first_line_counts_where_nothing_ends),
		cmocka_unit_test(later_lease_of_an_address_counts),
		cmocka_unit_test(lease_that_is_over_names_the_mac_only),
		cmocka_unit_test(lease_that_ends_last_names_the_mac),
		cmocka_unit_test(block_of_macs_is_known_by_its_bits),
		cmocka_unit_test(table_that_is_full_takes_only_what_it_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
