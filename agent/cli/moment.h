/* SPDX-License-Identifier: Apache-2.0 */
/* Moments of the past as people say them. */
#ifndef FLOWTALLY_MOMENT_H
#define FLOWTALLY_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define MOMENT_FORMS                                                                               \
	"today, yesterday, 14:30, 90m or 7d (ago), 2026-11-01, \"2026-11-01 14:30\", RFC 3339"

/*
 * Milliseconds since the epoch, in local time where @text does not say which. A time alone is the last one that has
 * been; @now_ms is the present.
 */
bool moment_parse(uint64_t *ms, const char *text, uint64_t now_ms, GError **error);

#endif
