/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the classifier should make of a frame, told a second time and in another way: from the RFCs,
 * over a flat copy of the frame, with lists of prefixes that are searched from end to end.
 *
 * Where a standard leaves it open, the rule is one of ours:
 *   - up to three tags of any kind are passed, a frame with more does not carry IP;
 *   - behind them may be one PPPoE header, or up to three MPLS labels on something that begins like IP:
 *     which is IP to flows, and is not to hosts;
 *   - IP that contradicts itself is malformed, but a GSO frame may say any length;
 *   - IPv6 with no payload length and hop-by-hop options is as long as its frame (RFC 2675);
 *   - each segment of a GSO frame repeats everything up to its TCP or UDP header, over at most eight
 *     extension headers; on egress the kernel's own sum is taken where that is more;
 *   - the jumbo option of a GSO frame is not on the wire;
 *   - where there is no Ethernet header the kernel says what the frame carries;
 *   - a packet belongs to a flow as it leaves, or as it comes in if it is for the machine or for many;
 *   - what is too short for its ports or flags has none.
 */
#ifndef TESTS_BPF_REFERENCE_H
#define TESTS_BPF_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "accounts/hosts.h"
#include "records.h"

struct reference_prefix {
	uint32_t ifindex; /* 0: of all interfaces */
	uint8_t ip_version;
	uint8_t length; /* of the address in its own family */
	uint8_t address[ADDRESS_LEN];
};

struct reference_prefixes {
	const struct reference_prefix *list;
	unsigned n;
};

struct reference_point {
	uint32_t ifindex;
	enum side side;
	enum link_layer layer;
	enum hook hook;
	bool hosts_full;
	bool macs_full;
	struct reference_prefixes local;
	struct reference_prefixes not_internet;
	struct reference_prefixes own;
};

struct reference_frame {
	const uint8_t *bytes;
	uint16_t protocol; /* as the kernel says, which only counts without an Ethernet header */
	uint64_t len;
	uint64_t gso_size;
	uint64_t gso_segs;
	uint64_t wire_len; /* 0: the length */
	uint32_t mark;
	uint32_t ingress_ifindex;
};

enum reference_table {
	REFERENCE_NO_TABLE,
	REFERENCE_HOSTS,
	REFERENCE_MACS,
};

/* The key in the table of its family. */
union reference_flow_key {
	struct flow_key_ipv4 ipv4;
	struct flow_key_ipv6 ipv6;
};

struct reference_flow {
	enum flow_class class;
	uint64_t packets;
	uint64_t octets;
	uint64_t layer2_octets;
	uint8_t ip_version;
	union reference_flow_key key;
	struct flow_attributes attributes;
};

struct reference_verdict {
	enum ledger_class class;
	enum reference_table table;
	enum direction direction;
	struct host_key key;
	uint64_t packets;
	uint64_t octets;
	uint64_t layer2_octets;
	struct reference_flow flow;
};

/* An address in its own family: the first 4 octets or all 16. */
struct reference_address {
	uint8_t octets[ADDRESS_LEN];
};

struct reference_ip {
	uint8_t version;
	uint64_t start;	 /* of the IP header */
	uint64_t length; /* header and payload, as the header says */
	uint64_t repeated_len;
	uint64_t removed_len;
	struct reference_address source;
	struct reference_address destination;
	uint8_t protocol; /* behind extension headers */
	uint8_t traffic_class;
	uint8_t ttl;
	bool later_fragment;
	uint32_t fragment_id;
	uint32_t flow_label;
	uint64_t transport_start;
};

/* What a frame carries, and in which VLANs. */
struct reference_payload {
	uint64_t type;
	uint64_t start;
	bool shim; /* it is in PPPoE or MPLS */
	uint16_t vlans[3];
};

static inline uint64_t reference_be16(const struct reference_frame *frame, uint64_t at)
{
	return frame->bytes[at] * 256u + frame->bytes[at + 1];
}

static inline bool reference_has(const struct reference_frame *frame, uint64_t at, uint64_t len)
{
	return at <= frame->len && frame->len - at >= len;
}

