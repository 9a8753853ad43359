/* SPDX-License-Identifier: Apache-2.0 */
/* This process: what it uses, as the client libraries of Prometheus show it (process_*), from /proc/self, and those that it forks. */
#ifndef FLOWTALLY_PROCESS_H
#define FLOWTALLY_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

typedef struct {
	uint64_t cpu_ms; /* of user and system */
	uint64_t resident_octets;
	uint64_t virtual_octets;
	uint64_t open_fds;
	uint64_t max_fds;
} ProcessUse;

/* False, and nothing is written, where /proc tells nothing. */
bool process_use(ProcessUse *use);

/* A process that was forked begins: signals of a terminal are for its parent, which ends it, and none is blocked. */
void process_begin(void);

/*
 * The end of a process that was forked and is no other program: what it has of its parent's buffers is not written
 * again. A build with sanitizers looks for leaks first, and has failed if it finds any.
 */
void process_end(int status) G_GNUC_NORETURN;

#endif
