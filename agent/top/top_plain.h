/* SPDX-License-Identifier: Apache-2.0 */
/* What `flowtally top` prints where there is no screen: a table, a JSON document or CSV. */
#ifndef FLOWTALLY_TOP_PLAIN_H
#define FLOWTALLY_TOP_PLAIN_H

#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "top_columns.h"
#include "top_model.h"

/* The first @limit devices, and the sums of all. A new reference. */
json_t *top_plain_document(const TopModel *model, size_t limit);

/* @width is that of the terminal, 0: there is none. */
void top_plain_table(const TopModel *model, size_t limit, const TopUnits *units, FILE *file,
		     size_t width);
void top_plain_csv(const TopModel *model, size_t limit, bool with_head, FILE *file);

/* "3 devices". The caller's to free. */
char *top_plain_devices(const TopState *state);

/* "14:02:11", local time. The caller's to free. */
char *top_plain_time(const TopState *state);

#endif
