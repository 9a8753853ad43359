/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of a document "flows" as they come, on standard output: for people as a table, which must be whole before its
 * columns are known; for programs as JSON, a flow a line, as CSV, or as a flow log (report/flowlog.h). Records that are
 * followed never end: then it is a table in parts, and JSON without a document around its lines.
 */
#ifndef FLOWTALLY_FLOWPRINTER_H
#define FLOWTALLY_FLOWPRINTER_H

#include <stdbool.h>

#include "listreader.h"

typedef struct FlowPrinter FlowPrinter;

/* NULL with @error set: there is no such @form; it may be NULL. */
FlowPrinter *flow_printer_new(const char *form, bool follows, GError **error);
void flow_printer_free(FlowPrinter *printer);

/* For a reader with a FlowPrinter. */
extern const ListTake flow_printer_take;

/* The form that must be asked for (report/flowquery.h); NULL: none in particular. */
const char *flow_printer_form(const FlowPrinter *printer);

/* All have come; or, of those that are followed, some. */
void flow_printer_end(FlowPrinter *printer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlowPrinter, flow_printer_free)

#endif
