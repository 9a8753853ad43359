/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Counts a packet to its flow.
 *
 * Each CPU has tables of its own, and a hook has one frame at a time on one CPU: so they are plain
 * hashes, updated without atomic operations. A table that is full costs the packet its flow, not its
 * place in the ledger.
 */
#ifndef FLOWTALLY_FLOW_BPF_H
#define FLOWTALLY_FLOW_BPF_H

#include "parse.bpf.h"
#include "sampling.bpf.h"

#define TRAFFIC_CLASS_DSCP 0xfc /* RFC 2474; the rest is ECN */
#define TCP_FLAGS_OFFSET 12
#define TCP_CONTROL_BITS 0xfff /* before them stands the data offset */

struct flow_table_ipv4 {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, sizeof(struct flow_ipv4));
};

struct flow_table_ipv6 {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, sizeof(struct flow_ipv6));
};

/* Indexed by FLOW_PLACE(); empty where nobody wants flows. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct flow_table_ipv4);
} flows_ipv4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct flow_table_ipv6);
} flows_ipv6 SEC(".maps");

/* Of packets under way; those that are not seen to their end leave as others come. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct fragment_key);
	__type(value, struct fragment_ports);
} fragments SEC(".maps");

static __always_inline __u32 last_half(__u16 half)
{
	return ((union joined){ .halves = { 0, half } }).words[0];
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

/* Of a TCP header, as far as flows ask for it. */
struct tcp_start {
	__be32 ports;
	__be32 sequence;
	__be32 acknowledgment;
	__be16 flags; /* behind the data offset */
} __attribute__((packed, aligned(2)));

/* What stands behind the IP header, unless it is too short; @usual: as in peek(). */
static __always_inline void note_transport(struct __sk_buff *skb, __u32 usual,
					   struct flow_packet *flow)
{
	struct tcp_start copy;
	const struct tcp_start *start = NULL;

	flow->ports = 0;
	flow->tcp_flags = 0;
	if (flow->later_fragment || !(is_icmp(flow->protocol) || has_ports(flow->protocol)))
		return;
	if (flow->protocol == IPPROTO_TCP) {
		start = peek(skb, flow->transport, usual, &copy, sizeof(copy));
		if (start)
			flow->tcp_flags = start->flags;
	}
	if (!start)
		start = peek(skb, flow->transport, usual, &copy, sizeof(start->ports));
	if (start)
		flow->ports = start->ports;
	/* Else the answer from above would be kept, on the stack. */
	asm volatile("" : : : "memory");
	if (is_icmp(flow->protocol))
		flow->ports = last_half(first_half(flow->ports));
}

static __always_inline void note_extensions(struct __sk_buff *skb, struct packet *packet)
{
	struct extensions *walk = &packet->extensions;
	struct flow_packet *flow = &packet->flow;

	begin_walk(walk, flow->protocol, flow->transport);
	skip_extension_headers(skb, walk);
	flow->protocol = walk->protocol;
	flow->fragment = walk->fragment;
	flow->later_fragment = walk->later_fragment;
	flow->fragment_id = bpf_ntohl(walk->fragment_id);
	flow->transport = walk->offset;
}

/* Usually it is behind the shortest header there is, a constant. */
static __always_inline void note_flow(struct __sk_buff *skb, struct packet *packet)
{
	if (packet->ip_version == 6 && is_extension_header(packet->flow.protocol))
		note_extensions(skb, packet);
	if (point_layer == LINK_ETHERNET) {
		if (packet->ip_version == 4)
			note_transport(skb, ETH_HLEN + sizeof(struct iphdr), &packet->flow);
		else
			note_transport(skb, ETH_HLEN + sizeof(struct ipv6hdr), &packet->flow);
	} else {
		if (packet->ip_version == 4)
			note_transport(skb, sizeof(struct iphdr), &packet->flow);
		else
			note_transport(skb, sizeof(struct ipv6hdr), &packet->flow);
	}
}

static __always_inline bool is_far_destination(enum hook hook)
{
	return (hook == HOOK_INGRESS) == (point_side == SIDE_LAN);
}

