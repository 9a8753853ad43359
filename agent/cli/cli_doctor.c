/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <jansson.h>

#include "cli.h"
#include "cli_ask.h"
#include "config/config.h"
#include "doctor.h"
#include "base/log.h"

static const AskField fields[] = {
	{ { "CHECK", TABLE_LEFT, 0 }, "check", ask_plain },
	{ { "STATE", TABLE_LEFT, 0 }, "state", ask_plain },
	{ { "FOUND", TABLE_LEFT, 0 }, "found", ask_plain },
	{ { "WHAT FOLLOWS", TABLE_LEFT, 1 }, "follows", ask_plain },
};

static json_t *check_object(const Check *check)
{
	bool valid = check->state == CHECK_VALID;

	return json_pack("{s:s, s:b, s:s, s:s, s:s?}", "check", check->name, "required",
			 check->required, "state", check_state_names[check->state], "found",
			 check->found, "follows", valid ? NULL : check->follows);
}

static json_t *document(const GPtrArray *checks)
{
	json_t *list = json_array();

	for (guint i = 0; i < checks->len; i++)
		json_array_append_new(list, check_object(checks->pdata[i]));
	return json_pack("{s:i, s:b, s:o}", "schema", 1, "fit", doctor_is_fit(checks), "checks",
			 list);
}

static void print(const GPtrArray *checks, bool as_json)
{
	json_t *all = document(checks);

	if (as_json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		ask_print_list(json_object_get(all, "checks"), fields, G_N_ELEMENTS(fields));
	}
	json_decref(all);
}

static int examine(const char *path, bool as_json)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(Config) config = config_read(path, errors);
	g_autoptr(GPtrArray) checks = doctor_examine(config);

	print(checks, as_json);
	return doctor_is_fit(checks) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cli_doctor(int argc, char **argv)
{
	g_autofree char *path = NULL, *output = NULL;
	const GOptionEntry entries[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &path,
		  "Read FILE instead of " CONFIG_DEFAULT_PATH, "FILE" },
		{ "output", 'o', 0, G_OPTION_ARG_STRING, &output, "table (the default) or json",
		  "FORMAT" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autofree char *name = g_strdup_printf("flowtally %s", argv[0]);
	const char *verb = argv[0];
	g_autoptr(GError) error = NULL;

	g_set_prgname(name);
	g_option_context_set_summary(context,
				     "Tries out what this kernel and machine offer, and changes "
				     "nothing. Exits with 1 if the agent could not meter.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "flowtally: %s: %s\n", verb, error->message);
		return CLI_USAGE;
	}
	if (argc > 1) {
		fprintf(stderr, "flowtally: %s: unexpected argument: %s\n", verb, argv[1]);
		return CLI_USAGE;
	}
	if (output && strcmp(output, "table") && strcmp(output, "json")) {
		fprintf(stderr, "flowtally: %s: --output: \"%s\" is none of table, json\n", verb,
			output);
		return CLI_USAGE;
	}
	log_init(G_LOG_LEVEL_WARNING);
	return examine(path, output && !strcmp(output, "json"));
}
