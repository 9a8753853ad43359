/* SPDX-License-Identifier: Apache-2.0 */
#include "hosts.h"

#include <stdio.h>
#include <string.h>

#include "prefix.h"

struct Hosts {
	GHashTable *accounts; /* set of Account */
	GHashTable *overflow; /* interned interface name -> Volume[DIRECTIONS] */
	uint32_t max;
	size_t addresses;
	size_t devices;
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

void volume_add(Volume *sum, const Volume *volume)
{
	sum->packets += volume->packets;
	sum->octets += volume->octets;
	sum->layer2_octets += volume->layer2_octets;
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
	hosts->max = max;
	return hosts;
}

void hosts_free(Hosts *hosts)
{
	if (!hosts)
		return;
	g_hash_table_unref(hosts->accounts);
	g_hash_table_unref(hosts->overflow);
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

static bool has_mac(const struct host_key *key)
{
	static const __u8 none[MAC_LEN];

	return memcmp(key->mac, none, MAC_LEN) != 0;
}

static Account *insert(Hosts *hosts, const Account *account)
{
	Account *copy = g_memdup2(account, sizeof(*account));

	g_hash_table_add(hosts->accounts, copy);
	if (has_address(&copy->key))
		hosts->addresses++;
	else
		hosts->devices++;
	return copy;
}

/* The account for @wanted's key, made if there is room; NULL if there is none. */
static Account *find_or_admit(Hosts *hosts, const Account *wanted)
{
	Account *account = g_hash_table_lookup(hosts->accounts, wanted);
	size_t taken = has_address(&wanted->key) ? hosts->addresses : hosts->devices;

	if (account)
		return account;
	return taken < hosts->max ? insert(hosts, wanted) : NULL;
}

static Account *find_place(Hosts *hosts, Account *wanted)
{
	Account *account = find_or_admit(hosts, wanted);

	if (account || !has_address(&wanted->key) || !has_mac(&wanted->key))
		return account;
	memset(wanted->key.address, 0, ADDRESS_LEN);
	return find_or_admit(hosts, wanted);
}

static Volume *overflow_of(Hosts *hosts, const char *interface)
{
	Volume *volume = g_hash_table_lookup(hosts->overflow, interface);

	if (!volume) {
		volume = g_new0(Volume, DIRECTIONS);
		g_hash_table_insert(hosts->overflow, (gpointer)interface, volume);
	}
	return volume;
}

static uint64_t epoch_ms(uint64_t monotonic_ns, int64_t epoch_offset_ns)
{
	return (uint64_t)((int64_t)monotonic_ns + epoch_offset_ns) / 1000000;
}

static void note_seen(Account *account, uint64_t first_ms, uint64_t last_ms)
{
	if (!account->first_seen_ms || first_ms < account->first_seen_ms)
		account->first_seen_ms = first_ms;
	if (last_ms > account->last_seen_ms)
		account->last_seen_ms = last_ms;
}

void hosts_add(Hosts *hosts, const char *interface, const HostDelta *delta, int64_t epoch_offset_ns)
{
	Account wanted = { .interface = g_intern_string(interface), .key = delta->key };
	Account *account;
	Volume *volume;

	wanted.key.ifindex = 0;
	account = find_place(hosts, &wanted);
	volume = account ? account->volume : overflow_of(hosts, wanted.interface);
	for (int direction = 0; direction < DIRECTIONS; direction++) {
		if (volume_is_zero(&delta->volume[direction]))
			continue;
		volume_add(&volume[direction], &delta->volume[direction]);
		if (account)
			note_seen(account, epoch_ms(delta->first_ns[direction], epoch_offset_ns),
				  epoch_ms(delta->last_ns[direction], epoch_offset_ns));
	}
}

static gint compare_accounts(gconstpointer a, gconstpointer b)
{
	const Account *left = *(const Account *const *)a, *right = *(const Account *const *)b;
	int order = strcmp(left->interface, right->interface);

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

const Volume *hosts_overflow(const Hosts *hosts, const char *interface)
{
	static const Volume none[DIRECTIONS];
	const Volume *volume = g_hash_table_lookup(hosts->overflow, g_intern_string(interface));

	return volume ? volume : none;
}

size_t hosts_addresses(const Hosts *hosts)
{
	return hosts->addresses;
}

size_t hosts_devices(const Hosts *hosts)
{
	return hosts->devices;
}

uint32_t hosts_limit(const Hosts *hosts)
{
	return hosts->max;
}

const char *host_label(const struct host_key *key, char label[HOST_LABEL_MAX])
{
	const __u8 *mac = key->mac;

	if (!has_mac(key))
		return address_format(key->address, label);
	snprintf(label, HOST_LABEL_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return label;
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
}

static void load_row(Hosts *hosts, const struct account_row *row)
{
	g_autofree char *interface = g_strndup(row->interface, sizeof(row->interface));
	Account account = { .interface = g_intern_string(interface),
			    .key = row->key,
			    .first_seen_ms = row->first_seen_ms,
			    .last_seen_ms = row->last_seen_ms };

	if (row->is_overflow) {
		memcpy(overflow_of(hosts, account.interface), row->volume, sizeof(row->volume));
		return;
	}
	memcpy(account.volume, row->volume, sizeof(row->volume));
	if (!g_hash_table_contains(hosts->accounts, &account))
		insert(hosts, &account);
}

bool hosts_load(Hosts *hosts, TotalsReader *reader, GError **error)
{
	const struct account_row *rows;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_ACCOUNTS, sizeof(*rows), (const void **)&rows, &n,
				error))
		return false;
	for (size_t i = 0; i < n; i++)
		load_row(hosts, &rows[i]);
	return true;
}
