/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sequence numbers of one transport session: for each Observation Domain, of the next message in it (RFC 7011,
 * section 3.1; RFC 3954, section 5.1). By what is missing between them a collector knows what it has not got.
 */
#ifndef FLOWTALLY_SEQUENCES_H
#define FLOWTALLY_SEQUENCES_H

#include <stdint.h>

#include <glib.h>

#include "ipfix.h"

/* All zero: nothing has been sent. */
typedef struct {
	GHashTable *by_domain;
} Sequences;

void sequences_clear(Sequences *sequences);

uint32_t sequences_next(const Sequences *sequences, uint32_t domain);

/* @message is sent with that of its domain, which is written to @header, its first IPFIX_HEADER_LEN octets at least. */
void sequences_stamp(Sequences *sequences, const IpfixMessage *message, uint8_t *header);

/* The message that was stamped last of its domain has not been sent, and will not be. */
void sequences_unstamp(Sequences *sequences, const IpfixMessage *message);

/* What is not sent of a session leaves a gap: @message, or what is @steps long. */
void sequences_skip(Sequences *sequences, const IpfixMessage *message);
void sequences_advance(Sequences *sequences, uint32_t domain, uint32_t steps);
void sequences_advance_all(Sequences *sequences, const Sequences *steps);

#endif
