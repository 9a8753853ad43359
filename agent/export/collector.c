/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "backlog.h"
#include "collectorspool.h"
#include "pacer.h"
#include "sequences.h"
#include "transport.h"

/* nfdump does not count options records and takes them for a gap, so they come seldom. */
#define REFRESHES_PER_OPTIONS 10

/* What a path takes of which nothing is known yet: a message of DTLS in an IPv6 packet of the least MTU. */
#define UNKNOWN_PATH 1152

#define DRAIN_MAX (1u << 20) /* octets, before others have their turn */
#define SETTLE_MS 100
#define STALLED_US 1000000 /* who takes nothing for so long is not waited for */
#define SOON_MS 1000
#define REFUSED_MS                                                                                 \
	2000 /* as long as that it may be chance that nothing is refused any more: ICMP is rationed */
#define KEEP_ROOM (512u << 10) /* octets, for some thousand records */
#define DTLS_SESSION_MS 600000

static const char refused_text[] = "nobody listens there (connection refused)";

/* A message that the kernel has, and the far end perhaps not. */
typedef struct {
	uint64_t end; /* it has when transport_arrived() says so much */
	IpfixContents contents;
	SpoolPlace place;
} InFlight;

/* What lasts as long as a transport session of RFC 7011. */
typedef struct {
	uint64_t begun_ms; /* when the report began in or before which it was opened */
	Sequences sequences;
	unsigned int
		refreshes; /* how often templates, or what else is told with them, have been sent */
	uint64_t refreshed_ms;
	uint64_t options_version; /* of the newest options that were sent */
	gint64 stalled_since_us; /* `progress_us` when it was found to have stalled; 0: it was not */
	GQueue announcements;	 /* of IpfixMessage: they go before the backlog */
	GQueue in_flight;	 /* of InFlight */
	/* With its sequence number, while the transport has not taken all of it; NULL: none is. */
	IpfixMessage *current;
	bool current_is_announcement;
	SpoolPlace place; /* of the current one */
	/* It has been told these templates, of the spool, and not those of now; NULL: those of now. */
	char *old_layout;
	bool is_ending; /* what comes next has other templates */
} Running;

struct Collector {
	const CollectorConfig *config;
	CollectorOpened on_opened;
	void *user_data;
	Session *session;
	Running running;
	Backlog *backlog;
	CollectorSpool *spool;
	Pacer pacer;
	bool spool_rests;
	bool announcing;
	bool was_refused;    /* since the last report began */
	bool is_refused;     /* in the report before, or within REFUSED_MS */
	uint64_t refused_ms; /* the report at whose beginning that was last noticed */
	size_t path;	     /* the longest message that the last session took; 0: not known */
	gint64 progress_us;  /* when the transport last took something */
	guint drain_source;
	guint settle_timer;
	CollectorAccount account;
	uint64_t report_ms; /* when the current report began, or the last one */
	uint64_t last_sent_ms;
	char *trouble;	  /* what failed first since the last report ended */
	char *last_error; /* what did before */
};

static void on_open(void *user_data);
static void on_writable(void *user_data);
static void on_end(const GError *error, void *user_data);

static const SessionEvents session_events = { on_open, on_writable, on_end };

static void on_spool_opened(void *user_data);
static void on_spool_read(const ExportSum *missing, void *user_data);
static void on_spool_lost(const SpoolLoss *loss, void *user_data);
static void on_spool_failed(const char *what, void *user_data);

static const CollectorSpoolEvents spool_events = { on_spool_opened, on_spool_read, on_spool_lost,
						   on_spool_failed };

/* NULL: there is to be none, or it cannot be opened. */
static Spool *spool_of(const Collector *collector)
{
	return collector_spool_opened(collector->spool);
}

static bool is_udp(const Collector *collector)
{
	return collector->config->transport == COLLECTOR_TRANSPORT_UDP;
}

static bool is_datagram(const Collector *collector)
{
	return collector_transport_is_datagram(collector->config->transport);
}

static void apply_limits(Collector *collector)
{
	const CollectorConfig *config = collector->config;

	backlog_set_max(collector->backlog, (size_t)config->queue_mib << 20);
	collector->pacer.rate = is_datagram(collector) ? (uint64_t)config->rate_mib << 20 : 0;
}

