/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow as an object with the keys of linux-flow-exporter's flow log, for the scripts of its users: first
 *
 *     src dst proto sport dport ingressIfindex egressIfindex pkts bytes action start end finished
 *
 * which are always there, then what its logger puts to each line, "level", "ts" and "msg", and then what it has not and we
 * have. Times are milliseconds since the epoch, "bytes" are frame octets, as it counts them, "action" is the mark, and
 * "finished" is 1 where a FIN or RST was seen. IPv6 addresses stand where those of IPv4 do.
 */
#ifndef FLOWTALLY_FLOWLOG_H
#define FLOWTALLY_FLOWLOG_H

#include <stdint.h>

#include <glib.h>

#include "accounts/flows.h"
#include "interfacenames.h"

/* @now_ms is the time of the line. */
void flow_log_append(GString *text, const FlowRecord *flow, uint64_t now_ms,
		     const InterfaceNames *names);

#endif
