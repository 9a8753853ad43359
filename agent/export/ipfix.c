/* SPDX-License-Identifier: Apache-2.0 */
#include "ipfix.h"

#include <string.h>
#include <time.h>

#include "base/error.h"
#include "domain.h"

struct IpfixEncoder {
	Templates *templates;
	Domain *records;
	Domain *process;     /* domain 0: what is about the Exporting Process itself */
	Domain *sampled;     /* flows, where they are; else unused */
	Domain *flow_domain; /* one of them */
	uint32_t flow_sampling;
	uint64_t uptime_origin_ms;
	bool is_netflow9;
};

/* selectorAlgorithm, by IANA's registry of PSAMP parameters */
enum selector {
	SELECTOR_COUNT = 1,  /* systematic count-based sampling */
	SELECTOR_CHANCE = 4, /* uniform probabilistic sampling */
};

/* samplingAlgorithm, NetFlow's field 35 */
enum netflow_sampling {
	NETFLOW_DETERMINISTIC = 1,
	NETFLOW_RANDOM = 2,
};

static bool is_sampled(const IpfixEncoder *encoder)
{
	return encoder->flow_domain == encoder->sampled;
}

static bool message_size_is_valid(const IpfixEncoder *encoder, size_t size, GError **error)
{
	size_t least = encoder->templates->min_message;

	if (size >= least && size <= IPFIX_MESSAGE_MAX)
		return true;
	error_set(error, "message size %zu: not between %zu and %d octets", size, least,
		  IPFIX_MESSAGE_MAX);
	return false;
}

/* The next domain, or where there is none the one before. */
static uint32_t beside(uint32_t observation_domain)
{
	return observation_domain == UINT32_MAX ? UINT32_MAX - 1 : observation_domain + 1;
}

/* When the system started: so do the times of NetFlow, which are short. */
static uint64_t boot_time_ms(void)
{
	struct timespec up;

	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	return (uint64_t)g_get_real_time() / 1000 - (uint64_t)up.tv_sec * 1000 -
	       (uint64_t)up.tv_nsec / 1000000;
}

static Domain *domain_for(const IpfixEncoder *encoder, const IpfixLayout *layout, uint32_t id)
{
	return encoder->is_netflow9 ? netflow9_domain_new(id, encoder->uptime_origin_ms) :
				      ipfix_domain_new(id, layout->enterprise_number);
}

static bool add_template(Domain *domain, const Template *record, GError **error)
{
	return domain->form->add_template(domain, record, error);
}

static bool add_templates(Domain *domain, const GPtrArray *list, GError **error)
{
	for (guint i = 0; i < list->len; i++) {
		if (!add_template(domain, g_ptr_array_index(list, i), error))
			return false;
	}
	return true;
}

static bool add_options(Domain *domain, const Templates *templates, GError **error)
{
	return add_template(domain, templates->interfaces, error) &&
	       add_template(domain, templates->sampling, error);
}

static bool add_all(IpfixEncoder *encoder, GError **error)
{
	const Templates *templates = encoder->templates;

	return add_options(encoder->records, templates, error) &&
	       (!is_sampled(encoder) || add_options(encoder->sampled, templates, error)) &&
	       add_templates(encoder->records, templates->hosts, error) &&
	       add_templates(encoder->flow_domain, templates->flows, error) &&
	       add_template(encoder->process, templates->statistics, error) &&
	       add_template(encoder->process, templates->ledger, error) &&
	       add_template(encoder->process, templates->names, error);
}

static void open_domain(Domain *domain, size_t message_size)
{
	domain->form->set_message_size(domain, message_size);
	domain->form->open(domain);
}

IpfixEncoder *ipfix_encoder_new(const IpfixLayout *layout, GError **error)
{
	g_autoptr(IpfixEncoder) encoder = g_new0(IpfixEncoder, 1);
	uint32_t domain = layout->observation_domain;

	encoder->is_netflow9 = layout->format == EXPORT_NETFLOW9;
	encoder->uptime_origin_ms = boot_time_ms();
	encoder->templates = templates_new(layout);
	if (!message_size_is_valid(encoder, layout->message_size, error))
		return NULL;
	encoder->process = domain_for(encoder, layout, 0);
	encoder->records = domain_for(encoder, layout, domain);
	encoder->sampled = domain_for(encoder, layout, beside(domain));
	encoder->flow_sampling = MAX(layout->flow_sampling, 1);
	encoder->flow_domain = encoder->flow_sampling > 1 ? encoder->sampled : encoder->records;
	if (!add_all(encoder, error))
		return NULL;
	open_domain(encoder->process, layout->message_size);
	open_domain(encoder->records, layout->message_size);
	open_domain(encoder->sampled, layout->message_size);
	return g_steal_pointer(&encoder);
}