Collector *collector_new(const CollectorConfig *config)
{
	Collector *collector = g_new0(Collector, 1);

	collector->config = config;
	collector->session = session_new(config, &session_events, collector);
	collector->backlog = backlog_new(0);
	collector->spool =
		collector_spool_new(config, &collector->account, &spool_events, collector);
	apply_limits(collector);
	return collector;
}

void collector_set_opened(Collector *collector, CollectorOpened on_opened, void *user_data)
{
	collector->on_opened = on_opened;
	collector->user_data = user_data;
}

bool collector_keeps_templates(const Collector *collector)
{
	return collector->config->spool_path;
}

void collector_keep_templates(Collector *collector, const GPtrArray *messages)
{
	collector_spool_set_templates(collector->spool, messages);
}

static void stop_sources(Collector *collector)
{
	g_clear_handle_id(&collector->drain_source, g_source_remove);
	g_clear_handle_id(&collector->settle_timer, g_source_remove);
}

static void running_done(Running *running)
{
	g_queue_clear_full(&running->announcements, g_free);
	g_queue_clear_full(&running->in_flight, g_free);
	g_free(running->current);
	g_free(running->old_layout);
	sequences_clear(&running->sequences);
	*running = (Running){ 0 };
}

static void end_session(Collector *collector, const char *why);

void collector_free(Collector *collector)
{
	if (!collector)
		return;
	if (spool_of(collector))
		end_session(collector, "the configuration has changed");
	stop_sources(collector);
	session_free(collector->session);
	running_done(&collector->running);
	backlog_free(collector->backlog);
	collector_spool_free(collector->spool);
	g_free(collector->trouble);
	g_free(collector->last_error);
	g_free(collector);
}

static void note_trouble(Collector *collector, const char *what)
{
	if (!collector->trouble)
		collector->trouble = g_strdup(what);
}

static void count_dropped(Collector *collector, const IpfixContents *contents,
			  ExportErrorReason reason, const char *why)
{
	collector_account_add_dropped(&collector->account, contents, reason);
	note_trouble(collector, why);
}

void collector_drop(Collector *collector, const IpfixContents *contents, ExportErrorReason reason,
		    const char *why)
{
	collector_account_add_made(&collector->account, contents);
	count_dropped(collector, contents, reason, why);
}

void collector_note_repetition(Collector *collector, const IpfixContents *contents)
{
	collector_account_add_repeated(&collector->account, contents);
}

/* There is nothing more to be done about what was at @place. */
static void acknowledge(Collector *collector, const SpoolPlace *place)
{
	if (place->segment && spool_of(collector))
		spool_acknowledge(spool_of(collector), place);
}

/* What has been said need not be said again when the report ends. */
static void note_said(Collector *collector, const char *what)
{
	g_free(collector->trouble);
	collector->trouble = g_strdup(what);
	g_free(collector->last_error);
	collector->last_error = g_strdup(what);
}

static void save_position_of_spool(Collector *collector)
{
	if (spool_of(collector))
		spool_save_position(spool_of(collector));
}

/* Counts what has arrived of what the kernel had. */
static void settle(Collector *collector)
{
	Transport *transport = session_transport(collector->session);
	GQueue *in_flight = &collector->running.in_flight;
	uint64_t arrived;

	if (g_queue_is_empty(in_flight) || !transport)
		return;
	arrived = transport_arrived(transport);
	for (InFlight *oldest = g_queue_peek_head(in_flight); oldest && oldest->end <= arrived;
	     oldest = g_queue_peek_head(in_flight)) {
		collector_account_add_sent(&collector->account, &oldest->contents);
		acknowledge(collector, &oldest->place);
		g_free(g_queue_pop_head(in_flight));
	}
	save_position_of_spool(collector);
}

static void renew_for_other_templates(Collector *collector);

static gboolean on_settle(gpointer user_data)
{
	Collector *collector = user_data;

	settle(collector);
	if (!g_queue_is_empty(&collector->running.in_flight))
		return G_SOURCE_CONTINUE;
	collector->settle_timer = 0;
	renew_for_other_templates(collector);
	return G_SOURCE_REMOVE;
}

static void settle_later(Collector *collector)
{
	if (!collector->settle_timer)
		collector->settle_timer = g_timeout_add(SETTLE_MS, on_settle, collector);
}

