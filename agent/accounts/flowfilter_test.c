/* SPDX-License-Identifier: Apache-2.0 */
#include "flowfilter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mac.h"
#include "base/prefix.h"
#include "test.h"

#define ETH0 2
#define ETH1 3
#define VETH_INSIDE 70001 /* of another namespace */

static void known_interfaces(const char *name, GArray *indexes, void *user_data)
{
	static const struct {
		const char *name;
		uint32_t index;
	} known[] = {
		{ "eth0", ETH0 },    { "eth1", ETH1 },
		{ "br-lan", 4 },     { "eth0.5", 5 },
		{ "eth (0)", ETH0 }, { "eth*", ETH0 },
		{ "eth*", ETH1 },    { "inside:veth0", VETH_INSIDE },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		if (!strcmp(known[i].name, name))
			g_array_append_val(indexes, known[i].index);
	}
}

static void set_address(uint8_t address[ADDRESS_LEN], const char *text)
{
	Prefix prefix;

	if (!prefix_parse(&prefix, text, NULL))
		fail_msg("%s", text);
	memcpy(address, prefix.address, ADDRESS_LEN);
}

static FlowRecord flow_of(uint8_t ip_version, const char *source, const char *destination,
			  uint8_t protocol, uint16_t source_port, uint16_t destination_port)
{
	FlowRecord flow = {
		.key = {
			.source_port = htons(source_port),
			.destination_port = htons(destination_port),
			.protocol = protocol,
			.ip_version = ip_version,
		},
	};

	set_address(flow.key.source, source);
	set_address(flow.key.destination, destination);
	return flow;
}

enum {
	HTTPS,	/* from a device to a server: TCP, IPv4 */
	ANSWER, /* the same connection's other direction */
	DNS,	/* UDP, IPv6 */
	PING,	/* ICMP: echo request */
	PING6,	/* ICMPv6: echo reply */
	TUNNEL, /* GRE, IPv4; no ports */
	MAPPED, /* IPv6 with an IPv4-mapped address */
	FLOWS,
};

static FlowRecord flows[FLOWS];

static int make_flows(void **state)
{
	FlowRecord *flow;

	(void)state;
	flow = &flows[HTTPS];
	*flow = flow_of(4, "10.0.0.1", "192.0.2.7", IPPROTO_TCP, 50000, 443);
	flow->key.ingress = ETH0;
	flow->key.egress = ETH1;
	flow->key.hook = HOOK_EGRESS;
	flow->key.mark = 0x1234;
	flow->key.traffic_class = 46 << 2;
	flow->volume = (Volume){ 100, 1000000, 1001400 };
	flow->start_ms = 1700000000000;
	flow->end_ms = 1700000010000;
	flow->attributes.tcp_flags = 0x12; /* SYN, ACK */
	flow->attributes.min_ttl = 63;
	flow->attributes.max_ttl = 64;
	flow->attributes.min_octets = 40;
	flow->attributes.max_octets = 1500;
	assert_true(mac_parse(flow->attributes.source_mac, "02:00:00:00:00:01"));
	assert_true(mac_parse(flow->attributes.destination_mac, "02:00:00:00:00:fe"));

	flow = &flows[ANSWER];
	*flow = flow_of(4, "192.0.2.7", "10.0.0.1", IPPROTO_TCP, 443, 50000);
	flow->key.ingress = ETH1;
	flow->key.egress = ETH0;
	flow->key.hook = HOOK_EGRESS;
	flow->volume = (Volume){ 5000, 1073741824, 1073811824 };
	flow->start_ms = 1700000000000;
	flow->end_ms = 1700000000000;
	flow->attributes.tcp_flags = 0x1;

	flow = &flows[DNS];
	*flow = flow_of(6, "2001:db8::1", "2001:db8:ffff::53", IPPROTO_UDP, 53000, 53);
	flow->key.ingress = VETH_INSIDE;
	flow->key.hook = HOOK_INGRESS;
	flow->key.vlan = 5;
	flow->key.customer_vlan = 6;
	flow->attributes.flow_label = 0xabcde;
	flow->volume = (Volume){ 1, 80, 98 };
	flow->end_ms = 500;

	/* Type 8, code 0, which would be port 2048 if it were one. */
	flows[PING] = flow_of(4, "10.0.0.2", "10.0.0.1", IPPROTO_ICMP, 0, 0x0800);
	flows[PING6] = flow_of(6, "fe80::1", "fe80::2", IPPROTO_ICMPV6, 0, 0x8103);
	flows[TUNNEL] = flow_of(4, "198.51.100.1", "198.51.100.2", IPPROTO_GRE, 0, 0);
	flows[MAPPED] = flow_of(6, "::ffff:10.0.0.1", "2001:db8::1", IPPROTO_TCP, 80, 80);
	return 0;
}

static FlowFilter *compiled(const char *text)
{
	g_autoptr(GError) error = NULL;
	FlowFilter *filter = flowfilter_new(text, known_interfaces, NULL, &error);

	if (!filter)
		fail_msg("%s: %s", text, error->message);
	return filter;
}

