/* SPDX-License-Identifier: Apache-2.0 */
#include "notify.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

/* What comes at a socket of the name, whose first octet is @first, after notify_manager() has been called. */
static void assert_arrives(const char *name, char first, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char state[64] = "";

	memcpy(address.sun_path, path, strlen(path));
	address.sun_path[0] = first;
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
			 0);
	g_setenv("NOTIFY_SOCKET", name, TRUE);
	notify_manager("READY=1\nSTATUS=well");
	assert_true(recv(fd, state, sizeof(state) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(state, "READY=1\nSTATUS=well");
	close(fd);
}

static void state_arrives_at_a_path(void **state)
{
	g_autofree char *path = g_build_filename(*state, "notify", NULL);

	assert_arrives(path, '/', path);
}

static void state_arrives_at_an_abstract_name(void **state)
{
	g_autofree char *name = g_strdup_printf("@flowtally-test-%d", (int)getpid());

	assert_arrives(name, '\0', name);
}

static void where_nobody_asks_nothing_is_said(void **state)
{
	g_autofree char *long_path = g_strnfill(200, '/');
	const char *const names[] = { NULL, "", "relative", "/nowhere/there", long_path };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (names[i])
			g_setenv("NOTIFY_SOCKET", names[i], TRUE);
		else
			g_unsetenv("NOTIFY_SOCKET");
		notify_manager("READY=1");
	}
}

static void watchdog_is_for_the_process_that_it_names(void **state)
{
	g_autofree char *own = g_strdup_printf("%d", (int)getpid());

	g_unsetenv("WATCHDOG_PID");
	g_unsetenv("WATCHDOG_USEC");
	assert_int_equal(notify_watchdog_ms(), 0);
	g_setenv("WATCHDOG_USEC", "30000000", TRUE);
	assert_int_equal(notify_watchdog_ms(), 30000);
	g_setenv("WATCHDOG_PID", own, TRUE);
	assert_int_equal(notify_watchdog_ms(), 30000);
	g_setenv("WATCHDOG_PID", "1", TRUE);
	assert_int_equal(notify_watchdog_ms(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(state_arrives_at_a_path, make_directory,
						remove_directory),
		cmocka_unit_test(state_arrives_at_an_abstract_name),
		cmocka_unit_test(where_nobody_asks_nothing_is_said),
		cmocka_unit_test(watchdog_is_for_the_process_that_it_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
