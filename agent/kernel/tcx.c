/* SPDX-License-Identifier: Apache-2.0 */
#include "tcx.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/error.h"

/* From <linux/bpf.h> of Linux 6.6 on: the headers here may be older than the kernel. */
enum {
	ATTACH_TCX_INGRESS = 46,
	ATTACH_TCX_EGRESS = 47,
	FLAG_BEFORE = 1 << 3,
	FLAG_AFTER = 1 << 4,
};

/* struct bpf_link_info as far as it is needed, of a tcx link. */
struct link_info {
	uint32_t type;
	uint32_t id;
	uint32_t prog_id;
	uint32_t reserved;
	uint32_t ifindex; /* 0: the interface is gone */
	uint32_t attach_type;
	uint8_t others[104]; /* room for what newer kernels add */
};

/* BPF_PROG_QUERY with the members that came with tcx. */
struct query {
	uint32_t ifindex;
	uint32_t attach_type;
	uint32_t query_flags;
	uint32_t attach_flags;
	uint64_t prog_ids;
	uint32_t count;
	uint32_t reserved;
	uint64_t prog_attach_flags;
	uint64_t link_ids;
	uint64_t link_attach_flags;
	uint64_t revision;
};

static const struct {
	uint32_t type;
	const char *name;
} hooks[HOOKS] = {
	[HOOK_INGRESS] = { ATTACH_TCX_INGRESS, "ingress" },
	[HOOK_EGRESS] = { ATTACH_TCX_EGRESS, "egress" },
};

static bool query(uint32_t ifindex, enum hook hook, struct query *result)
{
	result->ifindex = ifindex;
	result->attach_type = hooks[hook].type;
	return syscall(SYS_bpf, BPF_PROG_QUERY, result, sizeof(*result)) == 0;
}

bool tcx_is_supported(void)
{
	struct query nothing = { 0 };

	/* There is no interface 0; a kernel without tcx does not come to look for it. */
	return !query(0, HOOK_INGRESS, &nothing) && errno == ENODEV;
}

int tcx_attach(uint32_t ifindex, const char *name, enum hook hook, int prog_fd, bool first,
	       GError **error)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = first ? FLAG_BEFORE : FLAG_AFTER);
	int link = bpf_link_create(prog_fd, (int)ifindex, (enum bpf_attach_type)hooks[hook].type,
				   &options);

	if (link < 0)
		error_from_errno(error, link, "%s: attach %s by tcx", name, hooks[hook].name);
	return link;
}

bool tcx_replace(int link, const char *name, enum hook hook, int prog_fd, GError **error)
{
	int result = bpf_link_update(link, prog_fd, NULL);

	if (result == 0)
		return true;
	error_from_errno(error, result, "%s: replace %s by tcx", name, hooks[hook].name);
	return false;
}

static bool read_info(int link, struct link_info *info)
{
	uint32_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(link, info, &len) == 0;
}

bool tcx_is_attached(int link, uint32_t ifindex)
{
	struct link_info info;

	return read_info(link, &info) && info.ifindex == ifindex;
}

void tcx_detach(int link)
{
	(void)bpf_link_detach(link);
}

int tcx_programs_before(int link, uint32_t ifindex, enum hook hook)
{
	uint32_t programs[TCX_MAX_PROGRAMS] = { 0 }, links[TCX_MAX_PROGRAMS] = { 0 };
	struct query all = {
		.prog_ids = (uintptr_t)programs,
		.link_ids = (uintptr_t)links,
		.count = TCX_MAX_PROGRAMS,
	};
	struct link_info info;

	if (!read_info(link, &info) || !query(ifindex, hook, &all))
		return -1;
	for (uint32_t i = 0; i < MIN(all.count, TCX_MAX_PROGRAMS); i++) {
		if (links[i] == info.id)
			return (int)i;
	}
	return -1;
}

size_t tcx_list(uint32_t ifindex, enum hook hook, uint32_t ids[TCX_MAX_PROGRAMS])
{
	struct query all = { .prog_ids = (uintptr_t)ids, .count = TCX_MAX_PROGRAMS };

	return query(ifindex, hook, &all) ? MIN(all.count, TCX_MAX_PROGRAMS) : 0;
}