static unsigned int matching(const char *text)
{
	g_autoptr(FlowFilter) filter = compiled(text);
	unsigned int set = 0;

	for (unsigned int i = 0; i < FLOWS; i++)
		set |= (unsigned int)flowfilter_matches(filter, &flows[i]) << i;
	return set;
}

#define SET1(a) (1U << (a))
#define SET2(a, b) (SET1(a) | SET1(b))
#define SET3(a, b, c) (SET2(a, b) | SET1(c))
#define ALL ((1U << FLOWS) - 1)
#define NONE 0U
#define BUT(set) (ALL & ~(set))

#define IPV4 (SET3(HTTPS, ANSWER, PING) | SET1(TUNNEL))
#define IPV6 BUT(IPV4)
#define TCP SET3(HTTPS, ANSWER, MAPPED)
#define WITH_PORTS (TCP | SET1(DNS))

typedef struct {
	const char *text;
	unsigned int expected; /* set of flows */
} Case;

static void assert_cases(const Case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned int set = matching(cases[i].text);

		if (set != cases[i].expected)
			fail_msg("%s: 0x%x, not 0x%x", cases[i].text, set, cases[i].expected);
	}
}

static void each_term_takes_the_flows_that_it_names(void **state)
{
	static const Case cases[] = {
		{ "host 10.0.0.1", SET3(HTTPS, ANSWER, PING) },
		{ "src host 10.0.0.1", SET1(HTTPS) },
		{ "dst host 10.0.0.1", SET2(ANSWER, PING) },
		{ "src 10.0.0.1", SET1(HTTPS) },
		{ "10.0.0.2", SET1(PING) },
		{ "ip 10.0.0.1", SET3(HTTPS, ANSWER, PING) },
		{ "src ip 10.0.0.1", SET1(HTTPS) },
		{ "host = 10.0.0.1", SET3(HTTPS, ANSWER, PING) },
		{ "host != 10.0.0.1", BUT(SET3(HTTPS, ANSWER, PING)) },
		{ "host ::ffff:10.0.0.1", SET1(MAPPED) },
		{ "host 2001:db8::1", SET2(DNS, MAPPED) },
		{ "host 2001:0DB8:0:0::0001", SET2(DNS, MAPPED) },
		{ "src net 10.0.0.0/8", SET2(HTTPS, PING) },
		{ "net 10.0.0.0/31", SET3(HTTPS, ANSWER, PING) },
		{ "src and dst net 10.0.0.0/8", SET1(PING) },
		{ "src or dst net 10.0.0.0/8", SET3(HTTPS, ANSWER, PING) },
		{ "dst and src net 10.0.0.0/8", SET1(PING) },
		{ "net 0.0.0.0/0", IPV4 },
		{ "net ::/0", IPV6 },
		{ "net 2001:db8::/32", SET2(DNS, MAPPED) },
		{ "dst net 2001:db8:ffff::/48", SET1(DNS) },
		{ "host in [10.0.0.2, fe80::/10]", SET2(PING, PING6) },

		{ "port 443", SET2(HTTPS, ANSWER) },
		{ "dst port 443", SET1(HTTPS) },
		{ "src port https", SET1(ANSWER) },
		{ "port = 53", SET1(DNS) },
		{ "port == domain", SET1(DNS) },
		{ "port != 443", BUT(SET2(HTTPS, ANSWER)) },
		{ "port 2048", NONE },
		{ "port >= 0", WITH_PORTS },
		{ "port < 0", NONE },
		{ "dst port < 53", NONE },
		{ "dst port <= 53", SET1(DNS) },
		{ "dst port > 443", SET1(ANSWER) },
		{ "dst port >= 443", SET2(HTTPS, ANSWER) },
		{ "src and dst port 80", SET1(MAPPED) },
		{ "dst port 80-443", SET2(HTTPS, MAPPED) },
		{ "dst port 81-442", NONE },
		{ "dst port != 80-443", BUT(SET2(HTTPS, MAPPED)) },
		{ "portrange 52000-53000", SET1(DNS) },
		{ "port http-https", TCP },
		{ "port in [53 80]", SET2(DNS, MAPPED) },
		{ "port [53, 400-450]", SET3(HTTPS, ANSWER, DNS) },
		{ "dst port != [53 80]", BUT(SET2(DNS, MAPPED)) },
		{ "port 0x35", SET1(DNS) },

		{ "proto tcp", TCP },
		{ "proto 6", TCP },
		{ "proto != TCP", BUT(TCP) },
		{ "proto in [udp 47]", SET2(DNS, TUNNEL) },
		{ "tcp", TCP },
		{ "udp", SET1(DNS) },
		{ "icmp", SET1(PING) },
		{ "icmp6", SET1(PING6) },
		{ "gre", SET1(TUNNEL) },
		{ "sctp", NONE },
		{ "ip", IPV4 },
		{ "ipv4", IPV4 },
		{ "ip6", IPV6 },
		{ "ipv6", IPV6 },
		{ "family inet6", IPV6 },
		{ "ip proto gre", SET1(TUNNEL) },
		{ "ip and host 10.0.0.2", SET1(PING) },
		{ "tcp port 443", SET2(HTTPS, ANSWER) },
		{ "ip6 tcp dst port 80", SET1(MAPPED) },
		{ "udp port 443", NONE },

		{ "icmp-type 8", SET1(PING) },
		{ "icmptype = 129", SET1(PING6) },
		{ "icmp-type < 200", SET2(PING, PING6) },
		{ "icmp-code 3", SET1(PING6) },
		{ "icmp-code 0", SET1(PING) },

		{ "flags S", SET1(HTTPS) },
		{ "flags AS", SET1(HTTPS) },
		{ "flags SF", NONE },
		{ "flags F", SET1(ANSWER) },
		{ "flags = S", NONE },
		{ "flags = sa", SET1(HTTPS) },
		{ "flags = 0x12", SET1(HTTPS) },
		{ "flags 0", SET1(MAPPED) },
		{ "flags != SA", BUT(SET1(HTTPS)) },

		{ "in eth0", SET1(HTTPS) },
		{ "out eth0", SET1(ANSWER) },
		{ "if eth0", SET2(HTTPS, ANSWER) },
		{ "in if eth0", SET1(HTTPS) },
		{ "out if 3", SET1(HTTPS) },
		{ "in 2", SET1(HTTPS) },
		{ "in 0", BUT(SET3(HTTPS, ANSWER, DNS)) },
		{ "in eth*", SET2(HTTPS, ANSWER) },
		{ "in [eth0 eth1]", SET2(HTTPS, ANSWER) },
		{ "in inside:veth0", SET1(DNS) },
		{ "in 'eth (0)'", SET1(HTTPS) },
		{ "in != \"eth0\"", BUT(SET1(HTTPS)) },
		{ "in br-lan or in eth0.5", NONE },
		{ "direction ingress", BUT(SET2(HTTPS, ANSWER)) },
		{ "flowdir egress", SET2(HTTPS, ANSWER) },

		{ "mac 02:00:00:00:00:01", SET1(HTTPS) },
		{ "mac 02-00-00-00-00-FE", SET1(HTTPS) },
		{ "src mac 02:00:00:00:00:01", SET1(HTTPS) },
		{ "dst mac 02:00:00:00:00:01", NONE },
		{ "vlan 5", SET1(DNS) },
		{ "vlan 6", NONE },
		{ "vlan", SET1(DNS) },
		{ "(vlan)", SET1(DNS) },
		{ "vlan 0", BUT(SET1(DNS)) },
		{ "customer-vlan 6", SET1(DNS) },
		{ "mark 0x1234", SET1(HTTPS) },
		{ "mark 4660", SET1(HTTPS) },
		{ "mark 0x1200/0xff00", SET1(HTTPS) },
		{ "mark 0x1000/0xff00", NONE },
		{ "mark", SET1(HTTPS) },
		{ "tos 184", SET1(HTTPS) },
		{ "tos > 0xb7", SET1(HTTPS) },
		{ "dscp 46", SET1(HTTPS) },
		{ "dscp ef", SET1(HTTPS) },
		{ "dscp af11-cs7", SET1(HTTPS) },
		{ "flow-label 0xabcde", SET1(DNS) },

		{ "packets > 99", SET2(HTTPS, ANSWER) },
		{ "packets > 100", SET1(ANSWER) },
		{ "packets 5k", SET1(ANSWER) },
		{ "packets 1", SET1(DNS) },
		{ "bytes > 1M", SET1(ANSWER) },
		{ "bytes >= 1MB", SET2(HTTPS, ANSWER) },
		{ "bytes >= 1MiB", SET1(ANSWER) },
		{ "bytes > 1GB", SET1(ANSWER) },
		{ "bytes = 1GiB", SET1(ANSWER) },
		{ "bytes > 1GiB", NONE },
		{ "octets 1m", SET1(HTTPS) },
		{ "bytes 80-1000k", SET2(HTTPS, DNS) },
		{ "bytes > 18446744073709551615", NONE },
		{ "frame-bytes > 1M", SET2(HTTPS, ANSWER) },
		{ "frame-octets 98", SET1(DNS) },
		{ "duration > 10s", NONE },
		{ "duration >= 10s", SET1(HTTPS) },
		{ "duration 500ms", SET1(DNS) },
		{ "duration < 1m", ALL },
		{ "duration > 0s", SET2(HTTPS, DNS) },
		{ "min-ttl 63", SET1(HTTPS) },
		{ "max-ttl > 63", SET1(HTTPS) },
		{ "min-length 40", SET1(HTTPS) },
		{ "max-length >= 1500", SET1(HTTPS) },
	};

	(void)state;
	assert_cases(cases, G_N_ELEMENTS(cases));
}

