/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may ask by HTTP, and over what: a file in the form of exporter-toolkit's web configuration, so that one
 * that serves Prometheus' own exporters serves here, too. Of its keys:
 *
 *   tls_server_config: cert_file, key_file, client_ca_file, client_auth_type, min_version, max_version
 *   http_server_config: headers
 *   basic_auth_users: user names and their bcrypt hashes
 *
 * Paths are absolute or lie beside the file. A WebConfig holds what the files held when it was read.
 * Nothing of it is to be shown. Once read it does not change; it is counted who refers to it.
 */
#ifndef FLOWTALLY_WEBCONFIG_H
#define FLOWTALLY_WEBCONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

typedef enum {
	CLIENT_AUTH_NONE,
	CLIENT_AUTH_REQUEST,	     /* a certificate is asked for, and any or none will do */
	CLIENT_AUTH_REQUIRE_ANY,     /* there must be one, whoever has signed it */
	CLIENT_AUTH_VERIFY_IF_GIVEN, /* if there is one, it must be good */
	CLIENT_AUTH_REQUIRE_AND_VERIFY,
} ClientAuth;

typedef enum {
	TLS_VERSION_10,
	TLS_VERSION_11,
	TLS_VERSION_12,
	TLS_VERSION_13,
} TlsVersion;

/* Of the answers; those that the toolkit allows. */
typedef enum {
	WEB_HEADER_STRICT_TRANSPORT_SECURITY,
	WEB_HEADER_X_CONTENT_TYPE_OPTIONS,
	WEB_HEADER_X_FRAME_OPTIONS,
	WEB_HEADER_X_XSS_PROTECTION,
	WEB_HEADER_CONTENT_SECURITY_POLICY,
	WEB_HEADERS,
} WebHeader;

extern const char *const web_header_names[WEB_HEADERS];

/* A file that is named, and what it held; NUL-terminated. */
typedef struct {
	char *path; /* as written; NULL: none is */
	size_t line;
	char *contents;
} WebFile;

typedef struct {
	WebFile cert; /* path NULL: no TLS */
	WebFile key;
	WebFile client_ca;
	ClientAuth client_auth;
	TlsVersion min_version;
	TlsVersion max_version;
	char *headers[WEB_HEADERS]; /* NULL: none */
	GHashTable *users;	    /* name -> hash; NULL: everyone may ask */
} WebConfig;

/* As config_read(). */
WebConfig *web_config_read(const char *path, GPtrArray *errors);
WebConfig *web_config_ref(WebConfig *web); /* NULL is one, too */
void web_config_unref(WebConfig *web);

/* A file that has a key or hashes of passwords in it and that everybody may read: @path, from which it was read, or the
 * one of the key. NULL: none; the caller's to free. */
char *web_config_find_public(const WebConfig *web, const char *path);

/* NULL is a web configuration in which nothing is said. */
bool web_config_has_tls(const WebConfig *web);
bool web_config_has_authentication(const WebConfig *web); /* by password or certificate */
bool web_config_equal(const WebConfig *a, const WebConfig *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebConfig, web_config_unref)

#endif
