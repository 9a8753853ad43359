/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector that only records: it appends every datagram that arrives at a UDP port to a file, as
 * ipfixDump reads it, until SIGTERM or SIGINT, and then says how many there were and how long the
 * longest was.
 *
 *   record ADDRESS PORT FILE
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAM_MAX 65536
#define RECEIVE_BUFFER (32 << 20)

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = number;
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "record: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int open_socket(const char *address, const char *port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} local = { .any.sa_family = strchr(address, ':') ? AF_INET6 : AF_INET };
	bool ipv6 = local.any.sa_family == AF_INET6;
	void *to = ipv6 ? (void *)&local.ipv6.sin6_addr : (void *)&local.ipv4.sin_addr;
	int fd = socket(local.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = RECEIVE_BUFFER;

	if (inet_pton(local.any.sa_family, address, to) != 1) {
		errno = EINVAL;
		fail(address);
	}
	/* The port lies at the same place in both. */
	local.ipv4.sin_port = htons(strtoul(port, NULL, 10));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (fd < 0 || bind(fd, &local.any, ipv6 ? sizeof(local.ipv6) : sizeof(local.ipv4)))
		fail(address);
	return fd;
}

int main(int argc, char **argv)
{
	static uint8_t datagram[DATAGRAM_MAX];
	struct sigaction action = { .sa_handler = on_signal }; /* without SA_RESTART */
	unsigned long datagrams = 0, octets = 0;
	ssize_t longest = 0;
	FILE *file;
	int fd;

	if (argc != 4) {
		fputs("usage: record ADDRESS PORT FILE\n", stderr);
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	fd = open_socket(argv[1], argv[2]);
	file = fopen(argv[3], "we");
	if (!file)
		fail(argv[3]);
	while (!stopped) {
		ssize_t len = recv(fd, datagram, sizeof(datagram), 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			fail("receive");
		/* Whoever reads meanwhile finds whole datagrams. */
		if (fwrite(datagram, 1, len, file) != (size_t)len || fflush(file))
			fail(argv[3]);
		datagrams++;
		octets += len;
		if (len > longest)
			longest = len;
	}
	printf("{\"messages\":%lu,\"octets\":%lu,\"longest\":%zd}\n", datagrams, octets, longest);
	return EXIT_SUCCESS;
}
