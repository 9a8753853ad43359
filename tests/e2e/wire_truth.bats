#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# One frame of the kernel can be many on the wire. The hook sees those of the kernel; behind it the router is made
# to cut them up, and what the far end of that cable receives is the truth, to the packet and octet.

load lib


setup() {
	setup_lab 1
	write_config
	# Offloads stay on where the traffic comes from and where it is metered.
	router ethtool -K wan tso off gso off >/dev/null
	router ethtool -K desktop tso off gso off >/dev/null
	start_agent
}

teardown() {
	teardown_lab
}

# From the difference of two node_counters, frames with an Ethernet header each, to what a host should have.
truth() {
	jq -nc --argjson before "$1" --argjson after "$2" '
		($after.frames - $before.frames) as $packets | ($after.octets - $before.octets) as $layer2 |
		{packets: $packets, octets: ($layer2 - 14 * $packets), layer2_octets: $layer2}'
}

metered() {
	ask hosts -o json | jq -c ".hosts[] | select(.host == \"$DESKTOP\") | .$1 |
		{packets, octets, layer2_octets}"
}

# By the sender's TCP; the kernel counts first transmissions and repeated ones apart.
segments_sent() {
	lab_in "$LAB" "$1" nstat -asz TcpOutSegs TcpRetransSegs | awk '/^Tcp/ { sum += $2 } END { print sum }'
}

# transfer DIRECTION ADDRESS
transfer() {
	local desktop_before internet_before sent_before sender=desktop hook=receive

	if [[ $1 == download ]]; then
		sender=internet hook=transmit
	fi
	desktop_before=$(node_counters desktop rx)
	internet_before=$(node_counters internet rx)
	sent_before=$(segments_sent "$sender")
	tcp_transfer desktop "$1" "$((100 / SLOW))M" "$2"
	wait_sweeps
	same "$(truth "$desktop_before" "$(node_counters desktop rx)")" "$(metered download)"
	same "$(truth "$internet_before" "$(node_counters internet rx)")" "$(metered upload)"
	same "$(($(segments_sent "$sender") - sent_before))" "$(metered "$1" | jq .packets)"
	ledger_balances
	# Unless the hook had large frames to count, nothing was tested.
	(($(ledger "$hook" '.seen.packets / .seen.frames | floor') >= 4))
}

@test "a TCP upload by IPv4 with offloads" {
	transfer upload "$LAB_INTERNET"
}

@test "a TCP download by IPv4 with offloads" {
	transfer download "$LAB_INTERNET"
}

@test "a TCP upload by IPv6 with offloads" {
	transfer upload "$LAB_INTERNET6"
}

@test "a TCP download by IPv6 with offloads" {
	transfer download "$LAB_INTERNET6"
}
