/* SPDX-License-Identifier: Apache-2.0 */
/* The FILTER of a command line. */
#ifndef FLOWTALLY_FILTERWORDS_H
#define FLOWTALLY_FILTERWORDS_H

#include <stdbool.h>

#include <glib.h>

/*
 * The one that stands in @words. As a part of a request (flowquery.h), the caller's to free; NULL with the error set, one line that may be shown as
 * it is. Which interfaces there are only the agent knows.
 */
char *filter_words_join(char **words, GError **error);

/* Whether @text may be asked of packets, whatever interfaces there are; else the same errors. */
bool filter_words_check_of_packets(const char *text, GError **error);

#endif
