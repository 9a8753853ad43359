/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP (RFC 7011, section 10.3). The socket is connected and forbids fragmentation (DF), so that the kernel finds out
 * how much the path takes.
 */
#include "transport_class.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/error.h"

#define ATTEMPTS 3 /* errors of earlier datagrams that may come before a message goes */
#define IP_PACKET_MAX 65535
#define UDP_HEADER_LEN 8

static bool udp_open(Transport *transport, const TransportTarget *target, GError **error)
{
	if (!transport_socket(transport, target, SOCK_DGRAM, 0, error) ||
	    !transport_connect(transport, target, error) ||
	    !socket_prepare_datagrams(transport->fd, transport->family, error))
		return false;
	transport->is_open = true;
	return true;
}

static size_t udp_max_message(const Transport *transport)
{
	size_t mtu = socket_path_mtu(transport->fd, transport->family);
	size_t headers = transport->family->header_len + UDP_HEADER_LEN;

	return mtu > headers ? MIN(mtu, IP_PACKET_MAX) - headers : 0;
}

/*
 * Returns 0 or an errno. An ICMP error waits on the socket until the next sendmsg(), which reports it and sends
 * nothing: it is about an earlier datagram, so this one is tried again.
 */
static int send_now(Transport *transport, const struct iovec parts[TRANSPORT_PARTS])
{
	const struct msghdr message = { .msg_iov = (struct iovec *)parts,
					.msg_iovlen = TRANSPORT_PARTS };
	size_t len = parts[0].iov_len + parts[1].iov_len;
	int r = 0;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (sendmsg(transport->fd, &message, MSG_NOSIGNAL) >= 0)
			return 0;
		r = errno;
		if (r == ECONNREFUSED)
			transport->refused++;
		else if (r != EMSGSIZE || len > udp_max_message(transport))
			break;
	}
	return r;
}

static TransportResult udp_send(Transport *transport, const struct iovec parts[TRANSPORT_PARTS],
				GError **error)
{
	int r = send_now(transport, parts);

	if (!r) {
		transport->taken++;
		return TRANSPORT_SENT;
	}
	if (r == EMSGSIZE)
		return TRANSPORT_TOO_BIG;
	if (transport_must_wait(r)) {
		transport_wait(transport, r);
		return TRANSPORT_WAIT;
	}
	error_from_errno(error, r, "send");
	return TRANSPORT_FAILED;
}

static void udp_take_refused(Transport *transport)
{
	/* Asked for, the error is taken from the socket. */
	if (socket_take_error(transport->fd) == ECONNREFUSED)
		transport->refused++;
}

const TransportClass transport_udp = {
	.size = sizeof(Transport),
	.open = udp_open,
	.send = udp_send,
	.max_message = udp_max_message,
	.take_refused = udp_take_refused,
};
