/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS over TCP, and DTLS over UDP (RFC 7011, section 11), by GnuTLS. Both sides show certificates; ours of the
 * collector is verified, with its name.
 *
 * In TLS 1.3 we are done before the collector has seen our certificate, and hear of its refusal later. So that nothing
 * is sent to who does not take it, a session of 1.3 opens with the first ticket, which comes after that, or a moment
 * later where there are none.
 */
#include "transport_class.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/error.h"
#include "tcp_socket.h"

/* TLS 1.2 or later, of what this system otherwise allows. */
#define PRIORITIES "-VERS-TLS1.1:-VERS-TLS1.0:-VERS-DTLS1.0:-VERS-DTLS0.9"

#define UDP_HEADER_LEN 8
#define TICKET_MS 1000 /* how long the first ticket is waited for */
#define RETRANSMIT_MS 1000
#define HANDSHAKE_MS 30000 /* longer than anybody waits */
#define RECORD_MAX 16384
#define RECEIVE_ROUNDS 16

typedef struct {
	Transport base;
	bool is_datagram;
	bool has_shaken; /* hands: what is left is a ticket */
	gnutls_session_t session;
	TlsClient *client;
	char *name;	  /* that the session refers to */
	int error_number; /* of the socket's last error */
	size_t offset;	  /* what GnuTLS has of the message that is offered ... */
	bool has_pending; /* ... and not yet given to the kernel */
} TlsTransport;

static ssize_t push(gnutls_transport_ptr_t to, const giovec_t *parts, int n)
{
	TlsTransport *tls = to;
	const struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)n };
	ssize_t sent = sendmsg(tls->base.fd, &message, MSG_NOSIGNAL);

	if (sent < 0) {
		tls->error_number = errno;
		gnutls_transport_set_errno(tls->session,
					   transport_must_wait(errno) ? EAGAIN : errno);
		return -1;
	}
	if (!tls->is_datagram)
		tls->base.taken += (uint64_t)sent;
	return sent;
}

static ssize_t pull(gnutls_transport_ptr_t from, void *data, size_t len)
{
	TlsTransport *tls = from;
	ssize_t received = recv(tls->base.fd, data, len, 0);

	if (received < 0) {
		tls->error_number = errno;
		gnutls_transport_set_errno(tls->session, errno);
	}
	return received;
}

/* Whatever time there would be: nothing waits here. */
static int pull_timeout(gnutls_transport_ptr_t from, unsigned int ms)
{
	const TlsTransport *tls = from;
	struct pollfd readable = { .fd = tls->base.fd, .events = POLLIN };

	return poll(&readable, 1, 0);
}

/* What GnuTLS says of the collector's certificate, in one line. */
static void explain_certificate(const TlsTransport *tls, GError **error)
{
	unsigned int status = gnutls_session_get_verify_cert_status(tls->session);
	gnutls_datum_t text = { 0 };

	(void)gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
	error_set(error, "the collector's certificate: %s",
		  text.data ? g_strstrip((char *)text.data) : "it is not good");
	gnutls_free(text.data);
}

static void explain_alert(const TlsTransport *tls, GError **error)
{
	const char *alert = gnutls_alert_get_name(gnutls_alert_get(tls->session));
	g_autofree char *fault = tls_client_fault(tls->client, g_get_real_time() / 1000000);

	error_set(error, "refused by the collector: %s%s%s", alert ? alert : "an unknown alert",
		  fault ? ": " : "", fault ? fault : "");
}

static void explain(const TlsTransport *tls, int result, const char *what, GError **error)
{
	switch (result) {
	case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
		explain_certificate(tls, error);
		break;
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		explain_alert(tls, error);
		break;
	case GNUTLS_E_PUSH_ERROR:
	case GNUTLS_E_PULL_ERROR:
		error_from_errno(error, tls->error_number, "%s", what);
		break;
	case GNUTLS_E_PREMATURE_TERMINATION:
		error_set(error, "%s: the collector has closed the connection", what);
		break;
	default:
		error_set(error, "%s: %s", what, gnutls_strerror(result));
		break;
	}
}

static void break_with(TlsTransport *tls, int result, const char *what)
{
	g_autoptr(GError) error = NULL;

	explain(tls, result, what, &error);
	transport_break(&tls->base, error);
}

static void forget_sources(Transport *transport)
{
	g_clear_handle_id(&transport->readable, g_source_remove);
	g_clear_handle_id(&transport->writable, g_source_remove);
	g_clear_handle_id(&transport->timer, g_source_remove);
}

static bool has_ticket(const TlsTransport *tls)
{
	return gnutls_session_get_flags(tls->session) & GNUTLS_SFLAGS_SESSION_TICKET;
}

static void open_session(Transport *transport)
{
	g_clear_handle_id(&transport->timer, g_source_remove);
	transport_open(transport);
}

/*
 * Throws away what has come, as long as it is not too much. A record is taken as a whole, so that nothing of it stays in
 * GnuTLS, of which no event of the socket would tell. GNUTLS_E_AGAIN: there may be more.
 */
