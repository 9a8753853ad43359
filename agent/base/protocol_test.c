/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol.h"

#include <netdb.h>
#include <string.h>

#include "test.h"

/* The system's own file says the same; it may have more, or lack some. */
static void names_are_those_of_the_system(void **state)
{
	unsigned int agree = 0;

	for (int i = 0; i <= UINT8_MAX; i++) {
		const struct protoent *entry = getprotobynumber(i);
		g_autofree char *number = g_strdup_printf("%d", i);
		char text[PROTOCOL_TEXT_MAX];

		protocol_format((uint8_t)i, text);
		if (!strcmp(text, number))
			continue;
		if (entry) {
			assert_string_equal(text, entry->p_name);
			agree++;
		}
	}
	if (!getprotobyname("tcp"))
		skip();
	assert_true(agree > 20);
}

static void others_are_numbers(void **state)
{
	char text[PROTOCOL_TEXT_MAX];

	assert_string_equal(protocol_format(0, text), "0");
	assert_string_equal(protocol_format(255, text), "255");
	assert_string_equal(protocol_format(6, text), "tcp");
	assert_string_equal(protocol_format(58, text), "ipv6-icmp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_the_system),
		cmocka_unit_test(others_are_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
