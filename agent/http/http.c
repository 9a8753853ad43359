/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <string.h>
#include <unistd.h>

#include "listener.h"
#include "negotiation.h"
#include "base/passwords.h"
#include "config/settings.h"
#include "webserver.h"

#define PLAIN "text/plain; charset=utf-8"
#define HTML "text/html; charset=utf-8"

const unsigned int http_codes[HTTP_CODES] = {
	[HTTP_OK] = MHD_HTTP_OK,
	[HTTP_BAD_REQUEST] = MHD_HTTP_BAD_REQUEST,
	[HTTP_UNAUTHORIZED] = MHD_HTTP_UNAUTHORIZED,
	[HTTP_NOT_FOUND] = MHD_HTTP_NOT_FOUND,
	[HTTP_NOT_ALLOWED] = MHD_HTTP_METHOD_NOT_ALLOWED,
	[HTTP_UNAVAILABLE] = MHD_HTTP_SERVICE_UNAVAILABLE,
};

/* An address of the configuration, listened at or not. */
typedef struct {
	HttpListenerView view; /* first: the array of them is shown */
	Endpoint endpoint;
	Listener *listener; /* NULL: it could not be listened at */
} Place;

struct Http {
	Scrape *scrape;
	HttpReady is_ready;
	void *user_data;
	WebHandler handler;
	WebConfig *web;
	WebServer *server; /* NULL: there was an error */
	Passwords *passwords;
	GHashTable *requests; /* set of Request: those that run */
	HttpView view;	      /* its listeners are the Places */
	char *error;
};

typedef struct {
	Http *http;
	struct MHD_Connection *connection;
	bool suspended;
	PasswordVerdict verdict; /* PASSWORD_ASKED: not known yet */
	GBytes *body;		 /* of /metrics; NULL: not made yet */
} Request;

/* Answers */

/* NULL where there is nothing more to say than the code does. */
typedef struct {
	HttpCode code;
	const char *type;
	const char *header, *value;
} Answer;

static const char *web_header(const WebConfig *web, WebHeader header, const char *otherwise)
{
	return web && web->headers[header] ? web->headers[header] : otherwise;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value)
		(void)MHD_add_response_header(response, name, value);
}

/* No answer needs anything from elsewhere, nor is any to be kept. */
static void add_headers(const Http *http, struct MHD_Response *response)
{
	static const char *const defaults[WEB_HEADERS] = {
		[WEB_HEADER_X_CONTENT_TYPE_OPTIONS] = "nosniff",
		[WEB_HEADER_CONTENT_SECURITY_POLICY] = "default-src 'none'",
	};

	for (int i = 0; i < WEB_HEADERS; i++)
		add_header(response, web_header_names[i],
			   web_header(http->web, (WebHeader)i, defaults[i]));
	add_header(response, "Referrer-Policy", "no-referrer");
	add_header(response, "Cache-Control", "no-store");
}

/* Takes over @response. */
static enum MHD_Result queue(Request *request, const Answer *answer, struct MHD_Response *response)
{
	Http *http = request->http;
	enum MHD_Result result;

	add_headers(http, response);
	add_header(response, "Content-Type", answer->type);
	if (answer->header)
		add_header(response, answer->header, answer->value);
	result = MHD_queue_response(request->connection, http_codes[answer->code], response);
	MHD_destroy_response(response);
	http->view.requests[answer->code]++;
	return result;
}

static enum MHD_Result answer_text(Request *request, const Answer *answer, const char *text)
{
	return queue(
		request, answer,
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY));
}

/* Requests that wait */

static enum MHD_Result suspend(Request *request)
{
	MHD_suspend_connection(request->connection);
	request->suspended = true;
	return MHD_YES;
}

/* It is handled again. */
static void resume(Request *request)
{
	request->suspended = false;
	web_server_resume(request->http->server, request->connection);
}

static void on_password(PasswordVerdict verdict, void *user_data)
{
	Request *request = user_data;

	request->verdict = verdict;
	resume(request);
}

static void on_made(GBytes *body, void *user_data)
{
	Request *request = user_data;

	request->body = g_bytes_ref(body);
	resume(request);
}

/* Who may ask */

static int cost_of(const char *hash)
{
	/* "$2y$10$...": they have been found to be such. */
	return (int)g_ascii_strtoll(hash + strlen("$2y$"), NULL, 10);
}

