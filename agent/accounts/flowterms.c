/* SPDX-License-Identifier: Apache-2.0 */
#include "flowterms.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mac.h"
#include "base/prefix.h"

#define READER(name, expression)                                                                   \
	static uint64_t name(const FlowRecord *flow)                                               \
	{                                                                                          \
		return expression;                                                                 \
	}

static uint64_t mac_number(const uint8_t mac[MAC_LEN])
{
	uint64_t number = 0;

	for (size_t i = 0; i < MAC_LEN; i++)
		number = number << 8 | mac[i];
	return number;
}

/* Those whose ports the classifier reads; of others the key has something else there. */
bool flowterm_has_ports(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return true;
	default:
		return false;
	}
}

READER(has_ports, flowterm_has_ports(flow->key.protocol))
READER(is_tcp, flow->key.protocol == IPPROTO_TCP)
READER(is_icmp, flow->key.protocol == IPPROTO_ICMP || flow->key.protocol == IPPROTO_ICMPV6)
READER(source_port, be16toh(flow->key.source_port))
READER(destination_port, be16toh(flow->key.destination_port))
READER(icmp_type, be16toh(flow->key.destination_port) >> 8)
READER(icmp_code, be16toh(flow->key.destination_port) & 0xff)
READER(protocol, flow->key.protocol)
READER(ip_version, flow->key.ip_version)
READER(ingress, flow->key.ingress)
READER(egress, flow->key.egress)
READER(hook, flow->key.hook)
READER(vlan, flow->key.vlan)
READER(customer_vlan, flow->key.customer_vlan)
READER(mark, flow->key.mark)
READER(traffic_class, flow->key.traffic_class)
READER(dscp, flow->key.traffic_class >> 2)
READER(tcp_flags, flow->attributes.tcp_flags)
READER(source_mac, mac_number(flow->attributes.source_mac))
READER(destination_mac, mac_number(flow->attributes.destination_mac))
READER(flow_label, flow->attributes.flow_label)
READER(min_ttl, flow->attributes.min_ttl)
READER(max_ttl, flow->attributes.max_ttl)
READER(min_octets, flow->attributes.min_octets)
READER(max_octets, flow->attributes.max_octets)
READER(packets, flow->volume.packets)
READER(octets, flow->volume.octets)
READER(layer2_octets, flow->volume.layer2_octets)
READER(duration_ms, flow->end_ms > flow->start_ms ? flow->end_ms - flow->start_ms : 0)

typedef struct {
	const char *word;
	uint64_t number;
} Name;

static const Name families[] = {
	{ "ip", 4 },  { "ipv4", 4 }, { "inet", 4 },  { "ip4", 4 },
	{ "ip6", 6 }, { "ipv6", 6 }, { "inet6", 6 }, { NULL, 0 },
};

/* IANA's numbers. */
static const Name protocols[] = {
	{ "icmp", 1 },	    { "igmp", 2 },   { "ipip", 4 },    { "tcp", 6 },	    { "udp", 17 },
	{ "dccp", 33 },	    { "ipv6", 41 },  { "rsvp", 46 },   { "gre", 47 },	    { "esp", 50 },
	{ "ah", 51 },	    { "icmp6", 58 }, { "icmpv6", 58 }, { "ipv6-icmp", 58 }, { "eigrp", 88 },
	{ "ospf", 89 },	    { "pim", 103 },  { "vrrp", 112 },  { "l2tp", 115 },	    { "sctp", 132 },
	{ "udplite", 136 }, { NULL, 0 },
};

static const Name ports[] = {
	{ "ftp-data", 20 },	{ "ftp", 21 },	     { "ssh", 22 },
	{ "telnet", 23 },	{ "smtp", 25 },	     { "dns", 53 },
	{ "domain", 53 },	{ "bootps", 67 },    { "bootpc", 68 },
	{ "tftp", 69 },		{ "http", 80 },	     { "kerberos", 88 },
	{ "pop3", 110 },	{ "ntp", 123 },	     { "imap", 143 },
	{ "snmp", 161 },	{ "bgp", 179 },	     { "ldap", 389 },
	{ "https", 443 },	{ "smb", 445 },	     { "submissions", 465 },
	{ "isakmp", 500 },	{ "syslog", 514 },   { "submission", 587 },
	{ "ldaps", 636 },	{ "dot", 853 },	     { "imaps", 993 },
	{ "pop3s", 995 },	{ "openvpn", 1194 }, { "radius", 1812 },
	{ "netflow", 2055 },	{ "mysql", 3306 },   { "rdp", 3389 },
	{ "stun", 3478 },	{ "ipfix", 4739 },   { "vxlan", 4789 },
	{ "sip", 5060 },	{ "mdns", 5353 },    { "postgresql", 5432 },
	{ "wireguard", 51820 }, { NULL, 0 },
};

