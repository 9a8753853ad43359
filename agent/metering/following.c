/* SPDX-License-Identifier: Apache-2.0 */
#include "following.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

/* A point whose hooks have gone, until the sweep that reads what they had counted. */
typedef struct {
	uint64_t interface;
	bool has_link; /* the interface could be read then */
	bool quiet; /* the generation has advanced since: what they had counted is in a quiet one */
	bool read;  /* and that has been read */
	LinkBounds link;
} Draining;

/* What an interface had counted. */
typedef struct {
	uint64_t interface;
	LinkCounters counters;
} Before;

struct Following {
	const Config *config;
	Namespaces *namespaces;
	Scope *scope;
	Observation *observation;
	Ledger *ledger;
	GHashTable *draining; /* interface -> Draining */
	GHashTable *before;   /* interface -> Before: when the generation advanced */
	GHashTable *faults;   /* interface name -> message */
	GHashTable *awaited;  /* set of names that have been said to be awaited */
	HandList *by_hand;
	bool bared;   /* somebody has removed filters of ours */
	bool changed; /* a point has, by the present update */
};

/* The key is the first member of the value. */
static GHashTable *table_by_interface(void)
{
	return g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
}

Following *following_new(const Config *config, Namespaces *namespaces, Observation *observation,
			 Scope *scope, Ledger *ledger)
{
	Following *following = g_new0(Following, 1);

	following->config = config;
	following->namespaces = namespaces;
	following->observation = observation;
	following->scope = scope;
	following->ledger = ledger;
	following->draining = table_by_interface();
	following->before = table_by_interface();
	following->faults = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	following->awaited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	following->by_hand = handlist_new();
	return following;
}

void following_free(Following *following)
{
	if (!following)
		return;
	g_hash_table_unref(following->draining);
	g_hash_table_unref(following->before);
	g_hash_table_unref(following->faults);
	g_hash_table_unref(following->awaited);
	handlist_free(following->by_hand);
	g_free(following);
}

void following_set_config(Following *following, const Config *config)
{
	following->config = config;
}

static LinkBounds bounds_between(const LinkCounters *before, const LinkCounters *after)
{
	LinkBounds bounds;

	for (int hook = 0; hook < HOOKS; hook++) {
		bounds.frames[hook] = (Bounds){ before->frames[hook], after->frames[hook] };
		bounds.octets[hook] = (Bounds){ before->octets[hook], after->octets[hook] };
	}
	return bounds;
}

/* Says what is wrong with an interface, once for as long as it stays the same. */
static void note_fault(Following *following, const char *name, const char *message)
{
	const char *known = g_hash_table_lookup(following->faults, name);

	if (g_str_has_prefix(message, name) && g_str_has_prefix(message + strlen(name), ": "))
		message += strlen(name) + 2;
	if (known && !strcmp(known, message))
		return;
	g_warning("%s: %s", name, message);
	g_hash_table_insert(following->faults, g_strdup(name), g_strdup(message));
}

static enum side choose_side(const InterfaceConfig *item, const Link *link)
{
	switch (item->side) {
	case SIDE_CHOICE_LAN:
		return SIDE_LAN;
	case SIDE_CHOICE_WAN:
		return SIDE_WAN;
	default:
		return link->has_default_route ? SIDE_WAN : SIDE_LAN;
	}
}

/* An interface that is to be metered. */
typedef struct {
	PointSpec spec;
	const GArray *local;  /* of Prefix: its own `local`; NULL: it has none */
	const char *obstacle; /* why it cannot be, NULL: it can */
} Wanted;

static const char *default_report_name(const Link *link)
{
	g_autofree char *name = interface_name(link->netns, link->name);

	return g_intern_string(name);
}

