/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Flow Key (RFC 7011, 2), and how flows are found by it.
 *
 * Who sends packets chooses keys. So the hash is drawn at random from a strongly universal family
 * (multilinear: the upper half of a sum of 32-bit words, each times a secret number of 64 bits): whatever
 * keys are sent by one who does not know the secret, two of them meet as seldom as chance has it.
 *
 * A flow and the same one in the other direction have the same hash but for its lowest bit. That takes
 * equal marks and tags, and the interfaces the other way round; the traffic class and the hook are no part
 * of the hash, so that up to 64 classes of one flow share a bucket.
 */
#ifndef FLOWTALLY_FLOWKEY_H
#define FLOWTALLY_FLOWKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "records.h"

/* A struct flow_key_ipv4 or flow_key_ipv6 in which the points are spelt out; IPv4 addresses are mapped. */
struct flow_key {
	uint8_t source[ADDRESS_LEN];
	uint8_t destination[ADDRESS_LEN];
	uint32_t ingress; /* as ifindex in struct host_key; 0: not known, or it is our own */
	uint32_t egress;  /* 0: not known, or it is for us */
	uint32_t mark;
	__be16 source_port;
	__be16 destination_port; /* ICMP: type and code */
	uint16_t vlan;
	uint16_t customer_vlan;
	uint8_t protocol;
	uint8_t traffic_class;
	uint8_t ip_version; /* 4 or 6 */
	uint8_t hook;	    /* enum hook: where it was seen; element 61 */
};
_Static_assert(sizeof(struct flow_key) == 56, "flow_key is on disk");

/* The secret. */
typedef struct {
	uint64_t end[6];
	uint64_t whole[8];
} FlowSeed;

void flow_seed_init(FlowSeed *seed);

uint32_t flow_key_hash(const struct flow_key *key, const FlowSeed *seed);

/* False: there is none, as for ICMP messages that have no answer. */
bool flow_key_reverse(const struct flow_key *key, struct flow_key *reverse);

/* But for the traffic class and the hook. */
bool flow_key_is_alike(const struct flow_key *key, const struct flow_key *other);

/* An ICMP message that asks for one that is its reverse. */
bool flow_key_is_request(const struct flow_key *key);

/* It is one TCP connection's: nothing by which it is told from others is left out of the key. */
bool flow_key_is_connection(const struct flow_key *key);

#endif