static ssize_t drain(const TlsTransport *tls)
{
	char nothing[RECORD_MAX];

	for (int round = 0; round < RECEIVE_ROUNDS; round++) {
		ssize_t n = gnutls_record_recv(tls->session, nothing, sizeof(nothing));

		if (n == 0 || n == GNUTLS_E_AGAIN)
			return n;
		/* Warnings, and what we do not do: it is theirs to end it. */
		if (n < 0 && (gnutls_error_is_fatal((int)n)))
			return n;
	}
	return GNUTLS_E_AGAIN;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
	Transport *transport = user_data;
	TlsTransport *tls = user_data;
	ssize_t n = drain(tls);

	transport->readable = 0;
	if (n == GNUTLS_E_AGAIN) {
		transport_rest(transport, on_readable);
		if (!transport->is_open && has_ticket(tls))
			open_session(transport);
	} else {
		break_with(tls, n == 0 ? GNUTLS_E_PREMATURE_TERMINATION : (int)n, "receive");
	}
	return G_SOURCE_REMOVE;
}

static gboolean on_no_ticket(gpointer user_data)
{
	Transport *transport = user_data;

	transport->timer = 0;
	open_session(transport);
	return G_SOURCE_REMOVE;
}

static void end_handshake(TlsTransport *tls)
{
	Transport *transport = &tls->base;

	tls->has_shaken = true;
	transport_watch_readable(transport, on_readable);
	if (gnutls_protocol_get_version(tls->session) != GNUTLS_TLS1_3 || has_ticket(tls))
		open_session(transport);
	else
		transport_set_timer(transport, TICKET_MS, on_no_ticket);
}

static void shake_hands(TlsTransport *tls);

static gboolean on_shaking(gint fd, GIOCondition condition, gpointer user_data)
{
	shake_hands(user_data);
	return G_SOURCE_REMOVE;
}

static gboolean on_retransmit(gpointer user_data)
{
	shake_hands(user_data);
	return G_SOURCE_REMOVE;
}

/* A step of the handshake, and then what the next one waits for. */
static void shake_hands(TlsTransport *tls)
{
	Transport *transport = &tls->base;
	int result;

	forget_sources(transport);
	do {
		result = gnutls_handshake(tls->session);
	} while (result < 0 && result != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(result));
	if (result == GNUTLS_E_AGAIN) {
		if (gnutls_record_get_direction(tls->session))
			transport_watch_writable(transport, on_shaking);
		else
			transport_watch_readable(transport, on_shaking);
		if (tls->is_datagram)
			transport_set_timer(transport,
					    MAX(1, gnutls_dtls_get_timeout(tls->session)),
					    on_retransmit);
	} else if (result < 0) {
		(void)gnutls_alert_send_appropriate(tls->session, result);
		break_with(tls, result, "handshake");
	} else {
		end_handshake(tls);
	}
}

static gboolean on_connected(gint fd, GIOCondition condition, gpointer user_data)
{
	if (transport_has_connected(user_data))
		shake_hands(user_data);
	return G_SOURCE_REMOVE;
}

static size_t datagram_max(const Transport *transport)
{
	size_t mtu = socket_path_mtu(transport->fd, transport->family);
	size_t headers = transport->family->header_len + UDP_HEADER_LEN;

	return mtu > headers ? mtu - headers : 0;
}

static void set_mtu(const TlsTransport *tls)
{
	size_t mtu = datagram_max(&tls->base);

	if (mtu)
		gnutls_dtls_set_mtu(tls->session, (unsigned int)MIN(mtu, UINT16_MAX));
}

static bool is_address(const char *name)
{
	Endpoint endpoint;

	return endpoint_parse_source(&endpoint, name);
}

static int set_up(TlsTransport *tls)
{
	gnutls_session_t session = tls->session;
	int result = gnutls_set_default_priority_append(session, PRIORITIES, NULL, 0);

	if (result >= 0)
		result = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
						tls_client_credentials(tls->client));
	if (result >= 0 && !is_address(tls->name))
		result = gnutls_server_name_set(session, GNUTLS_NAME_DNS, tls->name,
						strlen(tls->name));
	if (result < 0)
		return result;
	gnutls_session_set_verify_cert(session, tls->name, 0);
	gnutls_transport_set_ptr(session, tls);
	gnutls_transport_set_vec_push_function(session, push);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_transport_set_pull_timeout_function(session, pull_timeout);
	if (tls->is_datagram) {
		gnutls_dtls_set_timeouts(session, RETRANSMIT_MS, HANDSHAKE_MS);
		set_mtu(tls);
	}
	return 0;
}

