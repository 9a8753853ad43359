/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "../../tests/unit/export_account.h"
#include "../../tests/unit/stream.h"
#include "test.h"

#define RECORDS 10 /* in each message of data */
#define BODY_LEN 984
#define MESSAGE_LEN (IPFIX_HEADER_LEN + BODY_LEN)
#define TEMPLATE UINT32_MAX /* the number of what is no data */
#define MIB (1u << 20)
#define SEQUENCE_OFFSET 8

/* A collector as configured and as it is told. Messages of data are numbered from 0. */
typedef struct {
	CollectorConfig config;
	Collector *collector;
	uint32_t made;
	unsigned int announced;
} Lab;

/* What came over one session, which is in order as far as it goes. */
typedef struct {
	GByteArray *octets;
	size_t read;	   /* of them, by messages */
	GArray *numbers;   /* of uint32_t */
	uint32_t sequence; /* that is expected */
	uint32_t missing;  /* records */
} Stream;

static IpfixMessage *message_new(uint32_t number)
{
	uint32_t records = number == TEMPLATE ? 0 : RECORDS;
	IpfixMessage *message = g_malloc0(sizeof(*message) + MESSAGE_LEN);

	message->contents = (IpfixContents){
		.len = MESSAGE_LEN,
		.records = records,
		.flow_records = records,
		.packets = 3 * records,
		.octets = 100 * records,
	};
	message->sequence_step = records;
	message->sequence_offset = SEQUENCE_OFFSET;
	*(uint16_t *)(void *)message->data = GUINT16_TO_BE(10);
	*(uint16_t *)(void *)(message->data + 2) = GUINT16_TO_BE(MESSAGE_LEN);
	memcpy(message->data + IPFIX_HEADER_LEN, &number, sizeof(number));
	return message;
}

static void send_number(Lab *lab, uint32_t number)
{
	g_autofree IpfixMessage *message = message_new(number);

	assert_true(collector_send(lab->collector, message));
}

static void on_opened(Collector *collector, void *user_data)
{
	Lab *lab = user_data;

	lab->announced++;
	send_number(lab, TEMPLATE);
}

static Lab *lab_new(CollectorTransport transport, const char *address)
{
	Lab *lab = g_new0(Lab, 1);

	lab->config = (CollectorConfig){ .address = (char *)address,
					 .transport = transport,
					 .queue_mib = 1 };
	lab->collector = collector_new(&lab->config);
	collector_set_opened(lab->collector, on_opened, lab);
	return lab;
}

static void lab_free(Lab *lab)
{
	collector_free(lab->collector);
	g_free(lab);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lab, lab_free)

static void lab_send(Lab *lab, uint32_t n)
{
	collector_begin_report(lab->collector, 1000);
	while (n--)
		send_number(lab, lab->made++);
	collector_end_report(lab->collector);
}

static SessionState state_of(const Lab *lab)
{
	return collector_status(lab->collector).session.state;
}

static ExportCounters counters_of(const Lab *lab)
{
	const CollectorStatus status = collector_status(lab->collector);

	assert_account_adds_up(&status);
	return status.counters;
}

static Stream *stream_new(void)
{
	Stream *stream = g_new0(Stream, 1);

	stream->octets = g_byte_array_new();
	stream->numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	return stream;
}

static void stream_free(Stream *stream)
{
	g_byte_array_unref(stream->octets);
	g_array_unref(stream->numbers);
	g_free(stream);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stream, stream_free)

/* What is there of whole messages. */
static void stream_parse(Stream *stream)
{
	for (; stream->octets->len - stream->read >= MESSAGE_LEN; stream->read += MESSAGE_LEN) {
		const uint8_t *message = stream->octets->data + stream->read;
		uint32_t number, sequence;

		assert_int_equal(message[0] << 8 | message[1], 10);
		assert_int_equal(message[2] << 8 | message[3], MESSAGE_LEN);
		memcpy(&sequence, message + SEQUENCE_OFFSET, sizeof(sequence));
		memcpy(&number, message + IPFIX_HEADER_LEN, sizeof(number));
		sequence = GUINT32_FROM_BE(sequence);
		stream->missing += sequence - stream->sequence;
		stream->sequence = sequence + (number == TEMPLATE ? 0 : RECORDS);
		g_array_append_val(stream->numbers, number);
	}
}

/* False at the end of @fd. */
static bool stream_take(Stream *stream, int fd)
{
	bool more = stream_read(fd, stream->octets);

	stream_parse(stream);
	return more;
}

