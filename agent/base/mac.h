/* SPDX-License-Identifier: Apache-2.0 */
/* Ethernet addresses, EUI-48. */
#ifndef FLOWTALLY_MAC_H
#define FLOWTALLY_MAC_H

#include <stdbool.h>
#include <stdint.h>

#include "records.h"

#define MAC_TEXT_MAX 18

bool mac_is_zero(const uint8_t mac[MAC_LEN]);

/* Locally administered (IEEE 802, the U/L bit): not the manufacturer's, as phones make them up. */
bool mac_is_private(const uint8_t mac[MAC_LEN]);

/* Six pairs of hexadecimal digits, in either case, with ":" or "-" between. */
bool mac_parse(uint8_t mac[MAC_LEN], const char *text);

/* In lower case, with ":"; returns @text. */
const char *mac_format(const uint8_t mac[MAC_LEN], char text[MAC_TEXT_MAX]);

#endif
