/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document "records" as one line of text, made in slices: the Flow Records that have left since a number, of those that
 * are kept (flowtail.h).
 *
 *     {"schema":1,"time":..,"metered":true,"start":..,"next":12,"missed":0,"more":false,"records":[..]}
 *
 * "next" is the number to ask from the next time, "start" the moment at which this agent started, before which other
 * records had these numbers, "missed" how many have been overwritten before they could be shown, whatever the filter
 * says of them, and "more" whether there are more already: one document has at most RECORDLIST_MAX of them, which is
 * what bounds the memory of one answer.
 */
#ifndef FLOWTALLY_RECORDLIST_H
#define FLOWTALLY_RECORDLIST_H

#include <stdbool.h>

#include <glib.h>

#include "accounts/flowtail.h"
#include "flowquery.h"
#include "view.h"

#define RECORDLIST_MAX 10000

typedef struct RecordList RecordList;

/* @tail, @view, and all in it but for `config`, must outlive the list; @request is as flowquery.h has it. */
RecordList *recordlist_new(const char *request, const FlowTail *tail, const View *view,
			   GError **error);
void recordlist_free(RecordList *list);

/* Appends the next slice to @text, a space while there is nothing to tell; false: it was the last. */
bool recordlist_step(RecordList *list, GString *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RecordList, recordlist_free)

#endif
