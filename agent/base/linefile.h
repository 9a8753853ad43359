/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of text to a file, to a FIFO or to standard output, without ever waiting: what cannot be written at once waits in
 * memory, up to LINE_FILE_MAX octets, until the main context finds that it can. Lines that cannot be written are dropped and
 * counted, whole lines each, so that a reader never sees parts; a part that a full disk has taken is taken back,
 * and what a crash has left of a line gets its end, so that it spoils no other.
 *
 * A file is only added to, and never through a symbolic link. When one fails it is opened again with the next line; that it
 * has failed is said in the log once, and again that it works.
 */
#ifndef FLOWTALLY_LINEFILE_H
#define FLOWTALLY_LINEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#define LINE_FILE_MAX (8 << 20)

typedef struct LineFile LineFile;

/* "-" is standard output. */
LineFile *line_file_new(const char *path);

/* Writes what can be written at once. */
void line_file_free(LineFile *file);

/* @line ends with its newline, and has no other. */
void line_file_add(LineFile *file, const char *line, size_t len);

/* What has been added is to be written now, not only when it is much. */
void line_file_flush(LineFile *file);

/* The file by that name is another one now: what has been added until now still goes to the old one. A FIFO whose reader
 * is behind stays as it is. */
void line_file_reopen(LineFile *file);

const char *line_file_path(const LineFile *file);
uint64_t line_file_written(const LineFile *file);
uint64_t line_file_dropped(const LineFile *file);
const char *line_file_error(const LineFile *file); /* NULL: the last attempt succeeded */

/* What an earlier agent has counted. */
void line_file_set_counts(LineFile *file, uint64_t written, uint64_t dropped);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(LineFile, line_file_free)

#endif
