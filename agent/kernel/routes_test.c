/* SPDX-License-Identifier: Apache-2.0 */
#include "routes.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

typedef struct {
	Routes *routes;
	uint32_t east;
	uint32_t west;
} Fixture;

static int set_up(void **state)
{
	Fixture *fixture = g_new0(Fixture, 1);

	*state = fixture;
	run_command("ip link add east type veth peer name far-east && ip link add west type veth "
		    "peer name "
		    "far-west");
	run_command("for i in east west far-east far-west; do ip link set $i addrgenmode none up; "
		    "done");
	run_command("ip addr add 192.0.2.1/24 dev east && ip addr add 198.51.100.1/24 dev west");
	run_command("ip addr add 2001:db8:a::1/64 dev east nodad && ip addr add 2001:db8:b::1/64 "
		    "dev west "
		    "nodad");
	run_command("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
	fixture->east = if_nametoindex("east");
	fixture->west = if_nametoindex("west");
	fixture->routes = routes_new(netns_own(), NULL);
	assert_non_null(fixture->routes);
	return 0;
}

static int tear_down(void **state)
{
	Fixture *fixture = *state;

	routes_free(fixture->routes);
	g_free(fixture);
	run_command("ip link del east && ip link del west");
	return 0;
}

static void set_address(uint8_t address[ADDRESS_LEN], const char *text)
{
	memset(address, 0, ADDRESS_LEN);
	if (inet_pton(AF_INET6, text, address) == 1)
		return;
	address[10] = address[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, address + 12), 1);
}

static RouteQuery query_of(const char *destination)
{
	RouteQuery query = { .ip_version = strchr(destination, ':') ? 6 : 4 };

	set_address(query.destination, destination);
	return query;
}

/* "NEXT HOP/LENGTH", "-" where there is none. */
static const char *ask(Fixture *fixture, RouteQuery query)
{
	static char text[INET6_ADDRSTRLEN + 8];
	char hop[INET6_ADDRSTRLEN] = "-";
	static const uint8_t none[ADDRESS_LEN];
	Route route = { .length = 99 };

	routes_find(fixture->routes, &query, 1, &route);
	if (memcmp(route.next_hop, none, ADDRESS_LEN) != 0)
		inet_ntop(query.ip_version == 4 ? AF_INET : AF_INET6,
			  route.next_hop + (query.ip_version == 4 ? 12 : 0), hop, sizeof(hop));
	g_snprintf(text, sizeof(text), "%s/%u", hop, route.length);
	return text;
}

static void the_longest_prefix_decides(void **state)
{
	run_command("ip route add default via 192.0.2.254 && ip route add 203.0.113.0/24 via "
		    "198.51.100.9");
	run_command(
		"ip -6 route add default via 2001:db8:a::fe && ip -6 route add 2001:db8:c::/48 via "
		"2001:db8:b::9");
	assert_string_equal(ask(*state, query_of("8.8.8.8")), "192.0.2.254/0");
	assert_string_equal(ask(*state, query_of("203.0.113.7")), "198.51.100.9/24");
	assert_string_equal(ask(*state, query_of("192.0.2.9")), "-/24");
	assert_string_equal(ask(*state, query_of("192.0.2.1")), "-/32");
	assert_string_equal(ask(*state, query_of("2001:db8:ff::1")), "2001:db8:a::fe/0");
	assert_string_equal(ask(*state, query_of("2001:db8:c::7")), "2001:db8:b::9/48");
	assert_string_equal(ask(*state, query_of("2001:db8:a::77")), "-/64");
	assert_string_equal(ask(*state, query_of("2001:db8:a::1")), "-/128");
}

static void without_a_route_nothing_is_known(void **state)
{
	assert_string_equal(ask(*state, query_of("8.8.8.8")), "-/0");
	assert_string_equal(ask(*state, query_of("2001:db8:ff::1")), "-/0");
	run_command("ip route add unreachable 203.0.113.0/24");
	assert_string_equal(ask(*state, query_of("203.0.113.7")), "-/0");
	run_command("ip route del unreachable 203.0.113.0/24");
}

static void rules_are_obeyed(void **state)
{
	Fixture *fixture = *state;
	RouteQuery marked = query_of("8.8.8.8"), through = marked;

	marked.mark = 7;
	through.ingress = fixture->east;
	set_address(through.source, "192.0.2.77");
	run_command("ip route add default via 192.0.2.254");
	run_command("ip route add 8.0.0.0/8 via 198.51.100.8 table 100 && ip rule add fwmark 7 "
		    "lookup 100");
	run_command(
		"ip route add 8.8.0.0/16 via 198.51.100.7 table 101 && ip rule add iif east from "
		"192.0.2.77 lookup 101");
	assert_string_equal(ask(fixture, query_of("8.8.8.8")), "192.0.2.254/0");
	assert_string_equal(ask(fixture, marked), "198.51.100.8/8");
	assert_string_equal(ask(fixture, through), "198.51.100.7/16");
	set_address(through.source, "192.0.2.78");
	assert_string_equal(ask(fixture, through), "192.0.2.254/0");
	run_command("ip rule del fwmark 7 && ip rule del iif east");
	assert_string_equal(ask(fixture, marked), "192.0.2.254/0");
}

