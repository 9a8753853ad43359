#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# `flowtally flows --follow` prints each record as it leaves, and `-o flowlog` writes it as linux-flow-exporter's users expect it.

load lib

bats_require_minimum_version 1.5.0

setup() {
	setup_lab 2
	write_config collectors='[{ address: "127.0.0.1:4740", records: [flows] }]' textfile=
	configure 200ms 'match: br-lan, side: lan, meter: [flows]' 'match: wan, side: wan, meter: [flows]'
	set_flows 'active-timeout: 1h, idle-timeout: 1h, finished-timeout: 1h'
	unset FOLLOWER
}

teardown() {
	if [[ -n ${FOLLOWER:-} ]]; then
		kill -KILL "$FOLLOWER" 2>/dev/null || :
	fi
	teardown_lab
}

set_flows() {
	sed -i '/^flows:/d' "$WORK/flowtally.yaml"
	echo "flows: { $1 }" >>"$WORK/flowtally.yaml"
}

# follow FILE OPTION...: in the background; its errors to $WORK/errors
follow() {
	"$FLOWTALLY" flows -c "$WORK/flowtally.yaml" --follow "${@:2}" >"$1" 2>"$WORK/errors" 3>&- &
	FOLLOWER=$!
}

# Until it has asked: then it misses nothing. Its first answer is what CSV has its head from.
follow_csv() {
	rm -f "$WORK/followed"
	follow "$WORK/followed" -o csv "$@"
	eventually 10 test -s "$WORK/followed"
}

# lines_are N: behind the head
lines_are() {
	same "$1" "$(sed 1d "$WORK/followed" | wc -l)"
}

# sum COLUMN: of the records that have been followed
sum() {
	awk -F , -v column="$1" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { sum += $at[column] }
		END { print sum + 0 }' "$WORK/followed"
}

# pings NODE COUNT ADDRESS
pings() {
	lab_in "$LAB" "$1" ping -q -i 0.01 -c "$2" "$3" >/dev/null
}

# ends STATUS: the follower, by itself
ends() {
	local status=0

	eventually 10 ended "$FOLLOWER"
	wait "$FOLLOWER" || status=$?
	same "$1" "$status"
}

@test "each record is printed as it leaves, and is what collectors get" {
	start_record
	start_agent
	follow_csv
	pings desktop 3 "$LAB_INTERNET"
	pings phone 4 "$LAB_INTERNET6"
	wait_sweeps
	lines_are 0
	same '4 flows flushed' "$(ask flush --all)"
	eventually 10 lines_are 4
	same 14 "$(sum packets)"
	same 1336 "$(sum octets)"
	same 4 "$(grep -c ',forced_end$' "$WORK/followed")"
	# What leaves for another reason.
	set_flows 'active-timeout: 200ms, idle-timeout: 1h, finished-timeout: 200ms'
	kill -HUP "$AGENT"
	tcp_transfer desktop upload 100K "$LAB_INTERNET" 5201
	eventually 10 grep -q ',end_of_flow$' "$WORK/followed"
	stop_agent
	stop_collectors
	ends 1
	# But for those that leave with the agent.
	ipfix_records | jq -r 'select(.flowEndReason) | .octetDeltaCount' | sort >"$WORK/exported"
	awk -F , 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $at["octets"] }' "$WORK/followed" | sort >"$WORK/octets"
	same '' "$(comm -13 "$WORK/exported" "$WORK/octets")"
	same 1 "$(grep -c '^flowtally: flows: ' "$WORK/errors")"
}

@test "filters choose, and so many are enough" {
	start_agent
	follow_csv -n 2 out wan and icmp
	pings desktop 1 "$LAB_INTERNET"
	pings phone 1 "$LAB_INTERNET6"
	wait_sweeps
	ask flush --all
	eventually 10 lines_are 1
	pings phone 2 "$LAB_INTERNET"
	pings desktop 2 "$LAB_INTERNET"
	wait_sweeps
	ask flush --all
	ends 0
	lines_are 2
	same 2 "$(cut -d , -f 4-5 "$WORK/followed" | grep -cx '1,icmp')"
	same '' "$(cat "$WORK/errors")"
}

@test "tables, JSON and flow logs come in parts and lines" {
	local form followers=()

	start_agent
	for form in table wide json flowlog; do
		"$FLOWTALLY" flows -c "$WORK/flowtally.yaml" --follow -n 2 -o "$form" >"$WORK/$form" 2>&1 3>&- &
		followers+=($!)
	done
	# Each ends with the second record that it sees, whenever it has begun.
	have_ended() {
		local follower

		pings desktop 1 "$LAB_INTERNET"
		ask flush --all
		for follower in "${followers[@]}"; do
			ended "$follower"
		done
	}
	eventually 20 have_ended
	for form in "${followers[@]}"; do
		wait "$form"
	done
	cat "$WORK/table"
	same 'PROTO SOURCE DESTINATION IN OUT PACKETS OCTETS DURATION LAST PACKET FLAGS MARK REASON' \
		"$(head -n 1 "$WORK/table" | xargs)"
	same 2 "$(grep -c '^icmp .* forced_end$' "$WORK/table")"
	same 2 "$(grep -c '^ipv4 .* forced_end$' "$WORK/wide")"
	same '[2,["forced_end"],["icmp"]]' "$(jq -sc '[length, (map(.end_reason) | unique), (map(.protocol_name) | unique)]' "$WORK/json")"
	same '[2,["flowlog"],[1]]' "$(jq -sc '[length, (map(.msg) | unique), (map(.proto) | unique)]' "$WORK/flowlog")"
}

