/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfix_reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "elements/elementvalue.h"

#define VERSION 10
#define MESSAGE_HEADER_LEN 16
#define SET_HEADER_LEN 4
#define TEMPLATE_SET 2
#define OPTIONS_TEMPLATE_SET 3
#define DATA_SET_MIN 256 /* smaller ids are no templates' */
#define ENTERPRISE_BIT 0x8000
#define LONG_LEN 255 /* the length of a value follows in two octets more */

/* So many domains, and fields of all their templates, one session may have: some ten megabytes. */
#define DOMAINS_MAX 4096
#define FIELDS_MAX (1 << 20)
/* Fields of no octets in one template: whoever has many makes much of nothing. */
#define EMPTY_FIELDS_MAX 16

/* A message that is so many records behind is late; what is further behind is of an exporter that has begun anew. */
#define LATE_MAX 65536

/* The elements of a type record (RFC 5610, 3.9). */
enum {
	ELEMENT_ID = 303,
	ELEMENT_DATA_TYPE = 339,
	ELEMENT_NAME = 341,
	ELEMENT_ENTERPRISE = 346,
};

typedef struct {
	IpfixDomainCounts counts;
	GHashTable *templates; /* their ids to IpfixTemplate, which it owns */
	bool knows_next;
	uint32_t next; /* sequence number */
	uint16_t unknown_ids[IPFIX_READER_IDS_MAX];
	size_t unknown_ids_n;
} Domain;

struct IpfixReader {
	const IpfixHandler *handler;
	void *user_data;
	Elements *elements;
	GHashTable *by_id;  /* of domains */
	GPtrArray *domains; /* owns them */
	size_t fields;	    /* of all templates */
	GByteArray *rest;   /* of a stream: what is no whole message yet */
	GArray *values;	    /* of IpfixValue: of the record at hand */
	IpfixHead head;	    /* of the message at hand */
	Domain *domain;	    /* its */
	uint32_t records;   /* in it, until now */
	bool has_unknown;
	bool enough;
};

/* Octets that are still to be read. */
typedef struct {
	const uint8_t *at;
	size_t left;
} Cursor;

static uint16_t peek16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t peek32(const uint8_t *at)
{
	return (uint32_t)peek16(at) << 16 | peek16(at + 2);
}

static bool take16(Cursor *cursor, uint16_t *value)
{
	if (cursor->left < sizeof(*value))
		return false;
	*value = peek16(cursor->at);
	cursor->at += sizeof(*value);
	cursor->left -= sizeof(*value);
	return true;
}

static bool take32(Cursor *cursor, uint32_t *value)
{
	if (cursor->left < sizeof(*value))
		return false;
	*value = peek32(cursor->at);
	cursor->at += sizeof(*value);
	cursor->left -= sizeof(*value);
	return true;
}

G_GNUC_PRINTF(3, 4)
static bool broken(const IpfixReader *reader, GError **error, const char *format, ...)
{
	g_autofree char *why = NULL;
	va_list arguments;

	va_start(arguments, format);
	why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	error_set(error, "message %" PRIu64 " at octet %" PRIu64 ": %s", reader->head.number,
		  reader->head.offset, why);
	return false;
}

static void free_domain(gpointer data)
{
	Domain *domain = data;

	g_hash_table_unref(domain->templates);
	g_free(domain);
}

IpfixReader *ipfix_reader_new(const IpfixHandler *handler, void *user_data, Elements *elements)
{
	IpfixReader *reader = g_new0(IpfixReader, 1);

	reader->handler = handler;
	reader->user_data = user_data;
	reader->elements = elements;
	reader->by_id = g_hash_table_new(NULL, NULL);
	reader->domains = g_ptr_array_new_with_free_func(free_domain);
	reader->rest = g_byte_array_new();
	reader->values = g_array_new(FALSE, FALSE, sizeof(IpfixValue));
	reader->head.number = 1;
	return reader;
}

void ipfix_reader_free(IpfixReader *reader)
{
	if (!reader)
		return;
	g_array_unref(reader->values);
	g_byte_array_unref(reader->rest);
	g_ptr_array_unref(reader->domains);
	g_hash_table_unref(reader->by_id);
	g_free(reader);
}

