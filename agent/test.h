/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit tests share: cmocka with the headers it wants, and a directory of one's own. */
#ifndef FLOWTALLY_TEST_H
#define FLOWTALLY_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

/* A command of the shell that has to succeed. */
G_GNUC_PRINTF(1, 2) static inline void run_command(const char *format, ...)
{
	g_autofree char *command = NULL;
	va_list args;

	va_start(args, format);
	command = g_strdup_vprintf(format, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

/* For what those who emulate system calls know not well. */
static inline void skip_if_emulated(void)
{
	if (g_getenv("EMULATOR"))
		skip();
}

/* Setup and teardown of a temporary directory, in *state. */
static inline int make_directory(void **state)
{
	*state = g_dir_make_tmp("flowtally-test-XXXXXX", NULL);
	return *state ? 0 : -1;
}

static inline int remove_directory(void **state)
{
	g_autoptr(GDir) dir = g_dir_open(*state, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(*state, name, NULL);

		(void)g_remove(path);
	}
	(void)g_rmdir(*state);
	g_free(*state);
	return 0;
}

#endif