static inline uint64_t reference_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline bool reference_prefix_has(const struct reference_prefix *prefix, uint32_t ifindex,
					uint8_t ip_version, const struct reference_address *address)
{
	if (prefix->ip_version != ip_version || (prefix->ifindex && prefix->ifindex != ifindex))
		return false;
	for (unsigned bit = 0; bit < prefix->length; bit++) {
		uint8_t difference = prefix->address[bit / 8] ^ address->octets[bit / 8];

		if (difference & 0x80 >> bit % 8)
			return false;
	}
	return true;
}

static inline bool reference_prefixes_have(const struct reference_prefixes *prefixes,
					   uint32_t ifindex, uint8_t ip_version,
					   const struct reference_address *address)
{
	for (unsigned i = 0; i < prefixes->n; i++) {
		if (reference_prefix_has(&prefixes->list[i], ifindex, ip_version, address))
			return true;
	}
	return false;
}

static inline uint32_t reference_be32(const struct reference_frame *frame, uint64_t at)
{
	return (uint32_t)(reference_be16(frame, at) << 16 | reference_be16(frame, at + 2));
}

/* RFC 2516 and RFC 1661. False: it does not end within the frame. */
static inline bool reference_pass_pppoe(const struct reference_frame *frame,
					struct reference_payload *payload)
{
	uint64_t at = payload->start;
	bool is_session;

	if (!reference_has(frame, at, 8))
		return false;
	is_session = frame->bytes[at] == 0x11 && frame->bytes[at + 1] == 0;
	payload->type = !is_session			      ? 0 :
			reference_be16(frame, at + 6) == 0x21 ? 0x0800 :
			reference_be16(frame, at + 6) == 0x57 ? 0x86dd :
								0;
	payload->start += 8;
	return true;
}

/* RFC 3032. */
static inline bool reference_pass_mpls(const struct reference_frame *frame,
				       struct reference_payload *payload)
{
	bool last = false;

	payload->type = 0;
	for (int labels = 0; labels < 3 && !last; labels++) {
		if (!reference_has(frame, payload->start, 4))
			return false;
		last = frame->bytes[payload->start + 2] % 2;
		payload->start += 4;
	}
	if (!last)
		return true;
	if (!reference_has(frame, payload->start, 1))
		return false;
	if (frame->bytes[payload->start] / 16 == 4)
		payload->type = 0x0800;
	else if (frame->bytes[payload->start] / 16 == 6)
		payload->type = 0x86dd;
	return true;
}

/* False: what stands before the payload does not end within the frame. */
static inline bool reference_find_payload(const struct reference_frame *frame,
					  enum link_layer layer, struct reference_payload *payload)
{
	*payload = (struct reference_payload){ .type = frame->protocol };
	if (layer == LINK_IP)
		return true;
	payload->type = reference_be16(frame, 12);
	payload->start = 14;
	for (int tags = 0; tags < 3; tags++) {
		if (payload->type != 0x8100 && payload->type != 0x88a8 && payload->type != 0x9100)
			break;
		if (!reference_has(frame, payload->start, 4))
			return false;
		payload->vlans[tags] = reference_be16(frame, payload->start) % 4096;
		payload->type = reference_be16(frame, payload->start + 2);
		payload->start += 4;
	}
	payload->shim =
		payload->type == 0x8847 || payload->type == 0x8848 || payload->type == 0x8864;
	switch (payload->type) {
	case 0x8847:
	case 0x8848:
		return reference_pass_mpls(frame, payload);
	case 0x8864:
		return reference_pass_pppoe(frame, payload);
	default:
		return true;
	}
}

static inline uint64_t reference_transport_len(const struct reference_frame *frame,
					       uint8_t protocol, uint64_t at)
{
	switch (protocol) {
	case 6: /* RFC 9293: the data offset counts words */
		return reference_has(frame, at, 20) ? (frame->bytes[at + 12] / 16) * 4u : 0;
	case 17:
		return 8;
	default:
		return 0;
	}
}

/* RFC 791. False: malformed. */
static inline bool reference_read_ipv4(const struct reference_frame *frame, uint64_t at,
				       struct reference_ip *ip)
{
	const uint8_t *header = frame->bytes + at;
	uint64_t header_len;

