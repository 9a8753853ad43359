/* SPDX-License-Identifier: Apache-2.0 */
#include "linefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib-unix.h>

#include "file.h"

/* So much is written together. */
#define FLUSH_LEN (64 << 10)

#define MODE 0640 /* who speaks with whom is nobody else's business */

struct LineFile {
	char *path;
	bool is_stdout;
	int fd; /* -1: it is not open */
	bool is_regular;
	bool is_socket;
	GByteArray *pending;
	size_t taken;	/* octets of it that have been written */
	size_t partial; /* octets of the line at its beginning that have been written */
	guint source;	/* 0: nobody waits for the file to take more */
	uint64_t written;
	uint64_t dropped;
	char *error;
};

LineFile *line_file_new(const char *path)
{
	LineFile *file = g_new0(LineFile, 1);

	file->path = g_strdup(path);
	file->is_stdout = !strcmp(path, "-");
	file->fd = -1;
	file->pending = g_byte_array_new();
	return file;
}

static size_t pending_len(const LineFile *file)
{
	return file->pending->len - file->taken;
}

static uint64_t count_lines(const uint8_t *octets, size_t len)
{
	const uint8_t *end = octets + len;
	uint64_t lines = 0;

	while (octets < end && (octets = memchr(octets, '\n', (size_t)(end - octets)))) {
		lines++;
		octets++;
	}
	return lines;
}

static void clear_pending(LineFile *file)
{
	g_byte_array_set_size(file->pending, 0);
	file->taken = 0;
	file->partial = 0;
}

static void close_file(LineFile *file)
{
	g_clear_handle_id(&file->source, g_source_remove);
	if (file->fd >= 0 && !file->is_stdout)
		(void)close(file->fd);
	file->fd = -1;
}

static void note_error(LineFile *file, const char *why)
{
	g_autofree char *error =
		g_strdup_printf("%s: %s", file->is_stdout ? "standard output" : file->path, why);

	if (g_strcmp0(file->error, error))
		g_warning("%s: lines are dropped", error);
	g_free(file->error);
	file->error = g_steal_pointer(&error);
}

static void note_success(LineFile *file)
{
	if (file->error)
		g_message("%s works again", file->is_stdout ? "standard output" : file->path);
	g_clear_pointer(&file->error, g_free);
}

/* What has been taken of a line whose rest cannot be written goes again. */
static void take_back(const LineFile *file)
{
	struct stat status;

	if (file->partial && file->is_regular && fstat(file->fd, &status) == 0 &&
	    status.st_size >= (off_t)file->partial &&
	    ftruncate(file->fd, status.st_size - (off_t)file->partial) < 0)
		g_info("%s: a part of a line stays: %s", file->path, g_strerror(errno));
}

static void fail(LineFile *file, const char *why)
{
	take_back(file);
	file->dropped += count_lines(file->pending->data + file->taken, pending_len(file));
	clear_pending(file);
	close_file(file);
	note_error(file, why);
}

static const char *open_error(int error_number)
{
	switch (error_number) {
	case ENXIO:
		return "nobody reads it";
	case ELOOP:
		return "it is a symbolic link";
	default:
		return g_strerror(error_number);
	}
}

