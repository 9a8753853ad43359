/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs at the tcx hooks of an interface, which tc(8) and bpftool(8) of today do not show.
 *
 *   tcx supported                                     exits with 0 if the kernel has tcx
 *   tcx list INTERFACE                                a line a program: "ingress NAME", in their order
 *   tcx detach INTERFACE                              all of them, whosever they are
 *   tcx attach INTERFACE ingress|egress first|last next|pass|drop
 *                                                     one that does so, until we are ended
 */
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

enum { INGRESS = 46, EGRESS = 47, BEFORE = 1 << 3, AFTER = 1 << 4 };

struct query {
	uint32_t ifindex, attach_type, query_flags, attach_flags;
	uint64_t prog_ids;
	uint32_t count, reserved;
	uint64_t prog_attach_flags, link_ids, link_attach_flags, revision;
};

static void die(const char *what)
{
	fprintf(stderr, "tcx: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static unsigned int index_of(const char *interface)
{
	unsigned int index = if_nametoindex(interface);

	if (!index)
		die(interface);
	return index;
}

static void print_program(const char *hook, uint32_t id)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		die("program");
	printf("%s %s\n", hook, info.name);
	close(fd);
}

static void detach_link(uint32_t id)
{
	int fd = bpf_link_get_fd_by_id(id);

	if (fd < 0 || bpf_link_detach(fd) < 0)
		die("detach");
	close(fd);
}

static void each(unsigned int index, uint32_t type, const char *hook, bool detach)
{
	uint32_t programs[64] = { 0 }, links[64] = { 0 };
	struct query query = { .ifindex = index,
			       .attach_type = type,
			       .prog_ids = (uintptr_t)programs,
			       .link_ids = (uintptr_t)links,
			       .count = 64 };

	/* EINVAL: a kernel without tcx has nothing there. */
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof(query)) < 0) {
		if (errno != EINVAL)
			die("query");
		return;
	}
	for (uint32_t i = 0; i < query.count; i++) {
		if (detach)
			detach_link(links[i]);
		else
			print_program(hook, programs[i]);
	}
}

static int verdict(const char *word)
{
	static const struct {
		const char *word;
		int verdict;
	} verdicts[] = { { "next", -1 }, { "pass", 0 }, { "drop", 2 } };

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		if (!strcmp(verdicts[i].word, word))
			return verdicts[i].verdict;
	}
	errno = EINVAL;
	die(word);
	return 0;
}

static int load(int result)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = result },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", code, 2, NULL);

	if (fd < 0)
		die("load");
	return fd;
}

static void attach(unsigned int index, const char *hook, const char *order, const char *result)
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .flags = strcmp(order, "first") ? AFTER : BEFORE);
	uint32_t type = strcmp(hook, "ingress") ? EGRESS : INGRESS;

	if (bpf_link_create(load(verdict(result)), (int)index, (enum bpf_attach_type)type,
			    &options) < 0)
		die("attach");
	puts("attached");
	fflush(stdout);
	for (;;)
		pause();
}

static bool is_supported(void)
{
	struct query query = { .attach_type = INGRESS };

	return syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof(query)) < 0 && errno == ENODEV;
}

int main(int argc, char **argv)
{
	bool detach = argc == 3 && !strcmp(argv[1], "detach");

	if (argc == 2 && !strcmp(argv[1], "supported"))
		return is_supported() ? EXIT_SUCCESS : EXIT_FAILURE;
	if (detach || (argc == 3 && !strcmp(argv[1], "list"))) {
		each(index_of(argv[2]), INGRESS, "ingress", detach);
		each(index_of(argv[2]), EGRESS, "egress", detach);
	} else if (argc == 6 && !strcmp(argv[1], "attach")) {
		attach(index_of(argv[2]), argv[3], argv[4], argv[5]);
	} else {
		fputs("usage: tcx supported\n"
		      "       tcx list|detach INTERFACE\n"
		      "       tcx attach INTERFACE ingress|egress first|last next|pass|drop\n",
		      stderr);
		return 2;
	}
	return EXIT_SUCCESS;
}
