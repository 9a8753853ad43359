/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BPF program of one interface, loaded with the maps which all share. Once it is attached the kernel
 * holds it, and the object here may go.
 */
#ifndef FLOWTALLY_CLASSIFIER_H
#define FLOWTALLY_CLASSIFIER_H

#include <stdint.h>

#include <glib.h>

#include "cache.h"
#include "records.h"
#include "scope.h"

typedef struct Classifier Classifier;

/* Makes the ledger of @ifindex if it is not there. */
Classifier *classifier_load(Cache *cache, const Scope *scope, uint32_t ifindex, enum side side,
			    GError **error);
void classifier_free(Classifier *classifier);

int classifier_program_fd(const Classifier *classifier, enum hook hook); /* borrowed */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Classifier, classifier_free)

#endif
