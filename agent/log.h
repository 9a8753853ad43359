/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging: g_warning() and its kin, to the journal where stderr leads there, else a line each on stderr.
 */
#ifndef FLOWTALLY_LOG_H
#define FLOWTALLY_LOG_H

/* Call once, before anything logs. What libbpf has to say is logged as debugging output. */
void log_init(void);

#endif
