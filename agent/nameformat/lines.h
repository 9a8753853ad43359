/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text that comes in pieces, line by line. Lines end with LF or CR LF, the last one also with the text.
 * Those that are too long, hold a NUL, or are not what the taker wants are left out and counted.
 */
#ifndef FLOWTALLY_LINES_H
#define FLOWTALLY_LINES_H

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#define LINES_MAX 8192 /* octets of a line, without its end */

typedef struct Lines Lines;

/* @line may be changed. NULL if it was taken, else why it was not: a constant that completes
 * "FILE:LINE: ". */
typedef const char *(*LineTaker)(char *line, void *user_data);

typedef struct {
	uint64_t count;
	uint64_t first;	    /* the number of the first bad line, from 1; 0: there is none */
	const char *reason; /* of the first */
} BadLines;

Lines *lines_new(LineTaker take, void *user_data);
void lines_free(Lines *lines);

void lines_feed(Lines *lines, const char *octets, size_t len);

/* The text ends here. */
void lines_end(Lines *lines);

BadLines lines_bad(const Lines *lines);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lines, lines_free)

#endif
