/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hosts have used, added up by what tells them apart: from the list of hosts as hostlist.h makes
 * it, on the side of whoever asks.
 */
#ifndef FLOWTALLY_GROUPING_H
#define FLOWTALLY_GROUPING_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>
#include <jansson.h>

typedef enum {
	GROUP_DEVICE,
	GROUP_ADDRESS,
	GROUP_INTERFACE,
	GROUP_FAMILY,
	GROUP_SCOPE,
	GROUP_KEYS,
} GroupKey;

extern const char *const group_key_names[GROUP_KEYS];

typedef struct {
	GroupKey keys[GROUP_KEYS]; /* each once, in the order asked for */
	size_t n;
} Grouping;

/* "device,scope" */
bool grouping_parse(Grouping *grouping, const char *text, GError **error);

/*
 * A new list of objects: a member for each key, null where a host has none; for GROUP_DEVICE its `name`, too, else
 * `name` is the first key's value; and download, upload, first_seen and last_seen as hosts have them.
 */
json_t *grouping_apply(const Grouping *grouping, const json_t *hosts);

#endif
