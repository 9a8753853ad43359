/* SPDX-License-Identifier: Apache-2.0 */
#include "top_columns.h"

#include "test.h"

static const TopUnits bits = { .units = TEXT_SI };

/* @titles are those of the columns that are left, with commas between. */
static void assert_fit(size_t width, const TopUnits *units, const char *titles)
{
	g_autoptr(GString) got = g_string_new(NULL);
	size_t widths[TOP_COLUMNS], total = 0;

	top_fit(TOP_DEVICES, units, width, widths);
	for (size_t i = 0; i < TOP_COLUMNS; i++) {
		if (!widths[i])
			continue;
		g_string_append_printf(got, "%s%s", got->len ? "," : "",
				       top_columns[i].column.title);
		total += widths[i] + (total ? TOP_GAP : 0);
	}
	assert_string_equal(got->str, titles);
	assert_true(total <= width);
}

static void columns_leave_by_rank(void **state)
{
	(void)state;
	assert_fit(
		200, &bits,
		"DEVICE,INTERFACE,DOWN 2s,DOWN 10s,DOWN 40s,UP 2s,UP 10s,UP 40s,DOWNLOAD,UPLOAD");
	assert_fit(120, &bits, "DEVICE,INTERFACE,DOWN 2s,DOWN 10s,DOWN 40s,UP 2s,UP 10s,UP 40s");
	assert_fit(100, &bits, "DEVICE,INTERFACE,DOWN 2s,DOWN 10s,DOWN 40s,UP 2s,UP 10s");
	assert_fit(80, &bits, "DEVICE,DOWN 2s,DOWN 10s,UP 2s,UP 10s");
	assert_fit(60, &bits, "DEVICE,DOWN 2s,DOWN 10s,UP 2s");
	assert_fit(59, &bits, "DEVICE,DOWN 2s,UP 2s");
	assert_fit(30, &bits, "DEVICE,DOWN 2s,UP 2s");
}

static void what_is_left_goes_to_texts(void **state)
{
	size_t widths[TOP_COLUMNS];

	(void)state;
	top_fit(TOP_DEVICES, &bits, 150, widths);
	assert_int_equal(widths[0], 31);
	assert_int_equal(widths[1], 9);
	top_fit(TOP_DEVICES, &bits, 160, widths);
	assert_int_equal(widths[0], 40);
	assert_int_equal(widths[1], 10);
	top_fit(TOP_DEVICES, &bits, 300, widths);
	assert_int_equal(widths[0], 40);
	assert_int_equal(widths[1], 20);
}

static void flows_need_more_room_for_their_ends(void **state)
{
	size_t widths[TOP_COLUMNS];

	(void)state;
	top_fit(TOP_FLOWS, &bits, 80, widths);
	assert_int_equal(widths[0], 38);
	assert_int_equal(widths[3], 12);
	assert_int_equal(widths[6], 0);
	top_fit(TOP_FLOWS, &bits, 140, widths);
	assert_int_equal(widths[0], 33);
	assert_int_equal(widths[1], 21);
	assert_string_equal(top_title(&top_columns[0], TOP_FLOWS), "FAR END");
	assert_string_equal(top_title(&top_columns[1], TOP_FLOWS), "NEAR END");
}

static void long_figures_take_more_room(void **state)
{
	const TopUnits bytes = { .octets = true, .units = TEXT_BYTES };

	(void)state;
	assert_fit(60, &bytes, "DEVICE,DOWN 2s,UP 2s");
}

static void name_has_its_host_where_there_is_room(void **state)
{
	const TopRow named = { .name = "desktop", .host = "02:00:00:00:00:01" };
	const TopRow unnamed = { .name = "02:00:00:00:00:01", .host = "02:00:00:00:00:01" };
	g_autofree char *whole = top_name(&named, 27), *alone = top_name(&named, 26);
	g_autofree char *cut = top_name(&named, 4), *once = top_name(&unnamed, 40);

	(void)state;
	assert_string_equal(whole, "desktop (02:00:00:00:00:01)");
	assert_string_equal(alone, "desktop");
	assert_string_equal(cut, "desk");
	assert_string_equal(once, "02:00:00:00:00:01");
}

static void assert_cell(const TopRow *row, size_t column, const TopUnits *units,
			const char *expected)
{
	g_autofree char *text = top_cell(row, &top_columns[column], units);

	assert_string_equal(text, expected);
}

static void cells_are_in_the_units_that_were_chosen(void **state)
{
	const TopUnits iec = { .octets = true, .units = TEXT_IEC };
	TopRow row = { .name = "tv", .host = "tv", .place = "br-lan" };

	(void)state;
	row.figures.rate[DIRECTION_DOWNLOAD][RATE_2S] = 1048576;
	row.figures.rate[DIRECTION_UPLOAD][RATE_10S] = 125000;
	row.figures.octets[DIRECTION_DOWNLOAD] = 1000000000;
	assert_cell(&row, 0, &bits, "tv");
	assert_cell(&row, 1, &bits, "br-lan");
	assert_cell(&row, 2, &bits, "8.4 Mbit/s");
	assert_cell(&row, 2, &iec, "1.0 MiB/s");
	assert_cell(&row, 6, &bits, "1.0 Mbit/s");
	assert_cell(&row, 8, &bits, "1.0 GB");
	assert_cell(&row, 8, &iec, "953.7 MiB");
	assert_cell(&row, 9, &bits, "0 B");
}

static void columns_lie_side_by_side(void **state)
{
	TopState total = { .key = TOP_BY_TOTAL }, name = { .key = TOP_BY_NAME };
	TopState down = { .key = TOP_BY_DOWNLOAD, .window = RATE_40S };

	(void)state;
	assert_string_equal(top_column_beside(&total, 1)->column.title, "DOWN 2s");
	assert_string_equal(top_column_beside(&total, -1)->column.title, "DEVICE");
	assert_string_equal(top_column_beside(&name, -1)->column.title, "UPLOAD");
	assert_string_equal(top_column_beside(&down, 1)->column.title, "UP 2s");
	assert_string_equal(top_column_beside(&down, -1)->column.title, "DOWN 10s");
}

static void addresses_have_titles_of_their_own(void **state)
{
	(void)state;
	assert_string_equal(top_title(&top_columns[0], TOP_ADDRESSES), "ADDRESS");
	assert_string_equal(top_title(&top_columns[1], TOP_ADDRESSES), "SCOPE");
	assert_string_equal(top_title(&top_columns[2], TOP_ADDRESSES), "DOWN 2s");
	assert_string_equal(top_title(&top_columns[0], TOP_DEVICES), "DEVICE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_need_more_room_for_their_ends),
		cmocka_unit_test(columns_leave_by_rank),
		cmocka_unit_test(what_is_left_goes_to_texts),
		cmocka_unit_test(long_figures_take_more_room),
		cmocka_unit_test(name_has_its_host_where_there_is_room),
		cmocka_unit_test(cells_are_in_the_units_that_were_chosen),
		cmocka_unit_test(columns_lie_side_by_side),
		cmocka_unit_test(addresses_have_titles_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
