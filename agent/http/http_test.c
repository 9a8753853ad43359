/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <string.h>
#include <unistd.h>

#include "config/endpoint.h"
#include "config/settings.h"
#include "report/test_view.h"

/* Of "right". */
#define HASH "$2y$04$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC"
#define BASIC_RIGHT "Authorization: Basic YWxpY2U6cmlnaHQ=\r\n" /* alice:right */
#define BASIC_WRONG "Authorization: Basic YWxpY2U6d3Jvbmc=\r\n" /* alice:wrong */

typedef struct {
	Network *network;
	Scrape *scrape;
	Http *http;
	Config config; /* only of what http.h asks for */
	char *address;
	bool ready;
} Bench;

static Exposition *on_scrape(PrometheusFormat format, void *user_data)
{
	const Bench *bench = user_data;

	return exposition_new(&bench->network->view, format, true);
}

static bool is_ready(void *user_data)
{
	return ((const Bench *)user_data)->ready;
}

/* In loopback, at an address of this process' own. */
static char *own_address(unsigned int port)
{
	const unsigned int pid = (unsigned int)getpid();

	return g_strdup_printf("127.%u.%u.%u:%u", 1 + (pid >> 16) % 250, pid >> 8 & 255,
			       1 + pid % 250, port);
}

static void listen_at(Bench *bench, unsigned int port)
{
	g_free(bench->address);
	bench->address = own_address(port);
	g_ptr_array_set_size(bench->config.http.listen, 0);
	g_ptr_array_add(bench->config.http.listen, g_strdup(bench->address));
	http_set_config(bench->http, &bench->config);
}

static int make_bench(void **state)
{
	Bench *bench = g_new0(Bench, 1);

	(void)make_network((void **)&bench->network);
	bench->config.http.listen = g_ptr_array_new_with_free_func(g_free);
	bench->scrape = scrape_new(on_scrape, bench);
	bench->http = http_new(bench->scrape, is_ready, bench);
	listen_at(bench, 14740);
	*state = bench;
	return 0;
}

static int remove_bench(void **state)
{
	Bench *bench = *state;

	http_free(bench->http);
	scrape_free(bench->scrape);
	g_ptr_array_unref(bench->config.http.listen);
	web_config_unref(bench->config.http.web);
	(void)remove_network((void **)&bench->network);
	g_free(bench->address);
	g_free(bench);
	return 0;
}

/* A request as it stands, and all that comes back until the end of the connection. */
typedef struct {
	const char *address;
	const char *request;
	GString *answer;
	bool done;
} Question;

static gboolean on_answered(gpointer user_data)
{
	((Question *)user_data)->done = true;
	return G_SOURCE_REMOVE;
}

static int connect_to(const char *text)
{
	struct sockaddr_storage address;
	Endpoint endpoint;
	socklen_t len;
	int fd;

	assert_true(endpoint_parse(&endpoint, text));
	len = endpoint_to_sockaddr(&endpoint, &address);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (const struct sockaddr *)&address, len) == 0)
		return fd;
	close(fd);
	return -1;
}

static gpointer ask_in_thread(gpointer data)
{
	Question *question = data;
	int fd = connect_to(question->address);
	char part[4096];
	ssize_t len;

	if (fd >= 0) {
		(void)!send(fd, question->request, strlen(question->request), MSG_NOSIGNAL);
		while ((len = recv(fd, part, sizeof(part), 0)) > 0)
			g_string_append_len(question->answer, part, len);
		close(fd);
	}
	g_idle_add(on_answered, question);
	return NULL;
}

/* Asks while this thread serves; the caller's to free. */
static char *ask(const Bench *bench, const char *request)
{
	Question question = { bench->address, request, g_string_new(NULL), false };
	GThread *thread = g_thread_new("ask", ask_in_thread, &question);

	while (!question.done)
		(void)g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
	return g_string_free(question.answer, FALSE);
}

