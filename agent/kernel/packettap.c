/* SPDX-License-Identifier: Apache-2.0 */
#include "packettap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/error.h"
#include "hooks.h"
#include "links.h"
#include "netns.h"
#include "packets.skel.h"
#include "privileges.h"

#define RING_OCTETS (4 << 20) /* some 40,000 packets */

/* Of filters; the lower half tells processes apart. No agent has it (TC_HANDLE). */
#define HANDLE 0xf10b0000u

/* What is attached to one interface. */
typedef struct {
	Netns *netns; /* NULL: our own */
	HooksPlace place;
	struct packets_bpf *skeleton;
	Hooks hooks;
} Place;

struct PacketTap {
	uint32_t sample;
	PacketTapTake take;
	void *user_data;
	int ring_fd;
	struct ring_buffer *ring;
	GPtrArray *places; /* of Place */
};

static int netns_fd(const Place *place)
{
	return place->netns ? place->netns->fd : -1;
}

static void place_free(void *data)
{
	Place *place = data;

	(void)hooks_detach(netns_fd(place), &place->place, &place->hooks, NULL);
	hooks_close(&place->hooks);
	packets_bpf__destroy(place->skeleton);
	netns_close(place->netns);
	g_free(place);
}

static int on_event(void *user_data, void *data, size_t len)
{
	const PacketTap *tap = user_data;

	(void)len;
	return tap->take(data, tap->user_data) ? 0 : -ECANCELED;
}

static void fail(GError **error, int result, const char *what)
{
	g_autofree char *missing = privileges_missing();

	if (result == -EPERM && *missing)
		g_set_error(error, FLOWTALLY_ERROR, EPERM, "%s: needs %s", what, missing);
	else
		error_from_errno(error, result, "%s", what);
}

PacketTap *packet_tap_new(uint32_t sample, PacketTapTake take, void *user_data, GError **error)
{
	g_autoptr(PacketTap) tap = g_new0(PacketTap, 1);

	tap->sample = sample;
	tap->take = take;
	tap->user_data = user_data;
	tap->places = g_ptr_array_new_with_free_func(place_free);
	/* The limit of memory that kernels before 5.11 have for it, libbpf lifts. */
	tap->ring_fd =
		bpf_map_create(BPF_MAP_TYPE_RINGBUF, "packets_ring", 0, 0, RING_OCTETS, NULL);
	if (tap->ring_fd < 0) {
		fail(error, tap->ring_fd, "make the ring of packets");
		return NULL;
	}
	tap->ring = ring_buffer__new(tap->ring_fd, on_event, tap, NULL);
	if (!tap->ring) {
		fail(error, -errno, "read the ring of packets");
		return NULL;
	}
	return g_steal_pointer(&tap);
}

void packet_tap_free(PacketTap *tap)
{
	if (!tap)
		return;
	g_ptr_array_unref(tap->places);
	ring_buffer__free(tap->ring);
	if (tap->ring_fd >= 0)
		close(tap->ring_fd);
	g_free(tap);
}

/* Of 2^32 random numbers those up to it are one in @sample. */
static uint32_t threshold(uint32_t sample)
{
	return (uint32_t)((1ULL << 32) / sample - 1);
}

static bool load(const PacketTap *tap, Place *place, enum link_layer layer, GError **error)
{
	int result;

	place->skeleton = packets_bpf__open();
	if (!place->skeleton) {
		error_from_errno(error, errno, "open the program");
		return false;
	}
	place->skeleton->rodata->point_meter = METER_FLOWS;
	place->skeleton->rodata->point_layer = (uint8_t)layer;
	place->skeleton->rodata->packets_place = tap->places->len;
	place->skeleton->rodata->packets_threshold = threshold(tap->sample);
	result = bpf_map__reuse_fd(place->skeleton->maps.packets_ring, tap->ring_fd);
	if (!result)
		result = packets_bpf__load(place->skeleton);
	if (result < 0)
		fail(error, result, "load the program");
	return result == 0;
}

/* An agent that found us before it would have to warn of us. */
static bool is_metered(const Place *place)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		g_autoptr(GArray) programs =
			hooks_list(netns_fd(place), place->place.ifindex, (enum hook)hook);

		if (programs->len)
			return true;
	}
	return false;
}

static bool attach(Place *place, GError **error)
{
	const HooksOptions options = {
		.last = is_metered(place),
		.handle = HANDLE | (uint16_t)getpid(),
	};
	const int programs[HOOKS] = {
		[HOOK_INGRESS] = bpf_program__fd(place->skeleton->progs.flowtally_look_ingress),
		[HOOK_EGRESS] = bpf_program__fd(place->skeleton->progs.flowtally_look_egress),
	};

	return hooks_attach(netns_fd(place), &place->place, &options, programs, &place->hooks,
			    error);
}

static bool find(Place *place, const char *name, enum link_layer *layer, GError **error)
{
	g_autoptr(Links) links =
		links_new(place->netns ? place->netns : netns_own(), NULL, NULL, error);
	const Link *link = links ? links_by_name(links, name) : NULL;

	if (!links)
		return false;
	if (!link) {
		error_set(error, "no such interface");
		return false;
	}
	if (!link_find_layer(link, layer)) {
		error_set(error, "its frames begin with neither an Ethernet nor an IP header");
		return false;
	}
	place->place.ifindex = link->ifindex;
	memcpy(place->place.name, link->name, sizeof(place->place.name));
	return true;
}

static bool open_netns(Place *place, const char *interface, const char **name, GError **error)
{
	const char *colon = strrchr(interface, ':');
	g_autofree char *netns = g_strndup(interface, colon ? (gsize)(colon - interface) : 0);

	*name = colon ? colon + 1 : interface;
	if (colon)
		place->netns = netns_open(netns, error);
	return !colon || place->netns;
}

static bool open_place(const PacketTap *tap, Place *place, const char *interface, GError **error)
{
	enum link_layer layer;
	const char *name;

	if (open_netns(place, interface, &name, error) && find(place, name, &layer, error) &&
	    load(tap, place, layer, error))
		return true;
	g_prefix_error(error, "%s: ", interface);
	return false;
}

bool packet_tap_attach(PacketTap *tap, const char *interface, GError **error)
{
	Place *place = g_new0(Place, 1);

	hooks_init(&place->hooks);
	if (!open_place(tap, place, interface, error) || !attach(place, error)) {
		place_free(place);
		return false;
	}
	g_ptr_array_add(tap->places, place);
	return true;
}

bool packet_tap_detach(PacketTap *tap, GError **error)
{
	bool detached = true;

	for (guint i = 0; i < tap->places->len; i++) {
		Place *place = tap->places->pdata[i];

		detached &= hooks_detach(netns_fd(place), &place->place, &place->hooks,
					 detached ? error : NULL);
	}
	return detached;
}

int packet_tap_fd(const PacketTap *tap)
{
	return ring_buffer__epoll_fd(tap->ring);
}

void packet_tap_consume(PacketTap *tap)
{
	(void)ring_buffer__consume(tap->ring);
}

uint64_t packet_tap_lost(const PacketTap *tap)
{
	uint64_t lost = 0;

	for (guint i = 0; i < tap->places->len; i++)
		lost += ((const Place *)tap->places->pdata[i])->skeleton->bss->packets_lost;
	return lost;
}
