/* SPDX-License-Identifier: Apache-2.0 */
#include "nameformat.h"

#include <string.h>
#include <time.h>

#include <glib.h>

#include "duid.h"
#include "base/mac.h"

/*
 * ISC's dhcpd, IPv4 and IPv6 (dhcpd.leases(5)): blocks in braces, a statement a line, of which these count:
 *
 *   lease ADDRESS {                          ia-na "IAID and DUID" {
 *     ends 4 2026/11/26 10:00:00;              iaaddr ADDRESS {
 *     hardware ethernet MAC;                     ends 4 2026/11/26 10:00:00;
 *     client-hostname "NAME";                    set ddns-fwd-name = "NAME";
 *   }                                          }
 *                                            }
 *
 * The file is a log: of two leases of an address the later one counts.
 */

#define RAW_NAME_MAX 1024
#define IAID_LEN 4
#define DEPTH_MAX 8

typedef struct {
	unsigned int depth;
	unsigned int lease_depth; /* of the block that is read, 0: none is */
	bool has_mac, has_duid;
	bool is_over;
	uint8_t mac[MAC_LEN];
	uint8_t duid_mac[MAC_LEN]; /* of the ia-na around */
	uint8_t address[ADDRESS_LEN];
	int64_t end_s;
	char name[RAW_NAME_MAX];
	char other_name[RAW_NAME_MAX]; /* that was made up for the DNS */
} IscState;

/* A quoted text with its escapes "\ooo", "\"" and "\\"; the length of what it means, or -1. */
static ssize_t unquote(const char *text, char *to, size_t size)
{
	size_t len = 0;

	if (*text++ != '"')
		return -1;
	while (*text && *text != '"' && len < size) {
		unsigned int octal = 0, digits = 0;

		if (*text != '\\') {
			to[len++] = *text++;
			continue;
		}
		text++;
		while (digits < 3 && text[digits] >= '0' && text[digits] <= '7')
			octal = octal << 3 | (unsigned int)(text[digits++] - '0');
		if (!digits && !*text)
			return -1;
		to[len++] = digits ? (char)octal : *text;
		text += digits ?: 1;
	}
	return *text == '"' ? (ssize_t)len : -1;
}

static const char *take_name(char *name, const char *text)
{
	ssize_t len = unquote(text, name, RAW_NAME_MAX - 1);

	name[len < 0 ? 0 : len] = '\0';
	return len < 0 ? "no text in quotes" : NULL;
}

static const char *take_hardware(IscState *state, const char *text)
{
	g_autofree char *mac = NULL;

	if (!g_str_has_prefix(text, "ethernet "))
		return NULL;
	mac = g_strndup(text + 9, strcspn(text + 9, "; "));
	state->has_mac = mac_parse(state->mac, mac);
	return state->has_mac ? NULL : "no MAC";
}

/* "never", "epoch SECONDS", or "WEEKDAY YYYY/MM/DD HH:MM:SS" in UTC. */
static const char *take_ends(IscState *state, const char *text)
{
	struct tm fields = { 0 };
	const char *end;

	state->end_s = INT64_MAX;
	if (g_str_has_prefix(text, "never"))
		return NULL;
	if (g_str_has_prefix(text, "epoch ")) {
		state->end_s = g_ascii_strtoll(text + 6, NULL, 10);
		return NULL;
	}
	end = strptime(text, "%w %Y/%m/%d %H:%M:%S", &fields);
	if (!end || *end != ';')
		return "no time";
	state->end_s = timegm(&fields);
	return NULL;
}

static const char *take_binding(IscState *state, const char *text)
{
	state->is_over = !g_str_has_prefix(text, "state active");
	return NULL;
}

static const char *take_hostname(IscState *state, const char *text)
{
	return take_name(state->name, text);
}

static const char *take_set(IscState *state, const char *text)
{
	const char *value = strchr(text, '=');

	if (!value || (!g_str_has_prefix(text, "ddns-fwd-name") &&
		       !g_str_has_prefix(text, "ddns-client-fqdn")))
		return NULL;
	return take_name(state->other_name, value + 1 + strspn(value + 1, " "));
}

