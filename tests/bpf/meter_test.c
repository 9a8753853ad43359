/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier, frame by frame: each shape of frame and each class of the ledger, at both hooks and
 * with the devices on either side of the interface.
 */
#include "shape.h"

#include <sched.h>
#include <time.h>

#include "tests/bpf/tag.skel.h"
#include "kernel/ticks.h"

#define TAG_LEN 4

/* The device is in hosts.local, the neighbour and the branch are in hosts.not-internet. */
static const struct endpoint device = { { 0x02, 0, 0, 0, 0, 0x0a },
					"192.168.2.10",
					"2001:db8:ca2:2::10" };
static const struct endpoint internet = { { 0x02, 0, 0, 0, 0, 0x01 },
					  "198.51.100.7",
					  "2001:4860::7" };
static const struct endpoint neighbour = { { 0x02, 0, 0, 0, 0, 0x0b },
					   "192.168.2.11",
					   "fd00:2::11" };
static const struct endpoint branch = { { 0x02, 0, 0, 0, 0, 0x01 },
					"192.0.2.4",
					"2001:db8:ca2:9::4" };
/* The machine itself; its IPv4 address is in hosts.not-internet, too. */
static const struct endpoint router = { { 0x02, 0, 0, 0, 0, 0x01 }, "192.0.2.1", "2001:4860::1" };
static const struct endpoint stranger = { { 0x02, 0, 0, 0, 0, 0x0c },
					  "203.0.113.99",
					  "2001:db8:bad::99" };

static const uint8_t all_stations[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t bridges[ETH_ALEN] = { 0x01, 0x80, 0xc2, 0, 0, 0 };

static void add_macs(struct frame *frame, const struct ends *ends)
{
	frame_add_macs(frame, ends->destination->mac, ends->source->mac);
}

static void finish_tcp(struct frame *frame)
{
	frame_add_tcp(frame, 0);
	frame_add_filling(frame, PAYLOAD);
	frame_finish(frame);
}

static void ipv4_tcp(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv4(frame, ends, IPPROTO_TCP, 0);
	finish_tcp(frame);
}

static void ipv4_udp(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv4(frame, ends, IPPROTO_UDP, 0);
	finish_udp(frame);
}

static void ipv4_icmp(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv4(frame, ends, IPPROTO_ICMP, 0);
	frame_add_filling(frame, 8 + 56);
	frame_finish(frame);
}

static void ipv6_tcp(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_TCP);
	finish_tcp(frame);
}

static void ipv6_udp(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_UDP);
	finish_udp(frame);
}

static void ipv6_icmp(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_ICMPV6);
	frame_add_filling(frame, 8 + 56);
	frame_finish(frame);
}

static void ipv4_options(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv4(frame, ends, IPPROTO_TCP, 40);
	finish_tcp(frame);
}

static void add_extensions(struct frame *frame)
{
	frame_add_extension(frame, IPPROTO_DSTOPTS, 8);
	frame_add_extension(frame, IPPROTO_ROUTING, 16);
	frame_add_extension(frame, IPPROTO_TCP, 24);
}

static void ipv6_extensions(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_HOPOPTS);
	add_extensions(frame);
	finish_tcp(frame);
}

static void ipv6_no_next_header(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_NONE);
	frame_finish(frame);
}

static void ipv4_in_tags(struct frame *frame, const struct ends *ends, const uint16_t *protocols,
			 unsigned tags)
{
	add_macs(frame, ends);
	for (unsigned i = 0; i < tags; i++)
		frame_add_tag(frame, protocols[i], 0x2000 | (i + 1));
	add_ipv4(frame, ends, IPPROTO_UDP, 0);
	finish_udp(frame);
}

static void one_tag(struct frame *frame, const struct ends *ends)
{
	ipv4_in_tags(frame, ends, (uint16_t[]){ ETH_P_8021Q }, 1);
}

static void one_service_tag(struct frame *frame, const struct ends *ends)
{
	ipv4_in_tags(frame, ends, (uint16_t[]){ ETH_P_8021AD }, 1);
}

static void one_old_tag(struct frame *frame, const struct ends *ends)
{
	ipv4_in_tags(frame, ends, (uint16_t[]){ 0x9100 }, 1);
}

static void two_tags(struct frame *frame, const struct ends *ends)
{
	ipv4_in_tags(frame, ends, (uint16_t[]){ ETH_P_8021AD, ETH_P_8021Q }, 2);
}

static void two_old_tags(struct frame *frame, const struct ends *ends)
{
	ipv4_in_tags(frame, ends, (uint16_t[]){ 0x9100, ETH_P_8021Q }, 2);
}

static void three_tags(struct frame *frame, const struct ends *ends)
{
	ipv4_in_tags(frame, ends, (uint16_t[]){ ETH_P_8021AD, ETH_P_8021Q, ETH_P_8021Q }, 3);
}

static void four_tags(struct frame *frame, const struct ends *ends)
{
	ipv4_in_tags(frame, ends,
		     (uint16_t[]){ ETH_P_8021AD, ETH_P_8021Q, ETH_P_8021Q, ETH_P_8021Q }, 4);
}

static void ipv6_in_a_tag(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	frame_add_tag(frame, ETH_P_8021Q, 5);
	add_ipv6(frame, ends, IPPROTO_UDP);
	finish_udp(frame);
}

static void arp_in_a_tag(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	frame_add_tag(frame, ETH_P_8021Q, 5);
	frame_add_be16(frame, ETH_P_ARP);
	frame_add_filling(frame, 28);
}

static void other_than_ip(struct frame *frame, const uint8_t destination[ETH_ALEN],
			  const struct ends *ends, uint16_t protocol)
{
	frame_add_macs(frame, destination, ends->source->mac);
	frame_add_be16(frame, protocol);
	frame_add_filling(frame, 46);
}

static void arp(struct frame *frame, const struct ends *ends)
{
	other_than_ip(frame, ends->destination->mac, ends, ETH_P_ARP);
}

static void arp_request(struct frame *frame, const struct ends *ends)
{
	other_than_ip(frame, all_stations, ends, ETH_P_ARP);
}

static void spanning_tree(struct frame *frame, const struct ends *ends)
{
	other_than_ip(frame, bridges, ends, 38); /* a length, LLC follows */
}

static void pppoe(struct frame *frame, const struct ends *ends)
{
	other_than_ip(frame, ends->destination->mac, ends, ETH_P_PPP_SES);
}

