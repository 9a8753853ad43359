/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <stdbool.h>
#include <string.h>

struct Lines {
	LineTaker take;
	void *user_data;
	char line[LINES_MAX + 2]; /* room for a CR and the final NUL */
	size_t len;
	bool too_long;
	uint64_t number; /* of lines that have ended */
	BadLines bad;
};

Lines *lines_new(LineTaker take, void *user_data)
{
	Lines *lines = g_new(Lines, 1);

	lines->take = take;
	lines->user_data = user_data;
	lines->len = 0;
	lines->too_long = false;
	lines->number = 0;
	lines->bad = (BadLines){ 0 };
	return lines;
}

void lines_free(Lines *lines)
{
	g_free(lines);
}

static const char *take_line(Lines *lines)
{
	if (lines->len && lines->line[lines->len - 1] == '\r')
		lines->len--;
	if (lines->too_long || lines->len > LINES_MAX)
		return "the line is longer than 8192 octets";
	if (memchr(lines->line, '\0', lines->len))
		return "there is a NUL in the line";
	lines->line[lines->len] = '\0';
	return lines->take(lines->line, lines->user_data);
}

static void end_line(Lines *lines)
{
	const char *reason = take_line(lines);

	lines->number++;
	lines->len = 0;
	lines->too_long = false;
	if (!reason)
		return;
	if (!lines->bad.count++) {
		lines->bad.first = lines->number;
		lines->bad.reason = reason;
	}
}

static void add(Lines *lines, const char *octets, size_t len)
{
	size_t room = LINES_MAX + 1 - lines->len;

	if (len > room)
		lines->too_long = true;
	memcpy(lines->line + lines->len, octets, MIN(len, room));
	lines->len += MIN(len, room);
}

void lines_feed(Lines *lines, const char *octets, size_t len)
{
	const char *end;

	while ((end = memchr(octets, '\n', len))) {
		size_t part = (size_t)(end - octets);

		add(lines, octets, part);
		end_line(lines);
		octets += part + 1;
		len -= part + 1;
	}
	add(lines, octets, len);
}

void lines_end(Lines *lines)
{
	if (lines->len)
		end_line(lines);
}

BadLines lines_bad(const Lines *lines)
{
	return lines->bad;
}
