/* SPDX-License-Identifier: Apache-2.0 */
#include "flowrecords.h"

#include "ipfix.h"

GPtrArray *flow_records_new(const FlowRecord *flows, size_t n)
{
	g_autofree uint8_t *kinds = g_new(uint8_t, n);
	GPtrArray *records = g_ptr_array_sized_new((guint)n);

	for (size_t i = 0; i < n; i++)
		kinds[i] = volume_is_zero(&flows[i].volume) ? IPFIX_FLOW_KINDS :
							      (uint8_t)ipfix_flow_kind(&flows[i]);
	for (unsigned int kind = 0; kind < IPFIX_FLOW_KINDS; kind++) {
		for (size_t i = 0; i < n; i++)
			if (kinds[i] == kind)
				g_ptr_array_add(records, (void *)&flows[i]);
	}
	return records;
}
