/* SPDX-License-Identifier: Apache-2.0 */
#include "top_plain.h"

#include <string.h>

#include "test.h"

static const TopUnits bits = { .units = TEXT_SI };

/* One device, that a document has had at each of two moments, and one that does nothing. */
static json_t *document(const char *time, int download, int upload)
{
	return json_pack(
		"{s:s, s:[{s:s, s:s, s:s, s:[{s:s, s:s, s:s, s:{s:i, s:i}, s:{s:i, s:i}}]},"
		" {s:s, s:s, s:s, s:[{s:n, s:s, s:s}]}]}",
		"time", time, "hosts", "host", "02:00:00:00:00:01", "name", "a, \"b\"", "interface",
		"br-lan", "accounts", "address", "192.168.2.10", "family", "ipv4", "scope",
		"internet", "download", "packets", download / 100, "octets", download, "upload",
		"packets", upload / 100, "octets", upload, "host", "02:00:00:00:00:02", "name",
		"02:00:00:00:00:02", "interface", "br-lan", "accounts", "address", "family", "ipv4",
		"scope", "local");
}

static TopModel *model_of_two(void)
{
	TopModel *model = top_model_new();
	json_t *first = document("2026-11-28T12:00:00.000Z", 1000, 100);
	json_t *second = document("2026-11-28T12:00:02.000Z", 3001, 300);

	assert_true(top_model_add(model, first, NULL));
	assert_true(top_model_add(model, second, NULL));
	json_decref(first);
	json_decref(second);
	return model;
}

static json_int_t integer(const json_t *object, const char *direction, const char *name)
{
	const json_t *value = json_object_get(json_object_get(object, direction), name);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void document_has_rates_and_accounts(void **state)
{
	g_autoptr(TopModel) model = model_of_two();
	json_t *object = top_plain_document(model, SIZE_MAX);
	const json_t *hosts = json_object_get(object, "hosts"), *host = json_array_get(hosts, 0);
	const json_t *account = json_array_get(json_object_get(host, "accounts"), 0);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(object, "schema")), 1);
	assert_string_equal(json_string_value(json_object_get(object, "time")),
			    "2026-11-28T12:00:02.000Z");
	assert_int_equal(json_integer_value(json_object_get(object, "measured_ms")), 2000);
	assert_int_equal(
		integer(json_object_get(object, "total"), "download", "octets_per_second_2s"),
		1001);
	assert_int_equal(json_array_size(hosts), 2);
	assert_string_equal(json_string_value(json_object_get(host, "name")), "a, \"b\"");
	assert_int_equal(integer(host, "download", "octets"), 3001);
	assert_int_equal(integer(host, "download", "octets_per_second_40s"), 1001);
	assert_int_equal(integer(host, "upload", "octets_per_second_10s"), 100);
	assert_string_equal(json_string_value(json_object_get(account, "address")), "192.168.2.10");
	assert_string_equal(json_string_value(json_object_get(account, "scope")), "internet");
	assert_int_equal(integer(account, "upload", "packets"), 3);
	account = json_array_get(json_object_get(json_array_get(hosts, 1), "accounts"), 0);
	assert_true(json_is_null(json_object_get(account, "address")));
	json_decref(object);
}

static void limit_cuts_the_list_and_not_the_sums(void **state)
{
	g_autoptr(TopModel) model = model_of_two();
	json_t *object = top_plain_document(model, 1);

	(void)state;
	assert_int_equal(json_array_size(json_object_get(object, "hosts")), 1);
	json_decref(object);
	object = top_plain_document(model, 0);
	assert_int_equal(integer(json_object_get(object, "total"), "download", "octets"), 3001);
	json_decref(object);
}

static void assert_csv(bool with_head, const char *expected)
{
	g_autoptr(TopModel) model = model_of_two();
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	top_plain_csv(model, 1, with_head, file);
	fclose(file);
	assert_string_equal(text, expected);
	free(text);
}

#define CSV_ROW                                                                                    \
	"2026-11-28T12:00:02.000Z,02:00:00:00:00:01,\"a, "                                         \
	"\"\"b\"\"\",br-lan,30,3001,1001,1001,1001,"                                               \
	"3,300,100,100,100\n"

static void csv_has_one_head(void **state)
{
	(void)state;
	assert_csv(true, "time,host,name,interface,download_packets,download_octets,"
			 "download_octets_per_second_2s,download_octets_per_second_10s,"
			 "download_octets_per_second_40s,upload_packets,upload_octets,"
			 "upload_octets_per_second_2s,upload_octets_per_second_10s,"
			 "upload_octets_per_second_40s\n" CSV_ROW);
	assert_csv(false, CSV_ROW);
}

static void table_has_sums_in_its_head(void **state)
{
	g_autoptr(TopModel) model = model_of_two();
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	top_model_sort(model, TOP_BY_DOWNLOAD, RATE_2S);
	top_plain_table(model, 1, &bits, file, 80);
	fclose(file);
	assert_non_null(strstr(text, "  down 8.0 kbit/s  up 800 bit/s  2 of 2 devices\n"));
	assert_non_null(strstr(text, "\nDEVICE "));
	assert_non_null(strstr(text, "\na, \"b\" (02:00:00:00:00:01)  "));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(document_has_rates_and_accounts),
		cmocka_unit_test(limit_cuts_the_list_and_not_the_sums),
		cmocka_unit_test(csv_has_one_head),
		cmocka_unit_test(table_has_sums_in_its_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
