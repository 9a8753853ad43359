/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "test.h"

#define BIG (64u << 20)

static ProcessUse use_now(void)
{
	ProcessUse use;

	assert_true(process_use(&use));
	return use;
}

static void descriptors_are_counted(void **state)
{
	const uint64_t before = use_now().open_fds;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit limit;

	assert_true(fd >= 0);
	assert_int_equal(use_now().open_fds, before + 1);
	close(fd);
	assert_int_equal(use_now().open_fds, before);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(use_now().max_fds, limit.rlim_cur);
}

static void memory_that_is_touched_is_resident(void **state)
{
	const ProcessUse before = use_now();
	g_autofree char *memory = g_malloc(BIG);
	ProcessUse after;

	skip_if_emulated(); /* /proc/self/stat is made up there */
	memset(memory, 1, BIG);
	after = use_now();
	assert_int_not_equal(memory[BIG / 2], 0);
	assert_true(after.resident_octets >= before.resident_octets + BIG / 2);
	assert_true(after.virtual_octets >= after.resident_octets);
}

static void work_takes_time(void **state)
{
	const uint64_t before = use_now().cpu_ms;

	skip_if_emulated();
	while (use_now().cpu_ms == before)
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_are_counted),
		cmocka_unit_test(memory_that_is_touched_is_resident),
		cmocka_unit_test(work_takes_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