static void of_several_paths_the_interface_says_which(void **state)
{
	static const char *const destinations[] = { "8.8.8.8", "2001:db8:ff::1" };
	static const char *const expected[][2] = { { "192.0.2.254/0", "198.51.100.254/0" },
						   { "2001:db8:a::fe/0", "2001:db8:b::fe/0" } };
	Fixture *fixture = *state;

	run_command("ip route add default nexthop via 192.0.2.254 dev east nexthop via "
		    "198.51.100.254 dev "
		    "west");
	run_command("ip -6 route add default nexthop via 2001:db8:a::fe dev east nexthop via "
		    "2001:db8:b::fe dev west");
	for (size_t i = 0; i < G_N_ELEMENTS(destinations); i++) {
		RouteQuery query = query_of(destinations[i]);

		assert_string_equal(ask(fixture, query), "-/0");
		query.egress = fixture->east;
		assert_string_equal(ask(fixture, query), expected[i][0]);
		query.egress = fixture->west;
		assert_string_equal(ask(fixture, query), expected[i][1]);
	}
	/* Two by the same interface: either may be meant. */
	run_command("ip route replace default nexthop via 192.0.2.254 dev east nexthop via "
		    "192.0.2.253 dev "
		    "east");
	RouteQuery query = query_of("8.8.8.8");
	query.egress = fixture->east;
	assert_string_equal(ask(fixture, query), "-/0");
}

static void a_change_is_followed_and_the_rest_is_not_asked_again(void **state)
{
	Fixture *fixture = *state;
	uint64_t asked;

	run_command("ip route add 203.0.113.0/24 via 192.0.2.254");
	assert_string_equal(ask(fixture, query_of("203.0.113.7")), "192.0.2.254/24");
	asked = routes_asked(fixture->routes);
	for (int i = 0; i < 100; i++)
		assert_string_equal(ask(fixture, query_of("203.0.113.7")), "192.0.2.254/24");
	assert_int_equal(routes_asked(fixture->routes), asked);
	run_command("ip route add 203.0.113.0/28 via 198.51.100.9");
	assert_string_equal(ask(fixture, query_of("203.0.113.7")), "198.51.100.9/28");
	/* The kernel says nothing of the routes that go with an interface. */
	run_command("ip link set west down");
	assert_string_equal(ask(fixture, query_of("203.0.113.7")), "192.0.2.254/24");
	run_command("ip addr del 192.0.2.1/24 dev east");
	assert_string_equal(ask(fixture, query_of("203.0.113.7")), "-/0");
}

/* More changes than the socket holds. */
static void a_storm_of_changes_is_followed(void **state)
{
	Fixture *fixture = *state;

	run_command("ip route add default via 192.0.2.254");
	assert_string_equal(ask(fixture, query_of("10.1.2.3")), "192.0.2.254/0");
	run_command("for i in $(seq 0 255); do for j in $(seq 0 39); do echo route add "
		    "10.$j.$i.0/24 via "
		    "198.51.100.9; "
		    "done; done | ip -batch -");
	assert_string_equal(ask(fixture, query_of("10.1.2.3")), "198.51.100.9/24");
}

/* Far more destinations than are kept, and each has its own answer, also the second time. */
static void all_are_answered_and_memory_is_bounded(void **state)
{
	enum { N = 100000 };
	Fixture *fixture = *state;
	g_autofree RouteQuery *queries = g_new0(RouteQuery, N);
	g_autofree Route *found = g_new0(Route, N);
	gint64 start;

	run_command("ip route add 10.0.0.0/9 via 192.0.2.254 && ip route add 10.128.0.0/10 via "
		    "198.51.100.9");
	for (uint32_t i = 0; i < N; i++) {
		uint32_t address = htonl(10u << 24 | (uint32_t)(i * UINT64_C(0xc00000) / N));

		queries[i] = query_of("10.0.0.0");
		memcpy(queries[i].destination + 12, &address, sizeof(address));
	}
	for (int round = 0; round < 2; round++) {
		start = g_get_monotonic_time();
		routes_find(fixture->routes, queries, N, found);
		print_message("%d destinations: %" G_GINT64_FORMAT " us\n", N,
			      g_get_monotonic_time() - start);
		for (uint32_t i = 0; i < N; i++) {
			assert_int_equal(found[i].length,
					 queries[i].destination[13] < 128 ? 9 : 10);
			assert_int_equal(found[i].next_hop[15],
					 queries[i].destination[13] < 128 ? 254 : 9);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_longest_prefix_decides, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_route_nothing_is_known, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(rules_are_obeyed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_several_paths_the_interface_says_which, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_change_is_followed_and_the_rest_is_not_asked_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_storm_of_changes_is_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_are_answered_and_memory_is_bounded, set_up,
						tear_down),
	};

	if (unshare(CLONE_NEWNET) < 0) {
		puts("1..0 # SKIP needs root");
		return EXIT_SUCCESS;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
