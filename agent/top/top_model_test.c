/* SPDX-License-Identifier: Apache-2.0 */
#include "top_model.h"

#include <string.h>

#include "../../tests/unit/top_documents.h"
#include "test.h"

/* Takes over @document. */
static void add_document(TopModel *model, json_t *document)
{
	GError *error = NULL;

	assert_true(top_model_add(model, document, &error));
	assert_null(error);
	json_decref(document);
}

/* Three devices, which download 1000, 3000 and 2000 octets a second and upload a tenth. */
static json_t *three_devices(double seconds)
{
	json_t *document = document_at(seconds);
	json_int_t octets = (json_int_t)(seconds * 1000);

	add_account(add_host(document, DESKTOP, "Desktop", "br-lan"), "192.168.2.10", "ipv4",
		    octets, octets / 10, -100);
	add_account(add_host(document, PHONE, "phone", "br-lan"), "192.168.2.11", "ipv4",
		    3 * octets, 3 * octets / 10, -100);
	add_account(add_host(document, TV, "tv", "br-iot"), "2001:db8::12", "ipv6", 2 * octets,
		    2 * octets / 10, -100);
	return document;
}

static TopModel *model_of_three(void)
{
	TopModel *model = top_model_new();

	for (int i = 0; i <= 5; i++)
		add_document(model, three_devices(i));
	return model;
}

static const TopRow *row_at(const TopModel *model, guint i)
{
	assert_true(i < top_model_rows(model)->len);
	return top_model_rows(model)->pdata[i];
}

/* @names are in the order of the rows, with blanks between. */
static void assert_rows(const TopModel *model, const char *names)
{
	g_autoptr(GString) got = g_string_new(NULL);

	for (guint i = 0; i < top_model_rows(model)->len; i++)
		g_string_append_printf(got, "%s%s", i ? " " : "", row_at(model, i)->name);
	assert_string_equal(got->str, names);
}

static void busiest_device_comes_first(void **state)
{
	g_autoptr(TopModel) model = model_of_three();
	const TopRow *row = row_at(model, 0);

	(void)state;
	assert_rows(model, "phone tv Desktop");
	assert_float_equal(row->figures.rate[DIRECTION_DOWNLOAD][RATE_2S], 3000, 0.1);
	assert_float_equal(row->figures.rate[DIRECTION_UPLOAD][RATE_40S], 300, 0.1);
	assert_int_equal(row->figures.octets[DIRECTION_DOWNLOAD], 15000);
	assert_int_equal(row->figures.packets[DIRECTION_UPLOAD], 15);
	assert_string_equal(row->host, PHONE);
	assert_string_equal(row->place, "br-lan");
	assert_null(row->family);
}

static void totals_are_of_the_rows(void **state)
{
	g_autoptr(TopModel) model = model_of_three();
	const TopState *shown = top_model_state(model);

	(void)state;
	assert_float_equal(shown->total.rate[DIRECTION_DOWNLOAD][RATE_2S], 6000, 0.1);
	assert_int_equal(shown->devices, 3);
	assert_int_equal(shown->time_ms, (NOON_S + 5) * 1000ull);
	assert_int_equal(shown->measured_ms, 5000);
	top_model_filter(model, "phone");
	assert_float_equal(shown->total.rate[DIRECTION_DOWNLOAD][RATE_2S], 3000, 0.1);
	assert_int_equal(shown->devices, 3);
}

static void any_key_sorts_and_reverses(void **state)
{
	g_autoptr(TopModel) model = model_of_three();

	(void)state;
	top_model_sort(model, TOP_BY_NAME, RATE_2S);
	assert_rows(model, "Desktop phone tv");
	top_model_reverse(model);
	assert_rows(model, "tv phone Desktop");
	top_model_sort(model, TOP_BY_PLACE, RATE_2S);
	assert_rows(model, "tv Desktop phone");
	top_model_sort(model, TOP_BY_UPLOADED, RATE_2S);
	assert_rows(model, "phone tv Desktop");
	top_model_reverse(model);
	assert_rows(model, "Desktop tv phone");
	top_model_sort(model, TOP_BY_UPLOADED, RATE_10S);
	assert_rows(model, "Desktop tv phone");
}

