/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfix.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"
#include "ipfix_domain.h"

#define NTP_EPOCH_S UINT64_C(2208988800) /* from 1900 to 1970 */

/*
 * An id of host records is TEMPLATE_HOSTS + the variant's block + 2 * AddressKind + direction, one of flows
 * TEMPLATE_FLOWS + its blocks + FlowFamily.
 */
enum {
	TEMPLATE_HOSTS = 256,
	TEMPLATE_FLOWS = 512,
	TEMPLATE_STATISTICS = 270,
	TEMPLATE_INTERFACES = 271,
	TEMPLATE_SAMPLING = 272,
	TEMPLATE_TYPES = 274,
};

typedef enum {
	ADDRESS_IPV4,
	ADDRESS_IPV6,
	ADDRESS_NONE, /* known by MAC alone */
	ADDRESS_KINDS,
} AddressKind;

typedef enum {
	FLOW_IPV4,
	FLOW_IPV6,
	FLOW_FAMILIES,
} FlowFamily;

/* What a template has. A field belongs to the templates that have all that it needs. */
enum {
	UPLOAD = 1 << 0,
	DOWNLOAD = 1 << 1,
	IPV4 = 1 << 2,
	IPV6 = 1 << 3,
	MAC = 1 << 4,
	LAYER2 = 1 << 5,
	HOST_MAC = 1 << 6,
	HOST_SCOPE = 1 << 7,
	LINK = 1 << 8, /* what of a flow stands in the frame's header: MACs and tags */
	FLOW_MARK = 1 << 9,
	IN_MEMORY = 1 << 10, /* never on the wire: aligns the field that follows */
	MILLISECONDS = 1 << 11,
	NANOSECONDS = 1 << 12,
	ROUTES = 1 << 13,
	BIFLOW = 1 << 14,
	EVERYTHING = (1 << 15) - 1,
};

static const uint32_t direction_fields[DIRECTIONS] = { UPLOAD, DOWNLOAD };
static const uint32_t address_fields[ADDRESS_KINDS] = { IPV4, IPV6, 0 };

/* A block of template ids, and what its templates have beside direction and address. */
typedef struct {
	uint16_t block;
	uint32_t fields;
} Variant;

static const Variant variants[] = {
	[ENTERPRISE_NONE] = { 0, MAC },
	[ENTERPRISE_MAC] = { 32, MAC | HOST_MAC },
	[ENTERPRISE_FULL] = { 64, MAC | HOST_MAC | HOST_SCOPE },
};

/* Of hosts that are known by their address alone; ids for ADDRESS_NONE do not exist. */
static const Variant variant_without_mac = { 96, 0 };

static const Variant flow_variants[] = {
	[ENTERPRISE_NONE] = { 0, 0 },
	[ENTERPRISE_MAC] = { 32, FLOW_MARK },
	[ENTERPRISE_FULL] = { 32, FLOW_MARK },
};

#define NO_LINK_BLOCK 64
#define LAYER2_BLOCK 128
#define ROUTES_BLOCK 256
#define NANOSECONDS_BLOCK 512 /* of flows alone */
#define BIFLOW_BLOCK 1024

/* Each is in the templates that have what it belongs to. */
static const struct {
	uint32_t fields;
	fbInfoElement_t element;
} enterprise_elements[] = {
	{ HOST_MAC, FB_IE_INIT_FULL("hostMacAddress", 0, 1, 6, FB_IE_DEFAULT, 0, 0, FB_MAC_ADDR,
				    (char *)"MAC address of the metered host") },
	{ HOST_SCOPE, FB_IE_INIT_FULL("hostScope", 0, 2, 1, FB_IE_IDENTIFIER, 0, 0, FB_UINT_8,
				      (char *)"how far it went: 1 internet, 2 local") },
	{ HOST_SCOPE, FB_IE_INIT_FULL("hostName", 0, 3, FB_IE_VARLEN, FB_IE_DEFAULT, 0, 0,
				      FB_STRING, (char *)"name of the metered host") },
	{ FLOW_MARK, FB_IE_INIT_FULL("flowMark", 0, 4, 4, FB_IE_F_ENDIAN | FB_IE_IDENTIFIER, 0, 0,
				     FB_UINT_32, (char *)"mark of the packets in Linux, fwmark") },
};

/*
 * The records in memory: integers and IPv4 addresses in host byte order. One struct serves all
 * templates of hosts, and the source members tell of the same host as the destination members: a
 * template takes what it needs.
 */
struct host_fields {
	uint64_t start_ms;
	uint64_t end_ms;
	uint32_t ingress_interface;
	uint32_t egress_interface;
	uint8_t flow_direction;
	uint8_t ip_version;
	uint8_t source_mac[MAC_LEN];
	uint8_t destination_mac[MAC_LEN];
	uint8_t padding[2];
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
	uint8_t padding_2[1];
};
_Static_assert(sizeof(struct host_fields) == 144, "host_fields has holes");

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
	uint8_t padding_3[1];
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
	uint8_t padding_5[4];
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
	uint8_t tcp_flags;
	uint8_t min_ttl;
	uint8_t max_ttl;
	uint8_t end_reason;
	uint8_t padding[2];
	uint32_t fragment_id;
	uint32_t flow_label;
	uint32_t min_octets;
	uint32_t max_octets;
	uint8_t padding_2[4];
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
	uint8_t padding_4[4];
};
_Static_assert(sizeof(struct flow_fields) == 312, "flow_fields has holes");

