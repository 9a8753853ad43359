/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows in the kernel's tables, from a classifier to the records: tables that are made, adopted, resized
 * and taken away, and what the metering of flows makes of them.
 */
#include "metering/flowmetering.h"

#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "cache_lab.h"
#include "kernel/mapspecs.h"

/* UDP packets from @source_port. */
static void send_packets(const Classifier *classifier, enum hook hook, uint16_t source_port,
			 uint32_t ingress, int times)
{
	struct {
		struct ethhdr ethernet;
		struct iphdr ip;
		struct udphdr udp;
	} __attribute__((packed)) frame = {
		.ethernet = { .h_dest = { 2 },
			      .h_source = { 2, 0, 0, 0, 0, 1 },
			      .h_proto = htobe16(ETH_P_IP) },
		.ip = { .version = 4,
			.ihl = 5,
			.tot_len = htobe16(28),
			.ttl = 64,
			.tos = 8,
			.protocol = IPPROTO_UDP,
			.saddr = htobe32(0xc0000201u),
			.daddr = htobe32(0xc6336401u) },
		.udp = { .source = htobe16(source_port), .dest = htobe16(53), .len = htobe16(8) },
	};
	struct __sk_buff context = { .ingress_ifindex = ingress, .mark = 5 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &frame, .data_size_in = sizeof(frame),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = times);

	assert_int_equal(bpf_prog_test_run_opts(classifier_program_fd(classifier, hook), &run), 0);
}

static void send_packets_ipv6(const Classifier *classifier, enum hook hook, uint16_t source_port,
			      int times)
{
	struct {
		struct ethhdr ethernet;
		struct ipv6hdr ip;
		struct udphdr udp;
	} __attribute__((packed)) frame = {
		.ethernet = { .h_dest = { 2 },
			      .h_source = { 2, 0, 0, 0, 0, 1 },
			      .h_proto = htobe16(ETH_P_IPV6) },
		.ip = { .version = 6,
			.payload_len = htobe16(8),
			.hop_limit = 64,
			.nexthdr = IPPROTO_UDP,
			.saddr.s6_addr = { 0x20, 0x01, [15] = 1 },
			.daddr.s6_addr = { 0x20, 0x02, [15] = 2 } },
		.udp = { .source = htobe16(source_port), .dest = htobe16(53), .len = htobe16(8) },
	};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &frame, .data_size_in = sizeof(frame),
		    .repeat = times);

	assert_int_equal(bpf_prog_test_run_opts(classifier_program_fd(classifier, hook), &run), 0);
}

/* One sweep; the flows that it brought. */
static GArray *sweep_flows(const Lab *lab)
{
	g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	GArray *flows;

	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_hosts(lab->cache, hosts, NULL));
	flows = flows_of_quiet_generation(lab);
	assert_true(cache_empty(lab->cache, NULL));
	return flows;
}

static uint64_t packets_of(const GArray *flows)
{
	uint64_t packets = 0;

	for (guint i = 0; i < flows->len; i++)
		packets += g_array_index(flows, FlowDelta, i).volume.packets;
	return packets;
}

/* One sweep that brings so many flows, all of one CPU, and packets. */
static void assert_sweep(const Lab *lab, guint n, uint64_t packets)
{
	g_autoptr(GArray) flows = sweep_flows(lab);

	assert_int_equal(packets_of(flows), packets);
	assert_int_equal(flows->len, n);
}

static void assert_flow(const FlowDelta *flow, uint8_t ip_version, uint64_t octets)
{
	static const uint8_t source_mac[] = { 2, 0, 0, 0, 0, 1 };

	assert_int_equal(flow->key.ip_version, ip_version);
	assert_int_equal(flow->key.protocol, IPPROTO_UDP);
	assert_int_equal(flow->key.source_port, htobe16(5000));
	assert_int_equal(flow->key.destination_port, htobe16(53));
	assert_int_equal(flow->volume.packets, 3);
	assert_int_equal(flow->volume.octets, 3 * octets);
	assert_int_equal(flow->volume.layer2_octets, 3 * (octets + ETH_HLEN));
	assert_int_equal(flow->attributes.min_ttl, 64);
	assert_int_equal(flow->attributes.max_octets, octets);
	assert_memory_equal(flow->attributes.source_mac, source_mac, MAC_LEN);
}

