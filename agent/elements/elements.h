/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Information Elements by name and by number: those of IANA and the reverse ones of RFC 5103 as
 * libfixbuf knows them, ours under the enterprise number of the configuration, and whatever an exporter
 * announces (RFC 5610).
 */
#ifndef FLOWTALLY_ELEMENTS_H
#define FLOWTALLY_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#define ELEMENT_VARIABLE 65535	  /* as a length, of a template too (RFC 7011, 3.2) */
#define ELEMENT_NUMBER_MAX 0x7fff /* the bit above says that an enterprise number follows */
#define ELEMENT_REVERSE_PEN 29305 /* RFC 5103, 6.1 */

/* The values are those of IANA's registry of data types (RFC 5610, 3.1). */
typedef enum {
	ELEMENT_OCTET_ARRAY,
	ELEMENT_UNSIGNED8,
	ELEMENT_UNSIGNED16,
	ELEMENT_UNSIGNED32,
	ELEMENT_UNSIGNED64,
	ELEMENT_SIGNED8,
	ELEMENT_SIGNED16,
	ELEMENT_SIGNED32,
	ELEMENT_SIGNED64,
	ELEMENT_FLOAT32,
	ELEMENT_FLOAT64,
	ELEMENT_BOOLEAN,
	ELEMENT_MAC_ADDRESS,
	ELEMENT_STRING,
	ELEMENT_DATE_TIME_SECONDS,
	ELEMENT_DATE_TIME_MILLISECONDS,
	ELEMENT_DATE_TIME_MICROSECONDS, /* as are nanoseconds: seconds since 1900 and 2^-32 of one */
	ELEMENT_DATE_TIME_NANOSECONDS,
	ELEMENT_IPV4_ADDRESS,
	ELEMENT_IPV6_ADDRESS,
	ELEMENT_BASIC_LIST,
	ELEMENT_SUB_TEMPLATE_LIST,
	ELEMENT_SUB_TEMPLATE_MULTI_LIST,
	ELEMENT_TYPES,
} ElementType;

typedef struct {
	const char *name;    /* of the Elements; NULL: nobody has given it one */
	uint32_t enterprise; /* 0: IANA's */
	uint16_t number;
	uint16_t len; /* in octets, of a field that is not made shorter; may be ELEMENT_VARIABLE */
	ElementType type;
} Element;

typedef struct Elements Elements;

Elements *elements_new(uint32_t enterprise_number);
void elements_free(Elements *elements);

/*
 * By name, whatever the case of its letters, or by "NUMBER" or "ENTERPRISE:NUMBER". A number of nobody we
 * know is an octetArray of variable length. False if @text is neither; @element is written only on success.
 */
bool elements_find(const Elements *elements, const char *text, Element *element);

/* The same of a number that stands in a template; @number is at most ELEMENT_NUMBER_MAX. */
Element elements_at(const Elements *elements, uint32_t enterprise, uint16_t number);

/*
 * What an exporter says of one of its elements. Those of IANA stay what they are, and of others at most 4096
 * are learned: then it is false, as it is of a type or a name that cannot be. @name need not be UTF-8, and has
 * at most 255 octets.
 */
bool elements_learn(Elements *elements, uint32_t enterprise, uint16_t number, ElementType type,
		    const char *name);

/* How often that has changed anything: names and types that were asked for before may be others. */
uint64_t elements_changes(const Elements *elements);

/* "unsigned64" */
const char *element_type_name(ElementType type);

/* Whether a field of @element may have @len octets: reduced-size encoding is RFC 7011, 6.2. */
bool element_takes_len(const Element *element, uint16_t len);

/* How long linux-flow-exporter makes it: as IANA says but for tcpControlBits, of which it sends one octet. */
uint16_t element_lfe_len(const Element *element);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Elements, elements_free)

#endif
