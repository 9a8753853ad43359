/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to rtnetlink(7) and its like, and the messages of the answers, by libmnl.
 */
#ifndef FLOWTALLY_NETLINK_H
#define FLOWTALLY_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <libmnl/libmnl.h>

/* The longest message, and the most of a dump that the kernel hands over at once. */
#define NETLINK_BUFFER_LEN 32768

typedef struct {
	uint16_t type;	/* RTM_GET* or the like */
	uint16_t flags; /* NLM_F_DUMP: a table, NLM_F_ACK: one object */
	const void *header;
	size_t header_len; /* of struct ifinfomsg, tcmsg ... : what @type asks for */
} NetlinkRequest;

/*
 * A socket of @protocol (NETLINK_ROUTE, say) of the namespace that the thread is in; -1 with @error set. @len
 * is how many octets may wait to be read, 0 being what is usual; the kernel may allow less.
 */
int netlink_socket(int protocol, int len, GError **error);

/* Makes it ready for requests and events; takes over @fd, in any case. */
struct mnl_socket *netlink_open(int fd, GError **error);

/*
 * Calls @on_message for each message of the answer. @fd is a netlink_socket(), which is closed in any case;
 * -1 stands for a new one of NETLINK_ROUTE. The error's message is the reason alone; the caller puts before
 * it what was tried. EINTR: the table changed while it was read, and what was read may have gaps.
 */
bool netlink_request(int fd, const NetlinkRequest *request, mnl_cb_t on_message, void *user_data,
		     GError **error);

/* The first attribute of @type behind a header of @header_len; NULL if it is below @min_len. */
const struct nlattr *netlink_attribute(const struct nlmsghdr *message, size_t header_len,
				       uint16_t type, size_t min_len);

/* The first attribute of @type that is nested in @parent, and not empty; NULL: there is none. */
const struct nlattr *netlink_nested(const struct nlattr *parent, uint16_t type);

typedef struct mnl_socket MnlSocket;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MnlSocket, mnl_socket_close)

#endif
