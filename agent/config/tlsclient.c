/* SPDX-License-Identifier: Apache-2.0 */
#include "tlsclient.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/x509.h>

#include "base/error.h"

#define CONTENTS_MAX (4 << 20) /* octets of a file of certificates */

struct TlsClient {
	gnutls_certificate_credentials_t credentials;
	int64_t activation_s;
	int64_t expiration_s;
	GChecksum *digest; /* of all that was read */
};

static void forget(GByteArray *contents)
{
	if (contents->data)
		explicit_bzero(contents->data, contents->len);
	g_byte_array_unref(contents);
}

typedef GByteArray Contents;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Contents, forget)

/* A FIFO would be waited for, and a device has no end. */
static Contents *read_regular_file(const char *path, GError **error)
{
	g_autoptr(Contents) contents = g_byte_array_new();
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat file;
	ssize_t len = -1;

	if (fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
		g_byte_array_set_size(contents, (guint)MIN(file.st_size, CONTENTS_MAX) + 1);
		len = read(fd, contents->data, contents->len - 1);
	} else if (fd >= 0) {
		errno = EINVAL;
	}
	if (len < 0)
		error_from_errno(error, errno, "%s", path);
	if (fd >= 0)
		close(fd);
	if (len < 0)
		return NULL;
	g_byte_array_set_size(contents, (guint)len + 1);
	contents->data[len] = '\0';
	return g_steal_pointer(&contents);
}

static gnutls_datum_t datum(const Contents *contents)
{
	return (gnutls_datum_t){ contents->data, contents->len - 1 };
}

static Contents *take(TlsClient *client, const char *path, GError **error)
{
	Contents *contents = read_regular_file(path, error);

	if (contents)
		g_checksum_update(client->digest, contents->data, (gssize)contents->len);
	return contents;
}

static bool fail(GError **error, const char *path, int result)
{
	error_set(error, "%s: %s", path, gnutls_strerror(result));
	return false;
}

static bool trust(TlsClient *client, const char *path, GError **error)
{
	g_autoptr(Contents) contents = NULL;
	gnutls_datum_t certificates;
	int result;

	if (!path) {
		result = gnutls_certificate_set_x509_system_trust(client->credentials);
		if (result > 0)
			return true;
		error_set(error, "this system has no list of authorities that it trusts: name one");
		return false;
	}
	contents = take(client, path, error);
	if (!contents)
		return false;
	certificates = datum(contents);
	result = gnutls_certificate_set_x509_trust_mem(client->credentials, &certificates,
						       GNUTLS_X509_FMT_PEM);
	if (result == 0)
		error_set(error, "%s: there is no certificate in it", path);
	return result > 0 || (result < 0 && fail(error, path, result));
}

/* The first one is ours, the others vouch for it. */
static bool note_validity(TlsClient *client, const Contents *contents, const char *path,
			  GError **error)
{
	gnutls_datum_t certificates = datum(contents);
	gnutls_x509_crt_t *chain = NULL;
	unsigned int n = 0;
	int result =
		gnutls_x509_crt_list_import2(&chain, &n, &certificates, GNUTLS_X509_FMT_PEM, 0);

	if (result < 0)
		return fail(error, path, result);
	client->activation_s = gnutls_x509_crt_get_activation_time(chain[0]);
	client->expiration_s = gnutls_x509_crt_get_expiration_time(chain[0]);
	for (unsigned int i = 0; i < n; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
	return true;
}

static bool set_identity(TlsClient *client, const char *const paths[TLS_CLIENT_FILES],
			 TlsClientFile *faulty, GError **error)
{
	g_autoptr(Contents) certificate = NULL, key = NULL;
	gnutls_datum_t certificate_datum, key_datum;
	int result;

	*faulty = TLS_CLIENT_CERTIFICATE;
	certificate = take(client, paths[TLS_CLIENT_CERTIFICATE], error);
	if (!certificate ||
	    !note_validity(client, certificate, paths[TLS_CLIENT_CERTIFICATE], error))
		return false;
	*faulty = TLS_CLIENT_KEY;
	key = take(client, paths[TLS_CLIENT_KEY], error);
	if (!key)
		return false;
	certificate_datum = datum(certificate);
	key_datum = datum(key);
	result = gnutls_certificate_set_x509_key_mem(client->credentials, &certificate_datum,
						     &key_datum, GNUTLS_X509_FMT_PEM);
	if (result < 0)
		return fail(error, paths[TLS_CLIENT_KEY], result);
	return true;
}

TlsClient *tls_client_new(const char *const paths[TLS_CLIENT_FILES], TlsClientFile *faulty,
			  GError **error)
{
	g_autoptr(TlsClient) client = g_rc_box_new0(TlsClient);

	client->digest = g_checksum_new(G_CHECKSUM_SHA256);
	if (gnutls_certificate_allocate_credentials(&client->credentials) < 0)
		g_error("GnuTLS: out of memory");
	if (!set_identity(client, paths, faulty, error))
		return NULL;
	*faulty = TLS_CLIENT_CA;
	if (!trust(client, paths[TLS_CLIENT_CA], error))
		return NULL;
	return g_steal_pointer(&client);
}

static void client_done(gpointer data)
{
	TlsClient *client = data;

	g_checksum_free(client->digest);
	if (client->credentials)
		gnutls_certificate_free_credentials(client->credentials);
}

TlsClient *tls_client_ref(TlsClient *client)
{
	return client ? g_rc_box_acquire(client) : NULL;
}

void tls_client_unref(TlsClient *client)
{
	if (client)
		g_rc_box_release_full(client, client_done);
}

gnutls_certificate_credentials_t tls_client_credentials(const TlsClient *client)
{
	return client->credentials;
}

char *tls_client_fault(const TlsClient *client, int64_t now_s)
{
	bool expired = now_s > client->expiration_s;
	int64_t limit_s = expired ? client->expiration_s : client->activation_s;
	g_autoptr(GDateTime) limit = NULL;
	g_autofree char *when = NULL;

	if (!expired && now_s >= client->activation_s)
		return NULL;
	limit = g_date_time_new_from_unix_utc(limit_s);
	when = limit ? g_date_time_format(limit, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("?");
	return g_strdup_printf(expired ? "our certificate has expired at %s" :
					 "our certificate is not valid before %s",
			       when);
}

bool tls_client_equal(const TlsClient *a, const TlsClient *b)
{
	if (!a || !b)
		return a == b;
	return !g_strcmp0(g_checksum_get_string((GChecksum *)a->digest),
			  g_checksum_get_string((GChecksum *)b->digest));
}
