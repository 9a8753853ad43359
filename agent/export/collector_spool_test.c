/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tests/unit/ipfix_decoder.h"
#include "../../tests/unit/stream.h"
#include "../../tests/unit/export_account.h"
#include "test.h"

#define EXPORT_TIME_S 1700000000
#define MIB (1u << 20)
#define HOSTS 20 /* in each message */

/* A collector with a spool. Messages are numbered from 1: it is the packets of each of their records. */
typedef struct {
	CollectorConfig config;
	IpfixEncoder *encoder;
	Collector *collector;
	char *spool_path;
	uint32_t made;
} Lab;

static GPtrArray *templates_of(IpfixEncoder *encoder)
{
	GPtrArray *messages = g_ptr_array_new_with_free_func(g_free);

	assert_true(ipfix_encode_templates(encoder, EXPORT_TIME_S, IPFIX_HOSTS | IPFIX_INTERFACES,
					   messages, NULL));
	return messages;
}

static void on_opened(Collector *collector, void *user_data)
{
	const Lab *lab = user_data;
	g_autoptr(GPtrArray) messages = templates_of(lab->encoder);

	for (guint i = 0; i < messages->len; i++)
		assert_true(collector_send(collector, messages->pdata[i]));
}

static void use_layout(Lab *lab, bool layer2_octets)
{
	const IpfixLayout layout = { .observation_domain = 1,
				     .enterprise_number = 32473,
				     .layer2_octets = layer2_octets,
				     .message_size = 1400 };

	ipfix_encoder_free(lab->encoder);
	lab->encoder = ipfix_encoder_new(&layout, NULL);
}

static void start(Lab *lab)
{
	lab->collector = collector_new(&lab->config);
	collector_set_opened(lab->collector, on_opened, lab);
}

static Lab *lab_new(void **state, const char *address)
{
	Lab *lab = g_new0(Lab, 1);

	lab->spool_path = g_build_filename(*state, "spool", NULL);
	lab->config = (CollectorConfig){ .address = (char *)address,
					 .transport = COLLECTOR_TRANSPORT_TCP,
					 .queue_mib = 1,
					 .spool_path = lab->spool_path,
					 .spool_max_octets = 64 * MIB };
	use_layout(lab, false);
	start(lab);
	return lab;
}

/* The agent ends, and another takes over what it saves. */
static void restart(Lab *lab)
{
	CollectorAccount account;

	collector_close(lab->collector);
	account = *collector_account(lab->collector);
	collector_free(lab->collector);
	start(lab);
	collector_set_account(lab->collector, &account);
}

static void lab_free(Lab *lab)
{
	collector_free(lab->collector);
	ipfix_encoder_free(lab->encoder);
	run_command("rm -rf '%s'", lab->spool_path);
	g_free(lab->spool_path);
	g_free(lab);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lab, lab_free)

static void send_message(Lab *lab, uint32_t number)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	HostRecord records[HOSTS] = { 0 };

	for (uint8_t i = 0; i < HOSTS; i++) {
		records[i].key.mac[0] = 2;
		records[i].key.mac[5] = i;
		records[i].volume = (Volume){ .packets = number, .octets = 10 * number };
	}
	assert_true(
		ipfix_encode_hosts(lab->encoder, EXPORT_TIME_S, records, HOSTS, 0, messages, NULL));
	assert_int_equal(messages->len, 1);
	assert_true(collector_send(lab->collector, messages->pdata[0]));
}

static void lab_send(Lab *lab, uint32_t n)
{
	g_autoptr(GPtrArray) messages = templates_of(lab->encoder);

	collector_begin_report(lab->collector, 1000);
	if (collector_keeps_templates(lab->collector))
		collector_keep_templates(lab->collector, messages);
	while (n--)
		send_message(lab, ++lab->made);
	collector_end_report(lab->collector);
}

static CollectorStatus status_of(const Lab *lab)
{
	CollectorStatus status = collector_status(lab->collector);

	assert_account_adds_up(&status);
	return status;
}

/* Where all has been sent or dropped. */
static void assert_account(const Lab *lab)
{
	ExportCounters counters = status_of(lab).counters;

	assert_int_equal(counters.sent.flow_records + counters.dropped.flow_records,
			 HOSTS * lab->made);
}

