/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_ipfix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "cli.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} verbs[] = {
	{ "dump", cli_ipfix_dump, "print IPFIX from a file, standard input or the network" },
	{ "file", cli_ipfix_write, "the same as write: by the word of linux-flow-exporter" },
	{ "write", cli_ipfix_write, "send records of a YAML file, or write them to a file" },
};

static void print_usage(FILE *to)
{
	fputs("usage: flowtally ipfix VERB [OPTION...]\n\n", to);
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
		fprintf(to, "  %-6s %s\n", verbs[i].name, verbs[i].summary);
	fputs("\nflowtally ipfix VERB --help tells more; so does flowtally(8).\n", to);
}

int cli_ipfix(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (!strcmp(name, verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	}
	if (*name)
		fprintf(stderr, "flowtally: ipfix: %s: no such verb\n", name);
	print_usage(stderr);
	return CLI_USAGE;
}
