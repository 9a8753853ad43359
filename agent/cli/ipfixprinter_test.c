/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfixprinter.h"

#include <string.h>

#include "test.h"

/* Octets, packets and two labels of each record, one of them of an enterprise; then a record, and options. */
static const uint8_t stream[] = {
	0, 10,	 0,   48,   0x65, 0x53, 0xf1, 0,    0,	  0,	0,    0,   0,	0,   0,	 7, 0,
	2, 0,	 32,  1,    0,	  0,	5,    0,    1,	  0,	8,    0,   8,	0,   4,	 0, 70,
	0, 1,	 0,   70,   0,	  1,	0x80, 1,    0xff, 0xff, 0,    0,   0,	9,

	0, 10,	 0,   67,   0x65, 0x53, 0xf1, 0,    0,	  0,	0,    0,   0,	0,   0,	 7, 1,
	0, 0,	 21,  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0,	2,   1,	 5, 6,
	2, 0x1b, 'a', 0,    3,	  0,	18,   1,    15,	  0,	2,    0,   1,	0,   10, 0, 4,
	0, 82,	 0,   4,    1,	  15,	0,    12,   0,	  0,	0,    3,   'l', 'o', 0,	 0,
};

static char *print(const char *form, uint64_t max, const char *exporter)
{
	g_autoptr(Elements) elements = elements_new(32473);
	g_autoptr(IpfixPrinter) printer = NULL;
	g_autoptr(IpfixReader) reader = NULL;
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	printer = ipfix_printer_new(form, file, max, elements, NULL);
	assert_non_null(printer);
	ipfix_printer_set_exporter(printer, exporter);
	reader = ipfix_reader_new(ipfix_printer_handler(printer), printer, elements);
	assert_true(ipfix_reader_take(reader, stream, sizeof(stream), NULL));
	assert_int_equal(ipfix_printer_is_done(printer), max <= 2);
	(void)fclose(file);
	return text;
}

static void assert_printed(const char *form, uint64_t max, const char *exporter,
			   const char *expected)
{
	char *text = print(form, max, exporter);

	assert_string_equal(text, expected);
	free(text);
}

static void text_tells_everything(void **state)
{
	assert_printed(NULL, UINT64_MAX, "192.0.2.9:4000",
		       "message 1 at octet 0: 48 octets, domain 7, sequence 0, exported "
		       "2023-11-14T22:13:20Z by 192.0.2.9:4000\n"
		       "  template 256: 5 fields\n"
		       "    octetDeltaCount (1): unsigned64, 8 octets\n"
		       "    sourceIPv4Address (8): ipv4Address, 4 octets\n"
		       "    mplsTopLabelStackSection (70): octetArray, 1 octets\n"
		       "    mplsTopLabelStackSection (70): octetArray, 1 octets\n"
		       "    9:1: octetArray, any length\n"
		       "message 2 at octet 48: 67 octets, domain 7, sequence 0, exported "
		       "2023-11-14T22:13:20Z by 192.0.2.9:4000\n"
		       "  record of template 256\n"
		       "    octetDeltaCount: 18446744073709551615\n"
		       "    sourceIPv4Address: 192.0.2.1\n"
		       "    mplsTopLabelStackSection: 0x05\n"
		       "    mplsTopLabelStackSection: 0x06\n"
		       "    9:1: 0x1b61\n"
		       "  options template 271: 2 fields\n"
		       "    ingressInterface (10): unsigned32, 4 octets, scope\n"
		       "    interfaceName (82): string, 4 octets\n"
		       "  options of template 271\n"
		       "    ingressInterface (scope): 3\n"
		       "    interfaceName: lo\n");
}

static void json_is_a_record_a_line(void **state)
{
	assert_printed("json", UINT64_MAX, NULL,
		       "{\"ipfix\":{\"message\":2,\"domain\":7,\"template\":256,\"exportTime\":"
		       "\"2023-11-14T22:13:20Z\"},\"octetDeltaCount\":18446744073709551615,"
		       "\"sourceIPv4Address\":\"192.0.2.1\",\"mplsTopLabelStackSection\":[\"0x05\","
		       "\"0x06\"],\"9:1\":\"0x1b61\"}\n"
		       "{\"ipfix\":{\"message\":2,\"domain\":7,\"template\":271,\"exportTime\":"
		       "\"2023-11-14T22:13:20Z\",\"scope\":[\"ingressInterface\"]},"
		       "\"ingressInterface\":3,\"interfaceName\":\"lo\"}\n");
}

static void tables_have_a_head_for_each_template(void **state)
{
	assert_printed(
		"table", UINT64_MAX, NULL,
		"     octetDeltaCount  sourceIPv4Address  mplsTopLabelStackSection  "
		"mplsTopLabelStackSection  9:1\n"
		"18446744073709551615  192.0.2.1          0x05                      0x06     "
		"                 0x1b61\n"
		"\n"
		"ingressInterface  interfaceName\n"
		"               3  lo\n");
}

static void it_ends_when_it_is_enough(void **state)
{
	char *text = print("json", 1, NULL);

	assert_null(strstr(text, "ingressInterface"));
	assert_non_null(strstr(text, "octetDeltaCount"));
	free(text);
}

/* What an exporter calls its elements. */
static char *print_named(const char *name)
{
	g_autoptr(Elements) elements = elements_new(32473);
	g_autoptr(IpfixPrinter) printer = NULL;
	g_autoptr(IpfixReader) reader = NULL;
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	assert_true(elements_learn(elements, 9, 1, ELEMENT_STRING, name));
	printer = ipfix_printer_new("json", file, 1, elements, NULL);
	reader = ipfix_reader_new(ipfix_printer_handler(printer), printer, elements);
	assert_true(ipfix_reader_take(reader, stream, sizeof(stream), NULL));
	(void)fclose(file);
	return text;
}

static void strange_names_do_no_harm(void **state)
{
	static const struct {
		const char *name;
		const char *key;
	} cases[] = {
		{ "app", ",\"app\":\"\\\\x1ba\"}" },
		{ "a\"b\\", ",\"a\\\"b\\\\\\\\\":" },
		{ "\033[2J\n", ",\"\\\\x1b[2J\\\\x0a\":" },
		{ "ipfix", ",\"9:1\":" }, /* which would be there twice */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		char *text = print_named(cases[i].name);

		if (!strstr(text, cases[i].key))
			fail_msg("%s", text);
		free(text);
	}
}

static void there_are_three_forms(void **state)
{
	g_autoptr(GError) error = NULL;

	assert_null(ipfix_printer_new("xml", stdout, 1, NULL, &error));
	assert_string_equal(error->message, "-o xml: there is text, table and json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_tells_everything),
		cmocka_unit_test(json_is_a_record_a_line),
		cmocka_unit_test(tables_have_a_head_for_each_template),
		cmocka_unit_test(it_ends_when_it_is_enough),
		cmocka_unit_test(strange_names_do_no_harm),
		cmocka_unit_test(there_are_three_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
