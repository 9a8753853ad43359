/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is exported, field by field: each kind of record is a struct in memory, whose members the Information
 * Elements of templates are taken from. Elements have only their names here; how a record looks on the wire is the
 * concern of who writes messages.
 *
 * Integers and IPv4 addresses are in host byte order, MACs and IPv6 addresses as on the wire.
 */
#ifndef FLOWTALLY_RECORDFIELDS_H
#define FLOWTALLY_RECORDFIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accounts/flows.h"
#include "accounts/hosts.h"

/*
 * What one host did in one direction in one period. Scopes are summed up by the caller unless its record
 * has hostScope.
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

/* What both directions have had, if both are there. */
Volume ipfix_flow_volume(const IpfixFlow *flow);

/* What a field needs; a template has those that need no more than it has. */
enum {
	NEEDS_UPLOAD = 1 << 0,
	NEEDS_DOWNLOAD = 1 << 1,
	NEEDS_IPV4 = 1 << 2,
	NEEDS_IPV6 = 1 << 3,
	NEEDS_MAC = 1 << 4,
	NEEDS_LAYER2 = 1 << 5,
	NEEDS_HOST_MAC = 1 << 6,
	NEEDS_HOST_SCOPE = 1 << 7,
	NEEDS_LINK = 1 << 8, /* what of a flow stands in the frame's header: MACs and tags */
	NEEDS_FLOW_MARK = 1 << 9,
	NEEDS_MILLISECONDS = 1 << 10,
	NEEDS_NANOSECONDS = 1 << 11,
	NEEDS_UPTIME = 1 << 12, /* times as NetFlow has them */
	NEEDS_ROUTES = 1 << 13,
	NEEDS_BIFLOW = 1 << 14,
	NEEDS_CHOICE = 1 << 15, /* of templates that somebody has put together */
	NEEDS_HOST_NAME = 1 << 16,
};

typedef struct {
	const char *name;  /* of the element, by IANA's registry or ours; NULL after the last */
	uint16_t offset;   /* of the member in the struct, ... */
	uint16_t len;	   /* ... and its length */
	uint16_t wire_len; /* on the wire, unless somebody says otherwise */
	bool is_integer;   /* in host byte order */
	bool is_short;	   /* can be encoded in fewer octets (RFC 7011, 6.2) */
	uint32_t needs;
} RecordField;

/* Records of one layout in memory, whatever the templates that take from them. */
typedef struct {
	const char *name; /* for people */
	uint16_t len;	  /* of the struct, in which the fields have this order */
	uint16_t scope;	  /* how many of the first fields are the scope of options */
	const RecordField *fields;
} RecordKind;

/* One struct serves all templates of hosts. Of source and destination, what the host is not is 0. */
struct host_fields {
	uint64_t start_ms;
	uint64_t end_ms;
	uint32_t ingress_interface;
	uint32_t egress_interface;
	uint8_t flow_direction;
	uint8_t ip_version;
	uint8_t source_mac[MAC_LEN];
	uint8_t destination_mac[MAC_LEN];
	uint32_t source_ipv4;
	uint32_t destination_ipv4;
	uint8_t source_ipv6[ADDRESS_LEN];
	uint8_t destination_ipv6[ADDRESS_LEN];
	uint64_t octets;
	uint64_t packets;
	uint64_t layer2_octets;
	uint8_t host_mac[MAC_LEN];
	uint8_t host_scope;
	char host_name[32];
	uint32_t start_s;
	uint32_t end_s;
	uint32_t start_uptime_ms; /* since the start of the Exporting Process, modulo 2^32 */
	uint32_t end_uptime_ms;
};

/*
 * One for both families. What is told of the interface of one hook alone is 0 for the other.
 *
 * What is of the other direction comes first: nfdump 1.7.1 takes most of these elements for those of the flow
 * itself, and of two it keeps the last.
 */
