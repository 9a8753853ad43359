/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "test.h"

static void assert_escaped(const char *octets, const char *expected)
{
	g_autofree char *text = text_escape(octets);

	assert_string_equal(text, expected);
	assert_true(g_utf8_validate(text, -1, NULL));
}

static void printable_text_stays_as_it_is(void **state)
{
	(void)state;
	assert_escaped("", "");
	assert_escaped("br-lan", "br-lan");
	assert_escaped("Küche 厨房", "Küche 厨房");
}

static void control_characters_are_escaped(void **state)
{
	(void)state;
	assert_escaped("a\033[31mb\n", "a\\x1b[31mb\\x0a");
	assert_escaped("\x7f\xc2\x9b", "\\x7f\\xc2\\x9b");
	/* RIGHT-TO-LEFT OVERRIDE would make a name look like another. */
	assert_escaped("\u202e", "\\xe2\\x80\\xae");
}

static void octets_that_are_not_utf8_are_escaped(void **state)
{
	(void)state;
	assert_escaped("\xff", "\\xff");
	assert_escaped("eth\xc3", "eth\\xc3");
	assert_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80");
}

static void different_names_stay_different(void **state)
{
	(void)state;
	assert_escaped("\\xff", "\\x5cxff");
}

static void escaped_text_is_printable(void **state)
{
	g_autofree char *text = text_printable("\\xff\t");

	(void)state;
	assert_string_equal(text, "\\xff\\x09");
}

static void width_is_that_of_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(text_width("eth0"), 4);
	assert_int_equal(text_width("Küche"), 5);
	assert_int_equal(text_width("厨房"), 4);
	assert_int_equal(text_width("e\u0301"), 1);
}

static void assert_octets(uint64_t octets, const char *expected)
{
	g_autofree char *text = text_octets(octets);

	assert_string_equal(text, expected);
}

static void octets_have_si_units(void **state)
{
	(void)state;
	assert_octets(0, "0 B");
	assert_octets(999, "999 B");
	assert_octets(1000, "1.0 kB");
	assert_octets(999949, "999.9 kB");
	assert_octets(999950, "1.0 MB");
	assert_octets(212400000000, "212.4 GB");
	assert_octets(UINT64_MAX, "18.4 EB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printable_text_stays_as_it_is),
		cmocka_unit_test(control_characters_are_escaped),
		cmocka_unit_test(octets_that_are_not_utf8_are_escaped),
		cmocka_unit_test(different_names_stay_different),
		cmocka_unit_test(escaped_text_is_printable),
		cmocka_unit_test(width_is_that_of_a_terminal),
		cmocka_unit_test(octets_have_si_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
