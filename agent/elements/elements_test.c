/* SPDX-License-Identifier: Apache-2.0 */
#include "elements.h"

#include <string.h>

#include "test.h"

#define ENTERPRISE 28972

static int setup(void **state)
{
	*state = elements_new(ENTERPRISE);
	return 0;
}

static int teardown(void **state)
{
	elements_free(*state);
	return 0;
}

static void assert_element(const Elements *elements, const char *text, const char *name,
			   uint32_t enterprise, uint16_t number, uint16_t len, ElementType type)
{
	Element element;

	if (!elements_find(elements, text, &element))
		fail_msg("%s is not found", text);
	if (name)
		assert_string_equal(element.name, name);
	else
		assert_null(element.name);
	assert_int_equal(element.enterprise, enterprise);
	assert_int_equal(element.number, number);
	assert_int_equal(element.len, len);
	assert_int_equal(element.type, type);
}

/* With the numbers and lengths it gives them. */
static const struct {
	const char *name;
	uint16_t number;
	uint16_t len;
} lfe_elements[] = {
	{ "OctetDeltaCount", 1, 8 },
	{ "PacketDeltaCount", 2, 8 },
	{ "ProtocolIdentifier", 4, 1 },
	{ "IpClassOfService", 5, 1 },
	{ "TcpControlBits", 6, 1 },
	{ "SourceTransportPort", 7, 2 },
	{ "SourceIPv4Address", 8, 4 },
	{ "SourceIPv4PrefixLength", 9, 1 },
	{ "IngressInterface", 10, 4 },
	{ "DestinationTransportPort", 11, 2 },
	{ "DestinationIPv4Address", 12, 4 },
	{ "DestinationIPv4PrefixLength", 13, 1 },
	{ "EgressInterface", 14, 4 },
	{ "IpNextHopIPv4Address", 15, 4 },
	{ "BgpSourceAsNumber", 16, 4 },
	{ "BgpDestinationAsNumber", 17, 4 },
	{ "BgpNextHopIPv4Address", 18, 4 },
	{ "IcmpTypeCodeIPv4", 32, 2 },
	{ "MinimumTTL", 52, 1 },
	{ "MaximumTTL", 53, 1 },
	{ "FragmentIdentification", 54, 4 },
	{ "VlanId", 58, 2 },
	{ "IpVersion", 60, 1 },
	{ "FlowDirection", 61, 1 },
	{ "forwardingStatus", 89, 1 },
	{ "FlowEndReason", 136, 1 },
	{ "FlowStartMilliseconds", 152, 8 },
	{ "FlowEndMilliseconds", 153, 8 },
	{ "FlowStartNanoseconds", 156, 8 },
	{ "FlowEndNanoseconds", 157, 8 },
	{ "Dot1qVlanId", 243, 2 },
	{ "Dot1qCustomerVlanId", 245, 2 },
};

static void elements_of_linux_flow_exporter_are_known(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(lfe_elements); i++) {
		Element element;

		if (!elements_find(*state, lfe_elements[i].name, &element))
			fail_msg("%s is not found", lfe_elements[i].name);
		assert_int_equal(element.enterprise, 0);
		assert_int_equal(element.number, lfe_elements[i].number);
		assert_int_equal(element_lfe_len(&element), lfe_elements[i].len);
	}
}

static void case_does_not_matter(void **state)
{
	assert_element(*state, "octetdeltacount", "octetDeltaCount", 0, 1, 8, ELEMENT_UNSIGNED64);
	assert_element(*state, "OCTETDELTACOUNT", "octetDeltaCount", 0, 1, 8, ELEMENT_UNSIGNED64);
	assert_element(*state, "tcpControlBits", "tcpControlBits", 0, 6, 2, ELEMENT_UNSIGNED16);
}

static void numbers_name_elements(void **state)
{
	assert_element(*state, "27", "sourceIPv6Address", 0, 27, 16, ELEMENT_IPV6_ADDRESS);
	assert_element(*state, "0:56", "sourceMacAddress", 0, 56, 6, ELEMENT_MAC_ADDRESS);
	assert_element(*state, "82", "interfaceName", 0, 82, ELEMENT_VARIABLE, ELEMENT_STRING);
	assert_element(*state, "29305:1", "reverseOctetDeltaCount", ELEMENT_REVERSE_PEN, 1, 8,
		       ELEMENT_UNSIGNED64);
	assert_element(*state, "9:12240", NULL, 9, 12240, ELEMENT_VARIABLE, ELEMENT_OCTET_ARRAY);
	assert_element(*state, "32767", NULL, 0, 32767, ELEMENT_VARIABLE, ELEMENT_OCTET_ARRAY);
}

static void our_elements_are_under_the_number_of_the_configuration(void **state)
{
	assert_element(*state, "hostmacaddress", "hostMacAddress", ENTERPRISE, 1, 6,
		       ELEMENT_MAC_ADDRESS);
	assert_element(*state, "28972:4", "flowMark", ENTERPRISE, 4, 4, ELEMENT_UNSIGNED32);
	assert_element(*state, "32473:1", NULL, 32473, 1, ELEMENT_VARIABLE, ELEMENT_OCTET_ARRAY);
}

