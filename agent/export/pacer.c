/* SPDX-License-Identifier: Apache-2.0 */
#include "pacer.h"

#include <glib.h>

static int64_t duration_us(const Pacer *pacer, uint64_t octets)
{
	return (int64_t)(octets * 1000000 / pacer->rate);
}

int64_t pacer_delay_us(const Pacer *pacer, int64_t now_us)
{
	if (!pacer->rate)
		return 0;
	return MAX(0, pacer->paid_us - duration_us(pacer, PACER_BURST) - now_us);
}

void pacer_note(Pacer *pacer, int64_t now_us, size_t octets)
{
	if (!pacer->rate)
		return;
	/* The microsecond that has begun is gone. */
	pacer->paid_us =
		MAX(pacer->paid_us, now_us) + duration_us(pacer, octets + PACER_OVERHEAD) + 1;
}
