/* SPDX-License-Identifier: Apache-2.0 */
#include "flows.h"

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "test.h"

/* CLOCK_MONOTONIC begins at this time since the epoch. */
#define EPOCH_MS 1000000000
#define EPOCH_NS (EPOCH_MS * INT64_C(1000000))
#define MAX_UNIT 4096

static const FlowTimeouts timeouts = { .active_ms = 60000, .idle_ms = 15000, .ended_ms = 5000 };
static const FlowTimeouts never = { UINT32_MAX, UINT32_MAX, UINT32_MAX };

static FlowDelta delta_of(uint16_t unit, uint64_t first_ms, uint64_t last_ms)
{
	return (FlowDelta){
		.key = { .source = { [10] = 0xff, 0xff, 192, 0, 2, 1 },
			 .destination = { [10] = 0xff, 0xff, 198, 51, 100, 1 },
			 .source_port = htons((uint16_t)(1024 + unit)),
			 .destination_port = htons(443),
			 .protocol = IPPROTO_UDP,
			 .ip_version = 4 },
		.volume = { 1, 100, 114 },
		.first_ns = first_ms * 1000000,
		.last_ns = last_ms * 1000000,
		.attributes = { .min_octets = 100,
				.max_octets = 100,
				.min_ttl = 64,
				.max_ttl = 64 },
	};
}

static FlowDelta tcp_of(uint16_t unit, uint64_t at_ms, uint16_t flags)
{
	FlowDelta delta = delta_of(unit, at_ms, at_ms);

	delta.key.protocol = IPPROTO_TCP;
	delta.attributes.tcp_flags = flags;
	return delta;
}

static FlowDelta reversed(FlowDelta delta)
{
	struct flow_key reverse;

	assert_true(flow_key_reverse(&delta.key, &reverse));
	delta.key = reverse;
	return delta;
}

static GArray *records_new(void)
{
	return g_array_new(FALSE, FALSE, sizeof(FlowRecord));
}

static void add(Flows *flows, FlowDelta delta, GArray *records)
{
	flows_add(flows, &delta, EPOCH_NS, records);
}

static void expire(Flows *flows, uint64_t at_ms, GArray *records)
{
	flows_expire(flows, &timeouts, EPOCH_MS + at_ms, records);
}

static const FlowRecord *record_at(const GArray *records, guint index)
{
	assert_in_range(index + 1, 1, records->len);
	return &g_array_index(records, FlowRecord, index);
}

static void note_flow(const FlowRecord *flow, void *user_data)
{
	*(FlowRecord *)user_data = *flow;
}

static FlowRecord the_flow(const Flows *flows)
{
	FlowRecord flow;

	assert_int_equal(flows_count(flows), 1);
	flows_visit(flows, note_flow, &flow);
	return flow;
}

static void deltas_of_all_cpus_add_up(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();
	FlowDelta one = delta_of(1, 2000, 5000), other = delta_of(1, 1000, 3000);
	FlowRecord flow;

	(void)state;
	one.attributes = (struct flow_attributes){ 60, 900, TH_SYN, 60, 62, 7, 8, { 1 }, { 2 } };
	other.attributes = (struct flow_attributes){ 40, 800, TH_ACK, 61, 64, 9, 6, { 3 }, { 4 } };
	add(flows, one, records);
	add(flows, other, records);
	flow = the_flow(flows);
	assert_int_equal(flow.volume.packets, 2);
	assert_int_equal(flow.volume.octets, 200);
	assert_int_equal(flow.volume.layer2_octets, 228);
	assert_int_equal(flow.start_ms, EPOCH_MS + 1000);
	assert_int_equal(flow.end_ms, EPOCH_MS + 5000);
	assert_int_equal(flow.attributes.min_octets, 40);
	assert_int_equal(flow.attributes.max_octets, 900);
	assert_int_equal(flow.attributes.min_ttl, 60);
	assert_int_equal(flow.attributes.max_ttl, 64);
	assert_int_equal(flow.attributes.tcp_flags, TH_SYN | TH_ACK);
	/* The first packet was the other CPU's. */
	assert_int_equal(flow.attributes.fragment_id, 9);
	assert_int_equal(flow.attributes.flow_label, 6);
	assert_int_equal(flow.attributes.source_mac[0], 3);
	assert_int_equal(flow.attributes.destination_mac[0], 4);
	assert_int_equal(flow.end, FLOW_GOES_ON);
	assert_int_equal(records->len, 0);
}

static void each_part_of_the_key_tells_flows_apart(void **state)
{
	g_autoptr(Flows) flows = flows_new(100);
	g_autoptr(GArray) records = records_new();
	FlowDelta delta = delta_of(1, 1000, 1000);

	(void)state;
	add(flows, delta, records);
	for (size_t i = 0; i < sizeof(delta.key); i++) {
		FlowDelta other = delta;
		uint8_t bytes[sizeof(delta.key)];

		memcpy(bytes, &delta.key, sizeof(bytes));
		bytes[i] ^= 1;
		memcpy(&other.key, bytes, sizeof(bytes));
		add(flows, other, records);
	}
	assert_int_equal(flows_count(flows), 1 + sizeof(delta.key));
}

static void idle_flow_leaves(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, delta_of(1, 1000, 1000), records);
	expire(flows, 15999, records);
	assert_int_equal(records->len, 0);
	expire(flows, 16000, records);
	assert_int_equal(flows_count(flows), 0);
	assert_int_equal(record_at(records, 0)->end, FLOW_IDLE);
	assert_int_equal(record_at(records, 0)->start_ms, EPOCH_MS + 1000);
	assert_int_equal(record_at(records, 0)->end_ms, EPOCH_MS + 1000);
}

