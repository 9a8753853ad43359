/* SPDX-License-Identifier: Apache-2.0 */
#include "top_columns.h"

#include <string.h>

#define RATE_WIDTH 12 /* "999.9 Mbit/s" */
#define RATE_WIDTH_BYTES 15
#define VOLUME_WIDTH 10 /* "1023.9 GiB" */
#define VOLUME_WIDTH_BYTES 18

/* Of texts: what they take at least, and at most if there is room. */
static const struct {
	size_t name;
	size_t name_max;
	size_t place;
	size_t place_max;
} text_widths[TOP_VIEWS] = {
	/* A MAC, and a little; and a name before it. */
	[TOP_DEVICES] = { 18, 40, 9, 20 },
	[TOP_ADDRESSES] = { 18, 40, 9, 20 },
	/* Protocol, address and port, of IPv4; and of IPv6. */
	[TOP_FLOWS] = { 27, 52, 21, 47 },
};

#define RATE(title, way, seconds, rank)                                                            \
	{                                                                                          \
		{ title " " #seconds "s", TABLE_RIGHT, rank }, { NULL }, TOP_BY_##way,             \
			RATE_##seconds##S, DIRECTION_##way                                         \
	}
#define VOLUME(way, key, rank)                                                                     \
	{                                                                                          \
		{ #way, TABLE_RIGHT, rank }, { NULL }, key, RATE_2S, DIRECTION_##way               \
	}

const TopColumn top_columns[TOP_COLUMNS] = {
	{ { "DEVICE", TABLE_LEFT, 0 },
	  { NULL, "ADDRESS", "FAR END" },
	  TOP_BY_NAME,
	  RATE_2S,
	  DIRECTION_DOWNLOAD },
	{ { "INTERFACE", TABLE_LEFT, 3 },
	  { NULL, "SCOPE", "NEAR END" },
	  TOP_BY_PLACE,
	  RATE_2S,
	  DIRECTION_DOWNLOAD },
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
	return column->titles[view] ? column->titles[view] : column->column.title;
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

static size_t width_of(TopView view, const TopColumn *column, const TopUnits *units)
{
	switch (column->key) {
	case TOP_BY_NAME:
		return text_widths[view].name;
	case TOP_BY_PLACE:
		return text_widths[view].place;
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

void top_fit(TopView view, const TopUnits *units, size_t width, size_t widths[TOP_COLUMNS])
{
	size_t spare;

	for (size_t i = 0; i < TOP_COLUMNS; i++)
		widths[i] = width_of(view, &top_columns[i], units);
	while (total_of(widths) > width && leave_one_out(widths))
		;
	spare = total_of(widths) - widths[0];
	spare = width > spare ? width - spare : 0;
	widths[0] = MIN(spare, text_widths[view].name_max);
	if (widths[1])
		widths[1] += MIN(spare - widths[0],
				 text_widths[view].place_max - text_widths[view].place);
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
