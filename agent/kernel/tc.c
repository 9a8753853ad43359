/* SPDX-License-Identifier: Apache-2.0 */
#include "tc.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/error.h"
#include "netlink.h"

#define OUR_KIND "bpf"
#define OUR_PREFIX "flowtally_"

static const struct {
	enum bpf_tc_attach_point point;
	uint32_t parent;
	const char *name;
} points[HOOKS] = {
	[HOOK_INGRESS] = { BPF_TC_INGRESS, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), "ingress" },
	[HOOK_EGRESS] = { BPF_TC_EGRESS, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), "egress" },
};

/* What an errno of the kernel means where strerror(3) would not tell. */
typedef struct {
	int error_number; /* 0 ends the list */
	const char *text;
} Reason;

#define NO_PRIVILEGE "needs CAP_NET_ADMIN"
#define NO_CLSACT "this kernel has no clsact qdisc (CONFIG_NET_SCH_INGRESS)"

static const Reason qdisc_reasons[] = {
	{ EPERM, NO_PRIVILEGE },
	{ ENOENT, NO_CLSACT },
	{ EOPNOTSUPP, NO_CLSACT },
	{ 0, NULL },
};

static const Reason filter_reasons[] = {
	{ EPERM, NO_PRIVILEGE },
	{ ENOENT, "this kernel has no cls_bpf (CONFIG_NET_CLS_BPF)" },
	{ EOPNOTSUPP, "its clsact qdisc has a shared block of filters" },
	{ 0, NULL },
};

/* @error_number is negative, as libbpf returns it. */
static void set_reason(GError **error, const Reason *reasons, int error_number, const char *name,
		       const char *what)
{
	for (; reasons->error_number; reasons++) {
		if (reasons->error_number == -error_number) {
			g_set_error(error, FLOWTALLY_ERROR, -error_number, "%s: %s: %s", name, what,
				    reasons->text);
			return;
		}
	}
	error_from_errno(error, error_number, "%s: %s", name, what);
}

static const char *text_attribute(const struct nlmsghdr *message, uint16_t type)
{
	const struct nlattr *attribute = netlink_attribute(message, sizeof(struct tcmsg), type, 1);

	return attribute ? mnl_attr_get_str(attribute) : "";
}

static bool is_of_our_kind(const struct nlmsghdr *message)
{
	return strcmp(text_attribute(message, TCA_KIND), OUR_KIND) == 0;
}

/* NULL: the filter has none of @type. */
static const struct nlattr *option(const struct nlmsghdr *message, uint16_t type)
{
	const struct nlattr *options =
		netlink_attribute(message, sizeof(struct tcmsg), TCA_OPTIONS, 0);

	return options ? netlink_nested(options, type) : NULL;
}

/* The name in a filter is what its maker gave; libbpf gives that of the program, which could be had
 * by the program's id, too, but only with CAP_SYS_ADMIN. */
static bool has_our_name(const struct nlmsghdr *message)
{
	const struct nlattr *name = option(message, TCA_BPF_NAME);

	return name && g_str_has_prefix(mnl_attr_get_str(name), OUR_PREFIX);
}

static bool is_ours(const struct nlmsghdr *message, uint32_t handle)
{
	const struct tcmsg *filter = mnl_nlmsg_get_payload(message);

	return filter->tcm_handle == handle && is_of_our_kind(message) && has_our_name(message);
}

/* Whether no filter of our kind, protocol and handle can be added at the priority of this one. */
static bool blocks_priority(const struct nlmsghdr *message, uint32_t handle)
{
	const struct tcmsg *filter = mnl_nlmsg_get_payload(message);

	return !is_of_our_kind(message) || TC_H_MIN(filter->tcm_info) != htons(ETH_P_ALL) ||
	       filter->tcm_handle == handle;
}

static bool is_in_first_chain(const struct nlmsghdr *message)
{
	const struct nlattr *chain =
		netlink_attribute(message, sizeof(struct tcmsg), TCA_CHAIN, sizeof(uint32_t));

	return !chain || mnl_attr_get_u32(chain) == 0;
}