struct statistics_fields {
	uint32_t observation_domain;
	uint8_t padding[4];
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
_Static_assert(sizeof(struct statistics_fields) == 80, "statistics_fields has holes");

struct interface_fields {
	uint32_t ifindex;
	char name[16];
	char description[32];
};
_Static_assert(sizeof(struct interface_fields) == 52, "interface_fields has holes");

struct sampling_fields {
	uint32_t observation_domain;
	uint16_t selector_algorithm;
	uint8_t padding[2];
	uint32_t packet_interval;
	uint32_t packet_space;
};
_Static_assert(sizeof(struct sampling_fields) == 16, "sampling_fields has holes");

/* clang-format off */
#define FIELD(type, member, needs, name) \
	{ (char *)(name), sizeof(((struct type *)NULL)->member), (uint32_t)(needs) }

/* One row a member, in its order, which is also the order on the wire. */
static fbInfoElementSpec_t host_spec[] = {
	FIELD(host_fields, start_ms,          0,               "flowStartMilliseconds"),
	FIELD(host_fields, end_ms,            0,               "flowEndMilliseconds"),
	FIELD(host_fields, ingress_interface, UPLOAD,          "ingressInterface"),
	FIELD(host_fields, egress_interface,  DOWNLOAD,        "egressInterface"),
	FIELD(host_fields, flow_direction,    0,               "flowDirection"),
	FIELD(host_fields, ip_version,        0,               "ipVersion"),
	FIELD(host_fields, source_mac,        UPLOAD | MAC,    "sourceMacAddress"),
	FIELD(host_fields, destination_mac,   DOWNLOAD | MAC,  "destinationMacAddress"),
	FIELD(host_fields, padding,           IN_MEMORY,       "paddingOctets"),
	FIELD(host_fields, source_ipv4,       UPLOAD | IPV4,   "sourceIPv4Address"),
	FIELD(host_fields, destination_ipv4,  DOWNLOAD | IPV4, "destinationIPv4Address"),
	FIELD(host_fields, source_ipv6,       UPLOAD | IPV6,   "sourceIPv6Address"),
	FIELD(host_fields, destination_ipv6,  DOWNLOAD | IPV6, "destinationIPv6Address"),
	FIELD(host_fields, octets,            0,               "octetDeltaCount"),
	FIELD(host_fields, packets,           0,               "packetDeltaCount"),
	FIELD(host_fields, layer2_octets,     LAYER2,          "layer2OctetDeltaCount"),
	FIELD(host_fields, host_mac,          HOST_MAC,        "hostMacAddress"),
	FIELD(host_fields, host_scope,        HOST_SCOPE,      "hostScope"),
	FIELD(host_fields, host_name,         HOST_SCOPE,      "hostName"),
	FIELD(host_fields, padding_2,         IN_MEMORY,       "paddingOctets"),
	FB_IESPEC_NULL,
};

static fbInfoElementSpec_t flow_spec[] = {
	FIELD(flow_fields, reverse_source_mac, BIFLOW | LINK, "reverseSourceMacAddress"),
	FIELD(flow_fields, reverse_destination_mac, BIFLOW | LINK, "reverseDestinationMacAddress"),
	FIELD(flow_fields, reverse_icmp_ipv4, BIFLOW | IPV4, "reverseIcmpTypeCodeIPv4"),
	FIELD(flow_fields, reverse_icmp_ipv6, BIFLOW | IPV6, "reverseIcmpTypeCodeIPv6"),
	FIELD(flow_fields, biflow_direction,  BIFLOW,    "biflowDirection"),
	FIELD(flow_fields, reverse_flow_direction, BIFLOW, "reverseFlowDirection"),
	FIELD(flow_fields, reverse_class_of_service, BIFLOW, "reverseIpClassOfService"),
	FIELD(flow_fields, reverse_tcp_flags, BIFLOW,    "reverseTcpControlBits"),
	FIELD(flow_fields, reverse_min_ttl,   BIFLOW,    "reverseMinimumTTL"),
	FIELD(flow_fields, reverse_max_ttl,   BIFLOW,    "reverseMaximumTTL"),
	FIELD(flow_fields, reverse_end_reason, BIFLOW,   "reverseFlowEndReason"),
	FIELD(flow_fields, padding_3,         IN_MEMORY, "paddingOctets"),
	FIELD(flow_fields, reverse_start_ms,  BIFLOW | MILLISECONDS, "reverseFlowStartMilliseconds"),
	FIELD(flow_fields, reverse_end_ms,    BIFLOW | MILLISECONDS, "reverseFlowEndMilliseconds"),
	FIELD(flow_fields, reverse_start_ntp, BIFLOW | NANOSECONDS, "reverseFlowStartNanoseconds"),
	FIELD(flow_fields, reverse_end_ntp,   BIFLOW | NANOSECONDS, "reverseFlowEndNanoseconds"),
	FIELD(flow_fields, reverse_fragment_id, BIFLOW,  "reverseFragmentIdentification"),
	FIELD(flow_fields, reverse_flow_label, BIFLOW | IPV6, "reverseFlowLabelIPv6"),
	FIELD(flow_fields, reverse_min_octets, BIFLOW,   "reverseMinimumIpTotalLength"),
	FIELD(flow_fields, reverse_max_octets, BIFLOW,   "reverseMaximumIpTotalLength"),
	FIELD(flow_fields, reverse_octets,    BIFLOW,    "reverseOctetDeltaCount"),
	FIELD(flow_fields, reverse_packets,   BIFLOW,    "reversePacketDeltaCount"),
	FIELD(flow_fields, reverse_layer2_octets, BIFLOW | LAYER2, "reverseLayer2OctetDeltaCount"),
	FIELD(flow_fields, reverse_next_hop_ipv4, BIFLOW | ROUTES | IPV4, "reverseIpNextHopIPv4Address"),
	FIELD(flow_fields, reverse_next_hop_ipv6, BIFLOW | ROUTES | IPV6, "reverseIpNextHopIPv6Address"),
	FIELD(flow_fields, padding_5,         IN_MEMORY, "paddingOctets"),
	FIELD(flow_fields, start_ms,          MILLISECONDS, "flowStartMilliseconds"),
	FIELD(flow_fields, end_ms,            MILLISECONDS, "flowEndMilliseconds"),
	FIELD(flow_fields, start_ntp,         NANOSECONDS, "flowStartNanoseconds"),
	FIELD(flow_fields, end_ntp,           NANOSECONDS, "flowEndNanoseconds"),
	FIELD(flow_fields, ingress_interface, 0,         "ingressInterface"),
	FIELD(flow_fields, egress_interface,  0,         "egressInterface"),
	FIELD(flow_fields, flow_direction,    0,         "flowDirection"),
	FIELD(flow_fields, ip_version,        0,         "ipVersion"),
	FIELD(flow_fields, source_mac,        LINK,      "sourceMacAddress"),
	FIELD(flow_fields, destination_mac,   LINK,      "destinationMacAddress"),
	FIELD(flow_fields, vlan,              LINK,      "vlanId"),
	FIELD(flow_fields, post_vlan,         LINK,      "postVlanId"),
	FIELD(flow_fields, customer_vlan,     LINK,      "dot1qCustomerVlanId"),
	FIELD(flow_fields, source_ipv4,       IPV4,      "sourceIPv4Address"),
	FIELD(flow_fields, destination_ipv4,  IPV4,      "destinationIPv4Address"),
	FIELD(flow_fields, source_ipv6,       IPV6,      "sourceIPv6Address"),
	FIELD(flow_fields, destination_ipv6,  IPV6,      "destinationIPv6Address"),
	FIELD(flow_fields, source_port,       0,         "sourceTransportPort"),
	FIELD(flow_fields, destination_port,  0,         "destinationTransportPort"),
	FIELD(flow_fields, icmp_ipv4,         IPV4,      "icmpTypeCodeIPv4"),
	FIELD(flow_fields, icmp_ipv6,         IPV6,      "icmpTypeCodeIPv6"),
	FIELD(flow_fields, protocol,          0,         "protocolIdentifier"),
	FIELD(flow_fields, class_of_service,  0,         "ipClassOfService"),
	FIELD(flow_fields, tcp_flags,         0,         "tcpControlBits"),
	FIELD(flow_fields, min_ttl,           0,         "minimumTTL"),
	FIELD(flow_fields, max_ttl,           0,         "maximumTTL"),
	FIELD(flow_fields, end_reason,        0,         "flowEndReason"),
	FIELD(flow_fields, padding,           IN_MEMORY, "paddingOctets"),
	FIELD(flow_fields, fragment_id,       0,         "fragmentIdentification"),
	FIELD(flow_fields, flow_label,        IPV6,      "flowLabelIPv6"),
	FIELD(flow_fields, min_octets,        0,         "minimumIpTotalLength"),
	FIELD(flow_fields, max_octets,        0,         "maximumIpTotalLength"),
	FIELD(flow_fields, padding_2,         IN_MEMORY, "paddingOctets"),
	FIELD(flow_fields, octets,            0,         "octetDeltaCount"),
	FIELD(flow_fields, packets,           0,         "packetDeltaCount"),
	FIELD(flow_fields, layer2_octets,     LAYER2,    "layer2OctetDeltaCount"),
	FIELD(flow_fields, next_hop_ipv4,     ROUTES | IPV4, "ipNextHopIPv4Address"),
	FIELD(flow_fields, next_hop_ipv6,     ROUTES | IPV6, "ipNextHopIPv6Address"),
	FIELD(flow_fields, source_length_ipv4, ROUTES | IPV4, "sourceIPv4PrefixLength"),
	FIELD(flow_fields, destination_length_ipv4, ROUTES | IPV4, "destinationIPv4PrefixLength"),
	FIELD(flow_fields, source_length_ipv6, ROUTES | IPV6, "sourceIPv6PrefixLength"),
	FIELD(flow_fields, destination_length_ipv6, ROUTES | IPV6, "destinationIPv6PrefixLength"),
	FIELD(flow_fields, mark,              FLOW_MARK, "flowMark"),
	FIELD(flow_fields, padding_4,         IN_MEMORY, "paddingOctets"),
	FB_IESPEC_NULL,
};

static fbInfoElementSpec_t statistics_spec[] = {
	FIELD(statistics_fields, observation_domain,    0,         "observationDomainId"),
	FIELD(statistics_fields, padding,               IN_MEMORY, "paddingOctets"),
	FIELD(statistics_fields, init_time_ms,          0,         "systemInitTimeMilliseconds"),
	FIELD(statistics_fields, exported_messages,     0,         "exportedMessageTotalCount"),
	FIELD(statistics_fields, exported_flow_records, 0,         "exportedFlowRecordTotalCount"),
	FIELD(statistics_fields, exported_octets,       0,         "exportedOctetTotalCount"),
	FIELD(statistics_fields, ignored_packets,       0,         "ignoredPacketTotalCount"),
	FIELD(statistics_fields, ignored_octets,        0,         "ignoredOctetTotalCount"),
	FIELD(statistics_fields, not_sent_flow_records, 0,         "notSentFlowTotalCount"),
	FIELD(statistics_fields, not_sent_packets,      0,         "notSentPacketTotalCount"),
	FIELD(statistics_fields, not_sent_octets,       0,         "notSentOctetTotalCount"),
	FB_IESPEC_NULL,
};

static fbInfoElementSpec_t interface_spec[] = {
	FIELD(interface_fields, ifindex,     0, "ingressInterface"),
	FIELD(interface_fields, name,        0, "interfaceName"),
	FIELD(interface_fields, description, 0, "interfaceDescription"),
	FB_IESPEC_NULL,
};

static fbInfoElementSpec_t sampling_spec[] = {
	FIELD(sampling_fields, observation_domain, 0,         "observationDomainId"),
	FIELD(sampling_fields, selector_algorithm, 0,         "selectorAlgorithm"),
	FIELD(sampling_fields, padding,            IN_MEMORY, "paddingOctets"),
	FIELD(sampling_fields, packet_interval,    0,         "samplingPacketInterval"),
	FIELD(sampling_fields, packet_space,       0,         "samplingPacketSpace"),
	FB_IESPEC_NULL,
};

/* On the wire; in memory it is libfixbuf's own. */
static fbInfoElementSpec_t type_spec[] = {
	{ (char *)"privateEnterpriseNumber", 4, 0 },
	{ (char *)"informationElementId", 2, 0 },
	{ (char *)"informationElementDataType", 1, 0 },
	{ (char *)"informationElementSemantics", 1, 0 },
	{ (char *)"informationElementUnits", 2, 0 },
	{ (char *)"informationElementRangeBegin", 8, 0 },
	{ (char *)"informationElementRangeEnd", 8, 0 },
	{ (char *)"informationElementName", FB_IE_VARLEN, 0 },
	{ (char *)"informationElementDescription", FB_IE_VARLEN, 0 },
	FB_IESPEC_NULL,
};
/* clang-format on */

/* Records of one layout in memory, whatever the templates that take from them. */
typedef struct {
	uint16_t id; /* of the template that describes it, which libfixbuf calls internal */
	uint16_t len;
	uint16_t scope; /* how many of the first fields are the scope of options */
	fbInfoElementSpec_t *spec;
} RecordKind;

/* clang-format off */
static const RecordKind host_kind =
	{ TEMPLATE_HOSTS, sizeof(struct host_fields), 0, host_spec };
static const RecordKind flow_kind =
	{ TEMPLATE_FLOWS, sizeof(struct flow_fields), 0, flow_spec };
static const RecordKind statistics_kind =
	{ TEMPLATE_STATISTICS, sizeof(struct statistics_fields), 1, statistics_spec };
static const RecordKind interface_kind =
	{ TEMPLATE_INTERFACES, sizeof(struct interface_fields), 1, interface_spec };
static const RecordKind sampling_kind =
	{ TEMPLATE_SAMPLING, sizeof(struct sampling_fields), 1, sampling_spec };
static const RecordKind type_kind =
	{ TEMPLATE_TYPES, 0, 2, type_spec };
/* clang-format on */

struct IpfixEncoder {
	fbInfoModel_t *model;
	Variant with_mac;
	Variant without_mac;
	Variant flows;
	GArray *host_templates; /* uint16_t ids of @records, in the order of their export */
	GArray *flow_templates;
	IpfixDomain records;
	IpfixDomain process;	  /* domain 0: what is about the Exporting Process itself */
	IpfixDomain sampled;	  /* flows, where they are; else unused */
	IpfixDomain *flow_domain; /* one of them */
	uint32_t flow_sampling;
};

/* IpfixMessage.stream */
enum stream {
	STREAM_PROCESS,
	STREAM_RECORDS,
	STREAM_SAMPLED,
};
_Static_assert(STREAM_SAMPLED + 1 == IPFIX_STREAMS, "each stream has a sequence");

/* selectorAlgorithm, by IANA's registry of PSAMP parameters */
enum selector {
	SELECTOR_COUNT = 1,  /* systematic count-based sampling */
	SELECTOR_CHANCE = 4, /* uniform probabilistic sampling */
};

static bool is_sampled(const IpfixEncoder *encoder)
{
	return encoder->flow_domain == &encoder->sampled;
}

static bool add_template(IpfixDomain *domain, bool internal, uint16_t id, fbTemplate_t *template,
			 GError **error)
{
	if (fbSessionAddTemplate(domain->session, internal, id, template, error))
		return true;
	fbTemplateFreeUnused(template);
	return false;
}

static fbTemplate_t *template_new(IpfixDomain *domain, const RecordKind *kind, uint32_t fields,
				  GError **error)
{
	fbTemplate_t *template = fbTemplateAlloc(fbSessionGetInfoModel(domain->session));

	if (fbTemplateAppendSpecArray(template, kind->spec, fields, error))
		return template;
	fbTemplateFreeUnused(template);
	return NULL;
}

static bool add_internal(IpfixDomain *domain, const RecordKind *kind, GError **error)
{
	fbTemplate_t *template = template_new(domain, kind, EVERYTHING, error);

	return template && add_template(domain, true, kind->id, template, error);
}

/* Of the fields of @kind, those which need nothing and those which need no more than @fields. */
static bool add_external(IpfixDomain *domain, const RecordKind *kind, uint16_t id, uint32_t fields,
			 GError **error)
{
	fbTemplate_t *template = template_new(domain, kind, fields, error);

	if (!template)
		return false;
	if (kind->scope)
		fbTemplateSetOptionsScope(template, kind->scope);
	return add_template(domain, false, id, template, error);
}

static bool add_options(IpfixDomain *domain, const RecordKind *kind, GError **error)
{
	return add_internal(domain, kind, error) && add_external(domain, kind, kind->id, 0, error);
}

static bool add_types(IpfixDomain *domain, GError **error)
{
	fbInfoModel_t *model = fbSessionGetInfoModel(domain->session);
	fbTemplate_t *internal = fbInfoElementAllocTypeTemplate(model, error);

	return internal && add_template(domain, true, type_kind.id, internal, error) &&
	       add_external(domain, &type_kind, type_kind.id, 0, error);
}

static uint16_t host_template_id(const Variant *variant, AddressKind address,
				 enum direction direction)
{
	return (uint16_t)(TEMPLATE_HOSTS + variant->block + DIRECTIONS * address + direction);
}

static bool add_variant(IpfixEncoder *encoder, const Variant *variant, unsigned int addresses,
			GError **error)
{
	for (unsigned int i = 0; i < addresses * DIRECTIONS; i++) {
		AddressKind address = i / DIRECTIONS;
		enum direction direction = i % DIRECTIONS;
		uint32_t fields =
			variant->fields | address_fields[address] | direction_fields[direction];
		uint16_t id = host_template_id(variant, address, direction);

		if (!add_external(&encoder->records, &host_kind, id, fields, error))
			return false;
		g_array_append_val(encoder->host_templates, id);
	}
	return true;
}

static FlowFamily family_of_kind(unsigned int kind)
{
	return kind % FLOW_FAMILIES;
}

static bool kind_has_link(unsigned int kind)
{
	return kind % IPFIX_UNIFLOW_KINDS < FLOW_FAMILIES;
}

static bool kind_is_biflow(unsigned int kind)
{
	return kind >= IPFIX_UNIFLOW_KINDS;
}

static uint16_t flow_template_id(const IpfixEncoder *encoder, unsigned int kind)
{
	return (uint16_t)(TEMPLATE_FLOWS + encoder->flows.block +
			  (kind_has_link(kind) ? 0 : NO_LINK_BLOCK) +
			  (kind_is_biflow(kind) ? BIFLOW_BLOCK : 0) + family_of_kind(kind));
}

static bool add_flow_templates(IpfixEncoder *encoder, unsigned int kinds, GError **error)
{
	static const uint32_t family_fields[FLOW_FAMILIES] = { IPV4, IPV6 };

	for (unsigned int kind = 0; kind < kinds; kind++) {
		uint16_t id = flow_template_id(encoder, kind);
		uint32_t fields = encoder->flows.fields | family_fields[family_of_kind(kind)] |
				  (kind_has_link(kind) ? LINK : 0) |
				  (kind_is_biflow(kind) ? BIFLOW : 0);

		if (!add_external(encoder->flow_domain, &flow_kind, id, fields, error))
			return false;
		g_array_append_val(encoder->flow_templates, id);
	}
	return true;
}

static bool add_domain_options(IpfixDomain *domain, GError **error)
{
	return add_options(domain, &interface_kind, error) &&
	       add_options(domain, &sampling_kind, error);
}

static bool add_record_templates(IpfixEncoder *encoder, bool biflows, GError **error)
{
	unsigned int flow_kinds = biflows ? IPFIX_FLOW_KINDS : IPFIX_UNIFLOW_KINDS;
	IpfixDomain *records = &encoder->records;

	return add_domain_options(records, error) &&
	       (!is_sampled(encoder) || add_domain_options(&encoder->sampled, error)) &&
	       add_internal(records, &host_kind, error) &&
	       add_variant(encoder, &encoder->with_mac, ADDRESS_KINDS, error) &&
	       add_variant(encoder, &encoder->without_mac, ADDRESS_NONE, error) &&
	       add_internal(encoder->flow_domain, &flow_kind, error) &&
	       add_flow_templates(encoder, flow_kinds, error);
}

static bool add_process_templates(IpfixEncoder *encoder, GError **error)
{
	return add_options(&encoder->process, &statistics_kind, error) &&
	       add_types(&encoder->process, error);
}

static fbInfoModel_t *model_new(uint32_t enterprise_number)
{
	fbInfoModel_t *model = fbInfoModelAlloc();

	for (size_t i = 0; i < G_N_ELEMENTS(enterprise_elements); i++) {
		fbInfoElement_t element = enterprise_elements[i].element;

		element.ent = enterprise_number;
		fbInfoModelAddElement(model, &element);
	}
	return model;
}

static Variant variant_for(const Variant *variant, bool layer2_octets)
{
	Variant result = *variant;

	if (layer2_octets) {
		result.block += LAYER2_BLOCK;
		result.fields |= LAYER2;
	}
	return result;
}

static Variant flow_variant_for(const IpfixLayout *layout)
{
	Variant result = variant_for(&flow_variants[layout->enterprise], layout->layer2_octets);

	if (layout->flow_times == FLOW_TIMES_NANOSECONDS) {
		result.block += NANOSECONDS_BLOCK;
		result.fields |= NANOSECONDS;
	} else {
		result.fields |= MILLISECONDS;
	}
	if (layout->flow_routes) {
		result.block += ROUTES_BLOCK;
		result.fields |= ROUTES;
	}
	return result;
}

static bool message_size_is_valid(size_t size, GError **error)
{
	if (size >= IPFIX_MESSAGE_MIN && size <= IPFIX_MESSAGE_MAX)
		return true;
	error_set(error, "message size %zu: not between %d and %d octets", size, IPFIX_MESSAGE_MIN,
		  IPFIX_MESSAGE_MAX);
	return false;
}

/* The next domain, or where there is none the one before. */
static uint32_t beside(uint32_t observation_domain)
{
	return observation_domain == UINT32_MAX ? UINT32_MAX - 1 : observation_domain + 1;
}

IpfixEncoder *ipfix_encoder_new(const IpfixLayout *layout, GError **error)
{
	g_autoptr(IpfixEncoder) encoder = g_new0(IpfixEncoder, 1);
	g_autoptr(GError) why = NULL;

	if (!message_size_is_valid(layout->message_size, error))
		return NULL;
	encoder->with_mac = variant_for(&variants[layout->enterprise], layout->layer2_octets);
	encoder->without_mac = variant_for(&variant_without_mac, layout->layer2_octets);
	encoder->flows = flow_variant_for(layout);
	encoder->host_templates = g_array_new(FALSE, FALSE, sizeof(uint16_t));
	encoder->flow_templates = g_array_new(FALSE, FALSE, sizeof(uint16_t));
	encoder->model = model_new(layout->enterprise_number);
	ipfix_domain_init(&encoder->process, encoder->model, 0, STREAM_PROCESS);
	ipfix_domain_init(&encoder->records, encoder->model, layout->observation_domain,
			  STREAM_RECORDS);
	ipfix_domain_init(&encoder->sampled, encoder->model, beside(layout->observation_domain),
			  STREAM_SAMPLED);
	encoder->flow_sampling = MAX(layout->flow_sampling, 1);
	encoder->flow_domain = encoder->flow_sampling > 1 ? &encoder->sampled : &encoder->records;
	if (!add_record_templates(encoder, layout->biflows, &why) ||
	    !add_process_templates(encoder, &why)) {
		ipfix_fail(error, why);
		return NULL;
	}
	ipfix_domain_open(&encoder->records, layout->message_size);
	ipfix_domain_open(&encoder->process, layout->message_size);
	ipfix_domain_open(&encoder->sampled, layout->message_size);
	return g_steal_pointer(&encoder);
}

void ipfix_encoder_free(IpfixEncoder *encoder)
{
	if (!encoder)
		return;
	ipfix_domain_done(&encoder->records);
	ipfix_domain_done(&encoder->process);
	ipfix_domain_done(&encoder->sampled);
	if (encoder->model)
		fbInfoModelFree(encoder->model);
	g_clear_pointer(&encoder->host_templates, g_array_unref);
	g_clear_pointer(&encoder->flow_templates, g_array_unref);
	g_free(encoder);
}

bool ipfix_encoder_set_message_size(IpfixEncoder *encoder, size_t message_size, GError **error)
{
	if (message_size == encoder->records.message_size)
		return true;
	if (!message_size_is_valid(message_size, error))
		return false;
	ipfix_domain_set_message_size(&encoder->records, message_size);
	ipfix_domain_set_message_size(&encoder->process, message_size);
	ipfix_domain_set_message_size(&encoder->sampled, message_size);
	return true;
}

static bool put_template(IpfixDomain *domain, uint16_t id, GPtrArray *messages, GError **error)
{
	const IpfixItem item = { .put = ipfix_put_template, .template_id = id };

	return ipfix_domain_put(domain, &item, messages, error);
}

static bool put_record(IpfixDomain *domain, uint16_t template_id, const RecordKind *kind,
		       const void *record, GPtrArray *messages, GError **error)
{
	const IpfixItem item = { ipfix_put_record, template_id, kind->id, kind->len, record };

	if (!ipfix_domain_put(domain, &item, messages, error))
		return false;
	domain->contents.records++;
	return true;
}

/* A record that is not of options. */
static bool put_traffic(IpfixDomain *domain, uint16_t template_id, const RecordKind *kind,
			const void *record, const Volume *volume, GPtrArray *messages,
			GError **error)
{
	if (!put_record(domain, template_id, kind, record, messages, error))
		return false;
	domain->contents.flow_records++;
	domain->contents.packets += volume->packets;
	domain->contents.octets += volume->octets;
	return true;
}

static bool put_options(IpfixDomain *domain, const RecordKind *kind, const void *record,
			GPtrArray *messages, GError **error)
{
	return put_record(domain, kind->id, kind, record, messages, error);
}

static bool put_type(IpfixDomain *domain, const fbInfoElement_t *element, GPtrArray *messages,
		     GError **error)
{
	const IpfixItem item = { ipfix_put_type, type_kind.id, type_kind.id, 0, element };

	if (!ipfix_domain_put(domain, &item, messages, error))
		return false;
	domain->contents.records++;
	return true;
}

static bool put_types(IpfixEncoder *encoder, uint32_t fields, GPtrArray *messages, GError **error)
{
	IpfixDomain *process = &encoder->process;

	if (!put_template(process, type_kind.id, messages, error))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(enterprise_elements); i++) {
		const char *name = enterprise_elements[i].element.ref.name;

		if ((enterprise_elements[i].fields & fields) &&
		    !put_type(process, fbInfoModelGetElementByName(encoder->model, name), messages,
			      error))
			return false;
	}
	return true;
}

