/* SPDX-License-Identifier: Apache-2.0 */
#include "exporting.h"

#include <assert.h>
#include <string.h>

#include "collectorrows.h"
#include "groups.h"
#include "reportrecords.h"

/* What is encoded together, in the order of sending. */
typedef enum {
	BATCH_TEMPLATES,
	BATCH_OPTIONS,
	BATCH_STATISTICS,
	BATCH_LEDGER,
	BATCH_NAMES,
	BATCH_HOSTS,
	BATCH_FLOWS,
	BATCHES,
} Batch;

/* Collectors of the same layout: what is encoded for one serves all. */
typedef struct {
	IpfixLayout layout;
	IpfixEncoder *encoder;
	size_t message_size;	      /* that the paths to all of them allow */
	GPtrArray *messages[BATCHES]; /* of the current report; NULL: not encoded yet */
} Encoding;

/* A group of the configuration. */
typedef struct {
	Group *group;
	GPtrArray *members; /* of Member, borrowed */
} Team;

typedef struct {
	Exporting *exporting;
	Collector *collector;
	Encoding *encoding;
	Team *team;	   /* NULL: it is in none */
	guint place;	   /* there */
	unsigned int told; /* of which records it was sent templates */
} Member;

/* A report that is under way, and what is made of it; or what is left of the one before, for sessions that open. */
typedef struct {
	bool has_flows; /* any are metered */
	gint64 begun_us;
	ExportReport report;
	RefreshPolicy refresh;
	ReportRecords *records; /* NULL: none is under way */
} Round;

struct Exporting {
	const Config *config;
	const Names *names;
	GPtrArray *encodings;	  /* of Encoding */
	GPtrArray *teams;	  /* of Team */
	GPtrArray *members;	  /* of Member */
	char *interfaces;	  /* those of the report before, as text */
	GArray *interface_list;	  /* of IpfixInterface: the same */
	uint64_t options_version; /* how often they have changed */
	Round round;
};

static uint32_t export_time_s(const Round *round)
{
	return (uint32_t)((round->report.now_ms +
			   (uint64_t)(g_get_monotonic_time() - round->begun_us) / 1000) /
			  1000);
}

static bool has_mode(const Member *member, GroupMode mode)
{
	return member->team && group_config(member->team->group)->mode == mode;
}

static bool has_share(const Member *member)
{
	return has_mode(member, GROUP_HASH);
}

/* It has no records as long as another one of its group has them. */
static bool is_passive(const Member *member)
{
	return has_mode(member, GROUP_FAILOVER) &&
	       group_active(member->team->group) != member->place;
}

static ReportShare share_of(const Member *member)
{
	return has_share(member) ? (ReportShare){ member->team->group, member->place } :
				   (ReportShare){ 0 };
}

static const GArray *host_records(const Member *member, const Round *round)
{
	const Templates *templates = ipfix_encoder_templates(member->encoding->encoder);

	return report_records_hosts(round->records, templates->scopes_apart,
				    templates->host_needs & NEEDS_HOST_NAME, share_of(member));
}

static const GArray *flow_records(const Member *member, const Round *round)
{
	return report_records_flows(round->records, member->encoding->layout.biflows,
				    share_of(member));
}

static unsigned int records_for(const Member *member, const Round *round)
{
	const CollectorConfig *config = collector_config(member->collector);

	return (config->records_hosts ? IPFIX_HOSTS : 0) |
	       (config->records_flows && round->has_flows ? IPFIX_FLOWS : 0) |
	       (config->records_interfaces ? IPFIX_INTERFACES : 0);
}

static bool encode_templates(const Member *member, Round *round, size_t from, GPtrArray *messages,
			     GError **error)
{
	return ipfix_encode_templates(member->encoding->encoder, export_time_s(round),
				      records_for(member, round), messages, error);
}

static bool encode_options(const Member *member, Round *round, size_t from, GPtrArray *messages,
			   GError **error)
{
	return ipfix_encode_options(member->encoding->encoder, export_time_s(round),
				    records_for(member, round), round->report.interfaces,
				    round->report.interfaces_n, messages, error);
}

