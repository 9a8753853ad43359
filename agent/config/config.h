/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one YAML file (flowtally.yaml(5)), read as a whole and checked as a whole.
 *
 * A Config is immutable once read. Where a key is absent its default stands here already, so nobody
 * who reads a Config knows about defaults. Times are in milliseconds, lengths in octets.
 */
#ifndef FLOWTALLY_CONFIG_H
#define FLOWTALLY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "accounts/devices.h"
#include "accounts/expiry.h"
#include "nameformat/nameparser.h"
#include "pattern.h"
#include "base/prefix.h"
#include "elements/template.h"
#include "records.h"
#include "tlsclient.h"
#include "webconfig.h"

#define CONFIG_MAX_HOSTS (1 << 24)  /* of `hosts.max` */
#define CONFIG_MAX_FLOWS (1 << 24)  /* of `flows.max` */
#define CONFIG_MAX_SERIES (1 << 16) /* of `metrics.max-flows` */
#define CONFIG_DEFAULT_PATH "/etc/flowtally/flowtally.yaml"
#define CONFIG_LISTEN_VARIABLE "FLOWTALLY_LISTEN"

typedef enum {
	SIDE_CHOICE_AUTO, /* wan where a default route points, else lan */
	SIDE_CHOICE_LAN,
	SIDE_CHOICE_WAN,
} SideChoice;

typedef enum {
	HOOK_CHOICE_AUTO, /* tcx where the kernel has it, else clsact */
	HOOK_CHOICE_TCX,
	HOOK_CHOICE_CLSACT,
} HookChoice;

/* Among the programs that others have at the same hook. */
typedef enum {
	HOOK_ORDER_FIRST,
	HOOK_ORDER_LAST,
} HookOrder;

/* One item of `interfaces`. The first whose `match` fits an interface, and none of whose `exclude` does,
 * applies to it. */
typedef struct {
	char *match_text;
	Pattern *match;		  /* the same */
	GPtrArray *exclude_texts; /* of char * */
	GPtrArray *exclude;	  /* of Pattern: the same */
	bool meter_hosts;	  /* with none of them the interface is left alone */
	bool meter_flows;
	bool meter_sizes;
	bool meter_latency;
	bool flows_entering; /* which packets belong to flows: enum flows_at */
	bool flows_staying;
	bool flows_leaving;
	SideChoice side;
	HookChoice hook;
	HookOrder order;
	/* Only by hand: */
	uint32_t priority; /* of filters by clsact, 0: as `order` says */
	uint32_t handle;   /* the same, 0: one of ours */
	uint32_t limit;	   /* a lower bound of `hosts.max` */
	char *alias;	   /* NULL: the interface's own name is used in reports */
	GArray *local;	   /* of Prefix: `hosts.local` for this one; NULL: what is said there */
} InterfaceConfig;

typedef enum {
	COLLECTOR_TRANSPORT_UDP,
	COLLECTOR_TRANSPORT_TCP,
	COLLECTOR_TRANSPORT_TLS,
	COLLECTOR_TRANSPORT_DTLS,
	COLLECTOR_TRANSPORT_SCTP,
} CollectorTransport;

/* What of a record is enterprise-specific; design: blocks of template ids. */
typedef enum {
	ENTERPRISE_MAC,
	ENTERPRISE_NONE,
	ENTERPRISE_FULL,
} EnterpriseElements;

/* In which units flow records tell their times. */
typedef enum {
	FLOW_TIMES_MILLISECONDS,
	FLOW_TIMES_NANOSECONDS,
} FlowTimes;

typedef enum {
	EXPORT_IPFIX,
	EXPORT_NETFLOW9,
} ExportFormat;

/* What becomes of records that a hook has not taken. */
typedef enum {
	HOOK_FAILURE_KEEP, /* they go on as they were */
	HOOK_FAILURE_DROP,
} HookFailure;

/* A program that records go through; it has one of `command` and `shell`. */
typedef struct {
	char *name;    /* NULL: it has none */
	char *command; /* a path */
	char *shell;   /* a script */
	uint64_t timeout_ms;
	HookFailure on_failure;
} HookConfig;

/* One item of `export.ipfix.templates`. */
typedef struct {
	uint32_t id;
	GPtrArray *flows; /* of char *, "NAME" or "NAME: LENGTH"; one of these two is NULL */
	GPtrArray *hosts;
	Template *record; /* the same */
} TemplateConfig;

