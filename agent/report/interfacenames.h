/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interfaces of flows by number and by name: those that are metered, by their names in reports, and the others of
 * the agent's own namespace, by which packets come and go, too.
 */
#ifndef FLOWTALLY_INTERFACENAMES_H
#define FLOWTALLY_INTERFACENAMES_H

#include <stdint.h>

#include <glib.h>

#include "view.h"

typedef struct InterfaceNames InterfaceNames;

/* As they are now. */
InterfaceNames *interface_names_new(const View *view);
void interface_names_free(InterfaceNames *names);

/* As documents write it (text_escape()); NULL: it is not known. Borrowed. */
const char *interface_names_get(const InterfaceNames *names, uint32_t index);

/*
 * For flowfilter_new(), with an InterfaceNames: @name is one in reports or an interface's own, as it is or as
 * documents write it.
 */
void interface_names_find(const char *name, GArray *indexes, void *names);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(InterfaceNames, interface_names_free)

#endif
