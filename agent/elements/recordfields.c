/* SPDX-License-Identifier: Apache-2.0 */
#include "recordfields.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/mac.h"

#define NTP_EPOCH_S UINT64_C(2208988800) /* from 1900 to 1970 */

/* clang-format off */
#define MEMBER(type, member) ((struct type *)NULL)->member
#define IS_INTEGER(member) _Generic(member, uint8_t : true, uint16_t : true, uint32_t : true, \
				    uint64_t : true, default : false)
#define ROW(type, member, wire_len, needs, name, is_number)                      \
	{ name, offsetof(struct type, member), sizeof(MEMBER(type, member)), wire_len, \
	  IS_INTEGER(MEMBER(type, member)), is_number, needs }
#define FIELD_AS(type, member, wire_len, needs, name) \
	ROW(type, member, wire_len, needs, name, IS_INTEGER(MEMBER(type, member)))
#define FIELD(type, member, needs, name) \
	FIELD_AS(type, member, sizeof(MEMBER(type, member)), needs, name)
/* A time or an address. */
#define WHOLE(type, member, needs, name) \
	ROW(type, member, sizeof(MEMBER(type, member)), needs, name, false)

/* One row a member, in its order, which is also the order on the wire. */
static const RecordField host_spec[] = {
	WHOLE(host_fields, start_ms,          NEEDS_MILLISECONDS,          "flowStartMilliseconds"),
	WHOLE(host_fields, end_ms,            NEEDS_MILLISECONDS,          "flowEndMilliseconds"),
	FIELD(host_fields, ingress_interface, NEEDS_UPLOAD,                "ingressInterface"),
	FIELD(host_fields, egress_interface,  NEEDS_DOWNLOAD,              "egressInterface"),
	FIELD(host_fields, flow_direction,    0,                           "flowDirection"),
	FIELD(host_fields, ip_version,        0,                           "ipVersion"),
	FIELD(host_fields, source_mac,        NEEDS_UPLOAD | NEEDS_MAC,    "sourceMacAddress"),
	FIELD(host_fields, destination_mac,   NEEDS_DOWNLOAD | NEEDS_MAC,  "destinationMacAddress"),
	WHOLE(host_fields, source_ipv4,       NEEDS_UPLOAD | NEEDS_IPV4,   "sourceIPv4Address"),
	WHOLE(host_fields, destination_ipv4,  NEEDS_DOWNLOAD | NEEDS_IPV4, "destinationIPv4Address"),
	FIELD(host_fields, source_ipv6,       NEEDS_UPLOAD | NEEDS_IPV6,   "sourceIPv6Address"),
	FIELD(host_fields, destination_ipv6,  NEEDS_DOWNLOAD | NEEDS_IPV6, "destinationIPv6Address"),
	FIELD(host_fields, octets,            0,                           "octetDeltaCount"),
	FIELD(host_fields, packets,           0,                           "packetDeltaCount"),
	FIELD(host_fields, layer2_octets,     NEEDS_LAYER2,                "layer2OctetDeltaCount"),
	FIELD(host_fields, host_mac,          NEEDS_HOST_MAC,              "hostMacAddress"),
	FIELD(host_fields, host_scope,        NEEDS_HOST_SCOPE,            "hostScope"),
	FIELD(host_fields, host_name,         NEEDS_HOST_NAME,            "hostName"),
	WHOLE(host_fields, start_s,           NEEDS_CHOICE,                "flowStartSeconds"),
	WHOLE(host_fields, end_s,             NEEDS_CHOICE,                "flowEndSeconds"),
	FIELD(host_fields, start_uptime_ms,   NEEDS_UPTIME,                "flowStartSysUpTime"),
	FIELD(host_fields, end_uptime_ms,     NEEDS_UPTIME,                "flowEndSysUpTime"),
	{ .name = NULL },
};