/* What came over a session, of which the octets are read until now. */
typedef struct {
	GByteArray *octets;
	size_t read;
	Decoder *decoder;
} Stream;

static Stream *stream_new(void)
{
	Stream *stream = g_new0(Stream, 1);

	stream->octets = g_byte_array_new();
	stream->decoder = decoder_new();
	return stream;
}

static void stream_free(Stream *stream)
{
	g_byte_array_unref(stream->octets);
	decoder_free(stream->decoder);
	g_free(stream);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stream, stream_free)

/* False at the end of @fd. */
static bool stream_take(Stream *stream, int fd)
{
	bool more = stream_read(fd, stream->octets);

	while (stream->octets->len - stream->read >= IPFIX_HEADER_LEN) {
		const uint8_t *at = stream->octets->data + stream->read;
		size_t len = (size_t)at[2] << 8 | at[3];

		if (len > stream->octets->len - stream->read)
			break;
		if (!decoder_take(stream->decoder, at, len))
			fail_msg("%s", stream->decoder->fault);
		stream->read += len;
	}
	return more;
}

/* Records of messages @first to @last, and nothing else, in this order. */
static void assert_records(const Stream *stream, uint32_t first, uint32_t last)
{
	const GArray *records = stream->decoder->records;
	guint i = 0;

	assert_int_equal(decoder_flow_records(stream->decoder), HOSTS * (last - first + 1));
	for (guint n = 0; n < records->len; n++) {
		const DecodedRecord *record = &g_array_index(records, DecodedRecord, n);

		if (record->template->scope)
			continue;
		for (uint16_t field = 0; field < record->template->n; field++) {
			if (record->template->fields[field].element == 2 &&
			    !record->template->fields[field].enterprise)
				assert_int_equal(
					decoder_number(record->at[field], record->len[field]),
					first + i / HOSTS);
		}
		i++;
	}
}

#define take_until(stream, fd, condition) run_until(((void)stream_take(stream, fd), condition))

static bool has_all(const Lab *lab)
{
	CollectorStatus status = status_of(lab);

	return !status.queued.messages && !status.spooled.messages;
}

static guint files(const Lab *lab)
{
	g_autoptr(GDir) directory = g_dir_open(lab->spool_path, 0, NULL);
	const char *name;
	guint n = 0;

	while ((name = g_dir_read_name(directory)))
		n += g_str_has_suffix(name, ".ipfix");
	return n;
}

static void who_is_away_gets_all_of_it_later_in_order(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	g_autoptr(Stream) stream = stream_new();
	uint16_t port = receiver_port(&listener);
	CollectorStatus status;
	int fd;

	close(listener.fd);
	lab_send(lab, 3000);
	run_until(status_of(lab).session.state == SESSION_WAITING);
	lab_send(lab, 10);
	status = status_of(lab);
	assert_int_equal(status.spooled.messages, 3010);
	assert_true(status.spooled.message_octets > 3010 * 512);
	assert_int_equal(status.queued.messages, 0);
	assert_int_equal(status.counters.dropped.records, 0);
	listener = listener_new(AF_INET, port);
	fd = listener_accept(&listener);
	take_until(stream, fd, has_all(lab));
	lab_send(lab, 1);
	take_until(stream, fd, has_all(lab));
	(void)stream_take(stream, fd);
	assert_records(stream, 1, 3011);
	assert_int_equal(stream->decoder->missing, 0);
	assert_int_equal(status_of(lab).counters.sent.flow_records, 3011 * HOSTS);
	assert_int_equal(status_of(lab).counters.repeated_records, 0);
	assert_int_equal(files(lab), 0);
	close(fd);
	close(listener.fd);
}

static void all_of_it_is_sent_after_a_restart(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	g_autoptr(Stream) stream = stream_new();
	uint16_t port = receiver_port(&listener);
	int fd;

	close(listener.fd);
	lab_send(lab, 100);
	restart(lab);
	assert_int_equal(status_of(lab).counters.dropped.records, 0);
	lab_send(lab, 100);
	restart(lab);
	run_until(status_of(lab).spooled.messages == 200);
	listener = listener_new(AF_INET, port);
	lab_send(lab, 100);
	fd = listener_accept(&listener);
	take_until(stream, fd, has_all(lab));
	(void)stream_take(stream, fd);
	assert_records(stream, 1, 300);
	assert_int_equal(stream->decoder->missing, 0);
	close(fd);
	close(listener.fd);
}

