/* SPDX-License-Identifier: Apache-2.0 */
#include "mapspecs.h"

#include <errno.h>

#include <bpf/bpf.h>

#include "base/error.h"
#include "records.h"

/* A trie takes memory only for what is in it. */
#define MAX_PREFIXES 65536
/* Of fragmented packets whose last fragment is still to come. */
#define MAX_FRAGMENTS 8192
/* Of interfaces that packets have passed between within an interval. */
#define MAX_PAIRS 16384

/* clang-format off */
const MapSpec map_specs[MAP_KINDS] = {
	[MAP_CONTROL] = {
		"control", BPF_MAP_TYPE_ARRAY,
		sizeof(uint32_t), sizeof(struct meter_control), 1, BPF_F_MMAPABLE },
	[MAP_HOSTS] = {
		"hosts", BPF_MAP_TYPE_ARRAY_OF_MAPS,
		sizeof(uint32_t), sizeof(uint32_t), TABLE_PLACES, 0 },
	[MAP_MACS] = {
		"macs", BPF_MAP_TYPE_ARRAY_OF_MAPS,
		sizeof(uint32_t), sizeof(uint32_t), TABLE_PLACES, 0 },
	[MAP_HOST_TABLE] = {
		"host_table", BPF_MAP_TYPE_PERCPU_HASH,
		sizeof(struct meter_key), sizeof(struct host_traffic), 0, 0 },
	[MAP_FLOWS_IPV4] = {
		"flows_ipv4", BPF_MAP_TYPE_ARRAY_OF_MAPS,
		sizeof(uint32_t), sizeof(uint32_t), 0, 0 },
	[MAP_FLOWS_IPV6] = {
		"flows_ipv6", BPF_MAP_TYPE_ARRAY_OF_MAPS,
		sizeof(uint32_t), sizeof(uint32_t), 0, 0 },
	[MAP_FLOW_TABLE_IPV4] = {
		"flow_table_ipv4", BPF_MAP_TYPE_HASH,
		sizeof(uint64_t), sizeof(struct flow_ipv4), 0, BPF_F_NO_PREALLOC },
	[MAP_FLOW_TABLE_IPV6] = {
		"flow_table_ipv6", BPF_MAP_TYPE_HASH,
		sizeof(uint64_t), sizeof(struct flow_ipv6), 0, BPF_F_NO_PREALLOC },
	[MAP_FRAGMENTS] = {
		"fragments", BPF_MAP_TYPE_LRU_HASH,
		sizeof(struct fragment_key), sizeof(struct fragment_ports), MAX_FRAGMENTS, 0 },
	[MAP_PAIRS] = {
		"pairs", BPF_MAP_TYPE_ARRAY_OF_MAPS,
		sizeof(uint32_t), sizeof(uint32_t), TABLE_PLACES, 0 },
	[MAP_PAIR_TABLE] = {
		"pair_table", BPF_MAP_TYPE_PERCPU_HASH,
		sizeof(struct pair_key), sizeof(struct pair_traffic), MAX_PAIRS, BPF_F_NO_PREALLOC },
	[MAP_STAMPS] = {
		"stamps", BPF_MAP_TYPE_PERCPU_ARRAY,
		sizeof(uint32_t), sizeof(struct stamp), STAMPS, 0 },
	[MAP_LEDGER] = {
		"ledger", BPF_MAP_TYPE_PERCPU_ARRAY,
		sizeof(uint32_t), sizeof(struct ledger_page), GENERATIONS * HOOKS, 0 },
	[MAP_LOCAL_PREFIXES] = {
		"local_prefixes", BPF_MAP_TYPE_LPM_TRIE,
		sizeof(struct local_prefix), sizeof(uint8_t), MAX_PREFIXES, BPF_F_NO_PREALLOC },
	[MAP_SCOPE_PREFIXES] = {
		"scope_prefixes", BPF_MAP_TYPE_LPM_TRIE,
		sizeof(struct scope_prefix), sizeof(uint8_t), MAX_PREFIXES, BPF_F_NO_PREALLOC },
	[MAP_SCOPE_HINTS] = {
		"scope_hints", BPF_MAP_TYPE_ARRAY,
		sizeof(uint32_t), sizeof(uint64_t), SCOPE_HINT_WORDS, BPF_F_MMAPABLE },
};
/* clang-format on */

int map_create(MapKind kind, uint32_t max_entries, int inner_fd, GError **error)
{
	const MapSpec *spec = &map_specs[kind];
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = spec->flags,
		    .inner_map_fd = inner_fd < 0 ? 0 : (__u32)inner_fd);
	int fd;

	if (spec->max_entries)
		max_entries = spec->max_entries;
	fd = bpf_map_create(spec->type, spec->name, spec->key_size, spec->value_size, max_entries,
			    &options);
	if (fd == -EPERM)
		g_set_error(error, FLOWTALLY_ERROR, EPERM, "make the map %s: needs CAP_BPF",
			    spec->name);
	else if (fd < 0)
		error_from_errno(error, fd, "make the map %s of %u entries", spec->name,
				 max_entries);
	return fd < 0 ? -1 : fd;
}
