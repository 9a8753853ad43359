/* SPDX-License-Identifier: Apache-2.0 */
#include "webconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "base/error.h"
#include "base/file.h"
#include "base/passwords.h"
#include "settings.h"

#define USERS_MAX 256
#define PATH_TEXT_MAX 1023
#define HEADER_MAX 1024
#define CONTENTS_MAX (1 << 20) /* octets of a file of certificates */

_Static_assert(sizeof(ClientAuth) == sizeof(unsigned int), "ClientAuth");
_Static_assert(sizeof(TlsVersion) == sizeof(unsigned int), "TlsVersion");

const char *const web_header_names[WEB_HEADERS] = {
	[WEB_HEADER_STRICT_TRANSPORT_SECURITY] = "Strict-Transport-Security",
	[WEB_HEADER_X_CONTENT_TYPE_OPTIONS] = "X-Content-Type-Options",
	[WEB_HEADER_X_FRAME_OPTIONS] = "X-Frame-Options",
	[WEB_HEADER_X_XSS_PROTECTION] = "X-XSS-Protection",
	[WEB_HEADER_CONTENT_SECURITY_POLICY] = "Content-Security-Policy",
};

static const char *const client_auth_words[] = {
	[CLIENT_AUTH_NONE] = "NoClientCert",
	[CLIENT_AUTH_REQUEST] = "RequestClientCert",
	[CLIENT_AUTH_REQUIRE_ANY] = "RequireAnyClientCert",
	[CLIENT_AUTH_VERIFY_IF_GIVEN] = "VerifyClientCertIfGiven",
	[CLIENT_AUTH_REQUIRE_AND_VERIFY] = "RequireAndVerifyClientCert",
	NULL,
};

static const char *const tls_version_words[] = {
	[TLS_VERSION_10] = "TLS10",
	[TLS_VERSION_11] = "TLS11",
	[TLS_VERSION_12] = "TLS12",
	[TLS_VERSION_13] = "TLS13",
	NULL,
};

static bool is_path(const char *text)
{
	return *text && !g_str_has_suffix(text, "/");
}

/* What would end the line would begin another header. */
static bool is_header_value(const char *text)
{
	for (; *text; text++) {
		if (!g_ascii_isprint(*text))
			return false;
	}
	return true;
}

/* clang-format off */

#define AT(member) offsetof(WebConfig, member)
#define FILE_SETTING(member) \
	SETTING_TEXT, AT(member.path), .line = AT(member.line), .min = 1, .max = PATH_TEXT_MAX, \
	.is_valid = is_path, .form = "the path of a file"
#define HEADER_SETTING(header) \
	SETTING_TEXT, AT(headers[header]), .min = 1, .max = HEADER_MAX, \
	.is_valid = is_header_value, .form = "a text of printable ASCII characters"
static const Setting web_settings[] = {
	{ "tls_server_config.cert_file",
	  FILE_SETTING(cert), .required = true },
	{ "tls_server_config.key_file",
	  FILE_SETTING(key), .required = true },
	{ "tls_server_config.client_ca_file",
	  FILE_SETTING(client_ca) },
	{ "tls_server_config.client_auth_type",
	  SETTING_CHOICE, AT(client_auth), .fallback = "NoClientCert", .words = client_auth_words },
	{ "tls_server_config.min_version",
	  SETTING_CHOICE, AT(min_version), .fallback = "TLS12", .words = tls_version_words },
	{ "tls_server_config.max_version",
	  SETTING_CHOICE, AT(max_version), .fallback = "TLS13", .words = tls_version_words },
	{ "http_server_config.headers.Strict-Transport-Security",
	  HEADER_SETTING(WEB_HEADER_STRICT_TRANSPORT_SECURITY) },
	{ "http_server_config.headers.X-Content-Type-Options",
	  HEADER_SETTING(WEB_HEADER_X_CONTENT_TYPE_OPTIONS) },
	{ "http_server_config.headers.X-Frame-Options",
	  HEADER_SETTING(WEB_HEADER_X_FRAME_OPTIONS) },
	{ "http_server_config.headers.X-XSS-Protection",
	  HEADER_SETTING(WEB_HEADER_X_XSS_PROTECTION) },
	{ "http_server_config.headers.Content-Security-Policy",
	  HEADER_SETTING(WEB_HEADER_CONTENT_SECURITY_POLICY) },
	{ "basic_auth_users",
	  SETTING_PAIRS, AT(users), .max = USERS_MAX, .secret = true,
	  .is_valid = passwords_is_hash, .form = "a bcrypt hash ($2y$...)" },
};
#undef AT