static bool put_template_list(IpfixDomain *domain, const GArray *ids, GPtrArray *messages,
			      GError **error)
{
	for (guint i = 0; i < ids->len; i++) {
		if (!put_template(domain, g_array_index(ids, uint16_t, i), messages, error))
			return false;
	}
	return true;
}

/*
 * The two options templates stand apart, before and after the others: of several in one set, some
 * collectors read the first only.
 */
static bool put_templates(const IpfixEncoder *encoder, IpfixDomain *domain, unsigned int records,
			  GPtrArray *messages, GError **error)
{
	return put_template(domain, interface_kind.id, messages, error) &&
	       (!(records & IPFIX_HOSTS) ||
		put_template_list(domain, encoder->host_templates, messages, error)) &&
	       (!(records & IPFIX_FLOWS) ||
		put_template_list(domain, encoder->flow_templates, messages, error)) &&
	       put_template(domain, sampling_kind.id, messages, error);
}

static bool encode_templates(const IpfixEncoder *encoder, IpfixDomain *domain,
			     uint32_t export_time_s, unsigned int records, GPtrArray *messages,
			     GError **error)
{
	bool ok;

	ipfix_domain_begin(domain, export_time_s, 0);
	ok = put_templates(encoder, domain, records, messages, error);
	return ipfix_domain_finish(domain, ok, messages, error);
}

