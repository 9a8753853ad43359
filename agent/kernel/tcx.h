/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tcx hooks of an interface (Linux 6.6): programs that run before the filters of tc, in an order of
 * their own.
 *
 * A program is attached by a link, which is a descriptor: it stays as long as the descriptor, or a pin of
 * it, is there. The link can be given another program without missing a frame. All of this is done in the
 * network namespace that the thread is in.
 */
#ifndef FLOWTALLY_TCX_H
#define FLOWTALLY_TCX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "records.h"

/* Whether this kernel has tcx. */
bool tcx_is_supported(void);

/* Attaches the program as the first or the last one of @hook. A link, the caller's to close; -1 with @error
 * set. */
int tcx_attach(uint32_t ifindex, const char *name, enum hook hook, int prog_fd, bool first,
	       GError **error);

/* Another program in its place. */
bool tcx_replace(int link, const char *name, enum hook hook, int prog_fd, GError **error);

/* Whether the link still attaches to @ifindex, which has the same number in only one namespace; false if
 * the interface is gone. Needs no privilege. */
bool tcx_is_attached(int link, uint32_t ifindex);

/* The program stops at once, whoever still holds the link. */
void tcx_detach(int link);

#define TCX_MAX_PROGRAMS 64 /* BPF_MPROG_MAX */

/* The ids of all programs at @hook, in their order; returns how many. */
size_t tcx_list(uint32_t ifindex, enum hook hook, uint32_t ids[TCX_MAX_PROGRAMS]);

/* How many programs of others run before the link's, and may hide frames from it. -1: not to be known. */
int tcx_programs_before(int link, uint32_t ifindex, enum hook hook);

#endif
