/* SPDX-License-Identifier: Apache-2.0 */
#include "hosts.h"

#include <string.h>

#include "base/prefix.h"
#include "test.h"

static HostDelta delta_of(uint8_t device, const char *address, uint64_t upload, uint64_t download)
{
	HostDelta delta = {
		.key = { .ifindex = 7,
			 .mac = { 2, 0, 0, 0, 0, device },
			 .ip_version = 4,
			 .scope = SCOPE_INTERNET },
		.volume = { [DIRECTION_UPLOAD] = { 1, upload, upload + 14 },
			    [DIRECTION_DOWNLOAD] = { 1, download, download + 14 } },
		.first_ns = { 1000000000, 1000000000 },
		.last_ns = { 2000000000, 3000000000 },
	};
	Prefix prefix;

	if (address) {
		assert_true(prefix_parse(&prefix, address, NULL));
		memcpy(delta.key.address, prefix.address, ADDRESS_LEN);
	}
	return delta;
}

static void add(Hosts *hosts, HostDelta delta)
{
	hosts_add(hosts, "br-lan", &delta, 1000000000000);
}

static const Account *account_at(const Hosts *hosts, guint index)
{
	g_autoptr(GPtrArray) list = hosts_list(hosts);

	return index < list->len ? list->pdata[index] : NULL;
}

static Volume sum_of_all(const Hosts *hosts, enum direction direction)
{
	g_autoptr(GPtrArray) list = hosts_list(hosts);
	Volume sum = hosts_overflow(hosts, "br-lan")[direction];

	for (guint i = 0; i < list->len; i++)
		volume_add(&sum, &((const Account *)list->pdata[i])->volume[direction]);
	return sum;
}

static void deltas_add_up(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(8);

	(void)state;
	add(hosts, delta_of(1, "192.0.2.1", 100, 200));
	add(hosts, delta_of(1, "192.0.2.1", 10, 20));
	assert_int_equal(hosts_addresses(hosts), 1);
	assert_int_equal(account_at(hosts, 0)->volume[DIRECTION_UPLOAD].octets, 110);
	assert_int_equal(account_at(hosts, 0)->volume[DIRECTION_DOWNLOAD].layer2_octets, 248);
}

static void times_are_since_the_epoch(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(8);

	(void)state;
	add(hosts, delta_of(1, "192.0.2.1", 100, 200));
	assert_int_equal(account_at(hosts, 0)->first_seen_ms, 1001000);
	assert_int_equal(account_at(hosts, 0)->last_seen_ms, 1003000);
}

static void address_that_moves_counts_for_its_new_device(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(8);

	(void)state;
	add(hosts, delta_of(1, "192.0.2.1", 100, 200));
	add(hosts, delta_of(2, "192.0.2.1", 10, 20));
	assert_int_equal(hosts_addresses(hosts), 2);
	assert_int_equal(account_at(hosts, 1)->key.mac[5], 2);
	assert_int_equal(account_at(hosts, 1)->volume[DIRECTION_UPLOAD].octets, 10);
}

static void address_over_the_limit_counts_for_its_mac(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(1);

	(void)state;
	add(hosts, delta_of(1, "192.0.2.1", 100, 200));
	add(hosts, delta_of(1, "192.0.2.2", 10, 20));
	assert_int_equal(hosts_addresses(hosts), 1);
	assert_int_equal(hosts_devices(hosts), 1);
	assert_int_equal(account_at(hosts, 0)->volume[DIRECTION_UPLOAD].octets, 10);
	assert_int_equal(sum_of_all(hosts, DIRECTION_DOWNLOAD).octets, 220);
}

static void device_over_the_limit_counts_for_its_interface(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(1);

	(void)state;
	for (uint8_t device = 1; device <= 100; device++)
		add(hosts, delta_of(device, "192.0.2.1", 1, 2));
	assert_int_equal(hosts_addresses(hosts), 1);
	assert_int_equal(hosts_devices(hosts), 1);
	assert_int_equal(hosts_overflow(hosts, "br-lan")[DIRECTION_UPLOAD].packets, 98);
	assert_int_equal(sum_of_all(hosts, DIRECTION_UPLOAD).octets, 100);
}

static void raised_limit_admits_more(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(1);

	(void)state;
	add(hosts, delta_of(1, "192.0.2.1", 1, 2));
	hosts_set_max(hosts, 2);
	add(hosts, delta_of(2, "192.0.2.2", 1, 2));
	assert_int_equal(hosts_addresses(hosts), 2);
}

