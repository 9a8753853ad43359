/* SPDX-License-Identifier: Apache-2.0 */
/* What the tools that make frames read of their arguments; what is wrong ends them by their usage. */
#ifndef FLOWTALLY_ARGUMENTS_H
#define FLOWTALLY_ARGUMENTS_H

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The tool's own. */
static _Noreturn void usage(void);

static inline void parse_mac(uint8_t mac[ETH_ALEN], const char *text)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4,
		   mac + 5) != ETH_ALEN)
		usage();
}

/* @address has 4 or 16 octets, as @family has. */
static inline void parse_address(int family, void *address, const char *text)
{
	if (inet_pton(family, text, address) != 1)
		usage();
}

static inline unsigned long parse_number(const char *text, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*end || end == text || number < min || number > max)
		usage();
	return number;
}

#endif
