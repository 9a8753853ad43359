/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was said by hand of interfaces, which holds against the configuration for as long as the hooks are
 * there: that they are attached, and how, or that they are left alone.
 */
#ifndef FLOWTALLY_HANDLIST_H
#define FLOWTALLY_HANDLIST_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "config/config.h"
#include "base/totals.h"

typedef struct HandList HandList;

HandList *handlist_new(void);
void handlist_free(HandList *list);

/* @how as for config_match_interface(), without match and exclude; copied. NULL: it is left alone. */
void handlist_set(HandList *list, const char *netns, const char *name, const InterfaceConfig *how);

/* Whether anything was said of the interface; then @how is what, or NULL, and borrowed. */
bool handlist_find(const HandList *list, const char *netns, const char *name,
		   const InterfaceConfig **how);

/* Whether an interface of the namespace is attached by hand. */
bool handlist_names_netns(const HandList *list, const char *netns);

/* Whether any of them is attached for flows. */
bool handlist_meters_flows(const HandList *list);

/* The largest limit that was asked for; 0: none was. */
uint32_t handlist_limit(const HandList *list);

void handlist_save(const HandList *list, TotalsWriter *writer);
bool handlist_load(HandList *list, TotalsReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HandList, handlist_free)

#endif