static const RecordField flow_spec[] = {
	FIELD(flow_fields, reverse_source_mac,       NEEDS_BIFLOW | NEEDS_LINK,                "reverseSourceMacAddress"),
	FIELD(flow_fields, reverse_destination_mac,  NEEDS_BIFLOW | NEEDS_LINK,                "reverseDestinationMacAddress"),
	FIELD(flow_fields, reverse_icmp_ipv4,        NEEDS_BIFLOW | NEEDS_IPV4,                "reverseIcmpTypeCodeIPv4"),
	FIELD(flow_fields, reverse_icmp_ipv6,        NEEDS_BIFLOW | NEEDS_IPV6,                "reverseIcmpTypeCodeIPv6"),
	FIELD(flow_fields, biflow_direction,         NEEDS_BIFLOW,                             "biflowDirection"),
	FIELD(flow_fields, reverse_flow_direction,   NEEDS_BIFLOW,                             "reverseFlowDirection"),
	FIELD(flow_fields, reverse_class_of_service, NEEDS_BIFLOW,                             "reverseIpClassOfService"),
	FIELD(flow_fields, reverse_tcp_flags,        NEEDS_BIFLOW,                             "reverseTcpControlBits"),
	FIELD(flow_fields, reverse_min_ttl,          NEEDS_BIFLOW,                             "reverseMinimumTTL"),
	FIELD(flow_fields, reverse_max_ttl,          NEEDS_BIFLOW,                             "reverseMaximumTTL"),
	FIELD(flow_fields, reverse_end_reason,       NEEDS_BIFLOW,                             "reverseFlowEndReason"),
	WHOLE(flow_fields, reverse_start_ms,         NEEDS_BIFLOW | NEEDS_MILLISECONDS,        "reverseFlowStartMilliseconds"),
	WHOLE(flow_fields, reverse_end_ms,           NEEDS_BIFLOW | NEEDS_MILLISECONDS,        "reverseFlowEndMilliseconds"),
	WHOLE(flow_fields, reverse_start_ntp,        NEEDS_BIFLOW | NEEDS_NANOSECONDS,         "reverseFlowStartNanoseconds"),
	WHOLE(flow_fields, reverse_end_ntp,          NEEDS_BIFLOW | NEEDS_NANOSECONDS,         "reverseFlowEndNanoseconds"),
	FIELD(flow_fields, reverse_fragment_id,      NEEDS_BIFLOW,                             "reverseFragmentIdentification"),
	FIELD(flow_fields, reverse_flow_label,       NEEDS_BIFLOW | NEEDS_IPV6,                "reverseFlowLabelIPv6"),
	FIELD(flow_fields, reverse_min_octets,       NEEDS_BIFLOW,                             "reverseMinimumIpTotalLength"),
	FIELD(flow_fields, reverse_max_octets,       NEEDS_BIFLOW,                             "reverseMaximumIpTotalLength"),
	FIELD(flow_fields, reverse_octets,           NEEDS_BIFLOW,                             "reverseOctetDeltaCount"),
	FIELD(flow_fields, reverse_packets,          NEEDS_BIFLOW,                             "reversePacketDeltaCount"),
	FIELD(flow_fields, reverse_layer2_octets,    NEEDS_BIFLOW | NEEDS_LAYER2,              "reverseLayer2OctetDeltaCount"),
	WHOLE(flow_fields, reverse_next_hop_ipv4,    NEEDS_BIFLOW | NEEDS_ROUTES | NEEDS_IPV4, "reverseIpNextHopIPv4Address"),
	FIELD(flow_fields, reverse_next_hop_ipv6,    NEEDS_BIFLOW | NEEDS_ROUTES | NEEDS_IPV6, "reverseIpNextHopIPv6Address"),
	WHOLE(flow_fields, start_ms,                 NEEDS_MILLISECONDS,                       "flowStartMilliseconds"),
	WHOLE(flow_fields, end_ms,                   NEEDS_MILLISECONDS,                       "flowEndMilliseconds"),
	WHOLE(flow_fields, start_ntp,                NEEDS_NANOSECONDS,                        "flowStartNanoseconds"),
	WHOLE(flow_fields, end_ntp,                  NEEDS_NANOSECONDS,                        "flowEndNanoseconds"),
	FIELD(flow_fields, ingress_interface,        0,                                        "ingressInterface"),
	FIELD(flow_fields, egress_interface,         0,                                        "egressInterface"),
	FIELD(flow_fields, flow_direction,           0,                                        "flowDirection"),
	FIELD(flow_fields, ip_version,               0,                                        "ipVersion"),
	FIELD(flow_fields, source_mac,               NEEDS_LINK,                               "sourceMacAddress"),
	FIELD(flow_fields, destination_mac,          NEEDS_LINK,                               "destinationMacAddress"),
	FIELD(flow_fields, vlan,                     NEEDS_LINK,                               "vlanId"),
	FIELD(flow_fields, post_vlan,                NEEDS_LINK,                               "postVlanId"),
	FIELD(flow_fields, customer_vlan,            NEEDS_LINK,                               "dot1qCustomerVlanId"),
	WHOLE(flow_fields, source_ipv4,              NEEDS_IPV4,                               "sourceIPv4Address"),
	WHOLE(flow_fields, destination_ipv4,         NEEDS_IPV4,                               "destinationIPv4Address"),
	FIELD(flow_fields, source_ipv6,              NEEDS_IPV6,                               "sourceIPv6Address"),
	FIELD(flow_fields, destination_ipv6,         NEEDS_IPV6,                               "destinationIPv6Address"),
	FIELD(flow_fields, source_port,              0,                                        "sourceTransportPort"),
	FIELD(flow_fields, destination_port,         0,                                        "destinationTransportPort"),
	FIELD(flow_fields, icmp_ipv4,                NEEDS_IPV4,                               "icmpTypeCodeIPv4"),
	FIELD(flow_fields, icmp_ipv6,                NEEDS_IPV6,                               "icmpTypeCodeIPv6"),
	FIELD(flow_fields, protocol,                 0,                                        "protocolIdentifier"),
	FIELD(flow_fields, class_of_service,         0,                                        "ipClassOfService"),
	FIELD_AS(flow_fields, tcp_flags, 1,          0,                                        "tcpControlBits"),
	FIELD(flow_fields, min_ttl,                  0,                                        "minimumTTL"),
	FIELD(flow_fields, max_ttl,                  0,                                        "maximumTTL"),
	FIELD(flow_fields, end_reason,               0,                                        "flowEndReason"),
	FIELD(flow_fields, forwarding_status,        NEEDS_CHOICE,                             "forwardingStatus"),
	FIELD(flow_fields, fragment_id,              0,                                        "fragmentIdentification"),
	FIELD(flow_fields, flow_label,               NEEDS_IPV6,                               "flowLabelIPv6"),
	FIELD(flow_fields, min_octets,               0,                                        "minimumIpTotalLength"),
	FIELD(flow_fields, max_octets,               0,                                        "maximumIpTotalLength"),
	WHOLE(flow_fields, bgp_next_hop_ipv4,        NEEDS_CHOICE | NEEDS_IPV4,                "bgpNextHopIPv4Address"),
	FIELD(flow_fields, octets,                   0,                                        "octetDeltaCount"),
	FIELD(flow_fields, packets,                  0,                                        "packetDeltaCount"),
	FIELD(flow_fields, layer2_octets,            NEEDS_LAYER2,                             "layer2OctetDeltaCount"),
	WHOLE(flow_fields, next_hop_ipv4,            NEEDS_ROUTES | NEEDS_IPV4,                "ipNextHopIPv4Address"),
	FIELD(flow_fields, next_hop_ipv6,            NEEDS_ROUTES | NEEDS_IPV6,                "ipNextHopIPv6Address"),
	FIELD(flow_fields, source_length_ipv4,       NEEDS_ROUTES | NEEDS_IPV4,                "sourceIPv4PrefixLength"),
	FIELD(flow_fields, destination_length_ipv4,  NEEDS_ROUTES | NEEDS_IPV4,                "destinationIPv4PrefixLength"),
	FIELD(flow_fields, source_length_ipv6,       NEEDS_ROUTES | NEEDS_IPV6,                "sourceIPv6PrefixLength"),
	FIELD(flow_fields, destination_length_ipv6,  NEEDS_ROUTES | NEEDS_IPV6,                "destinationIPv6PrefixLength"),
	FIELD(flow_fields, mark,                     NEEDS_FLOW_MARK,                          "flowMark"),
	FIELD(flow_fields, bgp_source_as,            NEEDS_CHOICE,                             "bgpSourceAsNumber"),
	FIELD(flow_fields, bgp_destination_as,       NEEDS_CHOICE,                             "bgpDestinationAsNumber"),
	WHOLE(flow_fields, start_s,                  NEEDS_CHOICE,                             "flowStartSeconds"),
	WHOLE(flow_fields, end_s,                    NEEDS_CHOICE,                             "flowEndSeconds"),
	FIELD(flow_fields, start_uptime_ms,          NEEDS_UPTIME,                             "flowStartSysUpTime"),
	FIELD(flow_fields, end_uptime_ms,            NEEDS_UPTIME,                             "flowEndSysUpTime"),
	FIELD(flow_fields, dot1q_vlan,               NEEDS_CHOICE,                             "dot1qVlanId"),
	{ .name = NULL },
};