static void nothing_but_ethernet(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	frame_add_be16(frame, ETH_P_LOOPBACK);
}

static void ipv4_to(struct frame *frame, const uint8_t mac[ETH_ALEN], const struct ends *ends,
		    const char *address)
{
	frame_add_macs(frame, mac, ends->source->mac);
	frame_add_ipv4(frame, ends->source->ipv4, address, IPPROTO_UDP, 0);
	finish_udp(frame);
}

static void ipv6_to(struct frame *frame, const uint8_t mac[ETH_ALEN], const struct ends *ends,
		    const char *address)
{
	frame_add_macs(frame, mac, ends->source->mac);
	frame_add_ipv6(frame, ends->source->ipv6, address, IPPROTO_UDP);
	finish_udp(frame);
}

static void ipv4_multicast(struct frame *frame, const struct ends *ends)
{
	ipv4_to(frame, (const uint8_t[]){ 0x01, 0, 0x5e, 0, 0, 0xfb }, ends, "224.0.0.251");
}

static void ipv4_multicast_to_a_station(struct frame *frame, const struct ends *ends)
{
	ipv4_to(frame, ends->destination->mac, ends, "239.255.255.250");
}

static void ipv4_unicast_to_a_group(struct frame *frame, const struct ends *ends)
{
	ipv4_to(frame, (const uint8_t[]){ 0x01, 0, 0x5e, 0, 0, 0xfb }, ends,
		ends->destination->ipv4);
}

static void ipv4_broadcast(struct frame *frame, const struct ends *ends)
{
	ipv4_to(frame, all_stations, ends, "255.255.255.255");
}

static void ipv4_broadcast_to_a_station(struct frame *frame, const struct ends *ends)
{
	ipv4_to(frame, ends->destination->mac, ends, "255.255.255.255");
}

static void ipv4_subnet_broadcast(struct frame *frame, const struct ends *ends)
{
	ipv4_to(frame, all_stations, ends, "192.168.2.255");
}

static void ipv6_multicast(struct frame *frame, const struct ends *ends)
{
	ipv6_to(frame, (const uint8_t[]){ 0x33, 0x33, 0, 0, 0, 1 }, ends, "ff02::1");
}

static void ipv6_multicast_to_a_station(struct frame *frame, const struct ends *ends)
{
	ipv6_to(frame, ends->destination->mac, ends, "ff02::1");
}

static void ipv6_unicast_to_a_group(struct frame *frame, const struct ends *ends)
{
	ipv6_to(frame, (const uint8_t[]){ 0x33, 0x33, 0, 0, 0, 1 }, ends, ends->destination->ipv6);
}

static void ipv4_longer_than_the_frame(struct frame *frame, const struct ends *ends)
{
	ipv4_udp(frame, ends);
	frame_set_ipv4_length(frame, frame->len - frame->ip_offset + 1);
}

static void ipv4_shorter_than_its_header(struct frame *frame, const struct ends *ends)
{
	ipv4_options(frame, ends);
	frame_set_ipv4_length(frame, 59);
}

static void ipv4_header_of_four_words(struct frame *frame, const struct ends *ends)
{
	ipv4_udp(frame, ends);
	frame->bytes[frame->ip_offset] = 0x44;
}

static void ipv4_header_cut(struct frame *frame, const struct ends *ends)
{
	one_tag(frame, ends);
	frame->len = frame->ip_offset + sizeof(struct iphdr) - 1;
}

static void ipv4_multicast_cut(struct frame *frame, const struct ends *ends)
{
	ipv4_multicast(frame, ends);
	frame->len--;
}

static void ipv6_called_ipv4(struct frame *frame, const struct ends *ends)
{
	ipv6_udp(frame, ends);
	frame_set_be16(frame, offsetof(struct ethhdr, h_proto), ETH_P_IP);
}

static void ipv4_called_ipv6(struct frame *frame, const struct ends *ends)
{
	ipv4_udp(frame, ends);
	frame_set_be16(frame, offsetof(struct ethhdr, h_proto), ETH_P_IPV6);
}

static void ipv6_longer_than_the_frame(struct frame *frame, const struct ends *ends)
{
	ipv6_udp(frame, ends);
	frame_set_ipv6_length(frame, frame->len - frame->ip_offset - sizeof(struct ipv6hdr) + 1);
}

static void ipv6_header_cut(struct frame *frame, const struct ends *ends)
{
	ipv6_in_a_tag(frame, ends);
	frame->len = frame->ip_offset + sizeof(struct ipv6hdr) - 1;
}

static void tag_cut(struct frame *frame, const struct ends *ends)
{
	one_tag(frame, ends);
	frame->len = 14 + TAG_LEN - 1;
}

static void second_tag_missing(struct frame *frame, const struct ends *ends)
{
	two_tags(frame, ends);
	frame->len = 14 + TAG_LEN;
}

static void add_padding(struct frame *frame)
{
	frame_add_filling(frame, ETH_ZLEN - frame->len);
}

static void ipv4_padded(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv4(frame, ends, IPPROTO_UDP, 0);
	frame_add_udp(frame);
	frame_add_filling(frame, 4);
	frame_finish(frame);
	add_padding(frame);
}

static void ipv6_padded(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_NONE);
	frame_finish(frame);
	add_padding(frame);
}

static void ipv4_first_fragment(struct frame *frame, const struct ends *ends)
{
	ipv4_udp(frame, ends);
	frame_set_be16(frame, frame->ip_offset + offsetof(struct iphdr, frag_off), 0x2000);
}

static void ipv4_last_fragment(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv4(frame, ends, IPPROTO_UDP, 0);
	frame_set_be16(frame, frame->ip_offset + offsetof(struct iphdr, frag_off), 185);
	frame_add_filling(frame, 3);
	frame_finish(frame);
}

static void ipv6_fragment(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_FRAGMENT);
	frame_add_extension(frame, IPPROTO_UDP, 8);
	finish_udp(frame);
}

static void add_jumbo_option(struct frame *frame, uint8_t next_header)
{
	const uint8_t jumbo[] = { next_header, 0, 0xc2, 4, 0, 0, 0, 0 };

	frame_add(frame, jumbo, sizeof(jumbo));
}

static void ipv6_jumbogram(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_HOPOPTS);
	add_jumbo_option(frame, IPPROTO_UDP);
	finish_udp(frame);
	frame_set_ipv6_length(frame, 0);
}

