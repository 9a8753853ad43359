/* SPDX-License-Identifier: Apache-2.0 */
#include "flows.h"

#include <string.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/error.h"

#define NONE UINT32_MAX
#define MIN_CAPACITY 1024
#define MAX_FLOWS (1u << 30)

/* How many flows are fetched from memory at a time: to wait for one after the other takes many times as long. */
#define AT_ONCE 16
#define CACHE_LINE 64

/* The clock was set if it differs by more than this. */
#define CLOCK_STEP_NS 1000000000

/*
 * Each flow is in one of the first three, and in LIST_DUE while it has packets to report. All are kept in the
 * order of the sweeps in which a flow was last active, or has had its first packet to report.
 */
typedef enum {
	LIST_ONCE,   /* active in one sweep only */
	LIST_AGAIN,  /* in more */
	LIST_ENDING, /* FIN or RST has been seen; those of connections that go on do not stay */
	LIST_DUE,
	LISTS,
} List;
#define LIST_FREE LISTS

/* By what a list is linked. */
typedef enum {
	ORDER_ACTIVITY,
	ORDER_START,
	ORDERS,
} Order;

typedef struct {
	uint32_t first;
	uint32_t last;
	uint32_t n;
} Ends;

typedef struct {
	uint32_t previous;
	uint32_t next;
} Links;

/* What must be touched to find a flow and to move it, apart from its record and small, for the CPU's caches. */
typedef struct {
	uint32_t hash;
	uint32_t next; /* in the bucket, or of those that are free */
	Links links[ORDERS];
	uint16_t sweep[ORDERS];	   /* the lower half of its number */
	uint8_t tcp_flags;	   /* of all packets, if it is a connection */
	uint8_t reverse_tcp_flags; /* as far as they are known */
	uint8_t list;
	bool is_due; /* it is in LIST_DUE */
} Node;
_Static_assert(sizeof(Node) == 32, "two nodes fill a cache line");

/* There are fewer than two buckets to a flow. */
_Static_assert(sizeof(Node) + sizeof(FlowRecord) + 2 * sizeof(uint32_t) <= FLOW_OCTETS,
	       "FLOW_OCTETS is what the header says");

/* No time by which a list is ordered is earlier, of those that have their place by one sweep. */
typedef struct {
	uint64_t ms[ORDERS];
} Earliest;

/* Nodes and records have the same indexes. */
struct Flows {
	Node *nodes;
	FlowRecord *records;
	uint32_t *buckets; /* the first node in each */
	unsigned int bucket_bits;
	uint32_t capacity;
	uint32_t used; /* indexes below have been used, and ... */
	uint32_t free; /* ... are in this list if they are not now */
	uint32_t count;
	uint32_t max;
	bool in_pairs;
	Ends lists[LISTS];
	uint16_t sweep;
	GArray *earliest; /* of Earliest: of this sweep, and before it those of which flows are left */
	uint64_t changes;
	uint64_t now_ms;	 /* of the last sweep */
	int64_t epoch_offset_ns; /* of the last delta, 0: there was none */
	FlowSeed seed;
};

struct flow_row {
	struct flow_key key;
	Volume volume;
	uint64_t start_ms;
	uint64_t end_ms;
	struct flow_attributes attributes;
	uint8_t tcp_flags;
	uint8_t reverse_tcp_flags;
	uint8_t list;
	uint8_t role;
	uint8_t reserved[4];
};
_Static_assert(sizeof(struct flow_row) == 136, "flow_row is on disk");

static Order order_of(List list)
{
	return list == LIST_DUE ? ORDER_START : ORDER_ACTIVITY;
}

/* What points to @index from the one side, and ... */
static uint32_t *link_before(Flows *flows, List list, const Links *links)
{
	return links->previous == NONE ? &flows->lists[list].first :
					 &flows->nodes[links->previous].links[order_of(list)].next;
}

/* ... from the other. */
static uint32_t *link_after(Flows *flows, List list, const Links *links)
{
	return links->next == NONE ? &flows->lists[list].last :
				     &flows->nodes[links->next].links[order_of(list)].previous;
}

static void append(Flows *flows, List list, uint32_t index)
{
	Links *links = &flows->nodes[index].links[order_of(list)];

	*links = (Links){ flows->lists[list].last, NONE };
	*link_before(flows, list, links) = index;
	flows->lists[list].last = index;
	flows->lists[list].n++;
	flows->nodes[index].sweep[order_of(list)] = flows->sweep;
}

