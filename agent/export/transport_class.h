/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the transports are made of: a part of the module transport, and for nobody else.
 */
#ifndef FLOWTALLY_TRANSPORT_CLASS_H
#define FLOWTALLY_TRANSPORT_CLASS_H

#include <sys/uio.h>

#include <glib-unix.h>

#include "transport.h"

#define TRANSPORT_PARTS 2

/* Each begins with a Transport. NULL where there is nothing to do, or nothing is known. */
typedef struct {
	size_t size;
	bool (*is_supported)(GError **error);
	bool (*open)(Transport *transport, const TransportTarget *target, GError **error);
	TransportResult (*send)(Transport *transport, const struct iovec parts[TRANSPORT_PARTS],
				GError **error);
	size_t (*max_message)(const Transport *transport);
	uint64_t (*arrived)(Transport *transport);
	void (*take_refused)(Transport *transport); /* adds to `refused` */
	void (*done)(Transport *transport);
} TransportClass;

struct Transport {
	const TransportClass *class;
	TransportEvents events;
	void *user_data;
	const SocketFamily *family;
	int fd;
	bool is_open;
	guint readable; /* sources of the main context; 0: none */
	guint writable;
	guint timer;
	guint rest; /* not 0: reads again, by ... */
	GUnixFDSourceFunc on_rested;
	uint64_t taken;
	uint64_t refused;
};

extern const TransportClass transport_udp;
extern const TransportClass transport_tcp;
extern const TransportClass transport_tls;
extern const TransportClass transport_dtls;
extern const TransportClass transport_sctp;

bool transport_socket(Transport *transport, const TransportTarget *target, int type, int protocol,
		      GError **error);

/* It is connected then, or on its way. */
bool transport_connect(Transport *transport, const TransportTarget *target, GError **error);

/* When the socket on its way has become writable. False: it has failed, and that was the last of it. */
bool transport_has_connected(Transport *transport);

void transport_open(Transport *transport); /* and says so */

/* The last that a callback does. */
void transport_break(Transport *transport, const GError *error);
void transport_break_from_errno(Transport *transport, int error_number, const char *what);
void transport_break_at_end(Transport *transport, int error_number); /* ENOTCONN: its proper end */

/* @on_ready is called once, or, if it returns true, again. */
void transport_watch_readable(Transport *transport, GUnixFDSourceFunc on_ready);
void transport_watch_writable(Transport *transport, GUnixFDSourceFunc on_ready);
/*
 * Leaves @transport unread for a moment, and then watches it again: called by @on_ready, which returns false. A collector
 * has nothing to say, so who talks on and on finds a closed window, and nobody else waits for that.
 */
void transport_rest(Transport *transport, GUnixFDSourceFunc on_ready);
void transport_set_timer(Transport *transport, guint ms, GSourceFunc on_time);

/* Until the socket takes more, or for a moment where the kernel lacks memory; then on_writable(). */
void transport_wait(Transport *transport, int why);
bool transport_must_wait(int error_number);

#endif
