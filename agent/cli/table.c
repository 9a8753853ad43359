/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

#define GAP 2

struct Table {
	TableColumn *columns;
	size_t n;
	GPtrArray *cells; /* of char*, row by row */
};

/* How a column is to be printed. */
typedef struct {
	size_t width;
	bool left_out;
} Layout;

Table *table_new(const TableColumn *columns, size_t n)
{
	Table *table = g_new0(Table, 1);

	table->columns = g_memdup2(columns, n * sizeof(*columns));
	table->n = n;
	table->cells = g_ptr_array_new_with_free_func(g_free);
	return table;
}

void table_free(Table *table)
{
	if (!table)
		return;
	g_ptr_array_unref(table->cells);
	g_free(table->columns);
	g_free(table);
}

void table_add(Table *table, char *text)
{
	g_ptr_array_add(table->cells, text_printable(text));
	g_free(text);
}

static Layout *measure(const Table *table)
{
	Layout *layout = g_new0(Layout, table->n);

	for (size_t i = 0; i < table->n; i++)
		layout[i].width = text_width(table->columns[i].title);
	for (size_t i = 0; i < table->cells->len; i++) {
		Layout *column = &layout[i % table->n];

		column->width = MAX(column->width, text_width(table->cells->pdata[i]));
	}
	return layout;
}

static size_t total_width(const Table *table, const Layout *layout)
{
	size_t width = 0;

	for (size_t i = 0; i < table->n; i++) {
		if (!layout[i].left_out)
			width += layout[i].width + (width ? GAP : 0);
	}
	return width;
}

/* False if every column that is left must stay. */
static bool leave_one_out(const Table *table, Layout *layout)
{
	Layout *least = NULL;
	unsigned int rank = 0;

	for (size_t i = 0; i < table->n; i++) {
		if (!layout[i].left_out && table->columns[i].rank > rank) {
			rank = table->columns[i].rank;
			least = &layout[i];
		}
	}
	if (least)
		least->left_out = true;
	return least != NULL;
}

static void append_cell(GString *line, const char *text, TableAlign align, size_t width)
{
	int padding = (int)(width - text_width(text));

	if (align == TABLE_RIGHT)
		g_string_append_printf(line, "%*s%s", padding, "", text);
	else
		g_string_append_printf(line, "%s%*s", text, padding, "");
}

static void print_row(const Table *table, const Layout *layout, const char *const *cells,
		      FILE *file)
{
	g_autoptr(GString) line = g_string_new(NULL);
	bool first = true;

	for (size_t i = 0; i < table->n; i++) {
		if (layout[i].left_out)
			continue;
		if (!first)
			g_string_append_printf(line, "%*s", GAP, "");
		append_cell(line, cells[i], table->columns[i].align, layout[i].width);
		first = false;
	}
	fprintf(file, "%s\n", g_strchomp(line->str));
}

static const char **titles(const Table *table)
{
	const char **cells = g_new(const char *, table->n);

	for (size_t i = 0; i < table->n; i++)
		cells[i] = table->columns[i].title;
	return cells;
}

static void print_all(const Table *table, Layout *layout, bool with_head, FILE *file, size_t width)
{
	g_autofree const char **head = titles(table);

	while (width && total_width(table, layout) > width && leave_one_out(table, layout))
		;
	if (with_head)
		print_row(table, layout, head, file);
	for (size_t i = 0; i < table->cells->len; i += table->n)
		print_row(table, layout, (const char *const *)&table->cells->pdata[i], file);
}

void table_print(const Table *table, FILE *file, size_t width)
{
	g_autofree Layout *layout = measure(table);

	print_all(table, layout, true, file, width);
}

void table_print_part(const Table *table, FILE *file, size_t width, size_t *widths)
{
	g_autofree Layout *layout = measure(table);
	bool wider = false;

	for (size_t i = 0; i < table->n; i++) {
		wider |= layout[i].width > widths[i];
		widths[i] = layout[i].width = MAX(layout[i].width, widths[i]);
	}
	print_all(table, layout, wider, file, width);
}

/* Devices choose their names, and spreadsheets take what begins so for a formula; a number that is less than 0 is none. */
static bool is_formula(const char *text)
{
	return strchr("=+-@", *text) && text[0] && text[1];
}

static void print_csv_cell(const char *text, TableAlign align, FILE *file)
{
	g_auto(GStrv) parts = NULL;
	g_autofree char *quoted = NULL, *harmless = NULL;

	if (align == TABLE_LEFT && is_formula(text))
		text = harmless = g_strconcat("'", text, NULL);
	if (!strpbrk(text, ",\"")) {
		fputs(text, file);
		return;
	}
	parts = g_strsplit(text, "\"", -1);
	quoted = g_strjoinv("\"\"", parts);
	fprintf(file, "\"%s\"", quoted);
}

static void print_csv_row(const Table *table, const char *const *cells, FILE *file)
{
	for (size_t i = 0; i < table->n; i++) {
		if (i)
			fputc(',', file);
		print_csv_cell(cells[i], table->columns[i].align, file);
	}
	fputc('\n', file);
}

void table_print_csv(const Table *table, FILE *file)
{
	g_autofree const char **head = titles(table);

	print_csv_row(table, head, file);
	table_print_csv_rows(table, file);
}

void table_print_csv_rows(const Table *table, FILE *file)
{
	for (size_t i = 0; i < table->cells->len; i += table->n)
		print_csv_row(table, (const char *const *)&table->cells->pdata[i], file);
}

size_t table_terminal_width(FILE *file)
{
	struct winsize size;

	return isatty(fileno(file)) && ioctl(fileno(file), TIOCGWINSZ, &size) == 0 ? size.ws_col :
										     0;
}
