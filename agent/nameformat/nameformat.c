/* SPDX-License-Identifier: Apache-2.0 */
#include "nameformat.h"

#include <string.h>

#include <glib.h>

#include "base/mac.h"
#include "base/prefix.h"
#include "base/text.h"

/* Some programs, where there is no clock, write how long a lease lasts, and 0 if for ever. */
#define FIRST_TIME_S 315532800 /* 1980 */

void name_output_add(const NameOutput *output, const NameEntry *entry)
{
	g_autofree char *name = entry->name ? text_name(entry->name) : NULL;
	NameEntry clean = *entry;

	clean.name = name;
	if (clean.name || clean.is_lease)
		output->sink(&clean, output->user_data);
}

size_t name_fields(char *line, char **fields, size_t max)
{
	size_t n = 0;

	for (char *field = strtok_r(line, " \t", &line); field && n < max;
	     field = strtok_r(NULL, " \t", &line))
		fields[n++] = field;
	return n;
}

bool name_parse_address(uint8_t address[ADDRESS_LEN], const char *text)
{
	Prefix prefix;

	if (strchr(text, '/') || !prefix_parse(&prefix, text, NULL))
		return false;
	memcpy(address, prefix.address, ADDRESS_LEN);
	return true;
}

bool name_parse_mac(uint8_t mac[MAC_LEN], const char *text)
{
	g_auto(GStrv) octets = g_strsplit(text, ":", MAC_LEN + 1);
	g_autoptr(GString) padded = g_string_new(NULL);

	for (size_t i = 0; octets[i]; i++)
		g_string_append_printf(padded, "%s%s%s", i ? ":" : "",
				       strlen(octets[i]) == 1 ? "0" : "", octets[i]);
	return mac_parse(mac, padded->str);
}

bool name_parse_number(int64_t *number, const char *text)
{
	gint64 parsed;

	if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &parsed, NULL))
		return false;
	*number = parsed;
	return true;
}

int64_t name_end_of_lease(int64_t seconds)
{
	return seconds < FIRST_TIME_S ? INT64_MAX : seconds;
}

static void cut_comment(char *line)
{
	line[strcspn(line, "#")] = '\0';
}

/* ethers(5): "MAC NAME"; what names an address names nothing to us. */
static const char *take_ethers(void *state, char *line, const NameOutput *output)
{
	uint8_t mac[MAC_LEN], address[ADDRESS_LEN];
	NameEntry entry = { .mac = mac, .mac_bits = NAME_MAC_BITS };
	char *fields[2];
	size_t n;

	cut_comment(line);
	n = name_fields(line, fields, G_N_ELEMENTS(fields));
	if (!n)
		return NULL;
	if (!name_parse_mac(mac, fields[0]))
		return "no MAC at the beginning";
	if (n < 2)
		return "there is no name";
	entry.name = fields[1];
	if (!name_parse_address(address, fields[1]))
		name_output_add(output, &entry);
	return NULL;
}

const NameFormat nameformat_ethers = { .take = take_ethers };

/* Of an interface, not of a device: loopback, unspecified, link-local with its zone. */
static bool is_no_host(const char *address)
{
	return strchr(address, '%') || g_str_has_prefix(address, "127.") ||
	       !strcmp(address, "0.0.0.0") || !strcmp(address, "::1") || !strcmp(address, "::");
}

/* hosts(5): "ADDRESS NAME ALIAS..." */
static const char *take_hosts(void *state, char *line, const NameOutput *output)
{
	uint8_t address[ADDRESS_LEN];
	NameEntry entry = { .address = address };
	char *fields[2];
	size_t n;

	cut_comment(line);
	n = name_fields(line, fields, G_N_ELEMENTS(fields));
	if (!n || is_no_host(fields[0]))
		return NULL;
	if (!name_parse_address(address, fields[0]))
		return "no address at the beginning";
	if (n < 2)
		return "there is no name";
	entry.name = fields[1];
	name_output_add(output, &entry);
	return NULL;
}

const NameFormat nameformat_hosts = { .take = take_hosts };

/*
 * The registries of the IEEE as text. In that of 24 bits a line has all: "28-6F-B9   (hex)  NAME". In those
 * of 28 and 36 bits the first line has the beginning, and the next one the range within:
 * "E75000-E75FFF     (base 16)  NAME".
 */
typedef struct {
	uint8_t prefix[3];
	bool is_known;
} VendorState;

static bool parse_hex(uint64_t *number, const char *text, size_t len)
{
	g_autofree char *digits = g_strndup(text, len);
	guint64 parsed;

	if (strlen(digits) != len ||
	    !g_ascii_string_to_unsigned(digits, 16, 0, G_MAXUINT64, &parsed, NULL))
		return false;
	*number = parsed;
	return true;
}

static bool parse_vendor_prefix(VendorState *state, const char *text)
{
	for (size_t i = 0; i < sizeof(state->prefix); i++, text += 3) {
		uint64_t octet;

		if (!parse_hex(&octet, text, 2) || (i < 2 ? text[2] != '-' : text[2] != '\0'))
			return false;
		state->prefix[i] = (uint8_t)octet;
	}
	return true;
}

/* How many bits the ends of a range of 24 bits have in common, where it is a whole block; else 0. */
static unsigned int bits_of_range(uint64_t first, uint64_t last)
{
	for (unsigned int bits = 1; bits < 24; bits++) {
		uint64_t mask = 0xffffff >> bits;

		if (!(first & mask) && last == (first | mask))
			return bits;
	}
	return 0;
}

static const char *take_vendor_block(const VendorState *state, const char *text, const char *name,
				     const NameOutput *output)
{
	uint8_t mac[MAC_LEN] = { 0 };
	NameEntry entry = { .mac = mac, .mac_bits = 24, .name = name };
	uint64_t first = 0, last = 0;
	size_t len = strlen(text);

	memcpy(mac, state->prefix, sizeof(state->prefix));
	if (len == 13 && text[6] == '-' && parse_hex(&first, text, 6) &&
	    parse_hex(&last, text + 7, 6) && bits_of_range(first, last))
		entry.mac_bits += bits_of_range(first, last);
	else if (len != 6 || !parse_hex(&first, text, 6))
		return "no block of addresses before \"(base 16)\"";
	else
		first = 0;
	for (size_t i = 0; i < 3; i++)
		mac[3 + i] = (uint8_t)(first >> (16 - 8 * i));
	name_output_add(output, &entry);
	return NULL;
}

/* Addresses of offices stand in other lines. */
static const char *take_vendors(void *data, char *line, const NameOutput *output)
{
	static const char hex[] = "(hex)", base_16[] = "(base 16)";
	VendorState *state = data;
	char *mark = strstr(line, hex);
	const char *name;

	if (mark) {
		*mark = '\0';
		state->is_known = parse_vendor_prefix(state, g_strstrip(line));
		return state->is_known ? NULL : "no beginning of addresses before \"(hex)\"";
	}
	mark = strstr(line, base_16);
	if (!mark || !state->is_known)
		return NULL;
	name = mark + strlen(base_16);
	name += strspn(name, " \t");
	*mark = '\0';
	return take_vendor_block(state, g_strstrip(line), name, output);
}

const NameFormat nameformat_vendors = { .state_size = sizeof(VendorState), .take = take_vendors };
