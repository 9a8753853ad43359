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

#define METER_LAYOUT 9

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
	LEDGER_OUTSIDE,	 /* SIDE_LAN without MACs: the host's address is not one of `hosts.local` */
	LEDGER_NO_HOSTS, /* only flows are metered there */
	LEDGER_CLASSES,
};

/* The same for flows, which are metered beside hosts: here too a frame falls into exactly one class. */
enum flow_class {
	FLOW_COUNTED,	/* to a flow */
	FLOW_ELSEWHERE, /* not here: it passes through, and is counted where it leaves */
	FLOW_LIMIT,	/* here only: there was no room in the table of flows */
	FLOW_NOT_IP,
	FLOW_MALFORMED,
	FLOW_UNSAMPLED, /* to no flow, as flows are sampled */
	FLOW_CLASSES,
};

/* What one of N is taken of. */
enum flow_sampling {
	SAMPLE_PACKETS, /* each by chance */
	SAMPLE_FLOWS,	/* all packets of some conversations, both directions, at all points */
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

/* What an Observation Point meters. */
enum meter {
	METER_HOSTS = 1,
	METER_FLOWS = 2,
	METER_SIZES = 4,   /* of packets */
	METER_LATENCY = 8, /* of what passes through this machine */
	METER_ALL = 15,
};

/* The packets that belong to flows: those which ... */
enum flows_at {
	FLOWS_ENTERING = 1, /* ... come in, all of them; */
	FLOWS_STAYING = 2,  /* of these, the ones that are for this machine, or for many; */
	FLOWS_LEAVING = 4,  /* ... go out. With the last two a packet is counted once on its way. */
};

/* `flows.key`: what tells one flow from another. */
enum flow_key_part {
	FLOW_BY_INTERFACES = 1,
	FLOW_BY_ADDRESSES = 2,
	FLOW_BY_PROTOCOL = 4,
	FLOW_BY_PORTS = 8,
	FLOW_BY_ICMP = 16,
	FLOW_BY_TRAFFIC_CLASS = 32,
	FLOW_BY_MARK = 64,
	FLOW_BY_VLAN = 128,
	FLOW_BY_ALL = 255,
};

/*
 * A flow (RFC 7011, 2) as one Observation Point sees it: the keys of IPv4 and of IPv6 flows, which have
 * tables of their own, begin alike. What `flows.key` leaves out is 0.
 */
struct flow_key_start {
	__be16 source_port;	 /* of TCP, UDP, UDP-Lite, SCTP and DCCP */
	__be16 destination_port; /* of ICMP, type and code: as element 32 or 139 has them */
	__u8 protocol;
	__u8 traffic_class;  /* without the two bits of ECN, which come and go within a flow */
	__u16 point;	     /* POINT_EGRESS, and above it the number of the point */
	__u32 other_ifindex; /* where a frame came in that is seen as it leaves; 0: it is our own */
	__u32 mark;
};
_Static_assert(sizeof(struct flow_key_start) == 16, "flow_key_start is ABI");

#define POINT_EGRESS 1

/* The ids of the outermost tag and of the next; 0: there is none. */
struct flow_key_tags {
	__u16 vlan;
	__u16 customer_vlan;
};

struct flow_key_ipv4 {
	struct flow_key_start start;
	__be32 source;
	__be32 destination;
	struct flow_key_tags tags;
};
_Static_assert(sizeof(struct flow_key_ipv4) == 28, "flow_key_ipv4 is ABI");

struct flow_key_ipv6 {
	struct flow_key_start start;
	__be32 source[4];
	__be32 destination[4];
	struct flow_key_tags tags;
};
_Static_assert(sizeof(struct flow_key_ipv6) == 52, "flow_key_ipv6 is ABI");

/* What is told of a flow, beside its key and its times. */
struct flow_attributes {
	__u32 min_octets; /* of a packet, in IP octets: elements 25 and 26 */
	__u32 max_octets;
	__u16 tcp_flags; /* of all packets: element 6 */
	__u8 min_ttl;	 /* elements 52 and 53 */
	__u8 max_ttl;
	__u32 fragment_id;	       /* the rest is of the first packet: element 54, */
	__u32 flow_label;	       /* 31, */
	__u8 source_mac[MAC_LEN];      /* 56 and */
	__u8 destination_mac[MAC_LEN]; /* 80 */
};
_Static_assert(sizeof(struct flow_attributes) == 32, "flow_attributes is ABI");

/* What each packet changes stands first, so that it is in few cache lines. */
struct flow_traffic {
	__u64 packets;
	__u64 octets;
	__u64 layer2_octets;
	__u32 last_ticks; /* as in struct traffic */
	struct flow_attributes attributes;
	__u32 first_ticks;
};
_Static_assert(sizeof(struct flow_traffic) == 64, "flow_traffic is ABI");

/*
 * An entry of a table of flows, where it stands under a digest of its key: the kernel takes longer to hash
 * and to compare the key itself. The classifier compares that, too. Without packets it is anybody's; with
 * packets it is not found by another flow of the same digest, which is counted as FLOW_LIMIT.
 *
 * The digest is the sum, modulo 2^64, of a product for each word of the key, that of its halves, to each of
 * which a secret number has been added (Lemire and Kaser, Strongly universal string hashing is fast, 2014).
 * If in two keys one half of a word differs, by d, then their digests differ by d times the secret which was
 * added to the other half, and by what this secret does not change. As d has 32 bits, that comes to 0 for one
 * secret in 2^33 at most, also if somebody chose the keys who does not know the secrets.
 */
struct flow_ipv4 {
	struct flow_key_ipv4 key;
	__u32 reserved;
	struct flow_traffic traffic;
};
_Static_assert(sizeof(struct flow_ipv4) == 96, "flow_ipv4 is ABI");

struct flow_ipv6 {
	struct flow_key_ipv6 key;
	__u32 reserved;
	struct flow_traffic traffic;
};
_Static_assert(sizeof(struct flow_ipv6) == 120, "flow_ipv6 is ABI");

/* Of 8 octets, in a key. */
#define FLOW_WORDS_IPV4 4
#define FLOW_WORDS_IPV6 7

/*
 * The first fragment of a packet has its ports; where they are known, those of the later ones are told
 * from it.
 */
struct fragment_key {
	__u8 source[ADDRESS_LEN];
	__u8 destination[ADDRESS_LEN];
	__u32 id;
	__u16 point; /* as in struct flow_key_start */
	__u8 protocol;
	__u8 ip_version;
};
_Static_assert(sizeof(struct fragment_key) == 40, "fragment_key is ABI");

struct fragment_ports {
	__be16 source;
	__be16 destination;
};

/*
 * What left through an interface by the one it came in by, or came in and was for us: the key of an
 * entry for a pair of interfaces.
 */
struct pair_key {
	__u32 point;	     /* as in struct flow_key_start */
	__u32 other_ifindex; /* the same */
};
_Static_assert(sizeof(struct pair_key) == 8, "pair_key is ABI");

struct pair_traffic {
	/* FLOW_LIMIT, by pair */
	__u64 limit_packets;
	__u64 limit_octets;
	__u64 limit_layer2_octets;
	/* From where a frame came in to where it left; a GSO frame is one. */
	__u64 latency_ns;
	__u64 latency_frames;
};
_Static_assert(sizeof(struct pair_traffic) == 40, "pair_traffic is ABI");

/*
 * When a frame came in: an entry of a table which each CPU has, as it is done with a frame before it
 * turns to others, but for the few that the driver has handed over together with it.
 */
struct stamp {
	__u64 identity; /* of the frame, whatever is changed on its way; 0: it has left */
	__u64 ns;	/* CLOCK_MONOTONIC */
};
_Static_assert(sizeof(struct stamp) == 16, "stamp is ABI");

#define STAMP_BITS 10
#define STAMPS (1 << STAMP_BITS)

/*
 * Packets by their size in frame octets, as in layer2_octets: up to each of the bounds, of which the last
 * two are the longest tagged frame and the longest jumbo frame, and above them.
 */
#define PACKET_SIZE_BOUNDS 64, 128, 256, 512, 1024, 1518, 9018
#define PACKET_SIZES 8

struct packet_sizes {
	__u64 packets[PACKET_SIZES];
	__u64 layer2_octets; /* of all */
};
_Static_assert(sizeof(struct packet_sizes) == 72, "packet_sizes is ABI");

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
	struct ledger_entry flow_classes[FLOW_CLASSES];
	struct packet_sizes sizes;
};
_Static_assert(sizeof(struct ledger_sheet) == 24 + 32 * (LEDGER_CLASSES + FLOW_CLASSES) + 72,
	       "ledger_sheet is ABI");

