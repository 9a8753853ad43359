/* SPDX-License-Identifier: Apache-2.0 */
#include "domain.h"

#include <string.h>

#include "test.h"

#define DOMAIN 7
#define SIZE 500
#define EXPORT_S 1700000000
#define ORIGIN_MS (EXPORT_S * UINT64_C(1000) - 5000)
#define HEADER_LEN 20
#define RECORDS 40

static uint32_t u16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t u32(const uint8_t *at)
{
	return u16(at) << 16 | u16(at + 2);
}

static Domain *domain_with(const Template *record, uint64_t origin_ms)
{
	Domain *domain = netflow9_domain_new(DOMAIN, origin_ms);

	assert_true(domain->form->add_template(domain, record, NULL));
	domain->form->set_message_size(domain, SIZE);
	domain->form->open(domain);
	return domain;
}

static Template *short_template(void)
{
	Template *record = template_new_empty(3000, &flow_kind);

	template_add(record, record_field_find(&flow_kind, "octetDeltaCount"), 5);
	template_add(record, record_field_find(&flow_kind, "sourceMacAddress"), 0);
	template_add(record, record_field_find(&flow_kind, "flowMark"), 0); /* NetFlow has none */
	template_add(record, record_field_find(&flow_kind, "tcpControlBits"), 0);
	return record;
}

static void header_counts_what_is_in_it(void **state)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(Template) record = short_template();
	g_autoptr(Domain) domain = domain_with(record, ORIGIN_MS);
	const struct flow_fields fields = { .octets = UINT64_C(0x123456789a),
					    .source_mac = { 2, 0, 0, 0, 0, 9 },
					    .tcp_flags = 0x112 };
	static const uint8_t expected[] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 2, 0, 0, 0, 0, 9, 0x12 };
	const IpfixMessage *message;

	domain_begin(domain, EXPORT_S, 0);
	assert_true(domain->form->put_template(domain, 3000, messages, NULL));
	assert_true(domain->form->put_record(domain, 3000, &fields, messages, NULL));
	assert_true(domain_finish(domain, true, messages, NULL));
	assert_int_equal(messages->len, 1);
	message = g_ptr_array_index(messages, 0);
	assert_int_equal(u16(message->data), 9);
	assert_int_equal(u16(message->data + 2), 2);
	assert_int_equal(u32(message->data + 4), 5000);
	assert_int_equal(u32(message->data + 8), EXPORT_S);
	assert_int_equal(u32(message->data + 16), DOMAIN);
	assert_int_equal(message->sequence_offset, 12);
	assert_int_equal(message->sequence_step, 1);
	assert_int_equal(message->contents.records, 1);
	/* The template has three fields. */
	assert_int_equal(u16(message->data + HEADER_LEN), 0);
	assert_int_equal(u16(message->data + HEADER_LEN + 2), 4 + 4 + 3 * 4);
	assert_int_equal(u16(message->data + HEADER_LEN + 6), 3);
	assert_int_equal(u16(message->data + HEADER_LEN + 20), 3000);
	assert_memory_equal(message->data + HEADER_LEN + 24, expected, sizeof(expected));
	assert_int_equal(message->contents.len, HEADER_LEN + 20 + 4 + sizeof(expected));
}

static void uptime_goes_on_after_49_days(void **state)
{
	const uint64_t days_60_ms = UINT64_C(60) * 86400 * 1000;
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(Template) record = short_template();
	g_autoptr(Domain) domain = domain_with(record, EXPORT_S * UINT64_C(1000) - days_60_ms);
	const IpfixMessage *message;

	domain_begin(domain, EXPORT_S, 0);
	assert_true(domain->form->put_template(domain, 3000, messages, NULL));
	assert_true(domain_finish(domain, true, messages, NULL));
	message = g_ptr_array_index(messages, 0);
	assert_int_equal(u32(message->data + 4), (uint32_t)days_60_ms);
}

static void messages_are_full_and_no_longer_than_they_may_be(void **state)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(Template) record = template_new(512, &flow_kind, NEEDS_IPV4 | NEEDS_UPTIME);
	g_autoptr(Domain) domain = domain_with(record, ORIGIN_MS);
	const struct flow_fields fields = { .octets = 1 };
	uint32_t records = 0, next = 0;

	domain_begin(domain, EXPORT_S, 0);
	for (uint32_t i = 0; i < RECORDS; i++) {
		domain->next = i;
		assert_true(domain->form->put_record(domain, 512, &fields, messages, NULL));
	}
	domain->next = RECORDS;
	assert_true(domain_finish(domain, true, messages, NULL));
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = g_ptr_array_index(messages, i);

		assert_in_range(message->contents.len, 1, SIZE);
		assert_int_equal(message->contents.len % 4, 0);
		assert_int_equal(u16(message->data + 2), message->contents.records);
		assert_int_equal(u16(message->data + HEADER_LEN + 2),
				 message->contents.len - HEADER_LEN);
		assert_int_equal(message->first, next);
		assert_int_equal(message->items, message->contents.records);
		next += message->items;
		records += message->contents.records;
	}
	assert_int_equal(records, RECORDS);
	assert_true(messages->len > 1);
}

static void nothing_makes_no_message(void **state)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(Template) record = short_template();
	g_autoptr(Domain) domain = domain_with(record, ORIGIN_MS);

	domain_begin(domain, EXPORT_S, 0);
	assert_true(domain_finish(domain, true, messages, NULL));
	assert_int_equal(messages->len, 0);
}

static void what_fits_into_no_message_is_an_error(void **state)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(Template) record = template_new(512, &flow_kind, NEEDS_IPV4 | NEEDS_UPTIME);
	g_autoptr(Domain) domain = domain_with(record, ORIGIN_MS);
	const struct flow_fields fields = { .octets = 1 };
	g_autoptr(GError) error = NULL;

	domain->form->set_message_size(domain, HEADER_LEN + 20);
	domain_begin(domain, EXPORT_S, 0);
	assert_false(domain->form->put_record(domain, 512, &fields, messages, &error));
	assert_non_null(strstr(error->message, "too short"));
	assert_int_equal(messages->len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_counts_what_is_in_it),
		cmocka_unit_test(uptime_goes_on_after_49_days),
		cmocka_unit_test(messages_are_full_and_no_longer_than_they_may_be),
		cmocka_unit_test(nothing_makes_no_message),
		cmocka_unit_test(what_fits_into_no_message_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
