/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors are GErrors of one domain. The code is the errno behind the error, 0 where there is none;
 * the message is what the user reads: "what: why", without the program's name and without a full
 * stop.
 */
#ifndef FLOWTALLY_ERROR_H
#define FLOWTALLY_ERROR_H

#include <glib.h>

#define FLOWTALLY_ERROR flowtally_error_quark()
GQuark flowtally_error_quark(void);

/* "FORMAT: strerror". @error_number may be negative, as libbpf and the kernel return it. */
void error_from_errno(GError **error, int error_number, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

void error_set(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
