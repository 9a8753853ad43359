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

static bool is_of_others(const struct stat *status)
{
	return status->st_uid != geteuid() && status->st_uid != 0;
}

bool file_is_planted(const char *directory)
{
	g_autofree char *parent = g_path_get_dirname(directory);
	struct stat of_name, of_directory, of_parent;

	return lstat(directory, &of_name) == 0 && stat(directory, &of_directory) == 0 &&
	       stat(parent, &of_parent) == 0 && of_parent.st_mode & S_IWOTH &&
	       (is_of_others(&of_name) || is_of_others(&of_directory));
}

bool file_is_shared(const char *directory)
{
	struct stat status;

	return file_is_planted(directory) ||
	       (stat(directory, &status) == 0 && status.st_mode & S_IWOTH);
}

bool file_is_public(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_mode & S_IROTH;
}

static bool check(int fd, const char *path, struct stat *status, GError **error)
{
	if (fd < 0 || fstat(fd, status) < 0)
		error_from_errno(error, errno, "%s", path);
	else if (!S_ISREG(status->st_mode))
		error_set(error, "%s: not a regular file", path);
	else if (is_of_others(status))
		error_set(error, "%s: belongs to user %u", path, status->st_uid);
	else if ((guint64)status->st_size >= G_MAXUINT32)
		error_set(error, "%s: longer than any that we write", path);
	else
		return true;
	return false;
}

/* What is left of a file that has become shorter is not there. */
static bool read_all(int fd, char *to, size_t *len, const char *path, GError **error)
{
	size_t size = *len;

	*len = 0;
	while (*len < size) {
		ssize_t n = read(fd, to + *len, size - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_from_errno(error, errno, "%s", path);
			return false;
		}
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return true;
}

bool file_read(const char *path, char **contents, size_t *len, GError **error)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	g_autofree char *octets = NULL;
	struct stat status;
	bool ok = check(fd, path, &status, error);

	*len = ok ? (size_t)status.st_size : 0;
	octets = ok ? g_try_malloc(*len + 1) : NULL;
	if (ok && !octets)
		error_from_errno(error, ENOMEM, "%s", path);
	ok = octets && read_all(fd, octets, len, path, error);
	if (fd >= 0)
		close(fd);
	if (ok)
		*contents = g_steal_pointer(&octets);
	return ok;
}
