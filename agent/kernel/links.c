/* SPDX-License-Identifier: Apache-2.0 */
#include "links.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <linux/if_arp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "broker.h"
#include "base/error.h"
#include "netlink.h"

#define DUMP_TRIES 64 /* dumps can be disturbed by changes; each try ends at the first one */
#define RETRY_S 1
#define EVENTS_BUFFER (4 << 20) /* octets that may wait; above it events are lost */

/* An address of an interface, as rtnetlink tells one from another. */
typedef struct {
	uint8_t family;
	uint8_t length;		   /* of the prefix of @peer */
	uint8_t own[ADDRESS_LEN];  /* IPv4: the first 4 octets */
	uint8_t peer[ADDRESS_LEN]; /* the same as @own but on a point-to-point link */
} Address;

typedef struct {
	Link link; /* without has_default_route, prefixes and addresses: those are put together by show() */
	GArray *addresses;
} Interface;

typedef struct {
	uint32_t ifindex;
	uint32_t nexthop; /* id of its nexthop object, 0: none */
} DefaultRoute;

/* What the kernel has told. */
typedef struct {
	const Netns *netns;
	GHashTable *interfaces; /* ifindex -> Interface */
	GArray *default_routes; /* of DefaultRoute, one for each nexthop */
	bool stale;		/* more has changed than we were told: to be read anew */
} Tables;

struct Links {
	const Netns *netns;
	Tables *tables;
	GPtrArray *all; /* of Link: what the tables amounted to at the last look */
	LinksCallback on_change;
	void *user_data;
	struct mnl_socket *events;
	guint events_source;
	guint retry_source;
};

typedef void (*Handler)(Tables *tables, const struct nlmsghdr *message);

static void link_free(Link *link)
{
	g_array_unref(link->prefixes);
	g_array_unref(link->addresses);
	g_free(link);
}

static void interface_free(Interface *interface)
{
	g_array_unref(interface->addresses);
	g_free(interface);
}

static Tables *tables_new(const Netns *netns)
{
	Tables *tables = g_new0(Tables, 1);

	tables->netns = netns;
	tables->interfaces =
		g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)interface_free);
	tables->default_routes = g_array_new(false, false, sizeof(DefaultRoute));
	return tables;
}

static void tables_free(Tables *tables)
{
	if (!tables)
		return;
	g_hash_table_unref(tables->interfaces);
	g_array_unref(tables->default_routes);
	g_free(tables);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tables, tables_free)

static Interface *find_interface(const Tables *tables, uint32_t ifindex)
{
	return g_hash_table_lookup(tables->interfaces, GUINT_TO_POINTER(ifindex));
}

static Interface *get_interface(Tables *tables, uint32_t ifindex)
{
	Interface *interface = find_interface(tables, ifindex);

	if (!interface) {
		interface = g_new0(Interface, 1);
		interface->link.id = interface_id(tables->netns->id, ifindex);
		interface->link.ifindex = ifindex;
		interface->link.netns = tables->netns->name;
		interface->addresses = g_array_new(false, false, sizeof(Address));
		g_hash_table_insert(tables->interfaces, GUINT_TO_POINTER(ifindex), interface);
	}
	return interface;
}

static bool has_default_route(const Tables *tables, uint32_t ifindex)
{
	for (guint i = 0; i < tables->default_routes->len; i++)
		if (g_array_index(tables->default_routes, DefaultRoute, i).ifindex == ifindex)
			return true;
	return false;
}

/*
 * The kernel removes the IPv4 routes of an interface without a word when it goes down or loses an
 * address.
 */
static void doubt_routes_of(Tables *tables, uint32_t ifindex)
{
	tables->stale |= has_default_route(tables, ifindex);
}

static uint32_t number_attribute(const struct nlmsghdr *message, size_t header_len, uint16_t type)
{
	const struct nlattr *attribute =
		netlink_attribute(message, header_len, type, sizeof(uint32_t));

	return attribute ? mnl_attr_get_u32(attribute) : 0;
}

