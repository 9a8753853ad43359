/* SPDX-License-Identifier: Apache-2.0 */
#include "exporting.h"

#include <poll.h>
#include <string.h>

#include "../../tests/unit/export_account.h"
#include "../../tests/unit/ipfix_decoder.h"
#include "../../tests/unit/stream.h"
#include "groups.h"
#include "test.h"

#define COLLECTORS 3
#define START_MS 1700000000000
#define INTERVAL_MS 10000
#define REFRESH_MS 30000
#define DOMAIN 1
#define MESSAGE_SIZE 1400
#define TEMPLATE_HOSTS_MAC 288
#define TEMPLATE_FLOWS_MARK 544
#define TEMPLATE_BIFLOWS_MARK 1568

/* An Exporting Process, the collectors that it is configured for, and what they got. */
typedef struct {
	Config config;
	GroupConfig group;
	CollectorConfig collector_configs[COLLECTORS];
	Receiver receivers[COLLECTORS];
	Decoder *decoders[COLLECTORS];
	Exporting *exporting;
	uint64_t now_ms;
	IpfixInterface interface;
	Volume ignored;
	GArray *flows; /* of FlowRecord, for every report; NULL: flows are not metered */
} Lab;

static void lab_add_collector(Lab *lab, unsigned int i, EnterpriseElements enterprise)
{
	lab->receivers[i] = receiver_new(AF_INET, 0);
	lab->decoders[i] = decoder_new();
	lab->collector_configs[i] = (CollectorConfig){
		.address = lab->receivers[i].address,
		.queue_mib = 4,
		.records_hosts = true,
		.records_flows = true,
		.records_statistics = true,
		.records_interfaces = true,
		.enterprise = enterprise,
	};
	g_ptr_array_add(lab->config.ipfix.collectors, &lab->collector_configs[i]);
}

static Lab *lab_new(unsigned int collectors)
{
	Lab *lab = g_new0(Lab, 1);

	lab->now_ms = START_MS;
	lab->interface = (IpfixInterface){ 3, "br-lan", "home" };
	lab->config.interval_ms = INTERVAL_MS;
	lab->config.ipfix.observation_domain = DOMAIN;
	lab->config.ipfix.enterprise_number = 32473;
	lab->config.ipfix.template_refresh_ms = REFRESH_MS;
	lab->config.ipfix.message_size = MESSAGE_SIZE;
	lab->config.ipfix.collectors = g_ptr_array_new();
	for (unsigned int i = 0; i < collectors; i++)
		lab_add_collector(lab, i, ENTERPRISE_MAC);
	lab->exporting = exporting_new(&lab->config, NULL);
	return lab;
}

static void lab_free(Lab *lab)
{
	exporting_free(lab->exporting);
	for (unsigned int i = 0; i < lab->config.ipfix.collectors->len; i++) {
		if (lab->receivers[i].fd >= 0)
			close(lab->receivers[i].fd);
		decoder_free(lab->decoders[i]);
	}
	g_ptr_array_unref(lab->config.ipfix.collectors);
	g_clear_pointer(&lab->flows, g_array_unref);
	g_free(lab);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lab, lab_free)

static HostDelta *hosts_new_deltas(size_t n)
{
	HostDelta *deltas = g_new0(HostDelta, n);

	for (size_t i = 0; i < n; i++) {
		const uint32_t number = GUINT32_TO_BE((uint32_t)i);

		deltas[i].key = (struct host_key){
			.address = { [10] = 0xff, 0xff },
			.ifindex = 3,
			.mac = { 2 },
			.ip_version = 4,
			.scope = SCOPE_INTERNET,
		};
		memcpy(deltas[i].key.address + 12, &number, sizeof(number));
		memcpy(deltas[i].key.mac + 2, &number, sizeof(number));
		deltas[i].volume[DIRECTION_UPLOAD] = (Volume){ 1, 100, 114 };
		deltas[i].volume[DIRECTION_DOWNLOAD] = (Volume){ 2, 3000, 3028 };
	}
	return deltas;
}

static ExportReport report_of(const Lab *lab, const HostDelta *deltas, size_t n)
{
	return (ExportReport){
		.now_ms = lab->now_ms,
		.start_ms = lab->now_ms - INTERVAL_MS,
		.end_ms = lab->now_ms,
		.deltas = deltas,
		.deltas_n = n,
		.flows = lab->flows,
		.interfaces = &lab->interface,
		.interfaces_n = 1,
		.ignored = lab->ignored,
	};
}

/* Reports @n hosts, each of which has sent 1 packet of 100 octets and received 2 of 3000. */
static void lab_report(Lab *lab, size_t n)
{
	g_autofree HostDelta *deltas = hosts_new_deltas(n);
	const ExportReport report = report_of(lab, deltas, n);

	exporting_begin(lab->exporting, &report);
	while (exporting_step(lab->exporting))
		;
	lab->now_ms += INTERVAL_MS;
}

/* From now on there are @n flows in every report, of 3 packets and 1000 octets each, every third IPv6. */
static void lab_meter_flows(Lab *lab, uint32_t n)
{
	g_clear_pointer(&lab->flows, g_array_unref);
	lab->flows = g_array_new(FALSE, FALSE, sizeof(FlowRecord));
	for (uint32_t i = 0; i < n; i++) {
		FlowRecord flow = {
			.key = { .ingress = 3,
				 .egress = 4,
				 .mark = i,
				 .protocol = 17,
				 .ip_version = i % 3 ? 4 : 6 },
			.volume = { 3, 1000, 1042 },
			.start_ms = START_MS,
			.end_ms = START_MS,
			.attributes = { .source_mac = { 2 } },
			.end = FLOW_IDLE,
		};

		g_array_append_val(lab->flows, flow);
	}
}

/* All that arrives until nothing does for a while; it has to be in order. */
static const Decoder *lab_receive_slowly(Lab *lab, unsigned int i, int pause_ms)
{
	static uint8_t message[65536];
	Decoder *decoder = lab->decoders[i];
	size_t len;

	while ((len = receive(&lab->receivers[i], message, sizeof(message), pause_ms)))
		if (!decoder_take(decoder, message, len))
			fail_msg("%s", decoder->fault);
	return decoder;
}

static const Decoder *lab_receive(Lab *lab, unsigned int i)
{
	return lab_receive_slowly(lab, i, 0);
}

static void lab_restart_collector(Lab *lab, unsigned int i)
{
	uint16_t port = receiver_port(&lab->receivers[i]);

	decoder_free(lab->decoders[i]);
	lab->decoders[i] = decoder_new();
	lab->receivers[i] = receiver_new(AF_INET, port);
}

static void lab_stop_collector(Lab *lab, unsigned int i)
{
	close(lab->receivers[i].fd);
	lab->receivers[i].fd = -1;
}

static CollectorStatus status_of(const Lab *lab, size_t i)
{
	CollectorStatus status;

	assert_true(exporting_status(lab->exporting, i, &status));
	assert_account_adds_up(&status);
	return status;
}

static size_t count_records(const Decoder *decoder, uint16_t template_id)
{
	size_t n = 0;

	for (guint i = 0; i < decoder->records->len; i++)
		n += g_array_index(decoder->records, DecodedRecord, i).template->id == template_id;
	return n;
}

static void assert_hosts_arrived(const Decoder *decoder, size_t hosts)
{
	assert_int_equal(decoder_flow_records(decoder), 2 * hosts);
	assert_int_equal(decoder_sum(decoder, 1), 3100 * hosts);
	assert_int_equal(decoder_sum(decoder, 2), 3 * hosts);
}

