/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is who: a device is a MAC, whatever addresses it has, or several MACs that `hosts.merge` joins; where
 * there is no MAC, behind a router or a tunnel, it is an address.
 *
 * Of all devices some are shown, each with series of its own in the metrics: whoever comes first, up to
 * `metrics.max-hosts`. One that has been idle for `metrics.idle` gives its place to others.
 */
#ifndef FLOWTALLY_DEVICES_H
#define FLOWTALLY_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "records.h"

typedef struct Devices Devices;

typedef struct {
	uint8_t mac[MAC_LEN]; /* of those that are joined the first; zero: it has none, ... */
	uint8_t address[ADDRESS_LEN]; /* ... and this is it; else zero */
	uint64_t first_seen_ms;	      /* since the epoch, 0: never */
	uint64_t last_seen_ms;
	bool shown;
} Device;

/* One item of `hosts.merge`: the MACs @also are those of the device @mac. */
typedef struct {
	uint8_t mac[MAC_LEN];
	GArray *also; /* of uint8_t[MAC_LEN] */
} MergedMacs;

Devices *devices_new(void);
Devices *devices_ref(Devices *devices);
void devices_unref(Devices *devices);

/*
 * @merge is of MergedMacs and is not kept. Returns whether it is another than before; then whoever holds
 * devices must find them anew and restore them, and have the first ones shown.
 */
bool devices_set_merge(Devices *devices, const GPtrArray *merge);

/* A lower limit hides nobody before it is idle. */
void devices_set_limits(Devices *devices, uint32_t max_shown, uint64_t idle_ms);

/* The device of a MAC, or of an address where @mac is zero; made if it is new. It lives as long as @devices. */
Device *devices_find(Devices *devices, const uint8_t mac[MAC_LEN],
		     const uint8_t address[ADDRESS_LEN]);

/* @device has had traffic between these times, and is shown from now on if there is room. */
void devices_note_seen(Devices *devices, Device *device, uint64_t first_ms, uint64_t last_ms);

/* Those that are idle make room. After a sweep, so that what has been hidden in an interval stays hidden. */
void devices_hide_idle(Devices *devices, uint64_t now_ms);

/* After a restart: what is known of @device, and then, of those that are not idle, the first ones are shown. */
void devices_restore(Device *device, uint64_t first_ms, uint64_t last_ms);
void devices_show_first(Devices *devices, uint64_t now_ms);

uint32_t devices_shown(const Devices *devices);

/* Orders as strcmp() does, those without a MAC first. */
int device_compare(const Device *a, const Device *b);

/* Its name where it has no better one, and its `host` label: the MAC in lower case, or the address. */
#define DEVICE_LABEL_MAX 64
const char *device_label(const Device *device, char label[DEVICE_LABEL_MAX]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Devices, devices_unref)

#endif