static bool encode_statistics(const Member *member, Round *round, size_t from, GPtrArray *messages,
			      GError **error)
{
	const CollectorAccount *account = collector_account(member->collector);
	const ExportCounters *counters = &account->counters;
	const struct statistics_fields statistics = {
		.init_time_ms = account->init_time_ms,
		.exported_messages = counters->sent.messages,
		.exported_flow_records = counters->sent.flow_records,
		.exported_octets = counters->sent.message_octets,
		.ignored_packets = round->report.ignored.packets,
		.ignored_octets = round->report.ignored.octets,
		.not_sent_flow_records = counters->dropped.flow_records,
		.not_sent_packets = counters->dropped.packets,
		.not_sent_octets = counters->dropped.octets,
	};

	return ipfix_encode_statistics(member->encoding->encoder, export_time_s(round), &statistics,
				       messages, error);
}

static bool encode_ledger(const Member *member, Round *round, size_t from, GPtrArray *messages,
			  GError **error)
{
	g_autoptr(GArray) entries = round->report.list_ledger(round->report.user_data);

	return ipfix_encode_ledger(member->encoding->encoder, export_time_s(round),
				   (const IpfixLedgerEntry *)(const void *)entries->data,
				   entries->len, messages, error);
}

static bool encode_names(const Member *member, Round *round, size_t from, GPtrArray *messages,
			 GError **error)
{
	g_autoptr(GArray) names = round->report.list_names(round->report.user_data);

	return ipfix_encode_names(member->encoding->encoder, export_time_s(round),
				  (const IpfixName *)(const void *)names->data, names->len,
				  messages, error);
}

static bool encode_hosts(const Member *member, Round *round, size_t from, GPtrArray *messages,
			 GError **error)
{
	const GArray *records = host_records(member, round);

	return ipfix_encode_hosts(member->encoding->encoder, export_time_s(round),
				  (const HostRecord *)(const void *)records->data, records->len,
				  from, messages, error);
}

static bool encode_flows(const Member *member, Round *round, size_t from, GPtrArray *messages,
			 GError **error)
{
	const GArray *records = flow_records(member, round);

	return ipfix_encode_flows(member->encoding->encoder, export_time_s(round),
				  (const IpfixFlow *)(const void *)records->data, records->len,
				  from, messages, error);
}

static void add_volume(IpfixContents *sum, const Volume *volume)
{
	sum->records++;
	sum->flow_records++;
	sum->packets += volume->packets;
	sum->octets += volume->octets;
}

static void add_flow(IpfixContents *sum, const IpfixFlow *flow)
{
	Volume volume = ipfix_flow_volume(flow);

	add_volume(sum, &volume);
}

static IpfixContents sum_up_hosts(const Member *member, Round *round)
{
	const GArray *records = host_records(member, round);
	IpfixContents sum = { 0 };

	for (guint i = 0; i < records->len; i++)
		add_volume(&sum, &g_array_index(records, HostRecord, i).volume);
	return sum;
}

static IpfixContents sum_up_flows(const Member *member, Round *round)
{
	const GArray *records = flow_records(member, round);
	IpfixContents sum = { 0 };

	for (guint i = 0; i < records->len; i++)
		add_flow(&sum, &g_array_index(records, IpfixFlow, i));
	return sum;
}

static const struct {
	/* Where to begin matters to hosts and flows alone: the others may come twice. */
	bool (*encode)(const Member *member, Round *round, size_t from, GPtrArray *messages,
		       GError **error);
	IpfixContents (*sum_up)(const Member *member, Round *round); /* NULL: it is of no traffic */
	bool of_one; /* each collector has its own */
} batches[BATCHES] = {
	[BATCH_TEMPLATES] = { encode_templates, NULL, true },
	[BATCH_OPTIONS] = { encode_options, NULL, true },
	[BATCH_STATISTICS] = { encode_statistics, NULL, true },
	[BATCH_LEDGER] = { encode_ledger, NULL, false },
	[BATCH_NAMES] = { encode_names, NULL, false },
	[BATCH_HOSTS] = { encode_hosts, sum_up_hosts, false },
	[BATCH_FLOWS] = { encode_flows, sum_up_flows, false },
};

