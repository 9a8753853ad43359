/* SPDX-License-Identifier: Apache-2.0 */
#include "templates.h"

#include <string.h>

#include "base/mac.h"

/*
 * An id of host records is TEMPLATE_HOSTS + the variant's block + 2 * AddressKind + direction, one of flows
 * TEMPLATE_FLOWS + its blocks + FlowFamily.
 */
enum {
	TEMPLATE_HOSTS = 256,
	TEMPLATE_STATISTICS = 270,
	TEMPLATE_INTERFACES = 271,
	TEMPLATE_SAMPLING = 272,
	TEMPLATE_LEDGER = 273,
	TEMPLATE_NAMES = 275, /* 274 are types, by RFC 5610 */
	TEMPLATE_USER_NAMES = 276,
	TEMPLATE_FLOWS = 512,
};

typedef enum {
	ADDRESS_IPV4,
	ADDRESS_IPV6,
	ADDRESS_NONE, /* known by MAC alone */
	ADDRESS_KINDS,
} AddressKind;
_Static_assert(IPFIX_HOST_KINDS == 2 * ADDRESS_KINDS, "with and without a MAC");

typedef enum {
	FLOW_IPV4,
	FLOW_IPV6,
	FLOW_FAMILIES,
} FlowFamily;

#define FAMILY_NEEDS (NEEDS_IPV4 | NEEDS_IPV6)
#define DIRECTION_NEEDS (NEEDS_UPLOAD | NEEDS_DOWNLOAD)

static const uint32_t direction_needs[DIRECTIONS] = { NEEDS_UPLOAD, NEEDS_DOWNLOAD };
static const uint32_t address_needs[ADDRESS_KINDS] = { NEEDS_IPV4, NEEDS_IPV6, 0 };
static const uint32_t family_needs[FLOW_FAMILIES] = { NEEDS_IPV4, NEEDS_IPV6 };

/* A block of template ids, and what its templates have beside direction and address. */
typedef struct {
	uint16_t block;
	uint32_t needs;
} Variant;

static const Variant variants[] = {
	[ENTERPRISE_NONE] = { 0, NEEDS_MAC },
	[ENTERPRISE_MAC] = { 32, NEEDS_MAC | NEEDS_HOST_MAC },
	[ENTERPRISE_FULL] = { 64, NEEDS_MAC | NEEDS_HOST_MAC | NEEDS_HOST_SCOPE | NEEDS_HOST_NAME },
};

/* Of hosts that are known by their address alone; ids for ADDRESS_NONE do not exist. */
static const Variant variant_without_mac = { 96, 0 };

static const Variant flow_variants[] = {
	[ENTERPRISE_NONE] = { 0, 0 },
	[ENTERPRISE_MAC] = { 32, NEEDS_FLOW_MARK },
	[ENTERPRISE_FULL] = { 32, NEEDS_FLOW_MARK },
};

#define MIN_WITH_TYPES 160 /* for a description by RFC 5610, with its texts */

#define NO_LINK_BLOCK 64
#define LAYER2_BLOCK 128
#define ROUTES_BLOCK 256
#define NANOSECONDS_BLOCK 512 /* of flows alone */
#define BIFLOW_BLOCK 1024

static bool is_netflow9(const IpfixLayout *layout)
{
	return layout->format == EXPORT_NETFLOW9;
}

static Variant variant_for(const Variant *variant, const IpfixLayout *layout)
{
	Variant result = *variant;

	if (layout->layer2_octets) {
		result.block += LAYER2_BLOCK;
		result.needs |= NEEDS_LAYER2;
	}
	return result;
}

static Variant host_variant_for(const Variant *variant, const IpfixLayout *layout)
{
	Variant result = variant_for(variant, layout);

	result.needs |= is_netflow9(layout) ? NEEDS_UPTIME : NEEDS_MILLISECONDS;
	return result;
}

static Variant flow_variant_for(const IpfixLayout *layout)
{
	Variant result = variant_for(&flow_variants[layout->enterprise], layout);

	if (is_netflow9(layout)) {
		result.needs |= NEEDS_UPTIME;
	} else if (layout->flow_times == FLOW_TIMES_NANOSECONDS) {
		result.block += NANOSECONDS_BLOCK;
		result.needs |= NEEDS_NANOSECONDS;
	} else {
		result.needs |= NEEDS_MILLISECONDS;
	}
	if (layout->flow_routes) {
		result.block += ROUTES_BLOCK;
		result.needs |= NEEDS_ROUTES;
	}
	return result;
}

static unsigned int host_kind_of(AddressKind address, bool has_mac)
{
	return address + (has_mac ? 0 : ADDRESS_KINDS);
}