static const struct {
	const char *word;
	const char *(*take)(IscState *state, const char *text);
} statements[] = {
	{ "hardware ", take_hardware },	       { "ends ", take_ends }, { "binding ", take_binding },
	{ "client-hostname ", take_hostname }, { "set ", take_set },
};

static const char *take_statement(IscState *state, const char *line)
{
	if (!state->lease_depth || state->depth != state->lease_depth)
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(statements); i++) {
		if (g_str_has_prefix(line, statements[i].word))
			return statements[i].take(state, line + strlen(statements[i].word));
	}
	return NULL;
}

/* The DUID of an ia-na, for the leases within. */
static const char *take_association(IscState *state, const char *text)
{
	char octets[256];
	ssize_t len = unquote(text, octets, sizeof(octets));

	state->has_duid =
		len > IAID_LEN && duid_mac(state->duid_mac, (const uint8_t *)octets + IAID_LEN,
					   (size_t)len - IAID_LEN);
	return len < 0 ? "no text in quotes" : NULL;
}

static const char *begin_lease(IscState *state, const char *text)
{
	g_autofree char *address = g_strndup(text, strcspn(text, " {"));

	if (!name_parse_address(state->address, address))
		return "no address";
	state->lease_depth = state->depth;
	state->has_mac = false;
	state->is_over = false;
	state->end_s = INT64_MAX;
	*state->name = '\0';
	*state->other_name = '\0';
	return NULL;
}

static const char *begin_block(IscState *state, const char *line)
{
	if (++state->depth > DEPTH_MAX)
		return "the blocks are nested too deeply";
	if (state->depth == 1)
		state->has_duid = false;
	if (g_str_has_prefix(line, "lease ") && state->depth == 1)
		return begin_lease(state, line + 6);
	if (g_str_has_prefix(line, "ia-na ") && state->depth == 1)
		return take_association(state, line + 6);
	if (g_str_has_prefix(line, "iaaddr ") && state->depth == 2)
		return begin_lease(state, line + 7);
	return NULL;
}

/* Of those that stand in no other one. */
static bool is_outermost(const char *line)
{
	return g_str_has_prefix(line, "lease ") || g_str_has_prefix(line, "ia-");
}

/* So one block that was cut short does not hide those after it. */
static const char *begin_outermost(IscState *state, const char *line)
{
	bool is_unfinished = state->depth;
	const char *reason;

	state->depth = 0;
	state->lease_depth = 0;
	reason = begin_block(state, line);
	return !reason && is_unfinished ? "the block before has not ended" : reason;
}

static const char *end_block(IscState *state, const NameOutput *output)
{
	const char *name = *state->name ? state->name : state->other_name;
	NameEntry entry = {
		.mac = state->has_mac  ? state->mac :
		       state->has_duid ? state->duid_mac :
					 NULL,
		.mac_bits = NAME_MAC_BITS,
		.address = state->address,
		.name = *name ? name : NULL,
		.is_lease = true,
		.end_s = state->is_over ? 0 : state->end_s,
	};

	if (!state->depth)
		return "a block ends that has not begun";
	if (state->depth == state->lease_depth) {
		name_output_add(output, &entry);
		state->lease_depth = 0;
	}
	state->depth--;
	return NULL;
}

static const char *take_isc(void *data, char *line, const NameOutput *output)
{
	IscState *state = data;
	bool is_indented = *line == ' ' || *line == '\t';

	g_strdelimit(line, "\t", ' ');
	g_strstrip(line);
	if (!*line || *line == '#')
		return NULL;
	if (*line == '}')
		return end_block(state, output);
	if (g_str_has_suffix(line, "{"))
		return is_outermost(line) && !is_indented ? begin_outermost(state, line) :
							    begin_block(state, line);
	if (!strchr(line, ';'))
		return "neither a block nor a statement";
	return take_statement(state, line);
}

const NameFormat nameformat_isc = { .state_size = sizeof(IscState), .take = take_isc };
