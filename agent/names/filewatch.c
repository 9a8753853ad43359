/* SPDX-License-Identifier: Apache-2.0 */
#include "filewatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib-unix.h>

#include "base/error.h"

#define PIECE 65536 /* octets: one turn of the loop */
/* Several changes in a row are one. */
#define SETTLE_MS 100
#define PAUSE_MAX_MS 60000
#define PAUSE_FACTOR 10
#define LOOK_INTERVAL_S 30
/* Who changes a file again and again while it is read gets a reading of it all the same. */
#define RESTARTS_MAX 3

#define CHANGES                                                                                    \
	(IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |        \
	 IN_DELETE)
#define OF_DIRECTORY (IN_DELETE_SELF | IN_MOVE_SELF)

/* What tells one state of a file from another; all zero where there is none. */
typedef struct {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
} Stamp;

struct FileWatch {
	char **paths;
	size_t n;
	Stamp *stamps; /* as of the last reading */
	char *directory;
	const FileWatchCallbacks *callbacks;
	void *user_data;

	int inotify;	   /* -1: there is none, and looks must do */
	int watched;	   /* descriptor of what is watched; -1: nothing is */
	bool is_directory; /* whether it is the directory, else the nearest above that exists */
	guint inotify_source;
	guint look_timer;
	guint read_timer; /* 0: no reading is due */

	guint read_source; /* 0: no reading is under way */
	gint64 begin_us;
	gint64 last_us; /* how long the last reading took */
	unsigned int restarts;
	bool changed;	/* in a reading that is not started again */
	size_t current; /* the file that is read */
	int fd;		/* -1: it is not open yet */
	off_t len;	/* read of it so far, of ... */
	off_t size;	/* that it had when it was opened */
	char *piece;
};

static Stamp stamp_of(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return (Stamp){ 0 };
	return (Stamp){ status.st_dev, status.st_ino, status.st_size, status.st_mtim };
}

static bool stamps_equal(const Stamp *a, const Stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->modified.tv_sec == b->modified.tv_sec &&
	       a->modified.tv_nsec == b->modified.tv_nsec;
}

static bool has_changed(const FileWatch *watch)
{
	for (size_t i = 0; i < watch->n; i++) {
		Stamp now = stamp_of(watch->paths[i]);

		if (!stamps_equal(&now, &watch->stamps[i]))
			return true;
	}
	return false;
}

/* Reading */

static void close_file(FileWatch *watch)
{
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
	watch->len = 0;
}

static void stop_reading(FileWatch *watch)
{
	if (!watch->read_source)
		return;
	g_clear_handle_id(&watch->read_source, g_source_remove);
	close_file(watch);
	g_clear_pointer(&watch->piece, g_free);
	watch->last_us = g_get_monotonic_time() - watch->begin_us;
}

static void note_change(FileWatch *watch);

static void end_reading(FileWatch *watch)
{
	bool changed = watch->changed;

	stop_reading(watch);
	watch->restarts = 0;
	watch->changed = false;
	if (changed)
		note_change(watch);
}

static void fail(FileWatch *watch, const GError *error)
{
	end_reading(watch);
	watch->callbacks->fail(error, watch->user_data);
}

static void error_too_long(GError **error, const char *path)
{
	error_set(error, "%s: longer than %d MiB", path, FILE_WATCH_MAX >> 20);
}

static bool check(const struct stat *status, const char *path, GError **error)
{
	if (!S_ISREG(status->st_mode)) {
		error_set(error, "%s: not a regular file", path);
		return false;
	}
	if (status->st_size > FILE_WATCH_MAX) {
		error_too_long(error, path);
		return false;
	}
	return true;
}

static void error_of_file(GError **error, const char *path)
{
	if (errno == EACCES)
		error_from_errno(error, errno, "%s: read it as user %u without capabilities", path,
				 (unsigned int)geteuid());
	else
		error_from_errno(error, errno, "%s", path);
}

