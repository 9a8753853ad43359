/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets of messages: records of a template from the struct that they lie in, and sets (RFC 7011, 3.3.2), which are
 * called FlowSets in NetFlow 9 (RFC 3954, 5): they begin with an id and their length.
 */
#ifndef FLOWTALLY_WIRE_H
#define FLOWTALLY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "elements/template.h"

#define WIRE_SET_HEADER_LEN 4

typedef struct WireLayout WireLayout;

/* How records of @record become octets; @skipped says which fields do not. NULL: all do. */
WireLayout *wire_layout_new(const Template *record,
			    bool (*skipped)(const RecordField *field, void *user_data),
			    void *user_data);
void wire_layout_free(WireLayout *layout);

size_t wire_layout_len(const WireLayout *layout); /* octets of a record */
void wire_write(uint8_t *to, const WireLayout *layout, const void *record);

void wire_put16(uint8_t *to, uint32_t value);
void wire_put32(uint8_t *to, uint32_t value);

/* A message that is being filled. */
typedef struct {
	uint8_t *octets;
	size_t size;
	size_t header_len;
	size_t padding; /* sets are filled up to a multiple of it */
	size_t len;	/* what is filled */
	size_t set;	/* where the last set begins; 0: there is none yet */
	uint16_t set_id;
	uint32_t items; /* in all sets */
} WireMessage;

/* Empties it; what was in it is forgotten. */
void wire_message_start(WireMessage *message);
void wire_message_set_size(WireMessage *message, size_t size);
void wire_message_done(WireMessage *message); /* frees what belongs to it */

/* Where @len octets of a set go. NULL: they do not fit any more. */
uint8_t *wire_message_add(WireMessage *message, uint16_t set_id, size_t len);

/* Ends the last set. Then the message is complete, but for its header. */
void wire_message_end(WireMessage *message);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(WireLayout, wire_layout_free)

#endif
