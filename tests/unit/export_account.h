/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of a collector's account at every moment. */
#ifndef FLOWTALLY_TESTS_EXPORT_ACCOUNT_H
#define FLOWTALLY_TESTS_EXPORT_ACCOUNT_H

#include "export/collector.h"
#include "test.h"

/* What was made is what was sent, what waits, what was moved and what was dropped for one reason or another. */
static inline void assert_account_adds_up(const CollectorStatus *status)
{
	const ExportCounters *counters = &status->counters;
	ExportSum told = counters->sent, dropped = { 0 };

	for (int reason = 0; reason < EXPORT_LOSSES; reason++)
		export_sum_add(&dropped, &counters->dropped_for[reason]);
	assert_memory_equal(&dropped, &counters->dropped, sizeof(dropped));
	export_sum_add(&told, &dropped);
	export_sum_add(&told, &counters->moved);
	export_sum_add(&told, &status->queued);
	export_sum_add(&told, &status->spooled);
	assert_memory_equal(&told, &counters->made, sizeof(told));
}

#endif
