/* SPDX-License-Identifier: Apache-2.0 */
#include "packetline.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "records.h"
#include "test.h"

/* 2026-11-28T10:20:30Z, when the clock of events was at 1 s */
#define OFFSET_NS (INT64_C(1795861230) * 1000000000 - 1000000000)

static void assert_line(const struct packet_event *event, const char *expected)
{
	g_autoptr(GString) text = g_string_new(NULL);

	packet_line_append(text, event, "br-lan", OFFSET_NS);
	assert_string_equal(text->str, expected);
}

static struct packet_event tcp_event(void)
{
	return (struct packet_event){
		.time_ns = 1000042999,
		.octets = 60,
		.layer2_octets = 74,
		.packets = 1,
		.source = { inet_addr("192.168.2.10") },
		.destination = { inet_addr("203.0.113.80") },
		.ports = { htons(40000), htons(443) },
		.tcp_flags = htons(0xa012),
		.hook = HOOK_EGRESS,
		.kind = PACKET_IP,
		.ip_version = 4,
		.protocol = IPPROTO_TCP,
		.has_ports = 1,
	};
}

static void tcp_has_ports_and_flags(void **state)
{
	struct packet_event event = tcp_event();

	(void)state;
	assert_line(&event, "2026-11-28T10:20:30.000042Z br-lan transmit tcp 192.168.2.10:40000 > "
			    "203.0.113.80:443 ip-octets=60 frame-octets=74 flags=SA\n");
}

static void a_gso_frame_says_how_many_packets_it_is(void **state)
{
	struct packet_event event = tcp_event();

	(void)state;
	event.packets = 10;
	event.octets = 15000;
	event.layer2_octets = 15180;
	event.tags[0] = 100;
	event.tags[2] = 7;
	assert_line(&event, "2026-11-28T10:20:30.000042Z br-lan transmit tcp 192.168.2.10:40000 > "
			    "203.0.113.80:443 ip-octets=15000 frame-octets=15180 packets=10 "
			    "flags=SA vlan=100.7\n");
}

static void ipv6_ports_stand_behind_brackets(void **state)
{
	struct packet_event event = tcp_event();

	(void)state;
	event.hook = HOOK_INGRESS;
	event.ip_version = 6;
	event.protocol = IPPROTO_UDP;
	(void)inet_pton(AF_INET6, "2001:db8::1", event.source);
	(void)inet_pton(AF_INET6, "2001:db8::2", event.destination);
	assert_line(&event, "2026-11-28T10:20:30.000042Z br-lan receive udp [2001:db8::1]:40000 > "
			    "[2001:db8::2]:443 ip-octets=60 frame-octets=74\n");
	event.has_ports = 0;
	event.later_fragment = 1;
	assert_line(&event, "2026-11-28T10:20:30.000042Z br-lan receive udp 2001:db8::1 > "
			    "2001:db8::2 ip-octets=60 frame-octets=74 fragment=later\n");
}

static void icmp_has_type_and_code(void **state)
{
	struct packet_event event = tcp_event();

	(void)state;
	event.protocol = IPPROTO_ICMP;
	event.ports[0] = htons(0x0301);
	assert_line(&event, "2026-11-28T10:20:30.000042Z br-lan transmit icmp 192.168.2.10 > "
			    "203.0.113.80 ip-octets=60 frame-octets=74 type=3 code=1\n");
}

static void what_is_not_ip_has_its_ethertype(void **state)
{
	struct packet_event event = {
		.time_ns = 1000000000,
		.layer2_octets = 42,
		.packets = 1,
		.ethertype = htons(0x0806),
		.kind = PACKET_NOT_IP,
	};

	(void)state;
	assert_line(&event, "2026-11-28T10:20:30.000000Z br-lan receive not-ip ethertype=0x0806 "
			    "frame-octets=42\n");
	event.kind = PACKET_MALFORMED;
	assert_line(&event,
		    "2026-11-28T10:20:30.000000Z br-lan receive malformed frame-octets=42\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_has_ports_and_flags),
		cmocka_unit_test(a_gso_frame_says_how_many_packets_it_is),
		cmocka_unit_test(ipv6_ports_stand_behind_brackets),
		cmocka_unit_test(icmp_has_type_and_code),
		cmocka_unit_test(what_is_not_ip_has_its_ethertype),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
