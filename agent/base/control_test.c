/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control_ask.h"
#include "error.h"
#include "test.h"

#define LARGE 4000000
#define PATIENCE_MS 10000

/* Of whom "who" is asked. */
static const Control *asked;

static json_t *handle(const char *request, void *user_data)
{
	(void)user_data;
	if (!strcmp(request, "who")) {
		g_autofree char *requester = control_requester(asked);

		return json_pack("{s:s}", "requester", requester);
	}
	if (!strcmp(request, "status"))
		return json_pack("{s:b}", "balanced", 1);
	if (!strcmp(request, "large")) {
		g_autofree char *text = g_strnfill(LARGE, 'x');

		return json_pack("{s:s}", "text", text);
	}
	return NULL;
}

/* A text that is asked for as "text": at once; as "later", from the loop. */
static const char *served_text;
static ControlClient *waiting; /* NULL: nobody waits */
static unsigned int cancelled;

static void answer_text(ControlClient *client)
{
	g_autoptr(GBytes) bytes = g_bytes_new_static(served_text, strlen(served_text));

	control_answer_text(client, "text/plain", bytes);
}

static gboolean on_later(gpointer user_data)
{
	answer_text(user_data);
	return G_SOURCE_REMOVE;
}

static bool begin_text(const char *request, ControlClient *client, void *user_data)
{
	if (!strcmp(request, "text"))
		answer_text(client);
	else if (!strcmp(request, "later"))
		g_idle_add(on_later, client);
	else if (!strcmp(request, "never"))
		waiting = client;
	else
		return false;
	return true;
}

static void cancel_text(ControlClient *client, void *user_data)
{
	assert_ptr_equal(client, waiting);
	waiting = NULL;
	cancelled++;
}

static const ControlTexts texts = { begin_text, cancel_text };

/* An answer in parts, {"number":N,"text":"xxx..."}, N counting them; "no parts" cannot be answered. */
#define PARTS 50
#define PART 100000

typedef struct {
	unsigned int number;
	unsigned int made;
} Parts;

static unsigned int parts_begun, parts_made, parts_freed;

static bool is_for_parts(const char *request, void *user_data)
{
	return g_str_has_suffix(request, "parts");
}

static void *begin_parts(const char *request, void *user_data, GError **error)
{
	if (!strcmp(request, "parts")) {
		const Parts parts = { .number = ++parts_begun };

		return g_memdup2(&parts, sizeof(parts));
	}
	if (!strcmp(request, "wrong parts"))
		g_set_error(error, FLOWTALLY_ERROR, EINVAL, "there are no such");
	else
		error_set(error, "there are none");
	return NULL;
}

static bool step_parts(void *answer, GString *part)
{
	Parts *parts = answer;
	g_autofree char *text = g_strnfill(PART, 'x');

	parts_made++;
	if (!parts->made)
		g_string_append_printf(part, "{\"number\":%u,\"text\":\"", parts->number);
	g_string_append(part, text);
	if (++parts->made < PARTS)
		return true;
	g_string_append(part, "\"}\n");
	return false;
}

static void free_parts(void *answer)
{
	parts_freed++;
	g_free(answer);
}

/* Another kind of answer, of one part. */
static bool is_for_others(const char *request, void *user_data)
{
	return !strcmp(request, "others");
}

static void *begin_others(const char *request, void *user_data, GError **error)
{
	return g_strdup("{\"others\":true}\n");
}

static bool step_others(void *answer, GString *part)
{
	g_string_append(part, answer);
	return false;
}

static const ControlParts parts[] = {
	{ is_for_parts, begin_parts, step_parts, free_parts },
	{ is_for_others, begin_others, step_others, g_free },
	{ NULL, NULL, NULL, NULL },
};

typedef struct {
	const char *path;
	const char *request;
	json_t *answer;
	GError *error;
	bool done;
} Question;

static gpointer ask_in_thread(gpointer data)
{
	Question *question = data;

	question->answer = control_ask(question->path, question->request, &question->error);
	return NULL;
}

