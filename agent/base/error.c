/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <stdarg.h>
#include <stdlib.h>

GQuark flowtally_error_quark(void)
{
	return g_quark_from_static_string("flowtally-error");
}

void error_from_errno(GError **error, int error_number, const char *format, ...)
{
	g_autofree char *what = NULL;
	va_list args;

	error_number = abs(error_number);
	va_start(args, format);
	what = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, FLOWTALLY_ERROR, error_number, "%s: %s", what, g_strerror(error_number));
}

void error_set(GError **error, const char *format, ...)
{
	g_autofree char *message = NULL;
	va_list args;

	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, FLOWTALLY_ERROR, 0, message);
}
