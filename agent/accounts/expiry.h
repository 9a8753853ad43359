/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a flow has ended, and why: the policy alone, without a table or a clock (RFC 5470, 5.1.1).
 */
#ifndef FLOWTALLY_EXPIRY_H
#define FLOWTALLY_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

/* flowEndReason, element 136. */
typedef enum {
	FLOW_GOES_ON = 0,
	FLOW_IDLE = 1,
	FLOW_ACTIVE = 2, /* it goes on, and a record is due */
	FLOW_ENDED = 3,	 /* a TCP connection has ended */
	FLOW_FORCED = 4, /* flushed */
	FLOW_LACK_OF_RESOURCES = 5,
} FlowEnd;

/* A timeout of 0 is over at once. */
typedef struct {
	uint64_t active_ms;
	uint64_t idle_ms;
	uint64_t
		ended_ms; /* how long a TCP connection that has ended is kept for what trails behind */
} FlowTimeouts;

/* What of a flow matters here. */
typedef struct {
	uint64_t start_ms; /* of the first packet that no record has told of; 0: there is none */
	uint64_t end_ms;   /* of the last packet; it may be later than now if the clock was set */
	uint8_t protocol;
	uint16_t tcp_flags;	    /* of all its packets, since the beginning */
	uint16_t reverse_tcp_flags; /* of the other direction, 0 if that was not seen */
} FlowLife;

/*
 * By a RST in either direction, or by FIN in both. Where the other direction goes another way and is not
 * seen, FIN in this one is all that will be seen of the end.
 */
bool expiry_has_ended(const FlowLife *life);

/*
 * What has ended leaves after `ended_ms` without a packet, or `idle_ms` if that is shorter. Until then it
 * is not reported as active, unless packets trail behind for another `ended_ms`: the last record of a
 * connection is to say why it is the last.
 */
FlowEnd expiry_of(const FlowLife *life, const FlowTimeouts *timeouts, uint64_t now_ms);

#endif
