/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single packets as the hooks see them, for debugging: programs of their own (ebpf/packets.bpf.c), which know nothing
 * of an agent and which no agent knows of.
 *
 * They are attached by hooks.h. By tcx they go with this process however it ends; a filter of clsact stays if the
 * process is killed.
 */
#ifndef FLOWTALLY_PACKETTAP_H
#define FLOWTALLY_PACKETTAP_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "packets.h"

typedef struct PacketTap PacketTap;

/* @event is borrowed for the call. False: no more of them now. */
typedef bool (*PacketTapTake)(const struct packet_event *event, void *user_data);

/* The interface at @place is there no more, or nowhere that is known by its name; @left others still are. */
typedef void (*PacketTapGone)(uint32_t place, uint32_t left, void *user_data);

typedef struct {
	PacketTapTake take;
	PacketTapGone gone; /* from the main context */
} PacketTapEvents;

/* Of @sample frames one is taken, at random; 1: all. EPERM in error->code: a capability is missing. */
PacketTap *packet_tap_new(uint32_t sample, const PacketTapEvents *events, void *user_data,
			  GError **error);

/* What is attached goes, too. */
void packet_tap_free(PacketTap *tap);

/* @interface is "[NETNS:]NAME"; its place, which is in the events, is how many were added before it. */
bool packet_tap_add(PacketTap *tap, const char *interface, GError **error);

uint32_t packet_tap_ifindex(const PacketTap *tap, uint32_t place);

/*
 * The ifindex that the interface @name, "[NETNS:]NAME", has where @place is; 0: there is none of the name, or in a
 * namespace that is nowhere added; PACKET_TAP_ELSEWHERE: it is in another namespace than @place.
 */
#define PACKET_TAP_ELSEWHERE UINT32_MAX
uint32_t packet_tap_find(const PacketTap *tap, uint32_t place, const char *name);

/* At all places, or at some if it fails. The programs come before all others, but behind one of an agent of ours
 * where it is. */
bool packet_tap_attach(PacketTap *tap, GError **error);

/* From all interfaces; what has been seen can still be taken. The first error is said, all are tried. */
bool packet_tap_detach(PacketTap *tap, GError **error);

/* Readable when there are events. */
int packet_tap_fd(const PacketTap *tap);

/* Hands over what there is, in order, until `take` has enough: then false. */
bool packet_tap_consume(PacketTap *tap);

/* Frames of the sample that found no room. */
uint64_t packet_tap_lost(const PacketTap *tap);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PacketTap, packet_tap_free)

#endif
