#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# misc/lab/create_netns and misc/lab/clean_netns, and what the agent has to say of that router.

load lib

setup() {
	setup_lab 1
	PREFIX=${LAB}ns
	CREATE=$ROOT/misc/lab/create_netns
	CLEAN=$ROOT/misc/lab/clean_netns
}

teardown() {
	if [[ -n ${PREFIX:-} ]]; then
		"$CLEAN" "$PREFIX"
	fi
	teardown_lab
}

# of NUMBER COMMAND...: in the namespace of that number
of() {
	local namespace=$PREFIX$1

	shift
	nsenter --net="/run/netns/$namespace" "$@"
}

namespaces() {
	find /run/netns -name "$PREFIX*" -printf '%f\n' | sort
}

# start_in NUMBER COMMAND...: in the background; $STARTED is the command itself
start_in() {
	nsenter --net="/run/netns/$PREFIX$1" "${@:2}" </dev/null >/dev/null 2>&1 3>&- &
	STARTED=$!
	eventually 5 is_in "$1" "$STARTED"
}

is_in() {
	ip netns pids "$PREFIX$1" | grep -Fx "$2"
}

# What would have been left in our own namespace.
links() {
	ip -j link show | jq -r '.[].ifname | select(test("^eth[1-3]$"))'
}

meter_flows() {
	write_config match=none collectors='[]' textfile=
	configure 200ms "match: \"${PREFIX}0:~eth.*\", meter: [flows]"
	echo 'flows: { active-timeout: 1h, idle-timeout: 1h }' >>"$WORK/flowtally.yaml"
	start_agent
	same 3 "$(ask status -o json | jq '.interfaces | length')"
}

# "PROTOCOL SOURCE DESTINATION INGRESS EGRESS PACKETS" of each flow of IPv4 that the filter chooses, those that
# differ in ports alone as one
flows() {
	ask flows -o json ip and "$@" | jq -r --arg at "${PREFIX}0:" '
		[.flows[] | {key: [.protocol_name, .source, .destination,
			(.ingress_interface, .egress_interface | ltrimstr($at))] | join(" "), packets}] |
		group_by(.key)[] | "\(.[0].key) \([.[].packets] | add)"'
}

pings() {
	of 1 ping -q -i 0.01 -c "$1" "${@:3}" "$2"
}

# knock FROM ADDRESS N: a packet of UDP from each of N ports
knock() {
	of "$1" /usr/bin/python3 -c '
import socket, sys
for port in range(40000, 40000 + int(sys.argv[2])):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("", port))
    sender.sendto(b"x", (sys.argv[1], 9))
' "$2" "$3"
}

@test "it comes up, everyone reaches everyone, and it goes without a trace" {
	local from to before

	before=$(links)
	"$CREATE" "$PREFIX"
	same "$(printf "$PREFIX%s\n" 0 1 2 3)" "$(namespaces)"
	for from in 1 2 3; do
		for to in 1 2 3; do
			of "$from" ping -q -c 1 -W 2 "10.$to.0.2"
			same "10.$from.0.2/24" "$(of "$from" ip -4 -j address show eth0 |
				jq -r '.[0].addr_info[0] | "\(.local)/\(.prefixlen)"')"
		done
		same "10.$from.0.1/24" "$(of 0 ip -4 -j address show "eth$from" |
			jq -r '.[0].addr_info[0] | "\(.local)/\(.prefixlen)"')"
	done
	start_in 2 sleep 1000
	"$CLEAN" "$PREFIX"
	same '' "$(namespaces)"
	eventually 5 ended "$STARTED"
	same "$before" "$(links)"
	# And nothing is no error.
	"$CLEAN" "$PREFIX"
}

@test "what is there already stays as it is" {
	ip netns add "${PREFIX}2"
	run "$CREATE" "$PREFIX"
	same 1 "$status"
	same "create_netns: ${PREFIX}2: exists already" "$output"
	same "${PREFIX}2" "$(namespaces)"
}

