/* SPDX-License-Identifier: Apache-2.0 */
#include "following.h"

#include <net/if_arp.h>
#include <string.h>

/* A point whose hooks have gone, until the sweep that reads what they had counted. */
typedef struct {
	bool has_link; /* the interface could be read then */
	bool quiet; /* the generation has advanced since: what they had counted is in a quiet one */
	bool read;  /* and that has been read */
	LinkBounds link;
} Draining;

struct Following {
	const Config *config;
	Links *links;
	Scope *scope;
	Observation *observation;
	Ledger *ledger;
	GHashTable *draining; /* ifindex -> Draining */
	GHashTable *before;   /* ifindex -> LinkCounters before the generation advanced */
	GHashTable *faults;   /* interface name -> message */
	GHashTable *awaited;  /* set of names that have been said to be awaited */
	bool bared;	      /* somebody has removed filters of ours */
	bool changed;	      /* a point has, by the present update */
};

static GHashTable *table_by_ifindex(void)
{
	return g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
}

Following *following_new(const Config *config, Links *links, Observation *observation, Scope *scope,
			 Ledger *ledger)
{
	Following *following = g_new0(Following, 1);

	following->config = config;
	following->links = links;
	following->observation = observation;
	following->scope = scope;
	following->ledger = ledger;
	following->draining = table_by_ifindex();
	following->before = table_by_ifindex();
	following->faults = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	following->awaited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
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

static bool has_ethernet_header(const Link *link)
{
	return link->arp_type == ARPHRD_ETHER || link->arp_type == ARPHRD_LOOPBACK;
}

/* An interface that is to be metered. */
typedef struct {
	const Link *link;
	const char *report_name;
	enum side side;
	const char *obstacle; /* why it cannot be, NULL: it can */
} Wanted;

/* A wildcard may match more than can be metered; what is named and cannot be is a fault. */
static void add_if_wanted(GArray *all, const Link *link, const InterfaceConfig *item)
{
	bool possible = has_ethernet_header(link);
	const Wanted wanted = {
		.link = link,
		.report_name = item->alias ? item->alias : link->name,
		.side = choose_side(item, link),
		.obstacle = possible ? NULL : "its frames have no Ethernet header: not metered",
	};

	if (possible || !strcmp(item->match, link->name))
		g_array_append_val(all, wanted);
}

static GArray *wanted_interfaces(const Following *following)
{
	const GPtrArray *links = links_all(following->links);
	GArray *all = g_array_new(FALSE, FALSE, sizeof(Wanted));

	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];
		const InterfaceConfig *item = config_match_interface(following->config, link->name);

		if (item)
			add_if_wanted(all, link, item);
	}
	return all;
}

static bool is_wanted(const GArray *all, uint32_t ifindex)
{
	for (guint i = 0; i < all->len; i++) {
		if (g_array_index(all, Wanted, i).link->ifindex == ifindex)
			return true;
	}
	return false;
}

static void say_attached(const Point *point, bool was_attached)
{
	const char *what = was_attached ? "changed" : point->adopted ? "taken over" : "metering";

	g_message("%s: %s, side %s%s%s", point->name, what, point->side == SIDE_LAN ? "lan" : "wan",
		  strcmp(point->name, point->next_name) ? ", reported as " : "",
		  strcmp(point->name, point->next_name) ? point->next_name : "");
}

/* The ledger of an interface opens when its hooks begin to count. */
static void open_ledger(Following *following, const Point *point, const LinkBounds *bounds)
{
	static const struct ledger_sheet nothing[HOOKS];
	uint32_t ifindex = point->ifindex;
	const Draining *draining =
		g_hash_table_lookup(following->draining, GUINT_TO_POINTER(ifindex));

	/* It had been detached and comes back before the sweep: that account is closed first. */
	if (draining && draining->has_link)
		ledger_add(following->ledger, point->report_name, ifindex, nothing,
			   &draining->link);
	if (!point->adopted || !ledger_is_attached(following->ledger, point->report_name, ifindex))
		ledger_attach(following->ledger, point->report_name, ifindex, bounds);
	g_hash_table_remove(following->draining, GUINT_TO_POINTER(ifindex));
}

