/* SPDX-License-Identifier: Apache-2.0 */
#include "prefix.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "test.h"

static Prefix parsed(const char *text)
{
	g_autoptr(GError) error = NULL;
	Prefix prefix = { 0 };

	if (!prefix_parse(&prefix, text, &error))
		fail_msg("%s", error->message);
	return prefix;
}

static void a_prefix_is_formatted_as_it_was_parsed(void **state)
{
	static const struct {
		const char *text, *formatted;
		uint8_t length;
		bool ipv4;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.0/24", 120, true },
		{ "0.0.0.0/0", "0.0.0.0/0", 96, true },
		{ "192.0.2.1", "192.0.2.1/32", 128, true },
		{ "192.0.2.128/25", "192.0.2.128/25", 121, true },
		{ "2001:db8::/48", "2001:db8::/48", 48, false },
		{ "2001:DB8:0:0::/33", "2001:db8::/33", 33, false },
		{ "::/0", "::/0", 0, false },
		{ "::1", "::1/128", 128, false },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24", 120, true },
		{ "::ffff:0:0/96", "0.0.0.0/0", 96, true },
		{ "::fffe:0:0/95", "::fffe:0:0/95", 95, false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		Prefix prefix = parsed(cases[i].text);
		char text[PREFIX_TEXT_MAX];

		assert_string_equal(prefix_format(&prefix, text), cases[i].formatted);
		assert_int_equal(prefix.length, cases[i].length);
		assert_int_equal(prefix_is_ipv4(&prefix), cases[i].ipv4);
	}
}

static void an_ipv4_address_is_stored_as_a_mapped_one(void **state)
{
	static const uint8_t expected[ADDRESS_LEN] = {
		[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2
	};
	Prefix prefix = parsed("192.0.2.0/24");

	assert_memory_equal(prefix.address, expected, ADDRESS_LEN);
}

static void a_text_that_is_no_prefix_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "such as" },
		{ "/", "such as" },
		{ "/24", "such as" },
		{ "foo", "such as" },
		{ "192.0.2", "such as" },
		{ "192.0.2.256", "such as" },
		{ "192.0.2.0.0/24", "such as" },
		{ " 192.0.2.0/24", "such as" },
		{ "2001:db8::1::/48", "such as" },
		{ "fe80::1%eth0", "such as" },
		{ "192.0.2.0/", "from 0 to 32" },
		{ "192.0.2.0/33", "from 0 to 32" },
		{ "192.0.2.0/-1", "from 0 to 32" },
		{ "192.0.2.0/+1", "from 0 to 32" },
		{ "192.0.2.0/ 24", "from 0 to 32" },
		{ "192.0.2.0/24/24", "from 0 to 32" },
		{ "192.0.2.0/255.255.255.0", "from 0 to 32" },
		{ "192.0.2.0/18446744073709551617", "from 0 to 32" },
		{ "2001:db8::/129", "from 0 to 128" },
		{ "192.0.2.1/24", "beyond 192.0.2.0/24" },
		{ "192.0.2.1/0", "beyond 0.0.0.0/0" },
		{ "2001:db8::1/127", "beyond 2001:db8::/127" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		Prefix prefix = { .length = 7 };

		assert_false(prefix_parse(&prefix, cases[i].text, &error));
		if (!strstr(error->message, cases[i].reason))
			fail_msg("%s: \"%s\" has no \"%s\"", cases[i].text, error->message,
				 cases[i].reason);
		assert_int_equal(prefix.length, 7);
	}
}

static void a_very_long_text_does_not_come_back_in_the_reason(void **state)
{
	g_autofree char *text = g_strnfill(100000, '1');
	g_autoptr(GError) error = NULL;
	Prefix prefix;

	assert_false(prefix_parse(&prefix, text, &error));
	assert_true(strlen(error->message) < 100);
}

static void an_address_of_the_kernel_becomes_its_prefix(void **state)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;
	Prefix expected, made;

	assert_int_equal(inet_pton(AF_INET, "192.168.2.1", &ipv4), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:ca2:2::1", &ipv6), 1);

	made = prefix_from_address(AF_INET, &ipv4, 24);
	expected = parsed("192.168.2.0/24");
	assert_true(prefix_equal(&made, &expected));

	made = prefix_from_address(AF_INET6, &ipv6, 64);
	expected = parsed("2001:db8:ca2:2::/64");
	assert_true(prefix_equal(&made, &expected));
}

static void a_length_beyond_the_family_is_the_whole_address(void **state)
{
	static const uint8_t address[4] = { 192, 0, 2, 1 };
	Prefix made = prefix_from_address(AF_INET, address, 200);

	assert_int_equal(made.length, 128);
}

static void prefixes_are_equal_in_address_and_length_only(void **state)
{
	Prefix a = parsed("10.0.0.0/8"), b = parsed("10.0.0.0/9"), c = parsed("11.0.0.0/8");
	Prefix same = parsed("10.0.0.0/8");

	assert_true(prefix_equal(&a, &same));
	assert_false(prefix_equal(&a, &b));
	assert_false(prefix_equal(&a, &c));
}

static void an_address_is_formatted_in_its_own_family(void **state)
{
	char text[PREFIX_TEXT_MAX];
	Prefix ipv4 = parsed("192.0.2.1"), ipv6 = parsed("2001:db8::1");

	assert_string_equal(address_format(ipv4.address, text), "192.0.2.1");
	assert_string_equal(address_format(ipv6.address, text), "2001:db8::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_is_formatted_as_it_was_parsed),
		cmocka_unit_test(an_ipv4_address_is_stored_as_a_mapped_one),
		cmocka_unit_test(a_text_that_is_no_prefix_is_refused_with_the_reason),
		cmocka_unit_test(a_very_long_text_does_not_come_back_in_the_reason),
		cmocka_unit_test(an_address_of_the_kernel_becomes_its_prefix),
		cmocka_unit_test(a_length_beyond_the_family_is_the_whole_address),
		cmocka_unit_test(prefixes_are_equal_in_address_and_length_only),
		cmocka_unit_test(an_address_is_formatted_in_its_own_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