static HooksOptions hooks_options(const InterfaceConfig *item)
{
	static const HookKind kinds[] = {
		[HOOK_CHOICE_AUTO] = HOOK_KIND_NONE,
		[HOOK_CHOICE_TCX] = HOOK_KIND_TCX,
		[HOOK_CHOICE_CLSACT] = HOOK_KIND_CLSACT,
	};

	return (HooksOptions){ .prefer = kinds[item->hook],
			       .last = item->order == HOOK_ORDER_LAST,
			       .priority = item->priority,
			       .handle = item->handle };
}

static PointMeter point_meter(const Config *config, const InterfaceConfig *item)
{
	return (PointMeter){
		.meter = interface_config_meter(item),
		.flows_at = interface_config_flows_at(item),
		.flow_key = config_flow_key(config),
		.sampling_of = (uint8_t)config->flows.sampling_of,
		.sampling = config_flow_sampling(config),
	};
}

static Wanted make_wanted(const Config *config, const Link *link, const InterfaceConfig *item)
{
	Wanted wanted = {
		.spec = {
			.link = link,
			.report_name = item->alias ? item->alias : default_report_name(link),
			.side = choose_side(item, link),
			.meter = point_meter(config, item),
			.hooks = hooks_options(item),
		},
		.local = item->local,
	};

	if (!link_find_layer(link, &wanted.spec.layer))
		wanted.obstacle = "its frames begin with neither an Ethernet nor an IP header: not "
				  "metered";
	return wanted;
}

/* A wildcard may match more than can be metered; what is named and cannot be is a fault. */
static void add_if_wanted(GArray *all, const Config *config, const Link *link,
			  const InterfaceConfig *item)
{
	Wanted wanted = make_wanted(config, link, item);
	bool is_named = !item->match || pattern_is_name(item->match);

	if (!wanted.obstacle || is_named)
		g_array_append_val(all, wanted);
}

/* What applies to @link: what was said by hand, else the configuration. NULL: it is left alone. */
static const InterfaceConfig *item_for(const Following *following, const Link *link)
{
	const InterfaceConfig *how;

	if (handlist_find(following->by_hand, link->netns, link->name, &how))
		return how;
	return config_match_interface(following->config, link->netns, link->name);
}

static GArray *wanted_interfaces(const Following *following)
{
	const GPtrArray *links = namespaces_links(following->namespaces);
	GArray *all = g_array_new(FALSE, FALSE, sizeof(Wanted));

	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];
		const InterfaceConfig *item = item_for(following, link);

		if (item)
			add_if_wanted(all, following->config, link, item);
	}
	return all;
}

/* NULL: it is not wanted. */
static const Wanted *find_wanted(const GArray *all, uint64_t interface)
{
	for (guint i = 0; i < all->len; i++) {
		const Wanted *wanted = &g_array_index(all, Wanted, i);

		if (wanted->spec.link->id == interface)
			return wanted;
	}
	return NULL;
}

static void say_attached(const Point *point, bool was_attached)
{
	const char *what = was_attached ? "changed" : point->adopted ? "taken over" : "metering";
	g_autofree char *name = interface_name(point->netns, point->name);

	g_message("%s: %s by %s, side %s%s%s", name, what, hook_kind_names[point->hooks.kind],
		  point->side == SIDE_LAN ? "lan" : "wan",
		  strcmp(name, point->next_name) ? ", reported as " : "",
		  strcmp(name, point->next_name) ? point->next_name : "");
}

/* Why the counters of an interface have no common measure with what passes it; NULL: they have. */
static const char *excuse_for(const Point *point)
{
	if (!strcmp(point->kind, "wireguard"))
		return "WireGuard counts its own messages, encrypted, padded, with handshakes";
	return NULL;
}

/* The ledger of an interface opens when its hooks begin to count. */
static void open_ledger(Following *following, const Point *point, const LinkBounds *bounds)
{
	static const struct ledger_sheet nothing[HOOKS];
	uint64_t interface = point->interface;
	const Draining *draining = g_hash_table_lookup(following->draining, &interface);

	/* It had been detached and comes back before the sweep: that account is closed first. */
	if (draining && draining->has_link)
		ledger_add(following->ledger, point->report_name, interface, nothing,
			   &draining->link);
	if (!point->adopted ||
	    !ledger_is_attached(following->ledger, point->report_name, interface))
		ledger_attach(following->ledger, point->report_name, interface, bounds);
	ledger_excuse(following->ledger, point->report_name, excuse_for(point));
	g_hash_table_remove(following->draining, &interface);
}

