/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier where nothing stands before the IP header: PPP, WireGuard, tun.
 *
 * BPF_PROG_TEST_RUN knows no such devices. It takes octets 12 and 13 for the type of the frame all the
 * same, and the classifier sees all octets: so these are packets whose source is in 8.0.0.0/16, which
 * reads as the type of IPv4, or has 86dd as its third group, as that of IPv6.
 */
#include "shape.h"

#define TYPE_OFFSET 12

/* The device is in hosts.local, the neighbour in hosts.not-internet. */
static const struct endpoint device = { .ipv4 = "8.0.2.10", .ipv6 = "2001:db8:86dd:2::10" };
static const struct endpoint internet = { .ipv4 = "8.0.113.7", .ipv6 = "2620:fe:86dd::7" };
static const struct endpoint neighbour = { .ipv4 = "8.0.9.4", .ipv6 = "fd00:9:86dd::4" };
static const struct endpoint stranger = { .ipv4 = "8.0.77.9", .ipv6 = "2001:db8:86dd:bad::9" };

static void ipv4(struct frame *frame, const struct ends *ends)
{
	add_ipv4(frame, ends, IPPROTO_UDP, 0);
	finish_udp(frame);
}

static void ipv4_options(struct frame *frame, const struct ends *ends)
{
	add_ipv4(frame, ends, IPPROTO_UDP, 40);
	finish_udp(frame);
}

static void ipv6(struct frame *frame, const struct ends *ends)
{
	add_ipv6(frame, ends, IPPROTO_UDP);
	finish_udp(frame);
}

static void ipv6_extension(struct frame *frame, const struct ends *ends)
{
	add_ipv6(frame, ends, IPPROTO_HOPOPTS);
	frame_add_extension(frame, IPPROTO_UDP, 16);
	finish_udp(frame);
}

static void padded(struct frame *frame, const struct ends *ends)
{
	ipv4(frame, ends);
	frame_add_filling(frame, 10);
}

static void ipv4_to(struct frame *frame, const struct ends *ends, const char *address)
{
	frame_add_ipv4(frame, ends->source->ipv4, address, IPPROTO_UDP, 0);
	finish_udp(frame);
}

static void ipv4_multicast(struct frame *frame, const struct ends *ends)
{
	ipv4_to(frame, ends, "224.0.0.251");
}

static void ipv4_broadcast(struct frame *frame, const struct ends *ends)
{
	ipv4_to(frame, ends, "255.255.255.255");
}

static void ipv6_multicast(struct frame *frame, const struct ends *ends)
{
	frame_add_ipv6(frame, ends->source->ipv6, "ff02::1", IPPROTO_UDP);
	finish_udp(frame);
}

static void ipv4_longer_than_the_frame(struct frame *frame, const struct ends *ends)
{
	ipv4(frame, ends);
	frame_set_ipv4_length(frame, frame->len + 1);
}

static void ipv4_shorter_than_its_header(struct frame *frame, const struct ends *ends)
{
	ipv4_options(frame, ends);
	frame_set_ipv4_length(frame, 59);
}

static void ipv4_header_of_four_words(struct frame *frame, const struct ends *ends)
{
	ipv4(frame, ends);
	frame->bytes[0] = 0x44;
}

static void ipv6_longer_than_the_frame(struct frame *frame, const struct ends *ends)
{
	ipv6(frame, ends);
	frame_set_ipv6_length(frame, frame->len - sizeof(struct ipv6hdr) + 1);
}

static void ipv6_called_ipv4(struct frame *frame, const struct ends *ends)
{
	ipv6(frame, ends);
	frame_set_be16(frame, TYPE_OFFSET, ETH_P_IP);
}

static void ipv4_called_ipv6(struct frame *frame, const struct ends *ends)
{
	ipv4(frame, ends);
	frame_set_be16(frame, TYPE_OFFSET, ETH_P_IPV6);
}

static void ipv4_called_mpls(struct frame *frame, const struct ends *ends)
{
	ipv4(frame, ends);
	frame_set_be16(frame, TYPE_OFFSET, ETH_P_MPLS_UC);
}

/* A tag would be passed after an Ethernet header. */
static void ipv4_called_a_tag(struct frame *frame, const struct ends *ends)
{
	ipv4(frame, ends);
	frame_set_be16(frame, TYPE_OFFSET, ETH_P_8021Q);
	frame_set_be16(frame, TYPE_OFFSET + 4, ETH_P_IP);
}

static void gso_ipv4_tcp(struct frame *frame, const struct ends *ends)
{
	add_ipv4(frame, ends, IPPROTO_TCP, 0);
	frame_add_tcp(frame, 12);
	finish_gso(frame);
}

static void gso_ipv4_tcp_options(struct frame *frame, const struct ends *ends)
{
	add_ipv4(frame, ends, IPPROTO_TCP, 40);
	frame_add_tcp(frame, 40);
	finish_gso(frame);
}

