/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to rtnetlink(7) and the messages of the answers, by libmnl.
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
	uint16_t type;	/* RTM_GET* */
	uint16_t flags; /* NLM_F_DUMP: a table, NLM_F_ACK: one object */
	const void *header;
	size_t header_len; /* of struct ifinfomsg, tcmsg ... : what @type asks for */
} NetlinkRequest;

/*
 * Calls @on_message for each message of the answer. The error's message is the reason alone; the
 * caller puts before it what was tried. EINTR: the table changed while it was read, and what was
 * read may have gaps.
 */
bool netlink_request(const NetlinkRequest *request, mnl_cb_t on_message, void *user_data,
		     GError **error);

/* The first attribute of @type behind a header of @header_len; NULL if it is below @min_len. */
const struct nlattr *netlink_attribute(const struct nlmsghdr *message, size_t header_len,
				       uint16_t type, size_t min_len);

typedef struct mnl_socket MnlSocket;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MnlSocket, mnl_socket_close)

#endif
