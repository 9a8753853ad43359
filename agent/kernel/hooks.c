/* SPDX-License-Identifier: Apache-2.0 */
#include "hooks.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/error.h"
#include "netns.h"
#include "tc.h"
#include "tcx.h"

/* Priorities have 16 bits. */
#define LAST_PRIORITY 65535

const char *const hook_kind_names[HOOK_KINDS] = {
	[HOOK_KIND_NONE] = "none",
	[HOOK_KIND_TCX] = "tcx",
	[HOOK_KIND_CLSACT] = "clsact",
};

void hooks_init(Hooks *hooks)
{
	*hooks = (Hooks){ .kind = HOOK_KIND_NONE };
	memset(hooks->links, -1, sizeof(hooks->links));
}

void hooks_close(Hooks *hooks)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		if (hooks->links[hook] >= 0)
			close(hooks->links[hook]);
		hooks->links[hook] = -1;
	}
}

static bool attach_tcx(const HooksPlace *place, const HooksOptions *options,
		       const int programs[HOOKS], Hooks *hooks, GError **error)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		hooks->links[hook] = tcx_attach(place->ifindex, place->name, hook, programs[hook],
						!options->last, error);
		if (hooks->links[hook] < 0) {
			/* What is attached goes with its descriptor. */
			hooks_close(hooks);
			return false;
		}
	}
	hooks->kind = HOOK_KIND_TCX;
	return true;
}

static bool replace_tcx(const HooksPlace *place, const int programs[HOOKS], const Hooks *hooks,
			GError **error)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		if (!tcx_replace(hooks->links[hook], place->name, hook, programs[hook], error))
			return false;
	}
	return true;
}

static bool detach_clsact(const HooksPlace *place, Hooks *hooks, GError **error)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		if (!tc_detach(place->ifindex, place->name, hook, hooks->handle, error))
			return false;
	}
	if (hooks->made_clsact && !tc_remove_clsact_if_empty(place->ifindex, place->name, error))
		return false;
	hooks->made_clsact = false;
	return true;
}

static bool put_filters(const HooksPlace *place, const int programs[HOOKS], Hooks *hooks,
			GError **error)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		if (!tc_attach(place->ifindex, place->name, hook, hooks->handle, programs[hook],
			       &hooks->priority[hook], error))
			return false;
	}
	return true;
}

static bool attach_clsact(const HooksPlace *place, const HooksOptions *options,
			  const int programs[HOOKS], Hooks *hooks, GError **error)
{
	bool made;

	if (!tc_ensure_clsact(place->ifindex, place->name, &made, error))
		return false;
	hooks->made_clsact |= made;
	if (hooks->kind == HOOK_KIND_NONE) {
		hooks->handle = options->handle;
		for (int hook = 0; hook < HOOKS; hook++)
			hooks->priority[hook] = options->priority ? options->priority :
						options->last	  ? LAST_PRIORITY :
								    0;
	}
	if (put_filters(place, programs, hooks, error)) {
		hooks->kind = HOOK_KIND_CLSACT;
		return true;
	}
	(void)detach_clsact(place, hooks, NULL);
	hooks->kind = HOOK_KIND_NONE;
	return false;
}

static bool attach_new(const HooksPlace *place, const HooksOptions *options,
		       const int programs[HOOKS], Hooks *hooks, GError **error)
{
	if (options->prefer == HOOK_KIND_CLSACT ||
	    (options->prefer == HOOK_KIND_NONE && !tcx_is_supported()))
		return attach_clsact(place, options, programs, hooks, error);
	if (tcx_is_supported())
		return attach_tcx(place, options, programs, hooks, error);
	error_set(error, "%s: attach by tcx: this kernel has no tcx (Linux 6.6 has)", place->name);
	return false;
}

static bool attach(const HooksPlace *place, const HooksOptions *options, const int programs[HOOKS],
		   Hooks *hooks, GError **error)
{
	switch (hooks->kind) {
	case HOOK_KIND_TCX:
		return replace_tcx(place, programs, hooks, error);
	case HOOK_KIND_CLSACT:
		return attach_clsact(place, options, programs, hooks, error);
	default:
		return attach_new(place, options, programs, hooks, error);
	}
}

