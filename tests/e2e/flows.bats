#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Flows from the classifier to the collector: the records add up to what the ledger says was counted to flows,
# and that with the interfaces' own counters.

load lib
load flows

DESKTOP=192.168.2.10

setup() {
	setup_lab 1
	start_nfcapd
	write_config
	flows '{}'
}

teardown() {
	teardown_lab
}

# flows MAPPING: both sides of the router are metered for flows, too; MAPPING is `flows`
flows() {
	configure 200ms 'match: br-lan, meter: [hosts, flows]' 'match: wan, meter: [hosts, flows]'
	sed -i '/^flows:/d' "$WORK/flowtally.yaml"
	echo "flows: $1" >>"$WORK/flowtally.yaml"
}

nfdump_flow_sum() {
	nfdump_flows | awk '{ packets += $6; octets += $7 } END { printf "%.0f %.0f\n", packets, octets }'
}

# Packets and octets that the ledger has counted to flows, on all interfaces.
counted_flow_sum() {
	ask ledger -o json | jq -r '[.sheets[].flow_classes.counted // empty] |
		"\(map(.packets) | add) \(map(.octets) | add)"'
}

# After the agent has ended: an agent that takes up its sums, and does nothing for long, says what they were.
last_flow_sum() {
	sed -i 's/^interval: .*/interval: 1h/' "$WORK/flowtally.yaml"
	start_agent
	counted_flow_sum
}

index_of() {
	lab_ip "$LAB" router -j link show "$1" | jq '.[].ifindex'
}

@test "each packet is in one flow, where it leaves or where it stays, and none is lost on the way" {
	local lan wan

	lan=$(index_of br-lan)
	wan=$(index_of wan)
	start_agent
	desktop ping -q -c 7 -i 0.01 -s 100 "$LAB_INTERNET"
	desktop ping -q -c 3 -i 0.01 -s 200 "$LAB_ROUTER"
	tcp_transfer desktop upload 300000 "$LAB_INTERNET"
	wait_sweeps
	ledger_balances
	stop_agent
	stop_collectors
	same 0 "$(nfdump_sequence_errors)"
	nfdump_flows >"$WORK/flows"
	grep -qx "1 $DESKTOP 0 $LAB_INTERNET 8.0 7 896 $lan $wan" "$WORK/flows"
	grep -qx "1 $LAB_INTERNET 0 $DESKTOP 0.0 7 896 $wan $lan" "$WORK/flows"
	grep -qx "1 $DESKTOP 0 $LAB_ROUTER 8.0 3 684 $lan 0" "$WORK/flows"
	grep -qx "1 $LAB_ROUTER 0 $DESKTOP 0.0 3 684 0 $lan" "$WORK/flows"
	same "$(nfdump_flow_sum)" "$(last_flow_sum)"
	ledger_balances
}

# counted_at INTERFACE DIRECTION: packets
counted_at() {
	ask ledger -o json | jq --arg interface "$1" --arg direction "$2" '.sheets[] |
		select(.interface == $interface and .direction == $direction).flow_classes.counted.packets'
}

# arrivals_are N ADDRESS: of one more ping of it, so many are counted where they arrive in the router
arrivals_are() {
	local before

	wait_sweeps
	before=$(counted_at "$LAB-router:br-lan" receive)
	desktop ping -q -c 1 -W 1 "$2" || :
	wait_sweeps
	same "$1" "$(($(counted_at "$LAB-router:br-lan" receive) - before))"
}

