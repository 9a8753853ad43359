/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One agent a `run` directory: two on the same tables would each empty them under the other's hands.
 */
#ifndef FLOWTALLY_LOCK_H
#define FLOWTALLY_LOCK_H

#include <glib.h>

/*
 * Makes @directory and locks it; the lock goes with the process, however that ends. A descriptor for
 * lock_release(), or -1 with @error set, which names the process that holds the lock (EWOULDBLOCK). A directory that
 * somebody else has made where everybody may (file_is_planted()) is an error: what we keep there would be theirs.
 */
int lock_take(const char *directory, GError **error);

/* Leaves nothing behind. @lock may be -1. */
void lock_release(int lock, const char *directory);

#endif
