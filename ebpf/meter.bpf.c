/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The classifier: one instance an interface, at its ingress and at its egress.
 *
 * It only observes. Whatever it sees it returns TC_ACT_UNSPEC, so that the frame goes on to the
 * next filter as if we were not there.
 *
 * Each table stands twice. The generation is read once a frame and picks the tables which this
 * frame is counted in; when the agent has advanced it and a grace period has passed, nothing writes
 * to the other tables any more, and they can be read and emptied at leisure without losing a
 * packet.
 *
 * The tables are per CPU, so that counting takes no atomic operation and no CPU waits for another.
 */
#include "parse.bpf.h"

#include <linux/pkt_cls.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The interface of this instance; set between open and load. */
const volatile __u32 point_ifindex;
const volatile __u8 point_side;	  /* enum side */
const volatile __u8 coarse_clock; /* the kernel has bpf_ktime_get_coarse_ns (5.11) */

/*
 * The agent makes all maps (agent/cache.c), sets their sizes there and hands them to each instance;
 * what stands here is only what the verifier needs to know.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct meter_control);
} control SEC(".maps");

struct host_table {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct host_key));
	__uint(value_size, sizeof(struct host_traffic));
};

/* Devices x addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, GENERATIONS);
	__type(key, __u32);
	__array(values, struct host_table);
} hosts SEC(".maps");

/* Devices: where the table of hosts is full, and for addresses that are not told apart. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, GENERATIONS);
	__type(key, __u32);
	__array(values, struct host_table);
} macs SEC(".maps");

/* Of this interface alone; indexed by sheet_index(). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GENERATIONS *HOOKS);
	__type(key, __u32);
	__type(value, struct ledger_sheet);
} ledger SEC(".maps");

/* hosts.local */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct local_prefix);
	__type(value, __u8);
} local_prefixes SEC(".maps");

/* hosts.not-internet */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct scope_prefix);
	__type(value, __u8);
} scope_prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scope_hints);
} scope_hints SEC(".maps");

static const __u32 first;
static const struct host_traffic no_traffic;

/* A host_key in the words in which it is written; see struct packet. */
union host_words {
	struct host_key key;
	struct {
		__u64 address[2];
		__u64 ifindex_mac;
		__u32 mac_ip_version_scope;
	};
};

static __always_inline bool is_local(const struct host_key *key)
{
	struct local_prefix prefix = {
		.length = LOCAL_PREFIX_LENGTH(8 * ADDRESS_LEN),
		.ifindex = key->ifindex,
		.ip_version = key->ip_version,
	};

	__builtin_memcpy(prefix.address, key->address, ADDRESS_LEN);
	return bpf_map_lookup_elem(&local_prefixes, &prefix);
}

static __always_inline __u16 first_half(__u32 word)
{
	return ((union joined){ .words = { word } }).halves[0];
}

static __always_inline enum scope scope_of(const struct packet *packet)
{
	struct scope_prefix prefix = {
		.length = SCOPE_PREFIX_LENGTH(8 * ADDRESS_LEN),
		.ip_version = packet->ip_version,
	};
	struct scope_hints *hints = bpf_map_lookup_elem(&scope_hints, &first);
	bool ipv4 = packet->ip_version == 4;

	if (!hints)
		return SCOPE_INTERNET;
	switch (ipv4 ? hints->ipv4[first_half(packet->far[3])] :
		       hints->ipv6[first_half(packet->far[0])]) {
	case HINT_INTERNET:
		return SCOPE_INTERNET;
	case HINT_LOCAL:
		return SCOPE_LOCAL;
	default:
		__builtin_memcpy(prefix.address, packet->far, ADDRESS_LEN);
		return bpf_map_lookup_elem(&scope_prefixes, &prefix) ? SCOPE_LOCAL : SCOPE_INTERNET;
	}
}

static __always_inline __u64 now_ns(void)
{
	return coarse_clock ? bpf_ktime_get_coarse_ns() : bpf_ktime_get_ns();
}

static __always_inline void count(struct host_traffic *host, enum direction direction,
				  const struct packet *packet)
{
	struct traffic *traffic = &host->direction[direction];
	__u64 now = now_ns();

	if (!traffic->packets)
		traffic->first_ns = now;
	traffic->last_ns = now;
	traffic->packets += packet->packets;
	traffic->octets += packet->octets;
	traffic->layer2_octets += packet->layer2_octets;
}

