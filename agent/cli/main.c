/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "cli.h"
#include "cli_ask.h"

typedef struct {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand */
	const char *summary;
} Subcommand;

static const Subcommand subcommands[] = {
	{ "agent", cli_agent, "meter the interfaces and report (in the foreground)" },
	{ "attach", cli_attach, "meter interfaces by hand" },
	{ "check", cli_check, "check the configuration" },
	{ "detach", cli_attach, "meter them no longer" },
	{ "dependency-check", cli_doctor, "the same as doctor" },
	{ "doctor", cli_doctor, "what this kernel and machine offer, and what follows" },
	{ "dump", cli_flows, "the same as flows" },
	{ "flows", cli_flows, "the flows that are metered" },
	{ "flush", cli_flush, "report flows at once and begin them anew" },
	{ "hosts", cli_hosts, "what each device has used" },
	{ "ipfix", cli_ipfix, "print IPFIX of any exporter, or write records" },
	{ "ledger", cli_ledger, "the balance sheet: every frame accounted for" },
	{ "meter", cli_meter, "attach, detach, status: by the words of linux-flow-exporter" },
	{ "metrics", cli_metrics, "all metrics, as Prometheus reads them" },
	{ "status", cli_status, "interfaces, tables, collectors" },
	{ "top", cli_top, "live: who is using the link now" },
	{ "version", cli_version, "print the version" },
};

static void print_usage(FILE *to)
{
	fputs("usage: flowtally SUBCOMMAND [OPTION...]\n\n", to);
	for (size_t i = 0; i < G_N_ELEMENTS(subcommands); i++)
		fprintf(to, "  %-16s %s\n", subcommands[i].name, subcommands[i].summary);
	fputs("\nflowtally SUBCOMMAND --help tells more; so does flowtally(8).\n", to);
}

/* Subcommands that wait for what they print have told already that it cannot be written. */
static int finish_output(int status)
{
	return status == EXIT_SUCCESS && !ask_flush() ? EXIT_FAILURE : status;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	/* For the terminal's character set; numbers are written as in the C locale. */
	setlocale(LC_CTYPE, "");
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		print_usage(stdout);
		return finish_output(EXIT_SUCCESS);
	}
	if (!strcmp(name, "--version"))
		name = "version";
	for (size_t i = 0; i < G_N_ELEMENTS(subcommands); i++) {
		if (!strcmp(name, subcommands[i].name))
			return finish_output(subcommands[i].run(argc - 1, argv + 1));
	}
	if (*name)
		fprintf(stderr, "flowtally: %s: no such subcommand\n", name);
	print_usage(stderr);
	return CLI_USAGE;
}
