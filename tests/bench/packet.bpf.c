/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The classifier as it ships, and what it is measured against: an empty classifier, and one that does
 * nothing but count in a table of the same key and value.
 *
 * The programs named random_* take the same steps for a packet of another host each time: the last
 * two octets of its source address are random.
 */
#include "../../ebpf/meter.bpf.c"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct meter_key));
	__uint(value_size, sizeof(struct host_traffic));
} bare SEC(".maps");

struct ipv4_frame {
	struct ethernet ethernet;
	struct iphdr ip;
} __attribute__((packed, aligned(2)));

static __always_inline struct ipv4_frame *ipv4_frame(struct __sk_buff *skb)
{
	struct ipv4_frame *frame = (void *)(long)skb->data;

	return (void *)(frame + 1) <= (void *)(long)skb->data_end ? frame : NULL;
}

/* Takes for granted all that the classifier finds out. */
static __always_inline void count_bare(struct __sk_buff *skb)
{
	const struct ipv4_frame *frame = ipv4_frame(skb);
	struct host_traffic *host;
	struct packet packet;

	if (!frame)
		return;
	packet.ip_version = 4;
	packet.near.address[0] = 0;
	packet.near.address[1] = join_words(bpf_htonl(0xffff), frame->ip.saddr);
	packet.near.mac_point =
		join_mac(frame->ethernet.source) | point_of(&packet, SCOPE_INTERNET);
	packet.packets = 1;
	packet.octets = bpf_ntohs(frame->ip.tot_len);
	packet.layer2_octets = skb->len;
	host = bpf_map_lookup_elem(&bare, &packet.near.key);
	if (!host)
		host = add_host(&bare, &packet.near.key);
	if (host)
		count(host, (struct variant){ SIDE_LAN, LINK_ETHERNET, HOOK_INGRESS }, &packet);
}

static __always_inline void randomise(struct __sk_buff *skb)
{
	struct ipv4_frame *frame = ipv4_frame(skb);
	__u16 host = bpf_get_prandom_u32();

	if (frame)
		__builtin_memcpy((__u8 *)&frame->ip.saddr + 2, &host, sizeof(host));
}

SEC("tc")
int empty(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_UNSPEC;
}

SEC("tc")
int bare_update(struct __sk_buff *skb)
{
	count_bare(skb);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int random_empty(struct __sk_buff *skb)
{
	randomise(skb);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int random_bare_update(struct __sk_buff *skb)
{
	randomise(skb);
	count_bare(skb);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int random_meter(struct __sk_buff *skb)
{
	randomise(skb);
	return meter(skb, HOOK_INGRESS);
}
