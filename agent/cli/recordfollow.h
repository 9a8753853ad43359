/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing each Flow Record as it leaves the agent's Flow Cache: the agent is asked again and again for those that have
 * left since, at once where there are more, until it is enough, it does not answer, SIGINT or SIGTERM comes, or nobody
 * reads standard output any more.
 *
 * What the agent has overwritten before it was asked for is said on standard error.
 */
#ifndef FLOWTALLY_RECORDFOLLOW_H
#define FLOWTALLY_RECORDFOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "flowprinter.h"

/* @filter may be NULL; @count: how many are enough, UINT32_MAX: never. False if the agent did not answer, or is another
 * one. In the default main context. */
bool record_follow(const char *path, const char *filter, uint32_t count, FlowPrinter *printer,
		   GError **error);

#endif