static void operators_bind_as_those_of_nfdump(void **state)
{
	static const Case cases[] = {
		{ "udp or tcp and port 80", SET2(DNS, MAPPED) }, /* tcpdump: MAPPED alone */
		{ "tcp and port 80 or udp", SET2(DNS, MAPPED) },
		{ "(udp or tcp) and port 80", SET1(MAPPED) },
		{ "udp || tcp && port 80", SET2(DNS, MAPPED) },
		{ "not tcp and ip", SET2(PING, TUNNEL) },
		{ "not (tcp and ip)", BUT(SET2(HTTPS, ANSWER)) },
		{ "not tcp or port 80", BUT(SET2(HTTPS, ANSWER)) },
		{ "! tcp", BUT(TCP) },
		{ "!tcp&&!udp", SET3(PING, PING6, TUNNEL) },
		{ "not not tcp", TCP },
		{ "not ! not tcp", BUT(TCP) },
		{ "not tcp port 80", BUT(SET1(MAPPED)) },
		{ "NOT TCP AND NOT UDP", SET3(PING, PING6, TUNNEL) },
		{ "icmp or icmp6 or gre or udp", BUT(TCP) },
		{ "tcp and ip and port 443 and in eth0", SET1(HTTPS) },
		{ "(((tcp)))and((ip6))", SET1(MAPPED) },
		{ "port eq 53 or dst port ge 443", SET3(HTTPS, ANSWER, DNS) },
		{ "port ne 443 and dst port lt 81 and src port le 80", SET1(MAPPED) },
		{ "dst port gt 442", SET2(HTTPS, ANSWER) },
		{ " \t\ntcp\r\n", TCP },
	};

	(void)state;
	assert_cases(cases, G_N_ELEMENTS(cases));
}