/* clang-format on */

static const SettingTable web_table = {
	.settings = web_settings,
	.n = G_N_ELEMENTS(web_settings),
};

static void fault(GPtrArray *errors, const char *path, size_t line, const char *key,
		  const char *reason)
{
	g_ptr_array_add(errors, g_strdup_printf("%s:%zu: tls_server_config.%s: %s", path, line, key,
						reason));
}

/* A FIFO would be waited for, and a device has no end. */
static char *read_regular_file(const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	g_autofree char *contents = NULL;
	struct stat file;
	ssize_t len = -1;

	if (fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
		contents = g_malloc(CONTENTS_MAX + 1);
		len = read(fd, contents, CONTENTS_MAX);
	} else if (fd >= 0) {
		errno = EINVAL;
	}
	if (len < 0)
		error_from_errno(error, errno, "%s", path);
	if (fd >= 0)
		close(fd);
	if (len < 0)
		return NULL;
	contents[len] = '\0';
	return g_steal_pointer(&contents);
}

/* Relative paths are so to the web configuration's. */
static char *path_of(const WebFile *file, const char *web_path)
{
	g_autofree char *directory = g_path_get_dirname(web_path);

	return g_path_is_absolute(file->path) ? g_strdup(file->path) :
						g_build_filename(directory, file->path, NULL);
}

static bool read_named(WebFile *file, const char *web_path, const char *key, GPtrArray *errors)
{
	g_autofree char *path = NULL;
	g_autoptr(GError) error = NULL;

	if (!file->path)
		return true;
	path = path_of(file, web_path);
	file->contents = read_regular_file(path, &error);
	if (!file->contents)
		fault(errors, web_path, file->line, key, error->message);
	return file->contents;
}

static gnutls_datum_t datum(const WebFile *file)
{
	return (gnutls_datum_t){ (unsigned char *)file->contents,
				 (unsigned int)strlen(file->contents) };
}

/* What the TLS library will be given, tried out. */
static bool check_certificates(const WebConfig *web, const char *path, GPtrArray *errors)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t cert = datum(&web->cert), key = datum(&web->key), ca;
	int result;

	if (gnutls_certificate_allocate_credentials(&credentials) < 0)
		g_error("GnuTLS: out of memory");
	result = gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
	if (result < 0) {
		fault(errors, path, web->cert.line, "cert_file", gnutls_strerror(result));
	} else if (web->client_ca.contents) {
		ca = datum(&web->client_ca);
		result = gnutls_certificate_set_x509_trust_mem(credentials, &ca,
							       GNUTLS_X509_FMT_PEM);
		if (result < 0)
			fault(errors, path, web->client_ca.line, "client_ca_file",
			      gnutls_strerror(result));
	}
	gnutls_certificate_free_credentials(credentials);
	return result >= 0;
}

static bool verifies_clients(const WebConfig *web)
{
	return web->client_auth == CLIENT_AUTH_VERIFY_IF_GIVEN ||
	       web->client_auth == CLIENT_AUTH_REQUIRE_AND_VERIFY;
}

/* What contradicts itself. */
static const char *contradiction(const WebConfig *web, const char **key)
{
	*key = "client_auth_type";
	if (verifies_clients(web) && !web->client_ca.path)
		return "to verify certificates of clients takes a client_ca_file";
	*key = "client_ca_file";
	if (web->client_auth == CLIENT_AUTH_NONE && web->client_ca.path)
		return "without a client_auth_type it would go unused";
	*key = "max_version";
	if (web->max_version < web->min_version)
		return "it is below min_version";
	return NULL;
}