static void what_is_no_element_is_not_found(void **state)
{
	static const char *const texts[] = {
		"",   "octets", "octetDeltaCount ", "0",     "32768", "-1", ":",
		"9:", ":1",	"4294967296:1",	    "1:2:3", "0x1",
	};
	Element element;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (elements_find(*state, texts[i], &element))
			fail_msg("%s is found", texts[i]);
	}
}

static void announced_elements_are_learned(void **state)
{
	assert_true(elements_learn(*state, 9, 12240, ELEMENT_UNSIGNED16, "nbar"));
	assert_element(*state, "9:12240", "nbar", 9, 12240, 2, ELEMENT_UNSIGNED16);
	/* Whoever says it last. */
	assert_true(elements_learn(*state, 9, 12240, ELEMENT_STRING, "app"));
	assert_element(*state, "9:12240", "app", 9, 12240, ELEMENT_VARIABLE, ELEMENT_STRING);
}

static void changes_are_counted(void **state)
{
	assert_true(elements_learn(*state, 9, 1, ELEMENT_STRING, "app"));
	assert_int_equal(elements_changes(*state), 1);
	assert_true(elements_learn(*state, 9, 1, ELEMENT_STRING, "app"));
	assert_int_equal(elements_changes(*state), 1);
	assert_true(elements_learn(*state, 9, 1, ELEMENT_UNSIGNED8, "app"));
	assert_int_equal(elements_changes(*state), 2);
}

static void what_cannot_be_is_not_learned(void **state)
{
	char name[257] = "";

	assert_false(elements_learn(*state, 0, 1, ELEMENT_STRING, "mine"));
	assert_false(elements_learn(*state, 9, 0, ELEMENT_STRING, "none"));
	assert_false(elements_learn(*state, 9, 40000, ELEMENT_STRING, "many"));
	assert_false(elements_learn(*state, 9, 1, ELEMENT_TYPES, "what"));
	assert_false(elements_learn(*state, 9, 1, ELEMENT_STRING, ""));
	memset(name, 'n', sizeof(name) - 1);
	assert_false(elements_learn(*state, 9, 1, ELEMENT_STRING, name));
	assert_element(*state, "1", "octetDeltaCount", 0, 1, 8, ELEMENT_UNSIGNED64);
}

static void learning_has_an_end(void **state)
{
	unsigned int learned = 0;

	for (uint16_t i = 1; i < 10000; i++)
		learned += elements_learn(*state, 9, i, ELEMENT_STRING, "x");
	assert_int_equal(learned, 4096);
}

static void fields_may_be_shorter_where_numbers_are(void **state)
{
	static const struct {
		const char *name;
		uint16_t len;
		bool taken;
	} cases[] = {
		{ "octetDeltaCount", 8, true },	     { "octetDeltaCount", 4, true },
		{ "octetDeltaCount", 1, true },	     { "octetDeltaCount", 0, false },
		{ "octetDeltaCount", 9, false },     { "octetDeltaCount", ELEMENT_VARIABLE, false },
		{ "sourceMacAddress", 6, true },     { "sourceMacAddress", 4, false },
		{ "sourceIPv4Address", 3, false },   { "flowStartMilliseconds", 4, false },
		{ "interfaceName", 16, true },	     { "interfaceName", ELEMENT_VARIABLE, true },
		{ "samplingProbability", 4, true },  { "samplingProbability", 8, true },
		{ "samplingProbability", 2, false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		Element element;

		assert_true(elements_find(*state, cases[i].name, &element));
		if (element_takes_len(&element, cases[i].len) != cases[i].taken)
			fail_msg("%s of %u", cases[i].name, cases[i].len);
	}
}

static void types_have_names(void **state)
{
	assert_string_equal(element_type_name(ELEMENT_OCTET_ARRAY), "octetArray");
	assert_string_equal(element_type_name(ELEMENT_SUB_TEMPLATE_MULTI_LIST),
			    "subTemplateMultiList");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(elements_of_linux_flow_exporter_are_known, setup,
						teardown),
		cmocka_unit_test_setup_teardown(case_does_not_matter, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_name_elements, setup, teardown),
		cmocka_unit_test_setup_teardown(
			our_elements_are_under_the_number_of_the_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_element_is_not_found, setup, teardown),
		cmocka_unit_test_setup_teardown(announced_elements_are_learned, setup, teardown),
		cmocka_unit_test_setup_teardown(changes_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_is_not_learned, setup, teardown),
		cmocka_unit_test_setup_teardown(learning_has_an_end, setup, teardown),
		cmocka_unit_test_setup_teardown(fields_may_be_shorter_where_numbers_are, setup,
						teardown),
		cmocka_unit_test_setup_teardown(types_have_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
