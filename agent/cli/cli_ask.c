/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "config/config.h"
#include "base/control.h"
#include "moment.h"
#include "base/text.h"

typedef enum {
	OUTPUT_TABLE,
	OUTPUT_JSON,
	OUTPUT_CSV,
	OUTPUTS,
} Output;

static const char *const output_names[OUTPUTS] = {
	[OUTPUT_TABLE] = "table",
	[OUTPUT_JSON] = "json",
	[OUTPUT_CSV] = "csv",
};

/* Of ask_octets(), as --units says. */
static TextUnits units = TEXT_SI;

typedef struct {
	char *config_path;
	char *run;
	char *output_name;
	char *order_name;
	char *by;
	char *units;
	char *since;
	char *request; /* what is asked for */
	gint limit;    /* G_MAXINT: none */
	Output output;
	const AskOrder *order;
	Grouping grouping; /* if there is `by` */
} Options;

static void options_done(Options *options)
{
	g_free(options->config_path);
	g_free(options->run);
	g_free(options->output_name);
	g_free(options->order_name);
	g_free(options->by);
	g_free(options->since);
	g_free(options->request);
	g_free(options->units);
}

void ask_complain(const char *what, const char *why)
{
	g_autofree char *text = text_printable(why);

	fprintf(stderr, "flowtally: %s: %s\n", what, text);
}

static bool choose_output(const Question *question, Options *options, GError **error)
{
	const char *name = options->output_name ? options->output_name : output_names[OUTPUT_TABLE];

	for (int i = 0; i < OUTPUTS; i++) {
		if (!strcmp(name, output_names[i]) && (i != OUTPUT_CSV || question->print_csv)) {
			options->output = (Output)i;
			return true;
		}
	}
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--output: \"%s\" is none of table, json%s", name,
		    question->print_csv ? ", csv" : "");
	return false;
}

static bool choose_order(const Question *question, Options *options, GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	options->order = question->orders;
	if (!options->order_name)
		return true;
	for (; options->order->name; options->order++) {
		if (!strcmp(options->order_name, options->order->name))
			return true;
		g_string_append_printf(names, "%s%s", names->len ? ", " : "", options->order->name);
	}
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--sort: \"%s\" is none of %s",
		    options->order_name, names->str);
	return false;
}

static bool choose_request(const Question *question, Options *options, GError **error)
{
	uint64_t ms;

	if (!options->since) {
		options->request = g_strdup(question->request);
		return true;
	}
	if (!moment_parse(&ms, options->since, (uint64_t)g_get_real_time() / 1000, error)) {
		g_prefix_error(error, "--since: ");
		return false;
	}
	options->request = g_strdup_printf("since %" G_GUINT64_FORMAT, ms);
	return true;
}

static bool choose_units(const Options *options, GError **error)
{
	if (!options->units || text_parse_units(options->units, &units))
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--units: \"%s\" is none of si, iec, bytes", options->units);
	return false;
}

static bool choose(const Question *question, Options *options, int argc, char **argv,
		   GError **error)
{
	if (argc > 1) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION,
			    "unexpected argument: %s", argv[1]);
		return false;
	}
	if (options->limit < 0) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--limit: %d is negative", options->limit);
		return false;
	}
	return choose_output(question, options, error) && choose_order(question, options, error) &&
	       choose_request(question, options, error) && choose_units(options, error) &&
	       (!options->by || grouping_parse(&options->grouping, options->by, error));
}

