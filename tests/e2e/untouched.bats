#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The meter observes: whatever passes, passes as if it were not there, and afterwards no trace of it is left. All
# of this is with clsact, where our filters are among those of others; hooks.bats has more of tcx.

load lib

# Classic BPF, as `tc` takes it: drop UDP to port 7777 over IPv4 (2 is TC_ACT_SHOT, -1 goes on).
DROP_7777='8,40 0 0 12,21 0 5 2048,48 0 0 23,21 0 3 17,40 0 0 36,21 0 1 7777,6 0 0 2,6 0 0 4294967295,'
# Drop what does not carry the mark 7; the offset is SKF_AD_OFF + SKF_AD_MARK.
DROP_UNMARKED='4,32 0 0 4294963220,21 0 1 7,6 0 0 4294967295,6 0 0 2,'

setup() {
	setup_lab 2
	write_config collectors='[]' options='hook: clsact'
}

teardown() {
	teardown_lab
}

# Everything that `tc` and `ip` tell of the router, without counters.
configuration() {
	local interface

	router tc qdisc show
	for interface in br-lan wan desktop phone; do
		echo "-- $interface"
		router tc filter show dev "$interface" ingress
		router tc filter show dev "$interface" egress
		router tc filter show dev "$interface"
	done
	router ip -d link | sed -E 's/_timer +[0-9.]+/_timer/g'
	router ip address
	router ip route
	router ip -6 route
	router ip rule
	router ip neighbour
}

# The filters of br-lan that are not ours.
foreign_filters() {
	local ours

	ours=$(router tc filter show dev br-lan "$1" | awk '/^filter.* flowtally/ { print $5 }')
	router tc filter show dev br-lan "$1" |
		awk -v ours="$ours" '/^filter/ { shown = ours == "" || $5 != ours } shown'
}

# udp_arrives PORT: whether a datagram from the desktop reaches the internet
udp_arrives() {
	local pid status=0

	rm -f "$WORK/arrived.json"
	spawn internet "$WORK/arrived.json" "$TOOLS/record" "$LAB_INTERNET" "$1" "$WORK/datagram"
	pid=$!
	eventually 5 internet_has_udp "$1"
	desktop bash -c "echo x >/dev/udp/$LAB_INTERNET/$1"
	sleep 0.2
	kill -TERM "$pid"
	wait "$pid"
	jq -e '.messages == 1' "$WORK/arrived.json" >/dev/null || status=1
	return "$status"
}

internet_has_udp() {
	internet cat /proc/net/udp | grep -qi "$(printf ':%04X 00000000:0000' "$1")"
}

# What becomes of frames of all shapes, as text: each frame that br-lan sends to the phone, byte by byte, and how
# many from the desktop get through br-lan's ingress.
fate_of_frames() {
	local shapes option pid capture=$WORK/capture.pcap

	shapes=$("$TOOLS/frames" --list | cut -d ' ' -f 1)
	: >"$WORK/tcpdump.log"
	spawn phone "$WORK/tcpdump.log" tcpdump -q -i eth0 -s 2048 -U --immediate-mode -w "$capture"
	pid=$!
	eventually 5 grep -q 'listening on' "$WORK/tcpdump.log"
	for option in --reverse "--reverse --tx-ring"; do
		# shellcheck disable=SC2086
		router "$TOOLS/frames" $option --source-mac "$PHONE" --source 192.168.2.99 \
			--source6 2001:db8:ca2:2::99 br-lan $shapes >/dev/null
	done
	eventually 5 has_frames "$capture" "$((2 * $(wc -w <<<"$shapes")))"
	kill -TERM "$pid"
	wait "$pid"
	tcpdump -t -n -xx -r "$capture" 2>/dev/null
	# shellcheck disable=SC2086
	frames_taken $shapes
}

frames_taken() {
	local before after shape

	before=$(frames_received)
	for shape; do
		desktop "$TOOLS/frames" --count 2 eth0 "$shape" >/dev/null
		after=$(frames_received)
		echo "$shape $((after - before))"
		before=$after
	done
}

frames_received() {
	local line

	# RX: with its names, then octets and packets
	router ip -s link show br-lan | while read -r line; do
		if [[ $line == RX:* ]]; then
			read -r _ line _
			echo "$line"
		fi
	done
}

@test "frames of all shapes pass, and no octet of them is changed" {
	fate_of_frames >"$WORK/before"
	start_agent
	fate_of_frames >"$WORK/during"
	diff "$WORK/before" "$WORK/during"
}

