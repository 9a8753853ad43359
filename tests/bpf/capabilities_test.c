/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier with no capabilities but CAP_BPF and CAP_NET_ADMIN: without CAP_PERFMON the verifier
 * asks more of it, and changes more of its code. All of this program runs as nobody.
 */
#include "meter_lab.h"

#include <grp.h>
#include <sys/capability.h>
#include <sys/prctl.h>

/* The headers here may be older than the kernel. */
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

#define NOBODY 65534

/* Without an Ethernet header the kernel takes two octets of the source address for the type. */
#define IPV4 "8.0.2.10"
#define IPV6 "2001:db8:86dd:2::10"
#define FAR_IPV4 "8.0.3.7"
#define FAR_IPV6 "2001:db8:86dd:3::7"

static void begin(struct frame *frame, enum link_layer layer)
{
	static const uint8_t mac[ETH_ALEN] = { 0x02 };

	frame_clear(frame);
	if (layer == LINK_ETHERNET)
		frame_add_macs(frame, mac, mac);
}

static void add_payload(struct frame *frame)
{
	frame_add_tcp(frame, 12);
	frame_add_filling(frame, 100);
	frame_finish(frame);
}

static void make_gso(struct frame *frame)
{
	frame->context.gso_size = 50;
	frame->context.gso_segs = 2;
}

static void add_ipv4(struct frame *frame, bool upload, unsigned options_len)
{
	frame_add_ipv4(frame, upload ? IPV4 : FAR_IPV4, upload ? FAR_IPV4 : IPV4, IPPROTO_TCP,
		       options_len);
}

static void add_ipv6(struct frame *frame, bool upload, uint8_t next_header)
{
	frame_add_ipv6(frame, upload ? IPV6 : FAR_IPV6, upload ? FAR_IPV6 : IPV6, next_header);
}

static void ipv4(struct frame *frame, bool upload)
{
	add_ipv4(frame, upload, 0);
	add_payload(frame);
}

static void ipv6(struct frame *frame, bool upload)
{
	add_ipv6(frame, upload, IPPROTO_TCP);
	add_payload(frame);
}

static void gso_ipv4(struct frame *frame, bool upload)
{
	add_ipv4(frame, upload, 16);
	add_payload(frame);
	make_gso(frame);
}

static void gso_ipv6(struct frame *frame, bool upload)
{
	add_ipv6(frame, upload, IPPROTO_HOPOPTS);
	frame_add_extension(frame, IPPROTO_TCP, 16);
	add_payload(frame);
	make_gso(frame);
}

/* The first fragment of a packet, whose ports are kept for the later ones. */
static void fragment_ipv4(struct frame *frame, bool upload)
{
	add_ipv4(frame, upload, 0);
	frame_set_be16(frame, frame->ip_offset + offsetof(struct iphdr, frag_off), 0x2000);
	add_payload(frame);
}

static void fragment_ipv6(struct frame *frame, bool upload)
{
	static const uint8_t header[] = { IPPROTO_TCP, 0, 0, 1, 0, 0, 0, 7 };

	add_ipv6(frame, upload, IPPROTO_FRAGMENT);
	frame_add(frame, header, sizeof(header));
	add_payload(frame);
}

/* All of the frame is in one flow, and in none where nobody wants them. */
static void assert_flows(const struct lab *lab, enum hook hook, const struct ledger_sheet *sheet,
			 int family)
{
	int table = (family == 4 ? lab->flows_ipv4 : lab->flows_ipv6)[0];
	int other = (family == 4 ? lab->flows_ipv6 : lab->flows_ipv4)[0];
	bool wanted = lab->skel->rodata->point_meter & METER_FLOWS;
	const struct ledger_entry *counted = &sheet->flow_classes[FLOW_COUNTED];
	struct flow_traffic traffic;
	union lab_flow_key key;
	uint64_t digest;

	assert_int_equal(counted->frames, wanted);
	assert_int_equal(lab_table_size(table), wanted);
	assert_true(lab_table_is_empty(other));
	if (!wanted)
		return;
	assert_true(lab_next_flow(table, NULL, &digest, &key, &traffic));
	assert_int_equal(traffic.packets, counted->packets);
	assert_int_equal(traffic.octets, counted->octets);
	assert_int_equal(traffic.attributes.tcp_flags, 0x10);
	assert_int_equal(traffic.attributes.source_mac[0], lab->layer == LINK_ETHERNET ? 2 : 0);
	assert_int_equal(key.start.protocol, IPPROTO_TCP);
	assert_int_equal(key.start.point & POINT_EGRESS, hook == HOOK_EGRESS);
}