static void gso_ipv4_tcp(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv4(frame, ends, IPPROTO_TCP, 0);
	frame_add_tcp(frame, 12);
	finish_gso(frame);
}

static void gso_ipv4_tcp_options(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv4(frame, ends, IPPROTO_TCP, 8);
	frame_add_tcp(frame, 40);
	finish_gso(frame);
}

static void gso_ipv6_tcp(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_TCP);
	frame_add_tcp(frame, 12);
	finish_gso(frame);
}

static void gso_ipv6_extensions(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_HOPOPTS);
	add_extensions(frame);
	frame_add_tcp(frame, 0);
	finish_gso(frame);
}

static void gso_ipv4_udp(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv4(frame, ends, IPPROTO_UDP, 0);
	frame_add_udp(frame);
	finish_gso(frame);
}

static void gso_ipv6_udp(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_UDP);
	frame_add_udp(frame);
	finish_gso(frame);
}

static void gso_in_tags(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	frame_add_tag(frame, ETH_P_8021AD, 7);
	frame_add_tag(frame, ETH_P_8021Q, 5);
	add_ipv4(frame, ends, IPPROTO_TCP, 0);
	frame_add_tcp(frame, 12);
	finish_gso(frame);
}

static void gso_of_a_guest(struct frame *frame, const struct ends *ends)
{
	gso_ipv4_tcp(frame, ends);
	frame->context.gso_segs = 0;
}

static void gso_of_a_guest_ipv6(struct frame *frame, const struct ends *ends)
{
	gso_ipv6_tcp(frame, ends);
	frame->context.gso_segs = 0;
}

static void gso_without_payload(struct frame *frame, const struct ends *ends)
{
	gso_of_a_guest(frame, ends);
	frame->len -= 2500;
}

static void gso_of_one_segment(struct frame *frame, const struct ends *ends)
{
	ipv4_tcp(frame, ends);
	frame->context.gso_size = 1000;
	frame->context.gso_segs = 1;
}

static void gso_longer_than_ipv4_can_say(struct frame *frame, const struct ends *ends)
{
	gso_ipv4_tcp(frame, ends);
	frame_set_ipv4_length(frame, 0);
}

/* Until Linux 6.19 such a frame carries a jumbo option, which no segment has on the wire. */
static void gso_longer_than_ipv6_can_say(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	add_ipv6(frame, ends, IPPROTO_HOPOPTS);
	add_jumbo_option(frame, IPPROTO_TCP);
	frame_add_tcp(frame, 12);
	finish_gso(frame);
	frame_set_ipv6_length(frame, 0);
}

static void segments_without_a_size(struct frame *frame, const struct ends *ends)
{
	ipv4_tcp(frame, ends);
	frame->context.gso_segs = 3;
}

static void gso_multicast(struct frame *frame, const struct ends *ends)
{
	frame_add_macs(frame, (const uint8_t[]){ 0x01, 0, 0x5e, 0, 0, 0xfb }, ends->source->mac);
	frame_add_ipv4(frame, ends->source->ipv4, "224.0.0.251", IPPROTO_UDP, 0);
	frame_add_udp(frame);
	finish_gso(frame);
}

/* What the kernel sums up on egress, of a frame whose inner headers only it knows. */
#define TUNNEL_HEADERS 50

static void gso_ipv4_tunnel(struct frame *frame, const struct ends *ends)
{
	gso_ipv4_udp(frame, ends);
	frame->context.wire_len = frame->len + 2 * (42 + TUNNEL_HEADERS);
}

static void gso_not_ip(struct frame *frame, const struct ends *ends)
{
	add_macs(frame, ends);
	frame_add_be16(frame, ETH_P_MPLS_UC);
	finish_gso(frame);
}

