/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging: g_warning() and its kin, to the journal where stderr leads there, else a line each on stderr.
 *
 * Messages have names in them that strangers chose: what is not printable is written as "\xHH". In the journal, too,
 * though it takes anything: journalctl shows of a message with a control character nothing but its length. The other
 * fields are all our own.
 */
#ifndef FLOWTALLY_LOG_H
#define FLOWTALLY_LOG_H

#include <glib.h>

/* Call once, before anything logs. What is less grave than @least is dropped, but for what G_MESSAGES_DEBUG
 * asks for. What libbpf has to say is logged as debugging output. */
void log_init(GLogLevelFlags least);

#endif
