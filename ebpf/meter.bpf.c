/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The classifier: one instance an interface, at its ingress and at its egress.
 *
 * It only observes. Whatever it sees it returns TC_ACT_UNSPEC, so that the frame goes on to the
 * next filter as if we were not there.
 *
 * Each table stands twice. The generation is read once a frame and picks the tables which this
 * frame is counted in; when the agent has advanced it and a grace period has passed, nothing writes
 * to the other tables any more, and they can be read and emptied at leisure without losing a
 * packet.
 *
 * The tables are per CPU, so that counting takes no atomic operation and no CPU waits for another.
 *
 * To load it takes CAP_BPF and CAP_NET_ADMIN. Where CAP_PERFMON is missing the kernel guards against
 * what a CPU does speculatively, and asks more of the code, here and in parse.bpf.h:
 *   - To a pointer, whether into the frame or into a map, constants alone are added. So headers are
 *     read in place only where they mostly are, each class of the ledger has its own code, and hints
 *     of scope are looked up.
 *   - An octet of the stack is read only where all paths have written it, and behind each store to
 *     one that was not in use the kernel puts a barrier, which costs some 10 ns. So what is known of
 *     a frame is noted in a map.
 *   - Of a branch both ways are followed, also where only one can be taken. So loops are unrolled:
 *     those ways would go round for ever.
 * The compiler knows nothing of this; what it is not to see stands in an asm statement.
 */
#include "parse.bpf.h"

#include <linux/pkt_cls.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * The agent makes all maps (agent/kernel/cache.c, agent/kernel/scope.c), sets their sizes there and hands them to
 * each instance; what stands here is only what the verifier needs to know.
 *
 * A section of variables is a map, too, an array of one entry, and is read without a lookup.
 */
volatile struct meter_control control SEC(".data.control");

/* By which the own addresses of the point's network namespace are found among local_prefixes; 0: they are those of
 * SCOPE_ROUTER, as it is the agent's. */
const volatile __u32 point_home;

#include "flow.bpf.h"
#include "pairs.bpf.h"
#include "sizes.bpf.h"

struct host_table {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct meter_key));
	__uint(value_size, sizeof(struct host_traffic));
};

/* Devices x addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TABLE_PLACES);
	__type(key, __u32);
	__array(values, struct host_table);
} hosts SEC(".maps");

/* Devices: where the table of hosts is full, and for addresses that are not told apart. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TABLE_PLACES);
	__type(key, __u32);
	__array(values, struct host_table);
} macs SEC(".maps");

/* Of this interface alone; indexed by page_index(). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GENERATIONS *HOOKS);
	__type(key, __u32);
	__type(value, struct ledger_page);
} ledger SEC(".maps");

/* hosts.local, and the own addresses of network namespaces but for the agent's */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct local_prefix);
	__type(value, __u8);
} local_prefixes SEC(".maps");

/* hosts.not-internet, and the machine's own addresses; the value is an enum scope. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct scope_prefix);
	__type(value, __u8);
} scope_prefixes SEC(".maps");

/* Of all, struct scope_hints. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SCOPE_HINT_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} scope_hints SEC(".maps");

/*
 * What is known of the frame at hand, and the keys that are made of it. No other frame comes between:
 * on one CPU, a hook has one at a time, since it runs with softirqs off.
 */
struct notes {
	struct packet packet;
	__u32 generation;
	__u32 hint_word;
	struct local_prefix local_prefix;
	struct scope_prefix scope_prefix;
	bool local; /* the near end; only known if its address has no entry */
	struct flow_notes flow;
	struct pair_notes pair;
};
_Static_assert(sizeof(struct notes) <= sizeof(((struct ledger_page *)0)->notes),
	       "a page has room for the notes");

static __always_inline struct notes *notes_on(struct ledger_page *page)
{
	return (struct notes *)page->notes;
}

static const struct host_traffic no_traffic;

/* The octet at @place in memory. */
static __always_inline __u8 octet_of(__u64 word, __u32 place)
{
	return bpf_be64_to_cpu(word) >> 8 * (sizeof(word) - 1 - place);
}

static __always_inline bool is_local(struct notes *notes)
{
	struct local_prefix *prefix = &notes->local_prefix;

	prefix->length = LOCAL_PREFIX_LENGTH(8 * ADDRESS_LEN);
	prefix->point = point_number;
	prefix->ip_version = notes->packet.ip_version;
	__builtin_memcpy(prefix->address, notes->packet.near.key.address, ADDRESS_LEN);
	return bpf_map_lookup_elem(&local_prefixes, prefix);
}

