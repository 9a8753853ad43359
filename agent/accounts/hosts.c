/* SPDX-License-Identifier: Apache-2.0 */
#include "hosts.h"

#include <string.h>

#include "base/mac.h"
#include "base/prefix.h"

struct Hosts {
	GHashTable *accounts; /* set of Account */
	GHashTable *overflow; /* interned interface name -> Volume[DIRECTIONS] */
	GHashTable *hidden;   /* the same */
	Devices *devices;
	uint32_t max;
	size_t addresses;
	size_t macs;
};

/* An account, or what overflowed on an interface, in the file of sums. */
struct account_row {
	char interface[TOTALS_NAME_MAX];
	struct host_key key;
	uint32_t is_overflow;
	Volume volume[DIRECTIONS];
	uint64_t first_seen_ms;
	uint64_t last_seen_ms;
};
_Static_assert(sizeof(struct account_row) == 160, "account_row is on disk");

/* Of an account, or on an interface of all: what was hidden. */
struct hidden_row {
	char interface[TOTALS_NAME_MAX];
	struct host_key key;
	uint32_t is_of_all;
	Volume volume[DIRECTIONS];
};
_Static_assert(sizeof(struct hidden_row) == 144, "hidden_row is on disk");

void volume_add(Volume *sum, const Volume *volume)
{
	sum->packets += volume->packets;
	sum->octets += volume->octets;
	sum->layer2_octets += volume->layer2_octets;
}

void volume_subtract(Volume *from, const Volume *volume)
{
	from->packets -= volume->packets;
	from->octets -= volume->octets;
	from->layer2_octets -= volume->layer2_octets;
}

bool volume_is_zero(const Volume *volume)
{
	return !volume->packets && !volume->octets && !volume->layer2_octets;
}

