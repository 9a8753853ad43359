/* SPDX-License-Identifier: Apache-2.0 */
#include "top_plain.h"

#include <inttypes.h>
#include <math.h>

#include "base/text.h"

#define SCHEMA 1

static const char *const direction_names[DIRECTIONS] = {
	[DIRECTION_UPLOAD] = "upload",
	[DIRECTION_DOWNLOAD] = "download",
};

static const char *const rate_names[RATE_WINDOWS] = {
	[RATE_2S] = "octets_per_second_2s",
	[RATE_10S] = "octets_per_second_10s",
	[RATE_40S] = "octets_per_second_40s",
};

/* The one that people read first comes first. */
static const enum direction directions[DIRECTIONS] = { DIRECTION_DOWNLOAD, DIRECTION_UPLOAD };

/* RFC 3339. */
static char *time_text(uint64_t ms)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc((gint64)(ms / 1000));
	g_autofree char *text = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");

	return g_strdup_printf("%s.%03uZ", text, (unsigned int)(ms % 1000));
}

char *top_plain_time(const TopState *state)
{
	g_autoptr(GDateTime) time =
		g_date_time_new_from_unix_local((gint64)(state->time_ms / 1000));

	return g_date_time_format(time, "%H:%M:%S");
}

static void set_figures(json_t *object, const TopFigures *figures)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		enum direction direction = directions[i];
		json_t *volume = json_object();

		json_object_set_new(volume, "packets",
				    json_integer((json_int_t)figures->packets[direction]));
		json_object_set_new(volume, "octets",
				    json_integer((json_int_t)figures->octets[direction]));
		for (int window = 0; window < RATE_WINDOWS; window++)
			json_object_set_new(
				volume, rate_names[window],
				json_integer(llround(figures->rate[direction][window])));
		json_object_set_new(object, direction_names[direction], volume);
	}
}

static json_t *text_value(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *account_object(const TopRow *row)
{
	json_t *object = json_object();

	json_object_set_new(object, "address", text_value(row->host));
	json_object_set_new(object, "family", text_value(row->family));
	json_object_set_new(object, "scope", text_value(row->place));
	set_figures(object, &row->figures);
	return object;
}

static json_t *account_list(const TopModel *model, const TopRow *device)
{
	g_autoptr(GPtrArray) rows = top_model_addresses(model, device->key);
	json_t *list = json_array();

	for (guint i = 0; i < rows->len; i++)
		json_array_append_new(list, account_object(rows->pdata[i]));
	return list;
}

static json_t *host_object(const TopModel *model, const TopRow *row)
{
	json_t *object = json_object();

	json_object_set_new(object, "host", text_value(row->host));
	json_object_set_new(object, "name", text_value(row->name));
	json_object_set_new(object, "interface", text_value(row->place));
	set_figures(object, &row->figures);
	if (row->host)
		json_object_set_new(object, "accounts", account_list(model, row));
	return object;
}

json_t *top_plain_document(const TopModel *model, size_t limit)
{
	const TopState *state = top_model_state(model);
	const GPtrArray *rows = top_model_rows(model);
	json_t *object = json_object(), *hosts = json_array(), *total = json_object();
	g_autofree char *time = time_text(state->time_ms);

	for (guint i = 0; i < rows->len && i < limit; i++)
		json_array_append_new(hosts, host_object(model, rows->pdata[i]));
	set_figures(total, &state->total);
	json_object_set_new(object, "schema", json_integer(SCHEMA));
	json_object_set_new(object, "time", json_string(time));
	json_object_set_new(object, "measured_ms", json_integer((json_int_t)state->measured_ms));
	json_object_set_new(object, "total", total);
	json_object_set_new(object, "hosts", hosts);
	return object;
}

char *top_plain_devices(const TopState *state)
{
	return g_strdup_printf("%u %s", state->devices, state->devices == 1 ? "device" : "devices");
}

static void print_head(const TopModel *model, const TopUnits *units, FILE *file)
{
	const TopState *state = top_model_state(model);
	g_autofree char *devices = top_plain_devices(state);
	g_autofree char *time = top_plain_time(state);
	g_autofree char *down =
		top_rate(state->total.rate[DIRECTION_DOWNLOAD][state->window], units);
	g_autofree char *up = top_rate(state->total.rate[DIRECTION_UPLOAD][state->window], units);

	fprintf(file, "%s  down %s  up %s  %u of %s\n", time, down, up, top_model_rows(model)->len,
		devices);
}

void top_plain_table(const TopModel *model, size_t limit, const TopUnits *units, FILE *file,
		     size_t width)
{
	const GPtrArray *rows = top_model_rows(model);
	TableColumn columns[TOP_COLUMNS];
	g_autoptr(Table) table = NULL;

	for (size_t i = 0; i < TOP_COLUMNS; i++)
		columns[i] = top_columns[i].column;
	table = table_new(columns, TOP_COLUMNS);
	for (guint i = 0; i < rows->len && i < limit; i++) {
		for (size_t j = 0; j < TOP_COLUMNS; j++)
			table_add(table, top_cell(rows->pdata[i], &top_columns[j], units));
	}
	print_head(model, units, file);
	table_print(table, file, width);
}

#define RATE_TITLES(direction)                                                                     \
	direction "_octets_per_second_2s", direction "_octets_per_second_10s",                     \
		direction "_octets_per_second_40s"
#define FIGURE_TITLES(direction) direction "_packets", direction "_octets", RATE_TITLES(direction)

static const char *const csv_titles[] = {
	"time", "host", "name", "interface", FIGURE_TITLES("download"), FIGURE_TITLES("upload"),
};

static Table *csv_table(void)
{
	TableColumn columns[G_N_ELEMENTS(csv_titles)] = { 0 };

	for (size_t i = 0; i < G_N_ELEMENTS(csv_titles); i++)
		columns[i].title = csv_titles[i];
	return table_new(columns, G_N_ELEMENTS(csv_titles));
}

static void add_number(Table *table, uint64_t number)
{
	table_add(table, g_strdup_printf("%" PRIu64, number));
}

static void add_csv_figures(Table *table, const TopFigures *figures)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		add_number(table, figures->packets[directions[i]]);
		add_number(table, figures->octets[directions[i]]);
		for (int window = 0; window < RATE_WINDOWS; window++)
			add_number(table, (uint64_t)llround(figures->rate[directions[i]][window]));
	}
}

void top_plain_csv(const TopModel *model, size_t limit, bool with_head, FILE *file)
{
	const GPtrArray *rows = top_model_rows(model);
	g_autoptr(Table) table = csv_table();

	for (guint i = 0; i < rows->len && i < limit; i++) {
		const TopRow *row = rows->pdata[i];

		table_add(table, time_text(top_model_state(model)->time_ms));
		table_add(table, g_strdup(row->host ? row->host : ""));
		table_add(table, g_strdup(row->name));
		table_add(table, g_strdup(row->place));
		add_csv_figures(table, &row->figures);
	}
	if (with_head)
		table_print_csv(table, file);
	else
		table_print_csv_rows(table, file);
}
