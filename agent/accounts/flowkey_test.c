/* SPDX-License-Identifier: Apache-2.0 */
#include "flowkey.h"

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "test.h"

static struct flow_key key_of(uint8_t protocol, uint16_t source_port, uint16_t destination_port)
{
	return (struct flow_key){
		.source = { [10] = 0xff, 0xff, 192, 0, 2, 1 },
		.destination = { [10] = 0xff, 0xff, 198, 51, 100, 1 },
		.ingress = 3,
		.egress = 7,
		.mark = 42,
		.source_port = htons(source_port),
		.destination_port = htons(destination_port),
		.vlan = 10,
		.protocol = protocol,
		.ip_version = 4,
	};
}

static void reverse_has_the_same_hash_but_for_one_bit(void **state)
{
	const struct flow_key keys[] = {
		key_of(IPPROTO_TCP, 40000, 443), key_of(IPPROTO_UDP, 53, 53),
		key_of(IPPROTO_ICMP, 0, 8 << 8), key_of(IPPROTO_ICMPV6, 0, 129 << 8),
		key_of(IPPROTO_GRE, 0, 0),
	};

	(void)state;
	for (int round = 0; round < 100; round++) {
		FlowSeed seed;

		flow_seed_init(&seed);
		for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
			struct flow_key reverse, again;

			assert_true(flow_key_reverse(&keys[i], &reverse));
			assert_int_equal(
				flow_key_hash(&keys[i], &seed) ^ flow_key_hash(&reverse, &seed), 1);
			assert_true(flow_key_reverse(&reverse, &again));
			assert_memory_equal(&again, &keys[i], sizeof(again));
		}
	}
}

static void ping_is_answered_and_an_error_is_not(void **state)
{
	struct flow_key ping = key_of(IPPROTO_ICMP, 0, 8 << 8), reverse;
	const struct flow_key error = key_of(IPPROTO_ICMP, 0, 3 << 8 | 1);

	(void)state;
	assert_true(flow_key_reverse(&ping, &reverse));
	assert_int_equal(reverse.destination_port, 0);
	assert_int_equal(reverse.source_port, 0);
	assert_int_equal(reverse.ingress, 7);
	assert_memory_equal(reverse.source, ping.destination, ADDRESS_LEN);
	assert_false(flow_key_reverse(&error, &reverse));
}

/* Each part by which an attacker could tell flows apart; a class and a hook have few values. */
static void each_part_is_hashed(void **state)
{
	const struct flow_key key = key_of(IPPROTO_TCP, 40000, 443);
	uint8_t changed[sizeof(key)];
	FlowSeed seed;

	(void)state;
	flow_seed_init(&seed);
	for (size_t i = 0; i < offsetof(struct flow_key, traffic_class); i++) {
		struct flow_key other;

		memcpy(changed, &key, sizeof(key));
		changed[i] ^= 0x10;
		memcpy(&other, changed, sizeof(key));
		assert_int_not_equal(flow_key_hash(&key, &seed) & ~1u,
				     flow_key_hash(&other, &seed) & ~1u);
		assert_false(flow_key_is_alike(&key, &other));
	}
}

/* What is added at one end and taken away at the other. */
static void ends_do_not_make_up_for_each_other(void **state)
{
	enum { KEYS = 20000 };
	g_autoptr(GHashTable) hashes = g_hash_table_new(g_direct_hash, g_direct_equal);
	struct flow_key key = key_of(IPPROTO_UDP, 1024, 61024);
	FlowSeed seed;

	(void)state;
	flow_seed_init(&seed);
	for (uint16_t i = 0; i < KEYS; i++) {
		key.source_port = htons((uint16_t)(1024 + i));
		key.destination_port = htons((uint16_t)(61024 - i));
		g_hash_table_add(hashes, GUINT_TO_POINTER(flow_key_hash(&key, &seed) >> 1));
	}
	/* By chance there would be a tenth of a collision. */
	assert_in_range(g_hash_table_size(hashes), KEYS - 10, KEYS);
}

static void secret_decides(void **state)
{
	const struct flow_key key = key_of(IPPROTO_TCP, 40000, 443);
	FlowSeed one, other;

	(void)state;
	flow_seed_init(&one);
	flow_seed_init(&other);
	assert_int_not_equal(flow_key_hash(&key, &one) & ~1u, flow_key_hash(&key, &other) & ~1u);
}

static void connection_has_two_ends(void **state)
{
	const struct flow_key whole = key_of(IPPROTO_TCP, 40000, 443);
	struct flow_key part = whole;

	(void)state;
	assert_true(flow_key_is_connection(&whole));
	part.source_port = 0;
	assert_false(flow_key_is_connection(&part));
	part = whole;
	memset(part.destination + 12, 0, 4);
	assert_false(flow_key_is_connection(&part));
	part = whole;
	part.protocol = IPPROTO_UDP;
	assert_false(flow_key_is_connection(&part));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reverse_has_the_same_hash_but_for_one_bit),
		cmocka_unit_test(ping_is_answered_and_an_error_is_not),
		cmocka_unit_test(each_part_is_hashed),
		cmocka_unit_test(ends_do_not_make_up_for_each_other),
		cmocka_unit_test(secret_decides),
		cmocka_unit_test(connection_has_two_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