static const char *slowest_hash(GHashTable *users)
{
	const char *slowest = NULL;
	GHashTableIter iter;
	gpointer hash;

	g_hash_table_iter_init(&iter, users);
	while (g_hash_table_iter_next(&iter, NULL, &hash)) {
		if (!slowest || cost_of(hash) > cost_of(slowest))
			slowest = hash;
	}
	return slowest;
}

/* Of an unknown user the hash that takes longest is tried, so that time tells nothing. */
static void find_hash(GHashTable *users, PasswordQuestion *question)
{
	question->hash = g_hash_table_lookup(users, question->user);
	question->user_exists = question->hash;
	if (!question->hash)
		question->hash = slowest_hash(users);
}

static PasswordVerdict ask_password(Request *request)
{
	const Http *http = request->http;
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(request->connection, &password);
	PasswordVerdict verdict = PASSWORD_WRONG;

	if (user && password) {
		PasswordQuestion question = { .user = user, .password = password };

		find_hash(http->web->users, &question);
		verdict = passwords_check(http->passwords, &question, on_password, request);
	}
	if (password)
		explicit_bzero(password, strlen(password));
	MHD_free(password);
	MHD_free(user);
	return verdict;
}

static PasswordVerdict authenticate(Request *request)
{
	const WebConfig *web = request->http->web;

	if (!web || !web->users || !g_hash_table_size(web->users))
		return PASSWORD_RIGHT;
	return request->verdict == PASSWORD_ASKED ? ask_password(request) : request->verdict;
}

/* Pages */

static enum MHD_Result add_to(void *user_data, enum MHD_ValueKind kind, const char *name,
			      const char *value)
{
	const void *const *wanted = user_data;

	if (value && !g_ascii_strcasecmp(name, wanted[0]))
		g_string_append_printf((GString *)wanted[1], ",%s", value);
	return MHD_YES;
}

/* A header may come several times, which is the same as one list. */
static char *header_of(const Request *request, const char *name)
{
	GString *text = g_string_new(NULL);
	const void *wanted[] = { name, text };

	(void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, add_to, wanted);
	return g_string_free(text, FALSE);
}

static void free_body(void *body)
{
	g_bytes_unref(body);
}

static enum MHD_Result answer_metrics(Request *request)
{
	g_autofree char *accept = header_of(request, "Accept");
	g_autofree char *encoding = header_of(request, "Accept-Encoding");
	bool gzip = negotiation_wants_gzip(encoding);
	PrometheusFormat format =
		negotiation_wants_openmetrics(accept) ? PROMETHEUS_OPENMETRICS : PROMETHEUS_TEXT;
	const Answer answer = { HTTP_OK, prometheus_content_types[format],
				gzip ? "Content-Encoding" : NULL, "gzip" };
	struct MHD_Response *response;
	const void *text;
	gsize len;

	if (!request->body)
		request->body = scrape_get(request->http->scrape, format, gzip, on_made, request);
	if (!request->body)
		return suspend(request);
	text = g_bytes_get_data(request->body, &len);
	response = MHD_create_response_from_buffer_with_free_callback_cls(
		len, (void *)text, free_body, g_bytes_ref(request->body));
	add_header(response, "Vary", "Accept, Accept-Encoding");
	return queue(request, &answer, response);
}

static enum MHD_Result answer_healthy(Request *request)
{
	return answer_text(request, &(Answer){ HTTP_OK, PLAIN, NULL, NULL }, "healthy\n");
}

static enum MHD_Result answer_ready(Request *request)
{
	const Http *http = request->http;

	if (http->is_ready(http->user_data))
		return answer_text(request, &(Answer){ HTTP_OK, PLAIN, NULL, NULL }, "ready\n");
	return answer_text(request, &(Answer){ HTTP_UNAVAILABLE, PLAIN, NULL, NULL },
			   "not ready: the kernel's tables have not been read yet\n");
}

static enum MHD_Result answer_landing(Request *request)
{
	static const char page[] = "<!DOCTYPE html>\n"
				   "<html lang=\"en\">\n"
				   "<meta charset=\"utf-8\">\n"
				   "<title>flowtally</title>\n"
				   "<h1>flowtally</h1>\n"
				   "<p>Version " FLOWTALLY_VERSION "</p>\n"
				   "<ul>\n"
				   "<li><a href=\"metrics\">Metrics</a></li>\n"
				   "<li><a href=\"-/healthy\">Healthy</a></li>\n"
				   "<li><a href=\"-/ready\">Ready</a></li>\n"
				   "</ul>\n"
				   "</html>\n";

