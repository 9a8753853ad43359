/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people and for formats that insist on UTF-8. Names come from the kernel, from a network and
 * from files: they may be any octets, also such as would drive a terminal.
 */
#ifndef FLOWTALLY_TEXT_H
#define FLOWTALLY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * Any octets as printable UTF-8: "\xHH" stands for each octet that is not, and for the backslash, so that
 * different names stay different. The caller's to free, as are all texts here.
 */
char *text_escape(const char *octets);

/* The same for a text that has been escaped before: the backslash stays. */
char *text_printable(const char *octets);

/* What people may be called: at most so many octets. */
#define TEXT_NAME_MAX 255

/*
 * What a stranger says is a name, as something that can be shown: valid UTF-8 (U+FFFD stands for octets that
 * are not), without control characters, line and paragraph separators, marks that turn the direction of
 * writing and whatever else is invisible but for the joiners, without spaces at its ends, and cut at
 * TEXT_NAME_MAX octets on a character's end. NULL if nothing is left.
 */
char *text_name(const char *octets);

/* How many columns of a terminal @text takes; it is printable. */
size_t text_width(const char *text);

/*
 * Octets and rates, with as many digits as a person compares and always with their unit: kB is 1000 octets
 * and KiB 1024. Bits are counted in thousands whatever the units.
 */
typedef enum {
	TEXT_SI,    /* "212.4 GB" */
	TEXT_IEC,   /* "197.8 GiB" */
	TEXT_BYTES, /* "212400000000 B" */
	TEXT_UNITS,
} TextUnits;

/* By "si", "iec" and "bytes". */
bool text_parse_units(const char *name, TextUnits *units);

char *text_volume(uint64_t octets, TextUnits units);
char *text_octets(uint64_t octets); /* by TEXT_SI */

/* "412.7 Mbit/s", "51.6 MB/s": of octets in a second. */
char *text_bit_rate(double octets);
char *text_octet_rate(double octets, TextUnits units);

/* RFC 3339 in UTC, of milliseconds since the epoch, which are not 0; @text is returned. */
#define TEXT_TIME_MAX 64
const char *text_time(uint64_t ms, char text[TEXT_TIME_MAX]);

/* RFC 3339 in milliseconds since the epoch, 0 if it is none. */
uint64_t text_time_ms(const char *text);

/* As much of the beginning of @text, which is printable, as @width columns of a terminal hold. */
char *text_cut(const char *text, size_t width);

#endif
