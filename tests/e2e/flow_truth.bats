#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Flows against others who have seen the same packets: a capture, and softflowd; and against what was sent.
# RACE_SECONDS says how long the races last; 60 where nothing is said, or as much less as SLOW says.

load lib
load flows

setup() {
	setup_lab 1
	RACE_SECONDS=${RACE_SECONDS:-$((60 / SLOW))}
	start_nfcapd
	write_config
}

teardown() {
	teardown_lab
}

# meter FLOWS_AT [INTERFACE]...: both sides of the router, where nothing else is said
meter() {
	local at=$1 interface items=()

	shift
	(($#)) || set -- br-lan wan
	for interface; do
		items+=("match: $interface, meter: [flows], flows-at: $at")
	done
	configure 200ms "${items[@]}"
}

# All packets are what the wire has.
without_offloads() {
	local port

	for port in 'desktop eth0' 'router desktop' 'router wan' 'internet eth0'; do
		# shellcheck disable=SC2086  # a node and its interface
		set -- $port
		lab_in "$LAB" "$1" ethtool -K "$2" tso off gso off gro off tx off >/dev/null
	done
}

# capture INTERFACE in|out FILTER: to $WORK/INTERFACE-in|out.pcap
capture() {
	local file=$WORK/$1-$2.pcap

	spawn router "$WORK/$1-$2.log" tcpdump -i "$1" -Q "$2" -n -s 200 -U --immediate-mode -B 16384 -w "$file" "$3"
	COLLECTORS+=($!)
	eventually 10 grep -q 'listening on' "$WORK/$1-$2.log"
}

# captured N FILE...: so many packets are in these
captured() {
	local expected=$1 file sum=0

	shift
	for file; do
		sum=$((sum + $(tcpdump -n -r "$file" 2>/dev/null | wc -l)))
	done
	((sum >= expected))
}

# softflow FILE: what softflowd makes of a capture goes to an nfcapd at 4750.
softflow() {
	router timeout 60 softflowd -r "$1" -n 127.0.0.1:4750 -v 10 -c none -p "$WORK/softflowd.pid" </dev/null >"$WORK/softflowd.log" 2>&1
}

# counted JQ: the sum of this over the sheets of all hooks
counted() {
	ask ledger -o json | jq "[.sheets[] | $1] | add"
}

end_metering() {
	wait_sweeps
	ledger_balances
	stop_agent
	stop_collectors
	same 0 "$(nfdump_sequence_errors)"
}

@test "a capture has the same flows: of all protocols, fragments, both families, on their way and staying" {
	without_offloads
	write_config collectors='[{ address: "127.0.0.1:4740" }]'
	meter '[leaving, staying]'
	start_record
	start_agent
	capture br-lan out ip\ or\ ip6
	capture wan out ip\ or\ ip6
	capture br-lan in "dst host $LAB_ROUTER or dst host $LAB_ROUTER6"
	capture wan in "dst host $LAB_WAN or dst host $LAB_WAN6"
	desktop /usr/bin/python3 "$BATS_TEST_DIRNAME/../tools/protocols.py" "$LAB_INTERNET" "$LAB_INTERNET6" \
		"$LAB_ROUTER" "$LAB_ROUTER6"
	internet /usr/bin/python3 "$BATS_TEST_DIRNAME/../tools/protocols.py" "$(lab_device_address 1)" \
		"$(lab_device_address6 1)" "$LAB_WAN"
	desktop ping -q -c 5 -i 0.01 -s 3000 "$LAB_INTERNET"
	desktop ping -q -c 5 -i 0.01 -s 3000 "$LAB_INTERNET6"
	tcp_transfer desktop upload 300000 "$LAB_INTERNET"
	tcp_transfer desktop download 300000 "$LAB_INTERNET6" 5202
	wait_sweeps
	eventually 20 captured "$(counted .flow_classes.counted.packets)" "$WORK"/*.pcap
	end_metering
	"$BATS_TEST_DIRNAME/../tools/captured_flows.py" "$WORK"/*.pcap >"$WORK/captured"
	ipfix_flow_list >"$WORK/flows"
	diff "$WORK/captured" "$WORK/flows"
	(($(wc -l <"$WORK/captured") > 50))
	diff "$WORK/captured" "$WORK/flows"
}

# Of both directions, where they pass the WAN.
@test "softflowd has the same flows" {
	without_offloads
	meter '[leaving, entering]' wan
	start_nfcapd 4750
	start_agent
	capture wan inout ip
	desktop ping -q -c 20 -i 0.01 "$LAB_INTERNET"
	tcp_transfer desktop upload 1000000 "$LAB_INTERNET"
	tcp_transfer desktop download 1000000 "$LAB_INTERNET" 5202
	udp_flows 50
	wait_sweeps
	eventually 20 captured "$(counted 'select(.interface == "wan") | .flow_classes.counted.packets')" "$WORK"/*.pcap
	softflow "$WORK/wan-inout.pcap"
	end_metering
	nfdump_flows 4750 | cut -d ' ' -f 1-7 >"$WORK/softflowd"
	nfdump_flows | cut -d ' ' -f 1-7 >"$WORK/flows"
	diff "$WORK/softflowd" "$WORK/flows"
	(($(wc -l <"$WORK/flows") > 50))
}

# It counts what a socket is handed: a GSO frame is one packet, and its segments have one header.
@test "under offload softflowd has too little, and we have what the wire has" {
	local theirs ours

	meter '[leaving]' wan
	start_nfcapd 4750
	start_agent
	capture wan out ip
	tcp_transfer desktop upload 20000000 "$LAB_INTERNET"
	wait_sweeps
	eventually 20 captured "$(counted 'select(.interface == "wan" and .direction == "transmit") | .seen.frames')" \
		"$WORK/wan-out.pcap"
	softflow "$WORK/wan-out.pcap"
	end_metering
	theirs=$(nfdump_flows 4750 | awk '$4 == "'"$LAB_INTERNET"'" { p += $6; o += $7 } END { print p, o }')
	ours=$(nfdump_flows | awk '$4 == "'"$LAB_INTERNET"'" { p += $6; o += $7 } END { print p, o }')
	echo "softflowd: $theirs; flowtally: $ours"
	# F25: 20 MB are about 13,800 packets of 1448 octets each.
	((${ours% *} > 13500 && ${ours% *} < 14500))
	((${theirs% *} * 2 < ${ours% *} && ${theirs#* } < ${ours#* }))
}

@test "a flow of 5 GiB is reported as that: no counter on the way has 32 bits" {
	local table octets=5368709120

	configure 1h 'match: wan, meter: [flows]'
	start_agent
	desktop ping -q -c 1 "$LAB_INTERNET"
	# What a CPU has counted to the flow that leaves, as if there had been more of it.
	for table in "$WORK"/run/bpf/flow_table_ipv4-*; do
		"$BATS_TEST_DIRNAME/../tools/inject_traffic.py" "$table" "$octets"
	done
	stop_agent
	stop_collectors
	same "1 $(lab_device_address 1) 0 $LAB_INTERNET 8.0 $octets $octets" \
		"$(nfdump_flows | grep ' 8.0 ' | cut -d ' ' -f 1-7)"
}

# Two hundred thousand flows, twice as many as there is room for at the default, on all CPUs, with a sweep as
# often as can be.
start_floods() {
	FLOODS=()
	flood 1 --cpu 0 --devices 200 --addresses 500
	flood 2 --cpu $(($(nproc) - 1)) --devices 200 --addresses 500 --ipv6 --device 2001:db8:ca2:2::1:0
}

flood() {
	local number=$1

	shift
	spawn desktop "$WORK/flood-$number.json" "$TOOLS/flood" --seconds "$RACE_SECONDS" "$@" eth0
	FLOODS+=($!)
}

floods_run() {
	kill -0 "${FLOODS[@]}" 2>/dev/null
}

# Packets and octets that were sent, that collectors have, and that only the ledger has.
sent() {
	jq -sr '"\(map(.frames) | add) \(map(.octets) | add)"' "$WORK"/flood-[12].json
}

limited() {
	ask ledger -o json | jq -r '.sheets[] | select(.interface == "br-lan" and .direction == "receive") |
		.flow_classes.limit | "\(.packets) \(.octets)"'
}

flood_records() {
	nfdump -q -N -R "$WORK/nfcapd-4739" -o 'fmt:%pkt %byt' 'proto udp and port 9' |
		awk '{ packets += $1; octets += $2 } END { printf "%.0f %.0f\n", packets, octets }'
}

race() {
	configure 100ms 'match: br-lan, meter: [flows], flows-at: [entering]'
	echo 'flows: { active-timeout: 2s, idle-timeout: 1s, max: 100000 }' >>"$WORK/flowtally.yaml"
	start_agent
	start_floods
}

@test "of 200,000 flows at full rate no packet is lost or counted twice" {
	local sent limited

	race
	wait "${FLOODS[@]}"
	wait_sweeps
	ledger_balances
	sent=$(sent) limited=$(limited)
	stop_agent
	stop_collectors
	same 0 "$(nfdump_sequence_errors)"
	echo "sent $sent, in flows $(flood_records), without room $limited"
	same "$sent" "$(add "$(flood_records)" "$limited")"
}

# add SUM SUM: packets and octets
add() {
	awk '{ packets += $1; octets += $2 } END { printf "%.0f %.0f\n", packets, octets }' <<<"$1"$'\n'"$2"
}

@test "killed and started every second, no packet of 200,000 flows is missing" {
	local kills=0 sent limited repeated

	race
	while floods_run; do
		sleep 0.$((RANDOM % 10))$((RANDOM % 10))
		kill_agent
		kills=$((kills + 1))
		start_agent
	done
	wait "${FLOODS[@]}"
	wait_sweeps
	ledger_balances
	sent=$(sent) limited=$(limited)
	repeated=$(ask status -o json | jq -r '.collectors[] | "\(.repeated_packets) \(.repeated_octets)"')
	stop_agent
	stop_collectors
	echo "killed $kills times; sent $sent, in flows $(flood_records), without room $limited, twice at most $repeated"
	is_between "$sent" "$(add "$(flood_records)" "$limited")" "$(add "$sent" "$repeated")"
}

# is_between LOW SUM HIGH
is_between() {
	awk '{ packets[NR] = $1; octets[NR] = $2 }
		END { exit !(packets[1] <= packets[2] && packets[2] <= packets[3] &&
			octets[1] <= octets[2] && octets[2] <= octets[3]) }' <<<"$1"$'\n'"$2"$'\n'"$3"
}

# What an attacker sends is a flow each; what he drowns is a conversation.
@test "spoofed sources take no place from a flow that goes on" {
	local before

	configure 500ms 'match: br-lan, meter: [flows], flows-at: [entering]'
	echo 'flows: { max: 256 }' >>"$WORK/flowtally.yaml"
	start_agent
	desktop ping -q -c 10 -i 0.2 "$LAB_INTERNET"
	RACE_SECONDS=$((RACE_SECONDS < 10 ? RACE_SECONDS : 10))
	start_floods
	desktop ping -q -c 20 -i 0.2 "$LAB_INTERNET"
	wait "${FLOODS[@]}"
	before=$(limited)
	wait_sweeps
	stop_agent
	stop_collectors
	echo "without room: $before"
	((${before% *} > 0))
	same 30 "$(nfdump_flows | awk '$1 == 1 { sum += $6 } END { print sum + 0 }')"
}
