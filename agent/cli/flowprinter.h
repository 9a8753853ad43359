/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of a document "flows" as they come, on standard output: for people as a table, which must be whole before its
 * columns are known; for programs as JSON, a flow a line, or as CSV.
 */
#ifndef FLOWTALLY_FLOWPRINTER_H
#define FLOWTALLY_FLOWPRINTER_H

#include <stdbool.h>

#include "listreader.h"

typedef struct FlowPrinter FlowPrinter;

/* NULL with @error set: there is no such @form; it may be NULL. */
FlowPrinter *flow_printer_new(const char *form, GError **error);
void flow_printer_free(FlowPrinter *printer);

/* For a reader with a FlowPrinter. */
extern const ListTake flow_printer_take;

/* All have come. */
void flow_printer_end(FlowPrinter *printer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlowPrinter, flow_printer_free)

#endif
