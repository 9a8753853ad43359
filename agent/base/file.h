/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that others read while we write them: a reader sees the old contents or the new, never a
 * part, and so does whoever comes after a power cut.
 */
#ifndef FLOWTALLY_FILE_H
#define FLOWTALLY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <glib.h>

/*
 * Writes @data to a new file beside @path, syncs it and renames it to @path. The new file is
 * created with O_EXCL and a random name, and rename(2) replaces a symbolic link at @path, so none
 * is followed.
 */
bool file_replace(const char *path, const void *data, size_t len, mode_t mode, GError **error);

/*
 * Removes the new files that processes have left which were killed within file_replace(), of @name in @directory, or, if that
 * is NULL, of all that are there. Nobody else may be writing them.
 */
void file_remove_unfinished(const char *directory, const char *name);

#endif