static void active_flow_is_reported_and_begins_anew(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();
	FlowDelta late = delta_of(1, 62000, 63000);

	(void)state;
	late.attributes.max_ttl = late.attributes.min_ttl = 1;
	late.attributes.source_mac[0] = 5;
	add(flows, delta_of(1, 1000, 1000), records);
	expire(flows, 10000, records);
	add(flows, delta_of(1, 12000, 55000), records);
	expire(flows, 60999, records);
	assert_int_equal(records->len, 0);
	expire(flows, 61000, records);
	assert_int_equal(record_at(records, 0)->end, FLOW_ACTIVE);
	assert_int_equal(record_at(records, 0)->volume.packets, 2);
	assert_int_equal(record_at(records, 0)->end_ms, EPOCH_MS + 55000);
	assert_int_equal(the_flow(flows).start_ms, 0);
	add(flows, late, records);
	expire(flows, 78000, records);
	assert_int_equal(records->len, 2);
	assert_int_equal(record_at(records, 1)->end, FLOW_IDLE);
	assert_int_equal(record_at(records, 1)->volume.packets, 1);
	assert_int_equal(record_at(records, 1)->start_ms, EPOCH_MS + 62000);
	assert_int_equal(record_at(records, 1)->attributes.max_ttl, 1);
	assert_int_equal(record_at(records, 1)->attributes.source_mac[0], 5);
}

static void flow_with_nothing_since_its_record_leaves_without_one(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, delta_of(1, 1000, 60000), records);
	expire(flows, 61000, records);
	assert_int_equal(records->len, 1);
	expire(flows, 74999, records);
	assert_int_equal(flows_count(flows), 1);
	expire(flows, 75000, records);
	assert_int_equal(flows_count(flows), 0);
	assert_int_equal(records->len, 1);
}

/* The order in which the kernel's tables are read is none. */
static void flow_is_not_kept_by_one_that_was_added_before(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, delta_of(1, 9000, 9000), records);
	add(flows, delta_of(2, 1000, 1000), records);
	add(flows, delta_of(3, 9000, 9000), records);
	expire(flows, 10000, records);
	expire(flows, 16000, records);
	assert_int_equal(records->len, 1);
	assert_int_equal(record_at(records, 0)->key.source_port, htons(1024 + 2));
	for (uint64_t at = 17000; at <= 61000; at += 1000) {
		add(flows, delta_of(1, at, at), records);
		expire(flows, at, records);
	}
	assert_int_equal(records->len, 2);
	assert_int_equal(record_at(records, 1)->key.source_port, htons(1024 + 3));
}

static void connection_ends_by_fin_both_ways(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, tcp_of(1, 1000, TH_SYN | TH_ACK), records);
	add(flows, reversed(tcp_of(1, 1000, TH_SYN | TH_ACK)), records);
	expire(flows, 2000, records);
	add(flows, tcp_of(1, 3000, TH_FIN | TH_ACK), records);
	expire(flows, 9000, records);
	assert_int_equal(records->len, 0);
	add(flows, reversed(tcp_of(1, 10000, TH_FIN | TH_ACK)), records);
	expire(flows, 10000, records);
	/* This half has been quiet for long. */
	assert_int_equal(records->len, 1);
	assert_int_equal(record_at(records, 0)->end, FLOW_ENDED);
	assert_int_equal(record_at(records, 0)->attributes.tcp_flags, TH_SYN | TH_ACK | TH_FIN);
	expire(flows, 14999, records);
	assert_int_equal(records->len, 1);
	expire(flows, 15000, records);
	assert_int_equal(record_at(records, 1)->end, FLOW_ENDED);
	assert_int_equal(flows_count(flows), 0);
}

static void trailing_packets_are_of_the_same_flow(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, tcp_of(1, 1000, TH_FIN | TH_ACK), records);
	add(flows, reversed(tcp_of(1, 1000, TH_FIN | TH_ACK)), records);
	expire(flows, 2000, records);
	add(flows, tcp_of(1, 3000, TH_ACK), records);
	expire(flows, 6000, records);
	assert_int_equal(records->len, 1);
	expire(flows, 8000, records);
	assert_int_equal(records->len, 2);
	assert_int_equal(record_at(records, 1)->volume.packets, 2);
	assert_int_equal(record_at(records, 1)->end, FLOW_ENDED);
}

/* In whichever order the two come, and although the one that sent it leaves first. */
static void reset_ends_both_directions(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		g_autoptr(Flows) flows = flows_new(8);
		g_autoptr(GArray) records = records_new();
		const FlowDelta deltas[] = { tcp_of(1, 3000, TH_ACK),
					     reversed(tcp_of(1, 1000, TH_RST)) };

		add(flows, deltas[order], records);
		add(flows, deltas[!order], records);
		expire(flows, 6000, records);
		assert_int_equal(records->len, 1);
		expire(flows, 8000, records);
		assert_int_equal(records->len, 2);
		for (guint i = 0; i < records->len; i++)
			assert_int_equal(record_at(records, i)->end, FLOW_ENDED);
	}
}