static uint32_t number_at(const Stream *stream, guint i)
{
	assert_true(i < stream->numbers->len);
	return g_array_index(stream->numbers, uint32_t, i);
}

/* A template, and then data from @first on. */
static void assert_session(const Stream *stream, uint32_t first, guint n)
{
	assert_int_equal(stream->numbers->len, 1 + n);
	assert_int_equal(number_at(stream, 0), TEMPLATE);
	for (guint i = 0; i < n; i++)
		assert_int_equal(number_at(stream, 1 + i), first + i);
}

#define take_until(stream, fd, condition) run_until(((void)stream_take(stream, fd), condition))

static void templates_come_first_and_then_what_waited(int family)
{
	Receiver listener = listener_new(family, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);
	g_autoptr(Stream) stream = stream_new();
	CollectorStatus status;
	int fd;

	lab_send(lab, 5);
	assert_int_equal(lab->announced, 0);
	fd = listener_accept(&listener);
	take_until(stream, fd, stream->numbers->len == 6);
	lab_send(lab, 5);
	take_until(stream, fd, stream->numbers->len == 11);
	assert_session(stream, 0, 10);
	assert_int_equal(stream->missing, 0);
	run_until(collector_is_drained(lab->collector));
	status = collector_status(lab->collector);
	assert_int_equal(status.counters.sent.messages, 11);
	assert_int_equal(status.counters.sent.flow_records, 100);
	assert_int_equal(status.counters.dropped.records, 0);
	assert_int_equal(status.session.opened, 1);
	assert_int_equal(status.session.state, SESSION_OPEN);
	assert_string_equal(status.session.peer, listener.address);
	assert_int_equal(status.queued.messages + status.queued.message_octets, 0);
	close(fd);
	close(listener.fd);
}

static void session_begins_with_templates_over_ipv4(void **state)
{
	templates_come_first_and_then_what_waited(AF_INET);
}

static void session_begins_with_templates_over_ipv6(void **state)
{
	if (!g_file_test("/proc/net/if_inet6", G_FILE_TEST_EXISTS))
		skip();
	templates_come_first_and_then_what_waited(AF_INET6);
}

static void who_is_not_there_yet_gets_all_of_it_later(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);
	g_autoptr(Stream) stream = stream_new();
	uint16_t port = receiver_port(&listener);
	int fd;

	close(listener.fd);
	lab_send(lab, 10);
	run_until(state_of(lab) == SESSION_WAITING);
	assert_non_null(strstr(collector_status(lab->collector).last_error, "refused"));
	assert_int_equal(collector_status(lab->collector).queued.messages, 10);
	lab_send(lab, 10);
	listener = listener_new(AF_INET, port);
	fd = listener_accept(&listener);
	take_until(stream, fd, stream->numbers->len == 21);
	assert_session(stream, 0, 20);
	lab_send(lab, 1);
	assert_null(collector_status(lab->collector).last_error);
	close(fd);
	close(listener.fd);
}

static void end_of_a_session_begins_another(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);

	for (uint32_t session = 0; session < 3; session++) {
		g_autoptr(Stream) stream = stream_new();
		int fd;

		lab_send(lab, 10);
		fd = listener_accept(&listener);
		take_until(stream, fd, stream->numbers->len == 11);
		assert_session(stream, 10 * session, 10);
		assert_int_equal(stream->missing, 0);
		run_until(collector_is_drained(lab->collector));
		if (session == 1)
			stream_reset(fd);
		else
			close(fd);
		run_until(state_of(lab) == SESSION_WAITING);
	}
	assert_int_equal(lab->announced, 3);
	assert_int_equal(counters_of(lab).dropped.records, 0);
	assert_int_equal(counters_of(lab).sent.flow_records, 300);
	close(listener.fd);
}

/* What the collector says is nothing to us. */
static void answer_is_thrown_away(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);
	g_autoptr(Stream) stream = stream_new();
	static const char answer[100000];
	int fd;

	lab_send(lab, 1);
	fd = listener_accept(&listener);
	assert_true(send(fd, answer, sizeof(answer), 0) > 0);
	for (int i = 0; i < 100; i++)
		(void)g_main_context_iteration(NULL, FALSE);
	lab_send(lab, 1);
	take_until(stream, fd, stream->numbers->len == 3);
	assert_int_equal(state_of(lab), SESSION_OPEN);
	close(fd);
	close(listener.fd);
}