/* FNV-1a: the keys come from strangers, but their number is bounded by `hosts.max`. */
static guint account_hash(gconstpointer data)
{
	const Account *account = data;
	const unsigned char *bytes = (const unsigned char *)&account->key;
	guint hash = 2166136261u ^ GPOINTER_TO_UINT(account->interface);

	for (size_t i = 0; i < sizeof(account->key); i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

static gboolean account_equal(gconstpointer a, gconstpointer b)
{
	const Account *left = a, *right = b;

	return left->interface == right->interface &&
	       !memcmp(&left->key, &right->key, sizeof(left->key));
}

Hosts *hosts_new(uint32_t max)
{
	Hosts *hosts = g_new0(Hosts, 1);

	hosts->accounts = g_hash_table_new_full(account_hash, account_equal, g_free, NULL);
	hosts->overflow = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
	hosts->hidden = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
	hosts->devices = devices_new();
	hosts->max = max;
	return hosts;
}

void hosts_free(Hosts *hosts)
{
	if (!hosts)
		return;
	g_hash_table_unref(hosts->accounts);
	g_hash_table_unref(hosts->overflow);
	g_hash_table_unref(hosts->hidden);
	devices_unref(hosts->devices);
	g_free(hosts);
}

void hosts_set_max(Hosts *hosts, uint32_t max)
{
	hosts->max = max;
}

static bool has_address(const struct host_key *key)
{
	static const __u8 none[ADDRESS_LEN];

	return memcmp(key->address, none, ADDRESS_LEN) != 0;
}

static size_t *number_of(Hosts *hosts, const struct host_key *key)
{
	return has_address(key) ? &hosts->addresses : &hosts->macs;
}

static Account *insert(Hosts *hosts, const Account *account)
{
	Account *copy = g_memdup2(account, sizeof(*account));

	if (!copy->device)
		copy->device = devices_find(hosts->devices, copy->key.mac, copy->key.address);
	g_hash_table_add(hosts->accounts, copy);
	++*number_of(hosts, &copy->key);
	return copy;
}

/* The account for @wanted's key, made if there is room; NULL if there is none. */
static Account *find_or_admit(Hosts *hosts, const Account *wanted)
{
	Account *account = g_hash_table_lookup(hosts->accounts, wanted);

	if (account)
		return account;
	return *number_of(hosts, &wanted->key) < hosts->max ? insert(hosts, wanted) : NULL;
}

static Account *find_place(Hosts *hosts, Account *wanted)
{
	Account *account = find_or_admit(hosts, wanted);

	if (account || !has_address(&wanted->key) || mac_is_zero(wanted->key.mac))
		return account;
	memset(wanted->key.address, 0, ADDRESS_LEN);
	return find_or_admit(hosts, wanted);
}

/* @sums is `overflow` or `hidden`. */
static Volume *sums_of(GHashTable *sums, const char *interface)
{
	Volume *volume = g_hash_table_lookup(sums, interface);

	if (!volume) {
		volume = g_new0(Volume, DIRECTIONS);
		g_hash_table_insert(sums, (gpointer)interface, volume);
	}
	return volume;
}

static void hide(Hosts *hosts, Account *account, int direction, const Volume *volume)
{
	volume_add(&account->hidden[direction], volume);
	volume_add(&sums_of(hosts->hidden, account->interface)[direction], volume);
}

static uint64_t epoch_ms(uint64_t monotonic_ns, int64_t epoch_offset_ns)
{
	return (uint64_t)((int64_t)monotonic_ns + epoch_offset_ns) / 1000000;
}

static void note_seen(Hosts *hosts, Account *account, uint64_t first_ms, uint64_t last_ms)
{
	if (!account->first_seen_ms || first_ms < account->first_seen_ms)
		account->first_seen_ms = first_ms;
	if (last_ms > account->last_seen_ms)
		account->last_seen_ms = last_ms;
	devices_note_seen(hosts->devices, account->device, first_ms, last_ms);
}

void hosts_add(Hosts *hosts, const char *interface, const HostDelta *delta, int64_t epoch_offset_ns)
{
	Account wanted = { .interface = g_intern_string(interface), .key = delta->key };
	Account *account;
	Volume *sum;

	wanted.key.ifindex = 0;
	account = find_place(hosts, &wanted);
	sum = account ? account->volume : sums_of(hosts->overflow, wanted.interface);
	for (int direction = 0; direction < DIRECTIONS; direction++) {
		const Volume *volume = &delta->volume[direction];

		if (volume_is_zero(volume))
			continue;
		volume_add(&sum[direction], volume);
		if (!account)
			continue;
		note_seen(hosts, account, epoch_ms(delta->first_ns[direction], epoch_offset_ns),
			  epoch_ms(delta->last_ns[direction], epoch_offset_ns));
		if (!account->device->shown)
			hide(hosts, account, direction, volume);
	}
}

/* @old becomes part of @account. */
static void join(Account *account, const Account *old)
{
	for (int direction = 0; direction < DIRECTIONS; direction++) {
		volume_add(&account->volume[direction], &old->volume[direction]);
		volume_add(&account->hidden[direction], &old->hidden[direction]);
	}
	if (!account->first_seen_ms || old->first_seen_ms < account->first_seen_ms)
		account->first_seen_ms = old->first_seen_ms;
	account->last_seen_ms = MAX(account->last_seen_ms, old->last_seen_ms);
}

/* False: there is no room for the MAC. */
static bool join_mac(Hosts *hosts, const Account *old)
{
	Account wanted = { .interface = old->interface, .key = old->key, .device = old->device };
	Account *account;

	memset(wanted.key.address, 0, ADDRESS_LEN);
	account = find_or_admit(hosts, &wanted);
	if (account)
		join(account, old);
	return account;
}

static bool is_aged(const Account *account, uint64_t now_ms, uint64_t age_ms)
{
	return has_address(&account->key) && !mac_is_zero(account->key.mac) &&
	       now_ms > account->last_seen_ms && now_ms - account->last_seen_ms > age_ms;
}

void hosts_age(Hosts *hosts, uint64_t now_ms, uint64_t age_ms)
{
	g_autoptr(GPtrArray) accounts = hosts_list(hosts);

	for (guint i = 0; i < accounts->len; i++) {
		Account *account = accounts->pdata[i];

		if (is_aged(account, now_ms, age_ms) && join_mac(hosts, account)) {
			hosts->addresses--;
			g_hash_table_remove(hosts->accounts, account);
		}
	}
	devices_hide_idle(hosts->devices, now_ms);
}

static Account *find_mac(const Hosts *hosts, const Account *of)
{
	Account wanted = { .interface = of->interface, .key = of->key };

	memset(wanted.key.address, 0, ADDRESS_LEN);
	return g_hash_table_lookup(hosts->accounts, &wanted);
}

/* The account that @before's sums are in: of an address that has aged, and may have come back since, its MAC's. */
static Account *find_heir(const Hosts *hosts, const Account *before)
{
	Account *account = g_hash_table_lookup(hosts->accounts, before);

	if (account && account->first_seen_ms <= before->first_seen_ms)
		return account;
	return find_mac(hosts, before);
}

/* What was less before than now is now all there is: it began anew. */
static void take_away(Account *account, const Account *before)
{
	for (int direction = 0; direction < DIRECTIONS; direction++) {
		if (account->volume[direction].packets >= before->volume[direction].packets)
			volume_subtract(&account->volume[direction], &before->volume[direction]);
	}
}

static gboolean has_no_traffic(gpointer key, gpointer value, gpointer user_data)
{
	const Account *account = key;

	return volume_is_zero(&account->volume[0]) && volume_is_zero(&account->volume[1]);
}

Hosts *hosts_since(const Hosts *hosts, const Hosts *before)
{
	Hosts *since = hosts_copy(hosts);
	GHashTableIter iter;
	gpointer key;

	g_hash_table_remove_all(since->overflow);
	g_hash_table_remove_all(since->hidden);
	g_hash_table_iter_init(&iter, before->accounts);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		Account *account = find_heir(since, key);

		if (account)
			take_away(account, key);
	}
	g_hash_table_foreach_remove(since->accounts, has_no_traffic, NULL);
	return since;
}

void hosts_set_shown(Hosts *hosts, uint32_t max_shown, uint64_t idle_ms)
{
	devices_set_limits(hosts->devices, max_shown, idle_ms);
}

void hosts_set_merge(Hosts *hosts, const GPtrArray *merge, uint64_t now_ms)
{
	GHashTableIter iter;
	gpointer key;

	if (!devices_set_merge(hosts->devices, merge))
		return;
	g_hash_table_iter_init(&iter, hosts->accounts);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		Account *account = key;

		account->device =
			devices_find(hosts->devices, account->key.mac, account->key.address);
		devices_restore(account->device, account->first_seen_ms, account->last_seen_ms);
	}
	devices_show_first(hosts->devices, now_ms);
}

