/* SPDX-License-Identifier: Apache-2.0 */
#include "maps.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "broker.h"
#include "base/error.h"

bool maps_prepare(const char *dir, GError **error)
{
	if (g_mkdir_with_parents(dir, 0700) == 0)
		return broker_mount_pins(dir, error);
	error_from_errno(error, errno, "%s", dir);
	return false;
}

void maps_remove(const char *dir)
{
	g_autoptr(GDir) listing = g_dir_open(dir, 0, NULL);
	const char *pin;

	while (listing && (pin = g_dir_read_name(listing)))
		map_unpin(dir, pin);
	/* Both fail where the file system is somebody else's: then only the pins go. */
	broker_unmount_pins(dir);
	(void)rmdir(dir);
}

static bool is_like(int fd, const MapSpec *spec)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == spec->type &&
	       info.key_size == spec->key_size && info.value_size == spec->value_size;
}

static int adopt(const char *path, const MapSpec *spec, GError **error)
{
	int fd = bpf_obj_get(path);

	if (fd < 0) {
		error_from_errno(error, errno, "%s", path);
		return -1;
	}
	if (!is_like(fd, spec)) {
		error_set(error, "%s: a map of another program or version is pinned here", path);
		close(fd);
		return -1;
	}
	return fd;
}

int map_open(const char *dir, const char *pin, MapKind kind, uint32_t max_entries, int inner_fd,
	     GError **error)
{
	g_autofree char *path = g_build_filename(dir, pin, NULL);
	int fd;

	if (access(path, F_OK) == 0)
		return adopt(path, &map_specs[kind], error);
	fd = broker_make_map(kind, max_entries, inner_fd, error);
	if (fd >= 0 && bpf_obj_pin(fd, path) < 0) {
		error_from_errno(error, errno, "%s: pin a map", path);
		close(fd);
		return -1;
	}
	return fd;
}

bool map_repin(const char *dir, const char *pin, int fd, GError **error)
{
	g_autofree char *path = g_build_filename(dir, pin, NULL);
	g_autofree char *temporary = g_strconcat(path, "-new", NULL);

	(void)unlink(temporary);
	if (bpf_obj_pin(fd, temporary) == 0 && rename(temporary, path) == 0)
		return true;
	error_from_errno(error, errno, "%s: pin a map", path);
	return false;
}

void map_unpin(const char *dir, const char *pin)
{
	g_autofree char *path = g_build_filename(dir, pin, NULL);

	(void)unlink(path);
}

bool map_replace(const char *dir, const char *pin, MapKind kind, uint32_t max_entries, int *fd,
		 GError **error)
{
	int made = broker_make_map(kind, max_entries, -1, error);

	if (made < 0)
		return false;
	if (!map_repin(dir, pin, made, error)) {
		close(made);
		return false;
	}
	close(*fd);
	*fd = made;
	return true;
}

uint32_t map_max_entries(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) < 0 ? 0 : info.max_entries;
}

/* The kernel goes up to the first that is gone, and tells how far that was. */
bool map_delete_keys(int fd, const GArray *keys)
{
	guint key_size = g_array_get_element_size((GArray *)keys), done = 0;

	while (done < keys->len) {
		__u32 count = keys->len - done;
		bool is_gone = bpf_map_delete_batch(fd, keys->data + (gsize)done * key_size, &count,
						    NULL) < 0;

		if (is_gone && errno != ENOENT)
			return false;
		done += count + is_gone;
	}
	return true;
}

static size_t memory_size(MapKind kind)
{
	return (size_t)map_specs[kind].value_size * map_specs[kind].max_entries;
}

void *map_memory(int fd, MapKind kind, GError **error)
{
	void *memory = mmap(NULL, memory_size(kind), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory != MAP_FAILED)
		return memory;
	error_from_errno(error, errno, "map the memory of %s", map_specs[kind].name);
	return NULL;
}

void map_memory_free(void *memory, MapKind kind)
{
	if (memory)
		munmap(memory, memory_size(kind));
}