/* The phone stops: over 2 seconds it is last, over 40 it is still first. */
static void window_decides(void **state)
{
	g_autoptr(TopModel) model = model_of_three();

	(void)state;
	for (int i = 6; i <= 8; i++) {
		json_t *document = three_devices(i);
		json_t *phone = json_array_get(json_object_get(document, "hosts"), 1);

		json_array_clear(json_object_get(phone, "accounts"));
		add_account(phone, "192.168.2.11", "ipv4", 15000, 1500, -100);
		add_document(model, document);
	}
	top_model_sort(model, TOP_BY_DOWNLOAD, RATE_2S);
	assert_rows(model, "tv Desktop phone");
	top_model_sort(model, TOP_BY_UPLOAD, RATE_40S);
	assert_rows(model, "tv phone Desktop");
	top_model_sort(model, TOP_BY_DOWNLOADED, RATE_2S);
	assert_rows(model, "tv phone Desktop");
}

static json_t *with_a_fourth(double seconds)
{
	json_t *document = three_devices(seconds);

	add_account(add_host(document, "02:00:00:00:00:04", "new", "br-lan"), "192.168.2.13",
		    "ipv4", 1000000, 0, seconds);
	return document;
}

static void frozen_order_stays_and_new_rows_come_last(void **state)
{
	g_autoptr(TopModel) model = model_of_three();

	(void)state;
	top_model_sort(model, TOP_BY_NAME, RATE_2S);
	top_model_freeze(model, true);
	top_model_sort(model, TOP_BY_TOTAL, RATE_2S);
	assert_rows(model, "phone tv Desktop");
	add_document(model, with_a_fourth(6));
	assert_rows(model, "phone tv Desktop new");
	top_model_filter(model, "e");
	top_model_filter(model, "");
	assert_rows(model, "phone tv Desktop new");
	top_model_freeze(model, false);
	assert_rows(model, "new phone tv Desktop");
}

/* All that it has had came after the first document. */
static void new_device_has_a_rate_at_once(void **state)
{
	g_autoptr(TopModel) model = model_of_three();

	(void)state;
	add_document(model, with_a_fourth(6));
	assert_rows(model, "new phone tv Desktop");
	assert_float_equal(row_at(model, 0)->figures.rate[DIRECTION_DOWNLOAD][RATE_2S], 500000,
			   0.1);
	assert_float_equal(row_at(model, 0)->figures.rate[DIRECTION_DOWNLOAD][RATE_40S],
			   1000000 / 6.0, 0.1);
}

/* Nobody knows when it had what it has. */
static void device_that_was_unknown_starts_without_a_rate(void **state)
{
	g_autoptr(TopModel) model = model_of_three();
	json_t *document = three_devices(6);

	(void)state;
	add_account(add_host(document, "02:00:00:00:00:04", "old", "br-lan"), "192.168.2.13",
		    "ipv4", 1000000, 0, -100);
	add_document(model, document);
	assert_rows(model, "phone tv Desktop old");
}

static void device_that_has_gone_is_gone(void **state)
{
	g_autoptr(TopModel) model = model_of_three();

	(void)state;
	top_model_enter(model, TOP_ADDRESSES);
	assert_string_equal(top_model_state(model)->device, "phone");
	add_document(model, document_at(6));
	assert_rows(model, "");
	assert_int_equal(top_model_state(model)->view, TOP_DEVICES);
	assert_null(top_model_state(model)->device);
	assert_int_equal(top_model_state(model)->devices, 0);
}

static void agent_that_starts_anew_is_followed(void **state)
{
	g_autoptr(TopModel) model = model_of_three();

	(void)state;
	for (int i = 0; i <= 2; i++) {
		json_t *document = document_at(6 + i);

		add_account(add_host(document, PHONE, "phone", "br-lan"), "192.168.2.11", "ipv4",
			    500 * i, 0, 5.5);
		add_document(model, document);
	}
	assert_rows(model, "phone");
	assert_float_equal(row_at(model, 0)->figures.rate[DIRECTION_DOWNLOAD][RATE_40S], 500, 0.1);
}

static void pause_holds_the_picture(void **state)
{
	g_autoptr(TopModel) model = model_of_three();

	(void)state;
	top_model_pause(model, true);
	add_document(model, with_a_fourth(6));
	add_document(model, document_at(7));
	assert_rows(model, "phone tv Desktop");
	assert_int_equal(top_model_state(model)->time_ms, (NOON_S + 5) * 1000ull);
	top_model_sort(model, TOP_BY_NAME, RATE_2S);
	assert_rows(model, "Desktop phone tv");
	assert_int_equal(row_at(model, 1)->figures.octets[DIRECTION_DOWNLOAD], 15000);
	add_document(model, three_devices(8));
	top_model_pause(model, false);
	assert_rows(model, "Desktop phone tv");
	assert_int_equal(row_at(model, 1)->figures.octets[DIRECTION_DOWNLOAD], 24000);
	assert_int_equal(top_model_state(model)->time_ms, (NOON_S + 8) * 1000ull);
}

