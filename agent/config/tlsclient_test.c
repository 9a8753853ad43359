/* SPDX-License-Identifier: Apache-2.0 */
#include "tlsclient.h"

#include "../../tests/unit/certificates.h"
#include "test.h"

/* The files of an authority and of two that it vouches for. */
typedef struct {
	char *paths[2][TLS_CLIENT_FILES];
} Files;

static Files files_new(const char *directory, int64_t from_s, int64_t to_s)
{
	static const char *const names[] = { "a", "b" };
	Identity authority = identity_new(NULL, -CERTIFICATE_DAY, CERTIFICATE_DAY);
	Files files;

	for (int i = 0; i < 2; i++) {
		Identity identity = identity_new(&authority, from_s, to_s);

		files.paths[i][TLS_CLIENT_CA] =
			identity_write(&authority, directory, "authority", false);
		files.paths[i][TLS_CLIENT_CERTIFICATE] =
			identity_write(&identity, directory, names[i], false);
		files.paths[i][TLS_CLIENT_KEY] =
			identity_write(&identity, directory, names[i], true);
		identity_done(&identity);
	}
	identity_done(&authority);
	return files;
}

static void files_done(Files *files)
{
	for (int i = 0; i < 2; i++)
		for (int file = 0; file < TLS_CLIENT_FILES; file++)
			g_free(files->paths[i][file]);
}

static TlsClient *client_of(const char *ca, const char *certificate, const char *key)
{
	const char *const paths[] = { ca, certificate, key };
	g_autoptr(GError) error = NULL;
	TlsClientFile faulty;
	TlsClient *client = tls_client_new(paths, &faulty, &error);

	if (!client)
		fail_msg("%s", error->message);
	return client;
}

static void assert_faulty(TlsClientFile expected, const char *ca, const char *certificate,
			  const char *key)
{
	const char *const paths[] = { ca, certificate, key };
	g_autoptr(GError) error = NULL;
	TlsClientFile faulty;

	assert_null(tls_client_new(paths, &faulty, &error));
	assert_int_equal(faulty, expected);
	assert_true(g_str_has_prefix(error->message, paths[expected]));
}

static void each_file_that_is_wrong_is_named(void **state)
{
	const char *directory = *state;
	Files files = files_new(directory, -CERTIFICATE_DAY, CERTIFICATE_DAY);
	const char *ca = files.paths[0][TLS_CLIENT_CA];
	const char *certificate = files.paths[0][TLS_CLIENT_CERTIFICATE];
	const char *key = files.paths[0][TLS_CLIENT_KEY];
	g_autofree char *nowhere = g_build_filename(directory, "nowhere", NULL);
	g_autofree char *nonsense = g_build_filename(directory, "nonsense", NULL);
	g_autoptr(TlsClient) client = client_of(ca, certificate, key);
	const char *const wrong[] = { nowhere, nonsense, directory, "/dev/zero" };

	assert_non_null(client);
	assert_true(g_file_set_contents(nonsense, "nonsense", -1, NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		assert_faulty(TLS_CLIENT_CA, wrong[i], certificate, key);
		assert_faulty(TLS_CLIENT_CERTIFICATE, ca, wrong[i], key);
		assert_faulty(TLS_CLIENT_KEY, ca, certificate, wrong[i]);
	}
	assert_faulty(TLS_CLIENT_KEY, ca, certificate, files.paths[1][TLS_CLIENT_KEY]);
	assert_faulty(TLS_CLIENT_KEY, ca, certificate, certificate);
	files_done(&files);
}

static void clients_are_equal_if_their_files_are(void **state)
{
	Files files = files_new(*state, -CERTIFICATE_DAY, CERTIFICATE_DAY);
	TlsClient *clients[3];

	for (int i = 0; i < 3; i++) {
		char **paths = files.paths[i / 2];

		clients[i] = client_of(paths[0], paths[1], paths[2]);
	}
	assert_true(tls_client_equal(clients[0], clients[1]));
	assert_false(tls_client_equal(clients[0], clients[2]));
	assert_false(tls_client_equal(clients[0], NULL));
	assert_true(tls_client_equal(NULL, NULL));
	for (int i = 0; i < 3; i++)
		tls_client_unref(clients[i]);
	files_done(&files);
}

static void certificate_has_its_time(void **state)
{
	Files files = files_new(*state, -10 * CERTIFICATE_DAY, 10 * CERTIFICATE_DAY);
	char **paths = files.paths[0];
	g_autoptr(TlsClient) client = client_of(paths[0], paths[1], paths[2]);
	int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;
	g_autofree char *past = tls_client_fault(client, now_s - 11 * CERTIFICATE_DAY);
	g_autofree char *future = tls_client_fault(client, now_s + 11 * CERTIFICATE_DAY);

	assert_null(tls_client_fault(client, now_s));
	assert_true(g_str_has_prefix(past, "our certificate is not valid before 20"));
	assert_true(g_str_has_prefix(future, "our certificate has expired at 20"));
	files_done(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_file_that_is_wrong_is_named, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(clients_are_equal_if_their_files_are,
						make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(certificate_has_its_time, make_directory,
						remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
