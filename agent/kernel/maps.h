/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BPF maps that outlive the agent: pinned in a bpffs, made where they are missing, and adopted where they
 * are what was to be made.
 */
#ifndef FLOWTALLY_MAPS_H
#define FLOWTALLY_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "mapspecs.h"

/* Makes @dir a directory in a bpffs; where it is in none, one is mounted on it. */
bool maps_prepare(const char *dir, GError **error);

/* Removes what is pinned in @dir, the file system if it was mounted on it, and @dir. */
void maps_remove(const char *dir);

/*
 * The map pinned as @pin in @dir, or a new one made as map_create() does. A descriptor, -1 with @error set.
 * One of other sizes than the kind's, but for its max_entries, is refused: it is another program's or
 * another version's.
 */
int map_open(const char *dir, const char *pin, MapKind kind, uint32_t max_entries, int inner_fd,
	     GError **error);

/* Pins @fd in place of what is pinned as @pin, which may be nothing. */
bool map_repin(const char *dir, const char *pin, int fd, GError **error);
void map_unpin(const char *dir, const char *pin);

/*
 * A new map in place of @fd and of what is pinned as @pin, which is empty: were we to end after this, the
 * next start would adopt the new one. On failure all stays.
 */
bool map_replace(const char *dir, const char *pin, MapKind kind, uint32_t max_entries, int *fd,
		 GError **error);

uint32_t map_max_entries(int fd);

/* Deletes @keys. Those that are gone are no error, so that it can be repeated where it failed halfway. False with
 * errno set. */
bool map_delete_keys(int fd, const GArray *keys);

/*
 * The values of an array made with BPF_F_MMAPABLE, one after the other as their size is a multiple of 8
 * octets; NULL with @error set on failure.
 */
void *map_memory(int fd, MapKind kind, GError **error);
void map_memory_free(void *memory, MapKind kind);

#endif
