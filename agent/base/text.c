/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* The length of the printable character that @octets begins with, 0 if there is none. */
static size_t printable_length(const char *octets)
{
	gunichar character = g_utf8_get_char_validated(octets, -1);

	if (character == (gunichar)-1 || character == (gunichar)-2 || !g_unichar_isprint(character))
		return 0;
	return (size_t)g_utf8_skip[(guchar)*octets];
}

static char *escape(const char *octets, bool escape_backslash)
{
	GString *text = g_string_sized_new(strlen(octets));

	while (*octets) {
		size_t length = printable_length(octets);

		if (length && !(escape_backslash && *octets == '\\')) {
			g_string_append_len(text, octets, (gssize)length);
			octets += length;
		} else {
			g_string_append_printf(text, "\\x%02x", (guchar)*octets++);
		}
	}
	return g_string_free(text, FALSE);
}

char *text_escape(const char *octets)
{
	return escape(octets, true);
}

char *text_printable(const char *octets)
{
	return escape(octets, false);
}

static bool may_be_in_name(gunichar character)
{
	switch (g_unichar_type(character)) {
	case G_UNICODE_CONTROL:
	case G_UNICODE_LINE_SEPARATOR:
	case G_UNICODE_PARAGRAPH_SEPARATOR:
		return false;
	case G_UNICODE_FORMAT:
		/* Without these two some scripts cannot be written, and some emoji fall apart. */
		return character == 0x200c || character == 0x200d;
	default:
		return true;
	}
}

char *text_name(const char *octets)
{
	g_autoptr(GString) name = g_string_new(NULL);

	/* Those at the end might only be cut off later. */
	while (*octets == ' ')
		octets++;
	while (*octets) {
		gunichar character = g_utf8_get_char_validated(octets, -1);
		bool valid = character != (gunichar)-1 && character != (gunichar)-2;
		gsize before = name->len;

		octets += valid ? g_utf8_skip[(guchar)*octets] : 1;
		if (valid && !may_be_in_name(character))
			continue;
		g_string_append_unichar(name, valid ? character : 0xfffd);
		if (name->len > TEXT_NAME_MAX) {
			g_string_truncate(name, before);
			break;
		}
	}
	g_strstrip(name->str);
	return *name->str ? g_strdup(name->str) : NULL;
}

/* How many columns @character takes. */
static size_t character_width(gunichar character)
{
	if (g_unichar_iszerowidth(character))
		return 0;
	return g_unichar_iswide(character) ? 2 : 1;
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text = g_utf8_next_char(text))
		width += character_width(g_utf8_get_char(text));
	return width;
}

char *text_cut(const char *text, size_t width)
{
	const char *end = text;

	for (; *end; end = g_utf8_next_char(end)) {
		size_t needed = character_width(g_utf8_get_char(end));

		if (needed > width)
			break;
		width -= needed;
	}
	return g_strndup(text, (gsize)(end - text));
}

/* What a number is divided by until it is short, and what then stands before its unit. */
typedef struct {
	const char *name;
	double base;
	const char *const *prefixes;
	size_t n;
} Scale;

static const char *const si_prefixes[] = { "", "k", "M", "G", "T", "P", "E" };
static const char *const iec_prefixes[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };

static const Scale scales[TEXT_UNITS] = {
	[TEXT_SI] = { "si", 1000, si_prefixes, G_N_ELEMENTS(si_prefixes) },
	[TEXT_IEC] = { "iec", 1024, iec_prefixes, G_N_ELEMENTS(iec_prefixes) },
	[TEXT_BYTES] = { "bytes", 1000, si_prefixes, 1 },
};

bool text_parse_units(const char *name, TextUnits *units)
{
	for (int i = 0; i < TEXT_UNITS; i++) {
		if (!strcmp(name, scales[i].name)) {
			*units = (TextUnits)i;
			return true;
		}
	}
	return false;
}

/* Without a prefix it has no decimals; one that would be rounded up to the next prefix gets that. */
static char *scaled(double value, const Scale *scale, const char *unit)
{
	size_t i = 0;

	while (i + 1 < scale->n && value >= scale->base - (i ? 0.05 : 0.5)) {
		value /= scale->base;
		i++;
	}
	return g_strdup_printf("%.*f %s%s", i ? 1 : 0, value, scale->prefixes[i], unit);
}

char *text_volume(uint64_t octets, TextUnits units)
{
	if (units == TEXT_BYTES)
		return g_strdup_printf("%" PRIu64 " B", octets);
	return scaled((double)octets, &scales[units], "B");
}

char *text_octets(uint64_t octets)
{
	return text_volume(octets, TEXT_SI);
}

char *text_bit_rate(double octets)
{
	return scaled(octets * 8, &scales[TEXT_SI], "bit/s");
}

char *text_octet_rate(double octets, TextUnits units)
{
	return scaled(octets, &scales[units], "B/s");
}

const char *text_time(uint64_t ms, char text[TEXT_TIME_MAX])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm fields;
	size_t len = gmtime_r(&seconds, &fields) ?
			     strftime(text, TEXT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &fields) :
			     0;

	g_snprintf(text + len, TEXT_TIME_MAX - len, ".%03uZ", (unsigned int)(ms % 1000));
	return text;
}

uint64_t text_time_ms(const char *text)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);

	if (!time || g_date_time_to_unix(time) < 0)
		return 0;
	return (uint64_t)g_date_time_to_unix(time) * 1000 +
	       (uint64_t)g_date_time_get_microsecond(time) / 1000;
}