static void filter_looks_at_names_hosts_and_addresses(void **state)
{
	g_autoptr(TopModel) model = model_of_three();

	(void)state;
	top_model_filter(model, "DESK");
	assert_rows(model, "Desktop");
	assert_string_equal(top_model_state(model)->filter, "DESK");
	top_model_filter(model, "00:03");
	assert_rows(model, "tv");
	top_model_filter(model, "192.168.2.");
	assert_rows(model, "phone Desktop");
	top_model_filter(model, "nobody");
	assert_rows(model, "");
	top_model_filter(model, "");
	assert_rows(model, "phone tv Desktop");
}

static void interfaces_follow_each_other(void **state)
{
	g_autoptr(TopModel) model = model_of_three();

	(void)state;
	top_model_next_interface(model);
	assert_string_equal(top_model_state(model)->interface, "br-iot");
	assert_rows(model, "tv");
	top_model_next_interface(model);
	assert_rows(model, "phone Desktop");
	top_model_next_interface(model);
	assert_null(top_model_state(model)->interface);
	assert_rows(model, "phone tv Desktop");
}

static json_t *two_families(double seconds)
{
	json_t *document = document_at(seconds), *host;
	json_int_t octets = (json_int_t)(seconds * 1000);

	host = add_host(document, DESKTOP, "desktop", "br-lan");
	add_account(host, "192.168.2.10", "ipv4", octets, 0, -100);
	add_account(host, "2001:db8::10", "ipv6", 2 * octets, 0, -100);
	add_account(host, NULL, "ipv6", 4 * octets, 0, -100);
	host = add_host(document, PHONE, "phone", "br-lan");
	add_account(host, "192.168.2.11", "ipv4", octets, 0, -100);
	return document;
}

static double download_rate(const TopModel *model, guint i)
{
	return row_at(model, i)->figures.rate[DIRECTION_DOWNLOAD][RATE_2S];
}

static void family_chooses_what_counts(void **state)
{
	g_autoptr(TopModel) model = top_model_new();

	(void)state;
	add_document(model, two_families(0));
	add_document(model, two_families(2));
	assert_rows(model, "desktop phone");
	assert_float_equal(download_rate(model, 0), 7000, 0.1);
	top_model_choose_family(model, TOP_IPV4);
	assert_rows(model, "desktop phone");
	assert_float_equal(download_rate(model, 0), 1000, 0.1);
	top_model_choose_family(model, TOP_IPV6);
	assert_rows(model, "desktop");
	assert_float_equal(download_rate(model, 0), 6000, 0.1);
}

static void device_opens_into_its_addresses(void **state)
{
	g_autoptr(TopModel) model = top_model_new();
	g_autoptr(GPtrArray) addresses = NULL;

	(void)state;
	add_document(model, two_families(0));
	add_document(model, two_families(2));
	top_model_filter(model, "desk");
	top_model_enter(model, TOP_ADDRESSES);
	assert_int_equal(top_model_state(model)->view, TOP_ADDRESSES);
	assert_string_equal(top_model_state(model)->device, "desktop");
	assert_string_equal(top_model_state(model)->filter, "");
	assert_rows(model, "by MAC alone (ipv6) 2001:db8::10 192.168.2.10");
	assert_null(row_at(model, 0)->host);
	assert_string_equal(row_at(model, 1)->family, "ipv6");
	assert_string_equal(row_at(model, 1)->place, "internet");
	assert_float_equal(download_rate(model, 1), 2000, 0.1);
	top_model_filter(model, "2001");
	assert_rows(model, "2001:db8::10");
	top_model_leave(model);
	assert_rows(model, "desktop");
	assert_true(top_model_state(model)->has_selection);
	addresses = top_model_addresses(model, row_at(model, 0)->key);
	assert_int_equal(addresses->len, 3);
}

static void selection_stays_with_its_row(void **state)
{
	g_autoptr(TopModel) model = model_of_three();
	const TopState *shown = top_model_state(model);

	(void)state;
	assert_false(shown->has_selection);
	top_model_select(model, 1);
	assert_int_equal(shown->selected, 0);
	top_model_select(model, 1);
	assert_int_equal(shown->selected, 1);
	top_model_sort(model, TOP_BY_NAME, RATE_2S);
	assert_true(shown->has_selection);
	assert_int_equal(shown->selected, 2);
	top_model_select(model, 10);
	assert_int_equal(shown->selected, 2);
	top_model_enter(model, TOP_ADDRESSES);
	assert_string_equal(shown->device, "tv");
	top_model_leave(model);
	assert_int_equal(shown->selected, 2);
	top_model_filter(model, "phone");
	assert_false(shown->has_selection);
	top_model_unselect(model);
	top_model_filter(model, "");
	assert_false(shown->has_selection);
	top_model_select(model, -1);
	assert_int_equal(shown->selected, 0);
}

