/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it takes to make records of all flows: from the kernel's tables to IPFIX Messages, as the agent
 * does it when it is flushed. Sending is not part of it.
 *
 * What is told are the median and the best of the rounds, in milliseconds of this thread for all flows.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "config/config.h"
#include "export/flowrecords.h"
#include "export/ipfix.h"
#include "kernel/cache.h"
#include "kernel/maps.h"
#include "metering/flowmetering.h"
#include "records.h"

#define ROUNDS 15
#define FLOWS 100000
#define MAX_FLOWS 131072 /* the default of flows.max */
#define HOSTS 1024

enum step {
	READ,
	COUNT,
	ENCODE,
	EMPTY,
	STEPS,
};

static const char *const steps[STEPS] = {
	[READ] = "cache_read_flows()",
	[COUNT] = "flow_metering_count(): all are new, and leave",
	[ENCODE] = "ipfix_encode_flows()",
	[EMPTY] = "cache_empty()",
};

typedef struct {
	Config *config;
	Cache *cache;
	FlowMetering *metering;
	IpfixEncoder *encoder;
	uint64_t *digests;
	struct flow_ipv4 *flows;
	double ms[STEPS][ROUNDS];
	double total_ms[ROUNDS];
	guint messages;
	size_t octets;
} Drain;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void make_flows(Drain *drain)
{
	drain->digests = g_new(uint64_t, FLOWS);
	drain->flows = g_new(struct flow_ipv4, FLOWS);
	for (uint32_t i = 0; i < FLOWS; i++) {
		drain->digests[i] = i;
		drain->flows[i] = (struct flow_ipv4){
			.key = { .start = { .source_port = htons((uint16_t)(1024 + i % 50000)),
					    .destination_port = htons(443),
					    .protocol = IPPROTO_UDP },
				 .source = htonl(0x0a010000 + i / 500),
				 .destination = htonl(0xc6336407) },
			.traffic = { .packets = 3, .octets = 300, .layer2_octets = 342 },
		};
	}
}

/* Into the table that this generation's packets of the first CPU are counted in. */
static bool fill(const Drain *drain)
{
	uint32_t place = FLOW_PLACE(cache_generation(drain->cache) % GENERATIONS, 0), id, n = FLOWS;
	int table = -1;
	bool ok;

	if (!bpf_map_lookup_elem(cache_map_fd(drain->cache, CACHE_FLOWS_IPV4), &place, &id))
		table = bpf_map_get_fd_by_id(id);
	if (table < 0)
		return false;
	ok = !bpf_map_update_batch(table, drain->digests, drain->flows, &n, NULL);
	close(table);
	return ok;
}

static const char *name_interface(uint32_t report_index, const void *user_data)
{
	return "eth0";
}

static void count(Drain *drain)
{
	uint64_t now_ns = clock_ns(CLOCK_REALTIME);
	const FlowCounting counting = {
		.offset_ns = (int64_t)(now_ns - clock_ns(CLOCK_MONOTONIC)),
		.now_ms = now_ns / 1000000,
		.name = name_interface,
	};

	flow_metering_flush_all(drain->metering);
	flow_metering_count(drain->metering, drain->cache, &counting);
}

static bool encode(Drain *drain, GError **error)
{
	const GArray *records = flow_metering_records(drain->metering);
	g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GArray) flows = flow_records_new((const FlowRecord *)(const void *)records->data,
						   NULL, records->len, false);

	if (!ipfix_encode_flows(drain->encoder, (uint32_t)time(NULL),
				(const IpfixFlow *)(const void *)flows->data, flows->len, 0,
				messages, error))
		return false;
	drain->octets = drain->messages = 0;
	for (guint i = 0; i < messages->len; i++) {
		const IpfixMessage *message = messages->pdata[i];

		drain->octets += message->contents.len;
	}
	drain->messages = messages->len;
	return true;
}