/* Which of a group of collectors has a record of traffic. All of them are told templates and options. */
typedef enum {
	GROUP_ALL,	/* each */
	GROUP_FAILOVER, /* the first that is up */
	GROUP_HASH,	/* the one that the device chooses, or the two ends of the flow */
	GROUP_MODES,
} GroupMode;

/* One item of `export.ipfix.groups`. */
typedef struct {
	GroupMode mode;
	unsigned int index;    /* in the list */
	GPtrArray *collectors; /* of CollectorConfig, borrowed */
} GroupConfig;

/* One item of `export.ipfix.collectors`, or of the collectors of a group. */
typedef struct {
	char *address; /* as written; endpoint_split() takes it */
	size_t address_line;
	const GroupConfig *group; /* borrowed; NULL: it is in none, and has everything */
	CollectorTransport transport;
	size_t transport_line;
	char *local; /* what we send from; endpoint_parse_source() takes it; NULL: as routes say */
	char *tls_paths[TLS_CLIENT_FILES];
	size_t tls_lines[TLS_CLIENT_FILES];
	TlsClient *tls; /* what the files hold; NULL: neither TLS nor DTLS */
	char *tls_name; /* that the collector's certificate is to have; NULL: that of `address` */
	size_t tls_name_line;
	uint32_t queue_mib; /* that may wait for the collector */
	uint32_t
		rate_mib; /* a second, where nobody says how fast it may be; 0: as fast as can be */
	char *spool_path; /* where messages wait for it on disk; NULL: nowhere */
	size_t spool_line;
	uint64_t spool_max_octets;
	bool records_hosts;
	bool records_flows;
	bool records_statistics;
	bool records_interfaces;
	bool records_ledger;
	bool records_names;
	EnterpriseElements enterprise;
	bool layer2_octets; /* records carry layer2OctetDeltaCount, too */
	FlowTimes flow_times;
	bool biflow; /* both directions of a conversation are one record */
	ExportFormat format;
	GPtrArray *
		template_ids; /* of char *: those of `export.ipfix.templates` that it is to have; or NULL */
	GPtrArray *chosen; /* of TemplateConfig, borrowed: the same */
	size_t templates_line;
} CollectorConfig;

/* Whether they are one Collecting Process, however its address is spelt. */
bool collector_config_has_same_place(const CollectorConfig *a, const CollectorConfig *b);

/* Whether records for both look the same, so that they can be made once. */
bool collector_config_is_alike(const CollectorConfig *a, const CollectorConfig *b);

/* How a flow looks in a line of JSON. */
typedef enum {
	JSON_LINES_OWN,
	JSON_LINES_FLOWLOG, /* as linux-flow-exporter has it */
	JSON_LINES_FORMS,
} JsonLinesForm;

/* One item of `export.json-lines`. */
typedef struct {
	char *path; /* "-": standard output */
	bool records_flows;
	bool records_hosts;
	JsonLinesForm form;
	GPtrArray *hooks; /* of HookConfig: what lines go through, one after the other */
} JsonLinesConfig;

/* Whether a session that was opened as @a says is one as @b would have it. */
bool collector_config_has_same_session(const CollectorConfig *a, const CollectorConfig *b);

/* Messages arrive singly or not at all, and nobody says when it is too many. */
bool collector_transport_is_datagram(CollectorTransport transport);
bool collector_transport_has_tls(CollectorTransport transport); /* or DTLS */

/* One item of `hosts.names`. */
typedef struct {
	NamesKind kind;
	GHashTable *pairs; /* of kind static: char * to char *, MAC or address to name; else NULL */
	const char *path;  /* of the other kinds; one of ... */
	char *paths[NAMES_KINDS];
} NamesConfig;