static GOptionContext *context_new(const Question *question, Options *options)
{
	const GOptionEntry common[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config_path,
		  "Find the agent by FILE instead of " CONFIG_DEFAULT_PATH, "FILE" },
		{ "run", 'r', 0, G_OPTION_ARG_FILENAME, &options->run,
		  "Find the agent by its directory `run`", "DIR" },
		{ "output", 'o', 0, G_OPTION_ARG_STRING, &options->output_name,
		  question->print_csv ? "table (the default), json or csv" :
					"table (the default) or json",
		  "FORMAT" },
		G_OPTION_ENTRY_NULL,
	};
	const GOptionEntry of_lists[] = {
		{ "sort", 's', 0, G_OPTION_ARG_STRING, &options->order_name,
		  "total (the default), download, upload or name", "KEY" },
		{ "limit", 'n', 0, G_OPTION_ARG_INT, &options->limit, "Show the first N rows only",
		  "N" },
		{ "units", 'u', 0, G_OPTION_ARG_STRING, &options->units,
		  "Show octets as si (the default; GB), iec (GiB) or bytes", "UNITS" },
		G_OPTION_ENTRY_NULL,
	};
	const GOptionEntry of_groups[] = {
		{ "by", 'b', 0, G_OPTION_ARG_STRING, &options->by,
		  "Add up by one or more of device, address, interface, family, scope",
		  "KEY[,KEY]..." },
		G_OPTION_ENTRY_NULL,
	};
	const GOptionEntry of_moments[] = {
		{ "since", 0, 0, G_OPTION_ARG_STRING, &options->since,
		  "Show what has come since then: " MOMENT_FORMS, "TIME" },
		G_OPTION_ENTRY_NULL,
	};
	GOptionContext *context = g_option_context_new(NULL);

	g_option_context_add_main_entries(context, common, NULL);
	if (question->print_groups)
		g_option_context_add_main_entries(context, of_groups, NULL);
	if (question->has_since)
		g_option_context_add_main_entries(context, of_moments, NULL);
	if (question->list)
		g_option_context_add_main_entries(context, of_lists, NULL);
	g_option_context_set_summary(context, question->summary);
	return context;
}

static bool parse(const Question *question, Options *options, int argc, char **argv)
{
	g_autoptr(GOptionContext) context = context_new(question, options);
	g_autofree char *name = g_strdup_printf("flowtally %s", question->request);
	g_autoptr(GError) error = NULL;

	g_set_prgname(name);
	if (g_option_context_parse(context, &argc, &argv, &error) &&
	    choose(question, options, argc, argv, &error))
		return true;
	ask_complain(question->request, error->message);
	return false;
}

/* The directory `run` of the agent, NULL if the configuration cannot be read. */
static char *find_run(const char *config_path)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	char *run = config_find_run(config_path, errors);

	for (guint i = 0; i < errors->len; i++)
		fprintf(stderr, "flowtally: %s\n", (const char *)errors->pdata[i]);
	return run;
}

char *ask_find_agent(const char *config_path, const char *run)
{
	g_autofree char *found = run ? g_strdup(run) : find_run(config_path);

	return found ? g_build_filename(found, CONTROL_SOCKET, NULL) : NULL;
}

void ask_complain_of_agent(const char *subcommand, const GError *error)
{
	bool refused = error->code == EACCES && geteuid() != 0;
	g_autofree char *why =
		g_strdup_printf("%s%s", error->message, refused ? " (ask as root)" : "");

	ask_complain(subcommand, why);
}

json_t *ask_agent(const char *subcommand, const char *path, const char *request)
{
	g_autoptr(GError) error = NULL;
	json_t *document = control_ask(path, request, &error);

	if (!document)
		ask_complain_of_agent(subcommand, error);
	return document;
}

static json_t *fetch(const Question *question, const Options *options)
{
	g_autofree char *path = ask_find_agent(options->config_path, options->run);

	return path ? ask_agent(question->request, path, options->request) : NULL;
}

/* `groups` takes the place of the list. */
static void group(const Question *question, const Options *options, json_t *document)
{
	const json_t *list = json_object_get(document, question->list);

	json_object_set_new(document, "groups", grouping_apply(&options->grouping, list));
	json_object_del(document, question->list);
}