static void of_too_much_that_waits_the_oldest_goes(void **state)
{
	enum { MESSAGES = 3000, ROOM = MIB / MESSAGE_LEN };
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);
	g_autoptr(Stream) stream = stream_new();
	ExportCounters counters;
	int fd;

	lab_send(lab, MESSAGES);
	counters = counters_of(lab);
	assert_int_equal(collector_status(lab->collector).queued.messages, ROOM);
	assert_int_equal(counters.errors[EXPORT_ERROR_QUEUE], MESSAGES - ROOM);
	assert_int_equal(counters.dropped.flow_records, RECORDS * (MESSAGES - ROOM));
	assert_int_equal(counters.dropped.octets, 100 * RECORDS * (MESSAGES - ROOM));
	fd = listener_accept(&listener);
	take_until(stream, fd, stream->numbers->len == 1 + ROOM);
	assert_session(stream, MESSAGES - ROOM, ROOM);
	assert_int_equal(stream->missing, 0);
	close(fd);
	close(listener.fd);
}

static uint64_t received_records(const Stream *stream)
{
	uint64_t records = 0;

	for (guint i = 0; i < stream->numbers->len; i++)
		records += number_at(stream, i) == TEMPLATE ? 0 : RECORDS;
	return records;
}

/* The gap in the sequence is what was dropped. */
static void who_reads_too_slowly_loses_what_is_counted(void **state)
{
	enum { MESSAGES = 20000 };
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);
	g_autoptr(Stream) stream = stream_new();
	ExportCounters counters;
	int fd;

	lab_send(lab, 1);
	fd = listener_accept(&listener);
	run_until(state_of(lab) == SESSION_OPEN);
	while (!counters_of(lab).errors[EXPORT_ERROR_QUEUE] && lab->made < MESSAGES) {
		lab_send(lab, 100);
		while (g_main_context_iteration(NULL, FALSE))
			;
	}
	counters = counters_of(lab);
	assert_true(counters.errors[EXPORT_ERROR_QUEUE] > 0);
	assert_true(collector_status(lab->collector).queued.message_octets <= MIB + 8 * MIB);
	lab_send(lab, 1);
	take_until(stream, fd, collector_is_drained(lab->collector));
	lab_send(lab, 1);
	take_until(stream, fd, collector_is_drained(lab->collector));
	(void)stream_take(stream, fd);
	counters = counters_of(lab);
	assert_int_equal(counters.sent.flow_records + counters.dropped.flow_records,
			 RECORDS * lab->made);
	assert_int_equal(received_records(stream), counters.sent.flow_records);
	assert_int_equal(stream->missing, counters.dropped.flow_records);
	close(fd);
	close(listener.fd);
}

/* In the middle of the session the network fails, and the collector ends. What it had, it has read. */
static void what_was_on_its_way_is_counted_and_the_rest_sent_again(void **state)
{
	enum { MESSAGES = 20000 };
	g_autoptr(Lab) lab = NULL;
	g_autoptr(Stream) first = stream_new(), second = stream_new();
	ExportCounters counters;
	Receiver listener;
	int fd;

	if (!*state)
		skip();
	listener = listener_new(AF_INET, 0);
	lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);
	lab_send(lab, 1);
	fd = listener_accept(&listener);
	take_until(first, fd, first->numbers->len == 2);
	assert_true(run("ip link set lo down"));
	while (!counters_of(lab).errors[EXPORT_ERROR_QUEUE] && lab->made < MESSAGES)
		lab_send(lab, 1);
	(void)stream_take(first, fd);
	stream_reset(fd);
	assert_true(run("ip link set lo up"));
	fd = listener_accept(&listener);
	take_until(second, fd, collector_is_drained(lab->collector));
	(void)stream_take(second, fd);
	counters = counters_of(lab);
	assert_true(counters.errors[EXPORT_ERROR_BROKEN] > 0);
	assert_int_equal(number_at(second, 0), TEMPLATE);
	assert_int_equal(number_at(second, second->numbers->len - 1), lab->made - 1);
	assert_int_equal(received_records(first) + received_records(second),
			 counters.sent.flow_records);
	assert_int_equal(counters.sent.flow_records + counters.dropped.flow_records,
			 RECORDS * lab->made);
	assert_int_equal(second->missing, 0);
	close(fd);
	close(listener.fd);
}