static void gso_ipv4_udp(struct frame *frame, const struct ends *ends)
{
	add_ipv4(frame, ends, IPPROTO_UDP, 0);
	frame_add_udp(frame);
	finish_gso(frame);
}

static void gso_ipv6_tcp(struct frame *frame, const struct ends *ends)
{
	add_ipv6(frame, ends, IPPROTO_TCP);
	frame_add_tcp(frame, 12);
	finish_gso(frame);
}

static void gso_ipv6_extension(struct frame *frame, const struct ends *ends)
{
	add_ipv6(frame, ends, IPPROTO_HOPOPTS);
	frame_add_extension(frame, IPPROTO_TCP, 16);
	frame_add_tcp(frame, 0);
	finish_gso(frame);
}

static void gso_of_a_guest(struct frame *frame, const struct ends *ends)
{
	gso_ipv4_tcp(frame, ends);
	frame->context.gso_segs = 0;
}

static void gso_multicast(struct frame *frame, const struct ends *ends)
{
	frame_add_ipv4(frame, ends->source->ipv4, "224.0.0.251", IPPROTO_UDP, 0);
	frame_add_udp(frame);
	finish_gso(frame);
}

static void gso_not_ip(struct frame *frame, const struct ends *ends)
{
	gso_ipv4_tcp(frame, ends);
	frame_set_be16(frame, TYPE_OFFSET, ETH_P_MPLS_UC);
}

static void gso_malformed(struct frame *frame, const struct ends *ends)
{
	gso_ipv4_tcp(frame, ends);
	frame->bytes[0] = 0x44;
}

/* clang-format off */
static const struct shape shapes[] = {
	/* name, frame, far end, {class, packets, octets, layer 2 octets} */
	{"ipv4_is_metered", ipv4, NULL, {LEDGER_INTERNET, 1, 128, 128}},
	{"ipv4_with_options_is_metered", ipv4_options, NULL, {LEDGER_INTERNET, 1, 168, 168}},
	{"ipv6_is_metered", ipv6, NULL, {LEDGER_INTERNET, 1, 148, 148}},
	{"ipv6_with_an_extension_is_metered", ipv6_extension, NULL, {LEDGER_INTERNET, 1, 164, 164}},
	{"ipv4_to_a_neighbour_is_local", ipv4, &neighbour, {LEDGER_LOCAL, 1, 128, 128}},
	{"ipv6_to_a_neighbour_is_local", ipv6, &neighbour, {LEDGER_LOCAL, 1, 148, 148}},
	{"padding_is_of_layer_2", padded, NULL, {LEDGER_INTERNET, 1, 128, 138}},

	{"ipv4_multicast_is_multicast", ipv4_multicast, NULL, {LEDGER_MULTICAST, 1, 128, 128}},
	{"ipv4_broadcast_is_multicast", ipv4_broadcast, NULL, {LEDGER_MULTICAST, 1, 128, 128}},
	{"ipv6_multicast_is_multicast", ipv6_multicast, NULL, {LEDGER_MULTICAST, 1, 148, 148}},

	{"ipv4_longer_than_the_frame_is_malformed", ipv4_longer_than_the_frame, NULL,
	 {LEDGER_MALFORMED, 1, 0, 128}},
	{"ipv4_shorter_than_its_header_is_malformed", ipv4_shorter_than_its_header, NULL,
	 {LEDGER_MALFORMED, 1, 0, 168}},
	{"ipv4_header_of_four_words_is_malformed", ipv4_header_of_four_words, NULL,
	 {LEDGER_MALFORMED, 1, 0, 128}},
	{"ipv6_longer_than_the_frame_is_malformed", ipv6_longer_than_the_frame, NULL,
	 {LEDGER_MALFORMED, 1, 0, 148}},
	{"ipv6_called_ipv4_is_malformed", ipv6_called_ipv4, NULL, {LEDGER_MALFORMED, 1, 0, 148}},
	{"ipv4_called_ipv6_is_malformed", ipv4_called_ipv6, NULL, {LEDGER_MALFORMED, 1, 0, 128}},
	{"what_is_called_otherwise_is_not_ip", ipv4_called_mpls, NULL, {LEDGER_NOT_IP, 1, 0, 128}},
	{"what_is_called_a_tag_is_not_ip", ipv4_called_a_tag, NULL, {LEDGER_NOT_IP, 1, 0, 128}},

	{"gso_ipv4_tcp_counts_segments", gso_ipv4_tcp, NULL,
	 {LEDGER_INTERNET, 3, 3 * 52 + 2500, 3 * 52 + 2500}},
	{"gso_ipv4_tcp_repeats_options", gso_ipv4_tcp_options, NULL,
	 {LEDGER_INTERNET, 3, 3 * 120 + 2500, 3 * 120 + 2500}},
	{"gso_ipv4_udp_counts_segments", gso_ipv4_udp, NULL,
	 {LEDGER_INTERNET, 3, 3 * 28 + 2500, 3 * 28 + 2500}},
	{"gso_ipv6_tcp_counts_segments", gso_ipv6_tcp, NULL,
	 {LEDGER_INTERNET, 3, 3 * 72 + 2500, 3 * 72 + 2500}},
	{"gso_ipv6_tcp_repeats_extensions", gso_ipv6_extension, NULL,
	 {LEDGER_INTERNET, 3, 3 * 76 + 2500, 3 * 76 + 2500}},
	{"gso_of_a_guest_is_counted_from_its_size", gso_of_a_guest, NULL,
	 {LEDGER_INTERNET, 3, 3 * 52 + 2500, 3 * 52 + 2500}},
	{"gso_to_a_neighbour_is_local", gso_ipv4_tcp, &neighbour,
	 {LEDGER_LOCAL, 3, 3 * 52 + 2500, 3 * 52 + 2500}},
	{"gso_multicast_counts_segments", gso_multicast, NULL,
	 {LEDGER_MULTICAST, 3, 3 * 28 + 2500, 3 * 28 + 2500}},
	{"gso_not_ip_counts_segments", gso_not_ip, NULL, {LEDGER_NOT_IP, 3, 0, 52 + 2500}},
	{"gso_malformed_counts_segments", gso_malformed, NULL, {LEDGER_MALFORMED, 3, 0, 52 + 2500}},
};
/* clang-format on */

