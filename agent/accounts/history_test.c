/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test.h"

#define HOUR UINT64_C(3600000)
#define DAY (24 * HOUR)
#define START (20000 * DAY)

static void add_at(Hosts *hosts, uint64_t ms, uint8_t device, uint8_t address, uint64_t octets)
{
	HostDelta delta = {
		.key = { .mac = { 2, 0, 0, 0, 0, device },
			 .ip_version = 6,
			 .scope = SCOPE_INTERNET },
		.volume = { [DIRECTION_UPLOAD] = { 1, octets, octets } },
		.first_ns = { ms * 1000000 },
		.last_ns = { ms * 1000000 },
	};

	delta.key.address[15] = address;
	hosts_add(hosts, "br-lan", &delta, 0);
}

static void add(Hosts *hosts, uint8_t device, uint8_t address, uint64_t octets)
{
	add_at(hosts, 1000, device, address, octets);
}

static uint64_t octets_of(const Hosts *hosts)
{
	g_autoptr(GPtrArray) list = hosts_list(hosts);
	uint64_t octets = 0;

	for (guint i = 0; i < list->len; i++)
		octets += ((const Account *)list->pdata[i])->volume[DIRECTION_UPLOAD].octets;
	return octets;
}

static void newest_that_is_old_enough_is_found(void **state)
{
	g_autoptr(History) history = history_new(*state);
	g_autoptr(Hosts) hosts = hosts_new(8), found = NULL;
	g_autoptr(GError) error = NULL;
	uint64_t taken_ms;

	history_set_limits(history, 62 * DAY, 1 << 20);
	assert_null(history_at(history, START, &taken_ms, &error));
	assert_null(error);
	add(hosts, 1, 1, 10);
	assert_true(history_take(history, hosts, START, NULL));
	add(hosts, 1, 1, 100);
	assert_true(history_take(history, hosts, START + HOUR, NULL));
	assert_null(history_at(history, START - 1, &taken_ms, &error));
	found = history_at(history, START + HOUR - 1, &taken_ms, &error);
	assert_int_equal(taken_ms, START);
	assert_int_equal(octets_of(found), 10);
	hosts_free(found);
	found = history_at(history, START + 9 * DAY, &taken_ms, &error);
	assert_int_equal(taken_ms, START + HOUR);
	assert_int_equal(octets_of(found), 110);
}

static void it_is_due_once_an_hour(void **state)
{
	g_autoptr(History) history = history_new(*state), next = NULL;
	g_autoptr(Hosts) hosts = hosts_new(8);

	assert_false(history_is_due(history, START));
	history_set_limits(history, DAY, 1 << 20);
	assert_true(history_is_due(history, START + 5000));
	assert_true(history_take(history, hosts, START + 5000, NULL));
	assert_false(history_is_due(history, START + HOUR - 1));
	assert_true(history_is_due(history, START + HOUR));
	next = history_new(*state);
	history_set_limits(next, DAY, 1 << 20);
	assert_false(history_is_due(next, START + HOUR - 1));
}

static void days_keep_their_first_hour_and_two_days_all(void **state)
{
	g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_autoptr(GArray) superfluous = NULL;
	const uint64_t now = START + 10 * DAY;

	(void)state;
	for (uint64_t ms = START; ms <= now; ms += HOUR)
		g_array_append_val(times, ms);
	superfluous = history_superfluous(times, now, 7 * DAY);
	for (guint i = 0; i < superfluous->len; i++) {
		uint64_t ms = g_array_index(superfluous, uint64_t, i);

		assert_true(now - ms > 7 * DAY || ms % DAY != 0);
		assert_true(now - ms > 48 * HOUR);
	}
	/* Three days, and of five others all hours but the first one. */
	assert_int_equal(superfluous->len, 3 * 24 + 5 * 23);
}

static void what_is_too_much_goes_the_oldest_first(void **state)
{
	g_autoptr(History) history = history_new(*state);
	g_autoptr(Hosts) hosts = hosts_new(8), found = NULL;
	uint64_t taken_ms;

	add(hosts, 1, 1, 10);
	history_set_limits(history, 62 * DAY, 1000);
	for (int i = 0; i < 20; i++)
		assert_true(history_take(history, hosts, START + i * HOUR, NULL));
	assert_null(history_at(history, START + 10 * HOUR, &taken_ms, NULL));
	found = history_at(history, START + 19 * HOUR, &taken_ms, NULL);
	assert_int_equal(taken_ms, START + 19 * HOUR);
}

static void damaged_file_is_an_error(void **state)
{
	g_autofree char *path = g_strdup_printf("%s/%" G_GUINT64_FORMAT, (char *)*state, START);
	g_autoptr(History) history = history_new(*state);
	g_autoptr(Hosts) hosts = hosts_new(8);
	g_autoptr(GError) error = NULL;
	uint64_t taken_ms;

	history_set_limits(history, DAY, 1 << 20);
	assert_true(history_take(history, hosts, START, NULL));
	assert_true(g_file_set_contents(path, "flowtal1", -1, NULL));
	assert_null(history_at(history, START, &taken_ms, &error));
	assert_non_null(error);
}

static void difference_is_what_has_come_since(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(8), before = NULL, since = NULL;

	(void)state;
	add(hosts, 1, 1, 10);
	add(hosts, 1, 2, 20);
	add(hosts, 2, 3, 30);
	before = hosts_copy(hosts);
	add(hosts, 1, 1, 5);
	add(hosts, 3, 4, 7);
	since = hosts_since(hosts, before);
	assert_int_equal(octets_of(since), 12);
	assert_int_equal(octets_of(hosts), 72);
}

static void address_that_has_aged_since_is_not_counted_again(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(8), before = NULL, since = NULL;

	(void)state;
	add(hosts, 1, 1, 10);
	add(hosts, 1, 2, 20);
	before = hosts_copy(hosts);
	hosts_age(hosts, 1000 + DAY, HOUR);
	add(hosts, 1, 0, 3);
	since = hosts_since(hosts, before);
	assert_int_equal(octets_of(since), 3);
}

static void aged_address_may_come_back(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(8), before = NULL, since = NULL;

	(void)state;
	add(hosts, 1, 0, 5);
	add(hosts, 1, 1, 10);
	add(hosts, 1, 1, 10);
	before = hosts_copy(hosts);
	hosts_age(hosts, 1000 + DAY, HOUR);
	add_at(hosts, 2000 + DAY, 1, 1, 100);
	since = hosts_since(hosts, before);
	assert_int_equal(octets_of(since), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(newest_that_is_old_enough_is_found, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(it_is_due_once_an_hour, make_directory,
						remove_directory),
		cmocka_unit_test(days_keep_their_first_hour_and_two_days_all),
		cmocka_unit_test_setup_teardown(what_is_too_much_goes_the_oldest_first,
						make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(damaged_file_is_an_error, make_directory,
						remove_directory),
		cmocka_unit_test(difference_is_what_has_come_since),
		cmocka_unit_test(address_that_has_aged_since_is_not_counted_again),
		cmocka_unit_test(aged_address_may_come_back),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
