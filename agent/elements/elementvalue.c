/* SPDX-License-Identifier: Apache-2.0 */
#include "elementvalue.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mac.h"
#include "base/text.h"

#define NTP_EPOCH_S UINT64_C(2208988800) /* from 1900 to 1970 */
#define YEAR_10000_S UINT64_C(253402300800)
#define NS_IN_S UINT64_C(1000000000)

/* --- to text */

static uint64_t number_of(const uint8_t *octets, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | octets[i];
	return number;
}

bool element_value_number(const uint8_t *octets, size_t len, uint64_t *number)
{
	if (!len || len > sizeof(*number))
		return false;
	*number = number_of(octets, len);
	return true;
}

static void append_hex(GString *text, const uint8_t *octets, size_t len)
{
	g_string_append(text, "0x");
	for (size_t i = 0; i < len; i++)
		g_string_append_printf(text, "%02x", octets[i]);
}

static bool append_unsigned(GString *text, const uint8_t *octets, size_t len)
{
	uint64_t number;

	if (!element_value_number(octets, len, &number))
		return false;
	g_string_append_printf(text, "%" PRIu64, number);
	return true;
}

static bool append_signed(GString *text, const uint8_t *octets, size_t len)
{
	uint64_t number;

	if (!element_value_number(octets, len, &number))
		return false;
	if (len < sizeof(number) && octets[0] & 0x80)
		number |= UINT64_MAX << (8 * len);
	g_string_append_printf(text, "%" PRId64, (int64_t)number);
	return true;
}

/* One that is no number has no place in JSON, and is shown as octets. */
static bool append_float(GString *text, const uint8_t *octets, size_t len)
{
	char digits[G_ASCII_DTOSTR_BUF_SIZE];
	double number = NAN;

	if (len == sizeof(float)) {
		uint32_t bits = (uint32_t)number_of(octets, len);
		float single;

		memcpy(&single, &bits, sizeof(single));
		number = (double)single;
	} else if (len == sizeof(double)) {
		uint64_t bits = number_of(octets, len);

		memcpy(&number, &bits, sizeof(number));
	}
	if (!isfinite(number))
		return false;
	g_string_append(text, g_ascii_formatd(digits, sizeof(digits),
					      len == sizeof(float) ? "%.9g" : "%.17g", number));
	return true;
}

static bool append_boolean(GString *text, const uint8_t *octets, size_t len)
{
	/* RFC 7011, 6.1.5. */
	if (len != 1 || (*octets != 1 && *octets != 2))
		return false;
	g_string_append(text, *octets == 1 ? "true" : "false");
	return true;
}

static bool append_mac(GString *text, const uint8_t *octets, size_t len)
{
	char mac[MAC_TEXT_MAX];

	if (len != MAC_LEN)
		return false;
	g_string_append(text, mac_format(octets, mac));
	return true;
}

static bool append_address(GString *text, const uint8_t *octets, size_t len)
{
	char address[INET6_ADDRSTRLEN];

	if (len != sizeof(struct in_addr) && len != sizeof(struct in6_addr))
		return false;
	g_string_append(text, inet_ntop(len == sizeof(struct in_addr) ? AF_INET : AF_INET6, octets,
					address, sizeof(address)));
	return true;
}

static bool append_time(GString *text, uint64_t seconds, uint64_t fraction, int digits)
{
	time_t moment = (time_t)seconds;
	char date[TEXT_TIME_MAX];
	struct tm fields;

	if (seconds >= YEAR_10000_S || !gmtime_r(&moment, &fields) ||
	    !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &fields))
		return false;
	g_string_append(text, date);
	if (digits)
		g_string_append_printf(text, ".%0*" PRIu64, digits, fraction);
	g_string_append_c(text, 'Z');
	return true;
}

static bool append_seconds(GString *text, const uint8_t *octets, size_t len)
{
	return len == sizeof(uint32_t) && append_time(text, number_of(octets, len), 0, 0);
}

