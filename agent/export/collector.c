/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include <errno.h>
#include <string.h>

#include "transport.h"

/* nfdump does not count options records and takes them for a gap, so they come seldom. */
#define REFRESHES_PER_OPTIONS 10

const char *const export_error_names[EXPORT_ERRORS] = {
	[EXPORT_ERROR_SEND] = "send",
	[EXPORT_ERROR_REFUSED] = "refused",
	[EXPORT_ERROR_QUEUE] = "queue",
	[EXPORT_ERROR_ENCODE] = "encode",
};

/* What lasts as long as the socket: a transport session of RFC 7011. */
typedef struct {
	Transport *transport;		  /* NULL: there is none */
	bool broken;			  /* the next report begins a new one */
	uint32_t sequence[IPFIX_STREAMS]; /* of each Observation Domain */
	unsigned int refreshes;		  /* how often templates have been sent */
	uint64_t refreshed_ms;
	uint64_t options_version; /* of the newest options that were sent */
} Session;

struct Collector {
	const CollectorConfig *config;
	Session session;
	CollectorAccount account;
	uint64_t report_ms; /* when the current report began, or the last one */
	uint64_t last_sent_ms;
	char *trouble;	  /* what failed first since the last report ended */
	char *last_error; /* what did before */
};

Collector *collector_new(const CollectorConfig *config)
{
	Collector *collector = g_new0(Collector, 1);

	collector->config = config;
	return collector;
}

static void session_close(Session *session)
{
	transport_free(session->transport);
	*session = (Session){ 0 };
}

void collector_free(Collector *collector)
{
	if (!collector)
		return;
	session_close(&collector->session);
	g_free(collector->trouble);
	g_free(collector->last_error);
	g_free(collector);
}

void collector_set_config(Collector *collector, const CollectorConfig *config, bool keep_session)
{
	if (!keep_session)
		session_close(&collector->session);
	collector->session.refreshes = 0; /* it may want more than it has been sent */
	collector->config = config;
}

static void note_trouble(Collector *collector, const char *what)
{
	if (!collector->trouble)
		collector->trouble = g_strdup(what);
}

static void count_sent(Collector *collector, const IpfixContents *contents)
{
	ExportCounters *counters = &collector->account.counters;

	counters->messages++;
	counters->records += contents->records;
	counters->flow_records += contents->flow_records;
	counters->octets += contents->len;
	collector->last_sent_ms = collector->report_ms;
}

void collector_drop(Collector *collector, const IpfixContents *contents, ExportErrorReason reason,
		    const char *why)
{
	ExportCounters *counters = &collector->account.counters;

	counters->errors[reason]++;
	counters->dropped_records += contents->records;
	counters->dropped_flow_records += contents->flow_records;
	counters->dropped_packets += contents->packets;
	counters->dropped_octets += contents->octets;
	note_trouble(collector, why);
}

void collector_note_repetition(Collector *collector, const IpfixContents *contents)
{
	ExportCounters *counters = &collector->account.counters;

	counters->repeated_records += contents->flow_records;
	counters->repeated_packets += contents->packets;
	counters->repeated_octets += contents->octets;
}

static ExportErrorReason reason_of(const GError *error)
{
	switch (error->code) {
	case ECANCELED:
		return EXPORT_ERROR_QUEUE;
	case EMSGSIZE:
		return EXPORT_ERROR_ENCODE;
	default:
		return EXPORT_ERROR_SEND;
	}
}

static void drop_unsendable(Collector *collector, const IpfixContents *contents,
			    const GError *error)
{
	ExportErrorReason reason = reason_of(error);

	collector_drop(collector, contents, reason, error->message);
	collector->session.broken |= reason == EXPORT_ERROR_SEND;
}

/* @tag is the contents of a message that had to wait. */
static void on_done(void *tag, const GError *error, void *user_data)
{
	g_autofree IpfixContents *contents = tag;

	if (error)
		drop_unsendable(user_data, contents, error);
	else
		count_sent(user_data, contents);
}

/*
 * Who refused a message is about to be started, perhaps, and knows no template then: all is announced
 * in each report until messages are refused no more.
 */
static void count_refused(Collector *collector)
{
	Session *session = &collector->session;
	uint64_t refused = session->transport ? transport_take_refused(session->transport) : 0;

	if (!refused)
		return;
	collector->account.counters.errors[EXPORT_ERROR_REFUSED] += refused;
	note_trouble(collector, "nobody listens there (connection refused)");
	session->refreshes = 0;
}

void collector_begin_report(Collector *collector, uint64_t now_ms)
{
	Session *session = &collector->session;
	g_autoptr(GError) error = NULL;

	collector->report_ms = now_ms;
	if (!collector->account.init_time_ms)
		collector->account.init_time_ms = now_ms;
	if (session->broken)
		session_close(session);
	count_refused(collector);
	if (session->transport)
		return;
	session->transport = transport_new(collector->config->address, on_done, collector, &error);
	if (!session->transport)
		note_trouble(collector, error->message);
}

