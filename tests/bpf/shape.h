/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier, frame by frame: each row of a table of shapes is a test, at both hooks and on both sides.
 */
#ifndef TESTS_BPF_SHAPE_H
#define TESTS_BPF_SHAPE_H

#include "meter_lab.h"

#define PAYLOAD 100
#define ROWS(table) (sizeof(table) / sizeof(*(table)))

struct ends {
	const struct endpoint *source;
	const struct endpoint *destination;
};

struct shape {
	const char *name;
	void (*build)(struct frame *frame, const struct ends *ends);
	const struct endpoint *far; /* NULL: internet */
	struct {
		enum ledger_class class;
		uint64_t packets;
		uint64_t octets;
		uint64_t layer2_octets;
	} expected;
};

static struct lab *benches[2]; /* by enum side */

/* What a frame goes between where nothing else is said; each test has its own. */
static const struct endpoint device;
static const struct endpoint internet;

static inline void add_ipv4(struct frame *frame, const struct ends *ends, uint8_t protocol,
			    unsigned options_len)
{
	frame_add_ipv4(frame, ends->source->ipv4, ends->destination->ipv4, protocol, options_len);
}

static inline void add_ipv6(struct frame *frame, const struct ends *ends, uint8_t next_header)
{
	frame_add_ipv6(frame, ends->source->ipv6, ends->destination->ipv6, next_header);
}

static inline void finish_udp(struct frame *frame)
{
	frame_add_udp(frame);
	frame_add_filling(frame, PAYLOAD);
	frame_finish(frame);
}

/* Three segments: two of 1000 octets and one of 500. */
static inline void finish_gso(struct frame *frame)
{
	frame_add_filling(frame, 2500);
	frame_finish(frame);
	frame->context.gso_size = 1000;
	frame->context.gso_segs = 3;
}

static inline bool is_host_class(enum ledger_class class)
{
	return class == LEDGER_INTERNET || class == LEDGER_LOCAL;
}

static inline void build(struct frame *frame,
			 void (*build_frame)(struct frame *, const struct ends *),
			 enum direction direction, const struct endpoint *near,
			 const struct endpoint *far)
{
	struct ends ends = { .source = near, .destination = far };

	if (direction == DIRECTION_DOWNLOAD)
		ends = (struct ends){ .source = far, .destination = near };
	frame_clear(frame);
	frame->context.mark = 0xcafe;
	frame->context.priority = 6;
	frame->context.cb[0] = 0xbeef;
	build_frame(frame, &ends);
}

/* The key of @near once @frame has been counted with an address. */
static inline struct host_key host_key_of(const struct lab *lab, const struct frame *frame,
					  const struct endpoint *near, enum scope scope)
{
	bool ipv4 = frame->bytes[frame->ip_offset] >> 4 == 4;
	struct host_key key = { .ifindex = LAB_IFINDEX,
				.ip_version = ipv4 ? 4 : 6,
				.scope = scope };

	lab_address(key.address, ipv4 ? near->ipv4 : near->ipv6);
	if (lab->side == SIDE_LAN && lab->layer == LINK_ETHERNET)
		memcpy(key.mac, near->mac, MAC_LEN);
	return key;
}

static inline void assert_traffic(const struct traffic *traffic, uint64_t packets, uint64_t octets,
				  uint64_t layer2_octets)
{
	assert_int_equal(traffic->packets, packets);
	assert_int_equal(traffic->octets, octets);
	assert_int_equal(traffic->layer2_octets, layer2_octets);
}

static inline void assert_sheet_balances(const struct ledger_sheet *sheet)
{
	uint64_t frames = 0;

	for (unsigned i = 0; i < LEDGER_CLASSES; i++)
		frames += sheet->classes[i].frames;
	assert_int_equal(frames, sheet->seen.frames);
}

/* One frame and nothing else was seen, in @class. */
static inline void assert_only_class(const struct lab *lab, enum hook hook,
				     const struct frame *frame, enum ledger_class class,
				     uint64_t packets, uint64_t octets, uint64_t layer2_octets)
{
	static const struct ledger_entry nothing;
	struct ledger_sheet sheet, other;

	lab_sheet(lab, 0, hook, &sheet);
	lab_sheet(lab, 0, !hook, &other);
	assert_int_equal(other.seen.frames, 0);
	assert_sheet_balances(&other);
	assert_int_equal(sheet.seen.frames, 1);
	assert_int_equal(sheet.seen.skb_octets, frame->len);
	assert_int_equal(sheet.seen.tagged, 0);
	assert_sheet_balances(&sheet);
	for (enum ledger_class i = 0; i < LEDGER_CLASSES; i++) {
		if (i != class)
			assert_memory_equal(&sheet.classes[i], &nothing, sizeof(nothing));
	}
	assert_int_equal(sheet.classes[class].frames, 1);
	assert_int_equal(sheet.classes[class].packets, packets);
	assert_int_equal(sheet.classes[class].octets, octets);
	assert_int_equal(sheet.classes[class].layer2_octets, layer2_octets);
}

static inline void assert_sizes(const struct lab *lab, unsigned hosts, unsigned macs)
{
	assert_int_equal(lab_table_size(lab->hosts[0]), hosts);
	assert_int_equal(lab_table_size(lab->macs[0]), macs);
}

static inline void run_shape(const struct lab *lab, enum hook hook, const struct shape *shape)
{
	enum direction direction = lab_direction(lab->side, hook);
	bool counted = is_host_class(shape->expected.class);
	struct host_traffic traffic;
	struct host_key key;
	struct frame frame;

	build(&frame, shape->build, direction, &device, shape->far ?: &internet);
	lab_clear(lab);
	assert_true(lab_run(lab, hook, &frame));
	assert_only_class(lab, hook, &frame, shape->expected.class, shape->expected.packets,
			  shape->expected.octets, shape->expected.layer2_octets);
	assert_sizes(lab, counted, 0);
	if (!counted)
		return;
	key = host_key_of(lab, &frame, &device,
			  shape->expected.class == LEDGER_LOCAL ? SCOPE_LOCAL : SCOPE_INTERNET);
	assert_true(lab_host(lab, lab->hosts[0], &key, &traffic));
	assert_traffic(&traffic.direction[direction], shape->expected.packets,
		       shape->expected.octets, shape->expected.layer2_octets);
	assert_traffic(&traffic.direction[!direction], 0, 0, 0);
}

static inline void shape_is_counted(void **state)
{
	for (enum side side = SIDE_LAN; side <= SIDE_WAN; side++) {
		for (enum hook hook = 0; hook < HOOKS; hook++)
			run_shape(benches[side], hook, *state);
	}
}

/* A frame between @near and @far falls into @class. */
static inline void run_and_expect(const struct lab *lab, enum hook hook,
				  void (*build_frame)(struct frame *, const struct ends *),
				  const struct endpoint *near, const struct endpoint *far,
				  enum ledger_class class)
{
	struct ledger_sheet before, after;
	struct frame frame;

	build(&frame, build_frame, lab_direction(lab->side, hook), near, far);
	lab_sheet(lab, 0, hook, &before);
	assert_true(lab_run(lab, hook, &frame));
	lab_sheet(lab, 0, hook, &after);
	assert_int_equal(after.seen.frames, before.seen.frames + 1);
	assert_int_equal(after.classes[class].frames, before.classes[class].frames + 1);
	assert_sheet_balances(&after);
}

static inline int free_labs(void **state)
{
	lab_free(benches[SIDE_LAN]);
	lab_free(benches[SIDE_WAN]);
	return 0;
}

#endif