static void read_kind(Link *link, const struct nlmsghdr *message)
{
	const struct nlattr *info =
		netlink_attribute(message, sizeof(struct ifinfomsg), IFLA_LINKINFO, 0);
	const struct nlattr *kind = info ? netlink_nested(info, IFLA_INFO_KIND) : NULL;

	g_strlcpy(link->kind, kind ? mnl_attr_get_str(kind) : "", sizeof(link->kind));
}

/* What is above and below it. A tunnel's lower interface passes other frames than the tunnel, and a
 * lower one in another namespace is none of this table. */
static void read_neighbours(Link *link, const struct nlmsghdr *message)
{
	static const char *const passing_the_same[] = { "vlan",	  "macvlan", "macvtap", "ipvlan",
							"ipvtap", "veth",    NULL };
	const size_t len = sizeof(struct ifinfomsg);
	bool is_here = !netlink_attribute(message, len, IFLA_LINK_NETNSID, 0);
	bool is_same = g_strv_contains(passing_the_same, link->kind);

	link->master = number_attribute(message, len, IFLA_MASTER);
	link->lower = is_here && is_same ? number_attribute(message, len, IFLA_LINK) : 0;
}

static void read_xdp(Link *link, const struct nlmsghdr *message)
{
	const struct nlattr *xdp =
		netlink_attribute(message, sizeof(struct ifinfomsg), IFLA_XDP, 0);
	const struct nlattr *attached = xdp ? netlink_nested(xdp, IFLA_XDP_ATTACHED) : NULL;

	link->has_xdp = attached && mnl_attr_get_u8(attached) != XDP_ATTACHED_NONE;
}

static void put_interface(Tables *tables, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *name = netlink_attribute(message, sizeof(*info), IFLA_IFNAME, 1);
	const struct nlattr *mac = netlink_attribute(message, sizeof(*info), IFLA_ADDRESS, MAC_LEN);
	Link *link;

	/* A bridge tells of its ports as AF_BRIDGE; each is an interface of its own, too. */
	if (info->ifi_family != AF_UNSPEC || !name)
		return;

	link = &get_interface(tables, (uint32_t)info->ifi_index)->link;
	g_strlcpy(link->name, mnl_attr_get_str(name), sizeof(link->name));
	link->arp_type = info->ifi_type;
	link->is_loopback = info->ifi_flags & IFF_LOOPBACK;
	memset(link->mac, 0, sizeof(link->mac));
	if (mac && mnl_attr_get_payload_len(mac) == MAC_LEN)
		memcpy(link->mac, mnl_attr_get_payload(mac), MAC_LEN);
	read_kind(link, message);
	read_neighbours(link, message);
	read_xdp(link, message);
	if (!(info->ifi_flags & IFF_UP))
		doubt_routes_of(tables, link->ifindex);
}

static void remove_interface(Tables *tables, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

	/* As AF_BRIDGE it only leaves its bridge. */
	if (info->ifi_family != AF_UNSPEC)
		return;
	doubt_routes_of(tables, (uint32_t)info->ifi_index);
	g_hash_table_remove(tables->interfaces, GUINT_TO_POINTER(info->ifi_index));
}

static size_t address_len(int family)
{
	switch (family) {
	case AF_INET:
		return sizeof(struct in_addr);
	case AF_INET6:
		return sizeof(struct in6_addr);
	default:
		return 0;
	}
}

/* On a point-to-point link IFA_ADDRESS is the peer's, elsewhere it may stand alone. */
static bool read_address(Address *address, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	size_t len = address_len(info->ifa_family);
	const struct nlattr *peer = netlink_attribute(message, sizeof(*info), IFA_ADDRESS, len);
	const struct nlattr *own = netlink_attribute(message, sizeof(*info), IFA_LOCAL, len);

	if (len == 0 || (!own && !peer))
		return false;
	*address = (Address){ .family = info->ifa_family, .length = info->ifa_prefixlen };
	memcpy(address->own, mnl_attr_get_payload(own ? own : peer), len);
	memcpy(address->peer, mnl_attr_get_payload(peer ? peer : own), len);
	return true;
}

static bool find_address(const Interface *interface, const Address *address, guint *index)
{
	for (*index = 0; *index < interface->addresses->len; ++*index)
		if (!memcmp(&g_array_index(interface->addresses, Address, *index), address,
			    sizeof(*address)))
			return true;
	return false;
}

