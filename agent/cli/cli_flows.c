/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/control_ask.h"
#include "base/error.h"
#include "cli.h"
#include "cli_ask.h"
#include "base/log.h"
#include "filterwords.h"
#include "flowprinter.h"
#include "packetlog.h"
#include "recordfollow.h"
#include "report/flowquery.h"

/* Of frames, with --packets. */
#define DEFAULT_SAMPLE 100
#define MAX_SAMPLE 1000000000
#define SAMPLE_NOT_GIVEN G_MININT64

typedef struct {
	const char *subcommand; /* as it was called */
	char *config_path;
	char *run;
	char *output;
	char *order_name;
	char *units;
	gint limit; /* G_MAXINT: none */
	gboolean follow;
	gboolean packets;
	gint64 sample;
	char **interfaces;   /* with `packets` */
	char *packet_filter; /* the same; NULL: all packets */
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
	g_free(options->packet_filter);
	g_strfreev(options->interfaces);
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

/* They have nothing to do with an agent and its flows. */
static bool choose_packets(Options *options, char **words, GError **error)
{
	const struct {
		const char *option;
		bool given;
	} others[] = {
		{ "--config", options->config_path }, { "--run", options->run },
		{ "--output", options->output },      { "--follow", options->follow },
		{ "--sort", options->order_name },    { "--units", options->units },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		if (others[i].given) {
			error_set(error, "%s is not for --packets", others[i].option);
			return false;
		}
	}
	if (options->sample == SAMPLE_NOT_GIVEN)
		options->sample = DEFAULT_SAMPLE;
	if (options->sample < 1 || options->sample > MAX_SAMPLE) {
		error_set(error, "--sample: %" G_GINT64_FORMAT " is not from 1 to %d",
			  options->sample, MAX_SAMPLE);
		return false;
	}
	if (!*words) {
		error_set(error, "--packets: no interface is named");
		return false;
	}
	options->interfaces = g_strdupv(words);
	return !options->packet_filter ||
	       filter_words_check_of_packets(options->packet_filter, error);
}

static bool choose(Options *options, char **words, GError **error)
{
	if (options->limit < 0) {
		error_set(error, "--limit: %d is negative", options->limit);
		return false;
	}
	if (options->packets)
		return choose_packets(options, words, error);
	if (options->sample != SAMPLE_NOT_GIVEN || options->packet_filter) {
		error_set(error, "--%s is for --packets",
			  options->packet_filter ? "filter" : "sample");
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
		{ "packets", 0, 0, G_OPTION_ARG_NONE, &options->packets,
		  "Show single packets of INTERFACE..., by hooks of its own and without an agent",
		  NULL },
		{ "sample", 0, 0, G_OPTION_ARG_INT64, &options->sample,
		  "With --packets: one of N frames, at random; 1: all (default: 100)", "N" },
		{ "filter", 0, 0, G_OPTION_ARG_STRING, &options->packet_filter,
		  "With --packets: those that are shown", "FILTER" },
		{ "sort", 's', 0, G_OPTION_ARG_STRING, &options->order_name,
		  "octets (the default), packets, end, start or duration", "KEY" },
		{ "limit", 'n', 0, G_OPTION_ARG_INT, &options->limit, "Show the first N only",
		  "N" },
		{ "units", 'u', 0, G_OPTION_ARG_STRING, &options->units,
		  "Show octets as si (the default; GB), iec (GiB) or bytes", "UNITS" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context =
		g_option_context_new("[FILTER] | --packets [NETNS:]INTERFACE...");
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

static uint32_t count_of(const Options *options)
{
	return options->limit == G_MAXINT ? UINT32_MAX : (uint32_t)options->limit;
}

static bool follow(const Options *options, const char *path, FlowPrinter *printer, GError **error)
{
	return record_follow(path, options->filter, count_of(options), printer, error);
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

static int run_packets(const Options *options)
{
	const PacketChoice choice = {
		.interfaces = options->interfaces,
		.sample = (uint32_t)options->sample,
		.filter = options->packet_filter,
		.count = count_of(options),
	};
	g_autoptr(GError) error = NULL;

	log_init(G_LOG_LEVEL_WARNING);
	if (packet_log(&choice, &error))
		return EXIT_SUCCESS;
	ask_complain(options->subcommand, error->message);
	return EXIT_FAILURE;
}

static int run_flows(const Options *options)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(FlowPrinter) printer = flow_printer_new(options->output, options->follow, &error);

	if (printer)
		return run(options, printer);
	ask_complain(options->subcommand, error->message);
	return CLI_USAGE;
}

int cli_flows(int argc, char **argv)
{
	Options options = {
		.subcommand = argv[0],
		.limit = G_MAXINT,
		.sample = SAMPLE_NOT_GIVEN,
	};
	g_autoptr(GError) error = NULL;
	int status = CLI_USAGE;

	if (parse(&options, argc, argv, &error))
		status = (options.packets ? run_packets : run_flows)(&options);
	else
		ask_complain(options.subcommand, error->message);
	options_done(&options);
	return status;
}
