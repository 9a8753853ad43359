/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include <gnutls/dtls.h>

#include "../../tests/unit/certificates.h"
#include "../../tests/unit/stream.h"
#include "test.h"

#define MESSAGE_LEN 100
#define LATER_MS 600000
#define HANDSHAKE 22 /* the type of a record (RFC 6347, 4.1) */

/* A collector by DTLS, in this process, which forgets whom it knows, and what is sent to it. */
typedef struct {
	Receiver receiver;
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session; /* NULL: it knows nobody */
	bool has_shaken;
	GArray *numbers; /* of uint8_t: of the messages that it has read */
	CollectorConfig config;
	Collector *collector;
	uint64_t now_ms;
} Lab;

static void send_number(Collector *collector, uint8_t number)
{
	g_autofree IpfixMessage *message = g_malloc0(sizeof(*message) + MESSAGE_LEN);

	message->contents.len = MESSAGE_LEN;
	message->data[IPFIX_HEADER_LEN] = number;
	assert_true(collector_send(collector, message));
}

/* 0 stands for templates. */
static void on_opened(Collector *collector, void *user_data)
{
	send_number(collector, 0);
}

static void lab_make_identities(Lab *lab, const char *directory)
{
	Identity authority = identity_new(NULL, -CERTIFICATE_DAY, CERTIFICATE_DAY);
	Identity both = identity_new(&authority, -CERTIFICATE_DAY, CERTIFICATE_DAY);
	g_autofree char *ca = identity_write(&authority, directory, "authority", false);
	g_autofree char *certificate = identity_write(&both, directory, "both", false);
	g_autofree char *key = identity_write(&both, directory, "both", true);
	const char *const paths[] = { ca, certificate, key };
	TlsClientFile faulty;

	assert_int_equal(gnutls_certificate_allocate_credentials(&lab->credentials), 0);
	gnutls_certificate_set_x509_key(lab->credentials, &both.certificate, 1, both.key);
	lab->config.tls = tls_client_new(paths, &faulty, NULL);
	identity_done(&authority);
	identity_done(&both);
}

static Lab *lab_new(const char *directory)
{
	Lab *lab = g_new0(Lab, 1);

	lab_make_identities(lab, directory);
	lab->receiver = receiver_new(AF_INET, 0);
	assert_int_equal(fcntl(lab->receiver.fd, F_SETFL, O_NONBLOCK), 0);
	lab->numbers = g_array_new(FALSE, FALSE, 1);
	lab->config.address = lab->receiver.address;
	lab->config.transport = COLLECTOR_TRANSPORT_DTLS;
	lab->config.queue_mib = 1;
	lab->collector = collector_new(&lab->config);
	collector_set_opened(lab->collector, on_opened, NULL);
	lab->now_ms = 1700000000000;
	return lab;
}

/* It is started again, in an instant: what it was told is gone. */
static void lab_forget(Lab *lab)
{
	uint16_t port = receiver_port(&lab->receiver);

	gnutls_deinit(lab->session);
	lab->session = NULL;
	lab->has_shaken = false;
	close(lab->receiver.fd);
	lab->receiver = receiver_new(AF_INET, port);
	assert_int_equal(fcntl(lab->receiver.fd, F_SETFL, O_NONBLOCK), 0);
}

static void lab_free(Lab *lab)
{
	collector_free(lab->collector);
	gnutls_deinit(lab->session);
	gnutls_certificate_free_credentials(lab->credentials);
	tls_client_unref(lab->config.tls);
	g_array_unref(lab->numbers);
	close(lab->receiver.fd);
	g_free(lab);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lab, lab_free)

/* Whoever begins a handshake; of other records it understands nothing. */
static bool lab_meet(Lab *lab)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint8_t first;

	if (recvfrom(lab->receiver.fd, &first, 1, MSG_PEEK, (struct sockaddr *)&from, &len) < 0)
		return false;
	if (first != HANDSHAKE)
		return recv(lab->receiver.fd, &first, 1, 0) < 0;
	assert_int_equal(connect(lab->receiver.fd, (struct sockaddr *)&from, len), 0);
	assert_int_equal(
		gnutls_init(&lab->session, GNUTLS_SERVER | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK), 0);
	gnutls_set_default_priority(lab->session);
	gnutls_credentials_set(lab->session, GNUTLS_CRD_CERTIFICATE, lab->credentials);
	gnutls_dtls_set_mtu(lab->session, 1400);
	gnutls_transport_set_int(lab->session, lab->receiver.fd);
	return true;
}

static void lab_serve(Lab *lab)
{
	uint8_t message[MESSAGE_LEN];

	if (!lab->session && !lab_meet(lab))
		return;
	if (!lab->has_shaken)
		lab->has_shaken = gnutls_handshake(lab->session) == 0;
	while (lab->has_shaken &&
	       gnutls_record_recv(lab->session, message, sizeof(message)) == MESSAGE_LEN)
		g_array_append_val(lab->numbers, message[IPFIX_HEADER_LEN]);
}

static void lab_report(Lab *lab, uint8_t number)
{
	collector_begin_report(lab->collector, lab->now_ms);
	send_number(lab->collector, number);
	collector_end_report(lab->collector);
}

#define serve_until(lab, condition) run_until((lab_serve(lab), condition))

static void assert_numbers(const Lab *lab, const char *expected)
{
	for (guint i = 0; i < lab->numbers->len; i++)
		assert_int_equal(g_array_index(lab->numbers, uint8_t, i), expected[i] - '0');
	assert_int_equal(lab->numbers->len, strlen(expected));
}

static void session_is_opened_and_begins_with_templates(void **state)
{
	g_autoptr(Lab) lab = lab_new(*state);
	CollectorStatus status;

	lab_report(lab, 1);
	serve_until(lab, lab->numbers->len == 2);
	lab_report(lab, 2);
	serve_until(lab, lab->numbers->len == 3);
	assert_numbers(lab, "012");
	status = collector_status(lab->collector);
	assert_int_equal(status.counters.sent.messages, 3);
	assert_true(status.max_message > 1000);
}

static void who_was_started_again_is_spoken_to_anew(void **state)
{
	g_autoptr(Lab) lab = lab_new(*state);

	lab_report(lab, 1);
	serve_until(lab, lab->numbers->len == 2);
	lab->now_ms += LATER_MS - 1;
	lab_report(lab, 2);
	serve_until(lab, lab->numbers->len == 3);
	lab_forget(lab);
	lab->now_ms++;
	lab_report(lab, 3);
	serve_until(lab, lab->numbers->len == 5);
	assert_numbers(lab, "01203");
	assert_int_equal(collector_status(lab->collector).session.opened, 2);
	assert_null(collector_status(lab->collector).last_error);
	assert_int_equal(collector_status(lab->collector).counters.dropped.records, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(session_is_opened_and_begins_with_templates,
						make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(who_was_started_again_is_spoken_to_anew,
						make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
