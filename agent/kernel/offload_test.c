/* SPDX-License-Identifier: Apache-2.0 */
#include "offload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

#define BIT(offload) OFFLOAD_BIT(OFFLOAD_##offload)
#define DEVICE_PREFIX 2 /* NFTA_DEVICE_PREFIX of Linux 6.17 */

/* --- what is inherited */

/* clang-format off */
static const struct {
	OffloadSet lower;
	TopologyRelation relation;
	OffloadSet upper;
} inherited[] = {
	{ 0, TOPOLOGY_PORT, 0 },
	{ BIT(FLOWTABLE), TOPOLOGY_PORT, BIT(FLOWTABLE_BELOW) },
	{ BIT(FLOWTABLE), TOPOLOGY_VLAN, BIT(FLOWTABLE_BELOW) },
	{ BIT(FLOWTABLE_BELOW), TOPOLOGY_PORT, BIT(FLOWTABLE_BELOW) },
	/* as measured by tests/e2e/offload.bats */
	{ BIT(FLOWTABLE), TOPOLOGY_MEMBER, 0 },
	{ BIT(FLOWTABLE), TOPOLOGY_MACVLAN, 0 },
	{ BIT(FLOWTABLE_HARDWARE), TOPOLOGY_PORT, BIT(FLOWTABLE_BELOW) | BIT(FLOWTABLE_HARDWARE) },
	{ BIT(FLOWTABLE_HARDWARE), TOPOLOGY_MEMBER, BIT(FLOWTABLE_HARDWARE) },
	{ BIT(XDP) | BIT(TC), TOPOLOGY_MEMBER, BIT(XDP) | BIT(TC) },
	/* a program before ours at the lower interface leaves the upper one its own hooks */
	{ BIT(PROGRAM_BEFORE), TOPOLOGY_PORT, 0 },
	{ BIT(FLOWTABLE) | BIT(XDP) | BIT(TC) | BIT(FLOWTABLE_HARDWARE), TOPOLOGY_PEER, 0 },
};
/* clang-format on */

static void upper_inherits_what_hides_packets_below(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(inherited); i++)
		assert_int_equal(offload_from_below(inherited[i].lower, inherited[i].relation),
				 inherited[i].upper);
}

static void each_has_a_word_and_a_sentence(void **state)
{
	(void)state;
	for (int i = 0; i < OFFLOADS; i++) {
		assert_true(*offload_names[i]);
		assert_true(*offload_consequences[i]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(offload_names[i], offload_names[j]);
	}
}

/* --- messages of nf_tables */

typedef struct {
	_Alignas(struct nlmsghdr) char buffer[4096];
	struct nlmsghdr *header;
} Flowtable;

/* As the kernel tells of a flowtable with these devices, of which those that end in "*" are prefixes. */
static void make_flowtable(Flowtable *flowtable, uint32_t flags, const char *const *devices)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(flowtable->buffer);
	struct nlattr *hook, *list;

	header->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWFLOWTABLE;
	mnl_nlmsg_put_extra_header(header, sizeof(struct nfgenmsg));
	mnl_attr_put_strz(header, NFTA_FLOWTABLE_TABLE, "filter");
	mnl_attr_put_strz(header, NFTA_FLOWTABLE_NAME, "eth9");
	mnl_attr_put_u32(header, NFTA_FLOWTABLE_FLAGS, htonl(flags));
	hook = mnl_attr_nest_start(header, NFTA_FLOWTABLE_HOOK);
	mnl_attr_put_u32(header, NFTA_FLOWTABLE_HOOK_NUM, 0);
	list = mnl_attr_nest_start(header, NFTA_FLOWTABLE_HOOK_DEVS);
	for (; *devices; devices++) {
		g_auto(GStrv) parts = g_strsplit(*devices, "*", 2);

		mnl_attr_put_strz(header, parts[1] ? DEVICE_PREFIX : NFTA_DEVICE_NAME, parts[0]);
	}
	mnl_attr_nest_end(header, list);
	mnl_attr_nest_end(header, hook);
	flowtable->header = header;
}

