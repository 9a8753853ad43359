/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clsact qdisc of an interface and our filters in it.
 *
 * Ours are told from others' by kind, handle and the program's name. All of this is done in the network
 * namespace that the thread is in. Filters of other programs are
 * never touched, and the qdisc goes only if we made it and nothing else is left in it.
 */
#ifndef FLOWTALLY_TC_H
#define FLOWTALLY_TC_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "records.h"

/* The upper half of our filters' handles, in hexadecimal as tc(8) shows it: as near to "flow" as it gets.
 * The lower half tells agents apart. */
#define TC_HANDLE 0xf10a0000u

/*
 * Makes the clsact qdisc if it is not there; @made says which. Fails where an ingress qdisc takes
 * its place: that has no egress hook. Errors name the interface and the reason.
 */
bool tc_ensure_clsact(uint32_t ifindex, const char *name, bool *made, GError **error);

/*
 * Attaches the program @prog_fd at @hook, in direct action, or replaces our filter there by it
 * without missing a frame; then it keeps its place. A new one is put at *@priority. Where that is 0
 * it stands before all others if it can: at the first priority which no filter of another kind or
 * protocol holds, and there in front, where the kernel puts a new filter. Then *@priority is the one
 * that it was; before 1 there is none.
 */
bool tc_attach(uint32_t ifindex, const char *name, enum hook hook, uint32_t handle, int prog_fd,
	       uint32_t *priority, GError **error);

/* True also if there is none of ours, or no such interface any more. */
bool tc_detach(uint32_t ifindex, const char *name, enum hook hook, uint32_t handle, GError **error);

/* Whether a filter of ours is attached at @hook. */
bool tc_is_attached(uint32_t ifindex, enum hook hook, uint32_t handle);

/*
 * How many filters come before ours, and may hide frames from it: those that hold a lower priority, or
 * were added at ours later. -1: ours is not there.
 */
int tc_filters_before(uint32_t ifindex, enum hook hook, uint32_t handle);

/* Calls @on_ours for each filter at @hook that is called like ours, whatever its handle. */
typedef void (*TcOnOurs)(uint32_t priority, uint32_t handle, uint32_t program_id, void *user_data);
void tc_list(uint32_t ifindex, enum hook hook, TcOnOurs on_ours, void *user_data);

/* Removes the clsact qdisc if no filter of anybody's is left in it. */
bool tc_remove_clsact_if_empty(uint32_t ifindex, const char *name, GError **error);

#endif