static void templates_and_options_come_before_hosts(void **state)
{
	g_autoptr(Lab) lab = lab_new(1);
	const Decoder *decoder;
	CollectorStatus status;

	lab_report(lab, 100);
	decoder = lab_receive(lab, 0);
	assert_hosts_arrived(decoder, 100);
	assert_int_equal(count_records(decoder, 274), 1);
	assert_int_equal(count_records(decoder, 272), 1);
	assert_int_equal(count_records(decoder, 271), 1);
	assert_int_equal(count_records(decoder, 270), 1);
	assert_int_equal(count_records(decoder, TEMPLATE_HOSTS_MAC), 100);
	status = status_of(lab, 0);
	assert_int_equal(status.counters.sent.messages, decoder->messages->len);
	assert_int_equal(status.counters.sent.records, decoder->records->len);
	assert_int_equal(status.counters.sent.flow_records, 200);
	assert_int_equal(status.last_sent_ms, START_MS);
	assert_null(status.last_error);
	assert_int_equal(status.max_message, MESSAGE_SIZE);
}

static void sequence_has_no_gap_and_templates_are_refreshed(void **state)
{
	enum { REPORTS = 61 };
	g_autoptr(Lab) lab = lab_new(2);

	for (int i = 0; i < REPORTS; i++) {
		lab_report(lab, 50);
		(void)lab_receive(lab, 0);
		(void)lab_receive(lab, 1);
	}
	for (unsigned int i = 0; i < 2; i++) {
		const Decoder *decoder = lab_receive(lab, i);

		assert_hosts_arrived(decoder, REPORTS * 50);
		assert_int_equal(decoder->missing, 0);
		assert_int_equal(decoder->refreshes, 1 + (REPORTS - 1) / 3);
		assert_int_equal(count_records(decoder, 274), decoder->refreshes);
		assert_int_equal(count_records(decoder, 270), decoder->refreshes);
		assert_int_equal(count_records(decoder, 271), 1 + decoder->refreshes / 10);
	}
}

/* Timers are late by some milliseconds, and what is nearly due must not wait for the next report. */
static void refresh_comes_with_the_nearest_report(void **state)
{
	g_autoptr(Lab) lab = lab_new(1);

	lab_report(lab, 1);
	lab->now_ms = START_MS + REFRESH_MS - 20;
	lab_report(lab, 1);
	assert_int_equal(lab_receive(lab, 0)->refreshes, 2);
}

static void clock_set_back_refreshes_at_once(void **state)
{
	g_autoptr(Lab) lab = lab_new(1);

	lab_report(lab, 1);
	lab->now_ms = START_MS - 3600000;
	lab_report(lab, 1);
	assert_int_equal(lab_receive(lab, 0)->refreshes, 2);
}

static void changed_interfaces_are_told_at_once(void **state)
{
	g_autoptr(Lab) lab = lab_new(1);

	lab_report(lab, 1);
	lab->interface.description = "guests";
	lab_report(lab, 1);
	lab_report(lab, 1);
	assert_int_equal(count_records(lab_receive(lab, 0), 271), 2);
	assert_int_equal(lab_receive(lab, 0)->refreshes, 1);
}

static void statistics_tell_what_was_sent(void **state)
{
	g_autoptr(Lab) lab = lab_new(1);
	const DecodedRecord *last = NULL;
	const Decoder *decoder;

	lab->ignored = (Volume){ 7, 700, 800 };
	lab_report(lab, 10);
	lab->now_ms = START_MS + REFRESH_MS;
	lab_report(lab, 10);
	decoder = lab_receive(lab, 0);
	for (guint i = 0; i < decoder->records->len; i++)
		if (g_array_index(decoder->records, DecodedRecord, i).template->id == 270)
			last = &g_array_index(decoder->records, DecodedRecord, i);
	assert_non_null(last);
	assert_int_equal(decoder_value(last, 149), DOMAIN);
	assert_int_equal(decoder_value(last, 160), START_MS);
	assert_int_equal(decoder_value(last, 42), 20);
	assert_int_equal(decoder_value(last, 164), 7);
	assert_int_equal(decoder_value(last, 165), 700);
	assert_int_equal(decoder_value(last, 166), 0);
}

static void collector_gets_only_the_records_that_it_wants(void **state)
{
	g_autoptr(Lab) lab = lab_new(2);

	lab->collector_configs[0].records_hosts = false;
	lab->collector_configs[1].records_statistics = false;
	lab_report(lab, 10);
	assert_int_equal(lab_receive(lab, 0)->records->len, 1);
	assert_int_equal(count_records(lab_receive(lab, 0), 270), 1);
	assert_hosts_arrived(lab_receive(lab, 1), 10);
	assert_int_equal(count_records(lab_receive(lab, 1), 270), 0);
}

static void interfaces_are_told_only_to_who_wants_them(void **state)
{
	for (unsigned int without = 0; without < 2; without++) {
		g_autoptr(Lab) lab = lab_new(2);

		lab->collector_configs[without].records_interfaces = false;
		lab_report(lab, 10);
		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(count_records(lab_receive(lab, i), 271), i != without);
	}
}

static void layouts_differ_by_collector(void **state)
{
	g_autoptr(Lab) lab = lab_new(2);

	lab->collector_configs[1].enterprise = ENTERPRISE_NONE;
	lab->collector_configs[1].layer2_octets = true;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	lab_report(lab, 10);
	assert_int_equal(count_records(lab_receive(lab, 0), 288), 10);
	assert_int_equal(count_records(lab_receive(lab, 1), 256 + 128), 10);
	assert_int_equal(decoder_sum(lab_receive(lab, 1), 352), 10 * (114 + 3028));
}

/* ICMP takes its time, if little, and the kernel limits its rate in each namespace. */
static void wait_for_icmp(void)
{
	g_usleep(50000);
}

/* Of the first message. */
static void wait_for_arrival(const Lab *lab, unsigned int i)
{
	struct pollfd fd = { lab->receivers[i].fd, POLLIN, 0 };

	assert_int_equal(poll(&fd, 1, 10000), 1);
}

static void dead_collector_costs_the_others_nothing(void **state)
{
	g_autoptr(Lab) lab = lab_new(2);
	CollectorStatus status;

	lab_report(lab, 100);
	lab_stop_collector(lab, 0);
	for (int i = 0; i < 3; i++) {
		lab_report(lab, 100);
		wait_for_icmp();
	}
	status = status_of(lab, 0);
	assert_true(status.counters.errors[EXPORT_ERROR_REFUSED] > 0);
	assert_int_equal(status.counters.dropped.records, 0);
	assert_non_null(status.last_error);
	assert_null(status_of(lab, 1).last_error);
	assert_hosts_arrived(lab_receive(lab, 1), 400);
}

/* It has forgotten all templates. */
static void collector_that_comes_back_is_told_everything(void **state)
{
	g_autoptr(Lab) lab = lab_new(1);

	lab_report(lab, 10);
	lab_stop_collector(lab, 0);
	lab_report(lab, 10);
	wait_for_icmp();
	lab_restart_collector(lab, 0);
	lab_report(lab, 10);
	lab_report(lab, 10);
	assert_null(status_of(lab, 0).last_error);
	assert_hosts_arrived(lab_receive(lab, 0), 20);
}

/* The first collector is where no way leads yet. */
static void lab_move_collector(Lab *lab)
{
	close(lab->receivers[0].fd);
	lab->receivers[0] = receiver_at(AF_INET, "0.0.0.0", 0);
	snprintf(lab->receivers[0].address, sizeof(lab->receivers[0].address), "192.0.2.1:%u",
		 receiver_port(&lab->receivers[0]));
}

