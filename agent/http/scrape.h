/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expositions for whoever scrapes: made from an idle source, slice by slice, so that sweeps go on meanwhile, and
 * shared by all who ask within a second.
 *
 * There is at most one of each format, compressed or not, in the making and one ready: that bounds the memory,
 * however many ask.
 */
#ifndef FLOWTALLY_SCRAPE_H
#define FLOWTALLY_SCRAPE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "report/prometheus.h"

typedef struct Scrape Scrape;

/* A new Exposition of what is known now; the scrape's to free. */
typedef Exposition *(*ScrapeBegin)(PrometheusFormat format, void *user_data);

/* @body is borrowed for the call, from the main loop. */
typedef void (*ScrapeDone)(GBytes *body, void *user_data);

Scrape *scrape_new(ScrapeBegin begin, void *user_data);
void scrape_free(Scrape *scrape); /* who waits is told nothing */

/* A recent one, a reference of the caller's; or NULL, then @done will be called once with @user_data. */
GBytes *scrape_get(Scrape *scrape, PrometheusFormat format, bool gzip, ScrapeDone done,
		   void *user_data);

/* Whoever waits by this @user_data does so no longer. */
void scrape_cancel(Scrape *scrape, void *user_data);

/* From the first slice of the last one to its last, 0: none has been made. */
uint64_t scrape_duration_ns(const Scrape *scrape);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scrape, scrape_free)

#endif
