/* SPDX-License-Identifier: Apache-2.0 */
#include "classifier.h"

#include <errno.h>

#include <bpf/libbpf.h>

#include "error.h"
#include "meter.skel.h"

struct Classifier {
	struct meter_bpf *skeleton;
};

/* The program gets the maps that all share in place of those which its object file describes. */
static int share_maps(struct meter_bpf *skeleton, const Cache *cache, const Scope *scope,
		      int ledger_fd)
{
	const struct {
		struct bpf_map *map;
		int fd;
	} shared[] = {
		{ skeleton->maps.data_control, cache_map_fd(cache, CACHE_CONTROL) },
		{ skeleton->maps.hosts, cache_map_fd(cache, CACHE_HOSTS) },
		{ skeleton->maps.macs, cache_map_fd(cache, CACHE_MACS) },
		{ skeleton->maps.local_prefixes, scope_map_fd(scope, SCOPE_MAP_LOCAL) },
		{ skeleton->maps.scope_prefixes, scope_map_fd(scope, SCOPE_MAP_NOT_INTERNET) },
		{ skeleton->maps.bss, scope_map_fd(scope, SCOPE_MAP_HINTS) },
		{ skeleton->maps.ledger, ledger_fd },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(shared); i++) {
		int result = bpf_map__reuse_fd(shared[i].map, shared[i].fd);

		if (result < 0)
			return result;
	}
	return 0;
}

Classifier *classifier_load(Cache *cache, const Scope *scope, uint32_t ifindex, enum side side,
			    GError **error)
{
	g_autoptr(Classifier) classifier = g_new0(Classifier, 1);
	int ledger_fd = cache_ensure_ledger(cache, ifindex, error);
	int result;

	if (ledger_fd < 0)
		return NULL;
	classifier->skeleton = meter_bpf__open();
	if (!classifier->skeleton) {
		error_from_errno(error, errno, "open the classifier");
		return NULL;
	}
	classifier->skeleton->rodata->point_ifindex = ifindex;
	classifier->skeleton->rodata->point_number = cache_point_number(cache, ifindex);
	classifier->skeleton->rodata->point_side = (__u8)side;
	result = share_maps(classifier->skeleton, cache, scope, ledger_fd);
	if (!result)
		result = meter_bpf__load(classifier->skeleton);
	if (result < 0) {
		error_from_errno(error, result, "load the classifier");
		return NULL;
	}
	return g_steal_pointer(&classifier);
}

void classifier_free(Classifier *classifier)
{
	if (!classifier)
		return;
	meter_bpf__destroy(classifier->skeleton);
	g_free(classifier);
}

int classifier_program_fd(const Classifier *classifier, enum hook hook)
{
	const struct meter_bpf *skeleton = classifier->skeleton;

	return bpf_program__fd(hook == HOOK_INGRESS ? skeleton->progs.flowtally_ingress :
						      skeleton->progs.flowtally_egress);
}
