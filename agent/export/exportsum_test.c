/* SPDX-License-Identifier: Apache-2.0 */
#include "exportsum.h"

#include "test.h"

static const IpfixContents message = {
	.len = 100, .records = 5, .flow_records = 4, .packets = 30, .octets = 2000
};

static void assert_sum(const ExportSum *sum, uint64_t times)
{
	assert_int_equal(sum->messages, times);
	assert_int_equal(sum->message_octets, 100 * times);
	assert_int_equal(sum->records, 5 * times);
	assert_int_equal(sum->flow_records, 4 * times);
	assert_int_equal(sum->packets, 30 * times);
	assert_int_equal(sum->octets, 2000 * times);
}

static void messages_add_up_and_are_taken_away_again(void **state)
{
	ExportSum sum = { 0 };

	for (int i = 0; i < 3; i++)
		export_sum_add_contents(&sum, &message);
	assert_sum(&sum, 3);
	export_sum_add(&sum, &sum);
	assert_sum(&sum, 6);
	export_sum_subtract_contents(&sum, &message);
	assert_sum(&sum, 5);
}

static void excess_is_never_less_than_nothing(void **state)
{
	ExportSum sums[3] = { { 0 } };
	ExportSum excess;

	for (int i = 0; i < 6; i++)
		export_sum_add_contents(&sums[i % 2 + i / 4], &message);
	excess = export_sum_excess(&sums[1], &sums[2]);
	assert_sum(&excess, 2);
	excess = export_sum_excess(&sums[2], &sums[1]);
	assert_sum(&excess, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_add_up_and_are_taken_away_again),
		cmocka_unit_test(excess_is_never_less_than_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
