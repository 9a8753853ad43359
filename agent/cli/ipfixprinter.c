/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfixprinter.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "elements/elementvalue.h"
#include "table.h"

#define META "ipfix" /* the member of JSON that is no element */

/* How a field is shown. */
typedef struct {
	char *label; /* printable */
	char *key;   /* the same as a string of JSON */
	ElementType type;
	bool again;    /* a field before it has the same label */
	uint16_t next; /* field with the same label; 0: none */
} Column;

typedef struct Form Form;

struct IpfixPrinter {
	const Form *form;
	FILE *file;
	uint64_t left; /* records */
	const Elements *elements;
	char *exporter;
	IpfixHead head; /* of the message at hand */

	/* What records of one template look like; until a template or a type changes. */
	const IpfixTemplate *template;
	uint64_t changes; /* of the elements, when the columns were made */
	Column *columns;
	size_t columns_n;

	/* The table of records of that template in this message, NULL: none so far. */
	Table *table;
	size_t *widths; /* of the columns, as printed before */
	bool has_printed;

	GString *line;
};

struct Form {
	const char *name;
	IpfixHandler handler;
};

static void end_table(IpfixPrinter *printer)
{
	if (printer->table) {
		table_print_part(printer->table, printer->file, table_terminal_width(printer->file),
				 printer->widths);
		printer->has_printed = true;
	}
	g_clear_pointer(&printer->table, table_free);
}

static void forget_columns(IpfixPrinter *printer)
{
	end_table(printer);
	for (size_t i = 0; i < printer->columns_n; i++) {
		g_free(printer->columns[i].label);
		g_free(printer->columns[i].key);
	}
	g_clear_pointer(&printer->columns, g_free);
	g_clear_pointer(&printer->widths, g_free);
	printer->columns_n = 0;
	printer->template = NULL;
}

/* Its name, or its number if it has none or one that cannot stand in JSON. */
static char *label_of(const IpfixField *field, const Element *element)
{
	GString *label = g_string_new(NULL);

	if (element->name && strcmp(element->name, META))
		element_value_append_text(label, ELEMENT_STRING, (const uint8_t *)element->name,
					  strlen(element->name));
	else if (field->enterprise)
		g_string_append_printf(label, "%u:%u", field->enterprise, field->number);
	else
		g_string_append_printf(label, "%u", field->number);
	return g_string_free(label, FALSE);
}

static Element element_of(const IpfixPrinter *printer, const IpfixField *field)
{
	return elements_at(printer->elements, field->enterprise, field->number);
}

static char *key_of(const char *label)
{
	GString *key = g_string_new("\"");

	/* A label is printable; only these two have a meaning in JSON. */
	for (; *label; label++) {
		if (*label == '\\' || *label == '"')
			g_string_append_c(key, '\\');
		g_string_append_c(key, *label);
	}
	g_string_append(key, "\":");
	return g_string_free(key, FALSE);
}

/* Links the columns of one label, in their order. */
static void link_columns(Column *columns, size_t n)
{
	g_autoptr(GHashTable) last = g_hash_table_new(g_str_hash, g_str_equal);

	for (size_t i = 0; i < n; i++) {
		Column *before = g_hash_table_lookup(last, columns[i].label);

		columns[i].again = before;
		if (before)
			before->next = (uint16_t)i;
		g_hash_table_replace(last, columns[i].label, &columns[i]);
	}
}

static void know_columns(IpfixPrinter *printer, const IpfixTemplate *template)
{
	const uint64_t changes = elements_changes(printer->elements);

	if (printer->template == template && printer->changes == changes)
		return;
	forget_columns(printer);
	printer->template = template;
	printer->changes = changes;
	printer->columns_n = template->n;
	printer->columns = g_new0(Column, template->n);
	printer->widths = g_new0(size_t, template->n);
	for (uint16_t i = 0; i < template->n; i++) {
		Element element = element_of(printer, &template->fields[i]);
		Column *column = &printer->columns[i];

		column->label = label_of(&template->fields[i], &element);
		column->key = key_of(column->label);
		column->type = element.type;
	}
	link_columns(printer->columns, template->n);
}

static void print_line(IpfixPrinter *printer)
{
	g_string_append_c(printer->line, '\n');
	(void)fwrite(printer->line->str, 1, printer->line->len, printer->file);
	g_string_truncate(printer->line, 0);
}

