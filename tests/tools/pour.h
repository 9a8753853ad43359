/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What pour.c tells pour.bpf.c: the frames but for what changes from one to the next. Numbers of the wire are in its order,
 * all others in the host's.
 */
#ifndef FLOWTALLY_POUR_H
#define FLOWTALLY_POUR_H

#include <linux/types.h>

#define POUR_FIRST_PORT 1024

struct pour_frame {
	__u8 destination[6];
	__u8 source_start[2];
	__be32 source_device; /* changes */
	__be16 protocol;
} __attribute__((packed));
_Static_assert(sizeof(struct pour_frame) == 14, "pour_frame is on the wire");

struct pour_udp {
	__be16 source_port; /* changes */
	__be16 destination_port;
	__be16 len;
	__be16 checksum;
} __attribute__((packed));

struct pour_ipv4 {
	__u8 version_len;
	__u8 traffic_class;
	__be16 len;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 checksum; /* changes */
	__be32 source;	 /* changes */
	__be32 destination;
	struct pour_udp udp;
} __attribute__((packed));
_Static_assert(sizeof(struct pour_ipv4) == 28, "pour_ipv4 is on the wire");

struct pour_ipv6 {
	__be32 version;
	__be16 len;
	__u8 protocol;
	__u8 ttl;
	__be32 source[4]; /* the last one changes */
	__be32 destination[4];
	struct pour_udp udp;
} __attribute__((packed));
_Static_assert(sizeof(struct pour_ipv6) == 48, "pour_ipv6 is on the wire");

struct pour_plan {
	struct pour_frame frame;
	struct pour_ipv4 ipv4;
	struct pour_ipv6 ipv6;
	struct pour_udp udp;
	__u32 ipv4_sum; /* of its header, without what changes, not folded */
	__u32 ifindex;
	__u32 first_mac;     /* the last four octets of device 0 */
	__u32 first_address; /* its address, or the last four octets of that */
	__u32 flows;	     /* how many take turns */
	__u32 flows_per_device;
	__u32 turnover; /* frames after which one of them ends and a new one begins; 0: never */
};

struct pour_cursor {
	__u64 first; /* of the flows that take turns now */
	__u32 at;
	__u32 since;
};

#endif