static void flow_is_read_as_it_was_counted(void **state)
{
	Lab *lab = *state;
	static const uint8_t mapped_source[] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	static const uint8_t mapped_destination[] = { [10] = 0xff, 0xff, 198, 51, 100, 1 };
	static const uint8_t source[ADDRESS_LEN] = { 0x20, 0x01, [15] = 1 };
	static const uint8_t destination[ADDRESS_LEN] = { 0x20, 0x02, [15] = 2 };
	g_autoptr(GArray) flows = NULL;
	const FlowDelta *ipv4, *ipv6;

	send_packets(lab->classifier, HOOK_INGRESS, 5000, 0, 3);
	send_packets_ipv6(lab->classifier, HOOK_INGRESS, 5000, 3);
	flows = sweep_flows(lab);
	assert_int_equal(flows->len, 2);
	ipv4 = &g_array_index(flows, FlowDelta, 0);
	ipv6 = &g_array_index(flows, FlowDelta, 1);
	assert_flow(ipv4, 4, 28);
	assert_flow(ipv6, 6, 48);
	assert_memory_equal(ipv4->key.source, mapped_source, ADDRESS_LEN);
	assert_memory_equal(ipv4->key.destination, mapped_destination, ADDRESS_LEN);
	assert_memory_equal(ipv6->key.source, source, ADDRESS_LEN);
	assert_memory_equal(ipv6->key.destination, destination, ADDRESS_LEN);
	assert_int_equal(ipv4->key.traffic_class, 8);
	assert_int_equal(ipv4->key.mark, 5);
}

static void times_of_flows_are_of_the_monotonic_clock(void **state)
{
	Lab *lab = *state;
	const uint64_t ticks_ns = 20000000; /* as above */
	uint64_t start = monotonic_ns();
	g_autoptr(GArray) flows = NULL;
	const FlowDelta *flow;

	send_packets(lab->classifier, HOOK_INGRESS, 5000, 0, 1);
	g_usleep(100000);
	send_packets(lab->classifier, HOOK_INGRESS, 5000, 0, 1);
	flows = sweep_flows(lab);
	flow = &g_array_index(flows, FlowDelta, 0);
	assert_true(flow->first_ns >= start - ticks_ns);
	assert_true(flow->last_ns <= monotonic_ns());
	assert_true(flow->last_ns - flow->first_ns >= 100000000 - ticks_ns);
}

static void each_sweep_brings_the_flows_of_its_generation(void **state)
{
	Lab *lab = *state;
	g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	g_autoptr(GArray) flows = NULL;

	send_packets(lab->classifier, HOOK_INGRESS, 1, 0, 10);
	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	send_packets(lab->classifier, HOOK_INGRESS, 1, 0, 5);
	send_packets_ipv6(lab->classifier, HOOK_INGRESS, 2, 7);
	assert_true(cache_read_hosts(lab->cache, hosts, NULL));
	flows = flows_of_quiet_generation(lab);
	assert_int_equal(flows->len, 1);
	assert_int_equal(packets_of(flows), 10);
	assert_true(cache_empty(lab->cache, NULL));
	assert_sweep(lab, 2, 12);
	assert_sweep(lab, 0, 0);
	assert_sweep(lab, 0, 0);
}

