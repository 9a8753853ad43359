/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <glib.h>

#include "text.h"

static GLogLevelFlags least_level;

static const char *field(const GLogField *fields, gsize n, const char *key)
{
	for (gsize i = 0; i < n; i++) {
		if (!strcmp(fields[i].key, key))
			return fields[i].value;
	}
	return "";
}

/* The same fields with another message. */
static GLogWriterOutput write_to_journal(GLogLevelFlags level, const GLogField *fields, gsize n,
					 const char *message, gpointer user_data)
{
	g_autofree GLogField *copy = g_memdup2(fields, n * sizeof(*fields));

	for (gsize i = 0; i < n; i++) {
		if (!strcmp(copy[i].key, "MESSAGE")) {
			copy[i].value = message;
			copy[i].length = -1;
		}
	}
	return g_log_writer_journald(level, copy, n, user_data);
}

static GLogWriterOutput write_line(GLogLevelFlags level, const GLogField *fields, gsize n,
				   gpointer user_data)
{
	const char *domain = field(fields, n, "GLIB_DOMAIN");
	g_autofree char *message = NULL;

	/* The graver a level is, the smaller is its flag. */
	if ((level & G_LOG_LEVEL_MASK) > least_level &&
	    (level & G_LOG_LEVEL_MESSAGE || g_log_writer_default_would_drop(level, domain)))
		return G_LOG_WRITER_HANDLED;
	message = text_printable(field(fields, n, "MESSAGE"));
	if (g_log_writer_is_journald(STDERR_FILENO))
		return write_to_journal(level, fields, n, message, user_data);
	fprintf(stderr, "flowtally: %s\n", message);
	return G_LOG_WRITER_HANDLED;
}

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[1024];
	g_auto(GStrv) lines = NULL;

	(void)level;
	vsnprintf(text, sizeof(text), format, args);
	lines = g_strsplit(g_strchomp(text), "\n", -1);
	for (char **line = lines; *line; line++)
		g_debug("%s", *line);
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