static void detach(Following *following, uint64_t interface)
{
	const Point *point = observation_find(following->observation, interface);
	g_autofree char *name = interface_name(point->netns, point->name);
	bool was_attached = point->attached;
	Draining *draining;
	g_autoptr(GError) error = NULL;
	LinkCounters before, after;

	if (g_hash_table_contains(following->draining, &interface))
		return;
	draining = g_new0(Draining, 1);
	draining->interface = interface;
	draining->has_link =
		namespaces_read_counters(following->namespaces, interface, &before, NULL);
	if (!observation_detach(following->observation, interface, &error))
		note_fault(following, name, error->message);
	draining->has_link &=
		namespaces_read_counters(following->namespaces, interface, &after, NULL);
	if (draining->has_link)
		draining->link = bounds_between(&before, &after);
	g_hash_table_insert(following->draining, &draining->interface, draining);
	following->changed = true;
	if (was_attached)
		g_message("%s: no longer metered", name);
}

/* Between two kinds of hooks frames are missed: one account is closed and another opened. */
static void leave_other_hook(Following *following, const Point *point, const PointSpec *spec)
{
	if (observation_is_by(point, spec))
		return;
	observation_resume(following->observation, point->interface);
	if (point->attached)
		detach(following, point->interface);
}

/* `local`, or the interface's own prefixes; for the WAN those of the interfaces behind it, too. */
static bool set_local(Following *following, const GArray *all, const Wanted *wanted,
		      const Point *point, GError **error);

static bool attach_prepared(Following *following, const GArray *all, const Wanted *wanted,
			    const Point *point, GError **error)
{
	uint64_t interface = point->interface;
	LinkCounters before, after;
	LinkBounds bounds;
	bool was_attached;

	/* First the prefixes, so that the first frame is counted right already. */
	if (!set_local(following, all, wanted, point, error))
		return false;
	if (observation_is(point, &wanted->spec))
		return true;
	leave_other_hook(following, point, &wanted->spec);
	was_attached = point->attached;
	if (!namespaces_read_counters(following->namespaces, interface, &before, error) ||
	    !observation_attach(following->observation, &wanted->spec, error) ||
	    !namespaces_read_counters(following->namespaces, interface, &after, error))
		return false;
	following->changed = true;
	bounds = bounds_between(&before, &after);
	if (!was_attached)
		open_ledger(following, point, &bounds);
	say_attached(point, was_attached);
	return true;
}

static void forget(Following *following, const Point *point)
{
	g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(Prefix));

	ledger_detach(following->ledger, point->report_name, point->interface);
	(void)scope_set_local(following->scope, observation_number(following->observation, point),
			      none, NULL);
	observation_remove(following->observation, point->interface);
}

static bool attach(Following *following, const GArray *all, const Wanted *wanted, GError **error)
{
	uint64_t interface = wanted->spec.link->id;
	bool is_new = !observation_find(following->observation, interface);
	const Point *point = observation_prepare(following->observation, wanted->spec.link,
						 wanted->spec.report_name, error);

	if (!point)
		return false;
	if (attach_prepared(following, all, wanted, point, error))
		return true;
	/* It never counted anything. */
	if (is_new)
		forget(following, point);
	return false;
}

static void attach_or_note(Following *following, const GArray *all, const Wanted *wanted)
{
	g_autofree char *name = interface_name(wanted->spec.link->netns, wanted->spec.link->name);
	g_autoptr(GError) error = NULL;

	if (wanted->obstacle)
		note_fault(following, name, wanted->obstacle);
	else if (attach(following, all, wanted, &error))
		g_hash_table_remove(following->faults, name);
	/* It is gone; the event that tells so is on its way. */
	else if (error->code != ENODEV)
		note_fault(following, name, error->message);
}

