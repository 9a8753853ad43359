/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"

#define SEND_BUFFER (1 << 20) /* octets; a report leaves in one burst */
#define RETRY_MS 10	      /* when the kernel lacks memory, for which no event tells */
#define ATTEMPTS 3	      /* errors of earlier datagrams that may come before a message goes */
#define IP_PACKET_MAX 65535
#define IPV4_UDP_HEADERS 28
#define IPV6_UDP_HEADERS 48

/* What differs between the families. */
typedef struct {
	int family;
	int level;
	int discover; /* option: path MTU discovery ... */
	int always;   /* ... to set DF on all packets */
	int mtu;      /* option: of the path */
	size_t headers;
} Family;

static const Family families[] = {
	{ AF_INET, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU, IPV4_UDP_HEADERS },
	{ AF_INET6, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, IPV6_MTU, IPV6_UDP_HEADERS },
};

struct Transport {
	int fd;
	const Family *family;
	TransportDone on_done;
	void *user_data;
	GQueue queue; /* of Waiting */
	size_t queued_octets;
	guint source; /* will empty the queue; 0: none */
	uint64_t refused;
};

typedef struct {
	void *tag;
	size_t len;
	uint8_t message[];
} Waiting;

typedef struct addrinfo AddressInfo;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AddressInfo, freeaddrinfo)

/* "HOST:PORT", where an IPv6 address stands in brackets. */
static bool split_address(const char *address, char **host, char **port)
{
	const char *colon = strrchr(address, ':');
	bool bracketed = address[0] == '[';

	if (!colon || colon == address || !colon[1] || (bracketed && colon[-1] != ']') ||
	    (!bracketed && memchr(address, ':', (size_t)(colon - address))))
		return false;
	*host = g_strndup(address + bracketed, (gsize)(colon - address) - 2 * bracketed);
	*port = g_strdup(colon + 1);
	return true;
}

static AddressInfo *parse_address(const char *address, GError **error)
{
	const AddressInfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_DGRAM,
	};
	g_autofree char *host = NULL;
	g_autofree char *port = NULL;
	AddressInfo *info = NULL;
	int r;

	if (!split_address(address, &host, &port)) {
		error_set(error, "%s: not ADDRESS:PORT or [ADDRESS]:PORT", address);
		return NULL;
	}
	r = getaddrinfo(host, port, &hints, &info);
	if (r) {
		error_set(error, "%s: %s", address, gai_strerror(r));
		return NULL;
	}
	return info;
}

static const Family *find_family(int family)
{
	for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
		if (families[i].family == family)
			return &families[i];
	return NULL;
}

/* SO_SNDBUFFORCE may exceed the system's limit, but asks for CAP_NET_ADMIN. */
static void raise_send_buffer(int fd)
{
	static const int size = SEND_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static bool open_socket(Transport *transport, const AddressInfo *to, GError **error)
{
	const Family *family = find_family(to->ai_family);

	if (!family) {
		error_from_errno(error, EAFNOSUPPORT, "socket");
		return false;
	}
	transport->family = family;
	transport->fd = socket(family->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (transport->fd < 0) {
		error_from_errno(error, errno, "socket");
		return false;
	}
	if (setsockopt(transport->fd, family->level, family->discover, &family->always,
		       sizeof(family->always)) < 0) {
		error_from_errno(error, errno, "forbid fragmentation");
		return false;
	}
	raise_send_buffer(transport->fd);
	if (connect(transport->fd, to->ai_addr, to->ai_addrlen) < 0) {
		error_from_errno(error, errno, "connect");
		return false;
	}
	return true;
}

Transport *transport_new(const char *address, TransportDone on_done, void *user_data,
			 GError **error)
{
	g_autoptr(AddressInfo) to = parse_address(address, error);
	g_autoptr(Transport) transport = NULL;

	if (!to)
		return NULL;
	transport = g_new0(Transport, 1);
	transport->fd = -1;
	transport->on_done = on_done;
	transport->user_data = user_data;
	g_queue_init(&transport->queue);
	if (!open_socket(transport, to, error))
		return NULL;
	return g_steal_pointer(&transport);
}

void transport_free(Transport *transport)
{
	if (!transport)
		return;
	transport_give_up(transport);
	if (transport->fd >= 0)
		close(transport->fd);
	g_free(transport);
}

/*
 * Returns 0 or an errno. An ICMP error waits on the socket until the next sendmsg(), which reports it
 * and sends nothing: it is about an earlier datagram, so this one is tried again.
 */
static int send_now(Transport *transport, struct iovec *parts, size_t n, size_t len)
{
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = n };
	int r = 0;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (sendmsg(transport->fd, &message, MSG_NOSIGNAL) >= 0)
			return 0;
		r = errno;
		if (r == ECONNREFUSED)
			transport->refused++;
		else if (r != EMSGSIZE || len > transport_max_message(transport))
			break;
	}
	return r;
}