static void unlink_from(Flows *flows, List list, uint32_t index)
{
	const Links *links = &flows->nodes[index].links[order_of(list)];

	*link_before(flows, list, links) = links->next;
	*link_after(flows, list, links) = links->previous;
	flows->lists[list].n--;
}

static void move(Flows *flows, List list, uint32_t index)
{
	unlink_from(flows, flows->nodes[index].list, index);
	flows->nodes[index].list = (uint8_t)list;
	append(flows, list, index);
}

/* NULL: that is not known any more. */
static Earliest *earliest_of(const Flows *flows, uint16_t sweep)
{
	uint16_t age = (uint16_t)(flows->sweep - sweep);

	return age < flows->earliest->len ?
		       &g_array_index(flows->earliest, Earliest, flows->earliest->len - 1 - age) :
		       NULL;
}

static void note_time(Flows *flows, Order order, uint64_t time_ms)
{
	uint64_t *earliest_ms = &earliest_of(flows, flows->sweep)->ms[order];

	*earliest_ms = MIN(*earliest_ms, time_ms);
}

static void begin_sweep(Flows *flows)
{
	static const List lists[] = { LIST_ONCE, LIST_AGAIN, LIST_DUE };
	const Earliest none = { { UINT64_MAX, UINT64_MAX } };
	guint wanted = 1;

	flows->sweep++;
	g_array_append_val(flows->earliest, none);
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
		uint32_t first = flows->lists[lists[i]].first;
		uint16_t sweep = first == NONE ? flows->sweep :
						 flows->nodes[first].sweep[order_of(lists[i])];

		wanted = MAX(wanted, (guint)(uint16_t)(flows->sweep - sweep) + 1);
	}
	if (flows->earliest->len > wanted)
		g_array_remove_range(flows->earliest, 0, flows->earliest->len - wanted);
}

/* Those of the two directions are neighbours. */
static uint32_t *bucket_of(const Flows *flows, uint32_t hash)
{
	return &flows->buckets[hash >> (33 - flows->bucket_bits) << 1 | (hash & 1)];
}

static void put_in_bucket(Flows *flows, uint32_t index)
{
	uint32_t *bucket = bucket_of(flows, flows->nodes[index].hash);

	flows->nodes[index].next = *bucket;
	*bucket = index;
}

static void take_from_bucket(Flows *flows, uint32_t index)
{
	uint32_t *link = bucket_of(flows, flows->nodes[index].hash);

	while (*link != index)
		link = &flows->nodes[*link].next;
	*link = flows->nodes[index].next;
}

static void set_capacity(Flows *flows, uint32_t capacity)
{
	flows->nodes = g_renew(Node, flows->nodes, capacity);
	flows->records = g_renew(FlowRecord, flows->records, capacity);
	flows->capacity = capacity;
	flows->bucket_bits = 2;
	while (1u << flows->bucket_bits < capacity)
		flows->bucket_bits++;
	g_free(flows->buckets);
	flows->buckets = g_new(uint32_t, (size_t)1 << flows->bucket_bits);
	memset(flows->buckets, 0xff, sizeof(uint32_t) << flows->bucket_bits); /* NONE */
	for (uint32_t i = 0; i < flows->used; i++) {
		if (flows->nodes[i].list != LIST_FREE)
			put_in_bucket(flows, i);
	}
}

Flows *flows_new(uint32_t max)
{
	Flows *flows = g_new0(Flows, 1);

	flow_seed_init(&flows->seed);
	flows_set_max(flows, max);
	flows->free = NONE;
	for (int list = 0; list < LISTS; list++)
		flows->lists[list] = (Ends){ NONE, NONE, 0 };
	set_capacity(flows, MIN(flows->max, MIN_CAPACITY));
	flows->earliest = g_array_new(FALSE, FALSE, sizeof(Earliest));
	begin_sweep(flows);
	return flows;
}

void flows_free(Flows *flows)
{
	if (!flows)
		return;
	g_free(flows->nodes);
	g_free(flows->records);
	g_free(flows->buckets);
	g_array_unref(flows->earliest);
	g_free(flows);
}

void flows_set_pairs(Flows *flows, bool wanted)
{
	flows->in_pairs = wanted;
}

void flows_set_max(Flows *flows, uint32_t max)
{
	flows->max = CLAMP(max, 1, MAX_FLOWS);
}