static bool append_milliseconds(GString *text, const uint8_t *octets, size_t len)
{
	uint64_t ms = number_of(octets, MIN(len, sizeof(uint64_t)));

	return len == sizeof(uint64_t) && append_time(text, ms / 1000, ms % 1000, 3);
}

/* Seconds since 1900 that began to count anew in 2036 (RFC 7011, 6.1.9), and parts of one. */
static bool append_ntp(GString *text, const uint8_t *octets, size_t len, int digits, uint64_t scale)
{
	uint64_t seconds, fraction;

	if (len != sizeof(uint64_t))
		return false;
	seconds = number_of(octets, sizeof(uint32_t));
	fraction = number_of(octets + sizeof(uint32_t), sizeof(uint32_t));
	if (seconds < NTP_EPOCH_S)
		seconds += UINT64_C(1) << 32;
	/* To the nearest, so that what was written is read; never to the next second. */
	fraction = MIN((fraction * scale + (UINT64_C(1) << 31)) >> 32, scale - 1);
	return append_time(text, seconds - NTP_EPOCH_S, fraction, digits);
}

static bool append_microseconds(GString *text, const uint8_t *octets, size_t len)
{
	return append_ntp(text, octets, len, 6, 1000000);
}

static bool append_nanoseconds(GString *text, const uint8_t *octets, size_t len)
{
	return append_ntp(text, octets, len, 9, NS_IN_S);
}

/* What a type looks like; false: @len is not its. Types without are octets. */
static const struct {
	bool (*append)(GString *text, const uint8_t *octets, size_t len);
	bool is_plain; /* in JSON it stands without quotation marks */
} forms[ELEMENT_TYPES] = {
	[ELEMENT_UNSIGNED8] = { append_unsigned, true },
	[ELEMENT_UNSIGNED16] = { append_unsigned, true },
	[ELEMENT_UNSIGNED32] = { append_unsigned, true },
	[ELEMENT_UNSIGNED64] = { append_unsigned, true },
	[ELEMENT_SIGNED8] = { append_signed, true },
	[ELEMENT_SIGNED16] = { append_signed, true },
	[ELEMENT_SIGNED32] = { append_signed, true },
	[ELEMENT_SIGNED64] = { append_signed, true },
	[ELEMENT_FLOAT32] = { append_float, true },
	[ELEMENT_FLOAT64] = { append_float, true },
	[ELEMENT_BOOLEAN] = { append_boolean, true },
	[ELEMENT_MAC_ADDRESS] = { append_mac, false },
	[ELEMENT_DATE_TIME_SECONDS] = { append_seconds, false },
	[ELEMENT_DATE_TIME_MILLISECONDS] = { append_milliseconds, false },
	[ELEMENT_DATE_TIME_MICROSECONDS] = { append_microseconds, false },
	[ELEMENT_DATE_TIME_NANOSECONDS] = { append_nanoseconds, false },
	[ELEMENT_IPV4_ADDRESS] = { append_address, false },
	[ELEMENT_IPV6_ADDRESS] = { append_address, false },
};

/* What fills a string of fixed length up is not part of it. */
static size_t string_len(const uint8_t *octets, size_t len)
{
	while (len && !octets[len - 1])
		len--;
	return len;
}

/* The length of the printable character that @octets begins with; 0: there is none. */
static size_t printable_len(const uint8_t *octets, size_t len)
{
	const gchar *text = (const gchar *)octets;
	gunichar character = g_utf8_get_char_validated(text, (gssize)len);

	if (character == (gunichar)-1 || character == (gunichar)-2 || !g_unichar_isprint(character))
		return 0;
	return g_utf8_skip[*octets];
}

