/* SPDX-License-Identifier: Apache-2.0 */
#include "scalar.h"

#include <inttypes.h>
#include <string.h>

/* Each a multiple of those before; the first is what is counted. */
typedef struct {
	const char *name;
	uint64_t value;
} Unit;

#define UNITS 5
static const Unit durations[UNITS] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};
static const Unit sizes[UNITS] = {
	{ "", 1 },
	{ "KiB", 1ull << 10 },
	{ "MiB", 1ull << 20 },
	{ "GiB", 1ull << 30 },
	{ "TiB", 1ull << 40 },
};

static bool is_within(const Setting *setting, uint64_t number)
{
	return number >= setting->min && number <= setting->max;
}

static bool parse_number(const Setting *setting, const char *text, void *place)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(text, 10, setting->min, setting->max, &number, NULL))
		return false;
	*(uint32_t *)place = (uint32_t)number;
	return true;
}

static char *expected_number(const Setting *setting)
{
	return g_strdup_printf("not an integer from %" PRIu64 " to %" PRIu64, setting->min,
			       setting->max);
}

static bool parse_quantity(const Setting *setting, const Unit *units, const char *text, void *place)
{
	size_t digits = strspn(text, "0123456789");
	g_autofree char *count_text = g_strndup(text, digits);
	guint64 count, quantity;

	if (!g_ascii_string_to_unsigned(count_text, 10, 0, G_MAXUINT64, &count, NULL))
		return false;
	for (size_t i = 0; i < UNITS; i++) {
		if (strcmp(text + digits, units[i].name))
			continue;
		if (!g_uint64_checked_mul(&quantity, count, units[i].value) ||
		    !is_within(setting, quantity))
			return false;
		*(uint64_t *)place = quantity;
		return true;
	}
	return false;
}

static char *format_quantity(uint64_t quantity, const Unit *units)
{
	size_t unit = UNITS - 1;

	while (unit && (quantity < units[unit].value || quantity % units[unit].value))
		unit--;
	return g_strdup_printf("%" PRIu64 "%s", quantity / units[unit].value, units[unit].name);
}

/* @what and @names are how it and its units are called. */
static char *expected_quantity(const Setting *setting, const Unit *units, const char *what,
			       const char *names)
{
	g_autofree char *min = format_quantity(setting->min, units);
	g_autofree char *max = format_quantity(setting->max, units);

	return g_strdup_printf("not a %s from %s to %s (an integer and %s)", what, min, max, names);
}

static bool parse_duration(const Setting *setting, const char *text, void *place)
{
	return parse_quantity(setting, durations, text, place);
}

static char *expected_duration(const Setting *setting)
{
	return expected_quantity(setting, durations, "duration", "ms, s, m, h or d");
}

static bool parse_size(const Setting *setting, const char *text, void *place)
{
	return parse_quantity(setting, sizes, text, place);
}

static char *expected_size(const Setting *setting)
{
	return expected_quantity(setting, sizes, "size", "KiB, MiB, GiB or TiB");
}

static bool find_word(const char *const *words, const char *text, unsigned int *index)
{
	for (unsigned int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

static const char *const bool_words[] = { "false", "true", NULL };

static bool parse_bool(const Setting *setting, const char *text, void *place)
{
	unsigned int index;

	if (!find_word(bool_words, text, &index))
		return false;
	*(bool *)place = index;
	return true;
}

static char *expected_bool(const Setting *setting)
{
	return g_strdup("neither true nor false");
}

static bool parse_choice(const Setting *setting, const char *text, void *place)
{
	return find_word(setting->words, text, place);
}

static char *expected_choice(const Setting *setting)
{
	g_autofree char *words = g_strjoinv(", ", (char **)setting->words);

	return g_strdup_printf(setting->words[1] ? "none of %s" : "not %s", words);
}

static bool parse_text(const Setting *setting, const char *text, void *place)
{
	if (setting->max && !is_within(setting, strlen(text)))
		return false;
	if (!setting->is_valid(text))
		return false;
	*(char **)place = g_strdup(text);
	return true;
}

static char *expected_text(const Setting *setting)
{
	if (!setting->max)
		return g_strdup_printf("not %s", setting->form);
	return g_strdup_printf("not %s (%" PRIu64 " to %" PRIu64 " octets)", setting->form,
			       setting->min, setting->max);
}

static const struct {
	bool (*parse)(const Setting *setting, const char *text, void *place);
	char *(*expected)(const Setting *setting);
} scalars[] = {
	[SETTING_NUMBER] = { parse_number, expected_number },
	[SETTING_DURATION] = { parse_duration, expected_duration },
	[SETTING_SIZE] = { parse_size, expected_size },
	[SETTING_BOOL] = { parse_bool, expected_bool },
	[SETTING_CHOICE] = { parse_choice, expected_choice },
	[SETTING_TEXT] = { parse_text, expected_text },
};

bool scalar_parse(const Setting *setting, const char *text, void *place)
{
	return scalars[setting->type].parse(setting, text, place);
}

char *scalar_expected(const Setting *setting, const char *text)
{
	g_autofree char *expected = scalars[setting->type].expected(setting);
	g_autofree char *why = text && setting->explain ? setting->explain(text) : NULL;

	return why ? g_strdup_printf("%s: %s", expected, why) : g_steal_pointer(&expected);
}
