/* SPDX-License-Identifier: Apache-2.0 */
#include "messageparser.h"

#include <netinet/in.h>
#include <string.h>

#include "test.h"

#define EXPORT_TIME_S 1700000000
#define DOMAIN 7
#define ALL (IPFIX_HOSTS | IPFIX_FLOWS | IPFIX_INTERFACES)

static IpfixEncoder *encoder_of(EnterpriseElements enterprise, bool biflows)
{
	const IpfixLayout layout = { .observation_domain = DOMAIN,
				     .enterprise_number = 32473,
				     .enterprise = enterprise,
				     .biflows = biflows,
				     .message_size = 1400 };

	return ipfix_encoder_new(&layout, NULL);
}

static GPtrArray *messages_new(void)
{
	return g_ptr_array_new_with_free_func(g_free);
}

static bool take(MessageParser *parser, const IpfixMessage *message)
{
	return message_parser_take(parser, message->data, message->contents.len);
}

/* Each is what the encoder has said that it is; records are @has_data, or types. */
static void assert_agrees(MessageParser *parser, const GPtrArray *messages, bool has_data)
{
	assert_true(messages->len > 0);
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = messages->pdata[i];
		const IpfixContents *contents = message_parser_contents(parser);
		g_autofree IpfixMessage *copy = NULL;

		assert_true(take(parser, message));
		assert_int_equal(contents->len, message->contents.len);
		assert_int_equal(contents->records, message->contents.records);
		assert_int_equal(contents->flow_records, message->contents.flow_records);
		assert_int_equal(contents->packets, message->contents.packets);
		assert_int_equal(contents->octets, message->contents.octets);
		assert_int_equal(message_parser_domain(parser), message->observation_domain);
		assert_int_equal(message_parser_has_data(parser),
				 has_data && message->contents.records > 0);
		copy = message_parser_copy(parser, message->data);
		assert_int_equal(copy->sequence_step, message->sequence_step);
		assert_int_equal(copy->sequence_offset, message->sequence_offset);
		assert_memory_equal(copy->data, message->data, message->contents.len);
	}
}

static MessageParser *parser_with_templates(IpfixEncoder *encoder)
{
	g_autoptr(GPtrArray) messages = messages_new();
	MessageParser *parser = message_parser_new();

	assert_true(ipfix_encode_templates(encoder, EXPORT_TIME_S, ALL, messages, NULL));
	assert_agrees(parser, messages, false);
	return parser;
}

static void hosts_are_what_the_encoder_has_said(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_FULL, false);
	g_autoptr(MessageParser) parser = parser_with_templates(encoder);
	g_autoptr(GPtrArray) messages = messages_new();
	HostRecord hosts[100] = { 0 };

	for (uint32_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
		hosts[i].direction = i % 2 ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD;
		hosts[i].volume = (Volume){ i + 1, 1ull << (i % 60), 5 };
	}
	assert_true(ipfix_encode_hosts(encoder, EXPORT_TIME_S, hosts, G_N_ELEMENTS(hosts), 0,
				       messages, NULL));
	assert_agrees(parser, messages, true);
}

/* A biflow has packets and octets of both directions. */
static void flows_are_what_the_encoder_has_said(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, true);
	g_autoptr(MessageParser) parser = parser_with_templates(encoder);
	g_autoptr(GPtrArray) messages = messages_new();
	const FlowRecord there = { .key = { .ip_version = 6, .protocol = IPPROTO_TCP },
				   .volume = { 7, 700, 800 } };
	const FlowRecord back = { .key = { .ip_version = 6, .protocol = IPPROTO_TCP },
				  .volume = { 9, 900, 1000 } };
	const IpfixFlow flows[] = { { .flow = &there, .reverse = &back }, { .flow = &there } };

	assert_true(ipfix_encode_flows(encoder, EXPORT_TIME_S, flows, G_N_ELEMENTS(flows), 0,
				       messages, NULL));
	assert_agrees(parser, messages, true);
}

static void options_are_no_flow_records(void **state)
{
	static const struct statistics_fields statistics = { .exported_octets = 5,
							     .ignored_packets = 6 };
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, false);
	g_autoptr(MessageParser) parser = parser_with_templates(encoder);
	g_autoptr(GPtrArray) messages = messages_new();
	const IpfixInterface interface = { 1, "eth0", NULL };

	assert_true(
		ipfix_encode_options(encoder, EXPORT_TIME_S, ALL, &interface, 1, messages, NULL));
	assert_true(ipfix_encode_statistics(encoder, EXPORT_TIME_S, &statistics, messages, NULL));
	assert_agrees(parser, messages, true);
}

static void layout_tells_templates_apart(void **state)
{
	g_autoptr(IpfixEncoder) first = encoder_of(ENTERPRISE_MAC, false);
	g_autoptr(IpfixEncoder) other = encoder_of(ENTERPRISE_NONE, false);
	g_autoptr(MessageParser) parser = parser_with_templates(first);
	g_autoptr(MessageParser) same = parser_with_templates(first);
	g_autoptr(MessageParser) different = parser_with_templates(other);
	g_autofree char *layout = message_parser_layout(parser);
	g_autofree char *same_layout = message_parser_layout(same);
	g_autofree char *different_layout = message_parser_layout(different);

	assert_string_equal(layout, same_layout);
	assert_string_not_equal(layout, different_layout);
}

static void what_is_broken_is_said_to_be(void **state)
{
	g_autoptr(IpfixEncoder) encoder = encoder_of(ENTERPRISE_MAC, false);
	g_autoptr(MessageParser) parser = parser_with_templates(encoder);
	g_autoptr(GPtrArray) messages = messages_new();
	IpfixMessage *message;

	assert_true(ipfix_encode_templates(encoder, EXPORT_TIME_S, ALL, messages, NULL));
	message = messages->pdata[0];
	assert_false(message_parser_take(parser, message->data, message->contents.len - 1));
	message->data[IPFIX_HEADER_LEN + 3]--;
	assert_false(take(parser, message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_what_the_encoder_has_said),
		cmocka_unit_test(flows_are_what_the_encoder_has_said),
		cmocka_unit_test(options_are_no_flow_records),
		cmocka_unit_test(layout_tells_templates_apart),
		cmocka_unit_test(what_is_broken_is_said_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
