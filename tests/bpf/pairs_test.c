/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted for pairs of interfaces, from the classifier to what the cache hands out, and the sizes of
 * packets.
 */
#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "cache_lab.h"
#include "kernel/mapspecs.h"

#define OTHER_IFINDEX 8
#define PAYLOAD_LEN 32

typedef struct {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[PAYLOAD_LEN];
} __attribute__((packed)) Udp;

typedef struct {
	struct ethhdr ethernet;
	struct ipv6hdr ip;
	struct tcphdr tcp;
	uint8_t payload[PAYLOAD_LEN];
} __attribute__((packed)) Tcp;

static Udp udp(void)
{
	return (Udp){
		.ethernet = { .h_dest = { 2 },
			      .h_source = { 2, 0, 0, 0, 0, 1 },
			      .h_proto = htobe16(ETH_P_IP) },
		.ip = { .version = 4,
			.ihl = 5,
			.tot_len = htobe16(sizeof(Udp) - ETH_HLEN),
			.ttl = 64,
			.id = htobe16(77),
			.protocol = IPPROTO_UDP,
			.saddr = htobe32(0xc0000201u),
			.daddr = htobe32(0xc6336401u) },
		.udp = { .source = htobe16(5000),
			 .dest = htobe16(53),
			 .len = htobe16(sizeof(struct udphdr) + PAYLOAD_LEN) },
		.payload = { [0] = 9, [PAYLOAD_LEN - 1] = 5 },
	};
}

static Tcp tcp(void)
{
	return (Tcp){
		.ethernet = { .h_dest = { 2 },
			      .h_source = { 2, 0, 0, 0, 0, 1 },
			      .h_proto = htobe16(ETH_P_IPV6) },
		.ip = { .version = 6,
			.payload_len = htobe16(sizeof(struct tcphdr) + PAYLOAD_LEN),
			.hop_limit = 64,
			.nexthdr = IPPROTO_TCP,
			.saddr.s6_addr = { 0x20, 0x01, [15] = 1 },
			.daddr.s6_addr = { 0x20, 0x02, [15] = 2 } },
		.tcp = { .source = htobe16(5000),
			 .dest = htobe16(80),
			 .seq = htobe32(1000),
			 .doff = 5 },
	};
}

/* What NAT and routing change. */
static void translate_udp(Udp *frame)
{
	frame->ethernet.h_source[5] = 7;
	frame->ip.ttl--;
	frame->ip.check = 4711;
	frame->ip.saddr = htobe32(0xcb007101u);
	frame->udp.source = htobe16(40000);
	frame->udp.check = 4712;
}

static void translate_tcp(Tcp *frame)
{
	frame->ip.hop_limit--;
	frame->ip.saddr.s6_addr[15] = 3;
	frame->tcp.source = htobe16(40000);
	frame->tcp.check = 4713;
}

static void pass(const Lab *lab, enum hook hook, const void *frame, size_t len)
{
	struct __sk_buff context = { .ingress_ifindex = hook == HOOK_EGRESS ? OTHER_IFINDEX : 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (__u32)len,
		    .ctx_in = &context, .ctx_size_in = sizeof(context));

	assert_int_equal(bpf_prog_test_run_opts(classifier_program_fd(lab->classifier, hook), &run),
			 0);
}

/* One sweep; of PairDelta. */
static GArray *sweep_pairs(const Lab *lab)
{
	g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	GArray *pairs = g_array_new(FALSE, FALSE, sizeof(PairDelta));

	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_hosts(lab->cache, hosts, NULL));
	assert_true(cache_read_flows(lab->cache, NULL));
	assert_true(cache_read_pairs(lab->cache, pairs, NULL));
	assert_true(cache_empty(lab->cache, NULL));
	return pairs;
}

static void assert_measured(const Lab *lab, uint64_t frames)
{
	g_autoptr(GArray) pairs = sweep_pairs(lab);
	const PairDelta *pair;

	assert_int_equal(pairs->len, frames ? 1 : 0);
	if (!frames)
		return;
	pair = &g_array_index(pairs, PairDelta, 0);
	assert_int_equal(pair->hook, HOOK_EGRESS);
	assert_int_equal(pair->ingress, OTHER_IFINDEX);
	assert_int_equal(pair->egress, IFINDEX);
	assert_int_equal(pair->latency_frames, frames);
	assert_int_equal(pair->limit.packets, 0);
}

