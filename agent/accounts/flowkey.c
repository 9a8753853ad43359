/* SPDX-License-Identifier: Apache-2.0 */
#include "flowkey.h"

#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include <arpa/inet.h>
#include <glib.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>

/* The types that ask and answer each other, with code 0. */
static const struct {
	uint8_t protocol;
	uint8_t request;
	uint8_t reply;
} icmp_pairs[] = {
	{ IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY },
	{ IPPROTO_ICMP, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY },
	{ IPPROTO_ICMP, ICMP_INFO_REQUEST, ICMP_INFO_REPLY },
	{ IPPROTO_ICMP, ICMP_ADDRESS, ICMP_ADDRESSREPLY },
	{ IPPROTO_ICMPV6, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY },
};

void flow_seed_init(FlowSeed *seed)
{
	if (getrandom(seed, sizeof(*seed), 0) != sizeof(*seed))
		g_error("getrandom: no random numbers");
}

static bool is_icmp(const struct flow_key *key)
{
	return key->protocol == IPPROTO_ICMP || key->protocol == IPPROTO_ICMPV6;
}

/* Type and code of the answer, or of the question; false: there is none. */
static bool icmp_reverse(const struct flow_key *key, uint16_t *type_code)
{
	uint16_t own = ntohs(key->destination_port);

	for (size_t i = 0; i < G_N_ELEMENTS(icmp_pairs); i++) {
		uint16_t request = (uint16_t)(icmp_pairs[i].request << 8);
		uint16_t reply = (uint16_t)(icmp_pairs[i].reply << 8);

		if (icmp_pairs[i].protocol != key->protocol || (own != request && own != reply))
			continue;
		*type_code = own == request ? reply : request;
		return true;
	}
	return false;
}

bool flow_key_is_request(const struct flow_key *key)
{
	for (size_t i = 0; i < G_N_ELEMENTS(icmp_pairs); i++) {
		if (icmp_pairs[i].protocol == key->protocol &&
		    ntohs(key->destination_port) == icmp_pairs[i].request << 8)
			return true;
	}
	return false;
}

/* The same for question and answer. */
static uint16_t icmp_word(const struct flow_key *key)
{
	uint16_t own = ntohs(key->destination_port), reverse;

	return icmp_reverse(key, &reverse) ? MIN(own, reverse) : own;
}

static uint32_t hash_end(const uint8_t address[ADDRESS_LEN], uint16_t port, const uint64_t *secret)
{
	uint32_t words[ADDRESS_LEN / sizeof(uint32_t)];

	memcpy(words, address, ADDRESS_LEN);
	return (uint32_t)((secret[0] + secret[1] * words[0] + secret[2] * words[1] +
			   secret[3] * words[2] + secret[4] * words[3] + secret[5] * port) >>
			  32);
}

uint32_t flow_key_hash(const struct flow_key *key, const FlowSeed *seed)
{
	bool icmp = is_icmp(key);
	uint32_t source = hash_end(key->source, icmp ? 0 : key->source_port, seed->end);
	uint32_t destination =
		hash_end(key->destination, icmp ? 0 : key->destination_port, seed->end);
	const uint64_t *secret = seed->whole;
	uint64_t sum = secret[0];

	sum += secret[1] * MIN(source, destination) + secret[2] * MAX(source, destination);
	sum += secret[3] * MIN(key->ingress, key->egress);
	sum += secret[4] * MAX(key->ingress, key->egress);
	sum += secret[5] * key->mark;
	sum += secret[6] * ((uint32_t)key->vlan << 16 | key->customer_vlan);
	sum += secret[7] * ((uint32_t)key->protocol << 16 | (icmp ? icmp_word(key) : 0));
	return ((uint32_t)(sum >> 32) & ~1u) | (source > destination);
}

bool flow_key_reverse(const struct flow_key *key, struct flow_key *reverse)
{
	struct flow_key other = *key;
	uint16_t type_code;

	memcpy(other.source, key->destination, ADDRESS_LEN);
	memcpy(other.destination, key->source, ADDRESS_LEN);
	other.ingress = key->egress;
	other.egress = key->ingress;
	if (!is_icmp(key)) {
		other.source_port = key->destination_port;
		other.destination_port = key->source_port;
	} else {
		if (!icmp_reverse(key, &type_code))
			return false;
		other.destination_port = htons(type_code);
	}
	*reverse = other;
	return true;
}

bool flow_key_is_alike(const struct flow_key *key, const struct flow_key *other)
{
	return !memcmp(key, other, offsetof(struct flow_key, traffic_class)) &&
	       key->ip_version == other->ip_version;
}

static bool has_address(const uint8_t address[ADDRESS_LEN], uint8_t ip_version)
{
	static const uint8_t none[ADDRESS_LEN];
	size_t start = ip_version == 4 ? ADDRESS_LEN - sizeof(struct in_addr) : 0;

	return memcmp(address + start, none, ADDRESS_LEN - start) != 0;
}

bool flow_key_is_connection(const struct flow_key *key)
{
	return key->protocol == IPPROTO_TCP && key->source_port && key->destination_port &&
	       has_address(key->source, key->ip_version) &&
	       has_address(key->destination, key->ip_version);
}