static const RecordField statistics_spec[] = {
	FIELD(statistics_fields, observation_domain,    0,         "observationDomainId"),
	WHOLE(statistics_fields, init_time_ms,          0,         "systemInitTimeMilliseconds"),
	FIELD(statistics_fields, exported_messages,     0,         "exportedMessageTotalCount"),
	FIELD(statistics_fields, exported_flow_records, 0,         "exportedFlowRecordTotalCount"),
	FIELD(statistics_fields, exported_octets,       0,         "exportedOctetTotalCount"),
	FIELD(statistics_fields, ignored_packets,       0,         "ignoredPacketTotalCount"),
	FIELD(statistics_fields, ignored_octets,        0,         "ignoredOctetTotalCount"),
	FIELD(statistics_fields, not_sent_flow_records, 0,         "notSentFlowTotalCount"),
	FIELD(statistics_fields, not_sent_packets,      0,         "notSentPacketTotalCount"),
	FIELD(statistics_fields, not_sent_octets,       0,         "notSentOctetTotalCount"),
	{ .name = NULL },
};

static const RecordField interface_spec[] = {
	FIELD(interface_fields, ifindex,     0, "ingressInterface"),
	FIELD(interface_fields, name,        0, "interfaceName"),
	FIELD(interface_fields, description, 0, "interfaceDescription"),
	{ .name = NULL },
};

