/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlog.h"

#include <endian.h>
#include <inttypes.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "accounts/flowterms.h"
#include "base/mac.h"
#include "base/prefix.h"
#include "flowjson.h"

static bool is_finished(const FlowRecord *flow)
{
	return flow->end == FLOW_ENDED || (flow->key.protocol == IPPROTO_TCP &&
					   flow->attributes.tcp_flags & (TH_FIN | TH_RST));
}

static void append_log_keys(GString *text, const FlowRecord *flow)
{
	const struct flow_key *key = &flow->key;
	bool has_ports = flowterm_has_ports(key->protocol);
	char source[PREFIX_TEXT_MAX], destination[PREFIX_TEXT_MAX];

	g_string_append_printf(
		text,
		"\"src\":\"%s\",\"dst\":\"%s\",\"proto\":%u,\"sport\":%u,\"dport\":%u,"
		"\"ingressIfindex\":%u,\"egressIfindex\":%u,\"pkts\":%" PRIu64 ",\"bytes\":%" PRIu64
		",\"action\":%u,\"start\":%" PRIu64 ",\"end\":%" PRIu64 ",\"finished\":%d",
		address_format(key->source, source), address_format(key->destination, destination),
		key->protocol, has_ports ? be16toh(key->source_port) : 0,
		has_ports ? be16toh(key->destination_port) : 0, key->ingress, key->egress,
		flow->volume.packets, flow->volume.layer2_octets, key->mark,
		/* Without a packet since its last record it has not begun anew. */
		flow->start_ms ? flow->start_ms : flow->end_ms, flow->end_ms, is_finished(flow));
}

static void append_further_keys(GString *text, const FlowRecord *flow, const InterfaceNames *names)
{
	const struct flow_key *key = &flow->key;
	const char *ingress = key->ingress ? interface_names_get(names, key->ingress) : NULL;
	const char *egress = key->egress ? interface_names_get(names, key->egress) : NULL;

	if (ingress)
		flow_json_append_string(text, "ingressIfname", ingress);
	if (egress)
		flow_json_append_string(text, "egressIfname", egress);
	flow_json_append_string(text, "direction", key->hook == HOOK_EGRESS ? "egress" : "ingress");
	g_string_append_printf(text, ",\"ip_bytes\":%" PRIu64, flow->volume.octets);
	if (flow->end)
		flow_json_append_string(text, "end_reason", flow_json_end_reasons[flow->end]);
}

void flow_log_append(GString *text, const FlowRecord *flow, uint64_t now_ms,
		     const InterfaceNames *names)
{
	g_string_append_c(text, '{');
	append_log_keys(text, flow);
	g_string_append_printf(text, ",\"level\":\"info\",\"ts\":%" PRIu64 ",\"msg\":\"flowlog\"",
			       now_ms);
	append_further_keys(text, flow, names);
	g_string_append_c(text, '}');
}