static void flow_is_known_by_its_interfaces(void **state)
{
	Lab *lab = *state;
	const uint64_t here = INTERFACE, there = interface_id(netns_own()->id + 1, IFINDEX);
	const uint64_t beside = interface_id(netns_own()->id + 1, 8);
	uint32_t there_index, beside_index;
	g_autoptr(Classifier) classifier = NULL;
	const struct {
		uint64_t interface;
		enum hook hook;
		uint32_t from; /* as the kernel has it */
		uint32_t ingress, egress;
	} rows[] = {
		{ here, HOOK_INGRESS, 0, IFINDEX, 0 },
		{ here, HOOK_EGRESS, 0, 0, IFINDEX },
		/* In our own namespace any interface has its number, ... */
		{ here, HOOK_EGRESS, 8, 8, IFINDEX },
		/* ... in another one that which we gave it, if we did. */
		{ there, HOOK_INGRESS, 0, 1, 0 },
		{ there, HOOK_EGRESS, 8, 2, 1 },
		{ there, HOOK_EGRESS, 9, 0, 1 },
	};

	assert_true(cache_ensure_ledger(lab->cache, there, NULL) >= 0);
	assert_true(cache_ensure_ledger(lab->cache, beside, NULL) >= 0);
	there_index = cache_report_index(there, cache_point_number(lab->cache, there));
	beside_index = cache_report_index(beside, cache_point_number(lab->cache, beside));
	assert_true(there_index >= REPORT_INDEX_BASE && beside_index > there_index);
	classifier = load_for(lab, there);
	assert_non_null(classifier);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const uint32_t indexes[] = { 0, there_index, beside_index };
		bool is_here = rows[i].interface == here;
		g_autoptr(GArray) flows = NULL;
		const FlowDelta *flow;

		send_packets(is_here ? lab->classifier : classifier, rows[i].hook, 1, rows[i].from,
			     1);
		flows = sweep_flows(lab);
		assert_int_equal(flows->len, 1);
		flow = &g_array_index(flows, FlowDelta, 0);
		assert_int_equal(flow->key.hook, rows[i].hook);
		assert_int_equal(flow->key.ingress,
				 is_here ? rows[i].ingress : indexes[rows[i].ingress]);
		assert_int_equal(flow->key.egress,
				 is_here ? rows[i].egress : indexes[rows[i].egress]);
	}
}

/* With nothing but the default, or `flows` as @yaml says. */
static Config *config_of(const Lab *lab, const char *yaml)
{
	g_autofree char *path = g_build_filename(lab->parent, "test.yaml", NULL);
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	Config *config;

	assert_true(g_file_set_contents(path, yaml, -1, NULL));
	config = config_read(path, errors);
	assert_int_equal(g_unlink(path), 0);
	assert_non_null(config);
	return config;
}

static const char *name_interface(uint32_t report_index, const void *user_data)
{
	(void)report_index, (void)user_data;
	return "eth0";
}

/* One sweep; @metering gets the flows. */
static void count_flows(const Lab *lab, FlowMetering *metering)
{
	g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	const FlowCounting counting = { .now_ms = monotonic_ns() / 1000000,
					.name = name_interface };

	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_hosts(lab->cache, hosts, NULL));
	assert_true(cache_read_flows(lab->cache, NULL));
	flow_metering_count(metering, lab->cache, &counting);
	assert_true(cache_empty(lab->cache, NULL));
}

/* One block of them is handed on at a time. */
static void metering_has_all_flows_of_all_sweeps(void **state)
{
	Lab *lab = *state;
	g_autoptr(Config) config = config_of(lab, "");
	g_autoptr(FlowMetering) metering = flow_metering_new(config);
	const int many = 200;

	assert_true(cache_set_max_flows(lab->cache, many, NULL));
	assert_sweep(lab, 0, 0);
	assert_sweep(lab, 0, 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < many; i++)
			send_packets(lab->classifier, HOOK_INGRESS, (uint16_t)(1000 + i), 0, 1);
		count_flows(lab, metering);
		assert_int_equal(flows_count(flow_metering_flows(metering)), many);
		assert_int_equal(flow_metering_records(metering)->len, 0);
	}
	/* The report after the flush has them, once. */
	assert_int_equal(flow_metering_flush(metering, NULL, NULL), many);
	count_flows(lab, metering);
	assert_int_equal(flow_metering_records(metering)->len, many);
	for (int i = 0; i < many; i++)
		assert_int_equal(g_array_index(flow_metering_records(metering), FlowRecord, i)
					 .volume.packets,
				 2);
	flow_metering_forget_records(metering);
	count_flows(lab, metering);
	assert_int_equal(flow_metering_records(metering)->len, 0);
	assert_int_equal(flows_count(flow_metering_flows(metering)), 0);
}

/* Nobody will be there to make another. */
static void last_report_has_all_flows(void **state)
{
	Lab *lab = *state;
	g_autoptr(Config) config = config_of(lab, "");
	g_autoptr(FlowMetering) metering = flow_metering_new(config);

	send_packets(lab->classifier, HOOK_INGRESS, 1, 0, 1);
	count_flows(lab, metering);
	send_packets(lab->classifier, HOOK_INGRESS, 2, 0, 1);
	flow_metering_flush_all(metering);
	count_flows(lab, metering);
	assert_int_equal(flow_metering_records(metering)->len, 2);
	assert_int_equal(flows_count(flow_metering_flows(metering)), 0);
}

