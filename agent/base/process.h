/* SPDX-License-Identifier: Apache-2.0 */
/* What this process itself uses, as the client libraries of Prometheus show it (process_*); from /proc/self. */
#ifndef FLOWTALLY_PROCESS_H
#define FLOWTALLY_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	uint64_t cpu_ms; /* of user and system */
	uint64_t resident_octets;
	uint64_t virtual_octets;
	uint64_t open_fds;
	uint64_t max_fds;
} ProcessUse;

/* False, and nothing is written, where /proc tells nothing. */
bool process_use(ProcessUse *use);

#endif
