/* SPDX-License-Identifier: Apache-2.0 */
#include "offload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "netlink.h"

/* Dumps can be disturbed by changes; each try ends at the first one. */
#define DUMP_TRIES 16

/* From <linux/netfilter/nf_tables.h> of Linux 6.17 on: the device's name begins so. */
#define DEVICE_PREFIX 2

const char *const offload_names[OFFLOADS] = {
	[OFFLOAD_FLOWTABLE] = "flowtable",
	[OFFLOAD_FLOWTABLE_BELOW] = "flowtable-below",
	[OFFLOAD_FLOWTABLE_HARDWARE] = "flowtable-hw",
	[OFFLOAD_TC] = "tc-hw",
	[OFFLOAD_XDP] = "xdp",
	[OFFLOAD_PROGRAM_BEFORE] = "program-before",
};

const char *const offload_consequences[OFFLOADS] = {
	[OFFLOAD_FLOWTABLE] =
		"a flowtable forwards packets that arrive here, but behind our hooks: "
		"all of them are counted",
	[OFFLOAD_FLOWTABLE_BELOW] =
		"a flowtable may forward packets past this interface, over one below: all but the "
		"first of a connection are counted there, not here",
	[OFFLOAD_FLOWTABLE_HARDWARE] = "hardware forwards the packets of a flowtable: of a "
				       "connection only the first ones are counted",
	[OFFLOAD_TC] = "hardware may carry out tc's filters (hw-tc-offload is on): what it "
		       "drops or redirects is not counted",
	[OFFLOAD_XDP] = "an XDP program comes before our hooks: what it drops, redirects or sends "
			"back is not counted",
	[OFFLOAD_PROGRAM_BEFORE] = "a program of others comes before ours: what it drops, "
				   "redirects or accepts for good is not counted",
};

OffloadSet offload_from_below(OffloadSet lower, TopologyRelation relation)
{
	const OffloadSet flowtables = OFFLOAD_BIT(OFFLOAD_FLOWTABLE) |
				      OFFLOAD_BIT(OFFLOAD_FLOWTABLE_BELOW) |
				      OFFLOAD_BIT(OFFLOAD_FLOWTABLE_HARDWARE);
	const OffloadSet same = OFFLOAD_BIT(OFFLOAD_FLOWTABLE_HARDWARE) | OFFLOAD_BIT(OFFLOAD_TC) |
				OFFLOAD_BIT(OFFLOAD_XDP);
	OffloadSet upper = lower & same;

	/* What comes to one end of a pair is what the other end has sent. */
	if (relation == TOPOLOGY_PEER)
		return 0;
	/* A flowtable knows the way through bridges and VLANs, and none through bonds and MACVLANs. */
	if (lower & flowtables && (relation == TOPOLOGY_PORT || relation == TOPOLOGY_VLAN))
		upper |= OFFLOAD_BIT(OFFLOAD_FLOWTABLE_BELOW);
	return upper;
}

/* --- flowtables */

static bool is_device(const struct nlattr *device, const char *name)
{
	if (mnl_attr_validate(device, MNL_TYPE_NUL_STRING) < 0)
		return false;
	switch (mnl_attr_get_type(device)) {
	case NFTA_DEVICE_NAME:
		return !strcmp(name, mnl_attr_get_str(device));
	case DEVICE_PREFIX:
		return g_str_has_prefix(name, mnl_attr_get_str(device));
	default:
		return false;
	}
}

static bool has_device(const struct nlmsghdr *message, const char *name)
{
	const struct nlattr *hook =
		netlink_attribute(message, sizeof(struct nfgenmsg), NFTA_FLOWTABLE_HOOK, 0);
	const struct nlattr *devices = hook ? netlink_nested(hook, NFTA_FLOWTABLE_HOOK_DEVS) : NULL;
	const struct nlattr *device;

	if (!devices)
		return false;
	mnl_attr_for_each_nested(device, devices)
	{
		if (is_device(device, name))
			return true;
	}
	return false;
}

OffloadSet offload_of_flowtable(const struct nlmsghdr *message, const char *name)
{
	const struct nlattr *flags = netlink_attribute(message, sizeof(struct nfgenmsg),
						       NFTA_FLOWTABLE_FLAGS, sizeof(uint32_t));
	bool is_hardware = flags && ntohl(mnl_attr_get_u32(flags)) & NFT_FLOWTABLE_HW_OFFLOAD;

	if (!has_device(message, name))
		return 0;
	return OFFLOAD_BIT(is_hardware ? OFFLOAD_FLOWTABLE_HARDWARE : OFFLOAD_FLOWTABLE);
}

