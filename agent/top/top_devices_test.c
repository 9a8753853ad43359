/* SPDX-License-Identifier: Apache-2.0 */
#include "top_devices.h"

#include <stdbool.h>

#include "../../tests/unit/top_documents.h"
#include "test.h"

/* Takes over @document. */
static void add_document(TopDevices *devices, json_t *document)
{
	assert_true(top_devices_add(devices, document, NULL));
	json_decref(document);
	top_devices_show(devices);
}

/* The only one. */
static const TopDevice *device_of(const TopDevices *devices)
{
	g_autoptr(GList) list = g_hash_table_get_values(devices->devices);

	assert_int_equal(g_list_length(list), 1);
	return list->data;
}

/* The sums of its accounts. */
static TopFigures figures_of(const TopDevices *devices)
{
	g_autoptr(GList) accounts = g_hash_table_get_values(device_of(devices)->accounts);
	TopFigures figures = { 0 };

	for (const GList *item = accounts; item; item = item->next)
		top_figures_add(&figures, &((const TopAccount *)item->data)->shown);
	return figures;
}

static void assert_download(const TopDevices *devices, uint64_t octets, double rate)
{
	TopFigures figures = figures_of(devices);

	assert_int_equal(figures.octets[DIRECTION_DOWNLOAD], octets);
	assert_float_equal(figures.rate[DIRECTION_DOWNLOAD][RATE_40S], rate, 0.1);
	assert_float_equal(figures.rate[DIRECTION_UPLOAD][RATE_40S], 0, 0);
}

static json_t *one_device(double seconds, json_int_t octets, double first_seen_s)
{
	json_t *document = document_at(seconds);

	add_account(add_host(document, DESKTOP, "desktop", "br-lan"), "192.168.2.10", "ipv4",
		    octets, 0, first_seen_s);
	return document;
}

static void rates_are_by_the_times_of_the_documents(void **state)
{
	g_autoptr(TopDevices) devices = top_devices_new();

	(void)state;
	add_document(devices, one_device(0, 1000, -100));
	assert_download(devices, 1000, 0);
	add_document(devices, one_device(10, 6000, -100));
	assert_download(devices, 6000, 500);
	assert_int_equal(devices->last_ms - devices->start_ms, 10000);
}

static void clock_that_is_set_back_starts_anew(void **state)
{
	g_autoptr(TopDevices) devices = top_devices_new();

	(void)state;
	add_document(devices, one_device(100, 1000, -100));
	add_document(devices, one_device(101, 2000, -100));
	add_document(devices, one_device(50, 3000, -100));
	assert_download(devices, 3000, 0);
	assert_int_equal(devices->last_ms, devices->start_ms);
	add_document(devices, one_device(51, 3100, -100));
	assert_download(devices, 3100, 100);
}

static void what_is_not_shown_is_not_changed(void **state)
{
	g_autoptr(TopDevices) devices = top_devices_new();
	json_t *document = one_device(1, 3000, -100);

	(void)state;
	add_document(devices, one_device(0, 1000, -100));
	assert_true(top_devices_add(devices, document, NULL));
	assert_download(devices, 1000, 0);
	json_decref(document);
	document = document_at(2);
	assert_true(top_devices_add(devices, document, NULL));
	assert_download(devices, 1000, 0);
	json_decref(document);
	top_devices_show(devices);
	assert_int_equal(g_hash_table_size(devices->devices), 0);
}

/* The desktop has 1000 octets a second by MAC alone; before @aged_s also an address, that does nothing. */
static json_t *aging(double seconds, double aged_s)
{
	json_t *document = document_at(seconds);
	json_t *host = add_host(document, DESKTOP, "desktop", "br-lan");
	json_int_t octets = (json_int_t)(seconds * 1000);

	if (seconds < aged_s)
		add_account(host, "2001:db8::10", "ipv6", 5000000, 0, -100);
	else
		octets += 5000000;
	if (octets)
		add_account(host, NULL, "ipv6", octets, 0, -100);
	return document;
}

static void address_that_ages_makes_no_rate(void **state)
{
	g_autoptr(TopDevices) devices = top_devices_new();

	(void)state;
	for (int i = 0; i <= 5; i++)
		add_document(devices, aging(i, 4));
	assert_download(devices, 5005000, 1000);
	assert_int_equal(g_hash_table_size(device_of(devices)->accounts), 1);
}

/* Nothing was counted by MAC alone before, and the address had come after the first document. */
static void address_may_age_into_a_new_account(void **state)
{
	g_autoptr(TopDevices) devices = top_devices_new();

	(void)state;
	add_document(devices, document_at(0));
	for (int i = 2; i <= 60; i++) {
		json_t *document = document_at(i);

		add_account(add_host(document, DESKTOP, "desktop", "br-lan"),
			    i < 59 ? "2001:db8::10" : NULL, "ipv6", 7000, 0, 1);
		add_document(devices, document);
	}
	assert_download(devices, 7000, 0);
}

/* Two MACs of one device, each counted by MAC alone. */
static json_t *joined_macs(double seconds, json_int_t first, json_int_t second)
{
	json_t *document = document_at(seconds);
	json_t *host = add_host(document, DESKTOP, "desktop", "br-lan");

	add_account(host, NULL, "ipv4", first, 0, -100);
	add_account(host, NULL, "ipv4", second, 0, -100);
	return document;
}

static void accounts_that_look_alike_are_added_up(void **state)
{
	g_autoptr(TopDevices) devices = top_devices_new();

	(void)state;
	add_document(devices, joined_macs(0, 1000, 7000));
	add_document(devices, joined_macs(1, 1200, 7100));
	assert_download(devices, 8300, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_by_the_times_of_the_documents),
		cmocka_unit_test(clock_that_is_set_back_starts_anew),
		cmocka_unit_test(what_is_not_shown_is_not_changed),
		cmocka_unit_test(address_that_ages_makes_no_rate),
		cmocka_unit_test(address_may_age_into_a_new_account),
		cmocka_unit_test(accounts_that_look_alike_are_added_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
