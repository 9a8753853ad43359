/* SPDX-License-Identifier: Apache-2.0 */
#include "groups.h"

#include <string.h>

#include "base/prefix.h"
#include "test.h"

#define MAX_COLLECTORS 5

/* A group, and what it is made of. */
typedef struct {
	CollectorConfig collectors[MAX_COLLECTORS];
	GroupConfig config;
	Group *group;
} Lab;

static Lab *lab_new(GroupMode mode, const char *const *addresses)
{
	Lab *lab = g_new0(Lab, 1);

	lab->config.mode = mode;
	lab->config.collectors = g_ptr_array_new();
	for (unsigned int i = 0; addresses[i]; i++) {
		lab->collectors[i].address = (char *)addresses[i];
		g_ptr_array_add(lab->config.collectors, &lab->collectors[i]);
	}
	lab->group = group_new(&lab->config);
	return lab;
}

static void lab_free(Lab *lab)
{
	group_free(lab->group);
	g_ptr_array_unref(lab->config.collectors);
	g_free(lab);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lab, lab_free)

static const char *const three[] = { "192.0.2.1:4739", "[2001:db8::2]:4739",
				     "collector.example:4739", NULL };

static struct host_key host_of(const char *address, uint32_t mac)
{
	const uint32_t mac_be = GUINT32_TO_BE(mac);
	struct host_key key = { .ifindex = 3 };
	Prefix prefix;

	assert_true(prefix_parse(&prefix, address, NULL));
	memcpy(key.address, prefix.address, ADDRESS_LEN);
	if (mac) {
		key.mac[0] = 2;
		memcpy(key.mac + 2, &mac_be, sizeof(mac_be));
	}
	return key;
}

static struct flow_key flow_of(const char *source, const char *destination)
{
	struct flow_key key = { .protocol = 6 };
	Prefix prefix;

	assert_true(prefix_parse(&prefix, source, NULL));
	memcpy(key.source, prefix.address, ADDRESS_LEN);
	assert_true(prefix_parse(&prefix, destination, NULL));
	memcpy(key.destination, prefix.address, ADDRESS_LEN);
	return key;
}

/* Reckoned by another program: whoever changes one of these tears the conversations of all who have a group. */
static void choice_is_the_same_for_ever(void **state)
{
	static const uint8_t by_mac[] = { 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0 };
	static const uint8_t by_address[] = { 2, 0, 0, 2, 1, 1, 0, 1 };
	static const uint8_t by_ipv4[] = { 1, 1, 1, 0, 1, 1, 0, 0, 2, 1, 1, 2 };
	static const uint8_t by_ipv6[] = { 0, 1, 1, 1, 0, 1, 1, 1 };
	g_autoptr(Lab) lab = lab_new(GROUP_HASH, three);

	for (unsigned int i = 0; i < sizeof(by_mac); i++) {
		const struct host_key key = host_of("10.0.0.1", i + 1);

		assert_int_equal(group_place_of_host(lab->group, &key), by_mac[i]);
	}
	for (unsigned int i = 0; i < sizeof(by_address); i++) {
		g_autofree char *address = g_strdup_printf("10.0.0.%u", i + 1);
		const struct host_key key = host_of(address, 0);

		assert_int_equal(group_place_of_host(lab->group, &key), by_address[i]);
	}
	for (unsigned int i = 0; i < sizeof(by_ipv4); i++) {
		g_autofree char *address = g_strdup_printf("192.168.1.%u", i + 1);
		const struct flow_key key = flow_of(address, "198.51.100.7");

		assert_int_equal(group_place_of_flow(lab->group, &key), by_ipv4[i]);
	}
	for (unsigned int i = 0; i < sizeof(by_ipv6); i++) {
		g_autofree char *address = g_strdup_printf("2001:db8:1::%x", i + 1);
		const struct flow_key key = flow_of("2001:db8::7", address);

		assert_int_equal(group_place_of_flow(lab->group, &key), by_ipv6[i]);
	}
}

