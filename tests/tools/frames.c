/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends frames of named shapes out of an interface, byte by byte as they stand here, and says how
 * many frames and octets the kernel took, and what a meter should make of them.
 *
 * The shapes draw no answer: UDP and TCP checksums are wrong, nobody owns the address that ARP asks
 * for, and the far end is one that the lab's router drops in silence.
 *
 *   frames [OPTIONS] INTERFACE SHAPE...      see usage(); `frames --list` names the shapes
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arguments.h"

#define FRAME_MAX 2000
#define RING_FRAME_SIZE 2048
#define RING_FRAMES 512
#define RING_BLOCK_SIZE (1 << 18)

#define IPV4_LEN 20
#define IPV6_LEN 40
#define WRONG_CHECKSUM 0xbad0

typedef struct {
	uint8_t source_mac[ETH_ALEN];
	uint8_t destination_mac[ETH_ALEN];
	uint8_t source[4];
	uint8_t destination[4];
	uint8_t source6[16];
	uint8_t destination6[16];
	unsigned int size; /* octets of UDP or TCP payload */
	unsigned int vlan;
} Ends;

typedef struct {
	uint8_t data[FRAME_MAX];
	size_t len;
	size_t ip; /* where the IP header starts */
} Frame;

static void put(Frame *frame, const void *data, size_t len)
{
	if (frame->len + len > FRAME_MAX)
		abort();
	memcpy(frame->data + frame->len, data, len);
	frame->len += len;
}

static void put_zeros(Frame *frame, size_t len)
{
	static const uint8_t zeros[FRAME_MAX];

	put(frame, zeros, len);
}

static void put8(Frame *frame, uint8_t value)
{
	put(frame, &value, sizeof(value));
}

static void put16(Frame *frame, uint16_t value)
{
	value = htons(value);
	put(frame, &value, sizeof(value));
}

static void set16(Frame *frame, size_t offset, uint16_t value)
{
	value = htons(value);
	memcpy(frame->data + offset, &value, sizeof(value));
}

static void put_ethernet(Frame *frame, const Ends *ends, uint16_t protocol)
{
	put(frame, ends->destination_mac, ETH_ALEN);
	put(frame, ends->source_mac, ETH_ALEN);
	put16(frame, protocol);
	frame->ip = frame->len;
}

static void put_ipv4(Frame *frame, const Ends *ends, uint8_t protocol, uint16_t fragment)
{
	frame->ip = frame->len;
	put8(frame, 0x45);
	put8(frame, 0);
	put16(frame, 0); /* total length: see finish_ipv4() */
	put16(frame, 1);
	put16(frame, fragment);
	put8(frame, 64);
	put8(frame, protocol);
	put16(frame, 0);
	put(frame, ends->source, sizeof(ends->source));
	put(frame, ends->destination, sizeof(ends->destination));
}

static void finish_ipv4(Frame *frame)
{
	uint8_t *ip = frame->data + frame->ip;
	size_t len = (ip[0] & 15) * 4;
	uint32_t sum = 0;

	set16(frame, frame->ip + 2, frame->len - frame->ip);
	for (size_t i = 0; i < len; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	set16(frame, frame->ip + 10, ~sum);
}

static void put_ipv6(Frame *frame, const Ends *ends, uint8_t next)
{
	frame->ip = frame->len;
	put8(frame, 0x60);
	put_zeros(frame, 3);
	put16(frame, 0); /* payload length: see finish_ipv6() */
	put8(frame, next);
	put8(frame, 64);
	put(frame, ends->source6, sizeof(ends->source6));
	put(frame, ends->destination6, sizeof(ends->destination6));
}

static void finish_ipv6(Frame *frame)
{
	set16(frame, frame->ip + 4, frame->len - frame->ip - IPV6_LEN);
}

static void put_udp(Frame *frame, const Ends *ends, uint16_t port)
{
	put16(frame, 40000);
	put16(frame, port);
	put16(frame, 8 + ends->size);
	put16(frame, WRONG_CHECKSUM);
	put_zeros(frame, ends->size);
}

static void shape_udp(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_IP);
	put_ipv4(frame, ends, IPPROTO_UDP, 0);
	put_udp(frame, ends, 9);
	finish_ipv4(frame);
}

