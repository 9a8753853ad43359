/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol.h"

#include <stdio.h>

/* 0 is not among them: it is what a key without the protocol has, too. */
static const char *const names[UINT8_MAX + 1] = {
	[1] = "icmp",	     [2] = "igmp",	   [4] = "ipencap",    [6] = "tcp",
	[8] = "egp",	     [17] = "udp",	   [33] = "dccp",      [41] = "ipv6",
	[43] = "ipv6-route", [44] = "ipv6-frag",   [46] = "rsvp",      [47] = "gre",
	[50] = "esp",	     [51] = "ah",	   [58] = "ipv6-icmp", [59] = "ipv6-nonxt",
	[60] = "ipv6-opts",  [88] = "eigrp",	   [89] = "ospf",      [94] = "ipip",
	[97] = "etherip",    [103] = "pim",	   [108] = "ipcomp",   [112] = "vrrp",
	[115] = "l2tp",	     [124] = "isis",	   [132] = "sctp",     [135] = "mobility-header",
	[136] = "udplite",   [137] = "mpls-in-ip", [138] = "manet",    [139] = "hip",
	[140] = "shim6",     [141] = "wesp",	   [142] = "rohc",
};

const char *protocol_format(uint8_t protocol, char text[PROTOCOL_TEXT_MAX])
{
	if (names[protocol])
		(void)snprintf(text, PROTOCOL_TEXT_MAX, "%s", names[protocol]);
	else
		(void)snprintf(text, PROTOCOL_TEXT_MAX, "%u", protocol);
	return text;
}
