/* SPDX-License-Identifier: Apache-2.0 */
#include "tc.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

#define NOBODY 65534
#define FOREIGN_HANDLE 1
#define PATIENCE_MS 5000

typedef struct {
	uint32_t ifindex; /* of "east", whose peer is "west" */
	int ours;	  /* programs: TC_ACT_UNSPEC, as the meter returns, and ... */
	int ours_too;
	int foreign;	/* ... TC_ACT_OK: nothing behind it sees the frame */
	int statistics; /* while it is open the kernel counts runs of programs */
} Fixture;

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static char *output_of(const char *command)
{
	GString *output = g_string_new(NULL);
	FILE *pipe = popen(command, "re");
	char part[512];

	assert_non_null(pipe);
	while (fgets(part, sizeof(part), pipe))
		g_string_append(output, part);
	assert_int_equal(pclose(pipe), 0);
	return g_string_free(output, false);
}

/* All that tc(8) knows about the interface, without counters. */
static char *qdiscs_and_filters(void)
{
	return output_of(
		"tc qdisc show dev east;"
		"tc filter show dev east ingress 2>&1; tc filter show dev east egress 2>&1");
}

static int load(const char *name, int verdict)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, "GPL", code, G_N_ELEMENTS(code), NULL);
}

static int set_up(void **state)
{
	Fixture *fixture = g_new0(Fixture, 1);

	*state = fixture;
	run("ip link add east type veth peer name west");
	run("ip link set east up && ip link set west up");
	fixture->ifindex = if_nametoindex("east");
	fixture->ours = load("flowtally_one", TC_ACT_UNSPEC);
	fixture->ours_too = load("flowtally_two", TC_ACT_UNSPEC);
	fixture->foreign = load("other", TC_ACT_OK);
	fixture->statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
	return fixture->ours < 0 || fixture->ours_too < 0 || fixture->foreign < 0 ||
			       fixture->statistics < 0 ?
		       -1 :
		       0;
}

static int tear_down(void **state)
{
	Fixture *fixture = *state;

	close(fixture->ours);
	close(fixture->ours_too);
	close(fixture->foreign);
	close(fixture->statistics);
	g_free(fixture);
	return system("ip link del east 2>/dev/null || ip link del west 2>/dev/null || :");
}

static void attach(const Fixture *fixture, enum hook hook, int prog_fd, uint32_t expected_priority)
{
	g_autoptr(GError) error = NULL;
	uint32_t priority = 0;

	if (!tc_attach(fixture->ifindex, "east", hook, TC_HANDLE, prog_fd, &priority, &error))
		fail_msg("%s", error->message);
	assert_int_equal(priority, expected_priority);
}

static void make_clsact(const Fixture *fixture)
{
	bool made = false;

	assert_true(tc_ensure_clsact(fixture->ifindex, "east", &made, NULL));
	assert_true(made);
}

static void detach(const Fixture *fixture, enum hook hook)
{
	assert_true(tc_detach(fixture->ifindex, "east", hook, TC_HANDLE, NULL));
}

static void remove_clsact(const Fixture *fixture)
{
	assert_true(tc_remove_clsact_if_empty(fixture->ifindex, "east", NULL));
}

/* A bpf filter of somebody else at ingress, in direct action, with @handle at @priority. */
static void attach_foreign(const Fixture *fixture, uint32_t handle, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, place, .ifindex = (int)fixture->ifindex,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = fixture->foreign, .handle = handle,
		    .priority = priority);

	assert_int_equal(bpf_tc_attach(&place, &filter), 0);
}

/* Counted while fixture->statistics is open. */
static uint64_t count_runs(int prog_fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(prog_fd, &info, &len), 0);
	return info.run_cnt;
}

/* From "west": @n frames enter "east". */
static bool send_frames(unsigned int n)
{
	static const uint8_t frame[ETH_ZLEN] = { 0x02, [12] = 0x88, 0xb5 }; /* local experiment */
	const struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex("west"),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	bool sent = fd >= 0;

	while (sent && n--)
		sent = sendto(fd, frame, sizeof(frame), 0, (const struct sockaddr *)&to,
			      sizeof(to)) == sizeof(frame);
	close(fd);
	return sent;
}

/* Frames are received a little after they are sent. */
static void assert_runs_become(int prog_fd, uint64_t expected)
{
	for (int i = 0; i < PATIENCE_MS && count_runs(prog_fd) < expected; i++)
		g_usleep(1000);
	assert_int_equal(count_runs(prog_fd), expected);
}

static void assert_frames_reach(int prog_fd)
{
	uint64_t before = count_runs(prog_fd);

	assert_true(send_frames(50));
	assert_runs_become(prog_fd, before + 50);
}

