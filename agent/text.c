/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdbool.h>
#include <string.h>

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

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text = g_utf8_next_char(text)) {
		gunichar character = g_utf8_get_char(text);

		if (!g_unichar_iszerowidth(character))
			width += g_unichar_iswide(character) ? 2 : 1;
	}
	return width;
}

char *text_octets(uint64_t octets)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)octets / 1000;
	size_t unit = 0;

	if (octets < 1000)
		return g_strdup_printf("%u B", (unsigned int)octets);
	/* 999.95 would be printed as 1000.0. */
	for (; value >= 999.95 && unit + 1 < G_N_ELEMENTS(units); unit++)
		value /= 1000;
	return g_strdup_printf("%.1f %s", value, units[unit]);
}
