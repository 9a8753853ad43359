/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#include <string.h>

#include "test.h"

static bool matches(const char *text, const char *netns, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Pattern) pattern = pattern_new(text, &error);

	if (!pattern)
		fail_msg("%s: %s", text, error->message);
	assert_string_equal(pattern_text(pattern), text);
	return pattern_matches(pattern, netns, name);
}

static void a_name_means_itself(void **state)
{
	assert_true(matches("eth1", "", "eth1"));
	assert_false(matches("eth1", "", "eth10"));
	assert_true(matches("eth0.100", "", "eth0.100"));
	assert_false(matches("eth0.100", "", "eth0x100"));
}

static void a_glob_means_whole_names(void **state)
{
	assert_true(matches("eth*", "", "eth10"));
	assert_false(matches("eth?", "", "eth10"));
	assert_true(matches("eth[0-9]", "", "eth5"));
	assert_false(matches("eth*", "", "veth0"));
}

static void an_expression_means_whole_names(void **state)
{
	assert_true(matches("~eth1", "", "eth1"));
	assert_false(matches("~eth1", "", "eth10"));
	assert_false(matches("~th1", "", "eth1"));
	assert_true(matches("~eth(0|1\\d)", "", "eth12"));
	/* Both alternatives are anchored, at both ends. */
	assert_false(matches("~eth|wlan", "", "wlan0"));
	assert_true(matches("~(?:en|eth).*", "", "enp0s1"));
	assert_false(matches("~eth1$\\n?", "", "eth1\n2"));
}

static void loopback_is_meant_by_its_name_alone(void **state)
{
	assert_true(matches("lo", "", "lo"));
	assert_false(matches("*", "", "lo"));
	assert_false(matches("~.*", "", "lo"));
	assert_true(matches("*:lo", "ns0", "lo"));
	assert_false(matches("ns0:l?", "ns0", "lo"));
}

static void without_a_namespace_the_own_one_is_meant(void **state)
{
	assert_false(matches("*", "ns0", "eth0"));
	assert_false(matches("eth0", "ns0", "eth0"));
	assert_true(matches("ns0:eth0", "ns0", "eth0"));
	assert_false(matches("ns0:eth0", "", "eth0"));
	assert_false(matches("ns0:eth0", "ns01", "eth0"));
	assert_true(matches("ns.1:eth0", "ns.1", "eth0"));
	assert_false(matches("ns.1:eth0", "nsx1", "eth0"));
	assert_true(matches("ns0:~e.*", "ns0", "eth0"));
	assert_true(matches("ns*:eth?", "ns3", "eth0"));
}

static void a_glob_of_namespaces_never_means_the_own_one(void **state)
{
	assert_false(matches("*:eth0", "", "eth0"));
	assert_true(matches("*:eth0", "ns0", "eth0"));
}

static bool is_name(const char *text)
{
	g_autoptr(Pattern) pattern = pattern_new(text, NULL);

	return pattern_is_name(pattern);
}

static void only_one_interface_can_be_waited_for(void **state)
{
	assert_true(is_name("eth0"));
	assert_true(is_name("ns0:eth0"));
	assert_false(is_name("eth*"));
	assert_false(is_name("~eth0"));
	assert_false(is_name("ns*:eth0"));
}

static void what_can_fit_nothing_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "it has not 1 to 255 octets" },
		{ "a/b", "\"a/b\" is no name of an interface" },
		{ "a b", "\"a b\" is no name of an interface" },
		{ "ns0:", "\"\" is no name of an interface" },
		{ "ns0:a:b", "\"a:b\" is no name of an interface" },
		{ ":eth0", "\"\" is no name of a network namespace" },
		{ "a/b:eth0", "\"a/b\" is no name of a network namespace" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		assert_null(pattern_new(cases[i].text, &error));
		assert_string_equal(error->message, cases[i].reason);
	}
}

static void an_expression_that_does_not_compile_is_refused_with_the_place(void **state)
{
	/* The second one is whole only with the parentheses that are put around it. */
	static const char *const broken[] = { "~eth[", "~a)|(b", "ns0:~*", "~(?<n" };

	for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
		g_autoptr(GError) error = NULL;

		assert_null(pattern_new(broken[i], &error));
		assert_non_null(strstr(error->message, " at char "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_means_itself),
		cmocka_unit_test(a_glob_means_whole_names),
		cmocka_unit_test(an_expression_means_whole_names),
		cmocka_unit_test(loopback_is_meant_by_its_name_alone),
		cmocka_unit_test(without_a_namespace_the_own_one_is_meant),
		cmocka_unit_test(a_glob_of_namespaces_never_means_the_own_one),
		cmocka_unit_test(only_one_interface_can_be_waited_for),
		cmocka_unit_test(what_can_fit_nothing_is_refused_with_a_reason),
		cmocka_unit_test(an_expression_that_does_not_compile_is_refused_with_the_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
