/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include "../../tests/unit/stream.h"
#include "test.h"

#define HEADER "0123456789abcdef"
#define HEADER_LEN 16
#define NARROW_MTU 1280 /* the least that IPv6 allows */

static void on_event(void *user_data)
{
	(*(unsigned int *)user_data)++;
}

static void on_broken(const GError *error, void *user_data)
{
	fail_msg("%s", error->message);
}

/* Counts what on_writable() tells. */
static Transport *udp_new(const char *address, unsigned int *events, GError **error)
{
	static const TransportEvents told = { on_event, on_event, on_broken };
	TransportTarget target = { .kind = COLLECTOR_TRANSPORT_UDP };
	Endpoint endpoint;

	assert_true(endpoint_parse(&endpoint, address));
	target.to.len = endpoint_to_sockaddr(&endpoint, &target.to.storage);
	return transport_new(&target, &told, events, error);
}

static TransportResult send_body(Transport *transport, const void *body, size_t len)
{
	g_autoptr(GError) error = NULL;
	TransportResult result = transport_send(transport, HEADER, HEADER_LEN, body, len, &error);

	assert_int_equal(error != NULL, result == TRANSPORT_FAILED);
	return result;
}

static void message_arrives_whole_over(int family)
{
	static const char body[] = "body";
	Receiver receiver = receiver_new(family, 0);
	g_autoptr(Transport) transport = udp_new(receiver.address, NULL, NULL);
	char message[64];

	assert_non_null(transport);
	assert_int_equal(send_body(transport, body, sizeof(body)), TRANSPORT_SENT);
	assert_int_equal(receive(&receiver, message, sizeof(message), RECEIVE_TIMEOUT_MS),
			 HEADER_LEN + sizeof(body));
	assert_memory_equal(message, HEADER, HEADER_LEN);
	assert_string_equal(message + HEADER_LEN, body);
	assert_true(transport_is_open(transport));
	assert_int_equal(transport_taken(transport), transport_arrived(transport));
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

/* ICMP takes its time, if little, and the kernel limits its rate in each namespace. */
static void wait_for_refusal(void)
{
	g_usleep(50000);
}

/* The refusal of a message is told by the next one, which must not be lost for it. */
static void refused_message_costs_no_other(void **state)
{
	Receiver receiver = receiver_new(AF_INET, 0);
	g_autoptr(Transport) transport = udp_new(receiver.address, NULL, NULL);
	uint16_t port = receiver_port(&receiver);
	char message[64];

	close(receiver.fd);
	assert_int_equal(send_body(transport, "1", 1), TRANSPORT_SENT);
	wait_for_refusal();
	assert_int_equal(send_body(transport, "2", 1), TRANSPORT_SENT);
	wait_for_refusal();
	receiver = receiver_new(AF_INET, port);
	assert_int_equal(send_body(transport, "3", 1), TRANSPORT_SENT);
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
	g_autoptr(Transport) transport = udp_new(receiver.address, NULL, NULL);

	close(receiver.fd);
	assert_int_equal(send_body(transport, "1", 1), TRANSPORT_SENT);
	wait_for_refusal();
	assert_int_equal(transport_take_refused(transport), 1);
}

static void narrow_path_is_respected_over(int family, size_t headers)
{
	static const char body[2 * NARROW_MTU];
	Receiver receiver = receiver_new(family, 0);
	g_autoptr(Transport) transport = udp_new(receiver.address, NULL, NULL);
	size_t longest = NARROW_MTU - headers;
	char message[2 * NARROW_MTU];

	assert_true(transport_max_message(transport) > longest);
	assert_true(run("ip link set lo mtu " G_STRINGIFY(NARROW_MTU)));
	assert_int_equal(send_body(transport, body, longest - HEADER_LEN + 1), TRANSPORT_TOO_BIG);
	assert_int_equal(transport_max_message(transport), longest);
	assert_int_equal(send_body(transport, body, longest - HEADER_LEN), TRANSPORT_SENT);
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
	g_autoptr(Transport) transport = udp_new(receiver.address, NULL, NULL);
	size_t longest = transport_max_message(transport);

	/* Who emulates system calls may not know IP_MTU. */
	if (!longest)
		skip();
	assert_true(longest <= 65507);
	assert_int_equal(send_body(transport, body, longest - HEADER_LEN), TRANSPORT_SENT);
	close(receiver.fd);
}

static void network_that_is_not_there_is_an_error_of_today(void **state)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Transport) transport = NULL;

	if (!*state)
		skip();
	assert_null(udp_new("192.0.2.1:4739", NULL, &error));
	assert_int_equal(error->code, ENETUNREACH);
	assert_true(run("ip address add 192.0.2.2/24 dev lo"));
	transport = udp_new("192.0.2.1:4739", NULL, NULL);
	assert_non_null(transport);
}

/* Loopback, so slow that the socket's buffer fills up. */
static bool make_loopback_slow(const char *rate)
{
	g_autofree char *command = g_strdup_printf(
		"tc qdisc replace dev lo root tbf rate %s burst 70000 limit 100000000", rate);

	return run(command);
}

/* Nothing is lost, and nothing is kept: what waits is offered again. */
static void full_socket_says_when_it_takes_more(void **state)
{
	enum { BODY_LEN = 8000, MESSAGES = 500 };
	uint32_t body[BODY_LEN / 4] = { 0 }, message[HEADER_LEN / 4 + BODY_LEN / 4];
	uint32_t received = 0, sent = 0;
	unsigned int told = 0, waits = 0;
	Receiver receiver;
	g_autoptr(Transport) transport = NULL;

	if (!*state || !make_loopback_slow("100mbit"))
		skip();
	receiver = receiver_new(AF_INET, 0);
	transport = udp_new(receiver.address, &told, NULL);
	while (sent < MESSAGES) {
		body[0] = sent;
		if (send_body(transport, body, BODY_LEN) == TRANSPORT_SENT) {
			sent++;
			continue;
		}
		waits++;
		run_until(told == waits);
	}
	assert_true(waits > 0);
	while (receive(&receiver, message, sizeof(message), RECEIVE_TIMEOUT_MS) &&
	       received < sent) {
		assert_int_equal(message[HEADER_LEN / 4], received);
		if (++received == sent)
			break;
	}
	assert_int_equal(received, sent);
	close(receiver.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_arrives_whole_over_ipv4),
		cmocka_unit_test(message_arrives_whole_over_ipv6),
		cmocka_network_test(refused_message_costs_no_other),
		cmocka_network_test(last_refusal_is_known_without_sending),
		cmocka_unit_test(longest_message_of_loopback_is_sent),
		cmocka_network_test(narrow_path_is_respected_over_ipv4),
		cmocka_network_test(narrow_path_is_respected_over_ipv6),
		cmocka_network_test(network_that_is_not_there_is_an_error_of_today),
		cmocka_network_test(full_socket_says_when_it_takes_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