/* The filters of a hook. Frames meet those of chain 0, in the order of the dump: by priority, and
 * within one the last that was added comes first. */
typedef struct {
	uint32_t handle; /* of ours */
	bool any;	 /* of anybody's, in any chain */
	int before;	 /* how many that are not ours come before ours, one of another kind ... */
	uint32_t other;	 /* ... counting once for its priority: this one was the last */
	uint32_t ours;	 /* the priority of our filter, 0: there is none */
	uint32_t open;	 /* the first priority at which a filter of ours can be added */
} Filters;

static int on_filter(const struct nlmsghdr *message, void *user_data)
{
	const struct tcmsg *filter = mnl_nlmsg_get_payload(message);
	uint32_t priority = TC_H_MAJ(filter->tcm_info) >> 16;
	Filters *filters = user_data;

	filters->any = true;
	if (!is_in_first_chain(message))
		return MNL_CB_OK;

	if (is_ours(message, filters->handle)) {
		filters->ours = priority;
		return MNL_CB_OK;
	}
	/* Handle 0 stands for the priority as a whole; its filters follow. */
	if (filter->tcm_handle != 0 && !filters->ours &&
	    (is_of_our_kind(message) || filters->other != priority)) {
		filters->before++;
		filters->other = is_of_our_kind(message) ? 0 : priority;
	}
	if (priority == filters->open && blocks_priority(message, filters->handle))
		filters->open++;
	return MNL_CB_OK;
}

static bool read_filters(uint32_t ifindex, enum hook hook, uint32_t handle, Filters *filters,
			 GError **error)
{
	const struct tcmsg header = {
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = points[hook].parent,
	};
	const NetlinkRequest request = { RTM_GETTFILTER, NLM_F_DUMP, &header, sizeof(header) };

	*filters = (Filters){ .handle = handle, .open = 1 };
	return netlink_request(-1, &request, on_filter, filters, error);
}

typedef struct {
	uint32_t ifindex;
	bool found;
} ClsactSearch;

static int on_qdisc(const struct nlmsghdr *message, void *user_data)
{
	const struct tcmsg *qdisc = mnl_nlmsg_get_payload(message);
	ClsactSearch *search = user_data;

	if ((uint32_t)qdisc->tcm_ifindex == search->ifindex && qdisc->tcm_parent == TC_H_CLSACT &&
	    strcmp(text_attribute(message, TCA_KIND), "clsact") == 0)
		search->found = true;
	return MNL_CB_OK;
}

/*
 * The older ingress qdisc has the same handle. It takes filters for egress, too, but runs them at
 * ingress.
 */
static bool check_is_clsact(uint32_t ifindex, const char *name, GError **error)
{
	const struct tcmsg header = { .tcm_family = AF_UNSPEC };
	const NetlinkRequest request = { RTM_GETQDISC, NLM_F_DUMP, &header, sizeof(header) };
	ClsactSearch search = { .ifindex = ifindex };

	if (!netlink_request(-1, &request, on_qdisc, &search, error)) {
		g_prefix_error(error, "%s: read qdiscs: ", name);
		return false;
	}
	if (!search.found)
		g_set_error(error, FLOWTALLY_ERROR, EEXIST,
			    "%s: make clsact qdisc: an ingress qdisc is in the way", name);
	return search.found;
}

bool tc_ensure_clsact(uint32_t ifindex, const char *name, bool *made, GError **error)
{
	LIBBPF_OPTS(bpf_tc_hook, clsact, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	int r = bpf_tc_hook_create(&clsact);

	if (r < 0 && r != -EEXIST) {
		set_reason(error, qdisc_reasons, r, name, "make clsact qdisc");
		return false;
	}
	if (r == -EEXIST && !check_is_clsact(ifindex, name, error))
		return false;
	*made = r == 0;
	return true;
}

bool tc_attach(uint32_t ifindex, const char *name, enum hook hook, uint32_t handle, int prog_fd,
	       uint32_t *priority, GError **error)
{
	LIBBPF_OPTS(bpf_tc_hook, place, .ifindex = (int)ifindex,
		    .attach_point = points[hook].point);
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = prog_fd, .handle = handle);
	g_autofree char *what = g_strdup_printf("attach %s", points[hook].name);
	Filters filters;
	int r;

	if (!read_filters(ifindex, hook, handle, &filters, error)) {
		g_prefix_error(error, "%s: %s: read filters: ", name, what);
		return false;
	}
	filter.priority = filters.ours ? filters.ours : *priority ? *priority : filters.open;
	filter.flags = filters.ours ? BPF_TC_F_REPLACE : 0;
	r = bpf_tc_attach(&place, &filter);
	if (r < 0) {
		set_reason(error, filter_reasons, r, name, what);
		return false;
	}
	*priority = filter.priority;
	return true;
}