static void flows_that_go_on_are_told_from_others(void **state)
{
	const FlowDelta both[] = { tcp_of(1, 1000, TH_ACK), tcp_of(2, 1000, TH_ACK) };
	const FlowDelta more[] = { tcp_of(1, 2000, TH_ACK), tcp_of(2, 2000, TH_RST),
				   tcp_of(3, 2000, TH_ACK) };
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();
	bool again[3];

	(void)state;
	flows_add_all(flows, both, 2, EPOCH_NS, records, again);
	assert_false(again[0] || again[1]);
	/* The same sweep, another CPU. */
	flows_add_all(flows, both, 1, EPOCH_NS, records, again);
	assert_false(again[0]);
	expire(flows, 1500, records);
	flows_add_all(flows, more, 3, EPOCH_NS, records, again);
	assert_true(again[0]);
	assert_false(again[1] || again[2]);
}

static void fin_is_the_end_where_the_other_way_is_not_seen(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, tcp_of(1, 1000, TH_FIN | TH_ACK), records);
	expire(flows, 5999, records);
	assert_int_equal(records->len, 0);
	expire(flows, 6000, records);
	assert_int_equal(record_at(records, 0)->end, FLOW_ENDED);
}

static void end_needs_the_ports_in_the_key(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();
	FlowDelta delta = tcp_of(1, 1000, TH_RST);

	(void)state;
	delta.key.source_port = 0;
	add(flows, delta, records);
	expire(flows, 6000, records);
	assert_int_equal(records->len, 0);
	expire(flows, 16000, records);
	assert_int_equal(record_at(records, 0)->end, FLOW_IDLE);
	assert_int_equal(record_at(records, 0)->attributes.tcp_flags, TH_RST);
}

static void new_connection_between_the_same_ports_is_a_new_flow(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, tcp_of(1, 1000, TH_FIN | TH_ACK), records);
	add(flows, reversed(tcp_of(1, 1001, TH_FIN | TH_ACK)), records);
	expire(flows, 2000, records);
	add(flows, reversed(tcp_of(1, 3001, TH_SYN | TH_ACK)), records);
	assert_int_equal(records->len, 2);
	assert_int_equal(record_at(records, 0)->end, FLOW_ENDED);
	assert_int_equal(record_at(records, 1)->end, FLOW_ENDED);
	add(flows, tcp_of(1, 3000, TH_SYN), records);
	assert_int_equal(records->len, 2);
	assert_int_equal(flows_count(flows), 2);
	expire(flows, 10000, records);
	/* It goes on, and knows nothing of the old one's FIN. */
	assert_int_equal(records->len, 2);
}

/* The SYN of a new connection, while the other end has not closed what it takes for the old one. */
static void half_that_has_not_ended_stays(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, tcp_of(1, 1000, TH_FIN | TH_ACK), records);
	add(flows, reversed(tcp_of(1, 1000, TH_ACK)), records);
	expire(flows, 2000, records);
	add(flows, tcp_of(1, 3000, TH_SYN), records);
	assert_int_equal(records->len, 1);
	assert_int_equal(flows_count(flows), 2);
}

/* Another CPU has counted the beginning. */
static void beginning_that_is_read_after_the_end_is_of_the_same_flow(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, tcp_of(1, 1500, TH_FIN | TH_ACK), records);
	add(flows, tcp_of(1, 1000, TH_SYN), records);
	assert_int_equal(records->len, 0);
	assert_int_equal(the_flow(flows).volume.packets, 2);
}

static void full_table_lets_go_of_what_was_idle_for_longest(void **state)
{
	g_autoptr(Flows) flows = flows_new(3);
	g_autoptr(GArray) records = records_new();

	(void)state;
	for (uint16_t unit = 1; unit <= 3; unit++) {
		add(flows, delta_of(unit, 1000 * unit, 1000 * unit), records);
		expire(flows, 1000 * unit, records);
	}
	add(flows, delta_of(1, 4000, 4000), records);
	add(flows, delta_of(4, 4000, 4000), records);
	assert_int_equal(flows_count(flows), 3);
	assert_int_equal(records->len, 1);
	assert_int_equal(record_at(records, 0)->key.source_port, htons(1024 + 2));
	assert_int_equal(record_at(records, 0)->end, FLOW_LACK_OF_RESOURCES);
}

static void full_table_lets_go_of_ended_connections_first(void **state)
{
	g_autoptr(Flows) flows = flows_new(2);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, delta_of(1, 1000, 1000), records);
	expire(flows, 1000, records);
	add(flows, tcp_of(2, 2000, TH_RST), records);
	add(flows, delta_of(3, 3000, 3000), records);
	assert_int_equal(records->len, 1);
	assert_int_equal(record_at(records, 0)->key.source_port, htons(1024 + 2));
	assert_int_equal(record_at(records, 0)->end, FLOW_ENDED);
}

/* It goes on, although FIN was seen in one direction. */
static void full_table_keeps_a_half_that_goes_on(void **state)
{
	g_autoptr(Flows) flows = flows_new(3);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, delta_of(2, 1000, 1000), records);
	expire(flows, 1000, records);
	add(flows, tcp_of(1, 2000, TH_FIN | TH_ACK), records);
	add(flows, reversed(tcp_of(1, 2000, TH_ACK)), records);
	expire(flows, 2000, records);
	add(flows, delta_of(3, 3000, 3000), records);
	assert_int_equal(records->len, 1);
	assert_int_equal(record_at(records, 0)->key.source_port, htons(1024 + 2));
}

static void delta_without_packets_is_no_flow(void **state)
{
	g_autoptr(Flows) flows = flows_new(3);
	g_autoptr(GArray) records = records_new();
	FlowDelta delta = delta_of(1, 1000, 1000);

	(void)state;
	delta.volume = (Volume){ 0 };
	add(flows, delta, records);
	assert_int_equal(flows_count(flows), 0);
}

