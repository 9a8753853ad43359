/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

#include <string.h>

#include "base/mac.h"
#include "kernel/mapspecs.h"

const char *const kept_file_names[KEPT_FILES] = {
	[KEPT_RUN] = "run",
	[KEPT_STATE] = "state",
	[KEPT_HISTORY] = "history",
};

bool view_has_sums(const FlowSums *sums)
{
	return flow_sums_rows(sums)->len || flow_sums_pairs(sums)->len;
}

static size_t flow_tables_of(const View *view, TableUse *tables)
{
	tables[0] = (TableUse){ "flow-table", view->cache_use.flows, view->cache_use.flow_limit };
	tables[1] = (TableUse){ "flows", flows_count(view->flows), flows_max(view->flows) };
	return 2;
}

/* Also where only latency is metered. */
static size_t sum_tables_of(const View *view, TableUse *tables)
{
	tables[0] =
		(TableUse){ "pair-table", view->pairs_used, map_specs[MAP_PAIR_TABLE].max_entries };
	tables[1] = (TableUse){ "paths", flow_sums_rows(view->flow_sums)->len, FLOW_SUMS_MAX };
	tables[2] = (TableUse){ "pairs", flow_sums_pairs(view->flow_sums)->len, FLOW_SUMS_MAX };
	return 3;
}

size_t view_tables(const View *view, TableUse tables[VIEW_TABLES])
{
	uint32_t limit = hosts_limit(view->hosts);
	size_t n = 0;

	tables[n++] = (TableUse){ "hosts", view->cache_use.hosts, view->cache_use.limit };
	tables[n++] = (TableUse){ "macs", view->cache_use.macs, view->cache_use.limit };
	tables[n++] = (TableUse){ "accounts", hosts_addresses(view->hosts), limit };
	tables[n++] = (TableUse){ "devices", hosts_devices(view->hosts), limit };
	if (view->cache_use.flow_limit)
		n += flow_tables_of(view, tables + n);
	if (view->flow_sums && view_has_sums(view->flow_sums))
		n += sum_tables_of(view, tables + n);
	return n;
}

static char *layout_label(const CollectorConfig *config)
{
	static const char *const enterprise[] = {
		[ENTERPRISE_MAC] = "mac",
		[ENTERPRISE_NONE] = "none",
		[ENTERPRISE_FULL] = "full",
	};

	return g_strdup_printf("%s/%s%s%s%s%s%s", config->address, enterprise[config->enterprise],
			       config->layer2_octets ? "+layer2" : "",
			       config->flow_times == FLOW_TIMES_NANOSECONDS ? "+nanoseconds" : "",
			       config->biflow ? "+biflow" : "",
			       config->transport == COLLECTOR_TRANSPORT_UDP ? "" : "+",
			       config->transport == COLLECTOR_TRANSPORT_UDP ?
				       "" :
				       config_transport_words[config->transport]);
}

static bool shares_address(const GArray *collectors, guint index)
{
	const char *address =
		g_array_index(collectors, CollectorView, index).status.config->address;

	for (guint i = 0; i < collectors->len; i++) {
		const CollectorView *other = &g_array_index(collectors, CollectorView, i);

		if (i != index && !strcmp(address, other->status.config->address))
			return true;
	}
	return false;
}

static bool is_taken(const GArray *collectors, guint before, const char *label)
{
	for (guint i = 0; i < before; i++) {
		if (!strcmp(g_array_index(collectors, CollectorView, i).label, label))
			return true;
	}
	return false;
}

/* No two collectors get the same label. */
static char *collector_label(const GArray *collectors, guint index)
{
	const CollectorConfig *config =
		g_array_index(collectors, CollectorView, index).status.config;
	g_autofree char *label = shares_address(collectors, index) ? layout_label(config) :
								     g_strdup(config->address);

	if (is_taken(collectors, index, label))
		return g_strdup_printf("%s/%u", label, index + 1);
	return g_steal_pointer(&label);
}

static void collector_done(gpointer data)
{
	g_free(((CollectorView *)data)->label);
}

GArray *view_collectors(const View *view)
{
	GArray *collectors = g_array_new(FALSE, TRUE, sizeof(CollectorView));
	CollectorView next = { 0 };

	g_array_set_clear_func(collectors, collector_done);
	while (view->exporting && exporting_status(view->exporting, collectors->len, &next.status))
		g_array_append_val(collectors, next);
	for (guint i = 0; i < collectors->len; i++)
		g_array_index(collectors, CollectorView, i).label = collector_label(collectors, i);
	return collectors;
}

Volume view_device_limit(const LedgerRow rows[HOOKS])
{
	Volume sum = { 0 };

	for (int hook = 0; hook < HOOKS; hook++) {
		const struct ledger_entry *entry = &rows[hook].sheet.classes[LEDGER_DEVICE_LIMIT];

		sum.packets += entry->packets;
		sum.octets += entry->octets;
		sum.layer2_octets += entry->layer2_octets;
	}
	return sum;
}

bool view_same_host(const Account *a, const Account *b)
{
	return a->interface == b->interface && a->device == b->device;
}

/* By all MACs that are joined in the device. */
static const char *find_name(const Names *names, const Account *const *accounts, size_t n)
{
	g_autofree const struct host_key **keys = g_new(const struct host_key *, n + 1);
	struct host_key first = { 0 };

	memcpy(first.mac, accounts[0]->device->mac, MAC_LEN);
	keys[0] = &first;
	for (size_t i = 0; i < n; i++)
		keys[i + 1] = &accounts[i]->key;
	return names_find(names, keys, n + 1);
}

const char *view_host_name(const View *view, const Account *const *accounts, size_t n,
			   char label[DEVICE_LABEL_MAX])
{
	const char *name = view->names ? find_name(view->names, accounts, n) : NULL;

	return name ? name : device_label(accounts[0]->device, label);
}

const char *view_host_vendor(const View *view, const Device *device)
{
	return view->names ? names_vendor(view->names, device->mac) : NULL;
}

bool view_host_is_private(const Device *device)
{
	return mac_is_private(device->mac);
}

const char *view_scope(const struct host_key *key)
{
	static const char *const scopes[] = {
		[SCOPE_INTERNET] = "internet",
		[SCOPE_LOCAL] = "local",
		[SCOPE_ROUTER] = "router",
	};

	return scopes[key->scope];
}

const char *view_family(const struct host_key *key)
{
	return key->ip_version == 6 ? "ipv6" : "ipv4";
}

const char *view_side(enum side side)
{
	return side == SIDE_LAN ? "lan" : "wan";
}

const char *view_layer(enum link_layer layer)
{
	return layer == LINK_ETHERNET ? "ethernet" : "ip";
}
