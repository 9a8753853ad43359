/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet as a line of text:
 *
 *     TIME INTERFACE receive|transmit PROTOCOL SOURCE > DESTINATION NAME=VALUE...
 *
 * Addresses have the port behind them where there is one, as in 192.0.2.1:443 and [2001:db8::1]:443.
 */
#ifndef FLOWTALLY_PACKETLINE_H
#define FLOWTALLY_PACKETLINE_H

#include <stdint.h>

#include <glib.h>

#include "packets.h"

/* Appends the line to @text. @interface is printable; @offset_ns is what CLOCK_REALTIME is ahead of the clock of the
 * event. */
void packet_line_append(GString *text, const struct packet_event *event, const char *interface,
			int64_t offset_ns);

#endif
