/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes to struct packet: Ethernet, VLAN tags, IPv4, IPv6, and as much of what follows as a GSO
 * frame's repeated headers need.
 *
 * Reads never go through bpf_skb_pull_data(), which would rearrange somebody else's skb: where the
 * linear part of the frame ends early (a packet socket's TX ring leaves only the Ethernet header in
 * it), the bytes are copied to the stack instead.
 */
#ifndef FLOWTALLY_PARSE_BPF_H
#define FLOWTALLY_PARSE_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "records.h"

/* Tags in the payload, beside one in the skb's metadata. */
#define MAX_INLINE_TAGS 3
/* RFC 8200 names six extension headers and wants most of them once. */
#define MAX_EXTENSION_HEADERS 8

/* A hop-by-hop header with nothing but the jumbo payload option (RFC 2675). */
#define JUMBO_HEADER_LEN 8

#define ETH_P_QINQ_OLD 0x9100 /* QinQ before 802.1ad, still sent by some switches */

struct vlan_tag {
	__be16 tci;
	__be16 encapsulated_protocol;
};

enum parsed {
	PARSED_IP,
	PARSED_NOT_IP,
	PARSED_MALFORMED,
};

struct packet {
	/*
	 * The near end, which is on the devices' side, has its address as in struct meter_key. It is
	 * in words as wide as can be: where the kernel hashes and compares a key that was written by
	 * octets, each load waits for several stores.
	 */
	__u64 near[ADDRESS_LEN / 8];
	__be16 near_mac[MAC_LEN / 2];
	__be16 far_start; /* the first two octets of the far end's address ... */
	__u32 far_offset; /* ... which stands here in the frame */
	__u8 ip_version;
	bool multicast; /* or broadcast */
	__u64 packets;
	__u64 octets; /* 0 unless PARSED_IP */
	__u64 layer2_octets;
};

/* Words as they lie in memory. */
union joined {
	__u8 octets[8];
	__u16 halves[4];
	__u32 words[2];
	__u64 whole;
};

/* struct ethhdr in the widest words that its place in memory allows. */
struct ethernet {
	__be16 destination[MAC_LEN / 2];
	__be16 source[MAC_LEN / 2];
	__be16 protocol;
};
_Static_assert(sizeof(struct ethernet) == ETH_HLEN, "struct ethernet is that of the wire");

/* @len bytes at @offset: in the frame where they are linear, else copied to @copy. */
static __always_inline const void *peek(struct __sk_buff *skb, __u32 offset, void *copy, __u32 len)
{
	const void *data = (const void *)(long)skb->data;
	const void *end = (const void *)(long)skb->data_end;

	if (data + offset + len > end)
		return bpf_skb_load_bytes(skb, offset, copy, len) ? NULL : copy;
	__builtin_assume(data + offset != NULL); /* then the callers' check is for the copy alone */
	return data + offset;
}

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD) ||
	       protocol == bpf_htons(ETH_P_QINQ_OLD);
}

static __always_inline __u64 join_words(__u32 first, __u32 second)
{
	return ((union joined){ .words = { first, second } }).whole;
}

static __always_inline __u16 first_half(__u32 word)
{
	return ((union joined){ .words = { word } }).halves[0];
}

/* Steps over the extension headers which GSO repeats; @offset is left at the transport header. */
static __always_inline __u8 skip_extension_headers(struct __sk_buff *skb, __u8 next, __u32 *offset)
{
	for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
		struct ipv6_opt_hdr copy;
		const struct ipv6_opt_hdr *header;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			break;
		header = peek(skb, *offset, &copy, sizeof(copy));
		if (!header)
			break;
		next = header->nexthdr;
		*offset += (header->hdrlen + 1) * 8;
	}
	return next;
}

static __always_inline __u32 transport_header_len(struct __sk_buff *skb, __u8 protocol,
						  __u32 offset)
{
	struct tcphdr copy;
	const struct tcphdr *tcp;

	if (protocol == IPPROTO_UDP)
		return sizeof(struct udphdr);
	if (protocol != IPPROTO_TCP)
		return 0;
	tcp = peek(skb, offset, &copy, sizeof(copy));
	return tcp ? tcp->doff * 4 : 0;
}

