/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening TCP socket in the main loop. Connections are accepted one at a time and after more urgent
 * work; without descriptors or memory accepting pauses.
 */
#ifndef FLOWTALLY_LISTENER_H
#define FLOWTALLY_LISTENER_H

#include <sys/socket.h>

#include <glib.h>

#include "config/endpoint.h"

typedef struct Listener Listener;

/* @fd, non-blocking, is the callee's. */
typedef void (*ListenerAccepted)(int fd, const struct sockaddr *peer, socklen_t len,
				 void *user_data);

Listener *listener_new(const Endpoint *endpoint, ListenerAccepted on_accepted, void *user_data,
		       GError **error);
void listener_free(Listener *listener);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Listener, listener_free)

#endif
