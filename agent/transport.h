/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole messages to one collector over UDP. The only module with exporting sockets; it knows
 * nothing of what a message says.
 *
 * The socket is connected, never blocks and forbids fragmentation (DF). What the kernel cannot take
 * now waits in a bounded queue, which the main context empties.
 */
#ifndef FLOWTALLY_TRANSPORT_H
#define FLOWTALLY_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

typedef struct Transport Transport;

typedef enum {
	TRANSPORT_SENT,	   /* the kernel has taken it */
	TRANSPORT_QUEUED,  /* it will be sent when the socket is writable */
	TRANSPORT_TOO_BIG, /* longer than the path MTU allows: ask transport_max_message() and
			      encode again */
	TRANSPORT_FAILED,  /* not sent; the error says why */
} TransportResult;

/* A message that had been queued is done with: sent, or dropped (@error says why). */
typedef void (*TransportDone)(void *tag, const GError *error, void *user_data);

/* @address is numeric, "192.0.2.1:4739" or "[2001:db8::1]:4739". */
Transport *transport_new(const char *address, TransportDone on_done, void *user_data,
			 GError **error);
void transport_free(Transport *transport); /* what is queued is dropped without a word */

/* Sends what @header (16 octets) and @body make together; both are borrowed for the call. @tag
 * comes back through on_done if, and only if, the result is TRANSPORT_QUEUED. */
TransportResult transport_send(Transport *transport, const void *header, size_t header_len,
			       const void *body, size_t body_len, void *tag, GError **error);

/* The longest message that the path takes as far as the kernel knows, or 0 if it does not. */
size_t transport_max_message(const Transport *transport);

size_t transport_queued(const Transport *transport); /* messages */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transport, transport_free)

#endif