static bool find_domain(IpfixReader *reader, GError **error)
{
	const uint32_t id = reader->head.domain;
	Domain *domain = g_hash_table_lookup(reader->by_id, GUINT_TO_POINTER(id));

	if (!domain) {
		if (reader->domains->len >= DOMAINS_MAX)
			return broken(reader, error, "more than %d observation domains",
				      DOMAINS_MAX);
		domain = g_new0(Domain, 1);
		domain->counts.id = id;
		domain->templates = g_hash_table_new_full(NULL, NULL, NULL, g_free);
		g_ptr_array_add(reader->domains, domain);
		g_hash_table_insert(reader->by_id, GUINT_TO_POINTER(id), domain);
	}
	reader->domain = domain;
	return true;
}

/* What the sequence number says, before the records of this message are counted. */
static void judge_sequence(const IpfixReader *reader)
{
	Domain *domain = reader->domain;
	uint32_t ahead = reader->head.sequence - domain->next;
	uint32_t behind = domain->next - reader->head.sequence;

	if (!domain->knows_next || !ahead)
		return;
	if (ahead <= INT32_MAX) {
		domain->counts.gaps++;
		domain->counts.missing += ahead;
	} else if (behind > LATE_MAX || !reader->head.sequence) {
		domain->counts.restarts++;
	}
}

/* A late message does not turn the sequence back, but its records are not missing any more. */
static void follow_sequence(const IpfixReader *reader)
{
	Domain *domain = reader->domain;
	uint32_t behind = domain->next - reader->head.sequence;
	bool is_late = domain->knows_next && behind && behind <= LATE_MAX && reader->head.sequence;

	if (is_late && !reader->has_unknown) {
		domain->counts.missing -= MIN(domain->counts.missing, reader->records);
		return;
	}
	domain->next = reader->head.sequence + reader->records;
	domain->knows_next = !reader->has_unknown;
}

static bool read_field(Cursor *cursor, IpfixField *field)
{
	field->enterprise = 0;
	if (!take16(cursor, &field->number) || !take16(cursor, &field->len))
		return false;
	if (!(field->number & ENTERPRISE_BIT))
		return true;
	field->number &= ELEMENT_NUMBER_MAX;
	return take32(cursor, &field->enterprise);
}

static bool read_fields(const IpfixReader *reader, Cursor *cursor, IpfixTemplate *template,
			GError **error)
{
	unsigned int empty = 0;

	for (uint16_t i = 0; i < template->n; i++) {
		IpfixField *field = &template->fields[i];

		if (!read_field(cursor, field))
			return broken(reader, error,
				      "template %u has %u fields and ends after %u of them",
				      template->id, template->n, i);
		template->min_len += field->len == ELEMENT_VARIABLE ? 1 : field->len;
		empty += !field->len;
	}
	if (!template->min_len || empty > EMPTY_FIELDS_MAX)
		return broken(reader, error, "template %u has fields of no octets", template->id);
	return true;
}

static void forget_template(IpfixReader *reader, uint16_t id)
{
	GHashTable *templates = reader->domain->templates;
	const IpfixTemplate *template = g_hash_table_lookup(templates, GUINT_TO_POINTER(id));

	if (!template)
		return;
	reader->fields -= template->n;
	g_hash_table_remove(templates, GUINT_TO_POINTER(id));
}

static void forget_all_templates(IpfixReader *reader, bool of_options)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, reader->domain->templates);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const IpfixTemplate *template = value;

		if (template->is_options != of_options)
			continue;
		reader->fields -= template->n;
		g_hash_table_iter_remove(&iter);
	}
}

static void withdraw(IpfixReader *reader, uint16_t id)
{
	if (id >= DATA_SET_MIN)
		forget_template(reader, id);
	else
		forget_all_templates(reader, id == OPTIONS_TEMPLATE_SET);
	if (reader->handler->withdrawal)
		reader->handler->withdrawal(id, reader->user_data);
}

static bool is_same(const IpfixTemplate *a, const IpfixTemplate *b)
{
	return a && a->is_options == b->is_options && a->scope_n == b->scope_n && a->n == b->n &&
	       !memcmp(a->fields, b->fields, a->n * sizeof(*a->fields));
}

/* Takes over @template. */
static void learn_template(IpfixReader *reader, IpfixTemplate *template)
{
	Domain *domain = reader->domain;

	if (!is_same(g_hash_table_lookup(domain->templates, GUINT_TO_POINTER(template->id)),
		     template))
		domain->counts.templates++;
	forget_template(reader, template->id);
	reader->fields += template->n;
	g_hash_table_insert(domain->templates, GUINT_TO_POINTER(template->id), template);
	if (reader->handler->template)
		reader->handler->template(template, reader->user_data);
}

