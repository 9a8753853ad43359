/* SPDX-License-Identifier: Apache-2.0 */
#include "packettap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/error.h"
#include "hooks.h"
#include "namespaces.h"
#include "packets.skel.h"
#include "privileges.h"

#define RING_OCTETS (4 << 20) /* some 30,000 packets */

/* Of filters; the lower half tells processes apart. No agent has it (TC_HANDLE). */
#define HANDLE 0xf10b0000u

/* What is attached to one interface. */
typedef struct {
	const Netns *netns; /* borrowed of the namespaces, as long as it is not gone */
	bool gone;
	HooksPlace place;
	struct packets_bpf *skeleton;
	Hooks hooks;
} Place;

struct PacketTap {
	uint32_t sample;
	PacketTapEvents events;
	void *user_data;
	int ring_fd;
	struct ring_buffer *ring;
	GPtrArray *places; /* of Place */
	GHashTable *names; /* set of the namespaces that are looked into */
	Namespaces *namespaces;
};

static void place_free(void *data)
{
	Place *place = data;

	(void)hooks_detach(place->netns->fd, &place->place, &place->hooks, NULL);
	hooks_close(&place->hooks);
	packets_bpf__destroy(place->skeleton);
	g_free(place);
}

static int on_event(void *user_data, void *data, size_t len)
{
	const PacketTap *tap = user_data;

	(void)len;
	return tap->events.take(data, tap->user_data) ? 0 : -ECANCELED;
}

static void fail(GError **error, int result, const char *what)
{
	g_autofree char *missing = privileges_missing();

	if (result == -EPERM && *missing)
		g_set_error(error, FLOWTALLY_ERROR, EPERM, "%s: needs %s", what, missing);
	else
		error_from_errno(error, result, "%s", what);
}

static bool is_looked_into(const char *name, void *user_data)
{
	return g_hash_table_contains(((const PacketTap *)user_data)->names, name);
}

static uint32_t count_left(const PacketTap *tap)
{
	uint32_t left = 0;

	for (guint i = 0; i < tap->places->len; i++)
		left += !((const Place *)tap->places->pdata[i])->gone;
	return left;
}

/* What has lost its namespace's name may still be there. */
static void leave(PacketTap *tap, uint32_t number)
{
	Place *place = tap->places->pdata[number];

	(void)hooks_detach(place->netns->fd, &place->place, &place->hooks, NULL);
	hooks_close(&place->hooks);
	hooks_init(&place->hooks);
	place->netns = netns_own();
	place->gone = true;
	tap->events.gone(number, count_left(tap), tap->user_data);
}

static bool is_there(const PacketTap *tap, const Place *place)
{
	return namespaces_find(tap->namespaces,
			       interface_id(place->netns->id, place->place.ifindex));
}

static void on_links(void *user_data)
{
	PacketTap *tap = user_data;

	for (guint i = 0; i < tap->places->len; i++) {
		const Place *place = tap->places->pdata[i];

		if (!place->gone && !is_there(tap, place))
			leave(tap, i);
	}
	while (namespaces_leave(tap->namespaces))
		;
}

PacketTap *packet_tap_new(uint32_t sample, const PacketTapEvents *events, void *user_data,
			  GError **error)
{
	g_autoptr(PacketTap) tap = g_new0(PacketTap, 1);

	tap->sample = sample;
	tap->events = *events;
	tap->user_data = user_data;
	tap->places = g_ptr_array_new_with_free_func(place_free);
	tap->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	tap->ring_fd = -1;
	tap->namespaces = namespaces_new(on_links, tap, error);
	if (!tap->namespaces)
		return NULL;
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
	namespaces_free(tap->namespaces);
	g_hash_table_unref(tap->names);
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
			hooks_list(place->netns->fd, place->place.ifindex, (enum hook)hook);

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

	return hooks_attach(place->netns->fd, &place->place, &options, programs, &place->hooks,
			    error);
}

