/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running agent: one thread and one main loop, in which sweeps, reports, the textfile, the control
 * socket, signals and changes of the interfaces take turns. Nothing in it may block.
 */
#ifndef FLOWTALLY_AGENT_H
#define FLOWTALLY_AGENT_H

#include <stdbool.h>

#include <glib.h>

typedef struct {
	const char *config_path; /* NULL: the default one, or none */
	bool keep;		 /* at a clean stop leave the hooks counting */
} AgentOptions;

/*
 * Runs until SIGTERM or SIGINT. False if it could not start: the errors have been logged, a line each.
 */
bool agent_run(const AgentOptions *options);

#endif
