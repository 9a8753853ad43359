/* SPDX-License-Identifier: Apache-2.0 */
#include "top_columns.h"

#include <string.h>

#define NAME_WIDTH 18	  /* a MAC, and a little */
#define NAME_WIDTH_MAX 40 /* and a name before it */
#define RATE_WIDTH 12	  /* "999.9 Mbit/s" */
#define RATE_WIDTH_BYTES 15
#define VOLUME_WIDTH 10 /* "1023.9 GiB" */
#define VOLUME_WIDTH_BYTES 18
#define PLACE_WIDTH 9
#define PLACE_WIDTH_MAX 20

#define RATE(title, way, seconds, rank)                                                            \
	{                                                                                          \
		{ title " " #seconds "s", TABLE_RIGHT, rank }, NULL, TOP_BY_##way,                 \
			RATE_##seconds##S, DIRECTION_##way                                         \
	}
#define VOLUME(way, key, rank)                                                                     \
	{                                                                                          \
		{ #way, TABLE_RIGHT, rank }, NULL, key, RATE_2S, DIRECTION_##way                   \
	}

const TopColumn top_columns[TOP_COLUMNS] = {
	{ { "DEVICE", TABLE_LEFT, 0 }, "ADDRESS", TOP_BY_NAME, RATE_2S, DIRECTION_DOWNLOAD },
	{ { "INTERFACE", TABLE_LEFT, 3 }, "SCOPE", TOP_BY_PLACE, RATE_2S, DIRECTION_DOWNLOAD },
	RATE("DOWN", DOWNLOAD, 2, 0),
	RATE("DOWN", DOWNLOAD, 10, 1),
	RATE("DOWN", DOWNLOAD, 40, 4),
	RATE("UP", UPLOAD, 2, 0),
	RATE("UP", UPLOAD, 10, 2),
	RATE("UP", UPLOAD, 40, 5),
	VOLUME(DOWNLOAD, TOP_BY_DOWNLOADED, 6),
	VOLUME(UPLOAD, TOP_BY_UPLOADED, 7),
};

const char *top_title(const TopColumn *column, TopView view)
{
	return view == TOP_ADDRESSES && column->title_of_addresses ? column->title_of_addresses :
								     column->column.title;
}

char *top_rate(double octets, const TopUnits *units)
{
	return units->octets ? text_octet_rate(octets, units->units) : text_bit_rate(octets);
}

char *top_cell(const TopRow *row, const TopColumn *column, const TopUnits *units)
{
	switch (column->key) {
	case TOP_BY_NAME:
		return top_name(row, G_MAXINT);
	case TOP_BY_PLACE:
		return g_strdup(row->place);
	case TOP_BY_DOWNLOADED:
	case TOP_BY_UPLOADED:
		return text_volume(row->figures.octets[column->direction], units->units);
	default:
		return top_rate(row->figures.rate[column->direction][column->window], units);
	}
}

char *top_name(const TopRow *row, size_t width)
{
	if (row->host && strcmp(row->host, row->name)) {
		g_autofree char *both = g_strdup_printf("%s (%s)", row->name, row->host);

		if (text_width(both) <= width)
			return g_steal_pointer(&both);
	}
	return text_cut(row->name, width);
}

static size_t width_of(const TopColumn *column, const TopUnits *units)
{
	switch (column->key) {
	case TOP_BY_NAME:
		return NAME_WIDTH;
	case TOP_BY_PLACE:
		return PLACE_WIDTH;
	case TOP_BY_DOWNLOADED:
	case TOP_BY_UPLOADED:
		return units->units == TEXT_BYTES ? VOLUME_WIDTH_BYTES : VOLUME_WIDTH;
	default:
		return units->octets && units->units == TEXT_BYTES ? RATE_WIDTH_BYTES : RATE_WIDTH;
	}
}

static size_t total_of(const size_t widths[TOP_COLUMNS])
{
	size_t total = widths[0];

	for (size_t i = 1; i < TOP_COLUMNS; i++)
		total += widths[i] ? widths[i] + TOP_GAP : 0;
	return total;
}

/* False if all that are left must stay. */
static bool leave_one_out(size_t widths[TOP_COLUMNS])
{
	size_t least = 0;

	for (size_t i = 1; i < TOP_COLUMNS; i++) {
		if (widths[i] && top_columns[i].column.rank > top_columns[least].column.rank)
			least = i;
	}
	if (least)
		widths[least] = 0;
	return least;
}

void top_fit(const TopUnits *units, size_t width, size_t widths[TOP_COLUMNS])
{
	size_t spare;

	for (size_t i = 0; i < TOP_COLUMNS; i++)
		widths[i] = width_of(&top_columns[i], units);
	while (total_of(widths) > width && leave_one_out(widths))
		;
	spare = total_of(widths) - widths[0];
	spare = width > spare ? width - spare : 0;
	widths[0] = MIN(spare, NAME_WIDTH_MAX);
	if (widths[1])
		widths[1] += MIN(spare - widths[0], PLACE_WIDTH_MAX - PLACE_WIDTH);
}

/* The total of both directions has no column. */
bool top_is_sorted_by(const TopState *state, const TopColumn *column)
{
	bool is_rate = column->key == TOP_BY_DOWNLOAD || column->key == TOP_BY_UPLOAD;

	return column->key == state->key && (!is_rate || column->window == state->window);
}

const TopColumn *top_column_beside(const TopState *state, int step)
{
	for (int i = 0; i < TOP_COLUMNS; i++) {
		if (top_is_sorted_by(state, &top_columns[i]))
			return &top_columns[(i + step + TOP_COLUMNS) % TOP_COLUMNS];
	}
	return &top_columns[step > 0 ? 2 : 0];
}