static void clsact_is_made_once(void **state)
{
	const Fixture *fixture = *state;
	bool made = true;

	make_clsact(fixture);
	assert_true(tc_ensure_clsact(fixture->ifindex, "east", &made, NULL));
	assert_false(made);
	remove_clsact(fixture);
}

static void attached_and_detached_leaves_no_trace(void **state)
{
	const Fixture *fixture = *state;
	g_autofree char *before = qdiscs_and_filters();
	g_autofree char *after = NULL;

	make_clsact(fixture);
	for (int hook = 0; hook < HOOKS; hook++) {
		assert_false(tc_is_attached(fixture->ifindex, hook, TC_HANDLE));
		attach(fixture, hook, fixture->ours, 1);
		assert_true(tc_is_attached(fixture->ifindex, hook, TC_HANDLE));
		assert_int_equal(tc_filters_before(fixture->ifindex, hook, TC_HANDLE), 0);
	}
	for (int hook = 0; hook < HOOKS; hook++) {
		detach(fixture, hook);
		assert_false(tc_is_attached(fixture->ifindex, hook, TC_HANDLE));
		assert_int_equal(tc_filters_before(fixture->ifindex, hook, TC_HANDLE), -1);
		detach(fixture, hook);
	}
	remove_clsact(fixture);
	remove_clsact(fixture);
	after = qdiscs_and_filters();
	assert_string_equal(after, before);
}

static void filter_sees_frames_at_its_hook_alone(void **state)
{
	const Fixture *fixture = *state;

	make_clsact(fixture);
	attach(fixture, HOOK_INGRESS, fixture->ours, 1);
	attach(fixture, HOOK_EGRESS, fixture->ours_too, 1);
	assert_frames_reach(fixture->ours);
	assert_int_equal(count_runs(fixture->ours_too), 0);
}

static void attaching_again_replaces(void **state)
{
	const Fixture *fixture = *state;
	g_autofree char *filters = NULL;

	make_clsact(fixture);
	attach(fixture, HOOK_INGRESS, fixture->ours, 1);
	attach(fixture, HOOK_INGRESS, fixture->ours_too, 1);
	filters = qdiscs_and_filters();
	assert_null(strstr(filters, "flowtally_one"));
	assert_non_null(strstr(filters, "handle 0xf10a0000 flowtally_two"));
	assert_non_null(strstr(filters, "direct-action"));
}

static void replacing_misses_no_frame(void **state)
{
	enum { FRAMES = 100000 };
	const Fixture *fixture = *state;
	int status;
	pid_t child;

	make_clsact(fixture);
	attach(fixture, HOOK_INGRESS, fixture->ours, 1);
	child = fork();
	if (child == 0)
		_exit(send_frames(FRAMES) ? EXIT_SUCCESS : EXIT_FAILURE);
	do {
		attach(fixture, HOOK_INGRESS, fixture->ours_too, 1);
		attach(fixture, HOOK_INGRESS, fixture->ours, 1);
	} while (waitpid(child, &status, WNOHANG) == 0);
	assert_int_equal(status, 0);
	assert_true(count_runs(fixture->ours_too) > 0);
	assert_runs_become(fixture->ours, FRAMES - count_runs(fixture->ours_too));
}

/* Ours is in front, though the other was there before; what it says holds. */
static void foreign_bpf_filter_comes_after_ours(void **state)
{
	const Fixture *fixture = *state;
	g_autofree char *before = NULL, *after = NULL;

	make_clsact(fixture);
	attach_foreign(fixture, FOREIGN_HANDLE, 1);
	before = qdiscs_and_filters();
	attach(fixture, HOOK_INGRESS, fixture->ours, 1);
	assert_int_equal(tc_filters_before(fixture->ifindex, HOOK_INGRESS, TC_HANDLE), 0);
	assert_frames_reach(fixture->ours);
	assert_frames_reach(fixture->foreign);

	detach(fixture, HOOK_INGRESS);
	remove_clsact(fixture);
	after = qdiscs_and_filters();
	assert_string_equal(after, before);
}

static void foreign_bpf_filter_that_comes_later_is_noticed(void **state)
{
	const Fixture *fixture = *state;

	make_clsact(fixture);
	attach(fixture, HOOK_INGRESS, fixture->ours, 1);
	attach_foreign(fixture, FOREIGN_HANDLE, 1);
	assert_int_equal(tc_filters_before(fixture->ifindex, HOOK_INGRESS, TC_HANDLE), 1);
	assert_frames_reach(fixture->foreign);
	assert_int_equal(count_runs(fixture->ours), 0);
	attach(fixture, HOOK_INGRESS, fixture->ours_too, 1);
	assert_int_equal(tc_filters_before(fixture->ifindex, HOOK_INGRESS, TC_HANDLE), 1);
}

