/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "cli.h"
#include "cli_attach.h"
#include "config/config.h"
#include "base/control.h"
#include "base/control_ask.h"
#include "metering/hand.h"
#include "base/lock.h"
#include "base/log.h"
#include "metering/metering.h"
#include "kernel/namespaces.h"
#include "base/text.h"

typedef struct {
	const char *verb; /* attach, detach: for errors */
	const FilterDefaults *defaults;
	char *config_path;
	char **interfaces; /* by -i; and those behind the options */
	char *netns;	   /* of the names by -n */
	char **names;
	char *meter, *side, *hook, *order, *alias;
	gboolean dry, force;
	gint64 limit, priority, chain, handle; /* -1: not given */
} Options;

static void options_done(Options *options)
{
	g_free(options->config_path);
	g_strfreev(options->interfaces);
	g_free(options->netns);
	g_strfreev(options->names);
	g_free(options->meter);
	g_free(options->side);
	g_free(options->hook);
	g_free(options->order);
	g_free(options->alias);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_done)

static bool fail(GError **error, const char *option, const char *why)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: %s", option, why);
	return false;
}

static bool choose(const char *option, const char *text, const char *const *words,
		   unsigned int *choice, GError **error)
{
	g_autofree char *all = g_strjoinv(", ", (char **)words);
	g_autofree char *why = NULL;

	for (unsigned int i = 0; text && words[i]; i++) {
		if (!strcmp(words[i], text)) {
			*choice = i;
			return true;
		}
	}
	if (!text)
		return true;
	why = g_strdup_printf("\"%s\" is none of %s", text, all);
	return fail(error, option, why);
}

static bool number(const char *option, gint64 given, gint64 max, uint32_t *place, GError **error)
{
	g_autofree char *why = NULL;

	if (given < 0)
		return true;
	*place = (uint32_t)given;
	if (given > 0 && given <= max)
		return true;
	why = g_strdup_printf("%" G_GINT64_FORMAT " is not from 1 to %" G_GINT64_FORMAT, given,
			      max);
	return fail(error, option, why);
}

static void add_names(const Options *options, char **more, HandRequest *request)
{
	for (char **name = options->interfaces; name && *name; name++)
		g_ptr_array_add(request->names, g_strdup(*name));
	for (char **name = options->names; name && *name; name++)
		g_ptr_array_add(request->names,
				options->netns ? g_strdup_printf("%s:%s", options->netns, *name) :
						 g_strdup(*name));
	for (; *more; more++)
		g_ptr_array_add(request->names, g_strdup(*more));
}

/* Preference and handle are of filters: who asks for them asks for clsact. */
static bool fill_filter(const Options *options, HandRequest *request, GError **error)
{
	if (!request->detach) {
		request->how.priority = options->defaults->priority;
		request->how.handle = options->defaults->handle;
	}
	if (options->chain > 0)
		return fail(error, "--chain",
			    "filters of another chain than 0 see only what others send there");
	if (!number("--pref", options->priority, UINT16_MAX, &request->how.priority, error) ||
	    !number("--handle", options->handle, UINT32_MAX, &request->how.handle, error))
		return false;
	if (options->priority < 0 && options->handle < 0 && options->chain < 0)
		return true;
	if (request->how.hook == HOOK_CHOICE_TCX)
		return fail(error, "--hook", "tcx has no preferences, chains and handles");
	request->how.hook = HOOK_CHOICE_CLSACT;
	return true;
}

static unsigned int meter_bit(const char *word)
{
	unsigned int bit = 0;

	while (config_meter_name(bit) && strcmp(config_meter_name(bit), word))
		bit++;
	return bit;
}

/* Words with commas between them. */
static bool choose_meter(const char *text, HandRequest *request, GError **error)
{
	g_auto(GStrv) words = g_strsplit(text ? text : "hosts", ",", -1);
	uint8_t meter = 0;

	for (size_t i = 0; words[i]; i++) {
		unsigned int bit = meter_bit(words[i]);

		if (!config_meter_name(bit))
			return fail(
				error, "--meter",
				"it takes hosts, flows, sizes, latency, or several with commas");
		meter |= (uint8_t)(1u << bit);
	}
	interface_config_set_meter(&request->how, meter);
	return true;
}