/* Where the IP header is. */
static __always_inline __u32 ip_offset(const struct packet *packet, enum hook hook)
{
	__u32 ipv4 = is_far_destination(hook) ? offsetof(struct iphdr, daddr) :
						offsetof(struct iphdr, saddr);
	__u32 ipv6 = is_far_destination(hook) ? offsetof(struct ipv6hdr, daddr) :
						offsetof(struct ipv6hdr, saddr);

	return packet->far.offset - (packet->ip_version == 4 ? ipv4 : ipv6);
}

/* The destination of a packet of which only the ends are known. */
static __always_inline void find_destination(const struct packet *packet, enum hook hook,
					     struct address_place *destination)
{
	union joined near;

	*destination = packet->far;
	if (is_far_destination(hook))
		return;
	if (packet->ip_version == 4) {
		near.whole = packet->near.address[1];
		destination->start = near.halves[2];
		destination->offset +=
			offsetof(struct iphdr, daddr) - offsetof(struct iphdr, saddr);
		keep_apart(4);
	} else {
		near.whole = packet->near.address[0];
		destination->start = near.halves[0];
		destination->offset +=
			offsetof(struct ipv6hdr, daddr) - offsetof(struct ipv6hdr, saddr);
		keep_apart(6);
	}
}

/* What is needed to find a packet's flow; in a map, as struct notes. */
struct flow_notes {
	struct address_place destination;
	struct fragment_key fragment;
	struct fragment_ports ports;
};

static const struct flow_ipv6 no_flow; /* the longer one */

static __always_inline __u16 flow_point(enum hook hook)
{
	return point_number << POINT_NUMBER_SHIFT | (hook == HOOK_EGRESS ? POINT_EGRESS : 0);
}

/* The first fragment leaves its ports for the others, which come after it. */
static __noinline int share_ports(struct flow_packet *flow, struct flow_notes *notes, __u32 ipv6,
				  __u32 hook)
{
	struct fragment_key *key = &notes->fragment;
	const struct fragment_ports *known;

	key->id = flow->fragment_id;
	key->point = flow_point(hook);
	key->protocol = flow->protocol;
	key->ip_version = ipv6 ? 6 : 4;
	if (ipv6) {
		__builtin_memcpy(key->source, flow->key.ipv6.source, ADDRESS_LEN);
		__builtin_memcpy(key->destination, flow->key.ipv6.destination, ADDRESS_LEN);
	} else {
		__builtin_memset(key->source, 0, 2 * ADDRESS_LEN);
		__builtin_memcpy(key->source, &flow->key.ipv4.source, sizeof(__be32));
		__builtin_memcpy(key->destination, &flow->key.ipv4.destination, sizeof(__be32));
	}
	if (flow->later_fragment) {
		known = bpf_map_lookup_elem(&fragments, key);
		if (known)
			flow->ports =
				((union joined){ .halves = { known->source, known->destination } })
					.words[0];
	} else {
		union joined ports = { .words = { flow->ports } };

		notes->ports = (struct fragment_ports){ ports.halves[0], ports.halves[1] };
		bpf_map_update_elem(&fragments, key, &notes->ports, BPF_ANY);
	}
	return 0;
}

static __always_inline void begin_key(struct __sk_buff *skb, struct flow_packet *flow,
				      enum hook hook)
{
	bool with_ports = tells_apart(is_icmp(flow->protocol) ? FLOW_BY_ICMP : FLOW_BY_PORTS);
	union joined first = { .words = { with_ports ? flow->ports : 0 } };
	__u32 other = 0, mark = 0;

	if (tells_apart(FLOW_BY_PROTOCOL))
		first.octets[4] = flow->protocol;
	if (tells_apart(FLOW_BY_TRAFFIC_CLASS))
		first.octets[5] = flow->traffic_class & TRAFFIC_CLASS_DSCP;
	first.halves[3] = flow_point(hook);
	flow->key.start[0] = first.whole;
	/* One after the other: there are not registers enough for both. */
	asm volatile("" : : : "memory");
	if (tells_apart(FLOW_BY_INTERFACES) && hook == HOOK_EGRESS)
		other = context(skb, ingress_ifindex);
	if (tells_apart(FLOW_BY_MARK))
		mark = context(skb, mark);
	flow->key.start[1] = join_words(other, mark);
}