/* An interface which is not known yet is new: its own message comes, and the addresses after it. */
static void put_address(Tables *tables, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	Interface *interface = find_interface(tables, info->ifa_index);
	Address address;
	guint index;

	if (interface && read_address(&address, message) &&
	    !find_address(interface, &address, &index))
		g_array_append_val(interface->addresses, address);
}

static void remove_address(Tables *tables, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	Interface *interface = find_interface(tables, info->ifa_index);
	Address address;
	guint index;

	doubt_routes_of(tables, info->ifa_index);
	if (interface && read_address(&address, message) &&
	    find_address(interface, &address, &index))
		g_array_remove_index(interface->addresses, index);
}

static bool is_default_route(const struct nlmsghdr *message)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);

	return address_len(route->rtm_family) > 0 && route->rtm_dst_len == 0 &&
	       route->rtm_type == RTN_UNICAST &&
	       number_attribute(message, sizeof(*route), RTA_TABLE) == RT_TABLE_MAIN;
}

static void put_multipath(Tables *tables, const struct nlattr *multipath, uint32_t nexthop)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
	int len = mnl_attr_get_payload_len(multipath);

	for (; RTNH_OK(hop, len); len -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		const DefaultRoute route = { (uint32_t)hop->rtnh_ifindex, nexthop };

		g_array_append_val(tables->default_routes, route);
	}
}

static void put_route(Tables *tables, const struct nlmsghdr *message)
{
	const size_t len = sizeof(struct rtmsg);
	const struct nlattr *multipath = netlink_attribute(message, len, RTA_MULTIPATH, 0);
	const DefaultRoute route = {
		.ifindex = number_attribute(message, len, RTA_OIF),
		.nexthop = number_attribute(message, len, RTA_NH_ID),
	};

	if (!is_default_route(message))
		return;
	if (multipath)
		put_multipath(tables, multipath, route.nexthop);
	else
		g_array_append_val(tables->default_routes, route);
}

/* Which route a new one replaces, of several with different metrics, is not for us to find out. */
static void on_route(Tables *tables, const struct nlmsghdr *message)
{
	tables->stale |= is_default_route(message);
}

/* IPv4 routes vanish with their nexthop object without a word of their own. */
static void on_nexthop(Tables *tables, const struct nlmsghdr *message)
{
	uint32_t nexthop = number_attribute(message, sizeof(struct nhmsg), NHA_ID);

	for (guint i = 0; i < tables->default_routes->len; i++)
		if (g_array_index(tables->default_routes, DefaultRoute, i).nexthop == nexthop)
			tables->stale = true;
}

static const struct ifinfomsg all_interfaces;
static const struct ifaddrmsg all_addresses;
static const struct rtmsg main_routes = { .rtm_table = RT_TABLE_MAIN };

/* clang-format off */
static const struct {
	NetlinkRequest request;
	Handler handle;
} dumps[] = {
	{ { RTM_GETLINK,  NLM_F_DUMP, &all_interfaces, sizeof(all_interfaces) }, put_interface },
	{ { RTM_GETADDR,  NLM_F_DUMP, &all_addresses,  sizeof(all_addresses) },  put_address },
	{ { RTM_GETROUTE, NLM_F_DUMP, &main_routes,    sizeof(main_routes) },    put_route },
};

static const struct {
	uint16_t type;
	Handler handle;
} events[] = {
	{ RTM_NEWLINK,    put_interface },
	{ RTM_DELLINK,    remove_interface },
	{ RTM_NEWADDR,    put_address },
	{ RTM_DELADDR,    remove_address },
	{ RTM_NEWROUTE,   on_route },
	{ RTM_DELROUTE,   on_route },
	{ RTM_NEWNEXTHOP, on_nexthop },
	{ RTM_DELNEXTHOP, on_nexthop },
};
/* clang-format on */

typedef struct {
	Tables *tables;
	Handler handle;
} Dump;

static int on_dumped(const struct nlmsghdr *message, void *user_data)
{
	const Dump *dump = user_data;

	dump->handle(dump->tables, message);
	return MNL_CB_OK;
}

