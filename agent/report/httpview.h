/* SPDX-License-Identifier: Apache-2.0 */
/* How the HTTP server is, for those who show it. Apart from http.h, for what is shown is also what it serves. */
#ifndef FLOWTALLY_HTTPVIEW_H
#define FLOWTALLY_HTTPVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* The answers that there are. */
typedef enum {
	HTTP_OK,
	HTTP_BAD_REQUEST,
	HTTP_UNAUTHORIZED,
	HTTP_NOT_FOUND,
	HTTP_NOT_ALLOWED,
	HTTP_UNAVAILABLE,
	HTTP_CODES,
} HttpCode;

extern const unsigned int http_codes[HTTP_CODES]; /* as HTTP has them: 200 ... */

typedef struct {
	char *address; /* as configured */
	char *error;   /* NULL: it listens */
} HttpListenerView;

typedef struct {
	GPtrArray *listeners; /* of HttpListenerView */
	bool tls;
	bool authentication;
	const char *error; /* why nobody is served, whoever listens; NULL: they are */
	uint64_t requests[HTTP_CODES];
	uint64_t refused;	     /* connections beyond the limits */
	uint64_t cut_off;	     /* connections that took too long over a request */
	uint64_t scrape_duration_ns; /* of the last exposition that was made, 0: none yet */
} HttpView;

#endif