	if (!reference_has(frame, at, 20) || header[0] / 16 != 4)
		return false;
	header_len = header[0] % 16 * 4u;
	if (header_len < 20)
		return false;
	*ip = (struct reference_ip){ .version = 4, .start = at };
	ip->length = reference_be16(frame, at + 2);
	memcpy(ip->source.octets, header + 12, 4);
	memcpy(ip->destination.octets, header + 16, 4);
	ip->protocol = header[9];
	ip->traffic_class = header[1];
	ip->ttl = header[8];
	ip->fragment_id = (uint32_t)reference_be16(frame, at + 4);
	ip->later_fragment = reference_be16(frame, at + 6) % 8192 != 0;
	ip->transport_start = ip->repeated_len = at + header_len;
	ip->repeated_len += reference_transport_len(frame, header[9], ip->repeated_len);
	if (frame->gso_size)
		return true;
	return ip->length >= header_len && reference_has(frame, at, ip->length);
}

static inline bool reference_is_extension(uint8_t protocol)
{
	return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 ||
	       protocol == 60;
}

/* RFC 8200, 4.5 and 4.3, and RFC 4302, 2.2. */
static inline uint64_t reference_extension_len(uint8_t protocol, uint8_t length)
{
	switch (protocol) {
	case 44:
		return 8;
	case 51:
		return 4 * (length + 2u);
	default:
		return 8 * (length + 1u);
	}
}

/* RFC 8200. False: malformed. */
static inline bool reference_read_ipv6(const struct reference_frame *frame, uint64_t at,
				       struct reference_ip *ip)
{
	const uint8_t *header = frame->bytes + at;
	uint64_t payload_len, next_at = at + 40;
	uint8_t next;
	bool unsaid;

	if (!reference_has(frame, at, 40) || header[0] / 16 != 6)
		return false;
	next = header[6];
	payload_len = reference_be16(frame, at + 4);
	unsaid = payload_len == 0 && next == 0;
	*ip = (struct reference_ip){ .version = 6, .start = at };
	ip->length = unsaid ? frame->len - at : 40 + payload_len;
	ip->removed_len = unsaid ? 8 : 0;
	memcpy(ip->source.octets, header + 8, 16);
	memcpy(ip->destination.octets, header + 24, 16);
	ip->traffic_class = (uint8_t)(reference_be32(frame, at) >> 20);
	ip->flow_label = reference_be32(frame, at) % (1u << 20);
	ip->ttl = header[7];
	for (int passed = 0; passed < 8 && reference_is_extension(next) && !ip->later_fragment;
	     passed++) {
		uint8_t here = next;

		if (!reference_has(frame, next_at, 8))
			break;
		next = frame->bytes[next_at];
		if (here == 44) {
			ip->fragment_id = reference_be32(frame, next_at + 4);
			ip->later_fragment = reference_be16(frame, next_at + 2) / 8 != 0;
		}
		next_at += reference_extension_len(here, frame->bytes[next_at + 1]);
	}
	ip->protocol = next;
	ip->transport_start = next_at;
	ip->repeated_len = next_at + reference_transport_len(frame, next, next_at);
	return frame->gso_size || reference_has(frame, at, ip->length);
}

static inline bool reference_is_to_many(const struct reference_frame *frame, enum link_layer layer,
					const struct reference_ip *ip)
{
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };

	if (layer == LINK_ETHERNET && frame->bytes[0] % 2)
		return true;
	if (ip->version == 6)
		return ip->destination.octets[0] == 255;
	return ip->destination.octets[0] / 16 == 14 ||
	       !memcmp(ip->destination.octets, broadcast, sizeof(broadcast));
}

static inline void reference_count_segments(const struct reference_frame *frame, enum hook hook,
					    const struct reference_ip *ip,
					    struct reference_verdict *verdict)
{
	uint64_t segments = frame->gso_segs, sent;

	if (!segments && frame->len > ip->repeated_len) {
		uint64_t payload = frame->len - ip->repeated_len;

		segments = payload / frame->gso_size + (payload % frame->gso_size ? 1 : 0);
	}
	segments = reference_max(segments, 1);
	sent = frame->len + (segments - 1) * ip->repeated_len;
	if (hook == HOOK_EGRESS)
		sent = reference_max(sent, frame->wire_len);
	verdict->packets = segments;
	verdict->layer2_octets = sent - segments * ip->removed_len;
	verdict->octets = verdict->layer2_octets - segments * ip->start;
}

