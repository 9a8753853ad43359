/* SPDX-License-Identifier: Apache-2.0 */
#include "compat.h"

#include <string.h>

#include <arpa/inet.h>

#include "base/mac.h"
#include "base/prefix.h"
#include "base/text.h"
#include "metering/observation.h"

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

/* Interfaces by their names, as FlowPath has them; char * -> index. */
static GHashTable *index_interfaces(const View *view)
{
	GHashTable *indexes = g_hash_table_new(g_str_hash, g_str_equal);
	const GPtrArray *links = view->namespaces ? namespaces_links(view->namespaces) : NULL;

	for (guint i = 0; links && i < links->len; i++) {
		const Link *link = links->pdata[i];

		if (!*link->netns)
			g_hash_table_insert(indexes, (gpointer)link->name,
					    GUINT_TO_POINTER(link->ifindex));
	}
	for (guint i = 0; i < view->points->len; i++) {
		const Point *point = view->points->pdata[i];

		g_hash_table_insert(indexes, (gpointer)point->report_name,
				    GUINT_TO_POINTER(point->report_index));
	}
	g_hash_table_insert(indexes, (gpointer) "", GUINT_TO_POINTER(0));
	return indexes;
}

static bool find_index(GHashTable *indexes, const char *interface, uint32_t *index)
{
	gpointer found;

	if (!g_hash_table_lookup_extended(indexes, interface, NULL, &found))
		return false;
	*index = GPOINTER_TO_UINT(found);
	return true;
}

typedef struct {
	GArray *series;		/* of LinuxFlowExporterSeries */
	GHashTable *interfaces; /* by name */
	GHashTable *places; /* of the two indexes (uint64_t *) to the place in `series`, and 1 */
} MakingPairs;

/* NULL: there is none for @path. */
static LinuxFlowExporterSeries *find_pair(MakingPairs *making, const FlowPath *path)
{
	LinuxFlowExporterSeries fresh = { 0 };
	uint64_t key;
	guint place;

	if (path->hook != HOOK_EGRESS ||
	    !find_index(making->interfaces, path->ingress, &fresh.ingress) ||
	    !find_index(making->interfaces, path->egress, &fresh.egress))
		return NULL;
	key = (uint64_t)fresh.ingress << 32 | fresh.egress;
	place = GPOINTER_TO_UINT(g_hash_table_lookup(making->places, &key));
	if (!place) {
		g_array_append_val(making->series, fresh);
		place = making->series->len;
		g_hash_table_insert(making->places, g_memdup2(&key, sizeof(key)),
				    GUINT_TO_POINTER(place));
	}
	return &g_array_index(making->series, LinuxFlowExporterSeries, place - 1);
}

static void add_sums(MakingPairs *making, const GPtrArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		const FlowSum *sum = rows->pdata[i];
		LinuxFlowExporterSeries *series = find_pair(making, &sum->path);

		if (series)
			volume_add(&series->total, &sum->volume);
	}
}

static void add_pairs(MakingPairs *making, const GPtrArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		const PairSum *pair = rows->pdata[i];
		LinuxFlowExporterSeries *series = find_pair(making, &pair->path);

		if (!series)
			continue;
		volume_add(&series->total, &pair->limit);
		volume_add(&series->overflow, &pair->limit);
		series->latency_ns += pair->latency_ns;
	}
}

GArray *compat_linux_flow_exporter(const View *view)
{
	g_autoptr(GHashTable) interfaces = index_interfaces(view);
	g_autoptr(GHashTable) places =
		g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	MakingPairs making = { g_array_new(FALSE, FALSE, sizeof(LinuxFlowExporterSeries)),
			       interfaces, places };

	if (view->flow_sums) {
		add_sums(&making, flow_sums_rows(view->flow_sums));
		add_pairs(&making, flow_sums_pairs(view->flow_sums));
	}
	return making.series;
}

static const char *end_label(GStringChunk *texts, const struct flow_key *key,
			     const uint8_t address[ADDRESS_LEN], __be16 port)
{
	char ip[PREFIX_TEXT_MAX], text[PREFIX_TEXT_MAX + sizeof("[]:65535")];

	if (!key->ip_version)
		return COMPAT_OVERFLOW;
	(void)g_snprintf(text, sizeof(text),
			 strchr(address_format(address, ip), ':') ? "[%s]:%u" : "%s:%u", ip,
			 ntohs(port));
	return g_string_chunk_insert_const(texts, text);
}

static PacketExporterSeries packet_exporter_series(const FlowSeries *series, GStringChunk *texts)
{
	const struct flow_key *key = &series->key;
	g_autofree char *interface = text_escape(series->interface);
	g_autofree char *protocol = g_strdup_printf("%u", key->protocol);
	PacketExporterSeries made = {
		.source = end_label(texts, key, key->source, key->source_port),
		.dest = end_label(texts, key, key->destination, key->destination_port),
		.interface = g_string_chunk_insert_const(texts, interface),
		.protocol = g_string_chunk_insert_const(texts, protocol),
		.sizes = series->sizes,
	};

	for (int i = 0; i < PACKET_SIZES; i++)
		made.packets += series->sizes.packets[i];
	return made;
}

GArray *compat_packet_exporter(const View *view, GStringChunk *texts)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(PacketExporterSeries));
	const GPtrArray *list = view->flow_series ? flow_series_list(view->flow_series) : NULL;

	for (guint i = 0; list && i < list->len; i++) {
		const PacketExporterSeries made = packet_exporter_series(list->pdata[i], texts);

		g_array_append_val(all, made);
	}
	return all;
}