/* IANA's code points; RFC 2474, 2597, 3246, 5865, 8622. */
static const Name code_points[] = {
	{ "cs0", 0 },	{ "le", 1 },	{ "cs1", 8 },	{ "af11", 10 }, { "af12", 12 },
	{ "af13", 14 }, { "cs2", 16 },	{ "af21", 18 }, { "af22", 20 }, { "af23", 22 },
	{ "cs3", 24 },	{ "af31", 26 }, { "af32", 28 }, { "af33", 30 }, { "cs4", 32 },
	{ "af41", 34 }, { "af42", 36 }, { "af43", 38 }, { "cs5", 40 },	{ "va", 44 },
	{ "ef", 46 },	{ "cs6", 48 },	{ "cs7", 56 },	{ NULL, 0 },
};

static const Name directions[] = {
	{ "ingress", HOOK_INGRESS },
	{ "egress", HOOK_EGRESS },
	{ NULL, 0 },
};

static const Name plain[] = { { "", 1 }, { NULL, 0 } };

/* A "k" may be a "K"; 1024 is always with its "i". */
static const Name multiples[] = {
	{ "", 1 },
	{ "k", 1000ULL },
	{ "M", 1000000ULL },
	{ "G", 1000000000ULL },
	{ "T", 1000000000000ULL },
	{ "P", 1000000000000000ULL },
	{ "Ki", 1ULL << 10 },
	{ "Mi", 1ULL << 20 },
	{ "Gi", 1ULL << 30 },
	{ "Ti", 1ULL << 40 },
	{ "Pi", 1ULL << 50 },
	{ NULL, 0 },
};

