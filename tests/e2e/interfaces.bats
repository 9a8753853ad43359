#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Which interfaces are metered: names, globs, expressions, network namespaces; and how they are followed as they
# come, go, move and change.

load lib

setup() {
	setup_lab 1
	OTHER=$LAB-other
	write_config collectors='[]'
}

teardown() {
	ip netns del "$OTHER" 2>/dev/null || :
	ip netns del "$OTHER.2" 2>/dev/null || :
	teardown_lab
}

metered() {
	ask status -o json | jq -c '[.interfaces[] | select(.attached) | .interface] | sort'
}

are_metered() {
	same "$1" "$(metered)"
}

awaited() {
	ask status -o json | jq -c '.awaited | sort'
}

# make_bridge NAMESPACE NAME SUBNET: silent by itself
make_bridge() {
	ip -n "$1" link add "$2" type bridge mcast_snooping 0
	ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1"
	ip -n "$1" address add "192.168.$3.1/24" dev "$2"
	ip -n "$1" link set "$2" up
}

# send NAMESPACE NAME SUBNET COUNT: downloads of a device behind such a bridge
send() {
	ip netns exec "$1" "$TOOLS/frames" --count "$4" --reverse --source "192.168.$3.99" "$2" udp >/dev/null
}

# downloads INTERFACE: packets
downloads() {
	ask hosts -o json | jq --arg interface "$1" \
		'[.hosts[] | select(.interface == $interface) | .download.packets] | add // 0'
}

@test "an expression means the whole name, and what an item excludes is left to the next" {
	local name

	for name in eth1 eth10 eth0.100 veth1 ppp0 ppp1; do
		lab_ip "$LAB" router link add "$name" type bridge
	done
	configure 200ms 'match: "~eth(1|0\\.100)", side: lan' 'match: "ppp*", exclude: [ppp1], alias: line' 'match: "p*"'
	start_agent
	same '["eth0.100","eth1","line","ppp1"]' "$(metered)"
}

@test "all interfaces with one setting, but for some, and new ones while running" {
	configure 200ms 'match: "*", exclude: [lo, "~(desktop|wan)"]'
	start_agent
	same '["br-lan"]' "$(metered)"
	lab_ip "$LAB" router link add new0 type bridge
	eventually 5 are_metered '["br-lan","new0"]'
}

@test "an interface of another network namespace is metered under the name of both" {
	ip netns add "$OTHER"
	make_bridge "$OTHER" br-a 3
	configure 200ms "match: \"$OTHER:br-a\", side: lan" 'match: br-lan, side: lan'
	start_agent
	same "[\"br-lan\",\"$OTHER:br-a\"]" "$(metered)"
	send "$OTHER" br-a 3 5
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	same 5 "$(downloads "$OTHER:br-a")"
	same 3 "$(downloads br-lan)"
	ledger_balances
	# Their ifindexes may be the same; in reports they never are.
	same 2 "$(ask status -o json | jq '[.interfaces[].index] | unique | length')"
	stop_agent
	same '' "$(ip netns exec "$OTHER" "$TOOLS/tcx" list br-a; ip netns exec "$OTHER" tc filter show dev br-a ingress)"
}

@test "namespaces that appear are followed, those that vanish are left, and one of the same name is another" {
	configure 200ms "match: \"$OTHER*:br-?\", side: lan" "match: \"$OTHER:br-x\""
	start_agent
	same "[\"$OTHER:br-x\"]" "$(awaited)"
	ip netns add "$OTHER"
	make_bridge "$OTHER" br-a 3
	eventually 5 are_metered "[\"$OTHER:br-a\"]"
	send "$OTHER" br-a 3 2
	ip netns add "$OTHER.2"
	make_bridge "$OTHER.2" br-b 4
	eventually 5 are_metered "[\"$OTHER.2:br-b\",\"$OTHER:br-a\"]"
	send "$OTHER.2" br-b 4 3
	wait_sweeps
	ip netns del "$OTHER"
	eventually 5 are_metered "[\"$OTHER.2:br-b\"]"
	ip netns add "$OTHER"
	make_bridge "$OTHER" br-a 3
	eventually 5 are_metered "[\"$OTHER.2:br-b\",\"$OTHER:br-a\"]"
	send "$OTHER" br-a 3 4
	wait_sweeps
	same 6 "$(downloads "$OTHER:br-a")"
	same 3 "$(downloads "$OTHER.2:br-b")"
	ledger_balances
}

