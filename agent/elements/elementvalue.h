/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of Information Elements between octets as IPFIX has them (RFC 7011, section 6) and text.
 *
 *     integers       41, as hexadecimal 0x29 where they are read
 *     booleans       true, false
 *     octets         0x00ff; so are lists (RFC 6313) and whatever does not have the length of its type
 *     MAC addresses  02:00:00:00:00:01
 *     IP addresses   192.0.2.1, 2001:db8::1
 *     times          RFC 3339 in UTC with the digits of their unit, 2026-01-02T03:04:05.678Z
 *     strings        UTF-8; what is not printable is escaped
 */
#ifndef FLOWTALLY_ELEMENTVALUE_H
#define FLOWTALLY_ELEMENTVALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "elements.h"

/* Printable, whatever the octets are. */
void element_value_append_text(GString *text, ElementType type, const uint8_t *octets, size_t len);

/* As a value of JSON: numbers and booleans are such, all else is a string. */
void element_value_append_json(GString *text, ElementType type, const uint8_t *octets, size_t len);

/* As a string of JSON, in quotation marks; @octets need not be UTF-8. */
void element_value_append_json_string(GString *text, const uint8_t *octets, size_t len);

/* An unsigned integer of 1 to 8 octets. */
bool element_value_number(const uint8_t *octets, size_t len, uint64_t *number);

/*
 * Appends to @octets what @text says, with @len octets, or as many as it needs if that is ELEMENT_VARIABLE. Beside the forms
 * above: integers for addresses and times, whose unit they are in then, microseconds and nanoseconds since 1970. False if
 * the element cannot have this value; @error says what it wants: "... is not ...".
 */
bool element_value_parse(const Element *element, uint16_t len, const char *text, GByteArray *octets,
			 GError **error);

#endif
