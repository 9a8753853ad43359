/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include <glib-unix.h>

#include "base/priority.h"
#include "base/error.h"

#define BACKLOG 128
#define PAUSE_MS 200

struct Listener {
	int fd;
	guint source; /* accepts, or takes that up again after a pause */
	ListenerAccepted on_accepted;
	void *user_data;
};

static void resume(Listener *listener);

static gboolean on_paused(gpointer user_data)
{
	resume(user_data);
	return G_SOURCE_REMOVE;
}

static gboolean on_connection(gint fd, GIOCondition condition, gpointer user_data)
{
	Listener *listener = user_data;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int accepted = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (accepted >= 0) {
		listener->on_accepted(accepted, (const struct sockaddr *)&peer, len,
				      listener->user_data);
		return G_SOURCE_CONTINUE;
	}
	if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
		return G_SOURCE_CONTINUE;
	/* Else the socket would be readable on and on. */
	listener->source = g_timeout_add(PAUSE_MS, on_paused, listener);
	return G_SOURCE_REMOVE;
}

static void resume(Listener *listener)
{
	listener->source = g_unix_fd_add_full(PRIORITY_SERVING, listener->fd, G_IO_IN,
					      on_connection, listener, NULL);
}

/* An IPv6 socket is for IPv6 alone, so that [::] and 0.0.0.0 are two that can stand beside each other. */
static bool listen_at(int fd, const Endpoint *endpoint)
{
	static const int on = 1;
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(endpoint, &address);

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return false;
	if (address.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return false;
	return bind(fd, (const struct sockaddr *)&address, len) == 0 && listen(fd, BACKLOG) == 0;
}

Listener *listener_new(const Endpoint *endpoint, ListenerAccepted on_accepted, void *user_data,
		       GError **error)
{
	int family = prefix_is_ipv4(&endpoint->host) ? AF_INET : AF_INET6;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	Listener *listener;

	if (fd < 0 || !listen_at(fd, endpoint)) {
		error_from_errno(error, errno, "listen");
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	listener = g_new0(Listener, 1);
	listener->fd = fd;
	listener->on_accepted = on_accepted;
	listener->user_data = user_data;
	resume(listener);
	return listener;
}

void listener_free(Listener *listener)
{
	if (!listener)
		return;
	g_source_remove(listener->source);
	close(listener->fd);
	g_free(listener);
}
