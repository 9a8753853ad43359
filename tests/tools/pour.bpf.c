/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Makes UDP frames, each another one, of whatever is in the buffer, and redirects them out of an interface: see pour.c, which
 * runs it, one frame a run.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "pour.h"

const volatile struct pour_plan plan;

/* One thread runs the program. */
__u64 frames;
struct pour_cursor cursor;

/* The window of flows that take turns has moved on by one each time that `turnover` frames were made. */
static __always_inline __u64 next_flow(void)
{
	__u64 flow = cursor.first + cursor.at;

	if (++cursor.at >= plan.flows)
		cursor.at = 0;
	if (plan.turnover && ++cursor.since >= plan.turnover) {
		cursor.since = 0;
		cursor.first++;
	}
	return flow;
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void stamp_ethernet(struct pour_frame *frame, __u32 device)
{
	frame->source_device = bpf_htonl(plan.first_mac + device);
}

static __always_inline void stamp_udp(struct pour_udp *udp, __u64 flow)
{
	*udp = plan.udp;
	udp->source_port = bpf_htons(POUR_FIRST_PORT + flow % plan.flows_per_device);
}

SEC("xdp")
int pour_ipv4(struct xdp_md *context)
{
	struct pour_frame *frame = (void *)(long)context->data;
	struct pour_ipv4 *ip = (void *)(frame + 1);
	__u64 flow = next_flow();
	__u32 device = flow / plan.flows_per_device;

	if ((void *)(ip + 1) > (void *)(long)context->data_end)
		return XDP_ABORTED;
	*frame = plan.frame;
	stamp_ethernet(frame, device);
	*ip = plan.ipv4;
	device += plan.first_address;
	ip->source = bpf_htonl(device);
	ip->checksum = bpf_htons(fold(plan.ipv4_sum + (device >> 16) + (device & 0xffff)));
	stamp_udp(&ip->udp, flow);
	frames++;
	return bpf_redirect(plan.ifindex, 0);
}

SEC("xdp")
int pour_ipv6(struct xdp_md *context)
{
	struct pour_frame *frame = (void *)(long)context->data;
	struct pour_ipv6 *ip = (void *)(frame + 1);
	__u64 flow = next_flow();
	__u32 device = flow / plan.flows_per_device;

	if ((void *)(ip + 1) > (void *)(long)context->data_end)
		return XDP_ABORTED;
	*frame = plan.frame;
	stamp_ethernet(frame, device);
	*ip = plan.ipv6;
	ip->source[3] = bpf_htonl(plan.first_address + device);
	stamp_udp(&ip->udp, flow);
	frames++;
	return bpf_redirect(plan.ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