@test "a namespace that loses its name and lives on is left without a trace" {
	local holder

	ip netns add "$OTHER"
	make_bridge "$OTHER" br-a 3
	spawn_in "$OTHER" sleep 60
	holder=$!
	configure 200ms "match: \"$OTHER:br-a\", side: lan, hook: clsact"
	start_agent
	same "[\"$OTHER:br-a\"]" "$(metered)"
	send "$OTHER" br-a 3 4
	ip netns del "$OTHER"
	eventually 5 are_metered '[]'
	same '' "$(nsenter --net="/proc/$holder/ns/net" tc filter show dev br-a egress)"
	same '' "$(nsenter --net="/proc/$holder/ns/net" tc qdisc show dev br-a | grep clsact || :)"
	wait_sweeps
	same 4 "$(downloads "$OTHER:br-a")"
	kill "$holder"
}

# spawn_in NAMESPACE COMMAND...: in the background; 3 is bats' own descriptor
spawn_in() {
	local namespace=$1

	shift
	ip netns exec "$namespace" "$@" </dev/null >/dev/null 2>&1 3>&- &
}

@test "an interface that moves to another namespace is metered there, and its sums stay apart" {
	ip netns add "$OTHER"
	lab_ip "$LAB" router link add va type veth peer name vb
	lab_ip "$LAB" router link set va up
	configure 200ms 'match: va, side: lan' "match: \"$OTHER:va\", side: lan"
	start_agent
	same '["va"]' "$(metered)"
	lab_ip "$LAB" router link set va netns "$OTHER"
	ip -n "$OTHER" link set va up
	eventually 5 are_metered "[\"$OTHER:va\"]"
	ip -n "$OTHER" link set va netns "$LAB-router"
	lab_ip "$LAB" router link set va up
	eventually 5 are_metered '["va"]'
	wait_sweeps
	ledger_balances
}

@test "killed and started again, interfaces of other namespaces are adopted" {
	ip netns add "$OTHER"
	make_bridge "$OTHER" br-a 3
	configure 200ms "match: \"$OTHER:br-a\", side: lan"
	start_agent
	send "$OTHER" br-a 3 5
	wait_sweeps
	kill_agent
	send "$OTHER" br-a 3 7
	start_agent
	send "$OTHER" br-a 3 2
	wait_sweeps
	same 14 "$(downloads "$OTHER:br-a")"
	ledger_balances
}

@test "the agent's own namespace under a name is said to be that, once" {
	configure 200ms "match: \"$LAB-router:br-lan\", side: lan" 'match: "wan"'
	start_agent
	same '["wan"]' "$(metered)"
	same 1 "$(grep -c "$LAB-router: is the agent's own network namespace" "$WORK/agent.log")"
}

@test "a delegated prefix that changes is followed without a restart" {
	start_agent
	desktop ping -q -c 2 -i 0.01 "$LAB_INTERNET6"
	wait_sweeps
	lab_ip "$LAB" router -6 address add 2001:db8:ca2:77::1/64 dev br-lan nodad
	lab_ip "$LAB" desktop -6 address add 2001:db8:ca2:77::10/64 dev eth0 nodad
	wait_sweeps
	desktop ping -q -c 3 -i 0.01 -I 2001:db8:ca2:77::10 2001:db8:ca2:77::1
	wait_sweeps
	same '["2001:db8:ca2:77::10",3]' "$(ask hosts -o json | jq -c '.hosts[].accounts[] |
		select(.address == "2001:db8:ca2:77::10") | [.address, .upload.packets]')"
	lab_ip "$LAB" router -6 address del 2001:db8:ca2:77::1/64 dev br-lan
	wait_sweeps
	same 0 "$(ask status -o json | jq '.faults | length')"
}
