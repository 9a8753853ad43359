/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static void second_one_is_told_who_holds_it(void **state)
{
	g_autofree char *pid = g_strdup_printf("kill %d", (int)getpid());
	g_autoptr(GError) error = NULL;
	int lock = lock_take(*state, NULL);

	assert_true(lock >= 0);
	assert_int_equal(lock_take(*state, &error), -1);
	assert_non_null(strstr(error->message, "another agent runs here"));
	assert_non_null(strstr(error->message, pid));
	lock_release(lock, *state);
}

static void nothing_is_left_behind(void **state)
{
	g_autoptr(GDir) dir = NULL;
	int lock = lock_take(*state, NULL);

	lock_release(lock, *state);
	dir = g_dir_open(*state, 0, NULL);
	assert_null(g_dir_read_name(dir));
	lock = lock_take(*state, NULL);
	assert_true(lock >= 0);
	lock_release(lock, *state);
}

/* As a process leaves it that was killed. */
static void file_that_nobody_has_locked_is_taken(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lock", NULL);
	g_autofree char *contents = NULL;
	int lock;

	assert_true(g_file_set_contents(path, "999999999\n", -1, NULL));
	lock = lock_take(*state, NULL);
	assert_true(lock >= 0);
	assert_true(g_file_get_contents(path, &contents, NULL, NULL));
	assert_int_equal(atoi(contents), getpid());
	lock_release(lock, *state);
}

static void directory_that_somebody_else_has_made_is_refused(void **state)
{
	g_autoptr(GError) error = NULL;

	if (geteuid())
		skip();
	assert_int_equal(chown(*state, 4711, 4711), 0);
	assert_int_equal(lock_take(*state, &error), -1);
	assert_non_null(strstr(error->message, ": somebody else has made it"));
}

/* Of a file whose size or number needs 64 bits it can be told, too, that it is still the same. */
static void file_of_any_size_is_taken(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lock", NULL);
	int lock;

	assert_true(g_file_set_contents(path, "", 0, NULL));
	assert_int_equal(truncate64(path, (off64_t)3 << 30), 0);
	lock = lock_take(*state, NULL);
	assert_true(lock >= 0);
	lock_release(lock, *state);
}

static void directory_is_made(void **state)
{
	g_autofree char *directory = g_build_filename(*state, "run", NULL);
	int lock = lock_take(directory, NULL);

	assert_true(lock >= 0);
	lock_release(lock, directory);
	assert_int_equal(rmdir(directory), 0);
}

static void symbolic_link_is_not_followed(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lock", NULL);
	g_autoptr(GError) error = NULL;

	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(lock_take(*state, &error), -1);
	assert_non_null(strstr(error->message, path));
}

static void what_is_no_lock_stays_as_it_is(void **state)
{
	static const char *const commands[] = { "echo precious >victim && ln victim lock",
						"mkfifo lock", "mkdir lock" };
	g_autofree char *path = g_build_filename(*state, "lock", NULL);
	g_autofree char *victim = g_build_filename(*state, "victim", NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *contents = NULL;

		run_command("cd %s && %s", (const char *)*state, commands[i]);
		assert_int_equal(lock_take(*state, &error), -1);
		assert_non_null(strstr(error->message, path));
		if (!i) {
			assert_true(g_file_get_contents(victim, &contents, NULL, NULL));
			assert_string_equal(contents, "precious\n");
		}
		(void)g_remove(path);
		(void)g_remove(victim);
	}
}

/* Who may open it may hold it, and so keep the agent from starting. */
static void nobody_else_can_open_it(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lock", NULL);
	int lock = lock_take(*state, NULL);
	struct stat file;

	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	lock_release(lock, *state);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(second_one_is_told_who_holds_it),
		IN_DIRECTORY(nothing_is_left_behind),
		IN_DIRECTORY(file_that_nobody_has_locked_is_taken),
		IN_DIRECTORY(file_of_any_size_is_taken),
		IN_DIRECTORY(directory_is_made),
		IN_DIRECTORY(directory_that_somebody_else_has_made_is_refused),
		IN_DIRECTORY(symbolic_link_is_not_followed),
		IN_DIRECTORY(what_is_no_lock_stays_as_it_is),
		IN_DIRECTORY(nobody_else_can_open_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
