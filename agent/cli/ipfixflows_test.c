/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfixflows.h"

#include <string.h>

#include "test.h"

typedef struct {
	Elements *elements;
	RecordFile *file;
	RecordFileTemplate template;
	size_t left_out;
} Lab;

static int setup(void **state)
{
	Lab *lab = g_new0(Lab, 1);

	lab->elements = elements_new(32473);
	lab->file = record_file_new();
	lab->template.id = 1004;
	lab->template.fields = g_array_new(FALSE, TRUE, sizeof(RecordFileField));
	*state = lab;
	return 0;
}

static int teardown(void **state)
{
	Lab *lab = *state;

	record_file_free(lab->file);
	elements_free(lab->elements);
	g_array_unref(lab->template.fields);
	g_free(lab);
	return 0;
}

static void add_element(Lab *lab, const char *name)
{
	RecordFileField field;

	assert_true(elements_find(lab->elements, name, &field.element));
	field.len = element_lfe_len(&field.element);
	g_array_append_val(lab->template.fields, field);
}

#define IPV4_FLOW                                                                                  \
	"{\"family\":\"ipv4\",\"source\":\"192.0.2.1\",\"protocol\":6,\"tcp_flags\":274,"          \
	"\"octets\":100,\"direction\":\"egress\",\"end\":\"2023-11-14T22:13:20.002Z\"}"
#define IPV6_FLOW "{\"family\":\"ipv6\",\"source\":\"2001:db8::1\",\"protocol\":6}"

static bool add_flows(Lab *lab, const char *flows, GError **error)
{
	json_t *document = json_loads(flows, 0, NULL);
	bool ok = ipfix_flows_add(lab->file, &lab->template, document, &lab->left_out, error);

	json_decref(document);
	return ok;
}

static void assert_record(const Lab *lab, guint index, const char *hex)
{
	const RecordFileSet *set = lab->file->sets->pdata[0];
	const RecordFileValues *values = set->records->pdata[index];
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < values->octets->len; i++)
		g_string_append_printf(text, "%02x", values->octets->data[i]);
	assert_string_equal(text->str, hex);
}

/* What it does not tell is 0; one without a beginning has that of its record before; the lower eight flags are sent. */
static void elements_are_filled(void **state)
{
	Lab *lab = *state;

	add_element(lab, "SourceIPv4Address");
	add_element(lab, "TcpControlBits");
	add_element(lab, "OctetDeltaCount");
	add_element(lab, "FlowDirection");
	add_element(lab, "IpVersion");
	add_element(lab, "FlowStartMilliseconds");
	add_element(lab, "BgpSourceAsNumber");
	assert_true(add_flows(lab, "[" IPV4_FLOW "]", NULL));
	assert_record(lab, 0,
		      "c0000201"
		      "12"
		      "0000000000000064"
		      "01"
		      "04"
		      "0000018bcfe56802"
		      "00000000");
}

static void flows_of_the_other_family_are_left_out(void **state)
{
	Lab *lab = *state;

	add_element(lab, "sourceIPv6Address");
	assert_true(add_flows(lab, "[" IPV4_FLOW "," IPV6_FLOW "," IPV4_FLOW "]", NULL));
	assert_int_equal(lab->left_out, 2);
	assert_record(lab, 0, "20010db8000000000000000000000001");
}

static void without_addresses_all_are_taken(void **state)
{
	Lab *lab = *state;

	add_element(lab, "protocolIdentifier");
	assert_true(add_flows(lab, "[" IPV4_FLOW "," IPV6_FLOW "]", NULL));
	assert_int_equal(lab->left_out, 0);
	assert_record(lab, 1, "06");
}

static void values_that_cannot_be_are_an_error(void **state)
{
	Lab *lab = *state;
	g_autoptr(GError) error = NULL;

	add_element(lab, "protocolIdentifier");
	assert_false(add_flows(lab, "[{\"protocol\":300}]", &error));
	assert_string_equal(error->message,
			    "protocolIdentifier: 300 is not an unsigned integer that "
			    "fits into 1 octets");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(elements_are_filled),
		TEST(flows_of_the_other_family_are_left_out),
		TEST(without_addresses_all_are_taken),
		TEST(values_that_cannot_be_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
