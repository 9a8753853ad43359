#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Disks that are full, fail or have become read-only, under each file that the agent writes, while there is traffic: the
# error is said once and counted, all other outputs go on, and when it is over so does this one, and the sums are those of
# what was sent.
#
# What the agent writes, and who tries it:
#
#   run/lock, run/flowtally.sock    made at the start             here, "where it cannot be"
#   run/bpf/                        pins: the kernel's memory     life.bats, "what a clean stop cannot sweep"
#   run/totals, run/counters        after each sweep              here, run; faults_torn.bats
#   state/totals, state/counters    at start, stop, and between   here, "at the start"; faults_torn.bats
#   state/history/TIME              with an hour's first sweep    here, "at the start", "the next hour"
#   the textfile                    after each sweep              here, textfile
#   lines of JSON, to files         after each sweep              here, lines
#       to FIFOs, standard output   after each sweep              jsonlines.bats, a reader that does not
#   spool/lock, position, *.ipfix   while a collector is away     here, spool; spool.bats
#   the log: standard error         at any time                   here, "a log"
#   memfd of hooks                  before each array             memory: faults_memory.bats
#   what subcommands print          flowtally hosts and so on     here, "whoever asks"; ipfix_tools.bats

load lib
load flows
load transports
load faults

setup() {
	setup_lab 1
}

teardown() {
	stop_traffic
	teardown_lab
}

# Place, what the log says of it, and the counter of its errors.
places() {
	cat <<-'END'
		run      disk/run/totals:            flowtally_file_errors_total{file="run"}
		textfile disk/textfile/flowtally.prom: flowtally_textfile_errors_total
		lines    disk/lines/all.json:        flowtally_json_lines_dropped_total
		spool    disk/spool/1                flowtally_export_errors_total{collector="127.0.0.1:4741",reason="spool"}
	END
}

# fail_and_cure FAULT PLACE LOG METRIC
fail_and_cure() {
	local fault=$1 place=$2 log=$3 metric=$4 counted said

	counted=$(metric "$metric")
	said=$(times_in_log "$log")
	begin_fault "$fault" "$place"
	eventually 20 is_counted "$metric" "$counted"
	others_advance "$place"
	same $((said + 1)) "$(times_in_log "$log")"
	end_fault "$place"
	all_advance
}

finish_disk() {
	local hosts

	end_traffic
	wait_sweeps
	sums_agree
	hosts=$(hosts_sums)
	stop_agent
	stop_collectors
	same "$SENT" "$(nfdump_sums | uploads)"
	same "$SENT" "$(ipfix_sums 4740 | uploads)"
	same "$hosts" "$(lines_sums "$WORK/beside.json")"
}

# fail_everywhere FAULT: at one place after the other
fail_everywhere() {
	local place log metric

	begin_traffic 2000
	while read -r place log metric; do
		echo "$1: $place"
		fail_and_cure "$1" "$place" "$log" "$metric" </dev/null
	done < <(places)
	finish_disk
}

start_with_everything() {
	configure_all
	start_nfcapd
	start_record
	start_agent
}

@test "failing: run, the textfile, lines of JSON and the spool, one after the other" {
	mount_failing run textfile lines spool
	start_with_everything
	fail_everywhere EIO
}

# fail_together FAULT: what is beside them, collectors and what the agent is asked, goes on.
fail_together() {
	local place log metric

	begin_traffic 2000
	all_advance
	while read -r place log metric; do
		begin_fault "$1" "$place"
	done < <(places)
	while read -r place log metric; do
		eventually 20 is_counted "$metric" 0 </dev/null
	done < <(places)
	all_advance beside record sums
	all_advance beside record sums
	while read -r place log metric; do
		same "$place 1" "$place $(times_in_log "$log")"
		end_fault "$place"
	done < <(places)
	all_advance
	finish_disk
}

@test "full: all of them at once" {
	mount_small run textfile lines spool
	start_with_everything
	fail_together ENOSPC
}

@test "failing: the spool, which is said once, also where most reports have nothing" {
	local n

	mount_failing spool
	mkdir -p "$WORK/$DISK"/{run,state,textfile,lines}
	configure_all
	start_agent
	traffic 3
	wait_sweeps
	begin_fault EIO spool
	for ((n = 0; n < 4; n++)); do
		traffic 3
		wait_sweeps
	done
	(($(metric 'flowtally_export_errors_total{collector="127.0.0.1:4741",reason="spool"}') > 1))
	same '1 0' "$(times_in_log 'disk/spool/1.*Input/output error') $(times_in_log 'disk/spool/1.*works again')"
	end_fault spool
	traffic 3
	eventually 10 grep -q 'disk/spool/1: works again' "$WORK/agent.log"
}

# As a disk becomes that has failed: no remount makes one so of which files are open for writing.
@test "read-only: all of them at once" {
	mount_failing run textfile lines spool
	start_with_everything
	fail_together EROFS
}

