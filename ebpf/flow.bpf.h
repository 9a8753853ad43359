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

#define IPV6_FLOW_LABEL 0xfffff
#define TRAFFIC_CLASS_DSCP 0xfc /* RFC 2474; the rest is ECN */
#define TCP_FLAGS_OFFSET 12
#define TCP_CONTROL_BITS 0xfff /* before them stands the data offset */
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV4_MORE_FRAGMENTS 0x2000

/* The keys in words as wide as can be, as in union key_words. */
union flow_words {
	struct flow_key_ipv4 ipv4;
	struct flow_key_ipv6 ipv6;
	struct {
		__u64 start[2];
		__u64 addresses[4]; /* of IPv4, the first; and the tags are in the next */
		__u32 tags_ipv6;
	};
};

/* What of a packet only flows ask for. */
struct flow_packet {
	union flow_words key; /* the addresses alone, until begin_key() */
	__u32 fragment_id;
	__u32 flow_label;
	__u32 ports; /* as they lie in memory, the source's first; for ICMP, 0 and type and code */
	__be16 tcp_flags; /* with what stands before them in the header */
	__u8 protocol;
	__u8 traffic_class;
	__u8 ttl;
	bool fragment;
	bool later_fragment; /* not the first one: without ports */
};

struct flow_table_ipv4 {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct flow_key_ipv4));
	__uint(value_size, sizeof(struct flow_traffic));
};

struct flow_table_ipv6 {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct flow_key_ipv6));
	__uint(value_size, sizeof(struct flow_traffic));
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

static __always_inline bool is_icmp(__u8 protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

/* What stands at @offset, unless it is too short; @usual: as in peek(). */
static __always_inline void note_transport(struct __sk_buff *skb, __u32 offset, __u32 usual,
					   struct flow_packet *flow)
{
	__be32 start_copy;
	__be16 flags_copy;
	const __be32 *start;
	const __be16 *flags;
	bool icmp = is_icmp(flow->protocol);

	if (flow->later_fragment || (!icmp && !has_ports(flow->protocol)))
		return;
	start = peek(skb, offset, usual, &start_copy, sizeof(*start));
	if (!start)
		return;
	flow->ports = icmp ? last_half(first_half(*start)) : *start;
	if (flow->protocol != IPPROTO_TCP)
		return;
	flags = peek(skb, offset + TCP_FLAGS_OFFSET, usual + TCP_FLAGS_OFFSET, &flags_copy,
		     sizeof(*flags));
	if (flags)
		flow->tcp_flags = *flags;
}

/* The header at @offset is known to be there; @layer2_len, a constant, is what usually stands before it. */
static __always_inline void note_ipv4(struct __sk_buff *skb, __u32 offset, __u32 layer2_len,
				      struct flow_packet *flow)
{
	struct iphdr copy;
	const struct iphdr *ip = peek(skb, offset, layer2_len, &copy, sizeof(copy));
	__u16 fragment;

	if (!ip)
		return;
	fragment = bpf_ntohs(ip->frag_off);
	flow->key.addresses[0] = join_words(ip->saddr, ip->daddr);
	flow->protocol = ip->protocol;
	flow->traffic_class = ip->tos;
	flow->ttl = ip->ttl;
	flow->fragment_id = bpf_ntohs(ip->id);
	flow->fragment = fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET);
	flow->later_fragment = fragment & IPV4_FRAGMENT_OFFSET;
	note_transport(skb, offset + ip->ihl * 4, layer2_len + sizeof(*ip), flow);
}

static __always_inline void note_ipv6(struct __sk_buff *skb, __u32 offset, __u32 layer2_len,
				      struct extensions *walk, struct flow_packet *flow)
{
	__u32 transport = offset + sizeof(struct ipv6hdr), start;
	struct ipv6hdr copy;
	const struct ipv6hdr *ip = peek(skb, offset, layer2_len, &copy, sizeof(copy));
	const __be32 *source, *destination;

	if (!ip)
		return;
	source = ip->saddr.s6_addr32;
	destination = ip->daddr.s6_addr32;
	start = bpf_ntohl(*(const __be32 *)ip);
	flow->key.addresses[0] = join_words(source[0], source[1]);
	flow->key.addresses[1] = join_words(source[2], source[3]);
	flow->key.addresses[2] = join_words(destination[0], destination[1]);
	flow->key.addresses[3] = join_words(destination[2], destination[3]);
	flow->protocol = ip->nexthdr;
	flow->traffic_class = start >> 20;
	flow->flow_label = start & IPV6_FLOW_LABEL;
	flow->ttl = ip->hop_limit;
	if (is_extension_header(flow->protocol)) {
		begin_walk(walk, flow->protocol, transport);
		skip_extension_headers(skb, walk);
		flow->protocol = walk->protocol;
		flow->fragment = walk->fragment;
		flow->later_fragment = walk->later_fragment;
		flow->fragment_id = bpf_ntohl(walk->fragment_id);
		transport = walk->offset;
	}
	note_transport(skb, transport, layer2_len + sizeof(*ip), flow);
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

static __always_inline void note_flow(struct __sk_buff *skb, struct packet *packet, enum hook hook,
				      struct flow_packet *flow)
{
	__u32 ipv4 =
		packet->far.offset - (is_far_destination(hook) ? offsetof(struct iphdr, daddr) :
								 offsetof(struct iphdr, saddr));
	__u32 ipv6 =
		packet->far.offset - (is_far_destination(hook) ? offsetof(struct ipv6hdr, daddr) :
								 offsetof(struct ipv6hdr, saddr));

