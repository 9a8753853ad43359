/* SPDX-License-Identifier: Apache-2.0 */
#include "recordlist.h"

#include "json.h"

/* Records that are looked at, and written, in one slice: a few milliseconds. */
#define LOOK_SLICE 16384
#define WRITE_SLICE 500

struct RecordList {
	const View *view;
	const FlowTail *tail;
	FlowQuery query;
	uint64_t next;	 /* that is to be looked at */
	uint64_t end;	 /* as of the beginning */
	uint64_t missed; /* so far */
	bool copied;
	GArray *records; /* of FlowRecord: the copy */
	guint written;
	FlowContext context;
	InterfaceNames *names;
};

RecordList *recordlist_new(const char *request, const FlowTail *tail, const View *view,
			   GError **error)
{
	g_autoptr(RecordList) list = g_new0(RecordList, 1);

	list->view = view;
	list->context = flow_context(view);
	list->tail = tail;
	list->records = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	list->end = flow_tail_end(tail);
	if (!flow_query_parse_records(&list->query, request, view, error))
		return NULL;
	list->next = MIN(list->query.from, list->end);
	return g_steal_pointer(&list);
}

void recordlist_free(RecordList *list)
{
	if (!list)
		return;
	flow_query_done(&list->query);
	g_array_unref(list->records);
	interface_names_free(list->names);
	g_free(list);
}

/* What a sweep between two slices has overwritten. */
static void skip_missed(RecordList *list)
{
	uint64_t first = MIN(flow_tail_first(list->tail), list->end);

	if (first <= list->next)
		return;
	list->missed += first - list->next;
	list->next = first;
}

static void write_head(RecordList *list, GString *text)
{
	const json_int_t next = (json_int_t)list->next, missed = (json_int_t)list->missed;
	json_t *head = json_records_head(list->view, next, missed, list->next < list->end);
	char *dump = json_dumps(head, JSON_COMPACT);

	g_string_append(text, dump);
	g_string_truncate(text, text->len - 1);
	g_string_append(text, ",\"records\":[");
	free(dump);
	json_decref(head);
	list->names = interface_names_new(list->view);
	list->context.names = list->names;
	list->copied = true;
}

static void look(RecordList *list, GString *text)
{
	guint limit = MIN(list->query.limit, RECORDLIST_MAX);

	skip_missed(list);
	for (int i = 0; i < LOOK_SLICE && list->next < list->end && list->records->len < limit;
	     i++) {
		const FlowRecord *record = flow_tail_get(list->tail, list->next++);

		if (flow_query_matches(record, &list->query))
			g_array_append_val(list->records, *record);
	}
	if (list->next < list->end && list->records->len < limit)
		g_string_append_c(text, ' ');
	else
		write_head(list, text);
}

bool recordlist_step(RecordList *list, GString *text)
{
	if (!list->copied) {
		look(list, text);
		return true;
	}
	for (guint i = 0; i < WRITE_SLICE && list->written < list->records->len; i++) {
		if (list->written)
			g_string_append_c(text, ',');
		list->query.append(text, &g_array_index(list->records, FlowRecord, list->written++),
				   &list->context);
	}
	if (list->written < list->records->len)
		return true;
	g_string_append(text, "]}\n");
	return false;
}