static void nothing_can_be_done_with_nothing(void **state)
{
	g_autoptr(TopModel) model = top_model_new();

	(void)state;
	top_model_select(model, 1);
	top_model_enter(model, TOP_ADDRESSES);
	top_model_leave(model);
	top_model_next_interface(model);
	top_model_reverse(model);
	top_model_freeze(model, true);
	top_model_pause(model, false);
	assert_rows(model, "");
}

static void overflow_is_a_row_of_its_own(void **state)
{
	g_autoptr(TopModel) model = top_model_new();

	(void)state;
	for (int i = 0; i <= 2; i++) {
		json_t *document = three_devices(i);
		json_t *overflow = json_object_get(document, "overflow");

		json_array_append_new(overflow, json_pack("{s:s, s:o, s:o}", "interface", "br-lan",
							  "download", volume(9000 * (1 + i)),
							  "upload", volume(0)));
		json_array_append_new(overflow,
				      json_pack("{s:s, s:o, s:o}", "interface", "br-iot",
						"download", volume(0), "upload", volume(0)));
		add_document(model, document);
	}
	assert_rows(model, "devices beyond hosts.max phone tv Desktop");
	assert_null(row_at(model, 0)->host);
	assert_int_equal(top_model_state(model)->devices, 3);
	assert_float_equal(top_model_state(model)->total.rate[DIRECTION_DOWNLOAD][RATE_2S], 15000,
			   0.1);
	top_model_enter(model, TOP_ADDRESSES);
	assert_int_equal(top_model_state(model)->view, TOP_DEVICES);
}

static void texts_are_printable(void **state)
{
	g_autoptr(TopModel) model = top_model_new();
	json_t *document = document_at(0);

	(void)state;
	add_account(add_host(document, DESKTOP, "\033[31mevil\n", "br\t0"), "\r1", "ipv4", 0, 0, 0);
	add_document(model, document);
	assert_string_equal(row_at(model, 0)->name, "\\x1b[31mevil\\x0a");
	assert_string_equal(row_at(model, 0)->place, "br\\x090");
	top_model_enter(model, TOP_ADDRESSES);
	assert_string_equal(row_at(model, 0)->name, "\\x0d1");
}

static void name_may_change(void **state)
{
	g_autoptr(TopModel) model = model_of_three();
	json_t *document = three_devices(6);

	(void)state;
	top_model_pause(model, true);
	json_object_set_new(json_array_get(json_object_get(document, "hosts"), 1), "name",
			    json_string("mobile"));
	add_document(model, document);
	assert_rows(model, "mobile tv Desktop");
}

static void other_documents_are_refused(void **state)
{
	g_autoptr(TopModel) model = model_of_three();
	json_t *document = json_pack("{s:s, s:[]}", "time", "yesterday", "hosts");
	g_autoptr(GError) error = NULL;

	(void)state;
	assert_false(top_model_add(model, document, &error));
	assert_non_null(error);
	g_clear_error(&error);
	json_decref(document);
	document = document_at(6);
	json_object_set_new(document, "hosts", json_string("many"));
	assert_false(top_model_add(model, document, &error));
	assert_rows(model, "phone tv Desktop");
	json_decref(document);
}

/* One connection of the desktop's, and one ping. */
static json_t *two_flows(double seconds)
{
	json_t *document =
		json_pack("{s:b, s:[{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i}, {s:s, s:s, s:s, s:s, "
			  "s:i, s:i}]}",
			  "metered", 1, "flows", "family", "ipv4", "source", "192.168.2.10",
			  "destination", "203.0.113.80", "protocol_name", "tcp", "source_port",
			  40000, "destination_port", 443, "octets", 1000, "packets", 10, "family",
			  "ipv6", "source", "2001:db8::80", "destination", "192.168.2.10",
			  "protocol_name", "icmp6", "octets", 5000, "packets", 10);

	put_time(document, "time", seconds);
	return document;
}

static void add_flows(TopModel *model, json_t *document)
{
	/* What is not asked for is not expected. */
	g_free(top_model_flows_request(model));
	assert_true(top_model_add_flows(model, document, NULL));
	json_decref(document);
}

