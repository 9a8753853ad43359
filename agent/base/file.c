/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

/* Behind the name of the file that is meant; the letters are random. */
#define UNFINISHED ".new-"
#define LETTERS "XXXXXX"

static bool write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t written = write(fd, data, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		data += written;
		len -= (size_t)written;
	}
	return true;
}

bool file_replace(const char *path, const void *data, size_t len, mode_t mode, GError **error)
{
	g_autofree char *temporary = g_strconcat(path, UNFINISHED LETTERS, NULL);
	int fd = mkostemp(temporary, O_CLOEXEC);
	bool written;

	if (fd < 0) {
		error_from_errno(error, errno, "%s", path);
		return false;
	}
	/* Not short-circuited by close(): the descriptor must go in any case. */
	written = fchmod(fd, mode) == 0 && write_all(fd, data, len) && fsync(fd) == 0;
	if (!written)
		error_from_errno(error, errno, "%s", path);
	if (close(fd) < 0 && written) {
		error_from_errno(error, errno, "%s", path);
		written = false;
	}
	if (written && rename(temporary, path) < 0) {
		error_from_errno(error, errno, "%s", path);
		written = false;
	}
	if (!written)
		(void)unlink(temporary);
	return written;
}

static bool is_unfinished(const char *entry, const char *name)
{
	const size_t tail = strlen(UNFINISHED LETTERS), len = strlen(entry);
	const char *end = entry + len - tail;

	if (len <= tail || strncmp(end, UNFINISHED, strlen(UNFINISHED)))
		return false;
	return !name || (strlen(name) == len - tail && !strncmp(entry, name, len - tail));
}

void file_remove_unfinished(const char *directory, const char *name)
{
	g_autoptr(GDir) listing = g_dir_open(directory, 0, NULL);
	const char *entry;

	while (listing && (entry = g_dir_read_name(listing))) {
		g_autofree char *path = g_build_filename(directory, entry, NULL);

		if (is_unfinished(entry, name))
			(void)unlink(path);
	}
}