static void a_value_alone_belongs_to_the_word_before(void **state)
{
	static const Case cases[] = {
		{ "port 53 or 80", SET2(DNS, MAPPED) },
		{ "dst port 443 or 53", SET2(HTTPS, DNS) },
		{ "not host 10.0.0.2 and 10.0.0.1", SET2(HTTPS, ANSWER) },
		{ "host fe80::1 or 2001:db8:ffff::53", SET2(DNS, PING6) },
		{ "host 192.0.2.7 and (port 53 or 443)", SET2(HTTPS, ANSWER) },
		{ "port 80 and tcp or 53", SET2(DNS, MAPPED) },
		{ "dst port 53 or src 10.0.0.2 or 10.0.0.1", SET3(DNS, PING, HTTPS) },
		{ "tcp 10.0.0.1", SET2(HTTPS, ANSWER) },
	};

	(void)state;
	assert_cases(cases, G_N_ELEMENTS(cases));
}

static void assert_refused(const char *text, const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(FlowFilter) filter = flowfilter_new(text, known_interfaces, NULL, &error);

	if (filter)
		fail_msg("%s: it was understood", text);
	if (!g_str_has_prefix(error->message, expected))
		fail_msg("%s: \"%s\" does not begin with \"%s\"", text, error->message, expected);
}