static guint flood(Flows *flows, uint16_t *unit, uint64_t at_ms, GArray *records)
{
	guint before = records->len;

	for (int i = 0; i < 500; i++, ++*unit)
		add(flows, delta_of(*unit, at_ms, at_ms), records);
	return records->len - before;
}

/* Five times as many flows as there is room for, in each sweep; those that go on keep their half. */
static void flood_does_not_drive_out_flows_that_go_on(void **state)
{
	g_autoptr(Flows) flows = flows_new(100);
	g_autoptr(GArray) records = records_new();
	uint16_t unit = 1000;
	guint lost = 0;

	(void)state;
	for (uint64_t at = 1000; at <= 50000; at += 1000) {
		for (uint16_t steady = 0; steady < 50; steady++)
			add(flows, delta_of(steady, at, at), records);
		if (at >= 3000)
			lost += flood(flows, &unit, at + 500, records);
		expire(flows, at + 1000, records);
	}
	assert_int_equal(flows_count(flows), 100);
	assert_true(lost > 20000);
	for (guint i = 0; i < records->len; i++)
		assert_true(ntohs(record_at(records, i)->key.source_port) >= 1024 + 1000);
}

static void smaller_maximum_is_met_at_the_next_sweep(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	for (uint16_t unit = 0; unit < 8; unit++)
		add(flows, delta_of(unit, 1000, 1000), records);
	flows_set_max(flows, 3);
	assert_int_equal(flows_max(flows), 3);
	add(flows, delta_of(8, 1000, 1000), records);
	assert_int_equal(flows_count(flows), 8);
	expire(flows, 1000, records);
	assert_int_equal(flows_count(flows), 3);
	assert_int_equal(records->len, 6);
}

static bool has_even_port(const FlowRecord *flow, void *user_data)
{
	++*(int *)user_data;
	return ntohs(flow->key.source_port) % 2 == 0;
}

static void chosen_flows_are_flushed(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();
	int asked = 0;

	(void)state;
	for (uint16_t unit = 0; unit < 5; unit++)
		add(flows, delta_of(unit, 1000, 1000), records);
	assert_int_equal(flows_flush(flows, has_even_port, &asked, records), 3);
	assert_int_equal(asked, 5);
	assert_int_equal(records->len, 3);
	assert_int_equal(record_at(records, 0)->end, FLOW_FORCED);
	assert_int_equal(flows_flush(flows, NULL, NULL, records), 2);
	assert_int_equal(flows_count(flows), 0);
}

static void reverse_is_found_whatever_its_class(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();
	FlowDelta delta = delta_of(1, 1000, 1000), reverse = reversed(delta);

	(void)state;
	add(flows, delta, records);
	assert_null(flows_find_reverse(flows, &delta.key));
	reverse.key.traffic_class = 0xb8;
	reverse.key.hook = HOOK_EGRESS;
	add(flows, reverse, records);
	assert_memory_equal(&flows_find_reverse(flows, &delta.key)->key, &reverse.key,
			    sizeof(reverse.key));
	assert_memory_equal(&flows_find_reverse(flows, &reverse.key)->key, &delta.key,
			    sizeof(delta.key));
}

static void times_move_along_with_the_clock(void **state)
{
	static const int64_t steps_ms[] = { -5000, -3600000, 3600000,
					    INT64_C(50) * 365 * 86400000 };

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(steps_ms); i++) {
		g_autoptr(Flows) flows = flows_new(8);
		g_autoptr(GArray) records = records_new();
		FlowDelta delta = delta_of(2, 11000, 11000);
		uint64_t epoch = (uint64_t)(EPOCH_MS + steps_ms[i]);

		add(flows, delta_of(1, 1000, 2000), records);
		expire(flows, 10000, records);
		flows_add(flows, &delta, EPOCH_NS + steps_ms[i] * 1000000, records);
		flows_expire(flows, &timeouts, epoch + 16999, records);
		assert_int_equal(records->len, 0);
		flows_expire(flows, &timeouts, epoch + 17000, records);
		assert_int_equal(record_at(records, 0)->start_ms, epoch + 1000);
		assert_int_equal(record_at(records, 0)->end_ms, epoch + 2000);
		assert_int_equal(records->len, 1);
	}
}

static void flow_does_not_wait_for_a_clock_that_was_set_back(void **state)
{
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GArray) records = records_new();

	(void)state;
	add(flows, delta_of(1, 800000000, 900000000), records);
	expire(flows, 900000000, records);
	assert_int_equal(records->len, 1); /* active */
	add(flows, delta_of(1, 900000000, 900001000), records);
	expire(flows, 5000, records);
	expire(flows, 19999, records);
	assert_int_equal(records->len, 1);
	expire(flows, 20000, records);
	assert_int_equal(record_at(records, 1)->end, FLOW_IDLE);
	assert_int_equal(record_at(records, 1)->start_ms, EPOCH_MS + 4000);
	assert_int_equal(record_at(records, 1)->end_ms, EPOCH_MS + 5000);
}

static Flows *save_and_load(const Flows *flows, const char *dir, uint32_t max)
{
	g_autofree char *path = g_build_filename(dir, "totals", NULL);
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	Flows *loaded = flows_new(max);

	flows_save(flows, writer);
	assert_true(totals_writer_replace(writer, path, NULL));
	reader = totals_reader_new(path, NULL);
	assert_non_null(reader);
	assert_true(flows_load(loaded, reader, NULL));
	return loaded;
}

