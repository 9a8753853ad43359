/* SPDX-License-Identifier: Apache-2.0 */
#include "rates.h"

#include "test.h"

/* Of a time since the epoch, as documents have it. */
#define START_MS 1789900000123ull

static void add(Rates *rates, double seconds, uint64_t download, uint64_t upload)
{
	const uint64_t octets[DIRECTIONS] = {
		[DIRECTION_DOWNLOAD] = download,
		[DIRECTION_UPLOAD] = upload,
	};

	rates_add(rates, START_MS + (uint64_t)(seconds * 1000), octets);
}

static void assert_rates(const Rates *rates, double over_2s, double over_10s, double over_40s)
{
	assert_float_equal(rates_over(rates, DIRECTION_DOWNLOAD, RATE_2S), over_2s, 0.01);
	assert_float_equal(rates_over(rates, DIRECTION_DOWNLOAD, RATE_10S), over_10s, 0.01);
	assert_float_equal(rates_over(rates, DIRECTION_DOWNLOAD, RATE_40S), over_40s, 0.01);
}

static void one_sample_makes_no_rate(void **state)
{
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	assert_rates(rates, 0, 0, 0);
	add(rates, 0, 1000000, 1000000);
	assert_rates(rates, 0, 0, 0);
}

static void steady_counter_has_one_rate(void **state)
{
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	for (unsigned int i = 0; i <= 100; i++)
		add(rates, i, 500 + i * 1000, i * 10);
	assert_rates(rates, 1000, 1000, 1000);
	assert_float_equal(rates_over(rates, DIRECTION_UPLOAD, RATE_40S), 10, 0.01);
}

static void each_window_has_its_own_mean(void **state)
{
	g_autoptr(Rates) rates = rates_new();
	uint64_t octets = 7;

	(void)state;
	/* 100 a second, then 200 in the last 10 seconds, then 300 in the last 2. */
	for (unsigned int i = 0; i <= 60; i++) {
		if (i)
			octets += i > 58 ? 300 : i > 50 ? 200 : 100;
		add(rates, i, octets, 0);
	}
	assert_rates(rates, 300, (2 * 300 + 8 * 200) / 10.0, (2 * 300 + 8 * 200 + 30 * 100) / 40.0);
	assert_float_equal(rates_over(rates, DIRECTION_UPLOAD, RATE_2S), 0, 0);
}

static void windows_are_cut_to_what_is_known(void **state)
{
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	add(rates, 0, 0, 0);
	add(rates, 1, 1000, 0);
	assert_rates(rates, 1000, 1000, 1000);
	add(rates, 5, 1000, 0);
	assert_rates(rates, 0, 200, 200);
}

static void times_need_not_be_even(void **state)
{
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	/* 2 seconds back lies between the second and the third. */
	add(rates, 0, 0, 0);
	add(rates, 1.5, 1500, 0);
	add(rates, 2.5, 3500, 0);
	add(rates, 4, 3500, 0);
	assert_rates(rates, (3500 - 2500) / 2.0, 3500 / 4.0, 3500 / 4.0);
}

static void late_samples_are_one_long_step(void **state)
{
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	add(rates, 0, 0, 0);
	add(rates, 100, 5000, 0);
	assert_rates(rates, 50, 50, 50);
}

static void same_moment_is_one_sample(void **state)
{
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	add(rates, 0, 0, 0);
	add(rates, 0, 0, 0);
	assert_rates(rates, 0, 0, 0);
	add(rates, 1, 100, 0);
	add(rates, 1, 200, 0);
	assert_rates(rates, 200, 200, 200);
}

static void counter_that_goes_back_starts_anew(void **state)
{
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	add(rates, 0, 1000000, 1000000);
	add(rates, 1, 2000000, 2000000);
	add(rates, 2, 2000000, 50);
	assert_rates(rates, 0, 0, 0);
	add(rates, 3, 2000100, 60);
	assert_rates(rates, 100, 100, 100);
}

static void clock_that_goes_back_starts_anew(void **state)
{
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	add(rates, 3600, 1000, 0);
	add(rates, 3601, 2000, 0);
	add(rates, 2, 3000, 0);
	assert_rates(rates, 0, 0, 0);
	add(rates, 3, 3500, 0);
	assert_rates(rates, 500, 500, 500);
}

static void rest_is_remembered_as_long_as_a_window(void **state)
{
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	add(rates, 0, 0, 0);
	for (unsigned int i = 1; i <= 1000; i++)
		add(rates, i, 4000, 0);
	assert_rates(rates, 0, 0, 0);
	add(rates, 1001, 8000, 0);
	assert_rates(rates, 2000, 400, 100);
	for (unsigned int i = 1002; i <= 1020; i++)
		add(rates, i, 8000, 0);
	assert_rates(rates, 0, 0, 100);
}

/* Samples in quick succession shorten the longest window, and it says the truth for what is left. */
static void samples_are_bounded(void **state)
{
	g_autoptr(Rates) rates = rates_new();
	uint64_t octets = 0;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		add(rates, i * 0.1, octets += i < 900 ? 1000000 : 10, 0);
	assert_rates(rates, 100, 100, 100);
}

static void what_was_taken_over_is_no_growth(void **state)
{
	static const uint64_t other[DIRECTIONS] = { 1000000, 1000000 };
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	add(rates, 0, 0, 0);
	add(rates, 1, 100, 0);
	rates_raise(rates, other);
	add(rates, 2, 1000200, 1000000);
	assert_rates(rates, 100, 100, 100);
	assert_float_equal(rates_over(rates, DIRECTION_UPLOAD, RATE_2S), 0, 0);
}

static void counters_may_be_large(void **state)
{
	g_autoptr(Rates) rates = rates_new();

	(void)state;
	add(rates, 0, UINT64_MAX - 4000, 0);
	add(rates, 4, UINT64_MAX, 0);
	assert_rates(rates, 1000, 1000, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_sample_makes_no_rate),
		cmocka_unit_test(steady_counter_has_one_rate),
		cmocka_unit_test(each_window_has_its_own_mean),
		cmocka_unit_test(windows_are_cut_to_what_is_known),
		cmocka_unit_test(times_need_not_be_even),
		cmocka_unit_test(late_samples_are_one_long_step),
		cmocka_unit_test(same_moment_is_one_sample),
		cmocka_unit_test(counter_that_goes_back_starts_anew),
		cmocka_unit_test(clock_that_goes_back_starts_anew),
		cmocka_unit_test(rest_is_remembered_as_long_as_a_window),
		cmocka_unit_test(samples_are_bounded),
		cmocka_unit_test(what_was_taken_over_is_no_growth),
		cmocka_unit_test(counters_may_be_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
