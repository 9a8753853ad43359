/* SPDX-License-Identifier: Apache-2.0 */
#include "recordfile.h"

#include <string.h>

#include "test.h"

typedef struct {
	char *directory;
	Elements *elements;
	RecordFile *file;
} Files;

static int setup(void **state)
{
	Files *files = g_new0(Files, 1);

	files->elements = elements_new(32473);
	files->file = record_file_new();
	*state = files;
	return make_directory((void **)&files->directory);
}

static int teardown(void **state)
{
	Files *files = *state;

	record_file_free(files->file);
	elements_free(files->elements);
	remove_directory((void **)&files->directory);
	g_free(files);
	return 0;
}

static bool read_text(Files *files, const char *text, GError **error)
{
	g_autofree char *path = g_build_filename(files->directory, "file", NULL);

	assert_true(g_file_set_contents(path, text, -1, NULL));
	return record_file_read(files->file, path, files->elements, error);
}

static void assert_reads(Files *files, const char *text)
{
	g_autoptr(GError) error = NULL;

	if (!read_text(files, text, &error))
		fail_msg("%s", error->message);
}

/* Without the directory. */
static void assert_refuses(Files *files, const char *text, const char *expected)
{
	g_autoptr(GError) error = NULL;

	if (read_text(files, text, &error))
		fail_msg("it is read: %s", text);
	assert_string_equal(strrchr(error->message, '/') > error->message ?
				    error->message + strlen(files->directory) + 1 :
				    error->message,
			    expected);
}

static const RecordFileValues *record(const Files *files, guint set, guint index)
{
	const RecordFileSet *found = files->file->sets->pdata[set];

	return found->records->pdata[index];
}

static void assert_octets(const RecordFileValues *values, const char *hex)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < values->octets->len; i++)
		g_string_append_printf(text, "%02x", values->octets->data[i]);
	assert_string_equal(text->str, hex);
}

static void own_form_is_read(void **state)
{
	Files *files = *state;
	const RecordFileTemplate *template;

	assert_reads(files,
		     "observation-domain: 7\n"
		     "export-time: 2023-11-14T22:13:20Z\n"
		     "sets:\n"
		     "- template: 256\n"
		     "  records:\n"
		     "  - { sourceIPv4Address: 10.1.0.1, octetDeltaCount: 41, \"9:1\": 0x0102, \n"
		     "      interfaceName: lo, mplsTopLabelStackSection: [0x01, 0x] }\n"
		     "templates:\n"
		     "- id: 256\n"
		     "  scope: 1\n"
		     "  elements:\n"
		     "  - SOURCEipv4ADDRESS\n"
		     "  - octetDeltaCount: 4\n"
		     "  - { name: interfaceName, length: 3 }\n"
		     "  - \"9:1\"\n"
		     "  - mplsTopLabelStackSection\n"
		     "  - mplsTopLabelStackSection\n");
	assert_int_equal(files->file->observation_domain, 7);
	assert_true(files->file->has_export_time);
	assert_int_equal(files->file->export_time_s, 1700000000);
	template = files->file->templates->pdata[0];
	assert_int_equal(template->scope_n, 1);
	assert_int_equal(template->fields->len, 6);
	assert_int_equal(g_array_index(template->fields, RecordFileField, 1).len, 4);
	assert_int_equal(g_array_index(template->fields, RecordFileField, 3).len, ELEMENT_VARIABLE);
	assert_octets(record(files, 0, 0), "0a010001"
					   "00000029"
					   "6c6f00"
					   "0102"
					   "01");
	assert_int_equal(g_array_index(record(files, 0, 0)->lens, uint16_t, 5), 0);
}

static void form_of_linux_flow_exporter_is_read(void **state)
{
	Files *files = *state;
	const RecordFileCollector *collector;

	assert_reads(files, "maxIpfixMessageLen: 100\n"
			    "timerFinishedDrainSeconds: 5\n"
			    "outputs:\n"
			    "- collector: { remoteAddress: host:2055, localAddress: 0.0.0.0:0 }\n"
			    "- log: { file: /tmp/flow.log, hooks: [] }\n"
			    "templates:\n"
			    "- id: 1001\n"
			    "  template:\n"
			    "  - name: SourceIPv4Address\n"
			    "  - name: TcpControlBits\n"
			    "  - name: FlowStartNanoseconds\n");
	/* In a file of their own; what the template has not is passed over, what the record has not is 0. */
	assert_reads(files,
		     "flowsets:\n"
		     "- templateId: 1001\n"
		     "  flows:\n"
		     "  - { SourceIPv4Address: 0x0a010001, VlanId: 5, FlowStartNanoseconds: 258 }\n"
		     "  - { TcpControlBits: 16 }\n");
	assert_int_equal(files->file->message_size, 100);
	assert_int_equal(files->file->collectors->len, 1);
	collector = files->file->collectors->pdata[0];
	assert_string_equal(collector->remote, "host:2055");
	assert_string_equal(collector->local, "0.0.0.0:0");
	assert_octets(record(files, 0, 0), "0a010001"
					   "00"
					   "0000000000000102");
	assert_octets(record(files, 0, 1), "00000000"
					   "10"
					   "0000000000000000");
}