static void network_that_comes_late_loses_what_came_before(void **state)
{
	g_autoptr(Lab) lab = NULL;
	CollectorStatus status;
	const Decoder *decoder;

	if (!*state)
		skip();
	lab = lab_new(2);
	lab_move_collector(lab);
	lab_report(lab, 10);
	lab_report(lab, 10);
	status = status_of(lab, 0);
	assert_non_null(status.last_error);
	assert_int_equal(status.counters.dropped.flow_records, 40);
	assert_int_equal(status.counters.dropped.octets, 2 * 31000);
	assert_int_equal(status.counters.dropped.packets, 2 * 30);
	assert_true(run("ip address add 192.0.2.1/32 dev lo"));
	lab_report(lab, 10);
	assert_null(status_of(lab, 0).last_error);
	decoder = lab_receive(lab, 0);
	assert_hosts_arrived(decoder, 10);
	assert_int_equal(decoder->missing, 0);
	assert_hosts_arrived(lab_receive(lab, 1), 30);
}

/* The first message of a session is the first that the kernel refuses. */
static void session_that_ended_while_it_was_announced_is_announced_again(void **state)
{
	g_autoptr(Lab) lab = NULL;
	g_autofree char *refuse = NULL;
	const Decoder *decoder;

	if (!*state)
		skip();
	lab = lab_new(2);
	refuse = g_strdup_printf("nft 'table inet faults { chain output { type filter hook output "
				 "priority 0; udp dport %u drop; }; }'",
				 receiver_port(&lab->receivers[0]));
	if (!run(refuse))
		skip();
	lab_report(lab, 10);
	assert_int_equal(status_of(lab, 0).counters.dropped.flow_records, 20);
	assert_true(run("nft delete table inet faults"));
	lab_report(lab, 10);
	decoder = lab_receive(lab, 0);
	assert_hosts_arrived(decoder, 10);
	assert_int_equal(decoder->missing, 0);
}

static void messages_are_as_long_as_the_narrowest_path(void **state)
{
	g_autoptr(Lab) lab = NULL;
	CollectorStatus status;

	if (!*state)
		skip();
	lab = lab_new(2);
	assert_true(run("ip link set lo mtu 600"));
	lab_report(lab, 500);
	lab_report(lab, 500);
	for (unsigned int i = 0; i < 2; i++) {
		assert_hosts_arrived(lab_receive(lab, i), 1000);
		assert_true(lab_receive(lab, i)->longest <= 600 - 28);
		assert_true(lab_receive(lab, i)->longest > 600 - 28 - 60);
		assert_int_equal(lab_receive(lab, i)->missing, 0);
	}
	status = status_of(lab, 0);
	assert_int_equal(status.max_message, 600 - 28);
	assert_null(status.last_error);
}

static void path_that_takes_no_message_is_accounted_for(void **state)
{
	g_autoptr(Lab) lab = NULL;
	CollectorStatus status;

	if (!*state)
		skip();
	lab = lab_new(1);
	assert_true(run("ip link set lo mtu 128"));
	lab_report(lab, 100);
	status = status_of(lab, 0);
	assert_non_null(status.last_error);
	assert_true(status.counters.errors[EXPORT_ERROR_ENCODE] > 0);
	assert_true(status.counters.dropped.octets > 0);
	assert_int_equal(status.counters.dropped.flow_records + status.counters.sent.flow_records,
			 200);
}

/* Here - (1500) - router - (1000) - there. The router tells by ICMP, in the middle of a report. */
static bool make_narrow_path(int router, int there)
{
	int here;
	bool ok = network_connect(router, "here0", "192.0.2.1/24", "here1", "192.0.2.2/24", 1500) &&
		  run("ip route add 198.51.100.0/24 via 192.0.2.2");

	here = network_step(router);
	ok = ok && run("echo 1 >/proc/sys/net/ipv4/ip_forward") &&
	     network_connect(there, "there0", "198.51.100.1/24", "there1", "198.51.100.2/24", 1000);
	close(network_step(there));
	ok = ok && run("ip link set lo up") && run("ip route add default via 198.51.100.1");
	close(network_step(here));
	close(here);
	return ok;
}

static Receiver receiver_there(int there)
{
	int here = network_step(there);
	Receiver receiver = receiver_at(AF_INET, "198.51.100.2", 0);

	close(network_step(here));
	close(here);
	return receiver;
}

static void path_that_turns_out_narrow_loses_only_what_found_out(void **state)
{
	enum { HOSTS = 20000 };
	g_autoptr(Lab) lab = NULL;
	const Decoder *decoder;
	CollectorStatus status;
	int router, there;

	if (!*state)
		skip();
	router = network_new();
	there = network_new();
	assert_true(make_narrow_path(router, there));
	lab = lab_new(1);
	close(lab->receivers[0].fd);
	lab->receivers[0] = receiver_there(there);
	lab_report(lab, 0);
	/* Until then a router may not know who is there, and drops most. */
	wait_for_arrival(lab, 0);
	lab_report(lab, HOSTS);
	wait_for_icmp();
	decoder = lab_receive(lab, 0);
	status = status_of(lab, 0);
	assert_int_equal(status.max_message, 1000 - 28);
	assert_int_equal(status.counters.sent.flow_records, 2 * HOSTS);
	assert_int_equal(status.counters.dropped.records, 0);
	assert_true(decoder->missing > 0 && decoder->missing < HOSTS);
	assert_int_equal(decoder_flow_records(decoder) + decoder->missing, 2 * HOSTS);
	assert_true(decoder->longest <= 1000 - 28);
	close(there);
	close(router);
}

static void queue_that_is_given_up_is_accounted_for(void **state)
{
	g_autoptr(Lab) lab = NULL;
	CollectorStatus status;

	if (!*state ||
	    !run("tc qdisc replace dev lo root tbf rate 8kbit burst 70000 limit 99999999"))
		skip();
	lab = lab_new(1);
	lab_report(lab, 60000);
	assert_false(exporting_is_idle(lab->exporting));
	status = status_of(lab, 0);
	assert_true(status.queued.messages > 0);
	assert_true(status.counters.errors[EXPORT_ERROR_QUEUE] > 0);
	exporting_give_up_queues(lab->exporting);
	assert_true(exporting_is_idle(lab->exporting));
	status = status_of(lab, 0);
	assert_int_equal(status.counters.sent.flow_records + status.counters.dropped.flow_records,
			 2 * 60000);
	assert_true(status.counters.dropped.octets > 0);
}

static void queue_that_is_emptied_loses_nothing(void **state)
{
	g_autoptr(Lab) lab = NULL;

	if (!*state ||
	    !run("tc qdisc replace dev lo root tbf rate 30mbit burst 70000 limit 99999999"))
		skip();
	lab = lab_new(1);
	lab_report(lab, 20000);
	assert_false(exporting_is_idle(lab->exporting));
	while (!exporting_is_idle(lab->exporting))
		(void)g_main_context_iteration(NULL, TRUE);
	assert_hosts_arrived(lab_receive_slowly(lab, 0, 200), 20000);
	assert_int_equal(lab_receive(lab, 0)->missing, 0);
	assert_int_equal(status_of(lab, 0).counters.sent.flow_records, 2 * 20000);
}

static void large_report_arrives_whole(void **state)
{
	g_autoptr(Lab) lab = lab_new(1);

	if (receiver_room(&lab->receivers[0]) < 32 << 20)
		skip();
	lab->config.ipfix.message_size = 65000;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	lab_report(lab, 65536);
	assert_hosts_arrived(lab_receive(lab, 0), 65536);
}

static void reload_keeps_session_and_account(void **state)
{
	g_autoptr(Lab) lab = lab_new(2);
	Config before = lab->config;

	lab_report(lab, 10);
	lab->exporting = exporting_new(&before, lab->exporting);
	lab_report(lab, 10);
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	lab_report(lab, 10);
	assert_hosts_arrived(lab_receive(lab, 0), 30);
	assert_int_equal(lab_receive(lab, 0)->missing, 0);
	assert_int_equal(status_of(lab, 0).counters.sent.flow_records, 60);
}

