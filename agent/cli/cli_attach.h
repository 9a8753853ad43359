/* SPDX-License-Identifier: Apache-2.0 */
/* What `flowtally attach`, `detach` and `meter` share. */
#ifndef FLOWTALLY_CLI_ATTACH_H
#define FLOWTALLY_CLI_ATTACH_H

#include <stdint.h>

/* Of filters, where they are by clsact and nothing else is asked for; 0: as the agent chooses. */
typedef struct {
	uint32_t priority;
	uint32_t handle;
} FilterDefaults;

/* The subcommand attach or detach, by argv[0]. */
int cli_attach_with(const FilterDefaults *defaults, int argc, char **argv);

#endif