static void add_prefixes(GArray *prefixes, const GArray *more)
{
	if (more->len)
		g_array_append_vals(prefixes, more->data, more->len);
}

/* Appends the prefixes of all metered interfaces; with @lan_only, of those with the devices' side. */
static void add_own_prefixes(GArray *prefixes, const GArray *all, bool lan_only)
{
	for (guint i = 0; i < all->len; i++) {
		const Wanted *wanted = &g_array_index(all, Wanted, i);

		if (!wanted->obstacle && (wanted->spec.side == SIDE_LAN || !lan_only))
			add_prefixes(prefixes, wanted->spec.link->prefixes);
	}
}

static bool set_local(Following *following, const GArray *all, const Wanted *wanted,
		      const Point *point, GError **error)
{
	g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(Prefix));

	if (wanted->local)
		add_prefixes(prefixes, wanted->local);
	else if (following->config->hosts.local_is_set)
		add_prefixes(prefixes, following->config->hosts.local);
	else if (wanted->spec.side == SIDE_WAN)
		add_own_prefixes(prefixes, all, false);
	else
		add_prefixes(prefixes, wanted->spec.link->prefixes);
	return scope_set_local(following->scope, observation_number(following->observation, point),
			       prefixes, error);
}

/* Those of this machine: a namespace of another name is another one, a container, say. */
static void add_own_addresses(GArray *addresses, const GPtrArray *links)
{
	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];

		if (!link->netns[0])
			add_prefixes(addresses, link->addresses);
	}
}

/* Of other network namespaces: a GArray of Prefix for each scope_home(). */
static GHashTable *find_homes(const GPtrArray *links)
{
	GHashTable *homes = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);

	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];
		uint32_t home = scope_home(interface_netns_id(link->id));
		GArray *addresses = g_hash_table_lookup(homes, GUINT_TO_POINTER(home));

		if (!home)
			continue;
		if (!addresses) {
			addresses = g_array_new(FALSE, FALSE, sizeof(Prefix));
			g_hash_table_insert(homes, GUINT_TO_POINTER(home), addresses);
		}
		add_prefixes(addresses, link->addresses);
	}
	return homes;
}

static bool set_homes(Following *following, GError **error)
{
	g_autoptr(GHashTable) homes = find_homes(namespaces_links(following->namespaces));

	return scope_set_homes(following->scope, homes, error);
}

static bool set_far_ends(Following *following, const GArray *all, GError **error)
{
	g_autoptr(GArray) not_internet = g_array_new(FALSE, FALSE, sizeof(Prefix));
	g_autoptr(GArray) own = g_array_new(FALSE, FALSE, sizeof(Prefix));

	add_prefixes(not_internet, following->config->hosts.not_internet);
	add_own_prefixes(not_internet, all, true);
	add_own_addresses(own, namespaces_links(following->namespaces));
	return scope_set_far_ends(following->scope, not_internet, own, error);
}

static bool is_present(const Following *following, const Pattern *pattern)
{
	const GPtrArray *links = namespaces_links(following->namespaces);

	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];

		if (pattern_matches(pattern, link->netns, link->name))
			return true;
	}
	return false;
}

GPtrArray *following_awaited(const Following *following)
{
	GPtrArray *awaited = g_ptr_array_new();

	for (guint i = 0; i < following->config->interfaces->len; i++) {
		const InterfaceConfig *item = following->config->interfaces->pdata[i];

		if (pattern_is_name(item->match) && !is_present(following, item->match))
			g_ptr_array_add(awaited, (gpointer)pattern_text(item->match));
	}
	return awaited;
}

