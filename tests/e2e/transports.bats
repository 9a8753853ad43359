#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Sessions to collectors that come and go: each begins with templates and with the sequence number 0, and all records
# are received, or counted.

load lib
load transports

setup() {
	setup_lab
	LISTENER=
}

teardown() {
	if [[ $LISTENER ]]; then
		stop_listener KILL
	fi
	teardown_lab
}

@test "over TCP a collector has all there is, in one session that tells templates once" {
	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp }, { address: "127.0.0.1:4740" }]' \
		ipfix='    template-refresh: 1s'
	start_tcp_collector
	start_record
	start_agent
	traffic
	eventually 10 reported_for 2
	finish
	agrees_with_record 4741
	sessions_are 1
	same 1 "$(streams | jq .templates)"
	same 1 "$(jq '.collectors[0].sessions' <"$WORK/status")"
	same '"tcp"' "$(jq '.collectors[0].transport' <"$WORK/status")"
	same '"open"' "$(jq '.collectors[0].state' <"$WORK/status")"
}

# reported_for SECONDS: options of the refresh are what lets records grow without traffic
reported_for() {
	(($(collector records) >= 4 + $1))
}

@test "python3-ipfix takes a session over TCP" {
	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp }]'
	spawn router "$WORK/python.log" /usr/bin/python3 "$ROOT/tests/tools/ipfix_listener.py" 127.0.0.1 4741
	local python=$!
	eventually 5 accepts 4741
	start_agent
	traffic 50
	finish
	wait "$python"
	grep -c sourceMacAddress "$WORK/python.log"
	same 4200 "$(awk '$1 == "upload" { sum += $2 } END { print sum }' "$WORK/python.log")"
	same 4200 "$(awk '$1 == "download" { sum += $2 } END { print sum }' "$WORK/python.log")"
}

@test "over TCP and IPv6, from the address and port that are configured" {
	write_config collectors='[{ address: "[::1]:4741", transport: tcp, local: "[2001:db8:ca2:2::1]:4999" }]'
	start_tcp_collector 4741 '' TCP6-LISTEN
	start_agent
	traffic
	wait_sweeps
	eventually 10 nothing_waits
	router ss -tn state established 'dport = 4741' | grep -F '[2001:db8:ca2:2::1]:4999'
	# A session that begins anew has the same port.
	stop_listener
	start_tcp_collector 4741 '' TCP6-LISTEN
	traffic
	eventually 10 sessions_are 2
	router ss -tn state established 'dport = 4741' | grep -F '[2001:db8:ca2:2::1]:4999'
	stop_agent
}

@test "names are resolved without stopping anything, and one that nobody has costs the others nothing" {
	write_config collectors='[{ address: "nobody.invalid:4741", transport: tcp },
		{ address: "localhost:4740" }, { address: "localhost:4742", transport: tcp }]'
	start_record
	start_tcp_collector 4742
	start_agent
	# localhost is ::1 first, where nobody listens to UDP.
	eventually 10 record_is_fed
	traffic
	wait_sweeps
	eventually 10 nothing_waits 2
	eventually 30 collector_is state '"waiting"' 0
	[[ $(collector last_error) == *nobody.invalid:* ]]
	[[ $(collector queued) -gt 0 ]]
	same 1 "$(grep -c 'nobody\.invalid' "$WORK/agent.log")"
	stop_agent
	stop_collectors
	cat "$WORK"/stream-4742-* >"$WORK/messages-4742"
	same "$(ipfix_sums 4740)" "$(ipfix_sums 4742)"
}

record_is_fed() {
	collector_is peer '"127.0.0.1:4740"' 1
}

@test "who is not there yet gets all of it later, and nobody else waits for that" {
	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp }, { address: "127.0.0.1:4740" }]'
	start_record
	start_agent
	traffic
	wait_sweeps
	eventually 5 collector_is state '"waiting"'
	[[ $(collector last_error) == *"Connection refused"* ]]
	traffic
	wait_sweeps
	start_tcp_collector
	eventually 30 collector_is state '"open"'
	traffic
	finish
	agrees_with_record 4741
	arrives_by 4741 0
	same 1 "$(grep -c 'collector 127.0.0.1:4741: .*refused' "$WORK/agent.log")"
	same 1 "$(grep -c 'collector 127.0.0.1:4741: works again' "$WORK/agent.log")"
}

@test "a collector that is killed and comes back has templates first, and all it has not had" {
	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp }, { address: "127.0.0.1:4740" }]'
	start_record
	start_tcp_collector
	start_agent
	for _ in 1 2 3; do
		traffic
		wait_sweeps
		eventually 10 nothing_waits
		stop_listener
		traffic
		wait_sweeps
		start_tcp_collector
		eventually 30 collector_is state '"open"'
	done
	finish
	# Options may be lost with a session that a listener took which was just being killed.
	same 0 "$(jq '.collectors[0].dropped_packets' <"$WORK/status")"
	agrees_with_record 4741
	arrives_by 4741 0
	(($(streams | wc -l) >= 4))
}

@test "who reads nothing loses what is counted, and finds it by the gap in the sequence" {
	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp, queue-mib: 1 }, { address: "127.0.0.1:4740" }]'
	start_record
	start_tcp_collector 4741 ,rcvbuf=4096
	start_agent
	traffic
	wait_sweeps
	kill -STOP -- "-$LISTENER"
	eventually 60 flood_until_dropped
	kill -CONT -- "-$LISTENER"
	finish
	streams
	same "$(jq '.collectors[0].dropped_records' <"$WORK/status")" "$(streams | jq .missing)"
	same "$(jq '.collectors[0].records' <"$WORK/status")" "$(streams | jq .records)"
	same 0 "$(jq '.collectors[1].dropped_records' <"$WORK/status")"
}

@test "what was not sent when the agent ends is counted" {
	local waiting

	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp }]'
	start_agent
	traffic
	wait_sweeps
	waiting=$(collector queued)
	((waiting > 0))
	stop_agent
	start_agent
	(($(collector errors.queue) >= waiting))
	(($(collector dropped_records) > 0))
	same 0 "$(collector records)"
}

@test "metrics tell of sessions and of what waits" {
	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp }]'
	start_agent
	traffic
	wait_sweeps
	metrics=$(ask metrics)
	grep -Fx 'flowtally_export_session_open{collector="127.0.0.1:4741"} 0' <<<"$metrics"
	grep -E '^flowtally_export_queued_messages\{collector="127.0.0.1:4741"\} [1-9]' <<<"$metrics"
	start_tcp_collector
	eventually 30 collector_is state '"open"'
	# An exposition is shared by those who ask within a second.
	eventually 10 has_metric 'flowtally_export_session_open{collector="127.0.0.1:4741"} 1'
	eventually 10 has_metric 'flowtally_export_sessions_total{collector="127.0.0.1:4741"} 1'
	eventually 10 has_metric 'flowtally_export_queued_bytes{collector="127.0.0.1:4741"} 0'
	stop_agent
}

has_metric() {
	ask metrics | grep -Fx "$1"
}
