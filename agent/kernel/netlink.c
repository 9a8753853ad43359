/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

#define SEQUENCE 1

int netlink_socket(int protocol, int len, GError **error)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		error_from_errno(error, errno, "open a netlink socket");
	/* Less is no reason to go without. */
	else if (len > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &len, sizeof(len)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &len, sizeof(len));
	return fd;
}

struct mnl_socket *netlink_open(int fd, GError **error)
{
	g_autoptr(MnlSocket) socket = mnl_socket_fdopen(fd);
	int strict = 1;

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		error_from_errno(error, errno, "open a netlink socket");
		if (!socket)
			close(fd);
		return NULL;
	}
	/* Linux 4.20: the kernel obeys the fields of the header that select. */
	(void)mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict));
	return g_steal_pointer(&socket);
}

static bool send_request(struct mnl_socket *socket, const NetlinkRequest *request, void *buffer)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = request->type;
	message->nlmsg_flags = NLM_F_REQUEST | request->flags;
	message->nlmsg_seq = SEQUENCE;
	memcpy(mnl_nlmsg_put_extra_header(message, request->header_len), request->header,
	       request->header_len);
	return mnl_socket_sendto(socket, message, message->nlmsg_len) >= 0;
}

static bool receive_answer(struct mnl_socket *socket, void *buffer, mnl_cb_t on_message,
			   void *user_data)
{
	unsigned int portid = mnl_socket_get_portid(socket);
	ssize_t len;
	int r;

	do {
		len = mnl_socket_recvfrom(socket, buffer, NETLINK_BUFFER_LEN);
		if (len < 0)
			return false;
		r = mnl_cb_run(buffer, (size_t)len, SEQUENCE, portid, on_message, user_data);
	} while (r > MNL_CB_STOP);
	return r == MNL_CB_STOP;
}

/*
 * One socket a request: an answer that is given up half-way goes with it, and what follows is not
 * taken for the answer to the next one.
 */
bool netlink_request(int fd, const NetlinkRequest *request, mnl_cb_t on_message, void *user_data,
		     GError **error)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_BUFFER_LEN];
	g_autoptr(MnlSocket) socket = NULL;

	if (fd < 0)
		fd = netlink_socket(NETLINK_ROUTE, 0, error);
	socket = fd < 0 ? NULL : netlink_open(fd, error);
	if (!socket)
		return false;
	if (send_request(socket, request, buffer) &&
	    receive_answer(socket, buffer, on_message, user_data))
		return true;
	g_set_error_literal(error, FLOWTALLY_ERROR, errno, g_strerror(errno));
	return false;
}

const struct nlattr *netlink_attribute(const struct nlmsghdr *message, size_t header_len,
				       uint16_t type, size_t min_len)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, (unsigned int)header_len)
	{
		if (mnl_attr_get_type(attribute) == type)
			return mnl_attr_get_payload_len(attribute) >= min_len ? attribute : NULL;
	}
	return NULL;
}

const struct nlattr *netlink_nested(const struct nlattr *parent, uint16_t type)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, parent)
	{
		if (mnl_attr_get_type(attribute) == type && mnl_attr_get_payload_len(attribute))
			return attribute;
	}
	return NULL;
}
