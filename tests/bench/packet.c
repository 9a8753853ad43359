/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a packet costs in the classifier, and an entry in reading.
 *
 * All programs run in turns, round by round, and what is told is the median over the rounds: a
 * machine that does other things as well slows them all down alike. "At best" is what the quickest
 * rounds leave of that, and what promises of nanoseconds are judged by: others' work only adds to them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/frame.h"
#include "kernel/cache.h"
#include "kernel/maps.h"
#include "records.h"
#include "tests/bench/packet.skel.h"

/* The headers here may be older than the kernel. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif

#define ROUNDS 9
#define REPEAT 1000000
#define HOSTS (1 << 16)
#define FLOWS (1 << 19)
#define NUMBER 1

/* What the project promises. */
#define MAX_OVER_EMPTY_NS 30
#define MAX_OVER_HOSTS_NS 35
#define MAX_OVER_BARE 2
#define MAX_OVER_BARE_FLOW 1.3

/* Of the same maps, and loaded in other ways. */
enum object {
	HOSTS_ALONE,
	GUARDED, /* without CAP_PERFMON */
	WITH_FLOWS,
	WITH_FLOWS_GUARDED,
	FLOWS_ALONE,
	OBJECTS,
};

enum program {
	EMPTY,
	BARE,
	IPV4,
	IPV6,
	LOCAL,
	ASK_TRIE,
	GUARDED_IPV4,
	GUARDED_IPV6,
	FLOW_IPV4,
	FLOW_IPV6,
	GUARDED_FLOW_IPV4,
	GUARDED_FLOW_IPV6,
	RANDOM_EMPTY,
	RANDOM_BARE,
	RANDOM,
	RANDOM_FLOW_EMPTY,
	RANDOM_FLOW_BARE,
	RANDOM_FLOW,
	PROGRAMS,
};

struct run {
	const char *name;
	const char *program;
	const char *source;
	const char *destination;
	enum program empty;
	enum program bare;
	enum object object;
	enum program hosts; /* the same without flows; 0: it is without flows */
	bool promised;	    /* MAX_OVER_EMPTY_NS holds for it, or MAX_OVER_HOSTS_NS */
};

/* clang-format off */
static const struct run runs[PROGRAMS] = {
	/* name, program, source, destination, empty, bare, object, hosts, promised */
	[EMPTY] = {"empty", "empty", "192.168.2.10", "198.51.100.7", EMPTY, EMPTY},
	[BARE] = {"bare update", "bare_update", "192.168.2.10", "198.51.100.7", EMPTY, BARE},
	[IPV4] = {"IPv4, internet", "flowtally_ingress", "192.168.2.10", "198.51.100.7",
		  EMPTY, BARE, .promised = true},
	[IPV6] = {"IPv6, internet", "flowtally_ingress", "2001:db8:ca2:2::10", "2620:fe::9",
		  EMPTY, BARE, .promised = true},
	[LOCAL] = {"IPv4, local", "flowtally_ingress", "192.168.2.10", "192.168.2.11",
		   EMPTY, BARE, .promised = true},
	[ASK_TRIE] = {"IPv4, local by a long prefix", "flowtally_ingress", "192.168.2.10", "192.0.2.4",
		      EMPTY, BARE},
	[GUARDED_IPV4] = {"IPv4, without CAP_PERFMON", "flowtally_ingress", "192.168.2.10",
			  "198.51.100.7", EMPTY, BARE, GUARDED, .promised = true},
	[GUARDED_IPV6] = {"IPv6, without CAP_PERFMON", "flowtally_ingress", "2001:db8:ca2:2::10",
			  "2620:fe::9", EMPTY, BARE, GUARDED, .promised = true},
	[FLOW_IPV4] = {"IPv4, with its flow", "flowtally_ingress", "192.168.2.10", "198.51.100.7",
		       EMPTY, BARE, WITH_FLOWS, IPV4, true},
	[FLOW_IPV6] = {"IPv6, with its flow", "flowtally_ingress", "2001:db8:ca2:2::10", "2620:fe::9",
		       EMPTY, BARE, WITH_FLOWS, IPV6, true},
	[GUARDED_FLOW_IPV4] = {"IPv4, without CAP_PERFMON", "flowtally_ingress", "192.168.2.10",
			       "198.51.100.7", EMPTY, BARE, WITH_FLOWS_GUARDED, GUARDED_IPV4, true},
	[GUARDED_FLOW_IPV6] = {"IPv6, without CAP_PERFMON", "flowtally_ingress", "2001:db8:ca2:2::10",
			       "2620:fe::9", EMPTY, BARE, WITH_FLOWS_GUARDED, GUARDED_IPV6, true},
	[RANDOM_EMPTY] = {"empty, of 64 k hosts", "random_empty", "10.1.0.0", "198.51.100.7",
			  RANDOM_EMPTY, RANDOM_EMPTY},
	[RANDOM_BARE] = {"bare update, of 64 k hosts", "random_bare_update", "10.1.0.0", "198.51.100.7",
			 RANDOM_EMPTY, RANDOM_BARE},
	[RANDOM] = {"IPv4, of 64 k hosts", "random_meter", "10.1.0.0", "198.51.100.7",
		    RANDOM_EMPTY, RANDOM_BARE},
	[RANDOM_FLOW_EMPTY] = {"empty, of 512 k flows", "random_flow_empty", "10.1.0.0",
			       "198.51.100.7", RANDOM_FLOW_EMPTY, RANDOM_FLOW_EMPTY},
	[RANDOM_FLOW_BARE] = {"bare update, of 512 k flows", "random_flow_bare", "10.1.0.0",
			      "198.51.100.7", RANDOM_FLOW_EMPTY, RANDOM_FLOW_BARE},
	[RANDOM_FLOW] = {"flows alone, of 512 k", "random_flow_meter", "10.1.0.0", "198.51.100.7",
			 RANDOM_FLOW_EMPTY, RANDOM_FLOW_BARE, FLOWS_ALONE},
};
/* clang-format on */

