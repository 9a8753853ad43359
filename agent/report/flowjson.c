/* SPDX-License-Identifier: Apache-2.0 */
#include "flowjson.h"

#include <endian.h>
#include <netinet/in.h>

#include "accounts/flowterms.h"
#include "base/mac.h"
#include "base/prefix.h"
#include "base/text.h"

#define DIGITS_MAX 20

const char *const flow_json_end_reasons[] = {
	[FLOW_GOES_ON] = NULL,
	[FLOW_IDLE] = "idle_timeout",
	[FLOW_ACTIVE] = "active_timeout",
	[FLOW_ENDED] = "end_of_flow",
	[FLOW_FORCED] = "forced_end",
	[FLOW_LACK_OF_RESOURCES] = "lack_of_resources",
};

static void append_name(GString *text, const char *name)
{
	if (text->str[text->len - 1] != '{')
		g_string_append_c(text, ',');
	g_string_append_c(text, '"');
	g_string_append(text, name);
	g_string_append(text, "\":");
}

static void append_number(GString *text, const char *name, uint64_t value)
{
	char digits[DIGITS_MAX];
	size_t first = DIGITS_MAX;

	do {
		digits[--first] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	append_name(text, name);
	g_string_append_len(text, digits + first, (gssize)(DIGITS_MAX - first));
}

/* 0 is no value. */
static void append_if_any(GString *text, const char *name, uint64_t value)
{
	if (value)
		append_number(text, name, value);
}

void flow_json_append_string(GString *text, const char *name, const char *value)
{
	append_name(text, name);
	g_string_append_c(text, '"');
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			g_string_append_c(text, '\\');
		g_string_append_c(text, *value);
	}
	g_string_append_c(text, '"');
}

static void append_mac(GString *text, const char *name, const uint8_t mac[MAC_LEN])
{
	char shown[MAC_TEXT_MAX];

	if (!mac_is_zero(mac))
		flow_json_append_string(text, name, mac_format(mac, shown));
}

static void append_time(GString *text, const char *name, const char *name_ms, uint64_t ms)
{
	char shown[TEXT_TIME_MAX];

	flow_json_append_string(text, name, text_time(ms, shown));
	append_number(text, name_ms, ms);
}

static void append_addresses(GString *text, const struct flow_key *key, uint8_t parts)
{
	char shown[PREFIX_TEXT_MAX];

	flow_json_append_string(text, "family", key->ip_version == 6 ? "ipv6" : "ipv4");
	if (!(parts & FLOW_BY_ADDRESSES))
		return;
	flow_json_append_string(text, "source", address_format(key->source, shown));
	flow_json_append_string(text, "destination", address_format(key->destination, shown));
}

static void append_protocol(GString *text, const struct flow_key *key, uint8_t parts)
{
	const char *name = flowterm_protocol_name(key->protocol);

	if (!key->protocol && !(parts & FLOW_BY_PROTOCOL))
		return;
	append_number(text, "protocol", key->protocol);
	if (name)
		flow_json_append_string(text, "protocol_name", name);
}

static bool is_icmp(const struct flow_key *key)
{
	return key->protocol == (key->ip_version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* Fragments whose first one was not seen have no ports. */
static void append_ports(GString *text, const struct flow_key *key, uint8_t parts)
{
	uint16_t icmp = be16toh(key->destination_port);

	if (flowterm_has_ports(key->protocol) && (key->source_port || key->destination_port)) {
		append_number(text, "source_port", be16toh(key->source_port));
		append_number(text, "destination_port", be16toh(key->destination_port));
	} else if (is_icmp(key) && (icmp || parts & FLOW_BY_ICMP)) {
		append_number(text, "icmp_type", icmp >> 8);
		append_number(text, "icmp_code", icmp & 0xff);
	}
}

static void append_interface(GString *text, const char *name, const char *name_index,
			     uint32_t index, const InterfaceNames *names)
{
	const char *shown = interface_names_get(names, index);

	if (!index)
		return;
	if (shown)
		flow_json_append_string(text, name, shown);
	append_number(text, name_index, index);
}

static void append_way(GString *text, const struct flow_key *key, const InterfaceNames *names)
{
	append_interface(text, "ingress_interface", "ingress_index", key->ingress, names);
	append_interface(text, "egress_interface", "egress_index", key->egress, names);
	flow_json_append_string(text, "direction", key->hook == HOOK_EGRESS ? "egress" : "ingress");
	append_if_any(text, "vlan", key->vlan);
	append_if_any(text, "customer_vlan", key->customer_vlan);
}

static void append_marks(GString *text, const struct flow_key *key, uint8_t parts)
{
	if (key->mark || parts & FLOW_BY_MARK)
		append_number(text, "mark", key->mark);
	if (key->traffic_class || parts & FLOW_BY_TRAFFIC_CLASS)
		append_number(text, "traffic_class", key->traffic_class);
}

static void append_fragment_id(GString *text, const FlowRecord *flow)
{
	if (flow->key.ip_version == 4 || flow->attributes.fragment_id)
		append_number(text, "fragment_id", flow->attributes.fragment_id);
}

static void append_attributes(GString *text, const FlowRecord *flow)
{
	const struct flow_attributes *attributes = &flow->attributes;
	char letters[FLOWTERM_FLAGS + 1];

	if (flow->key.protocol == IPPROTO_TCP) {
		append_number(text, "tcp_flags", attributes->tcp_flags);
		flow_json_append_string(text, "tcp_flag_letters",
					flowterm_flags_text(attributes->tcp_flags, letters));
	}
	append_number(text, "min_ttl", attributes->min_ttl);
	append_number(text, "max_ttl", attributes->max_ttl);
	append_number(text, "min_octets", attributes->min_octets);
	append_number(text, "max_octets", attributes->max_octets);
	append_mac(text, "source_mac", attributes->source_mac);
	append_mac(text, "destination_mac", attributes->destination_mac);
	append_fragment_id(text, flow);
	if (flow->key.ip_version == 6)
		append_number(text, "flow_label", attributes->flow_label);
}

/* A flow that has had no packet since its last record has no beginning, and its attributes are of no packet. */
void flow_json_append(GString *text, const FlowRecord *flow, uint8_t flow_key,
		      const InterfaceNames *names)
{
	g_string_append_c(text, '{');
	append_addresses(text, &flow->key, flow_key);
	append_protocol(text, &flow->key, flow_key);
	append_ports(text, &flow->key, flow_key);
	append_way(text, &flow->key, names);
	append_marks(text, &flow->key, flow_key);
	if (flow->start_ms)
		append_attributes(text, flow);
	append_number(text, "packets", flow->volume.packets);
	append_number(text, "octets", flow->volume.octets);
	append_number(text, "layer2_octets", flow->volume.layer2_octets);
	if (flow->start_ms)
		append_time(text, "start", "start_ms", flow->start_ms);
	append_time(text, "end", "end_ms", flow->end_ms);
	if (flow->end != FLOW_GOES_ON)
		flow_json_append_string(text, "end_reason", flow_json_end_reasons[flow->end]);
	g_string_append_c(text, '}');
}