static const RecordField sampling9_spec[] = {
	FIELD(sampling9_fields, observation_domain, 0,         "observationDomainId"),
	FIELD(sampling9_fields, interval,           0,         "samplingInterval"),
	FIELD(sampling9_fields, algorithm,          0,         "samplingAlgorithm"),
	{ .name = NULL },
};

static const RecordField sampling_spec[] = {
	FIELD(sampling_fields, observation_domain, 0,         "observationDomainId"),
	FIELD(sampling_fields, selector_algorithm, 0,         "selectorAlgorithm"),
	FIELD(sampling_fields, packet_interval,    0,         "samplingPacketInterval"),
	FIELD(sampling_fields, packet_space,       0,         "samplingPacketSpace"),
	{ .name = NULL },
};

static const RecordField ledger_spec[] = {
	FIELD(ledger_fields, observation_domain, 0, "observationDomainId"),
	FIELD(ledger_fields, interface,          0, "interfaceName"),
	FIELD(ledger_fields, direction,          0, "flowDirection"),
	FIELD(ledger_fields, class,              0, "selectorName"),
	FIELD(ledger_fields, packets,            0, "packetTotalCount"),
	FIELD(ledger_fields, octets,             0, "octetTotalCount"),
	FIELD(ledger_fields, layer2_octets,      0, "layer2OctetTotalCount"),
	{ .name = NULL },
};

