/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast datagrams may go to a collector that cannot say when it is too fast: a socket takes little (208 KiB by
 * default, in which the kernel counts its own overhead), and what comes before it is read is lost. So they go in
 * bursts that such a socket holds, at a rate.
 *
 * A pure account of time; all zero, it lets everything pass. Times are monotonic, in microseconds.
 */
#ifndef FLOWTALLY_PACER_H
#define FLOWTALLY_PACER_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint64_t rate;	 /* octets a second; 0: no limit */
	int64_t paid_us; /* until when the octets that have gone would have taken at that rate */
} Pacer;

#define PACER_BURST (64u << 10) /* octets */

/* What the kernel adds to a datagram in a socket's buffer, about; it is counted here, too. */
#define PACER_OVERHEAD 900u

/* How long to wait before the next datagram; 0: it may go. */
int64_t pacer_delay_us(const Pacer *pacer, int64_t now_us);

/* A datagram of @octets has gone. */
void pacer_note(Pacer *pacer, int64_t now_us, size_t octets);

#endif
