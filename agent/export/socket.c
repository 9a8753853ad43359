/* SPDX-License-Identifier: Apache-2.0 */
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define SEND_BUFFER (1 << 20) /* octets */
#define IPV4_HEADER_LEN 20
#define IPV6_HEADER_LEN 40

static const SocketFamily families[] = {
	{ AF_INET, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU, IPV4_HEADER_LEN },
	{ AF_INET6, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, IPV6_MTU, IPV6_HEADER_LEN },
};

const SocketFamily *socket_family_find(int family)
{
	for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
		if (families[i].family == family)
			return &families[i];
	return NULL;
}

const char *socket_address_format(const SocketAddress *address, char text[SOCKET_ADDRESS_TEXT_MAX])
{
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&address->storage;
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&address->storage;
	char host[INET6_ADDRSTRLEN] = "?";

	if (address->storage.ss_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof(host));
		snprintf(text, SOCKET_ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(ipv6->sin6_port));
	} else {
		(void)inet_ntop(AF_INET, &ipv4->sin_addr, host, sizeof(host));
		snprintf(text, SOCKET_ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(ipv4->sin_port));
	}
	return text;
}

/* Port 0 of any address of @family. */
static socklen_t any_address(int family, struct sockaddr_storage *address)
{
	memset(address, 0, sizeof(*address));
	address->ss_family = (sa_family_t)family;
	return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)address)->sin_port = htons(port);
}

static bool bind_to(int fd, int family, const SocketSource *source, uint16_t port)
{
	static const int yes = 1;
	struct sockaddr_storage address;
	socklen_t len;

	if (source->is_set)
		len = endpoint_to_sockaddr(&source->place, &address);
	else
		len = any_address(family, &address);
	set_port(&address, port);
	/* Sessions to several collectors may have one port, and one that has just ended does not block it. */
	if (port)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	return bind(fd, (struct sockaddr *)&address, len) == 0;
}

static bool bind_as(int fd, int family, const SocketSource *source, GError **error)
{
	uint16_t port = source->is_set ? source->place.port : 0;

	if (!port && source->port_hint && bind_to(fd, family, source, source->port_hint))
		return true;
	if (!source->is_set || bind_to(fd, family, source, port))
		return true;
	error_from_errno(error, errno, "send from the local address");
	return false;
}

static bool fits(int family, const SocketSource *source)
{
	return !source->is_set || prefix_is_ipv4(&source->place.host) == (family == AF_INET);
}

int socket_new(int family, int type, int protocol, const SocketSource *source, GError **error)
{
	int fd;

	if (!socket_family_find(family) || !fits(family, source)) {
		error_from_errno(error, EAFNOSUPPORT, "send from the local address");
		return -1;
	}
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (fd < 0) {
		error_from_errno(error, errno, "socket");
		return -1;
	}
	if (!bind_as(fd, family, source, error)) {
		close(fd);
		return -1;
	}
	return fd;
}

uint16_t socket_local_port(int fd)
{
	SocketAddress address = { .len = sizeof(address.storage) };

	if (getsockname(fd, (struct sockaddr *)&address.storage, &address.len) < 0)
		return 0;
	if (address.storage.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address.storage)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address.storage)->sin_port);
}

size_t socket_path_mtu(int fd, const SocketFamily *family)
{
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	if (getsockopt(fd, family->level, family->mtu, &mtu, &len) < 0 || mtu < 0)
		return 0;
	return (size_t)mtu;
}

bool socket_prepare_datagrams(int fd, const SocketFamily *family, GError **error)
{
	static const int size = SEND_BUFFER;

	if (setsockopt(fd, family->level, family->discover, &family->always,
		       sizeof(family->always)) < 0) {
		error_from_errno(error, errno, "forbid fragmentation");
		return false;
	}
	/* The one may exceed the system's limit, but asks for CAP_NET_ADMIN. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return true;
}

int socket_take_error(int fd)
{
	int pending = 0;
	socklen_t len = sizeof(pending);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &len) < 0)
		return errno;
	return pending;
}
