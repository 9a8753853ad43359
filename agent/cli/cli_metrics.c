/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <glib.h>

#include "cli.h"
#include "cli_ask.h"
#include "config/config.h"
#include "base/control_ask.h"

typedef struct {
	char *config_path;
	char *run;
	gboolean cgi;
	gboolean openmetrics;
} Options;

static void options_done(Options *options)
{
	g_free(options->config_path);
	g_free(options->run);
}

static bool parse(Options *options, int argc, char **argv)
{
	const GOptionEntry entries[] = {
		ASK_AGENT_OPTIONS(&options->config_path, &options->run),
		{ "cgi", 0, 0, G_OPTION_ARG_NONE, &options->cgi,
		  "Put the header of a CGI program before them", NULL },
		{ "openmetrics", 0, 0, G_OPTION_ARG_NONE, &options->openmetrics,
		  "In OpenMetrics instead of the text format of Prometheus", NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_set_prgname("flowtally metrics");
	g_option_context_set_summary(context, "Prints all metrics of the running agent.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "flowtally: metrics: %s\n", error->message);
		return false;
	}
	if (argc > 1) {
		fprintf(stderr, "flowtally: metrics: unexpected argument: %s\n", argv[1]);
		return false;
	}
	return true;
}

/* The web server's client is told that there are none, not that there is nothing to count. */
static int fail(const Options *options)
{
	if (options->cgi)
		fputs("Status: 503 Service Unavailable\nContent-Type: text/plain; charset=utf-8\n\n"
		      "the agent does not answer\n",
		      stdout);
	return EXIT_FAILURE;
}

static int print(const Options *options, GBytes *text, const char *type)
{
	gsize len;
	const void *octets = g_bytes_get_data(text, &len);

	if (options->cgi)
		printf("Content-Type: %s\n\n", type);
	if (fwrite(octets, 1, len, stdout) == len && fflush(stdout) == 0)
		return EXIT_SUCCESS;
	perror("flowtally: metrics");
	return EXIT_FAILURE;
}

static int run(const Options *options)
{
	g_autofree char *path = ask_find_agent(options->config_path, options->run);
	g_autofree char *type = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) text = NULL;

	if (!path)
		return fail(options);
	text = control_ask_text(path, options->openmetrics ? "metrics openmetrics" : "metrics",
				&type, &error);
	if (text)
		return print(options, text, type);
	(void)ask_complain_of_agent("metrics", error);
	return fail(options);
}

int cli_metrics(int argc, char **argv)
{
	Options options = { 0 };
	int status = parse(&options, argc, argv) ? run(&options) : CLI_USAGE;

	options_done(&options);
	return status;
}
