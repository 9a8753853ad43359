/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

/* What goes to stderr while @say is called; the rest of the test's output stays where it is. */
static char *logged(void (*say)(void))
{
	g_autofree char *path = NULL;
	int log = g_file_open_tmp("flowtally-test-XXXXXX", &path, NULL),
	    before = dup(STDERR_FILENO);
	char *text;

	(void)fflush(stderr);
	(void)dup2(log, STDERR_FILENO);
	say();
	(void)fflush(stderr);
	(void)dup2(before, STDERR_FILENO);
	close(before);
	close(log);
	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	(void)g_remove(path);
	return text;
}

static void warn_plainly(void)
{
	g_warning("br-lan: metering, M\xc3\xbcnchen, a\\b");
}

static void warn_of_a_stranger(void)
{
	g_warning("%s: no longer metered", "\033]0;owned\a\n\xff\xe2\x80\xae");
}

static void message_is_a_line(void **state)
{
	g_autofree char *text = logged(warn_plainly);

	assert_string_equal(text, "flowtally: br-lan: metering, M\xc3\xbcnchen, a\\b\n");
}

static void terminal_obeys_no_stranger(void **state)
{
	g_autofree char *text = logged(warn_of_a_stranger);

	assert_string_equal(
		text,
		"flowtally: \\x1b]0;owned\\x07\\x0a\\xff\\xe2\\x80\\xae: no longer metered\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_is_a_line),
		cmocka_unit_test(terminal_obeys_no_stranger),
	};

	log_init(G_LOG_LEVEL_MESSAGE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
