/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a tool in the foreground sends IPFIX Messages to: a collector, or a file (RFC 5655). It blocks; the agent has
 * export/transport.h.
 */
#ifndef FLOWTALLY_IPFIXSEND_H
#define FLOWTALLY_IPFIXSEND_H

#include <stdbool.h>

#include <glib.h>

typedef struct IpfixTarget IpfixTarget;

/* @remote is HOST:PORT, as is @local, which may be NULL. */
IpfixTarget *ipfix_target_connect(const char *remote, const char *local, bool by_tcp,
				  GError **error);

/* "-": standard output. */
IpfixTarget *ipfix_target_open(const char *path, GError **error);

void ipfix_target_free(IpfixTarget *target);

/* All of them, of IpfixMessage; the error begins with what the target is called. */
bool ipfix_target_send(IpfixTarget *target, const GPtrArray *messages, GError **error);

/* Nothing more will be sent; false if what was sent has not all been taken. */
bool ipfix_target_finish(IpfixTarget *target, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpfixTarget, ipfix_target_free)

#endif
