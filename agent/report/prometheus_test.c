/* SPDX-License-Identifier: Apache-2.0 */
#include "prometheus.h"

#include <time.h>

#include "test_flows.h"

#define MANY_HOSTS 50000

static GString *text_of(const View *view, PrometheusFormat format, bool with_process)
{
	g_autoptr(Exposition) exposition = exposition_new(view, format, with_process);

	return exposition_finish(exposition);
}

static GString *exposition_of(const View *view)
{
	return text_of(view, PROMETHEUS_TEXT, false);
}

static void assert_line(const View *view, const char *line)
{
	GString *text = exposition_of(view);
	g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);

	if (!g_strv_contains((const char *const *)lines, line))
		fail_msg("%s\nis not in\n%s", line, text->str);
	g_string_free(text, TRUE);
}

static void assert_absent(const View *view, const char *part)
{
	GString *text = exposition_of(view);

	assert_null(strstr(text->str, part));
	g_string_free(text, TRUE);
}

/* The family which a line belongs to. */
static char *family_of(const char *line)
{
	static const char *const suffixes[] = { "_bucket", "_sum", "_count" };
	const char *name = line;
	char *family;

	if (g_str_has_prefix(line, "# HELP ") || g_str_has_prefix(line, "# TYPE "))
		name += strlen("# HELP ");
	family = g_strndup(name, strcspn(name, " {"));
	for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		if (g_str_has_suffix(family, suffixes[i]))
			family[strlen(family) - strlen(suffixes[i])] = '\0';
	}
	return family;
}

/* Each family is one group, and no series comes twice. */
static void assert_well_formed(const View *view)
{
	GString *text = exposition_of(view);
	g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
	g_autoptr(GHashTable) series = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) families =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree char *last = g_strdup("");

	assert_true(g_utf8_validate(text->str, (gssize)text->len, NULL));
	assert_int_equal(text->str[text->len - 1], '\n');
	for (size_t i = 0; *lines[i]; i++) {
		g_autofree char *family = family_of(lines[i]);

		if (strcmp(family, last)) {
			assert_true(g_hash_table_add(families, g_strdup(family)));
			g_free(last);
			last = g_steal_pointer(&family);
		}
		if (*lines[i] != '#')
			assert_true(g_hash_table_add(
				series, g_strndup(lines[i], strrchr(lines[i], ' ') - lines[i])));
	}
	g_string_free(text, TRUE);
}

static void addresses_of_a_mac_add_up(void **state)
{
	Network *network = *state;

	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 200);
	add_traffic(network, "br-lan", 1, "192.0.2.2", SCOPE_INTERNET, 10, 20);
	add_traffic(network, "br-lan", 1, "2001:db8::1", SCOPE_INTERNET, 1, 2);
	add_traffic(network, "br-lan", 1, NULL, SCOPE_INTERNET, 1000, 2000);
	assert_line(&network->view,
		    "flowtally_host_upload_bytes_total{host=\"02:00:00:00:00:01\","
		    "interface=\"br-lan\",scope=\"internet\",family=\"ipv4\"} 1110");
	assert_line(&network->view,
		    "flowtally_host_download_packets_total{host=\"02:00:00:00:00:01\","
		    "interface=\"br-lan\",scope=\"internet\",family=\"ipv4\"} 6");
	assert_line(&network->view,
		    "flowtally_host_download_bytes_total{host=\"02:00:00:00:00:01\","
		    "interface=\"br-lan\",scope=\"internet\",family=\"ipv6\"} 2");
	assert_well_formed(&network->view);
}

static void scopes_are_apart(void **state)
{
	Network *network = *state;

	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 200);
	add_traffic(network, "br-lan", 1, "192.0.2.2", SCOPE_LOCAL, 10, 20);
	assert_line(&network->view, "flowtally_host_upload_bytes_total{host=\"02:00:00:00:00:01\","
				    "interface=\"br-lan\",scope=\"local\",family=\"ipv4\"} 10");
	assert_well_formed(&network->view);
}