/* clang-format off */
static const struct shape shapes[] = {
	/* name, frame, far end, {class, packets, octets, layer 2 octets} */
	{"ipv4_tcp_is_metered", ipv4_tcp, NULL, {LEDGER_INTERNET, 1, 140, 154}},
	{"ipv4_udp_is_metered", ipv4_udp, NULL, {LEDGER_INTERNET, 1, 128, 142}},
	{"ipv4_icmp_is_metered", ipv4_icmp, NULL, {LEDGER_INTERNET, 1, 84, 98}},
	{"ipv6_tcp_is_metered", ipv6_tcp, NULL, {LEDGER_INTERNET, 1, 160, 174}},
	{"ipv6_udp_is_metered", ipv6_udp, NULL, {LEDGER_INTERNET, 1, 148, 162}},
	{"ipv6_icmp_is_metered", ipv6_icmp, NULL, {LEDGER_INTERNET, 1, 104, 118}},
	{"ipv4_with_options_is_metered", ipv4_options, NULL, {LEDGER_INTERNET, 1, 180, 194}},
	{"ipv6_with_extensions_is_metered", ipv6_extensions, NULL, {LEDGER_INTERNET, 1, 208, 222}},
	{"ipv6_without_payload_is_metered", ipv6_no_next_header, NULL, {LEDGER_INTERNET, 1, 40, 54}},
	{"ipv4_to_a_neighbour_is_local", ipv4_udp, &neighbour, {LEDGER_LOCAL, 1, 128, 142}},
	{"ipv6_to_a_neighbour_is_local", ipv6_udp, &neighbour, {LEDGER_LOCAL, 1, 148, 162}},
	{"ipv4_to_a_long_prefix_is_local", ipv4_udp, &branch, {LEDGER_LOCAL, 1, 128, 142}},
	{"ipv6_to_a_long_prefix_is_local", ipv6_udp, &branch, {LEDGER_LOCAL, 1, 148, 162}},
	{"ipv6_beside_a_long_prefix_is_internet", ipv6_udp, &stranger,
	 {LEDGER_INTERNET, 1, 148, 162}},

	{"one_tag_is_passed", one_tag, NULL, {LEDGER_INTERNET, 1, 128, 146}},
	{"one_service_tag_is_passed", one_service_tag, NULL, {LEDGER_INTERNET, 1, 128, 146}},
	{"one_tag_of_old_qinq_is_passed", one_old_tag, NULL, {LEDGER_INTERNET, 1, 128, 146}},
	{"two_tags_are_passed", two_tags, NULL, {LEDGER_INTERNET, 1, 128, 150}},
	{"two_tags_of_old_qinq_are_passed", two_old_tags, NULL, {LEDGER_INTERNET, 1, 128, 150}},
	{"three_tags_are_passed", three_tags, NULL, {LEDGER_INTERNET, 1, 128, 154}},
	{"four_tags_are_not_ip", four_tags, NULL, {LEDGER_NOT_IP, 1, 0, 158}},
	{"ipv6_in_a_tag_is_metered", ipv6_in_a_tag, NULL, {LEDGER_INTERNET, 1, 148, 166}},
	{"arp_in_a_tag_is_not_ip", arp_in_a_tag, NULL, {LEDGER_NOT_IP, 1, 0, 46}},

	{"arp_is_not_ip", arp, NULL, {LEDGER_NOT_IP, 1, 0, 60}},
	{"arp_request_is_not_ip", arp_request, NULL, {LEDGER_NOT_IP, 1, 0, 60}},
	{"llc_frame_is_not_ip", spanning_tree, NULL, {LEDGER_NOT_IP, 1, 0, 60}},
	{"pppoe_is_not_ip", pppoe, NULL, {LEDGER_NOT_IP, 1, 0, 60}},
	{"frame_without_payload_is_not_ip", nothing_but_ethernet, NULL, {LEDGER_NOT_IP, 1, 0, 14}},

	{"ipv4_multicast_is_multicast", ipv4_multicast, NULL, {LEDGER_MULTICAST, 1, 128, 142}},
	{"ipv4_multicast_to_a_station_is_multicast", ipv4_multicast_to_a_station, NULL,
	 {LEDGER_MULTICAST, 1, 128, 142}},
	{"ipv4_unicast_to_a_group_is_multicast", ipv4_unicast_to_a_group, NULL,
	 {LEDGER_MULTICAST, 1, 128, 142}},
	{"ipv4_broadcast_is_multicast", ipv4_broadcast, NULL, {LEDGER_MULTICAST, 1, 128, 142}},
	{"ipv4_broadcast_to_a_station_is_multicast", ipv4_broadcast_to_a_station, NULL,
	 {LEDGER_MULTICAST, 1, 128, 142}},
	{"ipv4_subnet_broadcast_is_multicast", ipv4_subnet_broadcast, NULL,
	 {LEDGER_MULTICAST, 1, 128, 142}},
	{"ipv6_multicast_is_multicast", ipv6_multicast, NULL, {LEDGER_MULTICAST, 1, 148, 162}},
	{"ipv6_multicast_to_a_station_is_multicast", ipv6_multicast_to_a_station, NULL,
	 {LEDGER_MULTICAST, 1, 148, 162}},
	{"ipv6_unicast_to_a_group_is_multicast", ipv6_unicast_to_a_group, NULL,
	 {LEDGER_MULTICAST, 1, 148, 162}},

	{"ipv4_longer_than_the_frame_is_malformed", ipv4_longer_than_the_frame, NULL,
	 {LEDGER_MALFORMED, 1, 0, 142}},
	{"ipv4_shorter_than_its_header_is_malformed", ipv4_shorter_than_its_header, NULL,
	 {LEDGER_MALFORMED, 1, 0, 194}},
	{"ipv4_header_of_four_words_is_malformed", ipv4_header_of_four_words, NULL,
	 {LEDGER_MALFORMED, 1, 0, 142}},
	{"ipv4_header_cut_is_malformed", ipv4_header_cut, NULL, {LEDGER_MALFORMED, 1, 0, 37}},
	{"ipv4_multicast_cut_is_malformed", ipv4_multicast_cut, NULL,
	 {LEDGER_MALFORMED, 1, 0, 141}},
	{"ipv6_called_ipv4_is_malformed", ipv6_called_ipv4, NULL, {LEDGER_MALFORMED, 1, 0, 162}},
	{"ipv4_called_ipv6_is_malformed", ipv4_called_ipv6, NULL, {LEDGER_MALFORMED, 1, 0, 142}},
	{"ipv6_longer_than_the_frame_is_malformed", ipv6_longer_than_the_frame, NULL,
	 {LEDGER_MALFORMED, 1, 0, 162}},
	{"ipv6_header_cut_is_malformed", ipv6_header_cut, NULL, {LEDGER_MALFORMED, 1, 0, 57}},
	{"tag_cut_is_malformed", tag_cut, NULL, {LEDGER_MALFORMED, 1, 0, 17}},
	{"second_tag_missing_is_malformed", second_tag_missing, NULL, {LEDGER_MALFORMED, 1, 0, 18}},

	{"padding_after_ipv4_is_of_layer_2", ipv4_padded, NULL, {LEDGER_INTERNET, 1, 32, 60}},
	{"padding_after_ipv6_is_of_layer_2", ipv6_padded, NULL, {LEDGER_INTERNET, 1, 40, 60}},
	{"first_fragment_is_metered", ipv4_first_fragment, NULL, {LEDGER_INTERNET, 1, 128, 142}},
	{"last_fragment_is_metered", ipv4_last_fragment, NULL, {LEDGER_INTERNET, 1, 23, 37}},
	{"ipv6_fragment_is_metered", ipv6_fragment, NULL, {LEDGER_INTERNET, 1, 156, 170}},
	{"jumbogram_is_as_long_as_its_frame", ipv6_jumbogram, NULL, {LEDGER_INTERNET, 1, 156, 170}},

	{"gso_ipv4_tcp_counts_segments", gso_ipv4_tcp, NULL,
	 {LEDGER_INTERNET, 3, 3 * 52 + 2500, 3 * 66 + 2500}},
	{"gso_ipv4_tcp_repeats_options", gso_ipv4_tcp_options, NULL,
	 {LEDGER_INTERNET, 3, 3 * 88 + 2500, 3 * 102 + 2500}},
	{"gso_ipv6_tcp_counts_segments", gso_ipv6_tcp, NULL,
	 {LEDGER_INTERNET, 3, 3 * 72 + 2500, 3 * 86 + 2500}},
	{"gso_ipv6_tcp_repeats_extensions", gso_ipv6_extensions, NULL,
	 {LEDGER_INTERNET, 3, 3 * 108 + 2500, 3 * 122 + 2500}},
	{"gso_ipv4_udp_counts_segments", gso_ipv4_udp, NULL,
	 {LEDGER_INTERNET, 3, 3 * 28 + 2500, 3 * 42 + 2500}},
	{"gso_ipv6_udp_counts_segments", gso_ipv6_udp, NULL,
	 {LEDGER_INTERNET, 3, 3 * 48 + 2500, 3 * 62 + 2500}},
	{"gso_repeats_tags", gso_in_tags, NULL, {LEDGER_INTERNET, 3, 3 * 52 + 2500, 3 * 74 + 2500}},
	{"gso_of_a_guest_is_counted_from_its_size", gso_of_a_guest, NULL,
	 {LEDGER_INTERNET, 3, 3 * 52 + 2500, 3 * 66 + 2500}},
	{"gso_of_a_guest_is_counted_from_its_size_ipv6", gso_of_a_guest_ipv6, NULL,
	 {LEDGER_INTERNET, 3, 3 * 72 + 2500, 3 * 86 + 2500}},
	{"gso_without_payload_is_one_packet", gso_without_payload, NULL,
	 {LEDGER_INTERNET, 1, 52, 66}},
	{"gso_of_one_segment_is_one_packet", gso_of_one_segment, NULL,
	 {LEDGER_INTERNET, 1, 140, 154}},
	{"segments_without_a_size_are_one_packet", segments_without_a_size, NULL,
	 {LEDGER_INTERNET, 1, 140, 154}},
	{"gso_longer_than_ipv4_can_say_is_metered", gso_longer_than_ipv4_can_say, NULL,
	 {LEDGER_INTERNET, 3, 3 * 52 + 2500, 3 * 66 + 2500}},
	{"gso_longer_than_ipv6_can_say_is_without_jumbo_option", gso_longer_than_ipv6_can_say, NULL,
	 {LEDGER_INTERNET, 3, 3 * 72 + 2500, 3 * 86 + 2500}},
	{"gso_to_a_neighbour_is_local", gso_ipv4_tcp, &neighbour,
	 {LEDGER_LOCAL, 3, 3 * 52 + 2500, 3 * 66 + 2500}},
	{"gso_multicast_counts_segments", gso_multicast, NULL,
	 {LEDGER_MULTICAST, 3, 3 * 28 + 2500, 3 * 42 + 2500}},
};
/* clang-format on */