static const Name durations[] = {
	{ "ms", 1 },	  { "s", 1000 },     { "m", 60000 },
	{ "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};

typedef enum {
	TYPE_NUMBER,
	TYPE_MASKED, /* or VALUE/MASK, as iptables writes marks */
	TYPE_FLAGS,
	TYPE_MAC,
	TYPE_ADDRESS,
	TYPE_INTERFACE,
} Type;

struct FlowKind {
	Type type;
	const Name *units; /* what a number ends with */
	const Name *names; /* of numbers; NULL: they have none */
	bool of_octets;	   /* a "B" may follow the unit */
	bool is_ordered;
	bool stands_alone;
	bool may_be_bare;
	bool is_of_many;
	const char *expected; /* NULL: an integer up to the term's maximum */
};

static const FlowKind number = { .type = TYPE_NUMBER, .units = plain, .is_ordered = true };
static const FlowKind tag = { .units = plain, .is_ordered = true, .may_be_bare = true };
static const FlowKind count = {
	.units = multiples,
	.is_ordered = true,
	.expected = "an integer, maybe with k, M, G ..., Ki, Mi, Gi ...",
};
static const FlowKind size = {
	.units = multiples,
	.of_octets = true,
	.is_ordered = true,
	.expected = "an integer, maybe with k, M, G ..., kB, MB ..., KiB, MiB ...",
};
static const FlowKind duration = {
	.units = durations,
	.is_ordered = true,
	.is_of_many = true,
	.expected = "an integer and ms, s, m, h or d",
};
static const FlowKind port = {
	.units = plain,
	.names = ports,
	.is_ordered = true,
	.expected = "an integer from 0 to 65535, or a name such as https",
};
static const FlowKind code_point = {
	.units = plain,
	.names = code_points,
	.is_ordered = true,
	.expected = "an integer from 0 to 63, or a name such as ef",
};
static const FlowKind transport = {
	.units = plain,
	.names = protocols,
	.stands_alone = true,
	.expected = "an integer from 0 to 255, or a name such as tcp",
};
static const FlowKind family = {
	.units = plain,
	.names = families,
	.stands_alone = true,
	.expected = "ipv4 or ipv6",
};
static const FlowKind direction = {
	.units = plain,
	.names = directions,
	.expected = "ingress or egress",
};
static const FlowKind masked = {
	.type = TYPE_MASKED,
	.units = plain,
	.is_ordered = true,
	.may_be_bare = true,
	.expected = "an integer of 32 bits such as 0x10, maybe with a mask as in 0x10/0xf0",
};
static const FlowKind flags = {
	.type = TYPE_FLAGS,
	.units = plain,
	.expected = "letters of FSRPAUEC, or an integer",
};
static const FlowKind mac = {
	.type = TYPE_MAC,
	.expected = "an Ethernet address such as 02:00:00:00:00:01",
};
static const FlowKind address = { .type = TYPE_ADDRESS };
static const FlowKind interface = { .type = TYPE_INTERFACE, .units = plain };

/* In the order in which they are listed. A name that can stand alone is of the first that has it. */
/* clang-format off */
static const FlowTerm terms[] = {
	{ { "host", "net", "ip" }, &address, true, { NULL }, NULL, 0 },
	{ { "port", "portrange" }, &port, true, { source_port, destination_port }, has_ports, 65535 },
	{ { "family" }, &family, false, { ip_version }, NULL, 255 },
	{ { "proto" }, &transport, false, { protocol }, NULL, 255 },
	{ { "icmp-type", "icmptype" }, &number, false, { icmp_type }, is_icmp, 255 },
	{ { "icmp-code", "icmpcode" }, &number, false, { icmp_code }, is_icmp, 255 },
	{ { "flags" }, &flags, false, { tcp_flags }, is_tcp, 65535 },
	{ { "if" }, &interface, false, { ingress, egress }, NULL, UINT32_MAX },
	{ { "in" }, &interface, false, { ingress }, NULL, UINT32_MAX },
	{ { "out" }, &interface, false, { egress }, NULL, UINT32_MAX },
	{ { "direction", "flowdir" }, &direction, false, { hook }, NULL, HOOKS - 1 },
	{ { "mac" }, &mac, true, { source_mac, destination_mac }, NULL, 0 },
	{ { "vlan" }, &tag, false, { vlan }, NULL, 4095 },
	{ { "customer-vlan" }, &tag, false, { customer_vlan }, NULL, 4095 },
	{ { "mark" }, &masked, false, { mark }, NULL, UINT32_MAX },
	{ { "tos" }, &number, false, { traffic_class }, NULL, 255 },
	{ { "dscp" }, &code_point, false, { dscp }, NULL, 63 },
	{ { "flow-label" }, &number, false, { flow_label }, NULL, 0xfffff },
	{ { "packets" }, &count, false, { packets }, NULL, UINT64_MAX },
	{ { "bytes", "octets" }, &size, false, { octets }, NULL, UINT64_MAX },
	{ { "frame-bytes", "frame-octets" }, &size, false, { layer2_octets }, NULL, UINT64_MAX },
	{ { "duration" }, &duration, false, { duration_ms }, NULL, UINT64_MAX },
	{ { "min-ttl" }, &number, false, { min_ttl }, NULL, 255 },
	{ { "max-ttl" }, &number, false, { max_ttl }, NULL, 255 },
	{ { "min-length" }, &number, false, { min_octets }, NULL, UINT32_MAX },
	{ { "max-length" }, &number, false, { max_octets }, NULL, UINT32_MAX },
};
/* clang-format on */

/* In any case. */
static bool find_name(const Name *names, const char *word, uint64_t *found)
{
	for (; names && names->word; names++) {
		if (!g_ascii_strcasecmp(names->word, word)) {
			*found = names->number;
			return true;
		}
	}
	return false;
}

const FlowTerm *flowterm_find(const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(terms); i++) {
		for (size_t j = 0; j < FLOW_TERM_WORDS && terms[i].words[j]; j++) {
			if (!g_ascii_strcasecmp(terms[i].words[j], word))
				return &terms[i];
		}
	}
	return NULL;
}

const FlowTerm *flowterm_find_alone(const char *name)
{
	uint64_t found;

	for (size_t i = 0; i < G_N_ELEMENTS(terms); i++) {
		if (terms[i].kind->stands_alone && find_name(terms[i].kind->names, name, &found))
			return &terms[i];
	}
	return NULL;
}

bool flowterm_is_address(const FlowTerm *term)
{
	return term->kind->type == TYPE_ADDRESS;
}

bool flowterm_is_ordered(const FlowTerm *term)
{
	return term->kind->is_ordered;
}

bool flowterm_may_be_bare(const FlowTerm *term)
{
	return term->kind->may_be_bare;
}

bool flowterm_is_of_many(const FlowTerm *term)
{
	return term->kind->is_of_many;
}

/* Of several the first. */
const char *flowterm_protocol_name(uint8_t protocol)
{
	for (const Name *name = protocols; name->word; name++) {
		if (name->number == protocol)
			return name->word;
	}
	return NULL;
}

char *flowterm_list(void)
{
	GString *list = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(terms); i++)
		g_string_append_printf(list, "%s%s", i ? ", " : "", terms[i].words[0]);
	return g_string_free(list, FALSE);
}

