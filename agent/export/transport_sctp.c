/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCTP (RFC 7011, section 10.2), one-to-one style, by the kernel's own interface (<linux/sctp.h>, RFC 6458): all in
 * one stream, each message a message, fully reliable and in order.
 *
 * Positions are octets. What of them has not arrived is estimated while the association lives, by the memory that the
 * kernel holds for it; that is never too little. When it fails the kernel names each message that did not arrive.
 */
#include "transport_class.h"

#include <errno.h>
#include <linux/sctp.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define NOTIFICATION_MAX 4096
#define RECEIVE_ROUNDS 4096 /* of notices: there may be one for each message of the send buffer */

/* So that who is gone is found within a minute or so. */
#define RETRANSMISSIONS 6
#define RTO_MAX_MS 10000

typedef struct {
	Transport base;
	uint64_t arrived; /* at least, while it lived */
	bool has_failed;  /* a message has not arrived, ... */
	uint64_t failed;  /* ... which begins here */
	bool has_ended;	  /* and all that failed is known */
	bool has_more;	  /* of what was received last: it is no message of its own */
} SctpTransport;

static bool sctp_is_supported(GError **error)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);

	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT)
		error_set(error, "this kernel has no SCTP");
	else
		error_from_errno(error, errno, "SCTP");
	return false;
}

/* The message that begins at a position with these low 32 bits did not arrive. */
static void note_failed(SctpTransport *sctp, uint32_t context)
{
	uint64_t position = sctp->base.taken - (uint32_t)((uint32_t)sctp->base.taken - context);

	sctp->failed = sctp->has_failed ? MIN(sctp->failed, position) : position;
	sctp->has_failed = true;
}

/* 0, or why the association is of no more use. */
static int take_notification(SctpTransport *sctp, const void *data, size_t len)
{
	union sctp_notification notification = { 0 };

	memcpy(&notification, data, MIN(len, sizeof(notification)));
	switch (notification.sn_header.sn_type) {
	case SCTP_SEND_FAILED:
		note_failed(sctp, notification.sn_send_failed.ssf_info.sinfo_context);
		return 0;
	case SCTP_SHUTDOWN_EVENT:
		return ENOTCONN;
	case SCTP_ASSOC_CHANGE:
		if (notification.sn_assoc_change.sac_state == SCTP_COMM_UP)
			return 0;
		return notification.sn_assoc_change.sac_state == SCTP_SHUTDOWN_COMP ? ENOTCONN :
										      ECONNRESET;
	default:
		return 0;
	}
}

static int receive(SctpTransport *sctp)
{
	char data[NOTIFICATION_MAX];
	struct iovec part = { data, sizeof(data) };
	int end = 0;

	for (int round = 0; round < RECEIVE_ROUNDS; round++) {
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
		ssize_t len = recvmsg(sctp->base.fd, &message, 0);
		int r = 0;

		if (len < 0 && errno == EAGAIN)
			return end;
		if (len <= 0)
			return end ? end : len < 0 ? errno : ENOTCONN;
		/* Of data nobody takes notice. */
		if (message.msg_flags & MSG_NOTIFICATION && !sctp->has_more)
			r = take_notification(sctp, data, (size_t)len);
		sctp->has_more = !(message.msg_flags & MSG_EOR);
		end = end ? end : r;
	}
	return end;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
	Transport *transport = user_data;
	SctpTransport *sctp = user_data;
	int r = receive(sctp);

	if (!r)
		return G_SOURCE_CONTINUE;
	transport->readable = 0;
	sctp->has_ended = true;
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

static bool set_options(int fd)
{
	static const int yes = 1;
	static const struct sctp_event_subscribe events = {
		.sctp_association_event = 1,
		.sctp_send_failure_event = 1,
		.sctp_shutdown_event = 1,
	};
	static const struct sctp_assocparams association = { .sasoc_asocmaxrxt = RETRANSMISSIONS };
	static const struct sctp_rtoinfo times = { .srto_max = RTO_MAX_MS };

	return setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, &events, sizeof(events)) == 0 &&
	       setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, &yes, sizeof(yes)) == 0 &&
	       setsockopt(fd, IPPROTO_SCTP, SCTP_ASSOCINFO, &association, sizeof(association)) ==
		       0 &&
	       setsockopt(fd, IPPROTO_SCTP, SCTP_RTOINFO, &times, sizeof(times)) == 0;
}

static bool sctp_open(Transport *transport, const TransportTarget *target, GError **error)
{
	if (!transport_socket(transport, target, SOCK_STREAM, IPPROTO_SCTP, error))
		return false;
	if (!set_options(transport->fd)) {
		error_from_errno(error, errno, "set options of SCTP");
		return false;
	}
	if (!transport_connect(transport, target, error))
		return false;
	transport_watch_writable(transport, on_connected);
	return true;
}

static TransportResult sctp_send(Transport *transport, const struct iovec parts[TRANSPORT_PARTS],
				 GError **error)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct sctp_sndinfo))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(struct sctp_sndinfo)),
				  .cmsg_level = IPPROTO_SCTP,
				  .cmsg_type = SCTP_SNDINFO } };
	const struct sctp_sndinfo info = { .snd_context = (uint32_t)transport->taken };
	const struct msghdr message = { .msg_iov = (struct iovec *)parts,
					.msg_iovlen = TRANSPORT_PARTS,
					.msg_control = &control,
					.msg_controllen = sizeof(control.space) };
	ssize_t sent;

	memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
	sent = sendmsg(transport->fd, &message, MSG_NOSIGNAL);
	if (sent >= 0) {
		transport->taken += (uint64_t)sent;
		return TRANSPORT_SENT;
	}
	if (transport_must_wait(errno)) {
		transport_wait(transport, errno);
		return TRANSPORT_WAIT;
	}
	error_from_errno(error, errno, "send");
	return TRANSPORT_FAILED;
}

/* The kernel's memory for what has not arrived, which is more than its octets. */
static uint64_t held(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(memory);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) < 0)
		return UINT64_MAX;
	return memory[SK_MEMINFO_WMEM_QUEUED];
}

static bool has_association(int fd)
{
	struct sctp_status status = { 0 };
	socklen_t len = sizeof(status);

	return getsockopt(fd, IPPROTO_SCTP, SCTP_STATUS, &status, &len) == 0;
}

static uint64_t sctp_arrived(Transport *transport)
{
	SctpTransport *sctp = (SctpTransport *)transport;
	uint64_t left = held(transport->fd);

	if (sctp->has_failed)
		return sctp->failed;
	/* When it ends the kernel forgets what it held, before we have read what of that failed. */
	if (has_association(transport->fd))
		sctp->arrived = MAX(sctp->arrived, transport->taken - MIN(transport->taken, left));
	else if (sctp->has_ended)
		sctp->arrived = transport->taken;
	return sctp->arrived;
}

const TransportClass transport_sctp = {
	.size = sizeof(SctpTransport),
	.is_supported = sctp_is_supported,
	.open = sctp_open,
	.send = sctp_send,
	.arrived = sctp_arrived,
};