static void other_layout_begins_a_session_but_keeps_the_account(void **state)
{
	g_autoptr(Lab) lab = lab_new(1);

	lab_report(lab, 10);
	(void)lab_receive(lab, 0);
	lab->collector_configs[0].enterprise = ENTERPRISE_NONE;
	lab->config.ipfix.enterprise_number = 4711;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	decoder_free(lab->decoders[0]);
	lab->decoders[0] = decoder_new();
	lab_report(lab, 10);
	assert_hosts_arrived(lab_receive(lab, 0), 10);
	assert_int_equal(lab_receive(lab, 0)->missing, 0);
	assert_int_equal(status_of(lab, 0).counters.sent.flow_records, 40);
}

static void repetition_is_noted(void **state)
{
	g_autoptr(Lab) lab = lab_new(1);
	g_autofree HostDelta *deltas = hosts_new_deltas(10);

	ExportReport report = report_of(lab, deltas, 10);

	exporting_note_repetition(lab->exporting, &report);
	assert_int_equal(status_of(lab, 0).counters.repeated_records, 20);
	assert_int_equal(status_of(lab, 0).counters.repeated_packets, 30);
	assert_int_equal(status_of(lab, 0).counters.repeated_octets, 31000);
	lab_meter_flows(lab, 10);
	g_array_index(lab->flows, FlowRecord, 5).volume = (Volume){ 0 };
	report.flows = lab->flows;
	lab->collector_configs[0].records_hosts = false;
	exporting_note_repetition(lab->exporting, &report);
	assert_int_equal(status_of(lab, 0).counters.repeated_records, 20 + 9);
	assert_int_equal(status_of(lab, 0).counters.repeated_packets, 30 + 27);
	assert_int_equal(status_of(lab, 0).counters.repeated_octets, 31000 + 9000);
}

static void account_outlives_the_process(void **state)
{
	g_autofree char *path = g_build_filename(*state, "sums", NULL);
	g_autoptr(Lab) lab = lab_new(2);
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	CollectorStatus before, after;

	lab_report(lab, 10);
	before = status_of(lab, 1);
	exporting_save(lab->exporting, writer);
	assert_true(totals_writer_replace(writer, path, NULL));
	exporting_free(lab->exporting);
	lab->exporting = exporting_new(&lab->config, NULL);
	reader = totals_reader_new(path, NULL);
	assert_non_null(reader);
	assert_true(exporting_load(lab->exporting, reader, NULL));
	after = status_of(lab, 1);
	assert_memory_equal(&after.counters, &before.counters, sizeof(before.counters));
}

/* Two of one address with layouts of their own, of which only the first one wants statistics. */
static Lab *lab_new_shared(void)
{
	Lab *lab = lab_new(2);

	lab->collector_configs[1].address = lab->collector_configs[0].address;
	lab->collector_configs[1].enterprise = ENTERPRISE_NONE;
	lab->collector_configs[1].records_statistics = false;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	return lab;
}

static void accounts_of_one_address_outlive_the_process(void **state)
{
	g_autofree char *path = g_build_filename(*state, "sums", NULL);
	g_autoptr(Lab) lab = lab_new_shared();
	g_autoptr(TotalsWriter) writer = totals_writer_new();
	g_autoptr(TotalsReader) reader = NULL;
	CollectorStatus before[2], after;

	lab_report(lab, 10);
	for (int i = 0; i < 2; i++)
		before[i] = status_of(lab, i);
	assert_true(before[0].counters.sent.messages != before[1].counters.sent.messages);
	exporting_save(lab->exporting, writer);
	assert_true(totals_writer_replace(writer, path, NULL));
	exporting_free(lab->exporting);
	lab->exporting = exporting_new(&lab->config, NULL);
	reader = totals_reader_new(path, NULL);
	assert_non_null(reader);
	assert_true(exporting_load(lab->exporting, reader, NULL));
	for (int i = 0; i < 2; i++) {
		after = status_of(lab, i);
		assert_memory_equal(&after.counters, &before[i].counters, sizeof(after.counters));
	}
}

static void accounts_of_one_address_follow_their_layout(void **state)
{
	g_autoptr(Lab) lab = lab_new_shared();
	Config reversed = lab->config;
	CollectorStatus before, after;

	(void)state;
	lab_report(lab, 10);
	before = status_of(lab, 0);
	reversed.ipfix.collectors = g_ptr_array_new();
	g_ptr_array_add(reversed.ipfix.collectors, &lab->collector_configs[1]);
	g_ptr_array_add(reversed.ipfix.collectors, &lab->collector_configs[0]);
	lab->exporting = exporting_new(&reversed, lab->exporting);
	after = status_of(lab, 1);
	assert_memory_equal(&after.counters, &before.counters, sizeof(after.counters));
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	g_ptr_array_unref(reversed.ipfix.collectors);
}

static void flows_come_after_hosts_to_who_wants_them(void **state)
{
	static const struct {
		bool hosts, flows;
	} wants[] = { { true, true }, { true, false }, { false, true }, { false, false } };

	for (size_t i = 0; i < G_N_ELEMENTS(wants); i++) {
		g_autoptr(Lab) lab = lab_new(2);
		const Decoder *decoder;
		size_t hosts = wants[i].hosts ? 10 : 0, flows = wants[i].flows ? 30 : 0;

		lab->collector_configs[0].records_hosts = wants[i].hosts;
		lab->collector_configs[0].records_flows = wants[i].flows;
		lab_meter_flows(lab, 30);
		lab_report(lab, 10);
		decoder = lab_receive(lab, 0);
		assert_int_equal(count_records(decoder, TEMPLATE_HOSTS_MAC), hosts);
		assert_int_equal(count_records(decoder, TEMPLATE_FLOWS_MARK), flows * 2 / 3);
		assert_int_equal(count_records(decoder, TEMPLATE_FLOWS_MARK + 1), flows / 3);
		assert_int_equal(count_records(decoder, 274), wants[i].hosts + wants[i].flows);
		assert_int_equal(count_records(decoder, 271), wants[i].hosts || wants[i].flows);
		assert_int_equal(!!decoder_template(decoder, DOMAIN, TEMPLATE_HOSTS_MAC),
				 wants[i].hosts);
		assert_int_equal(!!decoder_template(decoder, DOMAIN, TEMPLATE_FLOWS_MARK),
				 wants[i].flows);
		assert_int_equal(decoder_flow_records(decoder), 2 * hosts + flows);
		assert_int_equal(decoder_flow_records(lab_receive(lab, 1)), 20 + 30);
	}
}

static void nobody_is_told_of_flows_that_are_not_metered(void **state)
{
	g_autoptr(Lab) lab = lab_new(1);

	lab_report(lab, 10);
	assert_null(decoder_template(lab_receive(lab, 0), DOMAIN, TEMPLATE_FLOWS_MARK));
	lab_meter_flows(lab, 3);
	lab_report(lab, 10);
	assert_int_equal(count_records(lab_receive(lab, 0), TEMPLATE_FLOWS_MARK), 2);
}

static void flows_are_counted_as_hosts_are(void **state)
{
	enum { FLOWS = 10000, REPORTS = 5 };
	g_autoptr(Lab) lab = lab_new(2);

	lab->collector_configs[1].enterprise = ENTERPRISE_NONE;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	lab_meter_flows(lab, FLOWS);
	for (int i = 0; i < REPORTS; i++) {
		lab_report(lab, 10);
		(void)lab_receive(lab, 0);
		(void)lab_receive(lab, 1);
	}
	for (unsigned int i = 0; i < 2; i++) {
		const Decoder *decoder = lab_receive(lab, i);
		const ExportCounters counters = status_of(lab, i).counters;

		assert_int_equal(decoder->missing, 0);
		assert_int_equal(decoder->longest > MESSAGE_SIZE, false);
		assert_int_equal(decoder_flow_records(decoder), REPORTS * (20 + FLOWS));
		assert_int_equal(decoder_sum(decoder, 1), REPORTS * (31000 + 1000 * FLOWS));
		assert_int_equal(decoder_sum(decoder, 2), REPORTS * (30 + 3 * FLOWS));
		assert_int_equal(counters.sent.flow_records, REPORTS * (20 + FLOWS));
		assert_int_equal(counters.sent.records, decoder->records->len);
		assert_int_equal(counters.sent.messages, decoder->messages->len);
		assert_int_equal(counters.dropped.records, 0);
	}
}

