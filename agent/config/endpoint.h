/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A numeric address with a port, as text and as the kernel takes it: "192.0.2.1:4739", "[2001:db8::1]:4739"; and
 * the same with a host's name instead of the address, "collector.example:4739".
 */
#ifndef FLOWTALLY_ENDPOINT_H
#define FLOWTALLY_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/prefix.h"

typedef struct {
	Prefix host; /* of its full length */
	uint16_t port;
} Endpoint;

/* How a text must look; completes "VALUE is not ...". */
#define ENDPOINT_FORM "a numeric address and port such as 192.0.2.1:4739 or [2001:db8::1]:4739"

bool endpoint_parse(Endpoint *endpoint,
		    const char *text); /* @endpoint is written only on success */

/* The same where a name may stand for the address; @host, without brackets, is the caller's to free. */
#define ENDPOINT_NAMED_FORM                                                                        \
	"a host and port such as collector.example:4739, 192.0.2.1:4739 or [2001:db8::1]:4739"
bool endpoint_split(const char *text, char **host, uint16_t *port);

/* An address without a port, which then is 0, or with one; without, IPv6 needs no brackets. */
#define ENDPOINT_SOURCE_FORM                                                                       \
	"a numeric address, with or without a port, such as 192.0.2.1, 192.0.2.1:4739 or "         \
	"[2001:db8::1]:4739"
bool endpoint_parse_source(Endpoint *endpoint, const char *text);

bool endpoint_equal(const Endpoint *a, const Endpoint *b);
bool endpoint_is_loopback(const Endpoint *endpoint);

/* Returns the length of the address. */
socklen_t endpoint_to_sockaddr(const Endpoint *endpoint, struct sockaddr_storage *address);

#endif
