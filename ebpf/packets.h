/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The contract between packets.bpf.c and the program that prints packets: both are of one build. */
#ifndef FLOWTALLY_PACKETS_H
#define FLOWTALLY_PACKETS_H

#include <linux/types.h>

#include "records.h"

enum packet_kind {
	PACKET_IP,
	PACKET_NOT_IP,
	PACKET_MALFORMED, /* its headers end early, or contradict each other */
};

#define PACKET_TAGS 3 /* one in the metadata of the frame, two in its octets */

/* A frame at a hook, which may be several packets on the wire (GSO, GRO): then octets are the sum of all. */
struct packet_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 octets;  /* from the IP header on; 0 unless PACKET_IP */
	__u64 layer2_octets;
	__u32 packets;
	__u32 segment_octets;  /* IP octets of each of several packets but the last */
	__u32 place;	       /* of the interface, as the program was loaded for */
	__u32 ingress_ifindex; /* where it came in that leaves; 0: it is our own, or comes in */
	__u32 mark;
	__u32 flow_label;
	__be32 source[4];	 /* IPv4: the first word */
	__be32 destination[4];	 /* the same */
	__be16 ports[2];	 /* the source's first; ICMP: type and code, an octet each */
	__be16 tcp_flags;	 /* behind the data offset */
	__be16 ethertype;	 /* as the kernel has it */
	__u16 tags[PACKET_TAGS]; /* VLAN ids, the outermost first; 0: none */
	__u8 hook;		 /* enum hook */
	__u8 kind;		 /* enum packet_kind */
	__u8 ip_version;
	__u8 protocol;
	__u8 later_fragment;   /* not the first one: without ports */
	__u8 has_ports;	       /* @ports, and @tcp_flags of TCP, have been read */
	__u8 has_metadata_tag; /* the first of @tags was there, whatever its id */
	__u8 traffic_class;
	__u8 ttl;
	__u8 source_mac[MAC_LEN]; /* zero where frames have none */
	__u8 destination_mac[MAC_LEN];
	__u8 reserved[5];
};
_Static_assert(sizeof(struct packet_event) == 120, "packet_event has no padding");

#endif
