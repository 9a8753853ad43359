/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfix_writer.h"

#include <string.h>

#include "ipfix.h"
#include "test.h"

#define EXPORT_TIME_S 1700000000

static RecordFile *read_text(const char *directory, const char *text)
{
	g_autofree char *path = g_build_filename(directory, "file", NULL);
	g_autoptr(Elements) elements = elements_new(32473);
	RecordFile *file = record_file_new();
	g_autoptr(GError) error = NULL;

	assert_true(g_file_set_contents(path, text, -1, NULL));
	if (!record_file_read(file, path, elements, &error))
		fail_msg("%s", error->message);
	return file;
}

/* All messages in hexadecimal, a line each. */
static char *write_text(const char *directory, const char *text, size_t message_size)
{
	g_autoptr(RecordFile) file = read_text(directory, text);
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	GString *hex = g_string_new(NULL);

	if (!ipfix_write_messages(file, EXPORT_TIME_S, message_size, messages, &error))
		fail_msg("%s", error->message);
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = messages->pdata[i];

		assert_true(message->contents.len <= message_size);
		for (size_t j = 0; j < message->contents.len; j++)
			g_string_append_printf(hex, "%02x", message->data[j]);
		g_string_append_c(hex, '\n');
	}
	return g_string_free(hex, FALSE);
}

#define FLOW                                                                                       \
	"  - { SourceIPv4Address: 0x0a010001, DestinationIPv4Address: 0x0a010002, "                \
	"ProtocolIdentifier: 6,\n"                                                                 \
	"      PacketDeltaCount: 100, VlanId: 1 }\n"
#define FLOW_HEX                                                                                   \
	"0a010001"                                                                                 \
	"0a010002"                                                                                 \
	"06"                                                                                       \
	"0000000000000064"

/* linux-flow-exporter's own example, as it sends it but for time: a set for each template, all in one message; then as many
 * flows of a set as fit into 100 octets, and the next set in a message of its own. */
static void messages_are_those_of_linux_flow_exporter(void **state)
{
	g_autofree char *hex =
		write_text(*state,
			   "templates:\n"
			   "- id: 1001\n"
			   "  template: [name: SourceIPv4Address, name: DestinationIPv4Address,\n"
			   "             name: ProtocolIdentifier, name: PacketDeltaCount]\n"
			   "- id: 1002\n"
			   "  template: [name: TcpControlBits]\n"
			   "flowsets:\n"
			   "- templateId: 1001\n"
			   "  flows:\n" FLOW FLOW FLOW FLOW FLOW "- templateId: 1002\n"
			   "  flows: [TcpControlBits: 18]\n",
			   100);

	assert_string_equal(hex, "000a00346553f1000000000000000000"
				 "0002001803e90004000800040"
				 "00c00040004000100020008"
				 "0002000c03ea000100060001\n"
				 "000a00586553f1000000000000000000"
				 "03e90048" FLOW_HEX FLOW_HEX FLOW_HEX FLOW_HEX "\n"
				 "000a00256553f1000000000400000000"
				 "03e90015" FLOW_HEX "\n"
				 "000a00156553f1000000000500000000"
				 "03ea000512\n");
}

static void values_are_as_the_template_says(void **state)
{
	g_autofree char *hex = write_text(
		*state,
		"observation-domain: 7\n"
		"templates:\n"
		"- id: 256\n"
		"  scope: 1\n"
		"  elements: [ingressInterface, interfaceName, octetDeltaCount: 3, interfaceName: "
		"2,\n"
		"             hostMacAddress, paddingOctets]\n"
		"sets:\n"
		"- template: 256\n"
		"  records:\n"
		"  - { ingressInterface: 3, interfaceName: [eth0, lo], octetDeltaCount: 0x010203,\n"
		"      hostMacAddress: 02:00:00:00:00:01, paddingOctets: 0x0909 }\n",
		1400);

	assert_string_equal(hex, "000a00366553f1000000000000000007"
				 "00030026010000060001"
				 "000a0004"
				 "0052ffff"
				 "00010003"
				 "00520002"
				 "8001000600007ed9"
				 "00d2ffff\n"
				 "000a002b6553f1000000000000000007"
				 "0100001b"
				 "00000003"
				 "0465746830"
				 "010203"
				 "6c6f"
				 "020000000001"
				 "020909\n");
}

static void long_values_have_long_lengths(void **state)
{
	g_autofree char *name = g_strnfill(300, 'n');
	g_autofree char *text =
		g_strdup_printf("templates: [{ id: 256, elements: [interfaceName] }]\n"
				"sets: [{ template: 256, records: [interfaceName: %s] }]\n",
				name);
	g_autofree char *hex = write_text(*state, text, 1400);

	assert_non_null(strstr(hex, "01000133"
				    "ff012c"
				    "6e6e"));
}

static void what_does_not_fit_is_an_error(void **state)
{
	g_autofree char *name = g_strnfill(100, 'n');
	g_autofree char *text =
		g_strdup_printf("templates: [{ id: 256, elements: [interfaceName] }]\n"
				"sets: [{ template: 256, records: [interfaceName: %s] }]\n",
				name);
	g_autoptr(RecordFile) file = read_text(*state, text);
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;

	assert_false(ipfix_write_messages(file, EXPORT_TIME_S, 100, messages, &error));
	assert_string_equal(error->message, "a record of template 256 does not fit into a message "
					    "of 100 octets, it needs 121");
	g_clear_error(&error);
	g_ptr_array_set_size(messages, 0);
	assert_true(ipfix_write_messages(file, EXPORT_TIME_S, 121, messages, &error));
}

static void templates_fill_several_messages(void **state)
{
	g_autoptr(GString) text = g_string_new("templates:\n");
	g_autofree char *hex = NULL;
	size_t lines = 0;

	for (unsigned int id = 256; id < 266; id++)
		g_string_append_printf(text, "- { id: %u, elements: [vlanId] }\n", id);
	hex = write_text(*state, text->str, 64);
	for (const char *at = hex; (at = strchr(at, '\n')); at++)
		lines++;
	/* Four of 12 octets in each. */
	assert_int_equal(lines, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_are_those_of_linux_flow_exporter),
		TEST(values_are_as_the_template_says),
		TEST(long_values_have_long_lengths),
		TEST(what_does_not_fit_is_an_error),
		TEST(templates_fill_several_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
