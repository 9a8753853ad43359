/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtail.h"

#include "test.h"

/* Records with as many octets as they have a number. */
static void add(FlowTail *tail, size_t n)
{
	g_autofree FlowRecord *records = g_new0(FlowRecord, n);

	for (size_t i = 0; i < n; i++)
		records[i].volume.octets = flow_tail_end(tail) + i;
	flow_tail_add(tail, records, n);
}

static void assert_kept(const FlowTail *tail, uint64_t first, uint64_t end)
{
	assert_int_equal(flow_tail_first(tail), first);
	assert_int_equal(flow_tail_end(tail), end);
	for (uint64_t number = first; number < end; number++)
		assert_int_equal(flow_tail_get(tail, number)->volume.octets, number);
}

static void nobody_wants_any_and_none_is_kept(void **state)
{
	g_autoptr(FlowTail) tail = flow_tail_new();

	(void)state;
	assert_kept(tail, 0, 0);
	add(tail, 5);
	assert_kept(tail, 5, 5);
	flow_tail_set_max(tail, 0);
	assert_kept(tail, 5, 5);
}

static void last_ones_are_kept(void **state)
{
	g_autoptr(FlowTail) tail = flow_tail_new();

	(void)state;
	add(tail, 3);
	flow_tail_set_max(tail, 10);
	add(tail, 0);
	assert_kept(tail, 3, 3);
	add(tail, 10);
	assert_kept(tail, 3, 13);
	add(tail, 4);
	assert_kept(tail, 7, 17);
	add(tail, 25);
	assert_kept(tail, 32, 42);
}

static void another_size_keeps_what_it_can(void **state)
{
	g_autoptr(FlowTail) tail = flow_tail_new();

	(void)state;
	flow_tail_set_max(tail, 10);
	add(tail, 17);
	flow_tail_set_max(tail, 4);
	assert_kept(tail, 13, 17);
	flow_tail_set_max(tail, 7);
	assert_kept(tail, 13, 17);
	add(tail, 5);
	assert_kept(tail, 15, 22);
	flow_tail_set_max(tail, 0);
	assert_kept(tail, 22, 22);
	add(tail, 1);
	assert_kept(tail, 23, 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_wants_any_and_none_is_kept),
		cmocka_unit_test(last_ones_are_kept),
		cmocka_unit_test(another_size_keeps_what_it_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