bool hooks_attach(int netns_fd, const HooksPlace *place, const HooksOptions *options,
		  const int programs[HOOKS], Hooks *hooks, GError **error)
{
	bool attached;

	if (!netns_enter(netns_fd, error)) {
		g_prefix_error(error, "%s: ", place->name);
		return false;
	}
	attached = attach(place, options, programs, hooks, error);
	netns_leave(netns_fd);
	return attached;
}

bool hooks_detach(int netns_fd, const HooksPlace *place, Hooks *hooks, GError **error)
{
	bool detached = true;

	if (hooks->kind == HOOK_KIND_CLSACT) {
		if (!netns_enter(netns_fd, error)) {
			g_prefix_error(error, "%s: ", place->name);
			return false;
		}
		detached = detach_clsact(place, hooks, error);
		netns_leave(netns_fd);
	}
	for (int hook = 0; hook < HOOKS; hook++) {
		if (hooks->links[hook] >= 0)
			tcx_detach(hooks->links[hook]);
	}
	if (detached)
		hooks->kind = HOOK_KIND_NONE;
	return detached;
}

static bool is_attached(const HooksPlace *place, const Hooks *hooks, enum hook hook)
{
	switch (hooks->kind) {
	case HOOK_KIND_TCX:
		return tcx_is_attached(hooks->links[hook], place->ifindex);
	case HOOK_KIND_CLSACT:
		return tc_is_attached(place->ifindex, hook, hooks->handle);
	default:
		return false;
	}
}

/* All programs of tcx come before the filters of clsact. */
static int programs_before(const HooksPlace *place, const Hooks *hooks, enum hook hook)
{
	uint32_t ids[TCX_MAX_PROGRAMS];
	int filters;

	if (hooks->kind == HOOK_KIND_TCX)
		return tcx_programs_before(hooks->links[hook], place->ifindex, hook);
	filters = tc_filters_before(place->ifindex, hook, hooks->handle);
	return filters < 0 ? filters : filters + (int)tcx_list(place->ifindex, hook, ids);
}

HooksState hooks_look(int netns_fd, const HooksPlace *place, const Hooks *hooks)
{
	HooksState state = { .attached = true, .before = { -1, -1 } };

	if (!netns_enter(netns_fd, NULL))
		return (HooksState){ .before = { -1, -1 } };
	for (int hook = 0; hook < HOOKS; hook++) {
		state.attached &= is_attached(place, hooks, hook);
		if (state.attached)
			state.before[hook] = programs_before(place, hooks, hook);
	}
	netns_leave(netns_fd);
	return state;
}

/* When a program was loaded, and whether it is called like ours. */
static bool read_program(HookProgram *program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	struct timespec boot, now;
	int fd = bpf_prog_get_fd_by_id(program->id);
	bool read = fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0;

	if (fd >= 0)
		close(fd);
	if (!read)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	program->loaded_s = now.tv_sec - boot.tv_sec + (int64_t)(info.load_time / 1000000000u);
	return g_str_has_prefix(info.name, HOOKS_PROGRAM_PREFIX);
}

static void list_tcx(GArray *programs, uint32_t ifindex, enum hook hook)
{
	uint32_t ids[TCX_MAX_PROGRAMS];
	size_t n = tcx_list(ifindex, hook, ids);

	for (size_t i = 0; i < n; i++) {
		HookProgram program = { .kind = HOOK_KIND_TCX, .id = ids[i] };

		if (read_program(&program))
			g_array_append_val(programs, program);
	}
}

static void add_filter(uint32_t priority, uint32_t handle, uint32_t program_id, void *user_data)
{
	HookProgram program = {
		.kind = HOOK_KIND_CLSACT,
		.id = program_id,
		.priority = priority,
		.handle = handle,
	};

	(void)read_program(&program);
	g_array_append_val((GArray *)user_data, program);
}

GArray *hooks_list(int netns_fd, uint32_t ifindex, enum hook hook)
{
	GArray *programs = g_array_new(FALSE, FALSE, sizeof(HookProgram));

	if (!netns_enter(netns_fd, NULL))
		return programs;
	list_tcx(programs, ifindex, hook);
	tc_list(ifindex, hook, add_filter, programs);
	netns_leave(netns_fd);
	return programs;
}