/* One flow alone and then pairs, so that each step of a report would tear one. */
static void lab_meter_pairs(Lab *lab, uint32_t pairs)
{
	lab_meter_flows(lab, 1 + 2 * pairs);
	for (uint32_t i = 1; i < lab->flows->len; i++) {
		FlowRecord *flow = &g_array_index(lab->flows, FlowRecord, i);

		flow->key.ip_version = 4;
		flow->key.mark = (i - 1) / 2;
		flow->key.ingress = i % 2 ? 3 : 4;
		flow->key.egress = i % 2 ? 4 : 3;
		flow->role = i % 2 ? FLOW_INITIATOR : FLOW_RESPONDER;
	}
}

static void both_directions_are_one_record_for_who_wants_that(void **state)
{
	enum { PAIRS = 20000 };
	g_autoptr(Lab) lab = lab_new(2);
	size_t records[] = { 1 + 2 * PAIRS, 1 + PAIRS };
	uint64_t octets = 0;

	lab->collector_configs[1].biflow = true;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	lab_meter_pairs(lab, PAIRS);
	lab_report(lab, 0);
	for (unsigned int i = 0; i < 2; i++) {
		const Decoder *decoder = lab_receive(lab, i);
		const ExportCounters counters = status_of(lab, i).counters;

		assert_int_equal(decoder->missing, 0);
		assert_int_equal(decoder_flow_records(decoder), records[i]);
		assert_int_equal(counters.sent.flow_records, records[i]);
	}
	for (guint i = 0; i < lab->decoders[1]->records->len; i++) {
		const DecodedRecord *record =
			&g_array_index(lab->decoders[1]->records, DecodedRecord, i);

		if (decoder_is_flow(record))
			octets += decoder_value(record, 1) + decoder_value_of(record, 29305, 1);
	}
	assert_int_equal(octets, UINT64_C(1000) * (1 + 2 * PAIRS));
	assert_int_equal(decoder_sum(lab->decoders[0], 1), octets);
}

static void pairs_that_are_not_sent_are_accounted_for(void **state)
{
	enum { PAIRS = 5000 };
	g_autoptr(Lab) lab = NULL;
	ExportCounters counters;

	if (!*state)
		skip();
	lab = lab_new(1);
	lab->collector_configs[0].biflow = true;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	lab_move_collector(lab);
	lab_meter_pairs(lab, PAIRS);
	lab_report(lab, 0);
	counters = status_of(lab, 0).counters;
	assert_int_equal(counters.dropped.flow_records, 1 + PAIRS);
	assert_int_equal(counters.dropped.packets, 3 * (1 + 2 * PAIRS));
	assert_int_equal(counters.dropped.octets, 1000 * (1 + 2 * PAIRS));
}

/* A length that tells the flows apart. */
static void find_by_mark(const FlowRecord *flows, size_t n, FlowRoute *found, void *user_data)
{
	*(size_t *)user_data += n;
	for (size_t i = 0; i < n; i++)
		found[i] = (FlowRoute){ .destination_length = (uint8_t)flows[i].key.mark };
}

static void each_flow_has_its_route_which_is_looked_up_once(void **state)
{
	enum { FLOWS = 10000 };
	g_autoptr(Lab) lab = lab_new(2);
	size_t asked = 0;
	ExportReport report;

	lab->collector_configs[1].enterprise = ENTERPRISE_NONE;
	lab->collector_configs[1].biflow = true;
	lab->config.flows.routing = true;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	lab_meter_flows(lab, FLOWS);
	report = report_of(lab, NULL, 0);
	report.find_routes = find_by_mark;
	report.user_data = &asked;
	exporting_begin(lab->exporting, &report);
	while (exporting_step(lab->exporting))
		;
	assert_int_equal(asked, FLOWS);
	(void)lab_receive(lab, 0);
	assert_int_equal(decoder_flow_records(lab_receive(lab, 1)), FLOWS);
	for (guint i = 0; i < lab->decoders[0]->records->len; i++) {
		const DecodedRecord *record =
			&g_array_index(lab->decoders[0]->records, DecodedRecord, i);

		if (decoder_is_flow(record))
			assert_int_equal(decoder_value(record, 13) + decoder_value(record, 30),
					 (uint8_t)decoder_value_of(record, 32473, 4));
	}
}

static void flows_that_are_not_sent_are_accounted_for(void **state)
{
	enum { FLOWS = 5000 };
	g_autoptr(Lab) lab = NULL;
	ExportCounters counters;

	if (!*state)
		skip();
	lab = lab_new(1);
	lab_move_collector(lab);
	lab_meter_flows(lab, FLOWS);
	lab_report(lab, 0);
	counters = status_of(lab, 0).counters;
	assert_non_null(status_of(lab, 0).last_error);
	assert_int_equal(counters.dropped.flow_records, FLOWS);
	assert_int_equal(counters.dropped.packets, 3 * FLOWS);
	assert_int_equal(counters.dropped.octets, 1000 * FLOWS);
	assert_true(run("ip address add 192.0.2.1/32 dev lo"));
	lab_report(lab, 0);
	assert_null(status_of(lab, 0).last_error);
	assert_int_equal(decoder_flow_records(lab_receive(lab, 0)), FLOWS);
	assert_int_equal(lab_receive(lab, 0)->missing, 0);
}

static void flows_are_as_long_as_the_narrowest_path(void **state)
{
	g_autoptr(Lab) lab = NULL;

	if (!*state)
		skip();
	lab = lab_new(2);
	assert_true(run("ip link set lo mtu 600"));
	lab_meter_flows(lab, 10000);
	lab_report(lab, 10);
	lab_report(lab, 10);
	for (unsigned int i = 0; i < 2; i++) {
		const Decoder *decoder = lab_receive(lab, i);

		assert_int_equal(decoder_flow_records(decoder), 2 * (20 + 10000));
		assert_int_equal(decoder->missing, 0);
		assert_true(decoder->longest <= 600 - 28);
	}
}

/* A path that turns narrow between two steps costs at most the messages that found out. */
static void step_goes_on_where_the_one_before_ended(void **state)
{
	enum { FLOWS = 20000 };
	g_autoptr(Lab) lab = NULL;
	ExportReport report;
	unsigned int steps = 1;

	if (!*state)
		skip();
	lab = lab_new(1);
	lab_meter_flows(lab, FLOWS);
	report = report_of(lab, NULL, 0);
	exporting_begin(lab->exporting, &report);
	assert_true(exporting_step(lab->exporting));
	assert_true(run("ip link set lo mtu 700"));
	while (exporting_step(lab->exporting))
		steps++;
	assert_true(steps > 2);
	assert_false(exporting_step(lab->exporting));
	assert_int_equal(decoder_flow_records(lab_receive(lab, 0)), FLOWS);
	assert_int_equal(decoder_sum(lab_receive(lab, 0), 1), 1000 * FLOWS);
	assert_int_equal(lab_receive(lab, 0)->missing, 0);
}

