/* SPDX-License-Identifier: Apache-2.0 */
#include "expiry.h"

#include <stddef.h>

#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

bool expiry_has_ended(const FlowLife *life)
{
	uint16_t both = life->tcp_flags | life->reverse_tcp_flags;

	if (life->protocol != IPPROTO_TCP)
		return false;
	if (both & TH_RST)
		return true;
	return life->tcp_flags & TH_FIN &&
	       (!life->reverse_tcp_flags || life->reverse_tcp_flags & TH_FIN);
}

FlowEnd expiry_of(const FlowLife *life, const FlowTimeouts *timeouts, uint64_t now_ms)
{
	bool ended = expiry_has_ended(life);
	const struct {
		bool applies;
		uint64_t since_ms;
		uint64_t timeout_ms;
		FlowEnd end;
	} rules[] = {
		/* the first that is due */
		{ ended, life->end_ms, timeouts->ended_ms, FLOW_ENDED },
		{ true, life->end_ms, timeouts->idle_ms, ended ? FLOW_ENDED : FLOW_IDLE },
		{ life->start_ms, life->start_ms,
		  timeouts->active_ms + (ended ? timeouts->ended_ms : 0), FLOW_ACTIVE },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
		uint64_t elapsed_ms = now_ms > rules[i].since_ms ? now_ms - rules[i].since_ms : 0;

		if (rules[i].applies && elapsed_ms >= rules[i].timeout_ms)
			return rules[i].end;
	}
	return FLOW_GOES_ON;
}
