/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver.h"

#include "../../tests/unit/stream.h"
#include "socket.h"
#include "test.h"

typedef struct {
	unsigned int answers;
	guint addresses;
	char first[SOCKET_ADDRESS_TEXT_MAX];
	char *error;
} Answer;

static void on_done(const GArray *addresses, const GError *error, void *user_data)
{
	Answer *answer = user_data;

	answer->answers++;
	assert_true(!addresses != !error);
	if (error) {
		answer->error = g_strdup(error->message);
		return;
	}
	answer->addresses = addresses->len;
	(void)socket_address_format(&g_array_index(addresses, SocketAddress, 0), answer->first);
}

static void name_has_addresses_of_the_family_that_is_asked_for(void **state)
{
	Answer answer = { 0 };

	(void)resolver_ask("localhost", 4739, AF_INET, on_done, &answer);
	assert_int_equal(answer.answers, 0);
	run_until(answer.answers);
	assert_int_equal(answer.addresses, 1);
	assert_string_equal(answer.first, "127.0.0.1:4739");
}

static void name_that_nobody_has_is_an_error(void **state)
{
	Answer answer = { 0 };

	(void)resolver_ask("nobody.invalid", 4739, AF_UNSPEC, on_done, &answer);
	run_until(answer.answers);
	assert_true(g_str_has_prefix(answer.error, "nobody.invalid: "));
	g_free(answer.error);
}

static void what_is_cancelled_is_not_answered(void **state)
{
	Answer cancelled = { 0 }, answer = { 0 };

	resolver_cancel(resolver_ask("localhost", 1, AF_INET, on_done, &cancelled));
	resolver_cancel(NULL);
	(void)resolver_ask("localhost", 2, AF_INET, on_done, &answer);
	run_until(answer.answers);
	/* Whichever thread was first. */
	g_usleep(50000);
	while (g_main_context_iteration(NULL, FALSE))
		;
	assert_int_equal(cancelled.answers, 0);
}

static void many_questions_are_answered_each(void **state)
{
	enum { QUESTIONS = 100 };
	Answer answers[QUESTIONS] = { 0 };

	for (uint16_t i = 0; i < QUESTIONS; i++)
		(void)resolver_ask("localhost", (uint16_t)(i + 1), AF_INET, on_done, &answers[i]);
	for (int i = 0; i < QUESTIONS; i++) {
		g_autofree char *expected = g_strdup_printf("127.0.0.1:%d", i + 1);

		run_until(answers[i].answers);
		assert_string_equal(answers[i].first, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_has_addresses_of_the_family_that_is_asked_for),
		cmocka_unit_test(name_that_nobody_has_is_an_error),
		cmocka_unit_test(what_is_cancelled_is_not_answered),
		cmocka_unit_test(many_questions_are_answered_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
