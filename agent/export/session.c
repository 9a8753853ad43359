/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "config/endpoint.h"
#include "resolver.h"

#define OPEN_TIMEOUT_MS 10000 /* of an address, to the end of the handshake */
#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS 60000
/* One that has lasted so long did not end for the reason for which it began. */
#define STEADY_US 10000000

const char *const session_state_names[SESSION_STATES] = {
	[SESSION_CLOSED] = "closed",	     [SESSION_RESOLVING] = "resolving",
	[SESSION_CONNECTING] = "connecting", [SESSION_OPEN] = "open",
	[SESSION_WAITING] = "waiting",
};

struct Session {
	const CollectorConfig *config;
	SessionEvents events;
	void *user_data;
	char *host; /* of the address */
	uint16_t port;
	SocketSource source;
	SessionState state;
	uint64_t since_ms;
	gint64 since_us; /* the same, whatever the clock is set to */
	uint64_t until_ms;
	uint64_t opened;
	unsigned int failures; /* one after the other */
	Resolver *resolver;
	GArray *addresses; /* of SocketAddress: those to try ... */
	guint next;	   /* ... and which comes next */
	guint found;	   /* how many the name had when it was last resolved */
	guint rotation;	   /* how many of them come last instead of first */
	char peer[SOCKET_ADDRESS_TEXT_MAX];
	Transport *transport;
	guint timer; /* the end of an attempt, or of a pause */
};

static void set_state(Session *session, SessionState state)
{
	session->state = state;
	session->since_ms = (uint64_t)g_get_real_time() / 1000;
	session->since_us = g_get_monotonic_time();
	g_clear_handle_id(&session->timer, g_source_remove);
}

static bool is_udp(const Session *session)
{
	return session->config->transport == COLLECTOR_TRANSPORT_UDP;
}

Session *session_new(const CollectorConfig *config, const SessionEvents *events, void *user_data)
{
	Session *session = g_new0(Session, 1);

	session->config = config;
	session->events = *events;
	session->user_data = user_data;
	if (config->local)
		session->source.is_set =
			endpoint_parse_source(&session->source.place, config->local);
	return session;
}

static void drop_attempt(Session *session)
{
	/* A datagram is sent from where the others were: collectors tell exporters apart by that. */
	if (session->transport && collector_transport_is_datagram(session->config->transport))
		session->source.port_hint = transport_local_port(session->transport);
	resolver_cancel(g_steal_pointer(&session->resolver));
	g_clear_pointer(&session->addresses, g_array_unref);
	g_clear_pointer(&session->transport, transport_free);
	session->next = 0;
}

void session_free(Session *session)
{
	if (!session)
		return;
	g_clear_handle_id(&session->timer, g_source_remove);
	drop_attempt(session);
	g_free(session->host);
	g_free(session);
}

void session_set_config(Session *session, const CollectorConfig *config)
{
	session->config = config;
}

void session_take_port(Session *session, const Session *old)
{
	session->source.port_hint =
		old->transport ? transport_local_port(old->transport) : old->source.port_hint;
}

static void start(Session *session);

static gboolean on_pause_over(gpointer user_data)
{
	Session *session = user_data;

	session->timer = 0;
	start(session);
	return G_SOURCE_REMOVE;
}

static guint pause_ms(const Session *session)
{
	guint pause = PAUSE_MIN_MS;

	if (!session->failures)
		return 0;
	for (unsigned int i = 1; i < session->failures && pause < PAUSE_MAX_MS; i++)
		pause *= 2;
	return MIN(pause, PAUSE_MAX_MS);
}

static void wait_for_next_attempt(Session *session)
{
	guint pause = pause_ms(session);

	set_state(session, SESSION_WAITING);
	session->until_ms = session->since_ms + pause;
	session->failures++;
	session->timer = g_timeout_add(pause, on_pause_over, session);
}

void session_fail(Session *session, const GError *error)
{
	bool was_open = session->state == SESSION_OPEN;

	if (was_open && g_get_monotonic_time() - session->since_us >= STEADY_US)
		session->failures = 0;
	session->events.on_end(error, session->user_data);
	drop_attempt(session);
	if (is_udp(session))
		set_state(session, SESSION_CLOSED);
	else
		wait_for_next_attempt(session);
}

static void note_open(Session *session)
{
	set_state(session, SESSION_OPEN);
	session->opened++;
	g_clear_pointer(&session->addresses, g_array_unref);
}

static void on_open(void *user_data)
{
	Session *session = user_data;

	note_open(session);
	session->events.on_open(session->user_data);
}

static void on_writable(void *user_data)
{
	Session *session = user_data;

	session->events.on_writable(session->user_data);
}

static void try_next(Session *session, const GError *why);

/* Of an address of several it is said which. */
static GError *explain(const Session *session, const GError *error)
{
	GError *explained = g_error_copy(error);

	if (*session->peer && strcmp(session->peer, session->config->address) != 0)
		g_prefix_error(&explained, "%s: ", session->peer);
	return explained;
}