static gboolean on_tick(gpointer user_data)
{
	return G_SOURCE_CONTINUE;
}

static gboolean on_answered(gpointer user_data)
{
	((Question *)user_data)->done = true;
	return G_SOURCE_REMOVE;
}

static gpointer ask_and_tell(gpointer data)
{
	ask_in_thread(data);
	g_idle_add(on_answered, data);
	return NULL;
}

/* Asks while this thread serves. */
static json_t *ask(const char *path, const char *request, GError **error)
{
	Question question = { .path = path, .request = request };
	GThread *thread = g_thread_new("ask", ask_and_tell, &question);

	while (!question.done)
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
	if (question.error)
		g_propagate_error(error, question.error);
	return question.answer;
}

typedef struct {
	void *directory;
	char *path;
	Control *control;
} Server;

static int start_server(void **state)
{
	Server *server = g_new0(Server, 1);

	if (make_directory(&server->directory) < 0)
		return -1;
	server->path = g_build_filename(server->directory, CONTROL_SOCKET, NULL);
	server->control = control_new(server->path, handle, NULL, NULL);
	if (server->control) {
		control_set_texts(server->control, &texts);
		control_set_parts(server->control, parts);
		/* Under valgrind both ends are slow. */
		control_set_limit(server->control, 60000);
	}
	parts_begun = parts_made = parts_freed = 0;
	*state = server;
	return server->control ? 0 : -1;
}

static int stop_server(void **state)
{
	Server *server = *state;

	control_free(server->control);
	remove_directory(&server->directory);
	g_free(server->path);
	g_free(server);
	return 0;
}

static const char *server_path(void **state)
{
	return ((const Server *)*state)->path;
}

typedef struct {
	const char *path;
	const char *request;
	GBytes *answer;
	char *type;
	GError *error;
	bool done;
} TextQuestion;

static gboolean on_text_answered(gpointer user_data)
{
	((TextQuestion *)user_data)->done = true;
	return G_SOURCE_REMOVE;
}

static gpointer ask_text_and_tell(gpointer data)
{
	TextQuestion *question = data;

	question->answer = control_ask_text(question->path, question->request, &question->type,
					    &question->error);
	g_idle_add(on_text_answered, question);
	return NULL;
}

static void ask_text(TextQuestion *question)
{
	GThread *thread = g_thread_new("ask", ask_text_and_tell, question);

	while (!question->done)
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
}

static void assert_text(void **state, const char *request, const char *expected)
{
	TextQuestion question = { .path = server_path(state), .request = request };

	served_text = expected;
	ask_text(&question);
	assert_non_null(question.answer);
	assert_string_equal(question.type, "text/plain");
	assert_int_equal(g_bytes_get_size(question.answer), strlen(expected));
	assert_memory_equal(g_bytes_get_data(question.answer, NULL), expected, strlen(expected));
	g_bytes_unref(question.answer);
	g_free(question.type);
}

static void texts_are_answered_now_or_later(void **state)
{
	g_autofree char *large = g_strnfill(LARGE, '\n');

	assert_text(state, "text", "a\n\"b\"\n");
	assert_text(state, "later", "a\n\"b\"\n");
	assert_text(state, "text", "");
	assert_text(state, "later", large);
}

static void request_for_no_text_is_an_error(void **state)
{
	TextQuestion question = { .path = server_path(state), .request = "nonsense" };

	ask_text(&question);
	assert_null(question.answer);
	assert_non_null(strstr(question.error->message, "unknown request: nonsense"));
	g_error_free(question.error);
}

/* In a directory without a server. */
static char *socket_path(void **state)
{
	return g_build_filename(*state, CONTROL_SOCKET, NULL);
}