@test "it ends cleanly by SIGINT, and when nobody reads any more" {
	start_agent
	follow_csv
	kill -INT "$FOLLOWER"
	ends 0
	follow_csv
	kill -TERM "$FOLLOWER"
	ends 0
	# There is never anything to write.
	mkfifo "$WORK/pipe"
	follow "$WORK/pipe" -o json
	exec 9<"$WORK/pipe"
	kill -0 "$FOLLOWER"
	exec 9<&-
	ends 0
	same '' "$(cat "$WORK/errors")"
}

@test "what was overwritten before it was seen is said" {
	set_flows 'max: 8, active-timeout: 1h, idle-timeout: 1h'
	start_agent
	follow_csv
	kill -STOP "$FOLLOWER"
	for _ in {1..3}; do
		pings desktop 1 "$LAB_INTERNET"
		pings desktop 1 "$LAB_INTERNET6"
		wait_sweeps
		ask flush --all
		wait_sweeps
	done
	# 12 have left, 8 are kept.
	kill -CONT "$FOLLOWER"
	eventually 10 lines_are 8
	same 'flowtally: flows: 4 records were missed' "$(cat "$WORK/errors")"
}

@test "another agent's records are not taken for the same" {
	start_agent
	follow_csv
	kill -STOP "$FOLLOWER"
	stop_agent
	start_agent
	kill -CONT "$FOLLOWER"
	ends 1
	same 'flowtally: flows: the agent has been started anew' "$(cat "$WORK/errors")"
}

@test "what is wrong is said in one line" {
	is_refused() {
		run --separate-stderr "$FLOWTALLY" flows -c "$WORK/flowtally.yaml" --follow "${@:2}"
		same 2 "$status"
		same '' "$output"
		# shellcheck disable=SC2154
		same "flowtally: flows: $1" "$stderr"
	}
	start_agent
	is_refused '--sort is not for --follow' -s end
	is_refused 'filter: at 4: "nowhere" is no interface' in nowhere
	is_refused '--output: "xml" is none of table, wide, json, csv, flowlog' -o xml
	run ask flows --follow -n 0
	same 0 "$status"
	stop_agent
	run ask flows --follow
	same 1 "$status"
	[[ $output == 'flowtally: flows: no agent is running'* ]]
}

@test "a flow log has the keys of linux-flow-exporter, in its order, and a line for each flow" {
	local line number=$((10000 / SLOW)) wan lan

	configure 200ms 'match: br-lan, side: lan, meter: [flows], flows-at: [entering]' 'match: wan, side: wan, meter: [flows]'
	start_agent
	# Of iperf3, the far end sometimes resets the connection, and what it sends is in no flow here.
	spawn internet /dev/null socat -u TCP4-LISTEN:5201 OPEN:/dev/null
	eventually 5 internet_listens 5201
	desktop socat -u /dev/zero,readbytes=20000 "TCP4:$LAB_INTERNET:5201"
	wait_sweeps
	wan=$(router ip -j link show wan | jq '.[0].ifindex')
	lan=$(router ip -j link show br-lan | jq '.[0].ifindex')
	ask flows -o flowlog tcp and out wan and bytes '>' 10k >"$WORK/log"
	ask dump -o flowlog tcp and out wan and bytes '>' 10k >"$WORK/dump"
	same 1 "$(wc -l <"$WORK/log")"
	line=$(cat "$WORK/log")
	same "$(sed "s/\"ts\":[0-9]*//" "$WORK/log")" "$(sed "s/\"ts\":[0-9]*//" "$WORK/dump")"
	[[ $line =~ ^\{\"src\":\"192.168.2.10\",\"dst\":\"203.0.113.80\",\"proto\":6,\"sport\":[0-9]+,\"dport\":5201,\"ingressIfindex\":$lan,\"egressIfindex\":$wan,\"pkts\":[0-9]+,\"bytes\":[0-9]+,\"action\":0,\"start\":[0-9]{13},\"end\":[0-9]{13},\"finished\":1,\"level\":\"info\",\"ts\":[0-9]{13},\"msg\":\"flowlog\", ]]
	same '[true,true,true,"br-lan","wan"]' "$(jq -c '[.start <= .end, .end <= .ts, .bytes == .ip_bytes + 14 * .pkts,
		.ingressIfname, .egressIfname]' "$WORK/log")"
	# As many as are flushed at once.
	follow_csv udp
	"$FLOWTALLY" flows -c "$WORK/flowtally.yaml" --follow -o flowlog -n "$number" udp and in br-lan >"$WORK/log" 2>"$WORK/log-errors" 3>&- &
	local log=$!
	desktop "$TOOLS/flood" --frames "$number" --addresses "$number" eth0 >/dev/null
	has_flows() {
		same "$number" "$(ask flows -o csv udp and in br-lan | sed 1d | wc -l)"
	}
	eventually 10 has_flows
	ask flush --all >/dev/null
	eventually 20 ended "$log"
	wait "$log"
	same "$number" "$(jq -s 'map(.src) | unique | length' "$WORK/log")"
	same '' "$(cat "$WORK/log-errors" "$WORK/errors")"
}