static GPtrArray *encode(const Member *member, Batch batch, Round *round, size_t message_size,
			 size_t from, GError **error)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);

	if (!ipfix_encoder_set_message_size(member->encoding->encoder, message_size, error) ||
	    !batches[batch].encode(member, round, from, messages, error))
		return NULL;
	return g_steal_pointer(&messages);
}

static void send_messages(Member *member, Batch batch, Round *round, const GPtrArray *messages);

/* @message, which is too long for the path to @member, and what comes after it. */
static bool send_shorter(Member *member, Batch batch, Round *round, const IpfixMessage *message)
{
	size_t path = collector_max_message(member->collector);
	g_autoptr(GPtrArray) messages = NULL;
	g_autoptr(GError) error = NULL;

	/* Or else this would go on for ever. */
	if (path < message->contents.len)
		messages = encode(member, batch, round, path, message->first, &error);
	if (messages)
		send_messages(member, batch, round, messages);
	else
		collector_drop(member->collector, &message->contents, EXPORT_ERROR_ENCODE,
			       error ? error->message : "the path takes less than it says");
	return messages != NULL;
}

static void send_messages(Member *member, Batch batch, Round *round, const GPtrArray *messages)
{
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = g_ptr_array_index(messages, i);

		if (!collector_send(member->collector, message) &&
		    send_shorter(member, batch, round, message))
			return;
	}
}

static void drop_batch(Member *member, Batch batch, Round *round, const char *why)
{
	IpfixContents lost = { 0 };

	if (batches[batch].sum_up)
		lost = batches[batch].sum_up(member, round);
	collector_drop(member->collector, &lost, EXPORT_ERROR_ENCODE, why);
}

static bool is_of_one(const Member *member, Batch batch)
{
	return batches[batch].of_one || (batches[batch].sum_up && has_share(member));
}

static void send_batch(Member *member, Batch batch, Round *round)
{
	g_autoptr(GPtrArray) own = NULL;
	GPtrArray **messages = is_of_one(member, batch) ? &own : &member->encoding->messages[batch];
	g_autoptr(GError) error = NULL;

	if (!*messages)
		*messages = encode(member, batch, round, member->encoding->message_size, 0, &error);
	if (*messages)
		send_messages(member, batch, round, *messages);
	else
		drop_batch(member, batch, round, error->message);
}

static void send_announcements(Member *member, Round *round)
{
	Collector *collector = member->collector;
	const CollectorConfig *config = collector_config(collector);
	unsigned int records = records_for(member, round);
	bool traffic = records & (IPFIX_HOSTS | IPFIX_FLOWS);
	bool templates, options, statistics;

	/* Flows are metered now. */
	if (records & ~member->told)
		collector_tell_again(collector);
	member->told = records;
	templates = collector_needs_templates(collector, &round->refresh);
	options = collector_needs_options(collector, &round->refresh);
	statistics = collector_needs_statistics(collector, &round->refresh);
	if (templates && traffic)
		send_batch(member, BATCH_TEMPLATES, round);
	if (options && traffic)
		send_batch(member, BATCH_OPTIONS, round);
	if (statistics && config->records_statistics)
		send_batch(member, BATCH_STATISTICS, round);
	if (statistics && config->records_ledger && round->report.list_ledger)
		send_batch(member, BATCH_LEDGER, round);
	if (statistics && config->records_names && round->report.list_names)
		send_batch(member, BATCH_NAMES, round);
	collector_set_refreshed(collector, &round->refresh);
}

/* Of what it may come to spool. */
static void keep_templates(Member *member, Round *round)
{
	g_autoptr(GPtrArray) messages = NULL;

	if (!collector_keeps_templates(member->collector))
		return;
	messages = encode(member, BATCH_TEMPLATES, round, member->encoding->message_size, 0, NULL);
	if (messages)
		collector_keep_templates(member->collector, messages);
}

static void encoding_forget_messages(Encoding *encoding)
{
	for (size_t i = 0; i < BATCHES; i++)
		g_clear_pointer(&encoding->messages[i], g_ptr_array_unref);
}

