/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a RecordFile holds as IPFIX Messages (RFC 7011): first its templates, each in a set of its own, as linux-flow-exporter
 * does and some collectors want it, then its sets, of which each begins a message.
 */
#ifndef FLOWTALLY_IPFIX_WRITER_H
#define FLOWTALLY_IPFIX_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "recordfile.h"

#define IPFIX_WRITER_MESSAGE_MIN 64

/*
 * Appends IpfixMessages of at most @message_size octets, IPFIX_WRITER_MESSAGE_MIN to IPFIX_MESSAGE_MAX, to
 * @messages, which frees them by g_free(). Unlike those of an encoder they have their sequence numbers, from 0 on. False if a
 * template or a record does not fit into a message.
 */
bool ipfix_write_messages(const RecordFile *file, uint32_t export_time_s, size_t message_size,
			  GPtrArray *messages, GError **error);

#endif
