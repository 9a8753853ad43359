/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <glib.h>

static GLogLevelFlags least_level;

static const char *field(const GLogField *fields, gsize n, const char *key)
{
	for (gsize i = 0; i < n; i++) {
		if (!strcmp(fields[i].key, key))
			return fields[i].value;
	}
	return "";
}

static GLogWriterOutput write_line(GLogLevelFlags level, const GLogField *fields, gsize n,
				   gpointer user_data)
{
	const char *domain = field(fields, n, "GLIB_DOMAIN");

	/* The graver a level is, the smaller is its flag. */
	if ((level & G_LOG_LEVEL_MASK) > least_level &&
	    (level & G_LOG_LEVEL_MESSAGE || g_log_writer_default_would_drop(level, domain)))
		return G_LOG_WRITER_HANDLED;
	if (g_log_writer_is_journald(STDERR_FILENO))
		return g_log_writer_journald(level, fields, n, user_data);
	fprintf(stderr, "flowtally: %s\n", field(fields, n, "MESSAGE"));
	return G_LOG_WRITER_HANDLED;
}

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[1024];

	(void)level;
	vsnprintf(line, sizeof(line), format, args);
	g_debug("%s", g_strchomp(line));
	return 0;
}

void log_init(GLogLevelFlags least)
{
	least_level = least;
	/* Whoever reads the log may go before us. */
	(void)signal(SIGPIPE, SIG_IGN);
	g_log_set_writer_func(write_line, NULL, NULL);
	libbpf_set_print(print_libbpf);
}
