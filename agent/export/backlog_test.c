/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"

#include "test.h"

static void push(Backlog *backlog, uint32_t number, size_t len)
{
	g_autofree IpfixMessage *message = g_malloc0(sizeof(*message) + len);

	message->contents.len = len;
	message->first = number;
	assert_true(backlog_has_room(backlog, len));
	backlog_push(backlog, message);
}

static void assert_oldest(Backlog *backlog, uint32_t number)
{
	g_autofree IpfixMessage *message = backlog_pop(backlog);

	assert_non_null(message);
	assert_int_equal(message->first, number);
}

static void first_in_is_first_out(void **state)
{
	g_autoptr(Backlog) backlog = backlog_new(1000);

	assert_null(backlog_pop(backlog));
	for (uint32_t i = 0; i < 10; i++)
		push(backlog, i, 100);
	assert_int_equal(backlog_messages(backlog), 10);
	for (uint32_t i = 0; i < 10; i++)
		assert_oldest(backlog, i);
	assert_null(backlog_pop(backlog));
	assert_int_equal(backlog_octets(backlog), 0);
}

static void room_is_that_of_the_octets(void **state)
{
	g_autoptr(Backlog) backlog = backlog_new(1000);

	assert_false(backlog_has_room(backlog, 1001));
	push(backlog, 0, 600);
	assert_true(backlog_has_room(backlog, 400));
	assert_false(backlog_has_room(backlog, 401));
	assert_oldest(backlog, 0);
	assert_true(backlog_has_room(backlog, 1000));
}

static void what_is_put_back_is_the_oldest_again(void **state)
{
	g_autoptr(Backlog) backlog = backlog_new(200);
	IpfixMessage *message;

	push(backlog, 0, 100);
	push(backlog, 1, 100);
	message = backlog_pop(backlog);
	push(backlog, 2, 100);
	backlog_unpop(backlog, message);
	assert_int_equal(backlog_octets(backlog), 300);
	assert_false(backlog_has_room(backlog, 0));
	for (uint32_t i = 0; i < 3; i++)
		assert_oldest(backlog, i);
}

static void smaller_bound_drops_nothing(void **state)
{
	g_autoptr(Backlog) backlog = backlog_new(1000);

	push(backlog, 0, 500);
	backlog_set_max(backlog, 100);
	assert_false(backlog_has_room(backlog, 1));
	assert_int_equal(backlog_messages(backlog), 1);
	assert_int_equal(backlog_max(backlog), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_in_is_first_out),
		cmocka_unit_test(room_is_that_of_the_octets),
		cmocka_unit_test(what_is_put_back_is_the_oldest_again),
		cmocka_unit_test(smaller_bound_drops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
