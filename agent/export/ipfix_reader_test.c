/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfix_reader.h"

#include <string.h>

#include "elements/elementvalue.h"
#include "test.h"

/* What was told, a word for each thing. */
typedef struct {
	Elements *elements;
	IpfixReader *reader;
	GString *told;
	unsigned int wanted; /* records */
} Reading;

static void on_begin(const IpfixHead *head, void *user_data)
{
	Reading *reading = user_data;

	g_string_append_printf(reading->told, "message %u of %u;", (unsigned int)head->number,
			       head->domain);
}

static void on_template(const IpfixTemplate *template, void *user_data)
{
	Reading *reading = user_data;

	g_string_append_printf(reading->told, " %s %u of %u",
			       template->is_options ? "options" : "template", template->id,
			       template->n);
	if (template->is_options)
		g_string_append_printf(reading->told, " by %u", template->scope_n);
	g_string_append_c(reading->told, ';');
}

static void on_withdrawal(uint16_t id, void *user_data)
{
	Reading *reading = user_data;

	g_string_append_printf(reading->told, " withdrawn %u;", id);
}

static bool on_record(const IpfixTemplate *template, const IpfixValue *values, void *user_data)
{
	Reading *reading = user_data;

	g_string_append_printf(reading->told, " %u:", template->id);
	for (uint16_t i = 0; i < template->n; i++) {
		Element element = elements_at(reading->elements, template->fields[i].enterprise,
					      template->fields[i].number);

		g_string_append_printf(reading->told, " %s=", element.name ? element.name : "?");
		element_value_append_text(reading->told, element.type, values[i].octets,
					  values[i].len);
	}
	g_string_append_c(reading->told, ';');
	return --reading->wanted;
}

static void on_unknown(uint16_t set_id, size_t len, void *user_data)
{
	Reading *reading = user_data;

	g_string_append_printf(reading->told, " unknown %u of %zu;", set_id, len);
}

static void on_end(void *user_data)
{
	Reading *reading = user_data;

	g_string_append_c(reading->told, '\n');
}

static const IpfixHandler handler = { on_begin,	 on_template, on_withdrawal,
				      on_record, on_unknown,  on_end };

static int setup(void **state)
{
	Reading *reading = g_new0(Reading, 1);

	reading->elements = elements_new(32473);
	reading->reader = ipfix_reader_new(&handler, reading, reading->elements);
	reading->told = g_string_new(NULL);
	reading->wanted = UINT32_MAX;
	*state = reading;
	return 0;
}

static int teardown(void **state)
{
	Reading *reading = *state;

	ipfix_reader_free(reading->reader);
	elements_free(reading->elements);
	g_string_free(reading->told, TRUE);
	g_free(reading);
	return 0;
}

/* A message of @domain, whose sets are given in hexadecimal; blanks are passed over. */
static GByteArray *message_of(uint32_t domain, uint32_t sequence, const char *sets)
{
	GByteArray *message = g_byte_array_new();
	uint8_t header[16] = { 0, 10, 0, 0, 0x65, 0x53, 0xf1, 0 };
	uint32_t numbers[] = { GUINT32_TO_BE(sequence), GUINT32_TO_BE(domain) };

	memcpy(header + 8, numbers, sizeof(numbers));
	g_byte_array_append(message, header, sizeof(header));
	for (; *sets; sets++) {
		uint8_t octet;

		if (*sets == ' ')
			continue;
		octet = (uint8_t)(g_ascii_xdigit_value(sets[0]) << 4 |
				  g_ascii_xdigit_value(sets[1]));
		g_byte_array_append(message, &octet, 1);
		sets++;
	}
	message->data[2] = (uint8_t)(message->len >> 8);
	message->data[3] = (uint8_t)message->len;
	return message;
}

static bool take(Reading *reading, uint32_t domain, uint32_t sequence, const char *sets,
		 GError **error)
{
	g_autoptr(GByteArray) message = message_of(domain, sequence, sets);

	return ipfix_reader_take(reading->reader, message->data, message->len, error);
}

static void assert_takes(Reading *reading, uint32_t domain, uint32_t sequence, const char *sets)
{
	g_autoptr(GError) error = NULL;

	if (!take(reading, domain, sequence, sets, &error))
		fail_msg("%s", error->message);
}

/* The octets and packets of a protocol. */
#define TEMPLATE "0002 0014 0100 0003 0001 0004 0002 0004 0004 0001"
#define RECORD "0100 000d 00000029 00000001 06"

