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
#include "base/control_ask.h"
#include "config/scalar.h"
#include "interval.h"
#include "moment.h"
#include "repeat.h"
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

/* What takes less time than an answer is no interval; and a timer has 32 bits. */
#define EVERY_MIN_MS 100
#define EVERY_MAX_MS (31 * UINT64_C(86400000))

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
	char *every;
	char *request;	   /* what is asked for */
	uint64_t every_ms; /* 0: once */
	gint count;	   /* of intervals, 0: until it is ended */
	gint limit;	   /* G_MAXINT: none */
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
	g_free(options->every);
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

static bool refuse(GError **error, const char *why)
{
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, why);
	return false;
}

static bool choose_since(Options *options, GError **error)
{
	uint64_t ms;

	if (!moment_parse(&ms, options->since, (uint64_t)g_get_real_time() / 1000, error)) {
		g_prefix_error(error, "--since: ");
		return false;
	}
	options->request = g_strdup_printf("since %" G_GUINT64_FORMAT, ms);
	return true;
}

/* A number alone is of seconds, as for vmstat(8). */
static bool choose_every(Options *options, GError **error)
{
	static const Setting every = { .type = SETTING_DURATION,
				       .min = EVERY_MIN_MS,
				       .max = EVERY_MAX_MS };
	bool is_number = strspn(options->every, "0123456789") == strlen(options->every);
	g_autofree char *text = g_strconcat(options->every, is_number ? "s" : "", NULL);
	g_autofree char *expected = scalar_expected(&every, text);

	if (options->since)
		return refuse(error, "--every: cannot be together with --since");
	if (!scalar_parse(&every, text, &options->every_ms)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--every: \"%s\" is %s", options->every, expected);
		return false;
	}
	options->request = g_strdup("live");
	return true;
}

static bool choose_request(const Question *question, Options *options, GError **error)
{
	if (options->count < 0)
		return refuse(error, "--count: is negative");
	if (options->count && !options->every)
		return refuse(error, "--count: says how many intervals of --every");
	if (options->every)
		return choose_every(options, error);
	if (options->since)
		return choose_since(options, error);
	options->request = g_strdup(question->request);
	return true;
}

bool ask_set_units(const char *name, GError **error)
{
	if (!name || text_parse_units(name, &units))
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--units: \"%s\" is none of si, iec, bytes", name);
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
	       choose_request(question, options, error) && ask_set_units(options->units, error) &&
	       (!options->by || grouping_parse(&options->grouping, options->by, error));
}

