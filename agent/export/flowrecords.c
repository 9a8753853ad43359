/* SPDX-License-Identifier: Apache-2.0 */
#include "flowrecords.h"

#include <string.h>

#include <arpa/inet.h>

#include "ipfix.h"

bool flow_records_are_pair(const FlowRecord *first, const FlowRecord *second)
{
	struct flow_key reverse;

	return !volume_is_zero(&first->volume) && !volume_is_zero(&second->volume) &&
	       flow_key_reverse(&first->key, &reverse) && flow_key_is_alike(&reverse, &second->key);
}

/*
 * Which of a pair is told as the flow: who has begun, and where that is not known, always the same one: the
 * higher port, or else the lower address.
 */
static bool comes_first(const FlowRecord *record, const FlowRecord *other)
{
	uint16_t port = ntohs(record->key.source_port), other_port = ntohs(other->key.source_port);

	if (record->role != other->role &&
	    (record->role == FLOW_INITIATOR || other->role == FLOW_INITIATOR))
		return record->role == FLOW_INITIATOR;
	if (port != other_port)
		return port > other_port;
	return memcmp(record->key.source, other->key.source, ADDRESS_LEN) <= 0;
}

static void turn_round(IpfixFlow *flow)
{
	*flow = (IpfixFlow){ .flow = flow->reverse,
			     .route = flow->reverse_route,
			     .reverse = flow->flow,
			     .reverse_route = flow->route };
}

/* All that become records, in their order. */
static GArray *gather(const FlowRecord *flows, const FlowRoute *routes, size_t n, bool biflows)
{
	GArray *all = g_array_sized_new(FALSE, FALSE, sizeof(IpfixFlow), (guint)n);

	for (size_t i = 0; i < n; i++) {
		IpfixFlow flow = { .flow = &flows[i], .route = routes ? &routes[i] : NULL };

		if (volume_is_zero(&flows[i].volume))
			continue;
		if (biflows && i + 1 < n && flow_records_are_pair(&flows[i], &flows[i + 1])) {
			i++;
			flow.reverse = &flows[i];
			flow.reverse_route = routes ? &routes[i] : NULL;
			if (!comes_first(flow.flow, flow.reverse))
				turn_round(&flow);
		}
		g_array_append_val(all, flow);
	}
	return all;
}

GArray *flow_records_new(const FlowRecord *flows, const FlowRoute *routes, size_t n, bool biflows)
{
	g_autoptr(GArray) all = gather(flows, routes, n, biflows);
	GArray *records = g_array_sized_new(FALSE, FALSE, sizeof(IpfixFlow), all->len);
	g_autofree uint8_t *kinds = g_new(uint8_t, all->len);

	for (guint i = 0; i < all->len; i++)
		kinds[i] = (uint8_t)ipfix_flow_kind(&g_array_index(all, IpfixFlow, i));
	for (unsigned int kind = 0; kind < IPFIX_FLOW_KINDS; kind++) {
		for (guint i = 0; i < all->len; i++)
			if (kinds[i] == kind)
				g_array_append_vals(records, &g_array_index(all, IpfixFlow, i), 1);
	}
	return records;
}
