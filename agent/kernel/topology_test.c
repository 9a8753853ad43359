/* SPDX-License-Identifier: Apache-2.0 */
#include "topology.h"

#include <string.h>

#include "test.h"

/* The interfaces of a test; all are metered whose names stand in `metered`, "*" being all. */
typedef struct {
	GPtrArray *links;
	const char *metered;
	GPtrArray *overlaps; /* what came of it */
} Machine;

static Link *add_to(Machine *machine, uint32_t netns_id, const char *name, const char *kind)
{
	Link *link = g_new0(Link, 1);

	link->ifindex = machine->links->len + 1;
	link->id = interface_id(netns_id, link->ifindex);
	link->netns = netns_id == 1 ? "" : "other";
	g_strlcpy(link->name, name, sizeof(link->name));
	g_strlcpy(link->kind, kind, sizeof(link->kind));
	g_ptr_array_add(machine->links, link);
	return link;
}

static Link *add(Machine *machine, const char *name, const char *kind)
{
	return add_to(machine, 1, name, kind);
}

static bool is_metered(const Link *link, void *user_data)
{
	const Machine *machine = user_data;
	g_auto(GStrv) names = g_strsplit(machine->metered, " ", -1);

	return g_strv_contains((const char *const *)names, "*") ||
	       g_strv_contains((const char *const *)names, link->name);
}

/* Each pair as "UPPER/LOWER RELATION", in the order in which they are found, separated by commas. */
static void assert_overlaps(Machine *machine, const char *metered, const char *expected)
{
	g_autoptr(GString) text = g_string_new(NULL);

	machine->metered = metered;
	g_clear_pointer(&machine->overlaps, g_ptr_array_unref);
	machine->overlaps = topology_overlaps(machine->links, is_metered, machine);
	for (guint i = 0; i < machine->overlaps->len; i++) {
		const Overlap *overlap = machine->overlaps->pdata[i];

		g_string_append_printf(text, "%s%s/%s %s", i ? ", " : "", overlap->upper,
				       overlap->lower, topology_relation_names[overlap->relation]);
	}
	assert_string_equal(text->str, expected);
}

static void assert_advice(const Machine *machine, const char *expected)
{
	g_autofree char *advice = topology_advice(machine->overlaps->pdata[0]);

	assert_string_equal(advice, expected);
}

static int set_up(void **state)
{
	Machine *machine = g_new0(Machine, 1);

	machine->links = g_ptr_array_new_with_free_func(g_free);
	*state = machine;
	return 0;
}

static int tear_down(void **state)
{
	Machine *machine = *state;

	g_clear_pointer(&machine->overlaps, g_ptr_array_unref);
	g_ptr_array_unref(machine->links);
	g_free(machine);
	return 0;
}

static void interfaces_side_by_side_share_nothing(void **state)
{
	Machine *machine = *state;

	add(machine, "lo", "");
	add(machine, "eth0", "");
	add(machine, "wg0", "wireguard");
	add(machine, "br-lan", "bridge");
	assert_overlaps(machine, "*", "");
}

static void bridge_has_the_packets_of_its_ports(void **state)
{
	Machine *machine = *state;
	const Link *bridge = add(machine, "br-lan", "bridge");

	add(machine, "lan1", "")->master = bridge->ifindex;
	add(machine, "lan2", "")->master = bridge->ifindex;
	add(machine, "wan", "");
	assert_overlaps(machine, "*", "br-lan/lan1 bridge-port, br-lan/lan2 bridge-port");
	assert_advice(machine, "br-lan and lan1 both meter the packets that pass between them; "
			       "name one: br-lan for all its ports together, or the other");
	assert_overlaps(machine, "br-lan wan", "");
	assert_overlaps(machine, "lan1 lan2 wan", "");
	assert_overlaps(machine, "br-lan lan2", "br-lan/lan2 bridge-port");
}

static void bond_and_team_have_those_of_their_members(void **state)
{
	Machine *machine = *state;
	const Link *bond = add(machine, "bond0", "bond");
	const Link *team = add(machine, "team0", "team");

	add(machine, "eth0", "")->master = bond->ifindex;
	add(machine, "eth1", "")->master = team->ifindex;
	assert_overlaps(machine, "*", "bond0/eth0 bond-member, team0/eth1 bond-member");
	assert_advice(machine, "bond0 and eth0 both meter the packets that pass between them; "
			       "name one: bond0 for all its members together, or the other");
}

/* Frames pass a VRF only half, and a mesh interface sees others than what carries them. */
static void other_masters_do_not_count(void **state)
{
	Machine *machine = *state;
	const Link *vrf = add(machine, "red", "vrf");
	const Link *mesh = add(machine, "bat0", "batadv");

	add(machine, "eth0", "")->master = vrf->ifindex;
	add(machine, "eth1", "")->master = mesh->ifindex;
	assert_overlaps(machine, "*", "");
}