static bool must_wait(int why)
{
	return why == EAGAIN || why == ENOBUFS || why == ENOMEM;
}

static void flush(Transport *transport);

static gboolean on_writable(gint fd, GIOCondition condition, gpointer user_data)
{
	Transport *transport = user_data;

	transport->source = 0;
	flush(transport);
	return G_SOURCE_REMOVE;
}

static gboolean on_retry(gpointer user_data)
{
	return on_writable(-1, 0, user_data);
}

static void wait_until_writable(Transport *transport, int why)
{
	if (transport->source)
		return;
	transport->source = why == EAGAIN ?
				    g_unix_fd_add(transport->fd, G_IO_OUT, on_writable, transport) :
				    g_timeout_add(RETRY_MS, on_retry, transport);
}

static void stop_waiting(Transport *transport)
{
	if (transport->source)
		g_source_remove(transport->source);
	transport->source = 0;
}

/* Takes the oldest message out of the queue; @error is NULL if it was sent. */
static void settle_oldest(Transport *transport, const GError *error)
{
	g_autofree Waiting *waiting = g_queue_pop_head(&transport->queue);

	transport->queued_octets -= waiting->len;
	transport->on_done(waiting->tag, error, transport->user_data);
}

static void flush(Transport *transport)
{
	const Waiting *oldest;

	while ((oldest = g_queue_peek_head(&transport->queue))) {
		struct iovec whole = { (void *)oldest->message, oldest->len };
		int r = send_now(transport, &whole, 1, oldest->len);
		g_autoptr(GError) error = NULL;

		if (must_wait(r)) {
			wait_until_writable(transport, r);
			return;
		}
		if (r)
			error_from_errno(&error, r, "send");
		settle_oldest(transport, error);
	}
	stop_waiting(transport);
}

static TransportResult enqueue(Transport *transport, const struct iovec parts[2], void *tag)
{
	size_t len = parts[0].iov_len + parts[1].iov_len;
	Waiting *waiting;

	if (len > TRANSPORT_QUEUE_MAX - transport->queued_octets)
		return TRANSPORT_FULL;
	waiting = g_malloc(sizeof(*waiting) + len);
	waiting->tag = tag;
	waiting->len = len;
	memcpy(waiting->message, parts[0].iov_base, parts[0].iov_len);
	memcpy(waiting->message + parts[0].iov_len, parts[1].iov_base, parts[1].iov_len);
	g_queue_push_tail(&transport->queue, waiting);
	transport->queued_octets += len;
	return TRANSPORT_QUEUED;
}

TransportResult transport_send(Transport *transport, const void *header, size_t header_len,
			       const void *body, size_t body_len, void *tag, GError **error)
{
	struct iovec parts[2] = { { (void *)header, header_len }, { (void *)body, body_len } };
	int r;

	/* A burst does not get back to the main context, which would empty the queue. */
	flush(transport);
	if (!g_queue_is_empty(&transport->queue))
		return enqueue(transport, parts, tag);
	r = send_now(transport, parts, G_N_ELEMENTS(parts), header_len + body_len);
	if (!r)
		return TRANSPORT_SENT;
	if (r == EMSGSIZE)
		return TRANSPORT_TOO_BIG;
	if (must_wait(r)) {
		wait_until_writable(transport, r);
		return enqueue(transport, parts, tag);
	}
	error_from_errno(error, r, "send");
	return TRANSPORT_FAILED;
}

size_t transport_max_message(const Transport *transport)
{
	const Family *family = transport->family;
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	if (getsockopt(transport->fd, family->level, family->mtu, &mtu, &len) < 0 ||
	    (size_t)mtu <= family->headers)
		return 0;
	return (size_t)MIN(mtu, IP_PACKET_MAX) - family->headers;
}

size_t transport_queued(const Transport *transport)
{
	return transport->queue.length;
}

void transport_give_up(Transport *transport)
{
	g_autoptr(GError) error =
		g_error_new_literal(FLOWTALLY_ERROR, ECANCELED, "waited too long in the queue");

	stop_waiting(transport);
	while (!g_queue_is_empty(&transport->queue))
		settle_oldest(transport, error);
}

uint64_t transport_take_refused(Transport *transport)
{
	int pending = 0;
	socklen_t len = sizeof(pending);
	uint64_t refused;

	/* Asked for, the error is taken from the socket. */
	if (!getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &pending, &len) &&
	    pending == ECONNREFUSED)
		transport->refused++;
	refused = transport->refused;
	transport->refused = 0;
	return refused;
}