/* Sorts the list called @name and cuts it. */
static void arrange(const Options *options, json_t *document, const char *name)
{
	json_t *list = json_object_get(document, name);
	g_autoptr(GPtrArray) items = g_ptr_array_new();
	json_t *arranged = json_array();
	size_t limit = json_array_size(list), i;
	json_t *item;

	json_array_foreach(list, i, item) g_ptr_array_add(items, item);
	g_ptr_array_sort(items, options->order->compare);
	limit = MIN(limit, (size_t)options->limit);
	for (i = 0; i < limit; i++)
		json_array_append(arranged, items->pdata[i]);
	json_object_set_new(document, name, arranged);
}

static void print(const Question *question, const Options *options, const json_t *document)
{
	const json_t *groups = json_object_get(document, "groups");

	switch (options->output) {
	case OUTPUT_JSON:
		(void)json_dumpf(document, stdout, JSON_INDENT(2));
		putchar('\n');
		break;
	case OUTPUT_CSV:
		if (groups)
			question->print_groups_csv(document, &options->grouping);
		else
			question->print_csv(document);
		break;
	case OUTPUT_TABLE:
	default:
		if (groups)
			question->print_groups(document, &options->grouping);
		else
			question->print(document);
		break;
	}
}

static bool flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	ask_complain("stdout", g_strerror(errno));
	return false;
}

static int answer(const Question *question, const Options *options)
{
	json_t *document = fetch(question, options);
	bool is_well;

	if (!document)
		return EXIT_FAILURE;
	if (options->by)
		group(question, options, document);
	if (question->list)
		arrange(options, document, options->by ? "groups" : question->list);
	print(question, options, document);
	is_well = flush() && !json_is_false(json_object_get(document, "balanced"));
	json_decref(document);
	return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}

int ask(const Question *question, int argc, char **argv)
{
	Options options = { .limit = G_MAXINT };
	int status = CLI_USAGE;

	if (parse(question, &options, argc, argv))
		status = answer(question, &options);
	options_done(&options);
	return status;
}

static Table *table_of(const json_t *items, const AskField *fields, size_t n)
{
	g_autofree TableColumn *columns = g_new(TableColumn, n);
	Table *table;
	json_t *item;
	size_t row;

	for (size_t i = 0; i < n; i++)
		columns[i] = fields[i].column;
	table = table_new(columns, n);
	json_array_foreach((json_t *)items, row, item)
	{
		for (size_t i = 0; i < n; i++)
			table_add(table, fields[i].cell(item, fields[i].path));
	}
	return table;
}

void ask_print_list(const json_t *items, const AskField *fields, size_t n)
{
	g_autoptr(Table) table = table_of(items, fields, n);

	table_print(table, stdout, table_terminal_width(stdout));
}

void ask_print_csv(const json_t *items, const AskField *fields, size_t n)
{
	g_autoptr(Table) table = table_of(items, fields, n);

	table_print_csv(table, stdout);
}

json_t *ask_member(const json_t *item, const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");
		json_t *member = json_object_getn(item, path, len);

		if (!path[len])
			return member;
		item = member;
		path += len + 1;
	}
}

const char *ask_string(const json_t *item, const char *path)
{
	const char *text = json_string_value(ask_member(item, path));

	return text ? text : "";
}

json_int_t ask_integer(const json_t *item, const char *path)
{
	return json_integer_value(ask_member(item, path));
}

char *ask_plain(const json_t *item, const char *path)
{
	const json_t *member = ask_member(item, path);

	if (json_is_string(member))
		return g_strdup(json_string_value(member));
	if (json_is_integer(member))
		return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(member));
	if (json_is_boolean(member))
		return g_strdup(json_is_true(member) ? "yes" : "no");
	return g_strdup("");
}

char *ask_volume(uint64_t octets)
{
	return text_volume(octets, units);
}

char *ask_octets(const json_t *item, const char *path)
{
	return ask_volume((uint64_t)ask_integer(item, path));
}

char *ask_time(const json_t *item, const char *path)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_iso8601(ask_string(item, path), NULL);
	g_autoptr(GDateTime) local = utc ? g_date_time_to_local(utc) : NULL;

	return local ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S") : g_strdup("never");
}
