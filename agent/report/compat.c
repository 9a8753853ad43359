/* SPDX-License-Identifier: Apache-2.0 */
#include "compat.h"

#include <string.h>

#include "base/mac.h"
#include "base/prefix.h"

/* What is being made: series, and where they are found again. */
typedef struct {
	const View *view;
	GStringChunk *texts;
	GArray *series;
	GHashTable *indexes; /* char * -> index + 1 */
} Making;

/* Is given the accounts of a host on one interface. */
typedef void (*AddHost)(Making *making, const Account *const *accounts, size_t n, const char *name);

static void go_through(Making *making, AddHost add_host)
{
	g_autoptr(GPtrArray) list = hosts_list(making->view->hosts);
	const Account *const *accounts = (const Account *const *)list->pdata;
	char label[DEVICE_LABEL_MAX];
	guint end;

	for (guint i = 0; i < list->len; i = end) {
		for (end = i + 1; end < list->len && view_same_host(accounts[i], accounts[end]);)
			end++;
		if (accounts[i]->device->shown)
			add_host(making, &accounts[i], end - i,
				 view_host_name(making->view, &accounts[i], end - i, label));
	}
}

static GArray *make(const View *view, GStringChunk *texts, guint size, AddHost add_host)
{
	g_autoptr(GHashTable) indexes =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	Making making = { view, texts, g_array_new(FALSE, FALSE, size), indexes };

	go_through(&making, add_host);
	return making.series;
}

/* The index of the series called @key, which it takes over; else that of @fresh, a copy of which is added. */
static guint find_or_add(Making *making, char *key, const void *fresh)
{
	guint index = GPOINTER_TO_UINT(g_hash_table_lookup(making->indexes, key));

	if (index) {
		g_free(key);
		return index - 1;
	}
	g_array_append_vals(making->series, fresh, 1);
	g_hash_table_insert(making->indexes, key, GUINT_TO_POINTER(making->series->len));
	return making->series->len - 1;
}

static void add_shown(Volume *sum, const Account *account, int direction)
{
	volume_add(sum, &account->volume[direction]);
	volume_subtract(sum, &account->hidden[direction]);
}

static bool has_address(const Account *account)
{
	static const uint8_t none[ADDRESS_LEN];

	return memcmp(account->key.address, none, ADDRESS_LEN) != 0;
}

static MezouraSeries mezoura_series(Making *making, const Account *account, const char *name)
{
	bool is_ipv6 = account->key.ip_version == 6;
	g_autofree char *hostname = g_strconcat(name, is_ipv6 ? "-v6" : "", NULL);
	char ip[PREFIX_TEXT_MAX], mac[MAC_TEXT_MAX];

	return (MezouraSeries){
		.mac = g_string_chunk_insert_const(making->texts,
						   mac_format(account->key.mac, mac)),
		.hostname = g_string_chunk_insert_const(making->texts, hostname),
		.ip = g_string_chunk_insert_const(making->texts,
						  address_format(account->key.address, ip)),
	};
}

static void add_to_mezoura(Making *making, const Account *const *accounts, size_t n,
			   const char *name)
{
	for (size_t i = 0; i < n; i++) {
		const Account *account = accounts[i];
		MezouraSeries fresh, *series;
		guint index;

		if (account->key.scope != SCOPE_INTERNET || !has_address(account))
			continue;
		fresh = mezoura_series(making, account, name);
		index = find_or_add(making, g_strjoin(" ", fresh.mac, fresh.ip, NULL), &fresh);
		series = &g_array_index(making->series, MezouraSeries, index);
		for (int direction = 0; direction < DIRECTIONS; direction++)
			add_shown(&series->volume[direction], account, direction);
	}
}

GArray *compat_mezoura(const View *view, GStringChunk *texts)
{
	return make(view, texts, sizeof(MezouraSeries), add_to_mezoura);
}

static void add_to_iptables(Making *making, const Account *const *accounts, size_t n,
			    const char *name)
{
	static const char *const directions[DIRECTIONS] = {
		[DIRECTION_UPLOAD] = "out",
		[DIRECTION_DOWNLOAD] = "in",
	};
	const char *host = g_string_chunk_insert_const(making->texts, name);

	for (size_t i = 0; i < n; i++) {
		const Account *account = accounts[i];
		const char *ipv = account->key.ip_version == 6 ? "6" : "4";

		if (account->key.scope != SCOPE_INTERNET)
			continue;
		for (int direction = 0; direction < DIRECTIONS; direction++) {
			const IptablesSeries fresh = { .host = host,
						       .ipv = ipv,
						       .direction = directions[direction] };
			guint index = find_or_add(
				making, g_strjoin(" ", ipv, directions[direction], host, NULL),
				&fresh);

			add_shown(&g_array_index(making->series, IptablesSeries, index).volume,
				  account, direction);
		}
	}
}

GArray *compat_iptables(const View *view, GStringChunk *texts)
{
	return make(view, texts, sizeof(IptablesSeries), add_to_iptables);
}
