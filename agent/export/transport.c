/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "transport_class.h"

#define RETRY_MS 10 /* when the kernel lacks memory, for which no event tells */
#define REST_MS 100

static const TransportClass *const classes[] = {
	[COLLECTOR_TRANSPORT_UDP] = &transport_udp,   [COLLECTOR_TRANSPORT_TCP] = &transport_tcp,
	[COLLECTOR_TRANSPORT_TLS] = &transport_tls,   [COLLECTOR_TRANSPORT_DTLS] = &transport_dtls,
	[COLLECTOR_TRANSPORT_SCTP] = &transport_sctp,
};

bool transport_is_supported(CollectorTransport kind, GError **error)
{
	return !classes[kind]->is_supported || classes[kind]->is_supported(error);
}

Transport *transport_new(const TransportTarget *target, const TransportEvents *events,
			 void *user_data, GError **error)
{
	const TransportClass *class = classes[target->kind];
	g_autoptr(Transport) transport = g_malloc0(class->size);

	transport->class = class;
	transport->events = *events;
	transport->user_data = user_data;
	transport->family = socket_family_find(target->to.storage.ss_family);
	transport->fd = -1;
	if (!class->open(transport, target, error))
		return NULL;
	return g_steal_pointer(&transport);
}

void transport_free(Transport *transport)
{
	if (!transport)
		return;
	g_clear_handle_id(&transport->readable, g_source_remove);
	g_clear_handle_id(&transport->writable, g_source_remove);
	g_clear_handle_id(&transport->timer, g_source_remove);
	g_clear_handle_id(&transport->rest, g_source_remove);
	if (transport->class->done)
		transport->class->done(transport);
	if (transport->fd >= 0)
		close(transport->fd);
	g_free(transport);
}

void transport_abort(Transport *transport)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	transport->is_open = false;
	(void)setsockopt(transport->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

bool transport_is_open(const Transport *transport)
{
	return transport->is_open;
}

TransportResult transport_send(Transport *transport, const void *header, size_t header_len,
			       const void *body, size_t body_len, GError **error)
{
	const struct iovec parts[TRANSPORT_PARTS] = { { (void *)header, header_len },
						      { (void *)body, body_len } };

	return transport->class->send(transport, parts, error);
}

size_t transport_max_message(const Transport *transport)
{
	return transport->class->max_message ? transport->class->max_message(transport) : 0;
}

uint64_t transport_taken(const Transport *transport)
{
	return transport->taken;
}

uint64_t transport_arrived(Transport *transport)
{
	return transport->class->arrived ? transport->class->arrived(transport) : transport->taken;
}

uint64_t transport_take_refused(Transport *transport)
{
	uint64_t refused;

	if (transport->class->take_refused)
		transport->class->take_refused(transport);
	refused = transport->refused;
	transport->refused = 0;
	return refused;
}

uint16_t transport_local_port(const Transport *transport)
{
	return socket_local_port(transport->fd);
}

bool transport_socket(Transport *transport, const TransportTarget *target, int type, int protocol,
		      GError **error)
{
	if (!transport->family) {
		error_from_errno(error, EAFNOSUPPORT, "socket");
		return false;
	}
	transport->fd = socket_new(transport->family->family, type, protocol, &target->from, error);
	return transport->fd >= 0;
}

bool transport_connect(Transport *transport, const TransportTarget *target, GError **error)
{
	if (connect(transport->fd, (const struct sockaddr *)&target->to.storage, target->to.len) ==
		    0 ||
	    errno == EINPROGRESS)
		return true;
	error_from_errno(error, errno, "connect");
	return false;
}

void transport_open(Transport *transport)
{
	transport->is_open = true;
	transport->events.on_open(transport->user_data);
}

void transport_break(Transport *transport, const GError *error)
{
	transport->is_open = false;
	transport->events.on_broken(error, transport->user_data);
}

void transport_break_from_errno(Transport *transport, int error_number, const char *what)
{
	g_autoptr(GError) error = NULL;

	error_from_errno(&error, error_number, "%s", what);
	transport_break(transport, error);
}

bool transport_has_connected(Transport *transport)
{
	int r = socket_take_error(transport->fd);

	transport->writable = 0;
	if (r)
		transport_break_from_errno(transport, r, "connect");
	return !r;
}

void transport_break_at_end(Transport *transport, int error_number)
{
	g_autoptr(GError) error = NULL;

	if (error_number == ENOTCONN)
		error_set(&error, "the collector has closed the connection");
	else
		error_from_errno(&error, error_number, "receive");
	transport_break(transport, error);
}

void transport_watch_readable(Transport *transport, GUnixFDSourceFunc on_ready)
{
	if (!transport->readable)
		transport->readable = g_unix_fd_add(transport->fd, G_IO_IN | G_IO_ERR | G_IO_HUP,
						    on_ready, transport);
}

static gboolean on_rested(gpointer user_data)
{
	Transport *transport = user_data;

	transport->rest = 0;
	transport_watch_readable(transport, transport->on_rested);
	return G_SOURCE_REMOVE;
}

void transport_rest(Transport *transport, GUnixFDSourceFunc on_ready)
{
	transport->readable = 0;
	transport->on_rested = on_ready;
	transport->rest = g_timeout_add(REST_MS, on_rested, transport);
}

void transport_watch_writable(Transport *transport, GUnixFDSourceFunc on_ready)
{
	if (!transport->writable)
		transport->writable = g_unix_fd_add(transport->fd, G_IO_OUT | G_IO_ERR | G_IO_HUP,
						    on_ready, transport);
}

void transport_set_timer(Transport *transport, guint ms, GSourceFunc on_time)
{
	g_clear_handle_id(&transport->timer, g_source_remove);
	transport->timer = g_timeout_add(ms, on_time, transport);
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer user_data)
{
	Transport *transport = user_data;

	transport->writable = 0;
	transport->events.on_writable(transport->user_data);
	return G_SOURCE_REMOVE;
}

static gboolean on_retry(gpointer user_data)
{
	Transport *transport = user_data;

	transport->timer = 0;
	transport->events.on_writable(transport->user_data);
	return G_SOURCE_REMOVE;
}

bool transport_must_wait(int error_number)
{
	return error_number == EAGAIN || error_number == ENOBUFS || error_number == ENOMEM;
}

void transport_wait(Transport *transport, int why)
{
	if (why == EAGAIN)
		transport_watch_writable(transport, on_writable);
	else
		transport_set_timer(transport, RETRY_MS, on_retry);
}