static void filter_of_another_kind_keeps_its_priority(void **state)
{
	const Fixture *fixture = *state;
	g_autofree char *before = NULL, *after = NULL;

	make_clsact(fixture);
	run("tc filter add dev east ingress protocol ip prio 1 u32 match u32 0 0 flowid 1:1");
	run("tc filter add dev east ingress protocol arp prio 2 u32 match u32 0 0 flowid 1:1");
	run("tc filter add dev east ingress protocol all prio 4 u32 match u32 0 0 flowid 1:1");
	run("tc filter add dev east egress protocol all prio 7 u32 match u32 0 0 flowid 1:1");
	before = qdiscs_and_filters();
	attach(fixture, HOOK_INGRESS, fixture->ours, 3);
	attach(fixture, HOOK_EGRESS, fixture->ours, 1);
	assert_int_equal(tc_filters_before(fixture->ifindex, HOOK_INGRESS, TC_HANDLE), 2);
	assert_int_equal(tc_filters_before(fixture->ifindex, HOOK_EGRESS, TC_HANDLE), 0);
	attach(fixture, HOOK_INGRESS, fixture->ours_too, 3);

	detach(fixture, HOOK_INGRESS);
	detach(fixture, HOOK_EGRESS);
	remove_clsact(fixture);
	after = qdiscs_and_filters();
	assert_string_equal(after, before);
}

static void replaced_filter_keeps_its_priority(void **state)
{
	const Fixture *fixture = *state;

	make_clsact(fixture);
	run("tc filter add dev east ingress protocol ip prio 1 u32 match u32 0 0 flowid 1:1");
	attach(fixture, HOOK_INGRESS, fixture->ours, 2);
	run("tc filter del dev east ingress protocol ip prio 1");
	attach(fixture, HOOK_INGRESS, fixture->ours_too, 2);
	assert_int_equal(tc_filters_before(fixture->ifindex, HOOK_INGRESS, TC_HANDLE), 0);
}

static void filter_with_our_handle_is_not_ours(void **state)
{
	const Fixture *fixture = *state;
	g_autofree char *before = NULL, *after = NULL;

	make_clsact(fixture);
	attach_foreign(fixture, TC_HANDLE, 1);
	before = qdiscs_and_filters();
	assert_false(tc_is_attached(fixture->ifindex, HOOK_INGRESS, TC_HANDLE));
	detach(fixture, HOOK_INGRESS);
	attach(fixture, HOOK_INGRESS, fixture->ours, 2);
	detach(fixture, HOOK_INGRESS);
	after = qdiscs_and_filters();
	assert_string_equal(after, before);
}

static void filters_of_other_chains_are_not_in_the_way(void **state)
{
	const Fixture *fixture = *state;
	g_autofree char *before = NULL, *after = NULL;

	make_clsact(fixture);
	run("tc filter add dev east ingress chain 5 protocol ip prio 1 u32 match u32 0 0 flowid "
	    "1:1");
	before = qdiscs_and_filters();
	attach(fixture, HOOK_INGRESS, fixture->ours, 1);
	assert_int_equal(tc_filters_before(fixture->ifindex, HOOK_INGRESS, TC_HANDLE), 0);
	detach(fixture, HOOK_INGRESS);
	remove_clsact(fixture);
	after = qdiscs_and_filters();
	assert_string_equal(after, before);
}

static void foreign_clsact_is_not_made_again(void **state)
{
	const Fixture *fixture = *state;
	bool made = true;

	run("tc qdisc add dev east clsact");
	assert_true(tc_ensure_clsact(fixture->ifindex, "east", &made, NULL));
	assert_false(made);
}

static void ingress_qdisc_is_in_the_way(void **state)
{
	const Fixture *fixture = *state;
	g_autoptr(GError) error = NULL;
	g_autofree char *before = NULL, *after = NULL;
	bool made = true;

	run("tc qdisc add dev east ingress");
	before = qdiscs_and_filters();
	assert_false(tc_ensure_clsact(fixture->ifindex, "east", &made, &error));
	assert_int_equal(error->code, EEXIST);
	assert_string_equal(error->message,
			    "east: make clsact qdisc: an ingress qdisc is in the way");
	assert_true(made);
	remove_clsact(fixture);
	after = qdiscs_and_filters();
	assert_string_equal(after, before);
}

static void shared_block_is_refused(void **state)
{
	const Fixture *fixture = *state;
	g_autoptr(GError) error = NULL;
	uint32_t priority = 42;

	run("tc qdisc add dev east ingress_block 5 clsact");
	assert_false(tc_attach(fixture->ifindex, "east", HOOK_INGRESS, TC_HANDLE, fixture->ours,
			       &priority, &error));
	assert_int_equal(error->code, EOPNOTSUPP);
	assert_non_null(strstr(error->message,
			       "east: attach ingress: its clsact qdisc has a shared block"));
	assert_int_equal(priority, 42);
}

