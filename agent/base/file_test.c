/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static void contents_are_replaced(void **state)
{
	g_autofree char *path = g_build_filename(*state, "file", NULL);
	g_autofree char *contents = NULL;
	struct stat status;

	assert_true(file_replace(path, "old and longer", 14, 0600, NULL));
	assert_true(file_replace(path, "new", 3, 0644, NULL));
	assert_true(g_file_get_contents(path, &contents, NULL, NULL));
	assert_string_equal(contents, "new");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0644);
}

static void symbolic_link_is_replaced_not_followed(void **state)
{
	g_autofree char *victim = g_build_filename(*state, "victim", NULL);
	g_autofree char *path = g_build_filename(*state, "file", NULL);
	g_autofree char *contents = NULL;

	assert_true(g_file_set_contents(victim, "mine", -1, NULL));
	assert_int_equal(symlink(victim, path), 0);
	assert_true(file_replace(path, "new", 3, 0600, NULL));
	assert_true(g_file_get_contents(victim, &contents, NULL, NULL));
	assert_string_equal(contents, "mine");
	assert_false(g_file_test(path, G_FILE_TEST_IS_SYMLINK));
}

static void missing_directory_is_an_error_that_names_the_file(void **state)
{
	g_autofree char *path = g_build_filename(*state, "none", "file", NULL);
	g_autoptr(GError) error = NULL;

	assert_false(file_replace(path, "x", 1, 0600, &error));
	assert_non_null(strstr(error->message, path));
	assert_non_null(strstr(error->message, "No such file or directory"));
}

/* rename(2) does not replace a directory. */
static void what_could_not_be_written_leaves_nothing_behind(void **state)
{
	g_autofree char *path = g_build_filename(*state, "directory", NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = NULL;

	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(file_replace(path, "x", 1, 0600, &error));
	dir = g_dir_open(*state, 0, NULL);
	assert_string_equal(g_dir_read_name(dir), "directory");
	assert_null(g_dir_read_name(dir));
}

static void touch(const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);

	assert_true(g_file_set_contents(path, "", 0, NULL));
}

static bool is_there(const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void what_a_killed_process_has_left_is_removed(void **state)
{
	static const char *const others[] = { "file", "file.backup", "file.new", ".new-abcdef",
					      "file.new-abcdefg" };

	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		touch(*state, others[i]);
	touch(*state, "file.new-aB3dEf");
	touch(*state, "other.new-aB3dEf");
	file_remove_unfinished(*state, "file");
	assert_false(is_there(*state, "file.new-aB3dEf"));
	assert_true(is_there(*state, "other.new-aB3dEf"));
	file_remove_unfinished(*state, NULL);
	assert_false(is_there(*state, "other.new-aB3dEf"));
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		assert_true(is_there(*state, others[i]));
	file_remove_unfinished("/no/such/directory", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(contents_are_replaced, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(symbolic_link_is_replaced_not_followed,
						make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(missing_directory_is_an_error_that_names_the_file,
						make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(what_a_killed_process_has_left_is_removed,
						make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(what_could_not_be_written_leaves_nothing_behind,
						make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
