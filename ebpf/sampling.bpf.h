/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which packets are counted to flows where flows are sampled (RFC 5475): each by chance, or by a hash of
 * its conversation, which both directions have in common.
 */
#ifndef FLOWTALLY_SAMPLING_BPF_H
#define FLOWTALLY_SAMPLING_BPF_H

#include "hash.bpf.h"
#include "parse.bpf.h"

/* One of point_sampling, if all values of @random come alike. */
static __always_inline bool is_chosen(__u32 random)
{
	return !((__u64)random * point_sampling >> 32);
}

static __always_inline bool is_packet_chosen(void)
{
	return is_chosen(bpf_get_prandom_u32());
}

/* The key is complete; @ip_version is a constant. Of ICMP the ports are type and code, which an answer has others of. */
static __always_inline bool is_flow_chosen(const struct packet *packet, int ip_version)
{
	const union flow_words *key = &packet->flow.key;
	union joined start = { .whole = key->start[0] }, pair = { .whole = key->addresses[0] };
	__u64 seed = point_sampling_seed ^ start.octets[4], source, destination;

	if (ip_version == 4) {
		source = mix(seed, pair.words[0]);
		destination = mix(seed, pair.words[1]);
	} else {
		source = mix(mix(seed, key->addresses[0]), key->addresses[1]);
		destination = mix(mix(seed, key->addresses[2]), key->addresses[3]);
	}
	if (!is_icmp(packet->flow.protocol)) {
		source = mix(source, start.halves[0]);
		destination = mix(destination, start.halves[1]);
	}
	return is_chosen(mix(seed, source + destination) >> 32);
}

#endif
