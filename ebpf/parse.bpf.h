/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bytes to struct packet: Ethernet, VLAN tags, PPPoE and MPLS, IPv4, IPv6, and as much of what follows
 * as a GSO frame's repeated headers and the keys of flows need.
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

#include "point.bpf.h"
#include "records.h"

/* Tags in the payload, beside one in the skb's metadata. */
#define MAX_INLINE_TAGS 3
/* RFC 8200 names six extension headers and wants most of them once. */
#define MAX_EXTENSION_HEADERS 8

/* A hop-by-hop header with nothing but the jumbo payload option (RFC 2675). */
#define JUMBO_HEADER_LEN 8

#define MAX_MPLS_LABELS 3

#define ETH_P_QINQ_OLD 0x9100 /* QinQ before 802.1ad, still sent by some switches */

struct vlan_tag {
	__be16 tci;
	__be16 encapsulated_protocol;
};
#define TAG_LEN sizeof(struct vlan_tag)
#define VLAN_ID 0xfff

/* The header of a PPPoE session (RFC 2516), with the protocol that PPP carries (RFC 1661). */
struct pppoe_session {
	__u8 version_type;
	__u8 code; /* 0 */
	__be16 session_id;
	__be16 length;
	__be16 protocol;
};
#define PPPOE_VERSION_TYPE 0x11
#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057

/* RFC 3032: the label, the bit that says it is the last one, and the time to live. */
#define MPLS_LAST_LABEL 0x100

/* What the code is for, known when it is compiled. */
struct variant {
	enum side side;
	enum link_layer layer;
	enum hook hook;
};

/* Whether the near end, which is on the devices' side, is the source. */
static __always_inline bool is_upload(struct variant variant)
{
	return (variant.hook == HOOK_INGRESS) == (variant.side == SIDE_LAN);
}

/* Whether the device is known by its MAC. */
static __always_inline bool has_mac(struct variant variant)
{
	return variant.side == SIDE_LAN && variant.layer == LINK_ETHERNET;
}

/* Where the IP header is, unless there are tags before it. */
static __always_inline __u32 untagged_len(struct variant variant)
{
	return variant.layer == LINK_ETHERNET ? ETH_HLEN : 0;
}

/*
 * What PPPoE and MPLS carry is IP to flows alone: to hosts it is not, as there is an interface above, or
 * a network beyond, whose hosts they are.
 */
enum parsed {
	PARSED_IP,
	PARSED_NOT_IP,
	PARSED_MALFORMED,
	PARSED_SHIM_IP,
	PARSED_SHIM_MALFORMED,
};

/*
 * A meter_key in words as wide as can be: where the kernel hashes and compares a key that was
 * written by octets, each load waits for several stores.
 */
union key_words {
	struct meter_key key;
	struct {
		__u64 address[ADDRESS_LEN / 8];
		__u64 mac_point;
	};
};

/* Tags of which it matters what they say. */
#define NOTED_TAGS 2

/* The keys of flows in words as wide as can be, as in union key_words. */
union flow_words {
	struct flow_key_ipv4 ipv4;
	struct flow_key_ipv6 ipv6;
	struct {
		__u64 start[2];
		__u64 addresses[4]; /* of IPv4, the first; and the tags are in the next, alone */
		__u64 tags_ipv6;    /* in the first half */
	};
	__u64 words[FLOW_WORDS_IPV6]; /* of IPv4, FLOW_WORDS_IPV4 */
	__u32 halves[2 * FLOW_WORDS_IPV6];
};