static void shape_udp6(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_IPV6);
	put_ipv6(frame, ends, IPPROTO_UDP);
	put_udp(frame, ends, 9);
	finish_ipv6(frame);
}

static void shape_tcp(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_IP);
	put_ipv4(frame, ends, IPPROTO_TCP, 0);
	put16(frame, 40000);
	put16(frame, 9);
	put_zeros(frame, 8);
	put16(frame, 0x5010); /* five words, ACK */
	put16(frame, 1024);
	put16(frame, WRONG_CHECKSUM);
	put16(frame, 0);
	put_zeros(frame, ends->size);
	finish_ipv4(frame);
}

static void shape_vlan(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_8021Q);
	put16(frame, ends->vlan);
	put16(frame, ETH_P_IP);
	put_ipv4(frame, ends, IPPROTO_UDP, 0);
	put_udp(frame, ends, 9);
	finish_ipv4(frame);
}

static void shape_qinq(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_8021AD);
	put16(frame, ends->vlan);
	put16(frame, ETH_P_8021Q);
	put16(frame, ends->vlan + 1);
	put16(frame, ETH_P_IPV6);
	put_ipv6(frame, ends, IPPROTO_UDP);
	put_udp(frame, ends, 9);
	finish_ipv6(frame);
}

static void shape_vlan_arp(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_8021Q);
	put16(frame, ends->vlan);
	put16(frame, ETH_P_ARP);
	put_zeros(frame, 42);
}

static void shape_ipv4_options(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_IP);
	put_ipv4(frame, ends, IPPROTO_UDP, 0);
	frame->data[frame->ip] = 0x4f;
	for (int i = 0; i < 40; i++)
		put8(frame, 1); /* no operation */
	put_udp(frame, ends, 9);
	finish_ipv4(frame);
}

static void shape_fragment_first(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_IP);
	put_ipv4(frame, ends, IPPROTO_UDP, 0x2000);
	put_udp(frame, ends, 9);
	finish_ipv4(frame);
}

/* The first octets look like a TCP header, and are not one. */
static void shape_fragment_last(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_IP);
	put_ipv4(frame, ends, IPPROTO_TCP, 185);
	put_zeros(frame, ends->size);
	finish_ipv4(frame);
}

static void put_extension(Frame *frame, uint8_t next)
{
	put8(frame, next);
	put8(frame, 0); /* eight octets */
	put8(frame, 1); /* PadN */
	put8(frame, 4);
	put_zeros(frame, 4);
}

static void shape_ipv6_options(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_IPV6);
	put_ipv6(frame, ends, IPPROTO_HOPOPTS);
	put_extension(frame, IPPROTO_DSTOPTS);
	put_extension(frame, IPPROTO_UDP);
	put_udp(frame, ends, 9);
	finish_ipv6(frame);
}

static void shape_ipv6_fragment(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_IPV6);
	put_ipv6(frame, ends, IPPROTO_FRAGMENT);
	put8(frame, IPPROTO_UDP);
	put8(frame, 0);
	put16(frame, 1480 | 1); /* more follow */
	put16(frame, 0);
	put16(frame, 1);
	put_zeros(frame, ends->size & ~7u);
	finish_ipv6(frame);
}

/* Ethernet pads to 60 octets: what IP says is less. */
static void shape_short60(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_IP);
	put_ipv4(frame, ends, IPPROTO_UDP, 0);
	put16(frame, 40000);
	put16(frame, 9);
	put16(frame, 8);
	put16(frame, WRONG_CHECKSUM);
	finish_ipv4(frame);
	put_zeros(frame, ETH_ZLEN - frame->len);
}

static void shape_short60_ipv6(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_IPV6);
	put_ipv6(frame, ends, IPPROTO_NONE);
	finish_ipv6(frame);
	put_zeros(frame, ETH_ZLEN - frame->len);
}