# has_frames FILE NUMBER: at least
has_frames() {
	(($(tcpdump -n -xx -r "$1" 2>/dev/null | grep -c 0x0000:) >= $2))
}

@test "neighbours are found and packets of all kinds arrive" {
	start_agent
	desktop ip neighbour flush dev eth0 nud permanent
	router ip neighbour flush dev br-lan nud permanent
	desktop ping -q -c 2 -i 0.01 -W 2 "$LAB_INTERNET"
	desktop ping -q -c 2 -i 0.01 -W 2 "$LAB_INTERNET6"
	# fragments
	eventually 5 desktop ping -q -c 2 -i 0.01 -W 1 -s 5000 "$LAB_INTERNET"
	eventually 5 desktop ping -q -c 2 -i 0.01 -W 1 -s 5000 "$LAB_INTERNET6"
	# with IP options
	desktop ping -q -c 2 -i 0.01 -W 2 -R "$LAB_ROUTER"
}

@test "tc and ip print the same before the agent starts and after it has ended" {
	configuration >"$WORK/before"
	start_agent
	configuration >"$WORK/during"
	stop_agent
	configuration >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
	fails cmp -s "$WORK/before" "$WORK/during"
}

@test "so they do where others have a clsact, filters and a root qdisc of their own" {
	router tc qdisc add dev br-lan clsact
	router tc qdisc add dev br-lan root tbf rate 1gbit burst 100k latency 50ms
	router tc filter add dev br-lan ingress pref 10 bpf da bytecode "$DROP_7777"
	router tc filter add dev br-lan ingress pref 49152 protocol ip u32 match ip protocol 1 0xff classid 1:1
	router tc filter add dev br-lan egress pref 2 protocol ip u32 match ip protocol 1 0xff classid 1:1
	configuration >"$WORK/before"
	foreign_filters ingress >"$WORK/filters-before"
	foreign_filters egress >>"$WORK/filters-before"
	start_agent
	foreign_filters ingress >"$WORK/filters-during"
	foreign_filters egress >>"$WORK/filters-during"
	diff "$WORK/filters-before" "$WORK/filters-during"
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	same '[[3,3]]' "$(ask hosts -o json | jq -c '[.hosts[] | [.upload.packets, .download.packets]]')"
	stop_agent
	configuration >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
}

@test "a filter before ours that ends the matter hides frames, and the ledger says so" {
	router tc qdisc add dev br-lan clsact
	router tc filter add dev br-lan egress pref 1 protocol ip u32 match ip protocol 1 0xff classid 1:1
	start_agent
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	same '[false,3]' "$(ledger transmit '[.balanced, .difference.frames]')"
	same '[true,0]' "$(ledger receive '[.balanced, .difference.frames]')"
	ask status | grep -qi 'not balanced'
}

@test "another filter's verdict holds, and what it drops has been counted" {
	router tc qdisc add dev br-lan clsact
	router tc filter add dev br-lan ingress pref 10 bpf da bytecode "$DROP_7777"
	udp_arrives 7778
	fails udp_arrives 7777
	start_agent
	udp_arrives 7778
	fails udp_arrives 7777
	wait_sweeps
	same 2 "$(ask hosts -o json | jq '.hosts[].upload.packets')"
}

@test "fwmarks are the same behind the meter" {
	router tc qdisc add dev br-lan clsact
	router tc filter add dev br-lan egress pref 10 bpf da bytecode "$DROP_UNMARKED"
	start_agent
	router ping -q -c 2 -i 0.01 -W 1 -m 7 "$(lab_device_address 1)"
	fails router ping -q -c 2 -i 0.01 -W 1 -m 8 "$(lab_device_address 1)"
	fails router ping -q -c 2 -i 0.01 -W 1 "$(lab_device_address 1)"
}

@test "a filter that is added while the agent runs stays when it ends" {
	start_agent
	router tc filter add dev br-lan ingress pref 10 bpf da bytecode "$DROP_7777"
	stop_agent
	same 1 "$(router tc filter show dev br-lan ingress | grep -c '^filter.* pref 10 bpf .*handle')"
	same 0 "$(router tc filter show dev br-lan ingress | grep -c flowtally)"
}

@test "an agent that is stopped leaves nothing in the kernel and below run" {
	start_agent
	desktop ping -q -c 1 "$LAB_INTERNET"
	stop_agent
	same '' "$(find "$WORK/run" -mindepth 1 2>/dev/null)"
	fails grep " $WORK/" /proc/self/mounts
	[[ ! -e $WORK/flowtally.prom ]]
	same '' "$(router tc filter show dev br-lan ingress)"
}
