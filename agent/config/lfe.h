/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of linux-flow-exporter, in our words: who comes from there starts with the file that is there.
 */
#ifndef FLOWTALLY_LFE_H
#define FLOWTALLY_LFE_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/* Whether the file at @path has keys which only linux-flow-exporter's has. */
bool lfe_is_config(const char *path);

/* How it calls our export.ipfix.message-size. */
#define LFE_MESSAGE_SIZE_KEY "maxIpfixMessageLen"

/*
 * What it says, as YAML of ours; the caller's to free. NULL if there are errors, each "FILE:LINE: key: reason" as
 * settings_read() writes them. @message_size_line: where that key is, 0 if nowhere.
 */
char *lfe_translate(const char *path, size_t *message_size_line, GPtrArray *errors);

#endif
