/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames to hand to the classifier, built layer by layer from the outside in.
 *
 * Lengths inside the headers are those of the finished frame once frame_finish() has run.
 */
#ifndef TESTS_BPF_FRAME_H
#define TESTS_BPF_FRAME_H

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What BPF_PROG_TEST_RUN takes: a page less its own needs. */
#define FRAME_MAX 3712

struct frame {
	uint8_t bytes[FRAME_MAX];
	uint32_t len;
	bool shim; /* no Ethernet type is before the IP header */
	bool has_ip;
	uint32_t ip_offset; /* of the IP header, if it has one */
	struct __sk_buff
		context; /* mark, priority, cb, ingress_ifindex, wire_len, gso_size and gso_segs may
			    be set */
};

struct endpoint {
	uint8_t mac[ETH_ALEN];
	const char *ipv4;
	const char *ipv6;
};

static inline void frame_clear(struct frame *frame)
{
	frame->len = 0;
	frame->has_ip = frame->shim = false;
	frame->ip_offset = 0;
	memset(&frame->context, 0, sizeof(frame->context));
}

/* What does not fit is left out. */
static inline void frame_add(struct frame *frame, const void *bytes, size_t len)
{
	if (len > FRAME_MAX - frame->len)
		len = FRAME_MAX - frame->len;
	memcpy(frame->bytes + frame->len, bytes, len);
	frame->len += len;
}

static inline void frame_add_filling(struct frame *frame, size_t len)
{
	static const uint8_t filling[FRAME_MAX];

	frame_add(frame, filling, len < FRAME_MAX ? len : FRAME_MAX);
}

static inline void frame_add_be16(struct frame *frame, uint16_t value)
{
	uint16_t bytes = htons(value);

	frame_add(frame, &bytes, sizeof(bytes));
}

/* The type of what follows is not part of it: a tag or frame_add_be16() comes next. */
static inline void frame_add_macs(struct frame *frame, const uint8_t destination[ETH_ALEN],
				  const uint8_t source[ETH_ALEN])
{
	frame_add(frame, destination, ETH_ALEN);
	frame_add(frame, source, ETH_ALEN);
}

static inline void frame_add_tag(struct frame *frame, uint16_t protocol, uint16_t tci)
{
	frame_add_be16(frame, protocol);
	frame_add_be16(frame, tci);
}

/* What stands before it says its type, if there is something. */
static inline void frame_begin_ip(struct frame *frame, uint16_t type)
{
	if (frame->len && !frame->shim)
		frame_add_be16(frame, type);
	frame->has_ip = true;
	frame->ip_offset = frame->len;
}

/* @options_len is a multiple of 4, at most 40. */
static inline void frame_add_ipv4(struct frame *frame, const char *source, const char *destination,
				  uint8_t protocol, unsigned options_len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = (sizeof(ip) + options_len) / 4,
		.ttl = 64,
		.protocol = protocol,
	};

	inet_pton(AF_INET, source, &ip.saddr);
	inet_pton(AF_INET, destination, &ip.daddr);
	frame_begin_ip(frame, ETH_P_IP);
	frame_add(frame, &ip, sizeof(ip));
	frame_add_filling(frame, options_len);
}

static inline void frame_add_ipv6(struct frame *frame, const char *source, const char *destination,
				  uint8_t next_header)
{
	struct ipv6hdr ip = { .version = 6, .hop_limit = 64, .nexthdr = next_header };

	inet_pton(AF_INET6, source, &ip.saddr);
	inet_pton(AF_INET6, destination, &ip.daddr);
	frame_begin_ip(frame, ETH_P_IPV6);
	frame_add(frame, &ip, sizeof(ip));
}

/* @len is a multiple of 8. */
static inline void frame_add_extension(struct frame *frame, uint8_t next_header, unsigned len)
{
	const uint8_t start[] = { next_header, len / 8 - 1 };

	frame_add(frame, start, sizeof(start));
	frame_add_filling(frame, len - sizeof(start));
}

/* @options_len is a multiple of 4, at most 40. */
static inline void frame_add_tcp(struct frame *frame, unsigned options_len)
{
	struct tcphdr tcp = { .ack = 1, .doff = (sizeof(tcp) + options_len) / 4 };

	frame_add(frame, &tcp, sizeof(tcp));
	frame_add_filling(frame, options_len);
}

static inline void frame_add_udp(struct frame *frame)
{
	struct udphdr udp = { .source = htons(5353), .dest = htons(5353) };

	frame_add(frame, &udp, sizeof(udp));
}

static inline void frame_set_be16(struct frame *frame, uint32_t offset, uint16_t value)
{
	uint16_t bytes = htons(value);

	memcpy(frame->bytes + offset, &bytes, sizeof(bytes));
}

static inline void frame_set_ipv4_length(struct frame *frame, uint16_t len)
{
	frame_set_be16(frame, frame->ip_offset + offsetof(struct iphdr, tot_len), len);
}

static inline void frame_set_ipv6_length(struct frame *frame, uint16_t len)
{
	frame_set_be16(frame, frame->ip_offset + offsetof(struct ipv6hdr, payload_len), len);
}

/* Writes the length of what stands so far into the IP header; what is added later is padding. */
static inline void frame_finish(struct frame *frame)
{
	uint32_t len = frame->len - frame->ip_offset;

	if (!frame->has_ip)
		return;
	if (frame->bytes[frame->ip_offset] >> 4 == 4)
		frame_set_ipv4_length(frame, len);
	else
		frame_set_ipv6_length(frame, len - sizeof(struct ipv6hdr));
}

#endif