static gint compare_accounts(gconstpointer a, gconstpointer b)
{
	const Account *left = *(const Account *const *)a, *right = *(const Account *const *)b;
	int order = strcmp(left->interface, right->interface);

	if (!order)
		order = device_compare(left->device, right->device);
	if (!order)
		order = memcmp(left->key.mac, right->key.mac, MAC_LEN);
	if (!order)
		order = memcmp(left->key.address, right->key.address, ADDRESS_LEN);
	if (!order)
		order = left->key.ip_version - right->key.ip_version;
	return order ? order : left->key.scope - right->key.scope;
}

GPtrArray *hosts_list(const Hosts *hosts)
{
	GPtrArray *list = g_ptr_array_sized_new(g_hash_table_size(hosts->accounts));
	GHashTableIter iter;
	gpointer account;

	g_hash_table_iter_init(&iter, hosts->accounts);
	while (g_hash_table_iter_next(&iter, &account, NULL))
		g_ptr_array_add(list, account);
	g_ptr_array_sort(list, compare_accounts);
	return list;
}

static const Volume *look_up(GHashTable *sums, const char *interface)
{
	static const Volume none[DIRECTIONS];
	const Volume *volume = g_hash_table_lookup(sums, g_intern_string(interface));

	return volume ? volume : none;
}

const Volume *hosts_overflow(const Hosts *hosts, const char *interface)
{
	return look_up(hosts->overflow, interface);
}

const Volume *hosts_hidden(const Hosts *hosts, const char *interface)
{
	return look_up(hosts->hidden, interface);
}

size_t hosts_addresses(const Hosts *hosts)
{
	return hosts->addresses;
}

size_t hosts_devices(const Hosts *hosts)
{
	return hosts->macs;
}

uint32_t hosts_limit(const Hosts *hosts)
{
	return hosts->max;
}

static void copy_sums(GHashTable *to, GHashTable *from)
{
	GHashTableIter iter;
	gpointer interface, volume;

	g_hash_table_iter_init(&iter, from);
	while (g_hash_table_iter_next(&iter, &interface, &volume))
		memcpy(sums_of(to, interface), volume, DIRECTIONS * sizeof(Volume));
}

Hosts *hosts_copy(const Hosts *hosts)
{
	Hosts *copy = hosts_new(hosts->max);
	GHashTableIter iter;
	gpointer account;

	devices_unref(copy->devices);
	copy->devices = devices_ref(hosts->devices);
	g_hash_table_iter_init(&iter, hosts->accounts);
	while (g_hash_table_iter_next(&iter, &account, NULL))
		insert(copy, account);
	copy_sums(copy->overflow, hosts->overflow);
	copy_sums(copy->hidden, hosts->hidden);
	return copy;
}