static int connect_plainly(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void serve_for(guint ms)
{
	gint64 end = g_get_monotonic_time() + ms * 1000;
	guint tick = g_timeout_add(5, on_tick, NULL);

	while (g_get_monotonic_time() < end)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(tick);
}

/* What @request, sent as it is, gets back until the server closes or @patience_ms are over. */
static char *exchange_octets(guint patience_ms, const char *path, const char *request,
			     size_t request_len)
{
	gint64 end = g_get_monotonic_time() + patience_ms * 1000;
	int fd = connect_plainly(path);
	char text[1024] = "";
	size_t len = 0;

	(void)!write(fd, request, request_len);
	while (g_get_monotonic_time() < end) {
		ssize_t got = read(fd, text + len, sizeof(text) - 1 - len);

		if (!got || (got < 0 && errno != EAGAIN))
			break;
		len += got > 0 ? (size_t)got : 0;
		serve_for(5);
	}
	close(fd);
	return g_strdup(text);
}

static char *exchange_within(guint patience_ms, const char *path, const char *request)
{
	return exchange_octets(patience_ms, path, request, strlen(request));
}

static char *exchange(const char *path, const char *request)
{
	return exchange_within(PATIENCE_MS, path, request);
}

static void request_is_answered(void **state)
{
	const char *path = server_path(state);
	json_t *answer;

	answer = ask(path, "status", NULL);
	assert_true(json_is_true(json_object_get(answer, "balanced")));
	json_decref(answer);
}

static void long_answer_arrives_whole(void **state)
{
	const char *path = server_path(state);
	json_t *answer = ask(path, "large", NULL);

	assert_int_equal(json_string_length(json_object_get(answer, "text")), LARGE);
	json_decref(answer);
}

static void answer_is_one_line(void **state)
{
	const char *path = server_path(state);
	g_autofree char *text = exchange(path, "status\n");

	assert_string_equal(text, "{\"balanced\":true}\n");
}

static void unknown_request_is_refused(void **state)
{
	const char *path = server_path(state);
	g_autofree char *text = exchange(path, "fl\xffws\n");
	g_autoptr(GError) error = NULL;

	assert_string_equal(text, "{\"error\":\"unknown request: fl\\\\xffws\"}\n");
	assert_null(ask(path, "flows", &error));
	assert_non_null(strstr(error->message, "unknown request: flows"));
}

static void requester_is_known(void **state)
{
	g_autofree char *expected =
		g_strdup_printf("{\"requester\":\"user %u (process %d)\"}\n", getuid(), getpid());
	g_autofree char *text = NULL;

	asked = ((const Server *)*state)->control;
	text = exchange(server_path(state), "who\n");
	assert_string_equal(text, expected);
}

/* Else the log would show less than what was sent. */
static void request_with_a_nul_is_refused(void **state)
{
	static const char request[] = "status\0detach\n";
	g_autofree char *text =
		exchange_octets(PATIENCE_MS, server_path(state), request, sizeof(request) - 1);

	assert_string_equal(text, "{\"error\":\"there is a NUL in the request\"}\n");
}

static void request_without_an_end_is_refused(void **state)
{
	const char *path = server_path(state);
	g_autofree char *request = g_strnfill(8192, 'x');
	g_autofree char *text = exchange(path, request);

	assert_string_equal(text, "{\"error\":\"the request is too long\"}\n");
}

static void silent_clients_do_not_keep_others_waiting(void **state)
{
	const char *path = server_path(state);
	int silent[31];
	json_t *answer;

	for (size_t i = 0; i < G_N_ELEMENTS(silent); i++)
		silent[i] = connect_plainly(path);
	answer = ask(path, "status", NULL);
	assert_non_null(answer);
	json_decref(answer);
	for (size_t i = 0; i < G_N_ELEMENTS(silent); i++)
		close(silent[i]);
}

static void client_beyond_the_limit_waits_its_turn(void **state)
{
	const char *path = server_path(state);
	int silent[32];
	g_autofree char *text = NULL;
	json_t *answer;

	for (size_t i = 0; i < G_N_ELEMENTS(silent); i++)
		silent[i] = connect_plainly(path);
	text = exchange_within(50, path, "status\n");
	assert_string_equal(text, "");
	for (size_t i = 0; i < G_N_ELEMENTS(silent); i++)
		close(silent[i]);
	answer = ask(path, "status", NULL);
	assert_non_null(answer);
	json_decref(answer);
}

static void client_that_leaves_early_does_no_harm(void **state)
{
	const char *path = server_path(state);
	int fd = connect_plainly(path);

	assert_int_equal(write(fd, "large\n", 6), 6);
	serve_for(20);
	close(fd);
	serve_for(20);
}

static void serve_until(const unsigned int *counter, unsigned int value)
{
	while (*counter < value)
		g_main_context_iteration(NULL, TRUE);
}

/* A connection that has asked for it, and has not taken anything yet. */
static int request(const char *path, const char *line)
{
	int fd = connect_plainly(path);

	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	return fd;
}

/* What comes until the other side closes, or until it is @max octets. */
static GString *take(int fd, size_t max)
{
	GString *text = g_string_new(NULL);
	char octets[4096];
	ssize_t got;

	while (text->len < max) {
		got = read(fd, octets, MIN(sizeof(octets), max - text->len));
		if (!got || (got < 0 && errno != EAGAIN))
			break;
		if (got > 0)
			g_string_append_len(text, octets, got);
		else
			g_main_context_iteration(NULL, TRUE);
	}
	return text;
}

static void who_waits_gets_signs_of_life(void **state)
{
	int fd = request(server_path(state), "never\n");
	g_autoptr(GString) signs = take(fd, 2);

	assert_string_equal(signs->str, "  ");
	close(fd);
}

static void text_is_cancelled_for_who_has_gone(void **state)
{
	cancelled = 0;
	close(request(server_path(state), "never\n"));
	serve_until(&cancelled, 1);
	assert_null(waiting);
}

static void parts_arrive_whole(void **state)
{
	json_t *answer = ask(server_path(state), "parts", NULL);

	assert_int_equal(json_string_length(json_object_get(answer, "text")), PARTS * PART);
	assert_int_equal(parts_made, PARTS);
	assert_int_equal(parts_freed, 1);
	json_decref(answer);
}

static void parts_that_cannot_be_had_are_an_error(void **state)
{
	g_autofree char *text = exchange(server_path(state), "no parts\n");

	assert_string_equal(text, "{\"error\":\"there are none\"}\n");
}

static void others_are_answered_while_parts_are_made(void **state)
{
	const char *path = server_path(state);
	int fd = request(path, "parts\n");
	g_autoptr(GString) all = NULL;
	g_autofree char *status = NULL;

	serve_until(&parts_made, 1);
	status = exchange(path, "status\n");
	assert_string_equal(status, "{\"balanced\":true}\n");
	assert_true(parts_made < PARTS);
	all = take(fd, SIZE_MAX);
	assert_int_equal(parts_made, PARTS);
	assert_true(all->len > PARTS * PART);
	close(fd);
}

/* However many ask; a part or two fit into the socket of who does not take them. */
static void parts_are_in_the_making_for_some_at_once_and_others_wait_in_order(void **state)
{
	const char *path = server_path(state);
	int fds[CONTROL_PARTED_MAX + 2];

	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = request(path, "parts\n");
	serve_until(&parts_begun, CONTROL_PARTED_MAX);
	serve_for(10);
	assert_int_equal(parts_begun, CONTROL_PARTED_MAX);
	assert_true(parts_made < CONTROL_PARTED_MAX * PARTS / 2);
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		g_autoptr(GString) all = take(fds[i], SIZE_MAX);
		json_t *answer = json_loads(all->str, 0, NULL);

		assert_int_equal(json_integer_value(json_object_get(answer, "number")), i + 1);
		json_decref(answer);
		close(fds[i]);
	}
	assert_int_equal(parts_freed, G_N_ELEMENTS(fds));
}

