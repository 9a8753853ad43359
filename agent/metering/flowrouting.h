/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which way the packets of flows go, as the routes of the namespaces say in which they were seen. What is
 * told of a flow is what the routes say when its record leaves, not when its packets went.
 */
#ifndef FLOWTALLY_FLOWROUTING_H
#define FLOWTALLY_FLOWROUTING_H

#include <stddef.h>

#include <glib.h>

#include "accounts/flows.h"
#include "kernel/namespaces.h"
#include "observation.h"

typedef struct FlowRouting FlowRouting;

/* Both are borrowed; @points, of Point, are what they are at each call. */
FlowRouting *flow_routing_new(const GPtrArray *points, const Namespaces *namespaces);
void flow_routing_free(FlowRouting *routing);

/* To each of the @n flows its FlowRoute: for many at a time, as each call looks what has changed. */
void flow_routing_find(FlowRouting *routing, const FlowRecord *flows, size_t n, FlowRoute *found);

/* Leaves the namespaces in which nothing is attached any more, which would live on for us. */
void flow_routing_tidy(FlowRouting *routing);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlowRouting, flow_routing_free)

#endif
