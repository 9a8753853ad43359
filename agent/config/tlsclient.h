/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are to a collector that we talk to by TLS or DTLS, and whom we trust to vouch for it (RFC 7011, section
 * 11.3): our certificate with its key, and the certificates of authorities.
 *
 * A TlsClient holds what the files held when it was made. Nothing of it is to be shown. It does not change; it is
 * counted who refers to it.
 */
#ifndef FLOWTALLY_TLSCLIENT_H
#define FLOWTALLY_TLSCLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <gnutls/gnutls.h>

typedef struct TlsClient TlsClient;

/* The files, in PEM; and the names by which errors call them. */
typedef enum {
	TLS_CLIENT_CA, /* NULL: whom this system trusts */
	TLS_CLIENT_CERTIFICATE,
	TLS_CLIENT_KEY,
	TLS_CLIENT_FILES,
} TlsClientFile;

/* An error is about the file @faulty. */
TlsClient *tls_client_new(const char *const paths[TLS_CLIENT_FILES], TlsClientFile *faulty,
			  GError **error);
TlsClient *tls_client_ref(TlsClient *client); /* NULL is one, too */
void tls_client_unref(TlsClient *client);

/* For sessions that keep a reference. */
gnutls_certificate_credentials_t tls_client_credentials(const TlsClient *client);

/* Why our certificate is no good at @now_s (since the epoch): it has expired, or is for later; the caller's to free.
 * NULL: it is good. */
char *tls_client_fault(const TlsClient *client, int64_t now_s);

bool tls_client_equal(const TlsClient *a, const TlsClient *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TlsClient, tls_client_unref)

#endif