typedef struct {
	char *path; /* of the file, NULL where there is none and the defaults apply */
	uint64_t interval_ms;
	GPtrArray *interfaces; /* of InterfaceConfig; by default one: "*", side auto */
	struct {
		GArray *local; /* of Prefix; empty: the interface's own prefixes */
		bool local_is_set;
		GArray *not_internet; /* of Prefix */
		uint32_t max;
		uint64_t address_age_ms;
		GPtrArray *merge; /* of MergedMacs */
		GPtrArray *names; /* of NamesConfig */
		char *vendors;
	} hosts;
	struct {
		uint32_t max;
		FlowTimeouts timeouts;
		bool routing;		  /* records tell next hops and prefixes */
		char *sampling;		  /* "1:N" */
		unsigned int sampling_of; /* enum flow_sampling */
		bool by_interfaces;	  /* what tells one flow from another: enum flow_key_part */
		bool by_addresses;
		bool by_protocol;
		bool by_ports;
		bool by_icmp;
		bool by_traffic_class;
		bool by_mark;
		bool by_vlan;
	} flows;
	struct {
		uint32_t max_hosts;
		uint32_t max_flows;
		uint64_t idle_ms;
		bool compat_mezoura; /* also the metrics of the systems of these names */
		bool compat_iptables;
		bool compat_packet_exporter;
		bool compat_linux_flow_exporter;
	} metrics;
	struct {
		uint64_t keep_ms; /* 0: none is kept */
		uint32_t max_mib;
	} history;
	struct {
		uint32_t observation_domain;
		uint32_t enterprise_number;
		uint64_t template_refresh_ms;
		uint32_t message_size;
		const char *message_size_key; /* as the file calls it */
		size_t message_size_line;
		GPtrArray *templates; /* of TemplateConfig */
		GPtrArray *groups;    /* of GroupConfig */
		/* Of CollectorConfig: first those that are in no group, then those of each group in turn. */
		GPtrArray *collectors;
	} ipfix;
	GPtrArray *json_lines; /* of JsonLinesConfig */
	char *textfile;	       /* NULL: none is written */
	struct {
		GPtrArray *listen; /* of char *: numeric, "127.0.0.1:14739"; empty: nowhere */
		char *web_path;	   /* of the web configuration; NULL: there is none */
		size_t web_path_line;
		WebConfig *web; /* what it says; NULL: no TLS, no passwords */
	} http;
	char *state; /* directory */
	char *run;   /* directory */
} Config;

/*
 * Reads @path; NULL reads CONFIG_DEFAULT_PATH, or nothing where that does not exist. Every fault of
 * the file becomes one line "FILE:LINE: key: reason" of @errors (allocated strings), in the order
 * of the file; NULL is returned if there is any. Part of it is the web configuration, another file.
 *
 * The environment variable FLOWTALLY_LISTEN, where it is set and not empty, stands for
 * `export.http.listen`; there is one error if it is wrong.
 */
Config *config_read(const char *path, GPtrArray *errors);

/* The key `run` alone, for those who only ask the agent: neither the web configuration, which may be a secret,
 * nor the environment is read. NULL if there are errors. */
char *config_find_run(const char *path, GPtrArray *errors);

/* What is allowed and hardly meant: strings like "key: reason", the caller's to unref. */
GPtrArray *config_warnings(const Config *config);

/* The item of `interfaces` for the interface @name of the namespace @netns (pattern.h), or NULL if it is
 * not to be metered. */
const InterfaceConfig *config_match_interface(const Config *config, const char *netns,
					      const char *name);

/* The words of the choices, in their order; each ends with NULL. */
extern const char *const config_side_words[];
extern const char *const config_transport_words[];
extern const char *const config_group_words[];
extern const char *const config_hook_words[];
extern const char *const config_order_words[];

bool interface_config_meters(const InterfaceConfig *interface); /* anything at all */

/* What the bits of enum meter are called; NULL: there is no such bit. */
const char *config_meter_name(unsigned int bit);

/* Of enum meter; setting it sets `flows-at` to its default. */
uint8_t interface_config_meter(const InterfaceConfig *interface);
void interface_config_set_meter(InterfaceConfig *interface, uint8_t meter);

/* Of enum flows_at, and `flows.key` of enum flow_key_part. */
uint8_t interface_config_flows_at(const InterfaceConfig *interface);
uint8_t config_flow_key(const Config *config);

/* N of `flows.sampling`; 1: all. */
uint32_t config_flow_sampling(const Config *config);
/* All of `export.json-lines[].hooks`, one item after the other; the caller's to unref. */
GPtrArray *config_hooks(const Config *config); /* of HookConfig, borrowed */
bool config_hooks_equal(const Config *a, const Config *b);

bool config_meters_flows(const Config *config);
bool config_wants_biflows(const Config *config); /* any collector does */

/* Whether an item of `interfaces` can mean any interface of @netns. */
bool config_matches_netns(const Config *config, const char *netns);

void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

#endif