/* The same where it has been counted by MAC alone. */
static struct host_key mac_key_of(const struct frame *frame, const struct endpoint *near,
				  enum scope scope)
{
	struct host_key key = host_key_of(benches[SIDE_LAN], frame, near, scope);

	memset(key.address, 0, ADDRESS_LEN);
	return key;
}

static void foreign_address_is_counted_by_mac(void **state)
{
	const struct lab *lab = benches[SIDE_LAN];

	for (enum hook hook = 0; hook < HOOKS; hook++) {
		enum direction direction = lab_direction(SIDE_LAN, hook);
		struct host_traffic traffic;
		struct host_key key;
		struct frame frame;

		lab_clear(lab);
		build(&frame, ipv4_udp, direction, &stranger, &internet);
		assert_true(lab_run(lab, hook, &frame));
		assert_only_class(lab, hook, &frame, LEDGER_MAC_ONLY, 1, 128, 142);
		assert_sizes(lab, 0, 1);
		key = mac_key_of(&frame, &stranger, SCOPE_INTERNET);
		assert_true(lab_host(lab, lab->macs[0], &key, &traffic));
		assert_traffic(&traffic.direction[direction], 1, 128, 142);
		assert_traffic(&traffic.direction[!direction], 0, 0, 0);

		lab_clear(lab);
		build(&frame, ipv6_udp, direction, &stranger, &neighbour);
		assert_true(lab_run(lab, hook, &frame));
		assert_only_class(lab, hook, &frame, LEDGER_MAC_ONLY, 1, 148, 162);
		assert_sizes(lab, 0, 1);
		key = mac_key_of(&frame, &stranger, SCOPE_LOCAL);
		assert_true(lab_host(lab, lab->macs[0], &key, &traffic));
		assert_traffic(&traffic.direction[direction], 1, 148, 162);
	}
}

static void machine_itself_is_a_scope_of_its_own(void **state)
{
	void (*const shapes_of[])(struct frame *, const struct ends *) = { ipv4_udp, ipv6_udp };

	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		for (size_t i = 0; i < ROWS(shapes_of); i++) {
			const struct lab *lab = benches[side];
			struct host_traffic traffic;
			struct host_key key;
			struct frame frame;

			lab_clear(lab);
			run_and_expect(lab, HOOK_INGRESS, shapes_of[i], &device, &router,
				       LEDGER_LOCAL);
			run_and_expect(lab, HOOK_EGRESS, shapes_of[i], &device, &router,
				       LEDGER_LOCAL);
			assert_sizes(lab, 1, 0);
			build(&frame, shapes_of[i], DIRECTION_UPLOAD, &device, &router);
			key = host_key_of(lab, &frame, &device, SCOPE_ROUTER);
			assert_true(lab_host(lab, lab->hosts[0], &key, &traffic));
		}
	}
}

static void local_prefix_of_another_interface_does_not_count(void **state)
{
	const struct lab *lab = benches[SIDE_LAN];
	const struct endpoint guest = { { 0x02, 0, 0, 0, 0, 0x0d },
					"10.9.0.3",
					"2001:db8:ca2:3::3" };

	lab_clear(lab);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &guest, &internet, LEDGER_MAC_ONLY);
	run_and_expect(lab, HOOK_EGRESS, ipv6_udp, &guest, &internet, LEDGER_MAC_ONLY);
	assert_sizes(lab, 0, 2);
}

/* IPv4 addresses are written as IPv6 ones, and yet ::/0 is not theirs. */
static void prefixes_of_one_family_do_not_hold_for_the_other(void **state)
{
	struct lab *lab = lab_new((struct lab_options){});

	lab_add_local(lab, LAB_IFINDEX, "::", 0);
	lab_add_not_internet(lab, "198.51.100.0", 24);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &device, &stranger, LEDGER_MAC_ONLY);
	run_and_expect(lab, HOOK_INGRESS, ipv6_udp, &device, &stranger, LEDGER_INTERNET);
	lab_add_local(lab, LAB_IFINDEX, "0.0.0.0", 0);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &device, &internet, LEDGER_LOCAL);
	lab_free(lab);
}

