/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict IPFIX decoder (RFC 7011) for tests, which shares no code with the encoder. What the RFC
 * forbids, or what some collector stumbles over, is a fault: an empty message or set, a set that
 * does not end with its last record, padding, data without a template, a template that changes, a
 * withdrawal, a gap in the sequence, two options templates in one set.
 */
#ifndef FLOWTALLY_TESTS_IPFIX_DECODER_H
#define FLOWTALLY_TESTS_IPFIX_DECODER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#define DECODER_FIELDS_MAX 64
#define DECODER_VARLEN 65535

typedef struct {
	uint32_t enterprise;
	uint16_t element;
	uint16_t len;
} DecodedField;

typedef struct {
	uint16_t id;
	uint16_t scope; /* fields of it; 0: not options */
	uint16_t n;
	DecodedField fields[DECODER_FIELDS_MAX];
} DecodedTemplate;

typedef struct {
	uint32_t domain;
	const DecodedTemplate *template;
	size_t message;			       /* index of the message it came in */
	const uint8_t *at[DECODER_FIELDS_MAX]; /* its fields; borrowed from @messages */
	size_t len[DECODER_FIELDS_MAX];
} DecodedRecord;

/* Domain 0 has its own templates and sequence, all others have theirs. */
typedef struct {
	GPtrArray *messages; /* of GBytes */
	GPtrArray *templates[2];
	uint32_t sequence[2];
	GArray *records;  /* of DecodedRecord */
	size_t longest;	  /* message */
	size_t refreshes; /* template messages in the domain that is not 0 */
	uint32_t missing; /* records, by gaps in the sequence */
	char fault[160];  /* empty: none */
} Decoder;

static inline Decoder *decoder_new(void)
{
	Decoder *decoder = g_new0(Decoder, 1);

	decoder->messages = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	for (int i = 0; i < 2; i++)
		decoder->templates[i] = g_ptr_array_new_with_free_func(g_free);
	decoder->records = g_array_new(FALSE, FALSE, sizeof(DecodedRecord));
	return decoder;
}

static inline void decoder_free(Decoder *decoder)
{
	g_ptr_array_unref(decoder->messages);
	for (int i = 0; i < 2; i++)
		g_ptr_array_unref(decoder->templates[i]);
	g_array_unref(decoder->records);
	g_free(decoder);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Decoder, decoder_free)

static inline bool decoder_fault(Decoder *decoder, const char *what, unsigned int which)
{
	if (!decoder->fault[0])
		snprintf(decoder->fault, sizeof(decoder->fault), "message %u: %s %u",
			 decoder->messages->len, what, which);
	return false;
}

static inline uint64_t decoder_number(const uint8_t *at, size_t len)
{
	uint64_t number = 0;

	while (len--)
		number = number << 8 | *at++;
	return number;
}

static inline const DecodedTemplate *decoder_template(const Decoder *decoder, uint32_t domain,
						      uint16_t id)
{
	const GPtrArray *templates = decoder->templates[domain != 0];

	for (guint i = 0; i < templates->len; i++) {
		const DecodedTemplate *template = g_ptr_array_index(templates, i);

		if (template->id == id)
			return template;
	}
	return NULL;
}

/* One field specifier; NULL if it does not fit. */
static inline const uint8_t *decoder_field(const uint8_t *at, const uint8_t *end,
					   DecodedField *field)
{
	if (end - at < 4)
		return NULL;
	field->element = (uint16_t)decoder_number(at, 2);
	field->len = (uint16_t)decoder_number(at + 2, 2);
	at += 4;
	if (!(field->element & 0x8000))
		return at;
	if (end - at < 4)
		return NULL;
	field->element &= 0x7fff;
	field->enterprise = (uint32_t)decoder_number(at, 4);
	return at + 4;
}

static inline bool decoder_keep_template(Decoder *decoder, uint32_t domain,
					 const DecodedTemplate *template)
{
	const DecodedTemplate *known = decoder_template(decoder, domain, template->id);

	if (!known)
		g_ptr_array_add(decoder->templates[domain != 0],
				g_memdup2(template, sizeof(*template)));
	else if (memcmp(known, template, sizeof(*template)))
		return decoder_fault(decoder, "another layout for template", template->id);
	return true;
}

static inline bool decoder_template_set(Decoder *decoder, uint32_t domain, bool options,
					const uint8_t *at, const uint8_t *end)
{
	size_t header = options ? 6 : 4;

	for (unsigned int count = 0; at < end; count++) {
		DecodedTemplate template = { 0 };

		if ((size_t)(end - at) < header)
			return decoder_fault(decoder, "padding in a template set", 0);
		if (options && count)
			return decoder_fault(decoder, "options templates in one set:", count + 1);
		template.id = (uint16_t)decoder_number(at, 2);
		template.n = (uint16_t)decoder_number(at + 2, 2);
		template.scope = options ? (uint16_t)decoder_number(at + 4, 2) : 0;
		at += header;
		if (template.id < 256 || !template.n || template.n > DECODER_FIELDS_MAX ||
		    template.scope > template.n || (options && !template.scope))
			return decoder_fault(decoder, "bad template", template.id);
		for (unsigned int i = 0; i < template.n; i++)
			if (!(at = decoder_field(at, end, &template.fields[i])))
				return decoder_fault(decoder, "template cut short", template.id);
		if (!decoder_keep_template(decoder, domain, &template))
			return false;
	}
	return true;
}