uint32_t flows_count(const Flows *flows)
{
	return flows->count;
}

uint32_t flows_max(const Flows *flows)
{
	return flows->max;
}

static uint32_t find(const Flows *flows, const struct flow_key *key, uint32_t hash)
{
	uint32_t index = *bucket_of(flows, hash);

	while (index != NONE && (flows->nodes[index].hash != hash ||
				 memcmp(&flows->records[index].key, key, sizeof(*key)) != 0))
		index = flows->nodes[index].next;
	return index;
}

static uint32_t find_reverse(const Flows *flows, const struct flow_key *key)
{
	struct flow_key reverse;
	uint32_t hash, index;

	if (!flow_key_reverse(key, &reverse))
		return NONE;
	hash = flow_key_hash(&reverse, &flows->seed);
	index = *bucket_of(flows, hash);
	while (index != NONE && (flows->nodes[index].hash != hash ||
				 !flow_key_is_alike(&flows->records[index].key, &reverse)))
		index = flows->nodes[index].next;
	return index;
}

static uint32_t find_free(Flows *flows)
{
	uint32_t index = flows->free;

	if (index != NONE) {
		flows->free = flows->nodes[index].next;
		return index;
	}
	if (flows->used == flows->capacity)
		set_capacity(flows, MAX(flows->used + 1, MIN(2 * flows->capacity, flows->max)));
	return flows->used++;
}

static uint32_t insert(Flows *flows, const struct flow_key *key, uint32_t hash)
{
	uint32_t index = find_free(flows);

	flows->nodes[index] = (Node){ .hash = hash, .list = LIST_ONCE };
	flows->records[index] = (FlowRecord){ .key = *key };
	put_in_bucket(flows, index);
	append(flows, LIST_ONCE, index);
	flows->count++;
	return index;
}

/* What it had to report has been reported. */
static void remove_flow(Flows *flows, uint32_t index)
{
	Node *node = &flows->nodes[index];

	take_from_bucket(flows, index);
	unlink_from(flows, node->list, index);
	node->list = LIST_FREE;
	node->next = flows->free;
	flows->free = index;
	flows->count--;
}

/* Reports what has come since the record before. */
static void report(Flows *flows, uint32_t index, FlowEnd end, GArray *records)
{
	FlowRecord *record = &flows->records[index];

	if (!flows->nodes[index].is_due)
		return;
	/* The other direction has not been seen yet. */
	if (flows->in_pairs && record->role == FLOW_ROLE_UNKNOWN)
		record->role = FLOW_INITIATOR;
	record->end = end;
	g_array_append_vals(records, record, 1);
	record->end = FLOW_GOES_ON;
	record->volume = (Volume){ 0 };
	record->start_ms = 0;
	memset(&record->attributes, 0, sizeof(record->attributes));
	unlink_from(flows, LIST_DUE, index);
	flows->nodes[index].is_due = false;
}

static void leave(Flows *flows, uint32_t index, FlowEnd end, GArray *records)
{
	report(flows, index, end, records);
	remove_flow(flows, index);
}

static FlowLife life_of(const Flows *flows, uint32_t index)
{
	const Node *node = &flows->nodes[index];
	const FlowRecord *record = &flows->records[index];

	return (FlowLife){ .start_ms = record->start_ms,
			   .end_ms = record->end_ms,
			   .protocol = record->key.protocol,
			   .tcp_flags = node->tcp_flags,
			   .reverse_tcp_flags = node->reverse_tcp_flags };
}

static bool has_ended(const Flows *flows, uint32_t index)
{
	const FlowLife life = life_of(flows, index);

	return expiry_has_ended(&life);
}

static void meet(Flows *flows, uint32_t index, uint32_t reverse)
{
	flows->nodes[index].reverse_tcp_flags |= flows->nodes[reverse].tcp_flags;
	flows->nodes[reverse].reverse_tcp_flags |= flows->nodes[index].tcp_flags;
	if (flows->nodes[reverse].list != LIST_ENDING && has_ended(flows, reverse))
		move(flows, LIST_ENDING, reverse);
}

/* Both directions learn of each other, and keep that: which of them leaves first does not matter. */
static void meet_reverse(Flows *flows, uint32_t index)
{
	uint32_t reverse = find_reverse(flows, &flows->records[index].key);

	if (reverse != NONE)
		meet(flows, index, reverse);
}