	return answer_text(request, &(Answer){ HTTP_OK, HTML, NULL, NULL }, page);
}

static const struct {
	const char *path;
	enum MHD_Result (*answer)(Request *request);
} pages[] = {
	{ "/", answer_landing },
	{ "/metrics", answer_metrics },
	{ "/-/healthy", answer_healthy },
	{ "/-/ready", answer_ready },
};

static enum MHD_Result answer_page(Request *request, const char *path)
{
	for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
		if (!strcmp(pages[i].path, path))
			return pages[i].answer(request);
	}
	return answer_text(request, &(Answer){ HTTP_NOT_FOUND, PLAIN, NULL, NULL }, "not found\n");
}

static enum MHD_Result serve(Request *request, const char *path)
{
	request->verdict = authenticate(request);
	switch (request->verdict) {
	case PASSWORD_RIGHT:
		return answer_page(request, path);
	case PASSWORD_ASKED:
		return suspend(request);
	case PASSWORD_WRONG:
		return answer_text(request,
				   &(Answer){ HTTP_UNAUTHORIZED, PLAIN, "WWW-Authenticate",
					      "Basic realm=\"flowtally\", charset=\"UTF-8\"" },
				   "unauthorized\n");
	default:
		return answer_text(request,
				   &(Answer){ HTTP_UNAVAILABLE, PLAIN, "Retry-After", "1" },
				   "too many passwords to check\n");
	}
}

/* Requests */

static Request *request_new(Http *http, struct MHD_Connection *connection)
{
	Request *request = g_new0(Request, 1);

	request->http = http;
	request->connection = connection;
	request->verdict = PASSWORD_ASKED;
	g_hash_table_add(http->requests, request);
	return request;
}

static enum MHD_Result find_space(void *user_data, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	bool *found = user_data;

	*found |= strpbrk(name, " \t") != NULL;
	return MHD_YES;
}

/* "Content-Length : 5" is one to some, and none to libmicrohttpd (RFC 9112, section 5.1). */
static bool has_odd_header(const Request *request)
{
	bool found = false;

	(void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, find_space, &found);
	return found;
}

static bool has_body(const Request *request)
{
	g_autofree char *length = header_of(request, "Content-Length");
	g_autofree char *encoding = header_of(request, "Transfer-Encoding");

	return *encoding || (*length && strcmp(length, ",0"));
}

/* Once the header is there. What is answered here ends the connection, without reading on. */
static enum MHD_Result begin(Request *request, const char *method)
{
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return answer_text(request,
				   &(Answer){ HTTP_NOT_ALLOWED, PLAIN, "Allow", "GET, HEAD" },
				   "method not allowed\n");
	if (has_odd_header(request))
		return answer_text(request, &(Answer){ HTTP_BAD_REQUEST, PLAIN, NULL, NULL },
				   "there is a space in the name of a header\n");
	if (has_body(request))
		return answer_text(request, &(Answer){ HTTP_BAD_REQUEST, PLAIN, NULL, NULL },
				   "no body is taken\n");
	return MHD_YES;
}

static enum MHD_Result on_request(void *user_data, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *upload, size_t *upload_len, void **request)
{
	if (*request)
		return serve(*request, path);
	*request = request_new(user_data, connection);
	return begin(*request, method);
}

static void on_end(void *user_data, struct MHD_Connection *connection, void **ended,
		   enum MHD_RequestTerminationCode code)
{
	Request *request = *ended;
	Http *http = user_data;

	if (!request)
		return;
	scrape_cancel(http->scrape, request);
	passwords_cancel(http->passwords, request);
	g_hash_table_remove(http->requests, request);
	g_clear_pointer(&request->body, g_bytes_unref);
	g_free(request);
	*ended = NULL;
}

/* libmicrohttpd cannot end while any waits. */
static void resume_all(Http *http)
{
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, http->requests);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		Request *request = key;

		scrape_cancel(http->scrape, request);
		passwords_cancel(http->passwords, request);
		if (request->suspended)
			resume(request);
	}
}

/* Listeners */

