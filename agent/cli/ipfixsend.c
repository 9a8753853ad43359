/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfixsend.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "export/ipfix.h"

/* How long a collector has to close a connection that we have ended. */
#define CLOSE_LIMIT_S 5

struct IpfixTarget {
	char *name; /* printable */
	int fd;
	bool is_socket;
	bool is_stream; /* octets, which may be taken in parts; else datagrams */
};

typedef struct addrinfo AddressList;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AddressList, freeaddrinfo)

void ipfix_target_free(IpfixTarget *target)
{
	if (!target)
		return;
	if (target->fd >= 0)
		(void)close(target->fd);
	g_free(target->name);
	g_free(target);
}

static IpfixTarget *target_new(const char *name, bool is_socket, bool is_stream)
{
	IpfixTarget *target = g_new0(IpfixTarget, 1);

	target->name = text_escape(name);
	target->fd = -1;
	target->is_socket = is_socket;
	target->is_stream = is_stream;
	return target;
}

/* "HOST:PORT" or "[HOST]:PORT"; the host of @local alone may be missing. */
static AddressList *look_up(const char *text, bool is_local, int family, bool by_tcp,
			    GError **error)
{
	const struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = by_tcp ? SOCK_STREAM : SOCK_DGRAM,
		.ai_flags = is_local ? AI_PASSIVE : 0,
	};
	const char *colon = strrchr(text, ':');
	g_autofree char *shown = text_escape(text);
	g_autofree char *host = NULL;
	AddressList *found = NULL;
	size_t len = colon ? (size_t)(colon - text) : 0;
	int result;

	if (!colon || !colon[1] || (!len && !is_local)) {
		error_set(error, "%s is not an address and port such as 192.0.2.1:4739", shown);
		return NULL;
	}
	if (len > 2 && text[0] == '[' && colon[-1] == ']')
		host = g_strndup(text + 1, len - 2);
	else if (len)
		host = g_strndup(text, len);
	result = getaddrinfo(host, colon + 1, &hints, &found);
	if (result == 0)
		return found;
	error_set(error, "%s: %s", shown,
		  result == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(result));
	return NULL;
}

static bool bind_to(IpfixTarget *target, const char *local, const AddressList *remote, bool by_tcp,
		    GError **error)
{
	g_autoptr(AddressList) address = look_up(local, true, remote->ai_family, by_tcp, error);
	const int yes = 1;

	if (!address)
		return false;
	if (by_tcp)
		(void)setsockopt(target->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (!bind(target->fd, address->ai_addr, address->ai_addrlen))
		return true;
	error_from_errno(error, errno, "%s: send from %s", target->name, local);
	return false;
}

IpfixTarget *ipfix_target_connect(const char *remote, const char *local, bool by_tcp,
				  GError **error)
{
	g_autoptr(AddressList) address = look_up(remote, false, AF_UNSPEC, by_tcp, error);
	g_autoptr(IpfixTarget) target = target_new(remote, true, by_tcp);

	if (!address)
		return NULL;
	target->fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, 0);
	if (target->fd >= 0 && local && !bind_to(target, local, address, by_tcp, error))
		return NULL;
	if (target->fd >= 0 && !connect(target->fd, address->ai_addr, address->ai_addrlen))
		return g_steal_pointer(&target);
	error_from_errno(error, errno, "%s", target->name);
	return NULL;
}

IpfixTarget *ipfix_target_open(const char *path, GError **error)
{
	const bool is_stdout = !strcmp(path, "-");
	g_autoptr(IpfixTarget) target =
		target_new(is_stdout ? "standard output" : path, false, true);

	target->fd = is_stdout ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) :
				 open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (target->fd >= 0)
		return g_steal_pointer(&target);
	error_from_errno(error, errno, "%s", target->name);
	return NULL;
}

/* Nobody wants to die of a collector that has gone. */
static ssize_t send_once(const IpfixTarget *target, const uint8_t *octets, size_t len)
{
	ssize_t sent;

	do
		sent = target->is_socket ? send(target->fd, octets, len, MSG_NOSIGNAL) :
					   write(target->fd, octets, len);
	while (sent < 0 && errno == EINTR);
	return sent;
}

static bool send_all(const IpfixTarget *target, const uint8_t *octets, size_t len)
{
	while (len) {
		ssize_t sent = send_once(target, octets, len);

		if (sent < 0)
			return false;
		octets += sent;
		len -= (size_t)sent;
	}
	return true;
}

bool ipfix_target_send(IpfixTarget *target, const GPtrArray *messages, GError **error)
{
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = messages->pdata[i];

		if (send_all(target, message->data, message->contents.len))
			continue;
		error_from_errno(error, errno, "%s: message %u of %u", target->name, i + 1,
				 messages->len);
		return false;
	}
	return true;
}

/* Waits until the collector has closed, too: then it has read all. False if the connection broke. */
static bool end_connection(const IpfixTarget *target)
{
	const struct timeval limit = { .tv_sec = CLOSE_LIMIT_S };
	uint8_t octets[64];
	ssize_t len;

	(void)setsockopt(target->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (shutdown(target->fd, SHUT_WR) < 0)
		return false;
	do
		len = recv(target->fd, octets, sizeof(octets), 0);
	while (len > 0 || (len < 0 && errno == EINTR));
	/* One that stays open is none of our business. */
	return !len || errno == EAGAIN;
}

/* One by UDP says at most that it is not there. */
bool ipfix_target_finish(IpfixTarget *target, GError **error)
{
	int error_number = 0;
	socklen_t len = sizeof(error_number);

	if (target->is_socket && target->is_stream) {
		error_number = end_connection(target) ? 0 : errno;
	} else if (target->is_socket) {
		(void)getsockopt(target->fd, SOL_SOCKET, SO_ERROR, &error_number, &len);
	} else {
		error_number = close(target->fd) < 0 ? errno : 0;
		target->fd = -1;
	}
	if (error_number)
		error_from_errno(error, error_number, "%s", target->name);
	return !error_number;
}