static void reload_in_a_report_ends_it_first(void **state)
{
	enum { FLOWS = 20000 };
	g_autoptr(Lab) lab = lab_new(1);
	ExportReport report;

	lab_meter_flows(lab, FLOWS);
	report = report_of(lab, NULL, 0);
	exporting_begin(lab->exporting, &report);
	assert_true(exporting_step(lab->exporting));
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	assert_false(exporting_step(lab->exporting));
	assert_int_equal(decoder_flow_records(lab_receive(lab, 0)), FLOWS);
	assert_int_equal(status_of(lab, 0).counters.sent.flow_records, FLOWS);
}

/* What has come over the connection @fd, of which @stream has what is not a whole message yet. */
static void take_stream(int fd, GByteArray *stream, Decoder *decoder)
{
	(void)stream_read(fd, stream);
	while (stream->len >= 4) {
		guint len = (guint)stream->data[2] << 8 | stream->data[3];

		if (len > stream->len)
			return;
		if (!decoder_take(decoder, stream->data, len))
			fail_msg("%s", decoder->fault);
		g_byte_array_remove_range(stream, 0, len);
	}
}

#define take_stream_until(fd, stream, decoder, condition)                                          \
	run_until((take_stream(fd, stream, decoder), condition))

static Lab *lab_new_tcp(Receiver *listener)
{
	Lab *lab = lab_new(1);

	*listener = listener_new(AF_INET, 0);
	lab->collector_configs[0].address = listener->address;
	lab->collector_configs[0].transport = COLLECTOR_TRANSPORT_TCP;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	return lab;
}

static void assert_options_arrived(const Decoder *decoder)
{
	assert_int_equal(count_records(decoder, 272), 1);
	assert_int_equal(count_records(decoder, 271), 1);
	assert_int_equal(count_records(decoder, 270), 1);
	assert_int_equal(decoder->missing, 0);
}

static void assert_told_everything(const Decoder *decoder)
{
	assert_int_equal(decoder->refreshes, 1);
	assert_int_equal(count_records(decoder, 274), 1);
	assert_options_arrived(decoder);
}

/* Also between two reports, and each session by itself. */
static void connection_that_opens_is_told_everything(void **state)
{
	Receiver listener;
	g_autoptr(Lab) lab = lab_new_tcp(&listener);

	lab_report(lab, 5);
	for (int session = 0; session < 3; session++) {
		g_autoptr(GByteArray) stream = g_byte_array_new();
		Decoder *decoder = decoder_new();
		int fd = listener_accept(&listener);

		take_stream_until(fd, stream, decoder,
				  count_records(decoder, 270) &&
					  exporting_is_drained(lab->exporting));
		take_stream(fd, stream, decoder);
		assert_told_everything(decoder);
		assert_hosts_arrived(decoder, session ? 0 : 5);
		decoder_free(decoder);
		close(fd);
	}
	close(listener.fd);
}

/* Templates are told once, statistics again and again. */
static void connection_needs_templates_once(void **state)
{
	enum { REPORTS = 61 };
	Receiver listener;
	g_autoptr(Lab) lab = lab_new_tcp(&listener);
	g_autoptr(GByteArray) stream = g_byte_array_new();
	Decoder *decoder = decoder_new();
	int fd;

	lab_report(lab, 10);
	fd = listener_accept(&listener);
	take_stream_until(fd, stream, decoder, decoder_flow_records(decoder) == 20);
	for (int i = 1; i < REPORTS; i++)
		lab_report(lab, 10);
	take_stream_until(fd, stream, decoder, decoder_flow_records(decoder) == 20 * REPORTS);
	assert_int_equal(decoder->refreshes, 1);
	assert_int_equal(count_records(decoder, 274), 1);
	assert_int_equal(count_records(decoder, 270), 1 + (REPORTS - 1) / 3);
	assert_int_equal(decoder->missing, 0);
	decoder_free(decoder);
	close(fd);
	close(listener.fd);
}

static void connection_is_told_of_flows_when_they_are_metered(void **state)
{
	Receiver listener;
	g_autoptr(Lab) lab = lab_new_tcp(&listener);
	g_autoptr(GByteArray) stream = g_byte_array_new();
	Decoder *decoder = decoder_new();
	int fd;

	lab_report(lab, 10);
	fd = listener_accept(&listener);
	take_stream_until(fd, stream, decoder, decoder_flow_records(decoder) == 20);
	lab_meter_flows(lab, 30);
	lab_report(lab, 10);
	take_stream_until(fd, stream, decoder, decoder_flow_records(decoder) == 40 + 30);
	assert_int_equal(decoder->missing, 0);
	decoder_free(decoder);
	close(fd);
	close(listener.fd);
}

static void connection_that_opens_after_a_reload_is_told_everything(void **state)
{
	Receiver listener;
	g_autoptr(Lab) lab = lab_new_tcp(&listener);
	g_autoptr(GByteArray) stream = g_byte_array_new();
	uint16_t port = receiver_port(&listener);
	Decoder *decoder = decoder_new();
	int fd;

	close(listener.fd);
	lab_report(lab, 10);
	run_until(status_of(lab, 0).session.state == SESSION_WAITING);
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	listener = listener_new(AF_INET, port);
	fd = listener_accept(&listener);
	take_stream_until(fd, stream, decoder, decoder_flow_records(decoder) == 20);
	assert_told_everything(decoder);
	assert_hosts_arrived(decoder, 10);
	decoder_free(decoder);
	close(fd);
	close(listener.fd);
}

/* All collectors are one group. */
static void lab_join(Lab *lab, GroupMode mode)
{
	lab->group.mode = mode;
	lab->group.collectors = lab->config.ipfix.collectors;
	for (unsigned int i = 0; i < lab->config.ipfix.collectors->len; i++)
		lab->collector_configs[i].group = &lab->group;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
}

/* In every report so many conversations, of 3 packets and 1000 octets in each direction. */
static void lab_meter_conversations(Lab *lab, uint32_t n)
{
	lab_meter_flows(lab, 2 * n);
	for (uint32_t i = 0; i < 2 * n; i++) {
		struct flow_key *key = &g_array_index(lab->flows, FlowRecord, i).key;
		const uint32_t number = GUINT32_TO_BE(i / 2);

		*key = (struct flow_key){ .protocol = 17, .ip_version = 4 };
		key->source[10] = key->source[11] = 0xff;
		key->destination[10] = key->destination[11] = 0xff;
		key->source[12] = key->destination[12] = 10;
		memcpy(i % 2 ? key->source + 12 : key->destination + 12, &number, sizeof(number));
		key->source_port = (__be16)(i % 2 ? 53 : i);
		key->destination_port = (__be16)(i % 2 ? i - 1 : 53);
	}
}

static void each_conversation_is_at_one_of_a_group(void **state)
{
	enum { CONVERSATIONS = 6000, HOSTS = 300 };
	g_autoptr(Lab) lab = lab_new(3);
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
	size_t records = 0;

	lab_join(lab, GROUP_HASH);
	lab_meter_conversations(lab, CONVERSATIONS);
	lab_report(lab, HOSTS);
	for (unsigned int i = 0; i < 3; i++) {
		const Decoder *decoder = lab_receive(lab, i);
		size_t flows = count_records(decoder, TEMPLATE_FLOWS_MARK);
		CollectorStatus status = status_of(lab, i);

		assert_options_arrived(decoder);
		assert_in_range(flows, 2 * CONVERSATIONS / 3 - 400, 2 * CONVERSATIONS / 3 + 400);
		assert_true(decoder_flow_records(decoder) > flows);
		assert_int_equal(status.counters.sent.flow_records, decoder_flow_records(decoder));
		assert_true(status.active);
		records += decoder_flow_records(decoder);
		for (guint j = 0; j < decoder->records->len; j++) {
			const DecodedRecord *record =
				&g_array_index(decoder->records, DecodedRecord, j);
			uint64_t ends = decoder_value(record, 8) ^ decoder_value(record, 12);
			gpointer before;

			if (record->template->id != TEMPLATE_FLOWS_MARK)
				continue;
			before = g_hash_table_lookup(seen, GSIZE_TO_POINTER(ends));
			assert_true(!before || before == GSIZE_TO_POINTER(i + 1));
			g_hash_table_insert(seen, GSIZE_TO_POINTER(ends), GSIZE_TO_POINTER(i + 1));
		}
	}
	assert_int_equal(records, 2 * CONVERSATIONS + 2 * HOSTS);
	assert_int_equal(g_hash_table_size(seen), CONVERSATIONS);
}

