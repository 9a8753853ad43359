/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What needs capabilities, and nothing else: a small process of its own does it for the agent, which has
 * none. The agent parses, listens, encodes and stores; were it taken over, all it could have done is what
 * stands here.
 *
 * The requests go over a pair of sockets, one at a time. As long as no process has been started, they are
 * carried out in place, with the caller's own capabilities.
 */
#ifndef FLOWTALLY_BROKER_H
#define FLOWTALLY_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "classifier.h"
#include "hooks.h"
#include "mapspecs.h"
#include "offload.h"

/*
 * Starts the process; it keeps those of CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN that we have, and ends
 * when we do. To be called before anything else is opened.
 */
bool broker_start(GError **error);

/*
 * What the process does: requests from @socket, until it hangs up or sends what is none (brokermessage.h). For pins it
 * knows one directory, the first that it is asked for.
 */
void broker_serve(int socket);

/* Ends it. */
void broker_stop(void);

/* The descriptor that hangs up if it dies, without which nothing more can be attached; -1: not started. */
int broker_fd(void);

/* As map_create(), ticks_open() and netlink_socket(), the latter in the namespace @netns_fd (-1: the own). */
int broker_make_map(MapKind kind, uint32_t max_entries, int inner_fd, GError **error);
int broker_load_ticks(GError **error);
int broker_netlink_socket(int netns_fd, int len, GError **error);

/* Mounts a bpffs on @directory, which must be empty and its owner's who runs us, unless it is on one. */
bool broker_mount_pins(const char *directory, GError **error);
void broker_unmount_pins(const char *directory);

/* Loads the classifier of a point with @maps, and attaches it as hooks_attach() does. */
bool broker_attach(int netns_fd, const HooksPlace *place, const HooksOptions *options,
		   const ClassifierPoint *point, const int maps[CLASSIFIER_MAPS], Hooks *hooks,
		   GError **error);

/* As hooks_detach() and hooks_look(). */
bool broker_detach(int netns_fd, const HooksPlace *place, Hooks *hooks, GError **error);
HooksState broker_look(int netns_fd, const HooksPlace *place, const Hooks *hooks);

/* As offload_read(). */
bool broker_read_offloads(int netns_fd, const char *name, OffloadSet *offloads, GError **error);

#endif
