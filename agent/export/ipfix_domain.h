/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Observation Domain of an encoder: templates and records become messages that are filled up to
 * a limit. It is a part of the module ipfix, and the one that knows how libfixbuf has to be treated.
 *
 * libfixbuf knows several domains in a session, but would let one message have records of two; so
 * each domain has a session of its own.
 */
#ifndef FLOWTALLY_IPFIX_DOMAIN_H
#define FLOWTALLY_IPFIX_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fixbuf/public.h>
#include <glib.h>

#include "ipfix.h"

typedef struct {
	uint32_t id;
	uint32_t stream; /* IpfixMessage.stream */
	fbSession_t *session;
	fBuf_t *buffer; /* owns the session and the exporter; NULL until ipfix_domain_open() */
	fbExporter_t *exporter; /* writes to @area */
	uint8_t *area;
	size_t message_size;
	uint16_t selected; /* the template of the record before, 0: none */
	uint32_t first;	   /* index of the first item in the message that is being filled ... */
	uint32_t next;	   /* ... and of the one that comes next; the caller's to advance */
	IpfixContents contents; /* of that message; the caller's to count, but for the length */
} IpfixDomain;

/* One thing that goes into a message: a template, or a record of one. */
typedef struct IpfixItem IpfixItem;
struct IpfixItem {
	gboolean (*put)(IpfixDomain *domain, const IpfixItem *item, GError **error);
	uint16_t template_id;
	uint16_t internal_id; /* of the template that describes @data in memory */
	uint16_t len;	      /* of @data */
	const void *data;
};

void ipfix_domain_init(IpfixDomain *domain, fbInfoModel_t *model, uint32_t id, uint32_t stream);
void ipfix_domain_done(IpfixDomain *domain);

/* To be called once all templates are in the session: libfixbuf would write later ones at once. */
void ipfix_domain_open(IpfixDomain *domain, size_t message_size);

/* What the message holds until now is forgotten. */
void ipfix_domain_set_message_size(IpfixDomain *domain, size_t message_size);

/* The first item has the index @from. */
void ipfix_domain_begin(IpfixDomain *domain, uint32_t export_time_s, size_t from);

/* @item in the message that is being filled, or in the next one if it does not fit any more. */
bool ipfix_domain_put(IpfixDomain *domain, const IpfixItem *item, GPtrArray *messages,
		      GError **error);

/* Ends the message that is being filled, if there is anything in it. */
bool ipfix_domain_flush(IpfixDomain *domain, GPtrArray *messages, GError **error);

/* The last message; if not @ok, what an encoding that failed has left is forgotten. */
bool ipfix_domain_finish(IpfixDomain *domain, bool ok, GPtrArray *messages, GError **error);

/* What IpfixItem.put can be. */
gboolean ipfix_put_template(IpfixDomain *domain, const IpfixItem *item, GError **error);
gboolean ipfix_put_record(IpfixDomain *domain, const IpfixItem *item, GError **error);
/* A type record of RFC 5610; @data is the fbInfoElement_t that it describes. */
gboolean ipfix_put_type(IpfixDomain *domain, const IpfixItem *item, GError **error);

/* An error of libfixbuf as one of ours: its codes are its own, ours are errnos. Returns false. */
bool ipfix_fail(GError **error, const GError *why);

#endif
