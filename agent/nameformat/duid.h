/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP unique identifiers (RFC 8415, 11): those of a device that contain its Ethernet address, DUID-LLT and DUID-LL. */
#ifndef FLOWTALLY_DUID_H
#define FLOWTALLY_DUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records.h"

/* False, and @mac stays, if there is none in it. */
bool duid_mac(uint8_t mac[MAC_LEN], const uint8_t *duid, size_t len);

/* The same from hexadecimal digits, two an octet, perhaps with ":" between. */
bool duid_parse_mac(uint8_t mac[MAC_LEN], const char *text);

#endif
