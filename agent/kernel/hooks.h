/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our classifier at both hooks of an interface, by tcx or by a clsact qdisc.
 *
 * All of this needs CAP_NET_ADMIN, and CAP_SYS_ADMIN where the interface is in another network namespace.
 */
#ifndef FLOWTALLY_HOOKS_H
#define FLOWTALLY_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "classifier.h"
#include "records.h"

typedef enum {
	HOOK_KIND_NONE,
	HOOK_KIND_TCX,
	HOOK_KIND_CLSACT,
	HOOK_KINDS,
} HookKind;

/* How the programs are called. */
#define HOOKS_PROGRAM_PREFIX "flowtally_"

extern const char *const hook_kind_names[HOOK_KINDS]; /* none, tcx, clsact */

/* Where: fixed-size, as it crosses a socket (broker.h). */
typedef struct {
	uint32_t ifindex;
	char name[16]; /* for errors */
} HooksPlace;

/* How; of what is attached already only `prefer` is asked. */
typedef struct {
	HookKind prefer;   /* NONE: tcx where the kernel has it */
	bool last;	   /* after the programs of others, not before them */
	uint32_t priority; /* clsact: of the filters; 0: as `last` says */
	uint32_t handle;   /* clsact */
} HooksOptions;

/* What is attached. */
typedef struct {
	HookKind kind;
	uint32_t priority[HOOKS]; /* clsact: of our filters */
	uint32_t handle;	  /* the same */
	bool made_clsact;	  /* the qdisc is ours */
	int links[HOOKS];	  /* tcx: owned by whoever holds the struct; else -1 */
} Hooks;

void hooks_init(Hooks *hooks);
void hooks_close(Hooks *hooks); /* the links' descriptors, not what is attached */

/*
 * Attaches the programs, or replaces those that @hooks says are attached without missing a frame. If any of
 * it fails, what was there before stays where it can, and what is new goes.
 */
bool hooks_attach(int netns_fd, const HooksPlace *place, const HooksOptions *options,
		  const int programs[HOOKS], Hooks *hooks, GError **error);

/* What is not there is no error. */
bool hooks_detach(int netns_fd, const HooksPlace *place, Hooks *hooks, GError **error);

/* Looks: whether both are attached still, and how many programs of others come before ours (-1: it cannot
 * be told). */
typedef struct {
	bool attached;
	int before[HOOKS];
} HooksState;
HooksState hooks_look(int netns_fd, const HooksPlace *place, const Hooks *hooks);

/* A program of ours, or of another agent's like us. */
typedef struct {
	HookKind kind;
	uint32_t id;	   /* the kernel's for the program */
	uint32_t priority; /* clsact */
	uint32_t handle;   /* clsact */
	int64_t loaded_s;  /* since the epoch; 0: not known without CAP_SYS_ADMIN */
} HookProgram;
GArray *hooks_list(int netns_fd, uint32_t ifindex, enum hook hook); /* the caller's to unref */

#endif
