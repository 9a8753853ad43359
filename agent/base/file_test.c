/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
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

static char *read_from(const char *path, size_t *len, GError **error)
{
	char *contents = NULL;

	return file_read(path, &contents, len, error) ? contents : NULL;
}

static void what_is_written_can_be_read(void **state)
{
	g_autofree char *path = g_build_filename(*state, "file", NULL);
	g_autofree char *empty = NULL, *contents = NULL;
	g_autoptr(GError) error = NULL;
	size_t len;

	assert_null(read_from(path, &len, &error));
	assert_int_equal(error->code, ENOENT);
	assert_true(file_replace(path, "", 0, 0600, NULL));
	empty = read_from(path, &len, NULL);
	assert_non_null(empty);
	assert_int_equal(len, 0);
	assert_true(file_replace(path, "a\0b", 3, 0600, NULL));
	contents = read_from(path, &len, NULL);
	assert_int_equal(len, 3);
	assert_memory_equal(contents, "a\0b", 3);
}

/* In place of a file of ours: none of them is read, and none waited for. */
static void what_is_no_file_of_ours_is_not_read(void **state)
{
	static const struct {
		const char *command;
		const char *why;
	} cases[] = {
		{ "mkfifo file", "not a regular file" },
		{ "mkdir file", "not a regular file" },
		{ "ln -s /dev/zero file", "Too many levels of symbolic links" },
		{ "echo x >other && ln -s other file", "Too many levels of symbolic links" },
		{ "ln -s file file", "Too many levels of symbolic links" },
		{ "truncate -s 10G file", "longer than any that we write" },
	};
	g_autofree char *path = g_build_filename(*state, "file", NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		size_t len;

		run_command("cd %s && %s", (const char *)*state, cases[i].command);
		assert_null(read_from(path, &len, &error));
		assert_non_null(strstr(error->message, cases[i].why));
		(void)g_remove(path);
	}
}

static void what_belongs_to_others_is_not_read(void **state)
{
	g_autofree char *path = g_build_filename(*state, "file", NULL);
	g_autoptr(GError) error = NULL;
	size_t len;

	if (geteuid())
		skip();
	assert_true(file_replace(path, "theirs", 6, 0644, NULL));
	assert_int_equal(chown(path, 4711, 4711), 0);
	assert_null(read_from(path, &len, &error));
	assert_non_null(strstr(error->message, "belongs to user 4711"));
}

static void directory_is_shared_if_others_may_write_to_it(void **state)
{
	assert_false(file_is_shared(*state));
	assert_int_equal(chmod(*state, 0775), 0);
	assert_false(file_is_shared(*state));
	assert_int_equal(chmod(*state, 01777), 0);
	assert_true(file_is_shared(*state));
	assert_false(file_is_planted(*state));
	assert_int_equal(chmod(*state, 0700), 0);
}

/* *state is in a directory where everybody makes their own. */
static void directory_is_planted_if_others_have_made_it_where_everybody_may(void **state)
{
	g_autofree char *link = g_strconcat(*state, "-link", NULL);

	if (geteuid())
		skip();
	assert_int_equal(symlink("/etc", link), 0);
	assert_false(file_is_planted(link));
	assert_int_equal(lchown(link, 4711, 4711), 0);
	assert_true(file_is_planted(link));
	assert_int_equal(unlink(link), 0);
	assert_int_equal(chown(*state, 4711, 4711), 0);
	assert_true(file_is_planted(*state));
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
		cmocka_unit_test_setup_teardown(what_is_written_can_be_read, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(what_is_no_file_of_ours_is_not_read, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(what_belongs_to_others_is_not_read, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(directory_is_shared_if_others_may_write_to_it,
						make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			directory_is_planted_if_others_have_made_it_where_everybody_may,
			make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
