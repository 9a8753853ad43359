/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every map that there is, and how each is made. Making one needs CAP_BPF.
 */
#ifndef FLOWTALLY_MAPSPECS_H
#define FLOWTALLY_MAPSPECS_H

#include <stdint.h>

#include <glib.h>
#include <linux/bpf.h>

typedef enum {
	MAP_CONTROL,
	MAP_HOSTS, /* of maps: the tables of each generation */
	MAP_MACS,  /* the same */
	MAP_HOST_TABLE,
	MAP_FLOWS_IPV4, /* of maps: the tables of each generation and CPU, FLOW_PLACES() of them */
	MAP_FLOWS_IPV6,
	MAP_FLOW_TABLE_IPV4,
	MAP_FLOW_TABLE_IPV6,
	MAP_FRAGMENTS,
	MAP_PAIRS, /* of maps: the tables of each generation */
	MAP_PAIR_TABLE,
	MAP_STAMPS,
	MAP_LEDGER,
	MAP_LOCAL_PREFIXES,
	MAP_SCOPE_PREFIXES,
	MAP_SCOPE_HINTS,
	MAP_KINDS,
} MapKind;

typedef struct {
	const char *name; /* the kernel's name for it, at most 15 letters, and that of its pin */
	enum bpf_map_type type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries; /* 0: given when it is made */
	uint32_t flags;
} MapSpec;

extern const MapSpec map_specs[MAP_KINDS];

/*
 * A descriptor, -1 with @error set on failure. @max_entries counts where the spec leaves it open;
 * @inner_fd is a map such as a map of maps will hold, else -1.
 */
int map_create(MapKind kind, uint32_t max_entries, int inner_fd, GError **error);

#endif