@test "in another namespace, too, what is for its own addresses is counted where it arrives, and all else once" {
	# shellcheck disable=SC2034  # for launch_agent
	local before AGENT_NODE=internet

	write_config collectors='[]'
	configure 200ms "match: \"$LAB-router:br-lan\", meter: [flows]" "match: \"$LAB-router:wan\", meter: [flows]"
	start_agent
	# The agent's own addresses are others' there.
	desktop ping -q -c 7 -i 0.01 "$LAB_INTERNET"
	desktop ping -q -c 4 -i 0.01 "$LAB_INTERNET6"
	desktop ping -q -c 3 -i 0.01 "$LAB_ROUTER"
	desktop ping -q -c 2 -i 0.01 "$LAB_WAN6"
	wait_sweeps
	same 5 "$(counted_at "$LAB-router:br-lan" receive)"
	same 16 "$(counted_at "$LAB-router:br-lan" transmit)"
	same 0 "$(counted_at "$LAB-router:wan" receive)"
	same 11 "$(counted_at "$LAB-router:wan" transmit)"
	# They are followed.
	router ip address add 192.0.2.7/32 dev lo
	eventually 20 arrivals_are 1 192.0.2.7
	router ip address del 192.0.2.7/32 dev lo
	eventually 20 arrivals_are 0 192.0.2.7
	arrivals_are 1 "$LAB_ROUTER"
	# They outlive the agent, as the hooks do.
	before=$(counted_at "$LAB-router:br-lan" receive)
	kill_agent
	desktop ping -q -c 2 -i 0.01 "$LAB_ROUTER"
	start_agent
	wait_sweeps
	same 2 "$(($(counted_at "$LAB-router:br-lan" receive) - before))"
	arrivals_are 1 "$LAB_ROUTER"
	stop_agent
}

@test "an agent that is killed again and again loses no flow" {
	local repeated packets octets

	start_agent
	for _ in {1..5}; do
		desktop ping -q -c 20 -i 0.01 "$LAB_INTERNET"
		kill_agent
		desktop ping -q -c 20 -i 0.01 "$LAB_INTERNET"
		start_agent
	done
	wait_sweeps
	ledger_balances
	repeated=$(ask status -o json | jq '[.collectors[].repeated_records] | add')
	stop_agent
	stop_collectors
	read -r packets octets <<<"$(nfdump_flow_sum)"
	same "400 33600" "$(last_flow_sum)"
	if ((repeated)); then
		# A report that was on its way when the agent was killed is sent again, and that is said.
		((packets >= 400 && octets >= 33600))
	else
		same "400 33600" "$packets $octets"
	fi
}

@test "flows that a clean stop has reported do not leave again, though the disk could not be written to" {
	start_agent
	desktop ping -q -c 7 -i 0.01 -s 100 "$LAB_INTERNET"
	wait_sweeps
	rm -r "$WORK/state"
	touch "$WORK/state"
	stop_agent
	rm "$WORK/state"
	start_agent
	desktop ping -q -c 3 -i 0.01 -s 100 "$LAB_INTERNET"
	wait_sweeps
	stop_agent
	stop_collectors
	same "20 2560" "$(nfdump_flow_sum)"
}

@test "what finds no room is in the ledger to the octet, and in no flow" {
	flows '{ max: 8 }'
	start_agent
	udp_flows 40
	eventually 5 are_counted 40
	ledger_balances
	stop_agent
	stop_collectors
	nfdump_flows | awk '$1 == 17 { packets += $6 } END { exit !(packets >= 7 && packets < 40) }'
	same "$(nfdump_flow_sum)" "$(last_flow_sum)"
}

# are_counted N: where these packets leave, to flows, or for want of room in the kernel to none
are_counted() {
	same "$1" "$(ask ledger -o json | jq '.sheets[] | select(.interface == "wan" and .direction == "transmit") |
		.flow_classes.counted.packets + .flow_classes.limit.packets')"
}

@test "flows are metered by hand, too, on an interface that is told to by the configuration, and on another" {
	configure 200ms 'match: br-lan'
	start_agent
	"$FLOWTALLY" attach -c "$WORK/flowtally.yaml" --meter hosts,flows br-lan
	"$FLOWTALLY" attach -c "$WORK/flowtally.yaml" --meter flows wan
	same '[["br-lan",["hosts","flows"]],["wan",["flows"]]]' \
		"$(ask status -o json | jq -c '[.interfaces[] | [.interface, .meter]] | sort')"
	wait_sweeps
	desktop ping -q -c 5 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	ledger_balances
	same '[5,5]' "$(ask ledger -o json | jq -c '[.sheets[] | select(.direction == "transmit") | .flow_classes.counted.packets]')"
	same 10 "$(ask ledger -o json | jq '[.sheets[] | select(.interface == "wan") | .classes["no-hosts"].packets] | add')"
	fails "$FLOWTALLY" attach -c "$WORK/flowtally.yaml" --meter hosts,floes wan
	"$FLOWTALLY" detach -c "$WORK/flowtally.yaml" br-lan wan
}
