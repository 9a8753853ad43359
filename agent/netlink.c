/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "error.h"

#define SEQUENCE 1

/*
 * One socket a request: an answer that is given up half-way goes with it, and what follows is not
 * taken for the answer to the next one.
 */
static struct mnl_socket *open_socket(void)
{
	g_autoptr(MnlSocket) socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int strict = 1;

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return NULL;
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

bool netlink_request(const NetlinkRequest *request, mnl_cb_t on_message, void *user_data,
		     GError **error)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_BUFFER_LEN];
	g_autoptr(MnlSocket) socket = open_socket();

	if (!socket || !send_request(socket, request, buffer) ||
	    !receive_answer(socket, buffer, on_message, user_data)) {
		g_set_error_literal(error, FLOWTALLY_ERROR, errno, g_strerror(errno));
		return false;
	}
	return true;
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
