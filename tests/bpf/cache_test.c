/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's tables under real classifiers: generations, adoption by the next agent, limits. Frames
 * come from BPF_PROG_TEST_RUN; the pins are in a bpffs of the test's own.
 */
#include "cache.h"

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <pthread.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "classifier.h"
#include "maps.h"
#include "scope.h"
#include "test.h"

#define IFINDEX 7
#define FRAME_LEN (14 + 20)

typedef struct {
	char *dir;
	Cache *cache;
	Scope *scope;
	Classifier *classifier;
} Lab;

static void allow_all(Lab *lab)
{
	g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(Prefix));
	Prefix prefix;

	assert_true(prefix_parse(&prefix, "0.0.0.0/0", NULL));
	g_array_append_val(prefixes, prefix);
	assert_true(scope_set_local(lab->scope, IFINDEX, prefixes, NULL));
}

static void open_lab(Lab *lab, uint32_t max_hosts)
{
	lab->cache = cache_open(lab->dir, max_hosts, NULL);
	assert_non_null(lab->cache);
	lab->scope = scope_open(lab->dir, NULL);
	assert_non_null(lab->scope);
	allow_all(lab);
	lab->classifier = classifier_load(lab->cache, lab->scope, IFINDEX, SIDE_LAN, NULL);
	assert_non_null(lab->classifier);
}

/* What is left is what an agent leaves that was killed. */
static void close_lab(Lab *lab)
{
	g_clear_pointer(&lab->classifier, classifier_free);
	g_clear_pointer(&lab->scope, scope_close);
	g_clear_pointer(&lab->cache, cache_close);
}

static int make_lab(void **state)
{
	Lab *lab = g_new0(Lab, 1);

	lab->dir = g_dir_make_tmp("flowtally-test-XXXXXX", NULL);
	*state = lab;
	if (!lab->dir || !maps_prepare(lab->dir, NULL))
		return -1;
	open_lab(lab, 8);
	return 0;
}

static int remove_lab(void **state)
{
	Lab *lab = *state;

	close_lab(lab);
	maps_remove(lab->dir);
	g_free(lab->dir);
	g_free(lab);
	return 0;
}

/* @times frames of FRAME_LEN octets from the device @device. */
static void send_frames(const Lab *lab, uint8_t device, int times)
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

/* One sweep but for what the agent does with it; returns the packets, and the hosts in @hosts. */
static uint64_t sweep(Lab *lab, guint *hosts)
{
	g_autoptr(GArray) deltas = g_array_new(FALSE, FALSE, sizeof(HostDelta));
	struct ledger_sheet sheets[HOOKS];
	uint64_t packets = 0;

	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_hosts(lab->cache, deltas, NULL));
	assert_true(cache_read_sheets(lab->cache, IFINDEX, sheets, NULL));
	assert_true(cache_empty(lab->cache, NULL));
	for (guint i = 0; i < deltas->len; i++)
		packets += g_array_index(deltas, HostDelta, i).volume[DIRECTION_UPLOAD].packets;
	assert_true(packets + sheets[HOOK_INGRESS].classes[LEDGER_DEVICE_LIMIT].packets ==
		    sheets[HOOK_INGRESS].seen.frames);
	if (hosts)
		*hosts = deltas->len;
	return sheets[HOOK_INGRESS].seen.frames;
}

static void each_sweep_sees_what_came_since_the_last(void **state)
{
	Lab *lab = *state;
	guint hosts;

	send_frames(lab, 1, 10);
	send_frames(lab, 2, 5);
	assert_int_equal(sweep(lab, &hosts), 15);
	assert_int_equal(hosts, 2);
	assert_int_equal(sweep(lab, &hosts), 0);
	assert_int_equal(hosts, 0);
	send_frames(lab, 1, 3);
	assert_int_equal(sweep(lab, &hosts), 3);
	assert_int_equal(hosts, 1);
}

static void tables_are_adopted_with_their_counts(void **state)
{
	Lab *lab = *state;
	uint64_t identity = cache_identity(lab->cache), generation;

	send_frames(lab, 1, 10);
	assert_int_equal(sweep(lab, NULL), 10);
	send_frames(lab, 1, 4);
	generation = cache_generation(lab->cache);
	close_lab(lab);
	open_lab(lab, 8);
	assert_true(cache_identity(lab->cache) == identity);
	assert_int_equal(cache_generation(lab->cache), generation);
	send_frames(lab, 1, 2);
	assert_int_equal(sweep(lab, NULL), 6);
}

static void tables_made_anew_are_told_from_those_before(void **state)
{
	Lab *lab = *state;
	uint64_t identity = cache_identity(lab->cache);

	close_lab(lab);
	maps_remove(lab->dir);
	assert_true(maps_prepare(lab->dir, NULL));
	open_lab(lab, 8);
	assert_true(cache_identity(lab->cache) != identity);
}

static void full_tables_lose_nothing(void **state)
{
	Lab *lab = *state;
	guint hosts;

	for (uint8_t device = 0; device < 100; device++)
		send_frames(lab, device, 1);
	assert_int_equal(sweep(lab, &hosts), 100);
	assert_int_equal(hosts, 8 + 8);
}