static void who_has_gone_waits_no_longer(void **state)
{
	const char *path = server_path(state);
	int fds[CONTROL_PARTED_MAX], gone, next;
	g_autoptr(GString) all = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = request(path, "parts\n");
	serve_until(&parts_begun, CONTROL_PARTED_MAX);
	gone = request(path, "parts\n");
	next = request(path, "parts\n");
	serve_for(20);
	close(gone);
	close(fds[1]);
	all = take(next, SIZE_MAX);
	assert_true(g_str_has_suffix(all->str, "\"}\n"));
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
		if (i != 1)
			close(fds[i]);
	close(next);
}

static void who_takes_nothing_is_cut_off(void **state)
{
	Server *server = *state;
	int fd;

	control_set_limit(server->control, 50);
	fd = request(server->path, "parts\n");
	serve_until(&parts_freed, 1);
	assert_true(parts_made < PARTS);
	close(fd);
}

/* For longer than the limit. */
static void who_takes_a_little_is_served_on(void **state)
{
	Server *server = *state;
	g_autoptr(GString) all = g_string_new(NULL);
	int fd;

	control_set_limit(server->control, 1500);
	fd = request(server->path, "parts\n");
	for (int i = 0; i < 10; i++) {
		g_autoptr(GString) some = take(fd, 450000);

		g_string_append_len(all, some->str, (gssize)some->len);
		serve_for(200);
	}
	assert_int_equal(all->len, 4500000);
	close(fd);
}

