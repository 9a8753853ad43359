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
const volatile __u16 point_number; /* below POINT_NUMBERS */
const volatile __u8 point_side;	   /* enum side */
const volatile __u8 point_layer;   /* enum link_layer */

/*
 * The agent makes all maps (agent/cache.c, agent/scope.c), sets their sizes there and hands them to
 * each instance; what stands here is only what the verifier needs to know.
 *
 * A section of variables is a map, too, an array of one entry, and is read without a lookup: hence
 * a section of its own for each of these two.
 */
volatile struct meter_control control SEC(".data.control");
struct scope_hints scope_hints; /* all that there is in .bss */

struct host_table {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct meter_key));
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

static const struct host_traffic no_traffic;

/* A meter_key in the words in which it is written; see struct packet. */
union key_words {
	struct meter_key key;
	struct {
		__u64 address[2];
		__u64 mac_point;
	};
};

static __always_inline bool is_local(const struct packet *packet)
{
	struct local_prefix prefix = {
		.length = LOCAL_PREFIX_LENGTH(8 * ADDRESS_LEN),
		.point = point_number,
		.ip_version = packet->ip_version,
	};

	__builtin_memcpy(prefix.address, packet->near, ADDRESS_LEN);
	return bpf_map_lookup_elem(&local_prefixes, &prefix);
}

/* Few frames come here, so the address is read once more rather than kept for all. */
static __always_inline enum scope ask_trie(struct __sk_buff *skb, const struct packet *packet)
{
	struct scope_prefix prefix = {
		.length = SCOPE_PREFIX_LENGTH(8 * ADDRESS_LEN),
		.ip_version = packet->ip_version,
	};
	int result;

	if (packet->ip_version == 4) {
		__builtin_memset(prefix.address + 10, 0xff, 2);
		result = bpf_skb_load_bytes(skb, packet->far_offset, prefix.address + 12, 4);
	} else {
		result = bpf_skb_load_bytes(skb, packet->far_offset, prefix.address, ADDRESS_LEN);
	}
	return !result && bpf_map_lookup_elem(&scope_prefixes, &prefix) ? SCOPE_LOCAL :
									  SCOPE_INTERNET;
}

static __always_inline enum scope scope_of(struct __sk_buff *skb, const struct packet *packet)
{
	switch (packet->ip_version == 4 ? scope_hints.ipv4[packet->far_start] :
					  scope_hints.ipv6[packet->far_start]) {
	case HINT_INTERNET:
		return SCOPE_INTERNET;
	case HINT_LOCAL:
		return SCOPE_LOCAL;
	default:
		return ask_trie(skb, packet);
	}
}

static __always_inline void count(struct host_traffic *host, enum direction direction,
				  const struct packet *packet)
{
	struct traffic *traffic = &host->direction[direction];
	/* The one clock that is a load and no call; agent/ticks.h turns it into nanoseconds. */
	__u32 now = (__u32)bpf_jiffies64();

	if (!traffic->packets)
		traffic->first_ticks = now;
	traffic->last_ticks = now;
	traffic->packets += packet->packets;
	traffic->octets += packet->octets;
	traffic->layer2_octets += packet->layer2_octets;
}

/* NULL: the table is full. */
static __always_inline struct host_traffic *add_host(void *table, const struct meter_key *key)
{
	/* Another CPU may win the race to insert: look up again either way. */
	bpf_map_update_elem(table, key, &no_traffic, BPF_NOEXIST);
	return bpf_map_lookup_elem(table, key);
}

