/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of sockets: a receiver on loopback, and a network namespace in which the paths are as
 * narrow or slow as the test wants. A namespace needs root: without, the test is skipped.
 */
#ifndef FLOWTALLY_TESTS_NETWORK_H
#define FLOWTALLY_TESTS_NETWORK_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../agent/test.h"

#define RECEIVE_TIMEOUT_MS 2000

typedef struct {
	int fd;
	char address[64]; /* as a collector's is written */
} Receiver;

static inline Receiver receiver_at(int family, const char *ipv4_address, uint16_t port)
{
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	struct sockaddr *to =
		family == AF_INET ? (struct sockaddr *)&ipv4 : (struct sockaddr *)&ipv6;
	socklen_t len = family == AF_INET ? sizeof(ipv4) : sizeof(ipv6);
	const int size = 64 << 20;
	Receiver receiver;

	ipv4.sin_addr.s_addr = inet_addr(ipv4_address);
	ipv4.sin_port = ipv6.sin6_port = htons(port);
	receiver.fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(receiver.fd >= 0);
	if (setsockopt(receiver.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(receiver.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	assert_int_equal(bind(receiver.fd, to, len), 0);
	assert_int_equal(getsockname(receiver.fd, to, &len), 0);
	if (family == AF_INET)
		snprintf(receiver.address, sizeof(receiver.address), "%s:%u", ipv4_address,
			 ntohs(ipv4.sin_port));
	else
		snprintf(receiver.address, sizeof(receiver.address), "[::1]:%u",
			 ntohs(ipv6.sin6_port));
	return receiver;
}

/* On loopback; @port may be 0 for any. */
static inline Receiver receiver_new(int family, uint16_t port)
{
	return receiver_at(family, "127.0.0.1", port);
}

static inline uint16_t receiver_port(const Receiver *receiver)
{
	return (uint16_t)atoi(strrchr(receiver->address, ':') + 1);
}

/* How much may wait for being received; the kernel counts more than the octets of messages. */
static inline int receiver_room(const Receiver *receiver)
{
	int room = 0;
	socklen_t len = sizeof(room);

	assert_int_equal(getsockopt(receiver->fd, SOL_SOCKET, SO_RCVBUF, &room, &len), 0);
	return room;
}

/* The length of the next message, 0 if none comes in time. */
static inline size_t receive(const Receiver *receiver, void *message, size_t size, int timeout_ms)
{
	struct pollfd readable = { .fd = receiver->fd, .events = POLLIN };
	ssize_t len = -1;

	if (poll(&readable, 1, timeout_ms) > 0)
		len = recv(receiver->fd, message, size, 0);
	return len < 0 ? 0 : (size_t)len;
}

/* Whether the command is there and succeeds; what it says is for nobody. */
static inline bool run(const char *command)
{
	g_autofree char *quiet = g_strdup_printf("{ %s; } >/dev/null 2>&1", command);

	return system(quiet) == 0;
}

/* Setup: *state is the file of the namespace before, NULL if we may not have another. */
static inline int enter_network(void **state)
{
	int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	*state = NULL;
	if (before < 0)
		return 0;
	if (unshare(CLONE_NEWNET) < 0) {
		close(before);
		return 0;
	}
	*state = GINT_TO_POINTER(before);
	return run("ip link set lo up") ? 0 : -1;
}

static inline int leave_network(void **state)
{
	int before = GPOINTER_TO_INT(*state);
	int r;

	if (!*state)
		return 0;
	/* What still waits in a queue would keep the namespace, and the kernel's ICMP, busy. */
	(void)run("ip link set lo down");
	r = setns(before, CLONE_NEWNET);
	close(before);
	return r;
}

/* Another network beside the one we are in: its file. */
static inline int network_new(void)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int network;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	close(here);
	return network;
}

/* Steps into @network, and back with what it returned. */
static inline int network_step(int network)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_int_equal(setns(network, CLONE_NEWNET), 0);
	return here;
}

/* An interface here, whose peer is in @network. */
static inline bool network_connect(int network, const char *name, const char *address,
				   const char *peer, const char *peer_address, unsigned int mtu)
{
	g_autofree char *add = g_strdup_printf(
		"ip link add %s mtu %u type veth peer name %s mtu %u netns /proc/%d/fd/%d && "
		"ip address add %s dev %s && ip link set %s up",
		name, mtu, peer, mtu, getpid(), network, address, name, name);
	g_autofree char *peer_add = g_strdup_printf("ip address add %s dev %s && ip link set %s up",
						    peer_address, peer, peer);
	bool ok = run(add);
	int here = network_step(network);

	ok = ok && run(peer_add);
	close(network_step(here));
	close(here);
	return ok;
}

#define cmocka_network_test(test)                                                                  \
	cmocka_unit_test_setup_teardown(test, enter_network, leave_network)

#endif