static uint64_t packets_from(const FlowMetering *metering, uint16_t source_port)
{
	const GArray *records = flow_metering_records(metering);
	uint64_t packets = 0;

	for (guint i = 0; i < records->len; i++) {
		const FlowRecord *record = &g_array_index(records, FlowRecord, i);

		if (record->key.source_port == htobe16(source_port))
			packets += record->volume.packets;
	}
	return packets;
}

/* More new flows than there is room for, in each sweep before the others come to speak. */
static void flood_takes_no_place_from_flows_that_go_on(void **state)
{
	Lab *lab = *state;
	g_autoptr(Config) config = config_of(lab, "");
	g_autoptr(FlowMetering) metering = flow_metering_new(config);
	const int established = MAX_FLOWS / 2, sweeps = 6;

	for (int sweep = 0; sweep < sweeps; sweep++) {
		for (int i = 0; sweep >= 4 && i < 10 * MAX_FLOWS; i++)
			send_packets(lab->classifier, HOOK_INGRESS,
				     (uint16_t)(1000 + sweep * 1000 + i), 0, 1);
		for (int i = 0; i < established; i++)
			send_packets(lab->classifier, HOOK_INGRESS, (uint16_t)(1 + i), 0, 3);
		count_flows(lab, metering);
	}
	flow_metering_flush_all(metering);
	count_flows(lab, metering);
	for (int i = 0; i < established; i++)
		assert_int_equal(packets_from(metering, (uint16_t)(1 + i)), 3 * sweeps);
	/* Without packets they leave their places, in one generation's table after the other. */
	assert_sweep(lab, 0, 0);
	assert_int_equal(cache_use(lab->cache).flows, established);
	assert_sweep(lab, 0, 0);
	assert_int_equal(cache_use(lab->cache).flows, 0);
}

/* In its place there is nothing of what was told before. */
static void flow_that_keeps_its_place_is_told_like_a_new_one(void **state)
{
	Lab *lab = *state;
	g_autoptr(Config) config = config_of(lab, "");
	g_autoptr(FlowMetering) metering = flow_metering_new(config);
	const uint64_t ticks_ns = 20000000; /* as above */
	g_autoptr(GArray) flows = NULL;
	const FlowDelta *flow;
	uint64_t start;

	for (int sweep = 0; sweep < 6; sweep++) {
		send_packets(lab->classifier, HOOK_INGRESS, 5000, 0, 3);
		send_packets_ipv6(lab->classifier, HOOK_INGRESS, 5000, 3);
		count_flows(lab, metering);
	}
	assert_int_equal(cache_flows_added(lab->cache), 0);
	start = monotonic_ns();
	send_packets(lab->classifier, HOOK_INGRESS, 5000, 0, 3);
	send_packets_ipv6(lab->classifier, HOOK_INGRESS, 5000, 3);
	assert_int_equal(cache_flows_added(lab->cache), 0);
	flows = sweep_flows(lab);
	assert_int_equal(flows->len, 2);
	for (guint i = 0; i < flows->len; i++) {
		flow = &g_array_index(flows, FlowDelta, i);
		assert_flow(flow, i ? 6 : 4, i ? 48 : 28);
		assert_int_equal(flow->attributes.min_octets, i ? 48 : 28);
		assert_in_range(flow->first_ns, start - ticks_ns, flow->last_ns);
	}
}

static const FlowPathSum *sum_at(const FlowMetering *metering, enum hook hook)
{
	const GPtrArray *sums = flow_metering_path_sums(metering);

	for (guint i = 0; i < sums->len; i++) {
		const FlowPathSum *sum = sums->pdata[i];

		if (sum->hook == hook)
			return sum;
	}
	return NULL;
}