/* Of what is looked into. */
static const Link *find_link(const PacketTap *tap, const char *interface)
{
	const GPtrArray *links = namespaces_links(tap->namespaces);

	for (guint i = 0; i < links->len; i++) {
		const Link *link = links->pdata[i];
		g_autofree char *name = interface_name(link->netns, link->name);

		if (!strcmp(name, interface))
			return link;
	}
	return NULL;
}

static void look_into(PacketTap *tap, const char *netns)
{
	g_hash_table_add(tap->names, g_strdup(netns));
	namespaces_set_filter(tap->namespaces, is_looked_into, tap);
}

/* Why nothing is found in there. */
static void fail_without_link(const PacketTap *tap, const char *netns, GError **error)
{
	const char *fault = g_hash_table_lookup(namespaces_faults(tap->namespaces), netns);
	g_autoptr(Netns) there = NULL;

	if (fault)
		error_set(error, "%s", fault);
	else if (!*netns || (there = netns_open(netns, error)))
		error_set(error, "no such interface");
}

static bool find(PacketTap *tap, Place *place, const char *interface, enum link_layer *layer,
		 GError **error)
{
	const char *colon = strrchr(interface, ':');
	g_autofree char *netns = g_strndup(interface, colon ? (gsize)(colon - interface) : 0);
	const Link *link;

	if (colon)
		look_into(tap, netns);
	link = find_link(tap, interface);
	if (!link) {
		fail_without_link(tap, netns, error);
		return false;
	}
	if (!link_find_layer(link, layer)) {
		error_set(error, "its frames begin with neither an Ethernet nor an IP header");
		return false;
	}
	place->netns = namespaces_of(tap->namespaces, link->id);
	place->place.ifindex = link->ifindex;
	memcpy(place->place.name, link->name, sizeof(place->place.name));
	return true;
}

bool packet_tap_add(PacketTap *tap, const char *interface, GError **error)
{
	Place *place = g_new0(Place, 1);
	enum link_layer layer;

	place->netns = netns_own();
	hooks_init(&place->hooks);
	if (!find(tap, place, interface, &layer, error) || !load(tap, place, layer, error)) {
		g_prefix_error(error, "%s: ", interface);
		place_free(place);
		return false;
	}
	g_ptr_array_add(tap->places, place);
	return true;
}

uint32_t packet_tap_ifindex(const PacketTap *tap, uint32_t place)
{
	return ((const Place *)tap->places->pdata[place])->place.ifindex;
}

uint32_t packet_tap_find(const PacketTap *tap, uint32_t place, const char *name)
{
	const Netns *here = ((const Place *)tap->places->pdata[place])->netns;
	const Link *link = find_link(tap, name);

	if (!link)
		return 0;
	return interface_netns_id(link->id) == here->id ? link->ifindex : PACKET_TAP_ELSEWHERE;
}

bool packet_tap_attach(PacketTap *tap, GError **error)
{
	for (guint i = 0; i < tap->places->len; i++) {
		if (!attach(tap->places->pdata[i], error))
			return false;
	}
	return true;
}

bool packet_tap_detach(PacketTap *tap, GError **error)
{
	bool detached = true;

	for (guint i = 0; i < tap->places->len; i++) {
		Place *place = tap->places->pdata[i];

		detached &= hooks_detach(place->netns->fd, &place->place, &place->hooks,
					 detached ? error : NULL);
	}
	return detached;
}

int packet_tap_fd(const PacketTap *tap)
{
	return ring_buffer__epoll_fd(tap->ring);
}

bool packet_tap_consume(PacketTap *tap)
{
	return ring_buffer__consume(tap->ring) >= 0;
}

uint64_t packet_tap_lost(const PacketTap *tap)
{
	uint64_t lost = 0;

	for (guint i = 0; i < tap->places->len; i++)
		lost += ((const Place *)tap->places->pdata[i])->skeleton->bss->packets_lost;
	return lost;
}
