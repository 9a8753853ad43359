/* SPDX-License-Identifier: Apache-2.0 */
#include "elementvalue.h"

#include <string.h>

#include "test.h"

/* Octets in hexadecimal. */
static GByteArray *octets_of(const char *hex)
{
	GByteArray *octets = g_byte_array_new();

	for (; *hex; hex += 2) {
		uint8_t octet =
			(uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));

		g_byte_array_append(octets, &octet, 1);
	}
	return octets;
}

/* @json NULL: the text in quotation marks. */
static const struct {
	ElementType type;
	const char *octets;
	const char *text;
	const char *json;
} shown[] = {
	{ ELEMENT_UNSIGNED64, "ffffffffffffffff", "18446744073709551615", "18446744073709551615" },
	{ ELEMENT_UNSIGNED64, "0102", "258", "258" },
	{ ELEMENT_UNSIGNED32, "000000000000000000", "0x000000000000000000", NULL },
	{ ELEMENT_UNSIGNED8, "", "0x", NULL },
	{ ELEMENT_SIGNED32, "fffffffe", "-2", "-2" },
	{ ELEMENT_SIGNED64, "fe", "-2", "-2" },
	{ ELEMENT_SIGNED64, "8000000000000000", "-9223372036854775808", "-9223372036854775808" },
	{ ELEMENT_FLOAT32, "3fc00000", "1.5", "1.5" },
	{ ELEMENT_FLOAT64, "3ff8000000000000", "1.5", "1.5" },
	{ ELEMENT_FLOAT64, "3fc00000", "1.5", "1.5" },
	{ ELEMENT_FLOAT64, "7ff0000000000000", "0x7ff0000000000000", NULL },
	{ ELEMENT_BOOLEAN, "01", "true", "true" },
	{ ELEMENT_BOOLEAN, "02", "false", "false" },
	{ ELEMENT_BOOLEAN, "00", "0x00", NULL },
	{ ELEMENT_MAC_ADDRESS, "02000000000a", "02:00:00:00:00:0a", NULL },
	{ ELEMENT_MAC_ADDRESS, "0200", "0x0200", NULL },
	{ ELEMENT_IPV4_ADDRESS, "c0000201", "192.0.2.1", NULL },
	{ ELEMENT_IPV4_ADDRESS, "c00002", "0xc00002", NULL },
	{ ELEMENT_IPV6_ADDRESS, "20010db8000000000000000000000001", "2001:db8::1", NULL },
	{ ELEMENT_DATE_TIME_SECONDS, "6553f100", "2023-11-14T22:13:20Z", NULL },
	{ ELEMENT_DATE_TIME_MILLISECONDS, "0000018bcfe56802", "2023-11-14T22:13:20.002Z", NULL },
	{ ELEMENT_DATE_TIME_MILLISECONDS, "ffffffffffffffff", "0xffffffffffffffff", NULL },
	{ ELEMENT_DATE_TIME_MICROSECONDS, "e8fe6f8080000000", "2023-11-14T22:13:20.500000Z", NULL },
	{ ELEMENT_DATE_TIME_NANOSECONDS, "e8fe6f80ffffffff", "2023-11-14T22:13:20.999999999Z",
	  NULL },
	{ ELEMENT_DATE_TIME_NANOSECONDS, "0000000000000000", "2036-02-07T06:28:16.000000000Z",
	  NULL },
	{ ELEMENT_STRING, "65746830000000", "eth0", NULL },
	{ ELEMENT_STRING, "c3a4", "ä", NULL },
	{ ELEMENT_STRING, "", "", NULL },
	/* What would drive a terminal: ESC, a NUL in between, C1 in UTF-8, a mark that turns the direction. */
	{ ELEMENT_STRING, "1b5b324a", "\\x1b[2J", "\"\\\\x1b[2J\"" },
	{ ELEMENT_STRING, "610062", "a\\x00b", "\"a\\\\x00b\"" },
	{ ELEMENT_STRING, "c29b324a", "\\xc2\\x9b2J", "\"\\\\xc2\\\\x9b2J\"" },
	{ ELEMENT_STRING, "e280ae", "\\xe2\\x80\\xae", "\"\\\\xe2\\\\x80\\\\xae\"" },
	{ ELEMENT_STRING, "5c22", "\\\\\"", "\"\\\\\\\\\\\"\"" },
	{ ELEMENT_STRING, "ff", "\\xff", "\"\\\\xff\"" },
	{ ELEMENT_STRING, "e280", "\\xe2\\x80", "\"\\\\xe2\\\\x80\"" },
	{ ELEMENT_OCTET_ARRAY, "00ff", "0x00ff", NULL },
	{ ELEMENT_BASIC_LIST, "030052000400", "0x030052000400", NULL },
};

static void values_are_shown(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
		g_autoptr(GByteArray) octets = octets_of(shown[i].octets);
		g_autofree char *json = shown[i].json ? g_strdup(shown[i].json) :
							g_strdup_printf("\"%s\"", shown[i].text);
		g_autoptr(GString) text = g_string_new(NULL);

		element_value_append_text(text, shown[i].type, octets->data, octets->len);
		assert_string_equal(text->str, shown[i].text);
		g_string_truncate(text, 0);
		element_value_append_json(text, shown[i].type, octets->data, octets->len);
		assert_string_equal(text->str, json);
	}
}