/* The transport has taken all of a message. */
static void note_taken(Collector *collector, const Transport *transport,
		       const IpfixContents *contents, const SpoolPlace *place)
{
	InFlight *in_flight;

	collector->last_sent_ms = collector->report_ms;
	collector->progress_us = g_get_monotonic_time();
	pacer_note(&collector->pacer, collector->progress_us, contents->len);
	if (is_datagram(collector)) {
		collector_account_add_sent(&collector->account, contents);
		return;
	}
	in_flight = g_new(InFlight, 1);
	*in_flight = (InFlight){ transport_taken(transport), *contents, *place };
	g_queue_push_tail(&collector->running.in_flight, in_flight);
	settle_later(collector);
}

static void drop_message(Collector *collector, IpfixMessage *message, ExportErrorReason reason,
			 const char *why)
{
	if (message)
		count_dropped(collector, &message->contents, reason, why);
	g_free(message);
}

/* What waits for a session that has not begun, or has ended: in the next one it is no gap. */
static void drop_backlog(Collector *collector, ExportErrorReason reason, const char *why)
{
	IpfixMessage *message;

	while ((message = backlog_pop(collector->backlog)))
		drop_message(collector, message, reason, why);
}

/* Of a session that is open it leaves a gap. */
static void lose_message(Collector *collector, const IpfixMessage *message,
			 ExportErrorReason reason, const char *why)
{
	if (session_transport(collector->session))
		sequences_skip(&collector->running.sequences, message);
	count_dropped(collector, &message->contents, reason, why);
}

static void drop_oldest(Collector *collector, const char *why)
{
	g_autofree IpfixMessage *oldest = backlog_pop(collector->backlog);

	lose_message(collector, oldest, EXPORT_ERROR_QUEUE, why);
}

static void spool_message(Collector *collector, const IpfixMessage *message)
{
	g_autoptr(GError) error = NULL;

	if (!collector_spool_push(collector->spool, message, &error))
		lose_message(collector, message, EXPORT_ERROR_SPOOL, error->message);
}

/* What waits in memory is older than all that is in the spool. */
static void spool_backlog(Collector *collector)
{
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	IpfixMessage *message;
	guint n;

	while ((message = backlog_pop(collector->backlog)))
		g_ptr_array_add(messages, message);
	if (!messages->len)
		return;
	n = collector_spool_push_front(collector->spool, messages, &error);
	for (; n < messages->len; n++)
		lose_message(collector, messages->pdata[n], EXPORT_ERROR_SPOOL, error->message);
}

static void put_back_current(Collector *collector)
{
	Running *running = &collector->running;
	g_autofree IpfixMessage *message = g_steal_pointer(&running->current);

	if (!running->place.segment || !spool_unpop(spool_of(collector), &running->place, message))
		backlog_unpop(collector->backlog, g_steal_pointer(&message));
}

/* What the session that ends had of messages. */
static void end_running(Collector *collector, const char *why)
{
	Running *running = &collector->running;
	IpfixMessage *message;
	InFlight *in_flight;

	settle(collector);
	while ((in_flight = g_queue_pop_head(&running->in_flight))) {
		count_dropped(collector, &in_flight->contents, EXPORT_ERROR_BROKEN, why);
		acknowledge(collector, &in_flight->place);
		g_free(in_flight);
	}
	while ((message = g_queue_pop_head(&running->announcements)))
		drop_message(collector, message, EXPORT_ERROR_BROKEN, why);
	if (running->current && running->current_is_announcement)
		drop_message(collector, g_steal_pointer(&running->current), EXPORT_ERROR_BROKEN,
			     why);
	else if (running->current)
		put_back_current(collector);
	if (spool_of(collector)) {
		spool_backlog(collector);
		save_position_of_spool(collector);
	}
	running_done(running);
	stop_sources(collector);
}

/* Said at once, and once: it may last. */
static void note_session_error(Collector *collector, const char *what)
{
	if (!collector->last_error)
		g_warning("collector %s: %s", collector->config->address, what);
	note_said(collector, what);
}

