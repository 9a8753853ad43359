/* SPDX-License-Identifier: Apache-2.0 */
#include "devices.h"

#include <string.h>

#include "base/mac.h"
#include "base/prefix.h"

struct Devices {
	unsigned int refs;
	GHashTable *devices; /* set of Device, by MAC and address */
	GHashTable *merged;  /* GBytes of a MAC -> the MAC that stands for it */
	uint32_t shown;
	uint32_t max_shown;
	uint64_t idle_ms;
};

/* FNV-1a, as for accounts; their number bounds that of devices. */
static guint device_hash(gconstpointer data)
{
	const Device *device = data;
	guint hash = 2166136261u;

	for (size_t i = 0; i < MAC_LEN; i++)
		hash = (hash ^ device->mac[i]) * 16777619u;
	for (size_t i = 0; i < ADDRESS_LEN; i++)
		hash = (hash ^ device->address[i]) * 16777619u;
	return hash;
}

int device_compare(const Device *a, const Device *b)
{
	int order = memcmp(a->mac, b->mac, MAC_LEN);

	return order ? order : memcmp(a->address, b->address, ADDRESS_LEN);
}

static gboolean device_equal(gconstpointer a, gconstpointer b)
{
	return !device_compare(a, b);
}

static GHashTable *new_merged(void)
{
	return g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref,
				     g_free);
}

Devices *devices_new(void)
{
	Devices *devices = g_new0(Devices, 1);

	devices->refs = 1;
	devices->devices = g_hash_table_new_full(device_hash, device_equal, g_free, NULL);
	devices->merged = new_merged();
	devices->max_shown = UINT32_MAX;
	devices->idle_ms = UINT64_MAX;
	return devices;
}

Devices *devices_ref(Devices *devices)
{
	devices->refs++;
	return devices;
}

void devices_unref(Devices *devices)
{
	if (!devices || --devices->refs)
		return;
	g_hash_table_unref(devices->devices);
	g_hash_table_unref(devices->merged);
	g_free(devices);
}

/* Of those that nobody will hold any more nothing is left. */
static void forget_all(Devices *devices)
{
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, devices->devices);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		Device *device = key;

		device->first_seen_ms = device->last_seen_ms = 0;
		device->shown = false;
	}
	devices->shown = 0;
}

static gboolean is_missing(gpointer key, gpointer value, gpointer user_data)
{
	const uint8_t *other = g_hash_table_lookup(user_data, key);

	return !other || memcmp(other, value, MAC_LEN);
}

static bool same_merge(GHashTable *a, GHashTable *b)
{
	return g_hash_table_size(a) == g_hash_table_size(b) && !g_hash_table_find(a, is_missing, b);
}

bool devices_set_merge(Devices *devices, const GPtrArray *merge)
{
	g_autoptr(GHashTable) merged = new_merged();

	for (guint i = 0; i < merge->len; i++) {
		const MergedMacs *item = merge->pdata[i];

		for (guint j = 0; j < item->also->len; j++)
			g_hash_table_insert(merged,
					    g_bytes_new(item->also->data + j * MAC_LEN, MAC_LEN),
					    g_memdup2(item->mac, MAC_LEN));
	}
	if (same_merge(devices->merged, merged))
		return false;
	g_hash_table_unref(devices->merged);
	devices->merged = g_steal_pointer(&merged);
	forget_all(devices);
	return true;
}

void devices_set_limits(Devices *devices, uint32_t max_shown, uint64_t idle_ms)
{
	devices->max_shown = max_shown;
	devices->idle_ms = idle_ms;
}

/* The MAC by which the device of @mac is known. */
static const uint8_t *first_mac(const Devices *devices, const uint8_t mac[MAC_LEN])
{
	g_autoptr(GBytes) key = g_bytes_new_static(mac, MAC_LEN);
	const uint8_t *first = g_hash_table_lookup(devices->merged, key);

	return first ? first : mac;
}

Device *devices_find(Devices *devices, const uint8_t mac[MAC_LEN],
		     const uint8_t address[ADDRESS_LEN])
{
	Device wanted = { 0 }, *device;

	if (mac_is_zero(mac))
		memcpy(wanted.address, address, ADDRESS_LEN);
	else
		memcpy(wanted.mac, first_mac(devices, mac), MAC_LEN);
	device = g_hash_table_lookup(devices->devices, &wanted);
	if (!device) {
		device = g_memdup2(&wanted, sizeof(wanted));
		g_hash_table_add(devices->devices, device);
	}
	return device;
}

void devices_restore(Device *device, uint64_t first_ms, uint64_t last_ms)
{
	if (!device->first_seen_ms || first_ms < device->first_seen_ms)
		device->first_seen_ms = first_ms;
	device->last_seen_ms = MAX(device->last_seen_ms, last_ms);
}

static void show(Devices *devices, Device *device)
{
	if (!device->shown && devices->shown < devices->max_shown) {
		device->shown = true;
		devices->shown++;
	}
}

void devices_note_seen(Devices *devices, Device *device, uint64_t first_ms, uint64_t last_ms)
{
	devices_restore(device, first_ms, last_ms);
	show(devices, device);
}

static bool is_idle(const Devices *devices, const Device *device, uint64_t now_ms)
{
	return now_ms > device->last_seen_ms && now_ms - device->last_seen_ms > devices->idle_ms;
}

void devices_hide_idle(Devices *devices, uint64_t now_ms)
{
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, devices->devices);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		Device *device = key;

		if (device->shown && is_idle(devices, device, now_ms)) {
			device->shown = false;
			devices->shown--;
		}
	}
}

static gint compare_first_seen(gconstpointer a, gconstpointer b)
{
	const Device *left = *(const Device *const *)a, *right = *(const Device *const *)b;

	if (left->first_seen_ms != right->first_seen_ms)
		return left->first_seen_ms < right->first_seen_ms ? -1 : 1;
	return device_compare(left, right);
}

void devices_show_first(Devices *devices, uint64_t now_ms)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, devices->devices);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		g_ptr_array_add(all, key);
	g_ptr_array_sort(all, compare_first_seen);
	for (guint i = 0; i < all->len; i++) {
		Device *device = all->pdata[i];

		if (device->first_seen_ms && !is_idle(devices, device, now_ms))
			show(devices, device);
	}
}

uint32_t devices_shown(const Devices *devices)
{
	return devices->shown;
}

const char *device_label(const Device *device, char label[DEVICE_LABEL_MAX])
{
	return mac_is_zero(device->mac) ? address_format(device->address, label) :
					  mac_format(device->mac, label);
}
