/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier on a bench: one instance with tables of its own, fed by BPF_PROG_TEST_RUN.
 *
 * The kernel has no way to hand in a frame under 14 bytes, an IPv4 frame under 34 bytes or an IPv6
 * frame under 54 bytes, nor one that is not linear.
 */
#ifndef TESTS_BPF_METER_LAB_H
#define TESTS_BPF_METER_LAB_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "frame.h"
#include "accounts/hosts.h"
#include "records.h"
#include "meter.skel.h"

#define LAB_IFINDEX 7
#define LAB_OTHER_IFINDEX 8
#define LAB_NUMBER 6789
#define LAB_OTHER_NUMBER 54
#define LAB_HOME 0x80000009u
#define LAB_ROOM 64
#define LAB_PREFIXES 64
#define LAB_FRAGMENTS 1024

struct lab {
	struct meter_bpf *skel;
	enum side side;
	enum link_layer layer;
	unsigned cpus;
	int hosts[GENERATIONS];
	int macs[GENERATIONS];
	/* Of the CPU that the tests run on. */
	int flows_ipv4[GENERATIONS];
	int flows_ipv6[GENERATIONS];
	__u64 secrets[2 * FLOW_WORDS_IPV6];
};

/* Zero: the default. */
struct lab_options {
	enum side side;
	enum link_layer layer;
	uint32_t max_hosts;
	uint32_t max_macs;
	uint8_t meter; /* of enum meter; hosts */
	uint32_t max_flows;
	uint8_t flows_at;
	uint8_t flow_key; /* all but these parts */
	uint32_t sampling;
	enum flow_sampling sampling_of;
	uint32_t home; /* LAB_HOME: the point is in another network namespace */
};

static inline void lab_address(uint8_t address[ADDRESS_LEN], const char *text)
{
	if (inet_pton(AF_INET6, text, address) == 1)
		return;
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	assert_int_equal(inet_pton(AF_INET, text, address + 12), 1);
}

/* The bits of a prefix once its address is written as IPv6. */
static inline unsigned lab_prefix_length(const char *address, unsigned length)
{
	return strchr(address, ':') ? length : 96 + length;
}

static inline int lab_make_table(const struct bpf_map *outer, const char *name, uint32_t generation,
				 uint32_t max_entries)
{
	int table = bpf_map_create(BPF_MAP_TYPE_PERCPU_HASH, name, sizeof(struct meter_key),
				   sizeof(struct host_traffic), max_entries, NULL);
	uint32_t second = SECOND_PLACE(generation);

	assert_true(table >= 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(outer), &generation, &table, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(outer), &second, &table, BPF_ANY), 0);
	return table;
}

static inline int lab_make_flow_table(const struct bpf_map *outer, const char *name,
				      size_t entry_size, uint32_t generation, uint32_t max_entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int table = bpf_map_create(BPF_MAP_TYPE_HASH, name, sizeof(uint64_t), entry_size,
				   max_entries, &options);
	unsigned cpus = libbpf_num_possible_cpus();

	assert_true(table >= 0);
	/* The same one for all CPUs: the tests stay on one. */
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		uint32_t place = FLOW_PLACE(generation, cpu), second = SECOND_PLACE(place);

		assert_int_equal(bpf_map_update_elem(bpf_map__fd(outer), &place, &table, BPF_ANY),
				 0);
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(outer), &second, &table, BPF_ANY),
				 0);
	}
	return table;
}

static inline unsigned lab_number(uint32_t ifindex)
{
	return ifindex == LAB_IFINDEX ? LAB_NUMBER : LAB_OTHER_NUMBER;
}

static inline void lab_add_prefix(const struct lab *lab, uint32_t point, const char *address,
				  unsigned length)
{
	struct local_prefix prefix = {
		.length = LOCAL_PREFIX_LENGTH(lab_prefix_length(address, length)),
		.point = point,
		.ip_version = strchr(address, ':') ? 6 : 4,
	};
	uint8_t value = 1;

	lab_address(prefix.address, address);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(lab->skel->maps.local_prefixes), &prefix,
					     &value, BPF_ANY),
			 0);
}

