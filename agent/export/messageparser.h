/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPFIX Messages that were ours and have been on a disk: what the account has to know of each, which an encoder has told
 * when it made them, is read from them again. They are given in their order, from the first that has templates.
 */
#ifndef FLOWTALLY_MESSAGEPARSER_H
#define FLOWTALLY_MESSAGEPARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "ipfix.h"

typedef struct MessageParser MessageParser;

MessageParser *message_parser_new(void);
void message_parser_free(MessageParser *parser);

/* A whole message; what follows is about it. False if it is broken. */
bool message_parser_take(MessageParser *parser, const uint8_t *octets, size_t len);

/* Packets and octets are those that its records tell. */
const IpfixContents *message_parser_contents(const MessageParser *parser);
uint32_t message_parser_domain(const MessageParser *parser);

/* Whether there is more in it than templates, and types of elements (RFC 5610). */
bool message_parser_has_data(const MessageParser *parser);

/* The same once more, to be freed; @octets are its. */
IpfixMessage *message_parser_copy(const MessageParser *parser, const uint8_t *octets);

/* Of all templates until now, to be freed: the same text for those that say the same. */
char *message_parser_layout(const MessageParser *parser);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(MessageParser, message_parser_free)

#endif