void collector_end_report(Collector *collector)
{
	const char *address = collector->config->address;
	bool sent = collector->last_sent_ms == collector->report_ms;

	count_refused(collector);
	if (!collector->trouble && !sent)
		return;
	if (collector->trouble && !collector->last_error)
		g_warning("collector %s: %s", address, collector->trouble);
	if (!collector->trouble && collector->last_error)
		g_message("collector %s: works again", address);
	g_free(collector->last_error);
	collector->last_error = g_steal_pointer(&collector->trouble);
}

bool collector_has_session(const Collector *collector)
{
	return collector->session.transport && !collector->session.broken;
}

size_t collector_max_message(const Collector *collector)
{
	const Transport *transport = collector->session.transport;

	return transport ? transport_max_message(transport) : 0;
}

/* In the report that is nearest to the time; at once if the clock has been set back. */
bool collector_needs_templates(const Collector *collector, const RefreshPolicy *policy)
{
	const Session *session = &collector->session;
	uint64_t age_ms = collector->report_ms - session->refreshed_ms;

	return !session->refreshes ||
	       age_ms >= policy->template_refresh_ms -
				 MIN(policy->template_refresh_ms, policy->report_interval_ms / 2);
}

bool collector_needs_options(const Collector *collector, const RefreshPolicy *policy)
{
	const Session *session = &collector->session;

	return session->options_version != policy->options_version ||
	       (session->refreshes % REFRESHES_PER_OPTIONS == 0 &&
		collector_needs_templates(collector, policy));
}

void collector_set_refreshed(Collector *collector, const RefreshPolicy *policy)
{
	Session *session = &collector->session;

	session->options_version = policy->options_version;
	if (!collector_needs_templates(collector, policy))
		return;
	session->refreshes++;
	session->refreshed_ms = collector->report_ms;
}

static TransportResult transmit(Session *session, const IpfixMessage *message,
				IpfixContents *contents, GError **error)
{
	uint32_t *sequence = &session->sequence[message->stream];
	uint32_t sequence_be = GUINT32_TO_BE(*sequence);
	uint8_t header[IPFIX_HEADER_LEN];
	TransportResult result;

	memcpy(header, message->data, sizeof(header));
	memcpy(header + message->sequence_offset, &sequence_be, sizeof(sequence_be));
	result = transport_send(session->transport, header, sizeof(header),
				message->data + sizeof(header), contents->len - sizeof(header),
				contents, error);
	/* What is dropped leaves a gap, by which the collector knows. */
	if (result != TRANSPORT_TOO_BIG)
		*sequence += message->sequence_step;
	return result;
}

bool collector_send(Collector *collector, const IpfixMessage *message)
{
	g_autofree IpfixContents *contents = NULL;
	g_autoptr(GError) error = NULL;

	if (!collector_has_session(collector)) {
		collector_drop(collector, &message->contents, EXPORT_ERROR_SEND, "no socket");
		return true;
	}
	contents = g_memdup2(&message->contents, sizeof(*contents));
	switch (transmit(&collector->session, message, contents, &error)) {
	case TRANSPORT_SENT:
		count_sent(collector, contents);
		break;
	case TRANSPORT_QUEUED:
		(void)g_steal_pointer(&contents);
		break;
	case TRANSPORT_TOO_BIG:
		return false;
	case TRANSPORT_FULL:
		collector_drop(collector, contents, EXPORT_ERROR_QUEUE, "the queue is full");
		break;
	case TRANSPORT_FAILED:
		drop_unsendable(collector, contents, error);
		break;
	}
	return true;
}

bool collector_is_idle(const Collector *collector)
{
	const Transport *transport = collector->session.transport;

	return !transport || !transport_queued(transport);
}

void collector_give_up_queue(Collector *collector)
{
	if (collector->session.transport)
		transport_give_up(collector->session.transport);
}

CollectorStatus collector_status(const Collector *collector)
{
	const Transport *transport = collector->session.transport;

	return (CollectorStatus){
		.config = collector->config,
		.counters = collector->account.counters,
		.last_sent_ms = collector->last_sent_ms,
		.last_error = collector->last_error,
		.queued = transport ? transport_queued(transport) : 0,
		.max_message = collector_max_message(collector),
	};
}

const CollectorConfig *collector_config(const Collector *collector)
{
	return collector->config;
}

const CollectorAccount *collector_account(const Collector *collector)
{
	return &collector->account;
}

void collector_set_account(Collector *collector, const CollectorAccount *account)
{
	collector->account = *account;
}
