/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's tables under a real classifier, in a bpffs of the test's own. Frames come from
 * BPF_PROG_TEST_RUN.
 */
#ifndef TESTS_BPF_CACHE_LAB_H
#define TESTS_BPF_CACHE_LAB_H

#include "kernel/cache.h"

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <sched.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/classifier.h"
#include "kernel/maps.h"
#include "kernel/netns.h"
#include "kernel/scope.h"
#include "test.h"

#define IFINDEX 7
#define INTERFACE interface_id(netns_own()->id, IFINDEX)
#define FRAME_LEN (14 + 20)

typedef struct {
	char *parent;
	char *dir; /* in there */
	uint32_t max_flows;
	cpu_set_t cpus; /* that there were before the test */
	Cache *cache;
	Scope *scope;
	Classifier *classifier;
} Lab;

static inline void allow_all(Lab *lab)
{
	g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(Prefix));
	Prefix prefix;

	assert_true(prefix_parse(&prefix, "0.0.0.0/0", NULL));
	g_array_append_val(prefixes, prefix);
	assert_true(scope_set_local(lab->scope, cache_point_number(lab->cache, INTERFACE), prefixes,
				    NULL));
}

static inline Classifier *load_for(const Lab *lab, uint64_t interface)
{
	const ClassifierPoint point = { .number = cache_point_number(lab->cache, interface),
					.side = SIDE_LAN,
					.meter = METER_ALL,
					.flows_at = FLOWS_ENTERING | FLOWS_LEAVING,
					.flow_key = FLOW_BY_ALL };
	const int maps[CLASSIFIER_MAPS] = {
		[CLASSIFIER_CONTROL] = cache_map_fd(lab->cache, CACHE_CONTROL),
		[CLASSIFIER_HOSTS] = cache_map_fd(lab->cache, CACHE_HOSTS),
		[CLASSIFIER_MACS] = cache_map_fd(lab->cache, CACHE_MACS),
		[CLASSIFIER_FLOWS_IPV4] = cache_map_fd(lab->cache, CACHE_FLOWS_IPV4),
		[CLASSIFIER_FLOWS_IPV6] = cache_map_fd(lab->cache, CACHE_FLOWS_IPV6),
		[CLASSIFIER_FRAGMENTS] = cache_map_fd(lab->cache, CACHE_FRAGMENTS),
		[CLASSIFIER_PAIRS] = cache_map_fd(lab->cache, CACHE_PAIRS),
		[CLASSIFIER_STAMPS] = cache_map_fd(lab->cache, CACHE_STAMPS),
		[CLASSIFIER_LOCAL_PREFIXES] = scope_map_fd(lab->scope, SCOPE_MAP_LOCAL),
		[CLASSIFIER_SCOPE_PREFIXES] = scope_map_fd(lab->scope, SCOPE_MAP_FAR_ENDS),
		[CLASSIFIER_SCOPE_HINTS] = scope_map_fd(lab->scope, SCOPE_MAP_HINTS),
		[CLASSIFIER_LEDGER] = cache_ensure_ledger(lab->cache, interface, NULL),
	};

	return classifier_load(&point, maps, NULL);
}

static inline void open_lab(Lab *lab, uint32_t max_hosts)
{
	lab->cache = cache_open(lab->dir, max_hosts, NULL);
	assert_non_null(lab->cache);
	assert_true(cache_set_max_flows(lab->cache, lab->max_flows, NULL));
	lab->scope = scope_open(lab->dir, NULL);
	assert_non_null(lab->scope);
	assert_true(cache_ensure_ledger(lab->cache, INTERFACE, NULL) >= 0);
	allow_all(lab);
	lab->classifier = load_for(lab, INTERFACE);
	assert_non_null(lab->classifier);
}

/* What is left is what an agent leaves that was killed. */
static inline void close_lab(Lab *lab)
{
	g_clear_pointer(&lab->classifier, classifier_free);
	g_clear_pointer(&lab->scope, scope_close);
	g_clear_pointer(&lab->cache, cache_close);
}

static inline int make_lab_for(void **state, uint32_t max_flows)
{
	Lab *lab = g_new0(Lab, 1);

	lab->max_flows = max_flows;
	assert_int_equal(sched_getaffinity(0, sizeof(lab->cpus), &lab->cpus), 0);
	lab->parent = g_dir_make_tmp("flowtally-test-XXXXXX", NULL);
	lab->dir = g_build_filename(lab->parent, "bpf", NULL);
	*state = lab;
	if (!lab->parent || !maps_prepare(lab->dir, NULL))
		return -1;
	open_lab(lab, 8);
	return 0;
}

static inline int make_lab(void **state)
{
	return make_lab_for(state, 0);
}