static void shape_arp(Frame *frame, const Ends *ends)
{
	static const uint8_t nobody[4] = { 192, 168, 2, 250 };

	memset(frame->data, 0xff, ETH_ALEN);
	frame->len = ETH_ALEN;
	put(frame, ends->source_mac, ETH_ALEN);
	put16(frame, ETH_P_ARP);
	put16(frame, 1);
	put16(frame, ETH_P_IP);
	put8(frame, ETH_ALEN);
	put8(frame, sizeof(ends->source));
	put16(frame, 1); /* request */
	put(frame, ends->source_mac, ETH_ALEN);
	put(frame, ends->source, sizeof(ends->source));
	put_zeros(frame, ETH_ALEN);
	put(frame, nobody, sizeof(nobody));
}

static void shape_other(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, 0x88b5); /* for local experiments (IEEE 802) */
	put_zeros(frame, ends->size);
}

static void shape_llc(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, 46); /* a length, not a protocol */
	put16(frame, 0xaaaa);
	put_zeros(frame, 44);
}

static void put_pppoe(Frame *frame, const Ends *ends, uint16_t len, uint16_t protocol)
{
	put_ethernet(frame, ends, ETH_P_PPP_SES);
	put16(frame, 0x1100);
	put16(frame, 1);
	put16(frame, 2 + len);
	put16(frame, protocol);
}

static void shape_pppoe(Frame *frame, const Ends *ends)
{
	put_pppoe(frame, ends, IPV4_LEN, 0x0021);
	put_ipv4(frame, ends, IPPROTO_UDP, 0);
	finish_ipv4(frame);
}

/* The link control protocol: an echo request. */
static void shape_pppoe_lcp(Frame *frame, const Ends *ends)
{
	put_pppoe(frame, ends, 8, 0xc021);
	put16(frame, 0x0901);
	put16(frame, 8);
	put_zeros(frame, 4);
}

static void shape_mpls(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, ETH_P_MPLS_UC);
	put16(frame, 1);
	put16(frame, 0x0040);
	put16(frame, 2);
	put16(frame, 0x0140); /* the last label */
	put_ipv4(frame, ends, IPPROTO_UDP, 0);
	finish_ipv4(frame);
}

static void put_multicast(Frame *frame, const Ends *ends, const char *mac, const char *address,
			  uint16_t port)
{
	Ends many = *ends;

	memcpy(many.destination_mac, mac, ETH_ALEN);
	memcpy(many.destination, address, sizeof(many.destination));
	put_ethernet(frame, &many, ETH_P_IP);
	put_ipv4(frame, &many, IPPROTO_UDP, 0);
	put_udp(frame, &many, port);
	finish_ipv4(frame);
}

static void shape_mdns(Frame *frame, const Ends *ends)
{
	put_multicast(frame, ends, "\x01\x00\x5e\x00\x00\xfb", "\xe0\x00\x00\xfb", 5353);
}

static void shape_ssdp(Frame *frame, const Ends *ends)
{
	put_multicast(frame, ends, "\x01\x00\x5e\x7f\xff\xfa", "\xef\xff\xff\xfa", 1900);
}

static void shape_broadcast(Frame *frame, const Ends *ends)
{
	put_multicast(frame, ends, "\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff", 9);
}

/* 192.168.2.255: only the MAC says that it is a broadcast. */
static void shape_subnet_broadcast(Frame *frame, const Ends *ends)
{
	put_multicast(frame, ends, "\xff\xff\xff\xff\xff\xff", "\xc0\xa8\x02\xff", 9);
}

static void shape_mdns6(Frame *frame, const Ends *ends)
{
	Ends many = *ends;

	memcpy(many.destination_mac, "\x33\x33\x00\x00\x00\xfb", ETH_ALEN);
	inet_pton(AF_INET6, "ff02::fb", many.destination6);
	put_ethernet(frame, &many, ETH_P_IPV6);
	put_ipv6(frame, &many, IPPROTO_UDP);
	put_udp(frame, &many, 5353);
	finish_ipv6(frame);
}

static void put_runt(Frame *frame, const Ends *ends, size_t len)
{
	shape_udp(frame, ends);
	frame->len = len;
}

static void shape_runt14(Frame *frame, const Ends *ends)
{
	put_runt(frame, ends, 14);
}