@test "what cannot be finished leaves nothing" {
	mkdir "$WORK/bin"
	# The last thing that is asked for: a route that cannot be.
	cat >"$WORK/bin/nsenter" <<-END
		#!/bin/bash
		if [[ \$1 == */${PREFIX}3 && \$* == *'route add'* ]]; then
			\${HALT:+kill -TERM \$PPID}
			set -- "\$1" ip route add default via 192.0.2.1
		fi
		exec $(command -v nsenter) "\$@"
	END
	chmod +x "$WORK/bin/nsenter"
	PATH=$WORK/bin:$PATH run "$CREATE" "$PREFIX"
	same 2 "$status"
	same '' "$(namespaces)"
	# The same if it is interrupted there.
	HALT=1 PATH=$WORK/bin:$PATH run "$CREATE" "$PREFIX"
	same 143 "$status"
	same '' "$(namespaces)"
}

@test "a prefix that is none is refused" {
	local command prefix

	for command in "$CREATE" "$CLEAN"; do
		for prefix in '' -x ../a 'a b'; do
			run "$command" "$prefix"
			same 2 "$status"
			same "usage: ${command##*/} [PREFIX]   of letters, digits and underscores" "$output"
		done
	done
}

@test "each packet that the router forwards is in one flow, where it leaves" {
	"$CREATE" "$PREFIX"
	meter_flows
	pings 5 10.2.0.2
	pings 7 10.3.0.2
	wait_sweeps
	same "$(cat <<-END
		icmp 10.1.0.2 10.2.0.2 eth1 eth2 5
		icmp 10.1.0.2 10.3.0.2 eth1 eth3 7
		icmp 10.2.0.2 10.1.0.2 eth2 eth1 5
		icmp 10.3.0.2 10.1.0.2 eth3 eth1 7
	END
	)" "$(flows icmp)"
	ask flows ip and out "${PREFIX}0:eth3" | \
		grep -E "^icmp 8/0 +10\.1\.0\.2 +10\.3\.0\.2 +${PREFIX}0:eth1 +${PREFIX}0:eth3 +7 "
}

@test "a conversation whose ways differ is in two flows, each where it leaves" {
	"$CREATE" "$PREFIX"
	# What comes back goes to another host, which says nothing.
	of 1 ip address add 10.9.0.1/32 dev lo
	of 3 ip address add 10.9.0.1/32 dev lo
	of 0 ip route add 10.9.0.1 via 10.3.0.2
	meter_flows
	run pings 5 10.2.0.2 -W 0.1 -I 10.9.0.1
	wait_sweeps
	same "$(cat <<-END
		icmp 10.2.0.2 10.9.0.1 eth2 eth3 5
		icmp 10.9.0.1 10.2.0.2 eth1 eth2 5
	END
	)" "$(flows icmp)"
}

@test "what is spread over two ways is counted once, at the one it has taken" {
	local left

	"$CREATE" "$PREFIX"
	of 2 ip address add 10.9.0.9/32 dev lo
	of 3 ip address add 10.9.0.9/32 dev lo
	of 0 sysctl -qw net.ipv4.fib_multipath_hash_policy=1 ||
		skip "this kernel has no multipath routes"
	of 0 ip route add 10.9.0.9 nexthop via 10.2.0.2 nexthop via 10.3.0.2
	meter_flows
	knock 1 10.9.0.9 100
	wait_sweeps
	# Nobody listens there. The dollars are awk's.
	# shellcheck disable=SC2016
	left=$(of 2 awk '$1 == "Udp:" && $2 ~ /^[0-9]/ { print $3 }' /proc/net/snmp)
	((left > 0 && left < 100))
	same "$(cat <<-END
		udp 10.1.0.2 10.9.0.9 eth1 eth2 $left
		udp 10.1.0.2 10.9.0.9 eth1 eth3 $((100 - left))
	END
	)" "$(flows udp)"
	same 100 "$(ask flows -o csv udp | sed 1d | wc -l)"
}
