/* SPDX-License-Identifier: Apache-2.0 */
#include "rates.h"

#include <stdbool.h>
#include <string.h>

typedef struct {
	uint64_t ms;
	uint64_t octets[DIRECTIONS];
} Sample;

struct Rates {
	GArray *samples; /* of Sample, the oldest first */
};

const uint64_t rate_windows[RATE_WINDOWS] = {
	[RATE_2S] = 2000,
	[RATE_10S] = 10000,
	[RATE_40S] = 40000,
};

static Sample *sample_at(const Rates *rates, guint i)
{
	return &g_array_index(rates->samples, Sample, i);
}

static Sample *last_sample(const Rates *rates)
{
	return rates->samples->len ? sample_at(rates, rates->samples->len - 1) : NULL;
}

Rates *rates_new(void)
{
	Rates *rates = g_new0(Rates, 1);

	rates->samples = g_array_new(FALSE, FALSE, sizeof(Sample));
	return rates;
}

void rates_free(Rates *rates)
{
	if (!rates)
		return;
	g_array_unref(rates->samples);
	g_free(rates);
}

static bool goes_back(const Sample *from, const Sample *to)
{
	return to->ms < from->ms || to->octets[DIRECTION_UPLOAD] < from->octets[DIRECTION_UPLOAD] ||
	       to->octets[DIRECTION_DOWNLOAD] < from->octets[DIRECTION_DOWNLOAD];
}

static bool same_octets(const Sample *a, const Sample *b)
{
	return !memcmp(a->octets, b->octets, sizeof(a->octets));
}

/* Of a counter that stands still only the first and the last moment are kept: most of them do. */
static bool last_is_superseded(const Rates *rates, const Sample *next)
{
	guint len = rates->samples->len;
	const Sample *last = last_sample(rates);

	if (!last)
		return false;
	return last->ms == next->ms ||
	       (len > 1 && same_octets(last, next) && same_octets(sample_at(rates, len - 2), next));
}

/* The longest window begins at the first sample or between it and the second. */
static void forget(Rates *rates)
{
	uint64_t ms = last_sample(rates)->ms;
	guint i = 0;

	while (i + 1 < rates->samples->len &&
	       (rates->samples->len - i > RATES_SAMPLES ||
		ms - sample_at(rates, i + 1)->ms >= rate_windows[RATE_40S]))
		i++;
	g_array_remove_range(rates->samples, 0, i);
}

void rates_add(Rates *rates, uint64_t ms, const uint64_t octets[DIRECTIONS])
{
	Sample next = { .ms = ms };

	memcpy(next.octets, octets, sizeof(next.octets));
	if (rates->samples->len && goes_back(last_sample(rates), &next))
		g_array_set_size(rates->samples, 0);
	if (last_is_superseded(rates, &next))
		*last_sample(rates) = next;
	else
		g_array_append_val(rates->samples, next);
	forget(rates);
}

void rates_raise(Rates *rates, const uint64_t octets[DIRECTIONS])
{
	for (guint i = 0; i < rates->samples->len; i++) {
		for (int direction = 0; direction < DIRECTIONS; direction++)
			sample_at(rates, i)->octets[direction] += octets[direction];
	}
}

/* The last sample that is not after @ms; there is one. */
static guint sample_before(const Rates *rates, uint64_t ms)
{
	guint i = rates->samples->len - 1;

	while (sample_at(rates, i)->ms > ms)
		i--;
	return i;
}

/* What the counter has grown by since @ms. */
static double growth_since(const Rates *rates, enum direction direction, uint64_t ms)
{
	guint i = sample_before(rates, ms);
	const Sample *before = sample_at(rates, i), *after = before + 1, *last = last_sample(rates);
	double growth = (double)(last->octets[direction] - before->octets[direction]);

	if (before->ms == ms)
		return growth;
	return growth - (double)(after->octets[direction] - before->octets[direction]) *
				(double)(ms - before->ms) / (double)(after->ms - before->ms);
}

double rates_over(const Rates *rates, enum direction direction, RateWindow window)
{
	uint64_t length;

	if (rates->samples->len < 2)
		return 0;
	length = MIN(rate_windows[window], last_sample(rates)->ms - sample_at(rates, 0)->ms);
	return growth_since(rates, direction, last_sample(rates)->ms - length) * 1000 /
	       (double)length;
}
