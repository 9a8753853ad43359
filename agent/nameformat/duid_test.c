/* SPDX-License-Identifier: Apache-2.0 */
#include "duid.h"

#include "test.h"

static const uint8_t expected[MAC_LEN] = { 2, 0, 0, 0, 0xab, 1 };

static void mac_is_found_in_a_duid(void **state)
{
	static const char *const texts[] = {
		"00010001 2c3d4e5f 02000000ab01",
		"00:01:00:01:2c:3d:4e:5f:02:00:00:00:ab:01",
		"0003000102000000AB01",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_auto(GStrv) parts = g_strsplit(texts[i], " ", -1);
		g_autofree char *digits = g_strjoinv("", parts);
		uint8_t mac[MAC_LEN] = { 0 };

		assert_true(duid_parse_mac(mac, digits));
		assert_memory_equal(mac, expected, MAC_LEN);
	}
}

static void other_duids_have_no_mac(void **state)
{
	static const char *const texts[] = {
		"",
		"0004000102000000ab01",	  /* a UUID */
		"0002000102000000ab01",	  /* by an enterprise */
		"0003000602000000ab01",	  /* other hardware */
		"0003000102000000ab",	  /* too short */
		"0003000102000000ab0102", /* too long */
		"000300010200000zab01",
		"0003000102000000ab0",
		"00010001",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		uint8_t mac[MAC_LEN];

		if (duid_parse_mac(mac, texts[i]))
			fail_msg("\"%s\" was taken", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mac_is_found_in_a_duid),
		cmocka_unit_test(other_duids_have_no_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
