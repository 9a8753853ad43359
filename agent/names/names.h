/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices are called: the sources of `hosts.names`, each a file that is read again whenever it changes
 * (filewatch.h), and the registry of vendors.
 *
 * Whatever cannot be read leaves the names as they were, is said once and shown by status.
 */
#ifndef FLOWTALLY_NAMES_H
#define FLOWTALLY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "config/config.h"
#include "accounts/hosts.h"

typedef struct Names Names;

/* As of now the names of the configuration itself are known; files are read in the loop. */
Names *names_new(const Config *config);
void names_free(Names *names);

/* Sources that stay keep their names until they have been read again, which all are. */
void names_set_config(Names *names, const Config *config);

/*
 * What the host of the @n keys is called, NULL: not known; borrowed until the loop runs again. The first source that knows one of
 * its MACs or, after those, one of its addresses has it.
 */
const char *names_find(const Names *names, const struct host_key *const *keys, size_t n);

/* Who has made the device, by the registry of the IEEE; NULL: not known, also of MACs that are made up. Borrowed
 * in the same way. */
const char *names_vendor(const Names *names, const uint8_t mac[MAC_LEN]);

typedef struct {
	const char *kind;
	const char *path; /* NULL: the configuration */
	uint64_t entries; /* MACs and addresses */
	uint64_t bad_lines;
	bool reading;	   /* the next state of it is being read; the rest is of the one before */
	const char *error; /* NULL: the last reading went well */
} NamesStatus;

/* One source at a time, from 0, in their order; false past the last. Borrowed in the same way. */
bool names_status(const Names *names, size_t index, NamesStatus *status);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Names, names_free)

#endif
