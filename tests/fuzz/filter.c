/* SPDX-License-Identifier: Apache-2.0 */
/* Filter expressions, as text; each that is one is asked about two flows. */
#include "accounts/flowfilter.h"
#include "fuzz.h"
#include "report/test_flows.h"

static FlowRecord flows[2];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	FlowDelta other = flow_delta(53, 100);

	fuzz_be_silent();
	other.key.protocol = IPPROTO_ICMP;
	flows[0] = flow_record(flow_delta(50000, 1500));
	flows[1] = flow_record(other);
	return 0;
}

/* Names of an even length mean something. */
static void find_interface(const char *name, GArray *indexes, void *user_data)
{
	static const uint32_t index = TEST_INDEX;

	if (strlen(name) % 2 == 0)
		g_array_append_val(indexes, index);
}

static void ask(FlowFilter *filter, const GError *error)
{
	FUZZ_ASSERT(!filter == !!error);
	if (error)
		fuzz_assert_line(error->message);
	for (size_t i = 0; filter && i < G_N_ELEMENTS(flows); i++)
		FUZZ_ASSERT(flowfilter_matches(filter, &flows[i]) ==
			    flowfilter_matches(filter, &flows[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GError) error = NULL, packets_error = NULL;
	g_autoptr(FlowFilter) filter = flowfilter_new(text, find_interface, NULL, &error);
	g_autoptr(FlowFilter) packets = flowfilter_new_of_packets(text, NULL, NULL, &packets_error);

	ask(filter, error);
	ask(packets, packets_error);
	return 0;
}
