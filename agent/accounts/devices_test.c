/* SPDX-License-Identifier: Apache-2.0 */
#include "devices.h"

#include <string.h>

#include "test.h"

static const uint8_t laptop[MAC_LEN] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t dock[MAC_LEN] = { 2, 0, 0, 0, 0, 2 };
static const uint8_t phone[MAC_LEN] = { 2, 0, 0, 0, 0, 3 };
static const uint8_t no_mac[MAC_LEN];
static const uint8_t address[ADDRESS_LEN] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

static GPtrArray *merge_of(const uint8_t first[MAC_LEN], const uint8_t also[MAC_LEN])
{
	GPtrArray *merge = g_ptr_array_new_with_free_func(g_free);
	MergedMacs *item = g_new0(MergedMacs, 1);

	memcpy(item->mac, first, MAC_LEN);
	item->also = g_array_new(FALSE, FALSE, MAC_LEN);
	g_array_append_vals(item->also, also, 1);
	g_ptr_array_add(merge, item);
	return merge;
}

static void merge_free(GPtrArray *merge)
{
	for (guint i = 0; i < merge->len; i++)
		g_array_unref(((MergedMacs *)merge->pdata[i])->also);
	g_ptr_array_unref(merge);
}

static void device_is_a_mac_whatever_its_address(void **state)
{
	g_autoptr(Devices) devices = devices_new();
	char label[DEVICE_LABEL_MAX];

	(void)state;
	assert_ptr_equal(devices_find(devices, phone, address),
			 devices_find(devices, phone, (const uint8_t[ADDRESS_LEN]){ 1 }));
	assert_ptr_not_equal(devices_find(devices, phone, address),
			     devices_find(devices, laptop, address));
	assert_string_equal(device_label(devices_find(devices, phone, address), label),
			    "02:00:00:00:00:03");
}

static void without_a_mac_it_is_an_address(void **state)
{
	g_autoptr(Devices) devices = devices_new();
	char label[DEVICE_LABEL_MAX];

	(void)state;
	assert_ptr_not_equal(devices_find(devices, no_mac, address),
			     devices_find(devices, no_mac, (const uint8_t[ADDRESS_LEN]){ 1 }));
	assert_string_equal(device_label(devices_find(devices, no_mac, address), label),
			    "2001:db8::1");
}

static void joined_macs_are_one_device_under_the_first(void **state)
{
	g_autoptr(Devices) devices = devices_new();
	GPtrArray *merge = merge_of(laptop, dock);
	const Device *device;

	(void)state;
	assert_true(devices_set_merge(devices, merge));
	assert_false(devices_set_merge(devices, merge));
	device = devices_find(devices, dock, address);
	assert_ptr_equal(device, devices_find(devices, laptop, address));
	assert_memory_equal(device->mac, laptop, MAC_LEN);
	assert_ptr_not_equal(device, devices_find(devices, phone, address));
	merge_free(merge);
}

static void macs_can_be_joined_otherwise(void **state)
{
	g_autoptr(Devices) devices = devices_new();
	GPtrArray *first = merge_of(laptop, dock), *second = merge_of(phone, dock);

	(void)state;
	assert_true(devices_set_merge(devices, first));
	assert_true(devices_set_merge(devices, second));
	assert_memory_equal(devices_find(devices, dock, address)->mac, phone, MAC_LEN);
	merge_free(first);
	merge_free(second);
}

static Device *seen(Devices *devices, const uint8_t mac[MAC_LEN], uint64_t ms)
{
	Device *device = devices_find(devices, mac, address);

	devices_note_seen(devices, device, ms, ms);
	return device;
}

static void first_ones_are_shown(void **state)
{
	g_autoptr(Devices) devices = devices_new();

	(void)state;
	devices_set_limits(devices, 2, 1000);
	assert_true(seen(devices, laptop, 1)->shown);
	assert_true(seen(devices, dock, 2)->shown);
	assert_false(seen(devices, phone, 3)->shown);
	assert_int_equal(devices_shown(devices), 2);
	/* Whoever is shown stays. */
	assert_true(seen(devices, laptop, 4)->shown);
}

static void idle_one_makes_room(void **state)
{
	g_autoptr(Devices) devices = devices_new();

	(void)state;
	devices_set_limits(devices, 1, 1000);
	seen(devices, laptop, 1);
	devices_hide_idle(devices, 1001);
	assert_false(seen(devices, phone, 1001)->shown);
	devices_hide_idle(devices, 1002);
	assert_true(seen(devices, phone, 1003)->shown);
	assert_false(seen(devices, laptop, 1004)->shown);
}

static void clock_that_was_set_back_hides_nobody(void **state)
{
	g_autoptr(Devices) devices = devices_new();

	(void)state;
	devices_set_limits(devices, 1, 1000);
	seen(devices, laptop, 5000);
	devices_hide_idle(devices, 1);
	assert_int_equal(devices_shown(devices), 1);
}

static void restored_ones_are_shown_in_the_order_of_before(void **state)
{
	g_autoptr(Devices) devices = devices_new();
	Device *second = devices_find(devices, laptop, address);
	Device *first = devices_find(devices, phone, address);
	Device *idle = devices_find(devices, dock, address);

	(void)state;
	devices_set_limits(devices, 1, 1000);
	devices_restore(second, 20, 5000);
	devices_restore(first, 10, 5000);
	devices_restore(idle, 1, 2);
	devices_show_first(devices, 5000);
	assert_true(first->shown);
	assert_false(second->shown);
	assert_false(idle->shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_is_a_mac_whatever_its_address),
		cmocka_unit_test(without_a_mac_it_is_an_address),
		cmocka_unit_test(joined_macs_are_one_device_under_the_first),
		cmocka_unit_test(macs_can_be_joined_otherwise),
		cmocka_unit_test(first_ones_are_shown),
		cmocka_unit_test(idle_one_makes_room),
		cmocka_unit_test(clock_that_was_set_back_hides_nobody),
		cmocka_unit_test(restored_ones_are_shown_in_the_order_of_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
