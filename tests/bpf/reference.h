/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the classifier should make of a frame, told a second time and in another way: from the RFCs,
 * over a flat copy of the frame, with lists of prefixes that are searched from end to end.
 *
 * Where a standard leaves it open, the rule is one of ours:
 *   - up to three tags of any kind are passed, a frame with more does not carry IP;
 *   - IP that contradicts itself is malformed, but a GSO frame may say any length;
 *   - IPv6 with no payload length and hop-by-hop options is as long as its frame (RFC 2675);
 *   - each segment of a GSO frame repeats everything up to its TCP or UDP header, over at most eight
 *     extension headers; on egress the kernel's own sum is taken where that is more;
 *   - the jumbo option of a GSO frame is not on the wire;
 *   - where there is no Ethernet header the kernel says what the frame carries.
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
};

enum reference_table {
	REFERENCE_NO_TABLE,
	REFERENCE_HOSTS,
	REFERENCE_MACS,
};

struct reference_verdict {
	enum ledger_class class;
	enum reference_table table;
	enum direction direction;
	struct host_key key;
	uint64_t packets;
	uint64_t octets;
	uint64_t layer2_octets;
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

/* The type of the payload, and where that begins. False: the tags do not end within the frame. */
static inline bool reference_find_payload(const struct reference_frame *frame,
					  enum link_layer layer, uint64_t *type, uint64_t *start)
{
	if (layer == LINK_IP) {
		*type = frame->protocol;
		*start = 0;
		return true;
	}
	*type = reference_be16(frame, 12);
	*start = 14;
	for (int tags = 0; tags < 3; tags++) {
		if (*type != 0x8100 && *type != 0x88a8 && *type != 0x9100)
			break;
		if (!reference_has(frame, *start, 4))
			return false;
		*type = reference_be16(frame, *start + 2);
		*start += 4;
	}
	return true;
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
	ip->repeated_len = at + header_len;
	ip->repeated_len += reference_transport_len(frame, header[9], ip->repeated_len);
	if (frame->gso_size)
		return true;
	return ip->length >= header_len && reference_has(frame, at, ip->length);
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
	for (int passed = 0; passed < 8 && (next == 0 || next == 43 || next == 60); passed++) {
		if (!reference_has(frame, next_at, 2))
			break;
		next = frame->bytes[next_at];
		next_at += 8u + frame->bytes[next_at + 1] * 8u;
	}
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

/* @frame has the length of an Ethernet header at least. */
static inline struct reference_verdict reference_meter(const struct reference_frame *frame,
						       const struct reference_point *point)
{
	bool is_upload = (point->side == SIDE_LAN && point->hook == HOOK_INGRESS) ||
			 (point->side == SIDE_WAN && point->hook == HOOK_EGRESS);
	struct reference_verdict verdict = {
		.class = LEDGER_MALFORMED,
		.direction = is_upload ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD,
		.packets = 1,
		.layer2_octets = frame->len,
	};
	struct reference_ip ip;
	uint64_t type, start;

	if (frame->gso_size) {
		verdict.packets = reference_max(frame->gso_segs, 1);
		if (point->hook == HOOK_EGRESS)
			verdict.layer2_octets = reference_max(frame->len, frame->wire_len);
	}
	if (!reference_find_payload(frame, point->layer, &type, &start))
		return verdict;
	switch (type) {
	case 0x0800:
		if (!reference_read_ipv4(frame, start, &ip))
			return verdict;
		break;
	case 0x86dd:
		if (!reference_read_ipv6(frame, start, &ip))
			return verdict;
		break;
	default:
		verdict.class = LEDGER_NOT_IP;
		return verdict;
	}
	verdict.octets = ip.length;
	if (frame->gso_size)
		reference_count_segments(frame, point->hook, &ip, &verdict);
	if (reference_is_to_many(frame, point->layer, &ip))
		verdict.class = LEDGER_MULTICAST;
	else
		reference_count_host(frame, point, &ip, &verdict);
	return verdict;
}

#endif
