/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of hosts to addresses, as this system resolves them (nsswitch.conf(5)), without stopping the main loop:
 * getaddrinfo(3) waits in a thread of its own, which ends with its answer. An answer is not kept: who asks again
 * is told what is so then.
 */
#ifndef FLOWTALLY_RESOLVER_H
#define FLOWTALLY_RESOLVER_H

#include <stdint.h>

#include <glib.h>

/* One question that has not been answered yet. */
typedef struct Resolver Resolver;

/*
 * From the main context, once: @addresses, of SocketAddress, in the order in which to try them, or @error. Both are
 * borrowed, and the Resolver is gone.
 */
typedef void (*ResolverDone)(const GArray *addresses, const GError *error, void *user_data);

/* @family: AF_INET or AF_INET6, or AF_UNSPEC for either. */
Resolver *resolver_ask(const char *host, uint16_t port, int family, ResolverDone on_done,
		       void *user_data);

/* on_done will not come. The thread ends when getaddrinfo(3) does. NULL is nothing to cancel. */
void resolver_cancel(Resolver *resolver);

#endif
