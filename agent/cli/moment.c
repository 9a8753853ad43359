/* SPDX-License-Identifier: Apache-2.0 */
#include "moment.h"

#include <stdio.h>
#include <string.h>

#include "config/scalar.h"

#define DAYS_MAX 3660

static GDateTime *start_of_day(GDateTime *time)
{
	return g_date_time_new_local(g_date_time_get_year(time), g_date_time_get_month(time),
				     g_date_time_get_day_of_month(time), 0, 0, 0);
}

static GDateTime *days_before(GDateTime *now, int days)
{
	g_autoptr(GDateTime) then = g_date_time_add_days(now, -days);

	return start_of_day(then);
}

static GDateTime *parse_word(const char *text, GDateTime *now)
{
	if (!strcmp(text, "today"))
		return start_of_day(now);
	return strcmp(text, "yesterday") ? NULL : days_before(now, 1);
}

static GDateTime *parse_ago(const char *text, GDateTime *now)
{
	static const Setting ago = { .type = SETTING_DURATION,
				     .max = DAYS_MAX * UINT64_C(86400000) };
	uint64_t ms;

	return scalar_parse(&ago, text, &ms) ? g_date_time_add(now, -(GTimeSpan)ms * 1000) : NULL;
}

/* "14:30" or "14:30:15", and nothing else. */
static bool parse_clock(const char *text, int *hour, int *minute, int *second)
{
	int end = -1;

	*second = 0;
	if (sscanf(text, "%2d:%2d%n", hour, minute, &end) != 2 || end < 0)
		return false;
	if (text[end] && sscanf(text + end, ":%2d%n", second, &end) != 1)
		return false;
	return strspn(text, "0123456789:") == strlen(text) && strlen(text) <= 8;
}

static GDateTime *parse_time_of_day(const char *text, GDateTime *now)
{
	g_autoptr(GDateTime) today = NULL;
	int hour, minute, second;

	if (!parse_clock(text, &hour, &minute, &second))
		return NULL;
	today = g_date_time_new_local(g_date_time_get_year(now), g_date_time_get_month(now),
				      g_date_time_get_day_of_month(now), hour, minute, second);
	if (today && g_date_time_compare(today, now) > 0)
		return g_date_time_add_days(today, -1);
	return g_steal_pointer(&today);
}

static GDateTime *parse_date(const char *text, GDateTime *now)
{
	int year, month, day, hour = 0, minute = 0, second = 0, end = -1;

	(void)now;
	if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end < 0)
		return NULL;
	if (text[end] &&
	    (text[end] != ' ' || !parse_clock(text + end + 1, &hour, &minute, &second)))
		return NULL;
	return g_date_time_new_local(year, month, day, hour, minute, second);
}

static GDateTime *parse_rfc3339(const char *text, GDateTime *now)
{
	(void)now;
	return g_date_time_new_from_iso8601(text, NULL);
}

bool moment_parse(uint64_t *ms, const char *text, uint64_t now_ms, GError **error)
{
	static GDateTime *(*const forms[])(const char *text, GDateTime *now) = {
		parse_word, parse_ago, parse_time_of_day, parse_date, parse_rfc3339,
	};
	g_autoptr(GDateTime) now = g_date_time_new_from_unix_local((gint64)(now_ms / 1000));

	for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
		g_autoptr(GDateTime) moment = forms[i](text, now);

		if (moment && g_date_time_to_unix(moment) >= 0 &&
		    g_date_time_compare(moment, now) <= 0) {
			*ms = (uint64_t)g_date_time_to_unix(moment) * 1000;
			return true;
		}
	}
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "\"%s\" is no moment of the past: %s", text, MOMENT_FORMS);
	return false;
}
