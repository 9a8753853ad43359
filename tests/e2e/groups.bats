#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Groups of collectors: one of them has each record, and all together have what one by itself has.

load lib
load flows
load transports

setup() {
	setup_lab 2
	declare -gA LISTENERS=()
}

teardown() {
	local port

	for port in "${!LISTENERS[@]}"; do
		stop_listening "$port"
	done
	teardown_lab
}

# group MODE RECORDS TRANSPORT PORT...: lines for write_config's ipfix
group() {
	local mode=$1 records=$2 transport=$3 port

	shift 3
	echo "    groups:"
	echo "      - mode: $mode"
	echo "        collectors:"
	for port; do
		echo "          - { address: \"127.0.0.1:$port\", transport: $transport, records: $records }"
	done
}

# Collector 0 is the one by itself, which has everything.
is_active() {
	collector_is active true "$1"
}

listen_at() {
	start_tcp_collector "$1"
	LISTENERS[$1]=$LISTENER
}

# The same, in the phone.
listen_far() {
	spawn phone "$WORK/listener-$1.log" setsid socat -ls "TCP4-LISTEN:$1,reuseaddr,fork" \
		"SYSTEM:$ROOT/tests/e2e/keep_stream $WORK/stream-$1"
	LISTENERS[$1]=$!
	eventually 5 phone_accepts "$1"
}

phone_accepts() {
	phone cat /proc/net/tcp | grep -qi "$(printf ':%04X 00000000:0000 0A' "$1")"
}

stop_listening() {
	LISTENER=${LISTENERS[$1]}
	stop_listener
	unset "LISTENERS[$1]"
}

# What the files of these ports have together is what the collector by itself got.
agree_with_record() {
	local port

	for port; do
		cat "$WORK/stream-$port"-* >>"$WORK/messages-4749"
	done
	same "$(ipfix_sums 4740)" "$(ipfix_sums 4749)"
}

# make_places N: addresses of the internet, with an echo at port 7 of each
make_places() {
	local number

	for ((number = 1; number <= $1; number++)); do
		lab_ip "$LAB" internet address add "198.18.0.$number/32" dev lo
	done
	lab_ip "$LAB" internet link set lo up
	lab_ip "$LAB" router route add 198.18.0.0/24 via "$LAB_INTERNET"
	spawn internet "$WORK/echo.log" socat TCP4-LISTEN:7,fork,reuseaddr,backlog=128 EXEC:cat
	ECHO=$!
	eventually 5 internet_listens 7
}

# talk N: to each of so many places, twice, from ports of their own; and pings
talk() {
	desktop /usr/bin/python3 -c '
import socket, sys
for number in 2 * list(range(1, int(sys.argv[1]) + 1)):
    with socket.create_connection((f"198.18.0.{number}", 7)) as connection:
        connection.sendall(b"hello")
        if connection.recv(5) != b"hello":
            sys.exit("no echo")
' "$1"
	desktop ping -q -c 3 -i 0.01 198.18.0.1 >/dev/null
	desktop ping -q -c 3 -i 0.01 198.18.0.2 >/dev/null
}

# conversations PORT: the two ends of each that nfcapd has a flow of, in one order
conversations() {
	nfdump_flows "$1" | awk '{ print $2 < $4 ? $2 " " $4 : $4 " " $2 }' | sort -u
}

# host_records PORT: PACKETS OCTETS of all that nfcapd has of hosts
host_records() {
	nfdump -R "$WORK/nfcapd-$1" -q -N -o 'fmt:%pkt %byt' 'proto 0' |
		awk 'NF == 2 { n++; packets += $1; octets += $2 } END { print n + 0, packets + 0, octets + 0 }'
}

@test "with hash each of three nfcapd has whole conversations, and together they have all" {
	local port flows

	make_places 40
	write_config collectors='[{ address: "127.0.0.1:4739" }]' \
		options='meter: [hosts, flows], flows-at: [entering, staying, leaving]' \
		ipfix="$(group hash '[hosts, flows, statistics, interfaces]' udp 4741 4742 4743)"
	for port in 4739 4741 4742 4743; do
		start_nfcapd "$port"
	done
	start_agent
	talk 40
	phone_like_hosts 30
	wait_sweeps
	ledger_balances
	stop_agent
	kill "$ECHO"
	stop_collectors
	nfdump_flows 4739 >"$WORK/all"
	(($(wc -l <"$WORK/all") >= 160))
	for port in 4741 4742 4743; do
		flows=$(nfdump_flows "$port" | wc -l)
		((flows > 0))
		same 0 "$(nfdump_sequence_errors "$port")"
		fails grep -i 'no table\|skip\|unknown template' "$WORK/nfcapd-$port.log"
		host_records "$port" >"$WORK/hosts-$port"
		(($(cut -d ' ' -f 1 <"$WORK/hosts-$port") > 0))
	done
	# Each flow is at one of them, and its other direction, too.
	same "$(<"$WORK/all")" "$(for port in 4741 4742 4743; do nfdump_flows "$port"; done | sort)"
	same '' "$(for port in 4741 4742 4743; do conversations "$port"; done | sort | uniq -d)"
	same "$(host_records 4739)" "$(cat "$WORK"/hosts-474* |
		awk '{ n += $1; packets += $2; octets += $3 } END { print n, packets, octets }')"
}

