/* SPDX-License-Identifier: Apache-2.0 */
#include "links.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define GROUP 77 /* of the interfaces that are made in a burst: they can be removed at once */
#define BURST 500
#define MAX_FLOODS 100

typedef struct {
	Links *links;
	unsigned int changes;
} Fixture;

G_GNUC_PRINTF(1, 2) static void run(const char *format, ...)
{
	g_autofree char *command = NULL;
	va_list args;

	va_start(args, format);
	command = g_strdup_vprintf(format, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void on_change(void *user_data)
{
	Fixture *fixture = user_data;

	fixture->changes++;
}

static int set_up(void **state)
{
	Fixture *fixture = g_new0(Fixture, 1);

	*state = fixture;
	run("ip link add east type veth peer name west");
	run("ip link set east addrgenmode none up && ip link set west addrgenmode none up");
	run("ip addr add 192.0.2.1/24 dev east && ip -6 addr add 2001:db8:a::1/64 dev east nodad");
	run("ip addr add 198.51.100.1/24 dev west && ip -6 addr add 2001:db8:b::1/64 dev west "
	    "nodad");
	fixture->links = links_new(netns_own(), on_change, fixture, NULL);
	return fixture->links ? 0 : -1;
}

static int tear_down(void **state)
{
	Fixture *fixture = *state;

	links_free(fixture->links);
	g_free(fixture);
	return system("ip link del east");
}

/* The kernel queues an event before the command which causes it returns (but not that of an IPv6
 * address with nodad). */
static void take_events(void)
{
	while (g_main_context_iteration(NULL, false))
		;
}

/* How many changes @format, a command, makes. */
G_GNUC_PRINTF(2, 3)
static unsigned int changes_by(Fixture *fixture, const char *format, ...)
{
	unsigned int before = fixture->changes;
	g_autofree char *command = NULL;
	va_list args;

	va_start(args, format);
	command = g_strdup_vprintf(format, args);
	va_end(args);
	run("%s", command);
	take_events();
	return fixture->changes - before;
}

static const Link *get(const Fixture *fixture, const char *name)
{
	const Link *link = links_by_name(fixture->links, name);

	assert_non_null(link);
	return link;
}

static bool has_default(const Fixture *fixture, const char *name)
{
	return get(fixture, name)->has_default_route;
}

/* How often @name has the prefix of @length bits of @text, an address. */
static unsigned int count_prefix(const Fixture *fixture, const char *name, const char *text,
				 unsigned int length)
{
	const GArray *prefixes = get(fixture, name)->prefixes;
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	uint8_t address[ADDRESS_LEN];
	unsigned int count = 0;
	Prefix wanted;

	assert_int_equal(inet_pton(family, text, address), 1);
	wanted = prefix_from_address(family, address, length);
	for (guint i = 0; i < prefixes->len; i++)
		count += prefix_equal(&g_array_index(prefixes, Prefix, i), &wanted);
	return count;
}

static void assert_table_is_the_kernels(const Links *links)
{
	struct if_nameindex *expected = if_nameindex();
	guint n = 0;

	assert_non_null(expected);
	for (; expected[n].if_index; n++) {
		const Link *link = links_by_ifindex(links, expected[n].if_index);

		assert_non_null(link);
		assert_string_equal(link->name, expected[n].if_name);
		assert_ptr_equal(links_by_name(links, link->name), link);
	}
	assert_int_equal(links_all(links)->len, n);
	if_freenameindex(expected);
}

static void table_is_the_kernels(void **state)
{
	const Fixture *fixture = *state;
	const GPtrArray *all = links_all(fixture->links);

	assert_table_is_the_kernels(fixture->links);
	for (guint i = 1; i < all->len; i++)
		assert_true(((const Link *)g_ptr_array_index(all, i - 1))->ifindex <
			    ((const Link *)g_ptr_array_index(all, i))->ifindex);
	assert_null(links_by_name(fixture->links, "none"));
	assert_null(links_by_ifindex(fixture->links, 99999));
}

static void link_tells_what_it_is(void **state)
{
	static const uint8_t mac[MAC_LEN] = { 0x02, 0, 0, 0, 0, 0x0a };
	Fixture *fixture = *state;

	assert_true(get(fixture, "lo")->is_loopback);
	assert_int_equal(get(fixture, "lo")->arp_type, ARPHRD_LOOPBACK);
	assert_false(get(fixture, "east")->is_loopback);
	assert_int_equal(get(fixture, "east")->arp_type, ARPHRD_ETHER);
	assert_int_equal(changes_by(fixture, "ip link set east address 02:00:00:00:00:0a"), 1);
	assert_memory_equal(get(fixture, "east")->mac, mac, MAC_LEN);
}

static void address_appears_and_vanishes(void **state)
{
	static const struct {
		const char *text;
		unsigned int length;
	} addresses[] = {
		{ "203.0.113.9", 26 }, { "10.0.0.1", 8 }, { "2001:db8:5::1", 48 }, { "fe80::9", 64 }
	};
	Fixture *fixture = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
		const char *text = addresses[i].text;
		unsigned int length = addresses[i].length;

		assert_int_equal(changes_by(fixture, "ip addr add %s/%u dev east", text, length),
				 1);
		assert_int_equal(count_prefix(fixture, "east", text, length), 1);
		assert_int_equal(count_prefix(fixture, "west", text, length), 0);
		assert_int_equal(changes_by(fixture, "ip addr del %s/%u dev east", text, length),
				 1);
		assert_int_equal(count_prefix(fixture, "east", text, length), 0);
	}
}

static void prefix_of_two_addresses_stands_once(void **state)
{
	Fixture *fixture = *state;
	guint addresses = get(fixture, "east")->addresses->len;

	assert_int_equal(changes_by(fixture, "ip addr add 192.0.2.2/24 dev east"), 1);
	assert_int_equal(count_prefix(fixture, "east", "192.0.2.0", 24), 1);
	assert_int_equal(get(fixture, "east")->addresses->len, addresses + 1);
	assert_int_equal(changes_by(fixture, "ip addr del 192.0.2.2/24 dev east"), 1);
	assert_int_equal(count_prefix(fixture, "east", "192.0.2.0", 24), 1);
	assert_int_equal(get(fixture, "east")->addresses->len, addresses);
	assert_int_equal(changes_by(fixture, "ip addr del 192.0.2.1/24 dev east"), 1);
	assert_int_equal(count_prefix(fixture, "east", "192.0.2.0", 24), 0);
}

static void point_to_point_prefix_is_the_own_address(void **state)
{
	Fixture *fixture = *state;

	run("ip addr add 203.0.113.1 peer 203.0.113.130/25 dev east");
	run("ip addr add 2001:db8:c::1 peer 2001:db8:d::1/64 dev east");
	take_events();
	assert_int_equal(count_prefix(fixture, "east", "203.0.113.1", 32), 1);
	assert_int_equal(count_prefix(fixture, "east", "203.0.113.128", 25), 0);
	assert_int_equal(count_prefix(fixture, "east", "2001:db8:c::1", 128), 1);
	assert_int_equal(count_prefix(fixture, "east", "2001:db8:d::", 64), 0);
	assert_int_equal(
		changes_by(fixture, "ip addr del 203.0.113.1 peer 203.0.113.130/25 dev east"), 1);
	assert_int_equal(count_prefix(fixture, "east", "203.0.113.1", 32), 0);
}

static void default_route_appears_and_vanishes(void **state)
{
	static const char *const routes[] = {
		"default via 192.0.2.254",
		"0.0.0.0/0 dev east metric 7",
		"default via 2001:db8:a::ff",
		"default via inet6 2001:db8:a::ff dev east",
	};
	Fixture *fixture = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
		assert_int_equal(changes_by(fixture, "ip route add %s", routes[i]), 1);
		assert_true(has_default(fixture, "east"));
		assert_false(has_default(fixture, "west"));
		assert_int_equal(changes_by(fixture, "ip route del %s", routes[i]), 1);
		assert_false(has_default(fixture, "east"));
	}
}

