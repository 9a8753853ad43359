/* SPDX-License-Identifier: Apache-2.0 */
#include "pinfs.h"

#include <errno.h>
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

static bool may_be_covered(const char *directory)
{
	g_autofree char *name = g_path_get_basename(directory);
	struct stat file;

	return g_str_equal(name, NAME) && lstat(directory, &file) == 0 && S_ISDIR(file.st_mode) &&
	       file.st_uid == geteuid() && is_empty(directory);
}

bool pinfs_mount(const char *directory, GError **error)
{
	if (on_bpffs(directory))
		return true;
	if (!may_be_covered(directory)) {
		error_set(error, "%s: mount a bpffs: it is no empty directory of ours", directory);
		return false;
	}
	if (mount("bpf", directory, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0)
		return true;
	if (errno == EPERM)
		g_set_error(error, FLOWTALLY_ERROR, EPERM,
			    "%s: is not on a bpffs, and to mount one needs CAP_SYS_ADMIN: mount it "
			    "before, or make it a link to a directory of ours below /sys/fs/bpf",
			    directory);
	else
		error_from_errno(error, errno, "%s: mount a bpffs", directory);
	return false;
}

void pinfs_unmount(const char *directory)
{
	g_autofree char *name = g_path_get_basename(directory);

	if (g_str_equal(name, NAME) && on_bpffs(directory) && is_empty(directory))
		(void)umount2(directory, MNT_DETACH | UMOUNT_NOFOLLOW);
}
