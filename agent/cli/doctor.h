/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this kernel and machine offer: each thing that flowtally needs or would like is tried out, in a way
 * that changes nothing.
 */
#ifndef FLOWTALLY_DOCTOR_H
#define FLOWTALLY_DOCTOR_H

#include <stdbool.h>

#include <glib.h>

#include "config/config.h"

typedef enum {
	CHECK_VALID,
	CHECK_INVALID,	     /* it does not work as it is, or not with our privileges */
	CHECK_NOT_INSTALLED, /* it is not there */
	CHECK_STATES,
} CheckState;

extern const char *const check_state_names[CHECK_STATES]; /* VALID, INVALID, NOT-INSTALLED */

typedef struct {
	const char *name;
	bool required; /* without it the agent does not meter */
	CheckState state;
	char *found;	     /* what there is, or why it fails */
	const char *follows; /* if it is not valid */
} Check;

/* @config may be NULL: it has errors. The caller's to unref. */
GPtrArray *doctor_examine(const Config *config); /* of Check */

/* Whether all that is required is valid. */
bool doctor_is_fit(const GPtrArray *checks);

#endif