static const struct {
	ElementType type;
	uint16_t len;
	const char *text;
	const char *octets; /* NULL: it is refused */
} parsed[] = {
	{ ELEMENT_UNSIGNED64, 8, "41", "0000000000000029" },
	{ ELEMENT_UNSIGNED64, 8, "18446744073709551615", "ffffffffffffffff" },
	{ ELEMENT_UNSIGNED64, 8, "18446744073709551616", NULL },
	{ ELEMENT_UNSIGNED64, 4, "0x0a010001", "0a010001" },
	{ ELEMENT_UNSIGNED8, 1, "256", NULL },
	{ ELEMENT_UNSIGNED8, 1, "-1", NULL },
	{ ELEMENT_UNSIGNED8, 1, "", NULL },
	{ ELEMENT_SIGNED8, 1, "-128", "80" },
	{ ELEMENT_SIGNED8, 1, "128", NULL },
	{ ELEMENT_SIGNED64, 8, "-9223372036854775808", "8000000000000000" },
	{ ELEMENT_FLOAT32, 4, "1.5", "3fc00000" },
	{ ELEMENT_FLOAT64, 8, "1.5", "3ff8000000000000" },
	{ ELEMENT_FLOAT64, 8, "much", NULL },
	{ ELEMENT_BOOLEAN, 1, "true", "01" },
	{ ELEMENT_BOOLEAN, 1, "false", "02" },
	{ ELEMENT_BOOLEAN, 1, "2", NULL },
	{ ELEMENT_MAC_ADDRESS, 6, "02:00:00:00:00:0A", "02000000000a" },
	{ ELEMENT_MAC_ADDRESS, 6, "0x02000000000a", "02000000000a" },
	{ ELEMENT_MAC_ADDRESS, 6, "02:00", NULL },
	{ ELEMENT_IPV4_ADDRESS, 4, "10.1.0.1", "0a010001" },
	{ ELEMENT_IPV4_ADDRESS, 4, "0x0a010001", "0a010001" },
	{ ELEMENT_IPV4_ADDRESS, 4, "167837697", "0a010001" },
	{ ELEMENT_IPV4_ADDRESS, 4, "10.1.0.256", NULL },
	{ ELEMENT_IPV6_ADDRESS, 16, "2001:db8::1", "20010db8000000000000000000000001" },
	{ ELEMENT_IPV6_ADDRESS, 16, "10.1.0.1", NULL },
	{ ELEMENT_DATE_TIME_SECONDS, 4, "2023-11-14T22:13:20Z", "6553f100" },
	{ ELEMENT_DATE_TIME_SECONDS, 4, "1700000000", "6553f100" },
	{ ELEMENT_DATE_TIME_SECONDS, 4, "4294967296", NULL },
	{ ELEMENT_DATE_TIME_MILLISECONDS, 8, "2023-11-14T22:13:20.002Z", "0000018bcfe56802" },
	{ ELEMENT_DATE_TIME_MILLISECONDS, 8, "2023-11-14T23:13:20.002+01:00", "0000018bcfe56802" },
	{ ELEMENT_DATE_TIME_MILLISECONDS, 8, "18446744073709551615", "ffffffffffffffff" },
	{ ELEMENT_DATE_TIME_MILLISECONDS, 8, "yesterday", NULL },
	{ ELEMENT_DATE_TIME_MICROSECONDS, 8, "2023-11-14T22:13:20.5Z", "e8fe6f8080000000" },
	{ ELEMENT_DATE_TIME_NANOSECONDS, 8, "1700000000500000000", "e8fe6f8080000000" },
	{ ELEMENT_STRING, ELEMENT_VARIABLE, "ä", "c3a4" },
	{ ELEMENT_STRING, 4, "ab", "61620000" },
	{ ELEMENT_STRING, 1, "ab", NULL },
	{ ELEMENT_OCTET_ARRAY, ELEMENT_VARIABLE, "0x00fF", "00ff" },
	{ ELEMENT_OCTET_ARRAY, ELEMENT_VARIABLE, "0x", "" },
	{ ELEMENT_OCTET_ARRAY, ELEMENT_VARIABLE, "0x0", NULL },
	{ ELEMENT_OCTET_ARRAY, ELEMENT_VARIABLE, "00", NULL },
};

static void values_are_read(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(parsed); i++) {
		const Element element = { .type = parsed[i].type };
		g_autoptr(GByteArray) octets = g_byte_array_new();
		g_autoptr(GByteArray) expected =
			parsed[i].octets ? octets_of(parsed[i].octets) : NULL;
		g_autoptr(GError) error = NULL;
		bool ok = element_value_parse(&element, parsed[i].len, parsed[i].text, octets,
					      &error);

		if (ok != !!expected)
			fail_msg("%s as %s", parsed[i].text, element_type_name(parsed[i].type));
		if (!ok)
			assert_non_null(error);
		else if (octets->len != expected->len ||
			 (octets->len && memcmp(octets->data, expected->data, octets->len)))
			fail_msg("%s is something else", parsed[i].text);
	}
}

/* Each nanosecond of a few is itself again. */
static void times_survive(void **state)
{
	const Element element = { .type = ELEMENT_DATE_TIME_NANOSECONDS };
	static const char *const times[] = {
		"2026-01-02T03:04:05.000000001Z",
		"2026-01-02T03:04:05.123456789Z",
		"2026-01-02T03:04:05.999999999Z",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
		g_autoptr(GByteArray) octets = g_byte_array_new();
		g_autoptr(GString) text = g_string_new(NULL);

		assert_true(element_value_parse(&element, 8, times[i], octets, NULL));
		element_value_append_text(text, element.type, octets->data, octets->len);
		assert_string_equal(text->str, times[i]);
	}
}

static void errors_say_what_is_wanted(void **state)
{
	const Element element = { .type = ELEMENT_UNSIGNED16 };
	g_autoptr(GByteArray) octets = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	assert_false(element_value_parse(&element, 2, "70000\033", octets, &error));
	assert_string_equal(error->message,
			    "70000\\x1b is not an unsigned integer that fits into 2 octets");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_shown),
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(times_survive),
		cmocka_unit_test(errors_say_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
