/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is counted for each pair of interfaces: what found no room among the flows, and how long packets
 * take from where they come in to where they leave.
 *
 * A packet is known again by what neither routing nor NAT changes of it. Its time waits in a table of the
 * CPU, at a place that follows from its identity, so that nothing is inserted, deleted or locked. A packet
 * that is not found again, as another one has taken its place or it leaves in another form (a tunnel,
 * fragments), is not measured; nor is one that another CPU sends.
 */
#ifndef FLOWTALLY_PAIRS_BPF_H
#define FLOWTALLY_PAIRS_BPF_H

#include "flow.bpf.h"
#include "hash.bpf.h"

#define TCP_SEQUENCE_OFFSET 4 /* with the acknowledgement number behind it */
#define OTHERS_OFFSET 8	      /* ports and checksums, which NAT changes, stand before */

struct pair_table {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct pair_key);
	__type(value, struct pair_traffic);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TABLE_PLACES);
	__type(key, __u32);
	__array(values, struct pair_table);
} pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STAMPS);
	__type(key, __u32);
	__type(value, struct stamp);
} stamps SEC(".maps");

/* In a map, as struct notes. */
struct pair_notes {
	struct pair_key key;
	__u32 generation;
	__u32 place; /* in `stamps` */
	__u64 word;  /* of the frame */
};

static const struct pair_traffic no_pair_traffic;

static __always_inline void begin_pair(struct __sk_buff *skb, enum hook hook, __u32 generation,
				       struct pair_notes *notes)
{
	notes->key.point =
		point_number << POINT_NUMBER_SHIFT | (hook == HOOK_EGRESS ? POINT_EGRESS : 0);
	notes->key.other_ifindex = hook == HOOK_EGRESS ? context(skb, ingress_ifindex) : 0;
	notes->generation = generation;
}

/* NULL: there is no room for the pair. */
static __always_inline struct pair_traffic *find_pair(const struct pair_notes *notes)
{
	void *table = bpf_map_lookup_elem(&pairs, &notes->generation);
	struct pair_traffic *found;

	if (!table)
		return NULL;
	found = bpf_map_lookup_elem(table, &notes->key);
	if (found)
		return found;
	/* Another CPU may be the first: look up again either way. */
	bpf_map_update_elem(table, &notes->key, &no_pair_traffic, BPF_NOEXIST);
	return bpf_map_lookup_elem(table, &notes->key);
}

/* There was no room for the flow. */
static __noinline int count_limit(struct __sk_buff *skb, const struct packet *packet,
				  struct pair_notes *notes, __u32 hook, __u32 generation)
{
	struct pair_traffic *pair;

	begin_pair(skb, hook, generation, notes);
	pair = find_pair(notes);
	if (!pair)
		return 0;
	pair->limit_packets += packet->packets;
	pair->limit_octets += packet->octets;
	pair->limit_layer2_octets += packet->layer2_octets;
	return 0;
}

/* The octets at @offset; 0 where the frame ends before. */
static __always_inline __u64 word_at(struct __sk_buff *skb, __u32 offset, __u64 *word)
{
	*word = 0;
	bpf_skb_load_bytes(skb, offset, word, sizeof(*word));
	return *word;
}

/* Never 0. */
static __always_inline __u64 identify(struct __sk_buff *skb, const struct packet *packet,
				      __u32 ip_offset, struct pair_notes *notes)
{
	/* What ends the frame is padding, where it is short. */
	__u64 end = packet->packets > 1 ? context(skb, len) : ip_offset + packet->octets;
	__u64 sum = mix(packet->packets, packet->octets);
	union joined word;
	__u32 transport;
	__u8 protocol;

	if (packet->ip_version == 4) {
		word.whole = word_at(skb, ip_offset, &notes->word);
		sum = mix(sum, word.words[1]); /* the identification, and which fragment */
		transport = ip_offset + (word.octets[0] & 0xf) * 4;
		word.whole = word_at(skb, ip_offset + offsetof(struct iphdr, ttl), &notes->word);
		protocol = word.octets[1];
	} else {
		word.whole = word_at(skb, ip_offset, &notes->word);
		transport = ip_offset + sizeof(struct ipv6hdr);
		protocol = word.octets[offsetof(struct ipv6hdr, nexthdr)];
	}
	transport += protocol == IPPROTO_TCP ? TCP_SEQUENCE_OFFSET : OTHERS_OFFSET;
	sum = mix(sum, word_at(skb, transport, &notes->word));
	sum = mix(sum, word_at(skb, end - sizeof(notes->word), &notes->word));
	return sum | 1;
}

static __always_inline void add_latency(const struct pair_notes *notes, __u64 ns)
{
	struct pair_traffic *pair = find_pair(notes);

	if (!pair)
		return;
	pair->latency_ns += ns;
	pair->latency_frames++;
}

/* The packet comes in, or has come in and leaves. */
static __always_inline void measure_latency(struct __sk_buff *skb, const struct packet *packet,
					    struct pair_notes *notes, __u32 hook, __u32 generation)
{
	struct stamp *stamp;
	__u64 identity;

	begin_pair(skb, hook, generation, notes);
	if (hook == HOOK_EGRESS && !notes->key.other_ifindex)
		return;
	identity = identify(skb, packet, ip_offset(packet, hook), notes);
	notes->place = identity >> (64 - STAMP_BITS);
	stamp = bpf_map_lookup_elem(&stamps, &notes->place);
	if (!stamp)
		return;
	if (hook == HOOK_INGRESS) {
		stamp->identity = identity;
		stamp->ns = bpf_ktime_get_ns();
	} else if (stamp->identity == identity) {
		stamp->identity = 0;
		add_latency(notes, bpf_ktime_get_ns() - stamp->ns);
	}
}

#endif
