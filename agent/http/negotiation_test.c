/* SPDX-License-Identifier: Apache-2.0 */
#include "negotiation.h"

#include "test.h"

typedef struct {
	const char *header;
	bool wanted;
} Case;

static void assert_cases(bool (*wants)(const char *), const Case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (wants(cases[i].header) != cases[i].wanted)
			fail_msg("%s: not %d", cases[i].header, cases[i].wanted);
	}
}

static void openmetrics_is_for_who_prefers_it(void **state)
{
	static const Case cases[] = {
		{ NULL, false },
		{ "", false },
		{ "*/*", false },
		{ "text/plain", false },
		{ "text/html,application/xhtml+xml,*/*;q=0.8", false },
		/* Prometheus 2.42 */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
		  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  true },
		/* Prometheus 3, with protobuf first */
		{ "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
		  "encoding=delimited;q=0.7,application/openmetrics-text;version=1.0.0;"
		  "escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
		  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
		  "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		  true },
		{ "application/openmetrics-text", true },
		{ "Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=1", true },
		{ "application/openmetrics-text;version=0.0.1", false },
		{ "application/openmetrics-text;version=2.0.0, */*", false },
		{ "application/openmetrics-text;q=0.4, text/plain;q=0.5", false },
		{ "application/openmetrics-text;q=0.4, text/*;q=0.5", false },
		{ "application/openmetrics-text;q=0.4, */*;q=0.5", false },
		{ "application/openmetrics-text;q=0.4, text/plain;q=0.3, */*;q=0.5", true },
		{ "text/plain;version=1.0.0;q=0.9, application/openmetrics-text;q=0.1", true },
		{ "application/openmetrics-text;q=0", false },
		{ "application/openmetrics-text;q=0.000", false },
		{ "application/openmetrics-text;q=0.001", true },
		{ "application/openmetrics-text;q=0.0001", false },
		{ "application/openmetrics-text;q=2", false },
		{ "application/openmetrics-text;q=-1", false },
		{ "application/openmetrics-text;q=nan", false },
		{ "application/openmetrics-text;q=", false },
		{ ";;;,,,=;q=1,application/openmetrics-text;;;", true },
	};

	assert_cases(negotiation_wants_openmetrics, cases, G_N_ELEMENTS(cases));
}

static void gzip_is_for_who_takes_it(void **state)
{
	static const Case cases[] = {
		{ NULL, false },
		{ "", false },
		{ "gzip", true },
		{ "GZIP", true },
		{ "deflate, gzip;q=1.0, *;q=0.5", true },
		{ "br", false },
		{ "*", true },
		{ "gzip;q=0", false },
		{ "gzip;q=0, *", false },
		{ "identity", false },
		{ "identity;q=0.5, gzip;q=0.2", false },
		{ "identity;q=0.1, gzip;q=0.2", true },
		{ "gzip;q=x", false },
	};

	assert_cases(negotiation_wants_gzip, cases, G_N_ELEMENTS(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openmetrics_is_for_who_prefers_it),
		cmocka_unit_test(gzip_is_for_who_takes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
