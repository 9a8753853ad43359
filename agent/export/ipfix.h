/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to messages: of IPFIX (RFC 7011), or of NetFlow version 9 (RFC 3954), which is the same with fewer
 * words. What stands in a message and when is decided here, and in which domain; domain.h has the octets.
 */
#ifndef FLOWTALLY_IPFIX_H
#define FLOWTALLY_IPFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "templates.h"

#define IPFIX_HEADER_LEN 16
#define IPFIX_MESSAGE_MIN 384 /* any record and any template fits into a message of this length */
#define IPFIX_MESSAGE_MAX 65535

typedef struct IpfixEncoder IpfixEncoder;

/* What a message holds, for the account of what was sent and what was not. */
typedef struct {
	size_t len;	       /* of the message, in octets */
	uint32_t records;      /* data records: the sequence number advances by as many */
	uint32_t flow_records; /* those of them that are not options */
	uint64_t packets;      /* sums over the flow records */
	uint64_t octets;
} IpfixContents;

/*
 * One whole message. The sequence number in its header is 0: it counts what one transport session has had
 * of an Observation Domain, so whoever sends the message writes it.
 */
typedef struct {
	IpfixContents contents;
	uint32_t observation_domain; /* each has a sequence */
	uint32_t sequence_step;	     /* by which the number of the next message is higher */
	uint16_t
		sequence_offset; /* of 32 bits in network order, within the first IPFIX_HEADER_LEN octets */
	uint32_t
		first; /* of a batch of hosts or flows: the index of the first item in this message ... */
	uint32_t items; /* ... and how many are: to encode the rest again, start from `first` */
	uint8_t data[];
} IpfixMessage;

#define IPFIX_SEQUENCE_OFFSET 8

typedef struct {
	uint32_t ifindex;
	const char *name;	 /* UTF-8, cut at 16 octets */
	const char *description; /* UTF-8, cut at 32 octets; may be NULL */
} IpfixInterface;

/* What has been of one class at one hook since the sheet was begun. */
typedef struct {
	const char *interface; /* UTF-8, cut at 16 octets */
	enum hook hook;
	const char *class; /* at most 19 octets */
	Volume volume;
} IpfixLedgerEntry;

typedef struct {
	uint8_t mac[MAC_LEN];
	const char *name; /* UTF-8, cut at 32 octets */
} IpfixName;

IpfixEncoder *ipfix_encoder_new(const IpfixLayout *layout, GError **error);
void ipfix_encoder_free(IpfixEncoder *encoder);

const Templates *ipfix_encoder_templates(const IpfixEncoder *encoder);

/* Later messages are at most this long: the path MTU has changed. */
bool ipfix_encoder_set_message_size(IpfixEncoder *encoder, size_t message_size, GError **error);

/*
 * Each appends IpfixMessages to @messages, which frees them by g_free(). @export_time_s is for the
 * message header.
 */

/* What a collector is told of; how packets are sampled comes with either of the first two. */
enum {
	IPFIX_HOSTS = 1 << 0,
	IPFIX_FLOWS = 1 << 1,
	IPFIX_INTERFACES = 1 << 2,
};

/*
 * All templates which the layout can produce for these @records, those of options among them. What
 * describes the enterprise elements (RFC 5610) comes first, as some learn the types from there only,
 * and in Observation Domain 0 (RFC 7011, 3.1), which has a sequence of its own: nfdump does not count
 * options records, and this way misses none.
 */
bool ipfix_encode_templates(IpfixEncoder *encoder, uint32_t export_time_s, unsigned int records,
			    GPtrArray *messages, GError **error);

/*
 * Options: interface names (271), and how packets are sampled (272), in each domain; @records as in
 * ipfix_encode_templates().
 */
bool ipfix_encode_options(IpfixEncoder *encoder, uint32_t export_time_s, unsigned int records,
			  const IpfixInterface *interfaces, size_t n, GPtrArray *messages,
			  GError **error);

/* Options: statistics (270) with their template, in Observation Domain 0; which domain they are of is filled in. */
bool ipfix_encode_statistics(IpfixEncoder *encoder, uint32_t export_time_s,
			     const struct statistics_fields *statistics, GPtrArray *messages,
			     GError **error);

/* Options: the balance sheet (273), and names of devices (275, or 276 without our elements), with their
 * templates, in Observation Domain 0. */
bool ipfix_encode_ledger(IpfixEncoder *encoder, uint32_t export_time_s,
			 const IpfixLedgerEntry *entries, size_t n, GPtrArray *messages,
			 GError **error);
bool ipfix_encode_names(IpfixEncoder *encoder, uint32_t export_time_s, const IpfixName *names,
			size_t n, GPtrArray *messages, GError **error);

/* The records from index @from on; those whose volume is zero are left out. */
bool ipfix_encode_hosts(IpfixEncoder *encoder, uint32_t export_time_s, const HostRecord *records,
			size_t n, size_t from, GPtrArray *messages, GError **error);

/* The same of flows; those of one kind should stand together. */
bool ipfix_encode_flows(IpfixEncoder *encoder, uint32_t export_time_s, const IpfixFlow *flows,
			size_t n, size_t from, GPtrArray *messages, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpfixEncoder, ipfix_encoder_free)

#endif