/* A template with both sides of a record is for both directions, and so is one with neither. */
static bool fits(const Template *record, uint32_t mask, uint32_t has)
{
	uint32_t needs = template_needs(record) & mask;

	return !needs || needs == mask || needs == has;
}

static bool fits_family(const Template *record, uint32_t family)
{
	uint32_t needs = template_needs(record) & FAMILY_NEEDS;

	return !needs || needs == family;
}

/* The first that the configuration has for such records; NULL: none. */
static const Template *find_chosen(const IpfixLayout *layout, const RecordKind *kind,
				   uint32_t family, uint32_t direction)
{
	for (guint i = 0; layout->chosen && i < layout->chosen->len; i++) {
		const TemplateConfig *config = g_ptr_array_index(layout->chosen, i);

		if (config->record->kind == kind && fits_family(config->record, family) &&
		    (!direction || fits(config->record, DIRECTION_NEEDS, direction)))
			return config->record;
	}
	return NULL;
}

/* Takes @record over, unless it is in @list already. */
static const Template *add_template(GPtrArray *list, Template *record)
{
	for (guint i = 0; i < list->len; i++) {
		const Template *other = g_ptr_array_index(list, i);

		if (other->id == record->id) {
			template_free(record);
			return other;
		}
	}
	g_ptr_array_add(list, record);
	return record;
}

/* The one for such records that is announced anyway, or else one of ours. */
static const Template *add_host_template(Templates *templates, const IpfixLayout *layout,
					 const Variant *variant, AddressKind address,
					 enum direction direction)
{
	const Template *chosen =
		find_chosen(layout, &host_kind, address_needs[address], direction_needs[direction]);
	uint32_t needs = variant->needs | address_needs[address] | direction_needs[direction];
	uint16_t id =
		(uint16_t)(TEMPLATE_HOSTS + variant->block + DIRECTIONS * address + direction);

	return add_template(templates->hosts,
			    chosen ? template_copy(chosen) : template_new(id, &host_kind, needs));
}

static void add_hosts(Templates *templates, const IpfixLayout *layout)
{
	const Variant with_mac = host_variant_for(&variants[layout->enterprise], layout);
	const Variant without_mac = host_variant_for(&variant_without_mac, layout);

	templates->scopes_apart = true;
	for (unsigned int i = 0; i < IPFIX_HOST_KINDS * DIRECTIONS; i++) {
		unsigned int kind = i / DIRECTIONS, direction = i % DIRECTIONS;
		AddressKind address = kind % ADDRESS_KINDS;
		bool by_mac = kind < ADDRESS_KINDS;
		const Template *record;

		if (!by_mac && address == ADDRESS_NONE)
			continue;
		record = add_host_template(templates, layout, by_mac ? &with_mac : &without_mac,
					   address, direction);
		templates->host_ids[kind][direction] = record->id;
		templates->host_needs |= template_needs(record);
		if (by_mac && !(template_needs(record) & NEEDS_HOST_SCOPE))
			templates->scopes_apart = false;
	}
}

static FlowFamily family_of_kind(unsigned int kind)
{
	return kind % FLOW_FAMILIES;
}

static bool kind_has_link(unsigned int kind)
{
	return kind % IPFIX_UNIFLOW_KINDS < FLOW_FAMILIES;
}

static bool kind_is_biflow(unsigned int kind)
{
	return kind >= IPFIX_UNIFLOW_KINDS;
}

static const Template *add_flow_template(Templates *templates, const IpfixLayout *layout,
					 const Variant *variant, unsigned int kind)
{
	uint32_t family = family_needs[family_of_kind(kind)];
	const Template *chosen = find_chosen(layout, &flow_kind, family, 0);
	uint32_t needs = variant->needs | family | (kind_has_link(kind) ? NEEDS_LINK : 0) |
			 (kind_is_biflow(kind) ? NEEDS_BIFLOW : 0);
	uint16_t id = (uint16_t)(TEMPLATE_FLOWS + variant->block +
				 (kind_has_link(kind) ? 0 : NO_LINK_BLOCK) +
				 (kind_is_biflow(kind) ? BIFLOW_BLOCK : 0) + family_of_kind(kind));

	return add_template(templates->flows,
			    chosen ? template_copy(chosen) : template_new(id, &flow_kind, needs));
}

static void add_flows(Templates *templates, const IpfixLayout *layout)
{
	const Variant variant = flow_variant_for(layout);
	unsigned int kinds = layout->biflows ? IPFIX_FLOW_KINDS : IPFIX_UNIFLOW_KINDS;

	for (unsigned int kind = 0; kind < kinds; kind++) {
		const Template *record = add_flow_template(templates, layout, &variant, kind);

		templates->flow_ids[kind] = record->id;
		templates->flow_needs |= template_needs(record);
	}
}