/* Those that are of an enterprise, of what the templates for @records have. */
static uint32_t enterprise_fields(const IpfixEncoder *encoder, unsigned int records)
{
	uint32_t fields = (records & IPFIX_HOSTS ? encoder->with_mac.fields : 0) |
			  (records & IPFIX_FLOWS ? encoder->flows.fields : 0);

	return fields & (HOST_MAC | HOST_SCOPE | FLOW_MARK);
}

bool ipfix_encode_templates(IpfixEncoder *encoder, uint32_t export_time_s, unsigned int records,
			    GPtrArray *messages, GError **error)
{
	uint32_t fields = enterprise_fields(encoder, records);
	bool ok;

	if (fields) {
		ipfix_domain_begin(&encoder->process, export_time_s, 0);
		ok = put_types(encoder, fields, messages, error);
		if (!ipfix_domain_finish(&encoder->process, ok, messages, error))
			return false;
	}
	if (!is_sampled(encoder))
		return encode_templates(encoder, &encoder->records, export_time_s, records,
					messages, error);
	return encode_templates(encoder, &encoder->records, export_time_s, records & ~IPFIX_FLOWS,
				messages, error) &&
	       (!(records & IPFIX_FLOWS) ||
		encode_templates(encoder, &encoder->sampled, export_time_s, IPFIX_FLOWS, messages,
				 error));
}

