/* SPDX-License-Identifier: Apache-2.0 */
#include "webserver.h"

#include <errno.h>
#include <string.h>

#include <glib-unix.h>
#include <gnutls/gnutls.h>

#include "base/priority.h"
#include "base/error.h"
#include "listener.h"

struct WebServer {
	struct MHD_Daemon *daemon;
	WebConfig *web;
	const WebHandler *handler;
	HttpView *view;
	guint source; /* libmicrohttpd's epoll descriptor */
	guint timer;  /* when it wants to run without an event; 0: it does not */
};

typedef struct {
	WebServer *server;
	int fd;
	guint deadline;
} Connection;

static gboolean on_deadline(gpointer user_data)
{
	Connection *connection = user_data;

	connection->deadline = 0;
	connection->server->view->cut_off++;
	/* libmicrohttpd finds out at the next event, and closes it. */
	(void)shutdown(connection->fd, SHUT_RDWR);
	return G_SOURCE_REMOVE;
}

static void set_deadline(Connection *connection)
{
	g_clear_handle_id(&connection->deadline, g_source_remove);
	connection->deadline = g_timeout_add_seconds(WEB_SERVER_REQUEST_S, on_deadline, connection);
}

/* Of a certificate that was asked for; none is good where it may be left out. */
static int verify_if_given(gnutls_session_t session)
{
	unsigned int peers, status = 0;

	if (!gnutls_certificate_get_peers(session, &peers) || !peers)
		return 0;
	if (gnutls_certificate_verify_peers2(session, &status) < 0 || status)
		return GNUTLS_E_CERTIFICATE_ERROR;
	return 0;
}

/* Before the handshake. */
static void ask_for_certificate(const WebConfig *web, gnutls_session_t session)
{
	static const struct {
		gnutls_certificate_request_t request;
		bool verify;
	} ways[] = {
		[CLIENT_AUTH_NONE] = { GNUTLS_CERT_IGNORE, false },
		[CLIENT_AUTH_REQUEST] = { GNUTLS_CERT_REQUEST, false },
		[CLIENT_AUTH_REQUIRE_ANY] = { GNUTLS_CERT_REQUIRE, false },
		[CLIENT_AUTH_VERIFY_IF_GIVEN] = { GNUTLS_CERT_REQUEST, true },
		[CLIENT_AUTH_REQUIRE_AND_VERIFY] = { GNUTLS_CERT_REQUIRE, true },
	};

	gnutls_certificate_server_set_request(session, ways[web->client_auth].request);
	if (ways[web->client_auth].verify)
		gnutls_session_set_verify_function(session, verify_if_given);
}