static void on_broken(const GError *error, void *user_data)
{
	Session *session = user_data;
	g_autoptr(GError) explained = explain(session, error);

	if (session->state == SESSION_OPEN)
		session_fail(session, explained);
	else
		try_next(session, explained);
}

static gboolean on_open_timeout(gpointer user_data)
{
	Session *session = user_data;
	g_autoptr(GError) error = NULL;

	session->timer = 0;
	error_from_errno(&error, ETIMEDOUT, "connect");
	on_broken(error, session);
	return G_SOURCE_REMOVE;
}

static bool try_address(Session *session, const SocketAddress *address, GError **error)
{
	static const TransportEvents events = { on_open, on_writable, on_broken };
	const CollectorConfig *config = session->config;
	const TransportTarget target = {
		.kind = config->transport,
		.to = *address,
		.from = session->source,
		.tls = config->tls,
		.name = config->tls_name ? config->tls_name : session->host,
	};
	g_autoptr(GError) why = NULL;

	(void)socket_address_format(address, session->peer);
	session->transport = transport_new(&target, &events, session, &why);
	if (session->transport)
		return true;
	*error = explain(session, why);
	return false;
}

/* @why the one before did not do; NULL: there was none. */
static void try_next(Session *session, const GError *why)
{
	g_autoptr(GError) last = why ? g_error_copy(why) : NULL;

	g_clear_pointer(&session->transport, transport_free);
	while (session->next < session->addresses->len && !session->transport) {
		g_clear_error(&last);
		(void)try_address(
			session, &g_array_index(session->addresses, SocketAddress, session->next++),
			&last);
	}
	if (!session->transport) {
		session_fail(session, last);
	} else if (transport_is_open(session->transport)) {
		note_open(session);
	} else {
		set_state(session, SESSION_CONNECTING);
		session->timer = g_timeout_add(OPEN_TIMEOUT_MS, on_open_timeout, session);
	}
}

static void try_all(Session *session, const GArray *addresses)
{
	session->addresses = g_array_new(FALSE, FALSE, sizeof(SocketAddress));
	session->found = addresses->len;
	for (guint i = 0; i < addresses->len; i++)
		g_array_append_val(session->addresses,
				   g_array_index(addresses, SocketAddress,
						 (i + session->rotation) % addresses->len));
	session->next = 0;
	try_next(session, NULL);
}

static void on_resolved(const GArray *addresses, const GError *error, void *user_data)
{
	Session *session = user_data;

	session->resolver = NULL;
	*session->peer = '\0';
	if (error) {
		session_fail(session, error);
		return;
	}
	try_all(session, addresses);
	if (session->state == SESSION_OPEN)
		session->events.on_open(session->user_data);
}

static void resolve(Session *session)
{
	int family = AF_UNSPEC;

	if (session->source.is_set)
		family = prefix_is_ipv4(&session->source.place.host) ? AF_INET : AF_INET6;
	set_state(session, SESSION_RESOLVING);
	session->resolver =
		resolver_ask(session->host, session->port, family, on_resolved, session);
}

static void use_numeric(Session *session, const Endpoint *endpoint)
{
	g_autoptr(GArray) addresses = g_array_new(FALSE, FALSE, sizeof(SocketAddress));
	SocketAddress address;

	address.len = endpoint_to_sockaddr(endpoint, &address.storage);
	g_array_append_val(addresses, address);
	try_all(session, addresses);
}

static void start(Session *session)
{
	const char *address = session->config->address;
	g_autoptr(GError) error = NULL;
	Endpoint endpoint;

	g_clear_pointer(&session->host, g_free);
	if (!transport_is_supported(session->config->transport, &error))
		session_fail(session, error);
	else if (!endpoint_split(address, &session->host, &session->port))
		g_error("%s: not an address", address); /* a configuration has been checked */
	else if (endpoint_parse(&endpoint, address))
		use_numeric(session, &endpoint);
	else
		resolve(session);
}

void session_start(Session *session)
{
	if (session->state == SESSION_CLOSED)
		start(session);
}

void session_renew(Session *session)
{
	session->failures = 0;
	drop_attempt(session);
	start(session);
}

bool session_rotate(Session *session)
{
	if (session->found < 2)
		return false;
	session->rotation = (session->rotation + 1) % session->found;
	drop_attempt(session);
	set_state(session, SESSION_CLOSED);
	return true;
}

Transport *session_transport(const Session *session)
{
	return session->state == SESSION_OPEN ? session->transport : NULL;
}

bool session_is_coming(const Session *session)
{
	return session->state != SESSION_OPEN &&
	       (session->state != SESSION_CLOSED || !is_udp(session));
}

SessionStatus session_status(const Session *session)
{
	return (SessionStatus){
		.state = session->state,
		.since_ms = session->since_ms,
		.until_ms = session->state == SESSION_WAITING ? session->until_ms : 0,
		.opened = session->opened,
		.peer = *session->peer ? session->peer : NULL,
	};
}