void ipfix_encoder_free(IpfixEncoder *encoder)
{
	if (!encoder)
		return;
	domain_free(encoder->records);
	domain_free(encoder->process);
	domain_free(encoder->sampled);
	templates_free(encoder->templates);
	g_free(encoder);
}

bool ipfix_encoder_set_message_size(IpfixEncoder *encoder, size_t message_size, GError **error)
{
	Domain *const domains[] = { encoder->records, encoder->process, encoder->sampled };

	if (message_size == encoder->records->message_size)
		return true;
	if (!message_size_is_valid(encoder, message_size, error))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(domains); i++)
		domains[i]->form->set_message_size(domains[i], message_size);
	return true;
}

const Templates *ipfix_encoder_templates(const IpfixEncoder *encoder)
{
	return encoder->templates;
}

static bool put_template(Domain *domain, const Template *record, GPtrArray *messages,
			 GError **error)
{
	return domain->form->put_template(domain, record->id, messages, error);
}

static bool put_templates(Domain *domain, const GPtrArray *list, GPtrArray *messages,
			  GError **error)
{
	for (guint i = 0; i < list->len; i++) {
		if (!put_template(domain, g_ptr_array_index(list, i), messages, error))
			return false;
	}
	return true;
}

static bool put_options(Domain *domain, const Template *record, const void *fields,
			GPtrArray *messages, GError **error)
{
	return domain->form->put_record(domain, record->id, fields, messages, error);
}

/* A record that is not of options. */
static bool put_traffic(Domain *domain, uint16_t id, const void *fields, const Volume *volume,
			GPtrArray *messages, GError **error)
{
	if (!domain->form->put_record(domain, id, fields, messages, error))
		return false;
	domain->contents.flow_records++;
	domain->contents.packets += volume->packets;
	domain->contents.octets += volume->octets;
	return true;
}

/*
 * The two options templates stand apart, before and after the others: of several in one set, some
 * collectors read the first only.
 */
static bool put_announcement(const IpfixEncoder *encoder, Domain *domain, unsigned int records,
			     GPtrArray *messages, GError **error)
{
	const Templates *templates = encoder->templates;

	return (!(records & IPFIX_INTERFACES) ||
		put_template(domain, templates->interfaces, messages, error)) &&
	       (!(records & IPFIX_HOSTS) ||
		put_templates(domain, templates->hosts, messages, error)) &&
	       (!(records & IPFIX_FLOWS) ||
		put_templates(domain, templates->flows, messages, error)) &&
	       put_template(domain, templates->sampling, messages, error);
}

static bool announce(const IpfixEncoder *encoder, Domain *domain, uint32_t export_time_s,
		     unsigned int records, GPtrArray *messages, GError **error)
{
	bool ok;

	domain_begin(domain, export_time_s, 0);
	ok = put_announcement(encoder, domain, records, messages, error);
	return domain_finish(domain, ok, messages, error);
}

static uint32_t needs_of(const IpfixEncoder *encoder, unsigned int records)
{
	return (records & IPFIX_HOSTS ? encoder->templates->host_needs : 0) |
	       (records & IPFIX_FLOWS ? encoder->templates->flow_needs : 0);
}

/* What those of our elements are that need any of @needs. */
static bool describe_elements(IpfixEncoder *encoder, uint32_t export_time_s, uint32_t needs,
			      GPtrArray *messages, GError **error)
{
	Domain *process = encoder->process;
	bool ok;

	needs &= NEEDS_HOST_MAC | NEEDS_HOST_SCOPE | NEEDS_HOST_NAME | NEEDS_FLOW_MARK;
	if (!needs || !process->form->put_types)
		return true;
	domain_begin(process, export_time_s, 0);
	ok = process->form->put_types(process, needs, messages, error);
	return domain_finish(process, ok, messages, error);
}