/* Memory first, and the spool when that is full; all of it later, in order. */
static void who_is_slow_loses_nothing(void **state)
{
	enum { MESSAGES = 40000 };
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	g_autoptr(Stream) stream = stream_new();
	int fd;

	lab_send(lab, 1);
	fd = listener_accept(&listener);
	run_until(status_of(lab).session.state == SESSION_OPEN);
	while (!status_of(lab).spooled.messages && lab->made < MESSAGES) {
		lab_send(lab, 100);
		while (g_main_context_iteration(NULL, FALSE))
			;
	}
	lab_send(lab, 2000);
	assert_true(status_of(lab).spooled.messages >= 2000);
	assert_true(status_of(lab).queued.messages > 0);
	take_until(stream, fd, has_all(lab));
	lab_send(lab, 1);
	take_until(stream, fd, has_all(lab));
	(void)stream_take(stream, fd);
	assert_records(stream, 1, lab->made);
	assert_int_equal(stream->decoder->missing, 0);
	assert_int_equal(status_of(lab).counters.dropped.records, 0);
	close(fd);
	close(listener.fd);
}

static uint32_t first_of(const Stream *stream)
{
	const DecodedRecord *record = NULL;

	for (guint n = 0; n < stream->decoder->records->len; n++) {
		record = &g_array_index(stream->decoder->records, DecodedRecord, n);
		if (!record->template->scope)
			break;
	}
	assert_non_null(record);
	for (uint16_t field = 0; field < record->template->n; field++) {
		if (record->template->fields[field].element == 2)
			return (uint32_t)decoder_number(record->at[field], record->len[field]);
	}
	return 0;
}

/* In a process of its own, which then dies with messages in memory and in its spool. */
static void crash(Lab *lab, CollectorStatus *last)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		start(lab);
		while (!status_of(lab).queued.messages || status_of(lab).spooled.messages < 100) {
			lab_send(lab, 100);
			while (g_main_context_iteration(NULL, FALSE))
				;
		}
		*last = status_of(lab);
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, SIGKILL);
}

