/* SPDX-License-Identifier: Apache-2.0 */
/* What an output of JSON lines (jsonlines.h) shows of itself. */
#ifndef FLOWTALLY_JSONLINESVIEW_H
#define FLOWTALLY_JSONLINESVIEW_H

#include <stdint.h>

typedef struct {
	const char *path; /* "-": standard output */
	uint64_t written; /* lines, also those of earlier agents */
	uint64_t dropped;
	const char *error; /* NULL: the last attempt to write succeeded */
} JsonLinesStatus;

#endif