static void on_begin(const IpfixHead *head, void *user_data)
{
	IpfixPrinter *printer = user_data;

	printer->head = *head;
}

static void on_template(const IpfixTemplate *template, void *user_data)
{
	(void)template;
	forget_columns(user_data);
}

static void on_withdrawal(uint16_t id, void *user_data)
{
	(void)id;
	forget_columns(user_data);
}

static void on_end(void *user_data)
{
	IpfixPrinter *printer = user_data;

	end_table(printer);
	fflush(printer->file);
}

/* --- text */

static void append_time(GString *line, uint32_t seconds)
{
	const uint8_t octets[] = { (uint8_t)(seconds >> 24), (uint8_t)(seconds >> 16),
				   (uint8_t)(seconds >> 8), (uint8_t)seconds };

	element_value_append_text(line, ELEMENT_DATE_TIME_SECONDS, octets, sizeof(octets));
}

static void text_begin(const IpfixHead *head, void *user_data)
{
	IpfixPrinter *printer = user_data;

	on_begin(head, printer);
	g_string_append_printf(printer->line,
			       "message %" PRIu64 " at octet %" PRIu64
			       ": %u octets, domain %u, sequence %u, exported ",
			       head->number, head->offset, head->len, head->domain, head->sequence);
	append_time(printer->line, head->export_time_s);
	if (printer->exporter)
		g_string_append_printf(printer->line, " by %s", printer->exporter);
	print_line(printer);
}

static void append_field(const IpfixPrinter *printer, const IpfixField *field)
{
	Element element = element_of(printer, field);
	g_autofree char *label = label_of(field, &element);

	g_string_append_printf(printer->line, "    %s", label);
	if (element.name && field->enterprise)
		g_string_append_printf(printer->line, " (%u:%u)", field->enterprise, field->number);
	else if (element.name)
		g_string_append_printf(printer->line, " (%u)", field->number);
	g_string_append_printf(printer->line, ": %s", element_type_name(element.type));
	if (field->len == ELEMENT_VARIABLE)
		g_string_append(printer->line, ", any length");
	else
		g_string_append_printf(printer->line, ", %u octets", field->len);
}

static void text_template(const IpfixTemplate *template, void *user_data)
{
	IpfixPrinter *printer = user_data;

	on_template(template, printer);
	g_string_append_printf(printer->line, "  %s %u: %u fields",
			       template->is_options ? "options template" : "template", template->id,
			       template->n);
	print_line(printer);
	for (uint16_t i = 0; i < template->n; i++) {
		append_field(printer, &template->fields[i]);
		if (i < template->scope_n)
			g_string_append(printer->line, ", scope");
		print_line(printer);
	}
}

static void text_withdrawal(uint16_t id, void *user_data)
{
	IpfixPrinter *printer = user_data;

	on_withdrawal(id, printer);
	g_string_append_printf(printer->line, "  withdrawn: template %u", id);
	print_line(printer);
}

static bool text_record(const IpfixTemplate *template, const IpfixValue *values, void *user_data)
{
	IpfixPrinter *printer = user_data;

	know_columns(printer, template);
	g_string_append_printf(printer->line, "  %s of template %u",
			       template->is_options ? "options" : "record", template->id);
	print_line(printer);
	for (uint16_t i = 0; i < template->n; i++) {
		g_string_append_printf(printer->line, "    %s%s: ", printer->columns[i].label,
				       i < template->scope_n ? " (scope)" : "");
		element_value_append_text(printer->line, printer->columns[i].type, values[i].octets,
					  values[i].len);
		print_line(printer);
	}
	return --printer->left;
}

static void text_unknown(uint16_t set_id, size_t len, void *user_data)
{
	IpfixPrinter *printer = user_data;

	g_string_append_printf(printer->line, "  set %u: no template for its %zu octets", set_id,
			       len);
	print_line(printer);
}

/* --- tables */

static bool is_number(ElementType type)
{
	return type >= ELEMENT_UNSIGNED8 && type <= ELEMENT_FLOAT64;
}

static void begin_table(IpfixPrinter *printer)
{
	g_autofree TableColumn *columns = g_new0(TableColumn, printer->columns_n);

	for (size_t i = 0; i < printer->columns_n; i++) {
		columns[i].title = printer->columns[i].label;
		columns[i].align = is_number(printer->columns[i].type) ? TABLE_RIGHT : TABLE_LEFT;
	}
	printer->table = table_new(columns, printer->columns_n);
	/* Its head comes first, and an empty line between it and the table before. */
	if (printer->has_printed && !printer->widths[0])
		fputc('\n', printer->file);
}