typedef struct {
	const char *name;
	OffloadSet found;
} Search;

static int on_flowtable(const struct nlmsghdr *message, void *user_data)
{
	Search *search = user_data;

	search->found |= offload_of_flowtable(message, search->name);
	return MNL_CB_OK;
}

/*
 * Whether to ask for flowtables: to ask for what is in a module would load it, where it is not. Flowtables and
 * conntrack, which they need, are modules both, or conntrack is part of the kernel and they may be.
 */
static bool may_have_flowtables(void)
{
	static const char modules[] = "/sys/module", flowtable[] = "/sys/module/nf_flow_table",
			  conntrack[] = "/sys/module/nf_conntrack",
			  conntrack_loaded[] = "/sys/module/nf_conntrack/initstate";

	return access(modules, F_OK) < 0 || access(flowtable, F_OK) == 0 ||
	       (access(conntrack, F_OK) == 0 && access(conntrack_loaded, F_OK) < 0);
}

static bool is_not_there(int error_number)
{
	/* No nfnetlink, no nf_tables, no flowtables in it. */
	return error_number == EPROTONOSUPPORT || error_number == EINVAL ||
	       error_number == EOPNOTSUPP;
}

static bool read_flowtables(const char *name, OffloadSet *found, GError **error)
{
	static const struct nfgenmsg all = { .nfgen_family = NFPROTO_UNSPEC,
					     .version = NFNETLINK_V0 };
	static const NetlinkRequest request = {
		.type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETFLOWTABLE,
		.flags = NLM_F_DUMP,
		.header = &all,
		.header_len = sizeof(all),
	};

	*found = 0;
	for (int tries = 1; may_have_flowtables(); tries++) {
		g_autoptr(GError) failure = NULL;
		Search search = { name, 0 };
		int fd = netlink_socket(NETLINK_NETFILTER, 0, &failure);

		if (fd >= 0 && netlink_request(fd, &request, on_flowtable, &search, &failure)) {
			*found = search.found;
			break;
		}
		if (is_not_there(failure->code))
			break;
		if (failure->code != EINTR || tries == DUMP_TRIES) {
			g_propagate_prefixed_error(error, g_steal_pointer(&failure),
						   "read flowtables: ");
			return false;
		}
	}
	return true;
}

/* --- features of ethtool(8) */

static bool ask_ethtool(int socket, const char *name, void *request)
{
	struct ifreq interface = { .ifr_data = request };

	g_strlcpy(interface.ifr_name, name, sizeof(interface.ifr_name));
	return ioctl(socket, SIOCETHTOOL, &interface) == 0;
}

/* How many features the kernel knows. */
static uint32_t count_features(int socket, const char *name)
{
	union {
		struct ethtool_sset_info info;
		uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} request = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1u << ETH_SS_FEATURES } };

	return ask_ethtool(socket, name, &request) && request.info.sset_mask ?
		       request.info.data[0] :
		       0;
}

/* The number of the feature; @n: there is none of that name. */
static uint32_t find_feature(int socket, const char *name, uint32_t n, const char *feature)
{
	g_autofree struct ethtool_gstrings *names =
		g_malloc0(sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	uint32_t i;

	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = n;
	if (!ask_ethtool(socket, name, names))
		return n;
	for (i = 0; i < n; i++) {
		if (!strncmp((const char *)names->data + (size_t)i * ETH_GSTRING_LEN, feature,
			     ETH_GSTRING_LEN))
			break;
	}
	return i;
}

static bool is_on(int socket, const char *name, uint32_t feature)
{
	uint32_t blocks = feature / 32 + 1;
	g_autofree struct ethtool_gfeatures *features =
		g_malloc0(sizeof(*features) + blocks * sizeof(features->features[0]));

	features->cmd = ETHTOOL_GFEATURES;
	features->size = blocks;
	return ask_ethtool(socket, name, features) &&
	       features->features[feature / 32].active & 1u << feature % 32;
}

bool offload_has_feature(const char *name, const char *feature)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t n = fd < 0 ? 0 : count_features(fd, name);
	uint32_t i = n ? find_feature(fd, name, n, feature) : 0;
	bool on = i < n && is_on(fd, name, i);

	if (fd >= 0)
		close(fd);
	return on;
}

bool offload_read(const char *name, OffloadSet *offloads, GError **error)
{
	OffloadSet found;

	if (!read_flowtables(name, &found, error))
		return false;
	if (offload_has_feature(name, "hw-tc-offload"))
		found |= OFFLOAD_BIT(OFFLOAD_TC);
	*offloads = found;
	return true;
}