static bool read_template_fields(IpfixReader *reader, Cursor *cursor, uint16_t set_id, uint16_t id,
				 uint16_t n, GError **error)
{
	g_autofree IpfixTemplate *template = NULL;
	uint16_t scope_n = 0;

	if (set_id == OPTIONS_TEMPLATE_SET && (!take16(cursor, &scope_n) || scope_n > n))
		return broken(reader, error,
			      "options template %u has a scope of %u out of %u fields", id, scope_n,
			      n);
	if (reader->fields + n > FIELDS_MAX)
		return broken(reader, error, "its exporter's templates have more than %d fields",
			      FIELDS_MAX);
	/* Not more than what is left can have. */
	if (cursor->left < n * 2 * sizeof(uint16_t))
		return broken(reader, error, "template %u has %u fields and ends after %zu of them",
			      id, n, cursor->left / (2 * sizeof(uint16_t)));
	template = g_malloc0(sizeof(*template) + n * sizeof(template->fields[0]));
	template->id = id;
	template->is_options = set_id == OPTIONS_TEMPLATE_SET;
	template->scope_n = scope_n;
	template->n = n;
	if (!read_fields(reader, cursor, template, error))
		return false;
	learn_template(reader, g_steal_pointer(&template));
	return true;
}

static bool is_zero(const Cursor *cursor)
{
	for (size_t i = 0; i < cursor->left; i++) {
		if (cursor->at[i])
			return false;
	}
	return true;
}

static bool read_templates(IpfixReader *reader, Cursor *cursor, uint16_t set_id, GError **error)
{
	/* What is too short for a template is padding. */
	while (cursor->left >= 2 * sizeof(uint16_t) && !is_zero(cursor)) {
		uint16_t id, n;

		(void)take16(cursor, &id);
		(void)take16(cursor, &n);
		if (id < DATA_SET_MIN && (n || id != set_id))
			return broken(reader, error, "a template cannot have the id %u", id);
		if (!n)
			withdraw(reader, id);
		else if (!read_template_fields(reader, cursor, set_id, id, n, error))
			return false;
	}
	return true;
}

/* False if the octets end within it. */
static bool read_value(Cursor *cursor, uint16_t len, IpfixValue *value)
{
	if (len == ELEMENT_VARIABLE) {
		if (!cursor->left)
			return false;
		len = *cursor->at++;
		cursor->left--;
		if (len == LONG_LEN && !take16(cursor, &len))
			return false;
	}
	if (cursor->left < len)
		return false;
	*value = (IpfixValue){ cursor->at, len };
	cursor->at += len;
	cursor->left -= len;
	return true;
}

static bool read_record(IpfixReader *reader, Cursor *cursor, const IpfixTemplate *template)
{
	IpfixValue *values;

	g_array_set_size(reader->values, template->n);
	values = (IpfixValue *)(void *)reader->values->data;
	for (uint16_t i = 0; i < template->n; i++) {
		if (!read_value(cursor, template->fields[i].len, &values[i]))
			return false;
	}
	return true;
}

/* The value of an element of IANA's, NULL: the template has none. */
static const IpfixValue *find_value(const IpfixTemplate *template, const IpfixValue *values,
				    uint16_t number)
{
	for (uint16_t i = 0; i < template->n; i++) {
		if (!template->fields[i].enterprise && template->fields[i].number == number)
			return &values[i];
	}
	return NULL;
}

static bool find_number(const IpfixTemplate *template, const IpfixValue *values, uint16_t number,
			uint64_t max, uint64_t *result)
{
	const IpfixValue *value = find_value(template, values, number);

	return value && element_value_number(value->octets, value->len, result) && *result <= max;
}

static void learn_type(const IpfixReader *reader, const IpfixTemplate *template,
		       const IpfixValue *values)
{
	const IpfixValue *name = find_value(template, values, ELEMENT_NAME);
	g_autofree char *text = NULL;
	uint64_t enterprise, number, type;

	if (!name || !find_number(template, values, ELEMENT_ENTERPRISE, UINT32_MAX, &enterprise) ||
	    !find_number(template, values, ELEMENT_ID, UINT16_MAX, &number) ||
	    !find_number(template, values, ELEMENT_DATA_TYPE, UINT8_MAX, &type))
		return;
	/* Some leave the bit that says enterprise, others do not. */
	text = g_strndup((const char *)name->octets, name->len);
	(void)elements_learn(reader->elements, (uint32_t)enterprise,
			     (uint16_t)number & ELEMENT_NUMBER_MAX, (ElementType)type, text);
}

