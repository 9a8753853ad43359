/* SPDX-License-Identifier: Apache-2.0 */
/* The FILTER that stands in the words of a command line. */
#ifndef FLOWTALLY_FILTERWORDS_H
#define FLOWTALLY_FILTERWORDS_H

#include <glib.h>

/*
 * As a part of a request (flowquery.h), the caller's to free; NULL with the error set, one line that may be shown as
 * it is. Which interfaces there are only the agent knows.
 */
char *filter_words_join(char **words, GError **error);

#endif