static void vlan_is_among_the_packets_below_it(void **state)
{
	Machine *machine = *state;
	const Link *eth0 = add(machine, "eth0", "");

	add(machine, "eth0.7", "vlan")->lower = eth0->ifindex;
	add(machine, "mac0", "macvlan")->lower = eth0->ifindex;
	add(machine, "ip0", "ipvlan")->lower = eth0->ifindex;
	assert_overlaps(machine, "*", "eth0.7/eth0 vlan, mac0/eth0 macvlan, ip0/eth0 macvlan");
	assert_advice(machine, "eth0.7 and eth0 both meter the packets that pass between them; "
			       "name one: eth0 for all its VLANs together, or the other");
}

static void ends_of_a_pair_are_one_overlap(void **state)
{
	Machine *machine = *state;
	Link *one = add(machine, "one", "veth"), *two = add(machine, "two", "veth");

	one->lower = two->ifindex;
	two->lower = one->ifindex;
	assert_overlaps(machine, "*", "one/two peer");
	assert_advice(machine,
		      "one and two both meter the packets that pass between them; name one");
	assert_overlaps(machine, "two", "");
	/* The first event of the end that is made first does not tell of the other one yet. */
	one->lower = 0;
	assert_overlaps(machine, "*", "one/two peer");
}

/* Of a chain only neighbours are named; one that is not metered is looked through. */
static void what_stands_between_is_looked_through(void **state)
{
	Machine *machine = *state;
	const Link *bridge = add(machine, "br-lan", "bridge"), *eth0 = add(machine, "eth0", "");
	Link *vlan = add(machine, "eth0.7", "vlan");

	vlan->lower = eth0->ifindex;
	vlan->master = bridge->ifindex;
	assert_overlaps(machine, "*", "br-lan/eth0.7 bridge-port, eth0.7/eth0 vlan");
	assert_overlaps(machine, "br-lan eth0", "br-lan/eth0 below");
	assert_advice(machine,
		      "br-lan and eth0 both meter the packets that pass between them; name one");
}

static void two_ways_are_one_overlap(void **state)
{
	Machine *machine = *state;
	const Link *bridge = add(machine, "br-lan", "bridge"), *eth0 = add(machine, "eth0", "");

	for (int i = 7; i < 9; i++) {
		g_autofree char *name = g_strdup_printf("eth0.%d", i);
		Link *vlan = add(machine, name, "vlan");

		vlan->lower = eth0->ifindex;
		vlan->master = bridge->ifindex;
	}
	assert_overlaps(machine, "br-lan eth0", "br-lan/eth0 below");
}

/* A bridge over one end of a pair, of which the other end is metered. */
static void pair_of_a_bridge_is_looked_through(void **state)
{
	Machine *machine = *state;
	const Link *bridge = add(machine, "br0", "bridge");
	Link *port = add(machine, "port", "veth"), *end = add(machine, "end", "veth");

	port->master = bridge->ifindex;
	port->lower = end->ifindex;
	end->lower = port->ifindex;
	assert_overlaps(machine, "br0 end", "br0/end below");
}

static void namespaces_are_apart(void **state)
{
	Machine *machine = *state;
	const Link *bridge = add(machine, "br0", "bridge");
	const Link *other = add_to(machine, 2, "br0", "bridge");

	add_to(machine, 2, "eth0", "")->master = bridge->ifindex;
	assert_overlaps(machine, "*", "");
	add_to(machine, 2, "eth1", "")->master = other->ifindex;
	assert_overlaps(machine, "*", "other:br0/other:eth1 bridge-port");
}

static void pair_is_found_again_by_its_names(void **state)
{
	Machine *machine = *state;
	const Link *bridge = add(machine, "br-lan", "bridge");
	Overlap other = { "br-lan", "lan2", TOPOLOGY_PORT };

	add(machine, "lan1", "")->master = bridge->ifindex;
	assert_overlaps(machine, "*", "br-lan/lan1 bridge-port");
	assert_true(topology_has(machine->overlaps, machine->overlaps->pdata[0]));
	assert_false(topology_has(machine->overlaps, &other));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(interfaces_side_by_side_share_nothing),
		TEST(bridge_has_the_packets_of_its_ports),
		TEST(bond_and_team_have_those_of_their_members),
		TEST(other_masters_do_not_count),
		TEST(vlan_is_among_the_packets_below_it),
		TEST(ends_of_a_pair_are_one_overlap),
		TEST(what_stands_between_is_looked_through),
		TEST(two_ways_are_one_overlap),
		TEST(pair_of_a_bridge_is_looked_through),
		TEST(namespaces_are_apart),
		TEST(pair_is_found_again_by_its_names),
	};

	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
