/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading IPFIX from a file, from standard input, or as a small collector, each Transport Session with a reader of its own,
 * until there is no more, enough has been printed, or SIGINT or SIGTERM comes. What is broken is said on standard error, a line
 * each, and so is at the end what has been read.
 */
#ifndef FLOWTALLY_IPFIXCOLLECT_H
#define FLOWTALLY_IPFIXCOLLECT_H

#include <stdbool.h>

#include <glib.h>

#include "config/endpoint.h"
#include "elements/elements.h"
#include "ipfixprinter.h"

typedef enum {
	IPFIX_COLLECT_FILE,
	IPFIX_COLLECT_UDP,
	IPFIX_COLLECT_TCP,
} IpfixCollectFrom;

typedef struct {
	IpfixCollectFrom from;
	const char *path; /* "-": standard input */
	Endpoint listen;  /* UDP, TCP */
	const char *listen_text;
} IpfixSource;

/*
 * In the default main context. False: some of it was broken, which has been said; or with @error set it could not be
 * begun.
 */
bool ipfix_collect(const IpfixSource *source, IpfixPrinter *printer, Elements *elements,
		   GError **error);

#endif
