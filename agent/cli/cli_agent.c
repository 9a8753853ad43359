/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

#include <glib.h>

#include "agent.h"
#include "base/log.h"

int cli_agent(int argc, char **argv)
{
	g_autofree char *config_path = NULL;
	gboolean keep = FALSE;
	const GOptionEntry entries[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path,
		  "Read FILE instead of /etc/flowtally/flowtally.yaml", "FILE" },
		{ "keep", 0, 0, G_OPTION_ARG_NONE, &keep,
		  "At a clean stop leave the hooks counting for the next start", NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_set_prgname("flowtally agent");
	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context,
				     "Meters the interfaces and reports, in the foreground.");
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "flowtally: agent: %s\n", error->message);
		return CLI_USAGE;
	}
	if (argc > 1) {
		fprintf(stderr, "flowtally: agent: unexpected argument: %s\n", argv[1]);
		return CLI_USAGE;
	}
	log_init(G_LOG_LEVEL_MESSAGE);
	return agent_run(&(AgentOptions){ .config_path = config_path, .keep = keep }) ?
		       EXIT_SUCCESS :
		       EXIT_FAILURE;
}