/* Whose path is too narrow for any message must not spoil it for the others. */
static void size_messages(Exporting *exporting)
{
	for (guint i = 0; i < exporting->encodings->len; i++) {
		Encoding *encoding = g_ptr_array_index(exporting->encodings, i);

		encoding->message_size = encoding->layout.message_size;
	}
	for (guint i = 0; i < exporting->members->len; i++) {
		const Member *member = g_ptr_array_index(exporting->members, i);
		size_t path = collector_max_message(member->collector);
		size_t *size = &member->encoding->message_size;

		if (path)
			*size = MAX(
				MIN(*size, path),
				ipfix_encoder_templates(member->encoding->encoder)->min_message);
	}
}

static void interface_clear(gpointer data)
{
	IpfixInterface *interface = data;

	g_free((char *)interface->name);
	g_free((char *)interface->description);
}

static void note_interfaces(Exporting *exporting, const IpfixInterface *interfaces, size_t n)
{
	GString *text = g_string_new(NULL);

	g_array_set_size(exporting->interface_list, 0);
	for (size_t i = 0; i < n; i++) {
		const IpfixInterface copy = { interfaces[i].ifindex, g_strdup(interfaces[i].name),
					      g_strdup(interfaces[i].description) };

		g_array_append_val(exporting->interface_list, copy);
		g_string_append_printf(text, "%u %s %s\n", interfaces[i].ifindex,
				       interfaces[i].name, interfaces[i].description ?: "");
	}
	if (g_strcmp0(text->str, exporting->interfaces))
		exporting->options_version++;
	g_free(exporting->interfaces);
	exporting->interfaces = g_string_free(text, FALSE);
}

static void forget_messages(Exporting *exporting)
{
	for (guint i = 0; i < exporting->encodings->len; i++)
		encoding_forget_messages(g_ptr_array_index(exporting->encodings, i));
}

static Member *member_of(const Team *team, guint place)
{
	return g_ptr_array_index(team->members, place);
}

static const char *address_of(const Team *team, guint place)
{
	return collector_config(member_of(team, place)->collector)->address;
}

static void log_change(const Team *team, guint before, const char *why_down)
{
	unsigned int index = group_config(team->group)->index;
	const char *active = address_of(team, group_active(team->group));

	if (why_down)
		g_warning("collectors of group %u: %s takes over from %s: %s", index, active,
			  address_of(team, before), why_down);
	else
		g_message("collectors of group %u: %s is up, and has its place back from %s", index,
			  active, address_of(team, before));
}

/* Also where nothing changes: the active one may have had no room before. */
static void move_queues(const Team *team, const GroupMember *states)
{
	const Member *active = member_of(team, group_active(team->group));

	if (states[active->place].why_down)
		return;
	for (guint i = 0; i < team->members->len; i++) {
		const Member *member = member_of(team, i);

		if (states[i].why_down && member->encoding == active->encoding)
			collector_move_queue(member->collector, active->collector);
	}
}

static void review_team(Team *team, bool is_beginning)
{
	g_autofree GroupMember *states = g_new(GroupMember, team->members->len);
	guint before = group_active(team->group);

	for (guint i = 0; i < team->members->len; i++) {
		Collector *collector = member_of(team, i)->collector;

		states[i] = (GroupMember){ collector_why_down(collector),
					   collector_can_keep(collector) };
	}
	if (group_review(team->group, states, is_beginning))
		log_change(team, before, states[before].why_down);
	move_queues(team, states);
}

static void review_teams(const Exporting *exporting, bool is_beginning)
{
	for (guint i = 0; i < exporting->teams->len; i++) {
		Team *team = g_ptr_array_index(exporting->teams, i);

		if (group_config(team->group)->mode == GROUP_FAILOVER)
			review_team(team, is_beginning);
	}
}

/* To all who want such records, and have them. */
static void send_records(Exporting *exporting, unsigned int kind, Batch batch)
{
	for (guint i = 0; i < exporting->members->len; i++) {
		Member *member = g_ptr_array_index(exporting->members, i);

		if ((records_for(member, &exporting->round) & kind) && !is_passive(member))
			send_batch(member, batch, &exporting->round);
	}
}

static ReportTraffic traffic_of(const ExportReport *report, const Names *names)
{
	return (ReportTraffic){
		.deltas = report->deltas,
		.deltas_n = report->deltas_n,
		.start_ms = report->start_ms,
		.end_ms = report->end_ms,
		.names = names,
		.flows = report->flows,
		.find_routes = report->find_routes,
		.user_data = report->user_data,
	};
}

