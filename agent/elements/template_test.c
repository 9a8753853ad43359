/* SPDX-License-Identifier: Apache-2.0 */
#include "template.h"

#include "test.h"

#define SHORTEST_MESSAGE 384 /* that an encoder is made for */
#define HEADERS_LEN (16 + 4) /* of a message and a set */

static const RecordKind *const kinds[] = { &host_kind, &flow_kind };

static void fields_lie_in_their_order(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		size_t end = 0;

		for (const RecordField *field = kinds[i]->fields; field->name; field++) {
			assert_in_range(field->offset, end, kinds[i]->len);
			end = field->offset + field->len;
		}
		assert_in_range(end, 1, kinds[i]->len);
	}
}

static void what_can_be_chosen_fits_into_any_message(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		size_t len = 0;

		for (const RecordField *field = kinds[i]->fields; field->name; field++) {
			if (record_field_find(kinds[i], field->name))
				len += field->len;
		}
		assert_in_range(len, 1, SHORTEST_MESSAGE - HEADERS_LEN);
	}
}

static void field_is_found_in_any_case_and_made_shorter(void **state)
{
	g_autoptr(GError) error = NULL;
	TemplateField field;

	assert_true(template_field_parse(&field, &flow_kind, "OCTETDELTACOUNT: 4", &error));
	assert_string_equal(field.from->name, "octetDeltaCount");
	assert_int_equal(field.len, 4);
	assert_true(template_field_parse(&field, &flow_kind, "TcpControlBits", &error));
	assert_int_equal(field.len, 1);
	assert_true(template_field_parse(&field, &flow_kind, "tcpControlBits: 2", &error));
	assert_int_equal(field.len, 2);
	assert_true(template_field_parse(&field, &flow_kind, "sourceMacAddress: 6", &error));
}

static void field_that_cannot_be_is_an_error(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} cases[] = {
		{ "", "there is no \"\" in records of hosts" },
		{ "vlanId", "there is no \"vlanId\" in records of hosts" },
		{ "paddingOctets", "there is no \"paddingOctets\" in records of hosts" },
		{ "flowStartSysUpTime", "there is no \"flowStartSysUpTime\" in records of hosts" },
		{ "octetDeltaCount:", "octetDeltaCount takes 1 to 8 octets, not \"\"" },
		{ "octetDeltaCount: 0", "octetDeltaCount takes 1 to 8 octets, not \"0\"" },
		{ "octetDeltaCount: x", "octetDeltaCount takes 1 to 8 octets, not \"x\"" },
		{ "sourceMacAddress: 5", "sourceMacAddress takes 6 octets, not \"5\"" },
		{ "sourceIPv4Address: 3", "sourceIPv4Address takes 4 octets, not \"3\"" },
		{ "flowEndMilliseconds: 4", "flowEndMilliseconds takes 8 octets, not \"4\"" },
		{ "hostName: 8", "hostName takes 32 octets, not \"8\"" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		TemplateField field;

		assert_false(template_field_parse(&field, &host_kind, cases[i].text, &error));
		assert_string_equal(error->message, cases[i].why);
	}
}

static void copy_is_equal_until_it_is_changed(void **state)
{
	g_autoptr(Template) record = template_new(512, &flow_kind, NEEDS_IPV4 | NEEDS_MILLISECONDS);
	g_autoptr(Template) copy = template_copy(record);

	assert_true(template_equal(record, copy));
	g_array_index(copy->fields, TemplateField, 0).len--;
	assert_false(template_equal(record, copy));
	g_array_index(copy->fields, TemplateField, 0).len++;
	template_add(copy, record_field_find(&flow_kind, "vlanId"), 0);
	assert_false(template_equal(record, copy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_lie_in_their_order),
		cmocka_unit_test(what_can_be_chosen_fits_into_any_message),
		cmocka_unit_test(field_is_found_in_any_case_and_made_shorter),
		cmocka_unit_test(field_that_cannot_be_is_an_error),
		cmocka_unit_test(copy_is_equal_until_it_is_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
