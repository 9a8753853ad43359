/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filter expressions over flows, such as "src net 10.0.0.0/8 and (tcp port 443 or bytes > 1M)": those of
 * tcpdump and nfdump as far as they concern a flow. The words are flowterms'.
 *
 *     or      = and { "or" and }
 *     and     = not { "and" not }
 *     not     = { "not" } ( "(" or ")" | { alone } ( term | alone ) )
 *     term    = [ side ] word [ comparison | "in" ] ( value | "[" value { [ "," ] value } "]" )
 *     side    = "src" | "dst" | "src or dst" | "src and dst"
 *     alone   = the name of a protocol or of a family
 *
 * "and" binds stronger than "or", as nfdump has it and tcpdump has not. A value without a word belongs to
 * the word before, or is an address. A term of two fields without a side is about either of them; "A != B" is
 * "not A = B"; a term is false of flows that have no such thing.
 *
 * A text may come from anybody: its length, its depth and the number of its conditions are bounded, and
 * so is the time that a flow takes, to which nothing is allocated.
 */
#ifndef FLOWTALLY_FLOWFILTER_H
#define FLOWTALLY_FLOWFILTER_H

#include <stdbool.h>

#include <glib.h>

#include "flows.h"
#include "flowterms.h"

#define FLOWFILTER_TEXT_MAX 4096
#define FLOWFILTER_DEPTH_MAX 32
#define FLOWFILTER_CONDITIONS_MAX 256 /* comparisons of one value with one field */

typedef struct FlowFilter FlowFilter;

/*
 * @interfaces says which numbers the names of interfaces have, and is not asked again later; see flowterm_parse().
 * An error is one printable line that says where: "at COLUMN: ...", from 1 in octets.
 */
FlowFilter *flowfilter_new(const char *text, FlowInterfaces interfaces, void *user_data,
			   GError **error);

/* The same for flows that are a single packet each: what such a one does not have is an error, too. */
FlowFilter *flowfilter_new_of_packets(const char *text, FlowInterfaces interfaces, void *user_data,
				      GError **error);
void flowfilter_free(FlowFilter *filter);

bool flowfilter_matches(const FlowFilter *filter, const FlowRecord *flow);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlowFilter, flowfilter_free)

#endif