static inline void reference_count_host(const struct reference_frame *frame,
					const struct reference_point *point,
					const struct reference_ip *ip,
					struct reference_verdict *verdict)
{
	bool upload = verdict->direction == DIRECTION_UPLOAD;
	const struct reference_address *near = upload ? &ip->source : &ip->destination;
	const struct reference_address *far = upload ? &ip->destination : &ip->source;
	bool far_is_local = reference_prefixes_have(&point->not_internet, 0, ip->version, far);
	bool far_is_router = reference_prefixes_have(&point->own, 0, ip->version, far);
	bool has_mac = point->side == SIDE_LAN && point->layer == LINK_ETHERNET;
	struct host_key *key = &verdict->key;

	key->ifindex = point->ifindex;
	key->ip_version = ip->version;
	key->scope = far_is_router ? SCOPE_ROUTER : far_is_local ? SCOPE_LOCAL : SCOPE_INTERNET;
	if (has_mac)
		memcpy(key->mac, frame->bytes + (upload ? 6 : 0), MAC_LEN);

	if (!reference_prefixes_have(&point->local, point->ifindex, ip->version, near)) {
		verdict->class = has_mac		 ? LEDGER_MAC_ONLY :
				 point->side == SIDE_WAN ? LEDGER_ROUTER :
							   LEDGER_OUTSIDE;
	} else if (point->hosts_full) {
		verdict->class = has_mac ? LEDGER_ADDRESS_LIMIT : LEDGER_DEVICE_LIMIT;
	} else {
		verdict->class = far_is_local || far_is_router ? LEDGER_LOCAL : LEDGER_INTERNET;
		verdict->table = REFERENCE_HOSTS;
		if (ip->version == 6) {
			memcpy(key->address, near->octets, 16);
		} else {
			key->address[10] = key->address[11] = 255;
			memcpy(key->address + 12, near->octets, 4);
		}
		return;
	}
	if (!has_mac)
		return;
	if (point->macs_full)
		verdict->class = LEDGER_DEVICE_LIMIT;
	else
		verdict->table = REFERENCE_MACS;
}

static inline bool reference_has_ports(uint8_t protocol)
{
	return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 ||
	       protocol == 136;
}

static inline void reference_read_transport(const struct reference_frame *frame,
					    const struct reference_ip *ip,
					    struct flow_key_start *start,
					    struct flow_attributes *attributes)
{
	uint64_t at = ip->transport_start;

	if (ip->later_fragment || !reference_has(frame, at, 4))
		return;
	if (reference_has_ports(ip->protocol)) {
		memcpy(&start->source_port, frame->bytes + at, 2);
		memcpy(&start->destination_port, frame->bytes + at + 2, 2);
	} else if (ip->protocol == 1 || ip->protocol == 58) {
		memcpy(&start->destination_port, frame->bytes + at, 2);
	}
	if (ip->protocol == 6 && reference_has(frame, at, 14))
		attributes->tcp_flags = reference_be16(frame, at + 12) % 4096;
}

/* The largest and the smallest packet that a frame is. */
static inline void reference_measure_packets(const struct reference_frame *frame,
					     const struct reference_ip *ip,
					     const struct reference_verdict *verdict,
					     struct flow_attributes *attributes)
{
	int64_t each = (int64_t)(ip->repeated_len - ip->start - ip->removed_len + frame->gso_size);
	int64_t last = (int64_t)verdict->octets - (int64_t)(verdict->packets - 1) * each;

	if (!frame->gso_size || verdict->packets == 1)
		each = last = (int64_t)verdict->octets;
	attributes->max_octets = (uint32_t)each;
	attributes->min_octets = (uint32_t)(last < 0 || last > each ? each : last);
}

