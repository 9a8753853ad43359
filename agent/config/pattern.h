/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interfaces are meant: [NETNS:]NAME.
 *
 * NAME is the name of an interface, a glob (glob(7)), or a regular expression (PCRE) behind "~", which
 * must match the whole name. NETNS is the name of a network namespace as `ip netns` gives it, or a glob;
 * without it interfaces of the agent's own namespace are meant. `lo` is meant only by its name, never
 * by a glob or an expression.
 */
#ifndef FLOWTALLY_PATTERN_H
#define FLOWTALLY_PATTERN_H

#include <stdbool.h>

#include <glib.h>

typedef struct Pattern Pattern;

/* The error's message is the reason alone. */
Pattern *pattern_new(const char *text, GError **error);
void pattern_free(Pattern *pattern);

const char *pattern_text(const Pattern *pattern); /* as it was given */

/* @netns is "" for the agent's own namespace. */
bool pattern_matches(const Pattern *pattern, const char *netns, const char *name);

/* Whether interfaces of the namespace can be meant at all. */
bool pattern_matches_netns(const Pattern *pattern, const char *netns);

/* Whether it names one interface, which may be waited for. */
bool pattern_is_name(const Pattern *pattern);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pattern, pattern_free)

#endif
