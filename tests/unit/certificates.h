/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of TLS: certificates made on the spot, for localhost, and files of them.
 */
#ifndef FLOWTALLY_TESTS_CERTIFICATES_H
#define FLOWTALLY_TESTS_CERTIFICATES_H

#include <stdint.h>
#include <string.h>
#include <time.h>

#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "../../agent/test.h"

#define CERTIFICATE_DAY 86400

typedef struct {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t certificate;
} Identity;

/* Valid from @from_s to @to_s, relative to now; of an authority where @authority is NULL. */
static inline Identity identity_new(const Identity *authority, int64_t from_s, int64_t to_s)
{
	static uint8_t serial[] = { 1, 0 };
	static const uint8_t address[] = { 127, 0, 0, 1 };
	time_t now = time(NULL);
	Identity identity;
	gnutls_x509_crt_t certificate;

	assert_int_equal(gnutls_x509_privkey_init(&identity.key), 0);
	assert_int_equal(
		gnutls_x509_privkey_generate(identity.key, GNUTLS_PK_ECDSA,
					     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	assert_int_equal(gnutls_x509_crt_init(&identity.certificate), 0);
	certificate = identity.certificate;
	serial[1]++;
	gnutls_x509_crt_set_version(certificate, 3);
	gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
	gnutls_x509_crt_set_dn(certificate, authority ? "CN=localhost" : "CN=authority", NULL);
	gnutls_x509_crt_set_activation_time(certificate, now + from_s);
	gnutls_x509_crt_set_expiration_time(certificate, now + to_s);
	gnutls_x509_crt_set_key(certificate, identity.key);
	gnutls_x509_crt_set_basic_constraints(certificate, !authority, -1);
	gnutls_x509_crt_set_key_usage(certificate, authority ? GNUTLS_KEY_DIGITAL_SIGNATURE :
							       GNUTLS_KEY_KEY_CERT_SIGN);
	gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address,
					     sizeof(address), GNUTLS_FSAN_SET);
	gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, "localhost", 9,
					     GNUTLS_FSAN_APPEND);
	assert_int_equal(gnutls_x509_crt_sign2(
				 certificate, authority ? authority->certificate : certificate,
				 authority ? authority->key : identity.key, GNUTLS_DIG_SHA256, 0),
			 0);
	return identity;
}

static inline void identity_done(Identity *identity)
{
	gnutls_x509_crt_deinit(identity->certificate);
	gnutls_x509_privkey_deinit(identity->key);
}

/* The path of a file NAME.pem, or NAME.key, in @directory, which the caller frees. */
static inline char *identity_write(const Identity *identity, const char *directory,
				   const char *name, bool key)
{
	g_autofree char *base = g_strconcat(name, key ? ".key" : ".pem", NULL);
	char *path = g_build_filename(directory, base, NULL);
	gnutls_datum_t text;

	if (key)
		assert_int_equal(
			gnutls_x509_privkey_export2(identity->key, GNUTLS_X509_FMT_PEM, &text), 0);
	else
		assert_int_equal(
			gnutls_x509_crt_export2(identity->certificate, GNUTLS_X509_FMT_PEM, &text),
			0);
	assert_true(g_file_set_contents(path, (const char *)text.data, text.size, NULL));
	gnutls_free(text.data);
	return path;
}

#endif
