/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtail.h"

struct FlowTail {
	FlowRecord *ring; /* a record is at its number modulo `max` */
	uint32_t max;
	uint64_t first;
	uint64_t end;
};

FlowTail *flow_tail_new(void)
{
	return g_new0(FlowTail, 1);
}

void flow_tail_free(FlowTail *tail)
{
	if (!tail)
		return;
	g_free(tail->ring);
	g_free(tail);
}

uint64_t flow_tail_first(const FlowTail *tail)
{
	return tail->first;
}

uint64_t flow_tail_end(const FlowTail *tail)
{
	return tail->end;
}

const FlowRecord *flow_tail_get(const FlowTail *tail, uint64_t number)
{
	return &tail->ring[number % tail->max];
}

/* Where that are more than @max, those that came first are left out. */
static void forget_above(FlowTail *tail, uint32_t max)
{
	if (tail->end - tail->first > max)
		tail->first = tail->end - max;
}

void flow_tail_set_max(FlowTail *tail, uint32_t max)
{
	FlowRecord *ring;

	if (max == tail->max)
		return;
	/* Pages of it that have never had a record take no memory. */
	ring = g_new(FlowRecord, max);
	forget_above(tail, max);
	for (uint64_t number = tail->first; number < tail->end; number++)
		ring[number % max] = *flow_tail_get(tail, number);
	g_free(tail->ring);
	tail->ring = ring;
	tail->max = max;
}

void flow_tail_add(FlowTail *tail, const FlowRecord *records, size_t n)
{
	size_t skipped = n > tail->max ? n - tail->max : 0;

	for (size_t i = skipped; i < n; i++)
		tail->ring[(tail->end + i) % tail->max] = records[i];
	tail->end += n;
	forget_above(tail, tail->max);
}