static void flows_outlive_the_process(void **state)
{
	g_autoptr(Flows) flows = flows_new(8), loaded = NULL;
	g_autoptr(GArray) records = records_new();
	FlowRecord flow;

	add(flows, tcp_of(1, 1000, TH_FIN | TH_ACK), records);
	flow = the_flow(flows);
	add(flows, delta_of(2, 2000, 2000), records);
	loaded = save_and_load(flows, *state, 8);
	assert_int_equal(flows_count(loaded), 2);
	expire(loaded, 6000, records);
	assert_int_equal(records->len, 1);
	assert_int_equal(record_at(records, 0)->end, FLOW_ENDED);
	assert_memory_equal(record_at(records, 0), &flow, offsetof(FlowRecord, end));
	add(loaded, delta_of(2, 7000, 7000), records);
	assert_int_equal(the_flow(loaded).volume.packets, 2);
	assert_int_equal(the_flow(loaded).start_ms, EPOCH_MS + 2000);
}

/* As of a machine without one, that was started anew. */
static void loaded_flow_does_not_wait_for_a_clock_that_was_set_back(void **state)
{
	g_autoptr(Flows) flows = flows_new(8), loaded = NULL;
	g_autoptr(GArray) records = records_new();

	add(flows, delta_of(1, 900000000, 900000000), records);
	loaded = save_and_load(flows, *state, 8);
	expire(loaded, 5000, records);
	expire(loaded, 20000, records);
	assert_int_equal(record_at(records, 0)->end, FLOW_IDLE);
	assert_int_equal(record_at(records, 0)->end_ms, EPOCH_MS + 5000);
}

static void what_is_loaded_beyond_the_maximum_is_reported(void **state)
{
	g_autoptr(Flows) flows = flows_new(5000), loaded = NULL;
	g_autoptr(GArray) records = records_new();

	for (uint16_t unit = 0; unit < 3000; unit++)
		add(flows, delta_of(unit, 1000, 1000), records);
	loaded = save_and_load(flows, *state, 10);
	expire(loaded, 1000, records);
	assert_int_equal(flows_count(loaded), 10);
	assert_int_equal(records->len, 2990);
	assert_int_equal(record_at(records, 0)->end, FLOW_LACK_OF_RESOURCES);
}

/* The row's size is what flows.c says; where its parts are is told from what it holds. */
static void row_that_is_no_flow_is_refused(void **state)
{
	static const struct {
		size_t offset;
		size_t size;
		uint64_t value;
	} faults[] = {
		{ 55, 1, HOOKS },      /* the hook */
		{ 56, 8, 0 },	       /* no packets, but a start */
		{ 80, 8, 2000 },       /* the start is later than the end */
		{ 88, 8, UINT64_MAX }, /* the end is too late for arithmetic */
		{ 130, 1, 77 },	       /* the list */
	};
	g_autofree char *path = g_build_filename(*state, "totals", NULL);

	for (size_t i = 0; i <= G_N_ELEMENTS(faults); i++) {
		g_autoptr(TotalsWriter) writer = totals_writer_new();
		g_autoptr(TotalsReader) reader = NULL;
		g_autoptr(Flows) flows = flows_new(8);
		g_autoptr(GError) error = NULL;
		uint8_t rows[2][136] = { { 0 } };
		const uint64_t packets = 1, time_ms = 1000;

		for (size_t row = 0; row < 2; row++) {
			rows[row][0] = (uint8_t)row;
			memcpy(rows[row] + 56, &packets, sizeof(packets));
			memcpy(rows[row] + 80, &time_ms, sizeof(time_ms));
			memcpy(rows[row] + 88, &time_ms, sizeof(time_ms));
		}
		if (i < G_N_ELEMENTS(faults) && faults[i].size == 1)
			rows[1][faults[i].offset] = (uint8_t)faults[i].value;
		else if (i < G_N_ELEMENTS(faults))
			memcpy(rows[1] + faults[i].offset, &faults[i].value,
			       sizeof(faults[i].value));
		totals_writer_begin(writer, TOTALS_FLOWS, sizeof(rows[0]));
		totals_writer_add(writer, rows[0]);
		totals_writer_add(writer, rows[1]);
		assert_true(totals_writer_replace(writer, path, NULL));
		reader = totals_reader_new(path, NULL);
		assert_non_null(reader);
		assert_int_equal(flows_load(flows, reader, &error), i == G_N_ELEMENTS(faults));
		assert_int_equal(error == NULL, i == G_N_ELEMENTS(faults));
		assert_int_equal(flows_count(flows), error ? 0 : 2);
	}
}

static void rows_of_another_size_are_refused(void **state)
{
	g_autofree char *path = g_build_filename(*state, "totals", NULL);
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	g_autoptr(Flows) flows = flows_new(8);
	g_autoptr(GError) error = NULL;

	totals_writer_begin(writer, TOTALS_FLOWS, 8);
	totals_writer_add(writer, "flowtally");
	assert_true(totals_writer_replace(writer, path, NULL));
	reader = totals_reader_new(path, NULL);
	assert_false(flows_load(flows, reader, &error));
	assert_non_null(error);
}

/* What is all counted, by unit and direction: the naive sums, and those of all records. */
typedef struct {
	Volume given[2 * MAX_UNIT];
	Volume told[2 * MAX_UNIT];
} Model;

static Volume *place_of(Volume *sums, const struct flow_key *key)
{
	bool back = key->source_port == htons(443);
	uint16_t port = ntohs(back ? key->destination_port : key->source_port);

	return &sums[2 * (port - 1024) + back];
}