/* The other direction where both leave together; NONE: it was not seen. */
static uint32_t partner_of(const Flows *flows, uint32_t index)
{
	uint32_t reverse = flows->in_pairs ? find_reverse(flows, &flows->records[index].key) : NONE;

	return reverse == index ? NONE : reverse;
}

/* What says more about who began than the clock does: of none, of both or of the first. */
static bool asks(const FlowRecord *record)
{
	uint16_t flags = record->attributes.tcp_flags & (TH_SYN | TH_ACK);

	return record->key.protocol == IPPROTO_TCP ? flags == TH_SYN :
						     flow_key_is_request(&record->key);
}

/* Of two that have not been reported yet. */
static FlowRole first_role(const FlowRecord *record, const FlowRecord *other)
{
	bool one = asks(record), both = one == asks(other);

	if (!both)
		return one ? FLOW_INITIATOR : FLOW_RESPONDER;
	if (record->start_ms == other->start_ms)
		return FLOW_ROLE_UNDECIDED;
	return record->start_ms < other->start_ms ? FLOW_INITIATOR : FLOW_RESPONDER;
}

static uint8_t opposite(uint8_t role)
{
	static const uint8_t opposites[] = {
		[FLOW_ROLE_UNKNOWN] = FLOW_ROLE_UNKNOWN,
		[FLOW_INITIATOR] = FLOW_RESPONDER,
		[FLOW_RESPONDER] = FLOW_INITIATOR,
		[FLOW_ROLE_UNDECIDED] = FLOW_ROLE_UNDECIDED,
	};

	return role < G_N_ELEMENTS(opposites) ? opposites[role] : FLOW_ROLE_UNKNOWN;
}

static void decide_roles(FlowRecord *record, FlowRecord *other)
{
	if (record->role == FLOW_ROLE_UNKNOWN && other->role == FLOW_ROLE_UNKNOWN)
		record->role = (uint8_t)first_role(record, other);
	if (record->role == FLOW_ROLE_UNKNOWN)
		record->role = opposite(other->role);
	else if (other->role == FLOW_ROLE_UNKNOWN)
		other->role = opposite(record->role);
}

/* A flow leaves, or is reported and goes on; with @partner, if there is one, right behind it. */
static void finish(Flows *flows, uint32_t index, uint32_t partner, FlowEnd end, GArray *records)
{
	const uint32_t both[] = { index, partner };

	if (partner != NONE)
		decide_roles(&flows->records[index], &flows->records[partner]);
	for (size_t i = 0; i < G_N_ELEMENTS(both) && both[i] != NONE; i++) {
		if (end == FLOW_ACTIVE)
			report(flows, both[i], end, records);
		else
			leave(flows, both[i], end, records);
	}
}

/* A connection that is not the one that has ended there, as its packets are all later. */
static bool begins_anew(const Flows *flows, uint32_t index, const FlowDelta *delta,
			uint64_t first_ms)
{
	const Node *node = &flows->nodes[index];

	return delta->attributes.tcp_flags & TH_SYN && first_ms > flows->records[index].end_ms &&
	       (node->tcp_flags & (TH_FIN | TH_RST) || node->reverse_tcp_flags & TH_RST);
}

/* With the other direction, unless that has begun anew, too. */
static void leave_both(Flows *flows, uint32_t index, uint64_t until_ms, GArray *records)
{
	uint32_t reverse;

	meet_reverse(flows, index);
	reverse = find_reverse(flows, &flows->records[index].key);
	if (reverse != NONE && (reverse == index || !has_ended(flows, reverse) ||
				flows->records[reverse].end_ms >= until_ms))
		reverse = NONE;
	finish(flows, index, reverse, FLOW_ENDED, records);
}

static uint64_t last_active_ms(const Flows *flows, List list)
{
	return flows->records[flows->lists[list].first].end_ms;
}

static uint32_t find_victim(const Flows *flows)
{
	const Ends *lists = flows->lists;
	bool once;

	if (lists[LIST_ENDING].n)
		return lists[LIST_ENDING].first;
	if (!lists[LIST_ONCE].n || !lists[LIST_AGAIN].n)
		once = lists[LIST_ONCE].n;
	else
		once = lists[LIST_AGAIN].n <= flows->max / 2 ||
		       last_active_ms(flows, LIST_ONCE) <= last_active_ms(flows, LIST_AGAIN);
	return lists[once ? LIST_ONCE : LIST_AGAIN].first;
}

