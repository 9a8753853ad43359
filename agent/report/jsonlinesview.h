/* SPDX-License-Identifier: Apache-2.0 */
/* What an output of JSON lines (jsonlines.h) shows of itself. */
#ifndef FLOWTALLY_JSONLINESVIEW_H
#define FLOWTALLY_JSONLINESVIEW_H

#include <stdint.h>

typedef struct {
	const char *path; /* "-": standard output */
	uint64_t written; /* lines, also those of earlier agents */
	uint64_t dropped;
	uint64_t
		hook_failures; /* of this agent: records went on without what that hook adds, or were dropped */
	const char *hook_error; /* of the last one that failed; NULL: the last ones went well */
	const char *error;	/* NULL: the last attempt to write succeeded */
} JsonLinesStatus;

#endif
