/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPFIX Messages (RFC 7011) of one Transport Session, as a stream or one by one: the Collecting Process
 * as far as it takes octets apart. What it reads comes from strangers and may be anything; all that it keeps is bounded.
 *
 * libfixbuf is no help here: it ends the process over some of what may come, keeps silent
 * over data without a template, and cannot say where something is broken.
 */
#ifndef FLOWTALLY_IPFIX_READER_H
#define FLOWTALLY_IPFIX_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "elements/elements.h"

/* The header of a message, and where it stands. */
typedef struct {
	uint64_t number; /* from 1 */
	uint64_t offset; /* of its first octet in the stream */
	uint16_t len;
	uint32_t export_time_s;
	uint32_t sequence;
	uint32_t domain;
} IpfixHead;

typedef struct {
	uint32_t enterprise; /* 0: IANA's */
	uint16_t number;
	uint16_t len; /* ELEMENT_VARIABLE: each has its own */
} IpfixField;

typedef struct {
	uint16_t id;
	bool is_options;
	uint16_t scope_n; /* the first fields of options */
	uint16_t n;
	size_t min_len; /* of a record */
	IpfixField fields[];
} IpfixTemplate;

typedef struct {
	const uint8_t *octets;
	uint16_t len;
} IpfixValue;

/*
 * What is told of a message, in its order; all is borrowed for the call. Those that are NULL are not told.
 */
typedef struct {
	void (*begin)(const IpfixHead *head, void *user_data);
	/* @template: until it is another one's turn the records of its id are of it. */
	void (*template)(const IpfixTemplate *template, void *user_data);
	/* An id of 2 or 3: all templates, or all of options (RFC 7011, 8.1). */
	void (*withdrawal)(uint16_t id, void *user_data);
	/* @values are as many as fields. False: that is enough, nothing more of this message is told. */
	bool (*record)(const IpfixTemplate *template, const IpfixValue *values, void *user_data);
	/* A set without a template, or of an id that RFC 7011 gives no meaning. */
	void (*unknown)(uint16_t set_id, size_t len, void *user_data);
	void (*end)(void *user_data); /* of each message that has begun, also of a broken one */
} IpfixHandler;

/* The account of one Observation Domain. */
typedef struct {
	uint32_t id;
	uint64_t messages;
	uint64_t octets;
	uint64_t templates; /* that were new */
	uint64_t records;
	uint64_t options; /* records of them */
	uint64_t unknown_sets;
	/*
	 * By the sequence numbers, as far as these tell anything: none does behind a set without a template, as
	 * nobody knows how many records that had.
	 */
	uint64_t gaps;
	uint64_t missing;  /* records in the gaps; those that come late are taken off */
	uint64_t restarts; /* the exporter begins anew */
} IpfixDomainCounts;

typedef struct IpfixReader IpfixReader;

/* What the exporter says of its elements (RFC 5610) goes to @elements, which must outlive the reader. NULL: to nobody. */
IpfixReader *ipfix_reader_new(const IpfixHandler *handler, void *user_data, Elements *elements);
void ipfix_reader_free(IpfixReader *reader);

/*
 * The next octets of a stream, a file's (RFC 5655) or those of a TCP connection, however they are cut. False: it is broken, as
 * @error says: "message 3 at octet 2048: why"; nothing more can be read then.
 */
bool ipfix_reader_take(IpfixReader *reader, const uint8_t *octets, size_t len, GError **error);

/* The stream has ended; false if within a message. */
bool ipfix_reader_end(const IpfixReader *reader, GError **error);

/* A datagram, which is one message. After one that is broken others may be read. */
bool ipfix_reader_take_message(IpfixReader *reader, const uint8_t *octets, size_t len,
			       GError **error);

/* In the order in which they have come up; false past the last. */
bool ipfix_reader_domain(const IpfixReader *reader, size_t index, IpfixDomainCounts *counts);

/* Of the sets without a template in that domain, the ids that came first, at most IPFIX_READER_IDS_MAX. */
#define IPFIX_READER_IDS_MAX 16
size_t ipfix_reader_unknown_ids(const IpfixReader *reader, size_t index,
				uint16_t ids[IPFIX_READER_IDS_MAX]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpfixReader, ipfix_reader_free)

#endif
