/* SPDX-License-Identifier: Apache-2.0 */
#include "duid.h"

#include <string.h>

#include <glib.h>

#define DUID_MAX 130 /* RFC 8415, 11.1, with the type */

enum {
	DUID_LLT = 1,
	DUID_LL = 3,
	DUID_HARDWARE_ETHERNET = 1,
};

bool duid_mac(uint8_t mac[MAC_LEN], const uint8_t *duid, size_t len)
{
	static const struct {
		uint8_t type;
		size_t offset; /* of the address, up to the end */
	} kinds[] = { { DUID_LLT, 8 }, { DUID_LL, 4 } };

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		const uint8_t head[] = { 0, kinds[i].type, 0, DUID_HARDWARE_ETHERNET };

		if (len == kinds[i].offset + MAC_LEN && !memcmp(duid, head, sizeof(head))) {
			memcpy(mac, duid + kinds[i].offset, MAC_LEN);
			return true;
		}
	}
	return false;
}

bool duid_parse_mac(uint8_t mac[MAC_LEN], const char *text)
{
	uint8_t duid[DUID_MAX];
	size_t len = 0;

	for (; *text; text += 2) {
		if (len && *text == ':')
			text++;
		if (len == sizeof(duid) || !g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]))
			return false;
		duid[len++] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 |
					g_ascii_xdigit_value(text[1]));
	}
	return duid_mac(mac, duid, len);
}
