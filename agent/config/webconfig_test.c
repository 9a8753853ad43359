/* SPDX-License-Identifier: Apache-2.0 */
#include "webconfig.h"

#include <string.h>
#include <sys/stat.h>

#include "settings.h"
#include "test.h"

/* Of "right". */
#define HASH "$2y$04$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC"

static char *write_to(void **state, const char *name, const char *contents)
{
	char *path = g_build_filename(*state, name, NULL);

	assert_true(g_file_set_contents(path, contents, -1, NULL));
	return path;
}

static WebConfig *read_yaml(void **state, const char *yaml, GPtrArray *errors)
{
	g_autofree char *path = write_to(state, "web.yaml", yaml);

	return web_config_read(path, errors);
}

static void assert_error(void **state, const char *yaml, const char *expected)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(WebConfig) web = read_yaml(state, yaml, errors);
	g_autofree char *line = g_strdup_printf("%s/web.yaml:%s", (const char *)*state, expected);

	assert_null(web);
	assert_true(errors->len > 0);
	if (!g_str_has_prefix(errors->pdata[0], line))
		fail_msg("%s\n-- gave --\n%s\n-- not --\n%s", yaml, (char *)errors->pdata[0], line);
}

static WebConfig *good(void **state, const char *yaml)
{
	g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);
	WebConfig *web = read_yaml(state, yaml, errors);

	if (!web)
		fail_msg("%s\n-- gave --\n%s", yaml, (char *)errors->pdata[0]);
	return web;
}

/* A certificate and its key beside the file, by a tool that is not ours. */
static void make_certificate(void **state, const char *name)
{
	g_autofree char *command = g_strdup_printf(
		"cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
		"-nodes -days 2 -subj /CN=x -keyout %s.key -out %s.pem 2>/dev/null",
		(const char *)*state, name, name);

	assert_int_equal(system(command), 0);
}

static void empty_file_asks_for_nothing(void **state)
{
	g_autoptr(WebConfig) web = good(state, "");

	assert_false(web_config_has_tls(web));
	assert_false(web_config_has_authentication(web));
	assert_true(web_config_equal(web, NULL));
	assert_true(web_config_equal(NULL, NULL));
}

static void users_and_headers_are_read(void **state)
{
	g_autoptr(WebConfig) web =
		good(state, "basic_auth_users:\n  alice: " HASH "\n  'b c': " HASH
			    "\nhttp_server_config:\n  headers:\n"
			    "    X-Frame-Options: deny\n");

	assert_int_equal(g_hash_table_size(web->users), 2);
	assert_string_equal(g_hash_table_lookup(web->users, "b c"), HASH);
	assert_string_equal(web->headers[WEB_HEADER_X_FRAME_OPTIONS], "deny");
	assert_null(web->headers[WEB_HEADER_CONTENT_SECURITY_POLICY]);
	assert_true(web_config_has_authentication(web));
	assert_false(web_config_equal(web, NULL));
}

static void certificates_are_read_from_beside_the_file(void **state)
{
	static const char yaml[] = "tls_server_config: { cert_file: a.pem, key_file: a.key, "
				   "client_ca_file: a.pem, client_auth_type: "
				   "RequireAndVerifyClientCert, min_version: TLS13 }\n";
	g_autoptr(WebConfig) first = NULL, again = NULL, renewed = NULL;

	make_certificate(state, "a");
	first = good(state, yaml);
	again = good(state, yaml);
	assert_true(web_config_has_tls(first));
	assert_true(web_config_has_authentication(first));
	assert_int_equal(first->min_version, TLS_VERSION_13);
	assert_int_equal(first->max_version, TLS_VERSION_13);
	assert_non_null(strstr(first->cert.contents, "BEGIN CERTIFICATE"));
	assert_true(web_config_equal(first, again));
	make_certificate(state, "a");
	renewed = good(state, yaml);
	assert_false(web_config_equal(first, renewed));
}