static void tell_record(IpfixReader *reader, const IpfixTemplate *template)
{
	const IpfixValue *values = (const IpfixValue *)(const void *)reader->values->data;

	reader->records++;
	if (template->is_options)
		reader->domain->counts.options++;
	else
		reader->domain->counts.records++;
	if (template->is_options && reader->elements)
		learn_type(reader, template, values);
	if (reader->handler->record &&
	    !reader->handler->record(template, values, reader->user_data))
		reader->enough = true;
}

static bool read_records(IpfixReader *reader, Cursor *cursor, const IpfixTemplate *template,
			 GError **error)
{
	/* What is too short for a record is padding. */
	for (unsigned int n = 1; cursor->left >= template->min_len && !reader->enough; n++) {
		if (!read_record(reader, cursor, template))
			return broken(reader, error,
				      "record %u of a set of template %u ends beyond it", n,
				      template->id);
		tell_record(reader, template);
	}
	return true;
}

static void note_unknown(IpfixReader *reader, uint16_t set_id, size_t len)
{
	Domain *domain = reader->domain;
	bool known = false;

	domain->counts.unknown_sets++;
	reader->has_unknown = true;
	for (size_t i = 0; i < domain->unknown_ids_n; i++)
		known |= domain->unknown_ids[i] == set_id;
	if (!known && domain->unknown_ids_n < IPFIX_READER_IDS_MAX)
		domain->unknown_ids[domain->unknown_ids_n++] = set_id;
	if (reader->handler->unknown)
		reader->handler->unknown(set_id, len, reader->user_data);
}

static bool read_set(IpfixReader *reader, Cursor *cursor, uint16_t set_id, GError **error)
{
	const IpfixTemplate *template;

	if (set_id == TEMPLATE_SET || set_id == OPTIONS_TEMPLATE_SET)
		return read_templates(reader, cursor, set_id, error);
	template = g_hash_table_lookup(reader->domain->templates, GUINT_TO_POINTER(set_id));
	if (template)
		return read_records(reader, cursor, template, error);
	note_unknown(reader, set_id, cursor->left);
	return true;
}

static bool read_sets(IpfixReader *reader, Cursor *cursor, GError **error)
{
	while (cursor->left && !reader->enough) {
		size_t at = reader->head.len - cursor->left;
		uint16_t set_id, len;
		Cursor set;

		if (!take16(cursor, &set_id) || !take16(cursor, &len))
			return broken(reader, error, "the set at its octet %zu has no whole header",
				      at);
		if (len < SET_HEADER_LEN || len > cursor->left + SET_HEADER_LEN)
			return broken(reader, error,
				      "the set at its octet %zu says that it has %u octets of %zu",
				      at, len, cursor->left + SET_HEADER_LEN);
		set = (Cursor){ cursor->at, len - SET_HEADER_LEN };
		cursor->at += set.left;
		cursor->left -= set.left;
		if (!read_set(reader, &set, set_id, error))
			return false;
	}
	return true;
}

/* @octets are the whole message, and its header is sound. */
static bool read_message(IpfixReader *reader, const uint8_t *octets, GError **error)
{
	IpfixHead *head = &reader->head;
	Cursor cursor;
	bool ok;

	head->len = peek16(octets + 2);
	head->export_time_s = peek32(octets + 4);
	head->sequence = peek32(octets + 8);
	head->domain = peek32(octets + 12);
	if (!find_domain(reader, error))
		return false;
	reader->records = 0;
	reader->has_unknown = false;
	reader->enough = false;
	reader->domain->counts.messages++;
	reader->domain->counts.octets += head->len;
	judge_sequence(reader);
	if (reader->handler->begin)
		reader->handler->begin(head, reader->user_data);
	cursor = (Cursor){ octets + MESSAGE_HEADER_LEN, head->len - MESSAGE_HEADER_LEN };
	ok = read_sets(reader, &cursor, error);
	/* Of a message that is broken nobody knows how many records it had. */
	reader->has_unknown |= !ok;
	follow_sequence(reader);
	if (reader->handler->end)
		reader->handler->end(reader->user_data);
	return ok;
}