static void records_follow_their_template(void **state)
{
	Reading *reading = *state;

	assert_takes(reading, 7, 0, TEMPLATE RECORD);
	assert_string_equal(reading->told->str,
			    "message 1 of 7; template 256 of 3; 256: octetDeltaCount=41 "
			    "packetDeltaCount=1 protocolIdentifier=6;\n");
}

static void strings_have_any_length(void **state)
{
	Reading *reading = *state;

	/* In the long form, and in the short one without an octet. */
	assert_takes(reading, 7, 0,
		     "0002 000c 0101 0001 0052 ffff"
		     "0101 000c 00 ff0003 6162 63 00");
	assert_string_equal(reading->told->str,
			    "message 1 of 7; template 257 of 1; 257: interfaceName=; 257: "
			    "interfaceName=abc; 257: interfaceName=;\n");
}

static void options_have_a_scope(void **state)
{
	Reading *reading = *state;
	IpfixDomainCounts counts;

	assert_takes(reading, 7, 0,
		     "0003 0012 010f 0002 0001 000a 0004 0052 0004"
		     "010f 000c 00000003 6c6f0000");
	assert_string_equal(reading->told->str,
			    "message 1 of 7; options 271 of 2 by 1; 271: ingressInterface=3 "
			    "interfaceName=lo;\n");
	assert_true(ipfix_reader_domain(reading->reader, 0, &counts));
	assert_int_equal(counts.options, 1);
	assert_int_equal(counts.records, 0);
}

static void elements_of_an_enterprise_are_learned(void **state)
{
	Reading *reading = *state;

	assert_takes(reading, 7, 0,
		     "0002 0010 0100 0001 8001 0004 00000009"
		     "0100 0008 00000005");
	assert_takes(reading, 0, 0,
		     "0003 001a 0112 0004 0002 015a 0004 012f 0002 0153 0001 0155 ffff"
		     "0112 000f 00000009 8001 03 03 616765");
	assert_takes(reading, 7, 1, "0100 0008 00000005");
	assert_string_equal(reading->told->str,
			    "message 1 of 7; template 256 of 1; 256: ?=0x00000005;\n"
			    "message 2 of 0; options 274 of 4 by 2; 274: privateEnterpriseNumber=9 "
			    "informationElementId=32769 informationElementDataType=3 "
			    "informationElementName=age;\n"
			    "message 3 of 7; 256: age=5;\n");
}

static void templates_are_withdrawn(void **state)
{
	Reading *reading = *state;

	assert_takes(reading, 7, 0, TEMPLATE "0002 0008 0100 0000" RECORD);
	assert_takes(reading, 7, 0, TEMPLATE "0002 0008 0002 0000" RECORD);
	assert_string_equal(reading->told->str,
			    "message 1 of 7; template 256 of 3; withdrawn 256; unknown 256 of 9;\n"
			    "message 2 of 7; template 256 of 3; withdrawn 2; unknown 256 of 9;\n");
}

static void domains_have_their_own_templates(void **state)
{
	Reading *reading = *state;
	uint16_t ids[IPFIX_READER_IDS_MAX];

	assert_takes(reading, 7, 0, TEMPLATE);
	assert_takes(reading, 8, 0, RECORD RECORD);
	assert_string_equal(reading->told->str,
			    "message 1 of 7; template 256 of 3;\n"
			    "message 2 of 8; unknown 256 of 9; unknown 256 of 9;\n");
	assert_int_equal(ipfix_reader_unknown_ids(reading->reader, 0, ids), 0);
	assert_int_equal(ipfix_reader_unknown_ids(reading->reader, 1, ids), 1);
	assert_int_equal(ids[0], 256);
}

static void templates_change(void **state)
{
	Reading *reading = *state;
	IpfixDomainCounts counts;

	assert_takes(reading, 7, 0, TEMPLATE TEMPLATE);
	assert_takes(reading, 7, 0, "0002 000c 0100 0001 0002 0004 0100 0008 00000009");
	assert_true(ipfix_reader_domain(reading->reader, 0, &counts));
	assert_int_equal(counts.templates, 2);
	assert_non_null(strstr(reading->told->str, "256: packetDeltaCount=9;"));
}

static void padding_is_passed_over(void **state)
{
	Reading *reading = *state;

	assert_takes(reading, 7, 0, "0002 0018 0100 0003 0001 0004 0002 0004 0004 0001 00000000");
	assert_takes(reading, 7, 0, "0100 0010 00000029 00000001 06 000000");
	assert_string_equal(reading->told->str,
			    "message 1 of 7; template 256 of 3;\n"
			    "message 2 of 7; 256: octetDeltaCount=41 packetDeltaCount=1 "
			    "protocolIdentifier=6;\n");
}

