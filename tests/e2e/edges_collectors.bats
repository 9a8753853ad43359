#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Collectors that mean harm: those that talk without end, that renegotiate, and that break each session.

load lib
load transports

setup() {
	setup_lab 1
	PIDS=()
}

teardown() {
	((${#PIDS[@]} == 0)) || kill -KILL "${PIDS[@]}" 2>/dev/null || :
	teardown_lab
}

# hostile KIND PORT [CERTIFICATE]: talks or breaks; how many octets it got rid of, or sessions it broke, is in $WORK/KIND-PORT
hostile() {
	spawn router "$WORK/hostile-$2.log" /usr/bin/python3 "$ROOT/tests/tools/hostile_collector.py" \
		"$1" "$2" "$WORK/$1-$2" ${3:+"$WORK/$3"}
	PIDS+=($!)
	eventually 5 accepts "$2"
}

has_said() {
	[[ -s $WORK/$1 ]]
}

# all_go_on: what meters, reports and answers, at each priority of the loop
all_go_on() {
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET" >/dev/null
	wait_sweeps
	wait_sweeps
	wait_sweeps
	same "$(hosts_sums)" "$(textfile_sums)"
	ask metrics | grep -q '^flowtally_build_info'
	router curl --silent --fail --max-time 10 http://127.0.0.1:14739/metrics | grep -q '^flowtally_build_info'
}

# Of some megabytes in the kernel's buffers, and of what is read since, in moments.
@test "a collector that talks without end over TCP is not listened to, and keeps nobody from anything" {
	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp }]'
	hostile talks 4741
	start_agent
	eventually 10 has_said talks-4741
	all_go_on
	(($(<"$WORK/talks-4741") < 64000000))
	ask status -o json | jq -e '.collectors[0].last_error == null'
	stop_agent
}

@test "a collector that talks without end over TLS is not listened to, and keeps nobody from anything" {
	make_authority authority
	make_certificate collector authority IP:127.0.0.1
	make_certificate agent authority DNS:agent
	write_config collectors="[{ address: \"127.0.0.1:4742\", transport: tls, $(tls) }]"
	hostile talks 4742 collector
	start_agent
	eventually 10 has_said talks-4742
	all_go_on
	(($(<"$WORK/talks-4742") < 64000000))
	stop_agent
}

# The pauses between grow: 0, 1, 2, 4 ... seconds.
@test "a collector that resets each session is left alone for longer and longer" {
	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp }]'
	hostile resets 4741
	start_agent
	eventually 10 has_said resets-4741
	all_go_on
	(($(<"$WORK/resets-4741") <= 10))
	ask status -o json | jq -e '.collectors[0].last_error != null'
	stop_agent
}
