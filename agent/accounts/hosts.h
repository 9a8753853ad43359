/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-device accounts: what each host has used since it was first seen, on each interface.
 *
 * An account is a host address of a device (a MAC) on an interface, by family and scope; the account
 * without address is what was counted by MAC alone. Accounts only grow. Their number is bounded by
 * `hosts.max`, for those with an address and for those without alike; admission is first come and
 * sticky. What finds no room goes the way that it goes in the kernel's tables: from the address to the
 * MAC, from the MAC to the overflow of the interface. So the sums are exact whatever the limit.
 *
 * Addresses age: one that its device has not used for long gives its sums to the account of the MAC.
 *
 * What a device does while it is not shown (devices.h) is noted in its accounts as hidden: what is left of the
 * volume, and what was hidden of all devices together, both only grow.
 */
#ifndef FLOWTALLY_HOSTS_H
#define FLOWTALLY_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "devices.h"
#include "records.h"
#include "base/totals.h"

typedef struct Hosts Hosts;

/*
 * A host as one interface sees it: a struct meter_key in which the point is spelt out, and that stays
 * what it is when the point has gone.
 */
struct host_key {
	uint8_t address[ADDRESS_LEN];
	uint32_t ifindex;
	uint8_t mac[MAC_LEN];
	uint8_t ip_version; /* 4 or 6: element 60 */
	uint8_t scope;	    /* enum scope */
};
_Static_assert(sizeof(struct host_key) == 28, "host_key is on disk");

typedef struct {
	uint64_t packets;
	uint64_t octets;	/* IP octets */
	uint64_t layer2_octets; /* frame octets */
} Volume;

/*
 * What one host did on one interface in one period: from the tables of one generation, summed over the
 * CPUs.
 */
typedef struct {
	struct host_key key;
	Volume volume[DIRECTIONS];
	uint64_t first_ns[DIRECTIONS]; /* CLOCK_MONOTONIC, 0: nothing in this direction */
	uint64_t last_ns[DIRECTIONS];
} HostDelta;

typedef struct {
	const char *interface; /* its name in reports; interned */
	struct host_key key;   /* ifindex is 0: an account outlives it */
	Device *device;	       /* whose it is */
	Volume volume[DIRECTIONS];
	Volume hidden[DIRECTIONS]; /* the part of it that is in no series of the device's own */
	uint64_t first_seen_ms;	   /* since the epoch */
	uint64_t last_seen_ms;
} Account;

void volume_add(Volume *sum, const Volume *volume);
void volume_subtract(Volume *from, const Volume *volume);
bool volume_is_zero(const Volume *volume);

Hosts *hosts_new(uint32_t max);
Hosts *hosts_copy(const Hosts *hosts); /* for show; its devices are those of @hosts */
void hosts_free(Hosts *hosts);

/* A lower limit removes nobody; it only admits nobody new. */
void hosts_set_max(Hosts *hosts, uint32_t max);

/* As devices_set_limits(); by default all are shown. */
void hosts_set_shown(Hosts *hosts, uint32_t max_shown, uint64_t idle_ms);

/* As devices_set_merge(), for all accounts there are and will be. */
void hosts_set_merge(Hosts *hosts, const GPtrArray *merge, uint64_t now_ms);

/* @epoch_offset_ns is what to add to CLOCK_MONOTONIC to get nanoseconds since the epoch. */
void hosts_add(Hosts *hosts, const char *interface, const HostDelta *delta,
	       int64_t epoch_offset_ns);

/*
 * What has come to @hosts since @before was the same: a new object, without what has not changed. An address that
 * has become part of its MAC meanwhile is part of it in both.
 */
Hosts *hosts_since(const Hosts *hosts, const Hosts *before);

/* Now and then: addresses that have been idle for @age_ms become part of their MAC, and idle devices are hidden. */
void hosts_age(Hosts *hosts, uint64_t now_ms, uint64_t age_ms);

/* All accounts, by interface, device, MAC, address, family and scope; borrowed, until the next call that
 * changes @hosts. */
GPtrArray *hosts_list(const Hosts *hosts); /* of const Account; the caller's to unref */

/* By direction: what found no room on @interface, and what has been hidden there of all devices. */
const Volume *hosts_overflow(const Hosts *hosts, const char *interface);
const Volume *hosts_hidden(const Hosts *hosts, const char *interface);

size_t hosts_addresses(const Hosts *hosts); /* accounts with an address, and ... */
size_t hosts_devices(const Hosts *hosts);   /* ... without; hosts_limit() bounds each */
uint32_t hosts_limit(const Hosts *hosts);

/* A host's name in records where it has no better one: its MAC, or its address where it has none. */
#define HOST_LABEL_MAX DEVICE_LABEL_MAX
const char *host_label(const struct host_key *key, char label[HOST_LABEL_MAX]);

void hosts_save(const Hosts *hosts, TotalsWriter *writer);
bool hosts_load(Hosts *hosts, TotalsReader *reader, uint64_t now_ms, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hosts, hosts_free)

#endif