static void host_without_mac_is_its_address(void **state)
{
	Network *network = *state;

	add_traffic(network, "wg0", 0, "192.0.2.1", SCOPE_INTERNET, 100, 200);
	add_traffic(network, "wg0", 0, "192.0.2.2", SCOPE_INTERNET, 10, 20);
	assert_line(&network->view, "flowtally_host_upload_bytes_total{host=\"192.0.2.2\","
				    "interface=\"wg0\",scope=\"internet\",family=\"ipv4\"} 10");
	assert_line(&network->view,
		    "flowtally_host_info{host=\"192.0.2.1\",name=\"192.0.2.1\",vendor=\"\"} 1");
	assert_well_formed(&network->view);
}

static void name_of_a_host_is_escaped(void **state)
{
	Network *network = *state;

	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 200);
	add_name(network, "02:00:00:00:00:01", "\"a\\b\" {c}");
	assert_line(&network->view, "flowtally_host_info{host=\"02:00:00:00:00:01\",name=\"\\\"a"
				    "\\\\b\\\" {c}\",vendor=\"\"} 1");
	assert_well_formed(&network->view);
}

static void host_that_is_named_at_one_interface_has_the_name(void **state)
{
	Network *network = *state;

	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 200);
	add_traffic(network, "wlan0", 1, "192.0.2.2", SCOPE_INTERNET, 10, 20);
	add_name(network, "192.0.2.2", "desktop");
	assert_line(&network->view, "flowtally_host_info{host=\"02:00:00:00:00:01\","
				    "name=\"desktop\",vendor=\"\"} 1");
}

static void host_on_two_interfaces_is_one_host(void **state)
{
	Network *network = *state;

	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 200);
	add_traffic(network, "br-lan", 2, "192.0.2.2", SCOPE_INTERNET, 100, 200);
	add_traffic(network, "wlan0", 1, "192.0.2.1", SCOPE_INTERNET, 10, 20);
	assert_line(&network->view, "flowtally_host_info{host=\"02:00:00:00:00:01\",name=\"02:00:"
				    "00:00:00:01\",vendor=\"\"} 1");
	assert_line(&network->view,
		    "flowtally_host_last_seen_timestamp_seconds{host=\"02:00:00:00:00:01\"} "
		    "1700000003.000");
	assert_well_formed(&network->view);
}

static void ledger_has_every_class(void **state)
{
	Network *network = *state;

	ledger_attach(network->ledger, "br-lan", 7, &(LinkBounds){ 0 });
	for (int i = 0; i < LEDGER_CLASSES; i++) {
		g_autofree char *line =
			g_strdup_printf("flowtally_ledger_bytes_total{interface=\"br-lan\","
					"direction=\"transmit\",class=\"%s\"} 0",
					ledger_class_names[i]);

		assert_line(&network->view, line);
	}
}

static void interface_counts_frame_octets(void **state)
{
	Network *network = *state;

	add_sheets(network, "br-lan", LEDGER_CLASSES * 114);
	assert_line(&network->view,
		    "flowtally_interface_receive_bytes_total{interface=\"br-lan\"} 1254");
	assert_line(&network->view,
		    "flowtally_interface_transmit_packets_total{interface=\"br-lan\"} 11");
	assert_line(&network->view,
		    "flowtally_ledger_packets_total{interface=\"br-lan\",direction=\"receive\","
		    "class=\"not-ip\"} 1");
	assert_line(&network->view,
		    "flowtally_ledger_balanced{interface=\"br-lan\",direction=\"receive\"} 1");
}

static void unexplained_difference_is_not_balanced(void **state)
{
	Network *network = *state;

	add_sheets(network, "br-lan", 7);
	assert_line(&network->view,
		    "flowtally_ledger_balanced{interface=\"br-lan\",direction=\"transmit\"} 0");
}

