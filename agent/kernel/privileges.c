/* SPDX-License-Identifier: Apache-2.0 */
#include "privileges.h"

#include <errno.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/error.h"

/* The headers here may be older than the kernel. */
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

/* Maps and programs; hooks; network namespaces and a bpffs, where we have been given that much. */
static const cap_value_t broker_keeps[] = { CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN };

static bool has(cap_value_t capability)
{
	cap_t now = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	if (now && cap_get_flag(now, capability, CAP_PERMITTED, &value) < 0)
		value = CAP_CLEAR;
	cap_free(now);
	return value == CAP_SET;
}

/* Of @wanted those that there are become effective; permitted are those, and no others for ever. */
static bool reduce_to(const cap_value_t *wanted, int n)
{
	cap_t reduced = cap_init();
	bool ok = reduced;

	for (int i = 0; i < n && ok; i++) {
		if (has(wanted[i]))
			ok = cap_set_flag(reduced, CAP_PERMITTED, 1, &wanted[i], CAP_SET) == 0 &&
			     cap_set_flag(reduced, CAP_EFFECTIVE, 1, &wanted[i], CAP_SET) == 0;
	}
	ok = ok && cap_set_proc(reduced) == 0;
	cap_free(reduced);
	return ok;
}

/*
 * To other processes of the same user, also to what hooks run and to one another: nobody reads or changes our memory,
 * which has keys in it, and none of it gets into a core file.
 */
static void close_memory(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Neither by a set-user-ID program nor by one of root's. */
static void renounce_new_ones(void)
{
	(void)cap_reset_ambient();
	for (cap_value_t capability = 0; CAP_IS_SUPPORTED(capability); capability++)
		(void)cap_drop_bound(capability);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Before Linux 5.11 the memory of maps counts for a limit of the user's. */
static void lift_limit(void)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	(void)setrlimit(RLIMIT_MEMLOCK, &none);
}

void privileges_keep_for_broker(void)
{
	lift_limit();
	close_memory();
	renounce_new_ones();
	(void)reduce_to(broker_keeps, G_N_ELEMENTS(broker_keeps));
}

/* With no effective capability: whether a map that we hold can be read. */
static bool may_read(int map)
{
	const uint32_t key = 0;
	uint32_t value;

	return bpf_map_lookup_elem(map, &key, &value) == 0 || errno != EPERM;
}

/* That is tried out with a map of our own. */
bool privileges_must_keep_bpf(void)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "flowtally_probe", sizeof(uint32_t),
				 sizeof(uint32_t), 1, NULL);
	cap_t before = cap_get_proc(), none = cap_dup(before);
	bool must;

	cap_clear_flag(none, CAP_EFFECTIVE);
	must = map >= 0 && cap_set_proc(none) == 0 && !may_read(map);
	(void)cap_set_proc(before);
	cap_free(before);
	cap_free(none);
	if (map >= 0)
		close(map);
	return must;
}

bool privileges_drop(GError **error)
{
	static const cap_value_t bpf = CAP_BPF;
	bool keep = privileges_must_keep_bpf();

	if (keep)
		g_message("this kernel lets nobody read maps without CAP_BPF (Linux 5.19 does): it "
			  "is kept");
	close_memory();
	renounce_new_ones();
	if (reduce_to(&bpf, keep ? 1 : 0))
		return true;
	error_from_errno(error, errno, "give up capabilities");
	return false;
}

char *privileges_missing(void)
{
	const char *missing[3] = { 0 };
	size_t n = 0;

	if (!has(CAP_BPF))
		missing[n++] = "CAP_BPF";
	if (!has(CAP_NET_ADMIN))
		missing[n++] = "CAP_NET_ADMIN";
	return g_strjoinv(", ", (char **)missing);
}

bool privileges_have_sys_admin(void)
{
	return has(CAP_SYS_ADMIN);
}
