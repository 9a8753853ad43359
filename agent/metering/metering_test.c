/* SPDX-License-Identifier: Apache-2.0 */
#include "metering.h"

#include "test.h"

/* A period that ended at 1000 s of the epoch, when the machine had run for 50 s. */
static const Period previous = { .start_ms = 990000,
				 .end_ms = 1000000,
				 .end_monotonic_ns = 50000000000 };

static void periods_join(void **state)
{
	Period next = period_next(&previous, 1010000, 60000000000);

	(void)state;
	assert_int_equal(next.start_ms, 1000000);
	assert_int_equal(next.end_ms, 1010000);
	assert_int_equal(next.end_monotonic_ns, 60000000000);
}

static void slewed_clock_leaves_no_gap(void **state)
{
	Period next = period_next(&previous, 1010400, 60000000000);

	(void)state;
	assert_int_equal(next.start_ms, 1000000);
	assert_int_equal(next.end_ms, 1010400);
}

static void clock_set_forward_moves_the_whole_period(void **state)
{
	Period next = period_next(&previous, 9000000, 60000000000);

	(void)state;
	assert_int_equal(next.start_ms, 8990000);
	assert_int_equal(next.end_ms, 9000000);
}

static void clock_set_back_moves_the_whole_period(void **state)
{
	Period next = period_next(&previous, 500000, 60000000000);

	(void)state;
	assert_int_equal(next.start_ms, 490000);
	assert_int_equal(next.end_ms, 500000);
}

static void period_never_ends_before_it_starts(void **state)
{
	Period next = period_next(&previous, 999900, 50100000000);

	(void)state;
	assert_int_equal(next.start_ms, 1000000);
	assert_int_equal(next.end_ms, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods_join),
		cmocka_unit_test(slewed_clock_leaves_no_gap),
		cmocka_unit_test(clock_set_forward_moves_the_whole_period),
		cmocka_unit_test(clock_set_back_moves_the_whole_period),
		cmocka_unit_test(period_never_ends_before_it_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
