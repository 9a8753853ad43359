/* SPDX-License-Identifier: Apache-2.0 */
#include "top_devices.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

static const char *const family_names[TOP_FAMILIES] = {
	[TOP_ALL_FAMILIES] = "",
	[TOP_IPV4] = "ipv4",
	[TOP_IPV6] = "ipv6",
};

void top_figures_add(TopFigures *sum, const TopFigures *figures)
{
	for (int direction = 0; direction < DIRECTIONS; direction++) {
		sum->packets[direction] += figures->packets[direction];
		sum->octets[direction] += figures->octets[direction];
		for (int window = 0; window < RATE_WINDOWS; window++)
			sum->rate[direction][window] += figures->rate[direction][window];
	}
}

static void account_free(gpointer data)
{
	TopAccount *account = data;

	g_free(account->key);
	g_free(account->address);
	g_free(account->name);
	g_free(account->family_name);
	g_free(account->scope);
	rates_free(account->rates);
	g_free(account);
}

static void device_free(gpointer data)
{
	TopDevice *device = data;

	g_hash_table_unref(device->accounts);
	g_free(device->key);
	g_free(device->host);
	g_free(device->name);
	g_free(device->interface);
	g_free(device);
}

TopDevices *top_devices_new(void)
{
	TopDevices *devices = g_new0(TopDevices, 1);

	devices->devices = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, device_free);
	return devices;
}

void top_devices_free(TopDevices *devices)
{
	if (!devices)
		return;
	g_hash_table_unref(devices->devices);
	g_free(devices);
}

/* Milliseconds since the epoch; 0 if it is none. */
static uint64_t time_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text_time_ms(text) : 0;
}

/* "" if there is none. */
static char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text_printable(text ? text : "");
}

static void read_volumes(TopFigures *figures, const json_t *object)
{
	static const char *const names[DIRECTIONS] = {
		[DIRECTION_UPLOAD] = "upload",
		[DIRECTION_DOWNLOAD] = "download",
	};

	for (int direction = 0; direction < DIRECTIONS; direction++) {
		const json_t *volume = json_object_get(object, names[direction]);

		figures->packets[direction] =
			(uint64_t)json_integer_value(json_object_get(volume, "packets"));
		figures->octets[direction] =
			(uint64_t)json_integer_value(json_object_get(volume, "octets"));
	}
}

TopFamily top_family_of(const char *name)
{
	for (int family = TOP_IPV4; family < TOP_FAMILIES; family++) {
		if (!strcmp(name, family_names[family]))
			return (TopFamily)family;
	}
	return TOP_ALL_FAMILIES;
}

static char *account_key(const TopDevice *device, const char *address, const char *family,
			 const char *scope)
{
	return g_strdup_printf("%s\n%s\n%s\n%s", device->key, address, family, scope);
}

/* Takes over @key. */
static TopAccount *account_new(char *key, const json_t *object)
{
	TopAccount *account = g_new0(TopAccount, 1);

	account->key = key;
	account->family_name = text_of(object, "family");
	account->scope = text_of(object, "scope");
	account->family = top_family_of(account->family_name);
	if (json_is_string(json_object_get(object, "address")))
		account->address = text_of(object, "address");
	account->name = account->address ?
				g_strdup(account->address) :
				g_strdup_printf("by MAC alone (%s)", account->family_name);
	account->first_seen_ms = time_of(object, "first_seen");
	account->rates = rates_new();
	account->is_new = true;
	return account;
}

static void take_account(TopDevice *device, const json_t *object)
{
	g_autofree char *address = text_of(object, "address"), *scope = text_of(object, "scope"),
			*family = text_of(object, "family");
	g_autofree char *key = account_key(device, address, family, scope);
	TopAccount *account = g_hash_table_lookup(device->accounts, key);
	TopFigures figures = { 0 };

	if (!account) {
		account = account_new(g_steal_pointer(&key), object);
		g_hash_table_insert(device->accounts, account->key, account);
	}
	read_volumes(&figures, object);
	/* Several MACs of one device have accounts that are told apart by nothing else. */
	if (!account->in_document)
		account->now = (TopFigures){ 0 };
	top_figures_add(&account->now, &figures);
	account->in_document = true;
	account->is_new |= account->joined;
	account->joined = false;
}

/* An address that has aged has left what it was to the account of the MAC, which has not been any faster. */
static void join_mac(const TopDevice *device, TopAccount *account)
{
	g_autofree char *key = account_key(device, "", account->family_name, account->scope);
	TopAccount *heir = g_hash_table_lookup(device->accounts, key);

	account->joined = true;
	if (!heir || !heir->in_document)
		return;
	if (!heir->is_new) {
		rates_raise(heir->rates, account->now.octets);
		return;
	}
	rates_free(heir->rates);
	heir->rates = account->rates;
	heir->is_new = false;
	account->rates = rates_new();
}

static void join_absent(const TopDevice *device)
{
	GHashTableIter accounts;
	TopAccount *account;

	g_hash_table_iter_init(&accounts, device->accounts);
	while (g_hash_table_iter_next(&accounts, NULL, (gpointer *)&account)) {
		if (!account->in_document && !account->joined && account->address)
			join_mac(device, account);
	}
}

