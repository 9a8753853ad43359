/* SPDX-License-Identifier: Apache-2.0 */
#include "flowrecords.h"

#include "ipfix.h"

GArray *flow_records_new(const FlowRecord *flows, const FlowRoute *routes, size_t n)
{
	g_autofree uint8_t *kinds = g_new(uint8_t, n);
	GArray *records = g_array_sized_new(FALSE, FALSE, sizeof(IpfixFlow), (guint)n);

	for (size_t i = 0; i < n; i++) {
		const IpfixFlow flow = { .flow = &flows[i] };

		kinds[i] = volume_is_zero(&flows[i].volume) ? IPFIX_FLOW_KINDS :
							      (uint8_t)ipfix_flow_kind(&flow);
	}
	for (unsigned int kind = 0; kind < IPFIX_FLOW_KINDS; kind++) {
		for (size_t i = 0; i < n; i++) {
			const IpfixFlow flow = { &flows[i], routes ? &routes[i] : NULL };

			if (kinds[i] == kind)
				g_array_append_val(records, flow);
		}
	}
	return records;
}
