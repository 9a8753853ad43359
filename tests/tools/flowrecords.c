/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends a report of five flows, one of each kind, to a collector as the agent does. No two values of a
 * flow are the same, where they can differ: a collector that takes one for another is found out.
 *
 *   flowrecords ADDRESS:PORT none|mac|full [nanoseconds] [routes] [biflow] [netflow9]
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "export/exporting.h"

#define START_MS 1700000000123
#define END_MS 1700000003456
#define NOW_MS 1700000010000

#define IPV4(last)                                                                                 \
	{                                                                                          \
		[10] = 0xff, 0xff, 198, 51, 100, (last)                                            \
	}
#define IPV6(last)                                                                                 \
	{                                                                                          \
		0x20, 0x01, 0x0d, 0xb8, [15] = (last)                                              \
	}

/* clang-format off */
static const FlowRecord flows[] = {
	{
		.key = {
			.source = IPV4(1), .destination = IPV4(2), .ingress = 3, .egress = 4,
			.mark = 4275878552, .source_port = 40000, .destination_port = 443,
			.vlan = 20, .customer_vlan = 30, .protocol = IPPROTO_TCP,
			.traffic_class = 0xb8, .ip_version = 4, .hook = HOOK_EGRESS,
		},
		.volume = { 7, 5000000000, 5000000098 }, .start_ms = START_MS, .end_ms = END_MS,
		.attributes = {
			.min_octets = 40, .max_octets = 1500, .tcp_flags = 0x1b,
			.min_ttl = 61, .max_ttl = 64, .fragment_id = 43981,
			.source_mac = { 2, 0, 0, 0, 0xab, 1 }, .destination_mac = { 2, 0, 0, 0, 0xab, 2 },
		},
		.end = FLOW_ENDED,
	},
	{
		.key = {
			.source = IPV4(3), .destination = IPV4(4), .ingress = 5, .egress = 6,
			.mark = 11, .destination_port = 0x0803 /* type 8, code 3 */,
			.vlan = 21, .customer_vlan = 31, .protocol = IPPROTO_ICMP,
			.traffic_class = 0x20, .ip_version = 4, .hook = HOOK_INGRESS,
		},
		.volume = { 8, 800, 912 }, .start_ms = START_MS + 1, .end_ms = END_MS + 1,
		.attributes = {
			.min_octets = 84, .max_octets = 98, .min_ttl = 250, .max_ttl = 255,
			.fragment_id = 12, .source_mac = { 2, 0, 0, 0, 0xab, 3 },
			.destination_mac = { 2, 0, 0, 0, 0xab, 4 },
		},
		.end = FLOW_IDLE,
	},
	{
		.key = {
			.source = IPV6(5), .destination = IPV6(6), .ingress = 7, .egress = 8,
			.mark = 12, .destination_port = 0x8700 /* type 135, code 0 */,
			.protocol = IPPROTO_ICMPV6, .ip_version = 6, .hook = HOOK_INGRESS,
		},
		.volume = { 1, 72, 86 }, .start_ms = START_MS, .end_ms = START_MS,
		.attributes = {
			.min_octets = 72, .max_octets = 72, .min_ttl = 255, .max_ttl = 255,
			.fragment_id = 3735928559, .flow_label = 0xfffff,
			.source_mac = { 2, 0, 0, 0, 0xab, 5 }, .destination_mac = { 2, 0, 0, 0, 0xab, 6 },
		},
		.end = FLOW_FORCED,
	},
	{ /* of an interface without frames */
		.key = {
			.source = IPV6(7), .destination = IPV6(8), .ingress = 9, .egress = 10,
			.mark = 13, .source_port = 5353, .destination_port = 53,
			.protocol = IPPROTO_UDP, .traffic_class = 0x88, .ip_version = 6,
			.hook = HOOK_EGRESS,
		},
		.volume = { 9, 900, 1026 }, .start_ms = START_MS, .end_ms = END_MS,
		.attributes = {
			.min_octets = 60, .max_octets = 65575, .min_ttl = 1, .max_ttl = 2,
			.flow_label = 74565,
		},
		.end = FLOW_ACTIVE,
	},
	{
		.key = {
			.source = IPV4(9), .destination = IPV4(10), .ingress = 11, .egress = 12,
			.mark = 14, .source_port = 123, .destination_port = 124,
			.protocol = IPPROTO_UDP, .ip_version = 4, .hook = HOOK_EGRESS,
		},
		.volume = { 10, 1000, 1140 }, .start_ms = START_MS, .end_ms = END_MS,
		.attributes = { .min_octets = 100, .max_octets = 101, .min_ttl = 3, .max_ttl = 4 },
		.end = FLOW_LACK_OF_RESOURCES,
	},
};
/* clang-format on */

