/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include <bpf/libbpf.h>
#include <glib.h>

#include "cli.h"

int cli_version(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_set_prgname("flowtally version");
	g_option_context_set_summary(context, "Prints the version of flowtally and of libbpf.");
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "flowtally: version: %s\n", error->message);
		return CLI_USAGE;
	}
	if (argc > 1) {
		fprintf(stderr, "flowtally: version: unexpected argument: %s\n", argv[1]);
		return CLI_USAGE;
	}
	printf("flowtally %s (libbpf %u.%u)\n", FLOWTALLY_VERSION, libbpf_major_version(),
	       libbpf_minor_version());
	return EXIT_SUCCESS;
}