bool ipfix_encode_templates(IpfixEncoder *encoder, uint32_t export_time_s, unsigned int records,
			    GPtrArray *messages, GError **error)
{
	unsigned int flows = is_sampled(encoder) ? records & IPFIX_FLOWS : 0;
	unsigned int options = records & IPFIX_INTERFACES;

	return describe_elements(encoder, export_time_s, needs_of(encoder, records), messages,
				 error) &&
	       announce(encoder, encoder->records, export_time_s, records & ~flows, messages,
			error) &&
	       (!flows || announce(encoder, encoder->sampled, export_time_s, flows | options,
				   messages, error));
}

/* nfdump takes only the first record of a set, and each message has a set of its own. */
static bool put_interfaces(const IpfixEncoder *encoder, Domain *domain,
			   const IpfixInterface *interfaces, size_t n, GPtrArray *messages,
			   GError **error)
{
	for (size_t i = 0; i < n; i++) {
		struct interface_fields fields = { .ifindex = interfaces[i].ifindex };

		record_copy_text(fields.name, sizeof(fields.name), interfaces[i].name);
		record_copy_text(fields.description, sizeof(fields.description),
				 interfaces[i].description);
		if (i > 0 && !domain->form->flush(domain, messages, error))
			return false;
		if (!put_options(domain, encoder->templates->interfaces, &fields, messages, error))
			return false;
	}
	return true;
}

/*
 * 1 of 1, or 1 of N by chance: of packets, or of conversations. An interval and a space are what collectors
 * look for.
 */
static bool put_sampling(const IpfixEncoder *encoder, Domain *domain, GPtrArray *messages,
			 GError **error)
{
	bool sampled = domain == encoder->sampled;
	const struct sampling_fields ipfix = {
		.observation_domain = domain->id,
		.selector_algorithm = sampled ? SELECTOR_CHANCE : SELECTOR_COUNT,
		.packet_interval = 1,
		.packet_space = sampled ? encoder->flow_sampling - 1 : 0,
	};
	const struct sampling9_fields netflow9 = {
		.observation_domain = domain->id,
		.interval = sampled ? encoder->flow_sampling : 1,
		.algorithm = sampled ? NETFLOW_RANDOM : NETFLOW_DETERMINISTIC,
	};

	return put_options(domain, encoder->templates->sampling,
			   encoder->is_netflow9 ? (const void *)&netflow9 : &ipfix, messages,
			   error);
}

static bool encode_options(const IpfixEncoder *encoder, Domain *domain, uint32_t export_time_s,
			   unsigned int records, const IpfixInterface *interfaces, size_t n,
			   GPtrArray *messages, GError **error)
{
	bool ok;

	if (!(records & IPFIX_INTERFACES))
		n = 0;
	domain_begin(domain, export_time_s, 0);
	ok = put_sampling(encoder, domain, messages, error) &&
	     put_interfaces(encoder, domain, interfaces, n, messages, error);
	return domain_finish(domain, ok, messages, error);
}

bool ipfix_encode_options(IpfixEncoder *encoder, uint32_t export_time_s, unsigned int records,
			  const IpfixInterface *interfaces, size_t n, GPtrArray *messages,
			  GError **error)
{
	return encode_options(encoder, encoder->records, export_time_s, records, interfaces, n,
			      messages, error) &&
	       (!is_sampled(encoder) || !(records & IPFIX_FLOWS) ||
		encode_options(encoder, encoder->sampled, export_time_s, records, interfaces, n,
			       messages, error));
}

bool ipfix_encode_statistics(IpfixEncoder *encoder, uint32_t export_time_s,
			     const struct statistics_fields *statistics, GPtrArray *messages,
			     GError **error)
{
	const Template *record = encoder->templates->statistics;
	struct statistics_fields fields = *statistics;
	Domain *domain = encoder->process;
	bool ok;

	fields.observation_domain = encoder->records->id;
	domain_begin(domain, export_time_s, 0);
	ok = put_template(domain, record, messages, error) &&
	     put_options(domain, record, &fields, messages, error);
	return domain_finish(domain, ok, messages, error);
}

static bool put_ledger(const IpfixEncoder *encoder, const IpfixLedgerEntry *entry,
		       GPtrArray *messages, GError **error)
{
	struct ledger_fields fields = {
		.observation_domain = encoder->records->id,
		.direction = (uint8_t)entry->hook,
		.packets = entry->volume.packets,
		.octets = entry->volume.octets,
		.layer2_octets = entry->volume.layer2_octets,
	};

	record_copy_text(fields.interface, sizeof(fields.interface), entry->interface);
	record_copy_text(fields.class, sizeof(fields.class), entry->class);
	return put_options(encoder->process, encoder->templates->ledger, &fields, messages, error);
}