static void faults_are_said_with_their_lines(void **state)
{
	static const struct {
		const char *yaml, *error;
	} cases[] = {
		{ "nonsense: 1", "1: nonsense: unknown key; known here: tls_server_config, "
				 "http_server_config, basic_auth_users" },
		{ "tls_server_config: {}", "1: tls_server_config.cert_file: the key is missing" },
		{ "tls_server_config:\n  key_file: a.key",
		  "2: tls_server_config.cert_file: the key is missing" },
		{ "tls_server_config:\n  cert_file: none.pem\n  key_file: a.key",
		  "2: tls_server_config.cert_file: " },
		{ "tls_server_config:\n  cert_file: a.pem\n  key_file: none.key",
		  "3: tls_server_config.key_file: " },
		{ "tls_server_config:\n  cert_file: a.pem\n  key_file: /dev/zero",
		  "3: tls_server_config.key_file: /dev/zero: Invalid argument" },
		{ "tls_server_config:\n  cert_file: a.pem\n  key_file: b.key",
		  "2: tls_server_config.cert_file: " },
		{ "tls_server_config:\n  cert_file: a.key\n  key_file: a.pem",
		  "2: tls_server_config.cert_file: " },
		{ "tls_server_config:\n  cert_file: a.pem\n  key_file: a.key\n"
		  "  client_auth_type: RequireAndVerifyClientCert",
		  "2: tls_server_config.client_auth_type: to verify" },
		{ "tls_server_config:\n  cert_file: a.pem\n  key_file: a.key\n  client_ca_file: "
		  "a.pem",
		  "4: tls_server_config.client_ca_file: without a client_auth_type" },
		{ "tls_server_config:\n  cert_file: a.pem\n  key_file: a.key\n  client_auth_type: "
		  "Any",
		  "4: tls_server_config.client_auth_type: \"Any\" is none of NoClientCert" },
		{ "tls_server_config: { cert_file: a.pem, key_file: a.key, min_version: TLS13, "
		  "max_version: TLS12 }",
		  "1: tls_server_config.max_version: it is below min_version" },
		{ "http_server_config: { headers: { X-Other: a } }",
		  "1: http_server_config.headers.X-Other: unknown key" },
		{ "http_server_config:\n  headers:\n    X-Frame-Options: \"a\\r\\nSet-Cookie: b\"",
		  "3: http_server_config.headers.X-Frame-Options: " },
		{ "basic_auth_users: alice", "1: basic_auth_users: \"alice\" is not a mapping" },
		{ "basic_auth_users:\n  alice: [a]",
		  "2: basic_auth_users.alice: the value is not a bcrypt hash" },
		{ "basic_auth_users:\n  alice: " HASH "\n  alice: " HASH,
		  "3: basic_auth_users.alice: the key is given twice" },
	};

	make_certificate(state, "a");
	make_certificate(state, "b");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_error(state, cases[i].yaml, cases[i].error);
}

static void no_error_shows_a_password(void **state)
{
	static const char *const yamls[] = {
		"basic_auth_users: { alice: hunter2 }",
		"basic_auth_users: { alice: $2y$04$hunter2 }",
		"basic_auth_users: { alice: { password: hunter2 } }",
		"basic_auth_users: { alice: [hunter2] }",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(yamls); i++) {
		g_autoptr(GPtrArray) errors = g_ptr_array_new_with_free_func(g_free);

		assert_null(read_yaml(state, yamls[i], errors));
		assert_int_equal(errors->len, 1);
		assert_null(strstr(errors->pdata[0], "hunter2"));
	}
}

static void set_mode(void **state, const char *name, mode_t mode)
{
	g_autofree char *path = g_build_filename(*state, name, NULL);

	assert_int_equal(chmod(path, mode), 0);
}

static void assert_public(void **state, const WebConfig *web, const char *name)
{
	g_autofree char *path = g_build_filename(*state, "web.yaml", NULL);
	g_autofree char *expected = name ? g_build_filename(*state, name, NULL) : NULL;
	g_autofree char *found = web_config_find_public(web, path);

	if (g_strcmp0(found, expected))
		fail_msg("%s instead of %s", found, expected);
}

static void secrets_that_everybody_may_read_are_found(void **state)
{
	g_autoptr(WebConfig) nothing = good(state, "");
	g_autoptr(WebConfig) users = good(state, "basic_auth_users: { alice: " HASH " }");
	g_autoptr(WebConfig) tls = NULL;

	make_certificate(state, "a");
	tls = good(state, "tls_server_config: { cert_file: a.pem, key_file: a.key }");
	set_mode(state, "a.key", 0640);
	set_mode(state, "web.yaml", 0644);
	assert_public(state, nothing, NULL);
	assert_public(state, tls, NULL);
	assert_public(state, users, "web.yaml");
	set_mode(state, "web.yaml", 0640);
	assert_public(state, users, NULL);
	set_mode(state, "a.key", 0644);
	assert_public(state, tls, "a.key");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty_file_asks_for_nothing),
		TEST(users_and_headers_are_read),
		TEST(certificates_are_read_from_beside_the_file),
		TEST(faults_are_said_with_their_lines),
		TEST(no_error_shows_a_password),
		TEST(secrets_that_everybody_may_read_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
