/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "test.h"

/* Runs @attempt in a process of its own, in the sandbox; returns its result. */
static int in_sandbox(int (*attempt)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || !sandbox_enter(NULL))
			_exit(99);
		_exit(attempt());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* 0: it is refused, as the sandbox refuses. */
static int refused(long result)
{
	return result < 0 && errno == EPERM ? 0 : 1;
}

static int start_program(void)
{
	char *const argv[] = { "true", NULL };

	return refused(execve("/bin/true", argv, argv));
}

static int fork_off(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return refused(child);
}

static int trace(void)
{
	return refused(ptrace(PTRACE_SEIZE, getppid(), 0, 0));
}

static int mount_something(void)
{
	return refused(mount("none", "/proc", "tmpfs", 0, NULL));
}

static int enter_namespace(void)
{
	return refused(unshare(CLONE_NEWUSER)) + refused(setns(0, 0));
}

static int capture(void)
{
	return refused(socket(AF_PACKET, SOCK_RAW, 0));
}

static int load_program(void)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return refused(bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "p", "GPL", code, 2, NULL));
}

static int make_map(void)
{
	return refused(bpf_map_create(BPF_MAP_TYPE_ARRAY, "m", 4, 4, 1, NULL));
}

static int attach_link(void)
{
	return refused(bpf_link_create(0, 1, 46, NULL));
}

static bool has_seccomp(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

static void what_could_do_harm_is_refused(void **state)
{
	int (*const attempts[])(void) = {
		start_program, fork_off,     trace,    mount_something, enter_namespace,
		capture,       load_program, make_map, attach_link,
	};

	if (!has_seccomp())
		skip();
	for (size_t i = 0; i < G_N_ELEMENTS(attempts); i++) {
		if (in_sandbox(attempts[i]))
			fail_msg("attempt %zu has not been refused", i);
	}
}

static gpointer in_thread(gpointer data)
{
	return data;
}

/* What the HTTP server's library and the check of passwords need. */
static bool can_serve(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), counter = eventfd(1, EFD_CLOEXEC);
	g_autoptr(GError) error = NULL;
	GThread *thread = g_thread_try_new("test", in_thread, &event, &error);

	return thread && g_thread_join(thread) == &event && epoll >= 0 && counter >= 0 &&
	       epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event) == 0 &&
	       epoll_wait(epoll, &event, 1, -1) == 1;
}

static int work(void)
{
	int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	int sockets[] = { socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET6, SOCK_STREAM, 0),
			  socket(AF_UNIX, SOCK_STREAM, 0), socket(AF_NETLINK, SOCK_RAW, 0) };
	uint32_t zero = 0, value;
	char octet;

	if (file < 0 || read(file, &octet, 1) != 1)
		return 1;
	for (size_t i = 0; i < G_N_ELEMENTS(sockets); i++) {
		if (sockets[i] < 0)
			return 2;
	}
	/* Let through, and then judged by the kernel. */
	if (bpf_map_lookup_elem(file, &zero, &value) == 0 || errno == EPERM)
		return 3;
	if (!can_serve())
		return 5;
	return g_main_context_iteration(NULL, FALSE) ? 4 : 0;
}

static void what_the_agent_does_is_let_through(void **state)
{
	assert_int_equal(in_sandbox(work), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_could_do_harm_is_refused),
		cmocka_unit_test(what_the_agent_does_is_let_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
