/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of interfaces on standard output, a line each (packetline.h), until it is enough, SIGINT, SIGTERM or SIGHUP
 * comes, nobody reads any more, or the last interface is gone, which is an error. What was lost is said on standard error at the end.
 */
#ifndef FLOWTALLY_PACKETLOG_H
#define FLOWTALLY_PACKETLOG_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

typedef struct {
	char **interfaces;
	uint32_t sample;    /* one of so many frames, ... */
	const char *filter; /* ... of these the ones that it means; NULL: all */
	uint32_t count;	    /* lines; UINT32_MAX: no end */
} PacketChoice;

/* In the default main context. */
bool packet_log(const PacketChoice *choice, GError **error);

#endif