static void shape_runt15(Frame *frame, const Ends *ends)
{
	put_runt(frame, ends, 15);
}

static void shape_runt33(Frame *frame, const Ends *ends)
{
	put_runt(frame, ends, 33);
}

static void shape_runt14_other(Frame *frame, const Ends *ends)
{
	put_ethernet(frame, ends, 0x88b5);
}

static void shape_runt53_ipv6(Frame *frame, const Ends *ends)
{
	shape_udp6(frame, ends);
	frame->len = 53;
}

static void shape_ipv4_version(Frame *frame, const Ends *ends)
{
	shape_udp(frame, ends);
	frame->data[frame->ip] = 0x55;
}

static void shape_ipv4_ihl(Frame *frame, const Ends *ends)
{
	shape_udp(frame, ends);
	frame->data[frame->ip] = 0x44;
}

static void shape_ipv4_too_long(Frame *frame, const Ends *ends)
{
	shape_udp(frame, ends);
	set16(frame, frame->ip + 2, frame->len - frame->ip + 1);
}

static void shape_ipv4_too_short(Frame *frame, const Ends *ends)
{
	shape_udp(frame, ends);
	set16(frame, frame->ip + 2, IPV4_LEN - 1);
}

static void shape_ipv6_version(Frame *frame, const Ends *ends)
{
	shape_udp6(frame, ends);
	frame->data[frame->ip] = 0x40;
}

static void shape_ipv6_too_long(Frame *frame, const Ends *ends)
{
	shape_udp6(frame, ends);
	set16(frame, frame->ip + 4, frame->len - frame->ip - IPV6_LEN + 1);
}

typedef struct {
	const char *name;
	void (*make)(Frame *frame, const Ends *ends);
	/* How the ledger of a meter on the device's side classes it; "host" is a device's own. */
	const char *class;
	uint8_t ip_version; /* 0 where no IP octets are to be counted */
} Shape;

static const Shape shapes[] = {
	/* clang-format off */
	{"udp",              shape_udp,              "host",      4},
	{"udp6",             shape_udp6,             "host",      6},
	{"tcp",              shape_tcp,              "host",      4},
	{"vlan",             shape_vlan,             "host",      4},
	{"qinq",             shape_qinq,             "host",      6},
	{"ipv4-options",     shape_ipv4_options,     "host",      4},
	{"fragment-first",   shape_fragment_first,   "host",      4},
	{"fragment-last",    shape_fragment_last,    "host",      4},
	{"ipv6-options",     shape_ipv6_options,     "host",      6},
	{"ipv6-fragment",    shape_ipv6_fragment,    "host",      6},
	{"short60",          shape_short60,          "host",      4},
	{"short60-ipv6",     shape_short60_ipv6,     "host",      6},
	{"mdns",             shape_mdns,             "multicast", 4},
	{"mdns6",            shape_mdns6,            "multicast", 6},
	{"ssdp",             shape_ssdp,             "multicast", 4},
	{"broadcast",        shape_broadcast,        "multicast", 4},
	{"subnet-broadcast", shape_subnet_broadcast, "multicast", 4},
	{"arp",              shape_arp,              "not-ip",    0},
	{"vlan-arp",         shape_vlan_arp,         "not-ip",    0},
	{"pppoe",            shape_pppoe,            "not-ip",    0},
	{"mpls",             shape_mpls,             "not-ip",    0},
	{"pppoe-lcp",        shape_pppoe_lcp,        "not-ip",    0},
	{"llc",              shape_llc,              "not-ip",    0},
	{"other",            shape_other,            "not-ip",    0},
	{"runt14-other",     shape_runt14_other,     "not-ip",    0},
	{"runt14",           shape_runt14,           "malformed", 0},
	{"runt15",           shape_runt15,           "malformed", 0},
	{"runt33",           shape_runt33,           "malformed", 0},
	{"runt53-ipv6",      shape_runt53_ipv6,      "malformed", 0},
	{"ipv4-version",     shape_ipv4_version,     "malformed", 0},
	{"ipv4-ihl",         shape_ipv4_ihl,         "malformed", 0},
	{"ipv4-too-long",    shape_ipv4_too_long,    "malformed", 0},
	{"ipv4-too-short",   shape_ipv4_too_short,   "malformed", 0},
	{"ipv6-version",     shape_ipv6_version,     "malformed", 0},
	{"ipv6-too-long",    shape_ipv6_too_long,    "malformed", 0},
	/* clang-format on */
};