static inline void lab_add_local(const struct lab *lab, uint32_t ifindex, const char *address,
				 unsigned length)
{
	lab_add_prefix(lab, lab_number(ifindex), address, length);
}

/* An own address of another network namespace; the hint comes with lab_add_own(). */
static inline void lab_add_home(const struct lab *lab, uint32_t home, const char *address)
{
	lab_add_prefix(lab, home, address, strchr(address, ':') ? 128 : 32);
}

/* Prefixes of up to 16 bits become hints alone, longer ones a hint to ask and an entry to find. */
static inline void lab_add_not_internet(const struct lab *lab, const char *address, unsigned length)
{
	struct scope_hints *hints = mmap(NULL, sizeof(*hints), PROT_READ | PROT_WRITE, MAP_SHARED,
					 bpf_map__fd(lab->skel->maps.scope_hints), 0);
	bool ipv6 = strchr(address, ':');
	unsigned span = length < 16 ? 1 << (16 - length) : 1;
	uint8_t value = SCOPE_LOCAL;
	struct scope_prefix prefix = {
		.length = SCOPE_PREFIX_LENGTH(lab_prefix_length(address, length)),
		.ip_version = ipv6 ? 6 : 4,
	};
	uint8_t *start;
	unsigned high;

	assert_ptr_not_equal(hints, MAP_FAILED);
	lab_address(prefix.address, address);
	start = prefix.address + (ipv6 ? 0 : 12);
	high = start[0] << 8 | start[1];
	for (unsigned i = 0; i < span; i++) {
		uint16_t index = htons(high + i);

		(ipv6 ? hints->ipv6 : hints->ipv4)[index] =
			length > 16 ? HINT_ASK_TRIE : HINT_LOCAL;
	}
	munmap(hints, sizeof(*hints));
	if (length > 16)
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(lab->skel->maps.scope_prefixes),
						     &prefix, &value, BPF_ANY),
				 0);
}

/* An address of the machine itself: a hint to ask, and an entry to find. */
static inline void lab_add_own(const struct lab *lab, const char *address)
{
	uint8_t value = SCOPE_ROUTER;
	struct scope_prefix prefix = {
		.length = SCOPE_PREFIX_LENGTH(8 * ADDRESS_LEN),
		.ip_version = strchr(address, ':') ? 6 : 4,
	};

	lab_add_not_internet(lab, address, strchr(address, ':') ? 128 : 32);
	lab_address(prefix.address, address);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(lab->skel->maps.scope_prefixes), &prefix,
					     &value, BPF_ANY),
			 0);
}

static inline void lab_set_generation(const struct lab *lab, uint64_t generation)
{
	struct meter_control control = { .layout = METER_LAYOUT, .generation = generation };
	uint32_t zero = 0;

	memcpy(control.secrets, lab->secrets, sizeof(control.secrets));
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(lab->skel->maps.data_control), &zero,
					     &control, BPF_ANY),
			 0);
}