struct flow_fields {
	uint8_t reverse_source_mac[MAC_LEN];
	uint8_t reverse_destination_mac[MAC_LEN];
	uint16_t reverse_icmp_ipv4;
	uint16_t reverse_icmp_ipv6;
	uint8_t biflow_direction;
	uint8_t reverse_flow_direction;
	uint8_t reverse_class_of_service;
	uint8_t reverse_tcp_flags;
	uint8_t reverse_min_ttl;
	uint8_t reverse_max_ttl;
	uint8_t reverse_end_reason;
	uint64_t reverse_start_ms;
	uint64_t reverse_end_ms;
	uint64_t reverse_start_ntp;
	uint64_t reverse_end_ntp;
	uint32_t reverse_fragment_id;
	uint32_t reverse_flow_label;
	uint32_t reverse_min_octets;
	uint32_t reverse_max_octets;
	uint64_t reverse_octets;
	uint64_t reverse_packets;
	uint64_t reverse_layer2_octets;
	uint32_t reverse_next_hop_ipv4;
	uint8_t reverse_next_hop_ipv6[ADDRESS_LEN];
	uint64_t start_ms;
	uint64_t end_ms;
	uint64_t start_ntp; /* seconds since 1900 in the upper half, their fraction in the lower */
	uint64_t end_ntp;
	uint32_t ingress_interface;
	uint32_t egress_interface;
	uint8_t flow_direction;
	uint8_t ip_version;
	uint8_t source_mac[MAC_LEN];
	uint8_t destination_mac[MAC_LEN];
	uint16_t vlan;
	uint16_t post_vlan;
	uint16_t customer_vlan;
	uint32_t source_ipv4;
	uint32_t destination_ipv4;
	uint8_t source_ipv6[ADDRESS_LEN];
	uint8_t destination_ipv6[ADDRESS_LEN];
	uint16_t source_port;
	uint16_t destination_port;
	uint16_t icmp_ipv4;
	uint16_t icmp_ipv6;
	uint8_t protocol;
	uint8_t class_of_service;
	uint16_t tcp_flags;
	uint8_t min_ttl;
	uint8_t max_ttl;
	uint8_t end_reason;
	uint8_t forwarding_status;
	uint32_t fragment_id;
	uint32_t flow_label;
	uint32_t min_octets;
	uint32_t max_octets;
	uint32_t bgp_next_hop_ipv4;
	uint64_t octets;
	uint64_t packets;
	uint64_t layer2_octets;
	uint32_t next_hop_ipv4;
	uint8_t next_hop_ipv6[ADDRESS_LEN];
	uint8_t source_length_ipv4;
	uint8_t destination_length_ipv4;
	uint8_t source_length_ipv6;
	uint8_t destination_length_ipv6;
	uint32_t mark;
	uint32_t bgp_source_as;
	uint32_t bgp_destination_as;
	uint32_t start_s;
	uint32_t end_s;
	uint32_t start_uptime_ms; /* since the start of the Exporting Process, modulo 2^32 */
	uint32_t end_uptime_ms;
	uint16_t dot1q_vlan;
};

/* The Exporting Process as one collector sees it (RFC 7011, 4.1 and 4.3). */
struct statistics_fields {
	uint32_t observation_domain;
	uint64_t init_time_ms;
	uint64_t exported_messages;
	uint64_t exported_flow_records;
	uint64_t exported_octets;
	uint64_t ignored_packets;
	uint64_t ignored_octets;
	uint64_t not_sent_flow_records;
	uint64_t not_sent_packets;
	uint64_t not_sent_octets;
};

struct interface_fields {
	uint32_t ifindex;
	char name[16];
	char description[32];
};

struct sampling_fields {
	uint32_t observation_domain;
	uint16_t selector_algorithm;
	uint32_t packet_interval;
	uint32_t packet_space;
};

/* The same as NetFlow has it (RFC 3954, 8: fields 34 and 35). */
struct sampling9_fields {
	uint32_t observation_domain;
	uint32_t interval;
	uint8_t algorithm;
};

/* Of one class of frames. Texts are NUL padded. */
struct ledger_fields {
	uint32_t observation_domain;
	char interface[16];
	uint8_t direction; /* enum hook, as flowDirection has it */
	char class[19];
	uint64_t packets; /* since the sheet was begun */
	uint64_t octets;
	uint64_t layer2_octets;
};

struct name_fields {
	uint8_t mac[MAC_LEN];
	char name[32];
};

extern const RecordKind host_kind;
extern const RecordKind flow_kind;
extern const RecordKind statistics_kind;
extern const RecordKind interface_kind;
extern const RecordKind sampling_kind;
extern const RecordKind sampling9_kind;
extern const RecordKind ledger_kind;
extern const RecordKind name_kind;
extern const RecordKind user_name_kind; /* the same, by elements of IANA alone */

/* That any record can fill; @name in any case. NULL: there is none. */
const RecordField *record_field_find(const RecordKind *kind, const char *name);

/* Whether anything of a frame is known of its packets. */
bool flow_has_link(const FlowRecord *record);

/* All but the times since a start. */
void host_fields_fill(struct host_fields *fields, const HostRecord *record, bool with_name);
void flow_fields_fill(struct flow_fields *fields, const IpfixFlow *flow);

/* NUL padded; never ends within a character. @from may be NULL. */
void record_copy_text(char *to, size_t size, const char *from);

#endif