/* NUL padded; never ends within a character. */
static void copy_text(char *to, size_t size, const char *from)
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

/* nfdump takes only the first record of a set; libfixbuf makes a new set only for a new message. */
static bool put_interfaces(IpfixDomain *domain, const IpfixInterface *interfaces, size_t n,
			   GPtrArray *messages, GError **error)
{
	for (size_t i = 0; i < n; i++) {
		struct interface_fields fields = { .ifindex = interfaces[i].ifindex };

		copy_text(fields.name, sizeof(fields.name), interfaces[i].name);
		copy_text(fields.description, sizeof(fields.description),
			  interfaces[i].description);
		if (i > 0 && !ipfix_domain_flush(domain, messages, error))
			return false;
		if (!put_options(domain, &interface_kind, &fields, messages, error))
			return false;
	}
	return true;
}

/*
 * 1 of 1, or 1 of N by chance: of packets, or of conversations. An interval and a space are what collectors
 * look for.
 */
static struct sampling_fields sampling_of(const IpfixEncoder *encoder, const IpfixDomain *domain)
{
	bool sampled = domain == &encoder->sampled;

	return (struct sampling_fields){
		.observation_domain = domain->id,
		.selector_algorithm = sampled ? SELECTOR_CHANCE : SELECTOR_COUNT,
		.packet_interval = 1,
		.packet_space = sampled ? encoder->flow_sampling - 1 : 0,
	};
}

