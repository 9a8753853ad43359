#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Time that does not pass as it should: the clock is set, forth and back, the agent is stopped for a while, or both, as when
# a machine has slept. Intervals go by the monotonic clock, no record ends before it begins, each begins where the one before
# ended or as much earlier as has elapsed, flows stay, and the sums hold.
#
# The agent's clock alone is set, by libfaketime: others use the machine's. How long it is stopped is FAULTS_SECONDS, a minute at most.

load lib
load faults

setup() {
	((SLOW == 1)) || skip "by the clock this machine is too slow"
	setup_lab 1
	mkdir -p "$WORK/$DISK"/{run,state,textfile,lines,spool}
}

teardown() {
	stop_traffic
	teardown_lab
}

generation() {
	ask status -o json | jq .generation
}

is_beyond() {
	(($(generation) > $1))
}

# As wait_sweeps, which goes by their times.
wait_sweeps() {
	eventually 10 is_beyond "$(generation)"
	eventually 10 is_beyond "$(generation)"
}

# All forms are whole, and no flow that goes on has ended.
is_in_order() {
	promtool check metrics <"$WORK/$DISK/textfile/flowtally.prom"
	ask hosts --since 1h -o json | jq -e '.hosts | length > 0' >/dev/null
	ledger_balances
	same 0 "$(grep -c '"record":"flow"' "$WORK/beside.json" || :)"
}

# The times of all reports, in milliseconds: START END LENGTH AFTER, which is how much later than the end of the one before.
reports() {
	ipfix_records 4740 | jq -r 'select(.octetDeltaCount) | "\(.flowStartMilliseconds)Z\t\(.flowEndMilliseconds)Z"' | uniq |
		/usr/bin/python3 -c '
import datetime, sys
before = None
for line in sys.stdin:
    start, end = (round(datetime.datetime.fromisoformat(word[:-1] + "+00:00").timestamp() * 1000) for word in line.strip().split("\t"))
    print(start, end, end - start, start - before if before else 0)
    before = end'
}

# finish_time STEPS ELAPSED: the clock was set so many times, and this is how many seconds went by.
finish_time() {
	local length

	end_traffic
	wait_sweeps
	sums_agree
	stop_agent
	stop_collectors
	same "$SENT" "$(nfdump_sums | uploads)"
	same "$SENT" "$(ipfix_sums 4740 | uploads)"
	reports >"$WORK/reports"
	same 0 "$(awk '$3 < 0' "$WORK/reports" | wc -l)"
	same "$1" "$(awk '$4 != 0' "$WORK/reports" | wc -l)"
	length=$(awk '{ sum += $3 } END { print int(sum / 1000) }' "$WORK/reports")
	echo "reports: $(wc -l <"$WORK/reports"), $length s of $2 s"
	((length <= $2 + 1))
	jq -es 'all(.[]; .start <= .end)' "$WORK/beside.json" >/dev/null
	same "$SENT" "$(jq -s 'map(select(.record == "flow" and .direction == "ingress").packets) | add' "$WORK/beside.json")"
	fails grep -vE ': HTTP: listening|: metering by|: ready$|4741: connect: Connection refused|: no longer metered' "$WORK/agent.log"
}

@test "the clock is set forth and back, by a day, by years, to 1973" {
	local offset begin=$SECONDS

	configure_all timeout=1h
	start_nfcapd
	start_record
	start_with_a_clock
	begin_traffic 1000
	all_advance
	for offset in +86400 -86400 +315360000 -1700000000 +0; do
		set_clock "$offset"
		wait_sweeps
		all_advance
		is_in_order
	done
	finish_time 5 $((SECONDS - begin))
}

# All of its processes.
signal_all() {
	# shellcheck disable=SC2046  # numbers
	kill "-$1" "$AGENT" $(pgrep -P "$AGENT")
}

# stop_and_go SECONDS [CLOCK]: what comes after is no burst
stop_and_go() {
	local before start

	signal_all STOP
	sleep "$1"
	if [[ ${2:-} ]]; then
		set_clock "$2"
	fi
	signal_all CONT
	before=$(generation)
	start=${EPOCHREALTIME/./}
	wait_sweeps
	wait_sweeps
	all_advance
	# One in 200 ms, and some at the beginning.
	(($(generation) - before <= (${EPOCHREALTIME/./} - start) / 200000 + 4))
	is_in_order
}

@test "stopped for a while, and with a clock that went on, as when the machine has slept" {
	local seconds=${FAULTS_SECONDS:-4} begin=$SECONDS

	((seconds <= 60)) || seconds=60

	configure_all timeout=1h
	start_nfcapd
	start_record
	start_with_a_clock
	begin_traffic 1000
	all_advance
	stop_and_go "$seconds"
	stop_and_go "$seconds" +28800
	finish_time 1 $((SECONDS - begin))
	# Each time it was one report that was late.
	same 2 "$(awk -v ms="$((seconds * 1000))" '$3 >= ms' "$WORK/reports" | wc -l)"
}