static void socket_is_for_its_owner_and_group(void **state)
{
	const char *path = server_path(state);
	struct stat file;

	assert_int_equal(stat(path, &file), 0);
	assert_true(S_ISSOCK(file.st_mode));
	assert_int_equal(file.st_mode & 07777, 0660);
}

static void socket_goes_with_the_server(void **state)
{
	g_autofree char *path = socket_path(state);

	control_free(control_new(path, handle, NULL, NULL));
	assert_int_not_equal(access(path, F_OK), 0);
}

static void leave_stale_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void stale_socket_is_replaced(void **state)
{
	g_autofree char *path = socket_path(state);
	g_autoptr(Control) control = NULL;
	json_t *answer;

	leave_stale_socket(path);
	control = control_new(path, handle, NULL, NULL);
	answer = ask(path, "status", NULL);
	assert_non_null(answer);
	json_decref(answer);
}

static void socket_that_is_answered_stays(void **state)
{
	const char *path = server_path(state);
	g_autoptr(GError) error = NULL;

	assert_null(control_new(path, handle, NULL, &error));
	assert_non_null(strstr(error->message, "another agent"));
	assert_int_equal(access(path, F_OK), 0);
}

static void other_file_stays(void **state)
{
	g_autofree char *path = socket_path(state);
	g_autoptr(GError) error = NULL;

	assert_true(g_file_set_contents(path, "precious", -1, NULL));
	assert_null(control_new(path, handle, NULL, &error));
	assert_non_null(strstr(error->message, "not a socket"));
	assert_int_equal(access(path, F_OK), 0);
}

static void each_kind_of_parts_has_its_requests(void **state)
{
	json_t *others = ask(server_path(state), "others", NULL);
	json_t *answer = ask(server_path(state), "parts", NULL);

	assert_true(json_is_true(json_object_get(others, "others")));
	assert_int_equal(json_string_length(json_object_get(answer, "text")), PARTS * PART);
	assert_int_equal(parts_freed, 1);
	json_decref(others);
	json_decref(answer);
}

static void wrong_request_is_told_from_a_failure(void **state)
{
	g_autoptr(GError) wrong = NULL, failure = NULL;

	assert_null(ask(server_path(state), "wrong parts", &wrong));
	assert_int_equal(wrong->code, EINVAL);
	assert_string_equal(wrong->message, "there are no such");
	assert_null(ask(server_path(state), "no parts", &failure));
	assert_int_equal(failure->code, 0);
	assert_true(g_str_has_suffix(failure->message, ": there are none"));
}