/* Whether the last line of the file, which is open for writing alone, lacks its end. What cannot be read does not. */
static bool is_torn(const LineFile *file, const struct stat *written)
{
	struct stat status;
	char last = '\n';
	int fd;

	if (!written->st_size)
		return false;
	fd = open(file->path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	if (fstat(fd, &status) == 0 && status.st_dev == written->st_dev &&
	    status.st_ino == written->st_ino)
		(void)!pread(fd, &last, 1, written->st_size - 1);
	close(fd);
	return last != '\n';
}

/* What is not ours alone, in a place where anybody could have put it, may be there to read along or to be spoilt. */
static bool is_planted(const LineFile *file, const struct stat *status)
{
	g_autofree char *directory = NULL;

	if (file->is_stdout ||
	    (status->st_nlink == 1 && (status->st_uid == geteuid() || status->st_uid == 0)))
		return false;
	directory = g_path_get_dirname(file->path);
	return file_is_shared(directory);
}

static bool open_file(LineFile *file)
{
	struct stat status;

	if (file->fd >= 0)
		return true;
	file->fd = file->is_stdout ? STDOUT_FILENO :
				     open(file->path,
					  O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW |
						  O_CLOEXEC | O_NOCTTY,
					  MODE);
	if (file->fd < 0 || fstat(file->fd, &status) < 0) {
		fail(file, open_error(errno));
		return false;
	}
	if (is_planted(file, &status)) {
		fail(file, "somebody else may have put it there");
		return false;
	}
	file->is_regular = S_ISREG(status.st_mode);
	file->is_socket = S_ISSOCK(status.st_mode);
	/* A crash has left it so; ours must not be the rest of that line. */
	if (file->is_regular && !file->is_stdout && is_torn(file, &status) &&
	    write(file->fd, "\n", 1) < 0) {
		fail(file, g_strerror(errno));
		return false;
	}
	return true;
}

/* Standard output is not ours alone, so it must not be made one that never waits; but then it takes PIPE_BUF octets
 * whenever it says that it takes any. */
static ssize_t write_to_stdout(const LineFile *file, const uint8_t *octets, size_t len)
{
	struct pollfd ready = { .fd = file->fd, .events = POLLOUT };

	if (file->is_socket)
		return send(file->fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (poll(&ready, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(file->fd, octets, MIN(len, PIPE_BUF));
}

static ssize_t write_some(const LineFile *file, const uint8_t *octets, size_t len)
{
	ssize_t written;

	do
		written = file->is_stdout ? write_to_stdout(file, octets, len) :
					    write(file->fd, octets, len);
	while (written < 0 && errno == EINTR);
	return written;
}

/* The octets behind the last newline are of a line that is not whole yet. */
static void note_written(LineFile *file, const uint8_t *octets, size_t len)
{
	const uint8_t *newline = memrchr(octets, '\n', len);

	file->written += count_lines(octets, len);
	file->partial = newline ? (size_t)(octets + len - newline) - 1 : file->partial + len;
	file->taken += len;
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer user_data)
{
	LineFile *file = user_data;

	(void)fd;
	(void)condition;
	file->source = 0;
	line_file_flush(file);
	return G_SOURCE_REMOVE;
}

void line_file_flush(LineFile *file)
{
	while (pending_len(file)) {
		const uint8_t *octets = file->pending->data + file->taken;
		ssize_t written;

		if (!open_file(file))
			return;
		written = write_some(file, octets, pending_len(file));
		if (written < 0 && errno == EAGAIN) {
			if (!file->source)
				file->source = g_unix_fd_add(file->fd, G_IO_OUT, on_writable, file);
			return;
		}
		if (written < 0) {
			fail(file, errno == EPIPE ? "nobody reads it" : g_strerror(errno));
			return;
		}
		note_written(file, octets, (size_t)written);
		/* Not before: one that only takes little does not work yet. */
		if (!pending_len(file))
			note_success(file);
	}
	clear_pending(file);
}

/* Only now and then, as it moves all that is left. */
static void forget_taken(LineFile *file)
{
	if (file->taken < FLUSH_LEN || file->taken < file->pending->len / 2)
		return;
	g_byte_array_remove_range(file->pending, 0, (guint)file->taken);
	file->taken = 0;
}

void line_file_add(LineFile *file, const char *line, size_t len)
{
	if (pending_len(file) + len > LINE_FILE_MAX) {
		file->dropped++;
		note_error(file, "its reader does not keep up");
		return;
	}
	forget_taken(file);
	g_byte_array_append(file->pending, (const guint8 *)line, (guint)len);
	/* Whoever waits for the file is called when it takes more. */
	if (pending_len(file) >= FLUSH_LEN && !file->source)
		line_file_flush(file);
}

void line_file_reopen(LineFile *file)
{
	line_file_flush(file);
	/* Only a FIFO makes lines wait; there the rest of a line must follow it. */
	if (!pending_len(file))
		close_file(file);
}

void line_file_free(LineFile *file)
{
	if (!file)
		return;
	line_file_flush(file);
	close_file(file);
	g_byte_array_unref(file->pending);
	g_free(file->path);
	g_free(file->error);
	g_free(file);
}

const char *line_file_path(const LineFile *file)
{
	return file->path;
}

uint64_t line_file_written(const LineFile *file)
{
	return file->written;
}

uint64_t line_file_dropped(const LineFile *file)
{
	return file->dropped;
}

const char *line_file_error(const LineFile *file)
{
	return file->error;
}

void line_file_set_counts(LineFile *file, uint64_t written, uint64_t dropped)
{
	file->written = written;
	file->dropped = dropped;
}
