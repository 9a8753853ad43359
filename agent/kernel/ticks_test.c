/* SPDX-License-Identifier: Apache-2.0 */
#include "ticks.h"

#include "test.h"

#define TICK_NS 4000000u

static void tick_of_now_is_now(void **state)
{
	const Ticks now = { .monotonic_ns = 123456789, .ticks = 7, .tick_ns = TICK_NS };

	assert_int_equal(ticks_to_ns(&now, 7), 123456789);
}

static void older_tick_is_as_much_earlier(void **state)
{
	const Ticks now = { .monotonic_ns = 123456789, .ticks = 1007, .tick_ns = 10000 };

	assert_int_equal(ticks_to_ns(&now, 7), 123456789 - 1000 * 10000);
}

/* The kernel begins to count five minutes before the lower half comes round. */
static void ticks_come_round(void **state)
{
	const Ticks now = { .monotonic_ns = 301000000000, .ticks = 250, .tick_ns = TICK_NS };

	assert_int_equal(ticks_to_ns(&now, (uint32_t)-250), 299000000000);
}

static void weeks_are_told_apart(void **state)
{
	const uint64_t month_ns = 30 * 86400 * UINT64_C(1000000000);
	const Ticks now = { .monotonic_ns = 2 * month_ns,
			    .ticks = (uint32_t)(month_ns / 1000000) + 5,
			    .tick_ns = 1000000 };

	assert_int_equal(ticks_to_ns(&now, 5), month_ns);
}

static void no_time_is_before_the_clock_began(void **state)
{
	const Ticks now = { .monotonic_ns = 5 * TICK_NS, .ticks = 10, .tick_ns = TICK_NS };

	assert_int_equal(ticks_to_ns(&now, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tick_of_now_is_now),
		cmocka_unit_test(older_tick_is_as_much_earlier),
		cmocka_unit_test(ticks_come_round),
		cmocka_unit_test(weeks_are_told_apart),
		cmocka_unit_test(no_time_is_before_the_clock_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
