/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The contract between the classifier and the agent: every key and counter that crosses a map.
 *
 * The same bytes are read by the BPF program and by user space, so each struct has fixed widths, no
 * implicit padding and a size that is asserted. Changing any of them changes METER_LAYOUT, by which
 * an agent knows whether it may read what an earlier one left in the kernel.
 *
 * Octets are counted in two ways, both as they pass on the wire, that is with the headers which
 * every segment of a GSO or GRO frame repeats: `octets` are IP octets, header and payload (IPFIX
 * element 1, octetDeltaCount); `layer2_octets` are frame octets, from the Ethernet header on, without
 * FCS (element 352).
 */
#ifndef FLOWTALLY_RECORDS_H
#define FLOWTALLY_RECORDS_H

#include <linux/types.h>

#define METER_LAYOUT 6

/* The length of an Ethernet address; <linux/if_ether.h> calls it ETH_ALEN. */
#define MAC_LEN 6
#define ADDRESS_LEN 16

/* Where on an interface a frame is observed. */
enum hook {
	HOOK_INGRESS,
	HOOK_EGRESS,
	HOOKS,
};

/* Seen from the device: element 61, flowDirection, is 0 for an upload and 1 for a download. */
enum direction {
	DIRECTION_UPLOAD,
	DIRECTION_DOWNLOAD,
	DIRECTIONS,
};

/* On which side of an interface the devices are. */
enum side {
	SIDE_LAN, /* they are attached to it: ingress is their upload, the MAC is theirs */
	SIDE_WAN, /* they are behind us: ingress is their download, the MAC is somebody else's */
};

/* What stands before the IP header where the hooks are. */
enum link_layer {
	LINK_ETHERNET,
	LINK_IP, /* nothing: PPP, WireGuard, tun, IP in IP; no MACs, the hosts are known by address */
};

/* How far a host's traffic goes; the values are those of our enterprise element hostScope. */
enum scope {
	SCOPE_INTERNET = 1,
	SCOPE_LOCAL = 2,  /* to a far end that is in `not-internet` */
	SCOPE_ROUTER = 3, /* to this machine itself */
};

/*
 * The ledger: each frame that passes a hook falls into exactly one class.
 * To leave a frame out for a new reason is to add a class.
 */
enum ledger_class {
	LEDGER_INTERNET, /* counted to a host, the far end is on the internet */
	LEDGER_LOCAL,	 /* counted to a host, the far end is in `not-internet` or we ourselves */
	LEDGER_MAC_ONLY, /* counted to a MAC: the host's address is not one of `hosts.local` */
	LEDGER_ADDRESS_LIMIT, /* counted to a MAC: the table of hosts was full */
	LEDGER_DEVICE_LIMIT,  /* counted here only: the table of MACs was full, too */
	LEDGER_ROUTER,	      /* SIDE_WAN: our own end is not one of `hosts.local` */
	LEDGER_MULTICAST,     /* IP to many: multicast or broadcast */
	LEDGER_NOT_IP,	      /* ARP, and whatever else does not carry IPv4 or IPv6 */
	LEDGER_MALFORMED,     /* cut short, or an IP header that contradicts itself */
	LEDGER_OUTSIDE, /* SIDE_LAN without MACs: the host's address is not one of `hosts.local` */
	LEDGER_CLASSES,
};

/*
 * A host as one Observation Point sees it. An IPv4 address is written as an IPv4-mapped IPv6 address
 * (RFC 4291, 2.5.5.2). All zero: the address is not told apart (the table of MACs has only such
 * keys); a zero MAC: the host is known by its address alone.
 *
 * The point is a number and not the ifindex, so that the key is 24 octets: the kernel hashes 12 at a
 * time, and compares 8 at a time.
 */
struct meter_key {
	__u8 address[ADDRESS_LEN];
	__u8 mac[MAC_LEN];
	__u16 point; /* POINT_*: flags, and above them the number that the agent gave the point */
};
_Static_assert(sizeof(struct meter_key) == 24, "meter_key is ABI");

#define POINT_IPV6 1   /* the family is IPv6, not IPv4 */
#define POINT_LOCAL 2  /* the scope is SCOPE_LOCAL, not SCOPE_INTERNET, ... */
#define POINT_ROUTER 4 /* ... or SCOPE_ROUTER */
#define POINT_NUMBER_SHIFT 3
#define POINT_NUMBERS (1 << (16 - POINT_NUMBER_SHIFT))

