/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli.h"
#include "cli_ask.h"
#include "base/text.h"

static const AskField table_fields[] = {
	{ { "", TABLE_LEFT, 0 }, "entry", ask_plain },
	{ { "FRAMES", TABLE_RIGHT, 0 }, "frames", ask_plain },
	{ { "PACKETS", TABLE_RIGHT, 1 }, "packets", ask_plain },
	{ { "IP OCTETS", TABLE_RIGHT, 2 }, "octets", ask_plain },
	{ { "FRAME OCTETS", TABLE_RIGHT, 0 }, "layer2_octets", ask_plain },
};

static const AskField csv_fields[] = {
	{ { .title = "interface" }, "interface", ask_plain },
	{ { .title = "direction" }, "direction", ask_plain },
	{ { .title = "entry" }, "entry", ask_plain },
	{ { .title = "frames" }, "frames", ask_plain },
	{ { .title = "packets" }, "packets", ask_plain },
	{ { .title = "octets" }, "octets", ask_plain },
	{ { .title = "layer2_octets" }, "layer2_octets", ask_plain },
	{ { .title = "balanced" }, "balanced", ask_plain },
};

/* Appends a row of @sheet; @values are copied. */
static json_t *add_row(json_t *rows, const json_t *sheet, const char *entry, const json_t *values)
{
	static const char *const of_sheet[] = { "interface", "direction", "balanced" };
	json_t *row = values ? json_copy((json_t *)values) : json_object();

	for (size_t i = 0; i < G_N_ELEMENTS(of_sheet); i++)
		json_object_set(row, of_sheet[i], json_object_get(sheet, of_sheet[i]));
	json_object_set_new(row, "entry", json_string(entry));
	json_array_append_new(rows, row);
	return row;
}

/* Appends a row of which only the frames and one kind of octets are known. */
static void add_counters(json_t *rows, const json_t *sheet, const char *entry, const char *frames,
			 const char *octets)
{
	json_t *row = add_row(rows, sheet, entry, NULL);

	json_object_set(row, "frames", ask_member(sheet, frames));
	json_object_set(row, "layer2_octets", ask_member(sheet, octets));
}

static bool is_exact(const json_t *sheet)
{
	return json_equal(ask_member(sheet, "interface_counters/frames/low"),
			  ask_member(sheet, "interface_counters/frames/high")) &&
	       json_equal(ask_member(sheet, "interface_counters/octets/low"),
			  ask_member(sheet, "interface_counters/octets/high"));
}

static void add_interface(json_t *rows, const json_t *sheet)
{
	bool exact = is_exact(sheet);

	add_counters(rows, sheet, exact ? "interface counters" : "interface counters (low)",
		     "interface_counters/frames/low", "interface_counters/octets/low");
	if (!exact)
		add_counters(rows, sheet, "interface counters (high)",
			     "interface_counters/frames/high", "interface_counters/octets/high");
}

static void add_to_sum(json_t *sum, const json_t *values)
{
	const json_t *value;
	const char *unit;

	json_object_foreach((json_t *)values, unit, value) json_object_set_new(
		sum, unit, json_integer(ask_integer(sum, unit) + json_integer_value(value)));
}

/* The classes in @member, and their sum; what they are called begins with @prefix. */
static void add_classes(json_t *rows, const json_t *sheet, const char *member, const char *prefix)
{
	g_autofree char *all = g_strconcat(prefix, "all classes", NULL);
	json_t *sum = json_object();
	const json_t *values;
	const char *class;

	json_object_foreach(json_object_get(sheet, member), class, values)
	{
		g_autofree char *entry = g_strconcat(prefix, class, NULL);

		add_row(rows, sheet, entry, values);
		add_to_sum(sum, values);
	}
	add_row(rows, sheet, all, sum);
	json_decref(sum);
}

static void add_rows(json_t *rows, const json_t *sheet)
{
	add_classes(rows, sheet, "classes", "");
	add_counters(rows, sheet, "seen by the hook", "seen/frames", "seen/skb_octets");
	add_interface(rows, sheet);
	add_counters(rows, sheet, "difference", "difference/frames", "difference/octets");
	if (json_object_get(sheet, "flow_classes"))
		add_classes(rows, sheet, "flow_classes", "flows, ");
}

static void print_sheet(const json_t *sheet)
{
	g_autofree char *interface = text_printable(ask_string(sheet, "interface"));
	g_autofree char *explanation = text_printable(ask_string(sheet, "explanation"));
	json_t *rows = json_array();

	printf("%s, %s: %s: %s\n", interface, ask_string(sheet, "direction"),
	       json_is_true(json_object_get(sheet, "balanced")) ? "balanced" : "NOT BALANCED",
	       explanation);
	add_rows(rows, sheet);
	ask_print_list(rows, table_fields, G_N_ELEMENTS(table_fields));
	json_decref(rows);
}

static void print_table(const json_t *document)
{
	const json_t *sheets = json_object_get(document, "sheets"), *sheet;
	size_t i;

	if (!json_array_size(sheets))
		puts("No interface has been metered yet.");
	json_array_foreach((json_t *)sheets, i, sheet)
	{
		if (i)
			putchar('\n');
		print_sheet(sheet);
	}
}

static void print_csv(const json_t *document, AskCsv csv)
{
	json_t *rows = json_array();
	const json_t *sheet;
	size_t i;

	json_array_foreach(json_object_get(document, "sheets"), i, sheet) add_rows(rows, sheet);
	ask_print_csv(rows, csv_fields, G_N_ELEMENTS(csv_fields), csv);
	json_decref(rows);
}

int cli_ledger(int argc, char **argv)
{
	static const Question question = {
		.request = "ledger",
		.summary =
			"Shows what became of every frame, against the interfaces' own counters.",
		.print = print_table,
		.print_csv = print_csv,
	};

	return ask(&question, argc, argv);
}
