/* SPDX-License-Identifier: Apache-2.0 */
#include "flowprinter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli_ask.h"

/* Rows of CSV that are written together. */
#define ROWS 256

#define FORMS 6

static char *protocol(const json_t *flow, const char *path)
{
	const char *name = ask_string(flow, "protocol_name");
	g_autofree char *number = ask_plain(flow, "protocol");

	(void)path;
	if (json_object_get(flow, "icmp_type"))
		return g_strdup_printf("%s %" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT, name,
				       ask_integer(flow, "icmp_type"),
				       ask_integer(flow, "icmp_code"));
	return g_strdup(*name ? name : number);
}

/* "192.0.2.1:443", "[2001:db8::1]:443" */
static char *endpoint(const json_t *flow, const char *side)
{
	g_autofree char *port_name = g_strconcat(side, "_port", NULL);
	const char *address = ask_string(flow, side);

	if (!json_object_get(flow, port_name))
		return g_strdup(address);
	return g_strdup_printf(strchr(address, ':') ? "[%s]:%" JSON_INTEGER_FORMAT :
						      "%s:%" JSON_INTEGER_FORMAT,
			       address, ask_integer(flow, port_name));
}

/* By its name, or else its number. */
static char *interface(const json_t *flow, const char *side)
{
	g_autofree char *name = g_strconcat(side, "_interface", NULL);
	g_autofree char *index = g_strconcat(side, "_index", NULL);

	return ask_plain(flow, json_object_get(flow, name) ? name : index);
}

static char *duration(const json_t *flow, const char *path)
{
	json_int_t ms = ask_integer(flow, "end_ms") - ask_integer(flow, "start_ms");

	(void)path;
	if (!json_object_get(flow, "start_ms"))
		return g_strdup("");
	return g_strdup_printf("%" JSON_INTEGER_FORMAT ".%03d s", ms / 1000, (int)(ms % 1000));
}

static const AskField table_fields[] = {
	{ { "PROTO", TABLE_LEFT, 0 }, NULL, protocol },
	{ { "SOURCE", TABLE_LEFT, 0 }, "source", endpoint },
	{ { "DESTINATION", TABLE_LEFT, 0 }, "destination", endpoint },
	{ { "IN", TABLE_LEFT, 3 }, "ingress", interface },
	{ { "OUT", TABLE_LEFT, 4 }, "egress", interface },
	{ { "PACKETS", TABLE_RIGHT, 2 }, "packets", ask_plain },
	{ { "OCTETS", TABLE_RIGHT, 0 }, "octets", ask_octets },
	{ { "DURATION", TABLE_RIGHT, 5 }, NULL, duration },
	{ { "LAST PACKET", TABLE_LEFT, 1 }, "end", ask_time },
	{ { "FLAGS", TABLE_LEFT, 6 }, "tcp_flag_letters", ask_plain },
	{ { "MARK", TABLE_RIGHT, 7 }, "mark", ask_plain },
	{ { "REASON", TABLE_LEFT, 8 }, "end_reason", ask_plain },
};

/* Why a flow has left is told only of one that has. */
#define FIELDS_OF_FLOWS (G_N_ELEMENTS(table_fields) - 1)

/* All members, in their order. */
#define MEMBER(align, name)                                                                        \
	{                                                                                          \
		{ name, align, 0 }, name, ask_plain                                                \
	}