static bool attach(Following *following, const Wanted *wanted, GError **error)
{
	uint32_t ifindex = wanted->link->ifindex;
	const Point *point = observation_find(following->observation, ifindex);
	bool was_attached = point && point->attached;
	LinkCounters before, after;
	LinkBounds bounds;

	if (was_attached && point->side == wanted->side &&
	    !strcmp(point->next_name, wanted->report_name) &&
	    !strcmp(point->name, wanted->link->name))
		return true;
	if (!links_read_counters(following->links, ifindex, &before, error))
		return false;
	point = observation_attach(following->observation, wanted->link, wanted->report_name,
				   wanted->side, error);
	if (!point || !links_read_counters(following->links, ifindex, &after, error))
		return false;
	following->changed = true;
	bounds = bounds_between(&before, &after);
	if (!was_attached)
		open_ledger(following, point, &bounds);
	say_attached(point, was_attached);
	return true;
}

static void attach_or_note(Following *following, const Wanted *wanted)
{
	const char *name = wanted->link->name;
	g_autoptr(GError) error = NULL;

	if (wanted->obstacle)
		note_fault(following, name, wanted->obstacle);
	else if (attach(following, wanted, &error))
		g_hash_table_remove(following->faults, name);
	else
		note_fault(following, name, error->message);
}

static void detach(Following *following, uint32_t ifindex)
{
	const Point *point = observation_find(following->observation, ifindex);
	bool was_attached = point->attached;
	Draining *draining;
	g_autoptr(GError) error = NULL;
	LinkCounters before, after;

	if (g_hash_table_contains(following->draining, GUINT_TO_POINTER(ifindex)))
		return;
	draining = g_new0(Draining, 1);
	draining->has_link = links_read_counters(following->links, ifindex, &before, NULL);
	if (!observation_detach(following->observation, ifindex, &error))
		note_fault(following, point->name, error->message);
	draining->has_link &= links_read_counters(following->links, ifindex, &after, NULL);
	if (draining->has_link)
		draining->link = bounds_between(&before, &after);
	g_hash_table_insert(following->draining, GUINT_TO_POINTER(ifindex), draining);
	following->changed = true;
	if (was_attached)
		g_message("%s: no longer metered", point->name);
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

		if (!wanted->obstacle && (wanted->side == SIDE_LAN || !lan_only))
			add_prefixes(prefixes, wanted->link->prefixes);
	}
}

/* hosts.local, or the interface's own prefixes; for the WAN those of the interfaces behind it, too. */
static bool set_local(Following *following, const GArray *all, const Wanted *wanted, GError **error)
{
	g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(Prefix));

	if (following->config->hosts.local_is_set)
		add_prefixes(prefixes, following->config->hosts.local);
	else if (wanted->side == SIDE_WAN)
		add_own_prefixes(prefixes, all, false);
	else
		add_prefixes(prefixes, wanted->link->prefixes);
	return scope_set_local(following->scope, wanted->link->ifindex, prefixes, error);
}

static bool set_prefixes(Following *following, const GArray *all, GError **error)
{
	g_autoptr(GArray) not_internet = g_array_new(FALSE, FALSE, sizeof(Prefix));

	add_prefixes(not_internet, following->config->hosts.not_internet);
	add_own_prefixes(not_internet, all, true);
	if (!scope_set_not_internet(following->scope, not_internet, error))
		return false;
	for (guint i = 0; i < all->len; i++) {
		if (!set_local(following, all, &g_array_index(all, Wanted, i), error))
			return false;
	}
	return true;
}

GPtrArray *following_awaited(const Following *following)
{
	GPtrArray *awaited = g_ptr_array_new();

	for (guint i = 0; i < following->config->interfaces->len; i++) {
		const InterfaceConfig *item = following->config->interfaces->pdata[i];

		if (!strpbrk(item->match, "*?[") && !links_by_name(following->links, item->match))
			g_ptr_array_add(awaited, item->match);
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

		if (!is_wanted(all, point->ifindex))
			detach(following, point->ifindex);
	}
}

static gboolean is_not_wanted(gpointer name, gpointer message, gpointer user_data)
{
	const GArray *all = user_data;

	(void)message;
	for (guint i = 0; i < all->len; i++) {
		if (!strcmp(g_array_index(all, Wanted, i).link->name, name))
			return FALSE;
	}
	return TRUE;
}