static void overflow_is_of_the_kernel_and_of_the_agent(void **state)
{
	Network *network = *state;

	add_sheets(network, "br-lan", 0);
	hosts_set_max(network->hosts, 0);
	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 10, 20);
	assert_line(&network->view,
		    "flowtally_host_overflow_bytes_total{interface=\"br-lan\"} 230");
	assert_line(&network->view,
		    "flowtally_host_overflow_packets_total{interface=\"br-lan\"} 5");
}

static void pairs_without_room_are_summed_up(void **state)
{
	Network *network = *state;
	const Volume limit = { 2, 200, 228 };

	assert_absent(&network->view, "flowtally_pair_limit_overflow");
	assert_absent(&network->view, "table=\"pairs\"");
	fill_pairs(network);
	network->view.pairs_used = 17;
	assert_line(&network->view, "flowtally_table_entries{table=\"pairs\"} 4096");
	assert_line(&network->view, "flowtally_table_limit{table=\"pairs\"} 4096");
	assert_line(&network->view, "flowtally_table_entries{table=\"pair-table\"} 17");
	assert_line(&network->view, "flowtally_pair_latency_overflow_seconds_count 0");
	assert_absent(&network->view, "flowtally_pair_limit_overflow");
	add_pair_sum(network, "late", "wan", 3, 1234567890123);
	flow_sums_add_pair_overflow(network->flow_sums, &limit);
	assert_line(&network->view, "flowtally_pair_limit_overflow_packets_total 5");
	assert_line(&network->view, "flowtally_pair_limit_overflow_bytes_total 570");
	assert_line(&network->view, "flowtally_pair_latency_overflow_seconds_sum 1234.567890123");
	assert_line(&network->view, "flowtally_pair_latency_overflow_seconds_count 1");
	assert_well_formed(&network->view);
}

static void only_attached_interfaces_are_shown(void **state)
{
	Network *network = *state;

	assert_line(&network->view,
		    "flowtally_interface_info{interface=\"br-lan\",ifindex=\"7\",netns=\"\","
		    "hook=\"clsact\",kind=\"bridge\",side=\"lan\"} 1");
	network->point.attached = false;
	assert_absent(&network->view, "flowtally_interface_info");
}

static void agent_is_shown(void **state)
{
	Network *network = *state;

	assert_line(&network->view, "flowtally_build_info{version=\"" FLOWTALLY_VERSION "\"} 1");
	assert_line(&network->view, "flowtally_start_time_seconds 1700000000.000");
	assert_line(&network->view, "flowtally_sweep_duration_seconds 0.001234567");
	assert_line(&network->view, "flowtally_config_last_reload_successful 1");
	assert_line(&network->view, "flowtally_table_limit{table=\"macs\"} 65536");
	assert_line(&network->view, "flowtally_table_entries{table=\"hosts\"} 3");
	assert_line(&network->view, "flowtally_textfile_errors_total 0");
	assert_line(&network->view, "flowtally_file_errors_total{file=\"run\"} 0");
	assert_line(&network->view, "flowtally_file_errors_total{file=\"state\"} 0");
	assert_line(&network->view, "flowtally_file_errors_total{file=\"history\"} 0");
}

static void lines_of_json_are_counted(void **state)
{
	const JsonLinesStatus output = { "/var/log/flows.json", 5, 7, 2, NULL, NULL };
	g_autoptr(GArray) outputs = g_array_new(FALSE, FALSE, sizeof(output));
	Network *network = *state;

	assert_absent(&network->view, "flowtally_json_lines_written_total{");
	g_array_append_val(outputs, output);
	network->view.json_lines = outputs;
	assert_line(&network->view,
		    "flowtally_json_lines_written_total{output=\"/var/log/flows.json\"} 5");
	assert_line(&network->view,
		    "flowtally_json_lines_dropped_total{output=\"/var/log/flows.json\"} 7");
	assert_line(&network->view,
		    "flowtally_json_lines_hook_failures_total{output=\"/var/log/flows.json\"} 2");
	network->view.json_lines = NULL;
}