# phone_like_hosts N: one frame of each of so many devices
phone_like_hosts() {
	desktop "$TOOLS/flood" --frames "$1" --devices "$1" --device-mac 02:00:01:00:00:00 eth0 >/dev/null
}

@test "with hash the share of one that is away waits for it, and the others have theirs alone" {
	write_config collectors='[{ address: "127.0.0.1:4740" }]' \
		ipfix="$(group hash '[hosts, statistics]' tcp 4741 4742)"
	start_record
	listen_at 4741
	start_agent
	eventually 10 collector_is state '"open"' 1
	phone_like_hosts 100
	traffic
	wait_sweeps
	eventually 10 nothing_waits 1
	(($(collector queued 2) > 0))
	listen_at 4742
	eventually 30 collector_is state '"open"' 2
	traffic
	finish 2
	eventually 10 arrives_by 4741 1
	eventually 10 arrives_by 4742 2
	(($(received_records 4742) > 50))
	agree_with_record 4741 4742
}

@test "with failover over UDP the next one takes over from one that is killed, until it is back" {
	local refused lost first second all

	write_config collectors='[{ address: "127.0.0.1:4739", records: [hosts] }]' \
		ipfix="$(group failover '[hosts]' udp 4741 4742)"
	start_nfcapd 4739
	start_nfcapd 4742
	start_nfcapd 4741
	start_agent
	traffic
	wait_sweeps
	is_active 1
	kill -TERM "${COLLECTORS[2]}"
	wait "${COLLECTORS[2]}" || :
	unset 'COLLECTORS[2]'
	traffic
	eventually 10 is_active 2
	collector_is active false 1
	refused=$(collector errors.refused 1)
	((refused > 0))
	traffic
	wait_sweeps
	start_nfcapd 4741
	eventually 30 is_active 1
	traffic
	wait_sweeps
	ask status | grep -E '^ +0 +failover +127\.0\.0\.1:4741 +yes'
	ask status | grep -E '^ +0 +failover +127\.0\.0\.1:4742 +no'
	stop_agent
	stop_collectors
	read -r all _ <<<"$(host_records 4739)"
	read -r first _ <<<"$(host_records 4741)"
	read -r second _ <<<"$(host_records 4742)"
	echo "$all = $first + $second + lost, in up to $refused messages of two records"
	lost=$((all - first - second))
	((second > 0 && lost > 0 && lost <= 2 * refused))
	same 0 "$(nfdump_sequence_errors 4742)"
	same 1 "$(grep -c 'group 0: 127.0.0.1:4742 takes over from 127.0.0.1:4741: .*refused' "$WORK/agent.log")"
	same 1 "$(grep -c 'group 0: 127.0.0.1:4741 is up, and has its place back from 127.0.0.1:4742' "$WORK/agent.log")"
}

@test "with failover over TCP all that waits goes to the next one, and nothing comes twice" {
	write_config collectors='[{ address: "127.0.0.1:4740" }]' \
		ipfix="$(group failover '[hosts, statistics, interfaces]' tcp 4741 4742)"
	start_record
	listen_at 4741
	listen_at 4742
	start_agent
	eventually 10 collector_is state '"open"' 1
	eventually 10 collector_is state '"open"' 2
	for _ in 1 2 3; do
		traffic
		wait_sweeps
		eventually 10 is_active 1
		eventually 10 nothing_waits 1
		stop_listening 4741
		traffic
		eventually 10 is_active 2
		traffic
		wait_sweeps
		listen_at 4741
		eventually 30 is_active 1
	done
	# None is there, and then the second alone.
	eventually 10 nothing_waits 1
	stop_listening 4741
	stop_listening 4742
	traffic
	wait_sweeps
	(($(collector queued 1) + $(collector queued 2) > 0))
	listen_at 4742
	eventually 30 is_active 2
	eventually 10 nothing_waits 1
	traffic
	finish 2
	same 0 "$(jq '[.collectors[1, 2].dropped_packets] | add' <"$WORK/status")"
	agree_with_record 4741 4742
	arrives_by 4742 2
}

