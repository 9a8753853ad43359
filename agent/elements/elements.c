/* SPDX-License-Identifier: Apache-2.0 */
#include "elements.h"

#include <string.h>

#include <fixbuf/public.h>

#define LEARNED_MAX 4096
#define NAME_MAX_LEN 255

#define TCP_CONTROL_BITS 6

struct Elements {
	GHashTable *by_name;   /* its name in lower case to its Element, which it owns */
	GHashTable *by_number; /* uint64_t of key_of() to the same Element */
	GHashTable *learned;   /* uint64_t to Element, which it owns, with its name */
	GStringChunk *names;
	uint64_t changes;
};

/* A Private Enterprise Number and below it an Information Element. */
static uint64_t key_of(uint32_t enterprise, uint16_t number)
{
	return (uint64_t)enterprise << 16 | number;
}

/* By IANA's numbers; a list has any length, and so has what is only octets. */
static const struct {
	const char *name;
	uint16_t len;
	bool reducible;
} types[ELEMENT_TYPES] = {
	[ELEMENT_OCTET_ARRAY] = { "octetArray", ELEMENT_VARIABLE, false },
	[ELEMENT_UNSIGNED8] = { "unsigned8", 1, true },
	[ELEMENT_UNSIGNED16] = { "unsigned16", 2, true },
	[ELEMENT_UNSIGNED32] = { "unsigned32", 4, true },
	[ELEMENT_UNSIGNED64] = { "unsigned64", 8, true },
	[ELEMENT_SIGNED8] = { "signed8", 1, true },
	[ELEMENT_SIGNED16] = { "signed16", 2, true },
	[ELEMENT_SIGNED32] = { "signed32", 4, true },
	[ELEMENT_SIGNED64] = { "signed64", 8, true },
	[ELEMENT_FLOAT32] = { "float32", 4, false },
	[ELEMENT_FLOAT64] = { "float64", 8, false },
	[ELEMENT_BOOLEAN] = { "boolean", 1, false },
	[ELEMENT_MAC_ADDRESS] = { "macAddress", 6, false },
	[ELEMENT_STRING] = { "string", ELEMENT_VARIABLE, false },
	[ELEMENT_DATE_TIME_SECONDS] = { "dateTimeSeconds", 4, false },
	[ELEMENT_DATE_TIME_MILLISECONDS] = { "dateTimeMilliseconds", 8, false },
	[ELEMENT_DATE_TIME_MICROSECONDS] = { "dateTimeMicroseconds", 8, false },
	[ELEMENT_DATE_TIME_NANOSECONDS] = { "dateTimeNanoseconds", 8, false },
	[ELEMENT_IPV4_ADDRESS] = { "ipv4Address", 4, false },
	[ELEMENT_IPV6_ADDRESS] = { "ipv6Address", 16, false },
	[ELEMENT_BASIC_LIST] = { "basicList", ELEMENT_VARIABLE, false },
	[ELEMENT_SUB_TEMPLATE_LIST] = { "subTemplateList", ELEMENT_VARIABLE, false },
	[ELEMENT_SUB_TEMPLATE_MULTI_LIST] = { "subTemplateMultiList", ELEMENT_VARIABLE, false },
};
_Static_assert((int)FB_OCTET_ARRAY == (int)ELEMENT_OCTET_ARRAY &&
		       (int)FB_DT_NANOSEC == (int)ELEMENT_DATE_TIME_NANOSECONDS &&
		       (int)FB_SUB_TMPL_MULTI_LIST == (int)ELEMENT_SUB_TEMPLATE_MULTI_LIST,
	       "libfixbuf counts types as IANA does");

/* README.md, "IPFIX"; their enterprise number is that of the configuration. */
static const Element own_elements[] = {
	{ "hostMacAddress", 0, 1, 6, ELEMENT_MAC_ADDRESS },
	{ "hostScope", 0, 2, 1, ELEMENT_UNSIGNED8 },
	{ "hostName", 0, 3, ELEMENT_VARIABLE, ELEMENT_STRING },
	{ "flowMark", 0, 4, 4, ELEMENT_UNSIGNED32 },
};

/* The first of a name keeps it: what is IANA's comes before what is not. */
static void add(Elements *elements, Element element)
{
	const uint64_t number = key_of(element.enterprise, element.number);
	g_autofree char *key = g_ascii_strdown(element.name, -1);
	Element *copy;

	if (g_hash_table_contains(elements->by_name, key))
		return;
	copy = g_memdup2(&element, sizeof(element));
	copy->name = g_string_chunk_insert(elements->names, element.name);
	g_hash_table_insert(elements->by_name, g_steal_pointer(&key), copy);
	g_hash_table_replace(elements->by_number, g_memdup2(&number, sizeof(number)), copy);
}

