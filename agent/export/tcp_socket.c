/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp_socket.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <glib.h>

/* How long the far end may leave what is sent without an answer, or take nothing. */
#define USER_TIMEOUT_MS 60000
#define KEEPALIVE_IDLE_S 30
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES 3
#define NOT_SENT_MAX (128 << 10) /* octets, beside those that are on their way */
#define DRAIN_LEN 4096
#define DRAIN_ROUNDS 16

void tcp_socket_set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT_MAX },
	};

	/* Who emulates system calls may not know some; it works without. */
	for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
				 sizeof(options[i].value));
}

uint64_t tcp_socket_unacknowledged(int fd)
{
	int octets = 0;

	if (ioctl(fd, SIOCOUTQ, &octets) < 0 || octets < 0)
		return 0;
	return (uint64_t)octets;
}

int tcp_socket_drain(int fd)
{
	char nothing[DRAIN_LEN];
	ssize_t n = 1;

	for (int round = 0; round < DRAIN_ROUNDS && n > 0; round++)
		n = recv(fd, nothing, sizeof(nothing), 0);
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return 0;
	return n == 0 ? ENOTCONN : errno;
}
