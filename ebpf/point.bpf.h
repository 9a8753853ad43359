/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What an instance of the classifier is for: set between open and load, so that the kernel removes the
 * code which is not asked for.
 */
#ifndef FLOWTALLY_POINT_BPF_H
#define FLOWTALLY_POINT_BPF_H

#include <stdbool.h>

#include "records.h"

const volatile __u16 point_number;				    /* below POINT_NUMBERS */
const volatile __u8 point_side;					    /* enum side */
const volatile __u8 point_layer;				    /* enum link_layer */
const volatile __u8 point_meter = METER_HOSTS;			    /* of enum meter */
const volatile __u8 point_flows_at = FLOWS_STAYING | FLOWS_LEAVING; /* of enum flows_at */
const volatile __u8 point_flow_key = FLOW_BY_ALL;		    /* of enum flow_key_part */
const volatile __u32 point_sampling = 1;			    /* one of so many, 1: all */
const volatile __u8 point_sampling_of;				    /* enum flow_sampling */
const volatile __u64 point_sampling_seed;			    /* of SAMPLE_FLOWS */

static __always_inline bool meters_hosts(void)
{
	return point_meter & METER_HOSTS;
}

static __always_inline bool meters_flows(void)
{
	return point_meter & METER_FLOWS;
}

static __always_inline bool meters_sizes(void)
{
	return point_meter & METER_SIZES;
}

static __always_inline bool meters_latency(void)
{
	return point_meter & METER_LATENCY;
}

static __always_inline bool samples(enum flow_sampling what)
{
	return point_sampling > 1 && point_sampling_of == what;
}

static __always_inline bool tells_apart(enum flow_key_part part)
{
	return point_flow_key & part;
}

#endif
