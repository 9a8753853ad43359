/* SPDX-License-Identifier: Apache-2.0 */
#include "repeat.h"

#include <signal.h>

#include "base/control.h"

#include "test.h"

/* A server in the same loop counts who asks, and is gone after @gone_after times. */
typedef struct {
	char *path;
	Control *control;
	unsigned int asked;
	unsigned int gone_after; /* 0: never */
} Server;

static gboolean on_gone(gpointer user_data)
{
	Server *server = user_data;

	g_clear_pointer(&server->control, control_free);
	return G_SOURCE_REMOVE;
}

static json_t *handle(const char *request, void *user_data)
{
	Server *server = user_data;

	assert_string_equal(request, "live");
	if (++server->asked == server->gone_after)
		g_timeout_add(1, on_gone, server);
	return json_pack("{s:i}", "number", (int)server->asked);
}

static int start_server(void **state)
{
	Server *server = g_new0(Server, 1);
	void *directory;

	if (make_directory(&directory) < 0)
		return -1;
	server->path = g_build_filename(directory, CONTROL_SOCKET, NULL);
	server->control = control_new(server->path, handle, server, NULL);
	g_free(directory);
	*state = server;
	return server->control ? 0 : -1;
}

static int stop_server(void **state)
{
	Server *server = *state;
	void *directory = g_path_get_dirname(server->path);

	control_free(server->control);
	remove_directory(&directory);
	g_free(server->path);
	g_free(server);
	return 0;
}

/* Until @enough documents have come. */
typedef struct {
	unsigned int taken;
	unsigned int enough;
	int signal; /* to be raised then, instead of saying so; 0: none */
} Taker;

static bool take(const json_t *document, void *user_data)
{
	Taker *taker = user_data;

	/* A request that was given up when a signal came may be answered to nobody. */
	assert_true(json_integer_value(json_object_get(document, "number")) >= ++taker->taken);
	if (taker->taken == taker->enough && taker->signal)
		assert_int_equal(raise(taker->signal), 0);
	return taker->taken < taker->enough || taker->signal;
}

static void it_asks_until_it_is_enough(void **state)
{
	Server *server = *state;
	Taker taker = { .enough = 3 };

	assert_true(repeat_ask(server->path, "live", 2, take, &taker, NULL));
	assert_int_equal(taker.taken, 3);
}

static void signals_are_a_good_end(void **state)
{
	Server *server = *state;
	Taker taker = { .enough = 2, .signal = SIGINT };

	assert_true(repeat_ask(server->path, "live", 2, take, &taker, NULL));
	/* A signal comes by another thread, and answers may come before it. */
	assert_true(taker.taken >= 2);
	taker = (Taker){ .enough = 1, .signal = SIGTERM };
	server->asked = 0;
	assert_true(repeat_ask(server->path, "live", 3600000, take, &taker, NULL));
}

static void agent_that_goes_away_is_an_error(void **state)
{
	Server *server = *state;
	Taker taker = { .enough = 1000 };
	g_autoptr(GError) error = NULL;

	server->gone_after = 2;
	assert_false(repeat_ask(server->path, "live", 20, take, &taker, &error));
	assert_true(g_str_has_prefix(error->message, "no agent is running ("));
	assert_int_equal(taker.taken, 2);
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(it_asks_until_it_is_enough),
		SERVER_TEST(signals_are_a_good_end),
		SERVER_TEST(agent_that_goes_away_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
