/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "cli.h"

int cli_version(int argc, char **argv)
{
	if (argc > 1) {
		fprintf(stderr, "flowtally: version: %s: takes no arguments\n", argv[1]);
		return CLI_USAGE;
	}
	printf("flowtally %s (libbpf %u.%u)\n", FLOWTALLY_VERSION, libbpf_major_version(),
	       libbpf_minor_version());
	return EXIT_SUCCESS;
}