static inline void reference_count_flow(const struct reference_frame *frame,
					const struct reference_point *point,
					const struct reference_payload *payload,
					const struct reference_ip *ip, bool to_many,
					uint16_t number, struct reference_verdict *verdict)
{
	struct reference_flow *flow = &verdict->flow;
	bool stays =
		to_many || reference_prefixes_have(&point->own, 0, ip->version, &ip->destination);
	struct flow_key_start start = {
		.protocol = ip->protocol,
		.traffic_class = ip->traffic_class / 4 * 4,
		.point = (uint16_t)(number * 8 + (point->hook == HOOK_EGRESS ? 1 : 0)),
		.other_ifindex = point->hook == HOOK_EGRESS ? frame->ingress_ifindex : 0,
		.mark = frame->mark,
	};
	const struct flow_key_tags tags = { payload->vlans[0], payload->vlans[1] };

	flow->class = point->hook == HOOK_EGRESS || stays ? FLOW_COUNTED : FLOW_ELSEWHERE;
	flow->packets = verdict->packets;
	flow->octets = verdict->octets;
	flow->layer2_octets = verdict->layer2_octets;
	flow->ip_version = ip->version;
	flow->attributes = (struct flow_attributes){
		.min_ttl = ip->ttl,
		.max_ttl = ip->ttl,
		.fragment_id = ip->fragment_id,
		.flow_label = ip->flow_label,
	};
	reference_read_transport(frame, ip, &start, &flow->attributes);
	reference_measure_packets(frame, ip, verdict, &flow->attributes);
	if (point->layer == LINK_ETHERNET) {
		memcpy(flow->attributes.destination_mac, frame->bytes, MAC_LEN);
		memcpy(flow->attributes.source_mac, frame->bytes + MAC_LEN, MAC_LEN);
	}
	if (ip->version == 4) {
		memcpy(&flow->key.ipv4.source, ip->source.octets, 4);
		memcpy(&flow->key.ipv4.destination, ip->destination.octets, 4);
		flow->key.ipv4.start = start;
		flow->key.ipv4.tags = tags;
	} else {
		memcpy(flow->key.ipv6.source, ip->source.octets, ADDRESS_LEN);
		memcpy(flow->key.ipv6.destination, ip->destination.octets, ADDRESS_LEN);
		flow->key.ipv6.start = start;
		flow->key.ipv6.tags = tags;
	}
}

/* @frame has the length of an Ethernet header at least; @number is that of the point in keys. */
static inline struct reference_verdict reference_meter(const struct reference_frame *frame,
						       const struct reference_point *point,
						       uint16_t number)
{
	bool is_upload = (point->side == SIDE_LAN && point->hook == HOOK_INGRESS) ||
			 (point->side == SIDE_WAN && point->hook == HOOK_EGRESS);
	struct reference_verdict verdict = {
		.class = LEDGER_MALFORMED,
		.direction = is_upload ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD,
		.packets = 1,
		.layer2_octets = frame->len,
		.flow.class = FLOW_MALFORMED,
	};
	struct reference_verdict opaque;
	struct reference_payload payload;
	struct reference_ip ip;
	bool to_many, whole, is_ip;

	if (frame->gso_size) {
		verdict.packets = reference_max(frame->gso_segs, 1);
		if (point->hook == HOOK_EGRESS)
			verdict.layer2_octets = reference_max(frame->len, frame->wire_len);
	}
	verdict.flow.packets = verdict.packets;
	verdict.flow.layer2_octets = verdict.layer2_octets;
	whole = reference_find_payload(frame, point->layer, &payload);
	opaque = verdict;
	opaque.class = LEDGER_NOT_IP;
	if (!whole)
		return payload.shim ? opaque : verdict;
	if (payload.type != 0x0800 && payload.type != 0x86dd) {
		opaque.flow.class = FLOW_NOT_IP;
		return opaque;
	}
	is_ip = payload.type == 0x0800 ? reference_read_ipv4(frame, payload.start, &ip) :
					 reference_read_ipv6(frame, payload.start, &ip);
	if (!is_ip)
		return payload.shim ? opaque : verdict;
	verdict.octets = ip.length;
	if (frame->gso_size)
		reference_count_segments(frame, point->hook, &ip, &verdict);
	to_many = reference_is_to_many(frame, point->layer, &ip);
	reference_count_flow(frame, point, &payload, &ip, to_many, number, &verdict);
	if (payload.shim) {
		opaque.flow = verdict.flow;
		return opaque;
	}
	if (to_many)
		verdict.class = LEDGER_MULTICAST;
	else
		reference_count_host(frame, point, &ip, &verdict);
	return verdict;
}

#endif