/* What other formats begin with: somebody might take them for IPFIX. */
static const struct {
	uint8_t begin[4];
	size_t len;
	const char *what;
} others[] = {
	{ { 0, 9 }, 2, "NetFlow version 9" },
	{ { 0, 5 }, 2, "NetFlow version 5" },
	{ { 0, 0, 0, 5 }, 4, "sFlow" },
	{ { 0xd4, 0xc3, 0xb2, 0xa1 }, 4, "a capture of packets (pcap)" },
	{ { 0xa1, 0xb2, 0xc3, 0xd4 }, 4, "a capture of packets (pcap)" },
	{ { 0x4d, 0x3c, 0xb2, 0xa1 }, 4, "a capture of packets (pcap)" },
	{ { 0x0a, 0x0d, 0x0d, 0x0a }, 4, "a capture of packets (pcapng)" },
	{ { 0x0c, 0xa5 }, 2, "a file of nfdump" },
	{ { 0x1f, 0x8b }, 2, "compressed (gzip)" },
};

/* Of at least 4 octets. */
static bool check_header(const IpfixReader *reader, const uint8_t *octets, GError **error)
{
	const uint16_t version = peek16(octets), len = peek16(octets + 2);

	for (size_t i = 0; version != VERSION && i < G_N_ELEMENTS(others); i++) {
		if (!memcmp(octets, others[i].begin, others[i].len))
			return broken(reader, error, "this is %s, not IPFIX", others[i].what);
	}
	if (version != VERSION)
		return broken(reader, error, "version %u is not IPFIX, which is %d", version,
			      VERSION);
	if (len < MESSAGE_HEADER_LEN)
		return broken(reader, error, "a message cannot be of %u octets", len);
	return true;
}

static void advance(IpfixReader *reader, size_t len)
{
	reader->head.number++;
	reader->head.offset += len;
}

/* As many messages as are whole; how many octets they have is added to @taken. */
static bool read_messages(IpfixReader *reader, const uint8_t *octets, size_t len, size_t *taken,
			  GError **error)
{
	while (len - *taken >= 4) {
		const uint8_t *at = octets + *taken;
		size_t message_len = peek16(at + 2);

		if (!check_header(reader, at, error))
			return false;
		if (len - *taken < message_len)
			return true;
		if (!read_message(reader, at, error))
			return false;
		advance(reader, message_len);
		*taken += message_len;
		if (reader->enough)
			return true;
	}
	return true;
}

bool ipfix_reader_take(IpfixReader *reader, const uint8_t *octets, size_t len, GError **error)
{
	size_t taken = 0;
	bool ok;

	g_byte_array_append(reader->rest, octets, (guint)len);
	ok = read_messages(reader, reader->rest->data, reader->rest->len, &taken, error);
	if (taken)
		g_byte_array_remove_range(reader->rest, 0, (guint)taken);
	return ok;
}

bool ipfix_reader_end(const IpfixReader *reader, GError **error)
{
	size_t len = reader->rest->len;

	if (!len)
		return true;
	if (len < 4)
		return broken(reader, error, "it ends after %zu octets of its header", len);
	return broken(reader, error, "it ends after %zu of %u octets", len,
		      peek16(reader->rest->data + 2));
}

bool ipfix_reader_take_message(IpfixReader *reader, const uint8_t *octets, size_t len,
			       GError **error)
{
	bool ok;

	if (len < MESSAGE_HEADER_LEN)
		ok = broken(reader, error, "a datagram of %zu octets is no message", len);
	else if (!check_header(reader, octets, error))
		ok = false;
	else if (peek16(octets + 2) != len)
		ok = broken(reader, error, "it says that it has %u octets and comes with %zu",
			    peek16(octets + 2), len);
	else
		ok = read_message(reader, octets, error);
	advance(reader, len);
	return ok;
}

bool ipfix_reader_domain(const IpfixReader *reader, size_t index, IpfixDomainCounts *counts)
{
	if (index >= reader->domains->len)
		return false;
	*counts = ((const Domain *)reader->domains->pdata[index])->counts;
	return true;
}

size_t ipfix_reader_unknown_ids(const IpfixReader *reader, size_t index,
				uint16_t ids[IPFIX_READER_IDS_MAX])
{
	const Domain *domain = reader->domains->pdata[index];

	memcpy(ids, domain->unknown_ids, domain->unknown_ids_n * sizeof(*ids));
	return domain->unknown_ids_n;
}
