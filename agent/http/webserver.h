/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd in the main loop: connections, their limits and TLS. What is answered is the handler's.
 *
 * Connections that are accepted elsewhere are handed in. There are at most so many, in all and of one address,
 * each with a bounded memory for its header, and a request, from the end of the last one to its own,
 * has a time limit: whoever is beyond these is refused or cut off, and counted.
 */
#ifndef FLOWTALLY_WEBSERVER_H
#define FLOWTALLY_WEBSERVER_H

#include <sys/socket.h>

#include <glib.h>
#include <microhttpd.h>

#include "report/httpview.h"
#include "config/webconfig.h"

#define WEB_SERVER_CONNECTIONS 256
#define WEB_SERVER_CONNECTIONS_OF_ADDRESS 64
#define WEB_SERVER_HEADER_OCTETS 32768 /* of a request and its answer */
#define WEB_SERVER_REQUEST_S 20

typedef struct WebServer WebServer;

/* As libmicrohttpd has them: a request with all of its header, and its end, after which @con_cls is no
 * longer used. */
typedef struct {
	MHD_AccessHandlerCallback on_request;
	MHD_RequestCompletedCallback on_end;
	void *user_data;
} WebHandler;

/* @view: counts what is refused and cut off; it and @handler must outlive the server. */
WebServer *web_server_new(WebConfig *web, const WebHandler *handler, HttpView *view,
			  GError **error);

/* Closes all connections: none of them is suspended any more. */
void web_server_free(WebServer *server);

/* Takes over @fd. */
void web_server_add(WebServer *server, int fd, const struct sockaddr *peer, socklen_t len);

/* A suspended request goes on, from the main loop. */
void web_server_resume(WebServer *server, struct MHD_Connection *connection);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebServer, web_server_free)

#endif
