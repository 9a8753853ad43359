/* SPDX-License-Identifier: Apache-2.0 */
#include "mac.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#define LOCALLY_ADMINISTERED 0x02 /* of the first octet */

bool mac_is_zero(const uint8_t mac[MAC_LEN])
{
	static const uint8_t none[MAC_LEN];

	return !memcmp(mac, none, MAC_LEN);
}

bool mac_is_private(const uint8_t mac[MAC_LEN])
{
	return mac[0] & LOCALLY_ADMINISTERED;
}

bool mac_parse(uint8_t mac[MAC_LEN], const char *text)
{
	uint8_t parsed[MAC_LEN];

	for (size_t i = 0; i < MAC_LEN; i++, text += 3) {
		char end = i == MAC_LEN - 1			? '\0' :
			   text[0] && text[1] && text[2] == '-' ? '-' :
								  ':';

		if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]) || text[2] != end)
			return false;
		parsed[i] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 |
				      g_ascii_xdigit_value(text[1]));
	}
	memcpy(mac, parsed, MAC_LEN);
	return true;
}

const char *mac_format(const uint8_t mac[MAC_LEN], char text[MAC_TEXT_MAX])
{
	snprintf(text, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}