/* What of a packet only flows ask for: of its IP header first, then what note_flow() adds. */
struct flow_packet {
	union flow_words key; /* the addresses alone, until begin_key() */
	__u64 digest;	      /* of the key */
	__u32 place;	      /* FLOW_PLACE() */
	__u32 transport;      /* where the transport header begins in the frame */
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

/* A walk over what stands behind an IPv6 header. */
struct extensions {
	__u32 offset;	     /* where the next header begins, ... */
	__u8 protocol;	     /* ... and which it is */
	bool fragment;	     /* there was a fragment header, ... */
	bool later_fragment; /* ... not of the first one: it is the last header */
	__be32 fragment_id;
};

/* An address in the frame. */
struct address_place {
	__be16 start; /* its first two octets */
	__u32 offset;
};

struct packet {
	union key_words near; /* the key of the near end, but for its point */
	struct address_place far;
	__u8 ip_version;
	bool multicast; /* or broadcast */
	__u64 packets;
	__u64 octets; /* 0 unless PARSED_IP */
	__u64 layer2_octets;
	__u32 segment_octets;	/* IP octets of each of several packets but the last */
	__u16 tags[NOTED_TAGS]; /* the ids of those that are in the frame, 0: none */
	struct extensions extensions;
	struct flow_packet flow; /* if flows are metered */
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

/* Code which ends in this is not merged with such as has another number, a constant. */
static __always_inline void keep_apart(int number)
{
	asm volatile("" : : "i"(number));
}

/* What the compiler has made of @pointer it makes anew, rather than keep it on the stack. */
#define forget(pointer) asm volatile("" : "+r"(pointer))

/*
 * A member of struct __sk_buff. The kernel takes nothing but a load at a constant offset, whereas the
 * compiler may add that to the pointer beforehand.
 */
#define context(skb, member)                                                                       \
	({                                                                                         \
		__u64 value;                                                                       \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                                              \
			     : "=r"(value)                                                         \
			     : "r"(skb), "i"(offsetof(struct __sk_buff, member)));                 \
		value;                                                                             \
	})

/* @len bytes at @offset, a constant. NULL: not in the linear part of the frame. */
static __always_inline const void *in_place(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	const void *place = (const void *)context(skb, data);
	const void *end = (const void *)context(skb, data_end);

	/* The compiler would take any register that it knows to be @offset. */
	asm volatile("%0 += %1" : "+r"(place) : "i"(offset));
	if (place + len > end)
		return NULL;
	__builtin_assume(place != NULL); /* so that nothing compares them: nothing may */
	return place;
}

/*
 * @len bytes at @offset: in place, if that is @usual, a constant, or later by some tags; else copied to
 * @copy. NULL: the frame ends before.
 */
static __always_inline const void *peek(struct __sk_buff *skb, __u32 offset, __u32 usual,
					void *copy, __u32 len)
{
	const void *place = NULL;

	/* If it knew which memory that is, the compiler would have a pointer to each member of it. */
	asm volatile("" : "+r"(copy));
	__builtin_assume(copy != NULL);
	switch (offset - usual) {
	case 0 * TAG_LEN:
		place = in_place(skb, usual + 0 * TAG_LEN, len);
		break;
	case 1 * TAG_LEN:
		place = in_place(skb, usual + 1 * TAG_LEN, len);
		break;
	case 2 * TAG_LEN:
		place = in_place(skb, usual + 2 * TAG_LEN, len);
		break;
	case 3 * TAG_LEN:
		place = in_place(skb, usual + 3 * TAG_LEN, len);
		break;
	}
	if (!place)
		place = bpf_skb_load_bytes(skb, offset, copy, len) ? NULL : copy;
	return place;
}

static __always_inline __u64 join_words(__u32 first, __u32 second)
{
	return ((union joined){ .words = { first, second } }).whole;
}

static __always_inline __u64 join_mac(const __be16 mac[MAC_LEN / 2])
{
	return ((union joined){ .halves = { mac[0], mac[1], mac[2] } }).whole;
}

static __always_inline __u16 first_half(__u32 word)
{
	return ((union joined){ .words = { word } }).halves[0];
}

static __always_inline bool is_icmp(__u8 protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD) ||
	       protocol == bpf_htons(ETH_P_QINQ_OLD);
}

#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV6_FLOW_LABEL 0xfffff

/* RFC 8200, 4.5 */
struct fragment_header {
	__u8 next_header;
	__u8 length;   /* 0; in other headers that of theirs, in units of their own */
	__be16 offset; /* in its upper 13 bits */
	__be32 id;
};
#define IPV6_FRAGMENT_OFFSET 0xfff8

static __always_inline bool is_extension_header(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT ||
	       protocol == IPPROTO_AH;
}

