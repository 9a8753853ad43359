/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows of the agent's document "flows" (report/flowjson.h) as records of a RecordFile, as far as they have the elements of a
 * template: for who wants them as linux-flow-exporter's `ipfix dump` sends them.
 */
#ifndef FLOWTALLY_IPFIXFLOWS_H
#define FLOWTALLY_IPFIXFLOWS_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>
#include <jansson.h>

#include "export/recordfile.h"

/* How many of @flows, an array, were left out, as @template has addresses of the other family alone, is added to @left_out. */
bool ipfix_flows_add(RecordFile *file, const RecordFileTemplate *template, const json_t *flows,
		     size_t *left_out, GError **error);

#endif
