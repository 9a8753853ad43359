/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums over messages, of what they hold: an account has one for each thing that can become of a message, so that what
 * was made is what was sent, what waits and what was dropped.
 */
#ifndef FLOWTALLY_EXPORTSUM_H
#define FLOWTALLY_EXPORTSUM_H

#include <stdbool.h>
#include <stdint.h>

#include "ipfix.h"

typedef struct {
	uint64_t messages;
	uint64_t message_octets;
	uint64_t records;      /* data records, and ... */
	uint64_t flow_records; /* ... those of them that are not options, which tell of ... */
	uint64_t packets;      /* ... this traffic */
	uint64_t octets;
} ExportSum;

void export_sum_add_contents(ExportSum *sum, const IpfixContents *contents); /* of one message */
void export_sum_subtract_contents(ExportSum *sum, const IpfixContents *contents);
void export_sum_add(ExportSum *sum, const ExportSum *other);

/* What @whole has more than @part; 0 where that has more. */
ExportSum export_sum_excess(const ExportSum *whole, const ExportSum *part);

#endif