static void evict(Flows *flows, GArray *records)
{
	uint32_t index = find_victim(flows);

	if (flows->nodes[index].list == LIST_ENDING)
		meet_reverse(flows, index);
	leave(flows, index, has_ended(flows, index) ? FLOW_ENDED : FLOW_LACK_OF_RESOURCES, records);
}

/* A time since the epoch is never 0, which says that there is none. */
static uint64_t shift(uint64_t time_ms, int64_t by_ms)
{
	int64_t shifted = (int64_t)time_ms + by_ms;

	return shifted > 0 ? (uint64_t)shifted : 1;
}

static void shift_times(FlowRecord *record, int64_t by_ms)
{
	if (record->start_ms)
		record->start_ms = shift(record->start_ms, by_ms);
	record->end_ms = shift(record->end_ms, by_ms);
}

static void forget_earliest(Flows *flows)
{
	memset(flows->earliest->data, 0, flows->earliest->len * sizeof(Earliest));
}

static void follow_clock(Flows *flows, int64_t epoch_offset_ns)
{
	int64_t step_ns = epoch_offset_ns - flows->epoch_offset_ns;
	bool first = !flows->epoch_offset_ns;

	flows->epoch_offset_ns = epoch_offset_ns;
	if (first || ABS(step_ns) <= CLOCK_STEP_NS)
		return;
	forget_earliest(flows);
	for (uint32_t i = 0; i < flows->used; i++) {
		if (flows->nodes[i].list != LIST_FREE)
			shift_times(&flows->records[i], step_ns / 1000000);
	}
}

/* What is later than now would not become idle before that time has come. */
static void end_the_future(Flows *flows, uint64_t now_ms)
{
	forget_earliest(flows);
	for (uint32_t i = 0; i < flows->used; i++) {
		FlowRecord *record = &flows->records[i];

		if (flows->nodes[i].list != LIST_FREE && record->end_ms > now_ms)
			shift_times(record, -(int64_t)(record->end_ms - now_ms));
	}
}

static void merge_attributes(struct flow_attributes *sum, const struct flow_attributes *other,
			     bool other_is_first)
{
	struct flow_attributes merged = other_is_first ? *other : *sum;

	merged.min_octets = MIN(sum->min_octets, other->min_octets);
	merged.max_octets = MAX(sum->max_octets, other->max_octets);
	merged.tcp_flags = sum->tcp_flags | other->tcp_flags;
	merged.min_ttl = MIN(sum->min_ttl, other->min_ttl);
	merged.max_ttl = MAX(sum->max_ttl, other->max_ttl);
	*sum = merged;
}

/* What is counted: of a delta, or of a row of the file. */
typedef struct {
	const Volume *volume;
	const struct flow_attributes *attributes;
	uint64_t first_ms;
	uint64_t last_ms;
} Packets;

static void count(Flows *flows, uint32_t index, const Packets *packets)
{
	FlowRecord *record = &flows->records[index];

	volume_add(&record->volume, packets->volume);
	note_time(flows, ORDER_START, packets->first_ms);
	if (!flows->nodes[index].is_due) {
		record->start_ms = packets->first_ms;
		record->end_ms = packets->last_ms;
		record->attributes = *packets->attributes;
		append(flows, LIST_DUE, index);
		flows->nodes[index].is_due = true;
		return;
	}
	merge_attributes(&record->attributes, packets->attributes,
			 packets->first_ms < record->start_ms);
	record->start_ms = MIN(record->start_ms, packets->first_ms);
	record->end_ms = MAX(record->end_ms, packets->last_ms);
}

/* It has been active in this sweep. */
static void touch(Flows *flows, uint32_t index)
{
	const Node *node = &flows->nodes[index];

	if (node->tcp_flags & (TH_FIN | TH_RST) || node->reverse_tcp_flags & TH_RST)
		move(flows, LIST_ENDING, index);
	else if (node->sweep[ORDER_ACTIVITY] != flows->sweep)
		move(flows, LIST_AGAIN, index);
	note_time(flows, ORDER_ACTIVITY, flows->records[index].end_ms);
}

static uint64_t epoch_ms(uint64_t monotonic_ns, int64_t epoch_offset_ns)
{
	int64_t ns = (int64_t)monotonic_ns + epoch_offset_ns;

	return ns >= 1000000 ? (uint64_t)ns / 1000000 : 1;
}

