/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of lists of flows share: flows, in the network of test_view.h. */
#ifndef FLOWTALLY_TEST_FLOWS_H
#define FLOWTALLY_TEST_FLOWS_H

#include <arpa/inet.h>
#include <netinet/in.h>

#include "test_view.h"

/* The point's, and the own namespace's beside it. */
#define TEST_INDEX 7

/* Of TCP from 192.0.2.1 to port 443 of 198.51.100.1, its source port being @port; @octets in one packet. */
static inline FlowDelta flow_delta(uint16_t port, uint64_t octets)
{
	return (FlowDelta){
		.key = { .source = { [10] = 0xff, 0xff, 192, 0, 2, 1 },
			 .destination = { [10] = 0xff, 0xff, 198, 51, 100, 1 },
			 .ingress = TEST_INDEX,
			 .egress = 9,
			 .source_port = htons(port),
			 .destination_port = htons(443),
			 .protocol = IPPROTO_TCP,
			 .ip_version = 4,
			 .hook = HOOK_EGRESS },
		.volume = { 1, octets, octets + 14 },
		.first_ns = 1000000000,
		.last_ns = 3500000000,
		.attributes = { .min_octets = 40,
				.max_octets = 1500,
				.tcp_flags = 0x1b,
				.min_ttl = 61,
				.max_ttl = 64,
				.fragment_id = 5,
				.source_mac = { 2, 0, 0, 0, 0, 1 },
				.destination_mac = { 2, 0, 0, 0, 0, 2 } },
	};
}

static inline void add_flow(Flows *flows, FlowDelta delta)
{
	g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(FlowRecord));

	flows_add(flows, &delta, TEST_START_MS * INT64_C(1000000), records);
	assert_int_equal(records->len, 0);
}

static inline void note_record(const FlowRecord *flow, void *user_data)
{
	*(FlowRecord *)user_data = *flow;
}

static inline FlowRecord flow_record(FlowDelta delta)
{
	g_autoptr(Flows) flows = flows_new(1);
	FlowRecord record;

	add_flow(flows, delta);
	flows_visit(flows, note_record, &record);
	return record;
}

#endif