# The network fails first, so that all that the collector has had it has read.
@test "with failover over TCP one that is killed under traffic loses what is counted, and nothing else" {
	local ping all got dropped

	write_config collectors='[{ address: "127.0.0.1:4740" }]' \
		ipfix="$(group failover '[hosts]' tcp 4741 4742 | sed "s/127.0.0.1:4741/$(lab_device_address 2):4741/")"
	start_record
	listen_far 4741
	listen_at 4742
	start_agent
	eventually 10 collector_is state '"open"' 1
	eventually 10 collector_is state '"open"' 2
	spawn desktop "$WORK/ping.log" ping -q -i 0.002 192.168.2.1
	ping=$!
	wait_sweeps
	lab_ip "$LAB" router link set phone down
	eventually 10 is_behind
	eventually 10 has_read_all
	stop_listening 4741
	is_active 1
	lab_ip "$LAB" router link set phone up
	eventually 60 is_active 2
	wait_sweeps
	kill -INT "$ping"
	wait "$ping" || :
	finish 2
	dropped=$(jq '.collectors[1].dropped_packets' <"$WORK/status")
	all=$(packets_of 4740)
	cat "$WORK"/stream-474[12]-* >"$WORK/messages-4749"
	got=$(packets_of 4749)
	echo "$all = $got + $dropped"
	((dropped > 0))
	same "$all" "$((got + dropped))"
	same 0 "$(jq '.collectors[1].errors | del(.broken) | add' <"$WORK/status")"
	same 0 "$(streams 4742 | jq -s 'map(.missing) | add')"
}

is_behind() {
	(($(collector queued 1) > 5))
}

has_read_all() {
	same "$(collector records 1)" "$(received_records 4741)"
}

packets_of() {
	ipfix_records "$1" | jq -s 'map(.packetDeltaCount // "0" | tonumber) | add'
}

@test "who is passive knows all templates when it takes over" {
	local python

	write_config collectors='[{ address: "127.0.0.1:4740" }]' \
		ipfix="$(group failover '[hosts, statistics, interfaces]' tcp 4741 4742)"
	start_record
	listen_at 4741
	spawn router "$WORK/python.log" /usr/bin/python3 "$ROOT/tests/tools/ipfix_listener.py" 127.0.0.1 4742
	python=$!
	eventually 5 accepts 4742
	start_agent
	eventually 10 collector_is state '"open"' 1
	eventually 10 collector_is state '"open"' 2
	traffic
	wait_sweeps
	eventually 10 nothing_waits 1
	same '' "$(<"$WORK/python.log")"
	stop_listening 4741
	traffic 70
	eventually 10 is_active 2
	finish 2
	wait "$python"
	same 5880 "$(awk '$1 == "upload" { sum += $2 } END { print sum }' "$WORK/python.log")"
	same 5880 "$(awk '$1 == "download" { sum += $2 } END { print sum }' "$WORK/python.log")"
}

@test "a reload into a group and out of it keeps session and account, and metrics tell of the group" {
	local metrics

	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp }]'
	listen_at 4741
	start_agent
	traffic
	wait_sweeps
	eventually 10 collector_is state '"open"'
	collector_is group null
	write_config collectors='[]' \
		ipfix="$(group failover '[hosts, flows, statistics, interfaces]' tcp 4741 4742)"
	kill -HUP "$AGENT"
	eventually 10 collector_is mode '"failover"'
	traffic
	wait_sweeps
	eventually 10 nothing_waits
	collector_is group 0
	metrics=$(ask metrics)
	grep -Fx 'flowtally_export_active{collector="127.0.0.1:4741"} 1' <<<"$metrics"
	grep -Fx 'flowtally_export_active{collector="127.0.0.1:4742"} 0' <<<"$metrics"
	grep -Fx 'flowtally_export_group_info{collector="127.0.0.1:4742",group="0",mode="failover"} 1' <<<"$metrics"
	write_config collectors='[{ address: "127.0.0.1:4741", transport: tcp }]'
	kill -HUP "$AGENT"
	eventually 10 collector_is group null
	traffic
	finish
	sessions_are 1
	arrives_by 4741 0
}
