/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of ours. Others read them while we write them: a reader sees the old contents or the new, never a part, and so
 * does whoever comes after a power cut. And others may have put something in their place, which does no harm.
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

/*
 * Reads a file that we, or root, have written; @contents is the caller's to free. What is a symbolic link, no regular
 * file, or somebody else's is an error, and nothing is waited for. Where there is none the code is ENOENT.
 */
bool file_read(const char *path, char **contents, size_t *len, GError **error);

/* Whether everybody may read it. */
bool file_is_public(const char *path);

/* Whether somebody beside us and root has made @directory, where everybody may make one. */
bool file_is_planted(const char *directory);

/* The same, or whether everybody may make files in it. */
bool file_is_shared(const char *directory);

#endif