/* Returns whether the flow was seen before, too. */
static bool add(Flows *flows, const FlowDelta *delta, uint32_t hash, int64_t epoch_offset_ns,
		GArray *records)
{
	uint64_t first_ms = epoch_ms(MIN(delta->first_ns, delta->last_ns), epoch_offset_ns);
	const Packets packets = { &delta->volume, &delta->attributes, first_ms,
				  epoch_ms(MAX(delta->first_ns, delta->last_ns), epoch_offset_ns) };
	uint32_t index = find(flows, &delta->key, hash);

	if (volume_is_zero(&delta->volume))
		return false;
	if (index != NONE && begins_anew(flows, index, delta, first_ms)) {
		leave_both(flows, index, first_ms, records);
		index = NONE;
	}
	if (index == NONE) {
		if (flows->count >= flows->max)
			evict(flows, records);
		index = insert(flows, &delta->key, hash);
	}
	count(flows, index, &packets);
	if (delta->attributes.tcp_flags && flow_key_is_connection(&delta->key))
		flows->nodes[index].tcp_flags |= (uint8_t)delta->attributes.tcp_flags;
	touch(flows, index);
	return flows->nodes[index].list == LIST_AGAIN;
}

/* The CPU is told to fetch what is probably the flow's, and its neighbours in the list. */
static void prefetch_flow(const Flows *flows, uint32_t hash)
{
	uint32_t index = *bucket_of(flows, hash);
	const char *record;
	const Links *links;

	while (index != NONE && flows->nodes[index].hash != hash)
		index = flows->nodes[index].next;
	if (index == NONE)
		return;
	record = (const char *)&flows->records[index];
	for (size_t offset = 0; offset < sizeof(FlowRecord); offset += CACHE_LINE)
		__builtin_prefetch(record + offset, 1);
	links = &flows->nodes[index].links[ORDER_ACTIVITY];
	if (links->previous != NONE)
		__builtin_prefetch(&flows->nodes[links->previous], 1);
	if (links->next != NONE)
		__builtin_prefetch(&flows->nodes[links->next], 1);
}

static void add_some(Flows *flows, const FlowDelta *deltas, size_t n, int64_t epoch_offset_ns,
		     GArray *records, bool *again)
{
	uint32_t hashes[AT_ONCE];

	for (size_t i = 0; i < n; i++) {
		hashes[i] = flow_key_hash(&deltas[i].key, &flows->seed);
		__builtin_prefetch(bucket_of(flows, hashes[i]));
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t first = *bucket_of(flows, hashes[i]);

		if (first != NONE)
			__builtin_prefetch(&flows->nodes[first], 1);
	}
	for (size_t i = 0; i < n; i++)
		prefetch_flow(flows, hashes[i]);
	for (size_t i = 0; i < n; i++)
		again[i] = add(flows, &deltas[i], hashes[i], epoch_offset_ns, records);
}

void flows_add_all(Flows *flows, const FlowDelta *deltas, size_t n, int64_t epoch_offset_ns,
		   GArray *records, bool *again)
{
	flows->changes++;
	if (n && epoch_offset_ns != flows->epoch_offset_ns)
		follow_clock(flows, epoch_offset_ns);
	for (size_t i = 0; i < n; i += AT_ONCE)
		add_some(flows, deltas + i, MIN(n - i, AT_ONCE), epoch_offset_ns, records,
			 again + i);
}

void flows_add(Flows *flows, const FlowDelta *delta, int64_t epoch_offset_ns, GArray *records)
{
	bool again;

	flows_add_all(flows, delta, 1, epoch_offset_ns, records, &again);
}

/* One call of flows_expire(). */
typedef struct {
	const FlowTimeouts *timeouts;
	uint64_t now_ms;
	GArray *records;
} Sweep;

/* What is due for a flow by itself. */
static FlowEnd due(const Flows *flows, uint32_t index, const Sweep *sweep)
{
	const FlowLife life = life_of(flows, index);

	return expiry_of(&life, sweep->timeouts, sweep->now_ms);
}

/* What is due for both of a pair: it lasts from the first packet of either to the last. */
static FlowEnd due_together(Flows *flows, uint32_t index, uint32_t partner, const Sweep *sweep)
{
	FlowLife life, other;

	meet(flows, index, partner);
	life = life_of(flows, index);
	other = life_of(flows, partner);
	if (!life.start_ms || (other.start_ms && other.start_ms < life.start_ms))
		life.start_ms = other.start_ms;
	life.end_ms = MAX(life.end_ms, other.end_ms);
	return expiry_of(&life, sweep->timeouts, sweep->now_ms);
}

