/* SPDX-License-Identifier: Apache-2.0 */
/* The file of sums, as it is found at the start: its checksum is always right, or nothing would get behind it. */
#include "base/totals.h"

#include <zlib.h>

#include "accounts/flows.h"
#include "accounts/flowseries.h"
#include "accounts/flowsums.h"
#include "accounts/hosts.h"
#include "accounts/ledger.h"
#include "fuzz.h"

#define HEADER_LEN 16
#define CHECKSUM_AT 12
#define NOW_MS 1700000000000

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_be_silent();
	return 0;
}

static void note(bool success, GError *error)
{
	FUZZ_ASSERT(success == !error);
	if (error)
		fuzz_assert_line(error->message);
	g_clear_error(&error);
}

static void load(TotalsReader *reader)
{
	Hosts *hosts = hosts_new(100);
	Flows *flows = flows_new(100);
	Ledger *ledger = ledger_new(0);
	FlowSums *sums = flow_sums_new();
	FlowSeriesTable *series = flow_series_new(100);
	GError *error = NULL;

	note(hosts_load(hosts, reader, NOW_MS, &error), g_steal_pointer(&error));
	note(flows_load(flows, reader, &error), g_steal_pointer(&error));
	note(ledger_load(ledger, reader, &error), g_steal_pointer(&error));
	note(flow_sums_load(sums, reader, &error), g_steal_pointer(&error));
	note(flow_series_load(series, reader, &error), g_steal_pointer(&error));
	hosts_free(hosts);
	flows_free(flows);
	ledger_free(ledger);
	flow_sums_free(sums);
	flow_series_free(series);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree uint8_t *file = g_memdup2(data, size);
	g_autoptr(GError) error = NULL;
	g_autoptr(TotalsReader) reader = NULL;

	if (size >= HEADER_LEN) {
		uint32_t checksum = (uint32_t)crc32_z(0, file + HEADER_LEN, size - HEADER_LEN);

		memcpy(file + CHECKSUM_AT, &checksum, sizeof(checksum));
	}
	reader = totals_reader_new(fuzz_file(file, size), &error);
	if (reader)
		load(reader);
	else
		fuzz_assert_line(error->message);
	return 0;
}
