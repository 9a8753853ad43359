/* SPDX-License-Identifier: Apache-2.0 */
#include "negotiation.h"

#include <string.h>

#include <glib.h>

#define QUALITY_MAX 1000 /* "1.000" */
#define NOT_NAMED (-1)

/* One range of a header: what it names, its version and its quality in thousandths. */
typedef struct {
	const char *name;
	const char *version; /* NULL: any */
	int quality;
} Range;

/* "0.25", with at most three decimals; what is none of that is no wish at all. */
static int parse_quality(const char *text)
{
	int quality, unit = QUALITY_MAX;

	if ((text[0] != '0' && text[0] != '1') || (text[1] && text[1] != '.'))
		return 0;
	quality = (text[0] - '0') * unit;
	for (const char *digit = text[1] ? text + 2 : text + 1; *digit; digit++) {
		unit /= 10;
		if (!g_ascii_isdigit(*digit) || !unit)
			return 0;
		quality += (*digit - '0') * unit;
	}
	return MIN(quality, QUALITY_MAX);
}

/* Without white space around it, nor the quotes of a quoted value. */
static char *trim(char *text)
{
	size_t len;

	g_strstrip(text);
	len = strlen(text);
	if (len < 2 || text[0] != '"' || text[len - 1] != '"')
		return text;
	text[len - 1] = '\0';
	return text + 1;
}

static void parse_parameter(Range *range, char *parameter)
{
	char *value = strchr(parameter, '=');

	if (!value)
		return;
	*value++ = '\0';
	g_strstrip(parameter);
	if (!g_ascii_strcasecmp(parameter, "q"))
		range->quality = parse_quality(trim(value));
	else if (!g_ascii_strcasecmp(parameter, "version"))
		range->version = trim(value);
}

/* Takes @text apart, which the result lies in. */
static Range parse_range(char *text)
{
	Range range = { .quality = QUALITY_MAX };
	char *rest = strchr(text, ';');

	while (rest) {
		char *parameter = rest + 1;

		*rest = '\0';
		rest = strchr(parameter, ';');
		if (rest)
			*rest = '\0';
		parse_parameter(&range, parameter);
	}
	range.name = g_strstrip(text);
	return range;
}

/* The best of those which @name and @version match; NOT_NAMED where there is none. */
static int quality_of(const char *header, const char *name, const char *version)
{
	g_auto(GStrv) ranges = g_strsplit(header, ",", -1);
	int best = NOT_NAMED;

	for (size_t i = 0; ranges[i]; i++) {
		const Range range = parse_range(ranges[i]);

		if (!g_ascii_strcasecmp(range.name, name) &&
		    (!range.version || !version || !strcmp(range.version, version)))
			best = MAX(best, range.quality);
	}
	return best;
}

/* By the most specific range that matches, as RFC 9110 has it. */
static int quality_of_text(const char *accept)
{
	int quality = quality_of(accept, "text/plain", "0.0.4");

	if (quality == NOT_NAMED)
		quality = quality_of(accept, "text/*", NULL);
	return quality == NOT_NAMED ? quality_of(accept, "*/*", NULL) : quality;
}

bool negotiation_wants_openmetrics(const char *accept)
{
	int quality = accept ? quality_of(accept, "application/openmetrics-text", "1.0.0") : 0;

	/* Only who names it knows it. */
	return quality > 0 && quality >= quality_of_text(accept);
}

bool negotiation_wants_gzip(const char *accept_encoding)
{
	int quality = accept_encoding ? quality_of(accept_encoding, "gzip", NULL) : 0;

	if (quality == NOT_NAMED)
		quality = quality_of(accept_encoding, "*", NULL);
	return quality > 0 && quality >= quality_of(accept_encoding, "identity", NULL);
}