@test "at the start: no state and no history, which is said once, counted, and tried again" {
	mount_failing state
	mkdir -p "$WORK/$DISK"/{run,textfile,lines,spool}
	begin_fault EIO state
	start_with_everything
	begin_traffic 2000
	wait_sweeps
	same 1 "$(times_in_log 'disk/state/totals: Input/output error')"
	same 1 "$(times_in_log 'disk/state/history: Input/output error')"
	same 1 "$(metric 'flowtally_file_errors_total{file="state"}')"
	(($(metric 'flowtally_file_errors_total{file="history"}') > 1))
	same true "$(ask status -o json | jq '.state_error | test("totals: Input/output error")')"
	end_fault state
	eventually 10 grep -q 'the history works again' "$WORK/agent.log"
	finish_disk
	same 1 "$(times_in_log 'disk/state works again')"
	rm -r "$WORK/$DISK/run"
	start_agent
	same "$SENT" "$(hosts_sums | uploads)"
}

@test "the history of the next hour, where it cannot be written: said once, counted, and there when it can" {
	local before

	mount_failing state
	mkdir -p "$WORK/$DISK"/{run,textfile,lines,spool}
	configure_all
	start_with_a_clock
	begin_traffic 1000
	wait_sweeps
	before=$(ls "$WORK/$DISK/state/history")
	begin_fault EROFS state
	set_clock +3600
	eventually 10 is_counted 'flowtally_file_errors_total{file="history"}' 1
	same 1 "$(times_in_log 'state/history: Read-only file system')"
	same "$before" "$(ls "$WORK/$DISK/state/history")"
	end_fault state
	eventually 10 grep -q 'the history works again' "$WORK/agent.log"
	same 2 "$(find "$WORK/$DISK/state/history" -type f | wc -l)"
	end_traffic
	wait_sweeps
	sums_agree
}

@test "where it cannot be: an agent that can write nothing below run says so and leaves nothing behind" {
	mkdir -p "$WORK/$DISK"/{run,textfile,lines,spool}
	configure_all
	mount -t tmpfs -o ro,mode=755 tmpfs "$WORK/$DISK/run"
	run router "$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	same "1 flowtally: $WORK/$DISK/run/lock: Read-only file system" "$status $output"
	same 0 "$(hooks)"
	umount "$WORK/$DISK/run"
	mount_failing run
	begin_fault EIO run mkdir
	run router "$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	same "1 flowtally: $WORK/$DISK/run/bpf: Input/output error" "$status $output"
	same '' "$(ls "$WORK/real/run")"
	end_fault run
	start_agent
	stop_agent
}

@test "a log on a full disk costs the log alone" {
	mount_small log
	mkdir -p "$WORK/$DISK"/{run,textfile,lines,spool}
	configure_all
	dd if=/dev/zero of="$WORK/$DISK/log/filler" bs=4k 2>/dev/null || :
	spawn router "$WORK/$DISK/log/agent.log" "$FLOWTALLY" agent -c "$WORK/flowtally.yaml"
	AGENT=$!
	eventually 10 agent_is_ready
	begin_traffic 1000
	kill -HUP "$AGENT"
	wait_sweeps
	end_traffic
	wait_sweeps
	sums_agree
	same 0 "$(stat -c %s "$WORK/$DISK/log/agent.log")"
	rm "$WORK/$DISK/log/filler"
	stop_agent
	[[ -s $WORK/$DISK/log/agent.log ]]
}

@test "whoever asks for something that cannot be written is told" {
	local what

	mkdir -p "$WORK/$DISK"/{run,textfile,lines,spool}
	configure_all
	start_agent
	for what in hosts 'hosts -o json' 'hosts -o csv' 'hosts --every 1s --count 2' 'flows -o json' ledger 'ledger -o json' \
		status 'status -o json' metrics 'top --once' check; do
		# shellcheck disable=SC2086  # words
		cannot_be_written ask $what
	done
	for what in version --help doctor; do
		# shellcheck disable=SC2086  # words
		cannot_be_written "$FLOWTALLY" $what
	done
}

cannot_be_written() {
	local status=0

	"$@" >/dev/full 2>"$WORK/reason" || status=$?
	same "$* 1" "$* $status"
	grep -q 'No space left on device' "$WORK/reason" || {
		cat "$WORK/reason"
		return 1
	}
}

@test "a collector that cannot be reached, a full disk and hooks that fail, all at once, cost nobody else anything" {
	mount_small lines
	mkdir -p "$WORK/$DISK"/{run,textfile,spool}
	configure_all lines=', hooks: [{ name: fails, shell: "exit 1" }, { name: hangs, shell: "sleep 4711", timeout: 100ms }]'
	sed -i 's|^    collectors:|&\n      - { address: "203.0.113.77:4739" }|' "$WORK/flowtally.yaml"
	router ip route add unreachable 203.0.113.77
	start_nfcapd
	start_record
	start_agent
	begin_fault ENOSPC lines
	begin_traffic 2000
	eventually 10 is_counted 'flowtally_export_errors_total{collector="203.0.113.77:4739",reason="send"}' 0
	eventually 10 is_counted flowtally_json_lines_hook_failures_total 1
	eventually 10 is_counted flowtally_json_lines_dropped_total 0
	all_advance record beside textfile sums
	finish_disk
}
