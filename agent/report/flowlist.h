/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document "flows" as one line of text, made in slices, so that a million flows keep the loop from nothing.
 *
 * All flows of a document are as one sweep has left them, and "time" is when that was: they are copied first, in
 * slices, too, and again from the beginning if a sweep or a flush comes between two of these, but for the third time at
 * once. A copy is of the flows that were asked for alone, of a limit's the first so many: 152 octets each, for as long
 * as the answer takes.
 */
#ifndef FLOWTALLY_FLOWLIST_H
#define FLOWTALLY_FLOWLIST_H

#include <stdbool.h>

#include <glib.h>

#include "flowquery.h"
#include "view.h"

typedef struct FlowList FlowList;

/* @view, and all in it but for `config`, must outlive the list; @request is as flowquery.h has it. */
FlowList *flowlist_new(const char *request, const View *view, GError **error);
void flowlist_free(FlowList *list);

/* Appends the next slice to @text, a space while there is nothing to tell; false: it was the last. */
bool flowlist_step(FlowList *list, GString *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlowList, flowlist_free)

#endif