static const AskField all_fields[] = {
	MEMBER(TABLE_LEFT, "family"),
	MEMBER(TABLE_LEFT, "source"),
	MEMBER(TABLE_LEFT, "destination"),
	MEMBER(TABLE_RIGHT, "protocol"),
	MEMBER(TABLE_LEFT, "protocol_name"),
	MEMBER(TABLE_RIGHT, "source_port"),
	MEMBER(TABLE_RIGHT, "destination_port"),
	MEMBER(TABLE_RIGHT, "icmp_type"),
	MEMBER(TABLE_RIGHT, "icmp_code"),
	MEMBER(TABLE_LEFT, "ingress_interface"),
	MEMBER(TABLE_RIGHT, "ingress_index"),
	MEMBER(TABLE_LEFT, "egress_interface"),
	MEMBER(TABLE_RIGHT, "egress_index"),
	MEMBER(TABLE_LEFT, "direction"),
	MEMBER(TABLE_RIGHT, "vlan"),
	MEMBER(TABLE_RIGHT, "customer_vlan"),
	MEMBER(TABLE_RIGHT, "mark"),
	MEMBER(TABLE_RIGHT, "traffic_class"),
	MEMBER(TABLE_RIGHT, "tcp_flags"),
	MEMBER(TABLE_LEFT, "tcp_flag_letters"),
	MEMBER(TABLE_RIGHT, "min_ttl"),
	MEMBER(TABLE_RIGHT, "max_ttl"),
	MEMBER(TABLE_RIGHT, "min_octets"),
	MEMBER(TABLE_RIGHT, "max_octets"),
	MEMBER(TABLE_LEFT, "source_mac"),
	MEMBER(TABLE_LEFT, "destination_mac"),
	MEMBER(TABLE_RIGHT, "fragment_id"),
	MEMBER(TABLE_RIGHT, "flow_label"),
	MEMBER(TABLE_RIGHT, "packets"),
	MEMBER(TABLE_RIGHT, "octets"),
	MEMBER(TABLE_RIGHT, "layer2_octets"),
	MEMBER(TABLE_LEFT, "start"),
	MEMBER(TABLE_RIGHT, "start_ms"),
	MEMBER(TABLE_LEFT, "end"),
	MEMBER(TABLE_RIGHT, "end_ms"),
	MEMBER(TABLE_LEFT, "end_reason"),
};

/* A form of output: the fields of its rows, if it has any, and what is printed when. */
typedef struct {
	const char *name;
	const AskField *fields;
	size_t n;
	const char *empty; /* what stands where a flow has no such thing */
	void (*head)(FlowPrinter *printer, json_t *head);
	bool (*item)(FlowPrinter *printer, const char *text, size_t len, GError **error);
	void (*end)(FlowPrinter *printer);
	const char *request; /* what the agent calls it; NULL: it needs no name */
} Form;

struct FlowPrinter {
	const Form *form;
	Table *table;	/* of rows that have not been printed */
	size_t rows;	/* in it */
	size_t *widths; /* of the columns, of a table in parts */
	bool any;
};

static void renew_table(FlowPrinter *printer)
{
	const Form *form = printer->form;
	g_autofree TableColumn *columns = g_new(TableColumn, form->n);

	for (size_t i = 0; i < form->n; i++)
		columns[i] = form->fields[i].column;
	table_free(printer->table);
	printer->table = table_new(columns, form->n);
	printer->rows = 0;
}

static bool add_row(FlowPrinter *printer, const char *text, size_t len, GError **error)
{
	const Form *form = printer->form;
	json_t *flow = json_loadb(text, len, 0, NULL);

	if (!flow) {
		error_set(error, "the answer is not a JSON document");
		return false;
	}
	for (size_t i = 0; i < form->n; i++) {
		g_autofree char *cell = form->fields[i].cell(flow, form->fields[i].path);

		table_add(printer->table, g_strdup(*cell ? cell : form->empty));
	}
	printer->rows++;
	json_decref(flow);
	return true;
}

static void begin_table(FlowPrinter *printer, json_t *head)
{
	(void)head;
	renew_table(printer);
}

static void end_table(FlowPrinter *printer)
{
	table_print(printer->table, stdout, table_terminal_width(stdout));
}

static void end_wide(FlowPrinter *printer)
{
	table_print(printer->table, stdout, 0);
}

static void begin_parts(FlowPrinter *printer, json_t *head)
{
	begin_table(printer, head);
	printer->widths = g_new0(size_t, printer->form->n);
}

static void end_part(FlowPrinter *printer)
{
	table_print_part(printer->table, stdout, table_terminal_width(stdout), printer->widths);
	renew_table(printer);
}

static void end_wide_part(FlowPrinter *printer)
{
	table_print_part(printer->table, stdout, 0, printer->widths);
	renew_table(printer);
}

static void begin_csv(FlowPrinter *printer, json_t *head)
{
	(void)head;
	renew_table(printer);
	table_print_csv(printer->table, stdout);
}

static void end_csv(FlowPrinter *printer)
{
	table_print_csv_rows(printer->table, stdout);
	renew_table(printer);
}