static bool encode_options(const IpfixEncoder *encoder, IpfixDomain *domain, uint32_t export_time_s,
			   const IpfixInterface *interfaces, size_t n, GPtrArray *messages,
			   GError **error)
{
	const struct sampling_fields sampling = sampling_of(encoder, domain);
	bool ok;

	ipfix_domain_begin(domain, export_time_s, 0);
	ok = put_options(domain, &sampling_kind, &sampling, messages, error) &&
	     put_interfaces(domain, interfaces, n, messages, error);
	return ipfix_domain_finish(domain, ok, messages, error);
}

bool ipfix_encode_options(IpfixEncoder *encoder, uint32_t export_time_s, unsigned int records,
			  const IpfixInterface *interfaces, size_t n, GPtrArray *messages,
			  GError **error)
{
	return encode_options(encoder, &encoder->records, export_time_s, interfaces, n, messages,
			      error) &&
	       (!is_sampled(encoder) || !(records & IPFIX_FLOWS) ||
		encode_options(encoder, &encoder->sampled, export_time_s, interfaces, n, messages,
			       error));
}

bool ipfix_encode_statistics(IpfixEncoder *encoder, uint32_t export_time_s,
			     const IpfixStatistics *statistics, GPtrArray *messages, GError **error)
{
	IpfixDomain *domain = &encoder->process;
	const struct statistics_fields fields = {
		.observation_domain = encoder->records.id,
		.init_time_ms = statistics->init_time_ms,
		.exported_messages = statistics->exported_messages,
		.exported_flow_records = statistics->exported_flow_records,
		.exported_octets = statistics->exported_octets,
		.ignored_packets = statistics->ignored_packets,
		.ignored_octets = statistics->ignored_octets,
		.not_sent_flow_records = statistics->not_sent_flow_records,
		.not_sent_packets = statistics->not_sent_packets,
		.not_sent_octets = statistics->not_sent_octets,
	};
	bool ok;

	ipfix_domain_begin(domain, export_time_s, 0);
	ok = put_template(domain, statistics_kind.id, messages, error) &&
	     put_options(domain, &statistics_kind, &fields, messages, error);
	return ipfix_domain_finish(domain, ok, messages, error);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	static const uint8_t zeros[ADDRESS_LEN];

	return !memcmp(bytes, zeros, len);
}

