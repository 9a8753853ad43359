/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include <gnutls/gnutls.h>

#include "../../tests/unit/certificates.h"
#include "../../tests/unit/stream.h"
#include "test.h"

#define HEADER "0123456789abcdef"
#define HEADER_LEN 16

/* A collector that wants a certificate, in this process, and a session to it. */
typedef struct {
	Receiver listener;
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	int fd;
	bool has_shaken;
	GByteArray *received;
	TlsClient *client;
	Transport *transport;
	bool is_open;
	unsigned int writable;
	char *error;
} Lab;

static void on_open(void *user_data)
{
	((Lab *)user_data)->is_open = true;
}

static void on_writable(void *user_data)
{
	((Lab *)user_data)->writable++;
}

static void on_broken(const GError *error, void *user_data)
{
	Lab *lab = user_data;

	lab->error = g_strdup(error->message);
}

static void lab_make_identities(Lab *lab, const char *directory)
{
	Identity authority = identity_new(NULL, -CERTIFICATE_DAY, CERTIFICATE_DAY);
	Identity ours = identity_new(&authority, -CERTIFICATE_DAY, CERTIFICATE_DAY);
	Identity theirs = identity_new(&authority, -CERTIFICATE_DAY, CERTIFICATE_DAY);
	g_autofree char *ca = identity_write(&authority, directory, "authority", false);
	g_autofree char *certificate = identity_write(&ours, directory, "ours", false);
	g_autofree char *key = identity_write(&ours, directory, "ours", true);
	const char *const paths[] = { ca, certificate, key };
	TlsClientFile faulty;

	assert_int_equal(gnutls_certificate_allocate_credentials(&lab->credentials), 0);
	assert_int_equal(gnutls_certificate_set_x509_key(lab->credentials, &theirs.certificate, 1,
							 theirs.key),
			 0);
	assert_int_equal(
		gnutls_certificate_set_x509_trust(lab->credentials, &authority.certificate, 1), 1);
	lab->client = tls_client_new(paths, &faulty, NULL);
	assert_non_null(lab->client);
	identity_done(&authority);
	identity_done(&ours);
	identity_done(&theirs);
}

/* @versions: as in GnuTLS' priority strings. */
static Lab *lab_new(const char *directory, const char *name, const char *versions)
{
	static const TransportEvents events = { on_open, on_writable, on_broken };
	g_autofree char *priorities = g_strconcat("NORMAL:-VERS-ALL:", versions, NULL);
	TransportTarget target = { .kind = COLLECTOR_TRANSPORT_TLS, .name = name };
	Lab *lab = g_new0(Lab, 1);
	Endpoint endpoint;

	lab_make_identities(lab, directory);
	lab->listener = listener_new(AF_INET, 0);
	lab->received = g_byte_array_new();
	assert_true(endpoint_parse(&endpoint, lab->listener.address));
	target.to.len = endpoint_to_sockaddr(&endpoint, &target.to.storage);
	target.tls = lab->client;
	lab->transport = transport_new(&target, &events, lab, NULL);
	assert_non_null(lab->transport);
	lab->fd = listener_accept(&lab->listener);
	assert_int_equal(gnutls_init(&lab->session, GNUTLS_SERVER | GNUTLS_NONBLOCK), 0);
	assert_int_equal(gnutls_priority_set_direct(lab->session, priorities, NULL), 0);
	gnutls_credentials_set(lab->session, GNUTLS_CRD_CERTIFICATE, lab->credentials);
	gnutls_certificate_server_set_request(lab->session, GNUTLS_CERT_REQUIRE);
	gnutls_transport_set_int(lab->session, lab->fd);
	return lab;
}

static void lab_free(Lab *lab)
{
	transport_free(lab->transport);
	gnutls_deinit(lab->session);
	gnutls_certificate_free_credentials(lab->credentials);
	tls_client_unref(lab->client);
	g_byte_array_unref(lab->received);
	g_free(lab->error);
	close(lab->fd);
	close(lab->listener.fd);
	g_free(lab);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lab, lab_free)

/* The collector's part; it reads at most @octets. */
static void lab_serve(Lab *lab, size_t octets)
{
	uint8_t part[4096];
	ssize_t n;

	if (!lab->has_shaken)
		lab->has_shaken = gnutls_handshake(lab->session) == 0;
	if (!lab->has_shaken)
		return;
	while (octets &&
	       (n = gnutls_record_recv(lab->session, part, MIN(sizeof(part), octets))) > 0) {
		g_byte_array_append(lab->received, part, (guint)n);
		octets -= (size_t)n;
	}
}

#define serve_until(lab, octets, condition) run_until((lab_serve(lab, octets), condition))

