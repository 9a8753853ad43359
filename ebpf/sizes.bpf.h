/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Counts packets by their size, each segment of a GSO or GRO frame for itself.
 */
#ifndef FLOWTALLY_SIZES_BPF_H
#define FLOWTALLY_SIZES_BPF_H

#include "parse.bpf.h"

/* @size is a constant. */
static __always_inline void add_packets(struct packet_sizes *sizes, int size, __u64 packets)
{
	sizes->packets[size] += packets;
	keep_apart(size);
}

static __noinline int count_size(struct packet_sizes *sizes, __u64 octets, __u64 packets)
{
	static const __u32 bounds[PACKET_SIZES - 1] = { PACKET_SIZE_BOUNDS };

	if (octets <= bounds[0])
		add_packets(sizes, 0, packets);
	else if (octets <= bounds[1])
		add_packets(sizes, 1, packets);
	else if (octets <= bounds[2])
		add_packets(sizes, 2, packets);
	else if (octets <= bounds[3])
		add_packets(sizes, 3, packets);
	else if (octets <= bounds[4])
		add_packets(sizes, 4, packets);
	else if (octets <= bounds[5])
		add_packets(sizes, 5, packets);
	else if (octets <= bounds[6])
		add_packets(sizes, 6, packets);
	else
		add_packets(sizes, 7, packets);
	return 0;
}

/* Of several packets the last may be shorter. Where the kernel does not say how they were cut, they are alike. */
static __always_inline void count_sizes(const struct packet *packet, struct packet_sizes *sizes)
{
	__u64 packets = packet->packets, octets = packet->layer2_octets, longest, last;

	sizes->layer2_octets += octets;
	if (packets <= 1) {
		count_size(sizes, octets, packets);
		return;
	}
	longest = packet->octets ? packet->segment_octets + (octets - packet->octets) / packets :
				   octets / packets;
	last = octets - (packets - 1) * longest;
	count_size(sizes, longest, packets - 1);
	count_size(sizes, last > longest ? longest : last, 1);
}

#endif