static bool fill(const Options *options, char **more, HandRequest *request, GError **error)
{
	request->detach = !strcmp(options->verb, "detach");
	request->dry = options->dry;
	request->force = options->force;
	request->how.alias = g_strdup(options->alias);
	if (options->netns && !options->names)
		return fail(error, "--netns", "it is of the interfaces that -n names");
	add_names(options, more, request);
	if (!request->names->len)
		return fail(error, "interface", "none is named");
	return choose_meter(options->meter, request, error) &&
	       choose("--side", options->side, config_side_words, &request->how.side, error) &&
	       choose("--hook", options->hook, config_hook_words, &request->how.hook, error) &&
	       choose("--order", options->order, config_order_words, &request->how.order, error) &&
	       number("--interface-max-flow-limit", options->limit, CONFIG_MAX_HOSTS,
		      &request->how.limit, error) &&
	       fill_filter(options, request, error);
}

static bool parse(Options *options, int argc, char **argv, HandRequest *request, GError **error)
{
	const GOptionEntry common[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config_path,
		  "Find the agent, or where it keeps its things, by FILE instead "
		  "of " CONFIG_DEFAULT_PATH,
		  "FILE" },
		{ "interface", 'i', 0, G_OPTION_ARG_STRING_ARRAY, &options->interfaces,
		  "The same as an argument", "[NETNS:]NAME" },
		{ "netns", 0, 0, G_OPTION_ARG_STRING, &options->netns,
		  "The network namespace of the interfaces that -n names", "NETNS" },
		{ "name", 'n', 0, G_OPTION_ARG_STRING_ARRAY, &options->names,
		  "An interface, in the namespace of --netns", "NAME" },
		{ "dry", 0, 0, G_OPTION_ARG_NONE, &options->dry,
		  "Say what would change, and change nothing", NULL },
		{ "dry-run", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options->dry, NULL,
		  NULL },
		{ "pref", 0, 0, G_OPTION_ARG_INT64, &options->priority,
		  "The preference of filters, by clsact", "N" },
		{ "chain", 0, 0, G_OPTION_ARG_INT64, &options->chain,
		  "The chain of filters, by clsact: 0", "N" },
		{ "handle", 0, 0, G_OPTION_ARG_INT64, &options->handle,
		  "The handle of filters, by clsact", "N" },
		G_OPTION_ENTRY_NULL,
	};
	const GOptionEntry of_attach[] = {
		{ "meter", 0, 0, G_OPTION_ARG_STRING, &options->meter,
		  "What is counted: hosts (the default), flows, sizes, latency, with commas",
		  "WHAT" },
		{ "side", 0, 0, G_OPTION_ARG_STRING, &options->side,
		  "Where the devices are: lan, wan or auto (the default)", "SIDE" },
		{ "hook", 0, 0, G_OPTION_ARG_STRING, &options->hook,
		  "tcx, clsact or auto (the default)", "HOOK" },
		{ "order", 0, 0, G_OPTION_ARG_STRING, &options->order,
		  "first (the default) or last among what others have there", "ORDER" },
		{ "alias", 0, 0, G_OPTION_ARG_STRING, &options->alias, "The name in reports",
		  "NAME" },
		{ "force", 'f', 0, G_OPTION_ARG_NONE, &options->force,
		  "Load and replace programs that are attached already", NULL },
		{ "interface-max-flow-limit", 'l', 0, G_OPTION_ARG_INT64, &options->limit,
		  "Room for N entries in the kernel's tables, if there is less", "N" },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("[NETNS:]INTERFACE...");
	g_autofree char *name = g_strdup_printf("flowtally %s", options->verb);

	g_set_prgname(name);
	g_option_context_set_summary(
		context,
		"An interface is a name, a glob, or a regular expression for the whole name.");
	g_option_context_add_main_entries(context, common, NULL);
	if (!strcmp(options->verb, "attach"))
		g_option_context_add_main_entries(context, of_attach, NULL);
	return g_option_context_parse(context, &argc, &argv, error) &&
	       fill(options, argv + 1, request, error);
}