static void note_min_of(Templates *templates, const Template *record)
{
	templates->min_message = MAX(templates->min_message, template_min_message(record));
}

static void note_min_message(Templates *templates)
{
	const uint32_t ours = NEEDS_HOST_MAC | NEEDS_HOST_SCOPE | NEEDS_HOST_NAME | NEEDS_FLOW_MARK;

	for (guint i = 0; i < templates->hosts->len; i++)
		note_min_of(templates, g_ptr_array_index(templates->hosts, i));
	for (guint i = 0; i < templates->flows->len; i++)
		note_min_of(templates, g_ptr_array_index(templates->flows, i));
	note_min_of(templates, templates->statistics);
	note_min_of(templates, templates->interfaces);
	note_min_of(templates, templates->sampling);
	note_min_of(templates, templates->ledger);
	note_min_of(templates, templates->names);
	if ((templates->host_needs | templates->flow_needs) & ours)
		templates->min_message = MAX(templates->min_message, MIN_WITH_TYPES);
}

Templates *templates_new(const IpfixLayout *layout)
{
	const RecordKind *sampling = is_netflow9(layout) ? &sampling9_kind : &sampling_kind;
	Templates *templates = g_new0(Templates, 1);

	templates->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)template_free);
	templates->flows = g_ptr_array_new_with_free_func((GDestroyNotify)template_free);
	templates->statistics = template_new(TEMPLATE_STATISTICS, &statistics_kind, 0);
	templates->interfaces = template_new(TEMPLATE_INTERFACES, &interface_kind, 0);
	templates->sampling = template_new(TEMPLATE_SAMPLING, sampling, 0);
	templates->ledger = template_new(TEMPLATE_LEDGER, &ledger_kind, 0);
	templates->names = layout->enterprise == ENTERPRISE_NONE ?
				   template_new(TEMPLATE_USER_NAMES, &user_name_kind, 0) :
				   template_new(TEMPLATE_NAMES, &name_kind, 0);
	add_hosts(templates, layout);
	add_flows(templates, layout);
	note_min_message(templates);
	return templates;
}

void templates_free(Templates *templates)
{
	if (!templates)
		return;
	g_ptr_array_unref(templates->hosts);
	g_ptr_array_unref(templates->flows);
	template_free(templates->statistics);
	template_free(templates->interfaces);
	template_free(templates->sampling);
	template_free(templates->ledger);
	template_free(templates->names);
	g_free(templates);
}

static AddressKind address_kind(const struct host_key *key)
{
	static const uint8_t none[ADDRESS_LEN];

	if (!memcmp(key->address, none, ADDRESS_LEN))
		return ADDRESS_NONE;
	return key->ip_version == 4 ? ADDRESS_IPV4 : ADDRESS_IPV6;
}

uint16_t templates_id_of_host(const Templates *templates, const HostRecord *record)
{
	AddressKind address = address_kind(&record->key);
	/* What has neither is known by no MAC. */
	bool by_mac = address == ADDRESS_NONE || !mac_is_zero(record->key.mac);

	return templates->host_ids[host_kind_of(address, by_mac)][record->direction];
}

unsigned int ipfix_flow_kind(const IpfixFlow *flow)
{
	FlowFamily family = flow->flow->key.ip_version == 6 ? FLOW_IPV6 : FLOW_IPV4;
	bool link = flow_has_link(flow->flow) || (flow->reverse && flow_has_link(flow->reverse));

	return family + (link ? 0 : FLOW_FAMILIES) + (flow->reverse ? IPFIX_UNIFLOW_KINDS : 0);
}

uint16_t templates_id_of_flow(const Templates *templates, const IpfixFlow *flow)
{
	return templates->flow_ids[ipfix_flow_kind(flow)];
}

static bool chosen_equal(const GPtrArray *a, const GPtrArray *b)
{
	guint n = a ? a->len : 0;

	if (n != (b ? b->len : 0))
		return false;
	for (guint i = 0; i < n; i++) {
		const TemplateConfig *first = g_ptr_array_index(a, i);
		const TemplateConfig *second = g_ptr_array_index(b, i);

		if (!template_equal(first->record, second->record))
			return false;
	}
	return true;
}

bool ipfix_layout_equal(const IpfixLayout *a, const IpfixLayout *b)
{
	return a->format == b->format && a->observation_domain == b->observation_domain &&
	       a->flow_sampling == b->flow_sampling &&
	       a->enterprise_number == b->enterprise_number && a->enterprise == b->enterprise &&
	       a->layer2_octets == b->layer2_octets && a->flow_times == b->flow_times &&
	       a->flow_routes == b->flow_routes && a->biflows == b->biflows &&
	       chosen_equal(a->chosen, b->chosen);
}