static void both_directions_are_at_one_collector(void **state)
{
	g_autoptr(Lab) lab = lab_new(GROUP_HASH, three);

	for (unsigned int i = 0; i < 1000; i++) {
		g_autofree char *address = g_strdup_printf("10.1.%u.%u", i / 250, i % 250);
		struct flow_key there = flow_of(address, "198.51.100.7");
		struct flow_key back = flow_of("198.51.100.7", address);

		there.source_port = back.destination_port = (__be16)(40000 + i);
		there.ingress = 3;
		back.ingress = 4;
		assert_int_equal(group_place_of_flow(lab->group, &there),
				 group_place_of_flow(lab->group, &back));
		/* Another connection of the same two. */
		there.source_port = 1;
		there.protocol = 17;
		assert_int_equal(group_place_of_flow(lab->group, &there),
				 group_place_of_flow(lab->group, &back));
	}
}

static void all_of_a_device_is_at_one_collector(void **state)
{
	g_autoptr(Lab) lab = lab_new(GROUP_HASH, three);

	for (uint32_t mac = 1; mac < 200; mac++) {
		const struct host_key ipv4 = host_of("10.0.0.1", mac);
		struct host_key ipv6 = host_of("2001:db8::1", mac);

		ipv6.ifindex = 7;
		ipv6.scope = SCOPE_LOCAL;
		assert_int_equal(group_place_of_host(lab->group, &ipv4),
				 group_place_of_host(lab->group, &ipv6));
	}
}

#define HOSTS 30000

static void place_hosts(const Lab *lab, uint8_t places[HOSTS])
{
	for (uint32_t mac = 0; mac < HOSTS; mac++) {
		const struct host_key key = host_of("10.0.0.1", mac + 1);

		places[mac] = (uint8_t)group_place_of_host(lab->group, &key);
	}
}

static void shares_are_about_even(void **state)
{
	static const char *const ports[] = { "127.0.0.1:4739", "127.0.0.1:4740", "127.0.0.1:4741",
					     "127.0.0.1:4742", NULL };
	g_autoptr(Lab) lab = lab_new(GROUP_HASH, ports);
	uint8_t places[HOSTS];
	unsigned int shares[4] = { 0 };

	place_hosts(lab, places);
	for (unsigned int i = 0; i < HOSTS; i++)
		shares[places[i]]++;
	/* Of 30000, 75 are the standard deviation. */
	for (unsigned int i = 0; i < 4; i++)
		assert_in_range(shares[i], HOSTS / 4 - 400, HOSTS / 4 + 400);
}

static void one_more_collector_moves_its_share_alone(void **state)
{
	static const char *const four[] = { "192.0.2.1:4739", "[2001:db8::2]:4739",
					    "collector.example:4739", "192.0.2.9:4739", NULL };
	g_autoptr(Lab) before = lab_new(GROUP_HASH, three);
	g_autoptr(Lab) after = lab_new(GROUP_HASH, four);
	uint8_t old_places[HOSTS], places[HOSTS];
	unsigned int moved = 0;

	place_hosts(before, old_places);
	place_hosts(after, places);
	for (unsigned int i = 0; i < HOSTS; i++) {
		assert_true(places[i] == old_places[i] || places[i] == 3);
		moved += places[i] != old_places[i];
	}
	assert_in_range(moved, HOSTS / 4 - 400, HOSTS / 4 + 400);
}

static void order_and_spelling_of_addresses_do_not_matter(void **state)
{
	static const char *const others[] = { "Collector.Example:4739", "192.0.2.1:4739",
					      "[2001:DB8:0::2]:4739", NULL };
	static const uint8_t now[] = { 1, 2, 0 };
	g_autoptr(Lab) lab = lab_new(GROUP_HASH, three);
	g_autoptr(Lab) other = lab_new(GROUP_HASH, others);
	uint8_t places[HOSTS], other_places[HOSTS];

	place_hosts(lab, places);
	place_hosts(other, other_places);
	for (unsigned int i = 0; i < HOSTS; i++)
		assert_int_equal(other_places[i], now[places[i]]);
}

