/* SPDX-License-Identifier: Apache-2.0 */
#include "prefix.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "error.h"

#define ADDRESS_BITS (8 * ADDRESS_LEN)
#define IPV4_BITS (ADDRESS_BITS - PREFIX_IPV4_BITS)
#define IPV4_OFFSET (PREFIX_IPV4_BITS / 8)

static const uint8_t ipv4_mapped[IPV4_OFFSET] = { [10] = 0xff, [11] = 0xff };

static bool is_ipv4_mapped(const uint8_t address[ADDRESS_LEN])
{
	return memcmp(address, ipv4_mapped, sizeof(ipv4_mapped)) == 0;
}

static unsigned int bits_of_family(int family)
{
	return family == AF_INET ? IPV4_BITS : ADDRESS_BITS;
}

static void clear_bits_after(uint8_t address[ADDRESS_LEN], unsigned int length)
{
	for (size_t i = 0; i < ADDRESS_LEN; i++) {
		unsigned int kept = MIN(length, 8);

		address[i] &= (uint8_t)(0xff00 >> kept);
		length -= kept;
	}
}

Prefix prefix_from_address(int family, const void *address, unsigned int length)
{
	unsigned int bits = bits_of_family(family);
	unsigned int offset = ADDRESS_BITS - bits;
	Prefix prefix = { .length = (uint8_t)(offset + MIN(length, bits)) };

	memcpy(prefix.address, ipv4_mapped, offset / 8);
	memcpy(prefix.address + offset / 8, address, bits / 8);
	clear_bits_after(prefix.address, prefix.length);
	return prefix;
}

static bool parse_length(const char *text, unsigned int bits, unsigned int *length)
{
	guint64 number = bits;

	if (text && !g_ascii_string_to_unsigned(text, 10, 0, bits, &number, NULL))
		return false;
	*length = (unsigned int)number;
	return true;
}

bool prefix_parse(Prefix *prefix, const char *text, GError **error)
{
	const char *slash = strchrnul(text, '/');
	g_autofree char *host = g_strndup(text, (gsize)(slash - text));
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;
	unsigned int bits = bits_of_family(family), length;
	uint8_t address[ADDRESS_LEN];
	char masked_text[PREFIX_TEXT_MAX];
	Prefix whole, masked;

	if (strlen(text) >= PREFIX_TEXT_MAX) {
		error_set(error, "a text of %zu octets is not a prefix", strlen(text));
		return false;
	}
	if (inet_pton(family, host, address) != 1) {
		error_set(error, "\"%s\" is not a prefix such as 192.0.2.0/24 or 2001:db8::/48",
			  text);
		return false;
	}
	if (!parse_length(*slash ? slash + 1 : NULL, bits, &length)) {
		error_set(error,
			  "\"%s\" is not a prefix: its length is not an integer from 0 to %u", text,
			  bits);
		return false;
	}
	whole = prefix_from_address(family, address, bits);
	masked = prefix_from_address(family, address, length);
	if (memcmp(whole.address, masked.address, ADDRESS_LEN)) {
		error_set(error, "\"%s\" is not a prefix: it has bits beyond %s", text,
			  prefix_format(&masked, masked_text));
		return false;
	}
	*prefix = masked;
	return true;
}

bool prefix_is_ipv4(const Prefix *prefix)
{
	/* The last of the bits that say so is in the prefix, or it would be zero. */
	return is_ipv4_mapped(prefix->address);
}

bool prefix_equal(const Prefix *a, const Prefix *b)
{
	return a->length == b->length && memcmp(a->address, b->address, ADDRESS_LEN) == 0;
}

const char *address_format(const uint8_t address[ADDRESS_LEN], char text[PREFIX_TEXT_MAX])
{
	if (is_ipv4_mapped(address))
		return inet_ntop(AF_INET, address + IPV4_OFFSET, text, PREFIX_TEXT_MAX);
	return inet_ntop(AF_INET6, address, text, PREFIX_TEXT_MAX);
}

const char *prefix_format(const Prefix *prefix, char text[PREFIX_TEXT_MAX])
{
	bool ipv4 = prefix_is_ipv4(prefix);
	char address[PREFIX_TEXT_MAX];

	inet_ntop(ipv4 ? AF_INET : AF_INET6, prefix->address + (ipv4 ? IPV4_OFFSET : 0), address,
		  sizeof(address));
	g_snprintf(text, PREFIX_TEXT_MAX, "%s/%d", address,
		   prefix->length - (ipv4 ? PREFIX_IPV4_BITS : 0));
	return text;
}
