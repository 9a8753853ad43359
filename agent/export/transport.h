/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One transport session (RFC 7011, section 10) to one address of a collector, from its opening to its end: whole
 * messages go in. It knows nothing of what a message says, and keeps none: what cannot be sent now is offered again.
 *
 * No call blocks. Events come from the main context only, never from within a call, and the session may be freed
 * in them.
 */
#ifndef FLOWTALLY_TRANSPORT_H
#define FLOWTALLY_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "config/config.h"
#include "socket.h"

typedef struct Transport Transport;

typedef enum {
	TRANSPORT_SENT, /* the kernel has taken all of it */
	TRANSPORT_WAIT, /* not all: on_writable() tells when the same message is to be offered again */
	TRANSPORT_TOO_BIG, /* longer than transport_max_message(), and none of it sent */
	TRANSPORT_FAILED,  /* the error says why; of a connection it is the end */
} TransportResult;

typedef struct {
	void (*on_open)(void *user_data);			 /* messages may be sent */
	void (*on_writable)(void *user_data);			 /* after TRANSPORT_WAIT */
	void (*on_broken)(const GError *error, void *user_data); /* it is of no more use */
} TransportEvents;

typedef struct {
	CollectorTransport kind;
	SocketAddress to;
	SocketSource from;
	TlsClient *tls;	  /* of tls and dtls */
	const char *name; /* the same: that the collector's certificate is to have */
} TransportTarget;

/* Is it possible that this system has @kind? The error says why it has not. */
bool transport_is_supported(CollectorTransport kind, GError **error);

/* It may be open already; then on_open() does not come. @target is borrowed for the call. */
Transport *transport_new(const TransportTarget *target, const TransportEvents *events,
			 void *user_data, GError **error);

/* What a connection has not delivered yet is delivered still. */
void transport_free(Transport *transport);

/* So that nothing arrives any more; before transport_free(). */
void transport_abort(Transport *transport);

bool transport_is_open(const Transport *transport);

/* Sends what @header and @body make together; both are borrowed for the call. */
TransportResult transport_send(Transport *transport, const void *header, size_t header_len,
			       const void *body, size_t body_len, GError **error);

/* The longest message that the path takes as far as is known; 0: that is not known, or does not matter. */
size_t transport_max_message(const Transport *transport);

/*
 * How far it is: what the kernel has taken since the session was opened, and what of that the far end's kernel has
 * said to have. Units are the transport's own. A datagram counts as arrived when it is gone.
 */
uint64_t transport_taken(const Transport *transport);
uint64_t transport_arrived(Transport *transport);

/*
 * How often since the last call the far end has said that nobody listens (ICMP port unreachable). It says so of
 * earlier messages, which counted as sent.
 */
uint64_t transport_take_refused(Transport *transport);

uint16_t transport_local_port(const Transport *transport);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transport, transport_free)

#endif
