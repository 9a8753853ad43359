/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

#include "test.h"

#define SIZE 64
#define HEADER_LEN 16

static bool is_mark(const RecordField *field, void *user_data)
{
	return !strcmp(field->name, user_data);
}

static void integers_are_turned_and_shortened_and_the_rest_is_copied(void **state)
{
	static const struct {
		const char *name;
		uint16_t len;
	} chosen[] = { { "octetDeltaCount", 0 },  { "octetDeltaCount", 3 },
		       { "ingressInterface", 0 }, { "vlanId", 0 },
		       { "flowMark", 0 },	  { "sourceMacAddress", 0 },
		       { "maximumTTL", 0 } };
	static const uint8_t expected[] = { 1, 2, 3, 4, 5, 6, 7, 8, 6, 7, 8, 9,
					    8, 7, 6, 5, 4, 2, 0, 0, 0, 0, 1, 64 };
	const struct flow_fields fields = {
		.octets = UINT64_C(0x0102030405060708),
		.ingress_interface = 0x09080706,
		.vlan = 0x0504,
		.mark = 1,
		.source_mac = { 2, 0, 0, 0, 0, 1 },
		.max_ttl = 64,
	};
	g_autoptr(Template) record = template_new_empty(3000, &flow_kind);
	g_autoptr(WireLayout) layout = NULL;
	uint8_t octets[sizeof(expected)];

	for (size_t i = 0; i < G_N_ELEMENTS(chosen); i++)
		template_add(record, record_field_find(&flow_kind, chosen[i].name), chosen[i].len);
	layout = wire_layout_new(record, is_mark, (void *)"flowMark");
	assert_int_equal(wire_layout_len(layout), sizeof(expected));
	wire_write(octets, layout, &fields);
	assert_memory_equal(octets, expected, sizeof(expected));
}

static void sets_are_filled_up_and_a_message_is_no_longer_than_it_may_be(void **state)
{
	WireMessage message = { .header_len = HEADER_LEN, .padding = 4 };

	wire_message_set_size(&message, SIZE);
	assert_ptr_equal(wire_message_add(&message, 300, 5), message.octets + HEADER_LEN + 4);
	assert_ptr_equal(wire_message_add(&message, 300, 5), message.octets + HEADER_LEN + 9);
	/* Two octets of padding, and the header of a set. */
	assert_ptr_equal(wire_message_add(&message, 301, 8), message.octets + HEADER_LEN + 20);
	assert_int_equal(message.octets[HEADER_LEN + 3], 16);
	assert_null(wire_message_add(&message, 301, SIZE - HEADER_LEN - 28 + 1));
	assert_non_null(wire_message_add(&message, 301, SIZE - HEADER_LEN - 28));
	assert_null(wire_message_add(&message, 301, 1));
	wire_message_end(&message);
	assert_int_equal(message.len, SIZE);
	assert_int_equal(message.items, 4);
	assert_int_equal(message.octets[HEADER_LEN + 16 + 3], SIZE - HEADER_LEN - 16);
	wire_message_done(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_turned_and_shortened_and_the_rest_is_copied),
		cmocka_unit_test(sets_are_filled_up_and_a_message_is_no_longer_than_it_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