static inline struct lab *lab_new(struct lab_options options)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	lab->side = options.side;
	lab->layer = options.layer;
	lab->cpus = libbpf_num_possible_cpus();
	assert_int_equal(getrandom(lab->secrets, sizeof(lab->secrets), 0), sizeof(lab->secrets));
	lab->skel = meter_bpf__open();
	assert_non_null(lab->skel);
	lab->skel->rodata->point_number = LAB_NUMBER;
	lab->skel->rodata->point_side = options.side;
	lab->skel->rodata->point_layer = options.layer;
	bpf_map__set_max_entries(lab->skel->maps.local_prefixes, LAB_PREFIXES);
	bpf_map__set_max_entries(lab->skel->maps.scope_prefixes, LAB_PREFIXES);
	if (options.meter)
		lab->skel->rodata->point_meter = options.meter;
	if (options.flows_at)
		lab->skel->rodata->point_flows_at = options.flows_at;
	lab->skel->rodata->point_flow_key &= ~options.flow_key;
	if (options.sampling)
		lab->skel->rodata->point_sampling = options.sampling;
	lab->skel->rodata->point_home = options.home;
	lab->skel->rodata->point_sampling_of = options.sampling_of;
	bpf_map__set_max_entries(lab->skel->maps.flows_ipv4, FLOW_PLACES(lab->cpus));
	bpf_map__set_max_entries(lab->skel->maps.flows_ipv6, FLOW_PLACES(lab->cpus));
	bpf_map__set_max_entries(lab->skel->maps.fragments, LAB_FRAGMENTS);
	assert_int_equal(meter_bpf__load(lab->skel), 0);
	for (uint32_t i = 0; i < GENERATIONS; i++) {
		lab->hosts[i] = lab_make_table(lab->skel->maps.hosts, "hosts", i,
					       options.max_hosts ?: LAB_ROOM);
		lab->macs[i] = lab_make_table(lab->skel->maps.macs, "macs", i,
					      options.max_macs ?: LAB_ROOM);
		lab->flows_ipv4[i] = lab_make_flow_table(lab->skel->maps.flows_ipv4, "flows_ipv4",
							 sizeof(struct flow_ipv4), i,
							 options.max_flows ?: LAB_ROOM);
		lab->flows_ipv6[i] = lab_make_flow_table(lab->skel->maps.flows_ipv6, "flows_ipv6",
							 sizeof(struct flow_ipv6), i,
							 options.max_flows ?: LAB_ROOM);
	}
	lab_set_generation(lab, 0);
	return lab;
}

static inline void lab_free(struct lab *lab)
{
	if (!lab)
		return;
	for (unsigned i = 0; i < GENERATIONS; i++) {
		close(lab->hosts[i]);
		close(lab->macs[i]);
		close(lab->flows_ipv4[i]);
		close(lab->flows_ipv6[i]);
	}
	meter_bpf__destroy(lab->skel);
	free(lab);
}

static inline int lab_program(const struct lab *lab, enum hook hook)
{
	return bpf_program__fd(hook == HOOK_INGRESS ? lab->skel->progs.flowtally_ingress :
						      lab->skel->progs.flowtally_egress);
}

/*
 * Lets @program see @frame and asserts that this is all it does. False: the kernel does not take
 * such a frame.
 */
static inline bool lab_run_program(int program, const struct frame *frame)
{
	/* Not on the stack: memory errors are found more surely. */
	static uint8_t out[FRAME_MAX + 256];
	struct __sk_buff context = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->bytes, .data_size_in = frame->len,
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &frame->context,
		    .ctx_size_in = sizeof(frame->context), .ctx_out = &context,
		    .ctx_size_out = sizeof(context), .repeat = 1);
	int r = bpf_prog_test_run_opts(program, &run);

	if (r == -EINVAL)
		return false;
	assert_int_equal(r, 0);
	assert_int_equal((int)run.retval, TC_ACT_UNSPEC);
	assert_int_equal(run.data_size_out, frame->len);
	assert_memory_equal(out, frame->bytes, frame->len);
	assert_int_equal(context.mark, frame->context.mark);
	assert_int_equal(context.priority, frame->context.priority);
	assert_memory_equal(context.cb, frame->context.cb, sizeof(context.cb));
	return true;
}

static inline bool lab_run(const struct lab *lab, enum hook hook, const struct frame *frame)
{
	return lab_run_program(lab_program(lab, hook), frame);
}

/* Sums up what the CPUs counted, in units of 8 octets. False: there is no such entry. */
static inline bool lab_lookup(const struct lab *lab, int table, const void *key, void *sum,
			      size_t len)
{
	__u64 *totals = sum; /* not uint64_t, which may not be an alias of it */
	__u64 *values = calloc(lab->cpus, len);
	bool found;

	assert_non_null(values);
	found = !bpf_map_lookup_elem(table, key, values);
	memset(sum, 0, len);
	for (size_t i = 0; found && i < lab->cpus * (len / sizeof(*values)); i++)
		totals[i % (len / sizeof(*values))] += values[i];
	free(values);
	return found;
}

