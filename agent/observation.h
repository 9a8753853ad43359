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

#include "cache.h"
#include "links.h"
#include "records.h"
#include "scope.h"
#include "totals.h"

typedef struct Observation Observation;

typedef struct {
	uint32_t ifindex;
	char name[16];		 /* the interface's own */
	const char *report_name; /* `alias`, or the same; interned */
	const char *next_name;	 /* the report name from the next sweep on */
	enum side side;
	uint32_t priority[HOOKS]; /* of our filters */
	bool attached;		  /* both hooks */
	bool made_clsact;	  /* the qdisc is ours */
	bool adopted;		  /* an earlier agent had attached it, and it was counting */
} Point;

/* Both are borrowed. */
Observation *observation_new(Cache *cache, const Scope *scope);

/* Leaves the classifiers where they are. */
void observation_free(Observation *observation);

/*
 * Attaches to @link, or takes over what is attached there, or changes @side of a point that stands;
 * NULL with @error set if any of it fails, and then nothing is attached. A point that already is as it
 * should be is left alone; @report_name becomes its next_name.
 */
const Point *observation_attach(Observation *observation, const Link *link, const char *report_name,
				enum side side, GError **error);

/* A point of which nothing is known but its ledger: its file of sums is lost. */
void observation_adopt(Observation *observation, uint32_t ifindex, const char *name,
		       const char *report_name);

/* Looks whether both our filters are still in place; a point that somebody has bared is not attached
 * any more. */
bool observation_check(Observation *observation, uint32_t ifindex);

/* All was counted that was to go by the present name: next_name becomes report_name. */
void observation_rename(Observation *observation, uint32_t ifindex);

/* The filters go, and the qdisc if it is ours and empty. What the hooks have counted stays to be read. */
bool observation_detach(Observation *observation, uint32_t ifindex, GError **error);

/* Forgets a point that is not attached, with its ledger. */
void observation_remove(Observation *observation, uint32_t ifindex);

const GPtrArray *observation_points(const Observation *observation); /* of Point */
const Point *observation_find(const Observation *observation, uint32_t ifindex);

/* Points that are loaded count as not attached until observation_attach() finds them so. */
void observation_save(const Observation *observation, TotalsWriter *writer);
bool observation_load(Observation *observation, TotalsReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Observation, observation_free)

#endif
