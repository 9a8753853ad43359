/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's tables under real classifiers: generations, adoption by the next agent, limits.
 */
#include "cache_lab.h"

#include <pthread.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "kernel/ticks.h"

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

static struct meter_control control_of(const Lab *lab)
{
	struct meter_control control;
	uint32_t first = 0;

	assert_int_equal(
		bpf_map_lookup_elem(cache_map_fd(lab->cache, CACHE_CONTROL), &first, &control), 0);
	return control;
}

/* Digests in tables that were adopted are compared with those of the next packets. */
static void secrets_are_those_of_the_tables(void **state)
{
	Lab *lab = *state;
	const struct meter_control before = control_of(lab);
	struct meter_control after;

	close_lab(lab);
	open_lab(lab, 8);
	after = control_of(lab);
	assert_memory_equal(before.secrets, after.secrets, sizeof(before.secrets));
	close_lab(lab);
	maps_remove(lab->dir);
	assert_true(maps_prepare(lab->dir, NULL));
	open_lab(lab, 8);
	after = control_of(lab);
	for (size_t i = 0; i < G_N_ELEMENTS(after.secrets); i++) {
		assert_true(after.secrets[i] != before.secrets[i]);
		/* 64 bits by chance: the upper ones are not all 0. */
		assert_true(after.secrets[i] >> 32);
	}
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

static void size_that_cannot_be_had_is_not_taken(void **state)
{
	Lab *lab = *state;

	cache_set_max_hosts(lab->cache, UINT32_MAX);
	for (int round = 0; round < GENERATIONS; round++) {
		send_frames(lab, 1, 10);
		assert_int_equal(sweep(lab, NULL), 10);
	}
	assert_int_equal(cache_use(lab->cache).limit, 8);
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
	g_autoptr(GError) error = NULL;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "control", 4, 4, 1, NULL);

	close_lab(lab);
	assert_true(map_repin(lab->dir, "control", fd, NULL));
	close(fd);
	assert_null(cache_open(lab->dir, 8, &error));
	assert_non_null(strstr(error->message, "another program or version"));
}

static GArray *read_deltas(const Lab *lab)
{
	GArray *deltas = g_array_new(FALSE, FALSE, sizeof(HostDelta));

	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_hosts(lab->cache, deltas, NULL));
	assert_true(cache_empty(lab->cache, NULL));
	return deltas;
}

static void host_is_known_by_its_interface(void **state)
{
	Lab *lab = *state;
	g_autoptr(GArray) deltas = NULL;
	const HostDelta *delta;

	send_frames(lab, 9, 3);
	deltas = read_deltas(lab);
	assert_int_equal(deltas->len, 1);
	delta = &g_array_index(deltas, HostDelta, 0);
	assert_int_equal(delta->key.ifindex, IFINDEX);
	assert_int_equal(delta->key.ip_version, 4);
	assert_int_equal(delta->key.scope, SCOPE_INTERNET);
	assert_int_equal(delta->key.mac[5], 9);
	assert_int_equal(delta->key.address[15], 9);
	assert_int_equal(delta->volume[DIRECTION_UPLOAD].packets, 3);
	assert_int_equal(delta->volume[DIRECTION_DOWNLOAD].packets, 0);
}

/* The active table of hosts; the caller's to close. */
static int open_table(const Cache *cache)
{
	uint32_t active = cache_generation(cache) % GENERATIONS, id;
	int table;

	assert_int_equal(bpf_map_lookup_elem(cache_map_fd(cache, CACHE_HOSTS), &active, &id), 0);
	table = bpf_map_get_fd_by_id(id);
	assert_true(table >= 0);
	return table;
}

