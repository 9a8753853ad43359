/* SPDX-License-Identifier: Apache-2.0 */
#include "jsonlines.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_flows.h"

typedef struct {
	Network *network;
	char *directory;
	char *path;
	GArray *flows; /* of FlowRecord */
	HostDelta delta;
	JsonLines *lines;
} Lab;

static void add_output(Lab *lab, const char *path, bool flows, bool hosts, JsonLinesForm form)
{
	JsonLinesConfig *output = g_new0(JsonLinesConfig, 1);

	*output = (JsonLinesConfig){ g_strdup(path), flows, hosts, form, g_ptr_array_new() };
	g_ptr_array_add(lab->network->config.json_lines, output);
}

static void free_output(gpointer data)
{
	JsonLinesConfig *output = data;

	g_free(output->path);
	g_ptr_array_unref(output->hooks);
	g_free(output);
}

static int setup(void **state)
{
	Lab *lab = g_new0(Lab, 1);

	assert_int_equal(make_network((void **)&lab->network), 0);
	lab->network->config.json_lines = g_ptr_array_new_with_free_func(free_output);
	lab->network->config.flows.by_addresses = true;
	lab->flows = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	lab->delta = (HostDelta){
		.key = { .mac = { 2, 0, 0, 0, 0, 1 },
			 .address = { [10] = 0xff, 0xff, 192, 0, 2, 1 },
			 .ifindex = TEST_INDEX,
			 .ip_version = 4,
			 .scope = SCOPE_INTERNET },
		.volume = { [DIRECTION_UPLOAD] = { 1, 84, 98 } },
	};
	assert_int_equal(make_directory((void **)&lab->directory), 0);
	lab->path = g_build_filename(lab->directory, "lines", NULL);
	*state = lab;
	return 0;
}

static int teardown(void **state)
{
	Lab *lab = *state;

	json_lines_free(lab->lines);
	g_array_unref(lab->flows);
	g_ptr_array_unref(lab->network->config.json_lines);
	remove_network((void **)&lab->network);
	remove_directory((void **)&lab->directory);
	g_free(lab->path);
	g_free(lab);
	return 0;
}

static void add_flows(Lab *lab, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		FlowRecord record = flow_record(flow_delta((uint16_t)(1024 + i), 100));

		g_array_append_val(lab->flows, record);
	}
}

/* How many steps it took. */
static unsigned int report(Lab *lab)
{
	const JsonLinesReport report = {
		.start_ms = TEST_START_MS,
		.end_ms = TEST_START_MS + 10000,
		.deltas = &lab->delta,
		.deltas_n = 1,
		.flows = lab->flows,
	};
	unsigned int steps = 1;

	if (!lab->lines)
		lab->lines = json_lines_new(&lab->network->config, NULL, NULL);
	json_lines_begin(lab->lines, &report, &lab->network->view);
	while (json_lines_step(lab->lines))
		steps++;
	return steps;
}

/* Each line is an object without a key twice. */
static GPtrArray *objects_of(const char *path)
{
	GPtrArray *objects = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
	g_autofree char *contents = NULL;
	g_auto(GStrv) lines = NULL;

	assert_true(g_file_get_contents(path, &contents, NULL, NULL));
	lines = g_strsplit(contents, "\n", -1);
	for (char **line = lines; *line && **line; line++) {
		json_t *object = json_loads(*line, JSON_REJECT_DUPLICATES, NULL);

		if (!object)
			fail_msg("%s", *line);
		g_ptr_array_add(objects, object);
	}
	return objects;
}

static const char *text_of(const GPtrArray *objects, guint index, const char *key)
{
	return json_string_value(json_object_get(objects->pdata[index], key));
}

static void flows_are_lines(void **state)
{
	Lab *lab = *state;
	g_autoptr(GPtrArray) objects = NULL;

	add_output(lab, lab->path, true, false, JSON_LINES_OWN);
	add_flows(lab, 2);
	assert_int_equal(report(lab), 1);
	objects = objects_of(lab->path);
	assert_int_equal(objects->len, 2);
	assert_string_equal(text_of(objects, 0, "record"), "flow");
	assert_string_equal(text_of(objects, 0, "source"), "192.0.2.1");
	assert_string_equal(text_of(objects, 0, "ingress_interface"), "br-lan");
	assert_int_equal(json_integer_value(json_object_get(objects->pdata[1], "source_port")),
			 1025);
}

static void flow_log_is_that_of_linux_flow_exporter(void **state)
{
	Lab *lab = *state;
	g_autoptr(GPtrArray) objects = NULL;

	add_output(lab, lab->path, true, false, JSON_LINES_FLOWLOG);
	add_flows(lab, 1);
	report(lab);
	objects = objects_of(lab->path);
	assert_int_equal(objects->len, 1);
	assert_string_equal(text_of(objects, 0, "msg"), "flowlog");
	assert_string_equal(text_of(objects, 0, "src"), "192.0.2.1");
	assert_null(json_object_get(objects->pdata[0], "record"));
}

