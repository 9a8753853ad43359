/* SPDX-License-Identifier: Apache-2.0 */
#include "hostlist.h"

#include "json.h"

/* The accounts of one slice: a few milliseconds. */
#define SLICE 200

struct HostList {
	View view;
	Hosts *hosts;
	GPtrArray *list; /* of Account; those of a host are side by side */
	guint next;	 /* of these */
	GString *head;	 /* before the first */
};

static int append(const char *text, size_t len, void *user_data)
{
	g_string_append_len(user_data, text, (gssize)len);
	return 0;
}

/* Takes over @object. */
static void append_object(GString *text, json_t *object)
{
	(void)json_dump_callback(object, append, text, JSON_COMPACT);
	json_decref(object);
}

/* As one more member of @object, which it takes over, the list called @name begins. */
static void append_with_list(GString *text, json_t *object, const char *name)
{
	append_object(text, object);
	g_string_truncate(text, text->len - 1);
	g_string_append_printf(text, ",\"%s\":[", name);
}

static json_t *head_object(const View *view, const uint64_t *since_ms)
{
	json_t *head = json_hosts_head(view);

	if (since_ms) {
		json_object_del(head, "overflow");
		json_object_set_new(head, "since", json_timestamp(*since_ms));
	}
	return head;
}

HostList *hostlist_new(const View *view, Hosts *hosts, const uint64_t *since_ms)
{
	HostList *list = g_new0(HostList, 1);

	list->view = *view;
	list->view.hosts = hosts;
	list->head = g_string_new(NULL);
	append_with_list(list->head, head_object(&list->view, since_ms), "hosts");
	list->view = (View){ .names = view->names };
	list->hosts = hosts;
	list->list = hosts_list(hosts);
	return list;
}

void hostlist_free(HostList *list)
{
	if (!list)
		return;
	g_ptr_array_unref(list->list);
	hosts_free(list->hosts);
	g_string_free(list->head, TRUE);
	g_free(list);
}

/* Whether the account number @i is of the same host as the one before it. */
static bool goes_on(const HostList *list, guint i)
{
	return i && i < list->list->len &&
	       view_same_host(list->list->pdata[i - 1], list->list->pdata[i]);
}

static void begin_host(const HostList *list, guint first, GString *text)
{
	const Account *const *accounts = (const Account *const *)&list->list->pdata[first];
	guint end = first + 1;

	while (goes_on(list, end))
		end++;
	if (first)
		g_string_append_c(text, ',');
	append_with_list(text, json_host(&list->view, accounts, end - first), "accounts");
}

static void append_account(const HostList *list, guint i, GString *text)
{
	if (goes_on(list, i))
		g_string_append_c(text, ',');
	else
		begin_host(list, i, text);
	append_object(text, json_account(list->list->pdata[i]));
	if (!goes_on(list, i + 1))
		g_string_append(text, "]}");
}

bool hostlist_step(HostList *list, GString *text)
{
	guint end = MIN(list->list->len, list->next + SLICE);

	g_string_append_len(text, list->head->str, (gssize)list->head->len);
	g_string_truncate(list->head, 0);
	while (list->next < end)
		append_account(list, list->next++, text);
	if (end < list->list->len)
		return true;
	g_string_append(text, "]}\n");
	return false;
}