/* What counts as lost must not arrive after all. */
static void end_session(Collector *collector, const char *why)
{
	Transport *transport = session_transport(collector->session);

	settle(collector);
	if (transport && !g_queue_is_empty(&collector->running.in_flight))
		transport_abort(transport);
	end_running(collector, why);
}

static void on_end(const GError *error, void *user_data)
{
	Collector *collector = user_data;
	Transport *transport = session_transport(collector->session);

	if (transport) {
		size_t path = transport_max_message(transport);

		collector->path = path ? path : collector->path;
		end_session(collector, error->message);
	}
	if (is_udp(collector))
		drop_backlog(collector, EXPORT_ERROR_SEND, error->message);
	note_session_error(collector, error->message);
}

static void drain(Collector *collector);

static gboolean on_drain(gpointer user_data)
{
	Collector *collector = user_data;

	collector->drain_source = 0;
	drain(collector);
	return G_SOURCE_REMOVE;
}

static void drain_after(Collector *collector, gint64 delay_us)
{
	if (!collector->drain_source)
		collector->drain_source =
			g_timeout_add((guint)(delay_us + 999) / 1000, on_drain, collector);
}

static bool has_spooled(const Collector *collector)
{
	return spool_of(collector) && !spool_is_empty(spool_of(collector));
}

static const char *session_layout(const Collector *collector)
{
	return collector->running.old_layout ? collector->running.old_layout :
					       collector_spool_own_layout(collector->spool);
}

/* False also where there is nothing more for a session with old templates. */
static bool session_has_templates_of_spool(const Collector *collector)
{
	const char *layout = has_spooled(collector) ? spool_layout(spool_of(collector)) : NULL;

	return layout ? !strcmp(layout, session_layout(collector)) : !collector->running.old_layout;
}

static void end_for_other_templates(Collector *collector)
{
	collector->running.is_ending = true;
	settle_later(collector);
}

/* All of it has arrived; the next one begins with those templates that come next. */
static void renew_for_other_templates(Collector *collector)
{
	const Running *running = &collector->running;

	if (!running->is_ending || running->current || running->announcements.length)
		return;
	end_running(collector, "the session is begun anew");
	session_renew(collector->session);
}

/* At a rate: there may be much, and nobody waits for it. */
static IpfixMessage *take_spooled(Collector *collector)
{
	Running *running = &collector->running;
	IpfixMessage *message;
	gint64 delay_us;

	if (!spool_of(collector) || running->is_ending || collector->spool_rests)
		return NULL;
	if (!session_has_templates_of_spool(collector)) {
		end_for_other_templates(collector);
		return NULL;
	}
	delay_us = collector_spool_delay_us(collector->spool);
	if (delay_us) {
		drain_after(collector, delay_us);
		return NULL;
	}
	message = collector_spool_pop(collector->spool, &running->place);
	if (!message)
		return NULL;
	if (running->place.may_be_repeated)
		collector_note_repetition(collector, &message->contents);
	return message;
}

/* False: nothing waits, or not for now. */
static bool take_next(Collector *collector)
{
	Running *running = &collector->running;

	running->place = (SpoolPlace){ 0 };
	running->current = g_queue_pop_head(&running->announcements);
	running->current_is_announcement = running->current;
	if (!running->current)
		running->current = backlog_pop(collector->backlog);
	if (!running->current)
		running->current = take_spooled(collector);
	if (running->current)
		sequences_stamp(&collector->running.sequences, running->current,
				running->current->data);
	return running->current;
}

/* False: no more can be sent now. */
static bool offer_current(Collector *collector)
{
	Running *running = &collector->running;
	Transport *transport = session_transport(collector->session);
	const IpfixMessage *message = running->current;
	uint64_t taken = transport_taken(transport);
	g_autoptr(GError) error = NULL;

	switch (transport_send(transport, message->data, IPFIX_HEADER_LEN,
			       message->data + IPFIX_HEADER_LEN,
			       message->contents.len - IPFIX_HEADER_LEN, &error)) {
	case TRANSPORT_SENT:
		note_taken(collector, transport, &message->contents, &running->place);
		g_clear_pointer(&running->current, g_free);
		return true;
	case TRANSPORT_WAIT:
		if (transport_taken(transport) != taken)
			collector->progress_us = g_get_monotonic_time();
		return false;
	case TRANSPORT_TOO_BIG:
		sequences_unstamp(&collector->running.sequences, message);
		acknowledge(collector, &running->place);
		drop_message(collector, g_steal_pointer(&running->current), EXPORT_ERROR_ENCODE,
			     "the path has become too narrow for what waited");
		return true;
	case TRANSPORT_FAILED:
		break;
	}
	session_fail(collector->session, error);
	return false;
}