static __always_inline __u32 extension_header_len(__u8 protocol, __u8 length)
{
	switch (protocol) {
	case IPPROTO_FRAGMENT:
		return sizeof(struct fragment_header);
	case IPPROTO_AH: /* RFC 4302, 2.2 */
		return (length + 2) * 4;
	default:
		return (length + 1) * 8;
	}
}

static __always_inline void begin_walk(struct extensions *walk, __u8 protocol, __u32 offset)
{
	walk->offset = offset;
	walk->protocol = protocol;
	walk->fragment = walk->later_fragment = false;
	walk->fragment_id = 0;
}

/*
 * Goes over the extension headers from @walk on. It is in a map, and read anew for each header: what the
 * kernel's verifier knew of a header would multiply with what it knows of the next.
 */
static __noinline int skip_extension_headers(struct __sk_buff *skb, struct extensions *walk)
{
#pragma unroll
	for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
		__u8 protocol = walk->protocol;
		__u32 offset = walk->offset;
		/* None is shorter. */
		struct fragment_header header;

		/* What follows the header of a later fragment is none. */
		if (!is_extension_header(protocol) || walk->later_fragment ||
		    bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
			break;
		if (protocol == IPPROTO_FRAGMENT) {
			walk->fragment = true;
			walk->later_fragment = header.offset & bpf_htons(IPV6_FRAGMENT_OFFSET);
			walk->fragment_id = header.id;
		}
		walk->offset = offset + extension_header_len(protocol, header.length);
		walk->protocol = header.next_header;
		asm volatile("" : : : "memory");
	}
	return 0;
}

/* @usual: as in peek(), where there are no options or extension headers. */
static __always_inline __u32 transport_header_len(struct __sk_buff *skb, __u8 protocol,
						  __u32 offset, __u32 usual)
{
	struct tcphdr copy;
	const struct tcphdr *tcp;

	if (protocol == IPPROTO_UDP)
		return sizeof(struct udphdr);
	if (protocol != IPPROTO_TCP)
		return 0;
	tcp = peek(skb, offset, usual, &copy, sizeof(copy));
	return tcp ? tcp->doff * 4 : 0;
}

/*
 * The octets of the frame as far as the kernel knows: on egress it has added the headers which each
 * segment repeats, those in tunnels included (qdisc_pkt_len_init() in net/core/dev.c). On ingress
 * wire_len means nothing.
 */
static __always_inline __u64 kernel_len(struct __sk_buff *skb, enum hook hook)
{
	__u64 len = context(skb, len), wire_len;

	if (hook != HOOK_EGRESS)
		return len;
	wire_len = context(skb, wire_len);
	return wire_len > len ? wire_len : len;
}

static __always_inline __u64 metadata_tag_len(struct __sk_buff *skb)
{
	return context(skb, vlan_present) ? TAG_LEN : 0;
}

/*
 * What a GSO or GRO frame is on the wire, where each segment has headers of its own.
 * @headers_len is the length of them all, @layer2_len of those before the IP header and @unsent_len
 * of what stands among them for the kernel alone.
 */
static __always_inline void count_segments(struct __sk_buff *skb, enum hook hook, __u64 layer2_len,
					   __u64 headers_len, __u64 unsent_len,
					   struct packet *packet)
{
	__u64 skb_len = context(skb, len), known_len = kernel_len(skb, hook), len;
	__u64 segments = context(skb, gso_segs);

	/* A guest's frame does not say how many segments it is (SKB_GSO_DODGY). */
	if (!segments && headers_len < skb_len) {
		__u64 gso_size = context(skb, gso_size);

		segments = (skb_len - headers_len + gso_size - 1) / gso_size;
	}
	if (!segments)
		segments = 1;

	len = skb_len + (segments - 1) * headers_len;
	if (len < known_len)
		len = known_len;
	len -= segments * unsent_len;
	packet->packets = segments;
	packet->octets = len - segments * layer2_len;
	packet->segment_octets = headers_len - layer2_len - unsent_len + context(skb, gso_size);
	packet->layer2_octets = len + segments * metadata_tag_len(skb);
}