static bool is_asked_for(const char *netns, void *user_data)
{
	return hand_request_names_netns(user_data, netns);
}

/* No agent runs, and none will until @lock is released: what is attached counts for the next one. */
static json_t *serve_here(const Config *config, HandRequest *request, GError **error)
{
	g_autoptr(Namespaces) namespaces = namespaces_new(NULL, NULL, error);
	g_autoptr(Metering) metering = NULL;

	if (!namespaces)
		return NULL;
	namespaces_set_filter(namespaces, is_asked_for, request);
	metering = metering_new(config, namespaces, error);
	return metering ? hand_serve(request, metering, namespaces) : NULL;
}

static json_t *serve(const Config *config, HandRequest *request, GError **error)
{
	g_autoptr(GError) why = NULL;
	g_autofree char *line = NULL, *socket = NULL;
	int lock = lock_take(config->run, &why);
	json_t *answer;

	if (lock >= 0) {
		answer = serve_here(config, request, error);
		lock_release(lock, config->run);
		return answer;
	}
	/* Who may not lock may still ask, as one of the agent's group. */
	if (why->code != EWOULDBLOCK && why->code != EACCES) {
		g_propagate_error(error, g_steal_pointer(&why));
		return NULL;
	}
	line = hand_request_write(request);
	socket = g_build_filename(config->run, CONTROL_SOCKET, NULL);
	return control_ask(socket, line, error);
}

static void complain(const char *verb, const char *why)
{
	g_autofree char *text = text_printable(why);

	fprintf(stderr, "flowtally: %s: %s\n", verb, text);
}

/* As linux-flow-exporter says it. */
static void print_results(const json_t *answer)
{
	const json_t *result;
	size_t i;

	json_array_foreach(json_object_get(answer, "results"), i, result)
	{
		g_autofree char *interface =
			text_printable(json_string_value(json_object_get(result, "interface")));

		printf("%s:%s (%s)\n", interface,
		       json_string_value(json_object_get(result, "hook")),
		       json_is_true(json_object_get(result, "changed")) ? "changed" : "unchanged");
	}
}

static int run(const Options *options, HandRequest *request)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(Config) config = config_read(options->config_path, errors);
	g_autoptr(GError) error = NULL;
	json_t *answer;
	const char *fault;

	for (guint i = 0; i < errors->len; i++)
		fprintf(stderr, "%s\n", (const char *)errors->pdata[i]);
	if (!config)
		return EXIT_FAILURE;
	log_init(G_LOG_LEVEL_WARNING);
	answer = serve(config, request, &error);
	if (!answer) {
		complain(options->verb, error->message);
		return EXIT_FAILURE;
	}
	print_results(answer);
	fault = json_string_value(json_object_get(answer, "fault"));
	if (fault)
		complain(options->verb, fault);
	json_decref(answer);
	return fault ? EXIT_FAILURE : EXIT_SUCCESS;
}

int cli_attach_with(const FilterDefaults *defaults, int argc, char **argv)
{
	g_auto(Options) options = {
		.verb = argv[0],
		.defaults = defaults,
		.limit = -1,
		.priority = -1,
		.chain = -1,
		.handle = -1,
	};
	HandRequest request;
	g_autoptr(GError) error = NULL;
	int status = CLI_USAGE;

	hand_request_init(&request);
	if (parse(&options, argc, argv, &request, &error))
		status = run(&options, &request);
	else
		complain(options.verb, error->message);
	hand_request_done(&request);
	return status;
}

int cli_attach(int argc, char **argv)
{
	return cli_attach_with(&(FilterDefaults){ 0, 0 }, argc, argv);
}
