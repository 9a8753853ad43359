/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of the user's that records go through before they are written: each reads a JSON array of objects and
 * writes another one.
 *
 * A process of its own runs them, one after the other, which the agent in its sandbox cannot: it is told once which
 * programs it may run, and then knows no others, so that who takes over the agent gains nothing by it. It has no
 * capability, and, if it was root's, is nobody's.
 */
#ifndef FLOWTALLY_RECORDHOOKS_H
#define FLOWTALLY_RECORDHOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "config/config.h"

#define RECORD_HOOKS_QUEUE_MAX (8u << 20) /* octets of arrays that may wait */

typedef struct RecordHooks RecordHooks;

/* What has become of an array. */
typedef struct {
	const char *array; /* a JSON array of objects, not NUL terminated */
	size_t len;
	uint32_t failures; /* of hooks; what went into those that failed went on as it was */
	bool is_dropped;   /* as the hook that failed says; @array is empty */
	const char *error; /* of the last one that failed; NULL: none */
} RecordHooksResult;

typedef void (*RecordHooksDone)(const RecordHooksResult *result, void *user_data);

/* To be called before anything else is opened, and before the sandbox is entered. */
RecordHooks *record_hooks_start(GError **error);

/* Once: @programs is of HookConfig, and only read now. If it is empty, the process ends. */
bool record_hooks_define(RecordHooks *hooks, const GPtrArray *programs, GError **error);

/* What waits is handed back as it is. */
void record_hooks_free(RecordHooks *hooks);

/*
 * Sends the array through @n of the hooks, from @first on. @done comes from the main context, or from
 * record_hooks_free(), in the order of the calls. False: too much waits, or the process has ended, which @why
 * then says; @array is borrowed.
 */
bool record_hooks_pass(RecordHooks *hooks, uint32_t first, uint32_t n, const char *array,
		       size_t len, RecordHooksDone done, void *user_data, const char **why);

size_t record_hooks_waiting(const RecordHooks *hooks); /* arrays */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RecordHooks, record_hooks_free)

#endif
