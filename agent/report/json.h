/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent tells as JSON documents: integers in base units, times as RFC 3339, "schema": 1. Members
 * may be added; a document that changes otherwise gets another schema number.
 */
#ifndef FLOWTALLY_JSON_H
#define FLOWTALLY_JSON_H

#include <jansson.h>

#include "view.h"

/* Each returns a new reference. */
json_t *json_hosts(const View *view);
json_t *json_ledger(const View *view);
json_t *json_status(const View *view);

/* A time as documents have it, RFC 3339; 0 becomes null. */
json_t *json_timestamp(uint64_t ms);

#endif
