/* SPDX-License-Identifier: Apache-2.0 */
#include "brokermessage.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void broker_fds_init(BrokerFds *fds)
{
	memset(fds->fd, -1, sizeof(fds->fd));
}

void broker_fds_close(const BrokerFds *fds)
{
	for (int i = 0; i < BROKER_FDS; i++) {
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	}
}

bool broker_message_send(int socket, BrokerMessage *message, const BrokerFds *fds)
{
	union {
		char buffer[CMSG_SPACE(sizeof(BrokerFds))];
		struct cmsghdr header;
	} control = { 0 };
	struct iovec part = { message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	int *next = (int *)(void *)CMSG_DATA(&control.header);
	size_t n = 0;

	message->fds = 0;
	for (int i = 0; i < BROKER_FDS; i++) {
		if (fds->fd[i] < 0)
			continue;
		message->fds |= 1u << i;
		next[n++] = fds->fd[i];
	}
	if (n) {
		header.msg_control = control.buffer;
		header.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
	}
	return TEMP_FAILURE_RETRY(sendmsg(socket, &header, MSG_NOSIGNAL)) ==
	       (ssize_t)sizeof(*message);
}

/* Puts the descriptors that came, in the order of their places, where they belong; others are closed. */
static bool place_fds(uint32_t places, struct msghdr *header, BrokerFds *fds)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(header);
	const int *came = control ? (const int *)(const void *)CMSG_DATA(control) : NULL;
	size_t n = control ? (control->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	bool fit = (size_t)__builtin_popcount(places) == n;
	size_t next = 0;

	for (int i = 0; i < BROKER_FDS && next < n; i++) {
		if (places & 1u << i)
			fds->fd[i] = came[next++];
	}
	fit = fit && next == n;
	while (next < n)
		close(came[next++]);
	return fit;
}

bool broker_message_receive(int socket, BrokerMessage *message, BrokerFds *fds)
{
	union {
		char buffer[CMSG_SPACE(sizeof(BrokerFds))];
		struct cmsghdr header;
	} control;
	struct iovec part = { message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.buffer,
				 .msg_controllen = sizeof(control.buffer) };
	ssize_t len;
	bool placed;

	memset(message, 0, sizeof(*message));
	broker_fds_init(fds);
	len = TEMP_FAILURE_RETRY(recvmsg(socket, &header, MSG_CMSG_CLOEXEC));
	if (len < 0) {
		errno = EPIPE;
		return false;
	}
	placed = place_fds(message->fds, &header, fds);
	if (len == (ssize_t)sizeof(*message) && !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	    placed)
		return true;
	broker_fds_close(fds);
	broker_fds_init(fds);
	errno = header.msg_flags & MSG_CTRUNC ? EMFILE : EPIPE;
	return false;
}

/* To read any other octet as one would be undefined. */
static bool is_bool(const bool *value)
{
	return *(const uint8_t *)value <= 1;
}

static bool is_attach_sane(const BrokerMessage *message)
{
	return memchr(message->attach.place.name, 0, sizeof(message->attach.place.name)) &&
	       message->attach.options.prefer < HOOK_KINDS &&
	       is_bool(&message->attach.options.last) && message->attach.hooks.kind < HOOK_KINDS &&
	       is_bool(&message->attach.hooks.made_clsact) &&
	       message->attach.point.number < POINT_NUMBERS;
}

bool broker_message_is_sane(const BrokerMessage *message)
{
	switch (message->request) {
	case BROKER_ATTACH:
	case BROKER_DETACH:
	case BROKER_LOOK:
		return is_attach_sane(message);
	case BROKER_MOUNT_PINS:
	case BROKER_UNMOUNT_PINS:
		return memchr(message->directory, 0, sizeof(message->directory));
	case BROKER_READ_OFFLOADS:
		return memchr(message->offloads.name, 0, sizeof(message->offloads.name));
	default:
		return message->request < BROKER_REQUESTS;
	}
}