/* Digits and a unit, or 0x and hexadecimal digits. */
static bool parse_quantity(const FlowTerm *term, const char *text, uint64_t *quantity)
{
	bool is_hex =
		text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && g_ascii_isxdigit(text[2]);
	g_autofree char *unit = NULL;
	uint64_t factor, digits;
	size_t length;
	char *end;

	if (!g_ascii_isdigit(text[0]))
		return false;
	errno = 0;
	digits = g_ascii_strtoull(text, &end, is_hex ? 16 : 10);
	if (errno)
		return false;
	unit = g_strdup(end);
	length = strlen(unit);
	if (term->kind->of_octets && length && unit[length - 1] == 'B')
		unit[length - 1] = '\0';
	return find_name(term->kind->units, unit, &factor) &&
	       g_uint64_checked_mul(quantity, digits, factor) && *quantity <= term->max;
}

static bool parse_number(const FlowTerm *term, const char *text, uint64_t *found)
{
	return find_name(term->kind->names, text, found) || parse_quantity(term, text, found);
}

/* From the lowest bit on: RFC 9293, 3.1. */
static const char flag_letters[] = "FSRPAUEC";
_Static_assert(sizeof(flag_letters) == FLOWTERM_FLAGS + 1, "one letter a flag");

const char *flowterm_flags_text(uint64_t set, char text[FLOWTERM_FLAGS + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < FLOWTERM_FLAGS; i++) {
		if (set & 1ULL << i)
			text[n++] = flag_letters[i];
	}
	text[n] = '\0';
	return text;
}

static bool parse_flags(const FlowTerm *term, const char *text, uint64_t *found)
{
	*found = 0;
	if (parse_quantity(term, text, found))
		return true;
	for (; *text; text++) {
		const char *letter = strchr(flag_letters, g_ascii_toupper(*text));

		if (!letter)
			return false;
		*found |= 1ULL << (letter - flag_letters);
	}
	return *found;
}

static bool parse_mac(const char *text, uint64_t *found)
{
	uint8_t parsed[MAC_LEN];

	if (!mac_parse(parsed, text))
		return false;
	*found = mac_number(parsed);
	return true;
}

static FlowValue from_to(uint64_t low, uint64_t high)
{
	return (FlowValue){ .number = { UINT64_MAX, low, high } };
}

FlowValue flowterm_any_value(void)
{
	return from_to(1, UINT64_MAX);
}

static FlowValue compared(FlowComparison comparison, uint64_t with)
{
	static const FlowValue nothing = { .number = { UINT64_MAX, 1, 0 } };

	switch (comparison) {
	case FLOW_LESS:
		return with ? from_to(0, with - 1) : nothing;
	case FLOW_LESS_OR_EQUAL:
		return from_to(0, with);
	case FLOW_GREATER:
		return with < UINT64_MAX ? from_to(with + 1, UINT64_MAX) : nothing;
	case FLOW_GREATER_OR_EQUAL:
		return from_to(with, UINT64_MAX);
	default:
		return from_to(with, with);
	}
}

/* The two halves of @text, around the first @separator; NULL: it has none. */
static char **halves(const char *text, const char *separator)
{
	g_auto(GStrv) parts = g_strsplit(text, separator, 2);

	return parts[0] && parts[1] ? g_steal_pointer(&parts) : NULL;
}

static bool is_whole(FlowComparison comparison)
{
	return comparison <= FLOW_NOT_EQUAL;
}

/* "8000-8100" */
static bool parse_ends(const FlowTerm *term, const char *text, uint64_t *low, uint64_t *high)
{
	g_auto(GStrv) ends = term->kind->is_ordered ? halves(text, "-") : NULL;

	return ends && parse_number(term, ends[0], low) && parse_number(term, ends[1], high);
}