static void default_route_moves(void **state)
{
	Fixture *fixture = *state;

	assert_int_equal(changes_by(fixture, "ip route add default via 192.0.2.254"), 1);
	assert_int_equal(changes_by(fixture, "ip route replace default via 198.51.100.254"), 1);
	assert_false(has_default(fixture, "east"));
	assert_true(has_default(fixture, "west"));
	assert_int_equal(changes_by(fixture, "ip route add default via 192.0.2.254 metric 9"), 1);
	assert_true(has_default(fixture, "east"));
	assert_true(has_default(fixture, "west"));
}

static void multipath_default_route_has_all_its_interfaces(void **state)
{
	static const char *const routes[] = {
		"default nexthop via 192.0.2.254 nexthop via 198.51.100.254",
		"default nexthop via 2001:db8:a::ff nexthop via 2001:db8:b::ff",
	};
	Fixture *fixture = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
		assert_int_equal(changes_by(fixture, "ip route add %s", routes[i]), 1);
		assert_true(has_default(fixture, "east"));
		assert_true(has_default(fixture, "west"));
		assert_int_equal(changes_by(fixture, "ip route del %s", routes[i]), 1);
		assert_false(has_default(fixture, "east"));
		assert_false(has_default(fixture, "west"));
	}
}

static void other_routes_do_not_count(void **state)
{
	static const char *const routes[] = {
		"default via 192.0.2.254 table 100",
		"0.0.0.0/1 via 192.0.2.254",
		"unreachable default",
		"-6 unreachable default",
		"2001:db8:7::/48 via 2001:db8:a::ff",
	};
	Fixture *fixture = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
		const char *family = strstr(routes[i], "-6") ? "-6" : "";
		const char *route = routes[i] + strlen(family);

		assert_int_equal(changes_by(fixture, "ip %s route add %s", family, route), 0);
		assert_false(has_default(fixture, "east"));
		assert_int_equal(changes_by(fixture, "ip %s route del %s", family, route), 0);
	}
}

