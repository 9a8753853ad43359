/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pours UDP frames into a veth device as fast as one CPU can, each of the next flow, and says exactly how many went in. They
 * are made in the kernel, by an XDP program that is run on frames of its own (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18), and
 * come out at the other end as if a wire had brought them. That end must have NAPI: `ethtool -K PEER gro on`.
 *
 * --flows take turns. They belong to --devices, each with a MAC and an address of its own, which count up from the first
 * ones; with --turnover N one flow ends and a new one begins after each N frames, and so do, in time, devices.
 *
 * It pours into no other kind of device, and only where the network namespace has a name (ip-netns(8)). Dropped is what
 * the other end had no room for, in the ring between them: no hook has seen it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "arguments.h"
#include "pour.h"
#include "tests/tools/pour.skel.h"

/* A run of the program makes so many, that its own preparation does not matter; without --rate. */
#define RUN_FRAMES (1 << 17)
#define RUNS_A_SECOND 10 /* with it: each takes some milliseconds to begin and to end */
#define BATCH 64	 /* what the other end's ring has room for several times */
#define SIZE_MAX_OCTETS 1400
#define SECONDS_MAX 3600
#define TTL 64
#define PORT 9 /* discard */
#define WRONG_CHECKSUM 0xbad0
#define SETTLING_S 5

typedef struct {
	const char *interface;
	double seconds;
	uint64_t frames; /* 0: until the time is over */
	uint64_t rate;	 /* a second; 0: no limit */
	unsigned int size;
	uint32_t devices;
	uint32_t flows;
	uint32_t turnover;
	int cpu; /* -1: any */
	bool ipv6;
	uint8_t device_mac[ETH_ALEN];
	uint8_t router_mac[ETH_ALEN];
	uint8_t device[16];
	uint8_t far[16];
} Plan;

typedef struct {
	uint32_t frames;
	uint32_t dropped;
} Counters;

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = number;
}