/* Makes a request in the namespace. */
static bool request_in(const Netns *netns, const NetlinkRequest *request, mnl_cb_t on_message,
		       void *user_data, GError **error)
{
	int fd = netns->fd < 0 ? -1 : broker_netlink_socket(netns->fd, 0, error);

	if (netns->fd >= 0 && fd < 0)
		return false;
	return netlink_request(fd, request, on_message, user_data, error);
}

static bool dump_once(Tables *tables, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(dumps); i++) {
		Dump dump = { tables, dumps[i].handle };

		if (!request_in(tables->netns, &dumps[i].request, on_dumped, &dump, error))
			return false;
	}
	tables->stale = false; /* a dump hides nothing */
	return true;
}

static bool read_tables(Links *links, GError **error)
{
	for (int tries = 1;; tries++) {
		g_autoptr(Tables) fresh = tables_new(links->netns);
		g_autoptr(GError) failure = NULL;

		if (dump_once(fresh, &failure)) {
			tables_free(links->tables);
			links->tables = g_steal_pointer(&fresh);
			return true;
		}
		if (failure->code != EINTR || tries == DUMP_TRIES) {
			g_propagate_prefixed_error(error, g_steal_pointer(&failure),
						   "read interfaces, addresses and routes: ");
			return false;
		}
	}
}

static int compare_prefixes(const void *a, const void *b)
{
	const Prefix *x = a, *y = b;
	int order = memcmp(x->address, y->address, sizeof(x->address));

	return order ? order : x->length - y->length;
}

/* The prefix of a point-to-point link is the peer's; ours is the address alone. */
static Prefix own_prefix(const Address *address)
{
	bool shared = !memcmp(address->own, address->peer, sizeof(address->own));

	return prefix_from_address(address->family, address->own,
				   shared ? address->length :
					    (unsigned int)address_len(address->family) * 8);
}

static Prefix own_address(const Address *address)
{
	return prefix_from_address(address->family, address->own,
				   (unsigned int)address_len(address->family) * 8);
}

/* Sorted: in what order the addresses came makes no difference to anyone. */
static GArray *list_prefixes(const GArray *addresses, Prefix (*prefix_of)(const Address *address))
{
	GArray *prefixes = g_array_new(false, false, sizeof(Prefix));
	guint kept = 0;

	for (guint i = 0; i < addresses->len; i++) {
		Prefix prefix = prefix_of(&g_array_index(addresses, Address, i));

		g_array_append_val(prefixes, prefix);
	}
	g_array_sort(prefixes, compare_prefixes);
	for (guint i = 0; i < prefixes->len; i++) {
		const Prefix prefix = g_array_index(prefixes, Prefix, i);

		if (kept == 0 || !prefix_equal(&g_array_index(prefixes, Prefix, kept - 1), &prefix))
			g_array_index(prefixes, Prefix, kept++) = prefix;
	}
	return g_array_set_size(prefixes, kept);
}

static int compare_links(const void *a, const void *b)
{
	const Link *x = *(Link *const *)a, *y = *(Link *const *)b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static GPtrArray *show(const Tables *tables)
{
	GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)link_free);
	GHashTableIter iter;
	void *value;

	g_hash_table_iter_init(&iter, tables->interfaces);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Interface *interface = value;
		Link *link = g_memdup2(&interface->link, sizeof(*link));

		link->has_default_route = has_default_route(tables, link->ifindex);
		link->prefixes = list_prefixes(interface->addresses, own_prefix);
		link->addresses = list_prefixes(interface->addresses, own_address);
		g_ptr_array_add(all, link);
	}
	g_ptr_array_sort(all, compare_links);
	return all;
}

static bool prefixes_equal(const GArray *a, const GArray *b)
{
	if (a->len != b->len)
		return false;
	for (guint i = 0; i < a->len; i++)
		if (!prefix_equal(&g_array_index(a, Prefix, i), &g_array_index(b, Prefix, i)))
			return false;
	return true;
}