static TransportResult send_body(Lab *lab, const void *body, size_t len)
{
	g_autoptr(GError) error = NULL;

	return transport_send(lab->transport, HEADER, HEADER_LEN, body, len, &error);
}

static void messages_arrive_whole_over(const char *directory, const char *version)
{
	static const size_t lengths[] = { 1, 1384, 16384, 40000, 65519 };
	g_autofree uint8_t *body = g_malloc(65519);
	g_autoptr(Lab) lab = lab_new(directory, "localhost", version);
	size_t sum = 0;

	memset(body, 'x', 65519);
	serve_until(lab, SIZE_MAX, lab->is_open);
	for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
		while (send_body(lab, body, lengths[i]) == TRANSPORT_WAIT)
			serve_until(lab, SIZE_MAX, lab->writable);
		serve_until(lab, SIZE_MAX, lab->received->len == sum + HEADER_LEN + lengths[i]);
		assert_memory_equal(lab->received->data + sum, HEADER, HEADER_LEN);
		assert_memory_equal(lab->received->data + sum + HEADER_LEN, body, lengths[i]);
		sum += HEADER_LEN + lengths[i];
	}
	run_until(transport_arrived(lab->transport) == transport_taken(lab->transport));
	/* Encrypted, they are more. */
	assert_true(transport_taken(lab->transport) > sum);
}

static void messages_arrive_whole_over_tls_1_2(void **state)
{
	messages_arrive_whole_over(*state, "+VERS-TLS1.2");
}

static void messages_arrive_whole_over_tls_1_3(void **state)
{
	messages_arrive_whole_over(*state, "+VERS-TLS1.3");
}

static void older_versions_are_refused(void **state)
{
	g_autoptr(Lab) lab = lab_new(*state, "localhost", "+VERS-TLS1.1");

	serve_until(lab, 0, lab->error);
	assert_false(lab->is_open);
}

static void other_name_is_refused(void **state)
{
	g_autoptr(Lab) lab = lab_new(*state, "elsewhere.example", "+VERS-TLS1.3");

	serve_until(lab, 0, lab->error);
	assert_non_null(strstr(lab->error, "the collector's certificate: "));
	assert_non_null(strstr(lab->error, "does not match"));
}

static void address_is_a_name_too(void **state)
{
	g_autoptr(Lab) lab = lab_new(*state, "127.0.0.1", "+VERS-TLS1.3");

	serve_until(lab, 0, lab->is_open);
}

/* What does not fit waits in the middle of a message, and goes on there. */
static void slow_reader_gets_all_of_it(void **state)
{
	enum { BODY_LEN = 30000, MESSAGES = 400 };
	g_autofree uint8_t *body = g_malloc(BODY_LEN);
	g_autoptr(Lab) lab = lab_new(*state, "localhost", "+VERS-TLS1.3");
	unsigned int sent = 0, waits = 0;

	serve_until(lab, 0, lab->is_open);
	while (sent < MESSAGES) {
		memset(body, (int)sent, BODY_LEN);
		if (send_body(lab, body, BODY_LEN) == TRANSPORT_SENT) {
			sent++;
			continue;
		}
		waits++;
		serve_until(lab, 1000, lab->writable);
		lab->writable = 0;
	}
	assert_true(waits > 0);
	serve_until(lab, SIZE_MAX, lab->received->len == MESSAGES * (HEADER_LEN + BODY_LEN));
	for (guint i = 0; i < MESSAGES; i++) {
		const uint8_t *message = lab->received->data + i * (HEADER_LEN + BODY_LEN);

		assert_memory_equal(message, HEADER, HEADER_LEN);
		for (int j = HEADER_LEN; j < HEADER_LEN + BODY_LEN; j++)
			if (message[j] != (uint8_t)i)
				fail_msg("octet %d of message %u", j, i);
	}
}

static void end_is_told(void **state)
{
	g_autoptr(Lab) lab = lab_new(*state, "localhost", "+VERS-TLS1.2");

	serve_until(lab, 0, lab->is_open);
	assert_int_equal(gnutls_bye(lab->session, GNUTLS_SHUT_WR), 0);
	run_until(lab->error);
	assert_non_null(strstr(lab->error, "closed"));
	assert_false(transport_is_open(lab->transport));
}

#define in_directory(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_directory(messages_arrive_whole_over_tls_1_2),
		in_directory(messages_arrive_whole_over_tls_1_3),
		in_directory(older_versions_are_refused),
		in_directory(other_name_is_refused),
		in_directory(address_is_a_name_too),
		in_directory(slow_reader_gets_all_of_it),
		in_directory(end_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
