/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtokens.h"

#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

typedef struct {
	const char *text;
	TokenType type;
	FlowComparison comparison;
} Symbol;

/* One that begins with another stands before it. */
static const Symbol signs[] = {
	{ "&&", TOKEN_AND, FLOW_IS },
	{ "||", TOKEN_OR, FLOW_IS },
	{ "!=", TOKEN_COMPARISON, FLOW_NOT_EQUAL },
	{ "!", TOKEN_NOT, FLOW_IS },
	{ "==", TOKEN_COMPARISON, FLOW_EQUAL },
	{ "=", TOKEN_COMPARISON, FLOW_EQUAL },
	{ "<=", TOKEN_COMPARISON, FLOW_LESS_OR_EQUAL },
	{ "<", TOKEN_COMPARISON, FLOW_LESS },
	{ ">=", TOKEN_COMPARISON, FLOW_GREATER_OR_EQUAL },
	{ ">", TOKEN_COMPARISON, FLOW_GREATER },
	{ "(", TOKEN_OPEN, FLOW_IS },
	{ ")", TOKEN_CLOSE, FLOW_IS },
	{ "[", TOKEN_OPEN_LIST, FLOW_IS },
	{ "]", TOKEN_CLOSE_LIST, FLOW_IS },
	{ ",", TOKEN_COMMA, FLOW_IS },
};

/* Those of comparison are nfdump's, for they need no quoting in a shell. */
static const Symbol words[] = {
	{ "and", TOKEN_AND, FLOW_IS },
	{ "or", TOKEN_OR, FLOW_IS },
	{ "not", TOKEN_NOT, FLOW_IS },
	{ "eq", TOKEN_COMPARISON, FLOW_EQUAL },
	{ "ne", TOKEN_COMPARISON, FLOW_NOT_EQUAL },
	{ "lt", TOKEN_COMPARISON, FLOW_LESS },
	{ "le", TOKEN_COMPARISON, FLOW_LESS_OR_EQUAL },
	{ "gt", TOKEN_COMPARISON, FLOW_GREATER },
	{ "ge", TOKEN_COMPARISON, FLOW_GREATER_OR_EQUAL },
};

#define BLANKS " \t\r\n"
#define QUOTES "\"'"
#define ENDS_OF_WORDS BLANKS QUOTES "&|!=<>()[],"

static void clear_token(void *data)
{
	g_free(((FlowToken *)data)->text);
}

void flowtoken_fail(const FlowToken *token, GError **error, const char *format, ...)
{
	g_autofree char *reason = NULL, *printable = NULL;
	va_list args;

	va_start(args, format);
	reason = g_strdup_vprintf(format, args);
	va_end(args);
	printable = text_printable(reason);
	if (token->type == TOKEN_END)
		error_set(error, "at the end: %s", printable);
	else
		error_set(error, "at %u: %s", token->column, printable);
}

void flowtoken_fail_expecting(const FlowToken *token, GError **error, const char *what)
{
	if (token->type == TOKEN_END)
		flowtoken_fail(token, error, "expected %s", what);
	else
		flowtoken_fail(token, error, "\"%.*s\": expected %s", FLOWTERM_SHOWN_MAX,
			       token->text, what);
}

static const Symbol *sign_at(const char *cursor)
{
	for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
		if (g_str_has_prefix(cursor, signs[i].text))
			return &signs[i];
	}
	return NULL;
}

static void take_word(FlowToken *token, const char *cursor, size_t length)
{
	token->type = TOKEN_WORD;
	token->text = g_strndup(cursor, length);
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		if (!g_ascii_strcasecmp(words[i].text, token->text)) {
			token->type = words[i].type;
			token->comparison = words[i].comparison;
		}
	}
}

/* Returns how many octets of @cursor, which is at the beginning of one, @token takes; 0: it cannot be. */
static size_t take_token(FlowToken *token, const char *cursor)
{
	const Symbol *sign = sign_at(cursor);
	const char *end = cursor + strcspn(cursor, ENDS_OF_WORDS);

	if (sign) {
		token->type = sign->type;
		token->comparison = sign->comparison;
		token->text = g_strdup(sign->text);
		return strlen(sign->text);
	}
	if (end > cursor) {
		take_word(token, cursor, (size_t)(end - cursor));
		return (size_t)(end - cursor);
	}
	end = strchr(QUOTES, *cursor) ? strchr(cursor + 1, *cursor) : NULL;
	if (!end)
		return 0;
	token->type = TOKEN_QUOTED;
	token->text = g_strndup(cursor + 1, (gsize)(end - cursor - 1));
	return (size_t)(end - cursor) + 1;
}

static void fail_at_sign(const FlowToken *token, char sign, GError **error)
{
	if (strchr(QUOTES, sign))
		flowtoken_fail(token, error, "the quotation does not end");
	else
		flowtoken_fail(token, error, "\"%c\": expected \"%c%c\"", sign, sign, sign);
}

GArray *flowtokens_new(const char *text, GError **error)
{
	g_autoptr(GArray) tokens = g_array_new(FALSE, TRUE, sizeof(FlowToken));
	const char *cursor = text;
	FlowToken token;

	g_array_set_clear_func(tokens, clear_token);
	do {
		size_t length = 0;

		cursor += strspn(cursor, BLANKS);
		token = (FlowToken){ .column = (guint)(cursor - text) + 1 };
		if (!*cursor)
			token.type = TOKEN_END;
		else if (!(length = take_token(&token, cursor))) {
			fail_at_sign(&token, *cursor, error);
			return NULL;
		}
		g_array_append_val(tokens, token);
		cursor += length;
	} while (token.type != TOKEN_END);
	return g_steal_pointer(&tokens);
}

bool flowtoken_is_word(const FlowToken *token, const char *word)
{
	return token->type == TOKEN_WORD && !g_ascii_strcasecmp(token->text, word);
}
