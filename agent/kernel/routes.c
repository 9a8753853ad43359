/* SPDX-License-Identifier: Apache-2.0 */
#include "routes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <glib-unix.h>

#include "base/error.h"
#include "broker.h"
#include "netlink.h"

/* What is asked for in one go: the answers must all fit into the socket at once. */
#define BATCH 32
#define REQUEST_MAX 128 /* octets of one request */
#define ANSWERS_BUFFER (1 << 20)

#define SETS 8192 /* a power of 2 */
#define WAYS 4

typedef struct {
	RouteQuery query;
	Route route;
	uint32_t epoch; /* the answer holds while this is that of the routes; 0: there is none */
	uint32_t used;	/* when it was last asked for, by Routes.now */
} Entry;
_Static_assert(sizeof(Entry) * SETS * WAYS < 4 << 20, "the header says that it is not much");

struct Routes {
	struct mnl_socket *requests;
	struct mnl_socket *events;
	uint32_t epoch; /* grows with each change; never 0 */
	uint32_t now;	/* grows with each query */
	uint32_t sequence;
	uint64_t asked;
	uint64_t secret[1 + sizeof(RouteQuery) / sizeof(uint32_t)];
	Entry *entries; /* a set's ways stand together */
};

/* What is being asked, and what has been answered. */
typedef struct {
	const RouteQuery *queries[BATCH];
	Route *found[BATCH];
	bool answered[BATCH];
	size_t n;
} Batch;

static struct mnl_socket *open_socket(const Netns *netns, GError **error)
{
	int fd = broker_netlink_socket(netns->fd, ANSWERS_BUFFER, error);
	g_autoptr(MnlSocket) socket = fd < 0 ? NULL : netlink_open(fd, error);

	if (!socket)
		return NULL;
	if (g_unix_set_fd_nonblocking(mnl_socket_get_fd(socket), TRUE, error))
		return g_steal_pointer(&socket);
	return NULL;
}

static bool join_groups(struct mnl_socket *socket, GError **error)
{
	static const int groups[] = {
		RTNLGRP_LINK,	    RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,	 RTNLGRP_IPV6_RULE,   RTNLGRP_NEXTHOP,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) <
		    0) {
			error_from_errno(error, errno, "subscribe to changes of routes");
			return false;
		}
	}
	return true;
}

Routes *routes_new(const Netns *netns, GError **error)
{
	g_autoptr(Routes) routes = g_new0(Routes, 1);

	routes->events = open_socket(netns, error);
	if (!routes->events || !join_groups(routes->events, error))
		return NULL;
	routes->requests = open_socket(netns, error);
	if (!routes->requests)
		return NULL;
	if (getrandom(routes->secret, sizeof(routes->secret), 0) != sizeof(routes->secret))
		g_error("getrandom: no random numbers");
	routes->epoch = 1;
	routes->entries = g_new0(Entry, SETS * WAYS);
	return g_steal_pointer(&routes);
}

void routes_free(Routes *routes)
{
	if (!routes)
		return;
	g_clear_pointer(&routes->events, mnl_socket_close);
	g_clear_pointer(&routes->requests, mnl_socket_close);
	g_free(routes->entries);
	g_free(routes);
}

uint64_t routes_asked(const Routes *routes)
{
	return routes->asked;
}

/* What has changed does not matter: a router that learns routes all the time would be asked as often. */
static void follow_changes(Routes *routes)
{
	char buffer[NLMSG_HDRLEN];
	bool changed = false;

	for (;;) {
		ssize_t len = recv(mnl_socket_get_fd(routes->events), buffer, sizeof(buffer), 0);

		if (len < 0 && errno != EINTR && errno != ENOBUFS)
			break;
		changed |= len >= 0 || errno == ENOBUFS;
	}
	if (changed && !++routes->epoch)
		routes->epoch = 1;
}

/* Multilinear, as in flowkey.h: strangers choose the addresses. */
static Entry *set_of(const Routes *routes, const RouteQuery *query)
{
	uint32_t words[sizeof(*query) / sizeof(uint32_t)];
	uint64_t sum = routes->secret[0];

	memcpy(words, query, sizeof(words));
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		sum += routes->secret[i + 1] * words[i];
	return &routes->entries[(sum >> 32) % SETS * WAYS];
}

static bool recall(Routes *routes, const RouteQuery *query, Route *found)
{
	Entry *set = set_of(routes, query);

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].epoch != routes->epoch ||
		    memcmp(&set[i].query, query, sizeof(*query)) != 0)
			continue;
		set[i].used = ++routes->now;
		*found = set[i].route;
		return true;
	}
	return false;
}

/* In the place of what does not hold any more, or of what was not asked for for longest. */
static void keep(Routes *routes, const RouteQuery *query, const Route *route)
{
	Entry *set = set_of(routes, query), *place = &set[0];

	routes->now++;
	for (size_t i = 0; i < WAYS && place->epoch == routes->epoch; i++) {
		if (set[i].epoch != routes->epoch ||
		    routes->now - set[i].used > routes->now - place->used)
			place = &set[i];
	}
	*place = (Entry){ *query, *route, routes->epoch, routes->now };
}

