/* SPDX-License-Identifier: Apache-2.0 */
#include "nameparser.h"

const char *const names_kind_words[NAMES_KINDS] = {
	[NAMES_STATIC] = "static", [NAMES_DNSMASQ] = "dnsmasq", [NAMES_ODHCPD] = "odhcpd",
	[NAMES_KEA] = "kea",	   [NAMES_ISC] = "isc",		[NAMES_UCI] = "uci",
	[NAMES_ETHERS] = "ethers", [NAMES_HOSTS] = "hosts",	[NAMES_VENDORS] = "vendors",
};

static const NameFormat *const formats[NAMES_KINDS] = {
	[NAMES_DNSMASQ] = &nameformat_dnsmasq, [NAMES_ODHCPD] = &nameformat_odhcpd,
	[NAMES_KEA] = &nameformat_kea,	       [NAMES_ISC] = &nameformat_isc,
	[NAMES_UCI] = &nameformat_uci,	       [NAMES_ETHERS] = &nameformat_ethers,
	[NAMES_HOSTS] = &nameformat_hosts,     [NAMES_VENDORS] = &nameformat_vendors,
};

struct NameParser {
	const NameFormat *format;
	NameOutput output;
	Lines *lines;
	void *state;
};

static const char *take_line(char *line, void *user_data)
{
	NameParser *parser = user_data;

	return parser->format->take(parser->state, line, &parser->output);
}

NameParser *name_parser_new(NamesKind kind, NameSink sink, void *user_data)
{
	NameParser *parser = g_new0(NameParser, 1);

	g_assert(formats[kind]);
	parser->format = formats[kind];
	parser->output = (NameOutput){ sink, user_data };
	parser->lines = lines_new(take_line, parser);
	parser->state = g_malloc0(parser->format->state_size);
	return parser;
}

void name_parser_free(NameParser *parser)
{
	if (!parser)
		return;
	lines_free(parser->lines);
	g_free(parser->state);
	g_free(parser);
}

void name_parser_feed(NameParser *parser, const char *octets, size_t len)
{
	lines_feed(parser->lines, octets, len);
}

void name_parser_end(NameParser *parser)
{
	lines_end(parser->lines);
	if (parser->format->end)
		parser->format->end(parser->state, &parser->output);
}

BadLines name_parser_bad_lines(const NameParser *parser)
{
	return lines_bad(parser->lines);
}
