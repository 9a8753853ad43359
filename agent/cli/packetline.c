/* SPDX-License-Identifier: Apache-2.0 */
#include "packetline.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <time.h>

#include "accounts/flowterms.h"
#include "base/protocol.h"
#include "records.h"

#define NS_PER_S 1000000000

static const char *const directions[HOOKS] = {
	[HOOK_INGRESS] = "receive",
	[HOOK_EGRESS] = "transmit",
};

/* RFC 3339 in UTC, with microseconds. */
static void append_time(GString *text, int64_t ns)
{
	const time_t seconds = (time_t)(ns / NS_PER_S);
	struct tm parts;
	char start[32];

	(void)gmtime_r(&seconds, &parts);
	(void)strftime(start, sizeof(start), "%Y-%m-%dT%H:%M:%S", &parts);
	g_string_append_printf(text, "%s.%06dZ", start, (int)(ns % NS_PER_S / 1000));
}

static bool is_icmp(const struct packet_event *event)
{
	return event->protocol == IPPROTO_ICMP || event->protocol == IPPROTO_ICMPV6;
}

static void append_end(GString *text, const struct packet_event *event, const __be32 *address,
		       __be16 port)
{
	const bool with_port = event->has_ports && !is_icmp(event);
	const bool ipv6 = event->ip_version == 6;
	char octets[INET6_ADDRSTRLEN];

	(void)inet_ntop(ipv6 ? AF_INET6 : AF_INET, address, octets, sizeof(octets));
	g_string_append_printf(text, ipv6 && with_port ? "[%s]" : "%s", octets);
	if (with_port)
		g_string_append_printf(text, ":%u", ntohs(port));
}

static void append_ends(GString *text, const struct packet_event *event)
{
	char protocol[PROTOCOL_TEXT_MAX];

	g_string_append_printf(text, "%s ", protocol_format(event->protocol, protocol));
	append_end(text, event, event->source, event->ports[0]);
	g_string_append(text, " > ");
	append_end(text, event, event->destination, event->ports[1]);
	g_string_append_printf(text, " ip-octets=%" PRIu64, (uint64_t)event->octets);
}

static void append_transport(GString *text, const struct packet_event *event)
{
	const uint8_t *type_code = (const uint8_t *)event->ports;
	char letters[FLOWTERM_FLAGS + 1];

	if (event->later_fragment)
		g_string_append(text, " fragment=later");
	if (!event->has_ports)
		return;
	if (is_icmp(event))
		g_string_append_printf(text, " type=%u code=%u", type_code[0], type_code[1]);
	if (event->protocol == IPPROTO_TCP)
		g_string_append_printf(
			text, " flags=%s",
			flowterm_flags_text(ntohs(event->tcp_flags) & 0xff, letters));
}

static void append_tags(GString *text, const struct packet_event *event)
{
	const char *before = " vlan=";

	for (size_t i = 0; i < PACKET_TAGS; i++) {
		if (!event->tags[i])
			continue;
		g_string_append_printf(text, "%s%u", before, event->tags[i]);
		before = ".";
	}
}

void packet_line_append(GString *text, const struct packet_event *event, const char *interface,
			int64_t offset_ns)
{
	append_time(text, (int64_t)event->time_ns + offset_ns);
	g_string_append_printf(text, " %s %s ", interface, directions[event->hook]);
	if (event->kind == PACKET_IP)
		append_ends(text, event);
	else if (event->kind == PACKET_NOT_IP)
		g_string_append_printf(text, "not-ip ethertype=0x%04x", ntohs(event->ethertype));
	else
		g_string_append(text, "malformed");
	g_string_append_printf(text, " frame-octets=%" PRIu64, (uint64_t)event->layer2_octets);
	if (event->packets > 1)
		g_string_append_printf(text, " packets=%" PRIu32, event->packets);
	if (event->kind == PACKET_IP)
		append_transport(text, event);
	append_tags(text, event);
	g_string_append_c(text, '\n');
}
