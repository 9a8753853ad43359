/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/control_ask.h"
#include "base/error.h"
#include "cli.h"
#include "cli_ask.h"
#include "filterwords.h"

typedef struct {
	char *config_path;
	char *run;
	gboolean all;
	char *filter; /* NULL: all flows */
} Options;

static void options_done(Options *options)
{
	g_free(options->config_path);
	g_free(options->run);
	g_free(options->filter);
}

/* Nothing is flushed by mistake. */
static bool choose(Options *options, char **words, GError **error)
{
	if (!options->all == !*words) {
		error_set(error, *words ? "either --all or a filter, not both" :
					  "expected --all or a filter");
		return false;
	}
	if (options->all)
		return true;
	options->filter = filter_words_join(words, error);
	return options->filter;
}

static bool parse(Options *options, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		ASK_AGENT_OPTIONS(&options->config_path, &options->run),
		{ "all", 'A', 0, G_OPTION_ARG_NONE, &options->all, "Flush all flows", NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("--all | FILTER");

	g_set_prgname("flowtally flush");
	g_option_context_set_summary(context,
				     "Reports all flows, or those that FILTER means, at once, and "
				     "begins them anew; flowtally(8) has its words.");
	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, &argc, &argv, error) &&
	       choose(options, argv + 1, error);
}

static int print_count(const json_t *document)
{
	json_int_t flushed = ask_integer(document, "flushed");

	printf("%" JSON_INTEGER_FORMAT " %s flushed\n", flushed, flushed == 1 ? "flow" : "flows");
	return ask_flush() ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const Options *options)
{
	g_autofree char *path = ask_find_agent(options->config_path, options->run);
	g_autofree char *request =
		g_strdup_printf("flush %s", options->all ? "all" : options->filter);
	g_autoptr(GError) error = NULL;
	json_t *document;
	int status;

	if (!path)
		return EXIT_FAILURE;
	document = control_ask(path, request, &error);
	if (!document)
		return ask_complain_of_agent("flush", error);
	status = print_count(document);
	json_decref(document);
	return status;
}

int cli_flush(int argc, char **argv)
{
	Options options = { 0 };
	g_autoptr(GError) error = NULL;
	int status = CLI_USAGE;

	if (parse(&options, argc, argv, &error))
		status = run(&options);
	else
		ask_complain("flush", error->message);
	options_done(&options);
	return status;
}