/* In each case the kernel sends no RTM_DELROUTE. */
static void default_route_that_goes_silently_is_missed(void **state)
{
	static const char *const causes[] = {
		"ip link set east down && ip link set east up",
		"ip addr del 192.0.2.1/24 dev east && ip addr add 192.0.2.1/24 dev east",
	};
	Fixture *fixture = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(causes); i++) {
		run("ip route add default via 192.0.2.254");
		take_events();
		assert_true(has_default(fixture, "east"));
		run("%s", causes[i]);
		take_events();
		assert_false(has_default(fixture, "east"));
	}
}

static void default_route_goes_with_its_nexthop_object(void **state)
{
	Fixture *fixture = *state;

	run("ip nexthop add id 7 via 192.0.2.254 dev east");
	run("ip nexthop add id 8 via 198.51.100.254 dev west");
	run("ip nexthop add id 9 group 7/8");
	assert_int_equal(changes_by(fixture, "ip route add default nhid 9"), 1);
	assert_true(has_default(fixture, "east"));
	assert_true(has_default(fixture, "west"));
	assert_int_equal(changes_by(fixture, "ip nexthop del id 7"), 1);
	assert_false(has_default(fixture, "east"));
	assert_true(has_default(fixture, "west"));
	assert_int_equal(changes_by(fixture, "ip nexthop del id 9"), 1);
	assert_false(has_default(fixture, "west"));
}

static void interface_keeps_its_place_when_renamed(void **state)
{
	Fixture *fixture = *state;
	uint32_t ifindex = get(fixture, "west")->ifindex;

	assert_int_equal(
		changes_by(fixture, "ip link set west down && ip link set west name north up"), 1);
	assert_null(links_by_name(fixture->links, "west"));
	assert_int_equal(get(fixture, "north")->ifindex, ifindex);
	assert_int_equal(count_prefix(fixture, "north", "198.51.100.0", 24), 1);
}

static void interface_comes_and_goes(void **state)
{
	Fixture *fixture = *state;

	assert_int_equal(changes_by(fixture, "ip link add north type veth peer name south"), 1);
	assert_non_null(links_by_name(fixture->links, "north"));
	assert_non_null(links_by_name(fixture->links, "south"));
	assert_int_equal(changes_by(fixture, "ip link del north"), 1);
	assert_null(links_by_name(fixture->links, "north"));
	assert_null(links_by_name(fixture->links, "south"));
}

static void interface_that_leaves_a_bridge_stays(void **state)
{
	Fixture *fixture = *state;

	run("ip link add bridge type bridge && ip link set bridge up && ip link set west master "
	    "bridge");
	take_events();
	run("ip link set west nomaster");
	take_events();
	assert_non_null(links_by_name(fixture->links, "west"));
	assert_table_is_the_kernels(fixture->links);
	run("ip link del bridge");
	take_events();
	assert_table_is_the_kernels(fixture->links);
}