/* Also where interfaces tell no flows apart, the ledger tells them apart. */
static void metering_sums_up_flows_by_path(void **state)
{
	Lab *lab = *state;
	static const char *const configs[] = { "", "flows: {key: [addresses, ports]}" };

	for (size_t i = 0; i < G_N_ELEMENTS(configs); i++) {
		g_autoptr(Config) config = config_of(lab, configs[i]);
		g_autoptr(FlowMetering) metering = flow_metering_new(config);

		send_packets(lab->classifier, HOOK_INGRESS, 1, 0, 3);
		send_packets(lab->classifier, HOOK_INGRESS, 2, 0, 4);
		send_packets(lab->classifier, HOOK_EGRESS, 1, 8, 5);
		count_flows(lab, metering);
		assert_int_equal(flow_metering_path_sums(metering)->len, HOOKS);
		assert_int_equal(sum_at(metering, HOOK_INGRESS)->ingress, IFINDEX);
		assert_int_equal(sum_at(metering, HOOK_INGRESS)->sum.volume.packets, 7);
		assert_int_equal(sum_at(metering, HOOK_INGRESS)->sum.volume.octets, 7 * 28);
		assert_int_equal(sum_at(metering, HOOK_EGRESS)->ingress, 8);
		assert_int_equal(sum_at(metering, HOOK_EGRESS)->egress, IFINDEX);
		assert_int_equal(sum_at(metering, HOOK_EGRESS)->sum.volume.packets, 5);
		/* Of one sweep alone. */
		count_flows(lab, metering);
		assert_int_equal(flow_metering_path_sums(metering)->len, 0);
	}
}

static void add_interfaces(const FlowRecord *flow, void *user_data)
{
	uint32_t *sum = user_data;

	*sum += flow->key.ingress + flow->key.egress;
}

static void interfaces_that_are_no_key_are_not_told(void **state)
{
	Lab *lab = *state;
	static const struct {
		const char *yaml;
		uint32_t interfaces;
	} rows[] = { { "", 8 + IFINDEX }, { "flows: {key: [addresses, ports]}", 0 } };

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(Config) config = config_of(lab, rows[i].yaml);
		g_autoptr(FlowMetering) metering = flow_metering_new(config);
		uint32_t interfaces = 0;

		send_packets(lab->classifier, HOOK_EGRESS, 1, 8, 1);
		count_flows(lab, metering);
		flows_visit(flow_metering_flows(metering), add_interfaces, &interfaces);
		assert_int_equal(interfaces, rows[i].interfaces);
	}
}

static void flows_are_adopted_with_their_counts(void **state)
{
	Lab *lab = *state;

	/* In both generations: one was to be emptied. */
	send_packets(lab->classifier, HOOK_INGRESS, 1, 0, 4);
	cache_advance(lab->cache);
	send_packets(lab->classifier, HOOK_INGRESS, 1, 0, 3);
	send_packets_ipv6(lab->classifier, HOOK_INGRESS, 1, 2);
	close_lab(lab);
	open_lab(lab, 8);
	send_packets(lab->classifier, HOOK_INGRESS, 1, 0, 1);
	{
		g_autoptr(GArray) flows = flows_of_quiet_generation(lab);

		assert_int_equal(packets_of(flows), 4);
	}
	assert_true(cache_empty(lab->cache, NULL));
	assert_sweep(lab, 2, 6);
}

static void send_flows(const Lab *lab, int n)
{
	for (int i = 0; i < n; i++)
		send_packets(lab->classifier, HOOK_INGRESS, (uint16_t)(1000 + i), 0, 1);
}

static void flow_tables_take_a_new_size_when_they_are_empty(void **state)
{
	Lab *lab = *state;

	send_flows(lab, 2 * MAX_FLOWS);
	assert_true(cache_set_max_flows(lab->cache, 2 * MAX_FLOWS, NULL));
	assert_sweep(lab, MAX_FLOWS, MAX_FLOWS);
	assert_int_equal(cache_use(lab->cache).flows, MAX_FLOWS);
	assert_int_equal(cache_use(lab->cache).flow_limit, 2 * MAX_FLOWS);
	/* The other generation's are still as they were. */
	send_flows(lab, 2 * MAX_FLOWS);
	assert_sweep(lab, MAX_FLOWS, MAX_FLOWS);
	for (int round = 0; round < GENERATIONS; round++) {
		send_flows(lab, 2 * MAX_FLOWS);
		assert_sweep(lab, 2 * MAX_FLOWS, 2 * MAX_FLOWS);
		assert_int_equal(cache_use(lab->cache).flows, 2 * MAX_FLOWS);
	}
	/* They are pinned in this size. */
	close_lab(lab);
	open_lab(lab, 8);
	send_flows(lab, 2 * MAX_FLOWS);
	assert_sweep(lab, 2 * MAX_FLOWS, 2 * MAX_FLOWS);
}