static inline const uint8_t *decoder_record(DecodedRecord *record, const uint8_t *at,
					    const uint8_t *end)
{
	for (unsigned int i = 0; i < record->template->n; i++) {
		size_t len = record->template->fields[i].len;

		if (len == DECODER_VARLEN && at < end) {
			len = *at++;
			if (len == 255 && end - at >= 2) {
				len = decoder_number(at, 2);
				at += 2;
			}
		}
		if ((size_t)(end - at) < len)
			return NULL;
		record->at[i] = at;
		record->len[i] = len;
		at += len;
	}
	return at;
}

static inline bool decoder_data_set(Decoder *decoder, uint32_t domain, uint16_t id,
				    const uint8_t *at, const uint8_t *end)
{
	DecodedRecord record = {
		.domain = domain,
		.template = decoder_template(decoder, domain, id),
		.message = decoder->messages->len - 1,
	};

	if (!record.template)
		return decoder_fault(decoder, "no template", id);
	while (at < end) {
		at = decoder_record(&record, at, end);
		if (!at)
			return decoder_fault(decoder, "record cut short in set", id);
		g_array_append_val(decoder->records, record);
	}
	return true;
}

static inline bool decoder_sets(Decoder *decoder, uint32_t domain, const uint8_t *at,
				const uint8_t *end)
{
	while (at < end) {
		uint16_t id, len;

		if (end - at < 4)
			return decoder_fault(
				decoder, "octets after the last set:", (unsigned int)(end - at));
		id = (uint16_t)decoder_number(at, 2);
		len = (uint16_t)decoder_number(at + 2, 2);
		if (len <= 4 || len > end - at)
			return decoder_fault(decoder, "bad length of set", id);
		if (id == 2 || id == 3) {
			if (!decoder_template_set(decoder, domain, id == 3, at + 4, at + len))
				return false;
			decoder->refreshes += domain != 0 && id == 2;
		} else if (!decoder_data_set(decoder, domain, id, at + 4, at + len)) {
			return false;
		}
		at += len;
	}
	return true;
}

/* Takes one message, in the order of sending. False, with decoder->fault, if it is not in order. */
static inline bool decoder_take(Decoder *decoder, const void *message, size_t len)
{
	GBytes *bytes = g_bytes_new(message, len);
	const uint8_t *at = g_bytes_get_data(bytes, NULL);
	uint32_t domain, sequence;
	guint before = decoder->records->len;

	g_ptr_array_add(decoder->messages, bytes);
	if (len <= 16 || decoder_number(at, 2) != 10 || decoder_number(at + 2, 2) != len)
		return decoder_fault(decoder, "bad header, length", (unsigned int)len);
	domain = (uint32_t)decoder_number(at + 12, 4);
	sequence = (uint32_t)decoder_number(at + 8, 4);
	decoder->longest = MAX(decoder->longest, len);
	decoder->missing += sequence - decoder->sequence[domain != 0];
	if (!decoder_sets(decoder, domain, at + 16, at + len))
		return false;
	decoder->sequence[domain != 0] = sequence + decoder->records->len - before;
	return true;
}

/* The index of an element in @template, or -1. */
static inline int decoder_find(const DecodedTemplate *template, uint32_t enterprise,
			       uint16_t element)
{
	for (int i = 0; i < template->n; i++)
		if (template->fields[i].enterprise == enterprise &&
		    template->fields[i].element == element)
			return i;
	return -1;
}

/* The value of an IANA element, 0 if the record has none. */
static inline uint64_t decoder_value_of(const DecodedRecord *record, uint32_t enterprise,
					uint16_t element)
{
	int i = decoder_find(record->template, enterprise, element);

	return i < 0 ? 0 : decoder_number(record->at[i], record->len[i]);
}

static inline uint64_t decoder_value(const DecodedRecord *record, uint16_t element)
{
	return decoder_value_of(record, 0, element);
}

static inline bool decoder_is_flow(const DecodedRecord *record)
{
	return !record->template->scope;
}

/* Sum of an IANA element over all flow records. */
static inline uint64_t decoder_sum(const Decoder *decoder, uint16_t element)
{
	uint64_t sum = 0;

	for (guint i = 0; i < decoder->records->len; i++) {
		const DecodedRecord *record = &g_array_index(decoder->records, DecodedRecord, i);

		if (decoder_is_flow(record))
			sum += decoder_value(record, element);
	}
	return sum;
}

static inline size_t decoder_flow_records(const Decoder *decoder)
{
	size_t n = 0;

	for (guint i = 0; i < decoder->records->len; i++)
		n += decoder_is_flow(&g_array_index(decoder->records, DecodedRecord, i));
	return n;
}

#endif
