#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The answers about 50,000 hosts, which are long, beside everything else.

load lib

HOSTS=$((50000 / SLOW))

setup() {
	setup_lab 1
	write_config interval=2s collectors='[]' hosts='{ max: 65536 }' textfile=
	CLIENTS=()
}

teardown() {
	if ((${#CLIENTS[@]})); then
		kill "${CLIENTS[@]}" 2>/dev/null || :
	fi
	teardown_lab
}

# client REQUEST FILE: in the background; the answer goes to FILE, and if that is a FIFO whom nobody reads, hardly any of
# it is taken.
client() {
	socat -t 120 - "UNIX-CONNECT:$WORK/run/flowtally.sock" <<<"$1" >"$2" 3>&- &
	CLIENTS+=($!)
}

status_of() {
	ask status -o json | jq -r "$1"
}

has_all_hosts() {
	[[ $(status_of '.tables[] | select(.table == "accounts").entries') -ge $HOSTS ]]
}

sweep_is_after() {
	[[ $(status_of .last_sweep) > $1 ]]
}

# In MiB, what the agent has ever had.
peak() {
	awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$AGENT/status"
}

# Each answer has 29 MB. Nobody takes them, so if they were made in one piece there would be twenty by the time that the
# status comes.
@test "while answers about 50,000 hosts are made, others are answered, sweeps go on, and memory is bounded" {
	local before number sweep

	start_agent
	desktop "$TOOLS/flood" --frames "$HOSTS" --devices "$HOSTS" --device-mac 02:00:01:00:00:00 eth0
	eventually 60 has_all_hosts
	before=$(peak)
	mkfifo "$WORK/untaken"
	# Somebody who has it open, so that they can have it, too.
	exec 9<>"$WORK/untaken"
	for number in {1..20}; do
		client live "$WORK/untaken"
	done
	sweep=$(status_of .last_sweep)
	eventually 60 sweep_is_after "$sweep"
	# What was freed sanitizers keep for a while.
	is_sanitized || (($(peak) - before < 150))
	kill "${CLIENTS[@]}"
	exec 9>&-
	CLIENTS=()
	# Who does take them gets the whole, however many they are.
	for number in {1..6}; do
		client hosts "$WORK/answer-$number"
	done
	wait "${CLIENTS[@]}"
	CLIENTS=()
	for number in {1..6}; do
		same "$HOSTS" "$(grep -o '"host":"02:00:01:' "$WORK/answer-$number" | wc -l)"
		same ']}]}' "$(tail -c 5 "$WORK/answer-$number")"
	done
}
