/* SPDX-License-Identifier: Apache-2.0 */
#include "totals.h"

#include <errno.h>
#include <string.h>

#include "test.h"

struct small {
	char letters[3];
};

struct large {
	uint64_t numbers[3];
};

static void write_two_tables(const char *path)
{
	g_autoptr(TotalsWriter) writer = totals_writer_new();

	totals_writer_begin(writer, TOTALS_ACCOUNTS, sizeof(struct small));
	totals_writer_add(writer, &(struct small){ "abc" });
	totals_writer_add(writer, &(struct small){ "def" });
	totals_writer_begin(writer, TOTALS_LEDGER, sizeof(struct large));
	totals_writer_add(writer, &(struct large){ { 1, 2, UINT64_MAX } });
	assert_true(totals_writer_replace(writer, path, NULL));
}

static char *path_in(void **state)
{
	return g_build_filename(*state, "totals", NULL);
}

static void rows_come_back(void **state)
{
	g_autofree char *path = path_in(state);
	g_autoptr(TotalsReader) reader = NULL;
	const struct small *small;
	const struct large *large;
	size_t n;

	write_two_tables(path);
	reader = totals_reader_new(path, NULL);
	assert_non_null(reader);
	assert_true(totals_reader_rows(reader, TOTALS_ACCOUNTS, sizeof(*small),
				       (const void **)&small, &n, NULL));
	assert_int_equal(n, 2);
	assert_memory_equal(small[1].letters, "def", 3);
	assert_true(totals_reader_rows(reader, TOTALS_LEDGER, sizeof(*large), (const void **)&large,
				       &n, NULL));
	assert_int_equal(n, 1);
	assert_int_equal((uintptr_t)large % 8, 0);
	assert_int_equal(large->numbers[2], UINT64_MAX);
}

static void table_that_is_not_there_has_no_rows(void **state)
{
	g_autofree char *path = path_in(state);
	g_autoptr(TotalsReader) reader = NULL;
	const void *rows;
	size_t n = 7;

	write_two_tables(path);
	reader = totals_reader_new(path, NULL);
	assert_true(totals_reader_rows(reader, TOTALS_POINTS, 8, &rows, &n, NULL));
	assert_int_equal(n, 0);
}

static void rows_of_another_size_are_refused(void **state)
{
	g_autofree char *path = path_in(state);
	g_autoptr(TotalsReader) reader = NULL;
	g_autoptr(GError) error = NULL;
	const void *rows;
	size_t n;

	write_two_tables(path);
	reader = totals_reader_new(path, NULL);
	assert_false(totals_reader_rows(reader, TOTALS_LEDGER, 32, &rows, &n, &error));
	assert_non_null(strstr(error->message, "24 octets, not 32"));
}

static void missing_file_is_told_from_a_bad_one(void **state)
{
	g_autofree char *path = path_in(state);
	g_autoptr(GError) error = NULL;

	assert_null(totals_reader_new(path, &error));
	assert_int_equal(error->code, ENOENT);
}

/* Each file that is cut short, and each with one bit wrong, is refused. */
static void damage_is_found(void **state)
{
	g_autofree char *path = path_in(state);
	g_autofree char *bytes = NULL;
	gsize len;

	write_two_tables(path);
	assert_true(g_file_get_contents(path, &bytes, &len, NULL));
	for (gsize cut = 0; cut < len; cut++) {
		assert_true(g_file_set_contents(path, bytes, (gssize)cut, NULL));
		assert_null(totals_reader_new(path, NULL));
	}
	for (gsize bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		assert_true(g_file_set_contents(path, bytes, (gssize)len, NULL));
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		assert_null(totals_reader_new(path, NULL));
	}
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(rows_come_back),
		IN_DIRECTORY(table_that_is_not_there_has_no_rows),
		IN_DIRECTORY(rows_of_another_size_are_refused),
		IN_DIRECTORY(missing_file_is_told_from_a_bad_one),
		IN_DIRECTORY(damage_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