static void say_awaited(Following *following)
{
	g_autoptr(GPtrArray) awaited = following_awaited(following);
	g_autoptr(GHashTable) said = following->awaited;

	following->awaited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < awaited->len; i++) {
		if (!g_hash_table_contains(said, awaited->pdata[i]))
			g_message("%s: no such interface yet, waiting for it",
				  (const char *)awaited->pdata[i]);
		g_hash_table_add(following->awaited, g_strdup(awaited->pdata[i]));
	}
}

static void detach_unwanted(Following *following, const GArray *all)
{
	const GPtrArray *points = observation_points(following->observation);

	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];

		if (!find_wanted(all, point->interface))
			detach(following, point->interface);
	}
}

/* Faults are of interfaces that are wanted, or of namespaces. */
static bool is_of_present(const Following *following, const GArray *all, const char *name)
{
	for (guint i = 0; i < all->len; i++) {
		const Link *link = g_array_index(all, Wanted, i).spec.link;
		g_autofree char *full = interface_name(link->netns, link->name);

		if (!strcmp(full, name))
			return true;
	}
	return g_hash_table_contains(namespaces_faults(following->namespaces), name);
}

static void forget_faults(Following *following, const GArray *all)
{
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, following->faults);
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		if (!is_of_present(following, all, name))
			g_hash_table_iter_remove(&iter);
	}
}

static void note_faults_of_namespaces(Following *following)
{
	GHashTableIter iter;
	gpointer name, reason;

	g_hash_table_iter_init(&iter, namespaces_faults(following->namespaces));
	while (g_hash_table_iter_next(&iter, &name, &reason))
		note_fault(following, name, reason);
}

static void update(Following *following)
{
	g_autoptr(GArray) all = wanted_interfaces(following);
	g_autoptr(GError) error = NULL;

	if (!set_far_ends(following, all, &error) || !set_homes(following, &error))
		g_warning("%s", error->message);
	for (guint i = 0; i < all->len; i++)
		attach_or_note(following, all, &g_array_index(all, Wanted, i));
	detach_unwanted(following, all);
	forget_faults(following, all);
	note_faults_of_namespaces(following);
	say_awaited(following);
}

bool following_update(Following *following)
{
	following->bared = false;
	following->changed = false;
	update(following);
	while (namespaces_leave(following->namespaces))
		update(following);
	return following->changed;
}

static bool is_by_hand(const Following *following, const Point *point)
{
	const InterfaceConfig *how;

	return handlist_find(following->by_hand, point->netns, point->name, &how) && how;
}

bool following_detach(Following *following)
{
	const GPtrArray *points = observation_points(following->observation);
	bool any_stays = false;

	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];

		if (point->attached && is_by_hand(following, point))
			any_stays = true;
		else
			detach(following, point->interface);
	}
	return any_stays;
}

static bool attach_by_hand(Following *following, const Link *link, const InterfaceConfig *how,
			   ByHand options, bool *changed, GError **error)
{
	g_autoptr(GArray) all = wanted_interfaces(following);
	const Point *point = observation_find(following->observation, link->id);
	Wanted wanted = make_wanted(following->config, link, how);

	wanted.spec.replace = options.replace;
	*changed = !point || !observation_is(point, &wanted.spec);
	if (wanted.obstacle) {
		error_set(error, "%s: %s", link->name, wanted.obstacle);
		return false;
	}
	return options.dry || attach(following, all, &wanted, error);
}

static bool is_meant(const Point *point, ByHand options)
{
	return (!options.priority || point->hooks.priority[HOOK_INGRESS] == options.priority) &&
	       (!options.handle || point->hooks.handle == options.handle);
}

static void detach_by_hand(Following *following, const Link *link, ByHand options, bool *changed)
{
	const Point *point = observation_find(following->observation, link->id);

	*changed = point && point->attached && is_meant(point, options);
	if (*changed && !options.dry)
		detach(following, link->id);
}