static void direction_without_traffic_leaves_no_time(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(8);
	HostDelta delta = delta_of(1, "192.0.2.1", 100, 0);

	(void)state;
	memset(&delta.volume[DIRECTION_DOWNLOAD], 0, sizeof(Volume));
	delta.first_ns[DIRECTION_DOWNLOAD] = delta.last_ns[DIRECTION_DOWNLOAD] = 0;
	add(hosts, delta);
	assert_int_equal(account_at(hosts, 0)->first_seen_ms, 1001000);
	assert_int_equal(account_at(hosts, 0)->last_seen_ms, 1002000);
}

static void label_is_the_mac_or_else_the_address(void **state)
{
	HostDelta delta = delta_of(0xab, "192.0.2.1", 1, 1);
	char label[HOST_LABEL_MAX];

	(void)state;
	assert_string_equal(host_label(&delta.key, label), "02:00:00:00:00:ab");
	memset(delta.key.mac, 0, MAC_LEN);
	assert_string_equal(host_label(&delta.key, label), "192.0.2.1");
}

static void accounts_outlive_the_process(void **state)
{
	g_autofree char *path = g_build_filename(*state, "totals", NULL);
	g_autoptr(Hosts) hosts = hosts_new(1), loaded = hosts_new(1);
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;

	for (uint8_t device = 1; device <= 3; device++)
		add(hosts, delta_of(device, "192.0.2.1", device, 0));
	hosts_save(hosts, writer);
	assert_true(totals_writer_replace(writer, path, NULL));
	reader = totals_reader_new(path, NULL);
	assert_true(hosts_load(loaded, reader, 0, NULL));
	assert_int_equal(sum_of_all(loaded, DIRECTION_UPLOAD).octets, 6);
	assert_int_equal(hosts_overflow(loaded, "br-lan")[DIRECTION_UPLOAD].octets, 3);
	assert_string_equal(account_at(loaded, 0)->interface, "br-lan");
	add(loaded, delta_of(1, "192.0.2.1", 10, 0));
	assert_int_equal(account_at(loaded, 0)->volume[DIRECTION_UPLOAD].octets, 11);
}

static uint64_t octets_shown(const Hosts *hosts, guint index)
{
	const Account *account = account_at(hosts, index);

	return account->volume[DIRECTION_UPLOAD].octets - account->hidden[DIRECTION_UPLOAD].octets;
}

static void what_is_not_shown_is_hidden_for_good(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(8);

	(void)state;
	hosts_set_shown(hosts, 1, UINT64_MAX);
	add(hosts, delta_of(1, "192.0.2.1", 100, 0));
	add(hosts, delta_of(2, "192.0.2.2", 10, 0));
	assert_int_equal(octets_shown(hosts, 0), 100);
	assert_int_equal(octets_shown(hosts, 1), 0);
	assert_int_equal(hosts_hidden(hosts, "br-lan")[DIRECTION_UPLOAD].octets, 10);
	hosts_set_shown(hosts, 2, UINT64_MAX);
	add(hosts, delta_of(2, "192.0.2.2", 7, 0));
	assert_int_equal(octets_shown(hosts, 1), 7);
	assert_int_equal(hosts_hidden(hosts, "br-lan")[DIRECTION_UPLOAD].octets, 10);
	assert_int_equal(sum_of_all(hosts, DIRECTION_UPLOAD).octets, 117);
}

static void hidden_part_outlives_the_process(void **state)
{
	g_autofree char *path = g_build_filename(*state, "totals", NULL);
	g_autoptr(Hosts) hosts = hosts_new(8), loaded = hosts_new(8);
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;

	hosts_set_shown(hosts, 1, UINT64_MAX);
	add(hosts, delta_of(1, "192.0.2.1", 100, 0));
	add(hosts, delta_of(2, "192.0.2.2", 10, 0));
	hosts_save(hosts, writer);
	assert_true(totals_writer_replace(writer, path, NULL));
	reader = totals_reader_new(path, NULL);
	hosts_set_shown(loaded, 1, UINT64_MAX);
	assert_true(hosts_load(loaded, reader, 0, NULL));
	assert_int_equal(octets_shown(loaded, 0), 100);
	assert_int_equal(octets_shown(loaded, 1), 0);
	assert_int_equal(hosts_hidden(loaded, "br-lan")[DIRECTION_UPLOAD].octets, 10);
	assert_true(account_at(loaded, 0)->device->shown);
	assert_false(account_at(loaded, 1)->device->shown);
}