#define SHAPES (sizeof(shapes) / sizeof(*shapes))

static size_t ip_octets(const Frame *frame, uint8_t version)
{
	const uint8_t *ip = frame->data + frame->ip;

	if (version == 4)
		return ip[2] << 8 | ip[3];
	if (version == 6)
		return IPV6_LEN + (ip[4] << 8 | ip[5]);
	return 0;
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "frames: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* A packet socket, and its TX ring where there is one. */
typedef struct {
	int fd;
	uint8_t *ring;
	unsigned int next;
} Sender;

static void sender_open(Sender *sender, const char *interface, bool tx_ring)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	struct tpacket_req request = {
		.tp_block_size = RING_BLOCK_SIZE,
		.tp_block_nr = RING_FRAMES * RING_FRAME_SIZE / RING_BLOCK_SIZE,
		.tp_frame_size = RING_FRAME_SIZE,
		.tp_frame_nr = RING_FRAMES,
	};
	int version = TPACKET_V2;

	address.sll_ifindex = if_nametoindex(interface);
	if (!address.sll_ifindex)
		fail(interface);
	sender->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (sender->fd < 0)
		fail("packet socket");
	if (tx_ring) {
		if (setsockopt(sender->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
		    setsockopt(sender->fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)))
			fail("TX ring");
		sender->ring = mmap(NULL, RING_FRAMES * RING_FRAME_SIZE, PROT_READ | PROT_WRITE,
				    MAP_SHARED, sender->fd, 0);
		if (sender->ring == MAP_FAILED)
			fail("TX ring");
	}
	if (bind(sender->fd, (struct sockaddr *)&address, sizeof(address)))
		fail(interface);
}

static void send_by_ring(Sender *sender, const Frame *frame)
{
	uint8_t *slot = sender->ring + sender->next * RING_FRAME_SIZE;
	struct tpacket2_hdr *header = (struct tpacket2_hdr *)slot;

	sender->next = (sender->next + 1) % RING_FRAMES;
	memcpy(slot + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), frame->data, frame->len);
	header->tp_len = frame->len;
	__atomic_store_n(&header->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	if (send(sender->fd, NULL, 0, 0) < 0)
		fail("send");
	/* Taken as soon as the frame has left the slot. */
	while (__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) {
		struct pollfd pollfd = { .fd = sender->fd, .events = POLLOUT };

		if (header->tp_status & TP_STATUS_WRONG_FORMAT) {
			errno = EINVAL;
			fail("TX ring");
		}
		(void)poll(&pollfd, 1, 10);
	}
}

static void sender_send(Sender *sender, const Frame *frame)
{
	if (sender->ring)
		send_by_ring(sender, frame);
	else if (send(sender->fd, frame->data, frame->len, 0) != (ssize_t)frame->len)
		fail("send");
}

static const Shape *find_shape(const char *name)
{
	for (size_t i = 0; i < SHAPES; i++)
		if (!strcmp(shapes[i].name, name))
			return &shapes[i];
	fprintf(stderr, "frames: %s: no such shape; --list names them\n", name);
	exit(2);
}

static void list_shapes(void)
{
	for (size_t i = 0; i < SHAPES; i++)
		printf("%s %s\n", shapes[i].name, shapes[i].class);
}

static _Noreturn void usage(void)
{
	fputs("usage: frames [OPTION]... INTERFACE SHAPE...\n"
	      "       frames --list\n"
	      "  --count N                    of each shape (1)\n"
	      "  --size N                     octets of payload, where the shape lets choose "
	      "(100)\n"
	      "  --vlan TCI                   the outer tag (5)\n"
	      "  --source-mac, --destination-mac, --source, --destination, --source6, "
	      "--destination6\n"
	      "  --reverse                    swap all of these\n"
	      "  --tx-ring                    leave only the Ethernet header linear\n",
	      stderr);
	exit(2);
}