/* struct flow_key_tags */
static __always_inline __u32 key_tags(struct __sk_buff *skb, const struct packet *packet)
{
	union joined tags = { .halves = { packet->tags[0], packet->tags[1] } };

	if (!tells_apart(FLOW_BY_VLAN))
		return 0;
	if (context(skb, vlan_present))
		tags = (union joined){ .halves = { context(skb, vlan_tci) & VLAN_ID,
						   packet->tags[0] } };
	return tags.words[0];
}

/* What is of the first packet, but for its time. */
static __always_inline void begin_flow(struct __sk_buff *skb, struct flow_traffic *traffic,
				       const struct flow_packet *flow)
{
	struct flow_attributes *attributes = &traffic->attributes;

	attributes->min_octets = ~0u;
	attributes->max_octets = 0;
	attributes->min_ttl = attributes->max_ttl = flow->ttl;
	attributes->tcp_flags = 0;
	attributes->fragment_id = flow->fragment_id;
	attributes->flow_label = flow->flow_label;
	if (point_layer == LINK_ETHERNET) {
		struct ethernet copy;
		const struct ethernet *ethernet = peek(skb, 0, 0, &copy, sizeof(copy));

		if (!ethernet)
			return;
		__builtin_memcpy(attributes->source_mac, ethernet->source, MAC_LEN);
		__builtin_memcpy(attributes->destination_mac, ethernet->destination, MAC_LEN);
	}
}

static __always_inline void count_packet(struct flow_traffic *traffic, const struct packet *packet)
{
	const struct flow_packet *flow = &packet->flow;
	struct flow_attributes *attributes = &traffic->attributes;
	__u64 largest = packet->octets, smallest = packet->octets;

	if (packet->packets > 1) {
		largest = packet->segment_octets;
		smallest = packet->octets - (packet->packets - 1) * largest;
		/* Also if the sum is more than that of the segments, or less. */
		if (smallest > largest)
			smallest = largest;
	}
	traffic->last_ticks = (__u32)bpf_jiffies64();
	traffic->packets += packet->packets;
	traffic->octets += packet->octets;
	traffic->layer2_octets += packet->layer2_octets;
	attributes->tcp_flags |= bpf_ntohs(flow->tcp_flags) & TCP_CONTROL_BITS;
	if (smallest < attributes->min_octets)
		attributes->min_octets = smallest;
	if (largest > attributes->max_octets)
		attributes->max_octets = largest;
	if (flow->ttl < attributes->min_ttl)
		attributes->min_ttl = flow->ttl;
	if (flow->ttl > attributes->max_ttl)
		attributes->max_ttl = flow->ttl;
}

/* A summand of the digest. */
static __always_inline __u64 product(const union flow_words *key, int word)
{
	return (key->halves[2 * word] + control.secrets[2 * word]) *
	       (key->halves[2 * word + 1] + control.secrets[2 * word + 1]);
}

/* Here and below, @words is how many there are in a key of the family, a constant. */
static __always_inline __u64 digest_of(const union flow_words *key, int words)
{
	__u64 digest = product(key, 0) + product(key, 1) + product(key, 2) + product(key, 3);

	if (words == FLOW_WORDS_IPV6)
		digest += product(key, 4) + product(key, 5) + product(key, 6);
	return digest;
}

static __always_inline __u64 difference(const union flow_words *one, const union flow_words *other,
					int word)
{
	return one->words[word] ^ other->words[word];
}

/* Word by word there would be as many branches. */
static __always_inline bool is_same_key(const union flow_words *one, const union flow_words *other,
					int words)
{
	__u64 differences = difference(one, other, 0) | difference(one, other, 1) |
			    difference(one, other, 2) | difference(one, other, 3);

	if (words == FLOW_WORDS_IPV6)
		differences |= difference(one, other, 4) | difference(one, other, 5) |
			       difference(one, other, 6);
	return !differences;
}