/* Octets that are not printable become "\xHH"; @backslash is what stands for one backslash. */
static void append_escaped(GString *text, const uint8_t *octets, size_t len, const char *backslash,
			   bool escape_quote)
{
	while (len) {
		size_t printable = printable_len(octets, len);

		if (!printable)
			g_string_append_printf(text, "%sx%02x", backslash, *octets);
		else if (*octets == '\\')
			g_string_append_printf(text, "%s%s", backslash, backslash);
		else if (*octets == '"' && escape_quote)
			g_string_append(text, "\\\"");
		else
			g_string_append_len(text, (const char *)octets, (gssize)printable);
		octets += MAX(printable, 1);
		len -= MAX(printable, 1);
	}
}

void element_value_append_text(GString *text, ElementType type, const uint8_t *octets, size_t len)
{
	if (type == ELEMENT_STRING)
		append_escaped(text, octets, string_len(octets, len), "\\", false);
	else if (!forms[type].append || !forms[type].append(text, octets, len))
		append_hex(text, octets, len);
}

/* "\xHH" is no escape of JSON: as everywhere, it is text in which a backslash is doubled. */
void element_value_append_json_string(GString *text, const uint8_t *octets, size_t len)
{
	g_string_append_c(text, '"');
	append_escaped(text, octets, len, "\\\\", true);
	g_string_append_c(text, '"');
}

void element_value_append_json(GString *text, ElementType type, const uint8_t *octets, size_t len)
{
	gsize before = text->len;

	if (type == ELEMENT_STRING) {
		element_value_append_json_string(text, octets, string_len(octets, len));
		return;
	}
	if (forms[type].is_plain && forms[type].append(text, octets, len))
		return;
	g_string_truncate(text, before);
	g_string_append_c(text, '"');
	element_value_append_text(text, type, octets, len);
	g_string_append_c(text, '"');
}

/* --- from text */

static void append_number(GByteArray *octets, uint64_t number, size_t len)
{
	for (size_t i = len; i-- > 0;) {
		uint8_t octet = (uint8_t)(number >> (8 * i));

		g_byte_array_append(octets, &octet, 1);
	}
}

/* Decimal, or hexadecimal behind "0x". */
static bool parse_unsigned(const char *text, uint64_t max, uint64_t *number)
{
	bool is_hex = g_str_has_prefix(text, "0x") || g_str_has_prefix(text, "0X");

	return g_ascii_string_to_unsigned(is_hex ? text + 2 : text, is_hex ? 16 : 10, 0, max,
					  number, NULL);
}

static uint64_t max_of(size_t len)
{
	return len < sizeof(uint64_t) ? (UINT64_C(1) << (8 * len)) - 1 : UINT64_MAX;
}

static bool parse_as_unsigned(const char *text, size_t len, GByteArray *octets)
{
	uint64_t number;

	if (!parse_unsigned(text, max_of(len), &number))
		return false;
	append_number(octets, number, len);
	return true;
}

static bool parse_as_signed(const char *text, size_t len, GByteArray *octets)
{
	const gint64 max = (gint64)(max_of(len) >> 1);
	gint64 number;

	if (!g_ascii_string_to_signed(text, 10, -max - 1, max, &number, NULL))
		return false;
	append_number(octets, (uint64_t)number, len);
	return true;
}

static bool parse_as_float(const char *text, size_t len, GByteArray *octets)
{
	char *end;
	double number = g_ascii_strtod(text, &end);

	if (!*text || *end || !isfinite(number))
		return false;
	if (len == sizeof(float)) {
		float single = (float)number;
		uint32_t bits;

		memcpy(&bits, &single, sizeof(bits));
		append_number(octets, bits, len);
	} else {
		uint64_t bits;

		memcpy(&bits, &number, sizeof(bits));
		append_number(octets, bits, len);
	}
	return true;
}

static bool parse_as_boolean(const char *text, size_t len, GByteArray *octets)
{
	bool is_true = !strcmp(text, "true");

	if (!is_true && strcmp(text, "false"))
		return false;
	append_number(octets, is_true ? 1 : 2, len);
	return true;
}