/* Few frames come here, so the address is read once more rather than kept for all. 0: it is in @address. */
static __always_inline int load_address(struct __sk_buff *skb, const struct notes *notes,
					const struct address_place *place, __u8 *address)
{
	int result;

	if (notes->packet.ip_version == 4) {
		__builtin_memset(address, 0, 10);
		__builtin_memset(address + 10, 0xff, 2);
		result = bpf_skb_load_bytes(skb, place->offset, address + 12, 4);
		keep_apart(4);
	} else {
		result = bpf_skb_load_bytes(skb, place->offset, address, ADDRESS_LEN);
		keep_apart(6);
	}
	return result;
}

static __always_inline enum scope ask_trie(struct __sk_buff *skb, struct notes *notes,
					   const struct address_place *place)
{
	struct scope_prefix *prefix = &notes->scope_prefix;
	const __u8 *scope = NULL;

	prefix->length = SCOPE_PREFIX_LENGTH(8 * ADDRESS_LEN);
	prefix->ip_version = notes->packet.ip_version;
	if (!load_address(skb, notes, place, prefix->address))
		scope = bpf_map_lookup_elem(&scope_prefixes, prefix);
	return scope ? *scope : SCOPE_INTERNET;
}

static __always_inline enum scope_hint hint_of(struct notes *notes,
					       const struct address_place *place)
{
	__u32 hint = place->start + (notes->packet.ip_version == 4 ? 0 : SCOPE_HINTS);
	const __u64 *hints;

	notes->hint_word = hint / sizeof(*hints);
	hints = bpf_map_lookup_elem(&scope_hints, &notes->hint_word);
	return hints ? octet_of(*hints, hint % sizeof(*hints)) : HINT_INTERNET;
}

static __always_inline enum scope scope_of(struct __sk_buff *skb, struct notes *notes,
					   const struct address_place *place)
{
	switch (hint_of(notes, place)) {
	case HINT_INTERNET:
		return SCOPE_INTERNET;
	case HINT_LOCAL:
		return SCOPE_LOCAL;
	default:
		return ask_trie(skb, notes, place);
	}
}

static __always_inline void count(struct host_traffic *host, struct variant variant,
				  const struct packet *packet)
{
	struct traffic *traffic =
		&host->direction[is_upload(variant) ? DIRECTION_UPLOAD : DIRECTION_DOWNLOAD];
	/* The one clock that is a load and no call; agent/kernel/ticks.h turns it into nanoseconds. */
	__u32 now = (__u32)bpf_jiffies64();

	if (!traffic->packets)
		traffic->first_ticks = now;
	traffic->last_ticks = now;
	traffic->packets += packet->packets;
	traffic->octets += packet->octets;
	traffic->layer2_octets += packet->layer2_octets;
}

/* NULL: the table is full. */
static __always_inline struct host_traffic *add_host(void *table, const struct meter_key *key)
{
	/* Another CPU may win the race to insert: look up again either way. */
	bpf_map_update_elem(table, key, &no_traffic, BPF_NOEXIST);
	return bpf_map_lookup_elem(table, key);
}

/* False: the device has no MAC, or there was no room for it. */
static __always_inline bool count_mac(struct notes *notes, struct variant variant)
{
	union key_words *near = &notes->packet.near;
	struct host_traffic *host;
	void *table;

	if (!has_mac(variant))
		return false;
	table = bpf_map_lookup_elem(&macs, &notes->generation);
	if (!table)
		return false;
	near->address[0] = near->address[1] = 0;
	host = bpf_map_lookup_elem(table, &near->key);
	if (!host)
		host = add_host(table, &near->key);
	if (!host)
		return false;
	count(host, variant, &notes->packet);
	return true;
}

/* @class is a constant. */
static __always_inline void count_class(struct ledger_sheet *sheet, enum ledger_class class,
					const struct packet *packet)
{
	struct ledger_entry *entry = &sheet->classes[class];

	entry->frames++;
	entry->packets += packet->packets;
	entry->octets += packet->octets;
	entry->layer2_octets += packet->layer2_octets;
	keep_apart(class);
}

/* The part of the key that is not in the frame, at its place in key_words.mac_point. */
static __always_inline __u64 point_of(const struct packet *packet, enum scope scope)
{
	__u16 point = point_number << POINT_NUMBER_SHIFT;

	if (packet->ip_version == 6)
		point |= POINT_IPV6;
	if (scope == SCOPE_LOCAL)
		point |= POINT_LOCAL;
	else if (scope == SCOPE_ROUTER)
		point |= POINT_ROUTER;
	return ((union joined){ .halves = { [3] = point } }).whole;
}

static __always_inline void count_host(struct __sk_buff *skb, struct ledger_page *page,
				       struct variant variant)
{
	struct ledger_sheet *sheet = &page->sheet;
	struct notes *notes = notes_on(page);
	struct packet *packet = &notes->packet;
	struct host_traffic *host;
	enum scope scope;
	void *table;