#define MAX_FLOWS 16

static inline int make_race_lab(void **state)
{
	return make_lab_for(state, MAX_FLOWS);
}

/* On one CPU, so that a flow comes once. */
static inline int make_flow_lab(void **state)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	return make_lab_for(state, MAX_FLOWS) || sched_setaffinity(0, sizeof(one), &one) ? -1 : 0;
}

static inline int remove_lab(void **state)
{
	Lab *lab = *state;

	(void)sched_setaffinity(0, sizeof(lab->cpus), &lab->cpus);
	close_lab(lab);
	maps_remove(lab->dir);
	(void)rmdir(lab->parent);
	g_free(lab->parent);
	g_free(lab->dir);
	g_free(lab);
	return 0;
}

/* @times frames of FRAME_LEN octets from the device @device. */
static inline void send_frames(const Lab *lab, uint8_t device, int times)
{
	struct {
		struct ethhdr ethernet;
		struct iphdr ip;
	} __attribute__((packed)) frame = {
		.ethernet = { .h_dest = { 2 },
			      .h_source = { 2, 0, 0, 0, 0, device },
			      .h_proto = htobe16(ETH_P_IP) },
		.ip = { .version = 4,
			.ihl = 5,
			.tot_len = htobe16(20),
			.saddr = htobe32(0xc0000200u | device),
			.daddr = htobe32(0xc6336401u) },
	};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &frame, .data_size_in = sizeof(frame),
		    .repeat = times);

	assert_int_equal(
		bpf_prog_test_run_opts(classifier_program_fd(lab->classifier, HOOK_INGRESS), &run),
		0);
}

static inline void append_flow(const FlowDelta *delta, bool *keep, void *user_data)
{
	GArray *flows = user_data;

	(void)keep;
	g_array_append_vals(flows, delta, 1);
}

static inline GArray *flows_of_quiet_generation(const Lab *lab)
{
	GArray *flows = g_array_new(FALSE, FALSE, sizeof(FlowDelta));

	assert_true(cache_read_flows(lab->cache, NULL));
	cache_visit_flows(lab->cache, append_flow, flows);
	return flows;
}

/* The flows have what the ledger has counted to them, and each frame is in some class. */
static inline void assert_flows_balance(const GArray *flows,
					const struct ledger_sheet sheets[HOOKS])
{
	Volume volume = { 0 };
	uint64_t frames = 0, seen = 0, packets = 0, octets = 0, layer2_octets = 0;

	for (guint i = 0; i < flows->len; i++)
		volume_add(&volume, &g_array_index(flows, FlowDelta, i).volume);
	for (enum hook hook = 0; hook < HOOKS; hook++) {
		const struct ledger_entry *classes = sheets[hook].flow_classes;

		seen += sheets[hook].seen.frames;
		for (int i = 0; i < FLOW_CLASSES; i++)
			frames += classes[i].frames;
		packets += classes[FLOW_COUNTED].packets;
		octets += classes[FLOW_COUNTED].octets;
		layer2_octets += classes[FLOW_COUNTED].layer2_octets;
	}
	assert_int_equal(frames, seen);
	assert_int_equal(volume.packets, packets);
	assert_int_equal(volume.octets, octets);
	assert_int_equal(volume.layer2_octets, layer2_octets);
}

/* One sweep but for what the agent does with it; returns the packets, and the hosts in @hosts. */
static inline uint64_t sweep(Lab *lab, guint *hosts)
{
	g_autoptr(GArray) deltas = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	g_autoptr(GArray) flows = NULL;
	struct ledger_sheet sheets[HOOKS];
	uint64_t packets = 0;

	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_hosts(lab->cache, deltas, NULL));
	flows = flows_of_quiet_generation(lab);
	assert_true(cache_read_sheets(lab->cache, INTERFACE, sheets, NULL));
	assert_flows_balance(flows, sheets);
	assert_true(cache_empty(lab->cache, NULL));
	for (guint i = 0; i < deltas->len; i++)
		packets += g_array_index(deltas, HostDelta, i).volume[DIRECTION_UPLOAD].packets;
	assert_true(packets + sheets[HOOK_INGRESS].classes[LEDGER_DEVICE_LIMIT].packets ==
		    sheets[HOOK_INGRESS].seen.frames);
	if (hosts)
		*hosts = deltas->len;
	return sheets[HOOK_INGRESS].seen.frames;
}

static inline uint64_t monotonic_ns(void)
{
	return (uint64_t)g_get_monotonic_time() * 1000;
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, make_lab, remove_lab)
#define IN_FLOW_LAB(test) cmocka_unit_test_setup_teardown(test, make_flow_lab, remove_lab)

#endif