const char *host_label(const struct host_key *key, char label[HOST_LABEL_MAX])
{
	return mac_is_zero(key->mac) ? address_format(key->address, label) :
				       mac_format(key->mac, label);
}

static void save_hidden(const Hosts *hosts, TotalsWriter *writer)
{
	GHashTableIter iter;
	gpointer key, value;

	totals_writer_begin(writer, TOTALS_HIDDEN, sizeof(struct hidden_row));
	g_hash_table_iter_init(&iter, hosts->accounts);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		const Account *account = key;
		struct hidden_row row = { .key = account->key };

		if (volume_is_zero(&account->hidden[0]) && volume_is_zero(&account->hidden[1]))
			continue;
		g_strlcpy(row.interface, account->interface, sizeof(row.interface));
		memcpy(row.volume, account->hidden, sizeof(row.volume));
		totals_writer_add(writer, &row);
	}
	g_hash_table_iter_init(&iter, hosts->hidden);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		struct hidden_row row = { .is_of_all = 1 };

		g_strlcpy(row.interface, key, sizeof(row.interface));
		memcpy(row.volume, value, sizeof(row.volume));
		totals_writer_add(writer, &row);
	}
}

void hosts_save(const Hosts *hosts, TotalsWriter *writer)
{
	GHashTableIter iter;
	gpointer key, value;

	totals_writer_begin(writer, TOTALS_ACCOUNTS, sizeof(struct account_row));
	g_hash_table_iter_init(&iter, hosts->accounts);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		const Account *account = key;
		struct account_row row = { .key = account->key,
					   .first_seen_ms = account->first_seen_ms,
					   .last_seen_ms = account->last_seen_ms };

		g_strlcpy(row.interface, account->interface, sizeof(row.interface));
		memcpy(row.volume, account->volume, sizeof(row.volume));
		totals_writer_add(writer, &row);
	}
	g_hash_table_iter_init(&iter, hosts->overflow);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		struct account_row row = { .is_overflow = 1 };

		g_strlcpy(row.interface, key, sizeof(row.interface));
		memcpy(row.volume, value, sizeof(row.volume));
		totals_writer_add(writer, &row);
	}
	save_hidden(hosts, writer);
}

static void load_row(Hosts *hosts, const struct account_row *row)
{
	g_autofree char *interface = g_strndup(row->interface, sizeof(row->interface));
	Account account = { .interface = g_intern_string(interface),
			    .key = row->key,
			    .first_seen_ms = row->first_seen_ms,
			    .last_seen_ms = row->last_seen_ms };

	if (row->is_overflow) {
		memcpy(sums_of(hosts->overflow, account.interface), row->volume,
		       sizeof(row->volume));
		return;
	}
	memcpy(account.volume, row->volume, sizeof(row->volume));
	if (!g_hash_table_contains(hosts->accounts, &account)) {
		account.device = insert(hosts, &account)->device;
		devices_restore(account.device, account.first_seen_ms, account.last_seen_ms);
	}
}

static void load_hidden_row(Hosts *hosts, const struct hidden_row *row)
{
	g_autofree char *name = g_strndup(row->interface, sizeof(row->interface));
	const Account wanted = { .interface = g_intern_string(name), .key = row->key };
	Account *account = g_hash_table_lookup(hosts->accounts, &wanted);

	if (row->is_of_all)
		memcpy(sums_of(hosts->hidden, wanted.interface), row->volume, sizeof(row->volume));
	else if (account)
		memcpy(account->hidden, row->volume, sizeof(row->volume));
}

bool hosts_load(Hosts *hosts, TotalsReader *reader, uint64_t now_ms, GError **error)
{
	const struct account_row *rows;
	const struct hidden_row *hidden;
	size_t n, hidden_n;

	if (!totals_reader_rows(reader, TOTALS_ACCOUNTS, sizeof(*rows), (const void **)&rows, &n,
				error) ||
	    !totals_reader_rows(reader, TOTALS_HIDDEN, sizeof(*hidden), (const void **)&hidden,
				&hidden_n, error))
		return false;
	for (size_t i = 0; i < n; i++)
		load_row(hosts, &rows[i]);
	for (size_t i = 0; i < hidden_n; i++)
		load_hidden_row(hosts, &hidden[i]);
	devices_show_first(hosts->devices, now_ms);
	return true;
}