/* Looked at before, too: to open a device may do something. */
static int open_file(const char *path, off_t *size, GError **error)
{
	struct stat status;
	int fd;

	if (stat(path, &status) < 0) {
		error_of_file(error, path);
		return -1;
	}
	if (!check(&status, path, error))
		return -1;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &status) < 0) {
		error_of_file(error, path);
	} else if (check(&status, path, error)) {
		*size = status.st_size;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* False if there is no such file to be read. */
static bool open_current(FileWatch *watch)
{
	const char *path = watch->paths[watch->current];
	g_autoptr(GError) error = NULL;

	watch->fd = open_file(path, &watch->size, &error);
	if (watch->fd >= 0) {
		watch->callbacks->open(path, watch->user_data);
		return true;
	}
	if (watch->current + 1 < watch->n && error->code == ENOENT)
		watch->current++;
	else
		fail(watch, error);
	return false;
}

static void end_file(FileWatch *watch)
{
	close_file(watch);
	if (++watch->current < watch->n)
		return;
	end_reading(watch);
	watch->callbacks->finish(watch->user_data);
}

/* Of a file that grows while it is read, what it had at first is enough: it has grown, and will be read again. */
static bool is_read(const FileWatch *watch)
{
	return watch->size && watch->len >= watch->size;
}

static bool read_piece(FileWatch *watch, ssize_t *len, GError **error)
{
	const char *path = watch->paths[watch->current];

	*len = read(watch->fd, watch->piece, PIECE);
	if (*len < 0) {
		error_of_file(error, path);
		return false;
	}
	watch->len += *len;
	if (watch->len > FILE_WATCH_MAX) {
		error_too_long(error, path);
		return false;
	}
	return true;
}

static gboolean on_read(void *user_data)
{
	FileWatch *watch = user_data;
	g_autoptr(GError) error = NULL;
	ssize_t len;

	if (watch->fd < 0 && !open_current(watch))
		return G_SOURCE_CONTINUE;
	if (!read_piece(watch, &len, &error)) {
		fail(watch, error);
		return G_SOURCE_CONTINUE;
	}
	watch->callbacks->take(watch->piece, (size_t)len, watch->user_data);
	if (!len || is_read(watch))
		end_file(watch);
	return G_SOURCE_CONTINUE;
}

static void begin_reading(FileWatch *watch)
{
	stop_reading(watch);
	g_clear_handle_id(&watch->read_timer, g_source_remove);
	for (size_t i = 0; i < watch->n; i++)
		watch->stamps[i] = stamp_of(watch->paths[i]);
	watch->current = 0;
	watch->changed = false;
	watch->begin_us = g_get_monotonic_time();
	watch->piece = g_malloc(PIECE);
	watch->callbacks->begin(watch->user_data);
	watch->read_source = g_idle_add(on_read, watch);
}

static gboolean on_due(void *user_data)
{
	FileWatch *watch = user_data;

	watch->read_timer = 0;
	begin_reading(watch);
	return G_SOURCE_REMOVE;
}

static void note_change(FileWatch *watch)
{
	gint64 pause_ms = PAUSE_FACTOR * watch->last_us / 1000;

	if (watch->read_source && watch->restarts >= RESTARTS_MAX) {
		watch->changed = true;
		return;
	}
	if (watch->read_source) {
		watch->restarts++;
		stop_reading(watch);
	}
	if (!watch->read_timer)
		watch->read_timer = g_timeout_add((guint)CLAMP(pause_ms, SETTLE_MS, PAUSE_MAX_MS),
						  on_due, watch);
}

void file_watch_read(FileWatch *watch)
{
	watch->restarts = 0;
	begin_reading(watch);
}

/* Watching */

static int watch_nearest(FileWatch *watch)
{
	g_autofree char *directory = g_strdup(watch->directory);
	int watched;

	watch->is_directory = true;
	while ((watched = inotify_add_watch(watch->inotify, directory,
					    CHANGES | OF_DIRECTORY | IN_ONLYDIR)) < 0 &&
	       strlen(directory) > 1) {
		char *above = g_path_get_dirname(directory);

		g_free(directory);
		directory = above;
		watch->is_directory = false;
	}
	return watched;
}

/* True if it is another directory than before, by which changes may have been missed. */
static bool place_watch(FileWatch *watch)
{
	int before = watch->watched;

	if (watch->inotify < 0)
		return false;
	watch->watched = watch_nearest(watch);
	if (before >= 0 && before != watch->watched)
		(void)inotify_rm_watch(watch->inotify, before);
	return before != watch->watched;
}

static bool is_ours(const FileWatch *watch, const struct inotify_event *event)
{
	for (size_t i = 0; i < watch->n && event->len; i++) {
		g_autofree char *name = g_path_get_basename(watch->paths[i]);

		if (!strcmp(name, event->name))
			return true;
	}
	return false;
}

/* Whether @event may be of our files; those of a watch that has been left are not. */
static bool concerns(FileWatch *watch, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (event->wd != watch->watched)
		return false;
	if (event->mask & IN_IGNORED)
		watch->watched = -1;
	if (event->mask & (OF_DIRECTORY | IN_IGNORED | IN_UNMOUNT) || !watch->is_directory)
		return place_watch(watch);
	return is_ours(watch, event);
}

static gboolean on_events(int fd, GIOCondition condition, void *user_data)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	FileWatch *watch = user_data;
	bool changed = false;
	ssize_t len;

	(void)condition;
	while ((len = read(fd, events, sizeof(events))) > 0) {
		for (ssize_t i = 0; i < len;) {
			const struct inotify_event *event =
				(const struct inotify_event *)(const void *)(events + i);

			if (concerns(watch, event))
				changed = true;
			i += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	if (changed)
		note_change(watch);
	return G_SOURCE_CONTINUE;
}

static gboolean on_look(void *user_data)
{
	FileWatch *watch = user_data;

	(void)place_watch(watch);
	if (!watch->read_source && !watch->read_timer && has_changed(watch))
		note_change(watch);
	return G_SOURCE_CONTINUE;
}

FileWatch *file_watch_new(const char *const *paths, size_t n, const FileWatchCallbacks *callbacks,
			  void *user_data)
{
	FileWatch *watch = g_new0(FileWatch, 1);

	watch->paths = g_new0(char *, n + 1);
	for (size_t i = 0; i < n; i++)
		watch->paths[i] = g_strdup(paths[i]);
	watch->n = n;
	watch->stamps = g_new0(Stamp, n);
	watch->directory = g_path_get_dirname(paths[0]);
	watch->callbacks = callbacks;
	watch->user_data = user_data;
	watch->fd = -1;
	watch->watched = -1;
	watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->inotify >= 0)
		watch->inotify_source = g_unix_fd_add_full(G_PRIORITY_DEFAULT_IDLE, watch->inotify,
							   G_IO_IN, on_events, watch, NULL);
	(void)place_watch(watch);
	watch->look_timer = g_timeout_add_seconds(LOOK_INTERVAL_S, on_look, watch);
	begin_reading(watch);
	return watch;
}

void file_watch_free(FileWatch *watch)
{
	if (!watch)
		return;
	stop_reading(watch);
	g_clear_handle_id(&watch->read_timer, g_source_remove);
	g_clear_handle_id(&watch->inotify_source, g_source_remove);
	g_source_remove(watch->look_timer);
	if (watch->inotify >= 0)
		close(watch->inotify);
	g_strfreev(watch->paths);
	g_free(watch->stamps);
	g_free(watch->directory);
	g_free(watch);
}