static void strange_names_are_escaped(void **state)
{
	Network *network = *state;

	add_traffic(network, "a\"b\\c\n\xff", 1, "192.0.2.1", SCOPE_INTERNET, 1, 2);
	add_traffic(network, "a\"b\\c\n\xfe", 1, "192.0.2.1", SCOPE_INTERNET, 1, 2);
	assert_line(&network->view, "flowtally_host_upload_bytes_total{host=\"02:00:00:00:00:01\","
				    "interface=\"a\\\"b\\\\x5cc\\\\x0a\\\\xff\",scope=\"internet\","
				    "family=\"ipv4\"} 1");
	assert_well_formed(&network->view);
}

static void set_collectors(Network *network, CollectorConfig *configs, size_t n)
{
	network->config.ipfix.message_size = 1400;
	network->config.ipfix.enterprise_number = 32473;
	network->config.ipfix.collectors = g_ptr_array_new();
	for (size_t i = 0; i < n; i++)
		g_ptr_array_add(network->config.ipfix.collectors, &configs[i]);
	network->view.exporting = exporting_new(&network->config, NULL);
}

static void remove_collectors(Network *network)
{
	exporting_free((Exporting *)network->view.exporting);
	g_ptr_array_unref(network->config.ipfix.collectors);
}

static void errors_begin_at_0_for_every_reason(void **state)
{
	CollectorConfig config = { .address = "127.0.0.1:4739" };
	Network *network = *state;

	set_collectors(network, &config, 1);
	for (int reason = 0; reason < EXPORT_ERRORS; reason++) {
		g_autofree char *line = g_strdup_printf("flowtally_export_errors_total{collector="
							"\"127.0.0.1:4739\",reason=\"%s\"} 0",
							export_error_names[reason]);

		assert_line(&network->view, line);
	}
	assert_line(&network->view,
		    "flowtally_export_records_total{collector=\"127.0.0.1:4739\"} 0");
	remove_collectors(network);
}

static void collectors_at_one_address_are_told_apart(void **state)
{
	CollectorConfig configs[] = {
		{ .address = "127.0.0.1:4739", .enterprise = ENTERPRISE_MAC },
		{ .address = "127.0.0.1:4739",
		  .enterprise = ENTERPRISE_NONE,
		  .layer2_octets = true },
		{ .address = "127.0.0.1:4739", .enterprise = ENTERPRISE_MAC },
		{ .address = "127.0.0.1:4740", .enterprise = ENTERPRISE_MAC },
		{ .address = "127.0.0.1:4739",
		  .flow_times = FLOW_TIMES_NANOSECONDS,
		  .biflow = true },
	};
	static const char *const labels[] = { "127.0.0.1:4739/mac", "127.0.0.1:4739/none+layer2",
					      "127.0.0.1:4739/mac/3", "127.0.0.1:4740",
					      "127.0.0.1:4739/mac+nanoseconds+biflow" };
	Network *network = *state;

	set_collectors(network, configs, G_N_ELEMENTS(configs));
	for (size_t i = 0; i < G_N_ELEMENTS(labels); i++) {
		g_autofree char *line = g_strdup_printf(
			"flowtally_export_messages_total{collector=\"%s\"} 0", labels[i]);

		assert_line(&network->view, line);
	}
	assert_well_formed(&network->view);
	remove_collectors(network);
}