static GOptionContext *context_new(const Question *question, Options *options)
{
	const GOptionEntry common[] = {
		ASK_AGENT_OPTIONS(&options->config_path, &options->run),
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
	const GOptionEntry of_spans[] = {
		{ "since", 0, 0, G_OPTION_ARG_STRING, &options->since,
		  "Show what has come since then: " MOMENT_FORMS, "TIME" },
		{ "every", 0, 0, G_OPTION_ARG_STRING, &options->every,
		  "Show again and again what has come in this time alone: 5 or 5s, 500ms, 10m",
		  "DURATION" },
		{ "count", 0, 0, G_OPTION_ARG_INT, &options->count,
		  "End after N of these; else when interrupted", "N" },
		G_OPTION_ENTRY_NULL,
	};
	GOptionContext *context = g_option_context_new(NULL);

	g_option_context_add_main_entries(context, common, NULL);
	if (question->print_groups)
		g_option_context_add_main_entries(context, of_groups, NULL);
	if (question->has_spans)
		g_option_context_add_main_entries(context, of_spans, NULL);
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

int ask_complain_of_agent(const char *subcommand, const GError *error)
{
	bool refused = error->code == EACCES && geteuid() != 0;
	g_autofree char *why =
		g_strdup_printf("%s%s", error->message, refused ? " (ask as root)" : "");

	ask_complain(subcommand, why);
	return error->code == EINVAL ? CLI_USAGE : EXIT_FAILURE;
}

json_t *ask_agent(const char *subcommand, const char *path, const char *request)
{
	g_autoptr(GError) error = NULL;
	json_t *document = control_ask(path, request, &error);

	if (!document)
		(void)ask_complain_of_agent(subcommand, error);
	return document;
}

/* `groups` takes the place of the list. */
static void group(const Question *question, const Options *options, json_t *document)
{
	const json_t *list = json_object_get(document, question->list);

	json_object_set_new(document, "groups", grouping_apply(&options->grouping, list));
	json_object_del(document, question->list);
}

static const char *list_name(const Question *question, const Options *options)
{
	return options->by ? "groups" : question->list;
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

/* Of which time a table is, where it is not of all. What the history has is not always of the moment that was asked
 * for. */
static void print_span(const Options *options, const json_t *document)
{
	g_autofree char *since = ask_time(document, "since"), *until = ask_time(document, "time");

	if (options->every)
		printf("%s to %s, %.1f s\n", since, until,
		       ((double)text_time_ms(ask_string(document, "time")) -
			(double)text_time_ms(ask_string(document, "since"))) /
			       1000);
	else if (json_is_string(json_object_get(document, "since")))
		printf("since %s\n", since);
	else if (options->since)
		puts("since the beginning: there is no history so old");
}

static void print_table(const Question *question, const Options *options, const json_t *document,
			bool is_first)
{
	if (!is_first)
		putchar('\n');
	print_span(options, document);
	if (options->by)
		question->print_groups(document, &options->grouping);
	else
		question->print(document);
}

static AskCsv csv_of_interval(const json_t *document, const json_t *list, bool is_first)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
		json_object_set((json_t *)item, "time", json_object_get(document, "time"));
	return is_first ? ASK_CSV_FIRST : ASK_CSV_NEXT;
}

static void print_csv(const Question *question, const Options *options, const json_t *document,
		      bool is_first)
{
	const json_t *list = json_object_get(document, list_name(question, options));
	AskCsv csv = options->every ? csv_of_interval(document, list, is_first) : ASK_CSV_ONE;

	if (options->by)
		question->print_groups_csv(document, &options->grouping, csv);
	else
		question->print_csv(document, csv);
}

/* Of several documents each is a line. */
static void print_json(const Options *options, const json_t *document)
{
	(void)json_dumpf(document, stdout, options->every ? JSON_COMPACT : JSON_INDENT(2));
	putchar('\n');
}

bool ask_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	ask_complain("stdout", g_strerror(errno));
	return false;
}

/* Takes over @document. False: it could not be written. */
static bool show(const Question *question, const Options *options, json_t *document, bool is_first)
{
	if (options->by)
		group(question, options, document);
	if (question->list)
		arrange(options, document, list_name(question, options));
	if (options->output == OUTPUT_JSON)
		print_json(options, document);
	else if (options->output == OUTPUT_CSV)
		print_csv(question, options, document, is_first);
	else
		print_table(question, options, document, is_first);
	json_decref(document);
	return ask_flush();
}

static int answer(const Question *question, const Options *options, const char *path)
{
	json_t *document = ask_agent(question->request, path, options->request);
	bool is_balanced;

	if (!document)
		return EXIT_FAILURE;
	is_balanced = !json_is_false(json_object_get(document, "balanced"));
	return show(question, options, document, true) && is_balanced ? EXIT_SUCCESS : EXIT_FAILURE;
}

typedef struct {
	const Question *question;
	const Options *options;
	json_t *before; /* the last document, NULL: there was none yet */
	gint shown;
	bool failed;
} Intervals;

static bool take_interval(const json_t *document, void *user_data)
{
	Intervals *intervals = user_data;
	const Options *options = intervals->options;

	if (intervals->before) {
		json_t *interval = interval_between(intervals->before, document);

		intervals->failed =
			!show(intervals->question, options, interval, !intervals->shown);
		intervals->shown++;
		json_decref(intervals->before);
	}
	intervals->before = json_incref((json_t *)document);
	return !intervals->failed && (!options->count || intervals->shown < options->count);
}

static int answer_intervals(const Question *question, const Options *options, const char *path)
{
	Intervals intervals = { .question = question, .options = options };
	g_autoptr(GError) error = NULL;

	if (!repeat_ask(path, options->request, options->every_ms, take_interval, &intervals,
			&error)) {
		(void)ask_complain_of_agent(question->request, error);
		intervals.failed = true;
	}
	json_decref(intervals.before);
	return intervals.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int find_and_answer(const Question *question, const Options *options)
{
	g_autofree char *path = ask_find_agent(options->config_path, options->run);

	if (!path)
		return EXIT_FAILURE;
	return options->every ? answer_intervals(question, options, path) :
				answer(question, options, path);
}

int ask(const Question *question, int argc, char **argv)
{
	Options options = { .limit = G_MAXINT };
	int status = CLI_USAGE;

	if (parse(question, &options, argc, argv))
		status = find_and_answer(question, &options);
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

void ask_print_csv(const json_t *items, const AskField *fields, size_t n, AskCsv csv)
{
	static const AskField time = { { .title = "time" }, "time", ask_plain };
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(AskField));
	g_autoptr(Table) table = NULL;

	if (csv != ASK_CSV_ONE)
		g_array_append_val(all, time);
	g_array_append_vals(all, fields, (guint)n);
	table = table_of(items, (const AskField *)(const void *)all->data, all->len);
	if (csv == ASK_CSV_NEXT)
		table_print_csv_rows(table, stdout);
	else
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