static void size_of_flow_tables_that_cannot_be_had_is_not_taken(void **state)
{
	Lab *lab = *state;

	assert_true(cache_set_max_flows(lab->cache, UINT32_MAX, NULL));
	for (int round = 0; round < GENERATIONS; round++) {
		send_flows(lab, 2);
		assert_sweep(lab, 2, 2);
	}
	assert_int_equal(cache_use(lab->cache).flow_limit, MAX_FLOWS);
}

static guint count_flow_pins(const Lab *lab)
{
	g_autofree char *prefix = g_strconcat(map_specs[MAP_FLOW_TABLE_IPV4].name, "-", NULL);
	g_autofree char *prefix_ipv6 = g_strconcat(map_specs[MAP_FLOW_TABLE_IPV6].name, "-", NULL);
	g_autoptr(GDir) dir = g_dir_open(lab->dir, 0, NULL);
	const char *name;
	guint n = 0;

	assert_non_null(dir);
	while ((name = g_dir_read_name(dir)))
		n += g_str_has_prefix(name, prefix) || g_str_has_prefix(name, prefix_ipv6);
	return n;
}

static void flow_tables_go_when_nobody_wants_them(void **state)
{
	Lab *lab = *state;
	const guint all = 2 * GENERATIONS * (guint)libbpf_num_possible_cpus();

	assert_int_equal(count_flow_pins(lab), all);
	send_flows(lab, 2);
	assert_true(cache_set_max_flows(lab->cache, 0, NULL));
	assert_sweep(lab, 2, 2);
	assert_int_equal(count_flow_pins(lab), all / GENERATIONS);
	send_flows(lab, 3);
	assert_sweep(lab, 3, 3);
	assert_int_equal(count_flow_pins(lab), 0);
	/* What is counted now is in the ledger alone, which sweep() compares with the flows. */
	send_frames(lab, 1, 5);
	assert_int_equal(sweep(lab, NULL), 5);
	assert_int_equal(cache_use(lab->cache).flows, 0);
	assert_true(cache_set_max_flows(lab->cache, MAX_FLOWS, NULL));
	assert_int_equal(count_flow_pins(lab), all);
	send_flows(lab, 4);
	assert_sweep(lab, 4, 4);
}

/* An agent that is killed meanwhile leaves the tables of one generation, whichever that is. */
static void flow_tables_that_are_left_are_adopted(void **state)
{
	Lab *lab = *state;

	for (int round = 0; round < GENERATIONS; round++) {
		assert_sweep(lab, 0, 0);
		assert_true(cache_set_max_flows(lab->cache, MAX_FLOWS, NULL));
		assert_true(cache_set_max_flows(lab->cache, 0, NULL));
		assert_sweep(lab, 0, 0);
		send_flows(lab, 3);
		lab->max_flows = 0;
		close_lab(lab);
		open_lab(lab, 8);
		assert_sweep(lab, 3, 3);
		assert_int_equal(count_flow_pins(lab), 0);
	}
}

/* Calls @visit for each table of hosts, pairs and flows, of both generations. */
static void visit_tables(const Lab *lab, void (*visit)(int fd, const struct bpf_map_info *info))
{
	g_autoptr(GDir) dir = g_dir_open(lab->dir, 0, NULL);
	const char *pin;

	assert_non_null(dir);
	while ((pin = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(lab->dir, pin, NULL);
		struct bpf_map_info info = { 0 };
		__u32 len = sizeof(info);
		int fd = bpf_obj_get(path);

		/* A bpffs has files of the kernel's own. */
		if (fd < 0)
			continue;
		assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
		if (info.type == BPF_MAP_TYPE_HASH || info.type == BPF_MAP_TYPE_PERCPU_HASH)
			visit(fd, &info);
		close(fd);
	}
}

static void delete_first_key(int fd, const struct bpf_map_info *info)
{
	g_autofree char *key = g_malloc(info->key_size);

	if (bpf_map_get_next_key(fd, NULL, key) == 0)
		assert_int_equal(bpf_map_delete_elem(fd, key), 0);
}

static void assert_no_key(int fd, const struct bpf_map_info *info)
{
	g_autofree char *key = g_malloc(info->key_size);

	assert_int_equal(bpf_map_get_next_key(fd, NULL, key), -ENOENT);
}

static void freeze_flows_of_ipv6(int fd, const struct bpf_map_info *info)
{
	if (info->value_size == sizeof(struct flow_ipv6))
		assert_int_equal(bpf_map_freeze(fd), 0);
}

static void read_all(const Lab *lab)
{
	g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(PairDelta));

	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_hosts(lab->cache, hosts, NULL));
	assert_true(cache_read_flows(lab->cache, NULL));
	assert_true(cache_read_pairs(lab->cache, pairs, NULL));
	assert_int_equal(pairs->len, 1);
}

