#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# SCTP, where the kernel has it.

load lib
load transports

setup() {
	setup_lab
	LISTENER=
	write_config hosts='{ max: 8192 }' collectors='[{ address: "127.0.0.1:4743", transport: sctp, queue-mib: 1 }, { address: "127.0.0.1:4740" }]'
}

teardown() {
	if [[ $LISTENER ]]; then
		stop_listener KILL
	fi
	teardown_lab
}

@test "a kernel without SCTP is said, once, and costs the others nothing" {
	if has_sctp; then
		skip "this kernel has SCTP"
	fi
	start_record
	start_agent
	eventually 10 collector_is last_error '"this kernel has no SCTP"'
	traffic
	wait_sweeps
	(($(collector queued) > 0))
	same 0 "$(collector dropped_records 1)"
	same 1 "$(grep -c 'collector 127.0.0.1:4743: this kernel has no SCTP' "$WORK/agent.log")"
	stop_agent
}

@test "over SCTP a collector has all there is, and so it is when it comes back" {
	has_sctp || skip "this kernel has no SCTP"
	start_record
	start_sctp_collector
	start_agent
	eventually 10 collector_is state '"open"'
	traffic
	wait_sweeps
	eventually 10 nothing_waits
	stop_listener
	traffic
	wait_sweeps
	start_sctp_collector
	eventually 30 collector_is state '"open"'
	traffic
	finish
	agrees_with_record 4743
	arrives_by 4743 0
	sessions_are 2 4743
}

@test "over SCTP who reads nothing loses what is counted, and finds it by the gap in the sequence" {
	has_sctp || skip "this kernel has no SCTP"
	start_record
	start_sctp_collector
	start_agent
	eventually 10 collector_is state '"open"'
	kill -STOP -- "-$LISTENER"
	# A guest is slow; in small steps it gets there, too.
	eventually 200 flood_until_dropped 4000
	kill -CONT -- "-$LISTENER"
	finish
	streams 4743
	same "$(jq '.collectors[0].dropped_records' <"$WORK/status")" "$(streams 4743 | jq .missing)"
	same "$(jq '.collectors[0].records' <"$WORK/status")" "$(streams 4743 | jq .records)"
}

has_lost_some() {
	(($(collector errors.broken) > 0))
}

@test "what SCTP had when the network failed is counted, and the rest is sent again" {
	has_sctp || skip "this kernel has no SCTP"
	start_record
	start_sctp_collector
	start_agent
	eventually 10 collector_is state '"open"'
	traffic
	wait_sweeps
	eventually 10 nothing_waits
	# What was sent before is read. What is sent now reaches nobody, until the association is given up.
	router ip link set lo down
	desktop "$TOOLS/flood" --frames 1000 --devices 1000 --device-mac 02:00:01:00:00:00 eth0
	eventually 120 has_lost_some
	router ip link set lo up
	eventually 90 sessions_are 2 4743
	finish
	same 0 "$(streams 4743 | jq -s 'map(.missing) | add')"
	(($(jq '.collectors[0].dropped_records' <"$WORK/status") > 0))
	arrives_by 4743 0
}