bool tc_detach(uint32_t ifindex, const char *name, enum hook hook, uint32_t handle, GError **error)
{
	LIBBPF_OPTS(bpf_tc_hook, place, .ifindex = (int)ifindex,
		    .attach_point = points[hook].point);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = handle);
	g_autofree char *what = g_strdup_printf("detach %s", points[hook].name);
	Filters filters;
	int r;

	if (!read_filters(ifindex, hook, handle, &filters, error)) {
		g_prefix_error(error, "%s: %s: read filters: ", name, what);
		return false;
	}
	if (!filters.ours)
		return true;
	filter.priority = filters.ours;
	r = bpf_tc_detach(&place, &filter);
	/* Whoever else removed it, or the interface, in the meantime did our work. */
	if (r < 0 && tc_is_attached(ifindex, hook, handle)) {
		set_reason(error, filter_reasons, r, name, what);
		return false;
	}
	return true;
}

bool tc_is_attached(uint32_t ifindex, enum hook hook, uint32_t handle)
{
	Filters filters;

	return read_filters(ifindex, hook, handle, &filters, NULL) && filters.ours;
}

int tc_filters_before(uint32_t ifindex, enum hook hook, uint32_t handle)
{
	Filters filters;

	if (!read_filters(ifindex, hook, handle, &filters, NULL) || !filters.ours)
		return -1;
	return filters.before;
}

/* No such interface, nothing there, or an ingress qdisc. */
static bool was_no_clsact(int r)
{
	return r == -ENODEV || r == -ENOENT || r == -EINVAL;
}

bool tc_remove_clsact_if_empty(uint32_t ifindex, const char *name, GError **error)
{
	LIBBPF_OPTS(bpf_tc_hook, clsact, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	Filters filters;
	int r;

	for (int hook = 0; hook < HOOKS; hook++) {
		if (!read_filters(ifindex, hook, TC_HANDLE, &filters, error)) {
			g_prefix_error(error, "%s: remove clsact qdisc: read filters: ", name);
			return false;
		}
		if (filters.any)
			return true;
	}
	/* The kernel has no "remove if empty": a filter that is added just now goes with it. */
	r = bpf_tc_hook_destroy(&clsact);
	if (r < 0 && !was_no_clsact(r)) {
		set_reason(error, qdisc_reasons, r, name, "remove clsact qdisc");
		return false;
	}
	return true;
}

typedef struct {
	TcOnOurs on_ours;
	void *user_data;
} Listing;

static int on_listed(const struct nlmsghdr *message, void *user_data)
{
	const struct tcmsg *filter = mnl_nlmsg_get_payload(message);
	const struct nlattr *id = option(message, TCA_BPF_ID);
	const Listing *listing = user_data;

	if (filter->tcm_handle && is_of_our_kind(message) && has_our_name(message))
		listing->on_ours(TC_H_MAJ(filter->tcm_info) >> 16, filter->tcm_handle,
				 id ? mnl_attr_get_u32(id) : 0, listing->user_data);
	return MNL_CB_OK;
}

void tc_list(uint32_t ifindex, enum hook hook, TcOnOurs on_ours, void *user_data)
{
	const struct tcmsg header = {
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = points[hook].parent,
	};
	const NetlinkRequest request = { RTM_GETTFILTER, NLM_F_DUMP, &header, sizeof(header) };
	Listing listing = { on_ours, user_data };

	(void)netlink_request(-1, &request, on_listed, &listing, NULL);
}