/* What was first seen after the first document has had nothing before; of others nothing is known. */
static void add_rates_before(const TopDevices *all, const TopAccount *account)
{
	static const uint64_t nothing[DIRECTIONS];

	if (!all->start_ms || account->first_seen_ms < all->start_ms)
		return;
	rates_add(account->rates, all->start_ms, nothing);
	rates_add(account->rates, all->last_ms, nothing);
}

/* After all accounts of a device have been taken. */
static void add_rates(const TopDevices *all, const TopDevice *device, uint64_t ms)
{
	GHashTableIter accounts;
	TopAccount *account;

	join_absent(device);
	g_hash_table_iter_init(&accounts, device->accounts);
	while (g_hash_table_iter_next(&accounts, NULL, (gpointer *)&account)) {
		if (!account->in_document)
			continue;
		if (account->is_new)
			add_rates_before(all, account);
		account->is_new = false;
		rates_add(account->rates, ms, account->now.octets);
	}
}

/* Takes over @name. */
static TopDevice *take_device(TopDevices *all, const json_t *object, char *name)
{
	g_autofree char *host = text_of(object, "host"), *interface = text_of(object, "interface");
	g_autofree char *key = g_strdup_printf("%s\n%s", host, interface);
	TopDevice *device = g_hash_table_lookup(all->devices, key);

	if (!device) {
		device = g_new0(TopDevice, 1);
		device->key = g_steal_pointer(&key);
		device->host = *host ? g_steal_pointer(&host) : NULL;
		device->interface = g_steal_pointer(&interface);
		device->accounts =
			g_hash_table_new_full(g_str_hash, g_str_equal, NULL, account_free);
		g_hash_table_insert(all->devices, device->key, device);
	}
	g_free(device->name);
	device->name = name;
	device->in_document = true;
	return device;
}

static void take_host(TopDevices *all, const json_t *host, uint64_t ms)
{
	TopDevice *device = take_device(all, host, text_of(host, "name"));
	const json_t *account;
	size_t i;

	json_array_foreach(json_object_get(host, "accounts"), i, account)
		take_account(device, account);
	add_rates(all, device, ms);
}

/* The directions of what had no room in the kernel's tables, `device_limit`, are not told. */
static void take_overflow(TopDevices *all, const json_t *overflow, uint64_t ms)
{
	TopFigures figures = { 0 };
	TopDevice *device;

	read_volumes(&figures, overflow);
	if (!figures.octets[DIRECTION_DOWNLOAD] && !figures.octets[DIRECTION_UPLOAD])
		return;
	device = take_device(all, overflow, g_strdup("devices beyond hosts.max"));
	take_account(device, overflow);
	add_rates(all, device, ms);
}

static void mark_absent(const TopDevices *all)
{
	GHashTableIter devices, accounts;
	TopDevice *device;
	TopAccount *account;

	g_hash_table_iter_init(&devices, all->devices);
	while (g_hash_table_iter_next(&devices, NULL, (gpointer *)&device)) {
		device->in_document = false;
		g_hash_table_iter_init(&accounts, device->accounts);
		while (g_hash_table_iter_next(&accounts, NULL, (gpointer *)&account))
			account->in_document = false;
	}
}

static gboolean account_is_gone(gpointer key, gpointer value, gpointer user_data)
{
	return !((const TopAccount *)value)->in_document;
}

static gboolean device_is_gone(gpointer key, gpointer value, gpointer user_data)
{
	TopDevice *device = value;

	g_hash_table_foreach_remove(device->accounts, account_is_gone, NULL);
	return !device->in_document;
}

static void show_account(gpointer key, gpointer value, gpointer user_data)
{
	TopAccount *account = value;

	account->shown = account->now;
	for (int direction = 0; direction < DIRECTIONS; direction++) {
		for (int window = 0; window < RATE_WINDOWS; window++)
			account->shown.rate[direction][window] = rates_over(
				account->rates, (enum direction)direction, (RateWindow)window);
	}
}

static void show_device(gpointer key, gpointer value, gpointer user_data)
{
	TopDevice *device = value;

	device->shown = true;
	g_hash_table_foreach(device->accounts, show_account, NULL);
}

void top_devices_show(TopDevices *all)
{
	g_hash_table_foreach_remove(all->devices, device_is_gone, NULL);
	g_hash_table_foreach(all->devices, show_device, NULL);
}

static void take_document(TopDevices *all, const json_t *document, uint64_t ms)
{
	const json_t *item;
	size_t i;

	if (ms < all->last_ms)
		all->start_ms = 0;
	mark_absent(all);
	json_array_foreach(json_object_get(document, "hosts"), i, item) take_host(all, item, ms);
	json_array_foreach(json_object_get(document, "overflow"), i, item)
		take_overflow(all, item, ms);
	if (!all->start_ms)
		all->start_ms = ms;
	all->last_ms = ms;
}

bool top_devices_add(TopDevices *all, const json_t *document, GError **error)
{
	uint64_t ms = time_of(document, "time");

	if (!ms || !json_is_array(json_object_get(document, "hosts"))) {
		error_set(error, "the agent's answer is no list of hosts with its time");
		return false;
	}
	take_document(all, document, ms);
	return true;
}
