/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Tells a reader of single packets, all of them or a sample, at the hooks of one interface: one instance each.
 *
 * It has nothing in common with the classifier's tables, only observes, and returns TC_ACT_UNSPEC whatever it
 * sees. What finds no room with the reader is counted as lost.
 */
#include "parse.bpf.h"

#include <linux/pkt_cls.h>

#include "packets.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set between open and load; and point_meter to METER_FLOWS, so that addresses are noted. */
const volatile __u32 packets_place;	/* which interface */
const volatile __u32 packets_threshold; /* a frame is told of whose random number is not above it */

__u64 packets_lost; /* of both hooks and all CPUs */

/* Made by the reader, who has one for all interfaces. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} packets_ring SEC(".maps");

/* What is known of a frame: too much for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet);
} packets_notes SEC(".maps");

static __always_inline bool starts_with_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP || protocol == IPPROTO_ICMP ||
	       protocol == IPPROTO_ICMPV6;
}

static __always_inline void tell_transport(struct __sk_buff *skb, struct packet *packet,
					   struct packet_event *event)
{
	struct flow_packet *flow = &packet->flow;
	__u32 transport;

	if (packet->ip_version == 6 && is_extension_header(flow->protocol)) {
		begin_walk(&packet->extensions, flow->protocol, flow->transport);
		skip_extension_headers(skb, &packet->extensions);
		flow->protocol = packet->extensions.protocol;
		flow->transport = packet->extensions.offset;
		flow->later_fragment = packet->extensions.later_fragment;
	}
	event->flow_label = flow->flow_label;
	event->traffic_class = flow->traffic_class;
	event->ttl = flow->ttl;
	transport = flow->transport;
	event->protocol = flow->protocol;
	event->later_fragment = flow->later_fragment;
	if (flow->later_fragment || !starts_with_ports(flow->protocol) ||
	    bpf_skb_load_bytes(skb, transport, event->ports, sizeof(event->ports)))
		return;
	event->has_ports = 1;
	/* Behind the ports, the sequence and the acknowledgment number. */
	if (flow->protocol == IPPROTO_TCP &&
	    bpf_skb_load_bytes(skb, transport + 12, &event->tcp_flags, sizeof(event->tcp_flags)))
		event->has_ports = 0;
}

static __always_inline void tell_addresses(const struct packet *packet, struct packet_event *event)
{
	const union joined *addresses = (const union joined *)packet->flow.key.addresses;

	event->ip_version = packet->ip_version;
	if (packet->ip_version == 4) {
		event->source[0] = addresses[0].words[0];
		event->destination[0] = addresses[0].words[1];
		return;
	}
	event->source[0] = addresses[0].words[0];
	event->source[1] = addresses[0].words[1];
	event->source[2] = addresses[1].words[0];
	event->source[3] = addresses[1].words[1];
	event->destination[0] = addresses[2].words[0];
	event->destination[1] = addresses[2].words[1];
	event->destination[2] = addresses[3].words[0];
	event->destination[3] = addresses[3].words[1];
}

static __always_inline void tell_macs(struct __sk_buff *skb, struct packet_event *event)
{
	struct ethernet ethernet;

	if (bpf_skb_load_bytes(skb, 0, &ethernet, sizeof(ethernet)))
		return;
	__builtin_memcpy(event->destination_mac, ethernet.destination, MAC_LEN);
	__builtin_memcpy(event->source_mac, ethernet.source, MAC_LEN);
}

static __always_inline enum packet_kind kind_of(enum parsed parsed)
{
	switch (parsed) {
	case PARSED_IP:
	case PARSED_SHIM_IP:
		return PACKET_IP;
	case PARSED_NOT_IP:
		return PACKET_NOT_IP;
	default:
		return PACKET_MALFORMED;
	}
}

static __always_inline void tell(struct __sk_buff *skb, enum parsed parsed, enum hook hook,
				 struct packet *packet)
{
	struct packet_event *event = bpf_ringbuf_reserve(&packets_ring, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&packets_lost, 1);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->place = packets_place;
	event->hook = hook;
	event->kind = kind_of(parsed);
	event->ethertype = context(skb, protocol);
	event->packets = packet->packets;
	event->layer2_octets = packet->layer2_octets;
	event->mark = context(skb, mark);
	if (hook == HOOK_EGRESS)
		event->ingress_ifindex = context(skb, ingress_ifindex);
	if (point_layer == LINK_ETHERNET)
		tell_macs(skb, event);
	if (context(skb, vlan_present)) {
		event->has_metadata_tag = 1;
		event->tags[0] = context(skb, vlan_tci) & VLAN_ID;
	}
	event->tags[1] = packet->tags[0];
	event->tags[2] = packet->tags[1];
	if (event->kind == PACKET_IP) {
		event->octets = packet->octets;
		event->segment_octets = packet->segment_octets;
		tell_addresses(packet, event);
		tell_transport(skb, packet, event);
	}
	bpf_ringbuf_submit(event, 0);
}

static __always_inline int look(struct __sk_buff *skb, enum hook hook)
{
	static const __u32 zero = 0;
	struct packet *packet;
	enum parsed parsed;

	if (bpf_get_prandom_u32() > packets_threshold)
		return TC_ACT_UNSPEC;
	packet = bpf_map_lookup_elem(&packets_notes, &zero);
	if (!packet)
		return TC_ACT_UNSPEC;
	begin_packet(packet, context(skb, len) + metadata_tag_len(skb));
	/* Which side the devices are on only the classifier asks. */
	if (point_layer == LINK_ETHERNET)
		parsed = parse_packet(skb, (struct variant){ SIDE_LAN, LINK_ETHERNET, hook },
				      packet);
	else
		parsed = parse_packet(skb, (struct variant){ SIDE_LAN, LINK_IP, hook }, packet);
	tell(skb, parsed, hook, packet);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int flowtally_look_ingress(struct __sk_buff *skb)
{
	return look(skb, HOOK_INGRESS);
}

SEC("tc")
int flowtally_look_egress(struct __sk_buff *skb)
{
	return look(skb, HOOK_EGRESS);
}