/* What failed halfway has deleted some, and is repeated with the same copy. */
static void emptying_that_failed_halfway_can_be_repeated(void **state)
{
	Lab *lab = *state;

	send_flows(lab, 2 * MAX_FLOWS);
	send_packets_ipv6(lab->classifier, HOOK_INGRESS, 1, 2);
	read_all(lab);
	visit_tables(lab, delete_first_key);
	assert_true(cache_empty(lab->cache, NULL));
	visit_tables(lab, assert_no_key);
	for (int round = 0; round < GENERATIONS; round++) {
		send_flows(lab, 3);
		assert_sweep(lab, 3, 3);
	}
}

static void keep_flow(const FlowDelta *delta, bool *keep, void *user_data)
{
	(void)delta, (void)user_data;
	*keep = true;
}

static void what_was_kept_is_known_when_emptying_is_repeated(void **state)
{
	Lab *lab = *state;
	const int kept = MAX_FLOWS / 4;

	send_flows(lab, kept);
	send_packets_ipv6(lab->classifier, HOOK_INGRESS, 1, 2);
	visit_tables(lab, freeze_flows_of_ipv6);
	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_flows(lab->cache, NULL));
	cache_visit_flows(lab->cache, keep_flow, NULL);
	for (int times = 0; times < 2; times++)
		assert_false(cache_empty(lab->cache, NULL));
	cache_advance(lab->cache);
	assert_int_equal(cache_flow_room(lab->cache), MAX_FLOWS - kept);
}

static void flows_without_tables_are_in_the_ledger_alone(void **state)
{
	Lab *lab = *state;
	struct ledger_sheet sheets[HOOKS];

	send_flows(lab, 4);
	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_sheets(lab->cache, INTERFACE, sheets, NULL));
	assert_int_equal(sheets[HOOK_INGRESS].flow_classes[FLOW_LIMIT].frames, 4);
	assert_int_equal(count_flow_pins(lab), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FLOW_LAB(flow_is_read_as_it_was_counted),
		IN_FLOW_LAB(times_of_flows_are_of_the_monotonic_clock),
		IN_FLOW_LAB(each_sweep_brings_the_flows_of_its_generation),
		IN_FLOW_LAB(flow_is_known_by_its_interfaces),
		IN_FLOW_LAB(metering_has_all_flows_of_all_sweeps),
		IN_FLOW_LAB(last_report_has_all_flows),
		IN_FLOW_LAB(flood_takes_no_place_from_flows_that_go_on),
		IN_FLOW_LAB(flow_that_keeps_its_place_is_told_like_a_new_one),
		IN_FLOW_LAB(metering_sums_up_flows_by_path),
		IN_FLOW_LAB(interfaces_that_are_no_key_are_not_told),
		IN_FLOW_LAB(flows_are_adopted_with_their_counts),
		IN_FLOW_LAB(flow_tables_take_a_new_size_when_they_are_empty),
		IN_FLOW_LAB(size_of_flow_tables_that_cannot_be_had_is_not_taken),
		IN_FLOW_LAB(flow_tables_go_when_nobody_wants_them),
		IN_FLOW_LAB(flow_tables_that_are_left_are_adopted),
		IN_FLOW_LAB(emptying_that_failed_halfway_can_be_repeated),
		IN_FLOW_LAB(what_was_kept_is_known_when_emptying_is_repeated),
		IN_LAB(flows_without_tables_are_in_the_ledger_alone),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests_name("flowcache", tests, NULL, NULL);
}
