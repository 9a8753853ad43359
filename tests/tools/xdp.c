/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaches an XDP program of somebody else, which stays until `ip link set dev INTERFACE xdp off` or its like.
 *
 *   xdp INTERFACE generic|driver pass|drop
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static void die(const char *what)
{
	fprintf(stderr, "xdp: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int load(enum xdp_action action)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = action },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "foreign", "GPL", code, 2, NULL);

	if (fd < 0)
		die("load");
	return fd;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fputs("usage: xdp INTERFACE generic|driver pass|drop\n", stderr);
		return 2;
	}
	if (bpf_xdp_attach((int)if_nametoindex(argv[1]),
			   load(strcmp(argv[3], "drop") ? XDP_PASS : XDP_DROP),
			   strcmp(argv[2], "generic") ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE,
			   NULL) < 0)
		die(argv[1]);
	return EXIT_SUCCESS;
}