/* Beside a group, and with other layouts in it. */
static void shares_are_apart_from_what_all_have(void **state)
{
	g_autoptr(Lab) lab = lab_new(3);

	lab_join(lab, GROUP_HASH);
	lab->collector_configs[0].group = NULL;
	lab->group.collectors = g_ptr_array_new();
	g_ptr_array_add(lab->group.collectors, &lab->collector_configs[1]);
	g_ptr_array_add(lab->group.collectors, &lab->collector_configs[2]);
	lab->collector_configs[2].biflow = true;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	lab_meter_conversations(lab, 100);
	lab_report(lab, 50);
	assert_int_equal(decoder_flow_records(lab_receive(lab, 0)), 200 + 100);
	assert_int_equal(decoder_sum(lab_receive(lab, 0), 2), 200 * 3 + 50 * 3);
	/* Of a biflow the other direction has an element of its own. */
	assert_int_equal(decoder_sum(lab_receive(lab, 1), 2) + decoder_sum(lab_receive(lab, 2), 2) +
				 3 * (count_records(lab_receive(lab, 2), TEMPLATE_BIFLOWS_MARK)),
			 200 * 3 + 50 * 3);
	assert_true(count_records(lab_receive(lab, 2), TEMPLATE_BIFLOWS_MARK) > 0);
	assert_int_equal(lab_receive(lab, 1)->missing + lab_receive(lab, 2)->missing, 0);
	g_ptr_array_unref(lab->group.collectors);
}

static void repetition_of_a_group_is_noted_once(void **state)
{
	g_autoptr(Lab) lab = lab_new(3);
	g_autofree HostDelta *deltas = hosts_new_deltas(100);
	ExportReport report;
	uint64_t repeated = 0;

	lab_join(lab, GROUP_HASH);
	lab_meter_conversations(lab, 100);
	report = report_of(lab, deltas, 100);
	exporting_note_repetition(lab->exporting, &report);
	for (unsigned int i = 0; i < 3; i++)
		repeated += status_of(lab, i).counters.repeated_records;
	assert_int_equal(repeated, 200 + 200);
	lab_join(lab, GROUP_FAILOVER);
	exporting_note_repetition(lab->exporting, &report);
	assert_int_equal(status_of(lab, 0).counters.repeated_records +
				 status_of(lab, 1).counters.repeated_records +
				 status_of(lab, 2).counters.repeated_records,
			 2 * (200 + 200));
}

static void who_is_passive_is_told_all_but_traffic(void **state)
{
	g_autoptr(Lab) lab = lab_new(3);

	lab_join(lab, GROUP_FAILOVER);
	lab_meter_conversations(lab, 10);
	lab_report(lab, 10);
	lab_report(lab, 10);
	assert_int_equal(decoder_flow_records(lab_receive(lab, 0)), 2 * 40);
	for (unsigned int i = 1; i < 3; i++) {
		assert_options_arrived(lab_receive(lab, i));
		assert_non_null(decoder_template(lab_receive(lab, i), DOMAIN, TEMPLATE_FLOWS_MARK));
		assert_non_null(decoder_template(lab_receive(lab, i), DOMAIN, TEMPLATE_HOSTS_MAC));
		assert_int_equal(decoder_flow_records(lab_receive(lab, i)), 0);
		assert_false(status_of(lab, i).active);
	}
	assert_true(status_of(lab, 0).active);
}

/* Over UDP, where refusals are all that is known of it. */
static void next_one_takes_over_from_who_refuses(void **state)
{
	g_autoptr(Lab) lab = lab_new(2);

	lab_join(lab, GROUP_FAILOVER);
	lab_report(lab, 10);
	assert_hosts_arrived(lab_receive(lab, 0), 10);
	lab_stop_collector(lab, 0);
	for (int i = 0; i < 4; i++) {
		lab_report(lab, 10);
		wait_for_icmp();
	}
	/* What was lost is what the first of them sent before it was refused. */
	assert_hosts_arrived(lab_receive(lab, 1), 30);
	assert_false(status_of(lab, 0).active);
	assert_true(status_of(lab, 1).active);
	assert_int_equal(status_of(lab, 0).counters.sent.flow_records, 40);
	assert_int_equal(status_of(lab, 1).counters.sent.flow_records, 60);
	lab_restart_collector(lab, 0);
	for (int i = 0; i < 3; i++) {
		lab_report(lab, 10);
		wait_for_icmp();
	}
	assert_true(status_of(lab, 0).active);
	assert_hosts_arrived(lab_receive(lab, 0), 20);
	assert_hosts_arrived(lab_receive(lab, 1), 40);
}

/* The first collector is one that refuses connections, the second one that accepts them. */
static Lab *lab_new_connections(Receiver listeners[2])
{
	Lab *lab = lab_new(2);

	for (int i = 0; i < 2; i++) {
		listeners[i] = listener_new(AF_INET, 0);
		lab->collector_configs[i].address = listeners[i].address;
		lab->collector_configs[i].transport = COLLECTOR_TRANSPORT_TCP;
	}
	close(listeners[0].fd);
	lab_join(lab, GROUP_FAILOVER);
	return lab;
}

static void what_waits_moves_to_who_takes_over(void **state)
{
	Receiver listeners[2];
	g_autoptr(Lab) lab = lab_new_connections(listeners);
	g_autoptr(GByteArray) stream = g_byte_array_new();
	g_autoptr(Decoder) decoder = decoder_new();
	int fd;

	lab_report(lab, 10);
	lab_report(lab, 10);
	/* As long as none is up, the first has them. */
	assert_true(status_of(lab, 0).active);
	assert_true(status_of(lab, 0).queued.messages > 0);
	run_until(status_of(lab, 0).session.state == SESSION_WAITING);
	fd = listener_accept(&listeners[1]);
	run_until(status_of(lab, 1).session.state == SESSION_OPEN);
	lab_report(lab, 10);
	assert_true(status_of(lab, 1).active);
	assert_int_equal(status_of(lab, 0).queued.messages, 0);
	take_stream_until(fd, stream, decoder, decoder_flow_records(decoder) == 60);
	assert_hosts_arrived(decoder, 30);
	assert_told_everything(decoder);
	assert_int_equal(status_of(lab, 0).counters.dropped.records, 0);
	/* The first is there, and has its place back with the next report. */
	listeners[0] = listener_new(AF_INET, receiver_port(&listeners[0]));
	run_until(status_of(lab, 0).session.state == SESSION_OPEN);
	assert_true(status_of(lab, 1).active);
	lab_report(lab, 10);
	assert_true(status_of(lab, 0).active);
	run_until(exporting_is_drained(lab->exporting));
	assert_int_equal(status_of(lab, 0).counters.sent.flow_records, 20);
	assert_int_equal(status_of(lab, 1).counters.sent.flow_records, 60);
	close(fd);
	close(listeners[0].fd);
	close(listeners[1].fd);
}

