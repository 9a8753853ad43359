/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exposition of all metrics, for the textfile, HTTP and the command line; names and labels are in
 * flowtally(8). The text format 0.0.4 of Prometheus, or OpenMetrics 1.0.0.
 *
 * What does not grow with the hosts is written at once, when an Exposition is made; of the hosts it takes a
 * snapshot, and writes them in slices, so that a large one keeps the loop from nothing else.
 */
#ifndef FLOWTALLY_PROMETHEUS_H
#define FLOWTALLY_PROMETHEUS_H

#include <stdbool.h>

#include <glib.h>

#include "view.h"

typedef enum {
	PROMETHEUS_TEXT,
	PROMETHEUS_OPENMETRICS,
	PROMETHEUS_FORMATS,
} PrometheusFormat;

extern const char *const prometheus_content_types[PROMETHEUS_FORMATS];

typedef struct Exposition Exposition;

/* @view is borrowed for the call. @with_process: with process_*, which in the textfile would clash with
 * those of node_exporter. */
Exposition *exposition_new(const View *view, PrometheusFormat format, bool with_process);
void exposition_free(Exposition *exposition);

/* Appends the next slice to @text; false: it was the last. Families and series have a fixed order, and the
 * whole ends with a newline. */
bool exposition_step(Exposition *exposition, GString *text);

/* All of it. */
GString *exposition_finish(Exposition *exposition);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Exposition, exposition_free)

#endif