static void groups_are_shown_and_who_is_active(void **state)
{
	GroupConfig failover = { .mode = GROUP_FAILOVER, .collectors = g_ptr_array_new() };
	GroupConfig hash = { .mode = GROUP_HASH, .index = 1, .collectors = g_ptr_array_new() };
	CollectorConfig configs[] = {
		{ .address = "127.0.0.1:1" },
		{ .address = "127.0.0.1:2", .group = &failover },
		{ .address = "127.0.0.1:3", .group = &failover },
		{ .address = "127.0.0.1:4", .group = &hash },
	};
	Network *network = *state;

	g_ptr_array_add(failover.collectors, &configs[1]);
	g_ptr_array_add(failover.collectors, &configs[2]);
	g_ptr_array_add(hash.collectors, &configs[3]);
	set_collectors(network, configs, G_N_ELEMENTS(configs));
	assert_line(&network->view, "flowtally_export_group_info{collector=\"127.0.0.1:3\","
				    "group=\"0\",mode=\"failover\"} 1");
	assert_line(&network->view, "flowtally_export_group_info{collector=\"127.0.0.1:4\","
				    "group=\"1\",mode=\"hash\"} 1");
	assert_absent(&network->view, "flowtally_export_group_info{collector=\"127.0.0.1:1\"");
	assert_line(&network->view, "flowtally_export_active{collector=\"127.0.0.1:2\"} 1");
	assert_line(&network->view, "flowtally_export_active{collector=\"127.0.0.1:3\"} 0");
	assert_absent(&network->view, "flowtally_export_active{collector=\"127.0.0.1:4\"");
	assert_well_formed(&network->view);
	remove_collectors(network);
	g_ptr_array_unref(failover.collectors);
	g_ptr_array_unref(hash.collectors);
}

static void faults_of_interfaces_are_counted(void **state)
{
	Network *network = *state;

	assert_line(&network->view, "flowtally_interface_faults 0");
	g_hash_table_insert(network->faults, (char *)"eth7", (char *)"no such device");
	g_hash_table_insert(network->faults, (char *)"eth8", (char *)"no such device");
	assert_line(&network->view, "flowtally_interface_faults 2");
}

static void offloads_are_shown_by_kind(void **state)
{
	Network *network = *state;

	network->point.offloads = OFFLOAD_BIT(OFFLOAD_XDP);
	for (int kind = 0; kind < OFFLOADS; kind++) {
		g_autofree char *line = g_strdup_printf("flowtally_interface_offload_active{"
							"interface=\"br-lan\",kind=\"%s\"} %d",
							offload_names[kind], kind == OFFLOAD_XDP);

		assert_line(&network->view, line);
	}
	assert_well_formed(&network->view);
	network->point.attached = false;
	assert_absent(&network->view, "flowtally_interface_offload_active");
}

/* What belongs to flows, in all of its families. */
static void make_flows(Network *network)
{
	struct ledger_sheet sheets[HOOKS] = { 0 };
	const FlowDelta delta = flow_delta(1234, 100);

	for (int hook = 0; hook < HOOKS; hook++)
		sheets[hook].sizes = (struct packet_sizes){ { [0] = 2, [5] = 1 }, 1642 };
	ledger_add(network->ledger, "br-lan", 7, sheets, &(LinkBounds){ 0 });
	add_flow_sum(network, "", "br-lan", HOOK_EGRESS, 6, 3);
	add_pair_sum(network, "", "br-lan", 2, 1234567890123);
	flow_series_add(network->flow_series, &delta, g_intern_static_string("wan"), 1);
	network->config.metrics.compat_linux_flow_exporter = true;
	network->config.metrics.compat_packet_exporter = true;
}

