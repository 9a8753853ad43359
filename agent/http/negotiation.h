/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client of HTTP prefers: Accept and Accept-Encoding (RFC 9110, 12.5). Both come from strangers: what
 * is not understood is passed over, and no header makes an answer impossible.
 */
#ifndef FLOWTALLY_NEGOTIATION_H
#define FLOWTALLY_NEGOTIATION_H

#include <stdbool.h>

/* Whether OpenMetrics is what @accept prefers; else it is the text format 0.0.4. NULL: there is no such header. */
bool negotiation_wants_openmetrics(const char *accept);

bool negotiation_wants_gzip(const char *accept_encoding);

#endif