static struct packet_bpf *objects[OBJECTS];
static struct packet_bpf *skel; /* the first of them */
static struct frame frames[PROGRAMS];

static void die(const char *what)
{
	fprintf(stderr, "packet: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void update(const struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY))
		die(bpf_map__name(map));
}

static void set_ipv4(uint8_t to[ADDRESS_LEN], const char *address)
{
	memset(to + 10, 0xff, 2);
	inet_pton(AF_INET, address, to + 12);
}

static void add_local(const char *address, unsigned length)
{
	bool ipv6 = strchr(address, ':');
	struct local_prefix prefix = {
		.length = LOCAL_PREFIX_LENGTH(ipv6 ? length : 96 + length),
		.point = NUMBER,
		.ip_version = ipv6 ? 6 : 4,
	};
	uint8_t value = 1;

	if (ipv6)
		inet_pton(AF_INET6, address, prefix.address);
	else
		set_ipv4(prefix.address, address);
	update(skel->maps.local_prefixes, &prefix, &value);
}

static uint16_t hint_index(const char *address)
{
	uint16_t index;
	uint8_t octets[4];

	inet_pton(AF_INET, address, octets);
	memcpy(&index, octets, sizeof(index));
	return index;
}

/* 192.168.0.0/16 and 192.0.2.0/24 */
static void set_not_internet(void)
{
	struct scope_hints *hints = mmap(NULL, sizeof(*hints), PROT_READ | PROT_WRITE, MAP_SHARED,
					 bpf_map__fd(skel->maps.scope_hints), 0);
	struct scope_prefix prefix = { .length = SCOPE_PREFIX_LENGTH(96 + 24), .ip_version = 4 };
	uint8_t value = SCOPE_LOCAL;

	if (hints == MAP_FAILED)
		die("map the hints");
	hints->ipv4[hint_index("192.168.0.0")] = HINT_LOCAL;
	hints->ipv4[hint_index("192.0.2.0")] = HINT_ASK_TRIE;
	munmap(hints, sizeof(*hints));
	set_ipv4(prefix.address, "192.0.2.0");
	update(skel->maps.scope_prefixes, &prefix, &value);
}

static int make_table(const struct bpf_map *outer, uint32_t generation)
{
	/* Some room beside the random hosts, for those of the other runs. */
	int table = bpf_map_create(BPF_MAP_TYPE_PERCPU_HASH, "hosts", sizeof(struct meter_key),
				   sizeof(struct host_traffic), HOSTS + 64, NULL);
	uint32_t second = SECOND_PLACE(generation);

	if (table < 0)
		die("make table");
	update(outer, &generation, &table);
	update(outer, &second, &table);
	return table;
}

static void make_flow_tables(const struct bpf_map *outer, size_t key_size, size_t value_size)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);

	for (uint32_t cpu = 0; cpu < (uint32_t)libbpf_num_possible_cpus(); cpu++) {
		int table = bpf_map_create(BPF_MAP_TYPE_HASH, "flows", key_size, value_size,
					   FLOWS + 64, &options);
		uint32_t place = outer == skel->maps.bare_flows ? cpu : FLOW_PLACE(0, cpu);

		if (table < 0)
			die("make table");
		update(outer, &place, &table);
		close(table);
	}
}