static void own_end_that_is_not_local_is_the_router(void **state)
{
	const struct lab *lab = benches[SIDE_WAN];

	for (enum hook hook = 0; hook < HOOKS; hook++) {
		struct frame frame;

		lab_clear(lab);
		build(&frame, ipv4_udp, lab_direction(SIDE_WAN, hook), &stranger, &internet);
		assert_true(lab_run(lab, hook, &frame));
		assert_only_class(lab, hook, &frame, LEDGER_ROUTER, 1, 128, 142);
		assert_sizes(lab, 0, 0);

		lab_clear(lab);
		build(&frame, gso_ipv6_tcp, lab_direction(SIDE_WAN, hook), &stranger, &internet);
		assert_true(lab_run(lab, hook, &frame));
		assert_only_class(lab, hook, &frame, LEDGER_ROUTER, 3, 3 * 72 + 2500,
				  3 * 86 + 2500);
		assert_sizes(lab, 0, 0);
	}
}

static void devices_behind_one_address_are_told_apart(void **state)
{
	const struct lab *lab = benches[SIDE_LAN];
	struct endpoint twin = device;

	twin.mac[5]++;
	lab_clear(lab);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &device, &internet, LEDGER_INTERNET);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &twin, &internet, LEDGER_INTERNET);
	assert_sizes(lab, 2, 0);
}

static void both_directions_share_an_entry(void **state)
{
	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		const struct lab *lab = benches[side];
		struct host_traffic traffic;
		struct host_key key;
		struct frame frame;

		lab_clear(lab);
		run_and_expect(lab, HOOK_INGRESS, ipv6_tcp, &device, &internet, LEDGER_INTERNET);
		run_and_expect(lab, HOOK_INGRESS, ipv6_udp, &device, &internet, LEDGER_INTERNET);
		run_and_expect(lab, HOOK_EGRESS, ipv6_icmp, &device, &internet, LEDGER_INTERNET);
		assert_sizes(lab, 1, 0);
		build(&frame, ipv6_tcp, DIRECTION_UPLOAD, &device, &internet);
		key = host_key_of(lab, &frame, &device, SCOPE_INTERNET);
		assert_true(lab_host(lab, lab->hosts[0], &key, &traffic));
		assert_traffic(&traffic.direction[lab_direction(side, HOOK_INGRESS)], 2, 160 + 148,
			       174 + 162);
		assert_traffic(&traffic.direction[lab_direction(side, HOOK_EGRESS)], 1, 104, 118);
	}
}

static void prepare(const struct lab *lab)
{
	lab_add_local(lab, LAB_IFINDEX, "192.168.2.0", 24);
	lab_add_local(lab, LAB_IFINDEX, "2001:db8:ca2:2::", 64);
	lab_add_local(lab, LAB_OTHER_IFINDEX, "10.9.0.0", 16);
	lab_add_local(lab, LAB_OTHER_IFINDEX, "2001:db8:ca2:3::", 64);
	lab_add_not_internet(lab, "10.0.0.0", 8);
	lab_add_not_internet(lab, "192.168.0.0", 16);
	lab_add_not_internet(lab, "192.0.2.0", 24);
	lab_add_not_internet(lab, "fc00::", 7);
	lab_add_not_internet(lab, "2001:db8:ca2::", 48);
	lab_add_own(lab, router.ipv4);
	lab_add_own(lab, router.ipv6);
}

static void full_table_of_hosts_counts_by_mac(void **state)
{
	struct lab *lab = lab_new((struct lab_options){ .max_hosts = 1 });
	struct host_traffic traffic;
	struct host_key key;
	struct frame frame;

	prepare(lab);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &device, &internet, LEDGER_INTERNET);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &neighbour, &internet, LEDGER_ADDRESS_LIMIT);
	run_and_expect(lab, HOOK_EGRESS, ipv4_tcp, &neighbour, &internet, LEDGER_ADDRESS_LIMIT);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &device, &internet, LEDGER_INTERNET);
	assert_sizes(lab, 1, 1);
	build(&frame, ipv4_udp, DIRECTION_UPLOAD, &neighbour, &internet);
	key = mac_key_of(&frame, &neighbour, SCOPE_INTERNET);
	assert_true(lab_host(lab, lab->macs[0], &key, &traffic));
	assert_traffic(&traffic.direction[DIRECTION_UPLOAD], 1, 128, 142);
	assert_traffic(&traffic.direction[DIRECTION_DOWNLOAD], 1, 140, 154);
	lab_free(lab);
}

static void full_table_of_macs_counts_in_the_ledger(void **state)
{
	struct lab *lab = lab_new((struct lab_options){ .max_hosts = 1, .max_macs = 1 });

	prepare(lab);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &device, &internet, LEDGER_INTERNET);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &stranger, &internet, LEDGER_MAC_ONLY);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &neighbour, &internet, LEDGER_DEVICE_LIMIT);
	run_and_expect(lab, HOOK_EGRESS, ipv6_udp, &stranger, &internet, LEDGER_DEVICE_LIMIT);
	run_and_expect(lab, HOOK_EGRESS, ipv4_udp, &stranger, &internet, LEDGER_MAC_ONLY);
	run_and_expect(lab, HOOK_EGRESS, ipv4_udp, &device, &internet, LEDGER_INTERNET);
	assert_sizes(lab, 1, 1);
	lab_free(lab);
}

static void full_table_of_hosts_counts_in_the_ledger_of_a_wan(void **state)
{
	struct lab *lab = lab_new((struct lab_options){ .side = SIDE_WAN, .max_hosts = 1 });

	prepare(lab);
	run_and_expect(lab, HOOK_EGRESS, ipv4_udp, &device, &internet, LEDGER_INTERNET);
	run_and_expect(lab, HOOK_EGRESS, ipv4_udp, &neighbour, &internet, LEDGER_DEVICE_LIMIT);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &neighbour, &internet, LEDGER_DEVICE_LIMIT);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &device, &internet, LEDGER_INTERNET);
	assert_sizes(lab, 1, 0);
	lab_free(lab);
}

static void missing_table_counts_in_the_ledger(void **state)
{
	struct lab *lab = lab_new((struct lab_options){});
	uint32_t generation = 0;

	prepare(lab);
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(lab->skel->maps.macs), &generation), 0);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &stranger, &internet, LEDGER_DEVICE_LIMIT);
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(lab->skel->maps.hosts), &generation), 0);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &device, &internet, LEDGER_DEVICE_LIMIT);
	lab_free(lab);
}

