/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow as an object of a document "flows". It is written straight to text: there may be a million of them.
 *
 * A member is there only where it means something: what a flow has not, what is not known, and what is left out of the
 * Flow Key, is absent and never 0.
 */
#ifndef FLOWTALLY_FLOWJSON_H
#define FLOWTALLY_FLOWJSON_H

#include <stdint.h>

#include <glib.h>

#include "accounts/flows.h"
#include "interfacenames.h"

/* By FlowEnd, in the words of flowEndReason (IE 136). */
extern const char *const flow_json_end_reasons[];

/* Appends a further member of an object. @value is printable. */
void flow_json_append_string(GString *text, const char *name, const char *value);

/* @flow_key: `flows.key`, of enum flow_key_part. */
void flow_json_append(GString *text, const FlowRecord *flow, uint8_t flow_key,
		      const InterfaceNames *names);

#endif