static void an_error_says_where_and_what(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "", "the filter is empty" },
		{ " \n", "the filter is empty" },
		{ "host 1.2.3.4 and prot tcp",
		  "at 18: \"prot\": expected src, dst, ip, ip6, a protocol, "
		  "host, port, family, proto, icmp-type," },
		{ "src", "at the end: expected host, net, port or mac" },
		{ "src vlan 5", "at 5: \"vlan\": expected host, net, port or mac" },
		{ "src tcp", "at 5: \"tcp\": expected host, net, port or mac" },
		{ "src or src port 5", "at 5: \"or\": expected host, net, port or mac" },
		{ "host", "at the end: expected a value of host" },
		{ "host and tcp", "at 6: \"and\": expected a value of host" },
		{ "host nobody", "at 6: \"nobody\" is not a prefix such as" },
		{ "host 10.0.0.256", "at 6: \"10.0.0.256\" is not a prefix such as" },
		{ "host fe80::1%eth0", "at 6: \"fe80::1%eth0\" is not a prefix such as" },
		{ "net 10.0.0.0/33", "at 5: \"10.0.0.0/33\" is not a prefix: its length is not an "
				     "integer from 0 to 32" },
		{ "net 2001:db8::/129",
		  "at 5: \"2001:db8::/129\" is not a prefix: its length is not" },
		{ "net 10.0.0.1/8", "at 5: \"10.0.0.1/8\" is not a prefix: it has bits beyond" },
		{ "host > 10.0.0.1", "at 6: host can only be compared by = and !=" },
		{ "in < eth0", "at 4: in can only be compared by = and !=" },
		{ "port 70000",
		  "at 6: \"70000\" is no value of port: expected an integer from 0 to 65535" },
		{ "port -1", "at 6: \"-1\" is no value of port" },
		{ "port +1", "at 6: \"+1\" is no value of port" },
		{ "port 0x", "at 6: \"0x\" is no value of port" },
		{ "port 99999999999999999999",
		  "at 6: \"99999999999999999999\" is no value of port" },
		{ "port 90-80", "at 6: \"90-80\" is no range of port: it ends before it begins" },
		{ "port > 80-90", "at 8: \"80-90\" is no range of port: it can only be compared" },
		{ "port 80-", "at 6: \"80-\" is no value of port" },
		{ "port nothing",
		  "at 6: \"nothing\" is no value of port: expected an integer from 0 to "
		  "65535, or a name such as https" },
		{ "port > [80 90]", "at 8: a list can only be compared by = and !=" },
		{ "port (80 or 443)", "at 6: \"(\": expected a value of port" },
		{ "port []", "at 7: \"]\": expected a value of port" },
		{ "port [80,,90]", "at 10: \",\": expected a value of port" },
		{ "port [80 and", "at 10: \"and\": expected a value of port" },
		{ "port in [80 90", "at 9: the list is not closed" },
		{ "port in 80", "at 6: \"in\" is no value of port" },
		{ "port 80 = 80", "at 9: \"=\": expected \"and\", \"or\" or the end" },
		{ "tcp = 6", "at 5: \"=\": expected \"and\", \"or\" or the end" },
		{ "host 1.2.3.4 port 80", "at 14: \"port\": expected \"and\", \"or\" or the end" },
		{ "(host 1.2.3.4 port 80)", "at 15: \"port\": expected \"and\", \"or\" or \")\"" },
		{ "proto 256", "at 7: \"256\" is no value of proto" },
		{ "proto nothing",
		  "at 7: \"nothing\" is no value of proto: expected an integer from 0" },
		{ "vlan 4096",
		  "at 6: \"4096\" is no value of vlan: expected an integer from 0 to 4095" },
		{ "vlan >", "at the end: expected a value of vlan" },
		{ "dscp 64", "at 6: \"64\" is no value of dscp" },
		{ "icmp-type 256", "at 11: \"256\" is no value of icmp-type" },
		{ "mark 0x100000000", "at 6: \"0x100000000\" is no value of mark" },
		{ "mark 0x11/0x10", "at 6: \"0x11/0x10\" is no value of mark" },
		{ "mark > 1/1", "at 8: \"1/1\" is no value of mark" },
		{ "flags X", "at 7: \"X\" is no value of flags: expected letters of FSRPAUEC" },
		{ "flags ''", "at 7: \"\" is no value of flags" },
		{ "mac 02:00:00:00:00",
		  "at 5: \"02:00:00:00:00\" is no value of mac: expected an Eth" },
		{ "bytes > 1Q",
		  "at 9: \"1Q\" is no value of bytes: expected an integer, maybe with k" },
		{ "bytes > 1Mb", "at 9: \"1Mb\" is no value of bytes" },
		{ "bytes > 1.5M", "at 9: \"1.5M\" is no value of bytes" },
		{ "bytes > 18447P", "at 9: \"18447P\" is no value of bytes" },
		{ "packets > 1kB", "at 11: \"1kB\" is no value of packets" },
		{ "duration > 10",
		  "at 12: \"10\" is no value of duration: expected an integer and ms" },
		{ "direction up",
		  "at 11: \"up\" is no value of direction: expected ingress or egress" },
		{ "in eth9", "at 4: \"eth9\" is no interface" },
		{ "in 4294967296", "at 4: \"4294967296\" is no interface" },
		{ "(tcp", "at 1: the parenthesis is not closed" },
		{ "tcp and ((udp)", "at 9: the parenthesis is not closed" },
		{ "tcp)", "at 4: the parenthesis was not opened" },
		{ "()", "at 2: \")\": expected a term such as" },
		{ "tcp and", "at the end: expected a term such as" },
		{ "and tcp", "at 1: \"and\": expected a term such as" },
		{ "tcp or or udp", "at 8: \"or\": expected a term such as" },
		{ "not", "at the end: expected a term such as" },
		{ "tcp & udp", "at 5: \"&\": expected \"&&\"" },
		{ "tcp | udp", "at 5: \"|\": expected \"||\"" },
		{ "in 'eth0", "at 4: the quotation does not end" },
		{ "'tcp'", "at 1: \"tcp\": expected a term such as" },
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_refused(cases[i].text, cases[i].expected);
}

static void what_comes_back_in_an_error_is_printable_and_short(void **state)
{
	g_autofree char *long_word = g_strnfill(4000, 'x');

	(void)state;
	assert_refused("\x1b[2J\xff", "at 1: \"\\x1b\": expected src");
	assert_refused("host \x1b\xff", "at 6: \"\\x1b\\xff\" is not a prefix");
	assert_refused("in '\n'", "at 4: \"\\x0a\" is no interface");
	assert_refused(long_word, "at 1: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\": expected");
}

/* @n times @text between @begin and @end. */
static char *repeated(const char *begin, const char *text, guint n, const char *end)
{
	GString *all = g_string_new(begin);

	for (guint i = 0; i < n; i++)
		g_string_append(all, text);
	g_string_append(all, end);
	return g_string_free(all, FALSE);
}

