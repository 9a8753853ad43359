#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Records as lines of JSON: each is whole, what cannot be written is counted, and files are opened again for log rotation.
# shellcheck disable=SC2030,SC2031  # each test is a process of its own

load lib
load flows

setup() {
	setup_lab 1
	LINES_FILE=$WORK/lines/flows.json
	mkdir "$WORK/lines"
	unset READER
}

teardown() {
	if [[ -n ${READER:-} ]]; then
		kill -KILL "$READER" 2>/dev/null || :
	fi
	if mountpoint -q "$BATS_TEST_TMPDIR/lines"; then
		umount "$BATS_TEST_TMPDIR/lines"
	fi
	teardown_lab
}

# configure_lines ITEM...: the outputs, as flow mappings; flows are metered at the wan
configure_lines() {
	write_config collectors='[]' textfile="$WORK/flowtally.prom" "ipfix=" match=br-lan
	configure 200ms 'match: br-lan, side: lan' 'match: wan, side: wan, meter: [flows]'
	sed -i "s|^export:|export:\n  json-lines:$(printf '\\n    - { %s }' "$@")|" "$WORK/flowtally.yaml"
	echo 'flows: { active-timeout: 1h, idle-timeout: 1h, finished-timeout: 1h, max: 16384 }' >>"$WORK/flowtally.yaml"
}

# All flows that have been metered leave.
flush_flows() {
	ask flush --all
	wait_sweeps
}

# lines_are N FILE
lines_are() {
	same "$1" "$(wc -l <"$2")"
}

# output PATH MEMBER: what status says of it
output() {
	ask status -o json | jq -c --arg path "$1" '.json_lines[] | select(.path == $path) | '"$2"
}

metric() {
	awk -v name="$1{output=\"$2\"}" '$1 == name { print $2 }' "$WORK/flowtally.prom"
}

# metric_is VALUE METRIC PATH
metric_is() {
	same "$1" "$(metric "$2" "$3")"
}

@test "what flows and hosts did is what all lines say together" {
	configure_lines "path: $LINES_FILE, records: [flows, hosts]"
	start_agent
	udp_flows 20
	wait_sweeps
	flush_flows
	same 20 "$(jq -c 'select(.record == "flow" and .protocol == 17 and .destination_port == 9)' "$LINES_FILE" | wc -l)"
	same "$(jq -s -c 'map(select(.record == "flow" and .protocol == 17) | .octets) | add' "$LINES_FILE")" $((20 * 29))
	# Of hosts, whatever else they sent.
	local hosts
	hosts=$(hosts_sums)
	stop_agent
	same "$hosts" "$(jq -c 'select(.record == "host")' "$LINES_FILE" |
		jq -s -c '[.[] | {host: .mac, direction, octets, packets}] | '"$JQ_FOLD")"
}

@test "flowlog has the keys of linux-flow-exporter" {
	configure_lines "path: $LINES_FILE, form: flowlog"
	start_agent
	udp_flows 1
	wait_sweeps
	flush_flows
	jq -c 'select(.dport == 9) | [.src, .dst, .proto, .sport, .pkts, .bytes, .level, .msg, .finished, .action]' "$LINES_FILE" \
		>"$WORK/line"
	same '["192.168.2.10","'"$LAB_INTERNET"'",17,40000,1,43,"info","flowlog",0,0]' "$(cat "$WORK/line")"
}

@test "ten thousand flows in one report are ten thousand lines" {
	((SLOW > 1)) && skip "too many for this machine"
	configure_lines "path: $LINES_FILE"
	start_agent
	udp_flows 10000
	wait_sweeps
	flush_flows
	eventually 20 lines_are_of_udp 10000
	jq -s -e 'map(.record == "flow") | all' "$LINES_FILE"
	same 0 "$(output "$LINES_FILE" .dropped)"
	same "$(wc -l <"$LINES_FILE")" "$(output "$LINES_FILE" .written)"
}

lines_are_of_udp() {
	same "$1" "$(grep -c '"protocol":17,.*"destination_port":9,' "$LINES_FILE")"
}