static void frames_are_counted_in_the_active_generation_alone(void **state)
{
	const struct lab *lab = benches[SIDE_LAN];
	const uint64_t generations[] = { 0, 1, 2, 7, 1ULL << 40, (1ULL << 40) + 1 };

	for (unsigned i = 0; i < sizeof(generations) / sizeof(*generations); i++) {
		uint32_t active = generations[i] % GENERATIONS, quiet = !active;
		struct ledger_sheet sheet;
		struct frame frame;

		lab_clear(lab);
		lab_set_generation(lab, generations[i]);
		for (enum hook hook = 0; hook < HOOKS; hook++) {
			enum direction direction = lab_direction(SIDE_LAN, hook);

			build(&frame, ipv4_udp, direction, &device, &internet);
			assert_true(lab_run(lab, hook, &frame));
			build(&frame, ipv4_udp, direction, &stranger, &internet);
			assert_true(lab_run(lab, hook, &frame));
			lab_sheet(lab, active, hook, &sheet);
			assert_int_equal(sheet.seen.frames, 2);
			assert_int_equal(sheet.classes[LEDGER_INTERNET].frames, 1);
			assert_int_equal(sheet.classes[LEDGER_MAC_ONLY].frames, 1);
			lab_sheet(lab, quiet, hook, &sheet);
			assert_int_equal(sheet.seen.frames, 0);
			assert_sheet_balances(&sheet);
		}
		assert_int_equal(lab_table_size(lab->hosts[active]), 1);
		assert_int_equal(lab_table_size(lab->macs[active]), 1);
		assert_int_equal(lab_table_size(lab->hosts[quiet]), 0);
		assert_int_equal(lab_table_size(lab->macs[quiet]), 0);
	}
}

static struct traffic device_upload(const struct lab *lab)
{
	struct host_traffic traffic;
	struct host_key key;
	struct frame frame;

	build(&frame, ipv4_udp, DIRECTION_UPLOAD, &device, &internet);
	key = host_key_of(lab, &frame, &device, SCOPE_INTERNET);
	assert_true(lab_host(lab, lab->hosts[0], &key, &traffic));
	assert_int_equal(traffic.direction[DIRECTION_DOWNLOAD].first_ticks, 0);
	assert_int_equal(traffic.direction[DIRECTION_DOWNLOAD].last_ticks, 0);
	return traffic.direction[DIRECTION_UPLOAD];
}

static void times_are_in_ticks(void **state)
{
	struct lab *lab = lab_new((struct lab_options){});
	const struct timespec pause = { .tv_nsec = 20000000 }; /* more than a tick */
	struct traffic once, twice;
	int clock = ticks_open(NULL);
	uint64_t start;
	Ticks now;

	assert_true(clock >= 0);
	assert_true(ticks_read(clock, &now, NULL));
	assert_in_range(now.tick_ns, 1000000, 10000000);
	start = now.monotonic_ns - 2 * now.tick_ns; /* a tick may come late */
	prepare(lab);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &device, &internet, LEDGER_INTERNET);
	once = device_upload(lab);
	assert_int_equal(once.first_ticks, once.last_ticks);
	assert_true(ticks_read(clock, &now, NULL));
	assert_in_range(ticks_to_ns(&now, once.first_ticks), start, now.monotonic_ns);
	nanosleep(&pause, NULL);
	run_and_expect(lab, HOOK_INGRESS, ipv4_udp, &device, &internet, LEDGER_INTERNET);
	twice = device_upload(lab);
	assert_int_equal(twice.first_ticks, once.first_ticks);
	start += pause.tv_nsec;
	assert_true(ticks_read(clock, &now, NULL));
	assert_in_range(ticks_to_ns(&now, twice.last_ticks), start, now.monotonic_ns);
	close(clock);
	lab_free(lab);
}

static void kernel_sums_up_tunnels_on_egress_alone(void **state)
{
	const struct lab *lab = benches[SIDE_LAN];
	const uint64_t outer = 3 * 42 + 2500;
	struct frame frame;

	lab_clear(lab);
	build(&frame, gso_ipv4_tunnel, DIRECTION_DOWNLOAD, &device, &internet);
	assert_true(lab_run(lab, HOOK_EGRESS, &frame));
	assert_only_class(lab, HOOK_EGRESS, &frame, LEDGER_INTERNET, 3,
			  outer - 3 * 14 + 2 * TUNNEL_HEADERS, outer + 2 * TUNNEL_HEADERS);

	lab_clear(lab);
	build(&frame, gso_ipv4_tunnel, DIRECTION_UPLOAD, &device, &internet);
	assert_true(lab_run(lab, HOOK_INGRESS, &frame));
	assert_only_class(lab, HOOK_INGRESS, &frame, LEDGER_INTERNET, 3, outer - 3 * 14, outer);
}

static void kernel_sum_never_lowers_the_octets(void **state)
{
	const struct lab *lab = benches[SIDE_LAN];
	struct frame frame;

	lab_clear(lab);
	build(&frame, gso_ipv4_tcp, DIRECTION_DOWNLOAD, &device, &internet);
	frame.context.gso_segs = 60000;
	frame.context.wire_len = frame.len + 1;
	assert_true(lab_run(lab, HOOK_EGRESS, &frame));
	assert_only_class(lab, HOOK_EGRESS, &frame, LEDGER_INTERNET, 60000, 60000 * 52 + 2500,
			  60000 * 66 + 2500);
}

static void kernel_sums_up_what_is_not_ip(void **state)
{
	const struct lab *lab = benches[SIDE_LAN];
	struct frame frame;

	lab_clear(lab);
	build(&frame, gso_not_ip, DIRECTION_DOWNLOAD, &device, &internet);
	frame.context.wire_len = frame.len + 2 * 70;
	assert_true(lab_run(lab, HOOK_EGRESS, &frame));
	assert_only_class(lab, HOOK_EGRESS, &frame, LEDGER_NOT_IP, 3, 0, frame.len + 2 * 70);

	lab_clear(lab);
	assert_true(lab_run(lab, HOOK_INGRESS, &frame));
	assert_only_class(lab, HOOK_INGRESS, &frame, LEDGER_NOT_IP, 3, 0, frame.len);
}

/* The frame as the classifier finds it behind a network card that takes out the outer tag. */
static void run_tagged(const struct lab *lab, enum hook hook, const struct frame *frame)
{
	struct tag_bpf *tag = tag_bpf__open_and_load();
	int program = lab_program(lab, hook);
	uint32_t zero = 0;

	assert_non_null(tag);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(tag->maps.classifier), &zero, &program, BPF_ANY),
		0);
	assert_true(lab_run_program(bpf_program__fd(tag->progs.add_tag), frame));
	tag_bpf__destroy(tag);
}