static void flows_are_shown_by_protocol_and_pair(void **state)
{
	Network *network = *state;

	assert_absent(&network->view, "flowtally_pair");
	assert_absent(&network->view, "flowtally_flow_overflow");
	make_flows(network);
	assert_line(&network->view, "flowtally_protocol_bytes_total{interface=\"br-lan\",direction="
				    "\"transmit\",protocol=\"tcp\"} 342");
	assert_line(&network->view, "flowtally_pair_packets_total{ingress=\"\",egress=\"br-lan\","
				    "netns=\"\",direction=\"transmit\"} 3");
	assert_line(&network->view, "flowtally_pair_limit_bytes_total{ingress=\"\",egress="
				    "\"br-lan\",netns=\"\",direction=\"transmit\"} 228");
	assert_line(&network->view, "flowtally_pair_latency_seconds_sum{ingress=\"\",egress="
				    "\"br-lan\",netns=\"\"} 1234.567890123");
	assert_line(&network->view, "flowtally_pair_latency_seconds_count{ingress=\"\",egress="
				    "\"br-lan\",netns=\"\"} 1");
	assert_line(&network->view, "flowtally_flow_overflow_packets_total 0");
	assert_line(&network->view, "flowtally_pair_limit_overflow_packets_total 0");
	assert_well_formed(&network->view);
}

static void buckets_add_up(void **state)
{
	static const char *const bounds[] = { "64",   "128",  "256",  "512",
					      "1024", "1518", "9018", "+Inf" };
	Network *network = *state;

	assert_absent(&network->view, "flowtally_packet_size");
	make_flows(network);
	for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
		g_autofree char *line = g_strdup_printf(
			"flowtally_packet_size_bytes_bucket{interface=\"br-lan\",direction="
			"\"receive\",le=\"%s\"} %d",
			bounds[i], i < 5 ? 2 : 3);

		assert_line(&network->view, line);
	}
	assert_line(&network->view, "flowtally_packet_size_bytes_sum{interface=\"br-lan\","
				    "direction=\"receive\"} 1642");
	assert_line(&network->view, "flowtally_packet_size_bytes_count{interface=\"br-lan\","
				    "direction=\"receive\"} 3");
}

/* Their names are as they were: OpenMetrics knows no counter of such a name. */
static void metrics_of_other_systems_have_their_names(void **state)
{
	Network *network = *state;
	GString *text;

	make_flows(network);
	assert_line(&network->view,
		    "total_packets{source=\"192.0.2.1:1234\",dest=\"198.51.100.1:443\","
		    "interface=\"wan\",protocol=\"6\"} 1");
	assert_line(&network->view,
		    "total_throughput_bucket{source=\"192.0.2.1:1234\",dest="
		    "\"198.51.100.1:443\",interface=\"wan\",protocol=\"6\",le=\"128\"} 1");
	assert_line(&network->view, "# TYPE total_packets counter");
	assert_line(&network->view, "linux_flow_exporter_total_latency_nanoseconds{"
				    "ingressIfindex=\"0\",egressIfindex=\"7\"} 1234567890123");
	assert_line(&network->view, "linux_flow_exporter_overflow_bytes{ingressIfindex=\"0\","
				    "egressIfindex=\"7\"} 228");
	text = text_of(&network->view, PROMETHEUS_OPENMETRICS, false);
	assert_non_null(strstr(text->str, "\n# TYPE total_packets unknown\n"));
	assert_non_null(strstr(text->str, ",protocol=\"6\",le=\"64.0\"} 0\n"));
	g_string_free(text, TRUE);
	network->config.metrics.compat_linux_flow_exporter = false;
	network->config.metrics.compat_packet_exporter = false;
	assert_absent(&network->view, "total_packets{");
	assert_absent(&network->view, "linux_flow_exporter");
}

static void make_busy(Network *network)
{
	add_sheets(network, "br-lan", 1026);
	add_sheets(network, "wan", 1026);
	add_traffic(network, "br-lan", 1, "192.0.2.1", SCOPE_INTERNET, 100, 200);
	add_traffic(network, "br-lan", 1, "2001:db8::1", SCOPE_LOCAL, 100, 200);
	add_traffic(network, "wan", 0, "192.0.2.1", SCOPE_INTERNET, 100, 200);
}

