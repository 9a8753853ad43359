/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a filter can ask of a flow: the terms, which fields of a flow they are about, and what may be
 * compared with them. The grammar around them is flowfilter's.
 *
 * No name is looked up in the system: names of protocols and ports are those of the tables here.
 */
#ifndef FLOWTALLY_FLOWTERMS_H
#define FLOWTALLY_FLOWTERMS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "flows.h"

typedef uint64_t (*FlowReader)(const FlowRecord *flow);

typedef struct FlowKind FlowKind;

/* How much of a word that is not understood comes back in the error. */
#define FLOWTERM_SHOWN_MAX 40

#define FLOW_TERM_WORDS 3
#define FLOW_TERM_FIELDS 2

typedef struct {
	const char *words[FLOW_TERM_WORDS]; /* the first is its name in messages */
	const FlowKind *kind;
	bool has_sides; /* its fields are the source's and the destination's, and can be told apart */
	FlowReader read[FLOW_TERM_FIELDS]; /* of a number; the second may be NULL */
	FlowReader applies;		   /* 0: the flow has no such thing; NULL: all have it */
	uint64_t max;			   /* of a number */
} FlowTerm;

typedef enum {
	FLOW_IS, /* where no operator is written */
	FLOW_EQUAL,
	FLOW_NOT_EQUAL, /* compiled as FLOW_EQUAL; the caller negates */
	FLOW_LESS,
	FLOW_LESS_OR_EQUAL,
	FLOW_GREATER,
	FLOW_GREATER_OR_EQUAL,
} FlowComparison;

/* A number fits if it is, by the mask, from low to high; an address if it is, by the mask, these bits. */
typedef union {
	struct {
		uint64_t mask;
		uint64_t low;
		uint64_t high;
	} number;
	struct {
		uint64_t mask[ADDRESS_LEN / sizeof(uint64_t)];
		uint64_t bits[ADDRESS_LEN / sizeof(uint64_t)];
		uint8_t ip_version;
	} address;
} FlowValue;

/* Appends to @indexes, of uint32_t, the number of each interface that @name means. */
typedef void (*FlowInterfaces)(const char *name, GArray *indexes, void *user_data);

/* In any case; NULL: there is none. */
const FlowTerm *flowterm_find(const char *word);

/* "tcp" alone is "proto tcp": the term of which @name says all; NULL: there is none. */
const FlowTerm *flowterm_find_alone(const char *name);

bool flowterm_is_address(const FlowTerm *term);
bool flowterm_is_ordered(const FlowTerm *term);	 /* less and greater mean something */
bool flowterm_may_be_bare(const FlowTerm *term); /* without a value: it is not 0 */
bool flowterm_is_of_many(const FlowTerm *term);	 /* a single packet has no such thing */

/*
 * Appends what @text means for @term to @values, of FlowValue: any of them. @interfaces may be NULL: then they
 * have numbers only. The error repeats @text as it is, or its beginning.
 */
bool flowterm_parse(const FlowTerm *term, FlowComparison comparison, const char *text,
		    FlowInterfaces interfaces, void *user_data, GArray *values, GError **error);

/* What is not 0. */
FlowValue flowterm_any_value(void);

/* By which a filter may call it; NULL: it has no name here. */
const char *flowterm_protocol_name(uint8_t protocol);

/* The letters of the flags that are set, from the lowest bit on; @text is returned. */
#define FLOWTERM_FLAGS 8
const char *flowterm_flags_text(uint64_t set, char text[FLOWTERM_FLAGS + 1]);

/* Whether the key of a flow of this protocol has ports; ICMP's type and code are none. */
bool flowterm_has_ports(uint8_t protocol);

/* The names of all terms, "host, port, ..."; the caller's. */
char *flowterm_list(void);

#endif
