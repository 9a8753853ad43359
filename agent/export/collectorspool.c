/* SPDX-License-Identifier: Apache-2.0 */
#include "collectorspool.h"

#include <inttypes.h>

#include "pacer.h"

struct CollectorSpool {
	const CollectorConfig *config;
	CollectorAccount *account;
	const CollectorSpoolEvents *events;
	void *user_data;
	Spool *spool;		   /* NULL: there is to be none, or it cannot be opened */
	SpoolTemplates *templates; /* of now */
	Pacer pacer;
	ExportSum unreckoned; /* of a process before, as long as the spool has not been read */
	ExportSum found;      /* in the spool, as far as that has been noted */
	guint load_source;
	bool is_full; /* and that has been said */
	bool failed;  /* since the last report began */
	bool kept;    /* a message, since then */
	bool failing; /* in the report before */
	char *error;  /* that has been said; NULL: it works */
};

static void apply_limits(CollectorSpool *spool)
{
	const CollectorConfig *config = spool->config;

	spool->pacer.rate = (uint64_t)config->rate_mib << 20;
	if (spool->spool)
		spool_set_max(spool->spool, config->spool_max_octets);
}

CollectorSpool *collector_spool_new(const CollectorConfig *config, CollectorAccount *account,
				    const CollectorSpoolEvents *events, void *user_data)
{
	CollectorSpool *spool = g_new0(CollectorSpool, 1);

	spool->config = config;
	spool->account = account;
	spool->events = events;
	spool->user_data = user_data;
	apply_limits(spool);
	return spool;
}

static void close_spool(CollectorSpool *spool)
{
	g_clear_handle_id(&spool->load_source, g_source_remove);
	g_clear_pointer(&spool->spool, spool_free);
	spool->found = (ExportSum){ 0 };
	spool->is_full = false;
	g_clear_pointer(&spool->error, g_free);
}

void collector_spool_free(CollectorSpool *spool)
{
	if (!spool)
		return;
	close_spool(spool);
	spool_templates_free(spool->templates);
	g_free(spool);
}

void collector_spool_set_templates(CollectorSpool *spool, const GPtrArray *messages)
{
	spool_templates_free(spool->templates);
	spool->templates = spool_templates_new(messages);
}

const char *collector_spool_own_layout(const CollectorSpool *spool)
{
	return spool->templates ? spool_templates_layout(spool->templates) : NULL;
}

Spool *collector_spool_opened(const CollectorSpool *spool)
{
	return spool->spool;
}

/* Said at once, and once: it may last. */
static void note_error(CollectorSpool *spool, const char *what)
{
	if (!spool->error)
		g_warning("collector %s: %s", spool->config->address, what);
	g_free(spool->error);
	spool->error = g_strdup(what);
	spool->failed = true;
	spool->events->failed(what, spool->user_data);
}

/* --- what is in it */

/* What has been read since the last call. What the account does not know of was made after that was saved, or will be sent
 * again. */
static void note_found(CollectorSpool *spool)
{
	ExportSum found = spool_found(spool->spool);
	ExportSum more = export_sum_excess(&found, &spool->found);
	ExportSum unknown = export_sum_excess(&more, &spool->unreckoned);

	spool->found = found;
	spool->unreckoned = export_sum_excess(&spool->unreckoned, &more);
	export_sum_add(&spool->account->counters.made, &unknown);
}

ExportSum collector_spool_sum(CollectorSpool *spool)
{
	ExportSum sum = { 0 };

	if (spool->spool) {
		note_found(spool);
		sum = spool_waiting(spool->spool);
	}
	export_sum_add(&sum, &spool->unreckoned);
	return sum;
}

void collector_spool_reckon_with(CollectorSpool *spool, const ExportSum *untold)
{
	spool->unreckoned = *untold;
}

static gboolean on_load(gpointer user_data)
{
	CollectorSpool *spool = user_data;
	ExportSum missing;

	if (!spool_load(spool->spool))
		return G_SOURCE_CONTINUE;
	spool->load_source = 0;
	note_found(spool);
	missing = spool->unreckoned;
	spool->unreckoned = (ExportSum){ 0 };
	spool->events->read(&missing, spool->user_data);
	return G_SOURCE_REMOVE;
}