static __always_inline enum ledger_class count_mac(struct meter_key *key, __u32 generation,
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

/* What the code is for, known when it is compiled. */
struct variant {
	enum side side;
	enum link_layer layer;
	enum hook hook;
};

/* Whether the device is known by its MAC. */
static __always_inline bool has_mac(struct variant variant)
{
	return variant.side == SIDE_LAN && variant.layer == LINK_ETHERNET;
}

static __always_inline bool is_upload(struct variant variant)
{
	return (variant.hook == HOOK_INGRESS) == (variant.side == SIDE_LAN);
}

static __always_inline void write_key(union key_words *words, const struct packet *packet,
				      struct variant variant, enum scope scope)
{
	union joined end = { .halves = { [3] = point_number << POINT_NUMBER_SHIFT } };

	if (has_mac(variant))
		__builtin_memcpy(end.halves, packet->near_mac, MAC_LEN);
	if (packet->ip_version == 6)
		end.halves[3] |= POINT_IPV6;
	if (scope == SCOPE_LOCAL)
		end.halves[3] |= POINT_LOCAL;
	words->address[0] = packet->near[0];
	words->address[1] = packet->near[1];
	words->mac_point = end.whole;
}

/* What finds no entry by its address: counted by its MAC, if it has one. */
static __always_inline enum ledger_class count_without_address(
	union key_words *words, __u32 generation, const struct packet *packet,
	struct variant variant, enum ledger_class with_mac, enum ledger_class without_mac)
{
	enum direction direction = is_upload(variant) ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD;

	if (!has_mac(variant))
		return without_mac;
	return count_mac(&words->key, generation, direction, packet, with_mac);
}

static __always_inline enum ledger_class count_host(struct __sk_buff *skb,
						    const struct packet *packet,
						    struct variant variant, __u32 generation)
{
	enum direction direction = is_upload(variant) ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD;
	void *table = bpf_map_lookup_elem(&hosts, &generation);
	enum scope scope = scope_of(skb, packet);
	struct host_traffic *host;
	union key_words words;

	if (!table)
		return LEDGER_DEVICE_LIMIT;
	write_key(&words, packet, variant, scope);
	host = bpf_map_lookup_elem(table, &words.key);
	if (!host) {
		/* Only now does it matter whether the address may have an entry: most are there. */
		if (!is_local(packet))
			return count_without_address(
				&words, generation, packet, variant, LEDGER_MAC_ONLY,
				variant.side == SIDE_WAN ? LEDGER_ROUTER : LEDGER_OUTSIDE);
		host = add_host(table, &words.key);
	}
	if (!host)
		return count_without_address(&words, generation, packet, variant,
					     LEDGER_ADDRESS_LIMIT, LEDGER_DEVICE_LIMIT);
	count(host, direction, packet);
	return scope == SCOPE_LOCAL ? LEDGER_LOCAL : LEDGER_INTERNET;
}

static __always_inline __u32 sheet_index(__u32 generation, enum hook hook)
{
	return generation * HOOKS + hook;
}

static __always_inline void meter_as(struct __sk_buff *skb, struct variant variant)
{
	__u32 generation = control.generation % GENERATIONS;
	__u32 index = sheet_index(generation, variant.hook);
	struct ledger_sheet *sheet = bpf_map_lookup_elem(&ledger, &index);
	struct packet packet;
	struct ledger_entry *entry;
	enum ledger_class class;

	if (!sheet)
		return;
	sheet->seen.frames++;
	sheet->seen.skb_octets += skb->len;
	if (skb->vlan_present)
		sheet->seen.tagged++;

	switch (parse_packet(skb, variant.layer, variant.hook, is_upload(variant), &packet)) {
	case PARSED_IP:
		class = packet.multicast ? LEDGER_MULTICAST :
					   count_host(skb, &packet, variant, generation);
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
}

/* The code stands there once for each variant, and the verifier removes those that are not asked for. */
static __always_inline int meter(struct __sk_buff *skb, enum hook hook)
{
	if (point_layer == LINK_ETHERNET) {
		if (point_side == SIDE_LAN)
			meter_as(skb, (struct variant){ SIDE_LAN, LINK_ETHERNET, hook });
		else
			meter_as(skb, (struct variant){ SIDE_WAN, LINK_ETHERNET, hook });
	} else {
		if (point_side == SIDE_LAN)
			meter_as(skb, (struct variant){ SIDE_LAN, LINK_IP, hook });
		else
			meter_as(skb, (struct variant){ SIDE_WAN, LINK_IP, hook });
	}
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