static bool parse_range(const FlowTerm *term, FlowComparison comparison, const char *text,
			FlowValue *value)
{
	uint64_t low, high;

	if (!is_whole(comparison) || !parse_ends(term, text, &low, &high) || low > high)
		return false;
	*value = from_to(low, high);
	return true;
}

static bool parse_masked(const FlowTerm *term, FlowComparison comparison, const char *text,
			 FlowValue *value)
{
	g_auto(GStrv) parts = halves(text, "/");
	uint64_t bits, mask_bits;

	if (!parts || !is_whole(comparison) || !parse_number(term, parts[0], &bits) ||
	    !parse_number(term, parts[1], &mask_bits) || bits & ~mask_bits)
		return false;
	*value = (FlowValue){ .number = { mask_bits, bits, bits } };
	return true;
}

static bool parse_value(const FlowTerm *term, FlowComparison comparison, const char *text,
			FlowValue *value)
{
	Type type = term->kind->type;
	uint64_t found;

	if (type == TYPE_FLAGS ? parse_flags(term, text, &found) :
	    type == TYPE_MAC   ? parse_mac(text, &found) :
				 parse_number(term, text, &found)) {
		*value = compared(comparison, found);
		/* Others may be set, too. */
		if (type == TYPE_FLAGS && comparison == FLOW_IS && found)
			value->number.mask = found;
		return true;
	}
	return parse_range(term, comparison, text, value) ||
	       (type == TYPE_MASKED && parse_masked(term, comparison, text, value));
}

static bool add_address(const char *text, GArray *values, GError **error)
{
	static const uint8_t ones[ADDRESS_LEN] = { [0 ... ADDRESS_LEN - 1] = 0xff };
	FlowValue value = { 0 };
	Prefix prefix, mask_bits;

	if (!prefix_parse(&prefix, text, error))
		return false;
	mask_bits = prefix_from_address(AF_INET6, ones, prefix.length);
	memcpy(value.address.mask, mask_bits.address, ADDRESS_LEN);
	memcpy(value.address.bits, prefix.address, ADDRESS_LEN);
	/* As it is written: IPv6 packets may have IPv4-mapped addresses, too. */
	value.address.ip_version = strchr(text, ':') ? 6 : 4;
	g_array_append_val(values, value);
	return true;
}

static bool add_interface(const FlowTerm *term, const char *text, FlowInterfaces interfaces,
			  void *user_data, GArray *values, GError **error)
{
	g_autoptr(GArray) indexes = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	uint64_t index;

	if (interfaces)
		interfaces(text, indexes, user_data);
	for (guint i = 0; i < indexes->len; i++) {
		FlowValue value = compared(FLOW_EQUAL, g_array_index(indexes, uint32_t, i));

		g_array_append_val(values, value);
	}
	if (!indexes->len && parse_quantity(term, text, &index)) {
		FlowValue value = compared(FLOW_EQUAL, index);

		g_array_append_val(values, value);
	} else if (!indexes->len) {
		error_set(error, "\"%.*s\" is no interface", FLOWTERM_SHOWN_MAX, text);
		return false;
	}
	return true;
}

static void fail(const FlowTerm *term, const char *text, GError **error)
{
	const char *expected = term->kind->expected;
	g_autofree char *integer = g_strdup_printf("an integer from 0 to %" PRIu64, term->max);
	uint64_t low, high;

	if (parse_ends(term, text, &low, &high))
		error_set(error, "\"%.*s\" is no range of %s: %s", FLOWTERM_SHOWN_MAX, text,
			  term->words[0],
			  low > high ? "it ends before it begins" :
				       "it can only be compared by = and !=");
	else
		error_set(error, "\"%.*s\" is no value of %s: expected %s", FLOWTERM_SHOWN_MAX,
			  text, term->words[0], expected ? expected : integer);
}

bool flowterm_parse(const FlowTerm *term, FlowComparison comparison, const char *text,
		    FlowInterfaces interfaces, void *user_data, GArray *values, GError **error)
{
	FlowValue value;

	if (term->kind->type == TYPE_ADDRESS)
		return add_address(text, values, error);
	if (term->kind->type == TYPE_INTERFACE)
		return add_interface(term, text, interfaces, user_data, values, error);
	if (!parse_value(term, comparison, text, &value)) {
		fail(term, text, error);
		return false;
	}
	g_array_append_val(values, value);
	return true;
}
