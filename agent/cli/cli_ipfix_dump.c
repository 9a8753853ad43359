/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <glib.h>

#include "base/error.h"
#include "cli.h"
#include "cli_ask.h"
#include "cli_ipfix.h"
#include "ipfixcollect.h"

#define ENTERPRISE_NUMBER_DEFAULT 32473

typedef struct {
	char *udp;
	char *tcp;
	char *form;
	gint64 count;
	gint64 enterprise_number;
	char *config_path;
	char *run;
	char *path; /* NULL: standard input, unless udp or tcp is said */
} Options;

static void options_done(Options *options)
{
	g_free(options->udp);
	g_free(options->tcp);
	g_free(options->form);
	g_free(options->config_path);
	g_free(options->run);
	g_free(options->path);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_done)

static bool check(Options *options, int argc, char **argv, GError **error)
{
	if (argc > 2)
		error_set(error, "unexpected argument: %s", argv[2]);
	else if (!!options->udp + !!options->tcp + (argc > 1) > 1)
		error_set(error, "one of FILE, --udp and --tcp");
	else if (options->config_path && (options->udp || options->tcp || argc > 1))
		error_set(error, "--config sends flows, and prints nothing");
	else if (options->run && !options->config_path)
		error_set(error, "--run is for --config");
	else if (options->count < 1)
		error_set(error, "-n %" PRId64 ": expected 1 or more", options->count);
	else if (options->enterprise_number < 1 || options->enterprise_number > UINT32_MAX)
		error_set(error, "--enterprise-number %" PRId64 ": expected 1 to %" PRIu32,
			  options->enterprise_number, UINT32_MAX);
	else
		options->path = g_strdup(argc > 1 ? argv[1] : "-");
	return options->path;
}

static bool parse(Options *options, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "udp", 'u', 0, G_OPTION_ARG_STRING, &options->udp,
		  "Print what comes to this address by UDP", "ADDRESS:PORT" },
		{ "tcp", 't', 0, G_OPTION_ARG_STRING, &options->tcp, "The same by TCP",
		  "ADDRESS:PORT" },
		{ "output", 'o', 0, G_OPTION_ARG_STRING, &options->form,
		  "text (the default), table or json, a record a line", "FORM" },
		{ "count", 'n', 0, G_OPTION_ARG_INT64, &options->count, "End after N records",
		  "N" },
		{ "enterprise-number", 0, 0, G_OPTION_ARG_INT64, &options->enterprise_number,
		  "Of flowtally's own elements, where nothing announces them (32473)", "N" },
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config_path,
		  "Instead send the agent's flows to the collectors of this configuration of "
		  "linux-flow-exporter",
		  "FILE" },
		{ "run", 'r', 0, G_OPTION_ARG_FILENAME, &options->run,
		  "The same: find the agent by its directory `run`", "DIR" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("[FILE|-]");

	g_set_prgname("flowtally ipfix dump");
	g_option_context_set_summary(
		context, "Prints IPFIX messages, templates and records, of any exporter: from FILE "
			 "(RFC 5655), from standard input, or as a collector.");
	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, &argc, &argv, error) &&
	       check(options, argc, argv, error);
}

static bool find_source(const Options *options, IpfixSource *source, GError **error)
{
	const char *text = options->udp ? options->udp : options->tcp;

	*source = (IpfixSource){ .path = options->path, .listen_text = text };
	if (!text)
		return true;
	source->from = options->udp ? IPFIX_COLLECT_UDP : IPFIX_COLLECT_TCP;
	if (endpoint_parse(&source->listen, text))
		return true;
	error_set(error, "%s is not " ENDPOINT_FORM, text);
	return false;
}

static int run(const IpfixSource *source, IpfixPrinter *printer, Elements *elements)
{
	g_autoptr(GError) error = NULL;
	bool ok = ipfix_collect(source, printer, elements, &error);

	if (error)
		ask_complain("ipfix dump", error->message);
	return ask_flush() && ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cli_ipfix_dump(int argc, char **argv)
{
	g_auto(Options)
		options = { .count = INT64_MAX, .enterprise_number = ENTERPRISE_NUMBER_DEFAULT };
	g_autoptr(GError) error = NULL;
	g_autoptr(Elements) elements = NULL;
	g_autoptr(IpfixPrinter) printer = NULL;
	IpfixSource source;

	if (parse(&options, argc, argv, &error) && find_source(&options, &source, &error)) {
		if (options.config_path)
			return ipfix_send_flows(options.config_path, options.run,
						(uint32_t)options.enterprise_number);
		elements = elements_new((uint32_t)options.enterprise_number);
		printer = ipfix_printer_new(options.form, stdout, (uint64_t)options.count, elements,
					    &error);
	}
	if (printer)
		return run(&source, printer, elements);
	ask_complain("ipfix dump", error->message);
	return CLI_USAGE;
}
