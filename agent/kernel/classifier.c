/* SPDX-License-Identifier: Apache-2.0 */
#include "classifier.h"

#include <errno.h>

#include <bpf/libbpf.h>

#include "base/error.h"
#include "meter.skel.h"

struct Classifier {
	struct meter_bpf *skeleton;
};

/* The program gets the maps that all share in place of those which its object file describes. */
static int share_maps(struct meter_bpf *skeleton, const int fds[CLASSIFIER_MAPS])
{
	struct bpf_map *const maps[CLASSIFIER_MAPS] = {
		[CLASSIFIER_CONTROL] = skeleton->maps.data_control,
		[CLASSIFIER_HOSTS] = skeleton->maps.hosts,
		[CLASSIFIER_MACS] = skeleton->maps.macs,
		[CLASSIFIER_FLOWS_IPV4] = skeleton->maps.flows_ipv4,
		[CLASSIFIER_FLOWS_IPV6] = skeleton->maps.flows_ipv6,
		[CLASSIFIER_FRAGMENTS] = skeleton->maps.fragments,
		[CLASSIFIER_PAIRS] = skeleton->maps.pairs,
		[CLASSIFIER_STAMPS] = skeleton->maps.stamps,
		[CLASSIFIER_LOCAL_PREFIXES] = skeleton->maps.local_prefixes,
		[CLASSIFIER_SCOPE_PREFIXES] = skeleton->maps.scope_prefixes,
		[CLASSIFIER_SCOPE_HINTS] = skeleton->maps.scope_hints,
		[CLASSIFIER_LEDGER] = skeleton->maps.ledger,
	};

	for (int map = 0; map < CLASSIFIER_MAPS; map++) {
		int result = bpf_map__reuse_fd(maps[map], fds[map]);

		if (result < 0)
			return result;
	}
	return 0;
}

Classifier *classifier_load(const ClassifierPoint *point, const int maps[CLASSIFIER_MAPS],
			    GError **error)
{
	g_autoptr(Classifier) classifier = g_new0(Classifier, 1);
	int result;

	classifier->skeleton = meter_bpf__open();
	if (!classifier->skeleton) {
		error_from_errno(error, errno, "open the classifier");
		return NULL;
	}
	classifier->skeleton->rodata->point_number = point->number;
	classifier->skeleton->rodata->point_home = point->home;
	classifier->skeleton->rodata->point_side = point->side;
	classifier->skeleton->rodata->point_layer = point->layer;
	classifier->skeleton->rodata->point_meter = point->meter;
	classifier->skeleton->rodata->point_flows_at = point->flows_at;
	classifier->skeleton->rodata->point_flow_key = point->flow_key;
	classifier->skeleton->rodata->point_sampling = point->sampling.one_of;
	classifier->skeleton->rodata->point_sampling_of = (uint8_t)point->sampling.of;
	classifier->skeleton->rodata->point_sampling_seed = point->sampling.seed;
	result = share_maps(classifier->skeleton, maps);
	if (!result)
		result = meter_bpf__load(classifier->skeleton);
	if (result == 0)
		return g_steal_pointer(&classifier);
	if (result == -EPERM)
		g_set_error_literal(error, FLOWTALLY_ERROR, EPERM,
				    "load the classifier: needs CAP_BPF and CAP_NET_ADMIN");
	else
		error_from_errno(error, result, "load the classifier");
	return NULL;
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
