/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <termios.h>

#include <linux/bpf.h>

#include "base/error.h"

/* Names that a CPU or a version of libseccomp does not know are passed over. */
static const char *const calls[] = {
	/* memory */
	"brk",
	"mmap",
	"mmap2",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	/* files */
	"open",
	"openat",
	"close",
	"read",
	"pread64",
	"readv",
	"write",
	"pwrite64",
	"writev",
	"lseek",
	"_llseek",
	"fstat",
	"fstat64",
	"stat",
	"stat64",
	"lstat",
	"lstat64",
	"newfstatat",
	"fstatat64",
	"statx",
	"statfs",
	"statfs64",
	"fstatfs",
	"fstatfs64",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents",
	"getdents64",
	"mkdir",
	"mkdirat",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"rmdir",
	"ftruncate",
	"ftruncate64",
	"fsync",
	"fdatasync",
	"fchmod",
	"chmod",
	"fchmodat",
	"umask",
	"flock",
	"fcntl",
	"fcntl64",
	"dup",
	"dup2",
	"dup3",
	"getcwd",
	/* waiting */
	"poll",
	"ppoll",
	"ppoll_time64",
	"select",
	"pselect6",
	"pselect6_time64",
	"_newselect",
	"nanosleep",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"futex",
	"futex_time64",
	"restart_syscall",
	"eventfd2",
	/* of the HTTP server's library */
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"pipe2",
	"inotify_init1",
	"inotify_add_watch",
	"inotify_rm_watch",
	"wait4",
	"waitid",
	"waitpid",
	/* time */
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_getres_time64",
	"gettimeofday",
	"time",
	/* sockets; which, is said below */
	"bind",
	"connect",
	"listen",
	"accept",
	"accept4",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"recvmmsg_time64",
	"shutdown",
	"send",
	"recv",
	/* the process itself */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigreturn",
	"sigaltstack",
	"exit",
	"exit_group",
	"getpid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getuid32",
	"geteuid32",
	"getgid32",
	"getegid32",
	"getppid",
	"getrandom",
	"getrlimit",
	"ugetrlimit",
	"prlimit64",
	"sysinfo",
	"uname",
	"sched_getaffinity",
	"sched_yield",
	"tgkill",
	"rseq",
	"set_robust_list",
	"membarrier",
};

static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

/* What needs no more than a descriptor, and what finds the pins. */
static const int bpf_commands[] = {
	BPF_MAP_LOOKUP_ELEM,  BPF_MAP_UPDATE_ELEM,  BPF_MAP_DELETE_ELEM,  BPF_MAP_GET_NEXT_KEY,
	BPF_OBJ_PIN,	      BPF_OBJ_GET,	    BPF_PROG_TEST_RUN,	  BPF_OBJ_GET_INFO_BY_FD,
	BPF_MAP_LOOKUP_BATCH, BPF_MAP_DELETE_BATCH, BPF_MAP_UPDATE_BATCH,
};

/* SIOCOUTQ: what a collector has not acknowledged. */
static const unsigned long ioctls[] = { NS_GET_NSTYPE, TCGETS, FIONREAD, FIONBIO, SIOCOUTQ };

static int allow_calls(scmp_filter_ctx filter)
{
	int result = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(calls) && result == 0; i++) {
		int number = seccomp_syscall_resolve_name(calls[i]);

		if (number != __NR_SCMP_ERROR)
			result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return result;
}

/* Those of @number whose argument @index is @value. */
static int allow_with(scmp_filter_ctx filter, int number, unsigned int index, uint64_t value)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
				SCMP_CMP(index, SCMP_CMP_EQ, value, 0));
}

/*
 * Threads, of which passwords.c has one: they have this filter and no capability, as all of the process. Not
 * processes. What clone3() would make lies in memory, where a filter cannot look: the C library then takes clone().
 */
static int allow_threads(scmp_filter_ctx filter)
{
#ifdef __s390__
	const unsigned int flags = 1;
#else
	const unsigned int flags = 0;
#endif
	const unsigned long thread = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				      SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, thread, thread));

	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return result;
}

/*
 * In a build with sanitizers their search for leaks at the end of the process. A second one, which shares the memory,
 * traces the first, so that it stands still.
 */
static int allow_leak_check(scmp_filter_ctx filter)
{
	int result = 0;
#ifdef __SANITIZE_ADDRESS__
	static const int requests[] = { PTRACE_ATTACH, PTRACE_CONT, PTRACE_DETACH,
					PTRACE_GETREGSET };
	static const int options[] = { PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_PTRACER };
	const unsigned long tracer = CLONE_VM | CLONE_UNTRACED;

	for (size_t i = 0; i < G_N_ELEMENTS(requests) && result == 0; i++)
		result = allow_with(filter, SCMP_SYS(ptrace), 0, (uint64_t)requests[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(options) && result == 0; i++)
		result = allow_with(filter, SCMP_SYS(prctl), 0, (uint64_t)options[i]);
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
					  SCMP_CMP(0, SCMP_CMP_MASKED_EQ, tracer, tracer));
#endif
	return result;
}

static int allow_some(scmp_filter_ctx filter)
{
	int result = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(families) && result == 0; i++)
		result = allow_with(filter, SCMP_SYS(socket), 0, (uint64_t)families[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(bpf_commands) && result == 0; i++)
		result = allow_with(filter, SCMP_SYS(bpf), 0, (uint64_t)bpf_commands[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(ioctls) && result == 0; i++)
		result = allow_with(filter, SCMP_SYS(ioctl), 1, ioctls[i]);
	return result;
}

bool sandbox_enter(GError **error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result = -ENOMEM;

	/* The errors of the kernel are asked for as they are: else all of them are ECANCELED. */
	if (filter)
		result = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (result == 0)
		result = allow_calls(filter);
	if (result == 0)
		result = allow_some(filter);
	if (result == 0)
		result = allow_threads(filter);
	if (result == 0)
		result = allow_leak_check(filter);
	if (result == 0)
		result = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (result == 0)
		return true;
	if (result == -EINVAL || result == -ENOSYS) {
		g_message("this kernel has no seccomp: the agent runs without");
		return true;
	}
	error_from_errno(error, result, "enter the seccomp filter");
	return false;
}