static void hosts_are_lines(void **state)
{
	Lab *lab = *state;
	g_autofree char *contents = NULL;

	add_output(lab, lab->path, false, true, JSON_LINES_OWN);
	add_flows(lab, 1);
	report(lab);
	assert_true(g_file_get_contents(lab->path, &contents, NULL, NULL));
	assert_string_equal(
		contents,
		"{\"record\":\"host\",\"interface\":\"br-lan\",\"mac\":\"02:00:00:00:00:01\","
		"\"address\":\"192.0.2.1\",\"family\":\"ipv4\",\"scope\":\"internet\","
		"\"direction\":\"upload\",\"packets\":1,\"octets\":84,\"layer2_octets\":98,"
		"\"start\":\"2023-11-14T22:13:20.000Z\",\"start_ms\":1700000000000,"
		"\"end\":\"2023-11-14T22:13:30.000Z\",\"end_ms\":1700000010000}\n");
}

static void names_of_hosts_are_told(void **state)
{
	Lab *lab = *state;
	g_autoptr(GPtrArray) objects = NULL;

	add_output(lab, lab->path, false, true, JSON_LINES_OWN);
	add_name(lab->network, "02:00:00:00:00:01", "a \"desktop\"");
	report(lab);
	objects = objects_of(lab->path);
	assert_string_equal(text_of(objects, 0, "name"), "a \"desktop\"");
}

static void ten_thousand_flows_are_as_many_lines(void **state)
{
	Lab *lab = *state;
	g_autoptr(GPtrArray) objects = NULL;
	JsonLinesStatus status;

	add_output(lab, lab->path, true, true, JSON_LINES_OWN);
	add_flows(lab, 10000);
	assert_int_equal(report(lab), 10);
	objects = objects_of(lab->path);
	assert_int_equal(objects->len, 10001);
	assert_true(json_lines_status(lab->lines, 0, &status));
	assert_string_equal(status.path, lab->path);
	assert_int_equal(status.written, 10001);
	assert_int_equal(status.dropped, 0);
	assert_null(status.error);
	assert_false(json_lines_status(lab->lines, 1, &status));
}

static void outputs_stand_alone(void **state)
{
	Lab *lab = *state;
	g_autoptr(GPtrArray) objects = NULL;
	JsonLinesStatus status;

	add_output(lab, "/dev/full", true, true, JSON_LINES_OWN);
	add_output(lab, lab->path, true, true, JSON_LINES_FLOWLOG);
	add_flows(lab, 3);
	report(lab);
	objects = objects_of(lab->path);
	assert_int_equal(objects->len, 4);
	assert_true(json_lines_status(lab->lines, 0, &status));
	assert_int_equal(status.written, 0);
	assert_int_equal(status.dropped, 4);
	assert_non_null(status.error);
}

static void files_can_be_moved_away(void **state)
{
	Lab *lab = *state;
	g_autofree char *moved = g_strconcat(lab->path, ".1", NULL);
	g_autoptr(GPtrArray) before = NULL;
	g_autoptr(GPtrArray) after = NULL;

	add_output(lab, lab->path, true, false, JSON_LINES_OWN);
	add_flows(lab, 1);
	report(lab);
	assert_int_equal(rename(lab->path, moved), 0);
	report(lab);
	json_lines_reopen(lab->lines);
	report(lab);
	before = objects_of(moved);
	after = objects_of(lab->path);
	assert_int_equal(before->len, 2);
	assert_int_equal(after->len, 1);
}

/* The rest of a report is written before; what an output has counted goes on. */
static void a_reload_loses_nothing(void **state)
{
	Lab *lab = *state;
	const JsonLinesReport unfinished = { .flows = lab->flows };
	g_autoptr(GPtrArray) objects = NULL;
	JsonLinesStatus status;

	add_output(lab, lab->path, true, false, JSON_LINES_OWN);
	add_flows(lab, 2500);
	lab->lines = json_lines_new(&lab->network->config, NULL, NULL);
	json_lines_begin(lab->lines, &unfinished, &lab->network->view);
	assert_true(json_lines_step(lab->lines));
	lab->lines = json_lines_new(&lab->network->config, NULL, lab->lines);
	objects = objects_of(lab->path);
	assert_int_equal(objects->len, 2500);
	assert_true(json_lines_status(lab->lines, 0, &status));
	assert_int_equal(status.written, 2500);
	assert_false(json_lines_step(lab->lines));
}

static void counts_outlive_the_agent(void **state)
{
	Lab *lab = *state;
	g_autofree char *counters = g_build_filename(lab->directory, "counters", NULL);
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	JsonLinesStatus status;

	add_output(lab, "/dev/full", true, false, JSON_LINES_OWN);
	add_output(lab, lab->path, true, false, JSON_LINES_OWN);
	add_flows(lab, 7);
	report(lab);
	json_lines_save(lab->lines, writer);
	assert_true(totals_writer_replace(writer, counters, NULL));
	json_lines_free(lab->lines);
	lab->lines = json_lines_new(&lab->network->config, NULL, NULL);
	reader = totals_reader_new(counters, NULL);
	assert_true(json_lines_load(lab->lines, reader, NULL));
	assert_true(json_lines_status(lab->lines, 0, &status));
	assert_int_equal(status.dropped, 7);
	assert_true(json_lines_status(lab->lines, 1, &status));
	assert_int_equal(status.written, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flows_are_lines),
		TEST(flow_log_is_that_of_linux_flow_exporter),
		TEST(hosts_are_lines),
		TEST(names_of_hosts_are_told),
		TEST(ten_thousand_flows_are_as_many_lines),
		TEST(outputs_stand_alone),
		TEST(files_can_be_moved_away),
		TEST(a_reload_loses_nothing),
		TEST(counts_outlive_the_agent),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