static void swap(void *a, void *b, size_t len)
{
	uint8_t kept[16];

	memcpy(kept, a, len);
	memcpy(a, b, len);
	memcpy(b, kept, len);
}

static void reverse(Ends *ends)
{
	swap(ends->source_mac, ends->destination_mac, ETH_ALEN);
	swap(ends->source, ends->destination, sizeof(ends->source));
	swap(ends->source6, ends->destination6, sizeof(ends->source6));
}

/* The lab's desktop, to the lab's sink. */
static void default_ends(Ends *ends)
{
	parse_mac(ends->source_mac, "02:00:00:00:00:01");
	parse_mac(ends->destination_mac, "02:00:00:00:01:01");
	parse_address(AF_INET, ends->source, "192.168.2.10");
	parse_address(AF_INET, ends->destination, "198.51.100.1");
	parse_address(AF_INET6, ends->source6, "2001:db8:ca2:2::10");
	parse_address(AF_INET6, ends->destination6, "2001:db8:dead::1");
	ends->size = 100;
	ends->vlan = 5;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "size", required_argument, NULL, 's' },
		{ "vlan", required_argument, NULL, 'v' },
		{ "source-mac", required_argument, NULL, 'A' },
		{ "destination-mac", required_argument, NULL, 'B' },
		{ "source", required_argument, NULL, 'C' },
		{ "destination", required_argument, NULL, 'D' },
		{ "source6", required_argument, NULL, 'E' },
		{ "destination6", required_argument, NULL, 'F' },
		{ "reverse", no_argument, NULL, 'r' },
		{ "tx-ring", no_argument, NULL, 't' },
		{ "list", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long count = 1, frames = 0, octets = 0;
	bool tx_ring = false, reversed = false;
	Sender sender = { .fd = -1 };
	Ends ends;
	int option;

	default_ends(&ends);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			count = strtoul(optarg, NULL, 10);
			break;
		case 's':
			ends.size = strtoul(optarg, NULL, 10);
			if (ends.size > 1400)
				usage();
			break;
		case 'v':
			ends.vlan = strtoul(optarg, NULL, 0);
			break;
		case 'A':
			parse_mac(ends.source_mac, optarg);
			break;
		case 'B':
			parse_mac(ends.destination_mac, optarg);
			break;
		case 'C':
			parse_address(AF_INET, ends.source, optarg);
			break;
		case 'D':
			parse_address(AF_INET, ends.destination, optarg);
			break;
		case 'E':
			parse_address(AF_INET6, ends.source6, optarg);
			break;
		case 'F':
			parse_address(AF_INET6, ends.destination6, optarg);
			break;
		case 'r':
			reversed = true;
			break;
		case 't':
			tx_ring = true;
			break;
		case 'l':
			list_shapes();
			return EXIT_SUCCESS;
		default:
			usage();
		}
	}
	if (argc - optind < 2)
		usage();
	if (reversed)
		reverse(&ends);
	for (int i = optind + 1; i < argc; i++)
		(void)find_shape(argv[i]);

	sender_open(&sender, argv[optind], tx_ring);
	printf("{\"shapes\":[");
	for (int i = optind + 1; i < argc; i++) {
		const Shape *shape = find_shape(argv[i]);
		Frame frame = { .len = 0 };

		shape->make(&frame, &ends);
		for (unsigned long k = 0; k < count; k++)
			sender_send(&sender, &frame);
		frames += count;
		octets += count * frame.len;
		printf("%s{\"shape\":\"%s\",\"class\":\"%s\",\"ip_version\":%u,\"frames\":%lu,"
		       "\"layer2_octets\":%lu,\"octets\":%lu}",
		       i > optind + 1 ? "," : "", shape->name, shape->class, shape->ip_version,
		       count, count * frame.len, count * ip_octets(&frame, shape->ip_version));
	}
	printf("],\"frames\":%lu,\"layer2_octets\":%lu}\n", frames, octets);
	return EXIT_SUCCESS;
}