static bool table_record(const IpfixTemplate *template, const IpfixValue *values, void *user_data)
{
	IpfixPrinter *printer = user_data;

	know_columns(printer, template);
	if (!printer->table)
		begin_table(printer);
	for (uint16_t i = 0; i < template->n; i++) {
		GString *cell = g_string_new(NULL);

		element_value_append_text(cell, printer->columns[i].type, values[i].octets,
					  values[i].len);
		table_add(printer->table, g_string_free(cell, FALSE));
	}
	return --printer->left;
}

/* --- JSON */

static void append_scope(GString *line, const Column *columns, uint16_t n)
{
	g_string_append(line, ",\"scope\":[");
	for (uint16_t i = 0; i < n; i++) {
		if (i)
			g_string_append_c(line, ',');
		/* Without the colon. */
		g_string_append_len(line, columns[i].key, (gssize)strlen(columns[i].key) - 1);
	}
	g_string_append_c(line, ']');
}

static void append_meta(const IpfixPrinter *printer, const IpfixTemplate *template)
{
	GString *line = printer->line;

	g_string_append_printf(line,
			       "{\"" META "\":{\"message\":%" PRIu64
			       ",\"domain\":%u,\"template\":%u,\"exportTime\":\"",
			       printer->head.number, printer->head.domain, template->id);
	append_time(line, printer->head.export_time_s);
	g_string_append_c(line, '"');
	if (printer->exporter)
		g_string_append_printf(line, ",\"exporter\":\"%s\"", printer->exporter);
	if (template->is_options)
		append_scope(line, printer->columns, template->scope_n);
	g_string_append_c(line, '}');
}

static void append_values(const IpfixPrinter *printer, const IpfixValue *values, size_t first)
{
	const Column *columns = printer->columns;

	if (columns[first].next)
		g_string_append_c(printer->line, '[');
	for (size_t i = first;; i = columns[i].next) {
		element_value_append_json(printer->line, columns[i].type, values[i].octets,
					  values[i].len);
		if (!columns[i].next)
			break;
		g_string_append_c(printer->line, ',');
	}
	if (columns[first].next)
		g_string_append_c(printer->line, ']');
}

static bool json_record(const IpfixTemplate *template, const IpfixValue *values, void *user_data)
{
	IpfixPrinter *printer = user_data;

	know_columns(printer, template);
	append_meta(printer, template);
	for (uint16_t i = 0; i < template->n; i++) {
		if (printer->columns[i].again)
			continue;
		g_string_append_c(printer->line, ',');
		g_string_append(printer->line, printer->columns[i].key);
		append_values(printer, values, i);
	}
	g_string_append_c(printer->line, '}');
	print_line(printer);
	return --printer->left;
}

static const Form forms[] = {
	{ "text",
	  { text_begin, text_template, text_withdrawal, text_record, text_unknown, on_end } },
	{ "table", { on_begin, on_template, on_withdrawal, table_record, NULL, on_end } },
	{ "json", { on_begin, on_template, on_withdrawal, json_record, NULL, on_end } },
};

IpfixPrinter *ipfix_printer_new(const char *form, FILE *file, uint64_t max,
				const Elements *elements, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
		IpfixPrinter *printer;

		if (form && strcmp(form, forms[i].name))
			continue;
		printer = g_new0(IpfixPrinter, 1);
		printer->form = &forms[i];
		printer->file = file;
		printer->left = max;
		printer->elements = elements;
		printer->line = g_string_new(NULL);
		return printer;
	}
	error_set(error, "-o %s: there is text, table and json", form);
	return NULL;
}

void ipfix_printer_free(IpfixPrinter *printer)
{
	if (!printer)
		return;
	forget_columns(printer);
	g_string_free(printer->line, TRUE);
	g_free(printer->exporter);
	g_free(printer);
}

const IpfixHandler *ipfix_printer_handler(const IpfixPrinter *printer)
{
	return &printer->form->handler;
}

void ipfix_printer_set_exporter(IpfixPrinter *printer, const char *exporter)
{
	g_free(printer->exporter);
	printer->exporter = g_strdup(exporter);
}

bool ipfix_printer_is_done(const IpfixPrinter *printer)
{
	return !printer->left;
}