static _Noreturn void fail(const char *what, const char *why)
{
	fprintf(stderr, "pour: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static double now_s(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

/* That of the machine has none, in the directory of ip-netns(8). */
static void require_named_namespace(void)
{
	struct stat own, named;
	bool found = false;
	glob_t names;

	if (stat("/proc/self/ns/net", &own))
		fail("network namespace", strerror(errno));
	if (!glob("/run/netns/*", 0, NULL, &names)) {
		for (size_t i = 0; i < names.gl_pathc; i++)
			found |= !stat(names.gl_pathv[i], &named) && named.st_ino == own.st_ino &&
				 named.st_dev == own.st_dev;
		globfree(&names);
	}
	if (!found)
		fail("network namespace", "has no name");
}

static void require_veth(const char *interface)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (char *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strncpy(request.ifr_name, interface, sizeof(request.ifr_name) - 1);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
		fail(interface, strerror(errno));
	close(fd);
	if (strcmp(info.driver, "veth"))
		fail(interface, "is no veth device");
}

/* Of what leaves it; they count round. */
static Counters read_counters(const char *interface)
{
	Counters counters = { 0 };
	struct ifaddrs *all;

	if (getifaddrs(&all))
		fail(interface, strerror(errno));
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		const struct rtnl_link_stats *stats = one->ifa_data;

		if (!one->ifa_addr || one->ifa_addr->sa_family != AF_PACKET ||
		    strcmp(one->ifa_name, interface))
			continue;
		counters.frames = stats->tx_packets;
		counters.dropped = stats->tx_dropped;
	}
	freeifaddrs(all);
	return counters;
}

static uint32_t last_four(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static uint32_t sum_words(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += at[i] << 8 | at[i + 1];
	return sum;
}

static void plan_ipv4(struct pour_plan *to, const Plan *plan)
{
	to->ipv4 = (struct pour_ipv4){
		.version_len = 0x45,
		.len = htons(sizeof(struct pour_ipv4) + plan->size),
		.ttl = TTL,
		.protocol = IPPROTO_UDP,
	};
	memcpy(&to->ipv4.destination, plan->far, sizeof(to->ipv4.destination));
	to->ipv4_sum = sum_words(&to->ipv4, sizeof(to->ipv4) - sizeof(to->udp));
	to->first_address = last_four(plan->device);
	/* None: so it is right. */
	to->udp.checksum = 0;
}

static void plan_ipv6(struct pour_plan *to, const Plan *plan)
{
	to->ipv6 = (struct pour_ipv6){
		.version = htonl(6U << 28),
		.len = htons(sizeof(struct pour_udp) + plan->size),
		.ttl = TTL,
		.protocol = IPPROTO_UDP,
	};
	memcpy(to->ipv6.source, plan->device, sizeof(to->ipv6.source));
	memcpy(to->ipv6.destination, plan->far, sizeof(to->ipv6.destination));
	to->first_address = last_four(plan->device + 12);
	to->udp.checksum = htons(WRONG_CHECKSUM);
}

static void make_plan(struct pour_plan *to, const Plan *plan)
{
	memcpy(to->frame.destination, plan->router_mac, ETH_ALEN);
	memcpy(to->frame.source_start, plan->device_mac, sizeof(to->frame.source_start));
	to->frame.protocol = htons(plan->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	to->udp.destination_port = htons(PORT);
	to->udp.len = htons(sizeof(struct pour_udp) + plan->size);
	if (plan->ipv6)
		plan_ipv6(to, plan);
	else
		plan_ipv4(to, plan);
	to->ifindex = if_nametoindex(plan->interface);
	to->first_mac = last_four(plan->device_mac + 2);
	to->flows = plan->flows;
	to->flows_per_device = (plan->flows + plan->devices - 1) / plan->devices;
	to->turnover = plan->turnover;
}

static size_t frame_len(const Plan *plan)
{
	return ETH_HLEN + (plan->ipv6 ? sizeof(struct pour_ipv6) : sizeof(struct pour_ipv4)) +
	       plan->size;
}

static struct pour_bpf *load(const Plan *plan)
{
	struct pour_bpf *pour = pour_bpf__open();

	if (!pour)
		fail("program", strerror(errno));
	make_plan((struct pour_plan *)&pour->rodata->plan, plan);
	if (pour_bpf__load(pour))
		fail("load program", strerror(errno));
	return pour;
}

/* A program that drops one frame. */
static bool has_live_frames(void)
{
	static uint8_t frame[ETH_ZLEN];
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "drop", "GPL", code, 2, NULL);

	return program >= 0 && !bpf_prog_test_run_opts(program, &options);
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("CPU", strerror(errno));
}

static void make_frames(int program, const Plan *plan, uint64_t n)
{
	static uint8_t frame[ETH_HLEN + sizeof(struct pour_ipv6) + SIZE_MAX_OCTETS];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = frame_len(plan),
		    .repeat = (int)n, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

	if (bpf_prog_test_run_opts(program, &options) && errno != EINTR)
		fail("run program", strerror(errno));
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

/* How many of @made have been dropped. Those that are not are counted as sent when the other end takes them. */
static uint32_t wait_until_taken(const Plan *plan, Counters before, uint64_t made)
{
	double end = now_s() + SETTLING_S;
	uint32_t dropped, taken;

	do {
		Counters now = read_counters(plan->interface);

		dropped = now.dropped - before.dropped;
		taken = now.frames - before.frames;
		if (taken + dropped >= (uint32_t)made)
			return dropped;
		(void)usleep(1000);
	} while (now_s() < end);
	fail(plan->interface,
	     "frames are missing; has the other end NAPI (ethtool -K PEER gro on)?");
}

static void run(const Plan *plan)
{
	struct pour_bpf *pour = load(plan);
	int program = bpf_program__fd(plan->ipv6 ? pour->progs.pour_ipv6 : pour->progs.pour_ipv4);
	uint64_t limit = plan->frames ?: UINT64_MAX;
	uint64_t most = plan->rate ? plan->rate / RUNS_A_SECOND + 1 : RUN_FRAMES;
	Counters before = read_counters(plan->interface);
	double start, seconds;
	uint64_t sent;

	pin(plan->cpu);
	start = now_s();
	while (!stopped && pour->bss->frames < limit && now_s() < start + plan->seconds) {
		uint64_t left = limit - pour->bss->frames;

		make_frames(program, plan, left < most ? left : most);
		wait_for_turn(plan, start, pour->bss->frames);
	}
	seconds = now_s() - start;
	sent = pour->bss->frames;
	before.dropped = wait_until_taken(plan, before, sent);
	sent -= before.dropped;
	printf("{\"frames\":%llu,\"layer2_octets\":%llu,\"octets\":%llu,\"dropped\":%u,"
	       "\"seconds\":%.3f}\n",
	       (unsigned long long)sent, (unsigned long long)(sent * frame_len(plan)),
	       (unsigned long long)(sent * (frame_len(plan) - ETH_HLEN)), before.dropped, seconds);
	pour_bpf__destroy(pour);
}

static _Noreturn void usage(void)
{
	fputs("usage: pour [OPTION]... INTERFACE\n"
	      "       pour supported: whether this kernel has live frames\n"
	      "  --seconds S          how long (1)\n"
	      "  --frames N           no more than that\n"
	      "  --rate N             no more than that a second\n"
	      "  --size N             octets of UDP payload (18)\n"
	      "  --flows N            that take turns (1)\n"
	      "  --devices N          to which they belong (1)\n"
	      "  --turnover N         frames after which one flow is another (0: never)\n"
	      "  --cpu N              stay on that CPU\n"
	      "  --ipv6\n"
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
		{ "flows", required_argument, NULL, 'f' },
		{ "devices", required_argument, NULL, 'd' },
		{ "turnover", required_argument, NULL, 't' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "ipv6", no_argument, NULL, '6' },
		{ "device-mac", required_argument, NULL, 'A' },
		{ "router-mac", required_argument, NULL, 'B' },
		{ "device", required_argument, NULL, 'C' },
		{ "far", required_argument, NULL, 'D' },
		{ NULL, 0, NULL, 0 },
	};
	Plan plan = { .size = 18, .devices = 1, .flows = 1, .cpu = -1 };
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
			plan.size = parse_number(optarg, 0, SIZE_MAX_OCTETS);
			break;
		case 'f':
			plan.flows = parse_number(optarg, 1, INT32_MAX);
			break;
		case 'd':
			plan.devices = parse_number(optarg, 1, INT32_MAX);
			break;
		case 't':
			plan.turnover = parse_number(optarg, 0, UINT32_MAX);
			break;
		case 'c':
			plan.cpu = (int)parse_number(optarg, 0, 1023);
			break;
		case '6':
			plan.ipv6 = true;
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
	if (!strcmp(argv[optind], "supported"))
		return has_live_frames() ? EXIT_SUCCESS : EXIT_FAILURE;
	if (plan.seconds <= 0 || plan.seconds > SECONDS_MAX)
		plan.seconds = plan.frames ? SECONDS_MAX : 1;
	plan.interface = argv[optind];
	/* The lab's desktop, and the lab's sink. */
	family = plan.ipv6 ? AF_INET6 : AF_INET;
	parse_address(family, plan.device,
		      device ?: (plan.ipv6 ? "2001:db8:ca2:2::10" : "192.168.2.10"));
	parse_address(family, plan.far, far ?: (plan.ipv6 ? "2001:db8:dead::1" : "198.51.100.1"));

	require_named_namespace();
	require_veth(plan.interface);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	run(&plan);
	return EXIT_SUCCESS;
}