/* An entry of a table begins with the key. */
static __always_inline struct flow_traffic *traffic_behind(union flow_words *key, int words)
{
	return (struct flow_traffic *)&key->words[words];
}

/*
 * In these two, @tables is one of the maps above. Each family has code of its own, since the kernel calls
 * directly only what looks in a map that it knows, and nothing but a lookup makes a pointer: without
 * CAP_PERFMON it would follow one that may be a constant NULL to where it is used.
 */
static __always_inline bool count_first_in(struct __sk_buff *skb, const struct packet *packet,
					   void *tables, int words)
{
	void *table = bpf_map_lookup_elem(tables, &packet->flow.place);
	struct flow_traffic *traffic;
	union flow_words *entry;

	if (!table)
		return false;
	/* The entry may be there, without packets: the agent has kept it for a flow of this digest. */
	if (!bpf_map_update_elem(table, &packet->flow.digest, &no_flow, BPF_NOEXIST))
		__sync_fetch_and_add(&control.flows_added, 1);
	entry = bpf_map_lookup_elem(table, &packet->flow.digest);
	keep_apart(words);
	if (!entry)
		return false;
	__builtin_memcpy(entry->words, packet->flow.key.words, words * sizeof(*entry->words));
	traffic = traffic_behind(entry, words);
	begin_flow(skb, traffic, &packet->flow);
	count_packet(traffic, packet);
	traffic->first_ticks = traffic->last_ticks;
	return true;
}

/* A function, so that what only it needs is not kept for the packets of known flows. */
static __noinline int count_first(struct __sk_buff *skb, const struct packet *packet)
{
	return packet->ip_version == 4 ? count_first_in(skb, packet, &flows_ipv4, FLOW_WORDS_IPV4) :
					 count_first_in(skb, packet, &flows_ipv6, FLOW_WORDS_IPV6);
}

static __always_inline enum flow_class count_in(struct __sk_buff *skb, struct packet *packet,
						void *tables, int words)
{
	struct flow_packet *flow = &packet->flow;
	struct flow_traffic *traffic;
	union flow_words *entry;
	void *table;

	flow->digest = digest_of(&flow->key, words);
	table = bpf_map_lookup_elem(tables, &flow->place);
	if (!table)
		return FLOW_LIMIT;
	entry = bpf_map_lookup_elem(table, &flow->digest);
	keep_apart(words);
	if (!entry)
		return count_first(skb, packet) ? FLOW_COUNTED : FLOW_LIMIT;
	traffic = traffic_behind(entry, words);
	if (!traffic->packets)
		return count_first(skb, packet) ? FLOW_COUNTED : FLOW_LIMIT;
	if (!is_same_key(entry, &flow->key, words))
		return FLOW_LIMIT;
	count_packet(traffic, packet);
	return FLOW_COUNTED;
}

/* FLOW_COUNTED, FLOW_LIMIT or FLOW_UNSAMPLED. */
static __always_inline enum flow_class count_flow(struct __sk_buff *skb, struct packet *packet,
						  struct flow_notes *notes, enum hook hook)
{
	struct flow_packet *flow = &packet->flow;
	union flow_words *key = &flow->key;

	if (flow->fragment)
		share_ports(flow, notes, packet->ip_version == 6, hook);
	begin_key(skb, flow, hook);
	if (!tells_apart(FLOW_BY_ADDRESSES))
		__builtin_memset(key->addresses, 0, sizeof(key->addresses));
	if (packet->ip_version == 4) {
		key->addresses[1] = join_words(key_tags(skb, packet), 0);
		if (samples(SAMPLE_FLOWS) && !is_flow_chosen(packet, 4))
			return FLOW_UNSAMPLED;
		return count_in(skb, packet, &flows_ipv4, FLOW_WORDS_IPV4);
	}
	key->tags_ipv6 = join_words(key_tags(skb, packet), 0);
	if (samples(SAMPLE_FLOWS) && !is_flow_chosen(packet, 6))
		return FLOW_UNSAMPLED;
	return count_in(skb, packet, &flows_ipv6, FLOW_WORDS_IPV6);
}

#endif