static void attaching_without_clsact_is_an_error(void **state)
{
	const Fixture *fixture = *state;
	g_autoptr(GError) error = NULL;
	uint32_t priority = 0;

	assert_false(tc_attach(fixture->ifindex, "east", HOOK_EGRESS, TC_HANDLE, fixture->ours,
			       &priority, &error));
	assert_int_equal(error->code, EINVAL);
	assert_string_equal(error->message, "east: attach egress: Invalid argument");
}

static void interface_that_is_gone_has_nothing_of_ours(void **state)
{
	const Fixture *fixture = *state;
	g_autoptr(GError) error = NULL;
	uint32_t priority = 0;
	bool made;

	make_clsact(fixture);
	attach(fixture, HOOK_INGRESS, fixture->ours, 1);
	run("ip link del east");
	assert_false(tc_is_attached(fixture->ifindex, HOOK_INGRESS, TC_HANDLE));
	detach(fixture, HOOK_INGRESS);
	remove_clsact(fixture);

	assert_false(tc_ensure_clsact(fixture->ifindex, "east", &made, &error));
	assert_int_equal(error->code, ENODEV);
	assert_string_equal(error->message, "east: make clsact qdisc: No such device");
	g_clear_error(&error);
	assert_false(tc_attach(fixture->ifindex, "east", HOOK_INGRESS, TC_HANDLE, fixture->ours,
			       &priority, &error));
	assert_int_equal(error->code, ENODEV);
}

static bool is_refused(bool done, GError **error, const char *message)
{
	bool refused = !done && g_error_matches(*error, FLOWTALLY_ERROR, EPERM) &&
		       strcmp((*error)->message, message) == 0;

	g_clear_error(error);
	return refused;
}

/* What a process without privileges is told. */
static bool all_is_refused(const Fixture *fixture)
{
	uint32_t ifindex = fixture->ifindex, priority = 0;
	g_autoptr(GError) error = NULL;
	bool made;

	return is_refused(tc_ensure_clsact(ifindex, "east", &made, &error), &error,
			  "east: make clsact qdisc: needs CAP_NET_ADMIN") &&
	       is_refused(tc_attach(ifindex, "east", HOOK_INGRESS, TC_HANDLE, fixture->ours_too,
				    &priority, &error),
			  &error, "east: attach ingress: needs CAP_NET_ADMIN") &&
	       is_refused(tc_detach(ifindex, "east", HOOK_INGRESS, TC_HANDLE, &error), &error,
			  "east: detach ingress: needs CAP_NET_ADMIN") &&
	       tc_is_attached(ifindex, HOOK_INGRESS, TC_HANDLE);
}

static void without_privilege_the_error_says_so(void **state)
{
	const Fixture *fixture = *state;
	int status;
	pid_t child;

	make_clsact(fixture);
	attach(fixture, HOOK_INGRESS, fixture->ours, 1);
	child = fork();
	if (child == 0)
		_exit(setuid(NOBODY) == 0 && all_is_refused(fixture) ? EXIT_SUCCESS : EXIT_FAILURE);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* The kernel's own explanations, which libbpf would print. */
static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(clsact_is_made_once),
		TEST(attached_and_detached_leaves_no_trace),
		TEST(filter_sees_frames_at_its_hook_alone),
		TEST(attaching_again_replaces),
		TEST(replacing_misses_no_frame),
		TEST(foreign_bpf_filter_comes_after_ours),
		TEST(foreign_bpf_filter_that_comes_later_is_noticed),
		TEST(filter_of_another_kind_keeps_its_priority),
		TEST(replaced_filter_keeps_its_priority),
		TEST(filter_with_our_handle_is_not_ours),
		TEST(filters_of_other_chains_are_not_in_the_way),
		TEST(foreign_clsact_is_not_made_again),
		TEST(ingress_qdisc_is_in_the_way),
		TEST(shared_block_is_refused),
		TEST(attaching_without_clsact_is_an_error),
		TEST(interface_that_is_gone_has_nothing_of_ours),
		TEST(without_privilege_the_error_says_so),
	};

	if (unshare(CLONE_NEWNET) < 0) {
		puts("1..0 # SKIP needs root");
		return EXIT_SUCCESS;
	}
	/* IPv6 speaks unasked. */
	run("sysctl -q -w net.ipv6.conf.default.disable_ipv6=1");
	libbpf_set_print(print_nothing);
	return cmocka_run_group_tests_name("tc", tests, NULL, NULL);
}
