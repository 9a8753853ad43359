/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet as the record of a flow that is this packet alone, so that filters over flows can be asked of it. A frame
 * that is several packets is a flow of these.
 */
#ifndef FLOWTALLY_PACKETRECORD_H
#define FLOWTALLY_PACKETRECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "accounts/flows.h"
#include "packets.h"

/* Seen at the interface @ifindex. False: it is not IP, and so of no flow. */
bool packet_record(const struct packet_event *event, uint32_t ifindex, FlowRecord *record);

#endif