static bool complete(WebConfig *web, const char *path, GPtrArray *errors)
{
	const char *key, *reason;
	bool good;

	if (!web->cert.path)
		return true;
	reason = contradiction(web, &key);
	if (reason)
		fault(errors, path, web->client_ca.path ? web->client_ca.line : web->cert.line, key,
		      reason);
	good = read_named(&web->cert, path, "cert_file", errors);
	good = read_named(&web->key, path, "key_file", errors) && good;
	good = read_named(&web->client_ca, path, "client_ca_file", errors) && good;
	return good && !reason && check_certificates(web, path, errors);
}

WebConfig *web_config_read(const char *path, GPtrArray *errors)
{
	g_autoptr(WebConfig) web = g_rc_box_new0(WebConfig);

	if (!settings_read(&web_table, path, web, errors) || !complete(web, path, errors))
		return NULL;
	return g_steal_pointer(&web);
}

static void forget(char *contents)
{
	if (contents)
		explicit_bzero(contents, strlen(contents));
	g_free(contents);
}

static void web_config_done(gpointer data)
{
	WebConfig *web = data;

	g_free(web->cert.path);
	g_free(web->key.path);
	g_free(web->client_ca.path);
	g_free(web->cert.contents);
	forget(web->key.contents);
	g_free(web->client_ca.contents);
	for (int i = 0; i < WEB_HEADERS; i++)
		g_free(web->headers[i]);
	g_clear_pointer(&web->users, g_hash_table_unref);
}

WebConfig *web_config_ref(WebConfig *web)
{
	return web ? g_rc_box_acquire(web) : NULL;
}

void web_config_unref(WebConfig *web)
{
	if (web)
		g_rc_box_release_full(web, web_config_done);
}

char *web_config_find_public(const WebConfig *web, const char *path)
{
	g_autofree char *key = web->key.path ? path_of(&web->key, path) : NULL;

	if (web->users && g_hash_table_size(web->users) && file_is_public(path))
		return g_strdup(path);
	return key && file_is_public(key) ? g_steal_pointer(&key) : NULL;
}

bool web_config_has_tls(const WebConfig *web)
{
	return web && web->cert.path;
}

bool web_config_has_authentication(const WebConfig *web)
{
	return web && ((web->users && g_hash_table_size(web->users)) ||
		       web->client_auth == CLIENT_AUTH_REQUIRE_AND_VERIFY);
}

static gboolean is_missing(gpointer user, gpointer hash, gpointer other)
{
	return g_strcmp0(hash, g_hash_table_lookup(other, user)) != 0;
}

static bool users_equal(GHashTable *a, GHashTable *b)
{
	guint len = a ? g_hash_table_size(a) : 0;

	return len == (b ? g_hash_table_size(b) : 0) &&
	       (!len || !g_hash_table_find(a, is_missing, b));
}

bool web_config_equal(const WebConfig *a, const WebConfig *b)
{
	static const WebConfig nothing = { .client_auth = CLIENT_AUTH_NONE,
					   .min_version = TLS_VERSION_12,
					   .max_version = TLS_VERSION_13 };

	a = a ? a : &nothing;
	b = b ? b : &nothing;
	for (int i = 0; i < WEB_HEADERS; i++) {
		if (g_strcmp0(a->headers[i], b->headers[i]))
			return false;
	}
	return !g_strcmp0(a->cert.contents, b->cert.contents) &&
	       !g_strcmp0(a->key.contents, b->key.contents) &&
	       !g_strcmp0(a->client_ca.contents, b->client_ca.contents) &&
	       a->client_auth == b->client_auth && a->min_version == b->min_version &&
	       a->max_version == b->max_version && users_equal(a->users, b->users);
}