static IpfixDomainCounts counts_of(Reading *reading)
{
	IpfixDomainCounts counts;

	assert_true(ipfix_reader_domain(reading->reader, 0, &counts));
	return counts;
}

static void gaps_are_counted(void **state)
{
	Reading *reading = *state;

	assert_takes(reading, 7, 100, TEMPLATE RECORD RECORD);
	assert_takes(reading, 7, 102, RECORD);
	assert_int_equal(counts_of(reading).gaps, 0);
	assert_takes(reading, 7, 113, RECORD);
	assert_takes(reading, 7, 124, RECORD);
	assert_int_equal(counts_of(reading).gaps, 2);
	assert_int_equal(counts_of(reading).missing, 20);
	assert_int_equal(counts_of(reading).records, 5);
}

static void who_comes_late_is_not_missing(void **state)
{
	Reading *reading = *state;

	assert_takes(reading, 7, 100, TEMPLATE RECORD);
	assert_takes(reading, 7, 102, RECORD);
	assert_takes(reading, 7, 101, RECORD);
	assert_takes(reading, 7, 103, RECORD);
	assert_int_equal(counts_of(reading).missing, 0);
	assert_int_equal(counts_of(reading).restarts, 0);
}

static void sequences_begin_anew(void **state)
{
	Reading *reading = *state;

	assert_takes(reading, 7, UINT32_MAX, TEMPLATE RECORD RECORD);
	assert_takes(reading, 7, 1, RECORD);
	assert_int_equal(counts_of(reading).restarts, 0);
	assert_takes(reading, 7, 0, RECORD);
	assert_takes(reading, 7, 1, RECORD);
	assert_int_equal(counts_of(reading).restarts, 1);
	assert_int_equal(counts_of(reading).missing, 0);
}

/* How many records are in a set that cannot be read is not known. */
static void behind_an_unknown_set_no_gap_is_counted(void **state)
{
	Reading *reading = *state;

	assert_takes(reading, 7, 0, RECORD);
	assert_takes(reading, 7, 1, TEMPLATE RECORD);
	assert_takes(reading, 7, 2, RECORD);
	assert_int_equal(counts_of(reading).gaps, 0);
	assert_int_equal(counts_of(reading).unknown_sets, 1);
}

static void streams_come_in_any_parts(void **state)
{
	Reading *reading = *state;
	g_autoptr(GByteArray) message = message_of(7, 0, TEMPLATE RECORD);

	for (guint n = 0; n < 2; n++) {
		for (guint i = 0; i < message->len; i++)
			assert_true(ipfix_reader_take(reading->reader, message->data + i, 1, NULL));
		assert_true(ipfix_reader_end(reading->reader, NULL));
	}
	assert_int_equal(counts_of(reading).messages, 2);
	assert_int_equal(counts_of(reading).records, 2);
}

static void enough_is_enough(void **state)
{
	Reading *reading = *state;

	reading->wanted = 1;
	assert_takes(reading, 7, 0, TEMPLATE RECORD RECORD);
	assert_int_equal(counts_of(reading).records, 1);
}

/* Each is one message that is broken; the error begins with where. */
static const struct {
	const char *sets;
	const char *why;
} faults[] = {
	{ "0100 00", "the set at its octet 16 has no whole header" },
	{ "0100 0003", "the set at its octet 16 says that it has 3 octets of 4" },
	{ "0100 0009 00000000", "the set at its octet 16 says that it has 9 octets of 8" },
	{ "0002 0008 00ff 0001", "a template cannot have the id 255" },
	{ "0002 000c 0100 0002 0001 0004", "template 256 has 2 fields and ends after 1 of them" },
	{ "0002 000c 0100 0001 8001 0004", "template 256 has 1 fields and ends after 0 of them" },
	{ "0002 000c 0100 0001 0001 0000", "template 256 has fields of no octets" },
	{ "0003 000e 0100 0001 0002 0001 0004",
	  "options template 256 has a scope of 2 out of 1 fields" },
	{ "0002 000c 0101 0001 0052 ffff 0101 0006 05 61",
	  "record 1 of a set of template 257 ends beyond it" },
	{ "0002 000c 0101 0001 0052 ffff 0101 0006 ff 00",
	  "record 1 of a set of template 257 ends beyond it" },
};

