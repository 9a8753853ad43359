/* SPDX-License-Identifier: Apache-2.0 */
/* What the transport protocols of IP are called, by the numbers that IANA has assigned. */
#ifndef FLOWTALLY_PROTOCOL_H
#define FLOWTALLY_PROTOCOL_H

#include <stdint.h>

/* As the file protocols(5) has it, in lower case; the number in digits where it is none of the common ones.
 * Writes to @text, and returns it. */
#define PROTOCOL_TEXT_MAX 16
const char *protocol_format(uint8_t protocol, char text[PROTOCOL_TEXT_MAX]);

#endif
