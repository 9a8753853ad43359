/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Observation Domain of an encoder: templates and records become messages that are filled up to a limit.
 * There is a form of it for each format that messages can have; nobody else knows their octets.
 */
#ifndef FLOWTALLY_DOMAIN_H
#define FLOWTALLY_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "elements/template.h"
#include "ipfix.h"

typedef struct Domain Domain;

/* Errors are ones of ours; messages are appended to @messages. */
typedef struct {
	void (*free)(Domain *domain);

	/* To be called before domain_open(). */
	bool (*add_template)(Domain *domain, const Template *record, GError **error);
	void (*open)(Domain *domain);

	/* What the message holds until now is forgotten. */
	void (*set_message_size)(Domain *domain, size_t message_size);

	void (*set_export_time)(Domain *domain, uint32_t export_time_s);

	/* One item in the message that is being filled, or, if it does not fit any more, in the next one. */
	bool (*put_template)(Domain *domain, uint16_t id, GPtrArray *messages, GError **error);
	bool (*put_record)(Domain *domain, uint16_t id, const void *record, GPtrArray *messages,
			   GError **error);

	/* The template of type records (RFC 5610), and one for each of our elements that need any of @needs.
	 * NULL: the format has no such thing. */
	bool (*put_types)(Domain *domain, uint32_t needs, GPtrArray *messages, GError **error);

	/* Ends the message that is being filled, if there is anything in it. */
	bool (*flush)(Domain *domain, GPtrArray *messages, GError **error);
} DomainForm;

struct Domain {
	const DomainForm *form;
	uint32_t id;
	size_t message_size;
	uint32_t first; /* index of the first item in the message that is being filled ... */
	uint32_t next;	/* ... and of the one that comes next; the caller's to advance */
	IpfixContents contents; /* of that message; the caller's to count, but for the length */
};

/* @enterprise_number: of our own elements. */
Domain *ipfix_domain_new(uint32_t id, uint32_t enterprise_number);

/* NetFlow version 9; @uptime_origin_ms: of the times of records, since the epoch. */
Domain *netflow9_domain_new(uint32_t id, uint64_t uptime_origin_ms);

void domain_free(Domain *domain);

/* The first item has the index @from. */
void domain_begin(Domain *domain, uint32_t export_time_s, size_t from);

/* The last message; if not @ok, what an encoding that failed has left is forgotten. */
bool domain_finish(Domain *domain, bool ok, GPtrArray *messages, GError **error);

/* For those who write a form: the message that has been filled, whose octets are @data. */
IpfixMessage *domain_take_message(Domain *domain, const uint8_t *data, size_t len);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Domain, domain_free)

#endif