@test "SIGUSR1 opens files again, also where only the whole service is told" {
	configure_lines "path: $LINES_FILE"
	start_agent
	udp_flows 3
	wait_sweeps
	flush_flows
	mv "$LINES_FILE" "$LINES_FILE.1"
	udp_flows 2
	wait_sweeps
	flush_flows
	same 5 "$(grep -c '"destination_port":9,' "$LINES_FILE.1")"
	kill -USR1 "$(pgrep --parent "$AGENT")"
	kill -USR1 "$AGENT"
	udp_flows 4
	wait_sweeps
	flush_flows
	eventually 5 test -s "$LINES_FILE"
	same 4 "$(grep -c '"destination_port":9,' "$LINES_FILE")"
	same 5 "$(grep -c '"destination_port":9,' "$LINES_FILE.1")"
	stop_agent
}

@test "a FIFO that nobody reads: its lines are counted, the file beside it has them, and a reader that comes has whole ones" {
	mkfifo "$WORK/fifo"
	configure_lines "path: $WORK/fifo" "path: $LINES_FILE"
	start_agent
	udp_flows 5
	wait_sweeps
	flush_flows
	local lines
	lines=$(wc -l <"$LINES_FILE")
	same "$lines" "$(output "$WORK/fifo" .dropped)"
	same '"nobody reads it"' "$(output "$WORK/fifo" '.last_error | split(": ")[1]')"
	eventually 5 metric_is "$lines" flowtally_json_lines_dropped_total "$WORK/fifo"
	same 1 "$(grep -c 'nobody reads it' "$WORK/agent.log")"
	cat "$WORK/fifo" >"$WORK/read" 3>&- &
	READER=$!
	udp_flows 5
	wait_sweeps
	flush_flows
	eventually 5 test -s "$WORK/read"
	stop_agent
	wait "$READER"
	unset READER
	jq -e .record "$WORK/read"
	tail -n +$((lines + 1)) "$LINES_FILE" | cmp - "$WORK/read"
}

@test "a full disk: whole lines alone, the rest is counted, and it goes on when there is room" {
	mount -t tmpfs -o size=64k tmpfs "$WORK/lines"
	configure_lines "path: $LINES_FILE" "path: $WORK/other"
	start_agent
	udp_flows 400
	wait_sweeps
	flush_flows
	local all written
	all=$(wc -l <"$WORK/other")
	written=$(wc -l <"$LINES_FILE")
	((written < all))
	# No part of a line at its end.
	jq -e .record "$LINES_FILE" >/dev/null
	same "$written" "$(output "$LINES_FILE" .written)"
	same $((all - written)) "$(output "$LINES_FILE" .dropped)"
	: >"$LINES_FILE"
	udp_flows 3
	wait_sweeps
	flush_flows
	jq -e .record "$LINES_FILE" >/dev/null
	same 3 "$(grep -c '"destination_port":9,' "$LINES_FILE")"
	same null "$(output "$LINES_FILE" .last_error)"
	grep -q "$LINES_FILE works again" "$WORK/agent.log"
}

@test "standard output has lines, and the log goes elsewhere" {
	configure_lines 'path: "-"'
	lab_exec "$LAB" router "$FLOWTALLY" agent -c "$WORK/flowtally.yaml" >"$WORK/stdout" 2>"$WORK/agent.log" </dev/null 3>&- &
	AGENT=$!
	eventually 10 agent_is_ready
	udp_flows 4
	wait_sweeps
	flush_flows
	stop_agent
	same 4 "$(jq -c 'select(.destination_port == 9)' "$WORK/stdout" | wc -l)"
	jq -e '.record == "flow"' "$WORK/stdout"
}

@test "counts outlive the agent and a reload, and a directory that is missing is only said" {
	configure_lines "path: $LINES_FILE" "path: $WORK/missing/flows.json"
	start_agent
	udp_flows 3
	wait_sweeps
	flush_flows
	local written dropped
	written=$(output "$LINES_FILE" .written)
	dropped=$(output "$WORK/missing/flows.json" .dropped)
	((written >= 3 && dropped == written))
	stop_agent
	start_agent
	((written <= $(output "$LINES_FILE" .written)))
	kill -HUP "$AGENT"
	eventually 5 grep -q 'has been read again' "$WORK/agent.log"
	((written <= $(output "$LINES_FILE" .written)))
	same "$(wc -l <"$LINES_FILE")" "$(output "$LINES_FILE" .written)"
	"$FLOWTALLY" status -c "$WORK/flowtally.yaml" | grep -q "lines of JSON .*$LINES_FILE: .* written, 0 dropped"
}