static void add_model(Elements *elements)
{
	fbInfoModel_t *model = fbInfoModelAlloc();
	fbInfoModelIter_t iter;
	const fbInfoElement_t *element;

	fbInfoModelIterInit(&iter, model);
	while ((element = fbInfoModelIterNext(&iter)))
		add(elements, (Element){ element->ref.name, element->ent, element->num,
					 element->len, (ElementType)element->type });
	fbInfoModelFree(model);
}

static void free_learned(gpointer data)
{
	Element *element = data;

	g_free((char *)element->name);
	g_free(element);
}

Elements *elements_new(uint32_t enterprise_number)
{
	Elements *elements = g_new0(Elements, 1);

	elements->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	elements->by_number = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	elements->learned =
		g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_learned);
	elements->names = g_string_chunk_new(4096);
	add_model(elements);
	for (size_t i = 0; i < G_N_ELEMENTS(own_elements); i++) {
		Element element = own_elements[i];

		element.enterprise = enterprise_number;
		add(elements, element);
	}
	return elements;
}

void elements_free(Elements *elements)
{
	if (!elements)
		return;
	g_hash_table_unref(elements->learned);
	g_hash_table_unref(elements->by_number);
	g_hash_table_unref(elements->by_name);
	g_string_chunk_free(elements->names);
	g_free(elements);
}

Element elements_at(const Elements *elements, uint32_t enterprise, uint16_t number)
{
	const uint64_t key = key_of(enterprise, number);
	const Element *known = g_hash_table_lookup(elements->learned, &key);

	if (!known)
		known = g_hash_table_lookup(elements->by_number, &key);
	if (known)
		return *known;
	return (Element){ NULL, enterprise, number, ELEMENT_VARIABLE, ELEMENT_OCTET_ARRAY };
}

/* "NUMBER" or "ENTERPRISE:NUMBER", in decimal. */
static bool parse_numbers(const char *text, uint32_t *enterprise, uint16_t *number)
{
	const char *colon = strchr(text, ':');
	g_autofree char *before = colon ? g_strndup(text, (size_t)(colon - text)) : NULL;
	guint64 high = 0, low;

	if (before && !g_ascii_string_to_unsigned(before, 10, 0, UINT32_MAX, &high, NULL))
		return false;
	if (!g_ascii_string_to_unsigned(colon ? colon + 1 : text, 10, 1, ELEMENT_NUMBER_MAX, &low,
					NULL))
		return false;
	*enterprise = (uint32_t)high;
	*number = (uint16_t)low;
	return true;
}

bool elements_find(const Elements *elements, const char *text, Element *element)
{
	g_autofree char *key = g_ascii_strdown(text, -1);
	const Element *known = g_hash_table_lookup(elements->by_name, key);
	uint32_t enterprise;
	uint16_t number;

	if (known) {
		*element = *known;
		return true;
	}
	if (!parse_numbers(text, &enterprise, &number))
		return false;
	*element = elements_at(elements, enterprise, number);
	return true;
}

bool elements_learn(Elements *elements, uint32_t enterprise, uint16_t number, ElementType type,
		    const char *name)
{
	const uint64_t key = key_of(enterprise, number);
	Element *element;

	if (!enterprise || !number || number > ELEMENT_NUMBER_MAX || type >= ELEMENT_TYPES ||
	    !*name || strlen(name) > NAME_MAX_LEN)
		return false;
	element = g_hash_table_lookup(elements->learned, &key);
	if (element && element->type == type && !strcmp(element->name, name))
		return true;
	if (!element && g_hash_table_size(elements->learned) >= LEARNED_MAX)
		return false;
	elements->changes++;
	element = g_new(Element, 1);
	*element = (Element){ g_strdup(name), enterprise, number, types[type].len, type };
	g_hash_table_replace(elements->learned, g_memdup2(&key, sizeof(key)), element);
	return true;
}

uint64_t elements_changes(const Elements *elements)
{
	return elements->changes;
}

const char *element_type_name(ElementType type)
{
	return types[type].name;
}

bool element_takes_len(const Element *element, uint16_t len)
{
	const uint16_t full = types[element->type].len;

	if (full == ELEMENT_VARIABLE)
		return len > 0;
	if (element->type == ELEMENT_FLOAT64 && len == types[ELEMENT_FLOAT32].len)
		return true;
	return len == full || (types[element->type].reducible && len > 0 && len < full);
}

uint16_t element_lfe_len(const Element *element)
{
	if (!element->enterprise && element->number == TCP_CONTROL_BITS)
		return 1;
	return element->len;
}