static void tell(Model *model, GArray *records)
{
	for (guint i = 0; i < records->len; i++) {
		const FlowRecord *record = record_at(records, i);

		assert_true(record->volume.packets > 0);
		assert_true(record->start_ms > 0 && record->start_ms <= record->end_ms);
		assert_in_range(record->end, FLOW_IDLE, FLOW_LACK_OF_RESOURCES);
		volume_add(place_of(model->told, &record->key), &record->volume);
	}
	g_array_set_size(records, 0);
}

static void tell_rest(const FlowRecord *flow, void *user_data)
{
	volume_add(place_of(((Model *)user_data)->told, &flow->key), &flow->volume);
}

static bool is_chosen(const FlowRecord *flow, void *user_data)
{
	return g_rand_int_range(user_data, 0, 10) == 0;
}

static void give(Flows *flows, Model *model, GRand *random, uint64_t now_ms, GArray *records)
{
	static const uint16_t flags[] = { TH_ACK, TH_ACK, TH_ACK, TH_ACK, TH_ACK,
					  TH_ACK, TH_SYN, TH_FIN, TH_RST, 0 };
	FlowDelta deltas[200];
	bool again[G_N_ELEMENTS(deltas)];
	size_t n = (size_t)g_rand_int_range(random, 0, 201);

	for (size_t i = 0; i < n; i++) {
		/* Some come often. */
		int range = g_rand_boolean(random) ? MAX_UNIT : 50;
		uint16_t unit = (uint16_t)g_rand_int_range(random, 0, range);
		uint64_t at = now_ms - (uint64_t)g_rand_int_range(random, 0, 1000);

		deltas[i] =
			tcp_of(unit, at, flags[g_rand_int_range(random, 0, G_N_ELEMENTS(flags))]);
		if (g_rand_boolean(random))
			deltas[i] = reversed(deltas[i]);
		deltas[i].last_ns += (uint64_t)g_rand_int_range(random, 0, 1000000);
		deltas[i].volume = (Volume){ (uint64_t)g_rand_int_range(random, 1, 100),
					     g_rand_int(random), g_rand_int(random) };
		volume_add(place_of(model->given, &deltas[i].key), &deltas[i].volume);
	}
	flows_add_all(flows, deltas, n, EPOCH_NS, records, again);
}

static void every_packet_is_told_once_whatever_happens(void **state)
{
	const guint32 seed = g_random_int();
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	g_autoptr(GArray) records = records_new();
	g_autoptr(Flows) flows = flows_new(1);
	g_autofree Model *model = g_new0(Model, 1);
	uint64_t now_ms = 1000000;

	print_message("# seed %" G_GUINT32_FORMAT "\n", seed);
	for (int step = 0; step < 3000; step++) {
		Flows *loaded;

		give(flows, model, random, now_ms, records);
		assert_true(flows_count(flows) <= MAX(flows_max(flows), 3000));
		switch (g_rand_int_range(random, 0, 30)) {
		case 0:
			flows_flush(flows, is_chosen, random, records);
			break;
		case 1:
			loaded = save_and_load(flows, *state, flows_max(flows));
			assert_int_equal(flows_count(loaded), flows_count(flows));
			flows_free(flows);
			flows = loaded;
			break;
		case 2:
			flows_set_max(flows, (uint32_t)g_rand_int_range(random, 1, 3000));
			break;
		case 3: /* a step of the clock */
			now_ms -= (uint64_t)g_rand_int_range(random, 0, 3000);
			break;
		case 4:
			flows_flush(flows, NULL, NULL, records);
			assert_int_equal(flows_count(flows), 0);
			break;
		}
		now_ms += (uint64_t)g_rand_int_range(random, 0, 4000);
		flows_expire(flows, g_rand_int_range(random, 0, 20) ? &timeouts : &never,
			     EPOCH_MS + now_ms, records);
		assert_true(flows_count(flows) <= flows_max(flows));
		tell(model, records);
	}
	flows_visit(flows, tell_rest, model);
	assert_memory_equal(model->told, model->given, sizeof(model->given));
}

static unsigned int unit_of(const FlowRecord *flow)
{
	return ntohs(flow->key.source_port) - 1024u;
}

static bool is_odd(const FlowRecord *flow, void *user_data)
{
	return unit_of(flow) & 1;
}

/* A bit for each unit, of which none is found twice. */
static void note_unit(const FlowRecord *flow, void *user_data)
{
	unsigned int *found = user_data, bit = 1u << unit_of(flow);

	assert_false(*found & bit);
	*found |= bit;
}

/* Each is visited once, however many steps that takes; places of flows that have left are passed over. */
static void visits_in_steps_find_each_flow_once(void **state)
{
	g_autoptr(Flows) flows = flows_new(16);
	g_autoptr(GArray) records = records_new();

	(void)state;
	for (uint16_t unit = 0; unit < 10; unit++)
		add(flows, delta_of(unit, 1000, 1000), records);
	(void)flows_flush(flows, is_odd, NULL, records);
	for (uint32_t n = 1; n <= 11; n++) {
		unsigned int found = 0;
		uint32_t place = 0;

		do
			place = flows_visit_some(flows, place, n, note_unit, &found);
		while (place);
		assert_int_equal(found, 0x155);
	}
}

static void every_change_is_noted(void **state)
{
	g_autoptr(Flows) flows = flows_new(16);
	g_autoptr(GArray) records = records_new();
	uint64_t added, expired;

	(void)state;
	add(flows, delta_of(1, 1000, 1000), records);
	added = flows_changes(flows);
	assert_int_not_equal(added, 0);
	expire(flows, 2000, records);
	expired = flows_changes(flows);
	assert_int_not_equal(expired, added);
	assert_int_equal(flows_changes(flows), expired);
	(void)flows_flush(flows, NULL, NULL, records);
	assert_int_not_equal(flows_changes(flows), expired);
}