static void on_accepted(int fd, const struct sockaddr *peer, socklen_t len, void *user_data)
{
	Http *http = user_data;

	if (http->server)
		web_server_add(http->server, fd, peer, len);
	else
		close(fd);
}

static void place_free(gpointer data)
{
	Place *place = data;

	listener_free(place->listener);
	g_free(place->view.address);
	g_free(place->view.error);
	g_free(place);
}

/* Says what has changed. */
static void try_to_listen(Http *http, Place *place)
{
	g_autoptr(GError) error = NULL;

	place->listener = listener_new(&place->endpoint, on_accepted, http, &error);
	if (place->listener) {
		g_message("HTTP: listening at %s", place->view.address);
		g_clear_pointer(&place->view.error, g_free);
		return;
	}
	if (g_strcmp0(place->view.error, error->message))
		g_warning("HTTP: %s: %s", place->view.address, error->message);
	g_free(place->view.error);
	place->view.error = g_strdup(error->message);
}

void http_retry(Http *http)
{
	for (guint i = 0; i < http->view.listeners->len; i++) {
		Place *place = http->view.listeners->pdata[i];

		if (!place->listener)
			try_to_listen(http, place);
	}
}

/* Out of @places; NULL if it is not there. */
static Place *take_place(GPtrArray *places, const Endpoint *endpoint)
{
	for (guint i = 0; i < places->len; i++) {
		const Place *place = places->pdata[i];

		if (endpoint_equal(&place->endpoint, endpoint))
			return g_ptr_array_steal_index_fast(places, i);
	}
	return NULL;
}

static Place *place_new(const Endpoint *endpoint)
{
	Place *place = g_new0(Place, 1);

	place->endpoint = *endpoint;
	return place;
}

/* Those that go make room before others are tried. */
static void move_listeners(Http *http, const GPtrArray *addresses)
{
	GPtrArray *old = http->view.listeners;

	http->view.listeners = g_ptr_array_new_with_free_func(place_free);
	for (guint i = 0; i < addresses->len; i++) {
		Endpoint endpoint;
		Place *place;

		if (!endpoint_parse(&endpoint, addresses->pdata[i]))
			continue;
		place = take_place(old, &endpoint);
		if (!place)
			place = place_new(&endpoint);
		g_free(place->view.address);
		place->view.address = g_strdup(addresses->pdata[i]);
		g_ptr_array_add(http->view.listeners, place);
	}
	g_ptr_array_unref(old);
	http_retry(http);
}

static void stop_server(Http *http)
{
	resume_all(http);
	g_clear_pointer(&http->server, web_server_free);
}

static void start_server(Http *http)
{
	g_autoptr(GError) error = NULL;

	g_clear_pointer(&http->error, g_free);
	http->server = web_server_new(http->web, &http->handler, &http->view, &error);
	if (http->server)
		return;
	g_warning("HTTP: %s", error->message);
	http->error = g_strdup(error->message);
}

void http_set_config(Http *http, const Config *config)
{
	WebConfig *web = config->http.web;

	if (!http->server || !web_config_equal(http->web, web)) {
		stop_server(http);
		web_config_unref(http->web);
		http->web = web_config_ref(web);
		start_server(http);
	}
	move_listeners(http, config->http.listen);
}

Http *http_new(Scrape *scrape, HttpReady is_ready, void *user_data)
{
	Http *http = g_new0(Http, 1);

	http->scrape = scrape;
	http->is_ready = is_ready;
	http->user_data = user_data;
	http->handler = (WebHandler){ on_request, on_end, http };
	http->passwords = passwords_new();
	http->requests = g_hash_table_new(NULL, NULL);
	http->view.listeners = g_ptr_array_new_with_free_func(place_free);
	return http;
}

void http_free(Http *http)
{
	if (!http)
		return;
	stop_server(http);
	g_ptr_array_unref(http->view.listeners);
	passwords_free(http->passwords);
	g_hash_table_unref(http->requests);
	web_config_unref(http->web);
	g_free(http->error);
	g_free(http);
}

const HttpView *http_view(Http *http)
{
	http->view.tls = web_config_has_tls(http->web);
	http->view.authentication = web_config_has_authentication(http->web);
	http->view.error = http->error;
	http->view.scrape_duration_ns = scrape_duration_ns(http->scrape);
	return &http->view;
}
