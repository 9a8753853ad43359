/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the routes of a network namespace say about packets: the length of the prefix that decides, and the
 * next hop. The kernel itself decides, by RTM_GETROUTE of rtnetlink(7), with its rules and tables.
 *
 * Its answers are kept, some ten thousand at most, until any route, rule, address or interface of the
 * namespace changes. It answers while it is being asked, so nothing is waited for.
 */
#ifndef FLOWTALLY_ROUTES_H
#define FLOWTALLY_ROUTES_H

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "netns.h"
#include "records.h"

typedef struct Routes Routes;

/* IPv4 addresses are mapped. Compared bytewise. */
typedef struct {
	uint8_t destination[ADDRESS_LEN];
	uint8_t source[ADDRESS_LEN]; /* obeyed for packets that come in */
	uint32_t ingress;	     /* ifindex; 0: the packets are our own */
	uint32_t egress; /* ifindex: which of several paths it is; 0: that is not known */
	uint32_t mark;
	uint8_t ip_version; /* 4 or 6 */
	uint8_t reserved[3];
} RouteQuery;
_Static_assert(sizeof(RouteQuery) == 48, "a RouteQuery has no holes");

typedef struct {
	uint8_t next_hop[ADDRESS_LEN]; /* zero: there is none, or it is one of several */
	uint8_t length;		       /* of the prefix in bits; 0 also where there is no route */
} Route;

/* @netns is borrowed for the call. */
Routes *routes_new(const Netns *netns, GError **error);
void routes_free(Routes *routes);

/* To each of the @n queries its Route. */
void routes_find(Routes *routes, const RouteQuery *queries, size_t n, Route *found);

/* How often the kernel was asked. */
uint64_t routes_asked(const Routes *routes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Routes, routes_free)

#endif