static void tables_take_a_new_size_without_losing_a_packet(void **state)
{
	Lab *lab = *state;
	guint hosts;

	cache_set_max_hosts(lab->cache, 200);
	for (int round = 0; round < GENERATIONS; round++) {
		send_frames(lab, 1, 10);
		assert_int_equal(sweep(lab, NULL), 10);
	}
	for (int round = 0; round < GENERATIONS; round++) {
		for (uint8_t device = 0; device < 100; device++)
			send_frames(lab, device, 1);
		assert_int_equal(sweep(lab, &hosts), 100);
		assert_int_equal(hosts, 100);
	}
	assert_int_equal(cache_use(lab->cache).limit, 200);
	close_lab(lab);
	open_lab(lab, 200);
	assert_int_equal(sweep(lab, NULL), 0);
}

static void tables_of_another_layout_are_refused(void **state)
{
	Lab *lab = *state;
	g_autoptr(GError) error = NULL;
	struct meter_control control;
	uint32_t first = 0;
	int fd = cache_map_fd(lab->cache, CACHE_CONTROL);

	assert_int_equal(bpf_map_lookup_elem(fd, &first, &control), 0);
	control.layout = METER_LAYOUT + 1;
	assert_int_equal(bpf_map_update_elem(fd, &first, &control, BPF_ANY), 0);
	assert_null(cache_open(lab->dir, 8, &error));
	assert_non_null(strstr(error->message, "another version of flowtally"));
}

static void map_of_another_program_is_refused(void **state)
{
	Lab *lab = *state;
	static const MapSpec other = { "control", BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0 };
	g_autoptr(GError) error = NULL;
	int fd = map_create(&other, 0, 0, NULL);

	close_lab(lab);
	assert_true(map_repin(lab->dir, "control", fd, NULL));
	close(fd);
	assert_null(cache_open(lab->dir, 8, &error));
	assert_non_null(strstr(error->message, "another program or version"));
}

static uint64_t count_prefixes(const Lab *lab)
{
	struct local_prefix key;
	const void *previous = NULL;
	uint64_t n = 0;

	while (bpf_map_get_next_key(scope_map_fd(lab->scope, SCOPE_MAP_LOCAL), previous, &key) ==
	       0) {
		previous = &key;
		n++;
	}
	return n;
}

static void prefixes_of_an_earlier_agent_are_replaced(void **state)
{
	Lab *lab = *state;
	g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(Prefix));
	static const char *const texts[] = { "192.0.2.0/24", "2001:db8::/48", "::/0" };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		Prefix prefix;

		assert_true(prefix_parse(&prefix, texts[i], NULL));
		g_array_append_val(prefixes, prefix);
	}
	assert_true(scope_set_local(lab->scope, IFINDEX, prefixes, NULL));
	assert_int_equal(count_prefixes(lab), 3);
	close_lab(lab);
	open_lab(lab, 8);
	assert_int_equal(count_prefixes(lab), 1);
}

/* ::/0 stands for every IPv6 address and for no IPv4 address. */
static void families_have_prefixes_of_their_own(void **state)
{
	Lab *lab = *state;
	g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(Prefix));
	struct ledger_sheet sheets[HOOKS];
	Prefix prefix;

	assert_true(prefix_parse(&prefix, "::/0", NULL));
	g_array_append_val(prefixes, prefix);
	assert_true(scope_set_local(lab->scope, IFINDEX, prefixes, NULL));
	send_frames(lab, 1, 1);
	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_sheets(lab->cache, IFINDEX, sheets, NULL));
	assert_int_equal(sheets[HOOK_INGRESS].classes[LEDGER_MAC_ONLY].frames, 1);
}

#define ROUNDS 20000
#define FRAMES_A_ROUND 500

typedef struct {
	const Lab *lab;
	bool done;
} Sender;

/* New hosts all the time, and the same ones on both CPUs: they race to insert. */
static void *send_many(void *data)
{
	Sender *sender = data;

	for (int round = 0; round < ROUNDS; round++)
		send_frames(sender->lab, (uint8_t)(round % 7), FRAMES_A_ROUND);
	__atomic_store_n(&sender->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void reading_races_with_nothing(void **state)
{
	Lab *lab = *state;
	Sender senders[] = { { .lab = lab }, { .lab = lab } };
	pthread_t threads[G_N_ELEMENTS(senders)];
	uint64_t packets = 0;
	bool done = false;

	for (size_t i = 0; i < G_N_ELEMENTS(senders); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
	while (!done) {
		done = __atomic_load_n(&senders[0].done, __ATOMIC_ACQUIRE) &&
		       __atomic_load_n(&senders[1].done, __ATOMIC_ACQUIRE);
		packets += sweep(lab, NULL);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(senders); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(packets, 2 * ROUNDS * FRAMES_A_ROUND);
	assert_true(cache_generation(lab->cache) > 10);
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, make_lab, remove_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(each_sweep_sees_what_came_since_the_last),
		IN_LAB(tables_are_adopted_with_their_counts),
		IN_LAB(tables_made_anew_are_told_from_those_before),
		IN_LAB(full_tables_lose_nothing),
		IN_LAB(tables_take_a_new_size_without_losing_a_packet),
		IN_LAB(tables_of_another_layout_are_refused),
		IN_LAB(map_of_another_program_is_refused),
		IN_LAB(prefixes_of_an_earlier_agent_are_replaced),
		IN_LAB(families_have_prefixes_of_their_own),
		IN_LAB(reading_races_with_nothing),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