static void change_of_something_else_is_no_change(void **state)
{
	Fixture *fixture = *state;

	assert_int_equal(changes_by(fixture, "ip link set east mtu 1400"), 0);
	assert_int_equal(changes_by(fixture, "ip link set east alias other"), 0);
	assert_int_equal(changes_by(fixture, "ip link set east down && ip link set east up &&"
					     "ip -6 addr add 2001:db8:a::1/64 dev east"),
			 0);
}

static void without_callback_nothing_is_followed(void **state)
{
	g_autoptr(Links) links = links_new(netns_own(), NULL, NULL, NULL);

	assert_non_null(links);
	run("ip link set west down && ip link set west name north && ip link set north up");
	take_events();
	assert_non_null(links_by_name(links, "west"));
}

static void send_frames(uint32_t ifindex, unsigned int n, size_t len)
{
	const struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)ifindex,
		.sll_halen = ETH_ALEN,
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	g_autofree uint8_t *frame = g_malloc0(len);

	assert_true(fd >= 0);
	while (n--)
		assert_int_equal(
			sendto(fd, frame, len, 0, (const struct sockaddr *)&to, sizeof(to)), len);
	close(fd);
}

static void counters_are_the_interfaces(void **state)
{
	enum { FRAMES = 100, LEN = 600 };
	Fixture *fixture = *state;
	LinkCounters before[2], after[2];
	uint32_t ends[2];

	/* IPv6 speaks unasked. */
	run("sysctl -q -w net.ipv6.conf.east.disable_ipv6=1 net.ipv6.conf.west.disable_ipv6=1");
	take_events();
	ends[0] = get(fixture, "east")->ifindex;
	ends[1] = get(fixture, "west")->ifindex;

	for (int i = 0; i < 2; i++)
		assert_true(links_read_counters(fixture->links, ends[i], &before[i], NULL));
	send_frames(ends[0], FRAMES, LEN);
	for (int i = 0; i < 2; i++)
		assert_true(links_read_counters(fixture->links, ends[i], &after[i], NULL));

	for (int i = 0; i < 2; i++) {
		int hook = i == 0 ? HOOK_EGRESS : HOOK_INGRESS;

		assert_int_equal(after[i].frames[hook] - before[i].frames[hook], FRAMES);
		assert_int_equal(after[i].octets[hook] - before[i].octets[hook], FRAMES * LEN);
		assert_int_equal(after[i].frames[!hook], before[i].frames[!hook]);
	}
}

static void counters_of_a_removed_interface_are_an_error(void **state)
{
	Fixture *fixture = *state;
	LinkCounters counters = { .frames = { 42, 42 } };
	g_autoptr(GError) error = NULL;
	uint32_t ifindex;

	run("ip link add north type veth peer name south");
	take_events();
	ifindex = get(fixture, "north")->ifindex;
	run("ip link del north");
	assert_false(links_read_counters(fixture->links, ifindex, &counters, &error));
	assert_int_equal(error->code, ENODEV);
	assert_string_equal(error->message, "north: read counters: No such device");
	assert_int_equal(counters.frames[HOOK_INGRESS], 42);
}

static void make_burst(void)
{
	run("for i in $(seq %d); do "
	    "echo link add burst$i group %d type veth peer name peer$i group %d; done | ip -batch "
	    "-",
	    BURST / 2, GROUP, GROUP);
}

static void burst_is_one_change(void **state)
{
	Fixture *fixture = *state;

	make_burst();
	take_events();
	assert_int_equal(fixture->changes, 1);
	assert_table_is_the_kernels(fixture->links);
	assert_true(links_all(fixture->links)->len >= BURST);

	assert_int_equal(changes_by(fixture, "ip link del group %d", GROUP), 1);
	assert_table_is_the_kernels(fixture->links);
}

/* Events the kernel could not deliver to any netlink socket of this process. */
static unsigned long lost_events(void)
{
	FILE *file = fopen("/proc/thread-self/net/netlink", "r");
	unsigned long sum = 0, drops;
	char line[256];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %lu", &drops) == 1)
			sum += drops;
	(void)fclose(file);
	return sum;
}

