/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which templates a collector is sent, and which of them a record goes by. Ids and layouts of our own
 * are in README.md, "IPFIX"; an id means one layout for ever. Those that the configuration puts together
 * take their place for the records that they fit.
 */
#ifndef FLOWTALLY_TEMPLATES_H
#define FLOWTALLY_TEMPLATES_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "config/config.h"
#include "elements/template.h"

typedef struct {
	ExportFormat format;
	uint32_t observation_domain;
	/*
	 * One of so many is taken; 0 is 1. What is sampled is in the domain after that of the others, as
	 * collectors multiply all that is in a domain of which they are told that it is sampled.
	 */
	uint32_t flow_sampling;
	uint32_t enterprise_number;
	EnterpriseElements enterprise;
	bool layer2_octets;
	FlowTimes flow_times;
	bool flow_routes;    /* flow records tell next hops and prefixes */
	bool biflows;	     /* flow records can be of both directions (RFC 5103) */
	size_t message_size; /* up to IPFIX_MESSAGE_MAX */
	const GPtrArray
		*chosen; /* of TemplateConfig, borrowed: NULL, or what the collector is to have */
} IpfixLayout;

bool ipfix_layout_equal(const IpfixLayout *a, const IpfixLayout *b); /* but for the message size */

/*
 * Flows of one kind have one template: their family, whether anything of a frame is known of them, and
 * whether both directions are in it.
 */
#define IPFIX_FLOW_KINDS 8
#define IPFIX_UNIFLOW_KINDS 4 /* those of one direction come first */

unsigned int ipfix_flow_kind(const IpfixFlow *flow); /* below IPFIX_FLOW_KINDS */

/* What is known of a host: both kinds of addresses, or the MAC alone; then whether there is a MAC. */
#define IPFIX_HOST_KINDS 6

typedef struct {
	GPtrArray *hosts; /* of Template, owned: in the order in which they are announced */
	GPtrArray *flows;
	Template *statistics;
	Template *interfaces;
	Template *sampling;
	Template *ledger;
	Template *names;
	uint32_t host_needs; /* all that any of them has */
	uint32_t flow_needs;
	size_t min_message; /* into which each of them fits, and each of their records */
	bool scopes_apart; /* each host with a MAC has hostScope, so that scopes need not be summed up */
	uint16_t host_ids[IPFIX_HOST_KINDS][DIRECTIONS]; /* 0: there are no such records */
	uint16_t flow_ids[IPFIX_FLOW_KINDS];
} Templates;

/* What @layout borrows must outlive it. */
Templates *templates_new(const IpfixLayout *layout);
void templates_free(Templates *templates);

uint16_t templates_id_of_host(const Templates *templates, const HostRecord *record);
uint16_t templates_id_of_flow(const Templates *templates, const IpfixFlow *flow);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Templates, templates_free)

#endif