static void device_opens_into_its_flows(void **state)
{
	g_autoptr(TopModel) model = model_of_three();
	g_autofree char *request = NULL;

	(void)state;
	assert_null(top_model_flows_request(model));
	top_model_sort(model, TOP_BY_NAME, RATE_2S);
	top_model_select(model, 1);
	top_model_enter(model, TOP_FLOWS);
	assert_int_equal(top_model_state(model)->view, TOP_FLOWS);
	assert_string_equal(top_model_state(model)->device, "Desktop");
	assert_int_equal(top_model_state(model)->flows_ms, 0);
	assert_rows(model, "");
	request = top_model_flows_request(model);
	assert_non_null(strstr(request, "host [192.168.2.10] or mac " DESKTOP));
	add_flows(model, two_flows(5));
	assert_int_equal(top_model_state(model)->flows_ms, (NOON_S + 5) * INT64_C(1000));
	assert_true(top_model_state(model)->flows_metered);
	assert_rows(model, "icmp6 2001:db8::80 tcp 203.0.113.80:443");
	top_model_sort(model, TOP_BY_UPLOADED, RATE_2S);
	assert_rows(model, "tcp 203.0.113.80:443 icmp6 2001:db8::80");
	assert_int_equal(top_model_state(model)->total.octets[DIRECTION_UPLOAD], 1000);
	top_model_filter(model, ":40000");
	assert_rows(model, "tcp 203.0.113.80:443");
	top_model_filter(model, "");
	top_model_choose_family(model, TOP_IPV6);
	assert_rows(model, "icmp6 2001:db8::80");
	top_model_choose_family(model, TOP_ALL_FAMILIES);
	top_model_enter(model, TOP_ADDRESSES);
	assert_rows(model, "192.168.2.10");
	assert_null(top_model_flows_request(model));
	/* An answer that comes late. */
	add_flows(model, two_flows(6));
	assert_rows(model, "192.168.2.10");
	top_model_enter(model, TOP_FLOWS);
	assert_rows(model, "");
	top_model_leave(model);
	assert_int_equal(top_model_rows(model)->len, 3);
	assert_true(top_model_state(model)->has_selection);
}

static void flows_are_paused_and_frozen_as_all_is(void **state)
{
	g_autoptr(TopModel) model = model_of_three();
	json_t *document = two_flows(5);

	(void)state;
	top_model_sort(model, TOP_BY_NAME, RATE_2S);
	top_model_pause(model, true);
	top_model_enter(model, TOP_FLOWS);
	add_flows(model, two_flows(4));
	assert_int_equal(top_model_rows(model)->len, 2);
	json_array_remove(json_object_get(document, "flows"), 1);
	add_flows(model, document);
	assert_int_equal(top_model_rows(model)->len, 2);
	top_model_pause(model, false);
	assert_rows(model, "tcp 203.0.113.80:443");
	top_model_freeze(model, true);
	add_flows(model, two_flows(6));
	assert_rows(model, "tcp 203.0.113.80:443 icmp6 2001:db8::80");
}

static void device_that_leaves_takes_its_flows_along(void **state)
{
	g_autoptr(TopModel) model = model_of_three();

	(void)state;
	top_model_enter(model, TOP_FLOWS);
	add_flows(model, two_flows(5));
	add_document(model, document_at(6));
	assert_int_equal(top_model_state(model)->view, TOP_DEVICES);
	assert_int_equal(top_model_rows(model)->len, 0);
	assert_null(top_model_flows_request(model));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_opens_into_its_flows),
		cmocka_unit_test(flows_are_paused_and_frozen_as_all_is),
		cmocka_unit_test(device_that_leaves_takes_its_flows_along),
		cmocka_unit_test(busiest_device_comes_first),
		cmocka_unit_test(totals_are_of_the_rows),
		cmocka_unit_test(any_key_sorts_and_reverses),
		cmocka_unit_test(window_decides),
		cmocka_unit_test(frozen_order_stays_and_new_rows_come_last),
		cmocka_unit_test(new_device_has_a_rate_at_once),
		cmocka_unit_test(device_that_was_unknown_starts_without_a_rate),
		cmocka_unit_test(device_that_has_gone_is_gone),
		cmocka_unit_test(agent_that_starts_anew_is_followed),
		cmocka_unit_test(pause_holds_the_picture),
		cmocka_unit_test(filter_looks_at_names_hosts_and_addresses),
		cmocka_unit_test(interfaces_follow_each_other),
		cmocka_unit_test(family_chooses_what_counts),
		cmocka_unit_test(device_opens_into_its_addresses),
		cmocka_unit_test(selection_stays_with_its_row),
		cmocka_unit_test(nothing_can_be_done_with_nothing),
		cmocka_unit_test(overflow_is_a_row_of_its_own),
		cmocka_unit_test(texts_are_printable),
		cmocka_unit_test(name_may_change),
		cmocka_unit_test(other_documents_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