/* The table of hosts that the classifiers fill. */
static int load(void)
{
	struct meter_control control = { .layout = METER_LAYOUT };
	uint32_t zero = 0;
	int table = -1;

	skel = objects[HOSTS_ALONE] = packet_bpf__open();
	if (!skel)
		die("open");
	skel->rodata->point_side = SIDE_LAN;
	skel->rodata->point_number = NUMBER;
	bpf_map__set_max_entries(skel->maps.local_prefixes, 64);
	bpf_map__set_max_entries(skel->maps.scope_prefixes, 64);
	bpf_map__set_max_entries(skel->maps.bare, HOSTS + 64);
	bpf_map__set_max_entries(skel->maps.bare_flows, libbpf_num_possible_cpus());
	bpf_map__set_max_entries(skel->maps.flows_ipv4, FLOW_PLACES(libbpf_num_possible_cpus()));
	bpf_map__set_max_entries(skel->maps.flows_ipv6, FLOW_PLACES(libbpf_num_possible_cpus()));
	bpf_map__set_max_entries(skel->maps.fragments, 64);
	if (packet_bpf__load(skel))
		die("load");
	for (uint32_t i = GENERATIONS; i-- > 0;) {
		table = make_table(skel->maps.hosts, i);
		make_table(skel->maps.macs, i);
	}
	make_flow_tables(skel->maps.flows_ipv4, sizeof(uint64_t), sizeof(struct flow_ipv4));
	make_flow_tables(skel->maps.flows_ipv6, sizeof(uint64_t), sizeof(struct flow_ipv6));
	make_flow_tables(skel->maps.bare_flows, sizeof(struct flow_key_ipv4),
			 sizeof(struct flow_traffic));
	if (getrandom(control.secrets, sizeof(control.secrets), 0) != sizeof(control.secrets))
		die("make secrets");
	update(skel->maps.data_control, &zero, &control);
	add_local("192.168.2.0", 24);
	add_local("10.1.0.0", 16);
	add_local("2001:db8:ca2:2::", 64);
	set_not_internet();
	return table;
}

static void load_without_perfmon(struct packet_bpf *object)
{
	/* The one stands in for the other. */
	const cap_value_t perfmon[] = { CAP_PERFMON, CAP_SYS_ADMIN };
	cap_t before = cap_get_proc(), now = cap_dup(before);

	if (cap_set_flag(now, CAP_EFFECTIVE, 2, perfmon, CAP_CLEAR) || cap_set_proc(now) ||
	    packet_bpf__load(object) || cap_set_proc(before))
		die("load without CAP_PERFMON");
	cap_free(now);
	cap_free(before);
}

static void load_object(enum object i, uint8_t meter, bool is_guarded)
{
	struct packet_bpf *object = objects[i] = packet_bpf__open();
	struct bpf_map *from = NULL, *to = NULL;
	const struct bpf_program *chosen;
	struct bpf_program *program;

	if (!object)
		die("open");
	chosen = i == FLOWS_ALONE ? object->progs.random_flow_meter :
				    object->progs.flowtally_ingress;
	object->rodata->point_side = SIDE_LAN;
	object->rodata->point_number = NUMBER;
	object->rodata->point_meter = meter;
	object->rodata->point_flows_at = FLOWS_ENTERING;
	while ((from = bpf_object__next_map(skel->obj, from)) &&
	       (to = bpf_object__next_map(object->obj, to))) {
		if (from != skel->maps.rodata && bpf_map__reuse_fd(to, bpf_map__fd(from)))
			die(bpf_map__name(to));
	}
	bpf_object__for_each_program(program, object->obj)
		bpf_program__set_autoload(program, program == chosen);
	if (is_guarded)
		load_without_perfmon(object);
	else if (packet_bpf__load(object))
		die("load");
}

