/* SPDX-License-Identifier: Apache-2.0 */
#include "groups.h"

#include <string.h>

#include <arpa/inet.h>

#include "base/mac.h"
#include "config/endpoint.h"

#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

struct Group {
	const GroupConfig *config;
	unsigned int active;
	uint64_t *hashes; /* of the collectors */
};

static uint64_t fnv(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *octets = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ octets[i]) * FNV_PRIME;
	return hash;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

/* Of 16 octets, which go on from @hash. */
static uint64_t hash_address(uint64_t hash, const uint8_t address[ADDRESS_LEN])
{
	uint64_t words_be[2];

	memcpy(words_be, address, sizeof(words_be));
	return mix(mix(hash ^ GUINT64_FROM_BE(words_be[0])) ^ GUINT64_FROM_BE(words_be[1]));
}

static uint64_t hash_mac(const uint8_t mac[MAC_LEN])
{
	uint64_t word_be = 0;

	memcpy((uint8_t *)&word_be + sizeof(word_be) - MAC_LEN, mac, MAC_LEN);
	return mix(GUINT64_FROM_BE(word_be));
}

static uint64_t hash_of_place(const char *address)
{
	g_autofree char *name = NULL;
	Endpoint endpoint;
	uint16_t port_be;

	if (!endpoint_parse(&endpoint, address)) {
		name = g_ascii_strdown(address, -1);
		return fnv(FNV_BASIS, name, strlen(name));
	}
	port_be = htons(endpoint.port);
	return fnv(fnv(FNV_BASIS, endpoint.host.address, ADDRESS_LEN), &port_be, sizeof(port_be));
}

Group *group_new(const GroupConfig *config)
{
	Group *group = g_new0(Group, 1);

	group->config = config;
	group->hashes = g_new(uint64_t, config->collectors->len);
	for (guint i = 0; i < config->collectors->len; i++) {
		const CollectorConfig *collector = config->collectors->pdata[i];

		group->hashes[i] = hash_of_place(collector->address);
	}
	return group;
}

void group_free(Group *group)
{
	if (!group)
		return;
	g_free(group->hashes);
	g_free(group);
}

const GroupConfig *group_config(const Group *group)
{
	return group->config;
}

unsigned int group_active(const Group *group)
{
	return group->active;
}

void group_set_active(Group *group, unsigned int place)
{
	group->active = place;
}

static unsigned int choose(const Group *group, const GroupMember *states, bool is_beginning)
{
	unsigned int n = group->config->collectors->len;

	if (!is_beginning && !states[group->active].why_down)
		return group->active;
	for (unsigned int place = 0; place < n; place++) {
		if (!states[place].why_down)
			return place;
	}
	/* To change between those that are down helps nobody. */
	for (unsigned int place = 0; place < n && !states[group->active].can_keep; place++) {
		if (states[place].can_keep)
			return place;
	}
	return group->active;
}

bool group_review(Group *group, const GroupMember *states, bool is_beginning)
{
	unsigned int before = group->active;

	group->active = choose(group, states, is_beginning);
	return group->active != before;
}

static unsigned int place_of(const Group *group, uint64_t key)
{
	unsigned int best = 0;
	uint64_t highest = 0;

	for (unsigned int place = 0; place < group->config->collectors->len; place++) {
		uint64_t weight = mix(group->hashes[place] ^ key);

		if (weight > highest) {
			highest = weight;
			best = place;
		}
	}
	return best;
}

unsigned int group_place_of_host(const Group *group, const struct host_key *key)
{
	if (mac_is_zero(key->mac))
		return place_of(group, hash_address(0, key->address));
	return place_of(group, hash_mac(key->mac));
}

unsigned int group_place_of_flow(const Group *group, const struct flow_key *key)
{
	bool in_order = memcmp(key->source, key->destination, ADDRESS_LEN) <= 0;
	const uint8_t *low = in_order ? key->source : key->destination;
	const uint8_t *high = in_order ? key->destination : key->source;

	return place_of(group, hash_address(hash_address(0, low), high));
}

static unsigned int place_of_host_record(const Group *group, const void *record)
{
	return group_place_of_host(group, &((const HostRecord *)record)->key);
}

static unsigned int place_of_flow_record(const Group *group, const void *record)
{
	return group_place_of_flow(group, &((const IpfixFlow *)record)->flow->key);
}

static GPtrArray *share(const Group *group, const GArray *records,
			unsigned int (*find_place)(const Group *group, const void *record))
{
	guint size = g_array_get_element_size((GArray *)records),
	      n = group->config->collectors->len;
	GPtrArray *shares = g_ptr_array_new_full(n, (GDestroyNotify)g_array_unref);

	for (guint place = 0; place < n; place++)
		g_ptr_array_add(shares, g_array_new(FALSE, FALSE, size));
	for (guint i = 0; i < records->len; i++) {
		const void *record = records->data + (size_t)i * size;

		g_array_append_vals(g_ptr_array_index(shares, find_place(group, record)), record,
				    1);
	}
	return shares;
}

GPtrArray *group_share_hosts(const Group *group, const GArray *records)
{
	return share(group, records, place_of_host_record);
}

GPtrArray *group_share_flows(const Group *group, const GArray *records)
{
	return share(group, records, place_of_flow_record);
}
