#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The control socket: who may connect, that it is said who changes something, and clients that mean harm.

load lib
bats_require_minimum_version 1.5.0 # for run -N

STRANGER=4711

setup() {
	setup_lab 1
	chmod -R a+rX "$BATS_RUN_TMPDIR"
	CLIENTS=
}

teardown() {
	[[ -z $CLIENTS ]] || kill -KILL "$CLIENTS" 2>/dev/null || :
	teardown_lab
}

# as_stranger [GROUP] COMMAND...
as_stranger() {
	setpriv --reuid="$STRANGER" --regid="$STRANGER" --groups="$1" --inh-caps=-all --bounding-set=-all "${@:2}"
}

@test "only the agent's user and group may connect, and it is said who changes something" {
	local socket=$WORK/run/flowtally.sock words

	write_config match=none collectors='[]'
	chmod a+r "$WORK/flowtally.yaml"
	start_agent
	same '660 0 0' "$(stat -c '%a %u %g' "$socket")"
	for words in status hosts ledger flows metrics 'flush --all' 'detach br-lan'; do
		# shellcheck disable=SC2086  # words
		run -1 as_stranger "$STRANGER" "$FLOWTALLY" $words -c "$WORK/flowtally.yaml"
		[[ $output == *'Permission denied'* ]]
	done
	fails grep -q asks "$WORK/agent.log"
	chgrp "$((STRANGER + 1))" "$socket"
	as_stranger "$((STRANGER + 1))" "$FLOWTALLY" status -c "$WORK/flowtally.yaml" >/dev/null
	fails grep -q asks "$WORK/agent.log"
	as_stranger "$((STRANGER + 1))" "$FLOWTALLY" attach -c "$WORK/flowtally.yaml" br-lan
	as_stranger "$((STRANGER + 1))" "$FLOWTALLY" flush -c "$WORK/flowtally.yaml" --all >/dev/null
	as_stranger "$((STRANGER + 1))" "$FLOWTALLY" detach -c "$WORK/flowtally.yaml" br-lan
	ask flush --all >/dev/null
	same $'user 4711 asks to attach br-lan\nuser 4711 asks to flush all\nuser 4711 asks to detach br-lan\nuser 0 asks to flush all' \
		"$(sed -n 's/^flowtally: \(user [0-9]*\) (process [0-9]*) asks/\1 asks/p' "$WORK/agent.log")"
}

# One line a request, whatever is in it.
@test "nobody writes lines of their own into the log" {
	local line='by-hand {"detach":false,"dry":false,"force":false,"names":["x\nflowtally: ready\u001b[2J"],"meter":1,"side":0,"hook":0,"order":0,"priority":0,"handle":0,"limit":0}'

	write_config match=none collectors='[]'
	start_agent
	printf '%s\n' "$line" | socat -t 5 - "UNIX-CONNECT:$WORK/run/flowtally.sock" >"$WORK/answer"
	printf 'flush src = \033[2J\r\n' | socat -t 5 - "UNIX-CONNECT:$WORK/run/flowtally.sock" >>"$WORK/answer"
	eventually 5 grep -q 'asks to attach' "$WORK/agent.log"
	same 1 "$(grep -c '^flowtally: ready' "$WORK/agent.log")"
	perl -CSD -ne 'die $_ if /(?!\n)\p{C}/' "$WORK/agent.log" "$WORK/answer"
}

resident_kib() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$AGENT/status"
}

descriptors() {
	find "/proc/$AGENT/fd" -type l | wc -l
}

has_descriptors() {
	same "$1" "$(descriptors)"
}

@test "hostile clients keep nobody from anything, and leave nothing behind" {
	local before resident

	write_config interval=100ms collectors='[]'
	start_agent
	desktop "$TOOLS/flood" --frames 2000 --devices 1000 eth0 >/dev/null
	wait_sweeps
	before=$(descriptors)
	resident=$(resident_kib)
	spawn router "$WORK/clients.log" "$ROOT/tests/tools/hostile_clients.py" "$WORK/run/flowtally.sock" 28
	CLIENTS=$!
	eventually 10 grep -q held "$WORK/clients.log"
	for _ in {1..5}; do
		wait_sweeps
		ask status -o json | jq -e .balanced >/dev/null
		ask hosts -o json | jq -e '.hosts | length >= 1000' >/dev/null
		ask metrics | grep -q flowtally_build_info
	done
	same "$(hosts_sums)" "$(textfile_sums)"
	(($(descriptors) <= before + 33))
	(($(resident_kib) < resident + 32768))
	kill -KILL "$CLIENTS"
	CLIENTS=
	eventually 10 has_descriptors "$before"
}

# All places are taken by who says nothing: they have their time, and then the next ones have theirs.
@test "more silent clients than there are places: whoever else comes is answered in turn" {
	write_config interval=100ms collectors='[]'
	start_agent
	spawn router "$WORK/clients.log" /usr/bin/python3 -c '
import socket, sys, time
held = []
for i in range(48):
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    held.append(client)
print("held", flush=True)
time.sleep(1000)' "$WORK/run/flowtally.sock"
	CLIENTS=$!
	eventually 10 grep -q held "$WORK/clients.log"
	ask status -o json | jq -e .balanced
	wait_sweeps
}