struct traffic {
	__u64 packets;
	__u64 octets;
	__u64 layer2_octets;
	__u32 first_ticks; /* of the kernel's jiffies the lower half; means nothing without packets */
	__u32 last_ticks;
};
_Static_assert(sizeof(struct traffic) == 32, "traffic is ABI");

struct host_traffic {
	struct traffic direction[DIRECTIONS];
};
_Static_assert(sizeof(struct host_traffic) == 64, "host_traffic is ABI");

struct ledger_entry {
	__u64 frames; /* as the kernel passes them: a GSO frame is one */
	__u64 packets;
	__u64 octets;
	__u64 layer2_octets;
};
_Static_assert(sizeof(struct ledger_entry) == 32, "ledger_entry is ABI");

/* What one hook saw. `seen` is counted before a frame is looked at, the classes after. */
struct ledger_sheet {
	struct {
		__u64 frames;
		__u64 skb_octets; /* as the kernel's interface counters take them: a GSO frame's
				     headers once */
		__u64 tagged;	  /* frames whose outer VLAN tag was in the skb's metadata */
	} seen;
	struct ledger_entry classes[LEDGER_CLASSES];
};
_Static_assert(sizeof(struct ledger_sheet) == 24 + 32 * LEDGER_CLASSES, "ledger_sheet is ABI");

/* An entry of the ledger's map. The notes are the classifier's own, on the frame at hand. */
struct ledger_page {
	__u64 notes[16];
	struct ledger_sheet sheet;
};
_Static_assert(sizeof(struct ledger_page) == 128 + sizeof(struct ledger_sheet),
	       "ledger_page is ABI");

/*
 * Two generations of every table: packets are counted in the tables of generation % GENERATIONS,
 * and the agent owns the others. It is one map of one entry, shared by all programs and mapped by
 * the agent.
 */
#define GENERATIONS 2

/*
 * The maps that hold the tables have a second place for each generation, which holds the same table.
 * Kernels of 32 bits put a table at its index in steps of 4 octets, but look for it in steps of 8:
 * bpf_fd_array_map_update_elem() and array_of_map_lookup_elem() in kernel/bpf/arraymap.c.
 */
#define SECOND_PLACE(generation) (2 * (generation))
#define TABLE_PLACES (SECOND_PLACE(GENERATIONS - 1) + 1)
_Static_assert(GENERATIONS == 2, "no second place is another generation's first one");

struct meter_control {
	__u32 layout; /* METER_LAYOUT */
	__u32 reserved;
	__u64 identity;	  /* random: which tables these are, among those that there have been */
	__u64 generation; /* the active one; only the agent writes it */
	__u64 exported;	  /* the newest generation whose deltas have been handed to all outputs */
};
_Static_assert(sizeof(struct meter_control) == 32, "meter_control is ABI");

/*
 * Longest-prefix keys. `length` counts the bits that follow it; the words before the address are always
 * part of the prefix, so that each point and each family has a list of its own.
 */
struct local_prefix {
	__u32 length;
	__u32 point; /* its number */
	__u32 ip_version;
	__u8 address[ADDRESS_LEN];
};
_Static_assert(sizeof(struct local_prefix) == 28, "local_prefix is ABI");

struct scope_prefix {
	__u32 length;
	__u32 ip_version;
	__u8 address[ADDRESS_LEN];
};
_Static_assert(sizeof(struct scope_prefix) == 24, "scope_prefix is ABI");

/* What a prefix of `bits` bits of the address has in `length`. */
#define LOCAL_PREFIX_LENGTH(bits) (64u + (bits))
#define SCOPE_PREFIX_LENGTH(bits) (32u + (bits))

/*
 * The scope of most far ends follows from the first two octets of their address, IPv4 or IPv6, by
 * one load; only where a prefix is longer than 16 bits must the trie be asked.
 */
enum scope_hint {
	HINT_INTERNET,
	HINT_LOCAL,
	HINT_ASK_TRIE,
};

#define SCOPE_HINTS (1 << 16)

struct scope_hints {
	__u8 ipv4[SCOPE_HINTS]; /* enum scope_hint, indexed by the octets as they lie in memory */
	__u8 ipv6[SCOPE_HINTS];
};
/* The map has them word by word, so that the classifier can look one up. */
#define SCOPE_HINT_WORDS (sizeof(struct scope_hints) / sizeof(__u64))

#endif
