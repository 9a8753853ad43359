/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the subcommands that ask a running agent have in common: options, the request, and tables made
 * of the JSON document that comes back.
 */
#ifndef FLOWTALLY_CLI_ASK_H
#define FLOWTALLY_CLI_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

#include "config/config.h"
#include "grouping.h"
#include "table.h"

/* An order of the list, by --sort NAME; the first of several is the default. */
typedef struct {
	const char *name;
	GCompareFunc compare; /* of const json_t ** */
} AskOrder;

/* CSV of one document, or of several, each row with the `time` of its own first. */
typedef enum {
	ASK_CSV_ONE,
	ASK_CSV_FIRST,
	ASK_CSV_NEXT, /* without a head */
} AskCsv;

typedef struct {
	const char *request; /* and the name of the subcommand */
	const char *summary;
	const char *list; /* the member that --sort and --limit work on; NULL: no such options */
	const AskOrder *orders; /* up to a row without a name */
	void (*print)(const json_t *document);
	void (*print_csv)(const json_t *document, AskCsv csv); /* NULL: there is no CSV */
	bool has_spans; /* there are --since and --every, which make other requests of it */
	/* NULL: there is no --by. The document then has `groups`, of grouping_apply(). */
	void (*print_groups)(const json_t *document, const Grouping *grouping);
	void (*print_groups_csv)(const json_t *document, const Grouping *grouping, AskCsv csv);
} Question;

/* The whole subcommand; returns the exit status. EXIT_FAILURE also where something is not balanced. */
int ask(const Question *question, int argc, char **argv);

/* The options by which the agent is found: rows of a table of GOptionEntry, each with where its value goes. */
#define ASK_AGENT_OPTIONS(config_path, run)                                                        \
	{ "config",    'c',                                                                        \
	  0,	       G_OPTION_ARG_FILENAME,                                                      \
	  config_path, "Find the agent by FILE instead of " CONFIG_DEFAULT_PATH,                   \
	  "FILE" },                                                                                \
	{                                                                                          \
		"run", 'r', 0, G_OPTION_ARG_FILENAME, run,                                         \
			"Find the agent by its directory `run`", "DIR"                             \
	}

/* For who asks by himself. Each says on stderr what is wrong. The path of the agent's socket; NULL: the
 * configuration cannot be read. */
char *ask_find_agent(const char *config_path, const char *run);
json_t *ask_agent(const char *subcommand, const char *path, const char *request);
bool ask_flush(void); /* stdout */
void ask_complain(const char *what, const char *why);
int ask_complain_of_agent(const char *subcommand, const GError *error); /* the exit status */

/* A column of a table whose rows are JSON objects. */
typedef struct {
	TableColumn column;
	const char *path; /* of the member, "download/octets" */
	char *(*cell)(const json_t *item, const char *path);
} AskField;

void ask_print_list(const json_t *items, const AskField *fields, size_t n);
void ask_print_csv(const json_t *items, const AskField *fields, size_t n, AskCsv csv);

/* NULL if there is no such member. */
json_t *ask_member(const json_t *item, const char *path);
const char *ask_string(const json_t *item, const char *path); /* "" if it is none */
json_int_t ask_integer(const json_t *item, const char *path); /* 0 if it is none */

/* By --units; NULL: as they are. */
bool ask_set_units(const char *name, GError **error);

/* Cells: as it is, null being empty; octets in the units that --units says; in local time. */
char *ask_plain(const json_t *item, const char *path);
char *ask_octets(const json_t *item, const char *path);
char *ask_volume(uint64_t octets); /* the same of a number */
char *ask_time(const json_t *item, const char *path);

#endif