/*
 * The octets of the frame as far as the kernel knows: on egress it has added the headers which each
 * segment repeats, those in tunnels included (qdisc_pkt_len_init() in net/core/dev.c). On ingress
 * wire_len means nothing.
 */
static __always_inline __u32 kernel_len(struct __sk_buff *skb, enum hook hook)
{
	return hook == HOOK_EGRESS && skb->wire_len > skb->len ? skb->wire_len : skb->len;
}

static __always_inline __u32 metadata_tag_len(struct __sk_buff *skb)
{
	return skb->vlan_present ? sizeof(struct vlan_tag) : 0;
}

/*
 * What a GSO or GRO frame is on the wire, where each segment has headers of its own.
 * @headers_len is the length of them all, @layer2_len of those before the IP header and @unsent_len
 * of what stands among them for the kernel alone.
 */
static __always_inline void count_segments(struct __sk_buff *skb, enum hook hook, __u32 layer2_len,
					   __u32 headers_len, __u32 unsent_len,
					   struct packet *packet)
{
	__u32 segments = skb->gso_segs;
	__u64 len;

	/* A guest's frame does not say how many segments it is (SKB_GSO_DODGY). */
	if (!segments && headers_len < skb->len)
		segments = (skb->len - headers_len + skb->gso_size - 1) / skb->gso_size;
	if (!segments)
		segments = 1;

	len = skb->len + (__u64)(segments - 1) * headers_len;
	if (len < kernel_len(skb, hook))
		len = kernel_len(skb, hook);
	len -= (__u64)segments * unsent_len;
	packet->packets = segments;
	packet->octets = len - (__u64)segments * layer2_len;
	packet->layer2_octets = len + (__u64)segments * metadata_tag_len(skb);
}

/* What segments repeat that do not carry IP, only the kernel knows. */
static __always_inline void count_opaque_segments(struct __sk_buff *skb, enum hook hook,
						  struct packet *packet)
{
	packet->packets = skb->gso_segs ?: 1;
	packet->layer2_octets = kernel_len(skb, hook) + packet->packets * metadata_tag_len(skb);
}

static __always_inline enum parsed parse_ipv4(struct __sk_buff *skb, enum hook hook, bool upload,
					      __u32 offset, __u32 gso_size, struct packet *packet)
{
	struct iphdr copy;
	const struct iphdr *ip = peek(skb, offset, &copy, sizeof(copy));
	__u32 header_len, total_len;

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return PARSED_MALFORMED;
	header_len = ip->ihl * 4;
	packet->ip_version = 4;
	packet->near[0] = 0;
	packet->near[1] = join_words(bpf_htonl(0xffff), upload ? ip->saddr : ip->daddr);
	packet->far_start = first_half(upload ? ip->daddr : ip->saddr);
	packet->far_offset =
		offset + (upload ? offsetof(struct iphdr, daddr) : offsetof(struct iphdr, saddr));
	if ((ip->daddr & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) ||
	    ip->daddr == bpf_htonl(INADDR_BROADCAST))
		packet->multicast = true;

	if (gso_size) {
		__u32 transport = offset + header_len;

		count_segments(skb, hook, offset,
			       transport + transport_header_len(skb, ip->protocol, transport), 0,
			       packet);
		return PARSED_IP;
	}
	total_len = bpf_ntohs(ip->tot_len);
	if (total_len < header_len || offset + total_len > skb->len)
		return PARSED_MALFORMED;
	packet->octets = total_len;
	return PARSED_IP;
}