/* What was idle by itself is not as long as its partner goes on, and is not looked at before it may be. */
static void stay(Flows *flows, uint32_t index, uint32_t partner)
{
	if (flows->nodes[index].list == LIST_ENDING)
		return;
	move(flows, LIST_AGAIN, index);
	note_time(flows, ORDER_ACTIVITY,
		  MAX(flows->records[index].end_ms, flows->records[partner].end_ms));
}

/*
 * Does what is due for @index, and for its partner; returns what that was. @next, which comes after @index in
 * a list by @order, becomes the one after the partner if it is that, as the partner may leave.
 */
static FlowEnd settle(Flows *flows, uint32_t index, Order order, uint32_t *next, const Sweep *sweep)
{
	FlowEnd own = due(flows, index, sweep), end = own;
	uint32_t partner = own == FLOW_GOES_ON ? NONE : partner_of(flows, index);

	if (partner != NONE) {
		if (*next == partner)
			*next = flows->nodes[partner].links[order].next;
		end = due_together(flows, index, partner, sweep);
		if (own != FLOW_ACTIVE && (end == FLOW_ACTIVE || end == FLOW_GOES_ON))
			stay(flows, index, partner);
	}
	if (end != FLOW_GOES_ON)
		finish(flows, index, partner, end, sweep->records);
	return end;
}

/* All of them are looked at: they are those that have ended in the last `ended_ms`. */
static void settle_ending(Flows *flows, const Sweep *sweep)
{
	uint32_t next;

	for (uint32_t i = flows->lists[LIST_ENDING].first; i != NONE; i = next) {
		FlowEnd end;

		meet_reverse(flows, i); /* which may now be the last in this list */
		next = flows->nodes[i].links[ORDER_ACTIVITY].next;
		end = settle(flows, i, ORDER_ACTIVITY, &next, sweep);
		if ((end == FLOW_GOES_ON || end == FLOW_ACTIVE) && !has_ended(flows, i)) {
			move(flows, LIST_AGAIN, i);
			note_time(flows, ORDER_ACTIVITY, flows->records[i].end_ms);
		}
	}
}

/* Whether a flow that has its place in a list by this @node's sweep may be due. */
static bool may_be_due(const Flows *flows, const Node *node, Order order, const Sweep *sweep)
{
	const Earliest *earliest = earliest_of(flows, node->sweep[order]);
	uint64_t timeout_ms =
		order == ORDER_START ? sweep->timeouts->active_ms : sweep->timeouts->idle_ms;

	return !earliest || (sweep->now_ms >= earliest->ms[order] &&
			     sweep->now_ms - earliest->ms[order] >= timeout_ms);
}

/* Those of one sweep have no order, so all of them are looked at, or none and none of a later sweep. */
static void settle_list(Flows *flows, List list, const Sweep *sweep)
{
	Order order = order_of(list);
	bool is_first = true;
	uint16_t number = 0;
	uint32_t next;

	for (uint32_t i = flows->lists[list].first; i != NONE; i = next) {
		const Node *node = &flows->nodes[i];

		if (is_first || node->sweep[order] != number) {
			if (!may_be_due(flows, node, order, sweep))
				return;
			is_first = false;
			number = node->sweep[order];
		}
		next = node->links[order].next;
		settle(flows, i, order, &next, sweep);
	}
}

void flows_expire(Flows *flows, const FlowTimeouts *timeouts, uint64_t now_ms, GArray *records)
{
	const Sweep sweep = { timeouts, now_ms, records };

	flows->changes++;
	if (now_ms < flows->now_ms)
		end_the_future(flows, now_ms);
	flows->now_ms = now_ms;
	settle_ending(flows, &sweep);
	settle_list(flows, LIST_ONCE, &sweep);
	settle_list(flows, LIST_AGAIN, &sweep);
	settle_list(flows, LIST_DUE, &sweep);
	while (flows->count > flows->max)
		evict(flows, records);
	begin_sweep(flows);
}

