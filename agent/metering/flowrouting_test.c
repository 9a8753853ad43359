/* SPDX-License-Identifier: Apache-2.0 */
#include "flowrouting.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

/* As the cache numbers those of other namespaces. */
#define INDEX_ELSEWHERE (1u << 30)

/* Two interfaces here, east and west, and two in another namespace that are called the same. */
typedef struct {
	char *netns;
	Namespaces *namespaces;
	GPtrArray *points; /* of Point */
	FlowRouting *routing;
} Fixture;

#define FORWARD "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"

/* @ip: "ip", or "ip -n NETNS" */
static void make_links(const char *ip)
{
	run_command("%s link add east type veth peer name far-east", ip);
	run_command("%s link add west type veth peer name far-west", ip);
	run_command("for i in lo east west far-east far-west; do %s link set $i up; done", ip);
	run_command("%s address add 192.0.2.1/24 dev east", ip);
	run_command("%s address add 198.51.100.1/25 dev west", ip);
	run_command("%s -6 address add 2001:db8:a::1/64 dev east nodad", ip);
	run_command("%s -6 address add 2001:db8:b::1/48 dev west nodad", ip);
}

static bool is_ours(const char *name, void *user_data)
{
	return !strcmp(name, user_data);
}

static void add_point(Fixture *fixture, const Link *link, uint32_t report_index)
{
	Point *point = g_new0(Point, 1);

	point->interface = link->id;
	point->report_index = report_index;
	point->netns = link->netns;
	g_strlcpy(point->name, link->name, sizeof(point->name));
	point->attached = true;
	g_ptr_array_add(fixture->points, point);
}

static const Link *find_link(const Fixture *fixture, const char *netns, const char *name)
{
	const GPtrArray *links = namespaces_links(fixture->namespaces);

	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];

		if (!strcmp(link->netns, netns) && !strcmp(link->name, name))
			return link;
	}
	fail_msg("%s:%s is not there", netns, name);
	return NULL;
}

static uint32_t index_of(const Fixture *fixture, const char *name)
{
	return find_link(fixture, "", name)->ifindex;
}

static void add_points_here(Fixture *fixture)
{
	add_point(fixture, find_link(fixture, "", "east"), index_of(fixture, "east"));
	add_point(fixture, find_link(fixture, "", "west"), index_of(fixture, "west"));
}

static int set_up(void **state)
{
	Fixture *fixture = g_new0(Fixture, 1);

	*state = fixture;
	fixture->netns = g_strdup_printf("flowrouting%d", getpid());
	run_command("ip netns add %s", fixture->netns);
	run_command(FORWARD);
	make_links("ip");
	fixture->namespaces = namespaces_new(NULL, NULL, NULL);
	assert_non_null(fixture->namespaces);
	fixture->points = g_ptr_array_new_with_free_func(g_free);
	fixture->routing = flow_routing_new(fixture->points, fixture->namespaces);
	add_points_here(fixture);
	return 0;
}

static void add_points_elsewhere(Fixture *fixture)
{
	g_autofree char *ip = g_strdup_printf("ip -n %s", fixture->netns);

	/* So that no interface has the number that it has here. */
	run_command("%s link add other type veth peer name far-other", ip);
	run_command("ip netns exec %s " FORWARD, fixture->netns);
	make_links(ip);
	namespaces_set_filter(fixture->namespaces, is_ours, fixture->netns);
	add_point(fixture, find_link(fixture, fixture->netns, "east"), INDEX_ELSEWHERE);
	add_point(fixture, find_link(fixture, fixture->netns, "west"), INDEX_ELSEWHERE + 1);
}

