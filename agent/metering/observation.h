/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observation Points (RFC 5470): the interfaces that our classifier is attached to, at ingress and at
 * egress.
 *
 * A classifier belongs to the kernel, not to the process: it goes on counting when the agent ends, and
 * the next agent replaces it in place, without missing a frame.
 */
#ifndef FLOWTALLY_OBSERVATION_H
#define FLOWTALLY_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "kernel/cache.h"
#include "kernel/hooks.h"
#include "kernel/links.h"
#include "kernel/namespaces.h"
#include "kernel/offload.h"
#include "records.h"
#include "kernel/scope.h"
#include "base/totals.h"

typedef struct Observation Observation;

/* What a point meters, in the words of records.h. */
typedef struct {
	uint8_t meter;	     /* of enum meter */
	uint8_t flows_at;    /* of enum flows_at */
	uint8_t flow_key;    /* of enum flow_key_part */
	uint8_t sampling_of; /* enum flow_sampling */
	uint32_t sampling;   /* one of so many */
} PointMeter;

typedef struct {
	uint64_t interface;	 /* interface_id() */
	uint32_t report_index;	 /* cache_report_index() */
	char name[16];		 /* the interface's own */
	const char *netns;	 /* of its namespace, "": the agent's own; interned */
	char kind[16];		 /* Link.kind */
	const char *report_name; /* `alias`, or the name with that of the namespace; interned */
	const char *next_name;	 /* the report name from the next sweep on */
	enum side side;
	enum link_layer layer;
	PointMeter meter;
	Hooks hooks;
	bool attached;	   /* both of them */
	int before[HOOKS]; /* programs of others that come first, at the last look; -1: not known */
	OffloadSet offloads; /* what else keeps packets from our hooks, at the last look */
	bool adopted;	     /* an earlier agent had attached it, and it was counting */
} Point;

/* How a point is to be. */
typedef struct {
	const Link *link;
	const char *report_name;
	enum side side;
	enum link_layer layer;
	PointMeter meter;
	HooksOptions hooks;
	bool replace; /* the programs, even if nothing else would change */
} PointSpec;

/* The links of tcx are pinned in @pins, for which maps_prepare() has been called. All are borrowed. */
Observation *observation_new(Cache *cache, const Scope *scope, const Namespaces *namespaces,
			     const char *pins);

/* Leaves the classifiers where they are. */
void observation_free(Observation *observation);

/*
 * Makes a point for @link, if there is none, which is not attached yet; with it comes the number by which
 * the prefixes of its hosts are set. NULL with @error set.
 */
const Point *observation_prepare(Observation *observation, const Link *link,
				 const char *report_name, GError **error);
uint16_t observation_number(const Observation *observation, const Point *point);

/* Whether its programs are by the hook that @spec asks for; else it is to be detached first. */
bool observation_is_by(const Point *point, const PointSpec *spec);

/* Whether observation_attach() would change anything. */
bool observation_is(const Point *point, const PointSpec *spec);

/*
 * Attaches a point that has been prepared, or takes over what is attached there by the right hook, or changes
 * what stands until it is as @spec says; NULL with @error set if any of it fails. The report name becomes its next_name.
 */
const Point *observation_attach(Observation *observation, const PointSpec *spec, GError **error);

/* A point of which nothing is known but its ledger: its file of sums is lost. */
void observation_adopt(Observation *observation, uint64_t interface, const Link *link,
		       const char *report_name);

/* Looks whether both our programs are still in place; a point that somebody has bared is not attached
 * any more. */
bool observation_check(Observation *observation, uint64_t interface);

/* What an earlier agent has attached, and is in place, counts as attached, though its programs may be older
 * than we are: for those who only add to it. */
void observation_resume(Observation *observation, uint64_t interface);

/* Looks what comes before our programs at all points. */
void observation_look(Observation *observation);
void observation_set_offloads(Observation *observation, uint64_t interface, OffloadSet offloads);

/* All was counted that was to go by the present name: next_name becomes report_name. */
void observation_rename(Observation *observation, uint64_t interface);

/* The programs go, and the qdisc if it is ours and empty. What the hooks have counted stays to be read. */
bool observation_detach(Observation *observation, uint64_t interface, GError **error);

/* Forgets a point that is not attached, with its ledger. */
void observation_remove(Observation *observation, uint64_t interface);

const GPtrArray *observation_points(const Observation *observation); /* of Point */
const Point *observation_find(const Observation *observation, uint64_t interface);
const Point *observation_find_by_report_index(const Observation *observation, uint32_t index);

/* Points that are loaded count as not attached until observation_attach() or _resume() finds them so. */
void observation_save(const Observation *observation, TotalsWriter *writer);
bool observation_load(Observation *observation, TotalsReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Observation, observation_free)

#endif
