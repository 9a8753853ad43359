/* SPDX-License-Identifier: Apache-2.0 */
#include "linefile.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static void add(LineFile *file, const char *line)
{
	line_file_add(file, line, strlen(line));
}

static void assert_contents(const char *path, const char *expected)
{
	g_autofree char *contents = NULL;

	assert_true(g_file_get_contents(path, &contents, NULL, NULL));
	assert_string_equal(contents, expected);
}

static void assert_counts(const LineFile *file, uint64_t written, uint64_t dropped)
{
	assert_int_equal(line_file_written(file), written);
	assert_int_equal(line_file_dropped(file), dropped);
}

static void lines_are_added_to_a_file(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lines", NULL);
	g_autoptr(LineFile) file = line_file_new(path);

	assert_true(g_file_set_contents(path, "before\n", -1, NULL));
	add(file, "one\n");
	add(file, "two\n");
	line_file_flush(file);
	assert_contents(path, "before\none\ntwo\n");
	assert_counts(file, 2, 0);
	assert_null(line_file_error(file));
}

/* As a crash of the machine, or of the agent within a write, may leave it. */
static void a_line_that_is_torn_stays_alone(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lines", NULL);
	g_autoptr(LineFile) file = line_file_new(path);

	assert_true(g_file_set_contents(path, "whole\nto", -1, NULL));
	add(file, "one\n");
	line_file_flush(file);
	add(file, "two\n");
	line_file_flush(file);
	assert_contents(path, "whole\nto\none\ntwo\n");
	assert_counts(file, 2, 0);
}

static void a_file_is_made_where_there_is_none(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lines", NULL);
	g_autoptr(LineFile) file = line_file_new(path);
	struct stat status;

	add(file, "one\n");
	line_file_flush(file);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0027, 0);
}

static void assert_refused(const char *path, const char *why)
{
	g_autoptr(LineFile) file = line_file_new(path);

	add(file, "secret\n");
	line_file_flush(file);
	assert_counts(file, 0, 1);
	assert_non_null(strstr(line_file_error(file), why));
}

/* As in /tmp: what lies there before us may be there to read along, or be a file that is to be spoilt. */
static void what_others_may_have_put_there_is_not_written_to(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lines", NULL);
	g_autofree char *victim = g_build_filename(*state, "victim", NULL);

	assert_true(g_file_set_contents(victim, "precious\n", -1, NULL));
	assert_int_equal(link(victim, path), 0);
	assert_int_equal(chmod(*state, 01777), 0);
	assert_refused(path, "somebody else may have put it there");
	assert_contents(victim, "precious\n");
	assert_int_equal(unlink(path), 0);
	if (geteuid() == 0) {
		assert_true(g_file_set_contents(path, "", -1, NULL));
		assert_int_equal(chown(path, 4711, 4711), 0);
		assert_refused(path, "somebody else may have put it there");
		assert_contents(path, "");
	}
}

/* Where nobody else may write they are the operator's, as of a backup. */
static void other_names_do_not_matter_where_nobody_else_writes(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lines", NULL);
	g_autofree char *backup = g_build_filename(*state, "backup", NULL);
	g_autoptr(LineFile) file = line_file_new(path);

	assert_true(g_file_set_contents(path, "", -1, NULL));
	assert_int_equal(link(path, backup), 0);
	add(file, "one\n");
	line_file_flush(file);
	assert_contents(path, "one\n");
}

static void files_are_rotated(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lines", NULL);
	g_autofree char *moved = g_build_filename(*state, "lines.1", NULL);
	g_autoptr(LineFile) file = line_file_new(path);

	add(file, "one\n");
	line_file_flush(file);
	assert_int_equal(rename(path, moved), 0);
	add(file, "two\n");
	line_file_reopen(file);
	add(file, "three\n");
	line_file_flush(file);
	assert_contents(moved, "one\ntwo\n");
	assert_contents(path, "three\n");
	assert_counts(file, 3, 0);
}

static void what_cannot_be_opened_is_tried_again(void **state)
{
	g_autofree char *directory = g_build_filename(*state, "later", NULL);
	g_autofree char *path = g_build_filename(directory, "lines", NULL);
	g_autoptr(LineFile) file = line_file_new(path);

	add(file, "one\n");
	add(file, "two\n");
	line_file_flush(file);
	assert_counts(file, 0, 2);
	assert_non_null(strstr(line_file_error(file), "No such file or directory"));
	assert_int_equal(mkdir(directory, 0700), 0);
	add(file, "three\n");
	line_file_flush(file);
	assert_counts(file, 1, 2);
	assert_null(line_file_error(file));
	assert_contents(path, "three\n");
	(void)unlink(path);
}