static void flowtable_is_of_its_devices(void **state)
{
	const char *const devices[] = { "eth0", "eth10", "wan*", NULL };
	Flowtable flowtable;

	(void)state;
	make_flowtable(&flowtable, 0, devices);
	assert_int_equal(offload_of_flowtable(flowtable.header, "eth0"), BIT(FLOWTABLE));
	assert_int_equal(offload_of_flowtable(flowtable.header, "eth10"), BIT(FLOWTABLE));
	assert_int_equal(offload_of_flowtable(flowtable.header, "wan0"), BIT(FLOWTABLE));
	assert_int_equal(offload_of_flowtable(flowtable.header, "eth1"), 0);
	assert_int_equal(offload_of_flowtable(flowtable.header, "eth"), 0);
	assert_int_equal(offload_of_flowtable(flowtable.header, "eth9"), 0);
	assert_int_equal(offload_of_flowtable(flowtable.header, "wa"), 0);
}

static void flag_tells_hardware(void **state)
{
	const char *const devices[] = { "eth0", NULL };
	Flowtable flowtable;

	(void)state;
	make_flowtable(&flowtable, NFT_FLOWTABLE_HW_OFFLOAD | NFT_FLOWTABLE_COUNTER, devices);
	assert_int_equal(offload_of_flowtable(flowtable.header, "eth0"), BIT(FLOWTABLE_HARDWARE));
	assert_int_equal(offload_of_flowtable(flowtable.header, "eth1"), 0);
	make_flowtable(&flowtable, NFT_FLOWTABLE_COUNTER, devices);
	assert_int_equal(offload_of_flowtable(flowtable.header, "eth0"), BIT(FLOWTABLE));
}

static void flowtable_without_devices_is_nobodys(void **state)
{
	const char *const none[] = { NULL };
	Flowtable flowtable;
	struct nlmsghdr *bare;

	(void)state;
	make_flowtable(&flowtable, 0, none);
	assert_int_equal(offload_of_flowtable(flowtable.header, ""), 0);
	bare = mnl_nlmsg_put_header(flowtable.buffer);
	mnl_nlmsg_put_extra_header(bare, sizeof(struct nfgenmsg));
	assert_int_equal(offload_of_flowtable(bare, "eth0"), 0);
}

/* --- what this kernel tells */

/* Who emulates system calls may not know it. */
static bool has_ethtool(void)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_name = "lo", .ifr_data = (void *)&driver };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = ioctl(fd, SIOCETHTOOL, &request) == 0 || errno != ENOSYS;

	close(fd);
	return has;
}

/* Of the loopback interface the feature `loopback` is always on, and hw-tc-offload never. */
static void feature_is_found_by_its_name(void **state)
{
	(void)state;
	if (!has_ethtool())
		skip();
	assert_true(offload_has_feature("lo", "loopback"));
	assert_false(offload_has_feature("lo", "hw-tc-offload"));
	assert_false(offload_has_feature("lo", "no-such-feature"));
	assert_false(offload_has_feature("no-such-if", "loopback"));
}

/* Also where this kernel has no flowtables at all. */
static void interface_without_offloads_has_none(void **state)
{
	OffloadSet offloads = ~0u;
	GError *error = NULL;

	(void)state;
	if (offload_read("no-such-if", &offloads, &error)) {
		assert_int_equal(offloads, 0);
		return;
	}
	/* One that has them and does not tell everybody. */
	assert_non_null(strstr(error->message, "Operation not permitted"));
	g_error_free(error);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(upper_inherits_what_hides_packets_below),
		cmocka_unit_test(each_has_a_word_and_a_sentence),
		cmocka_unit_test(flowtable_is_of_its_devices),
		cmocka_unit_test(flag_tells_hardware),
		cmocka_unit_test(flowtable_without_devices_is_nobodys),
		cmocka_unit_test(feature_is_found_by_its_name),
		cmocka_unit_test(interface_without_offloads_has_none),
	};

	return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