void exporting_begin(Exporting *exporting, const ExportReport *report)
{
	Round *round = &exporting->round;

	const ReportTraffic traffic = traffic_of(report, exporting->names);

	assert(!round->records);
	note_interfaces(exporting, report->interfaces, report->interfaces_n);
	*round = (Round){
		.records = report_records_new(&traffic),
		.has_flows = report->flows,
		.begun_us = g_get_monotonic_time(),
		.report = *report,
		.refresh = {
			.report_interval_ms = exporting->config->interval_ms,
			.template_refresh_ms = exporting->config->ipfix.template_refresh_ms,
			.options_version = exporting->options_version,
		},
	};
	round->report.interfaces = (const IpfixInterface *)(void *)exporting->interface_list->data;
	for (guint i = 0; i < exporting->members->len; i++) {
		Member *member = g_ptr_array_index(exporting->members, i);

		collector_begin_report(member->collector, report->now_ms);
	}
	size_messages(exporting);
	for (guint i = 0; i < exporting->members->len; i++) {
		Member *member = g_ptr_array_index(exporting->members, i);

		keep_templates(member, round);
		if (collector_has_session(member->collector))
			send_announcements(member, round);
	}
	review_teams(exporting, true);
	send_records(exporting, IPFIX_HOSTS, BATCH_HOSTS);
	forget_messages(exporting);
	report_records_forget(round->records);
}

/* Tells what the last report would have told, also if that is over. */
static void on_opened(Collector *collector, void *user_data)
{
	Member *member = user_data;
	Exporting *exporting = member->exporting;

	size_messages(exporting);
	send_announcements(member, &exporting->round);
	forget_messages(exporting);
}

static void send_flows(Exporting *exporting)
{
	Round *round = &exporting->round;

	/* The paths may have changed since the step before. */
	size_messages(exporting);
	review_teams(exporting, false);
	send_records(exporting, IPFIX_FLOWS, BATCH_FLOWS);
	forget_messages(exporting);
	report_records_next(round->records);
}

bool exporting_step(Exporting *exporting)
{
	Round *round = &exporting->round;

	if (!round->records)
		return false;
	if (report_records_step(round->records))
		send_flows(exporting);
	if (report_records_step(round->records))
		return true;
	g_clear_pointer(&round->records, report_records_free);
	/* What was borrowed. */
	round->report.deltas = NULL;
	round->report.flows = NULL;
	for (guint i = 0; i < exporting->members->len; i++) {
		Member *member = g_ptr_array_index(exporting->members, i);

		collector_end_report(member->collector);
	}
	return false;
}

static void note_repetition(Exporting *exporting, Round *round, unsigned int kind, Batch batch)
{
	for (guint i = 0; i < exporting->members->len; i++) {
		const Member *member = g_ptr_array_index(exporting->members, i);
		IpfixContents sum;

		if (!(records_for(member, round) & kind) || is_passive(member))
			continue;
		sum = batches[batch].sum_up(member, round);
		collector_note_repetition(member->collector, &sum);
	}
}

void exporting_note_repetition(Exporting *exporting, const ExportReport *report)
{
	ReportTraffic traffic = traffic_of(report, NULL);
	g_autoptr(ReportRecords) records = NULL;
	Round round = { .has_flows = report->flows, .report = *report };

	traffic.find_routes = NULL;
	round.records = records = report_records_new(&traffic);
	note_repetition(exporting, &round, IPFIX_HOSTS, BATCH_HOSTS);
	for (; report_records_step(records); report_records_next(records))
		note_repetition(exporting, &round, IPFIX_FLOWS, BATCH_FLOWS);
}

void exporting_set_names(Exporting *exporting, const Names *names)
{
	exporting->names = names;
}

static IpfixLayout layout_for(const Config *config, const CollectorConfig *collector)
{
	return (IpfixLayout){
		.format = collector->format,
		.observation_domain = config->ipfix.observation_domain,
		.flow_sampling = config_flow_sampling(config),
		.enterprise_number = config->ipfix.enterprise_number,
		.enterprise = collector->format == EXPORT_NETFLOW9 ? ENTERPRISE_NONE :
								     collector->enterprise,
		.layer2_octets = collector->layer2_octets,
		.flow_times = collector->flow_times,
		.flow_routes = config->flows.routing,
		.biflows = collector->biflow,
		.message_size = config->ipfix.message_size,
		.chosen = collector->chosen,
	};
}