static void run_and_expect(const struct lab *lab, enum hook hook,
			   void (*build)(struct frame *frame, bool upload), uint64_t packets,
			   uint64_t octets)
{
	bool upload = lab_direction(lab->side, hook) == DIRECTION_UPLOAD;
	bool hosts = lab->skel->rodata->point_meter & METER_HOSTS;
	struct ledger_entry *entry;
	struct ledger_sheet sheet;
	struct frame frame;

	lab_clear(lab);
	begin(&frame, lab->layer);
	build(&frame, upload);
	assert_true(lab_run(lab, hook, &frame));
	lab_sheet(lab, 0, hook, &sheet);
	entry = &sheet.classes[hosts ? LEDGER_LOCAL : LEDGER_NO_HOSTS];
	assert_int_equal(entry->frames, 1);
	assert_int_equal(entry->packets, packets);
	assert_int_equal(entry->octets, octets);
	assert_int_equal(lab_table_size(lab->hosts[0]), hosts);
	assert_flows(lab, hook, &sheet, frame.bytes[frame.ip_offset] >> 4);
}

static void run_all(struct lab_options options)
{
	struct lab *lab = lab_new(options);

	lab_add_local(lab, LAB_IFINDEX, "8.0.2.0", 24);
	lab_add_local(lab, LAB_IFINDEX, "2001:db8:86dd:2::", 64);
	lab_add_not_internet(lab, "8.0.3.0", 24);
	lab_add_not_internet(lab, "2001:db8:86dd:3::", 64);
	for (enum hook hook = 0; hook < HOOKS; hook++) {
		run_and_expect(lab, hook, ipv4, 1, 20 + 32 + 100);
		run_and_expect(lab, hook, ipv6, 1, 40 + 32 + 100);
		run_and_expect(lab, hook, gso_ipv4, 2, 2 * (36 + 32 + 50));
		run_and_expect(lab, hook, gso_ipv6, 2, 2 * (40 + 16 + 32 + 50));
		run_and_expect(lab, hook, fragment_ipv4, 1, 20 + 32 + 100);
		run_and_expect(lab, hook, fragment_ipv6, 1, 40 + 8 + 32 + 100);
	}
	lab_free(lab);
}

static void meters(enum side side, enum link_layer layer)
{
	/* With all that can be asked of it, and with little. */
	const struct lab_options options[] = {
		{ .meter = METER_HOSTS },
		{ .meter = METER_ALL, .flows_at = FLOWS_ENTERING | FLOWS_STAYING | FLOWS_LEAVING },
		{ .meter = METER_FLOWS,
		  .flows_at = FLOWS_ENTERING | FLOWS_LEAVING,
		  .flow_key = FLOW_BY_ADDRESSES | FLOW_BY_PORTS | FLOW_BY_VLAN },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		struct lab_options these = options[i];

		these.side = side;
		these.layer = layer;
		run_all(these);
	}
}

