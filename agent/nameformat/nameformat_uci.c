/* SPDX-License-Identifier: Apache-2.0 */
#include "nameformat.h"

#include <string.h>

#include <glib.h>

/*
 * OpenWrt's UCI, the sections `host` of /etc/config/dhcp:
 *
 *   config host ['SECTION']
 *           option name 'NAME'
 *           option mac 'MAC MAC...'      or a line "list mac MAC" for each
 *           option ip 'ADDRESS'
 *
 * What is missing is missing.
 */

#define RAW_NAME_MAX 1024
#define MACS_MAX 64

typedef struct {
	bool in_host;
	bool has_address;
	size_t macs;
	uint8_t mac[MACS_MAX][MAC_LEN];
	uint8_t address[ADDRESS_LEN];
	char name[RAW_NAME_MAX];
} UciState;

/* The next word of @line, without its quotes; NULL if there is none, or if a quote is not closed, of which
 * @ok is told. */
static char *next_word(char **line, bool *ok)
{
	char *from = *line + strspn(*line, " \t"), *word = from, *to = from;
	char quote = '\0';

	if (!*from || *from == '#')
		return NULL;
	for (; *from && (quote || (*from != ' ' && *from != '\t')); from++) {
		if (quote ? *from == quote : *from == '"' || *from == '\'')
			quote = quote ? '\0' : *from;
		else if (*from == '\\' && quote != '\'' && from[1])
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*line = *from ? from + 1 : from;
	*to = '\0';
	*ok = !quote;
	return *ok ? word : NULL;
}

static void end_section(void *data, const NameOutput *output)
{
	UciState *state = data;
	NameEntry entry = {
		.mac_bits = NAME_MAC_BITS,
		.address = state->has_address ? state->address : NULL,
		.name = *state->name ? state->name : NULL,
	};

	for (size_t i = 0; i < MAX(state->macs, 1); i++) {
		entry.mac = i < state->macs ? state->mac[i] : NULL;
		name_output_add(output, &entry);
	}
	*state = (UciState){ 0 };
}

static const char *take_macs(UciState *state, char *value)
{
	char *fields[MACS_MAX];
	size_t n = name_fields(value, fields, G_N_ELEMENTS(fields));

	for (size_t i = 0; i < n; i++) {
		if (state->macs == MACS_MAX)
			return "more than 64 MACs of one host";
		if (!name_parse_mac(state->mac[state->macs], fields[i]))
			return "no MAC";
		state->macs++;
	}
	return NULL;
}

/* "ignore" is a value that dnsmasq knows. */
static const char *take_ip(UciState *state, char *value)
{
	state->has_address = name_parse_address(state->address, value);
	return state->has_address || !strcmp(value, "ignore") || !*value ? NULL : "no address";
}

static const char *take_name(UciState *state, char *value)
{
	g_strlcpy(state->name, value, sizeof(state->name));
	return NULL;
}

static const struct {
	const char *key;
	const char *(*take)(UciState *state, char *value);
} options[] = { { "mac", take_macs }, { "ip", take_ip }, { "name", take_name } };

static const char *take_option(UciState *state, const char *key, char *value)
{
	for (size_t i = 0; i < G_N_ELEMENTS(options) && state->in_host; i++) {
		if (!g_ascii_strcasecmp(key, options[i].key))
			return options[i].take(state, value);
	}
	return NULL;
}

static const char *take_uci(void *data, char *line, const NameOutput *output)
{
	UciState *state = data;
	bool ok = true;
	char *command = next_word(&line, &ok);
	char *word = command ? next_word(&line, &ok) : NULL;
	char *value = word ? next_word(&line, &ok) : NULL;

	if (!ok)
		return "a quote is not closed";
	if (!command)
		return NULL;
	if (!g_ascii_strcasecmp(command, "package"))
		return NULL;
	if (!g_ascii_strcasecmp(command, "config")) {
		end_section(state, output);
		state->in_host = word && !g_ascii_strcasecmp(word, "host");
		return word ? NULL : "the section has no type";
	}
	if (g_ascii_strcasecmp(command, "option") && g_ascii_strcasecmp(command, "list"))
		return "none of config, option, list, package";
	return value ? take_option(state, word, value) : "there is no value";
}

const NameFormat nameformat_uci = { .state_size = sizeof(UciState),
				    .take = take_uci,
				    .end = end_section };