static bool prepare(TlsTransport *tls, const TransportTarget *target, GError **error)
{
	unsigned int flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL |
			     (tls->is_datagram ? GNUTLS_DATAGRAM : 0);
	int result;

	tls->client = tls_client_ref(target->tls);
	tls->name = g_strdup(target->name);
	if (g_str_has_suffix(tls->name, "."))
		tls->name[strlen(tls->name) - 1] = '\0';
	result = gnutls_init(&tls->session, flags);
	if (result >= 0)
		result = set_up(tls);
	if (result >= 0)
		return true;
	error_set(error, "TLS: %s", gnutls_strerror(result));
	return false;
}

static bool tls_open(Transport *transport, const TransportTarget *target, GError **error)
{
	if (!transport_socket(transport, target, SOCK_STREAM, 0, error) ||
	    !transport_connect(transport, target, error) ||
	    !prepare((TlsTransport *)transport, target, error))
		return false;
	tcp_socket_set_options(transport->fd);
	transport_watch_writable(transport, on_connected);
	return true;
}

static bool dtls_open(Transport *transport, const TransportTarget *target, GError **error)
{
	TlsTransport *tls = (TlsTransport *)transport;

	tls->is_datagram = true;
	if (!transport_socket(transport, target, SOCK_DGRAM, 0, error) ||
	    !transport_connect(transport, target, error) ||
	    !socket_prepare_datagrams(transport->fd, transport->family, error) ||
	    !prepare(tls, target, error))
		return false;
	transport_watch_writable(transport, on_connected);
	return true;
}

/* As much of @parts behind the first @offset octets as a record takes. */
static size_t next_record(uint8_t record[RECORD_MAX], const struct iovec parts[TRANSPORT_PARTS],
			  size_t offset)
{
	size_t len = 0;

	for (int i = 0; i < TRANSPORT_PARTS; i++) {
		size_t skipped = MIN(offset, parts[i].iov_len);
		size_t n = MIN(parts[i].iov_len - skipped, RECORD_MAX - len);

		memcpy(record + len, (const uint8_t *)parts[i].iov_base + skipped, n);
		offset -= skipped;
		len += n;
	}
	return len;
}

/* What GnuTLS has kept goes first; it says then of how much that was. */
static ssize_t send_record(TlsTransport *tls, const struct iovec parts[TRANSPORT_PARTS])
{
	uint8_t record[RECORD_MAX];
	ssize_t n;

	do {
		if (tls->has_pending)
			n = gnutls_record_send(tls->session, NULL, 0);
		else
			n = gnutls_record_send(tls->session, record,
					       next_record(record, parts, tls->offset));
		tls->has_pending = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
	} while (n == GNUTLS_E_INTERRUPTED);
	return n;
}

static TransportResult tls_send(Transport *transport, const struct iovec parts[TRANSPORT_PARTS],
				GError **error)
{
	TlsTransport *tls = (TlsTransport *)transport;
	size_t len = parts[0].iov_len + parts[1].iov_len;

	if (tls->is_datagram && !tls->has_pending) {
		set_mtu(tls);
		if (len > gnutls_dtls_get_data_mtu(tls->session))
			return TRANSPORT_TOO_BIG;
	}
	while (tls->offset < len) {
		ssize_t n = send_record(tls, parts);

		if (n == GNUTLS_E_AGAIN) {
			transport_wait(transport, tls->error_number);
			return TRANSPORT_WAIT;
		}
		if (n == GNUTLS_E_LARGE_PACKET)
			return TRANSPORT_TOO_BIG;
		if (n < 0) {
			explain(tls, (int)n, "send", error);
			/* Or a goodbye would take along what GnuTLS has kept of what was not sent. */
			transport->is_open = false;
			return TRANSPORT_FAILED;
		}
		tls->offset += (size_t)n;
	}
	tls->offset = 0;
	if (tls->is_datagram)
		transport->taken++;
	return TRANSPORT_SENT;
}

static size_t dtls_max_message(const Transport *transport)
{
	const TlsTransport *tls = (const TlsTransport *)transport;

	if (!tls->has_shaken)
		return 0;
	set_mtu(tls);
	return gnutls_dtls_get_data_mtu(tls->session);
}

static uint64_t tls_arrived(Transport *transport)
{
	return transport->taken - MIN(transport->taken, tcp_socket_unacknowledged(transport->fd));
}

static void tls_done(Transport *transport)
{
	TlsTransport *tls = (TlsTransport *)transport;

	/* Not in the middle of a message, which would seem to have an end. */
	if (transport->is_open && !tls->has_pending && !tls->offset)
		(void)gnutls_bye(tls->session, GNUTLS_SHUT_WR);
	if (tls->session)
		gnutls_deinit(tls->session);
	tls_client_unref(tls->client);
	g_free(tls->name);
}

const TransportClass transport_tls = {
	.size = sizeof(TlsTransport),
	.open = tls_open,
	.send = tls_send,
	.arrived = tls_arrived,
	.done = tls_done,
};

const TransportClass transport_dtls = {
	.size = sizeof(TlsTransport),
	.open = dtls_open,
	.send = tls_send,
	.max_message = dtls_max_message,
	.done = tls_done,
};
