/* SPDX-License-Identifier: Apache-2.0 */
/* The exposition of all metrics in the Prometheus text format 0.0.4; names and labels are in README.md. */
#ifndef FLOWTALLY_PROMETHEUS_H
#define FLOWTALLY_PROMETHEUS_H

#include <glib.h>

#include "view.h"

/* Ends with a newline. Families and series have a fixed order. The caller's to free. */
GString *prometheus_exposition(const View *view);

#endif