static void older_configurations_are_read(void **state)
{
	Files *files = *state;
	const RecordFileCollector *collector;

	assert_reads(files, "collectors:\n"
			    "- remoteAddress: 192.0.2.1:2055\n"
			    "- address: 192.0.2.2:2055\n"
			    "templates:\n"
			    "- { id: 1001, template: [SourceIPv4Address] }\n");
	assert_int_equal(files->file->collectors->len, 2);
	collector = files->file->collectors->pdata[1];
	assert_string_equal(collector->remote, "192.0.2.2:2055");
	assert_null(collector->local);
}

#define TEMPLATE "templates:\n- { id: 256, elements: [octetDeltaCount, vlanId] }\n"
#define RECORDS TEMPLATE "sets:\n- template: 256\n  records:\n"

static const struct {
	const char *text;
	const char *error;
} faults[] = {
	{ "colectors: []\n", "file:1: colectors: unknown key" },
	{ "- 1\n", "file:1: the file: expected keys with values" },
	{ "templates: 5\n", "file:1: templates: expected a list" },
	{ "templates:\n- { id: 255, elements: [vlanId] }\n",
	  "file:2: id: 255 is not a number from 256 to 65535" },
	{ "templates:\n- { elements: [vlanId] }\n", "file:2: templates: id is missing" },
	{ "templates:\n- { id: 256 }\n", "file:2: templates: template 256 has no elements" },
	{ "templates:\n- id: 256\n  elements:\n  - vlanIdd\n",
	  "file:4: vlanIdd: there is no such element" },
	{ "templates:\n- id: 256\n  elements:\n  - vlanId: 3\n",
	  "file:4: vlanId: unsigned16 cannot have 3 octets" },
	{ "templates:\n- id: 256\n  elements:\n  - vlanId: x\n",
	  "file:4: vlanId: x is not a number from 1 to 65534" },
	{ "templates:\n- { id: 256, scope: 2, elements: [vlanId] }\n",
	  "file:2: templates: template 256 has 1 elements, less than its scope" },
	{ TEMPLATE "- { id: 256, elements: [vlanId] }\n",
	  "file:3: id: there is a template 256 already" },
	{ "sets:\n- { template: 300, records: [] }\n",
	  "file:2: template: there is no template 300" },
	{ "sets:\n- { records: [] }\n", "file:2: sets: template is missing" },
	{ RECORDS "  - { octetDeltaCount: 1 }\n",
	  "file:6: a record: template 256 needs vlanId (58)" },
	{ RECORDS "  - octetDeltaCount: 1\n    vlanId: 70000\n",
	  "file:7: vlanId: 70000 is not an unsigned integer that fits into 2 octets" },
	{ RECORDS "  - octetDeltaCount: 1\n    vlanId: [1, 2]\n",
	  "file:7: vlanId: template 256 has fewer of it" },
	{ RECORDS "  - octetDeltaCount: 1\n    58: 1\n    vlanId: 2\n",
	  "file:8: vlanId: it is there twice" },
	{ RECORDS "  - octetDeltaCount: 1\n    flowId: 1\n",
	  "file:7: flowId: template 256 does not have it" },
	{ RECORDS "  - octetDeltaCount: 1\n    octets: 1\n",
	  "file:7: octets: there is no such element" },
	{ RECORDS "  - octetDeltaCount: {}\n", "file:6: octetDeltaCount: expected one value" },
	{ RECORDS "  - 5\n", "file:6: a record: expected elements with values" },
	{ "export-time: noon\n",
	  "file:1: export-time: noon is not a time such as 2026-01-02T03:04:05Z, or seconds that "
	  "fits into 4 octets" },
	{ "\"a\\e[2J\": 1\n", "file:1: a\\x1b[2J: unknown key" },
	{ "outputs:\n- collector: {}\n", "file:2: collector: remoteAddress is missing" },
	{ "observation-domain: 1\nobservation-domain: 1\n",
	  "file:2: observation-domain: it is there twice" },
};

static void errors_have_line_and_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
		void *own;

		assert_int_equal(setup(&own), 0);
		assert_refuses(own, faults[i].text, faults[i].error);
		teardown(&own);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(own_form_is_read),
		TEST(form_of_linux_flow_exporter_is_read),
		TEST(older_configurations_are_read),
		cmocka_unit_test(errors_have_line_and_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
