/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BPF programs of one interface, loaded with the maps which all share. Once they are attached the
 * kernel holds them, and the object here may go. Needs CAP_BPF and CAP_NET_ADMIN.
 */
#ifndef FLOWTALLY_CLASSIFIER_H
#define FLOWTALLY_CLASSIFIER_H

#include <stdint.h>

#include <glib.h>

#include "records.h"

typedef struct Classifier Classifier;

/* The maps of a classifier. */
typedef enum {
	CLASSIFIER_CONTROL,
	CLASSIFIER_HOSTS,
	CLASSIFIER_MACS,
	CLASSIFIER_FLOWS_IPV4,
	CLASSIFIER_FLOWS_IPV6,
	CLASSIFIER_FRAGMENTS,
	CLASSIFIER_PAIRS,
	CLASSIFIER_STAMPS,
	CLASSIFIER_LOCAL_PREFIXES,
	CLASSIFIER_SCOPE_PREFIXES,
	CLASSIFIER_SCOPE_HINTS,
	CLASSIFIER_LEDGER, /* of this interface alone */
	CLASSIFIER_MAPS,
} ClassifierMap;

/* Which packets are counted to flows, where these are metered. */
typedef struct {
	uint32_t one_of; /* 1: all; 0: the same */
	uint32_t of;	 /* enum flow_sampling */
	uint64_t seed;	 /* of SAMPLE_FLOWS */
} FlowSampling;

/* What is fixed in the program when it is loaded. */
typedef struct {
	uint32_t home;	  /* scope_home() */
	uint16_t number;  /* of the point, below POINT_NUMBERS */
	uint8_t side;	  /* enum side */
	uint8_t layer;	  /* enum link_layer */
	uint8_t meter;	  /* of enum meter */
	uint8_t flows_at; /* of enum flows_at */
	uint8_t flow_key; /* of enum flow_key_part */
	FlowSampling sampling;
} ClassifierPoint;

Classifier *classifier_load(const ClassifierPoint *point, const int maps[CLASSIFIER_MAPS],
			    GError **error);
void classifier_free(Classifier *classifier);

int classifier_program_fd(const Classifier *classifier, enum hook hook); /* borrowed */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Classifier, classifier_free)

#endif