/* What segments repeat that do not carry IP, only the kernel knows. */
static __always_inline void count_opaque_segments(struct __sk_buff *skb, enum hook hook,
						  struct packet *packet)
{
	packet->packets = context(skb, gso_segs) ?: 1;
	packet->layer2_octets = kernel_len(skb, hook) + packet->packets * metadata_tag_len(skb);
}

/* All that flows ask of the header, while it is at hand. */
static __always_inline void note_ipv4(const struct iphdr *ip, __u32 offset,
				      struct flow_packet *flow)
{
	flow->key.addresses[0] = join_words(ip->saddr, ip->daddr);
	flow->transport = offset + ip->ihl * 4;
	flow->fragment_id = bpf_ntohs(ip->id);
	flow->flow_label = 0;
	flow->protocol = ip->protocol;
	flow->traffic_class = ip->tos;
	flow->ttl = ip->ttl;
	flow->fragment = ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET);
	flow->later_fragment = ip->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET);
}

/* As if no extension headers followed. */
static __always_inline void note_ipv6(const struct ipv6hdr *ip, __u32 offset,
				      struct flow_packet *flow)
{
	const __be32 *source = ip->saddr.s6_addr32, *destination = ip->daddr.s6_addr32;
	__u32 start = bpf_ntohl(*(const __be32 *)ip);

	flow->key.addresses[0] = join_words(source[0], source[1]);
	flow->key.addresses[1] = join_words(source[2], source[3]);
	flow->key.addresses[2] = join_words(destination[0], destination[1]);
	flow->key.addresses[3] = join_words(destination[2], destination[3]);
	flow->transport = offset + sizeof(*ip);
	flow->fragment_id = 0;
	flow->flow_label = start & IPV6_FLOW_LABEL;
	flow->protocol = ip->nexthdr;
	flow->traffic_class = start >> 20;
	flow->ttl = ip->hop_limit;
	flow->fragment = flow->later_fragment = false;
}

static __always_inline enum parsed parse_ipv4(struct __sk_buff *skb, struct variant variant,
					      __u32 offset, struct packet *packet)
{
	const __u32 usual = untagged_len(variant);
	struct iphdr copy;
	const struct iphdr *ip = peek(skb, offset, usual, &copy, sizeof(copy));
	__u32 header_len, total_len;

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return PARSED_MALFORMED;
	/* Else the length would be known from here on, and be kept on the stack. */
	asm volatile("" : : : "memory");
	packet->ip_version = 4;
	if (meters_flows())
		note_ipv4(ip, offset, &packet->flow);
	packet->near.address[0] = 0;
	packet->near.address[1] =
		join_words(bpf_htonl(0xffff), is_upload(variant) ? ip->saddr : ip->daddr);
	packet->far.start = first_half(is_upload(variant) ? ip->daddr : ip->saddr);
	packet->far.offset = offset + (is_upload(variant) ? offsetof(struct iphdr, daddr) :
							    offsetof(struct iphdr, saddr));
	if ((ip->daddr & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) ||
	    ip->daddr == bpf_htonl(INADDR_BROADCAST))
		packet->multicast = true;

	header_len = ip->ihl * 4;
	if (context(skb, gso_size)) {
		__u32 transport = offset + header_len;

		transport +=
			transport_header_len(skb, ip->protocol, transport, usual + sizeof(*ip));
		count_segments(skb, variant.hook, offset, transport, 0, packet);
		return PARSED_IP;
	}
	total_len = bpf_ntohs(ip->tot_len);
	if (total_len < header_len || offset + total_len > context(skb, len))
		return PARSED_MALFORMED;
	packet->octets = total_len;
	return PARSED_IP;
}