static void links_are_not_followed(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lines", NULL);
	g_autofree char *target = g_build_filename(*state, "target", NULL);
	g_autoptr(LineFile) file = line_file_new(path);

	assert_int_equal(symlink(target, path), 0);
	add(file, "one\n");
	line_file_flush(file);
	assert_counts(file, 0, 1);
	assert_non_null(strstr(line_file_error(file), "it is a symbolic link"));
	assert_int_equal(access(target, F_OK), -1);
}

static void a_full_device_drops_lines(void **state)
{
	g_autoptr(LineFile) file = line_file_new("/dev/full");

	(void)state;
	add(file, "one\n");
	line_file_flush(file);
	assert_counts(file, 0, 1);
	assert_non_null(strstr(line_file_error(file), "No space left on device"));
}

/* As on a full disk, which takes as much as there is room for. */
static void parts_of_lines_are_taken_back(void **state)
{
	g_autofree char *path = g_build_filename(*state, "lines", NULL);
	g_autoptr(LineFile) file = line_file_new(path);
	struct rlimit before, limit;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){ 10, before.rlim_max };
	add(file, "1234567\n");
	add(file, "1234567\n");
	add(file, "1234567\n");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	line_file_flush(file);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_contents(path, "1234567\n");
	assert_counts(file, 1, 2);
	add(file, "8\n");
	line_file_flush(file);
	assert_contents(path, "1234567\n8\n");
}

static int make_fifo(const char *path)
{
	assert_int_equal(mkfifo(path, 0600), 0);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static void a_fifo_that_nobody_reads_drops_lines(void **state)
{
	g_autofree char *path = g_build_filename(*state, "fifo", NULL);
	g_autoptr(LineFile) file = line_file_new(path);
	char octets[64];
	int fd;

	assert_int_equal(mkfifo(path, 0600), 0);
	add(file, "one\n");
	line_file_flush(file);
	assert_counts(file, 0, 1);
	assert_non_null(strstr(line_file_error(file), "nobody reads it"));
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	add(file, "two\n");
	line_file_flush(file);
	assert_int_equal(read(fd, octets, sizeof(octets)), 4);
	(void)close(fd);
	add(file, "three\n");
	line_file_flush(file);
	assert_counts(file, 1, 2);
}

/* More than a pipe holds waits until it is read. */
static void a_slow_reader_gets_all_lines(void **state)
{
	g_autofree char *path = g_build_filename(*state, "fifo", NULL);
	g_autoptr(LineFile) file = line_file_new(path);
	g_autofree char *chunk = g_malloc(1 << 20);
	int fd = make_fifo(path);
	size_t octets = 0;

	for (unsigned int i = 0; i < 10000; i++) {
		g_autofree char *line = g_strdup_printf("%0199u\n", i);

		add(file, line);
	}
	line_file_flush(file);
	assert_true(line_file_written(file) < 10000);
	while (line_file_written(file) < 10000) {
		ssize_t len = read(fd, chunk, 1 << 20);

		octets += len > 0 ? (size_t)len : 0;
		(void)g_main_context_iteration(NULL, FALSE);
	}
	octets += (size_t)read(fd, chunk, 1 << 20);
	assert_int_equal(octets, 10000 * 200);
	assert_counts(file, 10000, 0);
	(void)close(fd);
}

static void memory_is_bounded(void **state)
{
	g_autofree char *path = g_build_filename(*state, "fifo", NULL);
	g_autoptr(LineFile) file = line_file_new(path);
	g_autofree char *line = g_strnfill(1 << 20, 'x');
	int fd = make_fifo(path);

	line[(1 << 20) - 1] = '\n';
	for (unsigned int i = 0; i < 20; i++)
		line_file_add(file, line, 1 << 20);
	/* Eight, of which one has partly gone. */
	assert_counts(file, 0, 12);
	assert_non_null(strstr(line_file_error(file), "its reader does not keep up"));
	(void)close(fd);
	/* The rest of the line that it has partly read does not come to the next one. */
	line_file_flush(file);
	assert_counts(file, 0, 20);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	add(file, "whole\n");
	line_file_flush(file);
	assert_int_equal(read(fd, line, 1 << 20), 6);
	(void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_added_to_a_file),
		TEST(a_line_that_is_torn_stays_alone),
		TEST(a_file_is_made_where_there_is_none),
		TEST(files_are_rotated),
		TEST(other_names_do_not_matter_where_nobody_else_writes),
		TEST(what_others_may_have_put_there_is_not_written_to),
		TEST(what_cannot_be_opened_is_tried_again),
		TEST(links_are_not_followed),
		TEST(a_full_device_drops_lines),
		TEST(parts_of_lines_are_taken_back),
		TEST(a_fifo_that_nobody_reads_drops_lines),
		TEST(a_slow_reader_gets_all_lines),
		TEST(memory_is_bounded),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