/* The key of @host in the tables. */
static inline struct meter_key lab_key(const struct host_key *host)
{
	struct meter_key key = { .point = lab_number(host->ifindex) * 8 + (host->scope - 1) * 2 +
					  (host->ip_version == 6 ? 1 : 0) };

	memcpy(key.address, host->address, ADDRESS_LEN);
	memcpy(key.mac, host->mac, MAC_LEN);
	return key;
}

/* Times are meaningful on one CPU only: the tests stay on one. */
static inline bool lab_host(const struct lab *lab, int table, const struct host_key *host,
			    struct host_traffic *traffic)
{
	struct meter_key key = lab_key(host);

	return lab_lookup(lab, table, &key, traffic, sizeof(*traffic));
}

static inline void lab_sheet(const struct lab *lab, uint32_t generation, enum hook hook,
			     struct ledger_sheet *sheet)
{
	uint32_t index = generation * HOOKS + hook;
	struct ledger_page page;

	assert_true(
		lab_lookup(lab, bpf_map__fd(lab->skel->maps.ledger), &index, &page, sizeof(page)));
	*sheet = page.sheet;
}

static inline void lab_clear_sheet(const struct lab *lab, uint32_t generation, enum hook hook)
{
	uint32_t index = generation * HOOKS + hook;
	struct ledger_page *zero = calloc(lab->cpus, sizeof(*zero));

	assert_non_null(zero);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(lab->skel->maps.ledger), &index, zero, BPF_ANY), 0);
	free(zero);
}

static inline bool lab_table_is_empty(int table)
{
	uint8_t key[sizeof(struct meter_key)]; /* the longest of all */

	return bpf_map_get_next_key(table, NULL, key) == -ENOENT;
}

static inline unsigned lab_table_size(int table)
{
	uint8_t key[sizeof(struct meter_key)];
	unsigned size = 0;

	for (int r = bpf_map_get_next_key(table, NULL, key); !r; size++)
		r = bpf_map_get_next_key(table, key, key);
	return size;
}

/* The key of a flow of either family. */
union lab_flow_key {
	struct flow_key_start start; /* both begin with it */
	struct flow_key_ipv4 ipv4;
	struct flow_key_ipv6 ipv6;
	uint32_t halves[2 * FLOW_WORDS_IPV6];
};

/*
 * The flow that stands in @table after that of *@digest (NULL: the first one), which becomes its own in
 * @next. False: there is no other.
 */
static inline bool lab_next_flow(int table, const uint64_t *digest, uint64_t *next,
				 union lab_flow_key *key, struct flow_traffic *traffic)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	uint8_t entry[sizeof(struct flow_ipv6)]; /* the longer one */

	if (bpf_map_get_next_key(table, digest, next))
		return false;
	assert_int_equal(bpf_obj_get_info_by_fd(table, &info, &len), 0);
	assert_true(info.value_size <= sizeof(entry));
	assert_int_equal(bpf_map_lookup_elem(table, next, entry), 0);
	memset(key, 0, sizeof(*key));
	memcpy(key, entry, info.value_size - sizeof(*traffic));
	memcpy(traffic, entry + info.value_size - sizeof(*traffic), sizeof(*traffic));
	return true;
}

static inline void lab_clear_table(int table)
{
	uint8_t key[sizeof(struct meter_key)];

	while (!bpf_map_get_next_key(table, NULL, key))
		bpf_map_delete_elem(table, key);
}

static inline void lab_clear(const struct lab *lab)
{
	for (uint32_t i = 0; i < GENERATIONS; i++) {
		lab_clear_table(lab->hosts[i]);
		lab_clear_table(lab->macs[i]);
		lab_clear_table(lab->flows_ipv4[i]);
		lab_clear_table(lab->flows_ipv6[i]);
		for (enum hook hook = 0; hook < HOOKS; hook++)
			lab_clear_sheet(lab, i, hook);
	}
	lab_set_generation(lab, 0);
}

static inline enum direction lab_direction(enum side side, enum hook hook)
{
	return (side == SIDE_LAN) == (hook == HOOK_INGRESS) ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD;
}

/* All TAP that is needed where the tests cannot run. */
static inline bool lab_needs_root(void)
{
	if (geteuid() == 0)
		return false;
	puts("1..0 # SKIP needs root");
	return true;
}

#endif