static const char *const enterprise_words[] = {
	[ENTERPRISE_MAC] = "mac",
	[ENTERPRISE_NONE] = "none",
	[ENTERPRISE_FULL] = "full",
};

static bool read_enterprise(const char *word, EnterpriseElements *enterprise)
{
	for (size_t i = 0; i < G_N_ELEMENTS(enterprise_words); i++) {
		if (!strcmp(word, enterprise_words[i])) {
			*enterprise = i;
			return true;
		}
	}
	return false;
}

static void use_netflow9(CollectorConfig *collector, Config *config)
{
	collector->format = EXPORT_NETFLOW9;
}

static void tell_nanoseconds(CollectorConfig *collector, Config *config)
{
	(void)config;
	collector->flow_times = FLOW_TIMES_NANOSECONDS;
}

static void tell_routes(CollectorConfig *collector, Config *config)
{
	(void)collector;
	config->flows.routing = true;
}

/* What else the collector may want. */
static const struct {
	const char *word;
	void (*apply)(CollectorConfig *collector, Config *config);
} options[] = {
	{ "nanoseconds", tell_nanoseconds },
	{ "netflow9", use_netflow9 },
	{ "routes", tell_routes },
};

static bool read_option(const char *word, CollectorConfig *collector, Config *config)
{
	for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
		if (!strcmp(word, options[i].word)) {
			options[i].apply(collector, config);
			return true;
		}
	}
	return false;
}

static GArray *flows_new_report(void)
{
	GArray *array = g_array_new(FALSE, FALSE, sizeof(FlowRecord));

	g_array_append_vals(array, flows, G_N_ELEMENTS(flows));
	for (guint i = 0; i < array->len; i++) {
		struct flow_key *key = &g_array_index(array, FlowRecord, i).key;

		key->source_port = htons(key->source_port);
		key->destination_port = htons(key->destination_port);
	}
	return array;
}

/* Of the flow at @i: the next hop 198.51.100.(100 + i), or 2001:db8::(100 + i); lengths 10 + i and 20 + i. */
static void find_routes(const FlowRecord *records, size_t n, FlowRoute *found, void *user_data)
{
	(void)user_data;
	for (size_t i = 0; i < n; i++) {
		found[i] = (FlowRoute){ .source_length = (uint8_t)(10 + i),
					.destination_length = (uint8_t)(20 + i) };
		memcpy(found[i].next_hop, records[i].key.source, ADDRESS_LEN);
		found[i].next_hop[ADDRESS_LEN - 1] = (uint8_t)(100 + i);
	}
}

/* Whether all has left at once, as it does on loopback. */
static bool send_report(const Config *config)
{
	static const IpfixInterface interfaces[] = { { 3, "eth3", "three" },
						     { 4, "eth4", "four" } };
	Exporting *exporting = exporting_new(config, NULL);
	g_autoptr(GArray) array = flows_new_report();
	const ExportReport report = {
		.now_ms = NOW_MS,
		.flows = array,
		.interfaces = interfaces,
		.interfaces_n = G_N_ELEMENTS(interfaces),
		.find_routes = config->flows.routing ? find_routes : NULL,
	};
	CollectorStatus status;
	bool ok;

	exporting_begin(exporting, &report);
	while (exporting_step(exporting))
		;
	ok = exporting_status(exporting, 0, &status) && !status.last_error &&
	     status.counters.sent.flow_records == array->len;
	exporting_free(exporting);
	return ok;
}

int main(int argc, char **argv)
{
	CollectorConfig collector = { .records_flows = true, .layer2_octets = true };
	Config config = {
		.interval_ms = 10000,
		.ipfix = {
			.observation_domain = 1,
			.enterprise_number = 32473,
			.template_refresh_ms = 60000,
			.message_size = 1400,
		},
	};
	bool ok = argc >= 3 && read_enterprise(argv[2], &collector.enterprise);

	for (int i = 3; ok && i < argc; i++)
		ok = read_option(argv[i], &collector, &config);
	if (!ok) {
		fputs("usage: flowrecords ADDRESS:PORT none|mac|full [nanoseconds] [routes] "
		      "[biflow] [netflow9]\n",
		      stderr);
		return 2;
	}
	collector.address = argv[1];
	config.ipfix.collectors = g_ptr_array_new();
	g_ptr_array_add(config.ipfix.collectors, &collector);
	ok = send_report(&config);
	g_ptr_array_unref(config.ipfix.collectors);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