static const RecordField name_spec[] = {
	FIELD(name_fields, mac,  0, "sourceMacAddress"),
	FIELD(name_fields, name, 0, "hostName"),
	{ .name = NULL },
};

static const RecordField user_name_spec[] = {
	FIELD(name_fields, mac,  0, "sourceMacAddress"),
	FIELD(name_fields, name, 0, "userName"),
	{ .name = NULL },
};

const RecordKind host_kind = { "hosts", sizeof(struct host_fields), 0, host_spec };
const RecordKind flow_kind = { "flows", sizeof(struct flow_fields), 0, flow_spec };
const RecordKind statistics_kind = { "statistics", sizeof(struct statistics_fields), 1, statistics_spec };
const RecordKind interface_kind = { "interfaces", sizeof(struct interface_fields), 1, interface_spec };
const RecordKind sampling_kind = { "sampling", sizeof(struct sampling_fields), 1, sampling_spec };
const RecordKind sampling9_kind = { "sampling", sizeof(struct sampling9_fields), 1, sampling9_spec };
const RecordKind ledger_kind = { "ledger", sizeof(struct ledger_fields), 4, ledger_spec };
const RecordKind name_kind = { "names", sizeof(struct name_fields), 1, name_spec };
const RecordKind user_name_kind = { "names", sizeof(struct name_fields), 1, user_name_spec };
/* clang-format on */

const RecordField *record_field_find(const RecordKind *kind, const char *name)
{
	for (const RecordField *field = kind->fields; field->name; field++) {
		if (!(field->needs & (NEEDS_BIFLOW | NEEDS_UPTIME)) &&
		    !g_ascii_strcasecmp(field->name, name))
			return field;
	}
	return NULL;
}

void record_copy_text(char *to, size_t size, const char *from)
{
	size_t len = from ? strlen(from) : 0;

	if (len > size) {
		len = size;
		while (len && (from[len] & 0xc0) == 0x80)
			len--;
	}
	memset(to, 0, size);
	if (len)
		memcpy(to, from, len);
}

static uint32_t ipv4_of(const uint8_t address[ADDRESS_LEN])
{
	uint32_t ipv4;

	memcpy(&ipv4, address + ADDRESS_LEN - sizeof(ipv4), sizeof(ipv4));
	return ntohl(ipv4);
}

static void fill_source(struct host_fields *fields, const struct host_key *key)
{
	fields->ingress_interface = key->ifindex;
	fields->source_ipv4 = ipv4_of(key->address);
	memcpy(fields->source_mac, key->mac, MAC_LEN);
	memcpy(fields->source_ipv6, key->address, ADDRESS_LEN);
}

static void fill_destination(struct host_fields *fields, const struct host_key *key)
{
	fields->egress_interface = key->ifindex;
	fields->destination_ipv4 = ipv4_of(key->address);
	memcpy(fields->destination_mac, key->mac, MAC_LEN);
	memcpy(fields->destination_ipv6, key->address, ADDRESS_LEN);
}

void host_fields_fill(struct host_fields *fields, const HostRecord *record, bool with_name)
{
	const struct host_key *key = &record->key;

	*fields = (struct host_fields){
		.start_ms = record->start_ms,
		.end_ms = record->end_ms,
		.flow_direction = (uint8_t)record->direction,
		.ip_version = key->ip_version,
		.octets = record->volume.octets,
		.packets = record->volume.packets,
		.layer2_octets = record->volume.layer2_octets,
		.host_scope = key->scope,
		.start_s = (uint32_t)(record->start_ms / 1000),
		.end_s = (uint32_t)(record->end_ms / 1000),
	};
	memcpy(fields->host_mac, key->mac, MAC_LEN);
	if (record->direction == DIRECTION_UPLOAD)
		fill_source(fields, key);
	else
		fill_destination(fields, key);
	if (with_name) {
		char label[HOST_LABEL_MAX];

		record_copy_text(fields->host_name, sizeof(fields->host_name),
				 record->name ? record->name : host_label(key, label));
	}
}