static void lost_events_are_made_good(void **state)
{
	Fixture *fixture = *state;
	unsigned long lost = lost_events();

	for (int floods = 0; lost_events() == lost; floods++) {
		assert_true(floods < MAX_FLOODS);
		run("for i in $(seq 500); do echo link set east mtu 1400; echo link set east mtu "
		    "1500; "
		    "done"
		    " | ip -batch -");
	}
	run("ip link add late type veth peer name later && ip addr add 203.0.113.1/24 dev late");
	run("ip route add default via 192.0.2.254");
	run("ip link set west down && ip link set west name north && ip link set north up");
	take_events();
	assert_int_equal(fixture->changes, 1);
	assert_table_is_the_kernels(fixture->links);
	assert_int_equal(count_prefix(fixture, "late", "203.0.113.0", 24), 1);
	assert_true(has_default(fixture, "east"));

	/* And events go on. */
	assert_int_equal(changes_by(fixture, "ip link del late"), 1);
	assert_table_is_the_kernels(fixture->links);
}

/* A process that makes and removes interfaces, for a while. */
static pid_t start_churn(void)
{
	pid_t child = fork();

	if (child == 0) {
		execl("/bin/sh", "sh", "-c",
		      "for i in $(seq 50); do echo link add x type veth peer name y; echo link del "
		      "x;"
		      " done | ip -batch -",
		      NULL);
		_exit(127);
	}
	return child;
}

static void table_that_changes_meanwhile_is_read(void **state)
{
	Fixture *fixture = *state;
	pid_t child;
	int status;

	make_burst();
	child = start_churn();
	assert_true(child > 0);
	do {
		g_autoptr(Links) links = links_new(netns_own(), on_change, fixture, NULL);

		assert_non_null(links);
		assert_true(links_all(links)->len >= BURST);
		take_events();
	} while (waitpid(child, &status, WNOHANG) == 0);
	assert_int_equal(status, 0);
	take_events();
	assert_table_is_the_kernels(fixture->links);
	run("ip link del group %d", GROUP);
}

static unsigned int warnings;

static GLogWriterOutput count_warning(GLogLevelFlags level, const GLogField *fields, gsize n,
				      void *user_data)
{
	warnings++;
	return G_LOG_WRITER_HANDLED;
}

static void failed_dump_is_tried_again(void **state)
{
	Fixture *fixture = *state;
	struct rlimit limit, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ STDERR_FILENO + 1, limit.rlim_max };
	for (int i = 0; i < 3; i++) {
		run("ip route replace default via 192.0.2.%d", 100 + i);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		take_events();
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
	assert_false(has_default(fixture, "east"));
	assert_int_equal(warnings, 1);
	while (fixture->changes == 0)
		g_main_context_iteration(NULL, true);
	assert_true(has_default(fixture, "east"));
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void no_descriptor_is_left(void **state)
{
	unsigned int before = count_fds();
	LinkCounters counters;

	for (int i = 0; i < 200; i++) {
		g_autoptr(Links) links = links_new(netns_own(), on_change, *state, NULL);

		assert_non_null(links);
		assert_true(links_read_counters(links, 1, &counters, NULL));
		assert_false(links_read_counters(links, 99999, &counters, NULL));
	}
	assert_int_equal(count_fds(), before);
	links_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(table_is_the_kernels),
		TEST(link_tells_what_it_is),
		TEST(address_appears_and_vanishes),
		TEST(prefix_of_two_addresses_stands_once),
		TEST(point_to_point_prefix_is_the_own_address),
		TEST(default_route_appears_and_vanishes),
		TEST(default_route_moves),
		TEST(multipath_default_route_has_all_its_interfaces),
		TEST(other_routes_do_not_count),
		TEST(default_route_that_goes_silently_is_missed),
		TEST(default_route_goes_with_its_nexthop_object),
		TEST(interface_keeps_its_place_when_renamed),
		TEST(interface_comes_and_goes),
		TEST(interface_that_leaves_a_bridge_stays),
		TEST(change_of_something_else_is_no_change),
		TEST(without_callback_nothing_is_followed),
		TEST(counters_are_the_interfaces),
		TEST(counters_of_a_removed_interface_are_an_error),
		TEST(burst_is_one_change),
		TEST(lost_events_are_made_good),
		TEST(table_that_changes_meanwhile_is_read),
		TEST(failed_dump_is_tried_again),
		TEST(no_descriptor_is_left),
	};

	if (unshare(CLONE_NEWNET) < 0) {
		puts("1..0 # SKIP needs root");
		return EXIT_SUCCESS;
	}
	g_log_set_writer_func(count_warning, NULL, NULL);
	return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
