/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include <errno.h>

#include "../../tests/unit/network.h"
#include "test.h"

#define HEADER "0123456789abcdef"
#define HEADER_LEN 16
#define NARROW_MTU 1280 /* the least that IPv6 allows */

/* What came back of messages that had to wait. */
typedef struct {
	uintptr_t next; /* tag: they are numbered from 1 */
	size_t sent;
	size_t dropped;
	int why;
} Settled;

static void on_done(void *tag, const GError *error, void *user_data)
{
	Settled *settled = user_data;

	assert_int_equal((uintptr_t)tag, settled->next + 1);
	settled->next++;
	if (error) {
		settled->dropped++;
		settled->why = error->code;
	} else {
		settled->sent++;
	}
}

static TransportResult send_body(Transport *transport, const void *body, size_t len, uintptr_t tag)
{
	g_autoptr(GError) error = NULL;
	TransportResult result =
		transport_send(transport, HEADER, HEADER_LEN, body, len, (void *)tag, &error);

	assert_int_equal(error != NULL, result == TRANSPORT_FAILED);
	return result;
}

static void message_arrives_whole_over(int family)
{
	static const char body[] = "body";
	Receiver receiver = receiver_new(family, 0);
	g_autoptr(Transport) transport = transport_new(receiver.address, on_done, NULL, NULL);
	char message[64];

	assert_non_null(transport);
	assert_int_equal(send_body(transport, body, sizeof(body), 0), TRANSPORT_SENT);
	assert_int_equal(receive(&receiver, message, sizeof(message), RECEIVE_TIMEOUT_MS),
			 HEADER_LEN + sizeof(body));
	assert_memory_equal(message, HEADER, HEADER_LEN);
	assert_string_equal(message + HEADER_LEN, body);
	assert_int_equal(transport_queued(transport), 0);
	close(receiver.fd);
}

static void message_arrives_whole_over_ipv4(void **state)
{
	message_arrives_whole_over(AF_INET);
}

static void message_arrives_whole_over_ipv6(void **state)
{
	if (!g_file_test("/proc/net/if_inet6", G_FILE_TEST_EXISTS))
		skip();
	message_arrives_whole_over(AF_INET6);
}

static void address_that_is_none_is_an_error(void **state)
{
	static const char *const addresses[] = {
		"",
		"4739",
		"127.0.0.1",
		"127.0.0.1:",
		":4739",
		"localhost:4739",
		"127.0.0.1:ipfix",
		"127.0.0.1:70000:1",
		"2001:db8::1:47",
		"[2001:db8::1]",
		"[2001:db8::1:4739",
		"[127.0.0.1:4739",
		"[]:4739",
		"127.0.0:4739x",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
		g_autoptr(GError) error = NULL;

		assert_null(transport_new(addresses[i], on_done, NULL, &error));
		assert_non_null(error);
	}
}

/* ICMP takes its time, if little, and the kernel limits its rate in each namespace. */
static void wait_for_refusal(void)
{
	g_usleep(50000);
}

/* The refusal of a message is told by the next one, which must not be lost for it. */
static void refused_message_costs_no_other(void **state)
{
	Receiver receiver = receiver_new(AF_INET, 0);
	g_autoptr(Transport) transport = transport_new(receiver.address, on_done, NULL, NULL);
	uint16_t port = receiver_port(&receiver);
	char message[64];

	close(receiver.fd);
	assert_int_equal(send_body(transport, "1", 1, 0), TRANSPORT_SENT);
	wait_for_refusal();
	assert_int_equal(send_body(transport, "2", 1, 0), TRANSPORT_SENT);
	wait_for_refusal();
	receiver = receiver_new(AF_INET, port);
	assert_int_equal(send_body(transport, "3", 1, 0), TRANSPORT_SENT);
	assert_int_equal(transport_take_refused(transport), 2);
	assert_int_equal(transport_take_refused(transport), 0);
	assert_int_equal(receive(&receiver, message, sizeof(message), RECEIVE_TIMEOUT_MS),
			 HEADER_LEN + 1);
	assert_int_equal(message[HEADER_LEN], '3');
	close(receiver.fd);
}

static void last_refusal_is_known_without_sending(void **state)
{
	Receiver receiver = receiver_new(AF_INET, 0);
	g_autoptr(Transport) transport = transport_new(receiver.address, on_done, NULL, NULL);

	close(receiver.fd);
	assert_int_equal(send_body(transport, "1", 1, 0), TRANSPORT_SENT);
	wait_for_refusal();
	assert_int_equal(transport_take_refused(transport), 1);
}

static void narrow_path_is_respected_over(int family, size_t headers)
{
	static const char body[2 * NARROW_MTU];
	Receiver receiver = receiver_new(family, 0);
	g_autoptr(Transport) transport = transport_new(receiver.address, on_done, NULL, NULL);
	size_t longest = NARROW_MTU - headers;
	char message[2 * NARROW_MTU];

	assert_true(transport_max_message(transport) > longest);
	assert_true(run("ip link set lo mtu " G_STRINGIFY(NARROW_MTU)));
	assert_int_equal(send_body(transport, body, longest - HEADER_LEN + 1, 0),
			 TRANSPORT_TOO_BIG);
	assert_int_equal(transport_max_message(transport), longest);
	assert_int_equal(send_body(transport, body, longest - HEADER_LEN, 0), TRANSPORT_SENT);
	assert_int_equal(receive(&receiver, message, sizeof(message), RECEIVE_TIMEOUT_MS), longest);
	close(receiver.fd);
}

