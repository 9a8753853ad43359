/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef FLOWTALLY_HASH_BPF_H
#define FLOWTALLY_HASH_BPF_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* Spreads each bit over all that are above it, and the upper half over the lower. */
static __always_inline __u64 mix(__u64 sum, __u64 word)
{
	sum = (sum ^ word) * 0x9e3779b97f4a7c15ull; /* 2^64 over the golden ratio */
	return sum ^ sum >> 32;
}

#endif