static void a_filter_is_bounded_in_length_depth_and_conditions(void **state)
{
	g_autofree char *longest = repeated("tcp", " ", FLOWFILTER_TEXT_MAX - 3, "");
	g_autofree char *too_long = repeated("tcp", " ", FLOWFILTER_TEXT_MAX - 2, "");
	g_autofree char *close = g_strnfill(FLOWFILTER_DEPTH_MAX, ')');
	g_autofree char *deepest = repeated("", "(", FLOWFILTER_DEPTH_MAX, "tcp");
	g_autofree char *deepest_closed = g_strconcat(deepest, close, NULL);
	g_autofree char *deepest_twice = g_strconcat(deepest_closed, " and ", deepest_closed, NULL);
	g_autofree char *too_deep = g_strconcat("(", deepest_closed, ")", NULL);
	g_autofree char *open_only = g_strnfill(FLOWFILTER_TEXT_MAX, '(');
	g_autofree char *many_nots = repeated("", "!", FLOWFILTER_TEXT_MAX - 4, "tcp");
	g_autofree char *most = repeated("udp", " or tcp", FLOWFILTER_CONDITIONS_MAX - 1, "");
	g_autofree char *too_many = g_strconcat(most, " or gre", NULL);
	g_autofree char *long_list =
		repeated("packets [", "1 ", FLOWFILTER_CONDITIONS_MAX + 1, "]");

	(void)state;
	assert_int_equal(matching(longest), TCP);
	assert_refused(too_long, "the filter is longer than 4096 octets");
	assert_int_equal(matching(deepest_twice), TCP);
	assert_refused(too_deep, "at 33: more than 32 parentheses in each other");
	assert_refused(open_only, "at 33: more than 32 parentheses in each other");
	assert_int_equal(matching(many_nots), FLOWFILTER_TEXT_MAX % 2 ? BUT(TCP) : TCP);
	assert_int_equal(matching(most), TCP | SET1(DNS));
	assert_refused(too_many, "at 1793: more than 256 conditions");
	assert_refused(long_list, "at 1: more than 256 conditions");
}

/* Without a resolver, interfaces have numbers. */
static void interfaces_are_numbers_where_no_names_are_known(void **state)
{
	g_autoptr(FlowFilter) filter = flowfilter_new("in 2", NULL, NULL, NULL);

	(void)state;
	assert_true(flowfilter_matches(filter, &flows[HTTPS]));
	assert_null(flowfilter_new("in eth0", NULL, NULL, NULL));
}

/*
 * Random expressions, each as a text and as a tree whose truth is worked out from the record by the plainest
 * means.
 */
typedef enum {
	NODE_AND,
	NODE_OR,
	NODE_NOT,
	NODE_LEAF,
} NodeType;

typedef struct Node {
	NodeType type;
	struct Node *left, *right;
	unsigned int field;
	unsigned int side; /* 0 source, 1 destination, 2 either, 3 both */
	unsigned int comparison;
	uint64_t value;
} Node;

static const char *const random_addresses[] = {
	"10.0.0.1", "10.0.0.2", "10.1.0.1", "2001:db8::1", "2001:db8::2", "2001:db8:1::1",
};
static const char *const random_prefixes[] = {
	"10.0.0.1",    "10.0.0.2/32",	"10.0.0.0/16", "0.0.0.0/0",
	"2001:db8::1", "2001:db8::/48", "::/0",
};

#define VALUES 4 /* of everything that is random */

enum {
	FIELD_ADDRESS,
	FIELD_PORT,
	FIELD_PROTOCOL,
	FIELD_VLAN,
	FIELD_PACKETS,
	FIELD_IN,
	FIELD_MAC,
	FIELDS,
};

static const uint8_t random_protocols[VALUES] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP,
						  IPPROTO_GRE };

static unsigned int pick(GRand *rand, unsigned int n)
{
	return (unsigned int)g_rand_int_range(rand, 0, (gint32)n);
}

static FlowRecord random_flow(GRand *rand)
{
	unsigned int is_ipv6 = pick(rand, 2);
	FlowRecord flow = flow_of(is_ipv6 ? 6 : 4, random_addresses[3 * is_ipv6 + pick(rand, 3)],
				  random_addresses[3 * is_ipv6 + pick(rand, 3)],
				  random_protocols[pick(rand, VALUES)],
				  (uint16_t)pick(rand, VALUES), (uint16_t)pick(rand, VALUES));

	flow.key.vlan = (uint16_t)pick(rand, VALUES);
	flow.key.ingress = pick(rand, VALUES);
	flow.volume.packets = pick(rand, VALUES);
	flow.attributes.source_mac[5] = (uint8_t)pick(rand, VALUES);
	flow.attributes.destination_mac[5] = (uint8_t)pick(rand, VALUES);
	return flow;
}