static size_t address_len(uint8_t ip_version)
{
	return ip_version == 4 ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

static void put_address(struct nlmsghdr *message, uint16_t type, const RouteQuery *query,
			const uint8_t address[ADDRESS_LEN])
{
	size_t len = address_len(query->ip_version);

	mnl_attr_put(message, type, len, address + ADDRESS_LEN - len);
}

/*
 * RTM_F_FIB_MATCH: the route that decides, instead of what follows from it for this one destination. A source
 * that is not ours is refused for packets of our own.
 */
static size_t put_request(void *buffer, uint32_t sequence, const RouteQuery *query)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	uint8_t bits = (uint8_t)(8 * address_len(query->ip_version));

	message->nlmsg_type = RTM_GETROUTE;
	message->nlmsg_flags = NLM_F_REQUEST;
	message->nlmsg_seq = sequence;
	route->rtm_family = query->ip_version == 4 ? AF_INET : AF_INET6;
	route->rtm_flags = RTM_F_FIB_MATCH;
	route->rtm_dst_len = bits;
	put_address(message, RTA_DST, query, query->destination);
	if (query->ingress) {
		route->rtm_src_len = bits;
		put_address(message, RTA_SRC, query, query->source);
		mnl_attr_put_u32(message, RTA_IIF, query->ingress);
	}
	if (query->mark)
		mnl_attr_put_u32(message, RTA_MARK, query->mark);
	return message->nlmsg_len;
}

static void set_next_hop(Route *route, const RouteQuery *query, const struct nlattr *gateway)
{
	size_t len = address_len(query->ip_version);

	if (!gateway || mnl_attr_get_payload_len(gateway) != len)
		return;
	if (len < ADDRESS_LEN)
		route->next_hop[10] = route->next_hop[11] = 0xff;
	memcpy(route->next_hop + ADDRESS_LEN - len, mnl_attr_get_payload(gateway), len);
}

static const struct nlattr *gateway_of(const struct rtnexthop *hop)
{
	size_t len = hop->rtnh_len;

	for (const struct nlattr *attribute = (const void *)RTNH_DATA(hop);
	     mnl_attr_ok(attribute, (int)(len - ((const char *)attribute - (const char *)hop)));
	     attribute = mnl_attr_next(attribute)) {
		if (mnl_attr_get_type(attribute) == RTA_GATEWAY)
			return attribute;
	}
	return NULL;
}

/* Of several paths the one by that interface, if it is the only one. */
static const struct nlattr *gateway_among(const struct nlattr *paths, uint32_t egress)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(paths);
	int left = mnl_attr_get_payload_len(paths);
	const struct rtnexthop *chosen = NULL;

	for (; left >= (int)sizeof(*hop) && RTNH_OK(hop, left);
	     left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		if (egress && (uint32_t)hop->rtnh_ifindex != egress)
			continue;
		if (chosen)
			return NULL;
		chosen = hop;
	}
	return chosen ? gateway_of(chosen) : NULL;
}

static void read_route(const struct nlmsghdr *message, const RouteQuery *query, Route *route)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *paths = netlink_attribute(message, sizeof(*header), RTA_MULTIPATH, 0);

	route->length = header->rtm_dst_len;
	set_next_hop(route, query,
		     paths ? gateway_among(paths, query->egress) :
			     netlink_attribute(message, sizeof(*header), RTA_GATEWAY, 1));
}

/* That there is no route is an answer, too. */
static void take_answer(const Routes *routes, Batch *batch, const struct nlmsghdr *message)
{
	uint32_t i = message->nlmsg_seq - routes->sequence;

	if (i >= batch->n || batch->answered[i])
		return;
	batch->answered[i] = true;
	if (message->nlmsg_type == RTM_NEWROUTE &&
	    mnl_nlmsg_get_payload_len(message) >= sizeof(struct rtmsg))
		read_route(message, batch->queries[i], batch->found[i]);
}

/* False: the kernel has said no more. */
static bool receive_answers(const Routes *routes, Batch *batch)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_BUFFER_LEN];
	ssize_t received = mnl_socket_recvfrom(routes->requests, buffer, sizeof(buffer));
	const struct nlmsghdr *message = (const void *)buffer;
	int len = (int)received;

	if (received < 0)
		return errno == EINTR || errno == ENOBUFS;
	for (; mnl_nlmsg_ok(message, len); message = mnl_nlmsg_next(message, &len))
		take_answer(routes, batch, message);
	return true;
}

static void ask(Routes *routes, Batch *batch)
{
	_Alignas(struct nlmsghdr) char buffer[BATCH * REQUEST_MAX];
	size_t len = 0;

	if (!batch->n)
		return;
	for (size_t i = 0; i < batch->n; i++)
		len += put_request(buffer + len, routes->sequence + (uint32_t)i, batch->queries[i]);
	routes->asked += batch->n;
	if (mnl_socket_sendto(routes->requests, buffer, len) == (ssize_t)len) {
		while (receive_answers(routes, batch))
			;
	}
	routes->sequence += BATCH;
	for (size_t i = 0; i < batch->n; i++) {
		if (batch->answered[i])
			keep(routes, batch->queries[i], batch->found[i]);
	}
}

void routes_find(Routes *routes, const RouteQuery *queries, size_t n, Route *found)
{
	follow_changes(routes);
	for (size_t start = 0; start < n; start += BATCH) {
		Batch batch = { .n = 0 };

		for (size_t i = start; i < MIN(start + BATCH, n); i++) {
			found[i] = (Route){ 0 };
			if (recall(routes, &queries[i], &found[i]))
				continue;
			batch.queries[batch.n] = &queries[i];
			batch.found[batch.n++] = &found[i];
		}
		ask(routes, &batch);
	}
}