static bool has_waiting(const Collector *collector)
{
	return collector->running.current || collector->running.announcements.length ||
	       backlog_messages(collector->backlog) || has_spooled(collector) ||
	       collector->running.old_layout;
}

/* Whether it is too early for the next datagram; then it goes later by itself. */
static bool is_too_early(Collector *collector)
{
	gint64 delay_us = collector->pacer.rate ?
				  pacer_delay_us(&collector->pacer, g_get_monotonic_time()) :
				  0;

	if (delay_us)
		drain_after(collector, delay_us);
	return delay_us;
}

/* Sends what waits, as far as the transport takes it. */
static void drain(Collector *collector)
{
	Running *running = &collector->running;
	size_t octets = 0, max = collector->pacer.rate ? PACER_BURST : DRAIN_MAX;

	while (session_transport(collector->session) && has_waiting(collector)) {
		if (octets > max) {
			drain_after(collector, 0);
			return;
		}
		if (is_too_early(collector) || (!running->current && !take_next(collector)))
			return;
		octets += running->current->contents.len;
		if (!offer_current(collector))
			return;
	}
}

static void on_writable(void *user_data)
{
	drain(user_data);
}

static void announce(Collector *collector, const IpfixMessage *message)
{
	g_queue_push_tail(&collector->running.announcements,
			  g_memdup2(message, sizeof(*message) + message->contents.len));
}

/* What it will be sent first is from before a reload. */
static void announce_old(Collector *collector)
{
	g_autoptr(GPtrArray) messages = spool_announcements(spool_of(collector));

	collector->running.old_layout = g_strdup(spool_layout(spool_of(collector)));
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = messages->pdata[i];

		announce(collector, message);
		collector_account_add_made(&collector->account, &message->contents);
	}
}

static void on_open(void *user_data)
{
	Collector *collector = user_data;

	collector->running.begun_ms = collector->report_ms;
	if (!session_has_templates_of_spool(collector)) {
		announce_old(collector);
	} else {
		collector->announcing = true;
		if (collector->on_opened)
			collector->on_opened(collector, collector->user_data);
		collector->announcing = false;
	}
	drain(collector);
}

void collector_set_config(Collector *collector, const CollectorConfig *config, bool same_layout)
{
	bool same_spool = !g_strcmp0(collector->config->spool_path, config->spool_path);
	Session *old = NULL;

	if (!same_layout || !same_spool ||
	    !collector_config_has_same_session(collector->config, config)) {
		end_session(collector, "the configuration has changed");
		old = collector->session;
	}
	collector_spool_set_config(collector->spool, config);
	if (!same_layout)
		drop_backlog(collector, EXPORT_ERROR_QUEUE, "the configuration has changed");
	collector->config = config;
	if (old) {
		collector->session = session_new(config, &session_events, collector);
		session_take_port(collector->session, old);
		session_free(old);
	} else {
		session_set_config(collector->session, config);
	}
	collector_tell_again(collector); /* it may want more than it has been sent */
	apply_limits(collector);
}

static void on_spool_lost(const SpoolLoss *loss, void *user_data)
{
	Collector *collector = user_data;

	note_said(collector, loss->why);
	if (session_transport(collector->session) && loss->steps &&
	    !g_strcmp0(loss->layout, session_layout(collector)))
		sequences_advance_all(&collector->running.sequences, loss->steps);
}

/* What was made before a crash, and neither sent nor dropped nor found on disk, was in memory. */
static void count_lost_in_crash(Collector *collector, const ExportSum *lost)
{
	if (!lost->messages)
		return;
	collector_account_add_sum_dropped(&collector->account, lost, EXPORT_ERROR_BROKEN);
	note_trouble(collector, "the agent has crashed, and what waited is lost");
}

static void on_spool_read(const ExportSum *missing, void *user_data)
{
	count_lost_in_crash(user_data, missing);
}