static void exposition_passes_promtool(void **state)
{
	g_autofree char *promtool = g_find_program_in_path("promtool");
	Network *network = *state;
	GString *text;
	FILE *pipe;

	if (!promtool)
		skip();
	make_busy(network);
	make_flows(network);
	network->config.metrics.compat_linux_flow_exporter = false;
	network->config.metrics.compat_packet_exporter = false;
	text = exposition_of(&network->view);
	pipe = popen("promtool check metrics", "w");
	assert_non_null(pipe);
	assert_int_equal(fwrite(text->str, 1, text->len, pipe), text->len);
	assert_int_equal(pclose(pipe), 0);
	g_string_free(text, TRUE);
}

static void assert_openmetrics_line(const View *view, const char *line)
{
	GString *text = text_of(view, PROMETHEUS_OPENMETRICS, false);

	if (!strstr(text->str, line))
		fail_msg("%s\nis not in\n%s", line, text->str);
	g_string_free(text, TRUE);
}

static void openmetrics_has_its_own_heads(void **state)
{
	Network *network = *state;

	make_busy(network);
	assert_openmetrics_line(
		&network->view,
		"\n# TYPE flowtally_host_upload_bytes counter\n"
		"# UNIT flowtally_host_upload_bytes bytes\n"
		"# HELP flowtally_host_upload_bytes IP octets from the host, header and payload.\n"
		"flowtally_host_upload_bytes_total{host=\"02:00:00:00:00:01\",");
	assert_openmetrics_line(&network->view,
				"\n# TYPE flowtally_host info\n"
				"# HELP flowtally_host A host, its name and who has made it.\n"
				"flowtally_host_info{");
}

static void openmetrics_ends_once(void **state)
{
	Network *network = *state;
	GString *text;

	make_busy(network);
	text = text_of(&network->view, PROMETHEUS_OPENMETRICS, true);
	assert_ptr_equal(strstr(text->str, "# EOF"), text->str + text->len - strlen("# EOF\n"));
	assert_null(strstr(text->str, "\n\n"));
	g_string_free(text, TRUE);
	/* Without any host, too. */
	assert_openmetrics_line(&network->view, "\n# EOF\n");
}

/* The reference parser, of Prometheus' client for Python. */
static void openmetrics_passes_its_parser(void **state)
{
	Network *network = *state;
	GString *text;
	FILE *pipe;

	if (system("/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null"))
		skip();
	make_busy(network);
	make_flows(network);
	add_traffic(network, "a\"b\\c\n\xff", 1, "192.0.2.1", SCOPE_INTERNET, 1, 2);
	text = text_of(&network->view, PROMETHEUS_OPENMETRICS, true);
	pipe = popen("/usr/bin/python3 -c 'import sys; "
		     "from prometheus_client.openmetrics.parser import *; "
		     "list(text_string_to_metric_families(sys.stdin.read()))'",
		     "w");
	assert_non_null(pipe);
	assert_int_equal(fwrite(text->str, 1, text->len, pipe), text->len);
	assert_int_equal(pclose(pipe), 0);
	g_string_free(text, TRUE);
}

static void process_is_shown_where_it_is_asked_for(void **state)
{
	Network *network = *state;
	GString *text = text_of(&network->view, PROMETHEUS_TEXT, true);

	assert_non_null(strstr(text->str, "\nprocess_resident_memory_bytes "));
	assert_non_null(strstr(text->str, "\nprocess_start_time_seconds 1700000000.000\n"));
	g_string_free(text, TRUE);
	assert_absent(&network->view, "process_");
}

