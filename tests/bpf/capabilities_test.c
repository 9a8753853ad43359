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

static void run_and_expect(const struct lab *lab, enum hook hook,
			   void (*build)(struct frame *frame, bool upload), uint64_t packets,
			   uint64_t octets)
{
	bool upload = lab_direction(lab->side, hook) == DIRECTION_UPLOAD;
	struct ledger_entry *entry;
	struct ledger_sheet sheet;
	struct frame frame;

	lab_clear(lab);
	begin(&frame, lab->layer);
	build(&frame, upload);
	assert_true(lab_run(lab, hook, &frame));
	lab_sheet(lab, 0, hook, &sheet);
	entry = &sheet.classes[LEDGER_LOCAL];
	assert_int_equal(entry->frames, 1);
	assert_int_equal(entry->packets, packets);
	assert_int_equal(entry->octets, octets);
	assert_int_equal(lab_table_size(lab->hosts[0]), 1);
}

static void meters(enum side side, enum link_layer layer)
{
	struct lab *lab = lab_new((struct lab_options){ .side = side, .layer = layer });

	lab_add_local(lab, LAB_IFINDEX, "8.0.2.0", 24);
	lab_add_local(lab, LAB_IFINDEX, "2001:db8:86dd:2::", 64);
	lab_add_not_internet(lab, "8.0.3.0", 24);
	lab_add_not_internet(lab, "2001:db8:86dd:3::", 64);
	for (enum hook hook = 0; hook < HOOKS; hook++) {
		run_and_expect(lab, hook, ipv4, 1, 20 + 32 + 100);
		run_and_expect(lab, hook, ipv6, 1, 40 + 32 + 100);
		run_and_expect(lab, hook, gso_ipv4, 2, 2 * (36 + 32 + 50));
		run_and_expect(lab, hook, gso_ipv6, 2, 2 * (40 + 16 + 32 + 50));
	}
	lab_free(lab);
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
		cmocka_unit_test(lan_is_metered),
		cmocka_unit_test(wan_is_metered),
		cmocka_unit_test(lan_without_ethernet_is_metered),
		cmocka_unit_test(wan_without_ethernet_is_metered),
	};

	if (lab_needs_root())
		return 0;
	return cmocka_run_group_tests_name("capabilities", tests, give_up_capabilities, NULL);
}
