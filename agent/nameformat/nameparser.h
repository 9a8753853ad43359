/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that know names of devices, as they come: octets go in, in pieces of any size, and names come out.
 * The octets may be any, and so are refused, line by line; the names are clean (text_name()).
 */
#ifndef FLOWTALLY_NAMEPARSER_H
#define FLOWTALLY_NAMEPARSER_H

#include <stddef.h>

#include <glib.h>

#include "lines.h"
#include "nameformat.h"

/* Where names come from. */
typedef enum {
	NAMES_STATIC, /* the configuration: has no parser */
	NAMES_DNSMASQ,
	NAMES_ODHCPD,
	NAMES_KEA,
	NAMES_ISC,
	NAMES_UCI,
	NAMES_ETHERS,
	NAMES_HOSTS,
	NAMES_VENDORS, /* the registry of MACs */
	NAMES_KINDS,
} NamesKind;

extern const char *const names_kind_words[NAMES_KINDS];

typedef struct NameParser NameParser;

/* Of one file. What @sink gets is borrowed for the call. */
NameParser *name_parser_new(NamesKind kind, NameSink sink, void *user_data);
void name_parser_free(NameParser *parser);

void name_parser_feed(NameParser *parser, const char *octets, size_t len);

/* The file ends here. */
void name_parser_end(NameParser *parser);

BadLines name_parser_bad_lines(const NameParser *parser);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NameParser, name_parser_free)

#endif
