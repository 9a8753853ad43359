/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the outputs share: a view of a small network, with nothing behind it, and a look into documents. */
#ifndef FLOWTALLY_TEST_VIEW_H
#define FLOWTALLY_TEST_VIEW_H

#include <string.h>

#include <jansson.h>

#include "metering/observation.h"
#include "base/prefix.h"
#include "test.h"
#include "view.h"

#define TEST_START_MS 1700000000000

typedef struct {
	View view;
	Config config;
	Hosts *hosts;
	Ledger *ledger;
	GPtrArray *points;
	GHashTable *faults;
	Point point;
	FlowSums *flow_sums;
	FlowSeriesTable *flow_series;
	Names *names; /* NULL: nobody has a name */
} Network;

/* @mac 0: the host is known by its address alone; @address NULL: by its MAC alone. */
static inline void add_traffic(Network *network, const char *interface, uint8_t mac,
			       const char *address, enum scope scope, uint64_t upload,
			       uint64_t download)
{
	HostDelta delta = {
		.key = { .mac = { mac ? 2 : 0, 0, 0, 0, 0, mac }, .ip_version = 4, .scope = scope },
		.volume = { [DIRECTION_UPLOAD] = { 1, upload, upload + 14 },
			    [DIRECTION_DOWNLOAD] = { 2, download, download + 28 } },
		.first_ns = { 1000000000, 1000000000 },
		.last_ns = { 2000000000, 3000000000 },
	};
	Prefix prefix;

	if (address) {
		assert_true(prefix_parse(&prefix, address, NULL));
		memcpy(delta.key.address, prefix.address, ADDRESS_LEN);
		delta.key.ip_version = prefix_is_ipv4(&prefix) ? 4 : 6;
	}
	hosts_add(network->hosts, interface, &delta, TEST_START_MS * 1000000);
}

/* One packet of 100 IP octets in each class, both ways, and what the interface counts for that. */
static inline void add_sheets(Network *network, const char *interface, uint64_t link_octets)
{
	const LinkBounds none = { 0 };
	struct ledger_sheet sheets[HOOKS] = { 0 };
	LinkBounds link = { 0 };

	for (int hook = 0; hook < HOOKS; hook++) {
		for (int i = 0; i < LEDGER_CLASSES; i++)
			sheets[hook].classes[i] = (struct ledger_entry){ 1, 1, 100, 114 };
		sheets[hook].seen.frames = LEDGER_CLASSES;
		sheets[hook].seen.skb_octets = LEDGER_CLASSES * 114;
		link.frames[hook] = (Bounds){ LEDGER_CLASSES, LEDGER_CLASSES };
		link.octets[hook] = (Bounds){ link_octets, link_octets };
	}
	ledger_attach(network->ledger, interface, 7, &none);
	ledger_add(network->ledger, interface, 7, sheets, &link);
}

/* Packets of 100 IP octets that were counted to flows; interfaces as in FlowPath. */
static inline void add_flow_sum(Network *network, const char *ingress, const char *egress,
				enum hook hook, uint8_t protocol, uint64_t packets)
{
	const FlowSum added = {
		.path = { g_intern_string(ingress), g_intern_string(egress), hook, protocol },
		.volume = { packets, 100 * packets, 114 * packets },
	};

	flow_sums_add(network->flow_sums, &added);
}

/* Packets of 100 IP octets that found no room, and a frame that took so long. */
static inline void add_pair_sum(Network *network, const char *ingress, const char *egress,
				uint64_t limit, uint64_t latency_ns)
{
	const PairSum added = {
		.path = { g_intern_string(ingress), g_intern_string(egress), HOOK_EGRESS, 0 },
		.limit = { limit, 100 * limit, 114 * limit },
		.latency_ns = latency_ns,
		.latency_frames = latency_ns > 0,
	};

	flow_sums_add_pair(network->flow_sums, &added);
}

/* Pairs, until there is no room for one more. */
static inline void fill_pairs(Network *network)
{
	for (int i = 0; i < FLOW_SUMS_MAX; i++) {
		g_autofree char *ingress = g_strdup_printf("eth%d", i % 64);
		g_autofree char *egress = g_strdup_printf("eth%d", i / 64);

		add_pair_sum(network, ingress, egress, 0, 1);
	}
}

static inline int make_network(void **state)
{
	Network *network = g_new0(Network, 1);

	network->hosts = hosts_new(1000000);
	network->ledger = ledger_new(0);
	network->flow_sums = flow_sums_new();
	network->flow_series = flow_series_new(2);
	network->points = g_ptr_array_new();
	network->faults = g_hash_table_new(g_str_hash, g_str_equal);
	network->point = (Point){
		.interface = interface_id(1, 7),
		.report_index = 7,
		.name = "eth1",
		.netns = "",
		.kind = "bridge",
		.report_name = "br-lan",
		.hooks = { .kind = HOOK_KIND_CLSACT, .priority = { 1, 2 } },
		.attached = true,
		.before = { 0, -1 },
	};
	g_ptr_array_add(network->points, &network->point);
	network->view = (View){
		.config = &network->config,
		.hosts = network->hosts,
		.ledger = network->ledger,
		.flow_sums = network->flow_sums,
		.flow_series = network->flow_series,
		.points = network->points,
		.faults = network->faults,
		.cache_use = { .hosts = 3, .macs = 1, .limit = 65536 },
		.generation = 12,
		.start_ms = TEST_START_MS,
		.sweep_ms = TEST_START_MS + 10001,
		.sweep_duration_ns = 1234567,
		.reload_successful = true,
		.reload_ms = TEST_START_MS,
	};
	*state = network;
	return 0;
}

/* The host is called @name, which is as clean as those of files are. */
static inline void add_name(Network *network, const char *mac, const char *name)
{
	NamesConfig item = { .pairs = g_hash_table_new(g_str_hash, g_str_equal) };

	g_hash_table_insert(item.pairs, (gpointer)mac, (gpointer)name);
	network->config.hosts.names = g_ptr_array_new();
	g_ptr_array_add(network->config.hosts.names, &item);
	network->config.hosts.vendors = (char *)"/nonexistent";
	network->names = names_new(&network->config);
	network->view.names = network->names;
	g_ptr_array_unref(network->config.hosts.names);
	g_hash_table_unref(item.pairs);
}

static inline int remove_network(void **state)
{
	Network *network = *state;

	names_free(network->names);
	hosts_free(network->hosts);
	ledger_free(network->ledger);
	flow_sums_free(network->flow_sums);
	flow_series_free(network->flow_series);
	g_ptr_array_unref(network->points);
	g_hash_table_unref(network->faults);
	g_free(network);
	return 0;
}

/* "hosts/0/name" */
static inline json_t *member(json_t *object, const char *path)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);

	for (size_t i = 0; names[i]; i++)
		object = json_is_array(object) ?
				 json_array_get(object,
						(size_t)g_ascii_strtoull(names[i], NULL, 10)) :
				 json_object_get(object, names[i]);
	if (!object)
		fail_msg("there is no %s", path);
	return object;
}

static inline void assert_text(json_t *document, const char *path, const char *expected)
{
	assert_string_equal(json_string_value(member(document, path)), expected);
}

static inline void assert_integer(json_t *document, const char *path, json_int_t expected)
{
	assert_true(json_is_integer(member(document, path)));
	assert_int_equal(json_integer_value(member(document, path)), expected);
}

#endif
