/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people and for formats that insist on UTF-8. Names come from the kernel, from a network and
 * from files: they may be any octets, also such as would drive a terminal.
 */
#ifndef FLOWTALLY_TEXT_H
#define FLOWTALLY_TEXT_H

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

/* How many columns of a terminal @text takes; it is printable. */
size_t text_width(const char *text);

/* "212.4 GB": SI, with as many digits as a person compares. */
char *text_octets(uint64_t octets);

#endif