static void each_record_is_in_one_share_in_its_order(void **state)
{
	enum { N = 1000 };
	g_autoptr(Lab) lab = lab_new(GROUP_HASH, three);
	g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(HostRecord));
	g_autoptr(GArray) flows = g_array_new(FALSE, FALSE, sizeof(IpfixFlow));
	g_autoptr(GPtrArray) host_shares = NULL, flow_shares = NULL;
	FlowRecord records[N] = { 0 };
	unsigned int hosts_n = 0, flows_n = 0;

	for (unsigned int i = 0; i < N; i++) {
		const HostRecord host = { .key = host_of("10.0.0.1", i + 1), .volume = { i } };
		const IpfixFlow flow = { .flow = &records[i] };
		g_autofree char *address = g_strdup_printf("10.1.%u.%u", i / 250, i % 250);

		records[i].key = flow_of(address, "198.51.100.7");
		g_array_append_val(hosts, host);
		g_array_append_val(flows, flow);
	}
	host_shares = group_share_hosts(lab->group, hosts);
	flow_shares = group_share_flows(lab->group, flows);
	assert_int_equal(host_shares->len, 3);
	assert_int_equal(flow_shares->len, 3);
	for (unsigned int place = 0; place < 3; place++) {
		const GArray *some_hosts = host_shares->pdata[place];
		const GArray *some_flows = flow_shares->pdata[place];

		assert_true(some_hosts->len && some_flows->len);
		hosts_n += some_hosts->len;
		flows_n += some_flows->len;
		for (guint i = 0; i < some_hosts->len; i++) {
			const HostRecord *host = &g_array_index(some_hosts, HostRecord, i);

			assert_int_equal(group_place_of_host(lab->group, &host->key), place);
			assert_true(!i || host[-1].volume.packets < host->volume.packets);
		}
		for (guint i = 0; i < some_flows->len; i++) {
			const IpfixFlow *flow = &g_array_index(some_flows, IpfixFlow, i);

			assert_int_equal(group_place_of_flow(lab->group, &flow->flow->key), place);
			assert_true(!i || flow[-1].flow < flow->flow);
		}
	}
	assert_int_equal(hosts_n, N);
	assert_int_equal(flows_n, N);
}

static const char down[] = "there is no session";

static void assert_review(Lab *lab, const GroupMember states[3], bool is_beginning,
			  unsigned int active)
{
	unsigned int before = group_active(lab->group);

	assert_int_equal(group_review(lab->group, states, is_beginning), before != active);
	assert_int_equal(group_active(lab->group), active);
}

static void first_that_is_up_takes_over(void **state)
{
	g_autoptr(Lab) lab = lab_new(GROUP_FAILOVER, three);

	assert_review(lab, (GroupMember[]){ { NULL, true }, { NULL, true }, { NULL, true } }, true,
		      0);
	assert_review(lab, (GroupMember[]){ { down, true }, { down, true }, { NULL, true } }, true,
		      2);
	assert_review(lab, (GroupMember[]){ { down, true }, { NULL, true }, { down, true } }, false,
		      1);
}

static void place_is_given_back_at_the_beginning_of_a_report(void **state)
{
	static const GroupMember all[] = { { NULL, true }, { NULL, true }, { NULL, true } };
	g_autoptr(Lab) lab = lab_new(GROUP_FAILOVER, three);

	group_set_active(lab->group, 2);
	assert_review(lab, all, false, 2);
	assert_review(lab, all, true, 0);
}

static void while_none_is_up_records_wait_where_they_can(void **state)
{
	g_autoptr(Lab) lab = lab_new(GROUP_FAILOVER, three);

	group_set_active(lab->group, 1);
	assert_review(lab, (GroupMember[]){ { down, true }, { down, true }, { down, true } }, true,
		      1);
	assert_review(lab, (GroupMember[]){ { down, false }, { down, false }, { down, true } },
		      false, 2);
	assert_review(lab, (GroupMember[]){ { down, false }, { down, false }, { down, false } },
		      true, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choice_is_the_same_for_ever),
		cmocka_unit_test(both_directions_are_at_one_collector),
		cmocka_unit_test(all_of_a_device_is_at_one_collector),
		cmocka_unit_test(shares_are_about_even),
		cmocka_unit_test(one_more_collector_moves_its_share_alone),
		cmocka_unit_test(order_and_spelling_of_addresses_do_not_matter),
		cmocka_unit_test(each_record_is_in_one_share_in_its_order),
		cmocka_unit_test(first_that_is_up_takes_over),
		cmocka_unit_test(place_is_given_back_at_the_beginning_of_a_report),
		cmocka_unit_test(while_none_is_up_records_wait_where_they_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
