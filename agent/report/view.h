/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the running agent shows to its outputs: the textfile and the control socket read it, nobody
 * writes through it. Everything in it is borrowed.
 */
#ifndef FLOWTALLY_VIEW_H
#define FLOWTALLY_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "kernel/cache.h"
#include "config/config.h"
#include "export/exporting.h"
#include "accounts/flows.h"
#include "accounts/flowseries.h"
#include "accounts/flowsums.h"
#include "accounts/hosts.h"
#include "httpview.h"
#include "jsonlinesview.h"
#include "accounts/ledger.h"
#include "names/names.h"
#include "kernel/namespaces.h"

/* What is written of sums: after each sweep, for a reboot, and to look back. */
typedef enum {
	KEPT_RUN,
	KEPT_STATE,
	KEPT_HISTORY,
} KeptFile;
#define KEPT_FILES 3

extern const char *const kept_file_names[KEPT_FILES];

typedef struct {
	const Config *config;
	const Hosts *hosts;
	const Flows *flows;		    /* only looked at where there are tables for them */
	const FlowSums *flow_sums;	    /* NULL: there are none, as of: */
	const FlowSeriesTable *flow_series; /* empty unless they are asked for */
	const Ledger *ledger;
	const Names *names;	      /* NULL: nobody has a name */
	const Exporting *exporting;   /* NULL: no collectors */
	const GArray *json_lines;     /* of JsonLinesStatus; NULL: there are none */
	const HttpView *http;	      /* NULL: there is no server */
	const Namespaces *namespaces; /* NULL: what interfaces count is not shown */
	const GPtrArray *points;      /* of Point */
	const GPtrArray *awaited;     /* of char*: interfaces which do not exist yet; NULL: none */
	GHashTable *faults;	      /* interface name -> what went wrong with it; NULL: nothing */
	const GPtrArray
		*overlaps;   /* of Overlap: interfaces that see the same packets; NULL: none */
	CacheUse cache_use;  /* of the kernel's tables at the last sweep */
	uint32_t pairs_used; /* the same of its table of pairs of interfaces */
	uint64_t generation;
	uint64_t start_ms;	    /* of the agent; all times are milliseconds since the epoch */
	uint64_t sweep_ms;	    /* of the last sweep, 0: none yet */
	uint64_t sweep_duration_ns; /* how long it took */
	uint64_t sweep_errors;
	bool reload_successful; /* of the configuration; true before the first reload */
	uint64_t reload_ms;	/* of the last successful one */
	uint64_t textfile_errors;
	const char *textfile_error; /* NULL: the last write succeeded */
	const char *state_error;    /* the same of the sums on disk */
	uint64_t file_errors[KEPT_FILES];
} View;

/* A table and its limit: of the kernel, hosts, macs, flow-table and pair-table; of the agent, accounts, devices, flows
 * and, of their sums, paths and pairs. */
typedef struct {
	const char *name;
	uint64_t entries;
	uint64_t limit;
} TableUse;

#define VIEW_TABLES 9
size_t view_tables(const View *view, TableUse tables[VIEW_TABLES]); /* how many there are */

/* Whether there is anything that flows, or latencies, amount to. */
bool view_has_sums(const FlowSums *sums);

typedef struct {
	char *label; /* its address; with its layout, where several have that address */
	CollectorStatus status;
} CollectorView;

GArray *view_collectors(const View *view); /* of CollectorView; the caller's to unref */

/* What found no room in the kernel's tables; @rows are the hooks of one interface, which stand side by
 * side in ledger_list(). */
Volume view_device_limit(const LedgerRow rows[HOOKS]);

/* Whether both are accounts of one host on one interface; in hosts_list() these stand together. */
bool view_same_host(const Account *a, const Account *b);

/* What the host with these @n accounts is called: its name, else device_label(), for which @label has room.
 * Borrowed, until the loop runs again. */
const char *view_host_name(const View *view, const Account *const *accounts, size_t n,
			   char label[DEVICE_LABEL_MAX]);
const char *view_host_vendor(const View *view, const Device *device); /* NULL: not known */
bool view_host_is_private(const Device *device); /* whether its MAC is made up */

/* As labels and members. */
const char *view_scope(const struct host_key *key);  /* internet, local, router */
const char *view_family(const struct host_key *key); /* ipv4, ipv6 */
const char *view_side(enum side side);		     /* lan, wan */
const char *view_layer(enum link_layer layer);	     /* ethernet, ip */

#endif