/* The records of both directions stand together from @index on. */
static void assert_pair(const GArray *records, guint index, FlowEnd end, FlowRole role)
{
	const FlowRecord *one = record_at(records, index), *other = record_at(records, index + 1);
	struct flow_key reverse;

	assert_true(flow_key_reverse(&one->key, &reverse));
	assert_true(flow_key_is_alike(&reverse, &other->key));
	assert_int_equal(one->end, end);
	assert_int_equal(other->end, end);
	if (one->key.source[12] == 192)
		assert_int_equal(one->role, role);
	else
		assert_int_equal(other->role, role);
	assert_int_equal(one->role + other->role, role == FLOW_ROLE_UNDECIDED ?
							  2 * FLOW_ROLE_UNDECIDED :
							  FLOW_INITIATOR + FLOW_RESPONDER);
}

static Flows *pairs_new(uint32_t max)
{
	Flows *flows = flows_new(max);

	flows_set_pairs(flows, true);
	return flows;
}

static void a_pair_is_idle_when_both_are(void **state)
{
	g_autoptr(Flows) flows = pairs_new(8);
	g_autoptr(GArray) records = records_new();

	add(flows, delta_of(1, 1000, 2000), records);
	for (uint64_t at_ms = 1000; at_ms <= 31000; at_ms += 10000) {
		add(flows, reversed(delta_of(1, at_ms + 500, at_ms + 600)), records);
		expire(flows, at_ms + 1000, records);
	}
	assert_int_equal(records->len, 0);
	expire(flows, 46599, records);
	assert_int_equal(records->len, 0);
	expire(flows, 46600, records);
	assert_int_equal(records->len, 2);
	assert_pair(records, 0, FLOW_IDLE, FLOW_INITIATOR);
	assert_int_equal(flows_count(flows), 0);
}

/* Whichever is first in the cache, and whichever is due by itself. */
static void a_pair_is_active_since_the_first_packet_of_either(void **state)
{
	for (int turn = 0; turn < 2; turn++) {
		g_autoptr(Flows) flows = pairs_new(8);
		g_autoptr(GArray) records = records_new();
		FlowDelta one = delta_of(1, 10000, 10000), other = delta_of(1, 1000, 1000);

		add(flows, turn ? one : reversed(one), records);
		add(flows, turn ? reversed(other) : other, records);
		one.first_ns = one.last_ns = other.first_ns = other.last_ns = UINT64_C(60000000000);
		add(flows, turn ? one : reversed(one), records);
		add(flows, turn ? reversed(other) : other, records);
		expire(flows, 60999, records);
		assert_int_equal(records->len, 0);
		expire(flows, 61000, records);
		assert_int_equal(records->len, 2);
		assert_pair(records, 0, FLOW_ACTIVE, turn ? FLOW_RESPONDER : FLOW_INITIATOR);
		assert_int_equal(flows_count(flows), 2);
		/* Nothing is reported twice. */
		expire(flows, 62000, records);
		assert_int_equal(records->len, 2);
	}
}

static void who_began_stays_that(void **state)
{
	g_autoptr(Flows) flows = pairs_new(8);
	g_autoptr(GArray) records = records_new();

	add(flows, delta_of(1, 1000, 1000), records);
	expire(flows, 61000 - 50000, records);
	add(flows, delta_of(1, 12000, 12000), records);
	expire(flows, 24000, records);
	add(flows, delta_of(1, 30000, 61000), records);
	expire(flows, 61000, records);
	assert_int_equal(records->len, 1);
	assert_int_equal(record_at(records, 0)->role, FLOW_INITIATOR);
	/* Now the answer is the first to have packets. */
	add(flows, reversed(delta_of(1, 62000, 62000)), records);
	add(flows, delta_of(1, 63000, 63000), records);
	assert_int_equal(flows_flush(flows, NULL, NULL, records), 2);
	assert_int_equal(records->len, 3);
	assert_pair(records, 1, FLOW_FORCED, FLOW_INITIATOR);
}

static void syn_and_requests_tell_who_began(void **state)
{
	g_autoptr(Flows) flows = pairs_new(8);
	g_autoptr(GArray) records = records_new();
	FlowDelta request = delta_of(1, 3000, 3000);

	/* The clock would say the contrary. */
	add(flows, tcp_of(1, 3000, TH_SYN), records);
	add(flows, reversed(tcp_of(1, 2000, TH_RST | TH_ACK)), records);
	assert_int_equal(flows_flush(flows, NULL, NULL, records), 2);
	assert_pair(records, 0, FLOW_FORCED, FLOW_INITIATOR);
	request.key.protocol = IPPROTO_ICMP;
	request.key.source_port = 0;
	request.key.destination_port = htons(8 << 8);
	add(flows, reversed(request), records);
	add(flows, request, records);
	assert_int_equal(flows_flush(flows, NULL, NULL, records), 2);
	assert_pair(records, 2, FLOW_FORCED, FLOW_INITIATOR);
	/* Both within a tick. */
	add(flows, delta_of(2, 3000, 3000), records);
	add(flows, reversed(delta_of(2, 3000, 3000)), records);
	assert_int_equal(flows_flush(flows, NULL, NULL, records), 2);
	assert_pair(records, 4, FLOW_FORCED, FLOW_ROLE_UNDECIDED);
}