static bool has_mac(const struct host_key *key)
{
	return !is_zero(key->mac, MAC_LEN);
}

static AddressKind address_kind(const struct host_key *key)
{
	if (is_zero(key->address, ADDRESS_LEN))
		return ADDRESS_NONE;
	return key->ip_version == 4 ? ADDRESS_IPV4 : ADDRESS_IPV6;
}

bool ipfix_tells_scopes_apart(EnterpriseElements enterprise, const struct host_key *key)
{
	return (variants[enterprise].fields & HOST_SCOPE) && has_mac(key);
}

static uint16_t template_of(const IpfixEncoder *encoder, const HostRecord *record)
{
	AddressKind address = address_kind(&record->key);
	bool by_address_alone = address != ADDRESS_NONE && !has_mac(&record->key);

	return host_template_id(by_address_alone ? &encoder->without_mac : &encoder->with_mac,
				address, record->direction);
}

static uint32_t ipv4_of(const uint8_t address[ADDRESS_LEN])
{
	uint32_t ipv4;

	memcpy(&ipv4, address + ADDRESS_LEN - sizeof(ipv4), sizeof(ipv4));
	return ntohl(ipv4);
}

static void fill_host_fields(struct host_fields *fields, const HostRecord *record, bool with_name)
{
	const struct host_key *key = &record->key;
	uint32_t ipv4 = ipv4_of(key->address);

	*fields = (struct host_fields){
		.start_ms = record->start_ms,
		.end_ms = record->end_ms,
		.ingress_interface = key->ifindex,
		.egress_interface = key->ifindex,
		.flow_direction = (uint8_t)record->direction,
		.ip_version = key->ip_version,
		.source_ipv4 = ipv4,
		.destination_ipv4 = ipv4,
		.octets = record->volume.octets,
		.packets = record->volume.packets,
		.layer2_octets = record->volume.layer2_octets,
		.host_scope = key->scope,
	};
	memcpy(fields->source_mac, key->mac, MAC_LEN);
	memcpy(fields->destination_mac, key->mac, MAC_LEN);
	memcpy(fields->host_mac, key->mac, MAC_LEN);
	memcpy(fields->source_ipv6, key->address, ADDRESS_LEN);
	memcpy(fields->destination_ipv6, key->address, ADDRESS_LEN);
	if (with_name) {
		char label[HOST_LABEL_MAX];

		copy_text(fields->host_name, sizeof(fields->host_name),
			  record->name ? record->name : host_label(key, label));
	}
}