bool flow_has_link(const FlowRecord *record)
{
	return record->key.vlan || record->key.customer_vlan ||
	       !mac_is_zero(record->attributes.source_mac) ||
	       !mac_is_zero(record->attributes.destination_mac);
}
static bool is_icmp(const struct flow_key *key)
{
	return key->protocol == (key->ip_version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/*
 * An outer tag is told of the interface where the frame was seen: 58 is of that of ingress, 59 of egress,
 * and pmacct takes the one or the other by the direction.
 */
static void fill_flow_link(struct flow_fields *fields, const FlowRecord *record)
{
	const struct flow_key *key = &record->key;

	memcpy(fields->source_mac, record->attributes.source_mac, MAC_LEN);
	memcpy(fields->destination_mac, record->attributes.destination_mac, MAC_LEN);
	fields->vlan = key->hook == HOOK_INGRESS ? key->vlan : 0;
	fields->post_vlan = key->hook == HOOK_EGRESS ? key->vlan : 0;
	fields->dot1q_vlan = key->vlan;
	fields->customer_vlan = key->customer_vlan;
}

/*
 * ICMP's type and code stand in destinationTransportPort, too, where NetFlow has always had them and where
 * pmacct looks for them.
 *
 * Of tcpControlBits the lower octet is told (RFC 7125): pmacct reads the first octet of two.
 */
static void fill_flow_transport(struct flow_fields *fields, const FlowRecord *record)
{
	const struct flow_key *key = &record->key;
	uint16_t icmp = is_icmp(key) ? ntohs(key->destination_port) : 0;

	fields->source_port = ntohs(key->source_port);
	fields->destination_port = ntohs(key->destination_port);
	fields->icmp_ipv4 = icmp;
	fields->icmp_ipv6 = icmp;
	fields->protocol = key->protocol;
	fields->tcp_flags = record->attributes.tcp_flags;
}

/*
 * dateTimeNanoseconds (RFC 7011, 6.1.10). The fraction is the next one after the time, so that who counts in
 * milliseconds finds the same one again.
 */
static uint64_t ntp_of(uint64_t epoch_ms)
{
	uint64_t fraction = (epoch_ms % 1000 << 32) + 999;

	return (epoch_ms / 1000 + NTP_EPOCH_S) << 32 | fraction / 1000;
}

/* forwardingStatus (RFC 7270, 4.12): what enters may be forwarded, delivered or dropped. */
enum {
	FORWARDING_UNKNOWN = 0,
	FORWARDED = 1 << 6,
};

static void fill_flow_fields(struct flow_fields *fields, const FlowRecord *record)
{
	const struct flow_key *key = &record->key;
	const struct flow_attributes *attributes = &record->attributes;

	*fields = (struct flow_fields){
		.start_ms = record->start_ms,
		.end_ms = record->end_ms,
		.start_ntp = ntp_of(record->start_ms),
		.end_ntp = ntp_of(record->end_ms),
		.ingress_interface = key->ingress,
		.egress_interface = key->egress,
		.flow_direction = key->hook,
		.ip_version = key->ip_version,
		.source_ipv4 = ipv4_of(key->source),
		.destination_ipv4 = ipv4_of(key->destination),
		.class_of_service = key->traffic_class,
		.min_ttl = attributes->min_ttl,
		.max_ttl = attributes->max_ttl,
		.end_reason = (uint8_t)record->end,
		.fragment_id = attributes->fragment_id,
		.flow_label = attributes->flow_label,
		.min_octets = attributes->min_octets,
		.max_octets = attributes->max_octets,
		.octets = record->volume.octets,
		.packets = record->volume.packets,
		.layer2_octets = record->volume.layer2_octets,
		.mark = key->mark,
		.forwarding_status = key->hook == HOOK_EGRESS ? FORWARDED : FORWARDING_UNKNOWN,
		.start_s = (uint32_t)(record->start_ms / 1000),
		.end_s = (uint32_t)(record->end_ms / 1000),
	};
	memcpy(fields->source_ipv6, key->source, ADDRESS_LEN);
	memcpy(fields->destination_ipv6, key->destination, ADDRESS_LEN);
	fill_flow_link(fields, record);
	fill_flow_transport(fields, record);
}

static void fill_flow_route(struct flow_fields *fields, const FlowRoute *route)
{
	fields->next_hop_ipv4 = ipv4_of(route->next_hop);
	memcpy(fields->next_hop_ipv6, route->next_hop, ADDRESS_LEN);
	fields->source_length_ipv4 = fields->source_length_ipv6 = route->source_length;
	fields->destination_length_ipv4 = route->destination_length;
	fields->destination_length_ipv6 = route->destination_length;
}

/* biflowDirection, element 239: the flow itself, not its reverse, is told by the elements of IANA. */
static uint8_t biflow_direction(const FlowRecord *flow)
{
	static const uint8_t directions[] = {
		[FLOW_INITIATOR] = 1,
		[FLOW_RESPONDER] = 2,
		[FLOW_ROLE_UNDECIDED] = 0,
	};

	return flow->role < G_N_ELEMENTS(directions) ? directions[flow->role] : 0;
}

static void fill_one_direction(struct flow_fields *fields, const FlowRecord *record,
			       const FlowRoute *route)
{
	fill_flow_fields(fields, record);
	if (route)
		fill_flow_route(fields, route);
}

static void fill_reverse(struct flow_fields *fields, const IpfixFlow *flow)
{
	struct flow_fields other;

	fill_one_direction(&other, flow->reverse, flow->reverse_route);
	memcpy(fields->reverse_source_mac, other.source_mac, MAC_LEN);
	memcpy(fields->reverse_destination_mac, other.destination_mac, MAC_LEN);
	fields->reverse_icmp_ipv4 = other.icmp_ipv4;
	fields->reverse_icmp_ipv6 = other.icmp_ipv6;
	fields->biflow_direction = biflow_direction(flow->flow);
	fields->reverse_flow_direction = other.flow_direction;
	fields->reverse_class_of_service = other.class_of_service;
	fields->reverse_tcp_flags = (uint8_t)other.tcp_flags;
	fields->reverse_min_ttl = other.min_ttl;
	fields->reverse_max_ttl = other.max_ttl;
	fields->reverse_end_reason = other.end_reason;
	fields->reverse_start_ms = other.start_ms;
	fields->reverse_end_ms = other.end_ms;
	fields->reverse_start_ntp = other.start_ntp;
	fields->reverse_end_ntp = other.end_ntp;
	fields->reverse_fragment_id = other.fragment_id;
	fields->reverse_flow_label = other.flow_label;
	fields->reverse_min_octets = other.min_octets;
	fields->reverse_max_octets = other.max_octets;
	fields->reverse_octets = other.octets;
	fields->reverse_packets = other.packets;
	fields->reverse_layer2_octets = other.layer2_octets;
	fields->reverse_next_hop_ipv4 = other.next_hop_ipv4;
	memcpy(fields->reverse_next_hop_ipv6, other.next_hop_ipv6, ADDRESS_LEN);
}

Volume ipfix_flow_volume(const IpfixFlow *flow)
{
	Volume volume = flow->flow->volume;

	if (flow->reverse)
		volume_add(&volume, &flow->reverse->volume);
	return volume;
}

void flow_fields_fill(struct flow_fields *fields, const IpfixFlow *flow)
{
	fill_one_direction(fields, flow->flow, flow->route);
	if (flow->reverse)
		fill_reverse(fields, flow);
}