	flow->fragment_id = flow->flow_label = 0;
	flow->ports = 0;
	flow->tcp_flags = 0;
	flow->fragment = flow->later_fragment = false;
	if (point_layer == LINK_ETHERNET) {
		if (packet->ip_version == 4)
			note_ipv4(skb, ipv4, ETH_HLEN, flow);
		else
			note_ipv6(skb, ipv6, ETH_HLEN, &packet->extensions, flow);
	} else {
		if (packet->ip_version == 4)
			note_ipv4(skb, ipv4, 0, flow);
		else
			note_ipv6(skb, ipv6, 0, &packet->extensions, flow);
	}
}

/* What is needed to find a packet's flow; in a map, as struct notes. */
struct flow_notes {
	struct flow_packet packet;
	struct address_place destination;
	__u32 place;
	struct fragment_key fragment;
	struct fragment_ports ports;
};

static const struct flow_traffic no_flow_traffic;

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
	if (tells_apart(FLOW_BY_INTERFACES) && hook == HOOK_EGRESS)
		other = context(skb, ingress_ifindex);
	if (tells_apart(FLOW_BY_MARK))
		mark = context(skb, mark);
	flow->key.start[0] = first.whole;
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

/* NULL: the table is full. */
static __always_inline struct flow_traffic *add_flow(void *table, const void *key)
{
	if (!bpf_map_update_elem(table, key, &no_flow_traffic, BPF_NOEXIST))
		__sync_fetch_and_add(&control.flows_added, 1);
	return bpf_map_lookup_elem(table, key);
}

static __always_inline struct flow_traffic *find_flow(const struct packet *packet,
						      struct flow_notes *notes)
{
	union flow_words *key = &notes->packet.key;
	struct flow_traffic *found;
	void *table;

	if (packet->ip_version == 4) {
		table = bpf_map_lookup_elem(&flows_ipv4, &notes->place);
		if (!table)
			return NULL;
		found = bpf_map_lookup_elem(table, &key->ipv4);
		return found ?: add_flow(table, &key->ipv4);
	}
	table = bpf_map_lookup_elem(&flows_ipv6, &notes->place);
	if (!table)
		return NULL;
	found = bpf_map_lookup_elem(table, &key->ipv6);
	return found ?: add_flow(table, &key->ipv6);
}

/* What is of the first packet. */
static __always_inline void begin_flow(struct __sk_buff *skb, struct flow_traffic *traffic,
				       const struct flow_packet *flow, __u32 now)
{
	struct flow_attributes *attributes = &traffic->attributes;

	traffic->first_ticks = now;
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

static __always_inline void count_packet(struct flow_traffic *traffic, const struct packet *packet,
					 const struct flow_packet *flow, __u32 now)
{
	struct flow_attributes *attributes = &traffic->attributes;
	__u64 largest = packet->octets, smallest = packet->octets;

	if (packet->packets > 1) {
		largest = packet->segment_octets;
		smallest = packet->octets - (packet->packets - 1) * largest;
		/* Also if the sum is more than that of the segments, or less. */
		if (smallest > largest)
			smallest = largest;
	}
	traffic->last_ticks = now;
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

/* False: there is no room for the flow. */
static __always_inline bool count_flow(struct __sk_buff *skb, const struct packet *packet,
				       struct flow_notes *notes, enum hook hook, __u32 generation)
{
	struct flow_packet *flow = &notes->packet;
	union flow_words *key = &flow->key;
	struct flow_traffic *traffic;
	__u32 now = (__u32)bpf_jiffies64();

	if (flow->fragment)
		share_ports(flow, notes, packet->ip_version == 6, hook);
	begin_key(skb, flow, hook);
	if (!tells_apart(FLOW_BY_ADDRESSES))
		__builtin_memset(key->addresses, 0, sizeof(key->addresses));
	if (packet->ip_version == 4) {
		key->addresses[1] = ((union joined){ .words = { key_tags(skb, packet) } }).whole;
		keep_apart(4);
	} else {
		key->tags_ipv6 = key_tags(skb, packet);
		keep_apart(6);
	}
	notes->place = FLOW_PLACE(generation, bpf_get_smp_processor_id());
	traffic = find_flow(packet, notes);
	if (!traffic)
		return false;
	if (!traffic->packets)
		begin_flow(skb, traffic, flow, now);
	count_packet(traffic, packet, flow, now);
	return true;
}

#endif
