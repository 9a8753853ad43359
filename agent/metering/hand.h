/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `flowtally attach` and `detach` ask for, by hand: which interfaces, and how. It is done by the
 * running agent, to which it goes as one line of JSON, or without one by the command itself.
 *
 * The answer is {"results": [{"interface", "hook", "changed"} ...]}, with "fault" where it could not go on.
 */
#ifndef FLOWTALLY_HAND_H
#define FLOWTALLY_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

#include "config/config.h"
#include "metering.h"
#include "kernel/namespaces.h"

typedef struct {
	bool detach;
	bool dry;	     /* nothing is done */
	bool force;	     /* programs are loaded anew */
	GPtrArray *names;    /* of char *: [NETNS:]NAME, a name, glob or regular expression */
	InterfaceConfig how; /* without match and exclude; unused where it detaches */
} HandRequest;

void hand_request_init(HandRequest *request);
void hand_request_done(HandRequest *request);

/* The line, the caller's to free; and back. */
#define HAND_REQUEST_PREFIX "by-hand "
char *hand_request_write(const HandRequest *request);
bool hand_request_read(HandRequest *request, const char *line, GError **error);

/* Whether an interface of the namespace may be meant. */
bool hand_request_names_netns(const HandRequest *request, const char *netns);

/* @namespaces are those that metering_wants_netns() and hand_request_names_netns() ask for. A new
 * reference. */
json_t *hand_serve(const HandRequest *request, Metering *metering, const Namespaces *namespaces);

#endif
