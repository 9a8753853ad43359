/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define MAPPED_LEN 12 /* of what stands before an IPv4 address (RFC 4291, 2.5.5.2) */
#define NAME_MAX_LEN 253
#define LABEL_MAX_LEN 63

bool endpoint_parse(Endpoint *endpoint, const char *text)
{
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[' && colon && colon[-1] == ']';
	g_autofree char *host = NULL;
	uint8_t address[ADDRESS_LEN];
	int family = bracketed ? AF_INET6 : AF_INET;
	guint64 port;

	if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL))
		return false;
	host = bracketed ? g_strndup(text + 1, (gsize)(colon - text) - 2) :
			   g_strndup(text, (gsize)(colon - text));
	if (inet_pton(family, host, address) != 1)
		return false;
	endpoint->host = prefix_from_address(family, address, 8 * ADDRESS_LEN);
	endpoint->port = (uint16_t)port;
	return true;
}

/* Names of hosts (RFC 1123), and the underscores that some have. One whose last part is a number would be an address
 * that is not quite one. */
static bool is_host_name(const char *text)
{
	size_t len = strlen(text);
	g_autofree char *name =
		g_str_has_suffix(text, ".") ? g_strndup(text, len - 1) : g_strdup(text);
	g_auto(GStrv) labels = g_strsplit(name, ".", -1);
	const char *label = "";

	if (!*name || strlen(name) > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; labels[i]; i++) {
		label = labels[i];
		if (!*label || strlen(label) > LABEL_MAX_LEN || *label == '-' ||
		    label[strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789-_")])
			return false;
	}
	return label[strspn(label, "0123456789")];
}

bool endpoint_split(const char *text, char **host, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[' && colon && colon[-1] == ']';
	g_autofree char *before = colon ? g_strndup(text, (gsize)(colon - text)) : NULL;
	Endpoint endpoint;
	guint64 number;

	if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &number, NULL))
		return false;
	if (endpoint_parse(&endpoint, text))
		*host = bracketed ? g_strndup(text + 1, (gsize)(colon - text) - 2) :
				    g_steal_pointer(&before);
	else if (is_host_name(before))
		*host = g_steal_pointer(&before);
	else
		return false;
	*port = (uint16_t)number;
	return true;
}

bool endpoint_parse_source(Endpoint *endpoint, const char *text)
{
	g_autofree char *with_port = NULL;
	size_t len = strlen(text);

	if (endpoint_parse(endpoint, text))
		return true;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']')
		with_port = g_strdup_printf("%s:1", text);
	else
		with_port = g_strdup_printf(strchr(text, ':') ? "[%s]:1" : "%s:1", text);
	if (!endpoint_parse(endpoint, with_port))
		return false;
	endpoint->port = 0;
	return true;
}

bool endpoint_equal(const Endpoint *a, const Endpoint *b)
{
	return prefix_equal(&a->host, &b->host) && a->port == b->port;
}

bool endpoint_is_loopback(const Endpoint *endpoint)
{
	static const uint8_t loopback[ADDRESS_LEN] = { [ADDRESS_LEN - 1] = 1 };
	const uint8_t *address = endpoint->host.address;

	if (prefix_is_ipv4(&endpoint->host))
		return address[MAPPED_LEN] == IN_LOOPBACKNET;
	return !memcmp(address, loopback, ADDRESS_LEN);
}

socklen_t endpoint_to_sockaddr(const Endpoint *endpoint, struct sockaddr_storage *address)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (prefix_is_ipv4(&endpoint->host)) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(endpoint->port);
		memcpy(&ipv4->sin_addr, endpoint->host.address + MAPPED_LEN,
		       sizeof(ipv4->sin_addr));
		return sizeof(*ipv4);
	}
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons(endpoint->port);
	memcpy(&ipv6->sin6_addr, endpoint->host.address, sizeof(ipv6->sin6_addr));
	return sizeof(*ipv6);
}