static void broken_messages_say_where_and_why(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autofree char *expected =
			g_strdup_printf("message 2 at octet 36: %s", faults[i].why);
		g_autoptr(GError) error = NULL;
		void *own;

		assert_int_equal(setup(&own), 0);
		assert_takes(own, 7, 0, TEMPLATE);
		assert_false(take(own, 7, 0, faults[i].sets, &error));
		assert_string_equal(error->message, expected);
		teardown(&own);
	}
}

static void assert_refused(const void *octets, size_t len, const char *why)
{
	g_autoptr(GError) error = NULL;
	void *own;

	assert_int_equal(setup(&own), 0);
	if (ipfix_reader_take(((Reading *)own)->reader, octets, len, &error))
		assert_false(ipfix_reader_end(((Reading *)own)->reader, &error));
	assert_string_equal(error->message, why);
	teardown(&own);
}

static void what_is_no_ipfix_is_called_by_its_name(void **state)
{
	assert_refused("\0\x09\0\x01", 4,
		       "message 1 at octet 0: this is NetFlow version 9, not IPFIX");
	assert_refused("\xd4\xc3\xb2\xa1", 4,
		       "message 1 at octet 0: this is a capture of packets (pcap), not IPFIX");
	assert_refused("hello", 5, "message 1 at octet 0: version 26725 is not IPFIX, which is 10");
	assert_refused("\0\x0a\0\x0f", 4, "message 1 at octet 0: a message cannot be of 15 octets");
	assert_refused("\0\x0a\0\x10\0", 5, "message 1 at octet 0: it ends after 5 of 16 octets");
	assert_refused("\0", 1, "message 1 at octet 0: it ends after 1 octets of its header");
}

static void datagrams_are_whole_messages(void **state)
{
	Reading *reading = *state;
	g_autoptr(GByteArray) message = message_of(7, 0, TEMPLATE);
	g_autoptr(GError) error = NULL;

	assert_false(ipfix_reader_take_message(reading->reader, message->data, message->len - 1,
					       &error));
	assert_string_equal(
		error->message,
		"message 1 at octet 0: it says that it has 36 octets and comes with 35");
	assert_true(ipfix_reader_take_message(reading->reader, message->data, message->len, NULL));
	assert_string_equal(reading->told->str, "message 2 of 7; template 256 of 3;\n");
}

static void domains_are_bounded(void **state)
{
	Reading *reading = *state;
	g_autoptr(GError) error = NULL;
	uint32_t id = 0;

	while (take(reading, id, 0, "", &error))
		id++;
	assert_int_equal(id, 4096);
	assert_non_null(strstr(error->message, "more than 4096 observation domains"));
}

/* What a fuzzer does, a little: whatever one octet becomes, nothing is read that is not there. */
static void no_octet_can_do_harm(void **state)
{
	Reading *reading = *state;
	g_autoptr(GByteArray) message = message_of(
		7, 0,
		TEMPLATE RECORD "0003 001a 0112 0004 0002 015a 0004 012f 0002 0153 0001 0155 ffff"
				"0112 000f 00000009 8001 03 03 616765");

	for (guint i = 0; i < message->len; i++) {
		for (unsigned int value = 0; value < 256; value++) {
			/* Of exactly that length, so that a sanitizer sees what is read behind it. */
			g_autofree uint8_t *octets = g_memdup2(message->data, message->len);
			g_autoptr(IpfixReader) reader =
				ipfix_reader_new(&handler, reading, reading->elements);

			octets[i] = (uint8_t)value;
			(void)ipfix_reader_take_message(reader, octets, message->len, NULL);
			g_string_truncate(reading->told, 0);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_follow_their_template),
		TEST(strings_have_any_length),
		TEST(options_have_a_scope),
		TEST(elements_of_an_enterprise_are_learned),
		TEST(templates_are_withdrawn),
		TEST(domains_have_their_own_templates),
		TEST(templates_change),
		TEST(padding_is_passed_over),
		TEST(gaps_are_counted),
		TEST(who_comes_late_is_not_missing),
		TEST(sequences_begin_anew),
		TEST(behind_an_unknown_set_no_gap_is_counted),
		TEST(streams_come_in_any_parts),
		TEST(enough_is_enough),
		TEST(broken_messages_say_where_and_why),
		TEST(what_is_no_ipfix_is_called_by_its_name),
		TEST(datagrams_are_whole_messages),
		TEST(domains_are_bounded),
		TEST(no_octet_can_do_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
