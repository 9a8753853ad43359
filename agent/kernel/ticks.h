/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of the classifiers: the kernel's ticks (jiffies), which to read costs a packet nothing, in
 * terms of CLOCK_MONOTONIC. A BPF program of two instructions tells how many ticks it is now.
 *
 * Ticks are 1 to 10 ms long, and only the lower half of their count is kept: it comes round after 49
 * days at the earliest, so a time must be read while it is younger than that.
 */
#ifndef FLOWTALLY_TICKS_H
#define FLOWTALLY_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* One moment, on both clocks. */
typedef struct {
	uint64_t monotonic_ns;
	uint32_t ticks;
	uint32_t tick_ns;
} Ticks;

/* A descriptor of the program, the caller's to close; -1 with @error set on failure. Needs CAP_BPF. */
int ticks_open(GError **error);
bool ticks_read(int fd, Ticks *now, GError **error);

/* CLOCK_MONOTONIC at @ticks, which was before @now; at most a tick late, and never after @now. */
uint64_t ticks_to_ns(const Ticks *now, uint32_t ticks);

#endif
