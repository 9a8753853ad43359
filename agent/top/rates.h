/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a counter has grown over the last seconds, from what it was at a few moments.
 *
 * Between two samples it is taken to have grown evenly, so a window is as long as it says, whatever
 * the moments were. No window reaches back before the first sample: it is then as long as there are
 * samples. Times are those that came with the samples, in milliseconds.
 */
#ifndef FLOWTALLY_RATES_H
#define FLOWTALLY_RATES_H

#include <stdint.h>

#include <glib.h>

#include "records.h"

typedef enum {
	RATE_2S,
	RATE_10S,
	RATE_40S,
	RATE_WINDOWS,
} RateWindow;

/* In milliseconds. */
extern const uint64_t rate_windows[RATE_WINDOWS];

/* Of one a second the longest window needs as many, and one for the moment at which it begins. */
#define RATES_SAMPLES 41

typedef struct Rates Rates;

Rates *rates_new(void);
void rates_free(Rates *rates);

/*
 * What the counters of both directions were at @ms. A second sample of the same moment replaces the first.
 * Where time or a counter goes back, the agent or its counter is another, and the samples before are
 * forgotten.
 */
void rates_add(Rates *rates, uint64_t ms, const uint64_t octets[DIRECTIONS]);

/* The counter has taken over what another one was, which no longer grew. */
void rates_raise(Rates *rates, const uint64_t octets[DIRECTIONS]);

/* In octets a second; 0 as long as there are not two samples. */
double rates_over(const Rates *rates, enum direction direction, RateWindow window);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rates, rates_free)

#endif
