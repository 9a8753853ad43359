/* SPDX-License-Identifier: Apache-2.0 */
/* The file system in which maps and links are pinned, so that they outlive the agent: a bpffs. */
#ifndef FLOWTALLY_PINFS_H
#define FLOWTALLY_PINFS_H

#include <stdbool.h>

#include <glib.h>

/*
 * Mounts a bpffs on @directory, unless it is on one. Needs CAP_SYS_ADMIN then; the directory must be named
 * "bpf", empty, and belong to the user who runs us, so that nobody can have something else covered.
 */
bool pinfs_mount(const char *directory, GError **error);

/* If it was mounted there, and holds no pins any more. */
void pinfs_unmount(const char *directory);

#endif
