/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

#include <glib.h>

#include "config/config.h"

static int check(const char *path)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(Config) config = config_read(path, errors);
	g_autoptr(GPtrArray) warnings = NULL;

	for (guint i = 0; i < errors->len; i++)
		fprintf(stderr, "%s\n", (const char *)errors->pdata[i]);
	if (!config)
		return EXIT_FAILURE;
	warnings = config_warnings(config);
	for (guint i = 0; i < warnings->len; i++)
		fprintf(stderr, "%s: warning: %s\n",
			config->path ? config->path : CONFIG_DEFAULT_PATH,
			(const char *)warnings->pdata[i]);
	if (config->path)
		printf("%s: ok\n", config->path);
	else
		printf("%s: no such file, the defaults apply\n", CONFIG_DEFAULT_PATH);
	return EXIT_SUCCESS;
}

int cli_check(int argc, char **argv)
{
	g_autofree char *path = NULL;
	const GOptionEntry entries[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &path,
		  "Read FILE instead of " CONFIG_DEFAULT_PATH, "FILE" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_set_prgname("flowtally check");
	g_option_context_set_summary(context,
				     "Reads the configuration and prints every error in it "
				     "as FILE:LINE: key: reason.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "flowtally: check: %s\n", error->message);
		return CLI_USAGE;
	}
	if (argc > 1) {
		fprintf(stderr, "flowtally: check: unexpected argument: %s (a file follows -c)\n",
			argv[1]);
		return CLI_USAGE;
	}
	return check(path);
}