/* An entry of the ledger's map. The notes are the classifier's own, on the frame at hand. */
struct ledger_page {
	__u64 notes[48];
	struct ledger_sheet sheet;
};
_Static_assert(sizeof(struct ledger_page) == 384 + sizeof(struct ledger_sheet),
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

/*
 * Each CPU has tables of flows of its own, so that to count is to update a plain hash. Their places are
 * odd, so that none is another's second place.
 */
#define FLOW_PLACE(generation, cpu) (2 * ((generation) + GENERATIONS * (cpu)) + 1)
#define FLOW_PLACES(cpus) (SECOND_PLACE(FLOW_PLACE(GENERATIONS - 1, (cpus)-1)) + 1)

struct meter_control {
	__u32 layout; /* METER_LAYOUT */
	__u32 reserved;
	__u64 identity;	  /* random: which tables these are, among those that there have been */
	__u64 generation; /* the active one; only the agent writes it */
	__u64 exported;	  /* the newest generation whose deltas have been handed to all outputs */
	__u64 secrets[2 *
		      FLOW_WORDS_IPV6]; /* random, as long as the tables are there: for digests */
	__u64 apart[6];	   /* what is read for each packet is not in one cache line with ... */
	__u64 flows_added; /* ... the number of entries that were ever made in tables of flows */
};
_Static_assert(sizeof(struct meter_control) == 200, "meter_control is ABI");

/*
 * Longest-prefix keys. `length` counts the bits that follow it; the words before the address are always
 * part of the prefix, so that each point and each family has a list of its own.
 */
struct local_prefix {
	__u32 length;
	__u32 point; /* its number, or that of a network namespace whose own addresses these are */
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