static void host_is_the_sum_over_the_cpus(void **state)
{
	Lab *lab = *state;
	const struct meter_key key = {
		.address = { 0x20, 0x01, [15] = 1 },
		.mac = { 2, [5] = 3 },
		.point = cache_point_number(lab->cache, INTERFACE) * 8 + 3,
	};
	const int cpus = libbpf_num_possible_cpus();
	g_autofree struct host_traffic *values = g_new0(struct host_traffic, cpus);
	int table = open_table(lab->cache), clock = ticks_open(NULL);
	g_autoptr(GArray) deltas = NULL;
	uint64_t newest_ns, oldest_ns;
	const HostDelta *delta;
	Ticks now;

	assert_true(ticks_read(clock, &now, NULL));
	for (int i = 0; i < cpus; i++)
		values[i].direction[DIRECTION_DOWNLOAD] = (struct traffic){
			.packets = 1,
			.octets = 20,
			.layer2_octets = 34,
			.first_ticks = now.ticks - 100 - 10 * i,
			.last_ticks = now.ticks - 50 - 10 * i,
		};
	assert_int_equal(bpf_map_update_elem(table, &key, values, BPF_ANY), 0);
	deltas = read_deltas(lab);
	assert_int_equal(deltas->len, 1);
	delta = &g_array_index(deltas, HostDelta, 0);
	assert_memory_equal(delta->key.address, key.address, ADDRESS_LEN);
	assert_memory_equal(delta->key.mac, key.mac, MAC_LEN);
	assert_int_equal(delta->key.ifindex, IFINDEX);
	assert_int_equal(delta->key.ip_version, 6);
	assert_int_equal(delta->key.scope, SCOPE_LOCAL);
	assert_int_equal(delta->volume[DIRECTION_DOWNLOAD].packets, cpus);
	assert_int_equal(delta->volume[DIRECTION_DOWNLOAD].octets, cpus * 20);
	assert_int_equal(delta->volume[DIRECTION_DOWNLOAD].layer2_octets, cpus * 34);
	/* Read on two occasions, so that a time may be some ticks off. */
	oldest_ns = ticks_to_ns(&now, now.ticks - 100 - 10 * (cpus - 1));
	newest_ns = ticks_to_ns(&now, now.ticks - 50);
	assert_in_range(delta->first_ns[DIRECTION_DOWNLOAD], oldest_ns - 4 * now.tick_ns,
			oldest_ns + 4 * now.tick_ns);
	assert_in_range(delta->last_ns[DIRECTION_DOWNLOAD], newest_ns - 4 * now.tick_ns,
			newest_ns + 4 * now.tick_ns);
	close(table);
	close(clock);
}

static void times_are_of_the_monotonic_clock(void **state)
{
	Lab *lab = *state;
	const uint64_t ticks_ns = 20000000; /* two at least */
	uint64_t start = monotonic_ns();
	g_autoptr(GArray) deltas = NULL;
	const HostDelta *delta;

	send_frames(lab, 1, 1);
	g_usleep(100000);
	send_frames(lab, 1, 1);
	deltas = read_deltas(lab);
	delta = &g_array_index(deltas, HostDelta, 0);
	assert_in_range(delta->first_ns[DIRECTION_UPLOAD], start - ticks_ns, start + 80000000);
	assert_in_range(delta->last_ns[DIRECTION_UPLOAD], start + 100000000 - ticks_ns,
			monotonic_ns());
	assert_int_equal(delta->first_ns[DIRECTION_DOWNLOAD], 0);
	assert_int_equal(delta->last_ns[DIRECTION_DOWNLOAD], 0);
}

static void numbers_are_adopted(void **state)
{
	Lab *lab = *state;
	uint16_t numbers[20];
	g_autoptr(GArray) deltas = NULL, ledgers = NULL;

	for (uint32_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		assert_true(cache_ensure_ledger(lab->cache, 100 + i, NULL) >= 0);
		numbers[i] = cache_point_number(lab->cache, 100 + i);
		for (uint32_t k = 0; k < i; k++)
			assert_int_not_equal(numbers[i], numbers[k]);
	}
	cache_drop_ledger(lab->cache, 105);
	send_frames(lab, 1, 1);
	close_lab(lab);
	open_lab(lab, 8);
	ledgers = cache_ledgers(lab->cache);
	assert_int_equal(ledgers->len, G_N_ELEMENTS(numbers)); /* one less, and that of the lab */
	for (uint32_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		assert_true(cache_ensure_ledger(lab->cache, 100 + i, NULL) >= 0);
		if (i != 5)
			assert_int_equal(cache_point_number(lab->cache, 100 + i), numbers[i]);
		else
			assert_int_not_equal(cache_point_number(lab->cache, 105), numbers[5]);
	}
	deltas = read_deltas(lab);
	assert_int_equal(deltas->len, 1);
	assert_int_equal(g_array_index(deltas, HostDelta, 0).key.ifindex, IFINDEX);
}

