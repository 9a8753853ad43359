/* SPDX-License-Identifier: Apache-2.0 */
#include "inquiry.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

#include "test.h"

#define LARGE 4000000
#define PATIENCE_MS 30000

typedef struct {
	Inquiry *inquiry;
	char *text; /* of the answer, "" if that has none */
	char *error;
	unsigned int calls;
} Asker;

static json_t *handle(const char *request, void *user_data)
{
	g_autofree char *text = g_strnfill(LARGE, 'x');

	(void)user_data;
	if (!strcmp(request, "large"))
		return json_pack("{s:s}", "text", text);
	return NULL;
}

/* Who asks may be done with the inquiry at once. */
static void on_done(json_t *document, const GError *error, void *user_data)
{
	Asker *asker = user_data;
	const char *text = json_string_value(json_object_get(document, "text"));

	asker->calls++;
	if (document)
		asker->text = g_strdup(text ? text : "");
	if (error)
		asker->error = g_strdup(error->message);
	g_clear_pointer(&asker->inquiry, inquiry_free);
}

static void asker_done(Asker *asker)
{
	inquiry_free(asker->inquiry);
	g_free(asker->text);
	g_free(asker->error);
}

static void start(Asker *asker, const char *path, const char *request, unsigned int limit_ms)
{
	asker->inquiry = inquiry_new(path, request, limit_ms, on_done, asker);
}

static void wait_for(const Asker *asker)
{
	while (!asker->calls)
		g_main_context_iteration(NULL, TRUE);
}

static char *socket_path(void **state)
{
	return g_build_filename(*state, "socket", NULL);
}

/* Somebody who listens and never answers; the backlog is as short as the kernel has it. */
static int silent_server(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 0), 0);
	return fd;
}

static void long_answer_arrives_whole(void **state)
{
	g_autofree char *path = socket_path(state);
	g_autoptr(Control) control = control_new(path, handle, NULL, NULL);
	Asker asker = { 0 };

	start(&asker, path, "large", PATIENCE_MS);
	assert_int_equal(asker.calls, 0);
	wait_for(&asker);
	assert_null(asker.error);
	assert_int_equal(strlen(asker.text), LARGE);
	asker_done(&asker);
}

static void refusal_is_an_error(void **state)
{
	g_autofree char *path = socket_path(state);
	g_autoptr(Control) control = control_new(path, handle, NULL, NULL);
	Asker asker = { 0 };

	start(&asker, path, "nonsense", PATIENCE_MS);
	wait_for(&asker);
	assert_null(asker.text);
	assert_non_null(strstr(asker.error, "unknown request"));
	asker_done(&asker);
}

static void missing_agent_is_said_from_the_loop(void **state)
{
	g_autofree char *path = socket_path(state);
	Asker asker = { 0 };

	start(&asker, path, "large", PATIENCE_MS);
	assert_int_equal(asker.calls, 0);
	wait_for(&asker);
	assert_non_null(strstr(asker.error, "no agent is running"));
	asker_done(&asker);
}

static void silent_agent_is_given_up(void **state)
{
	g_autofree char *path = socket_path(state);
	int fd = silent_server(path);
	Asker asker = { 0 };

	start(&asker, path, "large", 20);
	wait_for(&asker);
	assert_non_null(strstr(asker.error, "no answer within 20 ms"));
	asker_done(&asker);
	close(fd);
	(void)unlink(path);
}

/* Says a little now and then, for longer than the limit. */
static gpointer answer_slowly(gpointer data)
{
	int client = accept(GPOINTER_TO_INT(data), NULL, NULL);

	for (int i = 0; i < 10; i++) {
		g_usleep(200000);
		(void)!write(client, " ", 1);
	}
	(void)!write(client, "{}\n", 3);
	close(client);
	return NULL;
}

static void slow_agent_is_not(void **state)
{
	g_autofree char *path = socket_path(state);
	int fd = silent_server(path);
	GThread *thread = g_thread_new("agent", answer_slowly, GINT_TO_POINTER(fd));
	Asker asker = { 0 };

	start(&asker, path, "large", 1500);
	wait_for(&asker);
	assert_null(asker.error);
	assert_string_equal(asker.text, "");
	asker_done(&asker);
	g_thread_join(thread);
	close(fd);
	(void)unlink(path);
}

/* Each that is given up stays in the queue of the one who does not accept. */
static void full_queue_keeps_nobody_waiting(void **state)
{
	g_autofree char *path = socket_path(state);
	int fd = silent_server(path);
	bool refused = false;

	for (int i = 0; i < 10; i++) {
		Asker asker = { 0 };

		start(&asker, path, "large", 1);
		wait_for(&asker);
		refused |= strstr(asker.error, "no answer") == NULL;
		asker_done(&asker);
	}
	assert_true(refused);
	close(fd);
	(void)unlink(path);
}

static void inquiry_that_is_freed_is_silent(void **state)
{
	g_autofree char *path = socket_path(state);
	g_autoptr(Control) control = control_new(path, handle, NULL, NULL);
	Asker freed = { 0 }, other = { 0 };

	start(&freed, path, "large", PATIENCE_MS);
	g_clear_pointer(&freed.inquiry, inquiry_free);
	start(&other, path, "large", PATIENCE_MS);
	wait_for(&other);
	assert_int_equal(freed.calls, 0);
	asker_done(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(long_answer_arrives_whole),
		TEST(refusal_is_an_error),
		TEST(missing_agent_is_said_from_the_loop),
		TEST(silent_agent_is_given_up),
		TEST(slow_agent_is_not),
		TEST(full_queue_keeps_nobody_waiting),
		TEST(inquiry_that_is_freed_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
