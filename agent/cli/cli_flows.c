/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/control_ask.h"
#include "base/error.h"
#include "cli.h"
#include "cli_ask.h"
#include "filterwords.h"
#include "flowprinter.h"
#include "recordfollow.h"
#include "report/flowquery.h"

typedef struct {
	const char *subcommand; /* as it was called */
	char *config_path;
	char *run;
	char *output;
	char *order_name;
	char *units;
	gint limit; /* G_MAXINT: none */
	gboolean follow;
	FlowOrder order;
	char *filter; /* NULL: all flows */
} Options;

static void options_done(Options *options)
{
	g_free(options->config_path);
	g_free(options->run);
	g_free(options->output);
	g_free(options->order_name);
	g_free(options->units);
	g_free(options->filter);
}

static bool choose_order(Options *options, GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	if (!options->order_name || flow_order_parse(&options->order, options->order_name))
		return true;
	for (int i = 0; i < FLOW_ORDERS; i++)
		g_string_append_printf(names, "%s%s", i ? ", " : "", flow_order_names[i]);
	error_set(error, "--sort: \"%s\" is none of %s", options->order_name, names->str);
	return false;
}

/* Records come in the order in which they leave. */
static bool choose_follow(const Options *options, GError **error)
{
	if (!options->follow || !options->order_name)
		return true;
	error_set(error, "--sort is not for --follow");
	return false;
}

static bool choose(Options *options, char **words, GError **error)
{
	if (options->limit < 0) {
		error_set(error, "--limit: %d is negative", options->limit);
		return false;
	}
	if (!choose_follow(options, error) || !choose_order(options, error) ||
	    !ask_set_units(options->units, error))
		return false;
	options->filter = *words ? filter_words_join(words, error) : NULL;
	return options->filter || !*words;
}

static bool parse(Options *options, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		ASK_AGENT_OPTIONS(&options->config_path, &options->run),
		{ "output", 'o', 0, G_OPTION_ARG_STRING, &options->output,
		  "table (the default), wide, json, csv or flowlog", "FORMAT" },
		{ "follow", 'f', 0, G_OPTION_ARG_NONE, &options->follow,
		  "Show each record as it leaves, until it is ended", NULL },
		{ "sort", 's', 0, G_OPTION_ARG_STRING, &options->order_name,
		  "octets (the default), packets, end, start or duration", "KEY" },
		{ "limit", 'n', 0, G_OPTION_ARG_INT, &options->limit, "Show the first N only",
		  "N" },
		{ "units", 'u', 0, G_OPTION_ARG_STRING, &options->units,
		  "Show octets as si (the default; GB), iec (GiB) or bytes", "UNITS" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("[FILTER]");
	g_autofree char *name = g_strdup_printf("flowtally %s", options->subcommand);

	g_set_prgname(name);
	g_option_context_set_summary(context, "Shows the flows that are metered, or those that "
					      "FILTER means; flowtally(8) has its words.");
	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, &argc, &argv, error) &&
	       choose(options, argv + 1, error);
}

static char *request_of(const Options *options, const FlowPrinter *printer)
{
	GString *request = g_string_new(NULL);

	g_string_printf(request, "flows sort=%s", flow_order_names[options->order]);
	if (options->limit != G_MAXINT)
		g_string_append_printf(request, " limit=%d", options->limit);
	if (flow_printer_form(printer))
		g_string_append_printf(request, " as=%s", flow_printer_form(printer));
	if (options->filter)
		g_string_append_printf(request, " %s", options->filter);
	return g_string_free(request, FALSE);
}

typedef struct {
	const char *path;
	FlowPrinter *printer;
} Answer;

static bool take_head(json_t *head, void *user_data, GError **error)
{
	const Answer *answer = user_data;

	return control_check_answer(head, answer->path, error) &&
	       flow_printer_take.head(head, answer->printer, error);
}

static bool take_item(const char *text, size_t len, void *user_data, GError **error)
{
	return flow_printer_take.item(text, len, ((const Answer *)user_data)->printer, error);
}

static bool feed(const char *octets, size_t len, void *user_data, GError **error)
{
	return list_reader_feed(user_data, octets, len, error);
}

static bool print_answer(const Options *options, const char *path, FlowPrinter *printer,
			 GError **error)
{
	static const ListTake take = { take_head, take_item };
	Answer answer = { path, printer };
	g_autoptr(ListReader) reader = list_reader_new(&take, &answer);
	g_autofree char *request = request_of(options, printer);

	if (!control_ask_pieces(path, request, feed, reader, error) ||
	    !list_reader_end(reader, error))
		return false;
	flow_printer_end(printer);
	return true;
}

static bool follow(const Options *options, const char *path, FlowPrinter *printer, GError **error)
{
	uint32_t count = options->limit == G_MAXINT ? UINT32_MAX : (uint32_t)options->limit;

	return record_follow(path, options->filter, count, printer, error);
}

static int run(const Options *options, FlowPrinter *printer)
{
	g_autofree char *path = ask_find_agent(options->config_path, options->run);
	g_autoptr(GError) error = NULL;

	if (!path)
		return EXIT_FAILURE;
	if ((options->follow ? follow : print_answer)(options, path, printer, &error))
		return ask_flush() ? EXIT_SUCCESS : EXIT_FAILURE;
	return ask_complain_of_agent(options->subcommand, error);
}

int cli_flows(int argc, char **argv)
{
	Options options = { .subcommand = argv[0], .limit = G_MAXINT };
	g_autoptr(FlowPrinter) printer = NULL;
	g_autoptr(GError) error = NULL;
	int status = CLI_USAGE;

	if (parse(&options, argc, argv, &error))
		printer = flow_printer_new(options.output, options.follow, &error);
	if (printer)
		status = run(&options, printer);
	else
		ask_complain(options.subcommand, error->message);
	options_done(&options);
	return status;
}
