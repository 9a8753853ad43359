/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzzers share: one input at a time as a file or a text, and silence, for an error of each input would be logged.
 *
 * Each is a program of libFuzzer. What the first octet of an input decides is said in its head; the rest is what the
 * world sends.
 */
#ifndef FLOWTALLY_FUZZ_H
#define FLOWTALLY_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

/* Has to hold, or the input is reported. */
#define FUZZ_ASSERT(condition)                                                                     \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline GLogWriterOutput fuzz_say_nothing(GLogLevelFlags level, const GLogField *fields,
						gsize n, gpointer user_data)
{
	if (level & (G_LOG_FLAG_FATAL | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR))
		abort();
	return G_LOG_WRITER_HANDLED;
}

static inline void fuzz_be_silent(void)
{
	g_log_set_writer_func(fuzz_say_nothing, NULL, NULL);
}

/* Of the file below; made with the first input. */
static char fuzz_path[] = "/tmp/flowtally-fuzz-XXXXXX";

static inline void fuzz_remove_file(void)
{
	(void)unlink(fuzz_path);
}

/* A file of these octets, the same one each time; its path, which is no symbolic link. */
static inline const char *fuzz_file(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0) {
		fd = mkstemp(fuzz_path);
		FUZZ_ASSERT(fd >= 0 && atexit(fuzz_remove_file) == 0);
	}
	FUZZ_ASSERT(ftruncate(fd, 0) == 0);
	FUZZ_ASSERT(pwrite(fd, data, size, 0) == (ssize_t)size);
	return fuzz_path;
}

/* What is told of an input has to be one printable line of UTF-8. */
static inline void fuzz_assert_line(const char *text)
{
	FUZZ_ASSERT(text && *text && g_utf8_validate(text, -1, NULL));
	for (const char *c = text; *c; c++)
		FUZZ_ASSERT((unsigned char)*c >= ' ' && *c != 0x7f);
}

#endif