static Encoding *encoding_new(const IpfixLayout *layout)
{
	g_autoptr(GError) error = NULL;
	Encoding *encoding = g_new0(Encoding, 1);

	encoding->layout = *layout;
	encoding->encoder = ipfix_encoder_new(layout, &error);
	if (error) /* a configuration that has been checked is a valid layout */
		g_error("%s", error->message);
	return encoding;
}

static void encoding_free(gpointer data)
{
	Encoding *encoding = data;

	encoding_forget_messages(encoding);
	ipfix_encoder_free(encoding->encoder);
	g_free(encoding);
}

static Encoding *find_or_add_encoding(GPtrArray *encodings, const IpfixLayout *layout)
{
	for (guint i = 0; i < encodings->len; i++) {
		Encoding *encoding = g_ptr_array_index(encodings, i);

		if (ipfix_layout_equal(&encoding->layout, layout))
			return encoding;
	}
	g_ptr_array_add(encodings, encoding_new(layout));
	return g_ptr_array_index(encodings, encodings->len - 1);
}

static void team_free(gpointer data)
{
	Team *team = data;

	g_ptr_array_unref(team->members);
	group_free(team->group);
	g_free(team);
}

/* The members of a group follow each other. */
static Team *find_or_add_team(GPtrArray *teams, const GroupConfig *config)
{
	Team *team = teams->len ? g_ptr_array_index(teams, teams->len - 1) : NULL;

	if (!team || group_config(team->group) != config) {
		team = g_new0(Team, 1);
		team->group = group_new(config);
		team->members = g_ptr_array_new();
		g_ptr_array_add(teams, team);
	}
	return team;
}

static void member_free(gpointer data)
{
	Member *member = data;

	collector_free(member->collector);
	g_free(member);
}

/* Several collectors may have one address, each with a layout of its own. */
static bool is_same(const CollectorConfig *a, const CollectorConfig *b)
{
	return !strcmp(a->address, b->address) && a->transport == b->transport &&
	       collector_config_is_alike(a, b);
}

static bool is_configured(const Config *config, const CollectorConfig *collector)
{
	for (guint i = 0; i < config->ipfix.collectors->len; i++) {
		if (is_same(g_ptr_array_index(config->ipfix.collectors, i), collector))
			return true;
	}
	return false;
}

/* Of those that are still there: the one that is the same as @collector, or else one of its address
 * whose layout nobody has any more. */
static Member *find_predecessor(const Exporting *old, const Config *config,
				const CollectorConfig *collector)
{
	Member *other = NULL;

	for (guint i = 0; old && i < old->members->len; i++) {
		Member *member = g_ptr_array_index(old->members, i);
		const CollectorConfig *before;

		if (!member->collector)
			continue;
		before = collector_config(member->collector);
		if (is_same(before, collector))
			return member;
		if (!other && !strcmp(before->address, collector->address) &&
		    !is_configured(config, before))
			other = member;
	}
	return other;
}

static void join_team(Member *member, Team *team)
{
	member->team = team;
	member->place = team->members->len;
	g_ptr_array_add(team->members, member);
}

static void add_member(Exporting *exporting, const CollectorConfig *config, Exporting *old)
{
	const IpfixLayout layout = layout_for(exporting->config, config);
	Member *before = find_predecessor(old, exporting->config, config);
	Member *member = g_new0(Member, 1);

	member->exporting = exporting;
	member->encoding = find_or_add_encoding(exporting->encodings, &layout);
	if (config->group)
		join_team(member, find_or_add_team(exporting->teams, config->group));
	if (before) {
		if (has_mode(before, GROUP_FAILOVER) && !is_passive(before) && member->team)
			group_set_active(member->team->group, member->place);
		member->collector = g_steal_pointer(&before->collector);
		collector_set_config(member->collector, config,
				     ipfix_layout_equal(&before->encoding->layout, &layout));
	} else {
		member->collector = collector_new(config);
	}
	collector_set_opened(member->collector, on_opened, member);
	g_ptr_array_add(exporting->members, member);
}