/* clang-format off */
static const struct shape tagged_shapes[] = {
	/* name, frame, far end, {class, packets, octets, layer 2 octets} */
	{"tag_in_the_metadata_is_of_layer_2", ipv4_udp, NULL, {LEDGER_INTERNET, 1, 128, 146}},
	{"inner_tag_is_passed", one_tag, NULL, {LEDGER_INTERNET, 1, 128, 150}},
	{"three_inner_tags_are_passed", three_tags, NULL, {LEDGER_INTERNET, 1, 128, 158}},
	{"tagged_padding_is_of_layer_2", ipv4_padded, NULL, {LEDGER_INTERNET, 1, 32, 64}},
	{"tagged_arp_is_not_ip", arp, NULL, {LEDGER_NOT_IP, 1, 0, 64}},
	{"tagged_malformed_is_malformed", ipv6_longer_than_the_frame, NULL,
	 {LEDGER_MALFORMED, 1, 0, 166}},
	{"tagged_gso_repeats_the_tag", gso_ipv4_tcp, NULL,
	 {LEDGER_INTERNET, 3, 3 * 52 + 2500, 3 * 70 + 2500}},
	{"tagged_gso_ipv6_repeats_the_tag", gso_ipv6_tcp, NULL,
	 {LEDGER_INTERNET, 3, 3 * 72 + 2500, 3 * 90 + 2500}},
	{"tagged_gso_not_ip_repeats_the_tag", gso_not_ip, NULL,
	 {LEDGER_NOT_IP, 3, 0, 14 + 2500 + 3 * 4}},
};
/* clang-format on */

static void tagged_shape_is_counted(void **state)
{
	const struct shape *shape = *state;
	const struct lab *lab = benches[SIDE_LAN];

	for (enum hook hook = 0; hook < HOOKS; hook++) {
		const struct ledger_entry *entry;
		struct ledger_sheet sheet;
		struct frame frame;

		lab_clear(lab);
		build(&frame, shape->build, lab_direction(SIDE_LAN, hook), &device, &internet);
		run_tagged(lab, hook, &frame);
		lab_sheet(lab, 0, hook, &sheet);
		entry = &sheet.classes[shape->expected.class];
		assert_int_equal(sheet.seen.frames, 1);
		assert_int_equal(sheet.seen.tagged, 1);
		assert_int_equal(sheet.seen.skb_octets, frame.len);
		assert_sheet_balances(&sheet);
		assert_int_equal(entry->frames, 1);
		assert_int_equal(entry->packets, shape->expected.packets);
		assert_int_equal(entry->octets, shape->expected.octets);
		assert_int_equal(entry->layer2_octets, shape->expected.layer2_octets);
	}
}

static void tagged_gso_on_egress_adds_the_tag_to_the_kernel_sum(void **state)
{
	const struct lab *lab = benches[SIDE_LAN];
	struct ledger_sheet sheet;
	struct frame frame;

	lab_clear(lab);
	build(&frame, gso_ipv4_tunnel, DIRECTION_DOWNLOAD, &device, &internet);
	run_tagged(lab, HOOK_EGRESS, &frame);
	lab_sheet(lab, 0, HOOK_EGRESS, &sheet);
	assert_int_equal(sheet.classes[LEDGER_INTERNET].packets, 3);
	assert_int_equal(sheet.classes[LEDGER_INTERNET].layer2_octets,
			 frame.context.wire_len + 3 * TAG_LEN);
	assert_int_equal(sheet.classes[LEDGER_INTERNET].octets, frame.context.wire_len - 3 * 14);
}

static int make_labs(void **state)
{
	cpu_set_t first_cpu;

	CPU_ZERO(&first_cpu);
	CPU_SET(0, &first_cpu);
	if (sched_setaffinity(0, sizeof(first_cpu), &first_cpu))
		return -1;
	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		benches[side] = lab_new((struct lab_options){ .side = side });
		prepare(benches[side]);
	}
	return 0;
}

/* clang-format off */
static const struct CMUnitTest situations[] = {
	cmocka_unit_test(foreign_address_is_counted_by_mac),
	cmocka_unit_test(machine_itself_is_a_scope_of_its_own),
	cmocka_unit_test(local_prefix_of_another_interface_does_not_count),
	cmocka_unit_test(prefixes_of_one_family_do_not_hold_for_the_other),
	cmocka_unit_test(own_end_that_is_not_local_is_the_router),
	cmocka_unit_test(devices_behind_one_address_are_told_apart),
	cmocka_unit_test(both_directions_share_an_entry),
	cmocka_unit_test(full_table_of_hosts_counts_by_mac),
	cmocka_unit_test(full_table_of_macs_counts_in_the_ledger),
	cmocka_unit_test(full_table_of_hosts_counts_in_the_ledger_of_a_wan),
	cmocka_unit_test(missing_table_counts_in_the_ledger),
	cmocka_unit_test(frames_are_counted_in_the_active_generation_alone),
	cmocka_unit_test(times_are_in_ticks),
	cmocka_unit_test(kernel_sums_up_tunnels_on_egress_alone),
	cmocka_unit_test(kernel_sum_never_lowers_the_octets),
	cmocka_unit_test(kernel_sums_up_what_is_not_ip),
	cmocka_unit_test(tagged_gso_on_egress_adds_the_tag_to_the_kernel_sum),
};
/* clang-format on */

int main(void)
{
	struct CMUnitTest tests[ROWS(shapes) + ROWS(tagged_shapes) + ROWS(situations)] = {};
	size_t n = 0;

	if (lab_needs_root())
		return 0;
	for (size_t i = 0; i < ROWS(shapes); i++)
		tests[n++] = (struct CMUnitTest){ .name = shapes[i].name,
						  .test_func = shape_is_counted,
						  .initial_state = (void *)&shapes[i] };
	for (size_t i = 0; i < ROWS(tagged_shapes); i++)
		tests[n++] = (struct CMUnitTest){ .name = tagged_shapes[i].name,
						  .test_func = tagged_shape_is_counted,
						  .initial_state = (void *)&tagged_shapes[i] };
	memcpy(tests + n, situations, sizeof(situations));
	return cmocka_run_group_tests_name("meter", tests, make_labs, free_labs);
}
