/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of `flowtally top`: their titles, what is in them, and which of them a terminal has room for.
 */
#ifndef FLOWTALLY_TOP_COLUMNS_H
#define FLOWTALLY_TOP_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/table.h"
#include "base/text.h"
#include "top_model.h"

#define TOP_COLUMNS 10

/* In what figures are given. */
typedef struct {
	bool octets; /* rates in octets, else in bits */
	TextUnits units;
} TopUnits;

typedef struct {
	TableColumn column;
	const char *titles[TOP_VIEWS]; /* instead, in that view; NULL: the same */
	TopKey key;		       /* that sorts by it */
	RateWindow window;
	enum direction direction; /* of figures */
} TopColumn;

/* The first is the name. */
extern const TopColumn top_columns[TOP_COLUMNS];

const char *top_title(const TopColumn *column, TopView view);

/* The caller's to free. */
char *top_cell(const TopRow *row, const TopColumn *column, const TopUnits *units);
char *top_rate(double octets, const TopUnits *units);

/* A name and, if that says more and both have room in @width, its host; cut if need be. */
char *top_name(const TopRow *row, size_t width);

#define TOP_GAP 2 /* between columns */

/*
 * How wide each column is on a terminal of @width, 0 being left out. Lesser columns go first, the name has
 * what the others leave, as far as names go, and the place what that leaves.
 */
void top_fit(TopView view, const TopUnits *units, size_t width, size_t widths[TOP_COLUMNS]);

/* The column beside the one that is sorted by, @step being 1 or -1; round in a ring. */
const TopColumn *top_column_beside(const TopState *state, int step);
bool top_is_sorted_by(const TopState *state, const TopColumn *column);

#endif