static void make_frame(struct frame *frame, const struct run *run)
{
	static const uint8_t device[ETH_ALEN] = { 0x02, 0, 0, 0, 0, 0x0a };
	static const uint8_t router[ETH_ALEN] = { 0x02, 0, 0, 0, 0, 0x01 };

	frame_clear(frame);
	frame_add_macs(frame, router, device);
	if (strchr(run->source, ':'))
		frame_add_ipv6(frame, run->source, run->destination, IPPROTO_UDP);
	else
		frame_add_ipv4(frame, run->source, run->destination, IPPROTO_UDP, 0);
	frame_add_udp(frame);
	frame_add_filling(frame, 100);
	frame_finish(frame);
}

static double now_ns(void)
{
	struct timespec now;

	/* Of this thread: not what others did meanwhile. */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

/* Nanoseconds a run. */
static double measure(enum program i, unsigned repeat)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(objects[runs[i].object]->obj, runs[i].program);
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frames[i].bytes,
		    .data_size_in = frames[i].len, .repeat = repeat);
	double start = now_ns();

	if (bpf_prog_test_run_opts(bpf_program__fd(program), &run))
		die(runs[i].name);
	return (now_ns() - start) / repeat;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double values[ROUNDS])
{
	double sorted[ROUNDS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(*sorted), compare_doubles);
	return sorted[ROUNDS / 2];
}

static double least(const double values[ROUNDS])
{
	double found = values[0];

	for (unsigned round = 1; round < ROUNDS; round++)
		found = values[round] < found ? values[round] : found;
	return found;
}

static const char *verdict(bool passed)
{
	return passed ? "pass" : "FAIL";
}

static void tell(enum program i, double ns[PROGRAMS][ROUNDS])
{
	const struct run *run = &runs[i];
	double over_empty[ROUNDS], over_bare[ROUNDS], over, over_hosts, ratio;

	printf("%-30s %8.1f", run->name, median(ns[i]));
	if (run->empty == i) {
		printf("\n");
		return;
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		double empty = ns[run->empty][round];

		over_empty[round] = ns[i][round] - empty;
		over_bare[round] = over_empty[round] / (ns[run->bare][round] - empty);
	}
	over = least(ns[i]) - least(ns[run->empty]);
	over_hosts = least(ns[i]) - least(ns[run->hosts]);
	ratio = median(over_bare);
	printf(" %11.1f %8.1f", median(over_empty), over);
	if (run->bare == i) {
		printf("\n");
		return;
	}
	printf(" %10.2f", ratio);
	if (run->hosts)
		printf("   %s: %.1f ns over hosts, at most %d",
		       verdict(over_hosts <= MAX_OVER_HOSTS_NS), over_hosts, MAX_OVER_HOSTS_NS);
	else if (run->promised)
		printf("   %s: at most %d ns over empty", verdict(over <= MAX_OVER_EMPTY_NS),
		       MAX_OVER_EMPTY_NS);
	if (run->empty == RANDOM_EMPTY)
		printf("   %s: at most %d times a bare update", verdict(ratio <= MAX_OVER_BARE),
		       MAX_OVER_BARE);
	if (i == RANDOM_FLOW)
		printf("   %s: at most %.1f times a bare update",
		       verdict(ratio <= MAX_OVER_BARE_FLOW), MAX_OVER_BARE_FLOW);
	printf("\n");
}

static void measure_packets(void)
{
	static double ns[PROGRAMS][ROUNDS];

	for (enum program i = 0; i < PROGRAMS; i++) {
		make_frame(&frames[i], &runs[i]);
		measure(i, REPEAT);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (enum program i = 0; i < PROGRAMS; i++)
			ns[i][round] = measure(i, REPEAT);
	}
	printf("%-30s %8s %11s %8s %10s\n", "a packet, ns", "", "over empty", "at best",
	       "over bare");
	for (enum program i = 0; i < PROGRAMS; i++)
		tell(i, ns);
}