static __always_inline enum parsed parse_ipv6(struct __sk_buff *skb, struct variant variant,
					      __u32 offset, struct packet *packet)
{
	const __u32 usual = untagged_len(variant);
	struct ipv6hdr copy;
	const struct ipv6hdr *ip = peek(skb, offset, usual, &copy, sizeof(copy));
	const __be32 *near;
	__u32 payload_len;

	if (!ip || ip->version != 6)
		return PARSED_MALFORMED;
	near = is_upload(variant) ? ip->saddr.s6_addr32 : ip->daddr.s6_addr32;
	packet->ip_version = 6;
	if (meters_flows())
		note_ipv6(ip, offset, &packet->flow);
	packet->near.address[0] = join_words(near[0], near[1]);
	packet->near.address[1] = join_words(near[2], near[3]);
	packet->far.start = is_upload(variant) ? ip->daddr.s6_addr16[0] : ip->saddr.s6_addr16[0];
	packet->far.offset = offset + (is_upload(variant) ? offsetof(struct ipv6hdr, daddr) :
							    offsetof(struct ipv6hdr, saddr));
	if (ip->daddr.s6_addr[0] == 0xff)
		packet->multicast = true;

	if (context(skb, gso_size)) {
		/* BIG TCP: segmentation removes the jumbo option (ipv6_hopopt_jumbo_remove()). */
		bool jumbo = !ip->payload_len && ip->nexthdr == IPPROTO_HOPOPTS;
		__u32 transport = offset + sizeof(*ip);
		__u8 protocol = ip->nexthdr;

		if (is_extension_header(protocol)) {
			begin_walk(&packet->extensions, protocol, transport);
			skip_extension_headers(skb, &packet->extensions);
			protocol = packet->extensions.protocol;
			transport = packet->extensions.offset;
		}
		transport += transport_header_len(skb, protocol, transport, usual + sizeof(*ip));
		count_segments(skb, variant.hook, offset, transport, jumbo ? JUMBO_HEADER_LEN : 0,
			       packet);
		return PARSED_IP;
	}
	payload_len = bpf_ntohs(ip->payload_len);
	/* A jumbogram has its length in the hop-by-hop header (RFC 2675). */
	if (!payload_len && ip->nexthdr == IPPROTO_HOPOPTS)
		payload_len = context(skb, len) - offset - sizeof(*ip);
	if (offset + sizeof(*ip) + payload_len > context(skb, len))
		return PARSED_MALFORMED;
	packet->octets = sizeof(*ip) + payload_len;
	return PARSED_IP;
}

static __always_inline enum parsed parse_network(struct __sk_buff *skb, struct variant variant,
						 __be16 protocol, __u32 offset,
						 struct packet *packet)
{
	switch (protocol) {
	case bpf_htons(ETH_P_IP):
		return parse_ipv4(skb, variant, offset, packet);
	case bpf_htons(ETH_P_IPV6):
		return parse_ipv6(skb, variant, offset, packet);
	default:
		return PARSED_NOT_IP;
	}
}

static __always_inline bool is_mpls(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_MPLS_UC) || protocol == bpf_htons(ETH_P_MPLS_MC);
}

/* What PPPoE or MPLS carries: an Ethernet type, 0 for what is not IP, and where it begins. */
union payload {
	struct {
		__be16 protocol;
		__u16 malformed;
		__u32 offset;
	};
	__u64 whole;
};