bool following_by_hand(Following *following, const Link *link, const InterfaceConfig *how,
		       ByHand options, bool *changed, GError **error)
{
	observation_resume(following->observation, link->id);
	if (!how)
		detach_by_hand(following, link, options, changed);
	else if (!attach_by_hand(following, link, how, options, changed, error))
		return false;
	if (!options.dry && (how || *changed))
		handlist_set(following->by_hand, link->netns, link->name, how);
	return true;
}

HandList *following_hand_list(Following *following)
{
	return following->by_hand;
}

bool following_wants_netns(const Following *following, const char *netns)
{
	return handlist_names_netns(following->by_hand, netns) ||
	       config_matches_netns(following->config, netns);
}

static void set_quiet(gpointer key, gpointer value, gpointer user_data)
{
	Draining *draining = value;

	(void)key;
	(void)user_data;
	draining->quiet = true;
}

bool following_is_draining(const Following *following)
{
	return g_hash_table_size(following->draining);
}

void following_read_before(Following *following)
{
	const GPtrArray *points = observation_points(following->observation);

	g_hash_table_foreach(following->draining, set_quiet, NULL);
	g_hash_table_remove_all(following->before);
	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];
		Before before = { .interface = point->interface };
		Before *kept;

		if (!namespaces_read_counters(following->namespaces, point->interface,
					      &before.counters, NULL))
			continue;
		kept = g_memdup2(&before, sizeof(before));
		g_hash_table_insert(following->before, &kept->interface, kept);
	}
}

/* What the interface counted around the moment up to which the quiet generation counts. */
static bool link_bounds(Following *following, const Point *point, LinkBounds *bounds)
{
	Draining *draining = g_hash_table_lookup(following->draining, &point->interface);
	const Before *before = g_hash_table_lookup(following->before, &point->interface);
	LinkCounters after;

	if (draining) {
		draining->read = draining->quiet;
		*bounds = draining->link;
		return draining->has_link;
	}
	if (!point->attached ||
	    !namespaces_read_counters(following->namespaces, point->interface, &after, NULL))
		return false;
	/* Where an earlier agent advanced the generation, what it read then went with it. */
	*bounds = bounds_between(before ? &before->counters : &after, &after);
	return true;
}

/* From here on the interface goes by its new name: one account ends where the other begins. */
static void rename_point(Following *following, const Point *point, const LinkBounds *bounds)
{
	ledger_detach(following->ledger, point->report_name, point->interface);
	observation_rename(following->observation, point->interface);
	ledger_attach(following->ledger, point->report_name, point->interface, bounds);
}

void following_count(Following *following, uint64_t interface, const struct ledger_sheet *sheets)
{
	const Point *point = observation_find(following->observation, interface);
	bool silent = !sheets[HOOK_INGRESS].seen.frames && !sheets[HOOK_EGRESS].seen.frames;
	LinkBounds bounds;
	bool has_link = link_bounds(following, point, &bounds);

	ledger_add(following->ledger, point->report_name, interface, sheets,
		   has_link ? &bounds : NULL);
	/* An interface that is gone has no hooks; the event that tells so is on its way. */
	if (!point->attached || !has_link)
		return;
	if (point->next_name != point->report_name)
		rename_point(following, point, &bounds);
	if (silent && !observation_check(following->observation, interface)) {
		g_autofree char *name = interface_name(point->netns, point->name);

		ledger_detach(following->ledger, point->report_name, interface);
		note_fault(following, name, "our programs have been removed");
		following->bared = true;
	}
}

static gboolean remove_if_read(gpointer key, gpointer value, gpointer user_data)
{
	const Draining *draining = value;
	Following *following = user_data;

	(void)key;
	if (!draining->read)
		return FALSE;
	forget(following, observation_find(following->observation, draining->interface));
	return TRUE;
}

void following_forget(Following *following)
{
	g_hash_table_foreach_remove(following->draining, remove_if_read, following);
}

bool following_is_bared(const Following *following)
{
	return following->bared;
}

GHashTable *following_faults(const Following *following)
{
	return following->faults;
}