bool following_update(Following *following)
{
	g_autoptr(GArray) all = wanted_interfaces(following);
	g_autoptr(GError) error = NULL;

	following->bared = false;
	following->changed = false;
	/* First the prefixes, so that the first frame is counted right already. */
	if (!set_prefixes(following, all, &error))
		g_warning("%s", error->message);
	for (guint i = 0; i < all->len; i++)
		attach_or_note(following, &g_array_index(all, Wanted, i));
	detach_unwanted(following, all);
	g_hash_table_foreach_remove(following->faults, is_not_wanted, all);
	say_awaited(following);
	return following->changed;
}

void following_detach(Following *following)
{
	const GPtrArray *points = observation_points(following->observation);

	for (guint i = 0; i < points->len; i++)
		detach(following, ((const Point *)points->pdata[i])->ifindex);
}

static void set_quiet(gpointer key, gpointer value, gpointer user_data)
{
	Draining *draining = value;

	(void)key;
	(void)user_data;
	draining->quiet = true;
}

void following_read_before(Following *following)
{
	const GPtrArray *points = observation_points(following->observation);

	g_hash_table_foreach(following->draining, set_quiet, NULL);
	g_hash_table_remove_all(following->before);
	for (guint i = 0; i < points->len; i++) {
		const Point *point = points->pdata[i];
		g_autofree LinkCounters *counters = g_new(LinkCounters, 1);

		if (links_read_counters(following->links, point->ifindex, counters, NULL))
			g_hash_table_insert(following->before, GUINT_TO_POINTER(point->ifindex),
					    g_steal_pointer(&counters));
	}
}

/* What the interface counted around the moment up to which the quiet generation counts. */
static bool link_bounds(Following *following, const Point *point, LinkBounds *bounds)
{
	gpointer ifindex = GUINT_TO_POINTER(point->ifindex);
	Draining *draining = g_hash_table_lookup(following->draining, ifindex);
	const LinkCounters *before = g_hash_table_lookup(following->before, ifindex);
	LinkCounters after;

	if (draining) {
		draining->read = draining->quiet;
		*bounds = draining->link;
		return draining->has_link;
	}
	if (!point->attached ||
	    !links_read_counters(following->links, point->ifindex, &after, NULL))
		return false;
	/* Where an earlier agent advanced the generation, what it read then went with it. */
	*bounds = bounds_between(before ? before : &after, &after);
	return true;
}

/* From here on the interface goes by its new name: one account ends where the other begins. */
static void rename_point(Following *following, const Point *point, const LinkBounds *bounds)
{
	ledger_detach(following->ledger, point->report_name, point->ifindex);
	observation_rename(following->observation, point->ifindex);
	ledger_attach(following->ledger, point->report_name, point->ifindex, bounds);
}

void following_count(Following *following, uint32_t ifindex, const struct ledger_sheet *sheets)
{
	const Point *point = observation_find(following->observation, ifindex);
	bool silent = !sheets[HOOK_INGRESS].seen.frames && !sheets[HOOK_EGRESS].seen.frames;
	LinkBounds bounds;
	bool has_link = link_bounds(following, point, &bounds);

	ledger_add(following->ledger, point->report_name, ifindex, sheets,
		   has_link ? &bounds : NULL);
	/* An interface that is gone has no filters; the event that tells so is on its way. */
	if (!point->attached || !has_link)
		return;
	if (point->next_name != point->report_name)
		rename_point(following, point, &bounds);
	if (silent && !observation_check(following->observation, ifindex)) {
		ledger_detach(following->ledger, point->report_name, ifindex);
		note_fault(following, point->name, "our filters have been removed");
		following->bared = true;
	}
}

static void forget(Following *following, const Point *point)
{
	g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(Prefix));

	ledger_detach(following->ledger, point->report_name, point->ifindex);
	(void)scope_set_local(following->scope, point->ifindex, none, NULL);
	observation_remove(following->observation, point->ifindex);
}

static gboolean remove_if_read(gpointer key, gpointer value, gpointer user_data)
{
	const Draining *draining = value;
	Following *following = user_data;

	if (!draining->read)
		return FALSE;
	forget(following, observation_find(following->observation, GPOINTER_TO_UINT(key)));
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
