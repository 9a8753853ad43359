/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glib.h>

#include "cli.h"
#include "cli_attach.h"
#include "kernel/hooks.h"
#include "base/log.h"
#include "kernel/namespaces.h"
#include "base/text.h"

/* What linux-flow-exporter gives its filters. */
static const FilterDefaults defaults = { .priority = 100, .handle = 1 };

static const char *const hooks[HOOKS] = { [HOOK_INGRESS] = "ingress", [HOOK_EGRESS] = "egress" };

static void print_program(const char *interface, const char *hook, const HookProgram *program)
{
	g_autoptr(GDateTime) loaded = g_date_time_new_from_unix_local(program->loaded_s);
	g_autofree char *time = loaded ? g_date_time_format_iso8601(loaded) : g_strdup("?");

	printf("%s:%s.hook = %s\n", interface, hook, hook_kind_names[program->kind]);
	printf("%s:%s.program = %" PRIu32 "\n", interface, hook, program->id);
	if (program->kind == HOOK_KIND_CLSACT)
		printf("%s:%s.pref = %" PRIu32 "\n%s:%s.handle = %#" PRIx32 "\n", interface, hook,
		       program->priority, interface, hook, program->handle);
	if (program->loaded_s)
		printf("%s:%s.attached = %s\n", interface, hook, time);
}

static void print_hook(const Link *link, const Netns *netns, enum hook hook)
{
	g_autofree char *full = interface_name(link->netns, link->name);
	g_autofree char *interface = text_printable(full);
	g_autoptr(GArray) programs = hooks_list(netns->fd, link->ifindex, hook);

	for (guint i = 0; i < programs->len; i++)
		print_program(interface, hooks[hook], &g_array_index(programs, HookProgram, i));
	if (!programs->len)
		printf("%s:%s = <nil>\n", interface, hooks[hook]);
}

static bool is_any(const char *netns, void *user_data)
{
	(void)netns;
	(void)user_data;
	return true;
}

/* What the kernel has, whoever put it there: needs no agent. */
static int status(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Namespaces) namespaces = NULL;
	const GPtrArray *links;

	if (argc > 1) {
		fprintf(stderr, "flowtally: meter status: unexpected argument: %s\n", argv[1]);
		return CLI_USAGE;
	}
	log_init(G_LOG_LEVEL_WARNING);
	namespaces = namespaces_new(NULL, NULL, &error);
	if (!namespaces) {
		fprintf(stderr, "flowtally: meter status: %s\n", error->message);
		return EXIT_FAILURE;
	}
	namespaces_set_filter(namespaces, is_any, NULL);
	links = namespaces_links(namespaces);
	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];

		if (link->is_loopback)
			continue;
		for (int hook = 0; hook < HOOKS; hook++)
			print_hook(link, namespaces_of(namespaces, link->id), hook);
	}
	return EXIT_SUCCESS;
}

static void print_usage(FILE *to)
{
	fputs("usage: flowtally meter attach|detach|status [OPTION...]\n\n"
	      "What flowtally attach and detach do, with the priority and the handle of "
	      "linux-flow-exporter; status\n"
	      "shows the programs at all hooks, whoever attached them. flowtally meter attach "
	      "--help tells more.\n",
	      to);
}

int cli_meter(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "--help") || !strcmp(verb, "-h")) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	if (!strcmp(verb, "status"))
		return status(argc - 1, argv + 1);
	if (!strcmp(verb, "attach") || !strcmp(verb, "detach"))
		return cli_attach_with(&defaults, argc - 1, argv + 1);
	print_usage(stderr);
	return CLI_USAGE;
}