static void aged_address_becomes_part_of_its_mac(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(2);

	(void)state;
	add(hosts, delta_of(1, "192.0.2.1", 100, 0));
	add(hosts, delta_of(1, "192.0.2.2", 10, 0));
	hosts_age(hosts, 1003000 + 5000, 5000);
	assert_int_equal(hosts_addresses(hosts), 2);
	hosts_age(hosts, 1003000 + 5001, 5000);
	assert_int_equal(hosts_addresses(hosts), 0);
	assert_int_equal(hosts_devices(hosts), 1);
	assert_int_equal(account_at(hosts, 0)->volume[DIRECTION_UPLOAD].octets, 110);
	assert_int_equal(account_at(hosts, 0)->first_seen_ms, 1001000);
	assert_int_equal(account_at(hosts, 0)->last_seen_ms, 1003000);
	/* There is room again. */
	add(hosts, delta_of(1, "192.0.2.3", 1, 0));
	assert_int_equal(hosts_addresses(hosts), 1);
}

static void address_without_a_mac_never_ages(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(8);
	HostDelta delta = delta_of(1, "192.0.2.1", 100, 0);

	(void)state;
	memset(delta.key.mac, 0, MAC_LEN);
	add(hosts, delta);
	hosts_age(hosts, 2000000, 1);
	assert_int_equal(hosts_addresses(hosts), 1);
}

static void joined_macs_are_one_device_also_in_the_past(void **state)
{
	g_autoptr(GPtrArray) merge = g_ptr_array_new();
	g_autoptr(GArray) also = g_array_new(FALSE, FALSE, MAC_LEN);
	MergedMacs item = { .mac = { 2, 0, 0, 0, 0, 1 }, .also = also };
	g_autoptr(Hosts) hosts = hosts_new(8);

	(void)state;
	g_array_append_vals(also, ((const uint8_t[MAC_LEN]){ 2, 0, 0, 0, 0, 2 }), 1);
	g_ptr_array_add(merge, &item);
	add(hosts, delta_of(1, "192.0.2.1", 100, 0));
	add(hosts, delta_of(2, "192.0.2.2", 10, 0));
	assert_ptr_not_equal(account_at(hosts, 0)->device, account_at(hosts, 1)->device);
	hosts_set_merge(hosts, merge, 0);
	assert_ptr_equal(account_at(hosts, 0)->device, account_at(hosts, 1)->device);
	add(hosts, delta_of(2, "192.0.2.7", 1, 0));
	assert_ptr_equal(account_at(hosts, 0)->device, account_at(hosts, 2)->device);
	assert_true(account_at(hosts, 0)->device->shown);
	g_ptr_array_set_size(merge, 0);
	hosts_set_merge(hosts, merge, 0);
	assert_ptr_not_equal(account_at(hosts, 0)->device, account_at(hosts, 1)->device);
}

static void copy_goes_its_own_way(void **state)
{
	g_autoptr(Hosts) hosts = hosts_new(1), copy = NULL;

	(void)state;
	add(hosts, delta_of(1, "192.0.2.1", 100, 0));
	copy = hosts_copy(hosts);
	add(copy, delta_of(1, "192.0.2.1", 10, 0));
	add(copy, delta_of(2, "192.0.2.2", 1, 0));
	assert_int_equal(sum_of_all(hosts, DIRECTION_UPLOAD).octets, 100);
	assert_int_equal(sum_of_all(copy, DIRECTION_UPLOAD).octets, 111);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deltas_add_up),
		cmocka_unit_test(times_are_since_the_epoch),
		cmocka_unit_test(address_that_moves_counts_for_its_new_device),
		cmocka_unit_test(address_over_the_limit_counts_for_its_mac),
		cmocka_unit_test(device_over_the_limit_counts_for_its_interface),
		cmocka_unit_test(raised_limit_admits_more),
		cmocka_unit_test(direction_without_traffic_leaves_no_time),
		cmocka_unit_test(label_is_the_mac_or_else_the_address),
		cmocka_unit_test_setup_teardown(accounts_outlive_the_process, make_directory,
						remove_directory),
		cmocka_unit_test(what_is_not_shown_is_hidden_for_good),
		cmocka_unit_test_setup_teardown(hidden_part_outlives_the_process, make_directory,
						remove_directory),
		cmocka_unit_test(aged_address_becomes_part_of_its_mac),
		cmocka_unit_test(address_without_a_mac_never_ages),
		cmocka_unit_test(joined_macs_are_one_device_also_in_the_past),
		cmocka_unit_test(copy_goes_its_own_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