static GArray *interface_list_new(void)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(IpfixInterface));

	g_array_set_clear_func(list, interface_clear);
	return list;
}

/* What a session is to be told that opens before the next report. */
static void take_over(Exporting *exporting, Exporting *old)
{
	exporting->names = old->names;
	exporting->interfaces = g_steal_pointer(&old->interfaces);
	exporting->interface_list = old->interface_list;
	old->interface_list = interface_list_new();
	exporting->options_version = old->options_version;
	exporting->round = old->round;
}

Exporting *exporting_new(const Config *config, Exporting *old)
{
	Exporting *exporting = g_new0(Exporting, 1);

	while (old && exporting_step(old))
		;
	exporting->config = config;
	if (old)
		take_over(exporting, old);
	else
		exporting->interface_list = interface_list_new();
	exporting->encodings = g_ptr_array_new_with_free_func(encoding_free);
	exporting->teams = g_ptr_array_new_with_free_func(team_free);
	exporting->members = g_ptr_array_new_with_free_func(member_free);
	for (guint i = 0; i < config->ipfix.collectors->len; i++)
		add_member(exporting, g_ptr_array_index(config->ipfix.collectors, i), old);
	exporting_free(old);
	return exporting;
}

void exporting_free(Exporting *exporting)
{
	if (!exporting)
		return;
	report_records_free(exporting->round.records);
	g_ptr_array_unref(exporting->members);
	g_ptr_array_unref(exporting->teams);
	g_ptr_array_unref(exporting->encodings);
	g_free(exporting->interfaces);
	g_array_unref(exporting->interface_list);
	g_free(exporting);
}

bool exporting_is_idle(const Exporting *exporting)
{
	for (guint i = 0; i < exporting->members->len; i++) {
		const Member *member = g_ptr_array_index(exporting->members, i);

		if (!collector_is_idle(member->collector))
			return false;
	}
	return true;
}

bool exporting_is_ready(const Exporting *exporting)
{
	for (guint i = 0; i < exporting->members->len; i++) {
		const Member *member = g_ptr_array_index(exporting->members, i);

		if (!collector_is_ready(member->collector))
			return false;
	}
	return true;
}

bool exporting_is_drained(const Exporting *exporting)
{
	for (guint i = 0; i < exporting->members->len; i++) {
		const Member *member = g_ptr_array_index(exporting->members, i);

		if (!collector_is_drained(member->collector))
			return false;
	}
	return true;
}

void exporting_close(Exporting *exporting)
{
	for (guint i = 0; i < exporting->members->len; i++) {
		Member *member = g_ptr_array_index(exporting->members, i);

		collector_close(member->collector);
	}
}

void exporting_give_up_queues(Exporting *exporting)
{
	for (guint i = 0; i < exporting->members->len; i++) {
		Member *member = g_ptr_array_index(exporting->members, i);

		collector_give_up_queue(member->collector);
	}
}

bool exporting_status(const Exporting *exporting, size_t index, CollectorStatus *status)
{
	const Member *member;
	size_t limit;

	if (index >= exporting->members->len)
		return false;
	member = g_ptr_array_index(exporting->members, index);
	limit = member->encoding->layout.message_size;
	*status = collector_status(member->collector);
	status->active = !is_passive(member);
	status->max_message = status->max_message ? MIN(status->max_message, limit) : limit;
	return true;
}

/* Of Collector, borrowed; the caller's to unref. */
static GPtrArray *list_collectors(const Exporting *exporting)
{
	GPtrArray *collectors = g_ptr_array_new();

	for (guint i = 0; i < exporting->members->len; i++) {
		const Member *member = g_ptr_array_index(exporting->members, i);

		g_ptr_array_add(collectors, member->collector);
	}
	return collectors;
}

void exporting_save(const Exporting *exporting, TotalsWriter *writer)
{
	g_autoptr(GPtrArray) collectors = list_collectors(exporting);

	collector_rows_save(collectors, writer);
}

bool exporting_load(Exporting *exporting, TotalsReader *reader, GError **error)
{
	g_autoptr(GPtrArray) collectors = list_collectors(exporting);

	return collector_rows_load(collectors, reader, error);
}
