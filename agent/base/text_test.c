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

static void assert_volume(uint64_t octets, TextUnits units, const char *expected)
{
	g_autofree char *text = text_volume(octets, units);

	assert_string_equal(text, expected);
}

static void gigabytes_are_no_gibibytes(void **state)
{
	(void)state;
	assert_volume(212400000000, TEXT_SI, "212.4 GB");
	assert_volume(212400000000, TEXT_IEC, "197.8 GiB");
	assert_volume(212400000000, TEXT_BYTES, "212400000000 B");
	assert_volume(1000, TEXT_IEC, "1000 B");
	assert_volume(1023, TEXT_IEC, "1023 B");
	assert_volume(1024, TEXT_IEC, "1.0 KiB");
	assert_volume(1048575, TEXT_IEC, "1.0 MiB");
	assert_volume(UINT64_MAX, TEXT_IEC, "16.0 EiB");
	assert_volume(UINT64_MAX, TEXT_BYTES, "18446744073709551615 B");
}

static void assert_bit_rate(double octets, const char *expected)
{
	g_autofree char *text = text_bit_rate(octets);

	assert_string_equal(text, expected);
}

static void bits_are_counted_in_thousands(void **state)
{
	(void)state;
	assert_bit_rate(0, "0 bit/s");
	assert_bit_rate(0.3, "2 bit/s");
	assert_bit_rate(124.9, "999 bit/s");
	assert_bit_rate(124.99, "1.0 kbit/s");
	assert_bit_rate(125, "1.0 kbit/s");
	assert_bit_rate(51587500, "412.7 Mbit/s");
	assert_bit_rate(1250000000, "10.0 Gbit/s");
}

static void assert_octet_rate(double octets, TextUnits units, const char *expected)
{
	g_autofree char *text = text_octet_rate(octets, units);

	assert_string_equal(text, expected);
}

static void rates_in_octets_name_their_units(void **state)
{
	(void)state;
	assert_octet_rate(51587500, TEXT_SI, "51.6 MB/s");
	assert_octet_rate(51587500, TEXT_IEC, "49.2 MiB/s");
	assert_octet_rate(51587500.4, TEXT_BYTES, "51587500 B/s");
	assert_octet_rate(0, TEXT_IEC, "0 B/s");
}

static void units_are_known_by_name(void **state)
{
	TextUnits units = TEXT_BYTES;

	(void)state;
	assert_true(text_parse_units("iec", &units));
	assert_int_equal(units, TEXT_IEC);
	assert_false(text_parse_units("IEC", &units));
	assert_false(text_parse_units("", &units));
	assert_int_equal(units, TEXT_IEC);
}

static void assert_cut(const char *text, size_t width, const char *expected)
{
	g_autofree char *cut = text_cut(text, width);

	assert_string_equal(cut, expected);
}

static void text_is_cut_between_characters(void **state)
{
	(void)state;
	assert_cut("desktop", 20, "desktop");
	assert_cut("desktop", 4, "desk");
	assert_cut("desktop", 0, "");
	assert_cut("Küche", 2, "Kü");
	assert_cut("厨房", 3, "厨");
	assert_cut("e\u0301te", 1, "e\u0301");
}

static void assert_name(const char *octets, const char *expected)
{
	g_autofree char *name = text_name(octets);

	if (g_strcmp0(name, expected))
		fail_msg("\"%s\" became \"%s\"", octets, name);
}

static void name_that_is_one_stays(void **state)
{
	assert_name("desktop", "desktop");
	assert_name("B\xc3\xbcro 2", "B\xc3\xbcro 2");
	assert_name("<b>\"a\\b\"</b>", "<b>\"a\\b\"</b>");
	assert_name("\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac");
	/* a family, by joiners */
	assert_name("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
		    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7");
}

static void name_has_no_control_characters(void **state)
{
	assert_name("\x1b[2J\x07red\x7f", "[2Jred");
	assert_name("a\nb\r\tc", "abc");
	assert_name("a\xc2\x9b"
		    "31mb",
		    "a31mb"); /* CSI of C1 */
	assert_name("a\xe2\x80\xa8"
		    "b\xe2\x80\xa9"
		    "c",
		    "abc"); /* separators */
}

static void name_turns_no_direction(void **state)
{
	static const gunichar marks[] = { 0x61c,  0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d,
					  0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff };

	for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
		g_autoptr(GString) octets = g_string_new("a");

		g_string_append_unichar(octets, marks[i]);
		g_string_append_c(octets, 'b');
		assert_name(octets->str, "ab");
	}
}

static void name_is_utf_8(void **state)
{
	assert_name("a\xff"
		    "b",
		    "a\xef\xbf\xbd"
		    "b");
	assert_name("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd");
	assert_name("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
	assert_name("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");		     /* overlong */
}

static void name_is_cut_on_a_character(void **state)
{
	g_autofree char *a254 = g_strnfill(254, 'a'), *a300 = g_strnfill(300, 'a');
	g_autofree char *a255 = g_strnfill(255, 'a');
	g_autofree char *umlaut = g_strconcat(a254, "\xc3\xa4", NULL);

	assert_name(a300, a255);
	assert_name(umlaut, a254);
}

static void name_may_be_none(void **state)
{
	assert_name("", NULL);
	assert_name("   ", NULL);
	assert_name("\x01\xe2\x80\xae", NULL);
	assert_name("  a b ", "a b");
	assert_name("\x01 a", "a");
}

static void times_are_read(void **state)
{
	assert_int_equal(text_time_ms("2023-11-14T22:13:20.123Z"), 1700000000123);
	assert_int_equal(text_time_ms("2023-11-14T23:13:20+01:00"), 1700000000000);
	assert_int_equal(text_time_ms("yesterday"), 0);
	assert_int_equal(text_time_ms("1960-01-01T00:00:00Z"), 0);
	assert_int_equal(text_time_ms(""), 0);
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
		cmocka_unit_test(gigabytes_are_no_gibibytes),
		cmocka_unit_test(bits_are_counted_in_thousands),
		cmocka_unit_test(rates_in_octets_name_their_units),
		cmocka_unit_test(units_are_known_by_name),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(name_that_is_one_stays),
		cmocka_unit_test(name_has_no_control_characters),
		cmocka_unit_test(name_turns_no_direction),
		cmocka_unit_test(name_is_utf_8),
		cmocka_unit_test(name_is_cut_on_a_character),
		cmocka_unit_test(name_may_be_none),
		cmocka_unit_test(times_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
