/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Template Records (RFC 7011, 3.4; RFC 3954, 5.2): which fields of a kind of record stand on the wire, in
 * which order and how long. Who writes messages turns them into octets.
 */
#ifndef FLOWTALLY_TEMPLATE_H
#define FLOWTALLY_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "recordfields.h"

/* Of no record that we make ourselves. */
#define TEMPLATE_ID_MIN 256

/* Whether it can be that of a template of ours: README.md, "IPFIX". */
bool template_id_is_ours(uint32_t id);

typedef struct {
	const RecordField *from;
	uint16_t len; /* on the wire: an integer may be shorter than in memory (RFC 7011, 6.2) */
} TemplateField;

typedef struct {
	uint16_t id;
	const RecordKind *kind;
	GArray *fields; /* of TemplateField; the first `kind->scope` are the scope */
} Template;

/* The fields of @kind that need nothing, or no more than @needs. */
Template *template_new(uint16_t id, const RecordKind *kind, uint32_t needs);

/* To be filled by template_add(). */
Template *template_new_empty(uint16_t id, const RecordKind *kind);

/* @len 0: as long as usual. */
void template_add(Template *record, const RecordField *field, uint16_t len);

/* All that any of its fields needs. */
uint32_t template_needs(const Template *record);

/* The octets that a message of IPFIX needs for one record, and for the template itself. */
size_t template_min_message(const Template *record);

/*
 * @text is "NAME" or "NAME: LENGTH" of a field of @kind, the name in any case. Integers can be shortened;
 * the error completes "not a field: ...".
 */
bool template_field_parse(TemplateField *field, const RecordKind *kind, const char *text,
			  GError **error);

Template *template_copy(const Template *record);
bool template_equal(const Template *a, const Template *b);
void template_free(Template *record);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Template, template_free)

#endif