static bool parse_as_mac(const char *text, size_t len, GByteArray *octets)
{
	uint8_t mac[MAC_LEN];

	if (!mac_parse(mac, text))
		return parse_as_unsigned(text, len, octets);
	g_byte_array_append(octets, mac, sizeof(mac));
	return true;
}

static bool parse_as_ipv4(const char *text, size_t len, GByteArray *octets)
{
	uint8_t address[sizeof(struct in_addr)];

	if (inet_pton(AF_INET, text, address) != 1)
		return parse_as_unsigned(text, len, octets);
	g_byte_array_append(octets, address, sizeof(address));
	return true;
}

static bool parse_as_ipv6(const char *text, size_t len, GByteArray *octets)
{
	uint8_t address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET6, text, address) != 1)
		return false;
	g_byte_array_append(octets, address, sizeof(address));
	return true;
}

/* Nanoseconds since 1970 of RFC 3339, or of an integer in units of @unit_ns. */
static bool parse_time(const char *text, uint64_t unit_ns, uint64_t *ns)
{
	g_autoptr(GDateTime) time = NULL;
	const char *dot;
	uint64_t number;

	if (parse_unsigned(text, UINT64_MAX / unit_ns, &number)) {
		*ns = number * unit_ns;
		return true;
	}
	time = g_date_time_new_from_iso8601(text, NULL);
	if (!time || g_date_time_to_unix(time) < 0 ||
	    (uint64_t)g_date_time_to_unix(time) >= UINT64_MAX / NS_IN_S)
		return false;
	*ns = (uint64_t)g_date_time_to_unix(time) * NS_IN_S;
	/* GDateTime ends with microseconds. */
	dot = strpbrk(text, ".,");
	for (uint64_t digit = NS_IN_S / 10; dot && digit && g_ascii_isdigit(*++dot); digit /= 10)
		*ns += (uint64_t)(*dot - '0') * digit;
	return true;
}

static bool parse_as_seconds(const char *text, size_t len, GByteArray *octets)
{
	uint64_t ns;

	if (!parse_time(text, NS_IN_S, &ns) || ns / NS_IN_S > max_of(len))
		return false;
	append_number(octets, ns / NS_IN_S, len);
	return true;
}

static bool parse_as_milliseconds(const char *text, size_t len, GByteArray *octets)
{
	uint64_t ns;

	/* As a number it may be any. */
	if (parse_as_unsigned(text, len, octets))
		return true;
	if (!parse_time(text, 1, &ns))
		return false;
	append_number(octets, ns / 1000000, len);
	return true;
}

static bool parse_as_ntp(const char *text, uint64_t unit_ns, GByteArray *octets)
{
	uint64_t ns;

	if (!parse_time(text, unit_ns, &ns))
		return false;
	append_number(octets, ns / NS_IN_S + NTP_EPOCH_S, sizeof(uint32_t));
	append_number(octets, ((ns % NS_IN_S << 32) + NS_IN_S / 2) / NS_IN_S, sizeof(uint32_t));
	return true;
}

static bool parse_as_microseconds(const char *text, size_t len, GByteArray *octets)
{
	(void)len;
	return parse_as_ntp(text, 1000, octets);
}

static bool parse_as_nanoseconds(const char *text, size_t len, GByteArray *octets)
{
	(void)len;
	return parse_as_ntp(text, 1, octets);
}

/* Of a fixed length it is filled up with zeros. */
static bool append_filled(GByteArray *octets, const void *data, size_t len, size_t wanted)
{
	if (len > (wanted == ELEMENT_VARIABLE ? UINT16_MAX : wanted))
		return false;
	g_byte_array_append(octets, data, (guint)len);
	if (wanted != ELEMENT_VARIABLE)
		append_number(octets, 0, wanted - len);
	return true;
}

static bool parse_as_string(const char *text, size_t len, GByteArray *octets)
{
	return append_filled(octets, text, strlen(text), len);
}