static void error_is_printable(void **state)
{
	g_autoptr(GError) error = g_error_new(FLOWTALLY_ERROR, 0, "\x1b[2J \\x07");
	json_t *document = control_error(error);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(document, "error")),
			    "\\x1b[2J \\x07");
	assert_null(json_object_get(document, "invalid"));
	json_decref(document);
}

typedef struct {
	const char *path;
	size_t max; /* it is enough then */
	size_t taken;
	bool answered;
	GError *error;
	gint done;
} Pieces;

static bool take_piece(const char *octets, size_t len, void *user_data, GError **error)
{
	Pieces *pieces = user_data;

	pieces->taken += len;
	if (pieces->taken < pieces->max)
		return true;
	error_set(error, "enough");
	return false;
}

static gpointer ask_for_pieces(gpointer data)
{
	Pieces *pieces = data;

	pieces->answered =
		control_ask_pieces(pieces->path, "parts", take_piece, pieces, &pieces->error);
	g_atomic_int_set(&pieces->done, true);
	g_main_context_wakeup(NULL);
	return NULL;
}

static void take_pieces(Pieces *pieces)
{
	GThread *thread = g_thread_new("ask", ask_for_pieces, pieces);

	while (!g_atomic_int_get(&pieces->done))
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
}

static void long_answer_can_be_taken_in_pieces(void **state)
{
	Pieces pieces = { .path = server_path(state), .max = SIZE_MAX };

	take_pieces(&pieces);
	assert_true(pieces.answered);
	assert_int_equal(pieces.taken, strlen("{'number':1,'text':''}\n") + PARTS * PART);
}

static void who_has_enough_takes_no_more(void **state)
{
	Pieces pieces = { .path = server_path(state), .max = PART };

	take_pieces(&pieces);
	assert_false(pieces.answered);
	assert_string_equal(pieces.error->message, "enough");
	assert_true(pieces.taken < 2 * PART);
	g_error_free(pieces.error);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(request_is_answered),
		SERVER_TEST(long_answer_arrives_whole),
		SERVER_TEST(answer_is_one_line),
		SERVER_TEST(unknown_request_is_refused),
		SERVER_TEST(requester_is_known),
		SERVER_TEST(request_with_a_nul_is_refused),
		SERVER_TEST(texts_are_answered_now_or_later),
		SERVER_TEST(request_for_no_text_is_an_error),
		SERVER_TEST(request_without_an_end_is_refused),
		SERVER_TEST(silent_clients_do_not_keep_others_waiting),
		SERVER_TEST(client_beyond_the_limit_waits_its_turn),
		SERVER_TEST(client_that_leaves_early_does_no_harm),
		SERVER_TEST(who_waits_gets_signs_of_life),
		SERVER_TEST(text_is_cancelled_for_who_has_gone),
		SERVER_TEST(parts_arrive_whole),
		SERVER_TEST(parts_that_cannot_be_had_are_an_error),
		SERVER_TEST(others_are_answered_while_parts_are_made),
		SERVER_TEST(parts_are_in_the_making_for_some_at_once_and_others_wait_in_order),
		SERVER_TEST(who_has_gone_waits_no_longer),
		SERVER_TEST(who_takes_nothing_is_cut_off),
		SERVER_TEST(who_takes_a_little_is_served_on),
		SERVER_TEST(socket_is_for_its_owner_and_group),
		TEST(socket_goes_with_the_server),
		TEST(stale_socket_is_replaced),
		SERVER_TEST(socket_that_is_answered_stays),
		TEST(other_file_stays),
		SERVER_TEST(each_kind_of_parts_has_its_requests),
		SERVER_TEST(wrong_request_is_told_from_a_failure),
		cmocka_unit_test(error_is_printable),
		SERVER_TEST(long_answer_can_be_taken_in_pieces),
		SERVER_TEST(who_has_enough_takes_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
