/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP (RFC 7011, section 10.4). Collectors send nothing: what they send is thrown away, and the end of it is the end
 * of the session.
 */
#include "transport_class.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/error.h"
#include "tcp_socket.h"

typedef struct {
	Transport base;
	size_t offset; /* what the kernel has of the message that is offered */
} TcpTransport;

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
	Transport *transport = user_data;
	int r = tcp_socket_drain(transport->fd);

	transport->readable = 0;
	if (r == 0)
		transport_rest(transport, on_readable);
	else
		transport_break_at_end(transport, r);
	return G_SOURCE_REMOVE;
}

static gboolean on_connected(gint fd, GIOCondition condition, gpointer user_data)
{
	Transport *transport = user_data;

	if (!transport_has_connected(transport))
		return G_SOURCE_REMOVE;
	transport_watch_readable(transport, on_readable);
	transport_open(transport);
	return G_SOURCE_REMOVE;
}

static bool tcp_open(Transport *transport, const TransportTarget *target, GError **error)
{
	if (!transport_socket(transport, target, SOCK_STREAM, 0, error) ||
	    !transport_connect(transport, target, error))
		return false;
	tcp_socket_set_options(transport->fd);
	transport_watch_writable(transport, on_connected);
	return true;
}

/* What is left of @parts behind the first @offset octets. */
static int skip(struct iovec rest[TRANSPORT_PARTS], const struct iovec parts[TRANSPORT_PARTS],
		size_t offset)
{
	int n = 0;

	for (int i = 0; i < TRANSPORT_PARTS; i++) {
		size_t skipped = MIN(offset, parts[i].iov_len);

		offset -= skipped;
		if (skipped < parts[i].iov_len)
			rest[n++] = (struct iovec){ (char *)parts[i].iov_base + skipped,
						    parts[i].iov_len - skipped };
	}
	return n;
}

static TransportResult tcp_send(Transport *transport, const struct iovec parts[TRANSPORT_PARTS],
				GError **error)
{
	TcpTransport *tcp = (TcpTransport *)transport;
	struct iovec rest[TRANSPORT_PARTS];
	int n;

	while ((n = skip(rest, parts, tcp->offset))) {
		const struct msghdr message = { .msg_iov = rest, .msg_iovlen = (size_t)n };
		ssize_t sent = sendmsg(transport->fd, &message, MSG_NOSIGNAL);

		if (sent < 0 && transport_must_wait(errno)) {
			transport_wait(transport, errno);
			return TRANSPORT_WAIT;
		}
		if (sent < 0) {
			error_from_errno(error, errno, "send");
			return TRANSPORT_FAILED;
		}
		tcp->offset += (size_t)sent;
		transport->taken += (uint64_t)sent;
	}
	tcp->offset = 0;
	return TRANSPORT_SENT;
}

static uint64_t tcp_arrived(Transport *transport)
{
	return transport->taken - MIN(transport->taken, tcp_socket_unacknowledged(transport->fd));
}

const TransportClass transport_tcp = {
	.size = sizeof(TcpTransport),
	.open = tcp_open,
	.send = tcp_send,
	.arrived = tcp_arrived,
};