static Node *random_node(GRand *rand, unsigned int depth)
{
	Node *node = g_new0(Node, 1);

	node->type = depth ? (NodeType)pick(rand, NODE_LEAF + 1) : NODE_LEAF;
	if (node->type != NODE_LEAF)
		node->left = random_node(rand, depth - 1);
	if (node->type == NODE_AND || node->type == NODE_OR)
		node->right = random_node(rand, depth - 1);
	node->field = pick(rand, FIELDS);
	node->side = pick(rand, 4);
	node->comparison = pick(rand, 6);
	node->value =
		pick(rand, node->field == FIELD_ADDRESS ? G_N_ELEMENTS(random_prefixes) : VALUES);
	return node;
}

static void node_free(Node *node)
{
	if (!node)
		return;
	node_free(node->left);
	node_free(node->right);
	g_free(node);
}

static bool has_order(unsigned int field)
{
	return field == FIELD_PORT || field == FIELD_VLAN || field == FIELD_PACKETS;
}

/* Sometimes shortened to what means the same. */
static void print_leaf(GString *text, const Node *node, GRand *rand)
{
	static const char *const sides[] = { "src ", "dst ", "", "src and dst " };
	static const char *const comparisons[] = { "=", "!=", "<", "<=", ">", ">=" };
	static const char *const fields[] = {
		"net", "port", "proto", "vlan", "packets", "in", "mac"
	};
	unsigned int comparison = has_order(node->field) ? node->comparison : node->comparison % 2;
	bool has_sides = node->field == FIELD_ADDRESS || node->field == FIELD_PORT ||
			 node->field == FIELD_MAC;

	g_string_append_printf(text, "%s%s%s", has_sides ? sides[node->side] : "",
			       fields[node->field], pick(rand, 2) ? " " : "  ");
	if (comparison || pick(rand, 2))
		g_string_append_printf(text, "%s%s", comparisons[comparison],
				       pick(rand, 2) ? " " : "");
	if (node->field == FIELD_ADDRESS)
		g_string_append(text, random_prefixes[node->value]);
	else if (node->field == FIELD_MAC)
		g_string_append_printf(text, "00:00:00:00:00:0%u", (unsigned int)node->value);
	else if (node->field == FIELD_PROTOCOL)
		g_string_append_printf(text, "%u", random_protocols[node->value]);
	else
		g_string_append_printf(text, "%u", (unsigned int)node->value);
}

/* With parentheses where they are needed, and now and then where they are not. */
static void print_node(GString *text, const Node *node, NodeType above, GRand *rand)
{
	bool parentheses = node->type != NODE_LEAF &&
			   (above == NODE_NOT ? node->type != NODE_NOT :
						above == NODE_AND && node->type == NODE_OR);

	parentheses |= !pick(rand, 8);
	g_string_append(text, parentheses ? "(" : "");
	if (node->type == NODE_LEAF) {
		print_leaf(text, node, rand);
	} else if (node->type == NODE_NOT) {
		g_string_append(text, pick(rand, 2) ? "not " : "!");
		print_node(text, node->left, NODE_NOT, rand);
	} else {
		print_node(text, node->left, node->type, rand);
		g_string_append(text, node->type == NODE_AND ? pick(rand, 2) ? " and " : "&&" :
				      pick(rand, 2)	     ? " or " :
							       "||");
		print_node(text, node->right, node->type, rand);
	}
	g_string_append(text, parentheses ? ")" : "");
}

static bool naive_compare(uint64_t a, unsigned int comparison, uint64_t b)
{
	switch (comparison) {
	case 2:
		return a < b;
	case 3:
		return a <= b;
	case 4:
		return a > b;
	case 5:
		return a >= b;
	default:
		return a == b;
	}
}

