/* SPDX-License-Identifier: Apache-2.0 */
#include "filterwords.h"

#include <string.h>

#include "test.h"

static void assert_joins(const char *const *words, const char *expected)
{
	g_autofree char *text = filter_words_join((char **)words, NULL);

	assert_string_equal(text, expected);
}

static void assert_fails(const char *const *words, const char *expected)
{
	g_autoptr(GError) error = NULL;

	assert_null(filter_words_join((char **)words, &error));
	assert_string_equal(error->message, expected);
}

static void words_are_one_filter(void **state)
{
	(void)state;
	assert_joins((const char *[]){ "tcp", "and", "port 80", NULL }, "tcp and port 80");
}

/* Otherwise a filter could be two requests. */
static void filter_is_one_line(void **state)
{
	(void)state;
	assert_joins((const char *[]){ "tcp\nor\r\nudp", NULL }, "tcp or  udp");
}

static void any_interface_may_exist(void **state)
{
	(void)state;
	assert_joins((const char *[]){ "in", "eth7", NULL }, "in eth7");
}

static void what_is_wrong_is_said_with_its_column(void **state)
{
	(void)state;
	assert_fails((const char *[]){ "tcp", "and", "port", "http3", NULL },
		     "filter: at 14: \"http3\" is no value of port: expected an integer from 0 to "
		     "65535, or a name such as https");
}

static void long_filter_is_refused(void **state)
{
	g_autofree char *text = g_strnfill(1 << 20, 'x');

	(void)state;
	assert_fails((const char *[]){ text, NULL },
		     "filter: the filter is longer than 4096 octets");
}

static void control_characters_are_shown_as_numbers(void **state)
{
	g_autoptr(GError) error = NULL;

	(void)state;
	assert_null(filter_words_join((char *[]){ (char *)"port \x1b]0;x\x07", NULL }, &error));
	assert_true(g_str_is_ascii(error->message));
	assert_null(strchr(error->message, '\x1b'));
	assert_non_null(strstr(error->message, "\"\\x1b\""));
}

static void of_packets_no_time_can_be_asked(void **state)
{
	g_autoptr(GError) error = NULL;

	(void)state;
	assert_true(filter_words_check_of_packets("in eth7 and min-ttl 3 and packets > 1", NULL));
	assert_false(filter_words_check_of_packets("tcp and duration > 5s", &error));
	assert_string_equal(error->message, "filter: at 9: a packet has no duration");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_one_filter),
		cmocka_unit_test(filter_is_one_line),
		cmocka_unit_test(any_interface_may_exist),
		cmocka_unit_test(what_is_wrong_is_said_with_its_column),
		cmocka_unit_test(long_filter_is_refused),
		cmocka_unit_test(control_characters_are_shown_as_numbers),
		cmocka_unit_test(of_packets_no_time_can_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
