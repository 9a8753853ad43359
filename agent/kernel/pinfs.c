/* SPDX-License-Identifier: Apache-2.0 */
#include "pinfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"

#define NAME "bpf"

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* Of nothing but what the kernel itself puts there (bpf_preload). */
static bool is_empty(const char *directory)
{
	g_autoptr(GDir) listing = g_dir_open(directory, 0, NULL);
	const char *name;

	while (listing && (name = g_dir_read_name(listing))) {
		if (!g_str_has_suffix(name, ".debug"))
			return false;
	}
	return listing;
}

/* @link leads to what is open, whatever has become of the path to it. */
static bool is_called_as_ours(const char *link)
{
	g_autofree char *path = g_file_read_link(link, NULL);

	return path && g_str_has_suffix(path, "/" NAME);
}

static bool may_be_covered(int fd, const char *link)
{
	struct stat file;

	return fstat(fd, &file) == 0 && file.st_uid == geteuid() && is_called_as_ours(link) &&
	       is_empty(link);
}

/* What is looked at is what is covered: whoever asks may change the path in between. */
static bool cover(const char *directory, GError **error)
{
	int fd = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
	bool may = fd >= 0 && may_be_covered(fd, link);
	bool done = may &&
		    mount("bpf", link, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0;
	int why = errno;

	if (fd >= 0)
		close(fd);
	if (!may)
		error_set(error, "%s: mount a bpffs: it is no empty directory of ours", directory);
	else if (!done && why == EPERM)
		g_set_error(error, FLOWTALLY_ERROR, EPERM,
			    "%s: is not on a bpffs, and to mount one needs CAP_SYS_ADMIN: mount it "
			    "before, or make it a link to a directory of ours below /sys/fs/bpf",
			    directory);
	else if (!done)
		error_from_errno(error, why, "%s: mount a bpffs", directory);
	return done;
}

bool pinfs_mount(const char *directory, GError **error)
{
	return on_bpffs(directory) || cover(directory, error);
}

void pinfs_unmount(const char *directory)
{
	g_autofree char *name = g_path_get_basename(directory);

	if (g_str_equal(name, NAME) && on_bpffs(directory) && is_empty(directory))
		(void)umount2(directory, MNT_DETACH | UMOUNT_NOFOLLOW);
}
