/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "file.h"

static char *lock_path(const char *directory)
{
	return g_build_filename(directory, "lock", NULL);
}

static int owner_of(int fd)
{
	char text[32] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? (int)g_ascii_strtoll(text, NULL, 10) : 0;
}

/* Whether @fd is still the file at @path: the process before may have removed it as it ended. */
static bool is_file_at(int fd, const char *path)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* What is written over must be nobody else's file by another name. */
static bool is_lock(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink <= 1;
}

static int open_and_lock(const char *directory, const char *path, GError **error)
{
	/* Whoever may open the file may lock it. */
	int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);

	if (fd < 0) {
		error_from_errno(error, errno, "%s", path);
		return -1;
	}
	if (!is_lock(fd))
		error_set(error, "%s: no lock of ours", path);
	else if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	else if (errno == EWOULDBLOCK)
		g_set_error(error, FLOWTALLY_ERROR, EWOULDBLOCK,
			    "%s: another agent runs here (process %d, end it by kill %d)",
			    directory, owner_of(fd), owner_of(fd));
	else
		error_from_errno(error, errno, "%s", path);
	close(fd);
	return -1;
}

int lock_take(const char *directory, GError **error)
{
	g_autofree char *path = lock_path(directory);
	int fd;

	if (g_mkdir_with_parents(directory, 0755) < 0) {
		error_from_errno(error, errno, "%s", directory);
		return -1;
	}
	if (file_is_planted(directory)) {
		error_set(error, "%s: somebody else has made it", directory);
		return -1;
	}
	fd = open_and_lock(directory, path, error);
	while (fd >= 0 && !is_file_at(fd, path)) {
		close(fd);
		fd = open_and_lock(directory, path, error);
	}
	/* For people to read; the lock holds without it. */
	if (fd >= 0 && (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0))
		g_info("%s: %s", path, g_strerror(errno));
	return fd;
}

void lock_release(int lock, const char *directory)
{
	g_autofree char *path = lock_path(directory);

	if (lock < 0)
		return;
	(void)unlink(path);
	close(lock);
}
