/* SPDX-License-Identifier: Apache-2.0 */
#include "hostrecords.h"

#include <string.h>

#include "ipfix.h"
#include "test.h"

static HostDelta delta_of(uint32_t ifindex, uint8_t host, enum scope scope, uint64_t upload,
			  uint64_t download)
{
	return (HostDelta){
		.key =
			{
				.address = {[10] = 0xff, 0xff, 192, 0, 2, host},
				.ifindex = ifindex,
				.mac = {2, 0, 0, 0, 0, host},
				.ip_version = 4,
				.scope = (uint8_t)scope,
			},
		.volume =
			{
				[DIRECTION_UPLOAD] = {upload, 100 * upload, 114 * upload},
				[DIRECTION_DOWNLOAD] = {download, 100 * download, 114 * download},
			},
	};
}

static GArray *records_of(const HostDelta *deltas, size_t n, bool scopes_apart)
{
	return host_records_new(deltas, n, 1000, 2000, scopes_apart, NULL);
}

static const HostRecord *record_at(const GArray *records, guint i)
{
	assert_true(i < records->len);
	return &g_array_index(records, HostRecord, i);
}

static void direction_without_traffic_makes_no_record(void **state)
{
	const HostDelta deltas[] = {
		delta_of(1, 1, SCOPE_INTERNET, 5, 0),
		delta_of(1, 2, SCOPE_INTERNET, 0, 0),
	};
	g_autoptr(GArray) records = records_of(deltas, 2, false);

	assert_int_equal(records->len, 1);
	assert_int_equal(record_at(records, 0)->direction, DIRECTION_UPLOAD);
	assert_int_equal(record_at(records, 0)->volume.packets, 5);
	assert_int_equal(record_at(records, 0)->start_ms, 1000);
	assert_int_equal(record_at(records, 0)->end_ms, 2000);
}

static void scopes_of_a_host_are_one_record(void **state)
{
	const HostDelta deltas[] = {
		delta_of(1, 1, SCOPE_LOCAL, 5, 1),
		delta_of(1, 2, SCOPE_LOCAL, 1, 0),
		delta_of(1, 1, SCOPE_INTERNET, 7, 0),
	};
	g_autoptr(GArray) records = records_of(deltas, 3, false);

	assert_int_equal(records->len, 3);
	assert_int_equal(record_at(records, 0)->volume.packets, 12);
	assert_int_equal(record_at(records, 0)->volume.octets, 1200);
	assert_int_equal(record_at(records, 0)->volume.layer2_octets, 12 * 114);
	assert_int_equal(record_at(records, 1)->volume.packets, 1);
	assert_int_equal(record_at(records, 2)->direction, DIRECTION_DOWNLOAD);
}

static void full_layout_keeps_scopes_apart(void **state)
{
	const HostDelta deltas[] = {
		delta_of(1, 1, SCOPE_LOCAL, 5, 0),
		delta_of(1, 1, SCOPE_INTERNET, 7, 0),
	};
	g_autoptr(GArray) records = records_of(deltas, 2, true);

	assert_int_equal(records->len, 2);
	assert_int_equal(record_at(records, 0)->key.scope, SCOPE_INTERNET);
	assert_int_equal(record_at(records, 0)->volume.packets, 7);
	assert_int_equal(record_at(records, 1)->key.scope, SCOPE_LOCAL);
}

/* Their template has no hostScope in any layout. */
static void scopes_of_a_host_without_mac_are_always_one_record(void **state)
{
	HostDelta deltas[] = {
		delta_of(1, 1, SCOPE_LOCAL, 5, 0),
		delta_of(1, 1, SCOPE_INTERNET, 7, 0),
	};
	g_autoptr(GArray) records = NULL;

	memset(deltas[0].key.mac, 0, MAC_LEN);
	memset(deltas[1].key.mac, 0, MAC_LEN);
	records = records_of(deltas, 2, true);
	assert_int_equal(records->len, 1);
	assert_int_equal(record_at(records, 0)->volume.packets, 12);
}

static void interfaces_are_told_apart(void **state)
{
	const HostDelta deltas[] = {
		delta_of(2, 1, SCOPE_INTERNET, 5, 0),
		delta_of(1, 1, SCOPE_INTERNET, 7, 0),
	};
	g_autoptr(GArray) records = records_of(deltas, 2, false);

	assert_int_equal(records->len, 2);
	assert_int_equal(record_at(records, 0)->key.ifindex, 1);
	assert_int_equal(record_at(records, 1)->key.ifindex, 2);
}

static void families_by_mac_alone_are_told_apart(void **state)
{
	HostDelta deltas[] = {
		delta_of(1, 1, SCOPE_INTERNET, 5, 0),
		delta_of(1, 1, SCOPE_INTERNET, 7, 0),
	};
	g_autoptr(GArray) records = NULL;

	memset(deltas[0].key.address, 0, ADDRESS_LEN);
	memset(deltas[1].key.address, 0, ADDRESS_LEN);
	deltas[1].key.ip_version = 6;
	records = records_of(deltas, 2, false);
	assert_int_equal(records->len, 2);
}

static void large_report_keeps_its_sums(void **state)
{
	enum { HOSTS = 65536, N = 4 * HOSTS };
	g_autofree HostDelta *deltas = g_new0(HostDelta, N);
	g_autoptr(GArray) records = NULL;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < N; i++) {
		deltas[i] = delta_of(1 + i % 2, 0, i / 2 % 2 ? SCOPE_LOCAL : SCOPE_INTERNET, 1, 2);
		memcpy(deltas[i].key.mac, &(uint32_t){ i / 4 }, sizeof(uint32_t));
	}
	records = records_of(deltas, N, false);
	assert_int_equal(records->len, 2 * 2 * HOSTS);
	for (guint i = 0; i < records->len; i++)
		sum += record_at(records, i)->volume.packets;
	assert_int_equal(sum, 3 * N);
}

static void nothing_makes_no_records(void **state)
{
	g_autoptr(GArray) records = records_of(NULL, 0, false);

	assert_int_equal(records->len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direction_without_traffic_makes_no_record),
		cmocka_unit_test(scopes_of_a_host_are_one_record),
		cmocka_unit_test(full_layout_keeps_scopes_apart),
		cmocka_unit_test(scopes_of_a_host_without_mac_are_always_one_record),
		cmocka_unit_test(interfaces_are_told_apart),
		cmocka_unit_test(families_by_mac_alone_are_told_apart),
		cmocka_unit_test(large_report_keeps_its_sums),
		cmocka_unit_test(nothing_makes_no_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