static void what_waits_stays_where_the_layout_is_another(void **state)
{
	Receiver listeners[2];
	g_autoptr(Lab) lab = lab_new_connections(listeners);
	int fd;

	lab->collector_configs[1].enterprise = ENTERPRISE_NONE;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	lab_report(lab, 10);
	fd = listener_accept(&listeners[1]);
	run_until(status_of(lab, 1).session.state == SESSION_OPEN);
	lab_report(lab, 10);
	assert_true(status_of(lab, 1).active);
	assert_true(status_of(lab, 0).queued.messages > 0);
	listeners[0] = listener_new(AF_INET, receiver_port(&listeners[0]));
	run_until(exporting_is_drained(lab->exporting) &&
		  status_of(lab, 0).session.state == SESSION_OPEN);
	assert_int_equal(status_of(lab, 0).counters.sent.flow_records, 20);
	assert_int_equal(status_of(lab, 1).counters.sent.flow_records, 20);
	close(fd);
	close(listeners[0].fd);
	close(listeners[1].fd);
}

/* Each record is sent by one, or counted as what the session had that broke. */
static void next_one_takes_over_in_the_middle_of_a_report(void **state)
{
	enum { CONVERSATIONS = 10000 };
	Receiver listeners[2];
	g_autoptr(Lab) lab = lab_new_connections(listeners);
	GByteArray *streams[2] = { g_byte_array_new(), g_byte_array_new() };
	CollectorStatus first, second;
	ExportReport report;
	int fds[2];

	listeners[0] = listener_new(AF_INET, receiver_port(&listeners[0]));
	lab_meter_conversations(lab, 0);
	lab_report(lab, 0);
	for (int i = 0; i < 2; i++)
		fds[i] = listener_accept(&listeners[i]);
	run_until(status_of(lab, 0).session.state == SESSION_OPEN &&
		  status_of(lab, 1).session.state == SESSION_OPEN);
	lab_meter_conversations(lab, CONVERSATIONS);
	report = report_of(lab, NULL, 0);
	exporting_begin(lab->exporting, &report);
	assert_true(exporting_step(lab->exporting));
	take_stream_until(fds[0], streams[0], lab->decoders[0],
			  decoder_flow_records(lab->decoders[0]) >= 4096);
	run_until(!status_of(lab, 0).queued.messages);
	close(listeners[0].fd);
	stream_reset(fds[0]);
	run_until(status_of(lab, 0).session.state != SESSION_OPEN);
	while (exporting_step(lab->exporting))
		;
	take_stream_until(fds[1], streams[1], lab->decoders[1],
			  exporting_is_drained(lab->exporting));
	take_stream(fds[1], streams[1], lab->decoders[1]);
	first = status_of(lab, 0);
	second = status_of(lab, 1);
	assert_true(second.active);
	assert_int_equal(first.counters.sent.flow_records, decoder_flow_records(lab->decoders[0]));
	assert_int_equal(second.counters.sent.flow_records, decoder_flow_records(lab->decoders[1]));
	assert_int_equal(first.counters.sent.flow_records + second.counters.sent.flow_records,
			 2 * CONVERSATIONS);
	assert_int_equal(first.counters.dropped.flow_records, 0);
	assert_int_equal(first.queued.messages + second.queued.messages, 0);
	g_byte_array_unref(streams[0]);
	g_byte_array_unref(streams[1]);
	close(fds[1]);
	close(listeners[1].fd);
}

static void reload_keeps_who_is_active(void **state)
{
	g_autoptr(Lab) lab = lab_new(2);

	lab_join(lab, GROUP_FAILOVER);
	lab_report(lab, 10);
	lab_stop_collector(lab, 0);
	lab_report(lab, 10);
	wait_for_icmp();
	lab_report(lab, 10);
	assert_true(status_of(lab, 1).active);
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	assert_true(status_of(lab, 1).active);
	/* Out of the group, and back. */
	lab->collector_configs[0].group = lab->collector_configs[1].group = NULL;
	lab->exporting = exporting_new(&lab->config, lab->exporting);
	lab_report(lab, 10);
	lab_join(lab, GROUP_FAILOVER);
	lab_report(lab, 0);
	assert_hosts_arrived(lab_receive(lab, 1), 20);
	assert_int_equal(lab_receive(lab, 1)->missing, 0);
	assert_int_equal(status_of(lab, 1).counters.sent.flow_records, 40);
}

static void process_without_collectors_is_idle(void **state)
{
	g_autoptr(Lab) lab = lab_new(0);
	CollectorStatus status;

	lab_report(lab, 10);
	assert_true(exporting_is_idle(lab->exporting));
	assert_false(exporting_status(lab->exporting, 0, &status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates_and_options_come_before_hosts),
		cmocka_unit_test(sequence_has_no_gap_and_templates_are_refreshed),
		cmocka_unit_test(refresh_comes_with_the_nearest_report),
		cmocka_unit_test(clock_set_back_refreshes_at_once),
		cmocka_unit_test(changed_interfaces_are_told_at_once),
		cmocka_unit_test(statistics_tell_what_was_sent),
		cmocka_unit_test(collector_gets_only_the_records_that_it_wants),
		cmocka_unit_test(interfaces_are_told_only_to_who_wants_them),
		cmocka_unit_test(layouts_differ_by_collector),
		cmocka_network_test(dead_collector_costs_the_others_nothing),
		cmocka_network_test(collector_that_comes_back_is_told_everything),
		cmocka_network_test(network_that_comes_late_loses_what_came_before),
		cmocka_network_test(session_that_ended_while_it_was_announced_is_announced_again),
		cmocka_network_test(messages_are_as_long_as_the_narrowest_path),
		cmocka_network_test(path_that_takes_no_message_is_accounted_for),
		cmocka_network_test(path_that_turns_out_narrow_loses_only_what_found_out),
		cmocka_network_test(queue_that_is_given_up_is_accounted_for),
		cmocka_network_test(queue_that_is_emptied_loses_nothing),
		cmocka_unit_test(large_report_arrives_whole),
		cmocka_unit_test(reload_keeps_session_and_account),
		cmocka_unit_test(other_layout_begins_a_session_but_keeps_the_account),
		cmocka_unit_test(repetition_is_noted),
		cmocka_unit_test_setup_teardown(account_outlives_the_process, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(accounts_of_one_address_outlive_the_process,
						make_directory, remove_directory),
		cmocka_unit_test(accounts_of_one_address_follow_their_layout),
		cmocka_unit_test(flows_come_after_hosts_to_who_wants_them),
		cmocka_unit_test(nobody_is_told_of_flows_that_are_not_metered),
		cmocka_unit_test(flows_are_counted_as_hosts_are),
		cmocka_unit_test(both_directions_are_one_record_for_who_wants_that),
		cmocka_network_test(pairs_that_are_not_sent_are_accounted_for),
		cmocka_unit_test(each_flow_has_its_route_which_is_looked_up_once),
		cmocka_network_test(flows_that_are_not_sent_are_accounted_for),
		cmocka_network_test(flows_are_as_long_as_the_narrowest_path),
		cmocka_network_test(step_goes_on_where_the_one_before_ended),
		cmocka_unit_test(reload_in_a_report_ends_it_first),
		cmocka_unit_test(connection_that_opens_is_told_everything),
		cmocka_unit_test(connection_needs_templates_once),
		cmocka_unit_test(connection_is_told_of_flows_when_they_are_metered),
		cmocka_unit_test(connection_that_opens_after_a_reload_is_told_everything),
		cmocka_unit_test(each_conversation_is_at_one_of_a_group),
		cmocka_unit_test(shares_are_apart_from_what_all_have),
		cmocka_unit_test(repetition_of_a_group_is_noted_once),
		cmocka_unit_test(who_is_passive_is_told_all_but_traffic),
		cmocka_network_test(next_one_takes_over_from_who_refuses),
		cmocka_unit_test(what_waits_moves_to_who_takes_over),
		cmocka_unit_test(what_waits_stays_where_the_layout_is_another),
		cmocka_unit_test(next_one_takes_over_in_the_middle_of_a_report),
		cmocka_network_test(reload_keeps_who_is_active),
		cmocka_unit_test(process_without_collectors_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