static void on_spool_failed(const char *what, void *user_data)
{
	note_said(user_data, what);
}

static void on_spool_opened(void *user_data)
{
	Collector *collector = user_data;
	IpfixMessage *message;

	while (!session_transport(collector->session) &&
	       (message = backlog_pop(collector->backlog))) {
		spool_message(collector, message);
		g_free(message);
	}
}

/*
 * Who refused a message is about to be started, perhaps, and knows no template then: all is announced
 * in each report until messages are refused no more.
 */
static void count_refused(Collector *collector)
{
	Transport *transport = session_transport(collector->session);
	uint64_t refused = transport ? transport_take_refused(transport) : 0;

	if (!refused)
		return;
	collector->was_refused = true;
	collector->account.counters.errors[EXPORT_ERROR_REFUSED] += refused;
	note_trouble(collector, refused_text);
	collector_tell_again(collector);
}

/* Of a name with several addresses only one may be listened at: localhost is ::1, too. */
static void try_another_address(Collector *collector)
{
	if (!is_udp(collector) || !session_rotate(collector->session))
		return;
	end_running(collector, refused_text);
	drop_backlog(collector, EXPORT_ERROR_QUEUE, refused_text);
}

/* Who has been started again knows nothing of a session of DTLS, and of what it cannot read it says nothing. */
static void renew_if_old(Collector *collector)
{
	if (collector->config->transport != COLLECTOR_TRANSPORT_DTLS ||
	    !session_transport(collector->session) || has_waiting(collector) ||
	    collector->report_ms - collector->running.begun_ms < DTLS_SESSION_MS)
		return;
	end_running(collector, "the session is begun anew");
	session_renew(collector->session);
}

/* Until it is sure, it is told everything in each report, which shows whether it is there. */
static void note_refusals(Collector *collector)
{
	if (collector->was_refused) {
		collector->refused_ms = collector->report_ms;
		try_another_address(collector);
	}
	collector->is_refused = collector->was_refused ||
				(collector->is_refused &&
				 collector->report_ms - collector->refused_ms < REFUSED_MS);
	collector->was_refused = false;
	if (collector->is_refused)
		collector_tell_again(collector);
}

void collector_begin_report(Collector *collector, uint64_t now_ms)
{
	collector->report_ms = now_ms;
	if (!collector->account.init_time_ms)
		collector->account.init_time_ms = now_ms;
	collector_spool_begin_report(collector->spool);
	count_refused(collector);
	note_refusals(collector);
	renew_if_old(collector);
	session_start(collector->session);
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
	return session_transport(collector->session);
}

size_t collector_max_message(const Collector *collector)
{
	const Transport *transport = session_transport(collector->session);

	if (transport)
		return transport_max_message(transport);
	if (!is_datagram(collector) || !session_is_coming(collector->session))
		return 0;
	return collector->path ? collector->path : UNKNOWN_PATH;
}

/* In the report that is nearest to the time; at once if the clock has been set back. */
static bool refresh_is_due(const Collector *collector, const RefreshPolicy *policy)
{
	const Running *running = &collector->running;
	uint64_t age_ms = collector->report_ms - running->refreshed_ms;

	return !running->refreshes ||
	       age_ms >= policy->template_refresh_ms -
				 MIN(policy->template_refresh_ms, policy->report_interval_ms / 2);
}

/* A connection loses none (RFC 7011, section 8.4). */
bool collector_needs_templates(const Collector *collector, const RefreshPolicy *policy)
{
	return !collector->running.old_layout && refresh_is_due(collector, policy) &&
	       (!collector->running.refreshes || is_datagram(collector));
}

bool collector_needs_options(const Collector *collector, const RefreshPolicy *policy)
{
	const Running *running = &collector->running;

	return !running->old_layout && (running->options_version != policy->options_version ||
					(running->refreshes % REFRESHES_PER_OPTIONS == 0 &&
					 refresh_is_due(collector, policy)));
}

bool collector_needs_statistics(const Collector *collector, const RefreshPolicy *policy)
{
	return !collector->running.old_layout && refresh_is_due(collector, policy);
}

void collector_tell_again(Collector *collector)
{
	collector->running.refreshes = 0;
}

