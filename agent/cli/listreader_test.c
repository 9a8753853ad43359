/* SPDX-License-Identifier: Apache-2.0 */
#include "listreader.h"

#include <string.h>

#include "base/error.h"
#include "test.h"

/* What has come, one a line. */
static bool take_head(json_t *head, void *user_data, GError **error)
{
	char *text = json_dumps(head, JSON_COMPACT);

	g_string_append_printf(user_data, "%s\n", text);
	free(text);
	return true;
}

static bool take_item(const char *text, size_t len, void *user_data, GError **error)
{
	g_string_append_len(user_data, text, (gssize)len);
	g_string_append_c(user_data, '\n');
	if (!strstr(text, "enough"))
		return true;
	error_set(error, "enough");
	return false;
}

static const ListTake take = { take_head, take_item };

/* In pieces of @size octets. */
static bool read_all(const char *text, size_t size, GString *lines, GError **error)
{
	g_autoptr(ListReader) reader = list_reader_new(&take, lines);
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i += size) {
		if (!list_reader_feed(reader, text + i, MIN(size, len - i), error))
			return false;
	}
	return list_reader_end(reader, error);
}

static void assert_reads(const char *text, const char *expected)
{
	for (size_t size = 1; size <= strlen(text); size++) {
		g_autoptr(GString) lines = g_string_new(NULL);

		assert_true(read_all(text, size, lines, NULL));
		assert_string_equal(lines->str, expected);
	}
}

static void assert_fails(const char *text)
{
	g_autoptr(GString) lines = g_string_new(NULL);
	g_autoptr(GError) error = NULL;

	assert_false(read_all(text, 3, lines, &error));
	assert_string_equal(error->message, "the answer is not a JSON document");
}

static void objects_of_the_list_come_one_by_one(void **state)
{
	(void)state;
	assert_reads("   {\"schema\":1,\"flows\":[{\"a\":1},{\"b\":{\"c\":[2]}}]}\n",
		     "{\"schema\":1,\"flows\":[]}\n{\"a\":1}\n{\"b\":{\"c\":[2]}}\n");
}

static void list_may_be_empty(void **state)
{
	(void)state;
	assert_reads("{\"schema\":1,\"flows\":[]}\n", "{\"schema\":1,\"flows\":[]}\n");
}

static void document_without_a_list_is_a_head(void **state)
{
	(void)state;
	assert_reads("{\"error\":\"in vain\"}\n", "{\"error\":\"in vain\"}\n");
}

static void brackets_in_strings_are_text(void **state)
{
	(void)state;
	assert_reads("{\"t\":\"[{\\\"\",\"flows\":[{\"a\":\"}]\\\\\"},{\"b\":\"\\\"{[\"}]}\n",
		     "{\"t\":\"[{\\\"\",\"flows\":[]}\n{\"a\":\"}]\\\\\"}\n{\"b\":\"\\\"{[\"}\n");
}

static void other_texts_are_no_document(void **state)
{
	g_autofree char *endless = g_strnfill(100000, 'x');
	g_autofree char *string = g_strdup_printf("{\"a\":\"%s\"}", endless);

	(void)state;
	assert_fails("");
	assert_fails("\n");
	assert_fails("{\"flows\":[{\"a\":1}");
	assert_fails("{\"flows\":[{\"a\":1}]");
	assert_fails("}");
	assert_fails("[1]");
	assert_fails("{oops}");
	assert_fails("{}{}");
	assert_fails(string);
}

static void who_has_enough_is_not_asked_again(void **state)
{
	g_autoptr(GString) lines = g_string_new(NULL);
	g_autoptr(GError) error = NULL;

	(void)state;
	assert_false(read_all("{\"flows\":[{\"a\":\"enough\"},{}]}\n", 100, lines, &error));
	assert_string_equal(error->message, "enough");
	assert_string_equal(lines->str, "{\"flows\":[]}\n{\"a\":\"enough\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_of_the_list_come_one_by_one),
		cmocka_unit_test(list_may_be_empty),
		cmocka_unit_test(document_without_a_list_is_a_head),
		cmocka_unit_test(brackets_in_strings_are_text),
		cmocka_unit_test(other_texts_are_no_document),
		cmocka_unit_test(who_has_enough_is_not_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
