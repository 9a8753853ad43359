/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last Flow Records that have left the Flow Cache, for whoever wants to see each as it leaves. They have numbers
 * that go on, from 0, so that it is known which were overwritten before they were seen.
 *
 * There is memory for them only while somebody wants them: of the others there is the number alone.
 */
#ifndef FLOWTALLY_FLOWTAIL_H
#define FLOWTALLY_FLOWTAIL_H

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "flows.h"

typedef struct FlowTail FlowTail;

FlowTail *flow_tail_new(void);
void flow_tail_free(FlowTail *tail);

/* From now on up to @max records are kept, of sizeof(FlowRecord) octets each; what is kept stays. 0: none. */
void flow_tail_set_max(FlowTail *tail, uint32_t max);

void flow_tail_add(FlowTail *tail, const FlowRecord *records, size_t n);

/* Of the oldest that is kept, and of the next that will come; the same where none is kept. */
uint64_t flow_tail_first(const FlowTail *tail);
uint64_t flow_tail_end(const FlowTail *tail);

/* @number is from the first to before the end. Borrowed until the tail changes. */
const FlowRecord *flow_tail_get(const FlowTail *tail, uint64_t number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlowTail, flow_tail_free)

#endif
