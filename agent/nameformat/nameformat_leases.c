/* SPDX-License-Identifier: Apache-2.0 */
#include "nameformat.h"

#include <string.h>

#include <glib.h>

#include "duid.h"
#include "base/mac.h"

/* What a lease is about, and where the octets lie. */
typedef struct {
	uint8_t mac[MAC_LEN];
	uint8_t address[ADDRESS_LEN];
	NameEntry entry;
} Lease;

static void lease_init(Lease *lease)
{
	lease->entry = (NameEntry){
		.mac_bits = NAME_MAC_BITS,
		.is_lease = true,
		.end_s = INT64_MAX,
	};
}

static void set_mac(Lease *lease, bool is_known)
{
	lease->entry.mac = is_known ? lease->mac : NULL;
}

/*
 * dnsmasq: "END MAC ADDRESS NAME CLIENT-ID"; behind a line "duid ..." those of IPv6: "END IAID ADDRESS NAME
 * DUID". END is 0 for ever, "*" is none.
 */
static const char *take_dnsmasq(void *state, char *line, const NameOutput *output)
{
	char *fields[5];
	size_t n = name_fields(line, fields, G_N_ELEMENTS(fields));
	int64_t end;
	Lease lease;

	if (!n || !strcmp(fields[0], "duid"))
		return NULL;
	lease_init(&lease);
	if (n < 4)
		return "a lease has at least four fields";
	if (!name_parse_number(&end, fields[0]))
		return "no time at the beginning";
	if (!name_parse_address(lease.address, fields[2]))
		return "no address in the third field";
	lease.entry.end_s = name_end_of_lease(end);
	lease.entry.address = lease.address;
	if (strcmp(fields[3], "*"))
		lease.entry.name = fields[3];
	set_mac(&lease, strchr(fields[2], ':') ? n == 5 && duid_parse_mac(lease.mac, fields[4]) :
						 mac_parse(lease.mac, fields[1]));
	name_output_add(output, &lease.entry);
	return NULL;
}

const NameFormat nameformat_dnsmasq = { .take = take_dnsmasq };

enum {
	ODHCPD_INTERFACE,
	ODHCPD_ID, /* the MAC or the DUID, without separators */
	ODHCPD_IAID,
	ODHCPD_NAME,
	ODHCPD_END,
	ODHCPD_ASSIGNED,
	ODHCPD_LENGTH,
	ODHCPD_ADDRESSES, /* each with "/LENGTH" */
};

static bool parse_plain_mac(uint8_t mac[MAC_LEN], const char *digits)
{
	for (size_t i = 0; i < MAC_LEN; i++, digits += 2) {
		if (!g_ascii_isxdigit(digits[0]) || !g_ascii_isxdigit(digits[1]))
			return false;
		mac[i] = (uint8_t)(g_ascii_xdigit_value(digits[0]) << 4 |
				   g_ascii_xdigit_value(digits[1]));
	}
	return !*digits;
}

/* A prefix that is delegated names no device. */
static bool parse_full_address(uint8_t address[ADDRESS_LEN], char *text)
{
	char *slash = strchr(text, '/');
	int64_t length;

	if (!slash || !name_parse_number(&length, slash + 1))
		return false;
	*slash = '\0';
	return length == (strchr(text, ':') ? 128 : 32) && name_parse_address(address, text);
}

/* It marks so the names that it would not put into the DNS. */
static const char *odhcpd_name(const char *field)
{
	static const char broken[] = "broken\\x20";

	if (g_str_has_prefix(field, broken))
		field += strlen(broken);
	return strcmp(field, "-") ? field : NULL;
}

static const char *take_odhcpd_lease(char *line, const NameOutput *output)
{
	char *fields[NAME_FIELDS_MAX];
	size_t n = name_fields(line, fields, G_N_ELEMENTS(fields));
	int64_t end;
	Lease lease;

	lease_init(&lease);
	if (n < ODHCPD_ADDRESSES)
		return "a lease has at least seven fields";
	if (!name_parse_number(&end, fields[ODHCPD_END]))
		return "no time in the fifth field";
	/* -1 is for ever, 0 is over. */
	lease.entry.end_s = end > 0 ? name_end_of_lease(end) : end < 0 ? INT64_MAX : 0;
	lease.entry.name = odhcpd_name(fields[ODHCPD_NAME]);
	set_mac(&lease, strcmp(fields[ODHCPD_IAID], "ipv4") ?
				duid_parse_mac(lease.mac, fields[ODHCPD_ID]) :
				parse_plain_mac(lease.mac, fields[ODHCPD_ID]));
	if (n == ODHCPD_ADDRESSES)
		name_output_add(output, &lease.entry);
	for (size_t i = ODHCPD_ADDRESSES; i < n; i++) {
		bool is_host = parse_full_address(lease.address, fields[i]);

		lease.entry.address = is_host ? lease.address : NULL;
		name_output_add(output, &lease.entry);
	}
	return NULL;
}

/*
 * odhcpd: "# INTERFACE ID IAID NAME END ASSIGNED LENGTH ADDRESS..."; the other lines are for the DNS and tell
 * the same as those of hosts(5).
 */
