/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of others, read whenever they change, without ever blocking the main loop: piece by piece, when there
 * is nothing else to do.
 *
 * inotify on their directory tells of changes at once, also when a file is replaced by rename, is deleted or
 * comes into being, and when the directory itself does. What it cannot tell (network file systems, the target
 * of a symbolic link) is found by a look at the files every half a minute. A change during a reading starts
 * it again. Reading takes a tenth of the time at most, however often a large file changes.
 */
#ifndef FLOWTALLY_FILEWATCH_H
#define FLOWTALLY_FILEWATCH_H

#include <stddef.h>

#include <glib.h>

#define FILE_WATCH_MAX (256 << 20) /* octets of a file */

typedef struct FileWatch FileWatch;

typedef struct {
	/* A reading begins; one that was under way before is void. */
	void (*begin)(void *user_data);
	/* What comes now is from the file at @path. */
	void (*open)(const char *path, void *user_data);
	void (*take)(const char *octets, size_t len, void *user_data);
	/* All was read. */
	void (*finish)(void *user_data);
	/* Not all could be read. @error is borrowed; its code is ENOENT where there is no such file. */
	void (*fail)(const GError *error, void *user_data);
} FileWatchCallbacks;

/*
 * Reads the @n files at @paths, which are in one directory, in this order. The last one must exist; the others
 * are passed over if they do not. Only regular files of at most FILE_WATCH_MAX octets are read. The first
 * reading begins in the loop.
 */
FileWatch *file_watch_new(const char *const *paths, size_t n, const FileWatchCallbacks *callbacks,
			  void *user_data);
void file_watch_free(FileWatch *watch);

/* Reads again, whether or not anything has changed. */
void file_watch_read(FileWatch *watch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FileWatch, file_watch_free)

#endif
