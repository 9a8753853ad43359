/* SPDX-License-Identifier: Apache-2.0 */
#include "listreader.h"

#include <string.h>

#include "base/error.h"

/* Of a head, and of an object: what is longer is not meant. */
#define TEXT_MAX 65536

/* How deep it is in the document, the list and an object of it. */
enum { IN_DOCUMENT = 1, IN_LIST = 2, IN_ITEM = 3 };

struct ListReader {
	const ListTake *take;
	void *user_data;
	GString *text; /* that is not complete yet */
	unsigned int depth;
	bool in_string;
	bool escaped;
	bool has_list;
	bool ended;
};

ListReader *list_reader_new(const ListTake *take, void *user_data)
{
	ListReader *reader = g_new0(ListReader, 1);

	reader->take = take;
	reader->user_data = user_data;
	reader->text = g_string_new(NULL);
	return reader;
}

void list_reader_free(ListReader *reader)
{
	if (!reader)
		return;
	g_string_free(reader->text, TRUE);
	g_free(reader);
}

static bool fail(GError **error)
{
	error_set(error, "the answer is not a JSON document");
	return false;
}

static bool hand_on_head(ListReader *reader, GError **error)
{
	json_t *head = json_loadb(reader->text->str, reader->text->len, 0, NULL);
	bool taken = json_is_object(head) ? reader->take->head(head, reader->user_data, error) :
					    fail(error);

	json_decref(head);
	g_string_truncate(reader->text, 0);
	return taken;
}

static bool begin_list(ListReader *reader, GError **error)
{
	reader->has_list = true;
	g_string_append(reader->text, "]}");
	return hand_on_head(reader, error);
}

static bool end_document(ListReader *reader, GError **error)
{
	reader->ended = true;
	return reader->has_list || hand_on_head(reader, error);
}

static bool end_item(ListReader *reader, GError **error)
{
	bool taken =
		reader->take->item(reader->text->str, reader->text->len, reader->user_data, error);

	g_string_truncate(reader->text, 0);
	return taken;
}

static bool open_one(ListReader *reader, char sign, GError **error)
{
	reader->depth++;
	return sign != '[' || reader->depth != IN_LIST || reader->has_list ||
	       begin_list(reader, error);
}

static bool close_one(ListReader *reader, GError **error)
{
	if (!reader->depth)
		return fail(error);
	if (--reader->depth == 0)
		return end_document(reader, error);
	return reader->depth != IN_LIST || !reader->has_list || end_item(reader, error);
}

/* A sign that means something to the structure, outside of strings. */
static bool take_sign(ListReader *reader, char sign, GError **error)
{
	switch (sign) {
	case '"':
		reader->in_string = true;
		return true;
	case '{':
	case '[':
		return open_one(reader, sign, error);
	case '}':
	case ']':
		return close_one(reader, error);
	default:
		return true;
	}
}

static void take_in_string(ListReader *reader, char sign)
{
	if (reader->escaped)
		reader->escaped = false;
	else if (sign == '\\')
		reader->escaped = true;
	else if (sign == '"')
		reader->in_string = false;
}

/* Between the objects of the list, and around the document, nothing is kept. */
static bool is_kept(const ListReader *reader, char sign)
{
	if (reader->has_list)
		return reader->depth >= IN_ITEM || (reader->depth == IN_LIST && sign == '{');
	return reader->depth || sign == '{';
}

bool list_reader_feed(ListReader *reader, const char *octets, size_t len, GError **error)
{
	for (size_t i = 0; i < len; i++) {
		char sign = octets[i];

		if (reader->ended && !strchr(" \n", sign))
			return fail(error);
		if (is_kept(reader, sign))
			g_string_append_c(reader->text, sign);
		if (reader->text->len > TEXT_MAX)
			return fail(error);
		if (reader->in_string)
			take_in_string(reader, sign);
		else if (!take_sign(reader, sign, error))
			return false;
	}
	return true;
}

bool list_reader_end(ListReader *reader, GError **error)
{
	return reader->ended || fail(error);
}
