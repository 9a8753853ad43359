/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates and records that somebody has put down as YAML, to be sent as IPFIX. In our own form:
 *
 *     observation-domain: 7                  # 0
 *     export-time: 2026-01-02T03:04:05Z      # now
 *     templates:
 *       - id: 256
 *         elements: [sourceIPv4Address, { octetDeltaCount: 4 }, { name: interfaceName, length: 16 }, "9:12240"]
 *       - { id: 257, scope: 1, elements: [ingressInterface, interfaceName] }      # options
 *     sets:
 *       - template: 256
 *         records:
 *           - { sourceIPv4Address: 10.1.0.1, octetDeltaCount: 41, interfaceName: eth0, "9:12240": 0x0102 }
 *
 * where a record has each element of its template, those that are there several times as a list. And as linux-flow-exporter's
 * `ipfix file` has it, in two files, where a record need not have all of them and may have more: its configuration,
 *
 *     maxIpfixMessageLen: 100
 *     outputs: [{ collector: { remoteAddress: "192.0.2.1:2055", localAddress: "0.0.0.0:0" } }]
 *     templates: [{ id: 1001, template: [{ name: SourceIPv4Address }] }]
 *
 * (`collectors: [{ remoteAddress: ... }]` in older ones; what else is in it is of no use here), and its flow file,
 *
 *     flowsets: [{ templateId: 1001, flows: [{ SourceIPv4Address: 0x0a010001 }] }]
 */
#ifndef FLOWTALLY_RECORDFILE_H
#define FLOWTALLY_RECORDFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "elements/elements.h"

typedef struct {
	Element element;
	uint16_t len; /* ELEMENT_VARIABLE: as long as each value is */
} RecordFileField;

typedef struct {
	uint16_t id;
	uint16_t scope_n; /* 0: not of options */
	GArray *fields;	  /* of RecordFileField */
} RecordFileTemplate;

/* The values of one record, one behind the other as octets on the wire, but without lengths. */
typedef struct {
	GByteArray *octets;
	GArray *lens; /* of uint16_t: of each value */
} RecordFileValues;

typedef struct {
	const RecordFileTemplate *template;
	GPtrArray *records; /* of RecordFileValues */
} RecordFileSet;

typedef struct {
	char *remote; /* HOST:PORT */
	char *local;  /* NULL: any */
} RecordFileCollector;

typedef struct {
	uint32_t observation_domain;
	bool has_export_time;
	uint32_t export_time_s;
	uint32_t message_size; /* 0: nobody says */
	GPtrArray *templates;  /* of RecordFileTemplate */
	GPtrArray *sets;       /* of RecordFileSet */
	GPtrArray *collectors; /* of RecordFileCollector */
} RecordFile;

RecordFile *record_file_new(void);
void record_file_free(RecordFile *file);

/*
 * Adds what stands in the file at @path, whose records may be of templates of files before. The error reads
 * "FILE:LINE: key: reason". After one @file is only fit to be freed.
 */
bool record_file_read(RecordFile *file, const char *path, const Elements *elements, GError **error);

/* NULL: there is none. */
const RecordFileTemplate *record_file_find_template(const RecordFile *file, uint16_t id);

/* A set without records, at the end of @file, which owns it. */
RecordFileSet *record_file_add_set(RecordFile *file, const RecordFileTemplate *template);

/* A value as a file would have it, of an element of IANA's. */
typedef struct {
	uint16_t number;
	char *text;
} RecordFileInput;

/* One record more; what @inputs lack is 0 or empty, and what the template lacks is passed over. False if a value is none
 * that its element can have. */
bool record_file_add_record(RecordFileSet *set, const RecordFileInput *inputs, size_t n,
			    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RecordFile, record_file_free)

#endif
