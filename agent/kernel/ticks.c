/* SPDX-License-Identifier: Apache-2.0 */
#include "ticks.h"

#include <errno.h>
#include <time.h>

#include <bpf/bpf.h>
#include <linux/if_ether.h>

#include "base/error.h"

#define NS_PER_S 1000000000u

int ticks_open(GError **error)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "flowtally_ticks", "Dual BSD/GPL", program,
			       G_N_ELEMENTS(program), NULL);

	if (fd == -EPERM)
		g_set_error_literal(
			error, FLOWTALLY_ERROR, EPERM,
			"load the program that reads the kernel's ticks: needs CAP_BPF and "
			"CAP_NET_ADMIN");
	else if (fd < 0)
		error_from_errno(error, fd, "load the program that reads the kernel's ticks");
	return fd;
}

static uint64_t to_ns(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_nsec;
}

bool ticks_read(int fd, Ticks *now, GError **error)
{
	static const uint8_t frame[ETH_HLEN];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);
	struct timespec monotonic, resolution;
	int result = bpf_prog_test_run_opts(fd, &run);

	if (result < 0) {
		error_from_errno(error, result, "read the kernel's ticks");
		return false;
	}
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	/* The coarse clocks advance at each tick. */
	clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
	*now = (Ticks){
		.monotonic_ns = to_ns(&monotonic),
		.ticks = run.retval,
		.tick_ns = (uint32_t)to_ns(&resolution),
	};
	return true;
}

uint64_t ticks_to_ns(const Ticks *now, uint32_t ticks)
{
	uint64_t age_ns = (uint64_t)(now->ticks - ticks) * now->tick_ns;

	return age_ns < now->monotonic_ns ? now->monotonic_ns - age_ns : 0;
}
