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

#include "config/config.h"
#include "accounts/flows.h"
#include "accounts/hosts.h"

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
 * One whole IPFIX Message. The sequence number in its header is 0: it counts the data records of
 * one transport session and Observation Domain, so whoever sends the message writes it.
 */
typedef struct {
	IpfixContents contents;
	uint32_t observation_domain;
	uint32_t stream; /* below IPFIX_STREAMS: those of one domain have one sequence */
	uint32_t
		first; /* of a batch of hosts or flows: the index of the first item in this message ... */
	uint32_t items; /* ... and how many are: to encode the rest again, start from `first` */
	uint8_t data[];
} IpfixMessage;

#define IPFIX_STREAMS 3

#define IPFIX_SEQUENCE_OFFSET 8 /* of the sequence number (32 bits, network order) in the header */

typedef struct {
	uint32_t observation_domain;
	/*
	 * One of so many is taken; 0 is 1. What is sampled is in the domain after that of the others, as
	 * collectors multiply all that is in a domain of which they are told that it is sampled.
	 */
	uint32_t flow_sampling;
	uint32_t enterprise_number;
	EnterpriseElements enterprise;
	bool layer2_octets;
	FlowTimes flow_times;
	bool flow_routes;    /* flow records tell next hops and prefixes */
	bool biflows;	     /* flow records can be of both directions (RFC 5103) */
	size_t message_size; /* IPFIX_MESSAGE_MIN to IPFIX_MESSAGE_MAX */
} IpfixLayout;

/*
 * What one host did in one direction in one period. Scopes are summed up by the caller unless
 * ipfix_tells_scopes_apart().
 */
typedef struct {
	struct host_key key; /* key.ifindex is ingressInterface or egressInterface */
	enum direction direction;
	uint64_t start_ms; /* since the epoch */
	uint64_t end_ms;
	Volume volume;
	const char *name; /* NULL: host_label() stands for it */
} HostRecord;

/* What becomes one flow record; all is borrowed. */
typedef struct {
	const FlowRecord *flow;
	const FlowRoute *route;	   /* NULL: nothing is known of it */
	const FlowRecord *reverse; /* the other direction, where both are one record; else NULL */
	const FlowRoute *reverse_route;
} IpfixFlow;

/*
 * Flows of one kind have one template: their family, whether anything of a frame is known of them, and
 * whether both directions are in it.
 */
#define IPFIX_FLOW_KINDS 8
#define IPFIX_UNIFLOW_KINDS 4 /* those of one direction come first */

/* The Exporting Process as one collector sees it (RFC 7011, 4.1 and 4.3; template 270). */
typedef struct {
	uint64_t init_time_ms; /* systemInitTimeMilliseconds */
	uint64_t exported_messages;
	uint64_t exported_flow_records;
	uint64_t exported_octets;
	uint64_t ignored_packets;
	uint64_t ignored_octets;
	uint64_t not_sent_flow_records;
	uint64_t not_sent_packets;
	uint64_t not_sent_octets;
} IpfixStatistics;

typedef struct {
	uint32_t ifindex;
	const char *name;	 /* UTF-8, cut at 16 octets */
	const char *description; /* UTF-8, cut at 32 octets; may be NULL */
} IpfixInterface;

IpfixEncoder *ipfix_encoder_new(const IpfixLayout *layout, GError **error);
void ipfix_encoder_free(IpfixEncoder *encoder);

/* Later messages are at most this long: the path MTU has changed. */
bool ipfix_encoder_set_message_size(IpfixEncoder *encoder, size_t message_size, GError **error);

/* Whether the records of @key have hostScope, so that its scopes need not be summed up. */
bool ipfix_tells_scopes_apart(EnterpriseElements enterprise, const struct host_key *key);

/* What both directions have had, if both are there. */
Volume ipfix_flow_volume(const IpfixFlow *flow);

/* Below IPFIX_FLOW_KINDS. */
unsigned int ipfix_flow_kind(const IpfixFlow *flow);

/*
 * Each appends IpfixMessages to @messages, which frees them by g_free(). @export_time_s is for the
 * message header.
 */

/* What a collector is told of; options come with either. */
enum {
	IPFIX_HOSTS = 1 << 0,
	IPFIX_FLOWS = 1 << 1,
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

/* Options: statistics (270) with their template, in Observation Domain 0. */
bool ipfix_encode_statistics(IpfixEncoder *encoder, uint32_t export_time_s,
			     const IpfixStatistics *statistics, GPtrArray *messages,
			     GError **error);

/* The records from index @from on; those whose volume is zero are left out. */
bool ipfix_encode_hosts(IpfixEncoder *encoder, uint32_t export_time_s, const HostRecord *records,
			size_t n, size_t from, GPtrArray *messages, GError **error);

/* The same of flows; those of one kind should stand together. */
bool ipfix_encode_flows(IpfixEncoder *encoder, uint32_t export_time_s, const IpfixFlow *flows,
			size_t n, size_t from, GPtrArray *messages, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpfixEncoder, ipfix_encoder_free)

#endif