/* Bit by bit. */
static bool naive_contains(const char *text, const uint8_t address[ADDRESS_LEN], uint8_t ip_version)
{
	Prefix prefix;

	assert_true(prefix_parse(&prefix, text, NULL));
	if (prefix_is_ipv4(&prefix) != (ip_version == 4))
		return false;
	for (unsigned int bit = 0; bit < prefix.length; bit++) {
		if ((address[bit / 8] ^ prefix.address[bit / 8]) & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

static bool naive_field(const Node *node, const FlowRecord *flow, bool destination)
{
	unsigned int comparison = has_order(node->field) ? node->comparison : 0;
	const struct flow_key *key = &flow->key;

	switch (node->field) {
	case FIELD_ADDRESS:
		return naive_contains(random_prefixes[node->value],
				      destination ? key->destination : key->source,
				      key->ip_version);
	case FIELD_PORT:
		return (key->protocol == IPPROTO_TCP || key->protocol == IPPROTO_UDP) &&
		       naive_compare(ntohs(destination ? key->destination_port : key->source_port),
				     comparison, node->value);
	case FIELD_PROTOCOL:
		return key->protocol == random_protocols[node->value];
	case FIELD_VLAN:
		return naive_compare(key->vlan, comparison, node->value);
	case FIELD_PACKETS:
		return naive_compare(flow->volume.packets, comparison, node->value);
	case FIELD_IN:
		return key->ingress == node->value;
	default:
		return (destination ? flow->attributes.destination_mac :
				      flow->attributes.source_mac)[5] == node->value;
	}
}

static bool naive_leaf(const Node *node, const FlowRecord *flow)
{
	unsigned int comparison = has_order(node->field) ? node->comparison : node->comparison % 2;
	bool source = naive_field(node, flow, false), destination = naive_field(node, flow, true);
	bool truth = node->side == 0 ? source :
		     node->side == 1 ? destination :
		     node->side == 2 ? source || destination :
				       source && destination;

	return comparison == 1 ? !truth : truth;
}

static bool naive(const Node *node, const FlowRecord *flow)
{
	switch (node->type) {
	case NODE_AND:
		return naive(node->left, flow) & naive(node->right, flow);
	case NODE_OR:
		return naive(node->left, flow) | naive(node->right, flow);
	case NODE_NOT:
		return !naive(node->left, flow);
	default:
		return naive_leaf(node, flow);
	}
}

static void random_expressions_mean_what_a_naive_evaluation_says(void **state)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(5);
	unsigned int trues = 0, evaluations = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		Node *node = random_node(rand, pick(rand, 6));
		g_autoptr(GString) text = g_string_new(NULL);
		g_autoptr(FlowFilter) filter = NULL;

		print_node(text, node, NODE_OR, rand);
		filter = compiled(text->str);
		for (int j = 0; j < 20; j++) {
			FlowRecord flow = random_flow(rand);
			bool expected = naive(node, &flow);

			if (flowfilter_matches(filter, &flow) != expected)
				fail_msg("%s: not %d", text->str, expected);
			trues += expected;
			evaluations++;
		}
		node_free(node);
	}
	/* Neither side of the comparison is idle. */
	assert_in_range(trues, evaluations / 4, 3 * (evaluations / 4));
}

/* Whatever comes, there is a filter that can be evaluated, or an error of one printable line. */
static bool try_text(const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(FlowFilter) filter = flowfilter_new(text, known_interfaces, NULL, &error);

	if (!filter) {
		assert_non_null(error);
		assert_true(g_str_has_prefix(error->message, "at ") ||
			    g_str_has_prefix(error->message, "the filter is "));
		for (const char *c = error->message; *c; c = g_utf8_next_char(c))
			assert_true(g_unichar_isprint(g_utf8_get_char_validated(c, -1)));
		return false;
	}
	for (size_t i = 0; i < FLOWS; i++)
		(void)flowfilter_matches(filter, &flows[i]);
	return true;
}

static void random_octets_are_refused_or_understood(void **state)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(6);
	char text[64];

	(void)state;
	for (int i = 0; i < 50000; i++) {
		unsigned int len = pick(rand, sizeof(text));

		for (unsigned int j = 0; j < len; j++)
			text[j] = (char)pick(rand, 256);
		text[len] = '\0';
		(void)try_text(text);
	}
}

static void random_words_are_refused_or_understood(void **state)
{
	static const char *const vocabulary[] = {
		"src",	    "dst",     "host",	      "net",	   "port",
		"ip",	    "ip6",     "tcp",	      "icmp-type", "in",
		"out",	    "if",      "eth0",	      "vlan",	   "mark",
		"flags",    "S",       "mac",	      "and",	   "or",
		"not",	    "(",       ")",	      "[",	   "]",
		",",	    "!",       "=",	      "!=",	   "<",
		">=",	    "&&",      "||",	      "'",	   "80",
		"80-90",    "0x10",    "1M",	      "10s",	   "::/0",
		"10.0.0.1", "0x1/0x3", "bytes",	      "duration",  "02:00:00:00:00:01",
		"proto",    "family",  "eq",	      "\xff",	   "dscp",
		"port 80",  "tcp and", "host ::1 or",
	};
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);
	unsigned int understood = 0;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		g_autoptr(GString) text = g_string_new(NULL);

		for (unsigned int n = pick(rand, 12); n; n--)
			g_string_append_printf(text, "%s%s",
					       vocabulary[pick(rand, G_N_ELEMENTS(vocabulary))],
					       pick(rand, 8) ? " " : "");
		understood += try_text(text->str);
	}
	assert_true(understood > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_term_takes_the_flows_that_it_names),
		cmocka_unit_test(operators_bind_as_those_of_nfdump),
		cmocka_unit_test(a_value_alone_belongs_to_the_word_before),
		cmocka_unit_test(an_error_says_where_and_what),
		cmocka_unit_test(what_comes_back_in_an_error_is_printable_and_short),
		cmocka_unit_test(a_filter_is_bounded_in_length_depth_and_conditions),
		cmocka_unit_test(interfaces_are_numbers_where_no_names_are_known),
		cmocka_unit_test(random_expressions_mean_what_a_naive_evaluation_says),
		cmocka_unit_test(random_octets_are_refused_or_understood),
		cmocka_unit_test(random_words_are_refused_or_understood),
	};

	return cmocka_run_group_tests(tests, make_flows, NULL);
}
