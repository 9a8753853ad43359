/* SPDX-License-Identifier: Apache-2.0 */
#include "control_ask.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "test.h"

/* In a directory without a server. */
static char *socket_path(void **state)
{
	return g_build_filename(*state, CONTROL_SOCKET, NULL);
}

static int bind_socket(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address;

	assert_true(control_address(&address, path, NULL));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void missing_agent_is_said(void **state)
{
	g_autofree char *path = socket_path(state);
	g_autoptr(GError) absent = NULL, refused = NULL;

	assert_null(control_ask(path, "status", &absent));
	assert_true(g_str_has_prefix(absent->message, "no agent is running ("));
	close(bind_socket(path));
	assert_null(control_ask(path, "status", &refused));
	assert_true(g_str_has_prefix(refused->message, "no agent is running ("));
}

static void path_that_is_too_long_is_said(void **state)
{
	g_autofree char *path = g_strnfill(200, 'x');
	g_autoptr(GError) error = NULL;

	assert_null(control_ask(path, "status", &error));
	assert_non_null(strstr(error->message, "File name too long"));
}

typedef struct {
	const char *path;
	json_t *answer;
	GError *error;
} Question;

static gpointer ask_in_thread(gpointer data)
{
	Question *question = data;

	question->answer = control_ask(question->path, "status", &question->error);
	return NULL;
}

/* What comes of it if an agent says this and then no more. */
static Question ask_one_that_says(void **state, const char *text)
{
	g_autofree char *path = socket_path(state);
	int fd = bind_socket(path), client;
	Question question = { .path = path };
	GThread *thread;

	assert_int_equal(listen(fd, 1), 0);
	thread = g_thread_new("ask", ask_in_thread, &question);
	client = accept(fd, NULL, NULL);
	(void)!read(client, (char[16]){ 0 }, 16);
	assert_int_equal(write(client, text, strlen(text)), strlen(text));
	close(client);
	g_thread_join(thread);
	close(fd);
	return question;
}

static void answer_that_breaks_off_is_an_error(void **state)
{
	Question question = ask_one_that_says(state, "{\"hosts\":");

	assert_null(question.answer);
	assert_non_null(strstr(question.error->message, "broke off"));
	g_error_free(question.error);
}

static void signs_of_life_are_no_answer_and_no_fault(void **state)
{
	Question question = ask_one_that_says(state, "   {\"hosts\":[]}\n");

	assert_true(json_is_array(json_object_get(question.answer, "hosts")));
	json_decref(question.answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(missing_agent_is_said),
		TEST(path_that_is_too_long_is_said),
		TEST(answer_that_breaks_off_is_an_error),
		TEST(signs_of_life_are_no_answer_and_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