/* The account says what was made, and the spool what is still there. */
static void what_a_crash_loses_of_memory_is_counted(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	CollectorStatus *last = mmap(NULL, sizeof(*last), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CollectorAccount account = { .init_time_ms = 1 };
	CollectorStatus status;

	assert_ptr_not_equal(last, MAP_FAILED);
	crash(lab, last);
	close(listener.fd);
	account.counters = last->counters;
	collector_set_account(lab->collector, &account);
	assert_int_equal(status_of(lab).counters.dropped.messages, 0);
	run_until(status_of(lab).counters.dropped.messages);
	status = status_of(lab);
	assert_true(status.counters.dropped_for[EXPORT_ERROR_BROKEN].messages <=
		    last->queued.messages);
	/* What had been taken from the spool and had not arrived is still there. */
	export_sum_add(&status.spooled, &status.counters.dropped_for[EXPORT_ERROR_BROKEN]);
	export_sum_add(&last->spooled, &last->queued);
	assert_memory_equal(&status.spooled, &last->spooled, sizeof(last->spooled));
	munmap(last, sizeof(*last));
}

/* What waited in memory when the session broke, or the agent ended, comes before what was spooled. */
static void break_costs_only_what_was_on_its_way(bool by_end, void **state)
{
	enum { MESSAGES = 40000 };
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	g_autoptr(Stream) stream = stream_new();
	uint32_t first;
	int fd;

	lab_send(lab, 1);
	fd = listener_accept(&listener);
	run_until(status_of(lab).session.state == SESSION_OPEN);
	while (!status_of(lab).spooled.messages && lab->made < MESSAGES) {
		lab_send(lab, 100);
		while (g_main_context_iteration(NULL, FALSE))
			;
	}
	if (by_end)
		restart(lab);
	stream_reset(fd);
	lab_send(lab, 10);
	fd = listener_accept(&listener);
	take_until(stream, fd, has_all(lab));
	(void)stream_take(stream, fd);
	first = first_of(stream);
	assert_true(first < lab->made - MIB / 1400);
	assert_records(stream, first, lab->made);
	assert_int_equal(stream->decoder->missing, 0);
	assert_int_equal(status_of(lab).counters.errors[EXPORT_ERROR_QUEUE], 0);
	assert_account(lab);
	close(fd);
	close(listener.fd);
}

static void break_of_a_session_costs_only_what_was_on_its_way(void **state)
{
	break_costs_only_what_was_on_its_way(false, state);
}

static void end_of_the_agent_costs_only_what_was_on_its_way(void **state)
{
	break_costs_only_what_was_on_its_way(true, state);
}

/* One session, one layout. */
static void what_was_spooled_with_other_templates_has_its_own_session(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	g_autoptr(Stream) first = stream_new(), second = stream_new();
	uint16_t port = receiver_port(&listener);
	int fd;

	close(listener.fd);
	lab_send(lab, 50);
	run_until(status_of(lab).session.state == SESSION_WAITING);
	use_layout(lab, true);
	collector_set_config(lab->collector, &lab->config, false);
	assert_int_equal(status_of(lab).spooled.messages, 50);
	listener = listener_new(AF_INET, port);
	lab_send(lab, 30);
	fd = listener_accept(&listener);
	take_until(first, fd, decoder_flow_records(first->decoder) == 50 * HOSTS);
	/* What comes meanwhile waits. */
	lab_send(lab, 5);
	run_until(!stream_take(first, fd));
	close(fd);
	fd = listener_accept(&listener);
	take_until(second, fd, has_all(lab));
	lab_send(lab, 1);
	take_until(second, fd, has_all(lab));
	(void)stream_take(second, fd);
	assert_records(first, 1, 50);
	assert_records(second, 51, 86);
	assert_int_equal(first->decoder->missing + second->decoder->missing, 0);
	assert_int_equal(status_of(lab).counters.dropped.records, 0);
	assert_int_equal(status_of(lab).counters.sent.flow_records, 86 * HOSTS);
	close(fd);
	close(listener.fd);
}

/* In the middle of a session, too. */
static void reload_with_other_templates_loses_nothing_that_waited(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	g_autoptr(Stream) first = stream_new(), second = stream_new();
	int fd;

	lab_send(lab, 1);
	fd = listener_accept(&listener);
	take_until(first, fd, has_all(lab));
	use_layout(lab, true);
	collector_set_config(lab->collector, &lab->config, false);
	run_until(!stream_take(first, fd));
	close(fd);
	lab_send(lab, 5);
	fd = listener_accept(&listener);
	take_until(second, fd, has_all(lab));
	(void)stream_take(second, fd);
	assert_records(first, 1, 1);
	assert_records(second, 2, 6);
	assert_int_equal(status_of(lab).counters.dropped.records, 0);
	close(fd);
	close(listener.fd);
}

static void when_it_is_full_the_oldest_are_dropped_and_counted(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	g_autoptr(Stream) stream = stream_new();
	uint16_t port = receiver_port(&listener);
	ExportCounters counters;
	uint32_t dropped;
	int fd;

	lab->config.spool_max_octets = MIB;
	close(listener.fd);
	lab_send(lab, 3000);
	counters = status_of(lab).counters;
	dropped = (uint32_t)counters.errors[EXPORT_ERROR_QUEUE];
	assert_true(dropped > 0);
	assert_int_equal(counters.dropped.flow_records, dropped * HOSTS);
	assert_int_equal(counters.dropped.packets, HOSTS * dropped * (dropped + 1) / 2);
	assert_int_equal(status_of(lab).spooled.messages + dropped, 3000);
	listener = listener_new(AF_INET, port);
	fd = listener_accept(&listener);
	take_until(stream, fd, has_all(lab));
	(void)stream_take(stream, fd);
	assert_records(stream, dropped + 1, 3000);
	assert_int_equal(stream->decoder->missing, 0);
	assert_account(lab);
	close(fd);
	close(listener.fd);
}

/* Of a session that is open the collector finds what has gone by the gap. */
static void what_is_dropped_of_a_session_leaves_a_gap(void **state)
{
	enum { MESSAGES = 40000 };
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	g_autoptr(Stream) stream = stream_new();
	ExportCounters counters;
	int fd;

	lab->config.spool_max_octets = MIB;
	lab_send(lab, 1);
	fd = listener_accept(&listener);
	run_until(status_of(lab).session.state == SESSION_OPEN);
	while (!status_of(lab).counters.errors[EXPORT_ERROR_QUEUE] && lab->made < MESSAGES) {
		lab_send(lab, 100);
		while (g_main_context_iteration(NULL, FALSE))
			;
	}
	take_until(stream, fd, has_all(lab));
	lab_send(lab, 1);
	take_until(stream, fd, has_all(lab));
	(void)stream_take(stream, fd);
	counters = status_of(lab).counters;
	assert_true(counters.dropped.flow_records > 0);
	assert_int_equal(stream->decoder->missing, counters.dropped.flow_records);
	assert_int_equal(decoder_flow_records(stream->decoder), counters.sent.flow_records);
	assert_account(lab);
	close(fd);
	close(listener.fd);
}

/* Live records wait behind it meanwhile. */
static void what_is_spooled_leaves_at_a_rate(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	g_autoptr(Stream) stream = stream_new();
	uint16_t port = receiver_port(&listener);
	int fd;

	lab->config.rate_mib = 1;
	collector_set_config(lab->collector, &lab->config, true);
	close(listener.fd);
	lab_send(lab, 600);
	listener = listener_new(AF_INET, port);
	/* What goes at once is a burst, and not all that the kernel takes. */
	run_until(status_of(lab).session.state == SESSION_OPEN);
	assert_in_range(status_of(lab).spooled.messages, 500, 599);
	fd = listener_accept(&listener);
	lab_send(lab, 1);
	take_until(stream, fd, has_all(lab));
	(void)stream_take(stream, fd);
	assert_records(stream, 1, 601);
	assert_int_equal(stream->decoder->missing, 0);
	close(fd);
	close(listener.fd);
}

/* As without one, and as soon as it can be opened what waits goes there. */
static void spool_that_cannot_be_opened_is_done_without(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	g_autoptr(Stream) stream = stream_new();
	uint16_t port = receiver_port(&listener);
	int fd;

	close(listener.fd);
	run_command("touch '%s'", lab->spool_path);
	lab_send(lab, 10);
	assert_int_equal(status_of(lab).spooled.messages, 0);
	assert_int_equal(status_of(lab).queued.messages, 10);
	run_until(status_of(lab).session.state == SESSION_WAITING);
	run_command("rm '%s'", lab->spool_path);
	lab_send(lab, 10);
	assert_int_equal(status_of(lab).spooled.messages, 20);
	assert_int_equal(status_of(lab).queued.messages, 0);
	listener = listener_new(AF_INET, port);
	fd = listener_accept(&listener);
	take_until(stream, fd, has_all(lab));
	(void)stream_take(stream, fd);
	assert_records(stream, 1, 20);
	close(fd);
	close(listener.fd);
}

/* It stays on the disk, but nobody sends it. */
static void reload_without_the_spool_counts_what_is_left(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(state, listener.address);
	CollectorConfig without = lab->config;

	close(listener.fd);
	lab_send(lab, 10);
	without.spool_path = NULL;
	collector_set_config(lab->collector, &without, true);
	assert_int_equal(status_of(lab).counters.errors[EXPORT_ERROR_SPOOL], 10);
	assert_int_equal(status_of(lab).counters.dropped.flow_records, 10 * HOSTS);
	assert_int_equal(status_of(lab).spooled.messages, 0);
	assert_int_equal(files(lab), 1);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(who_is_away_gets_all_of_it_later_in_order),
		IN_DIRECTORY(all_of_it_is_sent_after_a_restart),
		IN_DIRECTORY(who_is_slow_loses_nothing),
		IN_DIRECTORY(what_a_crash_loses_of_memory_is_counted),
		IN_DIRECTORY(break_of_a_session_costs_only_what_was_on_its_way),
		IN_DIRECTORY(end_of_the_agent_costs_only_what_was_on_its_way),
		IN_DIRECTORY(what_was_spooled_with_other_templates_has_its_own_session),
		IN_DIRECTORY(reload_with_other_templates_loses_nothing_that_waited),
		IN_DIRECTORY(when_it_is_full_the_oldest_are_dropped_and_counted),
		IN_DIRECTORY(what_is_dropped_of_a_session_leaves_a_gap),
		IN_DIRECTORY(what_is_spooled_leaves_at_a_rate),
		IN_DIRECTORY(spool_that_cannot_be_opened_is_done_without),
		IN_DIRECTORY(reload_without_the_spool_counts_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
