/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole messages to one collector over UDP. The only module with exporting sockets; it knows
 * nothing of what a message says.
 *
 * The socket is connected, never blocks and forbids fragmentation (DF). What the kernel cannot take
 * now waits in a bounded queue, which the main context empties in the order of sending.
 */
#ifndef FLOWTALLY_TRANSPORT_H
#define FLOWTALLY_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#define TRANSPORT_QUEUE_MAX (4u << 20) /* octets that may wait */

typedef struct Transport Transport;

typedef enum {
	TRANSPORT_SENT,	   /* the kernel has taken it */
	TRANSPORT_QUEUED,  /* it will be sent when the socket is writable */
	TRANSPORT_TOO_BIG, /* longer than the path MTU allows: ask transport_max_message() and
			      encode again */
	TRANSPORT_FULL,	   /* not sent: the queue has no room */
	TRANSPORT_FAILED,  /* not sent: the error says why; a new socket may do better */
} TransportResult;

/*
 * A message that had been queued is done with: sent, or dropped (@error says why: EMSGSIZE where the
 * path MTU has shrunk meanwhile, ECANCELED where it was given up). @transport may be in use: this
 * must not send with it, nor free it.
 */
typedef void (*TransportDone)(void *tag, const GError *error, void *user_data);

/* @address is numeric, "192.0.2.1:4739" or "[2001:db8::1]:4739". */
Transport *transport_new(const char *address, TransportDone on_done, void *user_data,
			 GError **error);
void transport_free(Transport *transport); /* gives up what is queued */

/* Sends what @header and @body make together; both are borrowed for the call. @tag comes back
 * through on_done if, and only if, the result is TRANSPORT_QUEUED. */
TransportResult transport_send(Transport *transport, const void *header, size_t header_len,
			       const void *body, size_t body_len, void *tag, GError **error);

/* The longest message that the path takes as far as the kernel knows, or 0 if it does not. */
size_t transport_max_message(const Transport *transport);

size_t transport_queued(const Transport *transport); /* messages */

/* What is queued is dropped; on_done tells of each. */
void transport_give_up(Transport *transport);

/*
 * How often since the last call the far end has said that nobody listens (ICMP port unreachable).
 * It says so of earlier messages, which counted as sent.
 */
uint64_t transport_take_refused(Transport *transport);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transport, transport_free)

#endif