/* NULL: the table is full. */
static __always_inline struct host_traffic *add_host(void *table, const struct host_key *key)
{
	/* Another CPU may win the race to insert: look up again either way. */
	bpf_map_update_elem(table, key, &no_traffic, BPF_NOEXIST);
	return bpf_map_lookup_elem(table, key);
}

static __always_inline enum ledger_class count_mac(struct host_key *key, __u32 generation,
						   enum direction direction,
						   const struct packet *packet,
						   enum ledger_class why)
{
	void *table = bpf_map_lookup_elem(&macs, &generation);
	struct host_traffic *host;

	if (!table)
		return LEDGER_DEVICE_LIMIT;
	__builtin_memset(key->address, 0, ADDRESS_LEN);
	host = bpf_map_lookup_elem(table, key);
	if (!host)
		host = add_host(table, key);
	if (!host)
		return LEDGER_DEVICE_LIMIT;
	count(host, direction, packet);
	return why;
}

static __always_inline void write_key(union host_words *words, const struct packet *packet,
				      enum scope scope)
{
	union joined end = { .octets = { [6] = packet->ip_version, [7] = scope } };

	if (point_side == SIDE_LAN)
		__builtin_memcpy(end.halves, packet->near_mac, MAC_LEN);
	words->address[0] = packet->near[0];
	words->address[1] = packet->near[1];
	words->ifindex_mac = join_words(point_ifindex, end.words[0]);
	words->mac_ip_version_scope = end.words[1];
}

static __always_inline bool is_upload(enum hook hook)
{
	return (hook == HOOK_INGRESS) == (point_side == SIDE_LAN);
}

static __always_inline enum ledger_class count_host(const struct packet *packet, enum hook hook,
						    __u32 generation)
{
	enum direction direction = is_upload(hook) ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD;
	void *table = bpf_map_lookup_elem(&hosts, &generation);
	enum scope scope = scope_of(packet);
	struct host_traffic *host;
	union host_words words;

	if (!table)
		return LEDGER_DEVICE_LIMIT;
	write_key(&words, packet, scope);
	host = bpf_map_lookup_elem(table, &words.key);
	if (!host) {
		/* Only now does it matter whether the address may have an entry: most are there. */
		if (!is_local(&words.key)) {
			if (point_side == SIDE_WAN)
				return LEDGER_ROUTER;
			return count_mac(&words.key, generation, direction, packet,
					 LEDGER_MAC_ONLY);
		}
		host = add_host(table, &words.key);
	}
	if (!host) {
		if (point_side == SIDE_WAN)
			return LEDGER_DEVICE_LIMIT;
		return count_mac(&words.key, generation, direction, packet, LEDGER_ADDRESS_LIMIT);
	}
	count(host, direction, packet);
	return scope == SCOPE_LOCAL ? LEDGER_LOCAL : LEDGER_INTERNET;
}

static __always_inline __u32 sheet_index(__u32 generation, enum hook hook)
{
	return generation * HOOKS + hook;
}

static __always_inline int meter(struct __sk_buff *skb, enum hook hook)
{
	const volatile struct meter_control *state = bpf_map_lookup_elem(&control, &first);
	struct packet packet;
	struct ledger_sheet *sheet;
	struct ledger_entry *entry;
	enum ledger_class class;
	__u32 generation, index;

	if (!state)
		return TC_ACT_UNSPEC;
	generation = state->generation % GENERATIONS;
	index = sheet_index(generation, hook);
	sheet = bpf_map_lookup_elem(&ledger, &index);
	if (!sheet)
		return TC_ACT_UNSPEC;
	sheet->seen.frames++;
	sheet->seen.skb_octets += skb->len;
	sheet->seen.tagged += skb->vlan_present;

	switch (parse_packet(skb, hook, is_upload(hook), &packet)) {
	case PARSED_IP:
		class = packet.multicast ? LEDGER_MULTICAST : count_host(&packet, hook, generation);
		break;
	case PARSED_NOT_IP:
		class = LEDGER_NOT_IP;
		break;
	default:
		class = LEDGER_MALFORMED;
	}
	entry = &sheet->classes[class];
	entry->frames++;
	entry->packets += packet.packets;
	entry->octets += packet.octets;
	entry->layer2_octets += packet.layer2_octets;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int flowtally_ingress(struct __sk_buff *skb)
{
	return meter(skb, HOOK_INGRESS);
}

SEC("tc")
int flowtally_egress(struct __sk_buff *skb)
{
	return meter(skb, HOOK_EGRESS);
}