static void local_place_is_kept(void **state)
{
	Receiver listener = listener_new(AF_INET, 0), other = receiver_new(AF_INET, 0);
	g_autofree char *place = g_strdup_printf("127.0.0.2:%u", receiver_port(&other));
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);

	lab->config.local = place;
	collector_free(lab->collector);
	lab->collector = collector_new(&lab->config);
	for (int session = 0; session < 2; session++) {
		int fd;

		lab_send(lab, 1);
		fd = listener_accept(&listener);
		assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &len), 0);
		assert_int_equal(ntohl(peer.sin_addr.s_addr), INADDR_LOOPBACK + 1);
		assert_int_equal(ntohs(peer.sin_port), receiver_port(&other));
		stream_reset(fd);
		run_until(state_of(lab) == SESSION_WAITING);
	}
	close(other.fd);
	close(listener.fd);
}

static void local_place_of_another_family_is_an_error(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);

	lab->config.local = (char *)"::1";
	collector_free(lab->collector);
	lab->collector = collector_new(&lab->config);
	lab_send(lab, 1);
	assert_non_null(strstr(collector_status(lab->collector).last_error, "local address"));
	close(listener.fd);
}

static uint16_t source_of_datagram(const Receiver *receiver)
{
	struct pollfd readable = { .fd = receiver->fd, .events = POLLIN };
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char datagram[MESSAGE_LEN];

	assert_int_equal(poll(&readable, 1, RECEIVE_TIMEOUT_MS), 1);
	assert_true(recvfrom(receiver->fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&from,
			     &len) > 0);
	return ntohs(from.sin_port);
}

/* Which goes by the port, to collectors; a session of UDP begins anew when sending fails. */
static void datagrams_come_from_one_port(void **state)
{
	Receiver receiver;
	g_autoptr(Lab) lab = NULL;
	uint16_t port;

	g_autofree char *address = NULL;

	if (!*state)
		skip();
	receiver = receiver_at(AF_INET, "0.0.0.0", 0);
	address = g_strdup_printf("192.0.2.1:%u", receiver_port(&receiver));
	assert_true(run("ip address add 192.0.2.1/32 dev lo"));
	lab = lab_new(COLLECTOR_TRANSPORT_UDP, address);
	lab_send(lab, 1);
	port = source_of_datagram(&receiver);
	assert_true(run("ip address del 192.0.2.1/32 dev lo"));
	lab_send(lab, 2);
	assert_int_equal(state_of(lab), SESSION_CLOSED);
	assert_true(run("ip address add 192.0.2.1/32 dev lo"));
	lab_send(lab, 1);
	assert_int_equal(source_of_datagram(&receiver), port);
	assert_int_equal(collector_status(lab->collector).session.opened, 2);
	assert_int_equal(counters_of(lab).errors[EXPORT_ERROR_SEND], 2);
	close(receiver.fd);
}

static void name_is_resolved_for_each_session(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autofree char *address = g_strdup_printf("localhost:%u", receiver_port(&listener));
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, address);
	g_autoptr(Stream) stream = stream_new();
	int fd;

	lab_send(lab, 1);
	assert_int_equal(state_of(lab), SESSION_RESOLVING);
	fd = listener_accept(&listener);
	take_until(stream, fd, stream->numbers->len == 2);
	assert_string_equal(collector_status(lab->collector).session.peer, listener.address);
	close(fd);
	close(listener.fd);
}

static void name_that_nobody_has_is_an_error_and_all_waits(void **state)
{
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, "nobody.invalid:4739");

	lab_send(lab, 3);
	run_until(state_of(lab) == SESSION_WAITING);
	assert_non_null(strstr(collector_status(lab->collector).last_error, "nobody.invalid: "));
	assert_int_equal(collector_status(lab->collector).queued.messages, 3);
}

/* Over UDP, too: the first report waits for its name. */
static void datagrams_wait_for_the_name(void **state)
{
	Receiver receiver = receiver_new(AF_INET, 0);
	g_autofree char *address = g_strdup_printf("localhost:%u", receiver_port(&receiver));
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_UDP, address);
	char message[MESSAGE_LEN];

	lab_send(lab, 2);
	assert_false(collector_is_idle(lab->collector));
	run_until(collector_is_idle(lab->collector));
	/* ::1, where nobody listens, may come first. */
	if (!strcmp(collector_status(lab->collector).session.peer, receiver.address)) {
		for (int i = 0; i < 3; i++)
			assert_int_equal(
				receive(&receiver, message, sizeof(message), RECEIVE_TIMEOUT_MS),
				MESSAGE_LEN);
	}
	assert_int_equal(counters_of(lab).sent.messages, 3);
	close(receiver.fd);
}

