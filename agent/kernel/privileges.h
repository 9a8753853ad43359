/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capabilities of the process, and what it may ask of the kernel at all.
 */
#ifndef FLOWTALLY_PRIVILEGES_H
#define FLOWTALLY_PRIVILEGES_H

#include <stdbool.h>

#include <glib.h>

/* Of the broker's process: keeps what its services need, and gives up all else for good. Its memory is closed to others of
 * the same user, as after privileges_drop(). */
void privileges_keep_for_broker(void);

/*
 * Of the agent's: gives up every capability for good. Before Linux 5.19 a process without CAP_BPF may not
 * even read a map that it holds: there that one is kept, which is said in the log.
 */
bool privileges_drop(GError **error);

/* Those of CAP_BPF and CAP_NET_ADMIN that are not there, "" if both are; the caller's to free. */
char *privileges_missing(void);
bool privileges_have_sys_admin(void);

/* Whether privileges_drop() would have to keep CAP_BPF. */
bool privileges_must_keep_bpf(void);

#endif
