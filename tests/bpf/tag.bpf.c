/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Puts a VLAN tag where a network card puts it, into the skb's metadata, and hands the frame on to
 * the classifier: BPF_PROG_TEST_RUN cannot be told of such a tag.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} classifier SEC(".maps");

SEC("tc")
int add_tag(struct __sk_buff *skb)
{
	if (!bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 100))
		bpf_tail_call(skb, &classifier, 0);
	return TC_ACT_SHOT;
}
