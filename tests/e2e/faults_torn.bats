#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Disks that fail in the middle of each operation that a file takes, and an agent that is killed then: what the next one finds
# is never torn. Sums that could be written nowhere are lost, and it says how many sweeps they are, and the ledger how many
# frames and octets.

load lib
load faults

setup() {
	setup_lab 1
}

teardown() {
	stop_traffic
	teardown_lab
}

# What a file is replaced by; all of it with FAULTS_SECONDS.
OPERATIONS=(write rename)
if [[ ${FAULTS_SECONDS:-} ]]; then
	OPERATIONS=(create chmod write fsync rename unlink)
fi

# kill_within_fault PLACE OPERATION: and the next one starts when it is over
kill_within_fault() {
	begin_fault EIO "$1" "$2"
	wait_sweeps
	kill_agent
	end_fault "$1"
	start_agent
}

@test "killed while the disk fails at each step of a file: sums come from below run" {
	local operation

	mount_failing state textfile lines spool
	mkdir -p "$WORK/$DISK/run"
	configure_all
	start_nfcapd
	start_agent
	eventually 10 test -s "$WORK/$DISK/textfile/flowtally.prom"
	begin_traffic 2000
	for operation in "${OPERATIONS[@]}"; do
		begin_fault EIO lines "$operation"
		begin_fault EIO spool "$operation"
		begin_fault EIO textfile "$operation"
		wait_sweeps
		# It writes to the disk as it starts.
		kill_within_fault state "$operation"
		begin_fault EIO state "$operation"
		kill_agent
		launch_agent
		eventually 10 agent_is_ready
		end_fault state
		promtool check metrics <"$WORK/$DISK/textfile/flowtally.prom"
		end_fault lines
		end_fault spool
		end_fault textfile
		wait_sweeps
	done
	end_traffic
	wait_sweeps
	sums_agree
	stop_agent
	stop_collectors
	same "$SENT" "$(nfdump_sums | uploads)"
	fails grep -E 'damaged|cut short|not a file of sums' "$WORK/agent.log"
	same '' "$(find "$WORK/real" -name '*.new-*')"
	# What a fault has left of a line is a line of its own, which is none of ours.
	same 0 "$(grep -vc '^{.*}$' "$WORK/beside.json" || :)"
	grep '^{.*}$' "$WORK/$DISK/lines/all.json" | jq -e .record >/dev/null
	rm -r "$WORK/$DISK/run"
	start_agent
	same "$SENT" "$(hosts_sums | uploads)"
}

# What the ledger lacks of what the interface has counted: frames.
ledger_lacks() {
	ask ledger -o json | jq '[.sheets[] | select(.direction == "receive").difference.frames] | add'
}

@test "killed while nothing can be written below run: what is lost is said, by the log in sweeps and by the ledger in frames" {
	local operation lost=0 before

	mount_failing run
	mkdir -p "$WORK/$DISK"/{state,textfile,lines,spool}
	configure_all
	start_nfcapd
	start_agent
	begin_traffic 2000
	for operation in create fsync; do
		before=$(grep -c 'sweeps are missing' "$WORK/agent.log" || :)
		kill_within_fault run "$operation"
		same $((before + 1)) "$(grep -c 'sweeps are missing' "$WORK/agent.log")"
	done
	end_traffic
	wait_sweeps
	lost=$(ledger_lacks)
	ask ledger -o json | jq -c '.sheets[] | [.direction, .difference, .balanced, .explanation]'
	((lost > 0))
	same "$SENT" "$(($(hosts_sums | uploads) + lost))"
	same "$(hosts_sums)" "$(textfile_sums "$WORK/$DISK/textfile/flowtally.prom")"
	stop_agent
	stop_collectors
	# It has been exported before, and what was in a report then was once more.
	(($(nfdump_sums | uploads) >= SENT))
	same '' "$(ls "$WORK/real/run")"
}
