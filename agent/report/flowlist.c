/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlist.h"

#include "json.h"

/* Places of the Flow Cache that are looked at, and flows that are written, in one slice: a few milliseconds. */
#define LOOK_SLICE 16384
#define WRITE_SLICE 500

/* How often a copy is begun in slices. */
#define TRIES 2

typedef struct {
	uint64_t rank;
	uint32_t number; /* of the record; it breaks ties */
} Entry;

struct FlowList {
	const View *view;
	FlowQuery query;
	uint64_t changes;   /* as of when the copy was begun */
	uint32_t place;	    /* that is to be looked at next */
	unsigned int tries; /* so far */
	bool copied;
	GArray *records; /* of FlowRecord: the copy */
	GArray *entries; /* of Entry: a heap; while it is full, and copied, its root is the last, then the first */
	bool written_any;
	FlowContext context;
	InterfaceNames *names;
};

FlowList *flowlist_new(const char *request, const View *view, GError **error)
{
	g_autoptr(FlowList) list = g_new0(FlowList, 1);

	list->view = view;
	list->context = flow_context(view);
	list->records = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	list->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
	return flow_query_parse(&list->query, request, view, error) ? g_steal_pointer(&list) : NULL;
}

void flowlist_free(FlowList *list)
{
	if (!list)
		return;
	flow_query_done(&list->query);
	g_array_unref(list->records);
	g_array_unref(list->entries);
	interface_names_free(list->names);
	g_free(list);
}

static bool is_before(const Entry *a, const Entry *b)
{
	return a->rank != b->rank ? a->rank > b->rank : a->number < b->number;
}

/* Whether @a is nearer to the root: of a heap of what is copied it is the last, of what is written the first. */
static bool is_above(const FlowList *list, const Entry *a, const Entry *b)
{
	return list->copied ? is_before(a, b) : is_before(b, a);
}

static void sift_down(FlowList *list, guint i)
{
	Entry *entries = (Entry *)(void *)list->entries->data, entry = entries[i];
	guint n = list->entries->len, child;

	for (; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && is_above(list, &entries[child + 1], &entries[child]))
			child++;
		if (!is_above(list, &entries[child], &entry))
			break;
		entries[i] = entries[child];
	}
	entries[i] = entry;
}

static void make_heap(FlowList *list)
{
	for (guint i = list->entries->len / 2; i-- > 0;)
		sift_down(list, i);
}

/* In place of the last one, if it comes before that. */
static void replace_last(FlowList *list, const FlowRecord *flow, uint64_t rank)
{
	Entry *last = &g_array_index(list->entries, Entry, 0);

	if (rank <= last->rank)
		return;
	g_array_index(list->records, FlowRecord, last->number) = *flow;
	last->rank = rank;
	sift_down(list, 0);
}

static void copy_flow(const FlowRecord *flow, void *user_data)
{
	FlowList *list = user_data;
	Entry entry = { .number = list->records->len };

	if (!flow_query_matches(flow, &list->query))
		return;
	entry.rank = flow_query_rank(&list->query, flow);
	if (entry.number == list->query.limit) {
		if (entry.number)
			replace_last(list, flow, entry.rank);
		return;
	}
	g_array_append_val(list->records, *flow);
	g_array_append_val(list->entries, entry);
	if (list->entries->len == list->query.limit)
		make_heap(list);
}

static void begin_copy(FlowList *list)
{
	g_array_set_size(list->records, 0);
	g_array_set_size(list->entries, 0);
	list->changes = flows_changes(list->view->flows);
	list->place = 0;
	list->tries++;
}

/* The head, and whatever is to be of the same moment. */
static void end_copy(FlowList *list, GString *text)
{
	json_t *head = json_flows_head(list->view);
	char *dump = json_dumps(head, JSON_COMPACT);

	g_string_append(text, dump);
	g_string_truncate(text, text->len - 1);
	g_string_append(text, ",\"flows\":[");
	free(dump);
	json_decref(head);
	list->copied = true;
	list->names = interface_names_new(list->view);
	list->context.names = list->names;
	make_heap(list);
}

static void copy_slice(FlowList *list, GString *text)
{
	uint32_t n;

	if (!list->tries || flows_changes(list->view->flows) != list->changes)
		begin_copy(list);
	n = list->tries > TRIES ? UINT32_MAX : LOOK_SLICE;
	list->place = flows_visit_some(list->view->flows, list->place, n, copy_flow, list);
	if (list->place)
		g_string_append_c(text, ' ');
	else
		end_copy(list, text);
}

static void write_first(FlowList *list, GString *text)
{
	Entry *entries = (Entry *)(void *)list->entries->data;
	uint32_t number = entries[0].number;

	if (list->written_any)
		g_string_append_c(text, ',');
	list->written_any = true;
	list->query.append(text, &g_array_index(list->records, FlowRecord, number), &list->context);
	entries[0] = entries[list->entries->len - 1];
	g_array_set_size(list->entries, list->entries->len - 1);
	if (list->entries->len)
		sift_down(list, 0);
}

bool flowlist_step(FlowList *list, GString *text)
{
	if (!list->copied) {
		copy_slice(list, text);
		return true;
	}
	for (guint i = 0; i < WRITE_SLICE && list->entries->len; i++)
		write_first(list, text);
	if (list->entries->len)
		return true;
	g_string_append(text, "]}\n");
	return false;
}
