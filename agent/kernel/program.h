/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs another program: what it reads and writes, and for how long. It has nothing of ours: no descriptor but its
 * standard ones, no variable but PATH and LANG, and a session of its own, which ends with it.
 */
#ifndef FLOWTALLY_PROGRAM_H
#define FLOWTALLY_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

typedef struct {
	char *path;
	int script; /* a descriptor, -1: it is no script of ours */
} Program;

typedef struct {
	uint64_t timeout_ms;
	size_t max_output; /* octets */
	int while_open;	   /* a socket: when its other end closes, the program is ended; -1: none */
} ProgramBounds;

/* Whatever @path is. */
Program *program_new(const char *path);

/* Of a text, which begins with "#!" or else is for /bin/sh; it is kept in memory alone. NULL: an error. */
Program *program_new_script(const char *script, GError **error);

void program_free(Program *program);

/*
 * Runs @program with no arguments, gives it @input, and waits until it has ended; what it has written is added to
 * @output. Its standard error is ours. An error, beside one in starting it: it fails, or is killed because
 * it goes beyond @bounds.
 */
bool program_run(const Program *program, const void *input, size_t len, const ProgramBounds *bounds,
		 GByteArray *output, GError **error);

/*
 * For a process that has no other children: what a program leaves behind outside of its session becomes ours and is ended,
 * too, before program_run() returns.
 */
void program_own_orphans(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Program, program_free)

#endif
