/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formats of files that know names of devices, a line at a time: what nameparser puts behind its
 * table of kinds. Each is a pure function of its lines.
 */
#ifndef FLOWTALLY_NAMEFORMAT_H
#define FLOWTALLY_NAMEFORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records.h"

#define NAME_MAC_BITS (8 * MAC_LEN)

/*
 * That @name is the name of @mac, of @address, or of both. Of leases a later line replaces an earlier one
 * with that address even without a name, and of those with that MAC the one that ends last counts; else
 * the first line counts.
 */
typedef struct {
	const uint8_t *mac;	/* NULL: not known */
	unsigned int mac_bits;	/* NAME_MAC_BITS; less: of all MACs that begin so */
	const uint8_t *address; /* ADDRESS_LEN, NULL: not known */
	const char *name;	/* NULL: there is none */
	bool is_lease;
	int64_t end_s; /* of the lease, since the epoch; INT64_MAX: never */
} NameEntry;

typedef void (*NameSink)(const NameEntry *entry, void *user_data);

/* Where the formats put what they find; names are any octets. */
typedef struct {
	NameSink sink;
	void *user_data;
} NameOutput;

void name_output_add(const NameOutput *output, const NameEntry *entry);

typedef struct {
	size_t state_size; /* of what is kept from line to line, all zero at first */
	/* NULL, or why the line is left out (lines.h) */
	const char *(*take)(void *state, char *line, const NameOutput *output);
	void (*end)(void *state, const NameOutput *output); /* NULL: nothing is pending */
} NameFormat;

extern const NameFormat nameformat_dnsmasq, nameformat_odhcpd, nameformat_kea, nameformat_isc,
	nameformat_uci, nameformat_ethers, nameformat_hosts, nameformat_vendors;

/* What they share. */

#define NAME_FIELDS_MAX 64

/* Cuts @line at spaces and tabs; what is beyond @max fields is left out. The number of fields. */
size_t name_fields(char *line, char **fields, size_t max);

/* Only complete addresses, in the form of prefix.h. */
bool name_parse_address(uint8_t address[ADDRESS_LEN], const char *text);

/* As mac_parse(), and also without the zero before a single digit, as ether_ntoa(3) writes it. */
bool name_parse_mac(uint8_t mac[MAC_LEN], const char *text);

/* A decimal integer. */
bool name_parse_number(int64_t *number, const char *text);

/* No clock: what a router without one has written is no time at all. */
int64_t name_end_of_lease(int64_t seconds);

#endif
