/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-device accounts: what each host has used since it was first seen, on each interface.
 *
 * An account is a host address of a device (a MAC), on an interface, by family and scope; the
 * account without address is what was counted by MAC alone. Accounts only grow. Their number is
 * bounded by `hosts.max` for those with an address and for those without alike; admission is first
 * come and sticky. What finds no room goes the way that the kernel's tables take: from the address
 * to the MAC, from the MAC to the interface, and the caller is told, so that the ledger can follow.
 */
#ifndef FLOWTALLY_HOSTS_H
#define FLOWTALLY_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "records.h"

typedef struct {
	uint64_t packets;
	uint64_t octets;	/* IP octets */
	uint64_t layer2_octets; /* frame octets */
} Volume;

/* What one host did on one interface in one period; from the tables of one generation, summed over
 * CPUs. */
typedef struct {
	struct host_key key;
	Volume volume[DIRECTIONS];
	uint64_t first_ns[DIRECTIONS]; /* 0: nothing in this direction */
	uint64_t last_ns[DIRECTIONS];
} HostDelta;

#endif