static void latency_is_from_ingress_to_egress(void **state)
{
	Lab *lab = *state;
	const uint64_t pause_ns = 20000000;
	uint64_t start = monotonic_ns();
	g_autoptr(GArray) pairs = NULL;
	const PairDelta *pair;
	Udp frame = udp();

	pass(lab, HOOK_INGRESS, &frame, sizeof(frame));
	g_usleep(pause_ns / 1000);
	pass(lab, HOOK_EGRESS, &frame, sizeof(frame));
	pairs = sweep_pairs(lab);
	assert_int_equal(pairs->len, 1);
	pair = &g_array_index(pairs, PairDelta, 0);
	assert_int_equal(pair->latency_frames, 1);
	assert_true(pair->latency_ns >= pause_ns);
	assert_true(pair->latency_ns <= monotonic_ns() - start);
	assert_measured(lab, 0);
}

static void packet_is_known_whatever_is_changed_on_its_way(void **state)
{
	Lab *lab = *state;
	Udp of_udp = udp();
	Tcp of_tcp = tcp();

	pass(lab, HOOK_INGRESS, &of_udp, sizeof(of_udp));
	pass(lab, HOOK_INGRESS, &of_tcp, sizeof(of_tcp));
	translate_udp(&of_udp);
	translate_tcp(&of_tcp);
	pass(lab, HOOK_EGRESS, &of_tcp, sizeof(of_tcp));
	pass(lab, HOOK_EGRESS, &of_udp, sizeof(of_udp));
	assert_measured(lab, 2);
}

/* The end of a short frame goes, since it is no part of the packet. */
static void padding_makes_no_other_packet(void **state)
{
	Lab *lab = *state;
	struct {
		Udp frame;
		uint8_t padding[6];
	} __attribute__((packed)) padded = { .frame = udp(), .padding = { 1, 2, 3, 4, 5, 6 } };

	pass(lab, HOOK_INGRESS, &padded, sizeof(padded));
	pass(lab, HOOK_EGRESS, &padded.frame, sizeof(padded.frame));
	assert_measured(lab, 1);
}

static void other_packets_are_not_measured(void **state)
{
	Lab *lab = *state;
	Udp ids = udp(), head = udp(), tail = udp(), frame = udp();
	Tcp sequence = tcp(), of_tcp = tcp();

	ids.ip.id++;
	head.payload[0]++;
	tail.payload[PAYLOAD_LEN - 1]++;
	sequence.tcp.seq++;
	pass(lab, HOOK_INGRESS, &frame, sizeof(frame));
	pass(lab, HOOK_INGRESS, &of_tcp, sizeof(of_tcp));
	pass(lab, HOOK_EGRESS, &ids, sizeof(ids));
	pass(lab, HOOK_EGRESS, &head, sizeof(head));
	pass(lab, HOOK_EGRESS, &tail, sizeof(tail));
	pass(lab, HOOK_EGRESS, &sequence, sizeof(sequence));
	assert_measured(lab, 0);
	/* It leaves once. */
	pass(lab, HOOK_EGRESS, &frame, sizeof(frame));
	pass(lab, HOOK_EGRESS, &frame, sizeof(frame));
	assert_measured(lab, 1);
}

/* Nobody but the pair has them. */
static void packets_without_room_are_told_by_pair(void **state)
{
	Lab *lab = *state;
	g_autoptr(GArray) pairs = NULL;
	const PairDelta *pair;
	Udp frame = udp();

	for (int i = 0; i < 3 * MAX_FLOWS; i++) {
		frame.udp.source = htobe16((uint16_t)(1000 + i));
		pass(lab, HOOK_EGRESS, &frame, sizeof(frame));
	}
	pairs = sweep_pairs(lab);
	assert_int_equal(pairs->len, 1);
	pair = &g_array_index(pairs, PairDelta, 0);
	assert_int_equal(pair->ingress, OTHER_IFINDEX);
	assert_int_equal(pair->egress, IFINDEX);
	assert_int_equal(pair->limit.packets, 2 * MAX_FLOWS);
	assert_int_equal(pair->limit.octets, 2 * MAX_FLOWS * (sizeof(frame) - ETH_HLEN));
	assert_int_equal(pair->limit.layer2_octets, 2 * MAX_FLOWS * sizeof(frame));
	assert_int_equal(pair->latency_frames, 0);
}