static int tear_down(void **state)
{
	Fixture *fixture = *state;

	flow_routing_free(fixture->routing);
	g_ptr_array_unref(fixture->points);
	namespaces_free(fixture->namespaces);
	run_command("ip link del east && ip link del west && ip netns del %s", fixture->netns);
	g_free(fixture->netns);
	g_free(fixture);
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

static FlowRecord flow_of(uint32_t ingress, uint32_t egress, const char *source,
			  const char *destination)
{
	FlowRecord flow = { .key = { .ingress = ingress,
				     .egress = egress,
				     .ip_version = strchr(destination, ':') ? 6 : 4,
				     .hook = egress ? HOOK_EGRESS : HOOK_INGRESS } };

	set_address(flow.key.source, source);
	set_address(flow.key.destination, destination);
	return flow;
}

static void assert_route(const FlowRoute *route, const char *next_hop, uint8_t source_length,
			 uint8_t destination_length)
{
	uint8_t expected[ADDRESS_LEN] = { 0 };

	if (*next_hop)
		set_address(expected, next_hop);
	assert_memory_equal(route->next_hop, expected, ADDRESS_LEN);
	assert_int_equal(route->source_length, source_length);
	assert_int_equal(route->destination_length, destination_length);
}

static void assert_found(const Fixture *fixture, const FlowRecord *flow, const char *next_hop,
			 uint8_t source_length, uint8_t destination_length)
{
	FlowRoute route;

	/* Nothing is left of what was there. */
	memset(&route, 0xff, sizeof(route));
	flow_routing_find(fixture->routing, flow, 1, &route);
	assert_route(&route, next_hop, source_length, destination_length);
}

static void both_ends_are_looked_up(void **state)
{
	Fixture *fixture = *state;
	uint32_t east = index_of(fixture, "east"), west = index_of(fixture, "west");
	const FlowRecord through = flow_of(east, west, "192.0.2.9", "203.0.113.7"),
			 through_ipv6 = flow_of(east, west, "2001:db8:a::9", "2001:db8:c::7"),
			 staying = flow_of(east, 0, "203.0.113.7", "192.0.2.1"),
			 own = flow_of(0, west, "198.51.100.1", "198.51.100.9");

	run_command("ip route add 203.0.113.0/26 via 198.51.100.9");
	run_command("ip -6 route add 2001:db8:c::/56 via 2001:db8:b::9");
	assert_found(fixture, &through, "198.51.100.9", 24, 26);
	assert_found(fixture, &through_ipv6, "2001:db8:b::9", 64, 56);
	assert_found(fixture, &staying, "", 26, 32);
	assert_found(fixture, &own, "", 32, 25);
}

/* Those of the packets, not of the answers: what is marked is what has come in. */
static void marks_and_interfaces_count(void **state)
{
	Fixture *fixture = *state;
	uint32_t east = index_of(fixture, "east"), west = index_of(fixture, "west");
	FlowRecord flow = flow_of(east, west, "192.0.2.2", "203.0.113.7");

	run_command("ip route add 203.0.113.0/24 via 198.51.100.9");
	run_command("ip route add 203.0.113.0/28 via 198.51.100.8 table 100");
	run_command("ip route add 192.0.2.0/30 via 198.51.100.8 table 100");
	run_command("ip route add 203.0.113.0/29 via 198.51.100.7 table 101");
	run_command("ip rule add fwmark 7 lookup 100 && ip rule add iif far-east lookup 101");
	assert_found(fixture, &flow, "198.51.100.9", 24, 24);
	flow.key.mark = 7;
	assert_found(fixture, &flow, "198.51.100.8", 24, 28);
	/* One that is no point has its own number. */
	flow.key.mark = 0;
	flow.key.ingress = index_of(fixture, "far-east");
	assert_found(fixture, &flow, "198.51.100.7", 24, 29);
	run_command("ip rule del fwmark 7 && ip rule del iif far-east");
	run_command("ip route flush table 100 && ip route flush table 101");
}

static void each_namespace_is_asked_about_its_own_flows(void **state)
{
	Fixture *fixture = *state;
	uint32_t east = index_of(fixture, "east"), west = index_of(fixture, "west");
	const FlowRecord flows[] = {
		flow_of(east, west, "192.0.2.9", "203.0.113.7"),
		flow_of(INDEX_ELSEWHERE, INDEX_ELSEWHERE + 1, "192.0.2.9", "203.0.113.7"),
		flow_of(east, west, "192.0.2.9", "198.51.100.9"),
		flow_of(INDEX_ELSEWHERE, 0, "198.51.100.9", "192.0.2.1"),
	};
	FlowRoute found[G_N_ELEMENTS(flows)];

	add_points_elsewhere(fixture);
	run_command("ip route add 203.0.113.0/24 via 198.51.100.9");
	run_command("ip -n %s route add 203.0.0.0/16 via 198.51.100.6", fixture->netns);
	/* Packets by the other interface go another way. */
	run_command("ip -n %s route add 203.0.112.0/23 via 198.51.100.5 table 100", fixture->netns);
	run_command("ip -n %s rule add iif east lookup 100", fixture->netns);
	flow_routing_find(fixture->routing, flows, G_N_ELEMENTS(flows), found);
	assert_route(&found[0], "198.51.100.9", 24, 24);
	assert_route(&found[1], "198.51.100.5", 24, 23);
	assert_route(&found[2], "", 24, 25);
	assert_route(&found[3], "", 25, 32);
}

static void without_interfaces_there_may_be_one_namespace_only(void **state)
{
	Fixture *fixture = *state;
	const FlowRecord flow = flow_of(0, 0, "192.0.2.9", "198.51.100.9");

	assert_found(fixture, &flow, "", 24, 25);
	add_points_elsewhere(fixture);
	assert_found(fixture, &flow, "", 0, 0);
	g_ptr_array_set_size(fixture->points, 0);
	assert_found(fixture, &flow, "", 0, 0);
}

static void of_an_interface_that_is_no_point_nothing_is_known(void **state)
{
	Fixture *fixture = *state;
	const FlowRecord flow = flow_of(INDEX_ELSEWHERE, 0, "192.0.2.9", "192.0.2.1");
	/* It is where it was counted that matters. */
	const FlowRecord leaving = flow_of(INDEX_ELSEWHERE + 7, index_of(fixture, "west"),
					   "192.0.2.9", "198.51.100.9");
	FlowRoute route;

	assert_found(fixture, &flow, "", 0, 0);
	flow_routing_find(fixture->routing, &leaving, 1, &route);
	assert_int_equal(route.source_length, 24);
}

static guint count_descriptors(void)
{
	g_autoptr(GDir) directory = g_dir_open("/proc/self/fd", 0, NULL);
	guint n = 0;

	assert_non_null(directory);
	while (g_dir_read_name(directory))
		n++;
	return n;
}

/* A socket keeps a namespace alive. */
static void a_namespace_without_points_is_left(void **state)
{
	Fixture *fixture = *state;
	FlowRecord here, there;
	guint before;

	add_points_elsewhere(fixture);
	here = flow_of(0, index_of(fixture, "west"), "198.51.100.1", "198.51.100.9");
	there = flow_of(0, INDEX_ELSEWHERE + 1, "198.51.100.1", "198.51.100.9");
	assert_found(fixture, &here, "", 32, 25);
	before = count_descriptors();
	assert_found(fixture, &there, "", 32, 25);
	assert_true(count_descriptors() > before);
	flow_routing_tidy(fixture->routing);
	assert_true(count_descriptors() > before);
	for (guint i = 2; i < fixture->points->len; i++)
		((Point *)fixture->points->pdata[i])->attached = false;
	flow_routing_tidy(fixture->routing);
	assert_int_equal(count_descriptors(), before);
	/* They may come back. */
	assert_found(fixture, &there, "", 32, 25);
}

#define IN_NETWORK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_NETWORK(both_ends_are_looked_up),
		IN_NETWORK(marks_and_interfaces_count),
		IN_NETWORK(each_namespace_is_asked_about_its_own_flows),
		IN_NETWORK(without_interfaces_there_may_be_one_namespace_only),
		IN_NETWORK(of_an_interface_that_is_no_point_nothing_is_known),
		IN_NETWORK(a_namespace_without_points_is_left),
	};

	if (unshare(CLONE_NEWNET) < 0) {
		puts("1..0 # SKIP needs root");
		return EXIT_SUCCESS;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
