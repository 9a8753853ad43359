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
json_t *json_ledger(const View *view);
json_t *json_status(const View *view);

/* Of a document "hosts", which hostlist.h puts together: all but the hosts; a host, but for its accounts, from its @n
 * accounts on one interface; and one of these. */
json_t *json_hosts_head(const View *view);
json_t *json_host(const View *view, const Account *const *accounts, size_t n);
json_t *json_account(const Account *account);

/* Of a document "flows", which flowlist.h puts together: all but the flows. */
json_t *json_flows_head(const View *view);

/* The same of a document "records", which recordlist.h puts together. */
json_t *json_records_head(const View *view, json_int_t next, json_int_t missed, bool more);

/* The document "flush". */
json_t *json_flushed(uint32_t flows);

/* A time as documents have it, RFC 3339; 0 becomes null. */
json_t *json_timestamp(uint64_t ms);

#endif