/* The table of the active generation, with pairs of no packets. */
static void fill_pairs(const Lab *lab)
{
	g_autofree char *pin =
		g_strdup_printf("%s-%u", map_specs[MAP_PAIR_TABLE].name,
				(unsigned int)cache_generation(lab->cache) % GENERATIONS);
	g_autofree char *path = g_build_filename(lab->dir, pin, NULL);
	g_autofree struct pair_traffic *nothing =
		g_new0(struct pair_traffic, (gsize)libbpf_num_possible_cpus());
	struct pair_key key = { .point = POINT_EGRESS };
	int fd = bpf_obj_get(path), result;

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < map_specs[MAP_PAIR_TABLE].max_entries; i++) {
		key.other_ifindex = 1000 + i;
		/* What entries are allocated from is filled again in the background. */
		do
			result = bpf_map_update_elem(fd, &key, nothing, BPF_ANY);
		while (result == -ENOMEM);
		assert_int_equal(result, 0);
	}
	close(fd);
}

/* Then only the ledger tells of them, and so what the pairs lack. */
static void packets_whose_pair_finds_no_room_are_in_the_ledger(void **state)
{
	Lab *lab = *state;
	g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(PairDelta));
	struct ledger_sheet sheets[HOOKS];
	Udp frame = udp();

	fill_pairs(lab);
	for (int i = 0; i < 3 * MAX_FLOWS; i++) {
		frame.udp.source = htobe16((uint16_t)(1000 + i));
		pass(lab, HOOK_EGRESS, &frame, sizeof(frame));
	}
	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_pairs(lab->cache, pairs, NULL));
	assert_true(cache_read_sheets(lab->cache, INTERFACE, sheets, NULL));
	assert_int_equal(pairs->len, map_specs[MAP_PAIR_TABLE].max_entries);
	for (guint i = 0; i < pairs->len; i++)
		assert_int_equal(g_array_index(pairs, PairDelta, i).limit.packets, 0);
	assert_int_equal(sheets[HOOK_EGRESS].flow_classes[FLOW_LIMIT].packets, 2 * MAX_FLOWS);
}

static void pairs_are_adopted_with_their_counts(void **state)
{
	Lab *lab = *state;
	Udp frame = udp();

	pass(lab, HOOK_INGRESS, &frame, sizeof(frame));
	close_lab(lab);
	open_lab(lab, 8);
	pass(lab, HOOK_EGRESS, &frame, sizeof(frame));
	close_lab(lab);
	open_lab(lab, 8);
	assert_measured(lab, 1);
}

static void each_size_has_its_count(void **state)
{
	Lab *lab = *state;
	static const uint32_t bounds[] = { PACKET_SIZE_BOUNDS };
	static const uint64_t expected[PACKET_SIZES] = { 1, 2, 2, 2, 2, 2, 1, 0 };
	static uint8_t bytes[2000];
	struct ledger_sheet sheets[HOOKS];
	uint64_t octets = 0;
	Udp frame = udp();

	/* The kernel takes no longer ones from us, so there is none beyond a jumbo frame. */
	for (size_t i = 0; i < G_N_ELEMENTS(bounds) - 1; i++) {
		for (uint32_t len = bounds[i]; len <= bounds[i] + 1; len++) {
			frame.ip.tot_len = htobe16((uint16_t)(len - ETH_HLEN));
			memcpy(bytes, &frame, sizeof(frame));
			pass(lab, HOOK_INGRESS, bytes, len);
			octets += len;
		}
	}
	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_sheets(lab->cache, INTERFACE, sheets, NULL));
	assert_int_equal(sheets[HOOK_INGRESS].sizes.layer2_octets, octets);
	for (size_t i = 0; i < PACKET_SIZES; i++)
		assert_int_equal(sheets[HOOK_INGRESS].sizes.packets[i], expected[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FLOW_LAB(latency_is_from_ingress_to_egress),
		IN_FLOW_LAB(packet_is_known_whatever_is_changed_on_its_way),
		IN_FLOW_LAB(padding_makes_no_other_packet),
		IN_FLOW_LAB(other_packets_are_not_measured),
		IN_FLOW_LAB(packets_without_room_are_told_by_pair),
		IN_FLOW_LAB(packets_whose_pair_finds_no_room_are_in_the_ledger),
		IN_FLOW_LAB(pairs_are_adopted_with_their_counts),
		IN_FLOW_LAB(each_size_has_its_count),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests_name("pairs", tests, NULL, NULL);
}