static bool put_host(IpfixEncoder *encoder, const HostRecord *record, GPtrArray *messages,
		     GError **error)
{
	struct host_fields fields;

	fill_host_fields(&fields, record, encoder->with_mac.fields & HOST_SCOPE);
	return put_traffic(&encoder->records, template_of(encoder, record), &host_kind, &fields,
			   &record->volume, messages, error);
}

bool ipfix_encode_hosts(IpfixEncoder *encoder, uint32_t export_time_s, const HostRecord *records,
			size_t n, size_t from, GPtrArray *messages, GError **error)
{
	IpfixDomain *domain = &encoder->records;
	bool ok = true;

	ipfix_domain_begin(domain, export_time_s, from);
	for (size_t i = from; ok && i < n; i++) {
		domain->next = (uint32_t)i;
		if (!volume_is_zero(&records[i].volume))
			ok = put_host(encoder, &records[i], messages, error);
	}
	domain->next = (uint32_t)n;
	return ipfix_domain_finish(domain, ok, messages, error);
}

static bool has_link(const FlowRecord *record)
{
	return record->key.vlan || record->key.customer_vlan ||
	       !is_zero(record->attributes.source_mac, MAC_LEN) ||
	       !is_zero(record->attributes.destination_mac, MAC_LEN);
}

unsigned int ipfix_flow_kind(const IpfixFlow *flow)
{
	FlowFamily family = flow->flow->key.ip_version == 6 ? FLOW_IPV6 : FLOW_IPV4;
	bool link = has_link(flow->flow) || (flow->reverse && has_link(flow->reverse));

	return family + (link ? 0 : FLOW_FAMILIES) + (flow->reverse ? IPFIX_UNIFLOW_KINDS : 0);
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
	fields->tcp_flags = (uint8_t)record->attributes.tcp_flags;
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
	fields->reverse_tcp_flags = other.tcp_flags;
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

static bool put_flow(IpfixEncoder *encoder, const IpfixFlow *flow, GPtrArray *messages,
		     GError **error)
{
	Volume volume = ipfix_flow_volume(flow);
	struct flow_fields fields;

	fill_one_direction(&fields, flow->flow, flow->route);
	if (flow->reverse)
		fill_reverse(&fields, flow);
	return put_traffic(encoder->flow_domain, flow_template_id(encoder, ipfix_flow_kind(flow)),
			   &flow_kind, &fields, &volume, messages, error);
}

bool ipfix_encode_flows(IpfixEncoder *encoder, uint32_t export_time_s, const IpfixFlow *flows,
			size_t n, size_t from, GPtrArray *messages, GError **error)
{
	IpfixDomain *domain = encoder->flow_domain;
	bool ok = true;

	ipfix_domain_begin(domain, export_time_s, from);
	for (size_t i = from; ok && i < n; i++) {
		domain->next = (uint32_t)i;
		if (!volume_is_zero(&flows[i].flow->volume))
			ok = put_flow(encoder, &flows[i], messages, error);
	}
	domain->next = (uint32_t)n;
	return ipfix_domain_finish(domain, ok, messages, error);
}
