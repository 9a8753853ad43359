/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "socket.h"

/* The thread has it until it is answered, then the main context. */
struct Resolver {
	char *host;
	char *port;
	int family;
	GThread *thread; /* NULL: there was none to be had */
	int result;	 /* of getaddrinfo() */
	int error_number;
	struct addrinfo *found;
	bool cancelled; /* the main context's alone */
	ResolverDone on_done;
	void *user_data;
};

static void resolver_free(Resolver *resolver)
{
	if (resolver->found)
		freeaddrinfo(resolver->found);
	g_free(resolver->host);
	g_free(resolver->port);
	g_free(resolver);
}

static GArray *addresses_new(const struct addrinfo *found)
{
	GArray *addresses = g_array_new(FALSE, TRUE, sizeof(SocketAddress));

	for (; found; found = found->ai_next) {
		SocketAddress address = { .len = found->ai_addrlen };

		if (found->ai_addrlen > sizeof(address.storage))
			continue;
		memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
		g_array_append_val(addresses, address);
	}
	return addresses;
}

static GError *error_of(const Resolver *resolver)
{
	GError *error = NULL;

	if (resolver->result == EAI_SYSTEM)
		error_from_errno(&error, resolver->error_number, "%s", resolver->host);
	else
		error_set(&error, "%s: %s", resolver->host, gai_strerror(resolver->result));
	return error;
}

static gboolean on_answered(gpointer user_data)
{
	Resolver *resolver = user_data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GArray) addresses = NULL;

	/* It has nothing more to do. */
	if (resolver->thread)
		g_thread_join(resolver->thread);
	if (resolver->result)
		error = error_of(resolver);
	else
		addresses = addresses_new(resolver->found);
	if (!resolver->cancelled)
		resolver->on_done(addresses, error, resolver->user_data);
	resolver_free(resolver);
	return G_SOURCE_REMOVE;
}

static gpointer answer(gpointer user_data)
{
	Resolver *resolver = user_data;
	/* One of each address: which transport it is for changes none. */
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICSERV,
		.ai_family = resolver->family,
		.ai_socktype = SOCK_STREAM,
	};

	resolver->result = getaddrinfo(resolver->host, resolver->port, &hints, &resolver->found);
	resolver->error_number = errno;
	g_idle_add_full(G_PRIORITY_DEFAULT, on_answered, resolver, NULL);
	return NULL;
}

Resolver *resolver_ask(const char *host, uint16_t port, int family, ResolverDone on_done,
		       void *user_data)
{
	Resolver *resolver = g_new0(Resolver, 1);

	resolver->host = g_strdup(host);
	resolver->port = g_strdup_printf("%u", port);
	resolver->family = family;
	resolver->on_done = on_done;
	resolver->user_data = user_data;
	resolver->thread = g_thread_try_new("resolver", answer, resolver, NULL);
	if (!resolver->thread) {
		resolver->result = EAI_SYSTEM;
		resolver->error_number = EAGAIN;
		g_idle_add_full(G_PRIORITY_DEFAULT, on_answered, resolver, NULL);
	}
	return resolver;
}

void resolver_cancel(Resolver *resolver)
{
	if (resolver)
		resolver->cancelled = true;
}
