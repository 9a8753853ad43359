/* SPDX-License-Identifier: Apache-2.0 */
#include "lfe.h"

#include <string.h>

#include "config.h"
#include "test.h"

static char *write_file(const char *dir, const char *text)
{
	char *path = g_build_filename(dir, "config.yaml", NULL);

	assert_true(g_file_set_contents(path, text, -1, NULL));
	return path;
}

static Config *read_text(const char *dir, const char *text)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *path = write_file(dir, text);
	Config *config = config_read(path, errors);

	for (guint i = 0; i < errors->len; i++)
		print_message("%s\n", (const char *)errors->pdata[i]);
	assert_non_null(config);
	return config;
}

static const TemplateConfig *chosen(const CollectorConfig *collector, guint i)
{
	assert_true(i < collector->chosen->len);
	return collector->chosen->pdata[i];
}

static void outputs_become_collectors_and_logs(void **state)
{
	g_autoptr(Config) config = read_text(
		*state, "maxIpfixMessageLen: 100\n"
			"timerFinishedDrainSeconds: 4\n"
			"timerForceDrainSeconds: 30\n"
			"timerTemplateFlushSeconds: 600\n"
			"outputs:\n"
			"- collector: { remoteAddress: 'collector.example:2100', localAddress: "
			"'0.0.0.0:50102' }\n"
			"- log:\n"
			"    file: /var/log/flow.log\n"
			"    hooks:\n"
			"    - { name: first, command: /usr/bin/cat }\n"
			"    - shell: |\n"
			"        #!/bin/sh\n"
			"        jq '.'\n"
			"templates:\n"
			"- { id: 1001, template: [{ name: SourceIPv4Address }] }\n"
			"- { id: 1004, template: [{ name: SourceIPv4Address }, { name: "
			"IcmpTypeCodeIPv4 }, OctetDeltaCount, BgpNextHopIPv4Address] }\n");
	const CollectorConfig *collector = config->ipfix.collectors->pdata[0];
	const JsonLinesConfig *log = config->json_lines->pdata[0];
	const HookConfig *hook;

	assert_int_equal(config->ipfix.message_size, 100);
	assert_int_equal(config->ipfix.template_refresh_ms, 300000);
	assert_int_equal(config->interval_ms, 2000);
	assert_int_equal(config->flows.timeouts.ended_ms, 2000);
	assert_int_equal(config->flows.timeouts.active_ms, 30000);
	assert_int_equal(config->interfaces->len, 0);
	assert_true(config->metrics.compat_linux_flow_exporter);
	assert_int_equal(config->ipfix.collectors->len, 1);
	assert_string_equal(collector->address, "collector.example:2100");
	assert_string_equal(collector->local, "0.0.0.0:50102");
	assert_true(collector->records_flows && !collector->records_hosts);
	assert_int_equal(collector->chosen->len, 2);
	assert_int_equal(chosen(collector, 0)->id, 1004);
	assert_int_equal(chosen(collector, 0)->record->fields->len, 4);
	assert_int_equal(chosen(collector, 1)->id, 1005);
	assert_string_equal(chosen(collector, 1)->flows->pdata[0], "SourceIPv6Address");
	assert_int_equal(chosen(collector, 1)->record->fields->len, 3);
	assert_string_equal(log->path, "/var/log/flow.log");
	assert_int_equal(log->form, JSON_LINES_FLOWLOG);
	assert_int_equal(log->hooks->len, 2);
	hook = log->hooks->pdata[1];
	assert_string_equal(hook->shell, "#!/bin/sh\njq '.'\n");
	assert_int_equal(hook->on_failure, HOOK_FAILURE_KEEP);
}

static void collectors_of_the_readme_and_interfaces_are_read(void **state)
{
	g_autoptr(Config) config =
		read_text(*state, "maxIpfixMessageLen: 1000\n"
				  "collectors:\n"
				  "- { remoteAddress: '192.0.2.1:2055' }\n"
				  "- { address: '[2001:db8::1]:2055' }\n"
				  "flowMetering:\n"
				  "  interfaces:\n"
				  "  - { name: eth1, netns: ns0 }\n"
				  "  - { name: eth2 }\n"
				  "templates: [{ id: 3000, template: [OctetDeltaCount] }]\n");
	const InterfaceConfig *first = config->interfaces->pdata[0];
	const InterfaceConfig *second = config->interfaces->pdata[1];
	const CollectorConfig *collector = config->ipfix.collectors->pdata[1];

	assert_string_equal(first->match_text, "ns0:eth1");
	assert_string_equal(second->match_text, "eth2");
	assert_true(first->meter_flows && !first->meter_hosts);
	assert_string_equal(collector->address, "[2001:db8::1]:2055");
	/* It fits both families. */
	assert_int_equal(collector->chosen->len, 1);
	assert_int_equal(config->interval_ms, 2500);
}

static void only_its_own_keys_tell_it(void **state)
{
	static const struct {
		const char *text;
		bool is_its;
	} cases[] = {
		{ "outputs: []", true },
		{ "maxIpfixMessageLen: 1", true },
		{ "flowMetering: {}", true },
		{ "interval: 1s", false },
		{ "", false },
		{ "[outputs]", false },
		{ "outputs: [", false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = write_file(*state, cases[i].text);

		assert_int_equal(lfe_is_config(path), cases[i].is_its);
	}
	assert_false(lfe_is_config("/no/such/file"));
}

static void errors_name_its_lines_and_keys(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} cases[] = {
		{ "outputs:\n- {}\n",
		  "2: outputs[0]: 0 keys instead of exactly one of collector, log" },
		{ "outputs: []\ncolour: red\n", "2: colour: unknown key" },
		{ "timerForceDrainSeconds: 0\n",
		  "1: timerForceDrainSeconds: \"0\" is not an integer" },
		{ "outputs: []\ntemplates:\n- { id: 1004, template: [Foo] }\n",
		  "3: templates[0].template[0]: \"Foo\" is not an Information Element" },
		{ "templates: [{ id: 300, template: [OctetDeltaCount] }]\noutputs: []\n",
		  "1: templates[0]: the id is one of flowtally's own templates" },
		{ "outputs:\n- log: { file: /x, hooks: [{ name: a }] }\n",
		  "2: outputs[0].log.hooks[0]: it has to have either command or shell" },
		{ "outputs: [{ collector: { remoteAddress: 'x:1' } }]\nmaxIpfixMessageLen: 98\n"
		  "templates: [{ id: 1004, template: [SourceIPv4Address, DestinationIPv4Address, "
		  "FlowStartNanoseconds, FlowEndNanoseconds, FlowStartMilliseconds, "
		  "FlowEndMilliseconds, OctetDeltaCount, PacketDeltaCount] }]\n",
		  "2: maxIpfixMessageLen: 98 is too short for the records of all collectors, which "
		  "need "
		  "100" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
		g_autofree char *path = write_file(*state, cases[i].text);
		g_autofree char *expected = g_strdup_printf("%s:%s", path, cases[i].error);

		assert_null(config_read(path, errors));
		assert_int_equal(errors->len, 1);
		if (!g_str_has_prefix(errors->pdata[0], expected))
			fail_msg("%s\n%s", (const char *)errors->pdata[0], expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outputs_become_collectors_and_logs),
		cmocka_unit_test(collectors_of_the_readme_and_interfaces_are_read),
		cmocka_unit_test(only_its_own_keys_tell_it),
		cmocka_unit_test(errors_name_its_lines_and_keys),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