static __always_inline enum parsed parse_ipv6(struct __sk_buff *skb, enum hook hook, bool upload,
					      __u32 offset, __u32 gso_size, struct packet *packet)
{
	struct ipv6hdr copy;
	const struct ipv6hdr *ip = peek(skb, offset, &copy, sizeof(copy));
	const __be32 *near;
	__u32 payload_len;

	if (!ip || ip->version != 6)
		return PARSED_MALFORMED;
	near = upload ? ip->saddr.s6_addr32 : ip->daddr.s6_addr32;
	packet->ip_version = 6;
	packet->near[0] = join_words(near[0], near[1]);
	packet->near[1] = join_words(near[2], near[3]);
	packet->far_start = upload ? ip->daddr.s6_addr16[0] : ip->saddr.s6_addr16[0];
	packet->far_offset = offset + (upload ? offsetof(struct ipv6hdr, daddr) :
						offsetof(struct ipv6hdr, saddr));
	if (ip->daddr.s6_addr[0] == 0xff)
		packet->multicast = true;

	if (gso_size) {
		__u32 transport = offset + sizeof(*ip);
		__u8 protocol = skip_extension_headers(skb, ip->nexthdr, &transport);
		/* BIG TCP: segmentation removes the jumbo option (ipv6_hopopt_jumbo_remove()). */
		bool jumbo = !ip->payload_len && ip->nexthdr == IPPROTO_HOPOPTS;

		count_segments(skb, hook, offset,
			       transport + transport_header_len(skb, protocol, transport),
			       jumbo ? JUMBO_HEADER_LEN : 0, packet);
		return PARSED_IP;
	}
	payload_len = bpf_ntohs(ip->payload_len);
	/* A jumbogram has its length in the hop-by-hop header (RFC 2675). */
	if (!payload_len && ip->nexthdr == IPPROTO_HOPOPTS)
		payload_len = skb->len - offset - sizeof(*ip);
	if (offset + sizeof(*ip) + payload_len > skb->len)
		return PARSED_MALFORMED;
	packet->octets = sizeof(*ip) + payload_len;
	return PARSED_IP;
}

static __always_inline enum parsed parse_network(struct __sk_buff *skb, enum hook hook, bool upload,
						 __be16 protocol, __u32 offset, __u32 gso_size,
						 struct packet *packet)
{
	switch (protocol) {
	case bpf_htons(ETH_P_IP):
		return parse_ipv4(skb, hook, upload, offset, gso_size, packet);
	case bpf_htons(ETH_P_IPV6):
		return parse_ipv6(skb, hook, upload, offset, gso_size, packet);
	default:
		return PARSED_NOT_IP;
	}
}

static __always_inline enum parsed parse_ethernet(struct __sk_buff *skb, enum hook hook,
						  bool upload, __u32 gso_size,
						  struct packet *packet)
{
	struct ethernet copy;
	const struct ethernet *ethernet = peek(skb, 0, &copy, sizeof(copy));
	__u32 offset = sizeof(*ethernet);
	__be16 protocol;

	if (!ethernet)
		return PARSED_MALFORMED;
	if (upload)
		__builtin_memcpy(packet->near_mac, ethernet->source, MAC_LEN);
	else
		__builtin_memcpy(packet->near_mac, ethernet->destination, MAC_LEN);
	packet->multicast = false;
	if (ethernet->destination[0] & bpf_htons(0x0100))
		packet->multicast = true;

	protocol = ethernet->protocol;
	for (int i = 0; i < MAX_INLINE_TAGS && is_vlan(protocol); i++) {
		struct vlan_tag tag_copy;
		const struct vlan_tag *tag = peek(skb, offset, &tag_copy, sizeof(tag_copy));

		if (!tag)
			return PARSED_MALFORMED;
		protocol = tag->encapsulated_protocol;
		offset += sizeof(*tag);
	}
	return parse_network(skb, hook, upload, protocol, offset, gso_size, packet);
}

/*
 * Where nothing stands before the IP header. What it is the kernel says; some tunnels send with the header
 * of the tunnel in front of it already (the header_ops of GRE), and that is IP of its own.
 */
static __always_inline enum parsed parse_ip(struct __sk_buff *skb, enum hook hook, bool upload,
					    __u32 gso_size, struct packet *packet)
{
	packet->multicast = false;
	return parse_network(skb, hook, upload, (__be16)skb->protocol, 0, gso_size, packet);
}

/* @upload: the near end is the source. */
static __always_inline enum parsed parse_packet(struct __sk_buff *skb, enum link_layer layer,
						enum hook hook, bool upload, struct packet *packet)
{
	__u32 gso_size = skb->gso_size; /* read once: it lies behind the frame's data */
	enum parsed parsed;

	packet->packets = 1;
	packet->octets = 0;
	packet->layer2_octets = skb->len + metadata_tag_len(skb);
	parsed = layer == LINK_ETHERNET ? parse_ethernet(skb, hook, upload, gso_size, packet) :
					  parse_ip(skb, hook, upload, gso_size, packet);
	if (gso_size && parsed != PARSED_IP)
		count_opaque_segments(skb, hook, packet);
	return parsed;
}

#endif