static bool add_csv_row(FlowPrinter *printer, const char *text, size_t len, GError **error)
{
	if (!add_row(printer, text, len, error))
		return false;
	if (printer->rows == ROWS)
		end_csv(printer);
	return true;
}

/* Up to where the list begins, which is the last member. */
static void begin_json(FlowPrinter *printer, json_t *head)
{
	char *text = json_dumps(head, JSON_COMPACT);

	printf("%.*s", (int)(strlen(text) - strlen("]}")), text);
	free(text);
}

static bool print_json(FlowPrinter *printer, const char *text, size_t len, GError **error)
{
	fputs(printer->any ? ",\n" : "\n", stdout);
	fwrite(text, 1, len, stdout);
	printer->any = true;
	return true;
}

static void end_json(FlowPrinter *printer)
{
	puts(printer->any ? "\n]}" : "]}");
}

static void begin_lines(FlowPrinter *printer, json_t *head)
{
	(void)printer;
	(void)head;
}

static bool print_line(FlowPrinter *printer, const char *text, size_t len, GError **error)
{
	(void)printer;
	(void)error;
	fwrite(text, 1, len, stdout);
	putchar('\n');
	return true;
}

static void end_lines(FlowPrinter *printer)
{
	(void)printer;
}

#define FIELDS(fields) fields, G_N_ELEMENTS(fields)
#define FLOW_FIELDS table_fields, FIELDS_OF_FLOWS

/* The first is the default; "normal" is what linux-flow-exporter calls it. */
static const Form forms[][FORMS] = {
	{
		{ "table", FLOW_FIELDS, "-", begin_table, add_row, end_table, NULL },
		{ "normal", FLOW_FIELDS, "-", begin_table, add_row, end_table, NULL },
		{ "wide", FIELDS(all_fields), "-", begin_table, add_row, end_wide, NULL },
		{ "json", NULL, 0, NULL, begin_json, print_json, end_json, NULL },
		{ "csv", FIELDS(all_fields), "", begin_csv, add_csv_row, end_csv, NULL },
		{ "flowlog", NULL, 0, NULL, begin_lines, print_line, end_lines, "flowlog" },
	},
	/* Of those that are followed. */
	{
		{ "table", FIELDS(table_fields), "-", begin_parts, add_row, end_part, NULL },
		{ "normal", FIELDS(table_fields), "-", begin_parts, add_row, end_part, NULL },
		{ "wide", FIELDS(all_fields), "-", begin_parts, add_row, end_wide_part, NULL },
		{ "json", NULL, 0, NULL, begin_lines, print_line, end_lines, NULL },
		{ "csv", FIELDS(all_fields), "", begin_csv, add_csv_row, end_csv, NULL },
		{ "flowlog", NULL, 0, NULL, begin_lines, print_line, end_lines, "flowlog" },
	},
};

FlowPrinter *flow_printer_new(const char *form, bool follows, GError **error)
{
	for (size_t i = 0; i < FORMS; i++) {
		FlowPrinter *printer;

		if (form && strcmp(form, forms[follows][i].name))
			continue;
		printer = g_new0(FlowPrinter, 1);
		printer->form = &forms[follows][i];
		return printer;
	}
	error_set(error, "--output: \"%s\" is none of table, wide, json, csv, flowlog", form);
	return NULL;
}

void flow_printer_free(FlowPrinter *printer)
{
	if (!printer)
		return;
	table_free(printer->table);
	g_free(printer->widths);
	g_free(printer);
}

const char *flow_printer_form(const FlowPrinter *printer)
{
	return printer->form->request;
}

static bool take_head(json_t *head, void *user_data, GError **error)
{
	FlowPrinter *printer = user_data;

	(void)error;
	printer->form->head(printer, head);
	return true;
}

/* Whether standard output takes it, too. */
static bool take_item(const char *text, size_t len, void *user_data, GError **error)
{
	FlowPrinter *printer = user_data;

	if (!printer->form->item(printer, text, len, error))
		return false;
	if (!ferror(stdout))
		return true;
	error_from_errno(error, errno, "stdout");
	return false;
}

const ListTake flow_printer_take = { take_head, take_item };

void flow_printer_end(FlowPrinter *printer)
{
	printer->form->end(printer);
}