static Connection *connection_new(WebServer *server, struct MHD_Connection *of)
{
	Connection *connection = g_new0(Connection, 1);

	connection->server = server;
	connection->fd = MHD_get_connection_info(of, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	set_deadline(connection);
	if (web_config_has_tls(server->web))
		ask_for_certificate(server->web,
				    MHD_get_connection_info(of, MHD_CONNECTION_INFO_GNUTLS_SESSION)
					    ->tls_session);
	return connection;
}

static void connection_free(Connection *connection)
{
	g_clear_handle_id(&connection->deadline, g_source_remove);
	g_free(connection);
}

static void on_connection(void *user_data, struct MHD_Connection *of, void **context,
			  enum MHD_ConnectionNotificationCode event)
{
	if (event == MHD_CONNECTION_NOTIFY_STARTED)
		*context = connection_new(user_data, of);
	else
		connection_free(*context);
}

static void on_end(void *user_data, struct MHD_Connection *of, void **request,
		   enum MHD_RequestTerminationCode code)
{
	WebServer *server = user_data;
	Connection *connection =
		MHD_get_connection_info(of, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

	server->handler->on_end(server->handler->user_data, of, request, code);
	set_deadline(connection);
}

static enum MHD_Result on_request(void *user_data, struct MHD_Connection *of, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **request)
{
	const WebHandler *handler = ((const WebServer *)user_data)->handler;

	return handler->on_request(handler->user_data, of, url, method, version, upload, upload_len,
				   request);
}

/* No page has any in its name, and one of a NUL would hide what is behind it. */
static size_t keep_escapes(void *user_data, struct MHD_Connection *connection, char *text)
{
	return strlen(text);
}

static void run(WebServer *server);

static gboolean on_timer(gpointer user_data)
{
	WebServer *server = user_data;

	server->timer = 0;
	run(server);
	return G_SOURCE_REMOVE;
}

static gboolean on_event(gint fd, GIOCondition condition, gpointer user_data)
{
	run(user_data);
	return G_SOURCE_CONTINUE;
}

static void run_in(WebServer *server, guint ms)
{
	g_clear_handle_id(&server->timer, g_source_remove);
	server->timer = g_timeout_add_full(PRIORITY_SERVING, ms, on_timer, server, NULL);
}

static void run(WebServer *server)
{
	MHD_UNSIGNED_LONG_LONG ms;

	(void)MHD_run(server->daemon);
	if (MHD_get_timeout(server->daemon, &ms) == MHD_YES)
		run_in(server, (guint)MIN(ms, G_MAXINT));
	else
		g_clear_handle_id(&server->timer, g_source_remove);
}

/* In GnuTLS' words. */
static char *priorities(const WebConfig *web)
{
	static const char *const versions[] = {
		[TLS_VERSION_10] = ":+VERS-TLS1.0",
		[TLS_VERSION_11] = ":+VERS-TLS1.1",
		[TLS_VERSION_12] = ":+VERS-TLS1.2",
		[TLS_VERSION_13] = ":+VERS-TLS1.3",
	};
	GString *text = g_string_new("NORMAL:-VERS-ALL");

	for (unsigned int i = web->max_version + 1; i-- > web->min_version;)
		g_string_append(text, versions[i]);
	return g_string_free(text, FALSE);
}

static struct MHD_Daemon *start_daemon(WebServer *server)
{
	const WebConfig *web = server->web;
	bool tls = web_config_has_tls(web);
	g_autofree char *tls_versions = tls ? priorities(web) : NULL;
	const struct MHD_OptionItem tls_options[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? web->cert.contents : NULL },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? web->key.contents : NULL },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, tls_versions },
		{ tls && web->client_ca.contents ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0,
		  tls ? web->client_ca.contents : NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	/* clang-format off */
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
			(tls ? MHD_USE_TLS : 0),
		0, NULL, NULL, on_request, server,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
		MHD_OPTION_CONNECTION_LIMIT, WEB_SERVER_CONNECTIONS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, WEB_SERVER_CONNECTIONS_OF_ADDRESS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEB_SERVER_HEADER_OCTETS,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
		MHD_OPTION_NOTIFY_COMPLETED, on_end, server,
		tls ? MHD_OPTION_ARRAY : MHD_OPTION_END, tls_options,
		MHD_OPTION_END);
	/* clang-format on */
}

WebServer *web_server_new(WebConfig *web, const WebHandler *handler, HttpView *view, GError **error)
{
	g_autoptr(WebServer) server = g_new0(WebServer, 1);
	const union MHD_DaemonInfo *info;

	server->web = web_config_ref(web);
	server->handler = handler;
	server->view = view;
	server->daemon = start_daemon(server);
	info = server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD) :
				NULL;
	if (!info) {
		error_set(error, "libmicrohttpd cannot be started: %s", g_strerror(errno));
		return NULL;
	}
	server->source = g_unix_fd_add_full(PRIORITY_SERVING, info->epoll_fd, G_IO_IN, on_event,
					    server, NULL);
	return g_steal_pointer(&server);
}

void web_server_free(WebServer *server)
{
	if (!server)
		return;
	g_clear_handle_id(&server->source, g_source_remove);
	g_clear_handle_id(&server->timer, g_source_remove);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	web_config_unref(server->web);
	g_free(server);
}

void web_server_add(WebServer *server, int fd, const struct sockaddr *peer, socklen_t len)
{
	if (MHD_add_connection(server->daemon, fd, peer, len) == MHD_YES)
		run(server);
	else
		server->view->refused++;
}

void web_server_resume(WebServer *server, struct MHD_Connection *connection)
{
	MHD_resume_connection(connection);
	/* Neither does an event come of it, nor does MHD_get_timeout() tell. */
	run_in(server, 0);
}