	scope = scope_of(skb, notes, &packet->far);
	packet->near.mac_point |= point_of(packet, scope);
	table = bpf_map_lookup_elem(&hosts, &notes->generation);
	if (!table) {
		count_class(sheet, LEDGER_DEVICE_LIMIT, packet);
		return;
	}
	host = bpf_map_lookup_elem(table, &packet->near.key);
	if (!host) {
		/* Only now does it matter whether the address may have an entry: most are there. */
		notes->local = is_local(notes);
		if (notes->local)
			host = add_host(table, &packet->near.key);
	}
	if (host) {
		count(host, variant, packet);
		if (packet->near.key.point & (POINT_LOCAL | POINT_ROUTER))
			count_class(sheet, LEDGER_LOCAL, packet);
		else
			count_class(sheet, LEDGER_INTERNET, packet);
	} else if (count_mac(notes, variant)) {
		if (notes->local)
			count_class(sheet, LEDGER_ADDRESS_LIMIT, packet);
		else
			count_class(sheet, LEDGER_MAC_ONLY, packet);
	} else if (notes->local || has_mac(variant)) {
		count_class(sheet, LEDGER_DEVICE_LIMIT, packet);
	} else if (variant.side == SIDE_WAN) {
		count_class(sheet, LEDGER_ROUTER, packet);
	} else {
		count_class(sheet, LEDGER_OUTSIDE, packet);
	}
}

/* @class is a constant. */
static __always_inline void count_flow_class(struct ledger_sheet *sheet, enum flow_class class,
					     const struct packet *packet)
{
	struct ledger_entry *entry = &sheet->flow_classes[class];

	entry->frames++;
	entry->packets += packet->packets;
	entry->octets += packet->octets;
	entry->layer2_octets += packet->layer2_octets;
	keep_apart(LEDGER_CLASSES + class);
}

/* Whether it is an own address of the namespace that the point is in. */
static __always_inline bool is_own(struct __sk_buff *skb, struct notes *notes,
				   const struct address_place *place)
{
	struct local_prefix *prefix = &notes->local_prefix;

	if (!point_home)
		return scope_of(skb, notes, place) == SCOPE_ROUTER;
	if (hint_of(notes, place) != HINT_ASK_TRIE)
		return false;
	prefix->length = LOCAL_PREFIX_LENGTH(8 * ADDRESS_LEN);
	prefix->point = point_home;
	prefix->ip_version = notes->packet.ip_version;
	return !load_address(skb, notes, place, prefix->address) &&
	       bpf_map_lookup_elem(&local_prefixes, prefix);
}

/* Whether the packet is one of those that belong to flows. */
static __always_inline bool is_flow_here(struct __sk_buff *skb, struct notes *notes, enum hook hook)
{
	if (hook == HOOK_EGRESS)
		return point_flows_at & FLOWS_LEAVING;
	if (point_flows_at & FLOWS_ENTERING)
		return true;
	if (!(point_flows_at & FLOWS_STAYING))
		return false;
	if (notes->packet.multicast)
		return true;
	find_destination(&notes->packet, hook, &notes->flow.destination);
	return is_own(skb, notes, &notes->flow.destination);
}

static __always_inline void meter_flow_at(struct __sk_buff *skb, struct ledger_page *page,
					  enum hook hook)
{
	struct notes *notes = notes_on(page);

	if (!is_flow_here(skb, notes, hook)) {
		count_flow_class(&page->sheet, FLOW_ELSEWHERE, &notes->packet);
		return;
	}
	if (samples(SAMPLE_PACKETS) && !is_packet_chosen()) {
		count_flow_class(&page->sheet, FLOW_UNSAMPLED, &notes->packet);
		return;
	}
	notes->packet.flow.place = FLOW_PLACE(notes->generation, bpf_get_smp_processor_id());
	note_flow(skb, &notes->packet);
	forget(page);
	notes = notes_on(page);
	switch (count_flow(skb, &notes->packet, &notes->flow, hook)) {
	case FLOW_COUNTED:
		count_flow_class(&page->sheet, FLOW_COUNTED, &notes->packet);
		break;
	case FLOW_UNSAMPLED:
		count_flow_class(&page->sheet, FLOW_UNSAMPLED, &notes->packet);
		break;
	default:
		count_limit(skb, &notes->packet, &notes->pair, hook, notes->generation);
		count_flow_class(&page->sheet, FLOW_LIMIT, &notes->packet);
	}
}

/* Each hook has its own, so that the kernel need not follow both ways, nor keep on the stack which it is. */
static __noinline int meter_flow_ingress(struct __sk_buff *skb, struct ledger_page *page)
{
	meter_flow_at(skb, page, HOOK_INGRESS);
	return 0;
}

static __noinline int meter_flow_egress(struct __sk_buff *skb, struct ledger_page *page)
{
	meter_flow_at(skb, page, HOOK_EGRESS);
	return 0;
}

