/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of the agent as `flowtally top` reads them: devices and what they have had, at seconds after a noon. */
#ifndef FLOWTALLY_TESTS_TOP_DOCUMENTS_H
#define FLOWTALLY_TESTS_TOP_DOCUMENTS_H

#include <glib.h>
#include <jansson.h>

#define DESKTOP "02:00:00:00:00:01"
#define PHONE "02:00:00:00:00:02"
#define TV "02:00:00:00:00:03"

/* 2026-11-28T12:00:00Z */
#define NOON_S 1795867200

static inline void put_time(json_t *object, const char *name, double seconds)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(NOON_S + (gint64)seconds);
	g_autofree char *text = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");

	json_object_set_new(object, name, json_sprintf("%s.000Z", text));
}

static inline json_t *document_at(double seconds)
{
	json_t *document = json_pack("{s:i, s:[], s:[]}", "schema", 1, "hosts", "overflow");

	put_time(document, "time", seconds);
	return document;
}

static inline json_t *volume(json_int_t octets)
{
	return json_pack("{s:I, s:I, s:I}", "packets", octets / 100, "octets", octets,
			 "layer2_octets", octets);
}

/* A host with one account. */
static inline json_t *add_host(json_t *document, const char *mac, const char *name,
			       const char *interface)
{
	json_t *host = json_pack("{s:s, s:s, s:s, s:[]}", "host", mac, "name", name, "interface",
				 interface, "accounts");

	json_array_append_new(json_object_get(document, "hosts"), host);
	return host;
}

static inline void add_account(json_t *host, const char *address, const char *family,
			       json_int_t download, json_int_t upload, double first_seen_s)
{
	json_t *account = json_pack("{s:s?, s:s, s:s, s:o, s:o}", "address", address, "family",
				    family, "scope", "internet", "download", volume(download),
				    "upload", volume(upload));

	put_time(account, "first_seen", first_seen_s);
	json_array_append_new(json_object_get(host, "accounts"), account);
}

#endif