void collector_set_refreshed(Collector *collector, const RefreshPolicy *policy)
{
	Running *running = &collector->running;

	if (!session_transport(collector->session) || running->old_layout)
		return;
	running->options_version = policy->options_version;
	if (!refresh_is_due(collector, policy))
		return;
	running->refreshes++;
	running->refreshed_ms = collector->report_ms;
}

/* Without a copy, where nothing else waits. */
static bool send_at_once(Collector *collector, const IpfixMessage *message)
{
	Transport *transport = session_transport(collector->session);
	uint8_t header[IPFIX_HEADER_LEN];
	g_autoptr(GError) error = NULL;
	IpfixMessage *copy;

	memcpy(header, message->data, sizeof(header));
	sequences_stamp(&collector->running.sequences, message, header);
	switch (transport_send(transport, header, sizeof(header), message->data + sizeof(header),
			       message->contents.len - sizeof(header), &error)) {
	case TRANSPORT_SENT:
		note_taken(collector, transport, &message->contents, &(SpoolPlace){ 0 });
		return true;
	case TRANSPORT_TOO_BIG:
		sequences_unstamp(&collector->running.sequences, message);
		return false;
	case TRANSPORT_WAIT:
	case TRANSPORT_FAILED:
		break;
	}
	copy = g_memdup2(message, sizeof(*message) + message->contents.len);
	memcpy(copy->data, header, sizeof(header));
	collector->running.current = copy;
	collector->running.place = (SpoolPlace){ 0 };
	collector->running.current_is_announcement = false;
	if (error)
		session_fail(collector->session, error);
	return true;
}

/* A rate is no reason to lose anything here: what is in time may be lost there, or not. */
static bool send_early(Collector *collector)
{
	return collector->pacer.rate && session_transport(collector->session) &&
	       (collector->running.current || take_next(collector)) && offer_current(collector);
}

/* In memory only while that is short, and no messages go before those in the spool. */
static bool goes_to_spool(const Collector *collector, size_t len)
{
	return spool_of(collector) &&
	       (!session_transport(collector->session) || has_spooled(collector) ||
		collector->running.old_layout || !backlog_has_room(collector->backlog, len));
}

static void enqueue(Collector *collector, const IpfixMessage *message)
{
	size_t len = message->contents.len;

	if (goes_to_spool(collector, len)) {
		spool_message(collector, message);
		return;
	}
	while (!backlog_has_room(collector->backlog, len) && send_early(collector))
		;
	while (!backlog_has_room(collector->backlog, len) && backlog_messages(collector->backlog))
		drop_oldest(collector, "the queue is full");
	if (backlog_has_room(collector->backlog, len)) {
		backlog_push(collector->backlog, message);
		return;
	}
	lose_message(collector, message, EXPORT_ERROR_QUEUE, "the queue is full");
}

static bool send_or_queue(Collector *collector, const IpfixMessage *message)
{
	if (collector->announcing) {
		size_t longest = collector_max_message(collector);

		if (longest && message->contents.len > longest)
			return false;
		announce(collector, message);
		return true;
	}
	/* A burst does not get back to the main context, which would send what waits. */
	drain(collector);
	if (!session_transport(collector->session) && !session_is_coming(collector->session))
		count_dropped(collector, &message->contents, EXPORT_ERROR_SEND, "no socket");
	else if (!session_transport(collector->session) || has_waiting(collector) ||
		 is_too_early(collector))
		enqueue(collector, message);
	else
		return send_at_once(collector, message);
	return true;
}

bool collector_send(Collector *collector, const IpfixMessage *message)
{
	if (!send_or_queue(collector, message))
		return false;
	collector_account_add_made(&collector->account, &message->contents);
	return true;
}

bool collector_is_idle(const Collector *collector)
{
	return !is_udp(collector) || !has_waiting(collector);
}

void collector_give_up_queue(Collector *collector)
{
	static const char why[] = "waited too long in the queue";
	Running *running = &collector->running;
	IpfixMessage *message;

	if (!is_udp(collector))
		return;
	while (has_waiting(collector) && send_early(collector))
		;
	drop_message(collector, g_steal_pointer(&running->current), EXPORT_ERROR_QUEUE, why);
	while ((message = g_queue_pop_head(&running->announcements))) {
		sequences_skip(&collector->running.sequences, message);
		drop_message(collector, message, EXPORT_ERROR_QUEUE, why);
	}
	while (backlog_messages(collector->backlog))
		drop_oldest(collector, why);
}