static void on_lost(const SpoolLoss *loss, void *user_data)
{
	CollectorSpool *spool = user_data;

	if (!loss->is_full || !spool->is_full)
		g_warning("collector %s: %s%s", spool->config->address, loss->why,
			  loss->is_full ? ": the oldest messages are dropped" : "");
	spool->is_full |= loss->is_full;
	collector_account_add_sum_dropped(spool->account, &loss->sum,
					  loss->is_full ? EXPORT_ERROR_QUEUE : EXPORT_ERROR_SPOOL);
	spool->events->lost(loss, spool->user_data);
}

/* --- opened, looked after, left */

void collector_spool_open(CollectorSpool *spool)
{
	const CollectorConfig *config = spool->config;
	g_autoptr(GPtrArray) nothing = g_ptr_array_new();
	g_autoptr(GError) error = NULL;

	if (!config->spool_path || spool->spool)
		return;
	if (!spool->templates)
		spool->templates = spool_templates_new(nothing);
	spool->spool =
		spool_new(config->spool_path, config->spool_max_octets, on_lost, spool, &error);
	if (!spool->spool) {
		g_prefix_error(&error, "spool: ");
		note_error(spool, error->message);
		return;
	}
	spool->kept = true;
	spool->load_source = g_idle_add(on_load, spool);
	spool->events->opened(spool->user_data);
}

/* A whole report long: a disk that is full still takes a short message now and then. */
void collector_spool_begin_report(CollectorSpool *spool)
{
	bool failed = spool->failed, kept = spool->kept;

	spool->failed = spool->kept = false;
	spool->failing = failed;
	collector_spool_open(spool);
	if (!spool->spool || spool_is_empty(spool->spool))
		spool->is_full = false;
	if (!spool->spool || !spool->error || failed || !kept)
		return;
	g_message("collector %s: spool %s: works again", spool->config->address,
		  spool->config->spool_path);
	g_clear_pointer(&spool->error, g_free);
}

static void leave(CollectorSpool *spool)
{
	ExportSum waiting;
	g_autofree char *why = NULL;

	if (!spool->spool)
		return;
	waiting = collector_spool_sum(spool);
	spool->unreckoned = (ExportSum){ 0 };
	if (waiting.messages) {
		why = g_strdup_printf("the spool is not used any more, %" PRIu64
				      " messages stay in %s",
				      waiting.messages, spool->config->spool_path);
		g_warning("collector %s: %s", spool->config->address, why);
		collector_account_add_sum_dropped(spool->account, &waiting, EXPORT_ERROR_SPOOL);
		spool->events->failed(why, spool->user_data);
	}
	close_spool(spool);
}

void collector_spool_set_config(CollectorSpool *spool, const CollectorConfig *config)
{
	if (g_strcmp0(spool->config->spool_path, config->spool_path) != 0)
		leave(spool);
	spool->config = config;
	apply_limits(spool);
}

bool collector_spool_can_keep(const CollectorSpool *spool)
{
	return spool->spool && !spool->failing && !spool->failed && !spool->is_full;
}

/* --- messages */

bool collector_spool_push(CollectorSpool *spool, const IpfixMessage *message, GError **error)
{
	g_autoptr(GError) why = NULL;

	if (spool_push(spool->spool, message, spool->templates, &why)) {
		spool->kept = true;
		return true;
	}
	note_error(spool, why->message);
	g_propagate_error(error, g_steal_pointer(&why));
	return false;
}

guint collector_spool_push_front(CollectorSpool *spool, const GPtrArray *messages, GError **error)
{
	g_autoptr(GError) why = NULL;
	guint n = spool_push_front(spool->spool, messages, spool->templates, &why);

	spool->kept |= n > 0;
	if (n < messages->len) {
		note_error(spool, why->message);
		g_propagate_error(error, g_steal_pointer(&why));
	}
	return n;
}

int64_t collector_spool_delay_us(const CollectorSpool *spool)
{
	return pacer_delay_us(&spool->pacer, g_get_monotonic_time());
}

IpfixMessage *collector_spool_pop(CollectorSpool *spool, SpoolPlace *place)
{
	IpfixMessage *message = spool_pop(spool->spool, place);

	if (message)
		pacer_note(&spool->pacer, g_get_monotonic_time(), message->contents.len);
	return message;
}
