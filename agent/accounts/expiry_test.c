/* SPDX-License-Identifier: Apache-2.0 */
#include "expiry.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "test.h"

#define START 1000000
#define LAST 1060000

static const FlowTimeouts timeouts = { .active_ms = 100000, .idle_ms = 15000, .ended_ms = 5000 };

/* A flow of a kind, and what becomes of it at a moment. */
typedef struct {
	const char *what;
	FlowLife life;
	uint64_t now_ms;
	FlowEnd end;
} Case;

/* clang-format off */
#define UDP { START, LAST, IPPROTO_UDP, 0, 0 }
#define TCP(flags, reverse) { START, LAST, IPPROTO_TCP, flags, reverse }

static const Case cases[] = {
	{ "goes on", UDP, LAST, FLOW_GOES_ON },
	{ "goes on until idle", UDP, LAST + 14999, FLOW_GOES_ON },
	{ "is idle", UDP, LAST + 15000, FLOW_IDLE },
	{ "goes on until active", { START, START + 99999, IPPROTO_UDP, 0, 0 }, START + 99999, FLOW_GOES_ON },
	{ "is active", { START, START + 99999, IPPROTO_UDP, 0, 0 }, START + 100000, FLOW_ACTIVE },
	{ "is idle rather than active", { START, START + 85000, IPPROTO_UDP, 0, 0 }, START + 100000, FLOW_IDLE },
	{ "has nothing to report", { 0, LAST, IPPROTO_UDP, 0, 0 }, LAST + 14999, FLOW_GOES_ON },
	{ "has nothing to report, idle", { 0, LAST, IPPROTO_UDP, 0, 0 }, LAST + 15000, FLOW_IDLE },
	{ "ends in the future", UDP, START - 1000000, FLOW_GOES_ON },
	{ "is open", TCP(TH_SYN | TH_ACK, TH_SYN | TH_ACK), LAST + 5000, FLOW_GOES_ON },
	{ "is open and idle", TCP(TH_SYN | TH_ACK, TH_SYN | TH_ACK), LAST + 15000, FLOW_IDLE },
	{ "lingers", TCP(TH_FIN, TH_FIN), LAST + 4999, FLOW_GOES_ON },
	{ "ends by FIN both ways", TCP(TH_FIN | TH_ACK, TH_FIN | TH_ACK), LAST + 5000, FLOW_ENDED },
	{ "has closed this half", TCP(TH_FIN | TH_ACK, TH_ACK), LAST + 5000, FLOW_GOES_ON },
	{ "has closed the other half", TCP(TH_ACK, TH_FIN | TH_ACK), LAST + 5000, FLOW_GOES_ON },
	{ "is closed as far as it is seen", TCP(TH_FIN | TH_ACK, 0), LAST + 5000, FLOW_ENDED },
	{ "is reset", TCP(TH_RST, TH_ACK), LAST + 5000, FLOW_ENDED },
	{ "is reset by the other end", TCP(TH_ACK, TH_RST), LAST + 5000, FLOW_ENDED },
	{ "is reset without an answer", TCP(TH_RST, 0), LAST + 4999, FLOW_GOES_ON },
	{ "is not TCP", { START, LAST, IPPROTO_UDP, TH_RST, TH_RST }, LAST + 5000, FLOW_GOES_ON },
	{ "lingers when it would be active", { START, START + 97000, IPPROTO_TCP, TH_RST, 0 }, START + 100000,
	  FLOW_GOES_ON },
	{ "lingers for ever", { START, START + 104000, IPPROTO_TCP, TH_RST, 0 }, START + 105000, FLOW_ACTIVE },
};
/* clang-format on */

static void reason_is_that_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		FlowEnd end = expiry_of(&cases[i].life, &timeouts, cases[i].now_ms);

		if (end != cases[i].end)
			fail_msg("\"%s\": %d, not %d", cases[i].what, (int)end, (int)cases[i].end);
	}
}

static void ended_flow_waits_no_longer_than_an_idle_one(void **state)
{
	const FlowTimeouts patient = { .active_ms = 100000, .idle_ms = 15000, .ended_ms = 60000 };
	const FlowLife life = TCP(TH_RST, 0);

	(void)state;
	assert_int_equal(expiry_of(&life, &patient, LAST + 14999), FLOW_GOES_ON);
	assert_int_equal(expiry_of(&life, &patient, LAST + 15000), FLOW_ENDED);
}

static void timeout_of_nothing_is_over_at_once(void **state)
{
	const FlowTimeouts eager = { .active_ms = 0, .idle_ms = 15000, .ended_ms = 0 };
	const FlowLife udp = UDP, tcp = TCP(TH_RST, 0);

	(void)state;
	assert_int_equal(expiry_of(&udp, &eager, LAST), FLOW_ACTIVE);
	assert_int_equal(expiry_of(&tcp, &eager, LAST), FLOW_ENDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reason_is_that_of_the_table),
		cmocka_unit_test(ended_flow_waits_no_longer_than_an_idle_one),
		cmocka_unit_test(timeout_of_nothing_is_over_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
