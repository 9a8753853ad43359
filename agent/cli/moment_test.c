/* SPDX-License-Identifier: Apache-2.0 */
#include "moment.h"

#include <stdlib.h>
#include <time.h>

#include "test.h"

/* 2026-11-28T10:20:30Z, in Berlin 11:20:30 */
#define NOW UINT64_C(1795861230000)

static void assert_moment(const char *text, const char *expected)
{
	g_autoptr(GDateTime) time = NULL;
	g_autofree char *found = NULL;
	g_autoptr(GError) error = NULL;
	uint64_t ms;

	if (!moment_parse(&ms, text, NOW, &error))
		fail_msg("%s", error->message);
	time = g_date_time_new_from_unix_utc((gint64)(ms / 1000));
	found = g_date_time_format(time, "%Y-%m-%d %H:%M:%S");
	if (strcmp(found, expected))
		fail_msg("%s: %s instead of %s", text, found, expected);
}

static void moments_are_read_in_local_time(void **state)
{
	(void)state;
	assert_moment("today", "2026-11-27 23:00:00");
	assert_moment("yesterday", "2026-11-26 23:00:00");
	assert_moment("90m", "2026-11-28 08:50:30");
	assert_moment("7d", "2026-11-21 10:20:30");
	assert_moment("11:20", "2026-11-28 10:20:00");
	assert_moment("11:20:30", "2026-11-28 10:20:30");
	assert_moment("2026-11-01", "2026-10-31 23:00:00");
	assert_moment("2026-11-01 14:30", "2026-11-01 13:30:00");
	/* Summer time. */
	assert_moment("2026-07-01", "2026-06-30 22:00:00");
	assert_moment("2026-11-01T14:30:00Z", "2026-11-01 14:30:00");
	assert_moment("2026-11-01T14:30:00+05:30", "2026-11-01 09:00:00");
}

static void time_of_day_is_the_last_that_has_been(void **state)
{
	(void)state;
	assert_moment("11:21", "2026-11-27 10:21:00");
	assert_moment("23:59", "2026-11-27 22:59:00");
}

static void what_is_no_moment_of_the_past_is_refused(void **state)
{
	static const char *const texts[] = { "",
					     "now",
					     "tomorrow",
					     "25:00",
					     "11:60",
					     "11",
					     "11:20x",
					     "2026-13-01",
					     "2026-02-30",
					     "2026-11-29",
					     "2026-11-01 25:00",
					     "2026-11-01x",
					     "-1h",
					     "1.5h",
					     "2027-01-01T00:00:00Z" };

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		uint64_t ms;

		if (moment_parse(&ms, texts[i], NOW, &error))
			fail_msg("%s is read", texts[i]);
		assert_non_null(error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_are_read_in_local_time),
		cmocka_unit_test(time_of_day_is_the_last_that_has_been),
		cmocka_unit_test(what_is_no_moment_of_the_past_is_refused),
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
