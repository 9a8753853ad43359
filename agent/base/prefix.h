/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and prefixes of both families in one form: an IPv4 address is IPv4-mapped (RFC 4291,
 * 2.5.5.2), an IPv4 prefix of n bits has the length 96 + n.
 */
#ifndef FLOWTALLY_PREFIX_H
#define FLOWTALLY_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "records.h"

#define PREFIX_IPV4_BITS 96

typedef struct {
	uint8_t address[ADDRESS_LEN]; /* bits after the prefix are zero */
	uint8_t length;		      /* 0 to 128 */
} Prefix;

/* Enough for any address or prefix as text, with the final NUL. */
#define PREFIX_TEXT_MAX 64

/* "192.0.2.0/24", "2001:db8::/48", or an address alone, which is a prefix of its full length. */
bool prefix_parse(Prefix *prefix, const char *text, GError **error);

/* From an address in network order, 4 octets long or 16 by @family (AF_INET or AF_INET6). */
Prefix prefix_from_address(int family, const void *address, unsigned int length);

bool prefix_is_ipv4(const Prefix *prefix);
bool prefix_equal(const Prefix *a, const Prefix *b);

/* Both write to @text and return it. An IPv4-mapped address is written as IPv4. */
const char *prefix_format(const Prefix *prefix, char text[PREFIX_TEXT_MAX]);
const char *address_format(const uint8_t address[ADDRESS_LEN], char text[PREFIX_TEXT_MAX]);

#endif
