/* SPDX-License-Identifier: Apache-2.0 */
#include "packetrecord.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "accounts/flowfilter.h"
#include "test.h"

#define HERE 7
#define THERE 8

/* A SYN/ACK that leaves, with two tags of which the first is in the frame's metadata. */
static struct packet_event tcp_event(void)
{
	return (struct packet_event){
		.octets = 60,
		.layer2_octets = 82,
		.packets = 1,
		.ingress_ifindex = THERE,
		.mark = 0x12,
		.source = { inet_addr("192.168.2.10") },
		.destination = { inet_addr("203.0.113.80") },
		.ports = { htons(40000), htons(443) },
		.tcp_flags = htons(0xa012),
		.tags = { 100, 7 },
		.hook = HOOK_EGRESS,
		.kind = PACKET_IP,
		.ip_version = 4,
		.protocol = IPPROTO_TCP,
		.has_ports = 1,
		.has_metadata_tag = 1,
		.traffic_class = 0xbb, /* EF, and both bits of ECN */
		.ttl = 63,
		.source_mac = { 2, 0, 0, 0, 0, 1 },
		.destination_mac = { 2, 0, 0, 0, 0, 2 },
	};
}

static void assert_matches(const struct packet_event *event, const char *text, bool expected)
{
	g_autoptr(FlowFilter) filter = flowfilter_new_of_packets(text, NULL, NULL, NULL);
	FlowRecord record;

	assert_non_null(filter);
	assert_true(packet_record(event, HERE, &record));
	if (flowfilter_matches(filter, &record) != expected)
		fail_msg("%s: not %d", text, expected);
}

static void all_that_is_known_of_a_packet_can_be_asked(void **state)
{
	static const char *const yes[] = {
		"src host 192.168.2.10 and dst net 203.0.113.0/24",
		"tcp src port 40000 and dst port https",
		"flags = SA",
		"in 8 and out 7 and direction egress",
		"src mac 02:00:00:00:00:01 and dst mac 02:00:00:00:00:02",
		"vlan 100 and customer-vlan 7",
		"mark 0x2/0x3",
		"dscp ef and tos 0xb8",
		"packets 1 and bytes 60 and frame-bytes 82",
		"min-ttl 63 and max-ttl 63",
		"min-length 60 and max-length 60",
	};
	static const char *const no[] = {
		"src port 443", "udp",	  "ip6",	"icmp-type 8", "flags = S",
		"in 7",		"vlan 7", "max-ttl 64", "bytes > 60",  "src 203.0.113.80",
	};
	const struct packet_event event = tcp_event();

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(yes); i++)
		assert_matches(&event, yes[i], true);
	for (size_t i = 0; i < G_N_ELEMENTS(no); i++)
		assert_matches(&event, no[i], false);
}

static void where_a_packet_comes_in_it_is_not_known_where_it_leaves(void **state)
{
	struct packet_event event = tcp_event();

	(void)state;
	event.hook = HOOK_INGRESS;
	event.ingress_ifindex = 0;
	assert_matches(&event, "in 7 and out 0 and direction ingress", true);
}

static void tags_are_counted_from_the_outermost(void **state)
{
	struct packet_event event = tcp_event();

	(void)state;
	event.tags[0] = 0;
	assert_matches(&event, "vlan 0 and customer-vlan 7", true);
	event.has_metadata_tag = 0;
	assert_matches(&event, "vlan 7 and customer-vlan 0", true);
}

static void ipv6_and_icmp(void **state)
{
	struct packet_event event = tcp_event();

	(void)state;
	event.ip_version = 6;
	event.protocol = IPPROTO_ICMPV6;
	event.ports[0] = htons(0x8003);
	event.ports[1] = htons(0x8103);
	event.flow_label = 0x12345;
	(void)inet_pton(AF_INET6, "2001:db8::1", event.source);
	(void)inet_pton(AF_INET6, "2001:db8::2", event.destination);
	assert_matches(&event, "icmp-type 128 and icmp-code 3", true);
	assert_matches(&event, "ip6 and src 2001:db8::1 and dst 2001:db8::2", true);
	assert_matches(&event, "flow-label 0x12345", true);
	assert_matches(&event, "port 443", false);
}

static void a_frame_of_several_packets_has_those_of_all(void **state)
{
	struct packet_event event = tcp_event();

	(void)state;
	event.packets = 3;
	event.octets = 2 * 1500 + 100;
	event.segment_octets = 1500;
	assert_matches(&event, "packets 3 and bytes 3100 and max-length 1500 and min-length 100",
		       true);
	event.octets = 3 * 1500;
	assert_matches(&event, "max-length 1500 and min-length 1500", true);
}

static void a_later_fragment_has_no_ports(void **state)
{
	struct packet_event event = tcp_event();

	(void)state;
	event.later_fragment = 1;
	event.has_ports = 0;
	assert_matches(&event, "tcp and port 443", false);
	assert_matches(&event, "tcp and src port 0", true);
}

static void what_is_not_ip_is_of_no_flow(void **state)
{
	struct packet_event event = tcp_event();
	FlowRecord record;

	(void)state;
	event.kind = PACKET_NOT_IP;
	assert_false(packet_record(&event, HERE, &record));
	event.kind = PACKET_MALFORMED;
	assert_false(packet_record(&event, HERE, &record));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_known_of_a_packet_can_be_asked),
		cmocka_unit_test(where_a_packet_comes_in_it_is_not_known_where_it_leaves),
		cmocka_unit_test(tags_are_counted_from_the_outermost),
		cmocka_unit_test(ipv6_and_icmp),
		cmocka_unit_test(a_frame_of_several_packets_has_those_of_all),
		cmocka_unit_test(a_later_fragment_has_no_ports),
		cmocka_unit_test(what_is_not_ip_is_of_no_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