static __always_inline union payload skip_pppoe(struct __sk_buff *skb, __u32 offset)
{
	union payload found = { .offset = offset + sizeof(struct pppoe_session) };
	struct pppoe_session header;

	if (bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
		found.malformed = true;
	else if (header.version_type != PPPOE_VERSION_TYPE || header.code)
		found.protocol = 0;
	else if (header.protocol == bpf_htons(PPP_IPV4))
		found.protocol = bpf_htons(ETH_P_IP);
	else if (header.protocol == bpf_htons(PPP_IPV6))
		found.protocol = bpf_htons(ETH_P_IPV6);
	return found;
}

/* What the labels stand for only the network knows; what looks like IP is taken for it. */
static __always_inline union payload skip_mpls(struct __sk_buff *skb, __u32 offset)
{
	union payload found = { .whole = 0 };
	__be32 label = 0;
	__u8 first;

#pragma unroll
	for (int i = 0; i < MAX_MPLS_LABELS; i++) {
		if (bpf_skb_load_bytes(skb, offset, &label, sizeof(label)))
			found.malformed = true;
		offset += sizeof(label);
		if (found.malformed || label & bpf_htonl(MPLS_LAST_LABEL))
			break;
	}
	found.offset = offset;
	if (found.malformed || !(label & bpf_htonl(MPLS_LAST_LABEL)))
		return found;
	if (bpf_skb_load_bytes(skb, offset, &first, sizeof(first)))
		found.malformed = true;
	else if (first >> 4 == 4)
		found.protocol = bpf_htons(ETH_P_IP);
	else if (first >> 4 == 6)
		found.protocol = bpf_htons(ETH_P_IPV6);
	return found;
}

/* A union payload. */
static __noinline __u64 skip_shim(struct __sk_buff *skb, __be16 protocol, __u32 offset)
{
	return is_mpls(protocol) ? skip_mpls(skb, offset).whole : skip_pppoe(skb, offset).whole;
}

static __always_inline enum parsed parse_shim(struct __sk_buff *skb, struct variant variant,
					      __be16 protocol, __u32 offset, struct packet *packet)
{
	union payload found = { .whole = skip_shim(skb, protocol, offset) };

	if (found.malformed)
		return PARSED_SHIM_MALFORMED;
	switch (parse_network(skb, variant, found.protocol, found.offset, packet)) {
	case PARSED_IP:
		return PARSED_SHIM_IP;
	case PARSED_MALFORMED:
		return PARSED_SHIM_MALFORMED;
	default:
		return PARSED_NOT_IP;
	}
}

static __always_inline enum parsed parse_ethernet(struct __sk_buff *skb, struct variant variant,
						  struct packet *packet)
{
	struct ethernet copy;
	const struct ethernet *ethernet = peek(skb, 0, 0, &copy, sizeof(copy));
	__u32 offset = sizeof(*ethernet);
	__be16 protocol;

	if (!ethernet)
		return PARSED_MALFORMED;
	packet->near.mac_point = !has_mac(variant)  ? 0 :
				 is_upload(variant) ? join_mac(ethernet->source) :
						      join_mac(ethernet->destination);
	packet->multicast = ethernet->destination[0] & bpf_htons(0x0100);

	protocol = ethernet->protocol;
#pragma unroll
	for (int i = 0; i < MAX_INLINE_TAGS && is_vlan(protocol); i++) {
		struct vlan_tag tag_copy;
		const struct vlan_tag *tag =
			peek(skb, offset, ETH_HLEN, &tag_copy, sizeof(tag_copy));

		if (!tag)
			return PARSED_MALFORMED;
		if (i < NOTED_TAGS)
			packet->tags[i] = bpf_ntohs(tag->tci) & VLAN_ID;
		protocol = tag->encapsulated_protocol;
		offset += TAG_LEN;
	}
	if (is_mpls(protocol) || protocol == bpf_htons(ETH_P_PPP_SES))
		return parse_shim(skb, variant, protocol, offset, packet);
	return parse_network(skb, variant, protocol, offset, packet);
}

/*
 * Where nothing stands before the IP header. What it is the kernel says; some tunnels send with the header
 * of the tunnel in front of it already (the header_ops of GRE), and that is IP of its own.
 */
static __always_inline enum parsed parse_ip(struct __sk_buff *skb, struct variant variant,
					    struct packet *packet)
{
	packet->near.mac_point = 0;
	packet->multicast = false;
	return parse_network(skb, variant, context(skb, protocol), 0, packet);
}

/* What holds for most, whatever they carry. */
static __always_inline void begin_packet(struct packet *packet, __u64 layer2_octets)
{
	packet->packets = 1;
	packet->octets = 0;
	packet->layer2_octets = layer2_octets;
	packet->tags[0] = packet->tags[1] = 0;
}

/* The rest of what begin_packet() has begun. */
static __always_inline enum parsed parse_packet(struct __sk_buff *skb, struct variant variant,
						struct packet *packet)
{
	enum parsed parsed = variant.layer == LINK_ETHERNET ? parse_ethernet(skb, variant, packet) :
							      parse_ip(skb, variant, packet);

	if (parsed != PARSED_IP && parsed != PARSED_SHIM_IP && context(skb, gso_size))
		count_opaque_segments(skb, variant.hook, packet);
	return parsed;
}

#endif
