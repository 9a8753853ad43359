/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "test.h"

static const TableColumn columns[] = {
	{ "NAME", TABLE_LEFT, 0 },
	{ "PLACE", TABLE_LEFT, 2 },
	{ "OCTETS", TABLE_RIGHT, 0 },
	{ "PACKETS", TABLE_RIGHT, 1 },
};

static Table *table_of(const char *const *cells)
{
	Table *table = table_new(columns, G_N_ELEMENTS(columns));

	for (; *cells; cells++)
		table_add(table, g_strdup(*cells));
	return table;
}

static void assert_printed(const char *const *cells, size_t width, const char *expected)
{
	g_autoptr(Table) table = table_of(cells);
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	table_print(table, file, width);
	fclose(file);
	assert_string_equal(text, expected);
	free(text);
}

static void assert_csv(const char *const *cells, const char *expected)
{
	g_autoptr(Table) table = table_of(cells);
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	table_print_csv(table, file);
	fclose(file);
	assert_string_equal(text, expected);
	free(text);
}

static void columns_are_aligned(void **state)
{
	static const char *const cells[] = { "a",    "kitchen", "1", "1000000000", "desktop",
					     "hall", "123456",	"7", NULL };

	(void)state;
	assert_printed(cells, 0,
		       "NAME     PLACE    OCTETS     PACKETS\n"
		       "a        kitchen       1  1000000000\n"
		       "desktop  hall     123456           7\n");
}

static void wide_characters_take_two_columns(void **state)
{
	static const char *const cells[] = { "厨房的灯", "Küche", "1", "2", NULL };

	(void)state;
	assert_printed(cells, 0,
		       "NAME      PLACE  OCTETS  PACKETS\n"
		       "厨房的灯  Küche       1        2\n");
}

static void lines_end_without_blanks(void **state)
{
	static const TableColumn one[] = { { "FIRST", TABLE_LEFT, 0 }, { "LAST", TABLE_LEFT, 0 } };
	g_autoptr(Table) table = table_new(one, G_N_ELEMENTS(one));
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	table_add(table, g_strdup("a"));
	table_add(table, g_strdup(""));
	table_print(table, file, 0);
	fclose(file);
	assert_string_equal(text, "FIRST  LAST\na\n");
	free(text);
}

static void narrow_terminal_loses_lesser_columns(void **state)
{
	static const char *const cells[] = { "desktop", "hall", "123456", "7", NULL };

	(void)state;
	assert_printed(cells, 31,
		       "NAME     PLACE  OCTETS  PACKETS\n"
		       "desktop  hall   123456        7\n");
	assert_printed(cells, 30,
		       "NAME     OCTETS  PACKETS\n"
		       "desktop  123456        7\n");
	assert_printed(cells, 3,
		       "NAME     OCTETS\n"
		       "desktop  123456\n");
}

static void control_characters_are_not_printed(void **state)
{
	static const char *const cells[] = { "\033[2J", "", "1", "2", NULL };

	(void)state;
	assert_printed(cells, 0,
		       "NAME     PLACE  OCTETS  PACKETS\n"
		       "\\x1b[2J              1        2\n");
}

static void csv_is_quoted_where_it_must(void **state)
{
	static const char *const cells[] = { "a,b", "say \"no\"", "1", "", NULL };

	(void)state;
	assert_csv(cells, "NAME,PLACE,OCTETS,PACKETS\n"
			  "\"a,b\",\"say \"\"no\"\"\",1,\n");
}

/* As a device may call itself. */
static void csv_has_no_formulas_for_spreadsheets(void **state)
{
	static const char *const cells[] = {
		"=cmd|'/C calc'!A1", "+1", "-1", "-1", "@SUM(A1)", "-", "1", "2", NULL
	};

	(void)state;
	assert_csv(cells, "NAME,PLACE,OCTETS,PACKETS\n"
			  "'=cmd|'/C calc'!A1,'+1,-1,-1\n"
			  "'@SUM(A1),-,1,2\n");
}

static void table_without_rows_has_its_head(void **state)
{
	static const char *const none[] = { NULL };

	(void)state;
	assert_printed(none, 0, "NAME  PLACE  OCTETS  PACKETS\n");
	assert_csv(none, "NAME,PLACE,OCTETS,PACKETS\n");
}

static void parts_keep_the_widths_of_those_before(void **state)
{
	static const char *const first[] = { "desktop", "br-lan", "1", "2", NULL };
	static const char *const second[] = { "tv", "wan", "3", "4", "phone", "", "5", "6", NULL };
	static const char *const third[] = { "the longest", "", "7", "8", NULL };
	static const char *const *const parts[] = { first, second, third };
	size_t widths[G_N_ELEMENTS(columns)] = { 0 }, len;
	char *text = NULL;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autoptr(Table) table = table_of(parts[i]);

		table_print_part(table, file, 0, widths);
	}
	fclose(file);
	assert_string_equal(text, "NAME     PLACE   OCTETS  PACKETS\n"
				  "desktop  br-lan       1        2\n"
				  "tv       wan          3        4\n"
				  "phone                 5        6\n"
				  "NAME         PLACE   OCTETS  PACKETS\n"
				  "the longest               7        8\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(wide_characters_take_two_columns),
		cmocka_unit_test(lines_end_without_blanks),
		cmocka_unit_test(narrow_terminal_loses_lesser_columns),
		cmocka_unit_test(control_characters_are_not_printed),
		cmocka_unit_test(csv_is_quoted_where_it_must),
		cmocka_unit_test(csv_has_no_formulas_for_spreadsheets),
		cmocka_unit_test(table_without_rows_has_its_head),
		cmocka_unit_test(parts_keep_the_widths_of_those_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