static void assert_answer(const Bench *bench, const char *method, const char *path,
			  const char *header, const char *status)
{
	g_autofree char *request = g_strdup_printf(
		"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, path, header);
	g_autofree char *answer = ask(bench, request);
	g_autofree char *line = g_strdup_printf("HTTP/1.1 %s", status);

	if (!g_str_has_prefix(answer, line))
		fail_msg("%s\n-- gave --\n%s\n-- not --\n%s", request, answer, line);
}

static void pages_are_answered(void **state)
{
	const Bench *bench = *state;

	assert_answer(bench, "GET", "/", "", "200");
	assert_answer(bench, "GET", "/metrics", "", "200");
	assert_answer(bench, "HEAD", "/metrics", "", "200");
	assert_answer(bench, "GET", "/metrics?name=x", "", "200");
	assert_answer(bench, "GET", "/-/healthy", "", "200");
	assert_answer(bench, "GET", "/none", "", "404");
	assert_answer(bench, "POST", "/metrics", "Content-Length: 0\r\n", "405");
	assert_answer(bench, "GET", "/metrics", "Content-Length: 5\r\n", "400");
	assert_answer(bench, "GET", "/metrics", "Transfer-Encoding: chunked\r\n", "400");
	assert_int_equal(http_view(bench->http)->requests[HTTP_OK], 5);
	assert_int_equal(http_view(bench->http)->requests[HTTP_BAD_REQUEST], 2);
	assert_int_equal(http_view(bench->http)->requests[HTTP_NOT_ALLOWED], 1);
}

static void readiness_is_asked_for(void **state)
{
	Bench *bench = *state;

	assert_answer(bench, "GET", "/-/ready", "", "503");
	bench->ready = true;
	assert_answer(bench, "GET", "/-/ready", "", "200");
}

static void header_may_come_several_times(void **state)
{
	const Bench *bench = *state;
	g_autofree char *answer = ask(bench, "GET /metrics HTTP/1.1\r\nHost: x\r\n"
					     "Connection: close\r\nAccept: image/png\r\n"
					     "accept: application/openmetrics-text\r\n\r\n");

	assert_non_null(strstr(answer, "Content-Type: application/openmetrics-text"));
}

static void use_password(Bench *bench)
{
	g_autofree char *path = g_build_filename(g_get_tmp_dir(), "flowtally-web-XXXXXX", NULL);
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	int fd = g_mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_true(g_file_set_contents(path, "basic_auth_users: { alice: " HASH " }", -1, NULL));
	bench->config.http.web = web_config_read(path, errors);
	(void)unlink(path);
	assert_non_null(bench->config.http.web);
	http_set_config(bench->http, &bench->config);
}

static void password_is_asked_for(void **state)
{
	Bench *bench = *state;

	use_password(bench);
	assert_true(http_view(bench->http)->authentication);
	assert_answer(bench, "GET", "/metrics", "", "401");
	assert_answer(bench, "GET", "/metrics", BASIC_WRONG, "401");
	assert_answer(bench, "GET", "/metrics", BASIC_RIGHT, "200");
	assert_answer(bench, "GET", "/metrics", BASIC_RIGHT, "200");
	assert_answer(bench, "GET", "/none", BASIC_RIGHT, "404");
	assert_answer(bench, "GET", "/none", "", "401");
}

static void listener_moves(void **state)
{
	Bench *bench = *state;
	g_autofree char *before = g_strdup(bench->address);

	listen_at(bench, 14741);
	assert_answer(bench, "GET", "/-/healthy", "", "200");
	assert_int_equal(connect_to(before), -1);
	g_ptr_array_set_size(bench->config.http.listen, 0);
	http_set_config(bench->http, &bench->config);
	assert_int_equal(connect_to(bench->address), -1);
	assert_int_equal(http_view(bench->http)->listeners->len, 0);
}

static void taken_address_is_tried_again(void **state)
{
	Bench *bench = *state;
	Http *other = http_new(bench->scrape, is_ready, bench);
	const HttpListenerView *listener;

	http_set_config(other, &bench->config);
	listener = http_view(other)->listeners->pdata[0];
	assert_string_equal(listener->address, bench->address);
	assert_non_null(listener->error);
	http_retry(other);
	assert_non_null(listener->error);
	http_free(bench->http);
	http_retry(other);
	assert_null(listener->error);
	bench->http = other;
	assert_answer(bench, "GET", "/-/healthy", "", "200");
}

/* A client that waits for its exposition, or for a password, when all ends. */
static void end_comes_at_any_time(void **state)
{
	Bench *bench = *state;
	static const char *const headers[] = { "", BASIC_WRONG };

	for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
		g_autofree char *request =
			g_strdup_printf("GET /metrics HTTP/1.1\r\nHost: x\r\n%s\r\n", headers[i]);
		int fd = connect_to(bench->address);
		char octet;

		if (i)
			use_password(bench);
		assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
		/* Once what it asks for is begun. */
		for (int turns = 0; turns < 3; turns++)
			(void)g_main_context_iteration(NULL, FALSE);
		http_free(bench->http);
		assert_true(recv(fd, &octet, 1, 0) <= 0 || octet == 'H');
		close(fd);
		bench->http = http_new(bench->scrape, is_ready, bench);
		http_set_config(bench->http, &bench->config);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, remove_bench)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_are_answered),
		TEST(readiness_is_asked_for),
		TEST(header_may_come_several_times),
		TEST(password_is_asked_for),
		TEST(listener_moves),
		TEST(taken_address_is_tried_again),
		TEST(end_comes_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
