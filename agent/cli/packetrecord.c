/* SPDX-License-Identifier: Apache-2.0 */
#include "packetrecord.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define TRAFFIC_CLASS_DSCP 0xfc /* RFC 2474: the key has no ECN */
#define TCP_CONTROL_BITS 0xfff	/* before them stands the data offset */

static void set_address(uint8_t address[ADDRESS_LEN], const __be32 *words, uint8_t ip_version)
{
	static const uint8_t mapped[ADDRESS_LEN] = { [10] = 0xff, [11] = 0xff };

	if (ip_version == 6) {
		memcpy(address, words, ADDRESS_LEN);
		return;
	}
	memcpy(address, mapped, ADDRESS_LEN);
	memcpy(address + ADDRESS_LEN - sizeof(*words), words, sizeof(*words));
}

static bool is_icmp(const struct packet_event *event)
{
	return event->protocol == IPPROTO_ICMP || event->protocol == IPPROTO_ICMPV6;
}

/* Of ICMP the key has type and code in the place of the destination's port. */
static void set_ports(struct flow_key *key, const struct packet_event *event)
{
	if (!event->has_ports)
		return;
	key->source_port = is_icmp(event) ? 0 : event->ports[0];
	key->destination_port = event->ports[is_icmp(event) ? 0 : 1];
}

static void set_key(struct flow_key *key, const struct packet_event *event, uint32_t ifindex)
{
	const uint16_t *tags = event->has_metadata_tag ? event->tags : event->tags + 1;

	set_address(key->source, event->source, event->ip_version);
	set_address(key->destination, event->destination, event->ip_version);
	set_ports(key, event);
	key->ingress = event->hook == HOOK_INGRESS ? ifindex : event->ingress_ifindex;
	key->egress = event->hook == HOOK_INGRESS ? 0 : ifindex;
	key->mark = event->mark;
	key->vlan = tags[0];
	key->customer_vlan = tags[1];
	key->protocol = event->protocol;
	key->traffic_class = event->traffic_class & TRAFFIC_CLASS_DSCP;
	key->ip_version = event->ip_version;
	key->hook = event->hook;
}

/* Of several packets in a frame all but the last are as long as each other. */
static void set_lengths(struct flow_attributes *attributes, const struct packet_event *event)
{
	uint64_t before = (uint64_t)(event->packets - 1) * event->segment_octets;

	attributes->min_octets = attributes->max_octets = (uint32_t)event->octets;
	if (event->packets < 2)
		return;
	attributes->max_octets = event->segment_octets;
	attributes->min_octets = event->segment_octets;
	if (event->octets - before < event->segment_octets)
		attributes->min_octets = (uint32_t)(event->octets - before);
}

static void set_attributes(struct flow_attributes *attributes, const struct packet_event *event)
{
	set_lengths(attributes, event);
	attributes->tcp_flags = ntohs(event->tcp_flags) & TCP_CONTROL_BITS;
	attributes->min_ttl = attributes->max_ttl = event->ttl;
	attributes->flow_label = event->flow_label;
	memcpy(attributes->source_mac, event->source_mac, MAC_LEN);
	memcpy(attributes->destination_mac, event->destination_mac, MAC_LEN);
}

bool packet_record(const struct packet_event *event, uint32_t ifindex, FlowRecord *record)
{
	if (event->kind != PACKET_IP)
		return false;
	*record = (FlowRecord){
		.volume = {
			.packets = event->packets,
			.octets = event->octets,
			.layer2_octets = event->layer2_octets,
		},
	};
	set_key(&record->key, event, ifindex);
	set_attributes(&record->attributes, event);
	return true;
}
