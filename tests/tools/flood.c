/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends UDP frames out of an interface as fast as one CPU can, through its tc egress, and says
 * exactly how many the kernel took.
 *
 * Frame number i comes from device i % --devices and from its address (i / --devices) %
 * --addresses, so every device and address gets its turn: the MAC's last four octets count devices,
 * the address's last ones count addresses. With --reverse frames go to these devices instead.
 * Checksums are wrong, so nobody answers.
 *
 * Refused is what a queue on the way had no room for (ENOBUFS); a filter at tc egress has seen
 * these, too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"

#define BATCH 64
#define FRAME_MAX 2000
#define IPV4_LEN 20
#define IPV6_LEN 40
#define UDP_LEN 8
#define WRONG_CHECKSUM 0xbad0

typedef struct {
	const char *interface;
	double seconds;
	uint64_t frames; /* 0: until the time is over */
	uint64_t rate;	 /* a second; 0: no limit */
	unsigned int size;
	uint32_t devices;
	uint32_t addresses;
	int cpu; /* -1: any */
	bool ipv6;
	bool reverse;
	uint8_t device_mac[ETH_ALEN];
	uint8_t router_mac[ETH_ALEN];
	uint8_t device[16];
	uint8_t far[16];
} Plan;

/* Where the parts that change from frame to frame lie. */
typedef struct {
	size_t len;
	size_t mac;
	size_t address;
	size_t address_len;
} Layout;

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = number;
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now_s(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

static void set16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void add_to_last_four(uint8_t *last, uint32_t base, uint32_t number)
{
	number += base;
	for (int i = 3; i >= 0; i--, number >>= 8)
		last[i] = number;
}

static uint32_t last_four(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static Layout make_template(const Plan *plan, uint8_t *frame)
{
	size_t ip_len = plan->ipv6 ? IPV6_LEN : IPV4_LEN, address_len = plan->ipv6 ? 16 : 4;
	size_t source = ETH_HLEN + (plan->ipv6 ? 8 : 12), destination = source + address_len;
	uint8_t *ip = frame + ETH_HLEN, *udp = ip + ip_len;
	Layout layout = {
		.len = ETH_HLEN + ip_len + UDP_LEN + plan->size,
		.mac = plan->reverse ? 0 : ETH_ALEN,
		.address = plan->reverse ? destination : source,
		.address_len = address_len,
	};

	memset(frame, 0, layout.len);
	memcpy(frame + (plan->reverse ? 0 : ETH_ALEN), plan->device_mac, ETH_ALEN);
	memcpy(frame + (plan->reverse ? ETH_ALEN : 0), plan->router_mac, ETH_ALEN);
	set16(frame + 12, plan->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	if (plan->ipv6) {
		ip[0] = 0x60;
		set16(ip + 4, UDP_LEN + plan->size);
		ip[6] = IPPROTO_UDP;
		ip[7] = 64;
	} else {
		ip[0] = 0x45;
		set16(ip + 2, IPV4_LEN + UDP_LEN + plan->size);
		ip[8] = 64;
		ip[9] = IPPROTO_UDP;
	}
	memcpy(frame + (plan->reverse ? destination : source), plan->device, address_len);
	memcpy(frame + (plan->reverse ? source : destination), plan->far, address_len);
	set16(udp, 40000);
	set16(udp + 2, 9);
	set16(udp + 4, UDP_LEN + plan->size);
	set16(udp + 6, WRONG_CHECKSUM);
	return layout;
}

static void finish_ipv4(uint8_t *ip)
{
	uint32_t sum = 0;

	set16(ip + 10, 0);
	for (int i = 0; i < IPV4_LEN; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	set16(ip + 10, ~sum);
}

static void stamp(const Plan *plan, const Layout *layout, uint8_t *frame, uint64_t number)
{
	add_to_last_four(frame + layout->mac + 2, last_four(plan->device_mac + 2),
			 number % plan->devices);
	add_to_last_four(frame + layout->address + layout->address_len - 4,
			 last_four(plan->device + layout->address_len - 4),
			 number / plan->devices % plan->addresses);
	if (!plan->ipv6)
		finish_ipv4(frame + ETH_HLEN);
}

static int open_socket(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("packet socket");
	address.sll_ifindex = if_nametoindex(interface);
	if (!address.sll_ifindex || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		fail(interface);
	return fd;
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("CPU");
}

static void wait_for_turn(const Plan *plan, double start, uint64_t sent)
{
	double ahead;

	if (!plan->rate)
		return;
	ahead = start + (double)sent / plan->rate - now_s();
	if (ahead > 0)
		(void)usleep(ahead * 1e6);
}

static void run(const Plan *plan)
{
	static uint8_t frames[BATCH][FRAME_MAX];
	static struct mmsghdr messages[BATCH];
	static struct iovec vectors[BATCH];
	bool same = plan->devices == 1 && plan->addresses == 1;
	uint64_t sent = 0, refused = 0, limit = plan->frames ?: UINT64_MAX;
	int fd = open_socket(plan->interface);
	double start, end;
	Layout layout;

	for (int i = 0; i < BATCH; i++) {
		layout = make_template(plan, frames[i]);
		stamp(plan, &layout, frames[i], i);
		vectors[i].iov_base = frames[i];
		vectors[i].iov_len = layout.len;
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	pin(plan->cpu);
	start = now_s();
	end = start + plan->seconds;
	while (!stopped && sent < limit && now_s() < end) {
		int n = limit - sent < BATCH ? (int)(limit - sent) : BATCH;

		for (int i = 0; i < n && !same; i++)
			stamp(plan, &layout, frames[i], sent + i);
		n = sendmmsg(fd, messages, n, 0);
		/* What was refused is tried again: it is not counted, and keeps its number. */
		if (n > 0)
			sent += n;
		else if (errno == ENOBUFS)
			refused++;
		else if (errno != EINTR && errno != EAGAIN)
			fail(plan->interface);
		wait_for_turn(plan, start, sent);
	}
	printf("{\"frames\":%llu,\"layer2_octets\":%llu,\"octets\":%llu,\"refused\":%llu,"
	       "\"seconds\":%.3f}\n",
	       (unsigned long long)sent, (unsigned long long)(sent * layout.len),
	       (unsigned long long)(sent * (layout.len - ETH_HLEN)), (unsigned long long)refused,
	       now_s() - start);
}

static _Noreturn void usage(void)
{
	fputs("usage: flood [OPTION]... INTERFACE\n"
	      "  --seconds S          how long (1)\n"
	      "  --frames N           no more than that\n"
	      "  --rate N             no more than that a second\n"
	      "  --size N             octets of UDP payload (18)\n"
	      "  --devices N, --addresses N\n"
	      "  --cpu N              stay on that CPU\n"
	      "  --ipv6\n"
	      "  --reverse            to the devices instead of from them\n"
	      "  --device-mac MAC, --router-mac MAC, --device ADDRESS, --far ADDRESS\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "frames", required_argument, NULL, 'n' },
		{ "rate", required_argument, NULL, 'r' },
		{ "size", required_argument, NULL, 'l' },
		{ "devices", required_argument, NULL, 'd' },
		{ "addresses", required_argument, NULL, 'a' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "ipv6", no_argument, NULL, '6' },
		{ "reverse", no_argument, NULL, 'R' },
		{ "device-mac", required_argument, NULL, 'A' },
		{ "router-mac", required_argument, NULL, 'B' },
		{ "device", required_argument, NULL, 'C' },
		{ "far", required_argument, NULL, 'D' },
		{ NULL, 0, NULL, 0 },
	};
	Plan plan = { .size = 18, .devices = 1, .addresses = 1, .cpu = -1 };
	const char *device = NULL, *far = NULL;
	int option, family;

	parse_mac(plan.device_mac, "02:00:00:00:00:01");
	parse_mac(plan.router_mac, "02:00:00:00:01:01");
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			plan.seconds = strtod(optarg, NULL);
			break;
		case 'n':
			plan.frames = parse_number(optarg, 1, UINT32_MAX);
			break;
		case 'r':
			plan.rate = parse_number(optarg, 1, UINT32_MAX);
			break;
		case 'l':
			plan.size = parse_number(optarg, 0, 1400);
			break;
		case 'd':
			plan.devices = parse_number(optarg, 1, UINT32_MAX);
			break;
		case 'a':
			plan.addresses = parse_number(optarg, 1, UINT32_MAX);
			break;
		case 'c':
			plan.cpu = (int)parse_number(optarg, 0, 1023);
			break;
		case '6':
			plan.ipv6 = true;
			break;
		case 'R':
			plan.reverse = true;
			break;
		case 'A':
			parse_mac(plan.device_mac, optarg);
			break;
		case 'B':
			parse_mac(plan.router_mac, optarg);
			break;
		case 'C':
			device = optarg;
			break;
		case 'D':
			far = optarg;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 1)
		usage();
	if (!plan.seconds)
		plan.seconds = plan.frames ? 3600 : 1;
	plan.interface = argv[optind];
	/* The lab's desktop, and the lab's sink. */
	family = plan.ipv6 ? AF_INET6 : AF_INET;
	parse_address(family, plan.device,
		      device ?: (plan.ipv6 ? "2001:db8:ca2:2::10" : "192.168.2.10"));
	parse_address(family, plan.far, far ?: (plan.ipv6 ? "2001:db8:dead::1" : "198.51.100.1"));

	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	run(&plan);
	return EXIT_SUCCESS;
}
