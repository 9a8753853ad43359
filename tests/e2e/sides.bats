#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# On which side of an interface the devices are: attached to it (lan), or behind us (wan).

load lib

setup() {
	setup_lab 1
}

teardown() {
	teardown_lab
}

# configure_side MATCH SIDE [HOSTS]
configure_side() {
	write_config collectors='[]' ${3:+hosts="$3"}
	sed -i "s/{ match: .*, side: lan,/{ match: \"$1\", side: $2,/" "$WORK/flowtally.yaml"
}

# What the hosts on INTERFACE have had in packets: {"HOST":[DOWNLOAD,UPLOAD],...}
packets_on() {
	ask hosts -o json | jq -c --arg interface "$1" '
		[.hosts[] | select(.interface == $interface) |
			{(.host): [.download.packets, .upload.packets]}] | add'
}

class_on() {
	ask ledger -o json | jq --arg interface "$1" --arg direction "$2" --arg class "$3" '.sheets[] |
		select(.interface == $interface and .direction == $direction) | .classes[$class].packets'
}

@test "on the WAN hosts are known by address, and what is ours alone is the router's" {
	configure_side wan wan '{ local: [192.168.2.0/24, "2001:db8:ca2:2::/64"] }'
	start_agent
	desktop ping -q -c 3 -i 0.05 "$LAB_INTERNET"
	desktop ping -q -c 2 -i 0.05 "$LAB_INTERNET6"
	router ping -q -c 5 -i 0.05 "$LAB_INTERNET"
	wait_sweeps
	same '{"192.168.2.10":[3,3],"2001:db8:ca2:2::10":[2,2]}' "$(packets_on wan)"
	same 5 "$(class_on wan receive router)"
	same 5 "$(class_on wan transmit router)"
	ledger_balances
	grep -q 'flowtally_host_upload_packets_total{host="192.168.2.10",interface="wan",' "$WORK/flowtally.prom"
}

@test "left to itself, an interface is the WAN as long as a default route points there" {
	configure_side wan auto
	router ip route add default via "$LAB_INTERNET" dev wan
	start_agent
	eventually 5 side_of_wan_is wan
	router ip route del default
	eventually 5 side_of_wan_is lan
	internet ping -q -c 4 -i 0.05 192.168.2.10
	wait_sweeps
	same "{\"$LAB_INTERNET_MAC\":[4,4]}" "$(packets_on wan)"
	ledger_balances
	router ip route add default via "$LAB_INTERNET" dev wan
	eventually 5 side_of_wan_is wan
}

side_of_wan_is() {
	[[ $(ask status -o json | jq -r '.interfaces[] | select(.interface == "wan") | .side') == "$1" ]]
}

@test "a collector is told of hosts without a MAC by their address" {
	start_record 4740
	configure_side wan wan '{ local: [192.168.2.0/24] }'
	sed -i 's/collectors: .*/collectors: [{ address: "127.0.0.1:4740" }]/' "$WORK/flowtally.yaml"
	start_agent
	desktop ping -q -c 3 -i 0.05 "$LAB_INTERNET"
	wait_sweeps
	stop_agent
	stop_collectors
	same '["352","192.168.2.10",3]' "$(ipfix_records | jq -sc '
		[.[] | select(.template == 352)] |
		[(.[0].template | tostring), .[0].sourceIPv4Address, (map(.packetDeltaCount | tonumber) | add)]')"
}

@test "each interface has the local prefixes that are said for it" {
	router ip link add br-guest type bridge mcast_snooping 0
	router sysctl -qw net.ipv6.conf.br-guest.disable_ipv6=1
	router ip link set br-guest up
	write_config collectors='[]' hosts='{ local: [192.0.2.0/24] }'
	configure 200ms 'match: br-lan, side: lan, local: [192.168.2.0/24]' 'match: br-guest, side: lan'
	start_agent
	desktop ping -q -c 3 -i 0.01 "$LAB_INTERNET"
	router "$TOOLS/frames" --count 4 --reverse --source 192.0.2.7 br-guest udp >/dev/null
	router "$TOOLS/frames" --count 5 --reverse --source 192.168.2.7 br-guest udp >/dev/null
	wait_sweeps
	same '[["br-guest","192.0.2.7",4],["br-guest",null,5],["br-lan","192.168.2.10",3]]' \
		"$(ask hosts -o json | jq -c '[.hosts[] | .interface as $interface | .accounts[] |
			[$interface, .address, .download.packets]] | sort_by(.[0], .[2])')"
	configure 200ms 'match: br-lan, side: lan' 'match: br-guest, side: lan'
	kill -HUP "$AGENT"
	wait_sweeps
	desktop ping -q -c 2 -i 0.01 "$LAB_INTERNET"
	wait_sweeps
	same '[[null,2],["192.168.2.10",3]]' \
		"$(ask hosts -o json | jq -c '[.hosts[] | select(.interface == "br-lan").accounts[] | [.address, .download.packets]]')"
}