static void narrow_path_is_respected_over_ipv4(void **state)
{
	if (!*state)
		skip();
	narrow_path_is_respected_over(AF_INET, 28);
}

static void narrow_path_is_respected_over_ipv6(void **state)
{
	if (!*state || !g_file_test("/proc/net/if_inet6", G_FILE_TEST_EXISTS))
		skip();
	narrow_path_is_respected_over(AF_INET6, 48);
}

/* 65535 octets are the most that an IPv4 packet can have, whatever the MTU. */
static void longest_message_of_loopback_is_sent(void **state)
{
	static const char body[65535];
	Receiver receiver = receiver_new(AF_INET, 0);
	g_autoptr(Transport) transport = transport_new(receiver.address, on_done, NULL, NULL);
	size_t longest = transport_max_message(transport);

	/* Who emulates system calls may not know IP_MTU. */
	if (!longest)
		skip();
	assert_true(longest <= 65507);
	assert_int_equal(send_body(transport, body, longest - HEADER_LEN, 0), TRANSPORT_SENT);
	close(receiver.fd);
}

static void network_that_is_not_there_is_an_error_of_today(void **state)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Transport) transport = NULL;

	if (!*state)
		skip();
	assert_null(transport_new("192.0.2.1:4739", on_done, NULL, &error));
	assert_int_equal(error->code, ENETUNREACH);
	assert_true(run("ip address add 192.0.2.2/24 dev lo"));
	transport = transport_new("192.0.2.1:4739", on_done, NULL, NULL);
	assert_non_null(transport);
}

/* Loopback, so slow that the socket's buffer fills up. */
static bool make_loopback_slow(const char *rate)
{
	g_autofree char *command = g_strdup_printf(
		"tc qdisc replace dev lo root tbf rate %s burst 70000 limit 100000000", rate);

	return run(command);
}

static size_t fill_queue(Transport *transport, const void *body, size_t len)
{
	TransportResult result;
	size_t queued = 0;

	do {
		result = send_body(transport, body, len, queued + 1);
		queued += result == TRANSPORT_QUEUED;
	} while (result == TRANSPORT_SENT || result == TRANSPORT_QUEUED);
	assert_int_equal(result, TRANSPORT_FULL);
	assert_int_equal(transport_queued(transport), queued);
	return queued;
}

static void queue_is_bounded_and_given_up_in_order(void **state)
{
	enum { BODY_LEN = 1384 };
	static const char body[BODY_LEN];
	Settled settled = { 0 };
	Receiver receiver;
	g_autoptr(Transport) transport = NULL;
	size_t queued;

	if (!*state || !make_loopback_slow("8kbit"))
		skip();
	receiver = receiver_new(AF_INET, 0);
	transport = transport_new(receiver.address, on_done, &settled, NULL);
	queued = fill_queue(transport, body, BODY_LEN);
	assert_int_equal(queued, TRANSPORT_QUEUE_MAX / (HEADER_LEN + BODY_LEN));
	transport_give_up(transport);
	assert_int_equal(settled.dropped, queued);
	assert_int_equal(settled.why, ECANCELED);
	assert_int_equal(transport_queued(transport), 0);
	close(receiver.fd);
}

static void queue_is_emptied_in_order_by_the_main_context(void **state)
{
	enum { BODY_LEN = 8000 };
	uint32_t body[BODY_LEN / 4] = { 0 }, message[HEADER_LEN / 4 + BODY_LEN / 4];
	uint32_t received = 0, sent = 0, queued = 0;
	Settled settled = { 0 };
	Receiver receiver;
	g_autoptr(Transport) transport = NULL;

	if (!*state || !make_loopback_slow("100mbit"))
		skip();
	receiver = receiver_new(AF_INET, 0);
	transport = transport_new(receiver.address, on_done, &settled, NULL);
	while (queued < 100) {
		body[0] = sent++;
		if (send_body(transport, body, BODY_LEN, queued + 1) == TRANSPORT_QUEUED)
			queued++;
	}
	while (received < sent) {
		(void)g_main_context_iteration(NULL, FALSE);
		if (!receive(&receiver, message, sizeof(message), 1))
			continue;
		assert_int_equal(message[HEADER_LEN / 4], received);
		received++;
	}
	assert_int_equal(settled.sent, queued);
	assert_int_equal(transport_queued(transport), 0);
	close(receiver.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_arrives_whole_over_ipv4),
		cmocka_unit_test(message_arrives_whole_over_ipv6),
		cmocka_unit_test(address_that_is_none_is_an_error),
		cmocka_network_test(refused_message_costs_no_other),
		cmocka_network_test(last_refusal_is_known_without_sending),
		cmocka_unit_test(longest_message_of_loopback_is_sent),
		cmocka_network_test(narrow_path_is_respected_over_ipv4),
		cmocka_network_test(narrow_path_is_respected_over_ipv6),
		cmocka_network_test(network_that_is_not_there_is_an_error_of_today),
		cmocka_network_test(queue_is_bounded_and_given_up_in_order),
		cmocka_network_test(queue_is_emptied_in_order_by_the_main_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
