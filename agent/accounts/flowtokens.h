/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter expression as tokens, and what is said of one that is not understood.
 */
#ifndef FLOWTALLY_FLOWTOKENS_H
#define FLOWTALLY_FLOWTOKENS_H

#include <stdbool.h>

#include <glib.h>

#include "flowterms.h"

typedef enum {
	TOKEN_WORD, /* that means nothing by itself */
	TOKEN_QUOTED,
	TOKEN_COMPARISON,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_NOT,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_OPEN_LIST,
	TOKEN_CLOSE_LIST,
	TOKEN_COMMA,
	TOKEN_END,
} TokenType;

typedef struct {
	TokenType type;
	FlowComparison comparison;
	guint column; /* from 1, in octets */
	char *text;   /* without its quotes; NULL: TOKEN_END */
} FlowToken;

/* Of FlowToken, the last being TOKEN_END. */
GArray *flowtokens_new(const char *text, GError **error);

bool flowtoken_is_word(const FlowToken *token, const char *word);

/* "at 12: REASON", or "at the end: REASON": one printable line, whatever octets the reason repeats. */
void flowtoken_fail(const FlowToken *token, GError **error, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
void flowtoken_fail_expecting(const FlowToken *token, GError **error, const char *what);

#endif