/* SLOW says that this machine is, an emulated one, say. What takes as many pins as there are numbers takes too long. */
static void skip_if_slow(void)
{
	if (g_getenv("SLOW"))
		skip();
}

static void number_rests_before_it_is_used_again(void **state)
{
	Lab *lab = *state;
	uint16_t first;

	skip_if_slow();
	assert_true(cache_ensure_ledger(lab->cache, 100, NULL) >= 0);
	first = cache_point_number(lab->cache, 100);
	cache_drop_ledger(lab->cache, 100);
	for (uint32_t i = 0; i < POINT_NUMBERS - 2; i++) {
		assert_true(cache_ensure_ledger(lab->cache, 101, NULL) >= 0);
		assert_int_not_equal(cache_point_number(lab->cache, 101), first);
		cache_drop_ledger(lab->cache, 101);
	}
	assert_true(cache_ensure_ledger(lab->cache, 102, NULL) >= 0);
	assert_int_equal(cache_point_number(lab->cache, 102), first);
}

static void pin_as(const Lab *lab, int fd, const char *name)
{
	g_autofree char *path = g_build_filename(lab->dir, name, NULL);

	assert_int_equal(bpf_obj_pin(fd, path), 0);
}

static void numbers_come_to_an_end(void **state)
{
	Lab *lab = *state;
	g_autoptr(GError) error = NULL;
	int ledger = dup(cache_ensure_ledger(lab->cache, INTERFACE, NULL));
	uint16_t taken = cache_point_number(lab->cache, INTERFACE);
	struct rlimit few, many = { .rlim_cur = POINT_NUMBERS + 100 };

	skip_if_slow();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &few), 0);
	many.rlim_max = MAX(few.rlim_max, many.rlim_cur);
	if (setrlimit(RLIMIT_NOFILE, &many) < 0)
		skip(); /* each ledger takes a descriptor */
	close_lab(lab);
	/* One map for all: these are there to be counted. */
	for (unsigned int number = 0; number < POINT_NUMBERS; number++) {
		g_autofree char *name = g_strdup_printf("ledger-0-%u-%u", 1000 + number, number);

		if (number != taken)
			pin_as(lab, ledger, name);
	}
	close(ledger);
	open_lab(lab, 8);
	assert_int_equal(cache_ensure_ledger(lab->cache, 100, &error), -1);
	assert_non_null(strstr(error->message, "room for no more"));
	cache_drop_ledger(lab->cache, 1000 + 5);
	assert_true(cache_ensure_ledger(lab->cache, 100, NULL) >= 0);
	assert_int_equal(cache_point_number(lab->cache, 100), 5);
	close_lab(lab);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void doubtful_pins_are_refused(void **state)
{
	Lab *lab = *state;
	static const char *const names[] = { "ledger-",		"ledger-100",
					     "ledger-9-100",	"ledger-9-100-16384",
					     "ledger-9-100-1x", "ledger-9-100--1" };
	g_autofree char *twice =
		g_strdup_printf("ledger-9-100-%u", cache_point_number(lab->cache, INTERFACE));
	int ledger = cache_ensure_ledger(lab->cache, INTERFACE, NULL);

	for (size_t i = 0; i <= G_N_ELEMENTS(names); i++) {
		const char *name = i < G_N_ELEMENTS(names) ? names[i] : twice;
		g_autoptr(GError) error = NULL;

		pin_as(lab, ledger, name);
		assert_null(cache_open(lab->dir, 8, &error));
		assert_non_null(strstr(error->message, "not one of ours"));
		map_unpin(lab->dir, name);
	}
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
	assert_true(scope_set_local(lab->scope, cache_point_number(lab->cache, INTERFACE), prefixes,
				    NULL));
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
	assert_true(scope_set_local(lab->scope, cache_point_number(lab->cache, INTERFACE), prefixes,
				    NULL));
	send_frames(lab, 1, 1);
	cache_advance(lab->cache);
	assert_true(cache_wait_until_quiet(lab->cache, NULL));
	assert_true(cache_read_sheets(lab->cache, INTERFACE, sheets, NULL));
	assert_int_equal(sheets[HOOK_INGRESS].classes[LEDGER_MAC_ONLY].frames, 1);
}

