/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to IPFIX Messages (RFC 7011). The only module that knows libfixbuf, which serves as a
 * codec: it writes to memory, and whole messages are handed on. Template ids and layouts are in
 * README.md, "IPFIX"; an id means one layout for ever.
 */
#ifndef FLOWTALLY_IPFIX_H
#define FLOWTALLY_IPFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "config.h"
#include "hosts.h"

#define IPFIX_HEADER_LEN 16
#define IPFIX_MESSAGE_MIN 256 /* the smallest `message-size`: each record and each template fits   \
			       */

typedef struct IpfixEncoder IpfixEncoder;

/*
 * One whole IPFIX Message. The sequence number in its header is not set: it counts the data records
 * of one transport session, so whoever sends the message writes it (octets 8 to 11).
 */
typedef struct {
	uint32_t records; /* data records, options data records among them */
	uint32_t first;	  /* of a batch: the index of the first item that is in this message ... */
	uint32_t items;	  /* ... and how many are: a re-encoding can start over from `first` */
	uint64_t packets; /* sums over its data records, for the account of what was not sent */
	uint64_t octets;
	size_t len;
	uint8_t data[];
} IpfixMessage;

typedef struct {
	uint32_t observation_domain;
	uint32_t enterprise_number;
	EnterpriseElements enterprise;
	bool layer2_octets;
	size_t message_size; /* at least IPFIX_MESSAGE_MIN */
} IpfixLayout;

/* One period of one host in one direction; scopes are already summed up unless the layout has
 * hostScope. */
typedef struct {
	struct host_key key; /* key.ifindex is ingressInterface or egressInterface; a zero MAC is
				left out */
	enum direction direction;
	uint64_t start_ms; /* since the epoch */
	uint64_t end_ms;
	Volume volume;
} HostRecord;

/* RFC 7011, 4.1 to 4.3, of one collector; template 270. */
typedef struct {
	uint64_t init_time_ms; /* systemInitTimeMilliseconds */
	uint64_t exported_messages;
	uint64_t exported_records;
	uint64_t exported_octets;
	uint64_t ignored_packets;
	uint64_t ignored_octets;
	uint64_t not_sent_records;
	uint64_t not_sent_packets;
	uint64_t not_sent_octets;
} IpfixStatistics;

typedef struct {
	uint32_t ifindex;
	const char *name;	 /* cut at 16 octets */
	const char *description; /* cut at 32 octets */
} IpfixInterface;

IpfixEncoder *ipfix_encoder_new(const IpfixLayout *layout, GError **error);
void ipfix_encoder_free(IpfixEncoder *encoder);

/* Later messages are at most this long: the path MTU has changed. */
bool ipfix_encoder_set_message_size(IpfixEncoder *encoder, size_t message_size, GError **error);

/*
 * Each appends IpfixMessages to @messages, which frees them by g_free(). @export_time_s is for the
 * message header.
 */

/* RFC 5610 types of the enterprise elements, then all templates which the layout can produce. */
bool ipfix_encode_templates(IpfixEncoder *encoder, uint32_t export_time_s, GPtrArray *messages,
			    GError **error);

/* Options: interface names (271), and that every packet is seen (272). */
bool ipfix_encode_interfaces(IpfixEncoder *encoder, uint32_t export_time_s,
			     const IpfixInterface *interfaces, size_t n, GPtrArray *messages,
			     GError **error);

/* Records whose volume is zero are left out, as are those before @from. */
bool ipfix_encode_hosts(IpfixEncoder *encoder, uint32_t export_time_s, const HostRecord *records,
			size_t n, size_t from, GPtrArray *messages, GError **error);

/*
 * Statistics (270) with their template, in observation domain 0 (RFC 7011, 3.1), which has a
 * sequence of its own: nfdump does not count options records.
 */
bool ipfix_encode_statistics(IpfixEncoder *encoder, uint32_t export_time_s,
			     const IpfixStatistics *statistics, bool with_template,
			     GPtrArray *messages, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpfixEncoder, ipfix_encoder_free)

#endif
