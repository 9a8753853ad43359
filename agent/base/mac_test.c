/* SPDX-License-Identifier: Apache-2.0 */
#include "mac.h"

#include <string.h>

#include "test.h"

static const uint8_t expected[MAC_LEN] = { 0x02, 0xab, 0x00, 0xcd, 0xef, 0x01 };

static void mac_is_read_in_any_case_and_form(void **state)
{
	static const char *const texts[] = { "02:ab:00:cd:ef:01", "02:AB:00:Cd:eF:01",
					     "02-AB-00-CD-EF-01" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		uint8_t mac[MAC_LEN] = { 0 };

		assert_true(mac_parse(mac, texts[i]));
		assert_memory_equal(mac, expected, MAC_LEN);
	}
}

static void what_is_no_mac_is_refused_and_changes_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		"0",
		"02:ab:00:cd:ef",
		"02:ab:00:cd:ef:",
		"02:ab:00:cd:ef:1",
		"02:ab:00:cd:ef:01:",
		"02:ab:00:cd:ef:0g",
		"02:ab:00:cd:ef:01 ",
		"02ab00cdef01",
		"2:ab:00:cd:ef:01",
		"02:ab:00:cd:ef:01:23",
		"02.ab.00.cd.ef.01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		uint8_t mac[MAC_LEN] = { 1 };

		assert_false(mac_parse(mac, texts[i]));
		assert_int_equal(mac[0], 1);
	}
}

static void mac_is_written_in_lower_case(void **state)
{
	char text[MAC_TEXT_MAX];

	(void)state;
	assert_string_equal(mac_format(expected, text), "02:ab:00:cd:ef:01");
}

static void random_mac_is_told_from_a_manufacturers(void **state)
{
	static const uint8_t made[MAC_LEN] = { 0xac, 0xde, 0x48, 0, 0, 1 };

	(void)state;
	assert_true(mac_is_private(expected));
	assert_false(mac_is_private(made));
	assert_false(mac_is_zero(made));
	assert_true(mac_is_zero((const uint8_t[MAC_LEN]){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mac_is_read_in_any_case_and_form),
		cmocka_unit_test(what_is_no_mac_is_refused_and_changes_nothing),
		cmocka_unit_test(mac_is_written_in_lower_case),
		cmocka_unit_test(random_mac_is_told_from_a_manufacturers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