#define SWEEPS 30
#define FRAMES_A_ROUND 500

typedef struct {
	const Lab *lab;
	pthread_t thread;
	uint64_t packets;
} Sender;

/* They are also stopped where a test fails meanwhile. */
static Sender senders[2];
static size_t n_senders;
static bool stop;

/* New hosts all the time, and the same ones on both CPUs: they race to insert. */
static void *send_many(void *data)
{
	Sender *sender = data;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		send_frames(sender->lab, (uint8_t)(sender->packets / FRAMES_A_ROUND % 7),
			    FRAMES_A_ROUND);
		sender->packets += FRAMES_A_ROUND;
	}
	return NULL;
}

static void start_senders(const Lab *lab)
{
	stop = false;
	while (n_senders < G_N_ELEMENTS(senders)) {
		Sender *sender = &senders[n_senders];

		*sender = (Sender){ .lab = lab };
		assert_int_equal(pthread_create(&sender->thread, NULL, send_many, sender), 0);
		n_senders++;
	}
}

/* Returns how many packets they have sent. */
static uint64_t stop_senders(void)
{
	uint64_t sent = 0;

	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (; n_senders; n_senders--) {
		pthread_join(senders[n_senders - 1].thread, NULL);
		sent += senders[n_senders - 1].packets;
	}
	return sent;
}

static int remove_race_lab(void **state)
{
	(void)stop_senders();
	return remove_lab(state);
}

/* All the while tables are made, resized, and taken away where @sizes says so. */
static void race(Lab *lab, const uint32_t *sizes, size_t n_sizes)
{
	uint64_t read = 0, sent;

	start_senders(lab);
	for (int i = 0; i < SWEEPS; i++) {
		if (n_sizes)
			assert_true(
				cache_set_max_flows(lab->cache, sizes[(size_t)i % n_sizes], NULL));
		read += sweep(lab, NULL);
	}
	sent = stop_senders();
	read += sweep(lab, NULL);
	assert_int_equal(read, sent);
	assert_true(read > SWEEPS * FRAMES_A_ROUND);
}

static void reading_races_with_nothing(void **state)
{
	race(*state, NULL, 0);
}

/* sweep() has an eye on it. Each of the hosts is a flow, and there is room for all of them or not. */
static void changes_of_flow_tables_race_with_nothing(void **state)
{
	static const uint32_t sizes[] = { MAX_FLOWS, 2, 2, 0, 0, 0, MAX_FLOWS };

	race(*state, sizes, G_N_ELEMENTS(sizes));
}

#define IN_RACE_LAB(test) cmocka_unit_test_setup_teardown(test, make_race_lab, remove_race_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(each_sweep_sees_what_came_since_the_last),
		IN_LAB(tables_are_adopted_with_their_counts),
		IN_LAB(tables_made_anew_are_told_from_those_before),
		IN_LAB(secrets_are_those_of_the_tables),
		IN_LAB(full_tables_lose_nothing),
		IN_LAB(tables_take_a_new_size_without_losing_a_packet),
		IN_LAB(size_that_cannot_be_had_is_not_taken),
		IN_LAB(tables_of_another_layout_are_refused),
		IN_LAB(map_of_another_program_is_refused),
		IN_LAB(host_is_known_by_its_interface),
		IN_LAB(host_is_the_sum_over_the_cpus),
		IN_LAB(times_are_of_the_monotonic_clock),
		IN_LAB(numbers_are_adopted),
		IN_LAB(number_rests_before_it_is_used_again),
		IN_LAB(numbers_come_to_an_end),
		IN_LAB(doubtful_pins_are_refused),
		IN_LAB(prefixes_of_an_earlier_agent_are_replaced),
		IN_LAB(families_have_prefixes_of_their_own),
		IN_RACE_LAB(reading_races_with_nothing),
		IN_RACE_LAB(changes_of_flow_tables_race_with_nothing),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