static void a_connection_leaves_as_a_pair(void **state)
{
	g_autoptr(Flows) flows = pairs_new(8);
	g_autoptr(GArray) records = records_new();

	add(flows, tcp_of(1, 1000, TH_SYN | TH_ACK | TH_FIN), records);
	add(flows, reversed(tcp_of(1, 1001, TH_SYN | TH_ACK | TH_FIN)), records);
	expire(flows, 1100, records);
	/* What trails behind is of the same. */
	add(flows, reversed(tcp_of(1, 5000, TH_ACK)), records);
	expire(flows, 6001, records);
	assert_int_equal(records->len, 0);
	expire(flows, 10000, records);
	assert_int_equal(records->len, 2);
	assert_pair(records, 0, FLOW_ENDED, FLOW_INITIATOR);
	assert_int_equal(flows_count(flows), 0);
}

/* Many at random: what goes in comes out once, however it is paired. */
static void pairs_lose_nothing_of(uint32_t max, guint records_per_pair)
{
	g_autoptr(Flows) flows = pairs_new(max);
	g_autoptr(GArray) records = records_new();
	uint64_t packets = 0, reported = 0;
	unsigned int pairs = 0;
	g_autoptr(GRand) random = g_rand_new_with_seed(5103);

	for (uint64_t now_ms = 1000; now_ms < 400000; now_ms += 1000) {
		for (int i = 0; i < 30; i++) {
			uint16_t unit = (uint16_t)g_rand_int_range(random, 0, 60);
			uint16_t flags = (uint16_t)g_rand_int_range(random, 0, 32);
			FlowDelta delta = unit % 2 ? tcp_of(unit, now_ms - 500, flags) :
						     delta_of(unit, now_ms - 700, now_ms - 600);

			delta.key.traffic_class = (uint8_t)(unit % 3 ? 0 : (flags & 4));
			add(flows, flags & 1 ? delta : reversed(delta), records);
			packets++;
		}
		expire(flows, now_ms, records);
	}
	(void)flows_flush(flows, NULL, NULL, records);
	assert_int_equal(flows_count(flows), 0);
	for (guint i = 0; i < records->len; i++) {
		const FlowRecord *record = record_at(records, i);
		struct flow_key reverse;

		reported += record->volume.packets;
		if (i && flow_key_reverse(&record->key, &reverse))
			pairs += flow_key_is_alike(&reverse, &record_at(records, i - 1)->key);
	}
	assert_int_equal(reported, packets);
	assert_true(pairs >= records->len / records_per_pair);
}

static void pairs_lose_nothing(void **state)
{
	(void)state;
	pairs_lose_nothing_of(256, 4);
	/* Where flows leave early they leave alone. */
	pairs_lose_nothing_of(16, G_MAXUINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deltas_of_all_cpus_add_up),
		cmocka_unit_test(each_part_of_the_key_tells_flows_apart),
		cmocka_unit_test(idle_flow_leaves),
		cmocka_unit_test(active_flow_is_reported_and_begins_anew),
		cmocka_unit_test(flow_with_nothing_since_its_record_leaves_without_one),
		cmocka_unit_test(flow_is_not_kept_by_one_that_was_added_before),
		cmocka_unit_test(connection_ends_by_fin_both_ways),
		cmocka_unit_test(trailing_packets_are_of_the_same_flow),
		cmocka_unit_test(reset_ends_both_directions),
		cmocka_unit_test(flows_that_go_on_are_told_from_others),
		cmocka_unit_test(fin_is_the_end_where_the_other_way_is_not_seen),
		cmocka_unit_test(end_needs_the_ports_in_the_key),
		cmocka_unit_test(new_connection_between_the_same_ports_is_a_new_flow),
		cmocka_unit_test(half_that_has_not_ended_stays),
		cmocka_unit_test(beginning_that_is_read_after_the_end_is_of_the_same_flow),
		cmocka_unit_test(full_table_lets_go_of_what_was_idle_for_longest),
		cmocka_unit_test(full_table_lets_go_of_ended_connections_first),
		cmocka_unit_test(full_table_keeps_a_half_that_goes_on),
		cmocka_unit_test(delta_without_packets_is_no_flow),
		cmocka_unit_test(flood_does_not_drive_out_flows_that_go_on),
		cmocka_unit_test(smaller_maximum_is_met_at_the_next_sweep),
		cmocka_unit_test(chosen_flows_are_flushed),
		cmocka_unit_test(reverse_is_found_whatever_its_class),
		cmocka_unit_test(times_move_along_with_the_clock),
		cmocka_unit_test(flow_does_not_wait_for_a_clock_that_was_set_back),
		cmocka_unit_test_setup_teardown(flows_outlive_the_process, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(
			loaded_flow_does_not_wait_for_a_clock_that_was_set_back, make_directory,
			remove_directory),
		cmocka_unit_test_setup_teardown(what_is_loaded_beyond_the_maximum_is_reported,
						make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(row_that_is_no_flow_is_refused, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(rows_of_another_size_are_refused, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(every_packet_is_told_once_whatever_happens,
						make_directory, remove_directory),
		cmocka_unit_test(visits_in_steps_find_each_flow_once),
		cmocka_unit_test(every_change_is_noted),
		cmocka_unit_test(a_pair_is_idle_when_both_are),
		cmocka_unit_test(a_pair_is_active_since_the_first_packet_of_either),
		cmocka_unit_test(who_began_stays_that),
		cmocka_unit_test(syn_and_requests_tell_who_began),
		cmocka_unit_test(a_connection_leaves_as_a_pair),
		cmocka_unit_test(pairs_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
