/* SPDX-License-Identifier: Apache-2.0 */
#include "pacer.h"

#include "test.h"

#define MIB (1u << 20)

static void without_a_rate_all_passes(void **state)
{
	Pacer pacer = { 0 };

	pacer_note(&pacer, 5, 100 * MIB);
	assert_int_equal(pacer_delay_us(&pacer, 5), 0);
}

static unsigned int send_burst(Pacer *pacer, int64_t now_us, size_t octets)
{
	unsigned int n = 0;

	while (!pacer_delay_us(pacer, now_us)) {
		pacer_note(pacer, now_us, octets);
		n++;
	}
	return n;
}

/* Of long messages and of short ones; the kernel's overhead fits, too. */
static void burst_is_bounded(void **state)
{
	static const size_t octets[] = { 1400, 100, 60000 };

	for (size_t i = 0; i < 3; i++) {
		Pacer pacer = { .rate = MIB };
		unsigned int n = send_burst(&pacer, 1000, octets[i]);

		assert_true((n - 1) * (octets[i] + PACER_OVERHEAD) <= PACER_BURST);
		assert_true(n * (octets[i] + PACER_OVERHEAD) >= PACER_BURST);
	}
}

static void rate_holds_in_the_long_run(void **state)
{
	Pacer pacer = { .rate = 10 * MIB };
	uint64_t octets = 0;
	int64_t now_us = 0;

	while (now_us < 10000000) {
		octets += send_burst(&pacer, now_us, 1400) * (1400 + PACER_OVERHEAD);
		now_us += pacer_delay_us(&pacer, now_us);
	}
	assert_true(octets <= 100 * MIB + PACER_BURST + 2 * (1400 + PACER_OVERHEAD));
	assert_true(octets >= 99 * MIB);
}

static void silence_earns_one_burst(void **state)
{
	Pacer pacer = { .rate = MIB };
	unsigned int first = send_burst(&pacer, 0, 1400);

	assert_int_equal(send_burst(&pacer, 3600000000, 1400), first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rate_all_passes),
		cmocka_unit_test(burst_is_bounded),
		cmocka_unit_test(rate_holds_in_the_long_run),
		cmocka_unit_test(silence_earns_one_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