uint32_t flows_flush(Flows *flows, FlowChoice chosen, void *user_data, GArray *records)
{
	uint32_t before = flows->count;

	flows->changes++;
	for (uint32_t i = 0; i < flows->used; i++) {
		uint32_t partner;

		if (flows->nodes[i].list == LIST_FREE ||
		    (chosen && !chosen(&flows->records[i], user_data)))
			continue;
		partner = partner_of(flows, i);
		if (partner != NONE && chosen && !chosen(&flows->records[partner], user_data))
			partner = NONE;
		finish(flows, i, partner, FLOW_FORCED, records);
	}
	return before - flows->count;
}

uint32_t flows_visit_some(const Flows *flows, uint32_t place, uint32_t n, FlowVisitor visit,
			  void *user_data)
{
	uint32_t end = place + MIN(n, flows->used - MIN(place, flows->used));

	for (uint32_t i = place; i < end; i++) {
		if (flows->nodes[i].list != LIST_FREE)
			visit(&flows->records[i], user_data);
	}
	return end < flows->used ? end : 0;
}

void flows_visit(const Flows *flows, FlowVisitor visit, void *user_data)
{
	(void)flows_visit_some(flows, 0, UINT32_MAX, visit, user_data);
}

uint64_t flows_changes(const Flows *flows)
{
	return flows->changes;
}

const FlowRecord *flows_find_reverse(const Flows *flows, const struct flow_key *key)
{
	uint32_t index = find_reverse(flows, key);

	return index == NONE ? NULL : &flows->records[index];
}

static void save_flow(const Flows *flows, uint32_t index, TotalsWriter *writer)
{
	const Node *node = &flows->nodes[index];
	const FlowRecord *record = &flows->records[index];
	const struct flow_row row = { .key = record->key,
				      .volume = record->volume,
				      .start_ms = record->start_ms,
				      .end_ms = record->end_ms,
				      .attributes = record->attributes,
				      .tcp_flags = node->tcp_flags,
				      .reverse_tcp_flags = node->reverse_tcp_flags,
				      .list = node->list,
				      .role = record->role };

	totals_writer_add(writer, &row);
}

/* In the order of their activity. */
void flows_save(const Flows *flows, TotalsWriter *writer)
{
	totals_writer_begin(writer, TOTALS_FLOWS, sizeof(struct flow_row));
	for (int list = 0; list < LIST_DUE; list++) {
		for (uint32_t i = flows->lists[list].first; i != NONE;
		     i = flows->nodes[i].links[ORDER_ACTIVITY].next)
			save_flow(flows, i, writer);
	}
}

static bool is_sound(const struct flow_row *row)
{
	bool has_packets = row->start_ms != 0;

	return has_packets == !volume_is_zero(&row->volume) && row->start_ms <= row->end_ms &&
	       row->end_ms <= INT64_MAX && row->list < LIST_DUE && row->key.hook < HOOKS;
}

static void load_row(Flows *flows, const struct flow_row *row)
{
	const Packets packets = { &row->volume, &row->attributes, row->start_ms, row->end_ms };
	uint32_t hash = flow_key_hash(&row->key, &flows->seed);
	uint32_t index = find(flows, &row->key, hash);

	if (index == NONE)
		index = insert(flows, &row->key, hash);
	if (row->start_ms)
		count(flows, index, &packets);
	else if (!flows->nodes[index].is_due)
		flows->records[index].end_ms = MAX(flows->records[index].end_ms, row->end_ms);
	if (flows->records[index].role == FLOW_ROLE_UNKNOWN)
		flows->records[index].role = row->role;
	flows->nodes[index].tcp_flags |= row->tcp_flags;
	flows->nodes[index].reverse_tcp_flags |= row->reverse_tcp_flags;
	move(flows, row->list, index);
	note_time(flows, ORDER_ACTIVITY, flows->records[index].end_ms);
}

bool flows_load(Flows *flows, TotalsReader *reader, GError **error)
{
	const struct flow_row *rows;
	size_t n;

	if (!totals_reader_rows(reader, TOTALS_FLOWS, sizeof(*rows), (const void **)&rows, &n,
				error))
		return false;
	if (n > MAX_FLOWS - flows->count) {
		error_set(error, "%zu flows are more than fit", n);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!is_sound(&rows[i])) {
			error_set(error, "flow %zu of %zu that were saved is none", i + 1, n);
			return false;
		}
	}
	flows->changes++;
	if (flows->used + n > flows->capacity)
		set_capacity(flows, flows->used + (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		load_row(flows, &rows[i]);
	begin_sweep(flows);
	flows->now_ms = UINT64_MAX; /* the clock may have been set since */
	return true;
}