bool ipfix_encode_ledger(IpfixEncoder *encoder, uint32_t export_time_s,
			 const IpfixLedgerEntry *entries, size_t n, GPtrArray *messages,
			 GError **error)
{
	Domain *domain = encoder->process;
	bool ok;

	domain_begin(domain, export_time_s, 0);
	ok = put_template(domain, encoder->templates->ledger, messages, error);
	for (size_t i = 0; ok && i < n; i++)
		ok = put_ledger(encoder, &entries[i], messages, error);
	return domain_finish(domain, ok, messages, error);
}

static bool put_name(const IpfixEncoder *encoder, const IpfixName *name, GPtrArray *messages,
		     GError **error)
{
	struct name_fields fields;

	memcpy(fields.mac, name->mac, MAC_LEN);
	record_copy_text(fields.name, sizeof(fields.name), name->name);
	return put_options(encoder->process, encoder->templates->names, &fields, messages, error);
}

bool ipfix_encode_names(IpfixEncoder *encoder, uint32_t export_time_s, const IpfixName *names,
			size_t n, GPtrArray *messages, GError **error)
{
	bool with_ours = encoder->templates->names->kind == &name_kind;
	Domain *domain = encoder->process;
	bool ok;

	if (!describe_elements(encoder, export_time_s, with_ours ? NEEDS_HOST_NAME : 0, messages,
			       error))
		return false;
	domain_begin(domain, export_time_s, 0);
	ok = put_template(domain, encoder->templates->names, messages, error);
	for (size_t i = 0; ok && i < n; i++)
		ok = put_name(encoder, &names[i], messages, error);
	return domain_finish(domain, ok, messages, error);
}

/* Modulo 2^32, that is in 49 days. */
static uint32_t uptime_ms(const IpfixEncoder *encoder, uint64_t epoch_ms)
{
	return (uint32_t)(epoch_ms - encoder->uptime_origin_ms);
}

static bool put_host(IpfixEncoder *encoder, const HostRecord *record, GPtrArray *messages,
		     GError **error)
{
	const Templates *templates = encoder->templates;
	struct host_fields fields;

	host_fields_fill(&fields, record, templates->host_needs & NEEDS_HOST_NAME);
	fields.start_uptime_ms = uptime_ms(encoder, record->start_ms);
	fields.end_uptime_ms = uptime_ms(encoder, record->end_ms);
	return put_traffic(encoder->records, templates_id_of_host(templates, record), &fields,
			   &record->volume, messages, error);
}

bool ipfix_encode_hosts(IpfixEncoder *encoder, uint32_t export_time_s, const HostRecord *records,
			size_t n, size_t from, GPtrArray *messages, GError **error)
{
	Domain *domain = encoder->records;
	bool ok = true;

	domain_begin(domain, export_time_s, from);
	for (size_t i = from; ok && i < n; i++) {
		domain->next = (uint32_t)i;
		if (!volume_is_zero(&records[i].volume))
			ok = put_host(encoder, &records[i], messages, error);
	}
	domain->next = (uint32_t)n;
	return domain_finish(domain, ok, messages, error);
}

static bool put_flow(IpfixEncoder *encoder, const IpfixFlow *flow, GPtrArray *messages,
		     GError **error)
{
	Volume volume = ipfix_flow_volume(flow);
	struct flow_fields fields;

	flow_fields_fill(&fields, flow);
	fields.start_uptime_ms = uptime_ms(encoder, flow->flow->start_ms);
	fields.end_uptime_ms = uptime_ms(encoder, flow->flow->end_ms);
	return put_traffic(encoder->flow_domain, templates_id_of_flow(encoder->templates, flow),
			   &fields, &volume, messages, error);
}

bool ipfix_encode_flows(IpfixEncoder *encoder, uint32_t export_time_s, const IpfixFlow *flows,
			size_t n, size_t from, GPtrArray *messages, GError **error)
{
	Domain *domain = encoder->flow_domain;
	bool ok = true;

	domain_begin(domain, export_time_s, from);
	for (size_t i = from; ok && i < n; i++) {
		domain->next = (uint32_t)i;
		if (!volume_is_zero(&flows[i].flow->volume))
			ok = put_flow(encoder, &flows[i], messages, error);
	}
	domain->next = (uint32_t)n;
	return domain_finish(domain, ok, messages, error);
}
