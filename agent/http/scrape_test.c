/* SPDX-License-Identifier: Apache-2.0 */
#include "scrape.h"

#include <string.h>
#include <zlib.h>

#include "base/priority.h"
#include "report/test_view.h"

#define HOSTS 30000 /* in several slices */

typedef struct {
	Network *network;
	Scrape *scrape;
	unsigned int begun;
	GPtrArray *bodies; /* of GBytes: what was answered */
} Bench;

static Exposition *on_begin(PrometheusFormat format, void *user_data)
{
	Bench *bench = user_data;

	bench->begun++;
	return exposition_new(&bench->network->view, format, true);
}

static void on_done(GBytes *body, void *user_data)
{
	Bench *bench = user_data;

	g_ptr_array_add(bench->bodies, g_bytes_ref(body));
}

static int make_bench(void **state)
{
	Bench *bench = g_new0(Bench, 1);

	(void)make_network((void **)&bench->network);
	bench->scrape = scrape_new(on_begin, bench);
	bench->bodies = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	*state = bench;
	return 0;
}

static int remove_bench(void **state)
{
	Bench *bench = *state;

	scrape_free(bench->scrape);
	(void)remove_network((void **)&bench->network);
	g_ptr_array_unref(bench->bodies);
	g_free(bench);
	return 0;
}

static void add_many_hosts(Bench *bench)
{
	for (unsigned int i = 0; i < HOSTS; i++) {
		char address[PREFIX_TEXT_MAX];

		snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		add_traffic(bench->network, "wan", 0, address, SCOPE_INTERNET, 1, 2);
	}
}

static void ask(Bench *bench, PrometheusFormat format, bool gzip)
{
	GBytes *body = scrape_get(bench->scrape, format, gzip, on_done, bench);

	if (body)
		g_ptr_array_add(bench->bodies, body);
}

static void wait_for(const Bench *bench, guint answers)
{
	while (bench->bodies->len < answers)
		(void)g_main_context_iteration(NULL, TRUE);
}

/* The end of the text, and how long it is. */
static char *inflated(GBytes *body, size_t *len)
{
	z_stream stream = { 0 };
	gsize body_len, room = 64 << 20;
	char *text = g_malloc(room + 1);

	stream.next_in = (Bytef *)g_bytes_get_data(body, &body_len);
	stream.avail_in = (uInt)body_len;
	stream.next_out = (Bytef *)text;
	stream.avail_out = (uInt)room;
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	*len = room - stream.avail_out;
	text[*len] = '\0';
	assert_int_equal(inflateEnd(&stream), Z_OK);
	return text;
}

static void who_asks_meanwhile_shares_one(void **state)
{
	Bench *bench = *state;

	add_many_hosts(bench);
	for (int i = 0; i < 50; i++)
		ask(bench, PROMETHEUS_TEXT, false);
	assert_int_equal(bench->bodies->len, 0);
	wait_for(bench, 50);
	ask(bench, PROMETHEUS_TEXT, false); /* right after */
	assert_int_equal(bench->bodies->len, 51);
	for (guint i = 0; i < bench->bodies->len; i++)
		assert_ptr_equal(bench->bodies->pdata[i], bench->bodies->pdata[0]);
	assert_int_equal(bench->begun, 1);
}

static void formats_are_apart(void **state)
{
	Bench *bench = *state;
	static const char eof[] = "# EOF\n";
	gsize len;
	const char *text;

	ask(bench, PROMETHEUS_TEXT, false);
	ask(bench, PROMETHEUS_OPENMETRICS, false);
	wait_for(bench, 2);
	assert_int_equal(bench->begun, 2);
	text = g_bytes_get_data(bench->bodies->pdata[0], &len);
	assert_memory_not_equal(text + len - strlen(eof), eof, strlen(eof));
	text = g_bytes_get_data(bench->bodies->pdata[1], &len);
	assert_memory_equal(text + len - strlen(eof), eof, strlen(eof));
}

static void compressed_is_the_same(void **state)
{
	Bench *bench = *state;
	g_autoptr(Exposition) exposition = NULL;
	g_autofree char *text = NULL;
	GString *plain;
	size_t len;

	add_many_hosts(bench);
	ask(bench, PROMETHEUS_OPENMETRICS, true);
	wait_for(bench, 1);
	text = inflated(bench->bodies->pdata[0], &len);
	exposition = exposition_new(&bench->network->view, PROMETHEUS_OPENMETRICS, false);
	plain = exposition_finish(exposition);
	/* Those of the process change; what comes behind them must not. */
	assert_string_equal(strstr(text, "# TYPE flowtally_host_download_bytes"),
			    strstr(plain->str, "# TYPE flowtally_host_download_bytes"));
	assert_true(g_bytes_get_size(bench->bodies->pdata[0]) < len / 4);
	g_string_free(plain, TRUE);
}

static gboolean on_tick(gpointer user_data)
{
	(*(unsigned int *)user_data)++;
	return G_SOURCE_CONTINUE;
}

/* Others get their turns between slices, and what changes meanwhile changes nothing. */
static void others_have_their_turn(void **state)
{
	Bench *bench = *state;
	unsigned int turns = 0;
	guint other = g_idle_add_full(PRIORITY_SERVING, on_tick, &turns, NULL);

	add_many_hosts(bench);
	ask(bench, PROMETHEUS_TEXT, false);
	add_traffic(bench->network, "wan", 0, "192.0.2.1", SCOPE_INTERNET, 1, 2);
	wait_for(bench, 1);
	g_source_remove(other);
	assert_true(turns > 3 * HOSTS / 2000);
	assert_null(g_strstr_len(g_bytes_get_data(bench->bodies->pdata[0], NULL),
				 (gssize)g_bytes_get_size(bench->bodies->pdata[0]),
				 "host=\"192.0.2.1\""));
}

static void who_has_gone_is_not_told(void **state)
{
	Bench *bench = *state;
	Bench other = { .bodies = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref) };

	assert_null(scrape_get(bench->scrape, PROMETHEUS_TEXT, false, on_done, &other));
	ask(bench, PROMETHEUS_TEXT, false);
	scrape_cancel(bench->scrape, &other);
	ask(bench, PROMETHEUS_TEXT, true);
	wait_for(bench, 2);
	assert_int_equal(other.bodies->len, 0);
	g_ptr_array_unref(other.bodies);
	assert_true(scrape_duration_ns(bench->scrape) > 0);
}

static void end_comes_at_any_time(void **state)
{
	Bench *bench = *state;

	add_many_hosts(bench);
	ask(bench, PROMETHEUS_TEXT, true);
	ask(bench, PROMETHEUS_TEXT, false);
	(void)g_main_context_iteration(NULL, TRUE);
	assert_int_equal(bench->bodies->len, 0);
	/* remove_bench() frees it, and a sanitizer sees what is left. */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, remove_bench)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_asks_meanwhile_shares_one), TEST(formats_are_apart),
		TEST(compressed_is_the_same),	     TEST(others_have_their_turn),
		TEST(who_has_gone_is_not_told),	     TEST(end_comes_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
