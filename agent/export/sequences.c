/* SPDX-License-Identifier: Apache-2.0 */
#include "sequences.h"

#include <string.h>

void sequences_clear(Sequences *sequences)
{
	g_clear_pointer(&sequences->by_domain, g_hash_table_unref);
}

uint32_t sequences_next(const Sequences *sequences, uint32_t domain)
{
	GHashTable *by_domain = sequences->by_domain;

	return by_domain ?
		       GPOINTER_TO_UINT(g_hash_table_lookup(by_domain, GUINT_TO_POINTER(domain))) :
		       0;
}

void sequences_advance(Sequences *sequences, uint32_t domain, uint32_t steps)
{
	if (!sequences->by_domain)
		sequences->by_domain = g_hash_table_new(NULL, NULL);
	g_hash_table_insert(sequences->by_domain, GUINT_TO_POINTER(domain),
			    GUINT_TO_POINTER(sequences_next(sequences, domain) + steps));
}

void sequences_advance_all(Sequences *sequences, const Sequences *steps)
{
	GHashTableIter iter;
	gpointer domain, number;

	if (!steps->by_domain)
		return;
	g_hash_table_iter_init(&iter, steps->by_domain);
	while (g_hash_table_iter_next(&iter, &domain, &number))
		sequences_advance(sequences, GPOINTER_TO_UINT(domain), GPOINTER_TO_UINT(number));
}

void sequences_skip(Sequences *sequences, const IpfixMessage *message)
{
	sequences_advance(sequences, message->observation_domain, message->sequence_step);
}

void sequences_stamp(Sequences *sequences, const IpfixMessage *message, uint8_t *header)
{
	uint32_t sequence_be =
		GUINT32_TO_BE(sequences_next(sequences, message->observation_domain));

	memcpy(header + message->sequence_offset, &sequence_be, sizeof(sequence_be));
	sequences_skip(sequences, message);
}

void sequences_unstamp(Sequences *sequences, const IpfixMessage *message)
{
	sequences_advance(sequences, message->observation_domain, -message->sequence_step);
}
