/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outputs of `export.json-lines`: each record of a report as a line of JSON, in a file, a FIFO or on standard output.
 *
 * A flow looks as flowjson.h or flowlog.h has it, the first with "record":"flow" before it, and a host as
 *
 *     {"record":"host","interface":"br-lan","mac":"02:00:00:00:00:01","address":"192.0.2.1","name":"desktop",
 *      "family":"ipv4","scope":"internet","direction":"download","packets":1,"octets":84,"layer2_octets":98,
 *      "start":"...","start_ms":1,"end":"...","end_ms":2}
 *
 * which is what it did in one direction and one period; what is not known is absent. What is written may be written again
 * after a crash.
 */
#ifndef FLOWTALLY_JSONLINES_H
#define FLOWTALLY_JSONLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "accounts/hosts.h"
#include "base/totals.h"
#include "config/config.h"
#include "jsonlinesview.h"
#include "recordhooks.h"
#include "view.h"

typedef struct JsonLines JsonLines;

/* What is told together. */
typedef struct {
	uint64_t start_ms; /* of the period that @deltas are of */
	uint64_t end_ms;
	const HostDelta *deltas;
	size_t deltas_n;
	const GArray *flows; /* of FlowRecord; NULL: none are metered */
} JsonLinesReport;

/*
 * Files, their accounts and what is still in hooks are taken over from @old by their paths; it may be NULL, and is
 * freed after the rest of its report has been written. @config need not outlive the result. @hooks are those of
 * config_hooks(), NULL if there are none; they must outlive the result.
 */
JsonLines *json_lines_new(const Config *config, RecordHooks *hooks, JsonLines *old);
void json_lines_free(JsonLines *lines);

/* What @report points to is borrowed until the report is done; the one before must be. @view is that for the call. */
void json_lines_begin(JsonLines *lines, const JsonLinesReport *report, const View *view);

/* Writes the next thousand records, or sends them through hooks; false: the report is done. */
bool json_lines_step(JsonLines *lines);

/* Somebody has moved the files away. */
void json_lines_reopen(JsonLines *lines);

/* One at a time, from 0; false past the last. */
bool json_lines_status(const JsonLines *lines, size_t index, JsonLinesStatus *status);

void json_lines_save(const JsonLines *lines, TotalsWriter *writer);
bool json_lines_load(JsonLines *lines, TotalsReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonLines, json_lines_free)

#endif
