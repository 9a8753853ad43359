/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the agent again and again, until it is enough, it does not answer, or SIGINT or SIGTERM comes.
 *
 * The moments are those of a clock that started with the first one, so that they do not drift; one at which the
 * answer to an earlier one is still awaited is left out.
 */
#ifndef FLOWTALLY_REPEAT_H
#define FLOWTALLY_REPEAT_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

/* @document is borrowed for the call. False: it is enough. */
typedef bool (*RepeatTake)(const json_t *document, void *user_data);

/* The first time at once; false if the agent did not answer. In the default main context. */
bool repeat_ask(const char *path, const char *request, uint64_t every_ms, RepeatTake take,
		void *user_data, GError **error);

#endif