static __always_inline void meter_flow(struct __sk_buff *skb, struct ledger_page *page,
				       enum hook hook)
{
	if (hook == HOOK_INGRESS)
		meter_flow_ingress(skb, page);
	else
		meter_flow_egress(skb, page);
}

static __noinline int meter_latency(struct __sk_buff *skb, struct ledger_page *page, __u32 hook)
{
	struct notes *notes = notes_on(page);

	if (!notes->packet.multicast)
		measure_latency(skb, &notes->packet, &notes->pair, hook, notes->generation);
	return 0;
}

static __noinline int meter_sizes(struct ledger_page *page)
{
	count_sizes(&notes_on(page)->packet, &page->sheet.sizes);
	return 0;
}

/* The packet as those see it to whom it is no IP. */
static __always_inline void forget_ip(struct __sk_buff *skb, enum hook hook, struct packet *packet)
{
	begin_packet(packet, context(skb, len) + metadata_tag_len(skb));
	if (context(skb, gso_size))
		count_opaque_segments(skb, hook, packet);
}

static __always_inline void meter_as(struct __sk_buff *skb, struct ledger_page *page,
				     struct variant variant)
{
	struct ledger_sheet *sheet = &page->sheet;
	struct packet *packet;

	/* Else addresses would be computed once for all variants, and be on the stack until then. */
	asm volatile("" : "+r"(page));
	packet = &notes_on(page)->packet;
	switch (parse_packet(skb, variant, packet)) {
	case PARSED_IP:
		if (meters_latency())
			meter_latency(skb, page, variant.hook);
		if (meters_flows())
			meter_flow(skb, page, variant.hook);
		if (packet->multicast)
			count_class(sheet, LEDGER_MULTICAST, packet);
		else if (meters_hosts())
			count_host(skb, page, variant);
		else
			count_class(sheet, LEDGER_NO_HOSTS, packet);
		break;
	case PARSED_SHIM_IP:
		if (meters_flows())
			meter_flow(skb, page, variant.hook);
		forget_ip(skb, variant.hook, packet);
		count_class(sheet, LEDGER_NOT_IP, packet);
		break;
	case PARSED_NOT_IP:
		if (meters_flows())
			count_flow_class(sheet, FLOW_NOT_IP, packet);
		count_class(sheet, LEDGER_NOT_IP, packet);
		break;
	case PARSED_SHIM_MALFORMED:
		if (meters_flows())
			count_flow_class(sheet, FLOW_MALFORMED, packet);
		count_class(sheet, LEDGER_NOT_IP, packet);
		break;
	default:
		if (meters_flows())
			count_flow_class(sheet, FLOW_MALFORMED, packet);
		count_class(sheet, LEDGER_MALFORMED, packet);
	}
	if (meters_sizes())
		meter_sizes(page);
}

/* A key, which here too is in a map and not on the stack. */
static __always_inline const __u32 *page_index(__u32 generation, enum hook hook)
{
	static const __u32 even[HOOKS] = { 0, 1 };
	static const __u32 odd[HOOKS] = { HOOKS, HOOKS + 1 };

	return generation ? &odd[hook] : &even[hook];
}

static __always_inline int meter(struct __sk_buff *skb, enum hook hook)
{
	__u32 generation = control.generation % GENERATIONS;
	struct ledger_page *page = bpf_map_lookup_elem(&ledger, page_index(generation, hook));
	__u64 len = context(skb, len), tag_len = metadata_tag_len(skb);

	if (!page)
		return TC_ACT_UNSPEC;
	page->sheet.seen.frames++;
	page->sheet.seen.skb_octets += len;
	if (tag_len)
		page->sheet.seen.tagged++;
	notes_on(page)->generation = generation;
	begin_packet(&notes_on(page)->packet, len + tag_len);

	/* The code stands there once for each variant; the kernel removes those that are not asked for. */
	if (point_layer == LINK_ETHERNET) {
		if (point_side == SIDE_LAN)
			meter_as(skb, page, (struct variant){ SIDE_LAN, LINK_ETHERNET, hook });
		else
			meter_as(skb, page, (struct variant){ SIDE_WAN, LINK_ETHERNET, hook });
	} else {
		if (point_side == SIDE_LAN)
			meter_as(skb, page, (struct variant){ SIDE_LAN, LINK_IP, hook });
		else
			meter_as(skb, page, (struct variant){ SIDE_WAN, LINK_IP, hook });
	}
	return TC_ACT_UNSPEC;
}

SEC("tc")
int flowtally_ingress(struct __sk_buff *skb)
{
	return meter(skb, HOOK_INGRESS);
}

SEC("tc")
int flowtally_egress(struct __sk_buff *skb)
{
	return meter(skb, HOOK_EGRESS);
}