static void measure_reading(int table)
{
	struct meter_key *keys = calloc(HOSTS + 64, sizeof(*keys));
	struct host_traffic *values =
		calloc((size_t)(HOSTS + 64) * libbpf_num_possible_cpus(), sizeof(*values));
	double ns[ROUNDS], start, deleting;
	uint32_t cursor, n = 0;

	if (!keys || !values)
		die("make room");
	for (unsigned round = 0; round < ROUNDS; round++) {
		n = HOSTS + 64;
		start = now_ns();
		if (bpf_map_lookup_batch(table, NULL, &cursor, keys, values, &n, NULL) &&
		    errno != ENOENT)
			die("read table");
		ns[round] = (now_ns() - start) / n;
	}
	printf("\n%-30s %8.1f   %u entries in one batch\n", "reading an entry, ns", median(ns), n);
	start = now_ns();
	if (bpf_map_delete_batch(table, keys, &n, NULL))
		die("empty table");
	deleting = (now_ns() - start) / n;
	printf("%-30s %8.1f\n", "deleting an entry, ns", deleting);
	free(values);
	free(keys);
}

static void fill(int table)
{
	struct host_traffic *values = calloc(libbpf_num_possible_cpus(), sizeof(*values));
	struct meter_key key = { .mac = { 0x02 } };

	if (!values)
		die("make room");
	values->direction[DIRECTION_UPLOAD].packets = 1;
	for (uint32_t i = 0; i < HOSTS; i++) {
		memcpy(key.address, &i, sizeof(i));
		if (bpf_map_update_elem(table, &key, values, BPF_ANY))
			die("fill table");
	}
	free(values);
}

static int active_table(const Cache *cache)
{
	uint32_t active = cache_generation(cache) % GENERATIONS, id;
	int table = -1;

	if (!bpf_map_lookup_elem(cache_map_fd(cache, CACHE_HOSTS), &active, &id))
		table = bpf_map_get_fd_by_id(id);
	if (table < 0)
		die("find table");
	return table;
}

/* What the agent does with the tables in a sweep. */
static bool measure_sweeps(const char *dir, GError **error)
{
	double reading[ROUNDS], emptying[ROUNDS], start;
	g_autoptr(GArray) deltas = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	g_autoptr(Cache) cache = NULL;

	if (!maps_prepare(dir, error) || !(cache = cache_open(dir, HOSTS, error)))
		return false;
	for (unsigned round = 0; round < ROUNDS; round++) {
		int table = active_table(cache);

		fill(table);
		close(table);
		cache_advance(cache);
		if (!cache_wait_until_quiet(cache, error))
			return false;
		g_array_set_size(deltas, 0);
		start = now_ns();
		if (!cache_read_hosts(cache, deltas, error))
			return false;
		reading[round] = (now_ns() - start) / HOSTS;
		start = now_ns();
		if (!cache_empty(cache, error))
			return false;
		emptying[round] = (now_ns() - start) / HOSTS;
	}
	printf("%-30s %8.1f   cache_read_hosts(), %u entries\n", "a sweep, ns an entry",
	       median(reading), deltas->len);
	printf("%-30s %8.1f   cache_empty()\n", "", median(emptying));
	return true;
}

static void measure_cache(void)
{
	g_autofree char *parent = g_dir_make_tmp("flowtally-bench-XXXXXX", NULL);
	g_autofree char *dir = g_build_filename(parent ?: "", "bpf", NULL);
	g_autoptr(GError) error = NULL;

	if (!parent)
		die("make a directory");
	if (!measure_sweeps(dir, &error))
		fprintf(stderr, "packet: %s\n", error->message);
	maps_remove(dir);
	(void)rmdir(parent);
}

int main(void)
{
	unsigned object = OBJECTS;
	cpu_set_t cpu;
	int table;

	if (geteuid() != 0) {
		puts("packet: needs root");
		return 0;
	}
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	table = load();
	load_object(GUARDED, METER_HOSTS, true);
	load_object(WITH_FLOWS, METER_HOSTS | METER_FLOWS, false);
	load_object(WITH_FLOWS_GUARDED, METER_HOSTS | METER_FLOWS, true);
	load_object(FLOWS_ALONE, METER_FLOWS, false);
	measure_packets();
	measure_reading(table);
	measure_cache();
	while (object > 0)
		packet_bpf__destroy(objects[--object]);
	return 0;
}
