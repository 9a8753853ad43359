#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Metered interfaces that see the same packets are found, and the user is told what to name.

load lib

setup() {
	setup_lab 2
}

teardown() {
	teardown_lab
}

start_metering() {
	write_config match="$1" collectors='[]'
	start_agent
}

# As "UPPER LOWER RELATION" in JSON, sorted.
overlaps() {
	ask status -o json | jq -c '[.overlaps[] | "\(.upper) \(.lower) \(.relation)"] | sort'
}

overlaps_are() {
	same "$1" "$(overlaps)"
}

times_said() {
	grep -cF "flowtally: $1" "$WORK/agent.log" || :
}

@test "the default, all interfaces, meters a bridge and its ports, and says so once each" {
	start_metering '*'
	overlaps_are '["br-lan desktop bridge-port","br-lan phone bridge-port"]'
	router ip link add mac0 link wan type macvlan
	eventually 10 overlaps_are \
		'["br-lan desktop bridge-port","br-lan phone bridge-port","mac0 wan macvlan"]'
	same 1 "$(times_said 'br-lan and desktop both meter the packets that pass between them; name one: br-lan for')"
	same 1 "$(times_said 'br-lan and phone both meter the packets')"
	same 1 "$(times_said 'mac0 and wan both meter the packets that pass between them; name one: wan for all')"
	ask status | grep -q '^br-lan and desktop both meter'
}

@test "a packet that passes both counts twice, and once where one is named" {
	start_metering '*'
	desktop ping -q -c 5 -i 0.05 "$LAB_ROUTER"
	wait_sweeps
	same '[["br-lan",5],["desktop",5]]' "$(uploads)"
	write_config match=br-lan collectors='[]'
	kill -HUP "$AGENT"
	eventually 10 overlaps_are '[]'
	desktop ping -q -c 5 -i 0.05 "$LAB_ROUTER"
	wait_sweeps
	same '[["br-lan",10],["desktop",5]]' "$(uploads)"
}

# Of the desktop, in packets, by interface.
uploads() {
	ask hosts -o json | jq -c --arg host "$DESKTOP" \
		'[.hosts[] | select(.host == $host) | [.interface, .upload.packets]] | sort'
}

@test "a pair has two ends, and a port that leaves its bridge is said no more" {
	start_metering '*'
	router ip link add one type veth peer name two
	eventually 10 overlaps_are \
		'["br-lan desktop bridge-port","br-lan phone bridge-port","one two peer"]' ||
		overlaps_are '["br-lan desktop bridge-port","br-lan phone bridge-port","two one peer"]'
	router ip link del one
	router ip link set dev phone nomaster
	eventually 10 overlaps_are '["br-lan desktop bridge-port"]'
	router ip link set dev phone master br-lan
	eventually 10 overlaps_are '["br-lan desktop bridge-port","br-lan phone bridge-port"]'
}