/* By default an address says whether a packet stays, in the agent's network namespace and in another. */
static void packets_that_stay_are_told_from_others(void **state)
{
	for (int i = 0; i < 4; i++) {
		enum link_layer layer = i % 2 ? LINK_IP : LINK_ETHERNET;
		struct lab *lab = lab_new((struct lab_options){ .layer = layer,
								.meter = METER_HOSTS | METER_FLOWS,
								.home = i / 2 ? LAB_HOME : 0 });
		struct ledger_sheet sheet;
		struct frame frame;

		lab_add_own(lab, FAR_IPV4);
		lab_add_own(lab, FAR_IPV6);
		lab_add_home(lab, LAB_HOME, FAR_IPV4);
		lab_add_home(lab, LAB_HOME, FAR_IPV6);
		for (int upload = 0; upload <= 1; upload++) {
			begin(&frame, layer);
			ipv4(&frame, upload);
			assert_true(lab_run(lab, HOOK_INGRESS, &frame));
			begin(&frame, layer);
			ipv6(&frame, upload);
			assert_true(lab_run(lab, HOOK_INGRESS, &frame));
		}
		lab_sheet(lab, 0, HOOK_INGRESS, &sheet);
		assert_int_equal(sheet.flow_classes[FLOW_COUNTED].frames, 2);
		assert_int_equal(sheet.flow_classes[FLOW_ELSEWHERE].frames, 2);
		lab_free(lab);
	}
}

static void flows_are_sampled(void **state)
{
	(void)state;
	for (enum flow_sampling of = SAMPLE_PACKETS; of <= SAMPLE_FLOWS; of++) {
		struct lab *lab = lab_new((struct lab_options){
			.meter = METER_ALL, .sampling = 2, .sampling_of = of });
		struct ledger_sheet sheet;
		struct frame frame;

		for (int i = 0; i < 100; i++) {
			begin(&frame, LINK_ETHERNET);
			ipv6(&frame, 1);
			assert_true(lab_run(lab, HOOK_EGRESS, &frame));
		}
		lab_sheet(lab, 0, HOOK_EGRESS, &sheet);
		assert_int_equal(sheet.flow_classes[FLOW_COUNTED].frames +
					 sheet.flow_classes[FLOW_UNSAMPLED].frames,
				 100);
		lab_free(lab);
	}
}

static void lan_is_metered(void **state)
{
	meters(SIDE_LAN, LINK_ETHERNET);
}

static void wan_is_metered(void **state)
{
	meters(SIDE_WAN, LINK_ETHERNET);
}

static void lan_without_ethernet_is_metered(void **state)
{
	meters(SIDE_LAN, LINK_IP);
}

static void wan_without_ethernet_is_metered(void **state)
{
	meters(SIDE_WAN, LINK_IP);
}

/* Only CAP_PERFMON may load a program that tells an address of the kernel's. */
static void capability_is_missing(void **state)
{
	const struct bpf_insn leak[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	assert_true(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "leak", "Dual BSD/GPL", leak,
				  sizeof(leak) / sizeof(*leak), NULL) < 0);
	assert_int_equal(errno, EACCES);
}

static int give_up_capabilities(void **state)
{
	const cap_value_t kept[] = { CAP_BPF, CAP_NET_ADMIN };
	cap_t capabilities = cap_init();
	bool done = capabilities && !prctl(PR_SET_KEEPCAPS, 1) && !setgroups(0, NULL) &&
		    !setresgid(NOBODY, NOBODY, NOBODY) && !setresuid(NOBODY, NOBODY, NOBODY) &&
		    !cap_set_flag(capabilities, CAP_PERMITTED, 2, kept, CAP_SET) &&
		    !cap_set_flag(capabilities, CAP_EFFECTIVE, 2, kept, CAP_SET) &&
		    !cap_set_proc(capabilities);

	cap_free(capabilities);
	return done ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capability_is_missing),
		cmocka_unit_test(flows_are_sampled),
		cmocka_unit_test(lan_is_metered),
		cmocka_unit_test(wan_is_metered),
		cmocka_unit_test(lan_without_ethernet_is_metered),
		cmocka_unit_test(wan_without_ethernet_is_metered),
		cmocka_unit_test(packets_that_stay_are_told_from_others),
	};

	if (lab_needs_root())
		return 0;
	return cmocka_run_group_tests_name("capabilities", tests, give_up_capabilities, NULL);
}