/* Pairs of hexadecimal digits behind "0x". */
static bool parse_as_octets(const char *text, size_t len, GByteArray *octets)
{
	g_autoptr(GByteArray) parsed = g_byte_array_new();

	if (!g_str_has_prefix(text, "0x"))
		return false;
	for (text += 2; *text; text += 2) {
		int high = g_ascii_xdigit_value(text[0]);
		int low = high < 0 ? -1 : g_ascii_xdigit_value(text[1]);
		uint8_t octet = (uint8_t)(high << 4 | low);

		if (high < 0 || low < 0)
			return false;
		g_byte_array_append(parsed, &octet, 1);
	}
	return append_filled(octets, parsed->data, parsed->len, len);
}

/* What is written to octets, and what @form completes "... is not" with. */
static const struct {
	bool (*parse)(const char *text, size_t len, GByteArray *octets);
	const char *form;
} parsers[ELEMENT_TYPES] = {
	[ELEMENT_OCTET_ARRAY] = { parse_as_octets, "octets such as 0x00ff" },
	[ELEMENT_UNSIGNED8] = { parse_as_unsigned, "an unsigned integer" },
	[ELEMENT_UNSIGNED16] = { parse_as_unsigned, "an unsigned integer" },
	[ELEMENT_UNSIGNED32] = { parse_as_unsigned, "an unsigned integer" },
	[ELEMENT_UNSIGNED64] = { parse_as_unsigned, "an unsigned integer" },
	[ELEMENT_SIGNED8] = { parse_as_signed, "an integer" },
	[ELEMENT_SIGNED16] = { parse_as_signed, "an integer" },
	[ELEMENT_SIGNED32] = { parse_as_signed, "an integer" },
	[ELEMENT_SIGNED64] = { parse_as_signed, "an integer" },
	[ELEMENT_FLOAT32] = { parse_as_float, "a number" },
	[ELEMENT_FLOAT64] = { parse_as_float, "a number" },
	[ELEMENT_BOOLEAN] = { parse_as_boolean, "true or false" },
	[ELEMENT_MAC_ADDRESS] = { parse_as_mac, "a MAC address such as 02:00:00:00:00:01" },
	[ELEMENT_STRING] = { parse_as_string, "a text" },
	[ELEMENT_DATE_TIME_SECONDS] = { parse_as_seconds,
					"a time such as 2026-01-02T03:04:05Z, or seconds" },
	[ELEMENT_DATE_TIME_MILLISECONDS] = { parse_as_milliseconds,
					     "a time such as 2026-01-02T03:04:05.678Z, or "
					     "milliseconds" },
	[ELEMENT_DATE_TIME_MICROSECONDS] = { parse_as_microseconds,
					     "a time such as 2026-01-02T03:04:05.678901Z, or "
					     "microseconds" },
	[ELEMENT_DATE_TIME_NANOSECONDS] = { parse_as_nanoseconds,
					    "a time such as 2026-01-02T03:04:05.678901234Z, or "
					    "nanoseconds" },
	[ELEMENT_IPV4_ADDRESS] = { parse_as_ipv4, "an IPv4 address" },
	[ELEMENT_IPV6_ADDRESS] = { parse_as_ipv6, "an IPv6 address" },
	[ELEMENT_BASIC_LIST] = { parse_as_octets, "octets such as 0x00ff" },
	[ELEMENT_SUB_TEMPLATE_LIST] = { parse_as_octets, "octets such as 0x00ff" },
	[ELEMENT_SUB_TEMPLATE_MULTI_LIST] = { parse_as_octets, "octets such as 0x00ff" },
};

bool element_value_parse(const Element *element, uint16_t len, const char *text, GByteArray *octets,
			 GError **error)
{
	g_autofree char *shown = NULL;

	if (parsers[element->type].parse(text, len, octets))
		return true;
	shown = text_escape(text);
	if (len == ELEMENT_VARIABLE)
		error_set(error, "%s is not %s", shown, parsers[element->type].form);
	else
		error_set(error, "%s is not %s that fits into %u octets", shown,
			  parsers[element->type].form, len);
	return false;
}
