/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of traffic that a report is made of, each kind made once for all who share it: all hosts, and of flows some
 * thousand at a time. Of a group by hash each collector has its share (groups.h).
 */
#ifndef FLOWTALLY_REPORTRECORDS_H
#define FLOWTALLY_REPORTRECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "accounts/flows.h"
#include "accounts/hosts.h"
#include "groups.h"
#include "names/names.h"

/* What they are made of; all is borrowed. */
typedef struct {
	const HostDelta *deltas;
	size_t deltas_n;
	uint64_t start_ms; /* of the period that @deltas are of */
	uint64_t end_ms;
	const Names *names;  /* NULL: nobody has a name */
	const GArray *flows; /* of FlowRecord; NULL: none */
	/* To each of @n flows its FlowRoute; NULL: nobody wants to know. */
	void (*find_routes)(const FlowRecord *flows, size_t n, FlowRoute *found, void *user_data);
	void *user_data;
} ReportTraffic;

/* Whose share is meant; all zero: nobody's, but all. */
typedef struct {
	const Group *group;
	unsigned int place;
} ReportShare;

typedef struct ReportRecords ReportRecords;

/* What @traffic points to must outlive the result. */
ReportRecords *report_records_new(const ReportTraffic *traffic);
void report_records_free(ReportRecords *records);

/* Of HostRecord; borrowed until report_records_forget(). */
const GArray *report_records_hosts(ReportRecords *records, bool scopes_apart, bool with_names,
				   ReportShare share);

/* How many flows are next, both directions of a conversation together; 0: that was all. */
guint report_records_step(const ReportRecords *records);

/* Of IpfixFlow, of the flows that are next; borrowed until report_records_forget(). */
const GArray *report_records_flows(ReportRecords *records, bool biflows, ReportShare share);

/* Frees what has been made, which can be made again. */
void report_records_forget(ReportRecords *records);

/* The same, and goes on to the flows after these. */
void report_records_next(ReportRecords *records);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReportRecords, report_records_free)

#endif
