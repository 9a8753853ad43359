/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system that shows a directory and fails when it is told to, as a disk does: by FUSE, in the foreground, until it
 * is unmounted.
 *
 *   failfs DIRECTORY MOUNTPOINT SWITCH
 *
 * While the file SWITCH exists, which lies elsewhere, what would change something fails with the error that stands in it,
 * by name (EIO where it is empty). Behind that it may name operations, which then fail alone:
 *
 *   EIO write fsync       of open, create, mkdir, unlink, rename, truncate, write, fsync, chmod, read
 *
 * A write that fails has written half of its octets before.
 */
#define FUSE_USE_VERSION 31

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *directory;
static const char *failing;

static int error_by_name(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = {
		{ "EIO", EIO },
		{ "ENOSPC", ENOSPC },
		{ "EROFS", EROFS },
		{ "EDQUOT", EDQUOT },
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (!strcmp(name, errors[i].name))
			return errors[i].number;
	}
	return EIO;
}

/* 0: the operation works; else a negative error. What is named only fails if it is. */
static int fault_of(const char *operation, bool by_default)
{
	char text[256] = "", *rest = NULL, *word;
	FILE *file = fopen(failing, "re");
	int number;
	bool is_named = false, any = false;

	if (!file)
		return 0;
	(void)!fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	word = strtok_r(text, " \n", &rest);
	number = error_by_name(word ? word : "EIO");
	while (word && (word = strtok_r(NULL, " \n", &rest))) {
		any = true;
		is_named |= !strcmp(word, operation);
	}
	return (any ? is_named : by_default) ? -number : 0;
}

static const char *real(char path[PATH_MAX], const char *name)
{
	(void)snprintf(path, PATH_MAX, "%s%s", directory, name);
	return path;
}

static int result(int returned)
{
	return returned < 0 ? -errno : 0;
}

static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	/* What is changed behind it is seen at once, and each write comes here. */
	config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
	config->use_ino = 1;
	config->hard_remove = 1;
	return NULL;
}

static int fs_getattr(const char *name, struct stat *status, struct fuse_file_info *info)
{
	char path[PATH_MAX];

	return result(info ? fstat((int)info->fh, status) : lstat(real(path, name), status));
}

static int fs_readdir(const char *name, void *buffer, fuse_fill_dir_t fill, off_t offset,
		      struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
	char path[PATH_MAX];
	DIR *listing = opendir(real(path, name));
	const struct dirent *entry;

	(void)offset;
	(void)info;
	(void)flags;
	if (!listing)
		return -errno;
	while ((entry = readdir(listing)))
		fill(buffer, entry->d_name, NULL, 0, 0);
	closedir(listing);
	return 0;
}

static int fs_mkdir(const char *name, mode_t mode)
{
	char path[PATH_MAX];
	int fault = fault_of("mkdir", true);

	return fault ? fault : result(mkdir(real(path, name), mode));
}

static int fs_unlink(const char *name)
{
	char path[PATH_MAX];
	int fault = fault_of("unlink", true);

	return fault ? fault : result(unlink(real(path, name)));
}

static int fs_rmdir(const char *name)
{
	char path[PATH_MAX];
	int fault = fault_of("unlink", true);

	return fault ? fault : result(rmdir(real(path, name)));
}

static int fs_rename(const char *from, const char *to, unsigned int flags)
{
	char path[PATH_MAX], other[PATH_MAX];
	int fault = fault_of("rename", true);

	if (flags)
		return -EINVAL;
	return fault ? fault : result(rename(real(path, from), real(other, to)));
}

static int fs_chmod(const char *name, mode_t mode, struct fuse_file_info *info)
{
	char path[PATH_MAX];
	int fault = fault_of("chmod", true);

	if (fault)
		return fault;
	return result(info ? fchmod((int)info->fh, mode) : chmod(real(path, name), mode));
}

static int fs_truncate(const char *name, off_t size, struct fuse_file_info *info)
{
	char path[PATH_MAX];
	int fault = fault_of("truncate", true);

	if (fault)
		return fault;
	return result(info ? ftruncate((int)info->fh, size) : truncate(real(path, name), size));
}

static int fs_mknod(const char *name, mode_t mode, dev_t device)
{
	char path[PATH_MAX];
	int fault = fault_of("create", true);

	return fault ? fault : result(mknod(real(path, name), mode, device));
}

static int open_real(const char *name, int flags, mode_t mode, struct fuse_file_info *info)
{
	char path[PATH_MAX];
	int fd = open(real(path, name), flags | O_CLOEXEC, mode);

	if (fd < 0)
		return -errno;
	info->fh = (uint64_t)fd;
	info->direct_io = 1;
	return 0;
}

static int fs_create(const char *name, mode_t mode, struct fuse_file_info *info)
{
	int fault = fault_of("create", true);

	return fault ? fault : open_real(name, info->flags | O_CREAT, mode, info);
}

/* As on a file system that has become read-only, what is open for reading alone can be. */
static int fs_open(const char *name, struct fuse_file_info *info)
{
	int fault = (info->flags & O_ACCMODE) != O_RDONLY ? fault_of("open", true) : 0;

	return fault ? fault : open_real(name, info->flags & ~O_CREAT, 0, info);
}

static int fs_read(const char *name, char *buffer, size_t len, off_t offset,
		   struct fuse_file_info *info)
{
	int fault = fault_of("read", false);
	ssize_t got;

	(void)name;
	if (fault)
		return fault;
	got = pread((int)info->fh, buffer, len, offset);
	return got < 0 ? -errno : (int)got;
}

static int fs_write(const char *name, const char *buffer, size_t len, off_t offset,
		    struct fuse_file_info *info)
{
	int fault = fault_of("write", true);
	ssize_t put = pwrite((int)info->fh, buffer, fault ? len / 2 : len, offset);

	(void)name;
	if (fault)
		return fault;
	return put < 0 ? -errno : (int)put;
}

static int fs_fsync(const char *name, int only_data, struct fuse_file_info *info)
{
	(void)name;
	(void)only_data;
	(void)info;
	return fault_of("fsync", true);
}

static int fs_release(const char *name, struct fuse_file_info *info)
{
	(void)name;
	close((int)info->fh);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct fuse_operations operations = {
		.init = fs_init,
		.getattr = fs_getattr,
		.readdir = fs_readdir,
		.mkdir = fs_mkdir,
		.unlink = fs_unlink,
		.rmdir = fs_rmdir,
		.rename = fs_rename,
		.chmod = fs_chmod,
		.truncate = fs_truncate,
		.mknod = fs_mknod,
		.create = fs_create,
		.open = fs_open,
		.read = fs_read,
		.write = fs_write,
		.fsync = fs_fsync,
		.release = fs_release,
	};
	char *arguments[] = { argv[0], "-f", "-s", "-o", "allow_other", argv[2], NULL };

	if (argc != 4) {
		fprintf(stderr, "usage: failfs DIRECTORY MOUNTPOINT SWITCH\n");
		return 2;
	}
	directory = argv[1];
	failing = argv[3];
	umask(0);
	return fuse_main(6, arguments, &operations, NULL);
}
