/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of settings that are one text: from the text to what it means.
 */
#ifndef FLOWTALLY_SCALAR_H
#define FLOWTALLY_SCALAR_H

#include <stdbool.h>

#include "settings.h"

/* Whether @text is what @setting, no list, asks for; if so it is written to @place, whose type the
 * setting's implies. A string there is the caller's. */
bool scalar_parse(const Setting *setting, const char *text, void *place);

/* What scalar_parse() takes, and why it does not take @text, if that is one; completes "VALUE is ...".
 * The caller frees it. */
char *scalar_expected(const Setting *setting, const char *text);

#endif