static const char *take_odhcpd(void *state, char *line, const NameOutput *output)
{
	uint8_t address[ADDRESS_LEN];
	char *field;

	if (g_str_has_prefix(line, "# "))
		return take_odhcpd_lease(line + 2, output);
	if (!name_fields(line, &field, 1) || name_parse_address(address, field))
		return NULL;
	return "neither a lease nor an address";
}

const NameFormat nameformat_odhcpd = { .take = take_odhcpd };

/* Kea: columns by the names in the first line. */
typedef enum {
	KEA_ADDRESS,
	KEA_HWADDR,
	KEA_DUID,
	KEA_LIFETIME,
	KEA_EXPIRE,
	KEA_TYPE,
	KEA_HOSTNAME,
	KEA_STATE,
	KEA_COLUMNS,
} KeaColumn;

static const char *const kea_names[KEA_COLUMNS] = {
	[KEA_ADDRESS] = "address",	   [KEA_HWADDR] = "hwaddr", [KEA_DUID] = "duid",
	[KEA_LIFETIME] = "valid_lifetime", [KEA_EXPIRE] = "expire", [KEA_TYPE] = "lease_type",
	[KEA_HOSTNAME] = "hostname",	   [KEA_STATE] = "state",
};

#define KEA_FOR_EVER 0xffffffff
#define KEA_TYPE_PREFIX "2"
#define KEA_STATE_VALID "0"

typedef struct {
	bool has_head;
	size_t fields;
	size_t columns[KEA_COLUMNS]; /* the index of the field and 1; 0: there is none */
} KeaState;

static size_t split_csv(char *line, char **fields, size_t max)
{
	size_t n = 0;
	char *field;

	while (n < max && (field = strsep(&line, ",")))
		fields[n++] = field;
	return n;
}

static const char *take_kea_head(KeaState *state, char *const *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int column = 0; column < KEA_COLUMNS; column++) {
			if (!strcmp(fields[i], kea_names[column]))
				state->columns[column] = i + 1;
		}
	}
	state->has_head = true;
	state->fields = n;
	if (state->columns[KEA_ADDRESS] && state->columns[KEA_HOSTNAME])
		return NULL;
	return "the first line names no columns address and hostname";
}

static const char *kea_field(const KeaState *state, char *const *fields, KeaColumn column)
{
	return state->columns[column] ? fields[state->columns[column] - 1] : "";
}

/* Its escapes: "&#x2c" is a comma. */
static void kea_unescape(char *text)
{
	static const char mark[] = "&#x";
	char *start = text, *to = text;

	while (*text) {
		if (g_str_has_prefix(text, mark) && g_ascii_isxdigit(text[3]) &&
		    g_ascii_isxdigit(text[4])) {
			*to = (char)(g_ascii_xdigit_value(text[3]) << 4 |
				     g_ascii_xdigit_value(text[4]));
			/* A NUL ends no name. */
			to += *to != '\0';
			text += 5;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
	/* A name of the DNS is complete with its dot. */
	if (to > start && to[-1] == '.')
		to[-1] = '\0';
}

/* Released, reclaimed and declined leases are over. */
static bool kea_end(const KeaState *state, char *const *fields, int64_t *end)
{
	const char *status = kea_field(state, fields, KEA_STATE);
	int64_t lifetime, expire;

	if (!name_parse_number(&lifetime, kea_field(state, fields, KEA_LIFETIME)) ||
	    !name_parse_number(&expire, kea_field(state, fields, KEA_EXPIRE)))
		return false;
	if (!lifetime || (*status && strcmp(status, KEA_STATE_VALID)))
		*end = 0;
	else
		*end = lifetime == KEA_FOR_EVER ? INT64_MAX : expire;
	return true;
}

static const char *take_kea_lease(const KeaState *state, char *const *fields,
				  const NameOutput *output)
{
	char *name = fields[state->columns[KEA_HOSTNAME] - 1];
	Lease lease;

	lease_init(&lease);
	if (!name_parse_address(lease.address, kea_field(state, fields, KEA_ADDRESS)))
		return "no address in the column address";
	if (!kea_end(state, fields, &lease.entry.end_s))
		return "no number in the columns valid_lifetime and expire";
	if (strcmp(kea_field(state, fields, KEA_TYPE), KEA_TYPE_PREFIX))
		lease.entry.address = lease.address;
	set_mac(&lease, mac_parse(lease.mac, kea_field(state, fields, KEA_HWADDR)) ||
				duid_parse_mac(lease.mac, kea_field(state, fields, KEA_DUID)));
	kea_unescape(name);
	lease.entry.name = *name ? name : NULL;
	name_output_add(output, &lease.entry);
	return NULL;
}

static const char *take_kea(void *data, char *line, const NameOutput *output)
{
	char *fields[NAME_FIELDS_MAX];
	KeaState *state = data;
	size_t n;

	if (!*line)
		return NULL;
	n = split_csv(line, fields, G_N_ELEMENTS(fields));
	if (!state->has_head)
		return take_kea_head(state, fields, n);
	if (!state->columns[KEA_ADDRESS] || !state->columns[KEA_HOSTNAME])
		return "the columns are not known";
	if (n < state->fields)
		return "fewer fields than the first line has";
	return take_kea_lease(state, fields, output);
}

const NameFormat nameformat_kea = { .state_size = sizeof(KeaState), .take = take_kea };