/* Of a socket of default size, which is read after each turn of the loop: what comes in one turn has room. */
static void burst_of_datagrams_is_not_lost(void **state)
{
	enum { MESSAGES = 300 };
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	g_autoptr(Stream) stream = stream_new();
	g_autofree char *address = NULL;
	g_autoptr(Lab) lab = NULL;
	socklen_t len = sizeof(any);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &len), 0);
	address = g_strdup_printf("127.0.0.1:%u", ntohs(any.sin_port));
	lab = lab_new(COLLECTOR_TRANSPORT_UDP, address);
	lab->config.rate_mib = 1;
	collector_set_config(lab->collector, &lab->config, true);
	lab_send(lab, MESSAGES);
	take_until(stream, fd, collector_is_idle(lab->collector));
	assert_int_equal(stream->numbers->len, MESSAGES);
	assert_int_equal(stream->missing, 0);
	close(fd);
}

static void rate_drops_nothing_of_its_own(void **state)
{
	enum { MESSAGES = 5000 };
	Receiver receiver = receiver_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_UDP, receiver.address);

	lab->config.rate_mib = 1;
	collector_set_config(lab->collector, &lab->config, true);
	lab_send(lab, MESSAGES);
	assert_int_equal(counters_of(lab).errors[EXPORT_ERROR_QUEUE], 0);
	assert_int_equal(counters_of(lab).sent.messages +
				 collector_status(lab->collector).queued.messages,
			 MESSAGES);
	close(receiver.fd);
}

static void end_counts_what_waits(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);

	close(listener.fd);
	lab_send(lab, 7);
	collector_close(lab->collector);
	assert_int_equal(counters_of(lab).dropped.flow_records, 7 * RECORDS);
	assert_int_equal(counters_of(lab).errors[EXPORT_ERROR_QUEUE], 7);
	assert_int_equal(collector_status(lab->collector).queued.messages, 0);
	assert_true(collector_is_drained(lab->collector));
}

/* In a new session nobody lacks what was dropped before it. */
static void what_is_dropped_with_a_session_is_no_gap_in_the_next(void **state)
{
	Receiver old = receiver_new(AF_INET, 0), receiver = receiver_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_UDP, old.address);
	g_autoptr(Stream) stream = stream_new();
	CollectorConfig moved;

	assert_int_equal(fcntl(receiver.fd, F_SETFL, O_NONBLOCK), 0);
	lab->config.rate_mib = 1;
	collector_set_config(lab->collector, &lab->config, true);
	lab_send(lab, 500);
	assert_true(collector_status(lab->collector).queued.messages > 0);
	moved = lab->config;
	moved.address = receiver.address;
	collector_set_config(lab->collector, &moved, false);
	assert_true(counters_of(lab).dropped.messages > 0);
	lab_send(lab, 1);
	take_until(stream, receiver.fd, stream->numbers->len == 1);
	assert_int_equal(stream->missing, 0);
	close(old.fd);
	close(receiver.fd);
}

/* At the end of a process it is not dropped twice, and what a crash took is not forgotten. */
static void next_process_counts_what_waited(void **state)
{
	Receiver listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);
	CollectorAccount account;

	close(listener.fd);
	lab_send(lab, 7);
	account = *collector_account(lab->collector);
	lab_free(g_steal_pointer(&lab));
	for (int start = 0; start < 2; start++) {
		lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);
		collector_set_account(lab->collector, &account);
		assert_int_equal(counters_of(lab).made.flow_records, 7 * RECORDS);
		assert_int_equal(counters_of(lab).dropped_for[EXPORT_ERROR_BROKEN].octets,
				 7 * RECORDS * 100);
		assert_int_equal(counters_of(lab).errors[EXPORT_ERROR_BROKEN], 7);
		collector_close(lab->collector);
		account = *collector_account(lab->collector);
		lab_free(g_steal_pointer(&lab));
	}
}

/* What waits goes to the new place; in another layout nobody would understand it. */
static void reload_moves_what_waits(void **state)
{
	Receiver nobody = listener_new(AF_INET, 0), listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, nobody.address);
	g_autoptr(Stream) stream = stream_new();
	CollectorConfig moved;
	int fd;

	close(nobody.fd);
	lab_send(lab, 3);
	collector_set_config(lab->collector, &lab->config, false);
	assert_int_equal(counters_of(lab).dropped.flow_records, 3 * RECORDS);
	lab_send(lab, 4);
	moved = lab->config;
	moved.address = listener.address;
	collector_set_config(lab->collector, &moved, true);
	lab_send(lab, 0);
	fd = listener_accept(&listener);
	take_until(stream, fd, stream->numbers->len == 5);
	assert_session(stream, 3, 4);
	close(fd);
	close(listener.fd);
}

