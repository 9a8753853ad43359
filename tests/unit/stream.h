/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of connections: a listener on loopback and what comes over a connection to it, in one process with what
 * is tested. Whoever waits lets the main context run.
 */
#ifndef FLOWTALLY_TESTS_STREAM_H
#define FLOWTALLY_TESTS_STREAM_H

#include <errno.h>

#include "network.h"

#define STREAM_TIMEOUT_US (20 * G_USEC_PER_SEC)

/* Until @condition is true, or the test fails. */
#define run_until(condition)                                                                       \
	do {                                                                                       \
		gint64 deadline = g_get_monotonic_time() + STREAM_TIMEOUT_US;                      \
                                                                                                   \
		while (!(condition)) {                                                             \
			if (!g_main_context_iteration(NULL, FALSE))                                \
				g_usleep(500);                                                     \
			if (g_get_monotonic_time() > deadline)                                     \
				fail_msg("in vain: %s", #condition);                               \
		}                                                                                  \
	} while (0)

/* @port may be 0 for any. The receiver's descriptor is a listener that does not block. */
static inline Receiver listener_new(int family, uint16_t port)
{
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	struct sockaddr *to =
		family == AF_INET ? (struct sockaddr *)&ipv4 : (struct sockaddr *)&ipv6;
	socklen_t len = family == AF_INET ? sizeof(ipv4) : sizeof(ipv6);
	static const int yes = 1;
	Receiver listener;

	ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ipv4.sin_port = ipv6.sin6_port = htons(port);
	listener.fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(listener.fd >= 0);
	assert_int_equal(setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
	assert_int_equal(bind(listener.fd, to, len), 0);
	assert_int_equal(getsockname(listener.fd, to, &len), 0);
	assert_int_equal(listen(listener.fd, 8), 0);
	if (family == AF_INET)
		snprintf(listener.address, sizeof(listener.address), "127.0.0.1:%u",
			 ntohs(ipv4.sin_port));
	else
		snprintf(listener.address, sizeof(listener.address), "[::1]:%u",
			 ntohs(ipv6.sin6_port));
	return listener;
}

/* The next connection, which does not block. */
static inline int listener_accept(const Receiver *listener)
{
	int fd = -1;

	run_until((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
	return fd;
}

/* Adds what has come to @stream. False: that was the end. */
static inline bool stream_read(int fd, GByteArray *stream)
{
	static uint8_t part[65536];
	ssize_t len;

	while ((len = recv(fd, part, sizeof(part), 0)) > 0)
		g_byte_array_append(stream, part, (guint)len);
	return len < 0 && errno == EAGAIN;
}

/* So that the far end is reset. */
static inline void stream_reset(int fd)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(fd);
}

#endif
