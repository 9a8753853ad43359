/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of text in aligned columns, for people, or as CSV, quoted as in RFC 4180, for programs. */
#ifndef FLOWTALLY_TABLE_H
#define FLOWTALLY_TABLE_H

#include <stdio.h>

#include <glib.h>

typedef struct Table Table;

typedef enum {
	TABLE_LEFT,
	TABLE_RIGHT,
} TableAlign;

typedef struct {
	const char *title;
	TableAlign align;
	unsigned int rank; /* of those that do not fit the highest is left out first, 0 never */
} TableColumn;

Table *table_new(const TableColumn *columns, size_t n);
void table_free(Table *table);

/* The next cell, from left to right and from top to bottom. Takes over @text. */
void table_add(Table *table, char *text);

/* @width is that of the terminal; 0: there is none, and nothing is left out. */
void table_print(const Table *table, FILE *file, size_t width);

/*
 * One of several parts of a table, of which not all is known at once: @widths, as many as columns and 0 at first, is how
 * wide these have become so far. A head comes again where one had to become wider.
 */
void table_print_part(const Table *table, FILE *file, size_t width, size_t *widths);

/* A text that a spreadsheet would take for a formula, =..., +..., -... or @..., has an apostrophe before it. */
void table_print_csv(const Table *table, FILE *file);
void table_print_csv_rows(const Table *table, FILE *file); /* without the head */

/* The width of the terminal that @file is, 0 if it is none. */
size_t table_terminal_width(FILE *file);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

#endif