static bool has_number(const Stream *stream, uint32_t number)
{
	for (guint i = 0; i < stream->numbers->len; i++) {
		if (number_at(stream, i) == number)
			return true;
	}
	return false;
}

static void fill(Lab *lab)
{
	while (!collector_why_down(lab->collector) && collector_is_ready(lab->collector))
		lab_send(lab, 1);
}

/* Also where that has gone elsewhere: it is up when it takes something again. What is of it alone stays. */
static void queue_of_one_that_has_stalled_moves(void **state)
{
	Receiver listener = listener_new(AF_INET, 0), other_listener = listener_new(AF_INET, 0);
	g_autoptr(Lab) lab = lab_new(COLLECTOR_TRANSPORT_TCP, listener.address);
	g_autoptr(Lab) other = lab_new(COLLECTOR_TRANSPORT_TCP, other_listener.address);
	g_autoptr(Stream) stream = stream_new(), other_stream = stream_new();
	int fd, other_fd;

	lab_send(lab, 1);
	lab_send(other, 0);
	assert_non_null(collector_why_down(lab->collector));
	fd = listener_accept(&listener);
	other_fd = listener_accept(&other_listener);
	run_until(state_of(lab) == SESSION_OPEN && state_of(other) == SESSION_OPEN);
	assert_null(collector_why_down(lab->collector));
	assert_true(collector_can_keep(lab->collector));
	run_until((fill(lab), collector_why_down(lab->collector)));
	/* The kernel may have taken some more. */
	while (collector_can_keep(lab->collector))
		lab_send(lab, 1);
	send_number(lab, TEMPLATE);
	run_until((collector_move_queue(lab->collector, other->collector),
		   (void)stream_take(other_stream, other_fd),
		   has_number(other_stream, lab->made - 1)));
	take_until(other_stream, other_fd, collector_is_drained(other->collector));
	(void)stream_take(other_stream, other_fd);
	assert_session(other_stream, number_at(other_stream, 1), other_stream->numbers->len - 1);
	take_until(stream, fd, collector_is_drained(lab->collector));
	(void)stream_take(stream, fd);
	assert_null(collector_why_down(lab->collector));
	/* Two templates are in it. */
	assert_int_equal(stream->numbers->len - 2 + other_stream->numbers->len - 1, lab->made);
	assert_int_equal(number_at(stream, stream->numbers->len - 1), TEMPLATE);
	assert_int_equal(stream->missing + other_stream->missing, 0);
	assert_int_equal(counters_of(lab).dropped.records, 0);
	assert_int_equal(counters_of(lab).sent.flow_records + counters_of(other).sent.flow_records,
			 RECORDS * lab->made);
	close(fd);
	close(other_fd);
	close(listener.fd);
	close(other_listener.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_begins_with_templates_over_ipv4),
		cmocka_unit_test(session_begins_with_templates_over_ipv6),
		cmocka_unit_test(who_is_not_there_yet_gets_all_of_it_later),
		cmocka_unit_test(end_of_a_session_begins_another),
		cmocka_unit_test(answer_is_thrown_away),
		cmocka_unit_test(of_too_much_that_waits_the_oldest_goes),
		cmocka_unit_test(who_reads_too_slowly_loses_what_is_counted),
		cmocka_network_test(what_was_on_its_way_is_counted_and_the_rest_sent_again),
		cmocka_unit_test(local_place_is_kept),
		cmocka_unit_test(local_place_of_another_family_is_an_error),
		cmocka_network_test(datagrams_come_from_one_port),
		cmocka_unit_test(name_is_resolved_for_each_session),
		cmocka_unit_test(name_that_nobody_has_is_an_error_and_all_waits),
		cmocka_unit_test(datagrams_wait_for_the_name),
		cmocka_unit_test(burst_of_datagrams_is_not_lost),
		cmocka_unit_test(rate_drops_nothing_of_its_own),
		cmocka_unit_test(end_counts_what_waits),
		cmocka_unit_test(what_is_dropped_with_a_session_is_no_gap_in_the_next),
		cmocka_unit_test(next_process_counts_what_waited),
		cmocka_unit_test(reload_moves_what_waits),
		cmocka_unit_test(queue_of_one_that_has_stalled_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
