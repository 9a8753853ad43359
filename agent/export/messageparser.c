/* SPDX-License-Identifier: Apache-2.0 */
#include "messageparser.h"

#include <inttypes.h>
#include <string.h>

#include "elements/elementvalue.h"
#include "ipfix_reader.h"

/* Elements that say how much a record is of, also of the other direction of a biflow, and what makes a type record. */
enum {
	ELEMENT_OCTETS = 1,
	ELEMENT_PACKETS = 2,
	ELEMENT_ID = 303,
	ELEMENT_DATA_TYPE = 339,
};

struct MessageParser {
	IpfixReader *reader;
	GHashTable *templates;	/* what they say, GString, by domain and id */
	IpfixContents contents; /* of the last message */
	uint32_t domain;
	bool has_data;
};

static void on_begin(const IpfixHead *head, void *user_data)
{
	MessageParser *parser = user_data;

	parser->contents = (IpfixContents){ .len = head->len };
	parser->domain = head->domain;
	parser->has_data = false;
}

static void on_template(const IpfixTemplate *template, void *user_data)
{
	const MessageParser *parser = user_data;
	GString *text = g_string_new(NULL);

	g_string_printf(text, "%" PRIu32 " %u %u", parser->domain, template->id, template->scope_n);
	g_hash_table_insert(parser->templates, g_strdup(text->str), text);
	for (uint16_t i = 0; i < template->n; i++)
		g_string_append_printf(text, " %" PRIu32 ":%u:%u", template->fields[i].enterprise,
				       template->fields[i].number, template->fields[i].len);
}

static bool has_field(const IpfixTemplate *template, uint16_t number)
{
	for (uint16_t i = 0; i < template->n; i++) {
		if (!template->fields[i].enterprise && template->fields[i].number == number)
			return true;
	}
	return false;
}

static bool is_of_types(const IpfixTemplate *template)
{
	return template->is_options && has_field(template, ELEMENT_ID) &&
	       has_field(template, ELEMENT_DATA_TYPE);
}

static void add_value(MessageParser *parser, const IpfixField *field, const IpfixValue *value)
{
	uint64_t number;

	if ((field->enterprise && field->enterprise != ELEMENT_REVERSE_PEN) ||
	    !element_value_number(value->octets, value->len, &number))
		return;
	if (field->number == ELEMENT_OCTETS)
		parser->contents.octets += number;
	else if (field->number == ELEMENT_PACKETS)
		parser->contents.packets += number;
}

static bool on_record(const IpfixTemplate *template, const IpfixValue *values, void *user_data)
{
	MessageParser *parser = user_data;

	parser->contents.records++;
	if (template->is_options) {
		parser->has_data |= !is_of_types(template);
		return true;
	}
	parser->has_data = true;
	parser->contents.flow_records++;
	for (uint16_t i = 0; i < template->n; i++)
		add_value(parser, &template->fields[i], &values[i]);
	return true;
}

/* Nobody knows how many records it has: it is kept, and sent, all the same. */
static void on_unknown(uint16_t set_id, size_t len, void *user_data)
{
	((MessageParser *)user_data)->has_data = true;
}

static void free_text(gpointer text)
{
	(void)g_string_free(text, TRUE);
}

MessageParser *message_parser_new(void)
{
	static const IpfixHandler handler = { .begin = on_begin,
					      .template = on_template,
					      .record = on_record,
					      .unknown = on_unknown };
	MessageParser *parser = g_new0(MessageParser, 1);

	parser->reader = ipfix_reader_new(&handler, parser, NULL);
	parser->templates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_text);
	return parser;
}

void message_parser_free(MessageParser *parser)
{
	if (!parser)
		return;
	ipfix_reader_free(parser->reader);
	g_hash_table_unref(parser->templates);
	g_free(parser);
}

bool message_parser_take(MessageParser *parser, const uint8_t *octets, size_t len)
{
	return ipfix_reader_take_message(parser->reader, octets, len, NULL);
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
	return strcmp(((const GString *)a)->str, ((const GString *)b)->str);
}

char *message_parser_layout(const MessageParser *parser)
{
	GList *texts = g_list_sort(g_hash_table_get_values(parser->templates), compare_texts);
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	char *layout;

	for (const GList *text = texts; text; text = text->next)
		g_checksum_update(sum, (const guchar *)((const GString *)text->data)->str,
				  (gssize)((const GString *)text->data)->len + 1);
	layout = g_strdup(g_checksum_get_string(sum));
	g_checksum_free(sum);
	g_list_free(texts);
	return layout;
}

IpfixMessage *message_parser_copy(const MessageParser *parser, const uint8_t *octets)
{
	IpfixMessage *message = g_malloc0(sizeof(*message) + parser->contents.len);

	message->contents = parser->contents;
	message->observation_domain = parser->domain;
	message->sequence_step = parser->contents.records;
	message->sequence_offset = IPFIX_SEQUENCE_OFFSET;
	memcpy(message->data, octets, parser->contents.len);
	return message;
}

const IpfixContents *message_parser_contents(const MessageParser *parser)
{
	return &parser->contents;
}

uint32_t message_parser_domain(const MessageParser *parser)
{
	return parser->domain;
}

bool message_parser_has_data(const MessageParser *parser)
{
	return parser->has_data;
}