static bool is_half_full(const Collector *collector)
{
	return backlog_octets(collector->backlog) > backlog_max(collector->backlog) / 2;
}

static bool makes_progress(const Collector *collector)
{
	return g_get_monotonic_time() - collector->progress_us <= STALLED_US;
}

bool collector_is_ready(const Collector *collector)
{
	return !session_transport(collector->session) || !is_half_full(collector) ||
	       !makes_progress(collector);
}

/* Once found to, until something is taken: that its queue goes elsewhere proves nothing. */
static bool has_stalled(Collector *collector)
{
	gint64 *since_us = &collector->running.stalled_since_us;

	if (is_half_full(collector) && !makes_progress(collector))
		*since_us = collector->progress_us;
	return *since_us && *since_us == collector->progress_us;
}

const char *collector_why_down(Collector *collector)
{
	if (!session_transport(collector->session))
		return collector->last_error ? collector->last_error : "there is no session";
	if (collector->is_refused)
		return refused_text;
	return has_stalled(collector) ? "it takes nothing any more" : NULL;
}

bool collector_can_keep(const Collector *collector)
{
	if (spool_of(collector))
		return collector_spool_can_keep(collector->spool);
	return !is_udp(collector) &&
	       backlog_has_room(collector->backlog,
				MIN(KEEP_ROOM, backlog_max(collector->backlog) / 2));
}

static bool can_take_more(Collector *collector)
{
	return collector_is_ready(collector) && !collector_why_down(collector);
}

/* Options are of the one that they wait for. */
void collector_move_queue(Collector *collector, Collector *to)
{
	for (size_t n = backlog_messages(collector->backlog); n && can_take_more(to); n--) {
		g_autofree IpfixMessage *message = backlog_pop(collector->backlog);

		if (!message->contents.flow_records || !collector_send(to, message))
			backlog_push(collector->backlog, message);
		else
			collector_account_add_moved(&collector->account, &message->contents);
	}
}

bool collector_is_drained(Collector *collector)
{
	SessionStatus session = session_status(collector->session);

	settle(collector);
	if (session.state == SESSION_CLOSED ||
	    (session.state == SESSION_WAITING &&
	     session.until_ms > (uint64_t)g_get_real_time() / 1000 + SOON_MS))
		return true;
	collector->spool_rests = true;
	return !collector->running.current && !collector->running.announcements.length &&
	       !backlog_messages(collector->backlog) &&
	       g_queue_is_empty(&collector->running.in_flight);
}

void collector_close(Collector *collector)
{
	static const char why[] = "the agent has ended";

	collector_spool_open(collector->spool);
	end_session(collector, why);
	drop_backlog(collector, EXPORT_ERROR_QUEUE, why);
	session_free(collector->session);
	collector->session = session_new(collector->config, &session_events, collector);
}

static ExportSum sum_of_queued(const Collector *collector)
{
	const Running *running = &collector->running;
	ExportSum sum = backlog_sum(collector->backlog);

	if (running->current)
		export_sum_add_contents(&sum, &running->current->contents);
	for (const GList *item = running->in_flight.head; item; item = item->next)
		export_sum_add_contents(&sum, &((const InFlight *)item->data)->contents);
	for (const GList *item = running->announcements.head; item; item = item->next)
		export_sum_add_contents(&sum, &((const IpfixMessage *)item->data)->contents);
	return sum;
}

CollectorStatus collector_status(Collector *collector)
{
	ExportSum spooled;

	collector_spool_open(collector->spool);
	settle(collector);
	spooled = collector_spool_sum(collector->spool);
	return (CollectorStatus){
		.config = collector->config,
		.counters = collector->account.counters,
		.last_sent_ms = collector->last_sent_ms,
		.last_error = collector->last_error,
		.session = session_status(collector->session),
		.queued = sum_of_queued(collector),
		.spooled = spooled,
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
	ExportSum untold = collector_account_untold(account);

	collector->account = *account;
	if (collector->config->spool_path)
		collector_spool_reckon_with(collector->spool, &untold);
	else
		count_lost_in_crash(collector, &untold);
}