static void http_is_shown_by_code_and_address(void **state)
{
	HttpListenerView bound = { .address = "127.0.0.1:14739" },
			 taken = { .address = "[::1]:80", .error = "listen: taken" };
	HttpView http = { .listeners = g_ptr_array_new(), .requests = { [HTTP_NOT_FOUND] = 3 } };
	Network *network = *state;

	assert_absent(&network->view, "flowtally_http");
	g_ptr_array_add(http.listeners, &bound);
	g_ptr_array_add(http.listeners, &taken);
	network->view.http = &http;
	assert_line(&network->view, "flowtally_http_requests_total{code=\"404\"} 3");
	assert_line(&network->view, "flowtally_http_requests_total{code=\"200\"} 0");
	assert_line(&network->view, "flowtally_http_listening{address=\"127.0.0.1:14739\"} 1");
	assert_line(&network->view, "flowtally_http_listening{address=\"[::1]:80\"} 0");
	g_ptr_array_unref(http.listeners);
}

static void add_hosts(Network *network, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		char address[PREFIX_TEXT_MAX];

		snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		add_traffic(network, "wan", 0, address, SCOPE_INTERNET, 1, 2);
	}
}

/* Not all of it at once, and what comes meanwhile is not in it. */
static void slices_are_of_one_moment(void **state)
{
	Network *network = *state;
	g_autoptr(Exposition) exposition = NULL;
	GString *text = g_string_new(NULL), *whole;
	unsigned int slices = 1;

	add_hosts(network, 0, MANY_HOSTS / 8);
	whole = exposition_of(&network->view);
	exposition = exposition_new(&network->view, PROMETHEUS_TEXT, false);
	for (; exposition_step(exposition, text); slices++) {
		assert_true(text->len < whole->len);
		add_hosts(network, 0, MANY_HOSTS / 4);
	}
	assert_true(slices > 4);
	assert_string_equal(text->str, whole->str);
	g_string_free(text, TRUE);
	g_string_free(whole, TRUE);
}

/* Of the CPU, for the exposition. */
static clock_t time_taken(const Network *network)
{
	clock_t start = clock();
	GString *text = exposition_of(&network->view);

	g_string_free(text, TRUE);
	return clock() - start;
}

/* How much that is depends on the machine, how it grows does not: 8 times here, 64 if by the square. */
static void time_grows_as_the_hosts_do(void **state)
{
	Network *network = *state;
	clock_t few;

	add_hosts(network, 0, MANY_HOSTS / 8);
	(void)time_taken(network); /* the first time takes longer */
	few = time_taken(network);
	add_hosts(network, MANY_HOSTS / 8, MANY_HOSTS);
	assert_true(time_taken(network) < 32 * few);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_network, remove_network)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_of_a_mac_add_up),
		TEST(scopes_are_apart),
		TEST(host_without_mac_is_its_address),
		TEST(name_of_a_host_is_escaped),
		TEST(host_that_is_named_at_one_interface_has_the_name),
		TEST(host_on_two_interfaces_is_one_host),
		TEST(ledger_has_every_class),
		TEST(interface_counts_frame_octets),
		TEST(unexplained_difference_is_not_balanced),
		TEST(overflow_is_of_the_kernel_and_of_the_agent),
		TEST(pairs_without_room_are_summed_up),
		TEST(only_attached_interfaces_are_shown),
		TEST(agent_is_shown),
		TEST(lines_of_json_are_counted),
		TEST(faults_of_interfaces_are_counted),
		TEST(offloads_are_shown_by_kind),
		TEST(strange_names_are_escaped),
		TEST(errors_begin_at_0_for_every_reason),
		TEST(collectors_at_one_address_are_told_apart),
		TEST(groups_are_shown_and_who_is_active),
		TEST(flows_are_shown_by_protocol_and_pair),
		TEST(buckets_add_up),
		TEST(metrics_of_other_systems_have_their_names),
		TEST(exposition_passes_promtool),
		TEST(openmetrics_has_its_own_heads),
		TEST(openmetrics_ends_once),
		TEST(openmetrics_passes_its_parser),
		TEST(process_is_shown_where_it_is_asked_for),
		TEST(http_is_shown_by_code_and_address),
		TEST(slices_are_of_one_moment),
		TEST(time_grows_as_the_hosts_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
