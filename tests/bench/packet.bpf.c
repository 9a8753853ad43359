/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The classifier as it ships, and what it is measured against: an empty classifier, and one that does
 * nothing but count in a table of the same key and value.
 *
 * The programs named random_* take the same steps for a packet of another host each time: the last
 * two octets of its source address are random. Those of random flows have three random bits more, in the
 * source port: 512 k flows.
 */
#include "../../ebpf/meter.bpf.c"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct meter_key));
	__uint(value_size, sizeof(struct host_traffic));
} bare SEC(".maps");

struct bare_flow_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct flow_key_ipv4));
	__uint(value_size, sizeof(struct flow_traffic));
};

/* One for each CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct bare_flow_table);
} bare_flows SEC(".maps");

struct ipv4_frame {
	struct ethernet ethernet;
	struct iphdr ip;
	struct udphdr udp;
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

static __always_inline void count_bare_flow(struct __sk_buff *skb)
{
	const struct ipv4_frame *frame = ipv4_frame(skb);
	__u32 cpu = bpf_get_smp_processor_id(), now = (__u32)bpf_jiffies64();
	struct flow_traffic *flow;
	union flow_words key;
	void *table;

	if (!frame)
		return;
	key.start[0] = join_words(*(const __u32 *)&frame->udp.source, IPPROTO_UDP);
	key.start[1] = 0;
	key.addresses[0] = join_words(frame->ip.saddr, frame->ip.daddr);
	key.addresses[1] = 0;
	table = bpf_map_lookup_elem(&bare_flows, &cpu);
	if (!table)
		return;
	flow = bpf_map_lookup_elem(table, &key.ipv4);
	if (!flow) {
		bpf_map_update_elem(table, &key.ipv4, &no_flow.traffic, BPF_NOEXIST);
		flow = bpf_map_lookup_elem(table, &key.ipv4);
	}
	if (!flow)
		return;
	if (!flow->packets)
		flow->first_ticks = now;
	flow->last_ticks = now;
	flow->packets++;
	flow->octets += bpf_ntohs(frame->ip.tot_len);
	flow->layer2_octets += skb->len;
}

static __always_inline void randomise_flow(struct __sk_buff *skb)
{
	struct ipv4_frame *frame = ipv4_frame(skb);
	__u32 flow = bpf_get_prandom_u32();

	if (!frame)
		return;
	__builtin_memcpy((__u8 *)&frame->ip.saddr + 2, &flow, 2);
	frame->udp.source = flow >> 29;
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

SEC("tc")
int random_flow_empty(struct __sk_buff *skb)
{
	randomise_flow(skb);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int random_flow_bare(struct __sk_buff *skb)
{
	randomise_flow(skb);
	count_bare_flow(skb);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int random_flow_meter(struct __sk_buff *skb)
{
	randomise_flow(skb);
	return meter(skb, HOOK_INGRESS);
}