static bool link_equal(const Link *a, const Link *b)
{
	return a->ifindex == b->ifindex && !strcmp(a->name, b->name) && !strcmp(a->kind, b->kind) &&
	       a->arp_type == b->arp_type && a->is_loopback == b->is_loopback &&
	       a->master == b->master && a->lower == b->lower && a->has_xdp == b->has_xdp &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) &&
	       a->has_default_route == b->has_default_route &&
	       prefixes_equal(a->prefixes, b->prefixes) &&
	       prefixes_equal(a->addresses, b->addresses);
}

static bool all_equal(const GPtrArray *a, const GPtrArray *b)
{
	if (a->len != b->len)
		return false;
	for (guint i = 0; i < a->len; i++)
		if (!link_equal(g_ptr_array_index(a, i), g_ptr_array_index(b, i)))
			return false;
	return true;
}

static void show_changes(Links *links)
{
	g_autoptr(GPtrArray) all = show(links->tables);

	if (all_equal(all, links->all))
		return;
	g_ptr_array_unref(links->all);
	links->all = g_steal_pointer(&all);
	links->on_change(links->user_data);
}

static gboolean on_retry(void *user_data);

/* The tables after a burst of events are as they will stay: reads them anew if need be. */
static void settle(Links *links)
{
	g_autoptr(GError) error = NULL;

	if (links->tables->stale && !read_tables(links, &error) && !links->retry_source) {
		g_warning("%s; trying again", error->message);
		links->retry_source = g_timeout_add_seconds(RETRY_S, on_retry, links);
	}
	show_changes(links);
}

static gboolean on_retry(void *user_data)
{
	Links *links = user_data;

	links->retry_source = 0;
	settle(links);
	return G_SOURCE_REMOVE;
}

static int on_event(const struct nlmsghdr *message, void *user_data)
{
	Links *links = user_data;

	for (size_t i = 0; i < G_N_ELEMENTS(events); i++)
		if (events[i].type == message->nlmsg_type)
			events[i].handle(links->tables, message);
	return MNL_CB_OK;
}

/* One event, and whether there may be another. */
static bool receive_event(Links *links)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_BUFFER_LEN];
	ssize_t len = mnl_socket_recvfrom(links->events, buffer, sizeof(buffer));

	if (len >= 0) {
		(void)mnl_cb_run(buffer, (size_t)len, 0, 0, on_event, links);
		return true;
	}
	switch (errno) {
	case ENOBUFS: /* events were lost, and more will be until the queue is empty */
	case ENOSPC:  /* one was longer than the buffer */
		links->tables->stale = true;
		return true;
	default:
		return errno == EINTR;
	}
}

/* Reading an event takes less time than making one, so the burst ends. */
static gboolean on_events(int fd, GIOCondition condition, void *user_data)
{
	Links *links = user_data;

	while (receive_event(links))
		;
	settle(links);
	return G_SOURCE_CONTINUE;
}

/*
 * Of routes, only default ones get through: a router with a full table of the Internet hears of
 * hundreds of others each second. An event is one message, its type in the byte order of the
 * machine.
 */
static bool filter_events(struct mnl_socket *socket)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_dst_len)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = { G_N_ELEMENTS(code), code };

	return setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_ATTACH_FILTER, &filter,
			  sizeof(filter)) == 0;
}

static bool join_groups(struct mnl_socket *socket)
{
	static const int groups[] = {
		RTNLGRP_LINK,	    RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,	 RTNLGRP_NEXTHOP,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) <
		    0)
			return false;
	}
	return true;
}

static struct mnl_socket *subscribe(const Netns *netns, GError **error)
{
	int fd = broker_netlink_socket(netns->fd, EVENTS_BUFFER, error);
	g_autoptr(MnlSocket) socket = fd < 0 ? NULL : netlink_open(fd, error);

	if (!socket) {
		g_prefix_error(error, "subscribe to changes of interfaces: ");
		return NULL;
	}
	if (filter_events(socket) && join_groups(socket) &&
	    g_unix_set_fd_nonblocking(mnl_socket_get_fd(socket), TRUE, NULL))
		return g_steal_pointer(&socket);
	error_from_errno(error, errno, "subscribe to changes of interfaces");
	return NULL;
}

