/* SPDX-License-Identifier: Apache-2.0 */
#include "reportrecords.h"

#include "flowrecords.h"
#include "hostrecords.h"

/* Takes some milliseconds, and some hundred messages to each collector. */
#define FLOWS_PER_STEP 4096

/* Records of one kind, and shares of them. */
typedef struct {
	GArray *all;	    /* NULL: not made yet */
	GHashTable *shares; /* const Group * to GPtrArray of GArray; NULL: there are none yet */
} Kind;

struct ReportRecords {
	ReportTraffic traffic;
	guint flows_done;
	FlowRoute *routes; /* of the flows that are next; NULL: not asked for yet */
	Kind hosts[4];	   /* with their scopes apart or not, with names or not */
	Kind flows[2];	   /* singly, and as biflows */
};

ReportRecords *report_records_new(const ReportTraffic *traffic)
{
	ReportRecords *records = g_new0(ReportRecords, 1);

	records->traffic = *traffic;
	return records;
}

void report_records_free(ReportRecords *records)
{
	if (!records)
		return;
	report_records_forget(records);
	g_free(records);
}

static void kind_forget(Kind *kind)
{
	g_clear_pointer(&kind->all, g_array_unref);
	g_clear_pointer(&kind->shares, g_hash_table_unref);
}

void report_records_forget(ReportRecords *records)
{
	for (size_t i = 0; i < G_N_ELEMENTS(records->hosts); i++)
		kind_forget(&records->hosts[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(records->flows); i++)
		kind_forget(&records->flows[i]);
	g_clear_pointer(&records->routes, g_free);
}

static const GArray *share_of(Kind *kind, ReportShare share,
			      GPtrArray *(*make)(const Group *group, const GArray *records))
{
	GPtrArray *shares;

	if (!share.group)
		return kind->all;
	if (!kind->shares)
		kind->shares =
			g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
	shares = g_hash_table_lookup(kind->shares, share.group);
	if (!shares) {
		shares = make(share.group, kind->all);
		g_hash_table_insert(kind->shares, (void *)share.group, shares);
	}
	return g_ptr_array_index(shares, share.place);
}

const GArray *report_records_hosts(ReportRecords *records, bool scopes_apart, bool with_names,
				   ReportShare share)
{
	const ReportTraffic *traffic = &records->traffic;
	Kind *kind = &records->hosts[2 * scopes_apart + with_names];

	if (!kind->all)
		kind->all = host_records_new(traffic->deltas, traffic->deltas_n, traffic->start_ms,
					     traffic->end_ms, scopes_apart,
					     with_names ? traffic->names : NULL);
	return share_of(kind, share, group_share_hosts);
}

guint report_records_step(const ReportRecords *records)
{
	const GArray *flows = records->traffic.flows;
	guint left = flows ? flows->len - records->flows_done : 0;
	const FlowRecord *last;

	if (left <= FLOWS_PER_STEP)
		return left;
	last = &g_array_index(flows, FlowRecord, records->flows_done + FLOWS_PER_STEP - 1);
	/* A pair is not torn. */
	return FLOWS_PER_STEP + flow_records_are_pair(last, last + 1);
}

static void find_routes(ReportRecords *records, const FlowRecord *flows, guint n)
{
	const ReportTraffic *traffic = &records->traffic;

	if (!traffic->find_routes || records->routes)
		return;
	records->routes = g_new(FlowRoute, n);
	traffic->find_routes(flows, n, records->routes, traffic->user_data);
}

const GArray *report_records_flows(ReportRecords *records, bool biflows, ReportShare share)
{
	const FlowRecord *flows =
		&g_array_index(records->traffic.flows, FlowRecord, records->flows_done);
	Kind *kind = &records->flows[biflows];
	guint n = report_records_step(records);

	if (!kind->all) {
		find_routes(records, flows, n);
		kind->all = flow_records_new(flows, records->routes, n, biflows);
	}
	return share_of(kind, share, group_share_flows);
}

void report_records_next(ReportRecords *records)
{
	records->flows_done += report_records_step(records);
	report_records_forget(records);
}