static bool take(Drain *drain, enum step step, GError **error)
{
	switch (step) {
	case READ:
		return cache_read_flows(drain->cache, error);
	case COUNT:
		count(drain);
		return true;
	case ENCODE:
		return encode(drain, error);
	default:
		return cache_empty(drain->cache, error);
	}
}

static bool drain_once(Drain *drain, unsigned int round, GError **error)
{
	if (!fill(drain)) {
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "fill table: %s",
			    g_strerror(errno));
		return false;
	}
	cache_advance(drain->cache);
	if (!cache_wait_until_quiet(drain->cache, error))
		return false;
	drain->total_ms[round] = 0;
	for (enum step step = 0; step < STEPS; step++) {
		uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);

		if (!take(drain, step, error))
			return false;
		drain->ms[step][round] = (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - start) / 1e6;
		drain->total_ms[round] += drain->ms[step][round];
	}
	g_assert(flow_metering_records(drain->metering)->len == FLOWS);
	flow_metering_forget_records(drain->metering);
	return true;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void tell(const char *name, double ms[ROUNDS])
{
	qsort(ms, ROUNDS, sizeof(*ms), compare_doubles);
	printf("%-48s %8.1f %8.1f\n", name, ms[ROUNDS / 2], ms[0]);
}

static bool prepare(Drain *drain, const char *dir, const char *path, GError **error)
{
	IpfixLayout layout = { .enterprise = ENTERPRISE_MAC };
	g_autoptr(GPtrArray) faults = g_ptr_array_new_with_free_func(g_free);

	if (!g_file_set_contents(path, "interfaces: [{ match: lo, meter: [flows] }]\n", -1, error))
		return false;
	drain->config = config_read(path, faults);
	g_assert(drain->config);
	drain->metering = flow_metering_new(drain->config);
	layout.observation_domain = drain->config->ipfix.observation_domain;
	layout.enterprise_number = drain->config->ipfix.enterprise_number;
	layout.message_size = drain->config->ipfix.message_size;
	drain->encoder = ipfix_encoder_new(&layout, error);
	if (!drain->encoder || !maps_prepare(dir, error))
		return false;
	drain->cache = cache_open(dir, HOSTS, error);
	return drain->cache && cache_set_max_flows(drain->cache, MAX_FLOWS, error);
}

static bool measure(Drain *drain, GError **error)
{
	make_flows(drain);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		if (!drain_once(drain, round, error))
			return false;
	}
	printf("\n%u flows, ms %34s %8s\n", FLOWS, "median", "at best");
	for (enum step step = 0; step < STEPS; step++)
		tell(steps[step], drain->ms[step]);
	tell("together", drain->total_ms);
	printf("%u messages of %zu octets in all\n", drain->messages, drain->octets);
	return true;
}

static void drain_done(Drain *drain)
{
	g_free(drain->flows);
	g_free(drain->digests);
	cache_close(drain->cache);
	ipfix_encoder_free(drain->encoder);
	flow_metering_free(drain->metering);
	config_free(drain->config);
}

int main(void)
{
	g_autofree char *parent = NULL, *dir = NULL, *path = NULL;
	g_autoptr(GError) error = NULL;
	Drain drain = { 0 };
	bool ok;

	if (geteuid() != 0) {
		puts("drain: needs root");
		return 0;
	}
	parent = g_dir_make_tmp("flowtally-bench-XXXXXX", &error);
	if (!parent) {
		fprintf(stderr, "drain: %s\n", error->message);
		return 1;
	}
	dir = g_build_filename(parent, "bpf", NULL);
	path = g_build_filename(parent, "flowtally.yaml", NULL);
	ok = prepare(&drain, dir, path, &error) && measure(&drain, &error);
	if (!ok)
		fprintf(stderr, "drain: %s\n", error->message);
	drain_done(&drain);
	maps_remove(dir);
	(void)g_unlink(path);
	(void)g_rmdir(parent);
	return !ok;
}