/* There is no MAC by which it could be counted. */
static void foreign_address_is_outside(void **state)
{
	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		const struct lab *lab = benches[side];
		enum ledger_class class = side == SIDE_LAN ? LEDGER_OUTSIDE : LEDGER_ROUTER;

		lab_clear(lab);
		for (enum hook hook = 0; hook < HOOKS; hook++) {
			run_and_expect(lab, hook, ipv4, &stranger, &internet, class);
			run_and_expect(lab, hook, ipv6, &stranger, &internet, class);
			run_and_expect(lab, hook, gso_ipv4_tcp, &stranger, &internet, class);
		}
		assert_int_equal(lab_table_size(lab->hosts[0]), 0);
		assert_int_equal(lab_table_size(lab->macs[0]), 0);
	}
}

static void both_directions_share_an_entry(void **state)
{
	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		const struct lab *lab = benches[side];

		lab_clear(lab);
		for (enum hook hook = 0; hook < HOOKS; hook++) {
			run_and_expect(lab, hook, ipv4, &device, &internet, LEDGER_INTERNET);
			run_and_expect(lab, hook, ipv6, &device, &internet, LEDGER_INTERNET);
		}
		assert_int_equal(lab_table_size(lab->hosts[0]), 2);
	}
}

static void prepare(const struct lab *lab)
{
	lab_add_local(lab, LAB_IFINDEX, "8.0.2.0", 24);
	lab_add_local(lab, LAB_IFINDEX, "2001:db8:86dd:2::", 64);
	lab_add_local(lab, LAB_OTHER_IFINDEX, "8.0.77.0", 24);
	lab_add_not_internet(lab, "8.0.9.0", 24);
	lab_add_not_internet(lab, "fc00::", 7);
}

static void full_table_counts_in_the_ledger(void **state)
{
	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		struct lab *lab = lab_new(
			(struct lab_options){ .side = side, .layer = LINK_IP, .max_hosts = 1 });

		prepare(lab);
		for (enum hook hook = 0; hook < HOOKS; hook++) {
			run_and_expect(lab, hook, ipv4, &device, &internet, LEDGER_INTERNET);
			run_and_expect(lab, hook, ipv6, &device, &internet, LEDGER_DEVICE_LIMIT);
		}
		assert_int_equal(lab_table_size(lab->hosts[0]), 1);
		assert_int_equal(lab_table_size(lab->macs[0]), 0);
		lab_free(lab);
	}
}

static int make_labs(void **state)
{
	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		benches[side] = lab_new((struct lab_options){ .side = side, .layer = LINK_IP });
		prepare(benches[side]);
	}
	return 0;
}

/* clang-format off */
static const struct CMUnitTest situations[] = {
	cmocka_unit_test(foreign_address_is_outside),
	cmocka_unit_test(both_directions_share_an_entry),
	cmocka_unit_test(full_table_counts_in_the_ledger),
};
/* clang-format on */

int main(void)
{
	struct CMUnitTest tests[ROWS(shapes) + ROWS(situations)] = {};

	if (lab_needs_root())
		return 0;
	for (size_t i = 0; i < ROWS(shapes); i++)
		tests[i] = (struct CMUnitTest){ .name = shapes[i].name,
						.test_func = shape_is_counted,
						.initial_state = (void *)&shapes[i] };
	memcpy(tests + ROWS(shapes), situations, sizeof(situations));
	return cmocka_run_group_tests_name("link_ip", tests, make_labs, free_labs);
}