Links *links_new(const Netns *netns, LinksCallback on_change, void *user_data, GError **error)
{
	g_autoptr(Links) links = g_new0(Links, 1);

	links->netns = netns;
	links->on_change = on_change;
	links->user_data = user_data;
	/* Before the dump: what happens after it is heard of. */
	if (on_change) {
		links->events = subscribe(netns, error);
		if (!links->events)
			return NULL;
		links->events_source =
			g_unix_fd_add(mnl_socket_get_fd(links->events), G_IO_IN, on_events, links);
	}
	if (!read_tables(links, error))
		return NULL;
	links->all = show(links->tables);
	return g_steal_pointer(&links);
}

void links_free(Links *links)
{
	if (!links)
		return;
	g_clear_handle_id(&links->retry_source, g_source_remove);
	g_clear_handle_id(&links->events_source, g_source_remove);
	g_clear_pointer(&links->events, mnl_socket_close);
	g_clear_pointer(&links->all, g_ptr_array_unref);
	tables_free(links->tables);
	g_free(links);
}

const GPtrArray *links_all(const Links *links)
{
	return links->all;
}

const Link *links_by_ifindex(const Links *links, uint32_t ifindex)
{
	const Link wanted = { .ifindex = ifindex }, *key = &wanted;
	Link **found =
		bsearch(&key, links->all->pdata, links->all->len, sizeof(key), compare_links);

	return found ? *found : NULL;
}

const Link *links_by_name(const Links *links, const char *name)
{
	for (guint i = 0; i < links->all->len; i++) {
		const Link *link = g_ptr_array_index(links->all, i);

		if (!strcmp(link->name, name))
			return link;
	}
	return NULL;
}

static int on_statistics(const struct nlmsghdr *message, void *user_data)
{
	const struct nlattr *attribute =
		netlink_attribute(message, sizeof(struct ifinfomsg), IFLA_STATS64,
				  offsetof(struct rtnl_link_stats64, rx_errors));
	struct rtnl_link_stats64 statistics;
	LinkCounters *counters = user_data;

	if (!attribute)
		return MNL_CB_OK;
	/* Attributes are aligned to 4 octets only. */
	memcpy(&statistics, mnl_attr_get_payload(attribute),
	       offsetof(struct rtnl_link_stats64, rx_errors));
	counters->frames[HOOK_INGRESS] = statistics.rx_packets;
	counters->frames[HOOK_EGRESS] = statistics.tx_packets;
	counters->octets[HOOK_INGRESS] = statistics.rx_bytes;
	counters->octets[HOOK_EGRESS] = statistics.tx_bytes;
	return MNL_CB_OK;
}

bool links_read_counters(Links *links, uint32_t ifindex, LinkCounters *counters, GError **error)
{
	const struct ifinfomsg header = { .ifi_index = (int)ifindex };
	const NetlinkRequest request = { RTM_GETLINK, NLM_F_ACK, &header, sizeof(header) };
	const Link *link = links_by_ifindex(links, ifindex);
	LinkCounters now = { 0 };

	if (!request_in(links->netns, &request, on_statistics, &now, error)) {
		if (link)
			g_prefix_error(error, "%s: read counters: ", link->name);
		else
			g_prefix_error(error, "interface %u: read counters: ", ifindex);
		return false;
	}
	*counters = now;
	return true;
}

bool link_find_layer(const Link *link, enum link_layer *layer)
{
	static const struct {
		uint16_t arp_type;
		enum link_layer layer;
	} layers[] = {
		{ ARPHRD_ETHER, LINK_ETHERNET }, { ARPHRD_LOOPBACK, LINK_ETHERNET },
		{ ARPHRD_NONE, LINK_IP },	 { ARPHRD_PPP, LINK_IP },
		{ ARPHRD_TUNNEL, LINK_IP },	 { ARPHRD_TUNNEL6, LINK_IP },
		{ ARPHRD_SIT, LINK_IP },	 { ARPHRD_RAWIP, LINK_IP },
		{ ARPHRD_IPGRE, LINK_IP },	 { ARPHRD_IP6GRE, LINK_IP },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(layers); i++) {
		if (layers[i].arp_type == link->arp_type) {
			*layer = layers[i].layer;
			return true;
		}
	}
	return false;
}
